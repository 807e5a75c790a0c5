//! Makes text from logs and markers safe to print.
//!
//! In comes any text, out comes one line of printable text: control characters, what changes the
//! direction of text and what can't be seen become visible escapes (`\x1b`, `\u{202e}`), so that
//! a log line can neither drive the terminal nor look like another. In ASCII mode all other
//! characters are escaped too, but for a few signs that have a usual ASCII spelling, and the
//! no-break space, which the page needs for wrapping and then writes as a space.
//!
//! For reading only, not for reading back: a backslash that was in the text stays as it is. What
//! HTML or Markdown give a meaning to is not escaped here.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_width::UnicodeWidthChar;

use crate::report::Text;

/// Characters that are never printed, besides the control characters (Cc): all of Unicode 16's
/// format characters (Cf), line and paragraph separator (Zl, Zp), and the remaining ones with
/// `Default_Ignorable_Code_Point` (UAX #44), which are drawn as nothing.
const UNPRINTABLE: &[(u32, u32)] = &[
    (0x00ad, 0x00ad),   // soft hyphen
    (0x034f, 0x034f),   // combining grapheme joiner
    (0x0600, 0x0605),   // Arabic number signs
    (0x061c, 0x061c),   // Arabic letter mark
    (0x06dd, 0x06dd),   // Arabic end of ayah
    (0x070f, 0x070f),   // Syriac abbreviation mark
    (0x0890, 0x0891),   // Arabic currency marks above
    (0x08e2, 0x08e2),   // Arabic disputed end of ayah
    (0x115f, 0x1160),   // Hangul fillers
    (0x17b4, 0x17b5),   // Khmer inherent vowels
    (0x180b, 0x180f),   // Mongolian variation selectors, vowel separator
    (0x200b, 0x200f),   // zero width space and joiners, direction marks
    (0x2028, 0x202e),   // separators, bidirectional embeddings and overrides
    (0x2060, 0x206f),   // word joiner, invisible operators, bidirectional isolates
    (0x3164, 0x3164),   // Hangul filler
    (0xfe00, 0xfe0f),   // variation selectors
    (0xfeff, 0xfeff),   // byte order mark
    (0xffa0, 0xffa0),   // halfwidth Hangul filler
    (0xfff0, 0xfffb),   // interlinear annotation
    (0x110bd, 0x110bd), // Kaithi number sign
    (0x110cd, 0x110cd), // Kaithi number sign above
    (0x13430, 0x1343f), // Egyptian hieroglyph joiners
    (0x1bca0, 0x1bca3), // shorthand format controls
    (0x1d173, 0x1d17a), // musical beams, slurs, phrases
    (0xe0000, 0xe0fff), // tags, more variation selectors
];

/// Signs used in sentences and their usual ASCII spelling.
const ASCII_SPELLING: &[(char, &str)] = &[
    ('·', "|"),
    ('×', "x"),
    ('±', "+/-"),
    ('–', "-"),
    ('—', "-"),
    ('−', "-"),
    ('‘', "'"),
    ('’', "'"),
    ('“', "\""),
    ('”', "\""),
    ('…', "..."),
    ('→', "->"),
    ('≤', "<="),
    ('≥', ">="),
];

/// More marks than this on one letter are no writing: Vietnamese stacks 2, pointed Hebrew 3.
const MARKS_PER_LETTER: usize = 4;

/// Whether a character is shown as an escape always.
pub fn is_unprintable(c: char) -> bool {
    let code = u32::from(c);
    c.is_control()
        || UNPRINTABLE
            .iter()
            .any(|&(first, last)| (first..=last).contains(&code))
}

/// The text as one printable line.
pub fn clean(text: &str, unicode: bool) -> Cow<'_, str> {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut marks = MARKS_PER_LETTER; // none may come before the first letter
    for c in text.chars() {
        let zero_width = c.width() == Some(0);
        marks = if zero_width { marks + 1 } else { 0 };
        if is_unprintable(c) || (zero_width && marks > MARKS_PER_LETTER) {
            escape(c, &mut out);
            marks = MARKS_PER_LETTER;
        } else if unicode || c.is_ascii() || c == '\u{a0}' {
            out.push(c);
        } else if let Some((_, spelling)) = ASCII_SPELLING.iter().find(|(sign, _)| *sign == c) {
            out.push_str(spelling);
        } else {
            escape(c, &mut out);
        }
    }
    Cow::Owned(out)
}

/// A message of several lines, each of them printable.
pub fn printable(text: &str) -> String {
    let lines: Vec<Cow<'_, str>> = text.split('\n').map(|line| clean(line, true)).collect();
    lines.join("\n")
}

fn escape(c: char, out: &mut String) {
    let written = match c {
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        '\0'..='\u{ff}' => write!(out, "\\x{:02x}", u32::from(c)),
        _ => write!(out, "\\u{{{:x}}}", u32::from(c)),
    };
    written.expect("writing to a String can't fail");
}

/// The text of a log; bytes that are not UTF-8 as `\xff`.
pub fn visible(text: &Text) -> Cow<'_, str> {
    let encoded = match text {
        Text::Utf8(text) => return Cow::Borrowed(text),
        Text::Bytes { bytes } => bytes,
    };
    let Some(bytes) = from_base64(encoded) else {
        return Cow::Borrowed(encoded);
    };
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            write!(out, "\\x{byte:02x}").expect("writing to a String can't fail");
        }
    }
    Cow::Owned(out)
}

/// RFC 4648 §4. `None` for what is no base64.
fn from_base64(encoded: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(encoded.len() / 4 * 3 + 3);
    let (mut bits, mut filled) = (0_u32, 0_u32);
    for digit in encoded.trim_end_matches('=').bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xffff;
        filled += 6;
        if filled >= 8 {
            filled -= 8;
            bytes.push((bits >> filled & 0xff) as u8);
        }
    }
    Some(bytes)
}

/// Columns that a clean text takes: the sum over its characters, as terminals count.
pub fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// The clean text cut to `columns`, with an ellipsis where it was longer.
pub fn fit(text: &str, columns: usize, unicode: bool) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let ellipsis = if unicode { "…" } else { "..." };
    let room = columns.saturating_sub(width(ellipsis));
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > room {
            break;
        }
        out.push(c);
    }
    out.extend(ellipsis.chars().take(columns));
    out
}

/// A name from a log for use in a sentence: cleaned, and at most so many columns wide.
pub fn short(text: &str, columns: usize) -> String {
    fit(&clean(text, true), columns, true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_log_line_can_not_drive_the_terminal() {
        let cases = [
            ("plain /path?a=b~", "plain /path?a=b~"),
            ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
            ("\x1b[2J", "\\x1b[2J"),
            ("one\r\ntwo\tthree", "one\\r\\ntwo\\tthree"),
            ("\u{9b}31m", "\\x9b31m"),
            ("del\x7f nul\0", "del\\x7f nul\\x00"),
            ("txt\u{202e}gpj.exe", "txt\\u{202e}gpj.exe"),
            (
                "a\u{2066}b\u{2069}c\u{200e}\u{200f}\u{61c}",
                "a\\u{2066}b\\u{2069}c\\u{200e}\\u{200f}\\u{61c}",
            ),
            ("pay\u{200b}pal\u{feff}", "pay\\u{200b}pal\\u{feff}"),
            ("a\u{2028}b\u{2029}c\u{85}", "a\\u{2028}b\\u{2029}c\\x85"),
            ("tag\u{e0041}", "tag\\u{e0041}"),
            ("Zürich 東京 🚀", "Zürich 東京 🚀"),
        ];
        for (text, expected) in cases {
            assert_eq!(clean(text, true), expected);
        }
    }

    #[test]
    fn marks_stay_on_their_letter_and_do_not_pile_up() {
        assert_eq!(clean("e\u{301}", true), "e\u{301}");
        assert_eq!(clean("\u{301}x", true), "\\u{301}x");
        let pile = format!("e{}", "\u{301}".repeat(6));
        assert_eq!(
            clean(&pile, true),
            format!("e{}\\u{{301}}\\u{{301}}", "\u{301}".repeat(4))
        );
    }

    #[test]
    fn ascii_mode_spells_signs_and_escapes_the_rest() {
        assert_eq!(
            clean("2.3.9 → 2.4.0, 210×, 13.7–16.4 %", false),
            "2.3.9 -> 2.4.0, 210x, 13.7-16.4 %"
        );
        assert_eq!(clean("Zürich", false), "Z\\xfcrich");
        assert_eq!(clean("東", false), "\\u{6771}");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_seen() {
        let bytes = |b: &str| Text::Bytes {
            bytes: b.to_owned(),
        };
        // printf '/caf\xe9' | base64; printf '\xff\xfe' | base64; printf 'ab\xc3' | base64
        assert_eq!(visible(&bytes("L2NhZuk=")), "/caf\\xe9");
        assert_eq!(visible(&bytes("//4=")), "\\xff\\xfe");
        assert_eq!(visible(&bytes("YWLD")), "ab\\xc3");
        assert_eq!(visible(&bytes("no base64!")), "no base64!");
        assert_eq!(visible(&Text::Utf8("/a".to_owned())), "/a");
    }

    #[test]
    fn long_texts_are_cut_by_what_they_take_on_screen() {
        assert_eq!(fit("/orders", 7, true), "/orders");
        assert_eq!(fit("/orders/1", 7, true), "/order…");
        assert_eq!(fit("/orders/1", 7, false), "/ord...");
        assert_eq!(fit("東京都庁", 6, true), "東京…"); // two columns each: the third would take 7 with the ellipsis
        assert_eq!(fit("/orders/1", 2, false), "..");
        assert_eq!(fit("/orders/1", 0, true), "");
    }

    proptest! {
        #[test]
        fn nothing_unprintable_is_left(text in any::<String>(), unicode: bool) {
            let out = clean(&text, unicode);
            prop_assert!(!out.chars().any(is_unprintable), "{out:?}");
            prop_assert!(unicode || out.chars().all(|c| c.is_ascii() || c == '\u{a0}'), "{out:?}");
        }

        #[test]
        fn nothing_unprintable_is_left_among_nasty_characters(
            text in r"[\x00-\x20\x7f-\xa0\u{200b}-\u{2070}\u{300}-\u{350}\u{fe00}-\u{feff}\u{e0000}-\u{e0fff}a]{0,40}",
            unicode: bool,
        ) {
            let out = clean(&text, unicode);
            prop_assert!(!out.chars().any(is_unprintable), "{out:?}");
            prop_assert!(unicode || out.chars().all(|c| c.is_ascii() || c == '\u{a0}'), "{out:?}");
        }

        #[test]
        fn cleaning_twice_changes_nothing(text in any::<String>(), unicode: bool) {
            let once = clean(&text, unicode).into_owned();
            prop_assert_eq!(clean(&once, unicode), once.clone());
        }

        #[test]
        fn what_fits_fits(text in any::<String>(), columns in 0_usize..50, unicode: bool) {
            let cut = fit(&clean(&text, unicode), columns, unicode);
            prop_assert!(width(&cut) <= columns);
        }

        #[test]
        fn any_bytes_are_shown_as_printable_text(bytes in any::<Vec<u8>>()) {
            let text = Text::Bytes { bytes: crate::render::fixtures::base64(&bytes) };
            let shown = visible(&text);
            if let Ok(utf8) = std::str::from_utf8(&bytes) {
                prop_assert_eq!(shown.as_ref(), utf8);
            }
            prop_assert!(!clean(&shown, true).chars().any(is_unprintable));
        }
    }
}
