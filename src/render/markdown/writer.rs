//! Markdown in the making: text from elsewhere gets in only as text.
//!
//! In come pieces: the renderer's own Markdown, known when the program was built; sentences of the
//! report; names, lines and commands. Out comes GitHub Flavored Markdown (the CommonMark of 2021
//! with tables). A name is set as code, where nothing has a meaning: no HTML, no link, no
//! `@mention`, no `#123`. So is each word of a sentence that could have one, which is why no
//! backslash is needed: GitHub finds mentions and issue numbers after backslashes are gone.

use crate::render::link::link;
use crate::render::sanitize::{clean, fit};

/// More columns than this of one name or sentence are not shown; the JSON report has all of it.
const NAME_COLUMNS: usize = 160;
const SENTENCE_COLUMNS: usize = 600;

/// A piece of a line.
#[derive(Debug, Clone)]
enum Piece {
    Own(&'static str),
    Said(String),
    Code(String),
    Link(String, String),
}

/// A line of text, not yet put at its place.
#[derive(Debug, Clone, Default)]
pub struct Line(Vec<Piece>);

/// Where a line stands: in a table `|` ends a cell even in code.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Open,
    Cell,
}

/// The renderer's own Markdown.
pub fn own(markdown: &'static str) -> Line {
    Line::default().own(markdown)
}

/// A sentence of the report; what it has between backticks is set as code.
pub fn said(sentence: impl Into<String>) -> Line {
    Line::default().said(sentence)
}

/// A name, a line or a command.
pub fn code(text: impl Into<String>) -> Line {
    Line::default().code(text)
}

impl Line {
    /// Goes on with the renderer's own Markdown.
    pub fn own(mut self, markdown: &'static str) -> Line {
        self.0.push(Piece::Own(markdown));
        self
    }

    /// Goes on with a sentence of the report.
    pub fn said(mut self, sentence: impl Into<String>) -> Line {
        self.0.push(Piece::Said(sentence.into()));
        self
    }

    /// Goes on with a name, a line or a command.
    pub fn code(mut self, text: impl Into<String>) -> Line {
        self.0.push(Piece::Code(text.into()));
        self
    }

    /// Goes on with an address: a link where it leads to the web.
    pub fn address(mut self, url: &str) -> Line {
        self.0.push(match link(url) {
            Some(to) => Piece::Link(url.to_owned(), to),
            None => Piece::Code(url.to_owned()),
        });
        self
    }

    /// Goes on with another line.
    pub fn then(mut self, other: Line) -> Line {
        self.0.extend(other.0);
        self
    }

    fn written(&self, place: Place) -> String {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Own(markdown) => out += markdown,
                Piece::Said(sentence) => say(sentence, place, &mut out),
                Piece::Code(text) => set_as_code(&plain(text, NAME_COLUMNS), place, &mut out),
                Piece::Link(shown, to) => {
                    out.push('[');
                    set_as_code(&plain(shown, NAME_COLUMNS), place, &mut out);
                    out += "](";
                    out += to;
                    out.push(')');
                }
            }
        }
        out
    }
}

/// Clean, cut, with plain spaces.
fn plain(text: &str, columns: usize) -> String {
    fit(&clean(text, true), columns, true).replace('\u{a0}', " ")
}

fn say(sentence: &str, place: Place, out: &mut String) {
    let sentence = plain(sentence, SENTENCE_COLUMNS);
    let mut begins = out.is_empty() && place == Place::Open;
    for (i, part) in sentence.split('`').enumerate() {
        if i % 2 == 1 {
            if !part.is_empty() {
                set_as_code(part, place, out);
            }
            continue;
        }
        for (j, word) in part.split(' ').enumerate() {
            if j > 0 {
                out.push(' ');
            }
            if harmless(word, begins) {
                out.push_str(word);
            } else {
                set_as_code(word, place, out);
            }
            begins &= word.is_empty();
        }
        begins = false;
    }
}

/// Whether a word means nothing to Markdown, to HTML, or to what GitHub makes of text.
fn harmless(word: &str, begins: bool) -> bool {
    let sign = |c: char| {
        matches!(
            c,
            '.' | ',' | ';' | ':' | '(' | ')' | '%' | '\'' | '"' | '?' | '/' | '-' | '+'
        )
    };
    let lower = word.to_ascii_lowercase();
    let linked = ["//", "www.", "gh-"]
        .iter()
        .any(|sign| lower.contains(sign));
    let mut next = word.chars().skip(1);
    let plain = |c: char| {
        let next = next.next();
        // No element has a digit for its name: `<1 %`.
        let compares = matches!(c, '<' | '>') && next.is_some_and(|c| c.is_ascii_digit());
        c.is_alphanumeric() || sign(c) || compares || !c.is_ascii()
    };
    // At the begin of a line: the sign of a list, a rule, a heading's underline.
    let starts_a_block = begins && is_list_sign(word);
    word.chars().all(plain) && !linked && !is_emoji(word) && !starts_a_block
}

/// `:rocket:`; a time, `09:00:03`, is none.
fn is_emoji(word: &str) -> bool {
    word.matches(':').count() > 1 && word.chars().any(char::is_alphabetic)
}

fn is_list_sign(word: &str) -> bool {
    let number = word.trim_end_matches(['.', ')']);
    !word.is_empty()
        && (word.starts_with('>')
            || word.chars().all(|c| matches!(c, '-' | '+'))
            || number != word && number.bytes().all(|b| b.is_ascii_digit()))
}

/// Between more backticks than it has in a row (CommonMark §6.1).
fn set_as_code(text: &str, place: Place, out: &mut String) {
    let fence = "`".repeat(longest_run(text) + 1);
    if out.ends_with('`') {
        out.push(' '); // else the two fences were one
    }
    // One space beside each fence is taken off by the reader.
    let edge = |c: Option<char>| matches!(c, Some('`' | ' ') | None);
    let room = if edge(text.chars().next()) || edge(text.chars().last()) {
        " "
    } else {
        ""
    };
    *out += &fence;
    *out += room;
    let mut before = ' ';
    for c in text.chars() {
        match c {
            // Readers differ on `\\|`: does the cell end there?
            '|' if place == Place::Cell && before == '\\' => *out += "\\x7c",
            '|' if place == Place::Cell => *out += "\\|",
            _ => out.push(c),
        }
        before = c;
    }
    *out += room;
    *out += &fence;
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A document in the making.
#[derive(Default)]
pub struct Document(String);

impl Document {
    /// `## …`.
    pub fn heading(&mut self, level: usize, line: &Line) {
        self.block(&format!(
            "{} {}",
            "#".repeat(level),
            line.written(Place::Open)
        ));
    }

    /// Lines that flow.
    pub fn paragraph(&mut self, line: &Line) {
        self.block(&line.written(Place::Open));
    }

    /// `- …`, each with its own lead, such as `[ ] `.
    pub fn list(&mut self, lead: &'static str, lines: &[Line]) {
        if lines.is_empty() {
            return;
        }
        let item = |line: &Line| format!("- {lead}{}", line.written(Place::Open));
        self.block(&lines.iter().map(item).collect::<Vec<_>>().join("\n"));
    }

    /// A table; a title that ends in `:` is a column of numbers.
    pub fn table<const N: usize>(&mut self, titles: [&'static str; N], rows: &[[Line; N]]) {
        if rows.is_empty() {
            return;
        }
        let line = |cells: [String; N]| format!("| {} |", cells.join(" | "));
        let mut lines = vec![
            line(titles.map(|title| title.trim_end_matches(':').to_owned())),
            line(titles.map(|title| if title.ends_with(':') { "---:" } else { "---" }.to_owned())),
        ];
        for row in rows {
            lines.push(line(row.each_ref().map(|cell| cell.written(Place::Cell))));
        }
        self.block(&lines.join("\n"));
    }

    /// Lines as they are, between fences.
    pub fn fence<'a>(&mut self, language: &'static str, lines: impl Iterator<Item = &'a str>) {
        let text: Vec<String> = lines
            .map(|line| {
                clean(line, true)
                    .replace('\u{a0}', " ")
                    .trim_end()
                    .to_owned()
            })
            .collect();
        let longest = text.iter().map(|line| longest_run(line)).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        self.block(&format!("{fence}{language}\n{}\n{fence}", text.join("\n")));
    }

    /// The text.
    pub fn finish(self) -> String {
        self.0
    }

    fn block(&mut self, text: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0 += text;
        self.0.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(line: Line) -> String {
        line.written(Place::Open)
    }

    #[test]
    fn sentences_stay_sentences() {
        for sentence in [
            "requests were as expected (761 against 691, +10.1 %; 20 % more or less would have counted)",
            "4 s before the onset: as soon as a cause is usually felt",
            "09:00:03 until 11:01:56",
            "the rate was 31× as high – “really”",
        ] {
            assert_eq!(open(said(sentence)), sentence);
        }
        assert_eq!(
            open(said("only `api` of 4\u{a0}services")),
            "only `api` of 4 services"
        );
    }

    #[test]
    fn what_has_a_meaning_is_set_as_code() {
        for (text, expected) in [
            ("ask @ops now", "ask `@ops` now"),
            ("fixes #12 and a/b#3", "fixes `#12` and `a/b#3`"),
            ("see GH-12", "see `GH-12`"),
            (
                "see https://evil.example or www.evil.example",
                "see `https://evil.example` or `www.evil.example`",
            ),
            ("<img src=x onerror=y>", "`<img` `src=x` `onerror=y>`"),
            ("[a](javascript:b)", "`[a](javascript:b)`"),
            ("**bold** _it_ ~~no~~", "`**bold**` `_it_` `~~no~~`"),
            ("a &amp; b\\", "a `&amp;` `b\\`"),
            ("x :tada: $y$", "x `:tada:` `$y$`"),
            ("- one", "`-` one"),
            ("12. one", "`12.` one"),
            ("--- one", "`---` one"),
            (">9 one", "`>9` one"),
            ("one (>99 %, <1 %) <a", "one (>99 %, <1 %) `<a`"),
            ("# one", "`#` one"),
            ("a ``@b`` c", "a `@b` c"),
            ("a ```b`@c``d` e", "a `b` `@c`d`  e `"),
            ("odd ` @one", "odd `  @one `"),
        ] {
            assert_eq!(open(said(text)), expected);
        }
    }

    #[test]
    fn code_ends_where_it_should() {
        assert_eq!(open(code("GET /a")), "`GET /a`");
        assert_eq!(open(code("a`b``c")), "```a`b``c```");
        assert_eq!(open(code("`")), "`` ` ``");
        assert_eq!(open(code("")), "`  `");
        assert_eq!(open(code("a\nb\u{202e}")), "`a\\nb\\u{202e}`");
    }

    #[test]
    fn a_cell_ends_where_it_should() {
        let cell = |text: &str| code(text).written(Place::Cell);
        assert_eq!(cell("a|b"), "`a\\|b`");
        assert_eq!(cell("a\\|b"), "`a\\\\x7cb`");
        assert_eq!(open(code("a|b")), "`a|b`");
        assert_eq!(said("a|b c").written(Place::Cell), "`a\\|b` c");
    }

    #[test]
    fn only_pages_on_the_web_are_linked() {
        assert_eq!(
            open(Line::default().address("https://e.com/a)|b")),
            "[`https://e.com/a)|b`](https://e.com/a%29%7Cb)"
        );
        assert_eq!(
            open(Line::default().address("javascript:a()")),
            "`javascript:a()`"
        );
    }

    #[test]
    fn a_fence_is_longer_than_any_in_it() {
        let mut document = Document::default();
        document.fence("text", ["one", "````", "\x1b[2J"].into_iter());
        assert_eq!(document.finish(), "`````text\none\n````\n\\x1b[2J\n`````\n");
    }
}
