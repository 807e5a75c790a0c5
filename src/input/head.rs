//! What a file's name and first bytes tell: packed, an archive, a log, or nothing to read.
//!
//! A packed file is looked at through its packing, so a picture in gzip is no log either.

use std::hash::BuildHasher;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::form::Form;
use super::logfile::{Codec, LogFile, fill};

/// Bytes of text that are looked at.
pub const HEAD: usize = 4096;
/// Packed bytes read at a time to get them.
const STEP: usize = 16 << 10;

/// The begin of a file's text.
pub struct Head {
    text: Vec<u8>,
}

/// What a file turned out to be.
pub enum Kind {
    /// Lines of text, as far as can be seen.
    Text,
    /// A tar archive.
    Tar,
    /// Nothing to read, for this reason.
    Other(&'static str),
}

impl Head {
    /// Looks at a file and sets its codec. Where its packing is broken, what comes before the break
    /// is the head: reading it will tell.
    pub fn of(file: &mut LogFile, handle: &Arc<std::fs::File>) -> io::Result<Head> {
        let read = |file: &LogFile| {
            let mut text = vec![0; HEAD];
            let (len, error) = fill(&mut file.text(Arc::clone(handle), STEP), &mut text);
            text.truncate(len);
            (text, error)
        };
        (file.codec, file.form) = (Codec::Plain, Form::Lines);
        let (text, error) = read(file);
        if let Some(error) = error {
            return Err(error);
        }
        file.codec = codec(&text);
        let text = match file.codec {
            Codec::Plain => text,
            _ => read(file).0,
        };
        file.form = Form::of(&text);
        match file.form {
            Form::Lines => Ok(Head { text }),
            _ => Ok(Head { text: read(file).0 }),
        }
    }

    /// What the file is.
    pub fn kind(&self) -> Kind {
        let text = &self.text;
        // POSIX.1-1988 ustar, and GNU tar, both with the magic at offset 257.
        if text.get(257..262) == Some(b"ustar") {
            return Kind::Tar;
        }
        if codec(text) != Codec::Plain {
            return Kind::Other("packed twice; unpack it once first");
        }
        if let Some((_, why)) = ARCHIVES.iter().find(|(magic, _)| text.starts_with(magic)) {
            return Kind::Other(why);
        }
        if is_binary(text) {
            Kind::Other("binary")
        } else {
            Kind::Text
        }
    }

    /// A number that is the same for the same head, and its length.
    pub fn digest(&self, hasher: &impl BuildHasher) -> (usize, u64) {
        (self.text.len(), hasher.hash_one(&self.text))
    }
}

/// What is not read here, and what reads it.
const ARCHIVES: &[(&[u8], &str)] = &[
    (b"PK\x03\x04", "a zip archive; unpack it with `unzip`"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it with `7z x`"),
    (b"Rar!\x1a\x07", "a rar archive; unpack it with `unrar x`"),
    (
        b"\x04\x22\x4d\x18",
        "packed by lz4; pipe it in: `lz4 -dc FILE | triage -`",
    ),
    (
        b"\xff\x06\x00\x00sNaPpY",
        "packed by snappy; unpack it with `snzip -d`",
    ),
    (
        b"\x89LZO\0",
        "packed by lzop; pipe it in: `lzop -dc FILE | triage -`",
    ),
    (
        b"\x1f\x9d",
        "packed by compress; pipe it in: `zcat FILE | triage -`",
    ),
];

/// Whether bytes are no text. Where a log was cut to nothing while its writer kept its place, or the
/// machine crashed, the file has zeros in front of its lines; those are blank space.
fn is_binary(text: &[u8]) -> bool {
    let zeros = text.iter().take_while(|&&b| b == 0).count();
    let rest = &text[zeros..];
    // An object file has few zeros in front, and others behind.
    rest.contains(&0) || zeros > 0 && rest.is_empty() && text.len() < HEAD
}

fn codec(head: &[u8]) -> Codec {
    match head {
        [0x1f, 0x8b, ..] => Codec::Gzip,
        // A frame, or a skippable one in front of it (RFC 8878, 3.1.1 and 3.1.2).
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Codec::Zstd,
        [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..]
            if BZIP2_BEGINS.iter().any(|b| rest.starts_with(b)) =>
        {
            Codec::Bzip2
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Codec::Xz,
        _ => Codec::Plain,
    }
}

/// A bzip2 stream's first block, or its end where it is empty: π and √π in BCD.
const BZIP2_BEGINS: [&[u8]; 2] = [b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90"];

/// Why a file's name says that it is no log.
pub fn plainly_no_log(path: &Path) -> Option<&'static str> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "md" | "markdown" | "rst" | "html" | "htm" | "pdf" | "doc" | "docx" => Some("a document"),
        "png" | "jpg" | "jpeg" | "gif" | "svg" | "webp" | "ico" => Some("a picture"),
        "zip" | "7z" | "rar" => Some("an archive; unpack it first"),
        "so" | "exe" | "dll" | "bin" | "class" | "jar" | "pyc" => Some("a program"),
        "toml" | "yaml" | "yml" | "ini" | "conf" | "lock" => Some("a configuration"),
        "py" | "rs" | "go" | "js" | "ts" | "rb" | "java" | "sh" | "c" | "h" => Some("source code"),
        "md5" | "sha1" | "sha256" | "sig" | "asc" => Some("a checksum"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_in_front_of_lines_make_no_binary() {
        let is_text = |text: &[u8]| {
            let head = Head {
                text: text.to_vec(),
            };
            matches!(head.kind(), Kind::Text)
        };
        assert!(is_text(b"a line\n"));
        assert!(is_text(&[&[0; 300][..], b"a line\n"].concat()));
        assert!(is_text(&[0; HEAD]));
        for binary in [&b"a\0line\n"[..], b"\x7fELF\0", b"\0\0a\0", b"\0\0"] {
            assert!(!is_text(binary), "{binary:?}");
        }
    }
}
