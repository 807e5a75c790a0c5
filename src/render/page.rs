//! The page that a table is written on: wraps, indents, colours, and cleans all that it is given.
//!
//! In come [`Span`]s of text, each with a [`Tone`]; out comes text in which no line is wider than
//! the page. Every span is cleaned here, whoever wrote it, so no caller can forget to: line breaks
//! and colours in the output are the page's own. A no-break space joins words that must not be
//! parted (`2 h 1 min`), and is written as a space.

use std::fmt::Write;

use anstyle::{AnsiColor, Style as Ansi};
use unicode_width::UnicodeWidthChar;

use super::Style;
use super::sanitize::{clean, fit, width};

/// What a piece of text is to the reader. Colour adds to the words, it never replaces them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Ordinary text.
    Plain,
    /// Titles and names.
    Strong,
    /// What is read last.
    Faint,
    /// Failing, guilty.
    Bad,
    /// Doubtful.
    Warn,
    /// Well again, innocent.
    Good,
    /// A mark that stands for a change.
    Mark,
}

impl Tone {
    fn ansi(self) -> Ansi {
        match self {
            Tone::Plain => Ansi::new(),
            Tone::Strong => Ansi::new().bold(),
            Tone::Faint => Ansi::new().dimmed(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Warn => AnsiColor::Yellow.on_default().bold(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Mark => AnsiColor::Cyan.on_default().bold(),
        }
    }
}

/// Text in one tone.
#[derive(Debug, Clone)]
pub struct Span {
    tone: Tone,
    text: String,
}

impl Tone {
    /// Text in this tone.
    pub fn span(self, text: impl Into<String>) -> Span {
        Span {
            tone: self,
            text: text.into(),
        }
    }
}

/// More than this of one text is not read; the JSON report has all of it.
const LONGEST_TEXT: usize = 400;

/// Lines in the making.
pub struct Page {
    out: String,
    width: usize,
    color: bool,
    unicode: bool,
}

type Letter = (char, Tone);

impl Page {
    /// An empty page.
    pub fn new(style: &Style) -> Page {
        Page {
            out: String::new(),
            width: style.width.clamp(40, 120),
            color: style.color,
            unicode: style.unicode,
        }
    }

    /// Columns of a line.
    pub fn width(&self) -> usize {
        self.width
    }

    /// One or the other, by what the place can show.
    pub fn sign(&self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }

    /// Ends a section.
    pub fn blank(&mut self) {
        self.out.push('\n');
    }

    /// Words on as many lines as they need; those after the first are indented by `hang`.
    ///
    /// The lead stands before the first line, filled up with spaces to `hang` columns.
    pub fn paragraph(&mut self, lead: &[Span], hang: usize, words: &[Span]) {
        let mut line = Vec::new();
        for span in lead {
            let text = clean(&span.text, self.unicode);
            line.extend(text.chars().map(|c| (c, span.tone)));
        }
        let filled = columns(&line);
        line.extend(std::iter::repeat_n(
            (' ', Tone::Plain),
            hang.saturating_sub(filled),
        ));
        let mut used = columns(&line);
        let mut at_start = true;
        for mut word in self.words(words) {
            let space = usize::from(!at_start);
            if !at_start && used + space + columns(&word) > self.width {
                self.put(&std::mem::replace(&mut line, indent(hang)));
                used = hang;
            } else if !at_start {
                line.push((' ', shared_tone(&line, &word)));
                used += 1;
            }
            while used + columns(&word) > self.width {
                let (head, tail) = split(word, self.width.saturating_sub(used).max(2));
                line.extend(head);
                self.put(&std::mem::replace(&mut line, indent(hang)));
                (word, used) = (tail, hang);
            }
            used += columns(&word);
            line.extend(word);
            at_start = false;
        }
        self.put(&line);
    }

    /// One line as it is, cut where it is too long.
    pub fn line(&mut self, spans: &[Span]) {
        let mut letters: Vec<Letter> = Vec::new();
        let mut room = self.width;
        for span in spans {
            let text = fit(&clean(&span.text, self.unicode), room, self.unicode);
            room -= width(&text);
            letters.extend(text.chars().map(|c| (c, span.tone)));
        }
        self.put(&letters);
    }

    /// A command to copy: where it is longer than the line, `\` goes on below, as a shell has it.
    /// No word is cut, however long: a command without its end is none.
    pub fn command(&mut self, indent: usize, tone: Tone, words: &[String]) {
        let mut line = format!("{}$", " ".repeat(indent));
        for (i, word) in words.iter().enumerate() {
            let word = clean(word, self.unicode);
            let goes_on = if i + 1 < words.len() { " \\" } else { "" };
            let begins = i == 0 || line.trim_start().is_empty();
            if !begins && width(&line) + 1 + width(&word) + goes_on.len() > self.width {
                line += " \\";
                self.put(&letters(&line, tone));
                line = " ".repeat(indent + 3);
            }
            line.push(' ');
            line += &word;
        }
        self.put(&letters(&line, tone));
    }

    /// A line across the page.
    pub fn rule(&mut self) {
        let dashes = self.sign("─", "-").repeat(self.width);
        self.line(&[Tone::Faint.span(dashes)]);
    }

    /// All lines.
    pub fn finish(self) -> String {
        self.out
    }

    fn words(&self, spans: &[Span]) -> Vec<Vec<Letter>> {
        let mut words: Vec<Vec<Letter>> = Vec::new();
        let mut open = false; // whether the next piece continues the last word
        for span in spans {
            let text = fit(&clean(&span.text, self.unicode), LONGEST_TEXT, self.unicode);
            for (i, piece) in text.split(' ').enumerate() {
                open &= i == 0;
                if piece.is_empty() {
                    continue;
                }
                if !open {
                    words.push(Vec::new());
                }
                if let Some(word) = words.last_mut() {
                    word.extend(piece.chars().map(|c| (c, span.tone)));
                }
                open = true;
            }
            open &= !text.ends_with(' ');
        }
        words
    }

    fn put(&mut self, letters: &[Letter]) {
        let end = letters
            .iter()
            .rposition(|(c, _)| !matches!(c, ' ' | '\u{a0}'))
            .map_or(0, |last| last + 1);
        let mut tone = Tone::Plain;
        for &(c, next) in letters.iter().take(end) {
            if next != tone && self.color {
                self.switch(tone, next);
                tone = next;
            }
            self.out.push(if c == '\u{a0}' { ' ' } else { c });
        }
        if self.color {
            self.switch(tone, Tone::Plain);
        }
        self.out.push('\n');
    }

    fn switch(&mut self, from: Tone, to: Tone) {
        write!(self.out, "{:#}{}", from.ansi(), to.ansi()).expect("writing to a String can't fail");
    }
}

fn letters(text: &str, tone: Tone) -> Vec<Letter> {
    text.chars().map(|c| (c, tone)).collect()
}

fn indent(columns: usize) -> Vec<Letter> {
    vec![(' ', Tone::Plain); columns]
}

/// The tone of the space between two words: theirs, or plain where they differ.
fn shared_tone(before: &[Letter], after: &[Letter]) -> Tone {
    match (before.last(), after.first()) {
        (Some(last), Some(first)) if last.1 == first.1 => last.1,
        _ => Tone::Plain,
    }
}

fn columns(letters: &[Letter]) -> usize {
    letters.iter().map(|(c, _)| c.width().unwrap_or(0)).sum()
}

/// Cuts off as many letters as fit, at least one.
fn split(mut word: Vec<Letter>, room: usize) -> (Vec<Letter>, Vec<Letter>) {
    let mut used = 0;
    let fitting = word
        .iter()
        .take_while(|(c, _)| {
            used += c.width().unwrap_or(0);
            used <= room
        })
        .count();
    let tail = word.split_off(fitting.clamp(1, word.len()));
    (word, tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(width: usize, color: bool, unicode: bool) -> Page {
        Page::new(&Style {
            width,
            color,
            unicode,
            top: 10,
            explain: false,
            height: None,
        })
    }

    #[test]
    fn words_wrap_under_each_other() {
        let mut page = page(40, false, true);
        page.paragraph(
            &[Tone::Plain.span("  cause")],
            9,
            &[
                Tone::Strong.span("deploy d-1042"),
                Tone::Plain.span(" of api, 2\u{a0}h\u{a0}1\u{a0}min before the onset"),
            ],
        );
        assert_eq!(
            page.finish(),
            "  cause  deploy d-1042 of api, 2 h 1 min\n         before the onset\n"
        );
    }

    #[test]
    fn a_word_longer_than_the_line_is_cut_to_pieces() {
        let mut page = page(40, false, true);
        page.paragraph(&[], 4, &[Tone::Plain.span("a".repeat(70))]);
        assert_eq!(
            page.finish(),
            format!("    {}\n    {}\n", "a".repeat(36), "a".repeat(34))
        );
    }

    #[test]
    fn line_breaks_and_escapes_in_a_text_stay_in_its_line() {
        let mut page = page(80, false, true);
        page.paragraph(
            &[Tone::Plain.span("\n")],
            4,
            &[Tone::Plain.span("one\ntwo\x1b[31m three")],
        );
        page.line(&[Tone::Plain.span("a\nb\r")]);
        assert_eq!(page.finish(), "\\n  one\\ntwo\\x1b[31m three\na\\nb\\r\n");
    }

    #[test]
    fn colour_adds_only_escape_sequences() {
        let spans = [
            Tone::Bad.span("failing"),
            Tone::Plain.span(" since "),
            Tone::Strong.span("nine"),
        ];
        let mut colored = page(80, true, true);
        colored.paragraph(&[], 0, &spans);
        assert_eq!(
            colored.finish(),
            "\x1b[1m\x1b[31mfailing\x1b[0m since \x1b[1mnine\x1b[0m\n"
        );
        let mut plain = page(80, false, true);
        plain.paragraph(&[], 0, &spans);
        assert_eq!(plain.finish(), "failing since nine\n");
    }

    #[test]
    fn a_long_command_goes_on_as_a_shell_has_it() {
        let mut page = page(40, false, true);
        let words = [
            "triage",
            "show",
            "i1",
            "logs/",
            "-d",
            "'my deploys.json'",
            "--tz=-07:00",
        ];
        page.command(4, Tone::Faint, &words.map(str::to_owned));
        assert_eq!(
            page.finish(),
            "    $ triage show i1 logs/ -d \\\n        'my deploys.json' --tz=-07:00\n"
        );
        let mut page = self::page(40, false, true);
        let long = format!("logs/{}", "a".repeat(60));
        page.command(4, Tone::Faint, &["triage".to_owned(), long.clone()]);
        assert_eq!(page.finish(), format!("    $ triage \\\n        {long}\n"));
    }

    #[test]
    fn a_line_is_cut_at_the_edge() {
        let mut page = page(40, false, false);
        page.line(&[
            Tone::Plain.span("x".repeat(39)),
            Tone::Bad.span("yyy"),
            Tone::Bad.span("zzz"),
        ]);
        assert_eq!(page.finish(), format!("{}.\n", "x".repeat(39)));
    }
}
