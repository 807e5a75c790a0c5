//! Error messages → templates: `no key k-17 for user 4711` and its like are one signature,
//! `no key <*> for user <*>`.
//!
//! Comes in: the words of error lines. [`mask`] blanks what varies by nature (numbers, hexadecimal
//! and unique ids, addresses, quoted texts); [`Miner`] is Drain (He et al., ICWS 2017): a tree of
//! fixed depth, by number of words and the first of them, with groups of similar messages at its
//! leaves, in which words that differ become `<*>`. Bounded; what comes in the same order gets the
//! same templates. It knows no time, no file and no service.

use std::collections::BTreeMap;

/// What stands for anything.
const ANY: &str = "<*>";
/// Words of a message that are looked at; the rest is as good as unknown.
const WORDS: usize = 40;
/// Bytes of a message that are looked at.
const LENGTH: usize = 600;
/// First words by which the tree branches: depth 4 of the paper, less its root and leaves.
const BRANCHES: usize = 2;
/// Share of equal words from which on a message is of a group: the paper's 0.5.
const SIMILAR: f64 = 0.5;
/// Templates of a service.
const MOST: usize = 256;

/// The words of a message with what varies by nature blanked; `tail` follows after `: ` where it
/// isn't in the message.
pub fn mask(message: &[u8], tail: &[u8]) -> String {
    let cut = |text: &[u8]| text[..text.len().min(LENGTH)].to_vec();
    let mut text = String::from_utf8_lossy(&cut(message)).into_owned();
    let tail = String::from_utf8_lossy(&cut(tail)).into_owned();
    if !tail.is_empty() && !text.contains(&tail) {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&tail);
    }
    // A stack trace behind the message is another matter.
    let first_line = text.lines().next().unwrap_or_default();
    let words = unquoted(first_line);
    let masked: Vec<String> = words
        .split_whitespace()
        .take(WORDS)
        .map(masked_word)
        .collect();
    masked.join(" ")
}

/// The text with what stands in quotes blanked, unless it is long: then it is the message itself.
fn unquoted(text: &str) -> String {
    const LONG_QUOTE: usize = 60;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find(['"', '\'']) {
        let quote = if rest.as_bytes()[open] == b'"' {
            '"'
        } else {
            '\''
        };
        let (before, after) = (&rest[..open], &rest[open + 1..]);
        out.push_str(before);
        // An apostrophe within a word opens nothing.
        let opens = before.chars().last().is_none_or(|c| !c.is_alphanumeric());
        match after.find(quote).filter(|len| opens && *len <= LONG_QUOTE) {
            Some(len) => {
                out.push(quote);
                out.push_str(ANY);
                out.push(quote);
                rest = &after[len + 1..];
            }
            None => {
                out.push(quote);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// A word with each run of letters and digits that has a digit in it blanked, or that is a long
/// hexadecimal number; runs joined by `-`, `.` and `:` that are all blank are one.
fn masked_word(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut run = String::new();
    let flush = |run: &mut String, out: &mut String| {
        if varies(run) {
            let joined = out
                .strip_suffix(['-', '.', ':', '/', ','])
                .is_some_and(|before| before.ends_with(ANY));
            if joined {
                out.pop();
            } else {
                out.push_str(ANY);
            }
        } else {
            out.push_str(run);
        }
        run.clear();
    };
    for c in word.chars() {
        if c.is_alphanumeric() || c == '_' {
            run.push(c);
        } else {
            flush(&mut run, &mut out);
            out.push(c);
        }
    }
    flush(&mut run, &mut out);
    out
}

/// Whether a run is a number, an id or a hexadecimal number. `utf8`, `h2` and `v1` are names: a letter
/// or more and one digit.
fn varies(run: &str) -> bool {
    let digits = run.bytes().filter(u8::is_ascii_digit).count();
    let letters = run.chars().count() - digits;
    let hex = run.len() >= 8 && run.bytes().all(|b| b.is_ascii_hexdigit());
    digits > 0 && (letters == 0 || digits >= 2 || hex || run.starts_with("0x"))
        || hex && run.len() >= 16
}

/// The templates of one service's messages.
#[derive(Debug, Clone, Default)]
pub struct Miner {
    /// Groups by number of words and the first of them.
    tree: BTreeMap<(usize, Vec<String>), Vec<usize>>,
    templates: Vec<Vec<String>>,
}

impl Miner {
    /// The number of the template that a masked message belongs to, made or widened now if need be;
    /// `None` where there are too many.
    pub fn add(&mut self, masked: &str) -> Option<usize> {
        let words: Vec<&str> = masked.split(' ').collect();
        let first = words.iter().take(BRANCHES);
        // A word with a blank in it would scatter a group over the tree.
        let branch = first.map(|word| {
            let blank = word.contains(ANY);
            if blank {
                ANY.to_owned()
            } else {
                (*word).to_owned()
            }
        });
        let leaf = self
            .tree
            .entry((words.len(), branch.collect()))
            .or_default();
        let alike = |number: &&usize| {
            let template = &self.templates[**number];
            let same = template.iter().zip(&words).filter(|(a, b)| a == b).count();
            same as f64 >= SIMILAR * words.len() as f64
        };
        let most_alike = leaf.iter().filter(alike).max_by_key(|number| {
            let template = &self.templates[**number];
            let same = template.iter().zip(&words).filter(|(a, b)| a == b).count();
            (same, std::cmp::Reverse(**number))
        });
        if let Some(&number) = most_alike {
            for (word, seen) in self.templates[number].iter_mut().zip(&words) {
                if word != seen {
                    *word = ANY.to_owned();
                }
            }
            return Some(number);
        }
        if self.templates.len() >= MOST {
            return None;
        }
        let number = self.templates.len();
        leaf.push(number);
        self.templates
            .push(words.into_iter().map(str::to_owned).collect());
        Some(number)
    }

    /// A template's text.
    pub fn text(&self, number: usize) -> String {
        self.templates
            .get(number)
            .map_or_else(String::new, |words| words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_by_nature_is_blanked() {
        for (message, masked) in [
            (
                "TokenValidationException: unsupported key id k-2024-04",
                "TokenValidationException: unsupported key id k-<*>",
            ),
            (
                "no connection within 1019 ms",
                "no connection within <*> ms",
            ),
            (
                "dial tcp 10.0.3.7:5432: connection refused",
                "dial tcp <*>: connection refused",
            ),
            (
                "user 550e8400-e29b-41d4-a716-446655440000 not found",
                "user <*> not found",
            ),
            ("KeyError: 'sub'", "KeyError: '<*>'"),
            ("can't read h2 frame of v1", "can't read h2 frame of v1"),
            ("trace deadbeefdeadbeef, 0x7f3a", "trace <*>, <*>"),
            ("first\n\tat shop.A(A.java:7)", "first"),
            ("", ""),
        ] {
            assert_eq!(mask(message.as_bytes(), b""), masked, "{message}");
        }
        assert_eq!(mask(b"failed", b"EOF"), "failed: EOF");
        assert_eq!(mask(b"failed: EOF", b"EOF"), "failed: EOF");
        assert_eq!(mask(b"", b"EOF"), "EOF");
    }

    #[test]
    fn messages_that_differ_in_a_word_are_one_template() {
        let mut miner = Miner::default();
        let cart = miner.add("cart of alice is locked by checkout");
        assert_eq!(miner.add("cart of bob is locked by checkout"), cart);
        let other = miner.add("cart of bob was emptied at night");
        assert_ne!(other, cart);
        assert_ne!(miner.add("cart is locked"), cart);
        assert_eq!(
            miner.text(cart.unwrap()),
            "cart of <*> is locked by checkout"
        );
    }

    #[test]
    fn templates_are_bounded() {
        let mut miner = Miner::default();
        let numbers: Vec<Option<usize>> = (0..300)
            .map(|i| {
                let word = format!("{}", char::from_u32(0x4e00 + i).unwrap());
                miner.add(&format!("{word} {word} {word}"))
            })
            .collect();
        assert_eq!(numbers[255], Some(255));
        assert_eq!(numbers[256], None);
        assert_eq!(miner.add("\u{4e00} \u{4e00} \u{4e00}"), Some(0));
    }
}
