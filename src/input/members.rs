//! A tar archive → its logs, each a file of its own.
//!
//! The members of a plain archive are read where they lie. Those of a packed one are unpacked once,
//! to a temporary file without a name, because every log is read by its own thread, and twice.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tar::{Archive, Entry};

use super::form::Form;
use super::logfile::{Codec, LogFile, Place, identity};

/// Packed bytes read at a time.
const STEP: usize = 256 << 10;

/// The members of an archive that may be logs.
pub struct Members {
    /// By their place in the archive.
    pub files: Vec<(LogFile, Arc<File>)>,
    /// What ended the archive early; the members before are there, and the begin of the one that
    /// was cut.
    pub broken: Option<io::Error>,
    /// What kept the unpacked members from being written.
    pub spool_error: Option<io::Error>,
}

/// The regular files in `archive` whose path `wanted` admits.
pub fn members(
    archive: &LogFile,
    handle: &Arc<File>,
    wanted: impl FnMut(&Path) -> bool,
) -> Members {
    let mut members = Members {
        files: Vec::new(),
        broken: None,
        spool_error: None,
    };
    let result = match archive.codec {
        Codec::Plain => members.in_place(archive, handle, wanted),
        _ => members.unpacked(archive, handle, wanted),
    };
    members.broken = result.err();
    members
}

impl Members {
    fn in_place(
        &mut self,
        archive: &LogFile,
        handle: &Arc<File>,
        mut wanted: impl FnMut(&Path) -> bool,
    ) -> io::Result<()> {
        let place = match &archive.place {
            Place::Path => Place::Archive(Arc::from(archive.path.as_path())),
            other => other.clone(),
        };
        let mut tar = Archive::new(archive.stored(Arc::clone(handle)));
        for entry in tar.entries_with_seek()? {
            let entry = entry?;
            let left = archive.len.saturating_sub(entry.raw_file_position());
            if let Some(path) = log_path(archive, &entry)
                && wanted(&path)
            {
                let file = LogFile {
                    path,
                    len: entry.size().min(left),
                    codec: Codec::Plain,
                    form: Form::Lines,
                    modified_us: archive.modified_us,
                    identity: archive.identity,
                    place: place.clone(),
                    begin: archive.begin + entry.raw_file_position(),
                };
                self.files.push((file, Arc::clone(handle)));
            }
            if entry.size() > left {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    fn unpacked(
        &mut self,
        archive: &LogFile,
        handle: &Arc<File>,
        mut wanted: impl FnMut(&Path) -> bool,
    ) -> io::Result<()> {
        let spool = match tempfile::tempfile()
            .and_then(|file| Ok((identity(&file.metadata()?), Arc::new(file))))
        {
            Ok(spool) => spool,
            Err(error) => {
                self.spool_error = Some(error);
                return Ok(());
            }
        };
        let (identity, spool) = spool;
        let mut end = 0;
        let mut tar = Archive::new(BufReader::new(archive.text(Arc::clone(handle), STEP)));
        for entry in tar.entries()? {
            let mut entry = entry?;
            let Some(path) = log_path(archive, &entry).filter(|path| wanted(path)) else {
                continue;
            };
            let begin = end;
            let broken = copy(&mut entry, &spool, &mut end, &mut self.spool_error);
            let file = LogFile {
                path,
                len: end - begin,
                codec: Codec::Plain,
                form: Form::Lines,
                modified_us: i64::MIN,
                identity,
                place: Place::Spool(Arc::clone(&spool)),
                begin,
            };
            self.files.push((file, Arc::clone(&spool)));
            broken?;
            if self.spool_error.is_some() {
                break;
            }
        }
        Ok(())
    }
}

/// Copies a member to the end of the spool, until one of the two fails.
fn copy(
    member: &mut impl Read,
    mut spool: &File,
    end: &mut u64,
    failed: &mut Option<io::Error>,
) -> io::Result<()> {
    let mut buffer = vec![0; STEP];
    loop {
        let n = match member.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        if let Err(error) = spool.write_all(&buffer[..n]) {
            *failed = Some(error);
            return Ok(());
        }
        *end += n as u64;
    }
}

/// The name under which a member is shown, if it is a regular file.
fn log_path(archive: &LogFile, entry: &Entry<'_, impl Read>) -> Option<PathBuf> {
    if !entry.header().entry_type().is_file() {
        return None;
    }
    let path = entry.path().ok()?;
    // `..` and a leading `/` are names like others here: nothing is written under them.
    Some(
        path.components()
            .fold(archive.path.clone(), |shown, name| match name {
                std::path::Component::Normal(name) => shown.join(name),
                _ => shown,
            }),
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::input::logfile::Codec;
    use crate::input::tests::{numbered_lines, pack, read_text};
    use crate::input::{Found, find};

    fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, bytes) in members {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, *bytes).unwrap();
        }
        tar.into_inner().unwrap()
    }

    fn found_in(name: &str, archive: &[u8]) -> (Found, Vec<(String, Vec<u8>)>) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(name), archive).unwrap();
        let found = find(&[dir.path().to_path_buf()], &[]).unwrap();
        let name = |i: usize| {
            found.files[i]
                .path
                .strip_prefix(dir.path())
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        };
        let texts = (0..found.files.len())
            .map(|i| (name(i), read_text(&found.files, i)))
            .collect();
        (found, texts)
    }

    #[test]
    fn each_log_in_a_tar_archive_is_a_log_of_its_own_packed_or_not() {
        let (api, web) = (numbered_lines(6_000_000), b"web\n".to_vec());
        let long = format!("{}/web.log", "deep".repeat(40));
        let archive = tar(&[
            ("var/log/api.log", &api),
            ("README.md", b"no log"),
            ("core", b"\x7fELF\0"),
            ("._api.log", b"a resource fork"),
            ("empty.log", b""),
            ("inner.tar", &tar(&[("x", b"x\n")])),
            ("var/log/old.log.1.gz", &pack(Codec::Gzip, b"old\n")),
            (&long, &web),
        ]);
        for (name, codec) in [
            ("logs.tar", Codec::Plain),
            ("logs.tgz", Codec::Gzip),
            ("l.tar.zst", Codec::Zstd),
        ] {
            let (found, texts) = found_in(name, &pack(codec, &archive));
            let expected: Vec<(String, Vec<u8>)> = [
                (long.as_str(), &web[..]),
                ("empty.log", b""),
                ("var/log/api.log", &api),
                ("var/log/old.log.1.gz", b"old\n"),
            ]
            .map(|(path, text)| (format!("{name}/{path}"), text.to_vec()))
            .to_vec();
            assert!(
                texts == expected,
                "{:?}",
                texts.iter().map(|t| &t.0).collect::<Vec<_>>()
            );
            let why: Vec<&str> = found.passed_over.iter().map(|(_, why)| &**why).collect();
            assert_eq!(
                why,
                [
                    "a document",
                    "binary",
                    "an archive in an archive; unpack it first"
                ]
            );
        }
    }

    #[test]
    fn an_archive_that_breaks_off_gives_what_comes_before_and_says_so() {
        let text = numbered_lines(300_000);
        let archive = tar(&[("a.log", b"whole\n"), ("b.log", &text)]);
        let packed = pack(Codec::Gzip, &archive);
        for (name, broken) in [
            ("l.tar", &archive[..200_000]),
            ("l.tar.gz", &packed[..packed.len() / 2]),
        ] {
            let (found, texts) = found_in(name, broken);
            assert_eq!(texts[0], (format!("{name}/a.log"), b"whole\n".to_vec()));
            assert!(
                texts[1].1.len() > 50_000 && text.starts_with(&texts[1].1),
                "{name}"
            );
            assert_eq!(found.unreadable.len(), 1);
            assert!(
                found.unreadable[0].to_string().contains("breaks off"),
                "{}",
                found.unreadable[0]
            );
        }
    }

    #[test]
    fn an_archive_without_a_log_is_passed_over() {
        let (found, texts) = found_in("l.tar", &tar(&[]));
        assert!(texts.is_empty() && found.files.is_empty());
    }
}
