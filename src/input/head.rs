//! What a file's name and first bytes tell: packed, an archive, a log, or nothing to read.
//!
//! A packed file is looked at through its packing, so a picture in gzip is no log either.

use std::hash::BuildHasher;
use std::io;
use std::path::Path;
use std::sync::Arc;

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
        file.codec = Codec::Plain;
        let (text, error) = read(file);
        if let Some(error) = error {
            return Err(error);
        }
        file.codec = codec(&text);
        match file.codec {
            Codec::Plain => Ok(Head { text }),
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
        if ARCHIVES.iter().any(|magic| text.starts_with(magic)) {
            return Kind::Other("an archive; unpack it first");
        }
        if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
            return Kind::Other("UTF-16 text; convert it with `iconv -f UTF-16 -t UTF-8`");
        }
        if text.contains(&0) {
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

/// zip, 7z, rar, lz4, lzop and compress: not read here.
const ARCHIVES: &[&[u8]] = &[
    b"PK\x03\x04",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"\x04\x22\x4d\x18",
    b"\x89LZO\0",
    b"\x1f\x9d",
];

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
