//! The same text twice counts once.
//!
//! Rotation leaves a log beside its packed copy (`access.log.1` and `access.log.1.gz`, when it was
//! interrupted), copies without truncating, and people make backups. Two files are twins when every
//! byte of their text is the same; only files whose first 4 KiB of text are the same are compared
//! at all. Files that by their names belong to one rotated set may also be the begin of one another:
//! a copy made while the log went on, a packing that was interrupted.
//!
//! Short logs of different hosts may be equal by chance (the same health check in the same second),
//! so outside a rotated set less than 4 KiB prove nothing.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::head::HEAD;
use super::logfile::{LogFile, fill};

/// Different files with the same head that a file is compared with. Generated logs can share their
/// head by the thousand; a twin that is not found then is only counted twice.
const COMPARED: usize = 16;
/// Bytes compared at a time.
const STEP: usize = 64 << 10;

/// A log with the length and digest of its text's head.
pub type Seen = (LogFile, (usize, u64));

/// Takes the twins out of `seen`; returns them with the reason.
pub fn take(seen: Vec<Seen>) -> (Vec<LogFile>, Vec<(PathBuf, String)>) {
    let mut passed_over = Vec::new();
    let mut dropped = vec![false; seen.len()];
    let mut kept: BTreeMap<(usize, u64), Vec<usize>> = BTreeMap::new();
    for (i, (file, head)) in seen.iter().enumerate() {
        if head.0 == 0 {
            continue;
        }
        let same_head = kept.entry(*head).or_default();
        let mut found = None;
        for (at, &other) in same_head.iter().enumerate().take(COMPARED) {
            let relation = relation(&seen[other].0, file, head.0);
            if relation != Relation::Different {
                found = Some((at, other, relation));
                break;
            }
        }
        let Some((at, other, relation)) = found else {
            same_head.push(i);
            continue;
        };
        let is_plain = |i: usize| seen[i].0.is_plain();
        let goes = match relation {
            Relation::FirstBegins => other,
            // Plain text is read faster.
            Relation::Same if is_plain(i) && !is_plain(other) => other,
            _ => i,
        };
        let stays = if goes == i { other } else { i };
        same_head[at] = stays;
        dropped[goes] = true;
        let how = if relation == Relation::Same {
            "the same content as"
        } else {
            "all of it is the beginning of"
        };
        passed_over.push((
            seen[goes].0.path.clone(),
            format!("{how} {}", seen[stays].0.path.display()),
        ));
    }
    let files = seen
        .into_iter()
        .zip(dropped)
        .filter(|(_, dropped)| !dropped)
        .map(|((file, _), _)| file)
        .collect();
    (files, passed_over)
}

/// How the texts of two files are related.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Same,
    FirstBegins,
    SecondBegins,
    Different,
}

fn relation(a: &LogFile, b: &LogFile, head: usize) -> Relation {
    let one_set = a.path.parent() == b.path.parent() && set_name(&a.path) == set_name(&b.path);
    let lengths_differ = a.is_plain() && b.is_plain() && a.len != b.len;
    if !one_set && (head < HEAD || lengths_differ) {
        return Relation::Different;
    }
    match compare(a, b) {
        Relation::FirstBegins | Relation::SecondBegins if !one_set => Relation::Different,
        relation => relation,
    }
}

/// Compares two texts; the text of a broken archive ends where it breaks.
fn compare(a: &LogFile, b: &LogFile) -> Relation {
    let open = |file: &LogFile| Ok::<_, io::Error>(file.text(file.open()?, STEP));
    let (Ok(mut a_text), Ok(mut b_text)) = (open(a), open(b)) else {
        return Relation::Different;
    };
    let mut buffers = (vec![0; STEP], vec![0; STEP]);
    loop {
        let a_len = text_step(&mut a_text, &mut buffers.0);
        let b_len = text_step(&mut b_text, &mut buffers.1);
        let (Some(a_len), Some(b_len)) = (a_len, b_len) else {
            return Relation::Different;
        };
        let common = a_len.min(b_len);
        if buffers.0[..common] != buffers.1[..common] {
            return Relation::Different;
        }
        match a_len.cmp(&b_len) {
            std::cmp::Ordering::Less => return Relation::FirstBegins,
            std::cmp::Ordering::Greater => return Relation::SecondBegins,
            std::cmp::Ordering::Equal if a_len < STEP => return Relation::Same,
            std::cmp::Ordering::Equal => {}
        }
    }
}

/// The next bytes of a text; `None` where the system can't read on, and nothing is proved.
fn text_step(text: &mut impl Read, buffer: &mut [u8]) -> Option<usize> {
    match fill(text, buffer) {
        (len, None) => Some(len),
        (len, Some(e)) => {
            let broken = matches!(
                e.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
            );
            broken.then_some(len)
        }
    }
}

/// A file's name without what rotation and packing append: `access.log-20240410.gz` and
/// `access.log.1` are both `access.log`.
fn set_name(path: &Path) -> &[u8] {
    let mut name = path.file_name().unwrap_or_default().as_encoded_bytes();
    while let Some(at) = name.iter().rposition(|b| matches!(b, b'.' | b'-' | b'_')) {
        let last = &name[at + 1..];
        let number = !last.is_empty() && last.iter().all(u8::is_ascii_digit);
        if at == 0 || !(number || APPENDED.contains(&last)) {
            break;
        }
        name = &name[..at];
    }
    name
}

const APPENDED: &[&[u8]] = &[
    b"gz", b"zst", b"bz2", b"xz", b"old", b"bak", b"orig", b"copy",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::find;
    use crate::input::logfile::Codec;
    use crate::input::tests::{CODECS, log, numbered_lines, pack};

    /// The names of the logs that are read, and of those passed over with the reason.
    fn split(files: &[(&str, &[u8])]) -> (Vec<String>, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            std::fs::create_dir_all(dir.path().join(name).parent().unwrap()).unwrap();
            log(dir.path(), name, bytes);
        }
        let found = find(&[dir.path().to_path_buf()], &[]).unwrap();
        let prefix = format!("{}/", dir.path().display());
        let short = |text: String| text.replace(&prefix, "");
        let read = found
            .files
            .iter()
            .map(|f| short(f.path.display().to_string()))
            .collect();
        let passed = found
            .passed_over
            .iter()
            .map(|(p, why)| short(format!("{}: {why}", p.display())))
            .collect();
        (read, passed)
    }

    #[test]
    fn a_rotated_log_beside_its_packed_copy_is_read_once() {
        let text = numbered_lines(500_000);
        let newer = [b"new\n", &text[..]].concat();
        for (codec, extension) in CODECS {
            let packed = format!("access.log.1.{extension}");
            let files: [(&str, &[u8]); 3] = [
                ("access.log", &newer),
                ("access.log.1", &text),
                (&packed, &pack(codec, &text)),
            ];
            let (read, passed) = split(&files);
            assert_eq!(read, ["access.log", "access.log.1"]);
            assert_eq!(
                passed,
                [format!("{packed}: the same content as access.log.1")]
            );
        }
    }

    #[test]
    fn a_copy_of_a_log_that_went_on_and_an_interrupted_packing_are_parts_of_the_whole() {
        let text = numbered_lines(500_000);
        let packed = pack(Codec::Gzip, &text);
        let (read, passed) = split(&[
            ("access.log", &text),
            ("access.log.1", &text[..200_000]),
            ("access.log.2.gz", &packed[..packed.len() / 2]),
        ]);
        assert_eq!(read, ["access.log"]);
        assert_eq!(
            passed,
            [
                "access.log.1: all of it is the beginning of access.log",
                "access.log.2.gz: all of it is the beginning of access.log"
            ]
        );
        // The other way round: an interrupted unpacking.
        let (read, passed) = split(&[("a.log", &text[..200_000]), ("a.log.gz", &packed)]);
        assert_eq!(read, ["a.log.gz"]);
        assert_eq!(passed, ["a.log: all of it is the beginning of a.log.gz"]);
    }

    #[test]
    fn a_backup_in_another_folder_is_the_same_content() {
        let text = numbered_lines(100_000);
        let (read, passed) = split(&[
            ("a/access.log", &text),
            ("b/api.log.gz", &pack(Codec::Gzip, &text)),
        ]);
        assert_eq!(read, ["a/access.log"]);
        assert_eq!(passed, ["b/api.log.gz: the same content as a/access.log"]);
    }

    #[test]
    fn different_content_is_never_dropped() {
        let text = numbered_lines(100_000);
        let mut last_byte = text.clone();
        *last_byte.last_mut().unwrap() = b'!';
        let (short, line) = (&text[..50_000], &b"10.0.0.1 health check\n"[..]);
        for files in [
            // The last byte differs; the same in packed form.
            [("access.log", &text[..]), ("access.log.1", &last_byte)],
            [
                ("access.log", &text[..]),
                ("access.log.1.gz", &pack(Codec::Gzip, &last_byte)),
            ],
            // The begin of another host's log, and of a log with another name.
            [("a/access.log", &text[..]), ("b/access.log", short)],
            [("api.log", &text[..]), ("web.log", short)],
            // Equal by chance, and nothing at all.
            [("a/access.log", line), ("b/access.log", line)],
            [("access.log", b""), ("access.log.1", b"")],
        ] {
            let (read, passed) = split(&files);
            assert_eq!((read.len(), passed), (2, vec![]));
        }
        // But within a rotated set one line is enough.
        assert_eq!(
            split(&[("access.log", line), ("access.log.1", line)]).0,
            ["access.log"]
        );
    }

    #[test]
    fn rotation_and_packing_leave_the_name_of_the_set() {
        for (name, set) in [
            ("access.log", "access.log"),
            ("access.log.1", "access.log"),
            ("access.log.2.gz", "access.log"),
            ("access.log-20240410.zst", "access.log"),
            ("access.log.old", "access.log"),
            ("access.log.2024-04-10_09", "access.log"),
            ("api-1.log", "api-1.log"),
            (".1", ".1"),
            ("17", "17"),
        ] {
            assert_eq!(set_name(Path::new(name)), set.as_bytes(), "{name}");
        }
    }
}
