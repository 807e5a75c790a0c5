//! Words of a command as a POSIX shell takes them, to be copied from a report and run.
//!
//! In come the bytes of an argument, out comes a word that the shell turns back into these bytes:
//! as it is where it is plain, between single quotes otherwise, and as `$'…'` (POSIX.1-2024, bash,
//! zsh, ksh) where it has what is not printed: control characters, what turns text around or can't
//! be seen, bytes that are no UTF-8. So a printed command holds no surprise, for the eye or the shell.

use std::fmt::Write;

use unicode_width::UnicodeWidthChar;

use super::sanitize::is_unprintable;

/// An argument as a word of the shell.
pub fn shell_word(argument: &[u8]) -> String {
    match std::str::from_utf8(argument) {
        Ok(text) if is_plain(text) => text.to_owned(),
        Ok(text) if text.chars().all(is_shown) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => spelled_out(argument),
    }
}

/// Whether no shell gives any of it a meaning.
fn is_plain(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/:@%+,=".contains(&b);
    !text.is_empty() && text.bytes().all(plain)
}

/// Whether it stands in a line as what it is. A mark without width may be escaped by the page.
fn is_shown(c: char) -> bool {
    !is_unprintable(c) && c.width() != Some(0) && c != '\u{a0}'
}

/// All but printable ASCII as octal: unlike `\xHH`, its three digits have an end.
fn spelled_out(argument: &[u8]) -> String {
    let mut out = String::from("$'");
    for &byte in argument {
        match byte {
            b'\'' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => write!(out, "\\{byte:03o}").expect("writing to a String can't fail"),
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_words_stay_and_others_are_quoted() {
        for (argument, expected) in [
            ("logs/api-1.log", "logs/api-1.log"),
            ("", "''"),
            ("my logs/api.log", "'my logs/api.log'"),
            ("it's", r"'it'\''s'"),
            ("$(reboot)", "'$(reboot)'"),
            ("*.log", "'*.log'"),
            ("~/logs", "'~/logs'"),
            ("a&b;c|d>e", "'a&b;c|d>e'"),
            ("größe", "'größe'"),
            ("a\nb", r"$'a\012b'"),
            ("\u{1b}[2J1", r"$'\033[2J1'"),
            ("a\u{202e}'b\\", r"$'a\342\200\256\'b\\'"),
        ] {
            assert_eq!(shell_word(argument.as_bytes()), expected, "{argument:?}");
        }
        assert_eq!(shell_word(b"caf\xe9"), r"$'caf\351'");
    }

    /// What bash makes of a word.
    #[cfg(unix)]
    fn read_by_bash(word: &str) -> Option<Vec<u8>> {
        let mut bash = std::process::Command::new("bash");
        let output = bash
            .args(["-c", &format!("printf %s {word}")])
            .output()
            .ok()?;
        output.status.success().then_some(output.stdout)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[cfg(unix)]
        #[test]
        fn the_shell_reads_the_very_bytes_back(argument in prop::collection::vec(1_u8.., 0..24)) {
            let word = shell_word(&argument);
            prop_assert!(word.chars().all(is_shown), "{word:?}");
            if let Some(read) = read_by_bash(&word) {
                prop_assert_eq!(read, argument, "{}", word);
            }
        }
    }
}
