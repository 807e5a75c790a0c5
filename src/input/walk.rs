//! What the user named → the log files in it, sorted by path.
//!
//! A file that is named is read whatever it is called. In folders, hidden files and what is plainly
//! no log are passed over, and that is said: archives of other kinds, pictures, programs, and
//! anything with NUL bytes in its first 4 KiB.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use crate::error::{Error, Result};

/// How a file's bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    Plain,
    /// gzip (RFC 1952), any number of members.
    Gzip,
}

/// A file to read.
#[derive(Debug, Clone)]
pub struct LogFile {
    /// Where it is; for display too. `-` is standard input.
    pub path: PathBuf,
    /// Its length when it was first seen: nothing beyond that is read.
    pub len: u64,
    /// How its bytes are packed.
    pub codec: Codec,
    /// When it was last written, in µs since the epoch.
    pub modified_us: i64,
    /// Device and inode, so that a file that takes its name later is told apart.
    pub identity: (u64, u64),
    /// The spooled content of standard input.
    pub(super) spool: Option<Arc<File>>,
}

/// What a walk found.
#[derive(Debug, Default)]
pub struct Found {
    /// The logs, sorted by path, each once.
    pub files: Vec<LogFile>,
    /// What was passed over, and why.
    pub passed_over: Vec<(PathBuf, &'static str)>,
    /// Files that could not be opened.
    pub unreadable: Vec<Error>,
    /// Standard input ended early because its copy could not be written.
    pub spool_error: Option<Error>,
}

/// Finds the logs among `paths`: files, folders, globs, `-`. Files in `not_logs` (the change
/// markers) are left out of folders without a word.
///
/// # Errors
/// A path that does not exist, or a glob that matches nothing.
pub fn find(paths: &[PathBuf], not_logs: &[PathBuf]) -> Result<Found> {
    let not_logs: BTreeSet<PathBuf> = not_logs
        .iter()
        .filter_map(|p| fs::canonicalize(p).ok())
        .collect();
    let mut found = Found::default();
    for path in paths {
        if path.as_os_str() == "-" {
            found.spool_stdin()?;
        } else if path.exists() {
            found.add(path, &not_logs);
        } else {
            for path in expand(path)? {
                found.add(&path, &not_logs);
            }
        }
    }
    found.files.sort_by(|a, b| a.path.cmp(&b.path));
    found.files.dedup_by_key(|f| f.path.clone());
    let mut seen = BTreeSet::new();
    found
        .files
        .retain(|f| f.spool.is_some() || seen.insert(f.identity));
    Ok(found)
}

/// The files that a glob matches.
fn expand(pattern: &Path) -> Result<Vec<PathBuf>> {
    let no_such = || {
        Error::io("no such file or folder", None)
            .at(pattern)
            .hint("name a log file, a folder of logs, or `-` for standard input")
    };
    let text = pattern
        .to_str()
        .filter(|t| t.contains(['*', '?', '[']))
        .ok_or_else(no_such)?;
    let glob = globset::GlobBuilder::new(text)
        .literal_separator(true)
        .build()
        .map_err(|e| Error::config(format!("not a glob: {}", e.kind())).at(pattern))?
        .compile_matcher();
    // The walk begins at the last folder before the first wildcard.
    let base: PathBuf = pattern
        .components()
        .take_while(|c| !c.as_os_str().to_string_lossy().contains(['*', '?', '[']))
        .collect();
    let start = if base.as_os_str().is_empty() {
        Path::new(".")
    } else {
        &base
    };
    let matches: Vec<PathBuf> = walkdir::WalkDir::new(start)
        .sort_by_file_name()
        .into_iter()
        .filter_map(|entry| entry.ok())
        .map(|entry| entry.into_path())
        .filter(|path| glob.is_match(path.strip_prefix("./").unwrap_or(path)))
        .collect();
    if matches.is_empty() {
        Err(no_such())
    } else {
        Ok(matches)
    }
}

impl Found {
    fn add(&mut self, path: &Path, not_logs: &BTreeSet<PathBuf>) {
        if !path.is_dir() {
            self.add_file(path, true);
            return;
        }
        let walk = walkdir::WalkDir::new(path)
            .follow_links(true)
            .sort_by_file_name();
        let visible = |entry: &walkdir::DirEntry| {
            entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".")
        };
        for entry in walk.into_iter().filter_entry(visible) {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) => {
                    let marker = !not_logs.is_empty()
                        && fs::canonicalize(entry.path()).is_ok_and(|p| not_logs.contains(&p));
                    if !marker {
                        self.add_file(entry.path(), false);
                    }
                }
                Err(error) => {
                    let path = error.path().map(Path::to_path_buf).unwrap_or_default();
                    let source = error
                        .into_io_error()
                        .unwrap_or_else(|| io::Error::other("a loop of links"));
                    self.unreadable
                        .push(Error::io("can't be read", source).at(path));
                }
            }
        }
    }

    fn add_file(&mut self, path: &Path, named: bool) {
        if !named && let Some(why) = plainly_no_log(path) {
            self.passed_over.push((path.to_path_buf(), why));
            return;
        }
        match LogFile::open(path) {
            Ok((file, head)) => match binary(&file, &head) {
                Some(why) => self.passed_over.push((path.to_path_buf(), why)),
                None => self.files.push(file),
            },
            Err(source) => {
                let error = Error::io("can't be read", source).at(path);
                self.unreadable.push(error.hint(
                    "run as a user who may read it, or pipe it in: sudo cat FILE | triage -",
                ));
            }
        }
    }

    /// Copies standard input to a file without a name, so that it can be read twice.
    fn spool_stdin(&mut self) -> Result<()> {
        let temporary = |e| {
            Error::io("standard input can't be copied to a temporary file", e)
                .hint("set TMPDIR to a folder with room, or write the input to a file first")
        };
        let mut file = tempfile::tempfile().map_err(temporary)?;
        let mut input = io::stdin().lock();
        let mut buffer = vec![0u8; 1 << 20];
        let mut head = Vec::new();
        let mut len = 0;
        loop {
            let n = match input.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => {
                    self.spool_error =
                        Some(Error::io("standard input can't be read on", e).at("-"));
                    break;
                }
            };
            if head.len() < HEAD {
                head.extend_from_slice(&buffer[..n.min(HEAD)]);
            }
            if let Err(e) = file.write_all(&buffer[..n]) {
                self.spool_error = Some(temporary(e).at("-"));
                break;
            }
            len += n as u64;
        }
        let file = LogFile {
            path: "-".into(),
            len,
            codec: codec(&head),
            modified_us: i64::MIN,
            identity: (0, 0),
            spool: Some(Arc::new(file)),
        };
        match binary(&file, &head) {
            Some(why) => self.passed_over.push(("-".into(), why)),
            None => self.files.push(file),
        }
        Ok(())
    }
}

/// Bytes read of each file to tell what it is.
const HEAD: usize = 4096;

impl LogFile {
    /// Looks at a file: its facts and its first bytes.
    fn open(path: &Path) -> io::Result<(LogFile, Vec<u8>)> {
        // Asked before opening: to open a named pipe waits for its writer.
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::other("not a regular file; pipe it in with `-`"));
        }
        let mut file = File::open(path)?;
        let facts = file.metadata()?;
        let mut head = vec![0u8; HEAD];
        let mut filled = 0;
        while filled < HEAD {
            match file.read(&mut head[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        head.truncate(filled);
        let modified = facts
            .modified()
            .ok()
            .and_then(|t| t.duration_since(UNIX_EPOCH).ok());
        let file = LogFile {
            path: path.to_path_buf(),
            len: facts.len(),
            codec: codec(&head),
            modified_us: modified.map_or(i64::MIN, |d| d.as_micros() as i64),
            identity: identity(&facts),
            spool: None,
        };
        Ok((file, head))
    }
}

/// Device and inode.
pub(super) fn identity(facts: &fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (facts.dev(), facts.ino())
}

fn codec(head: &[u8]) -> Codec {
    if head.starts_with(b"\x1f\x8b") {
        Codec::Gzip
    } else {
        Codec::Plain
    }
}

/// Why a file's first bytes can't be text.
fn binary(file: &LogFile, head: &[u8]) -> Option<&'static str> {
    if file.codec == Codec::Gzip {
        return None;
    }
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Some("UTF-16 text; convert it with `iconv -f UTF-16 -t UTF-8`");
    }
    head.contains(&0).then_some("binary")
}

/// Why a file's name says that it is no log.
fn plainly_no_log(path: &Path) -> Option<&'static str> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "md" | "markdown" | "rst" | "html" | "htm" | "pdf" | "doc" | "docx" => Some("a document"),
        "png" | "jpg" | "jpeg" | "gif" | "svg" | "webp" | "ico" => Some("a picture"),
        "zip" | "7z" | "rar" | "tar" | "tgz" => Some("an archive; unpack it first"),
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
    fn a_folder_gives_its_logs_in_order_and_says_what_it_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
        fs::create_dir(dir.path().join("b")).unwrap();
        write("b/access.log", b"line\n");
        write("a.log.gz", b"\x1f\x8b\x08");
        write(".hidden", b"line\n");
        write("deploys.json", b"[]");
        write("core", b"\x7fELF\0\0");
        write("README.md", b"# logs");
        write("wide.log", b"\xff\xfeG\0E\0T\0");
        write("empty.log", b"");
        let markers = [dir.path().join("deploys.json")];
        let found = find(&[dir.path().to_path_buf()], &markers).unwrap();
        let name = |p: &Path| {
            p.strip_prefix(dir.path())
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        };
        let files: Vec<_> = found
            .files
            .iter()
            .map(|f| (name(&f.path), f.codec))
            .collect();
        assert_eq!(
            files,
            [
                ("a.log.gz".into(), Codec::Gzip),
                ("b/access.log".into(), Codec::Plain),
                ("empty.log".into(), Codec::Plain)
            ]
        );
        let passed: Vec<_> = found
            .passed_over
            .iter()
            .map(|(p, why)| (name(p), *why))
            .collect();
        assert_eq!(
            passed,
            [
                ("README.md".into(), "a document"),
                ("core".into(), "binary"),
                (
                    "wide.log".into(),
                    "UTF-16 text; convert it with `iconv -f UTF-16 -t UTF-8`"
                )
            ]
        );
    }

    #[test]
    fn a_file_named_twice_or_linked_is_read_once() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("x.log");
        fs::write(&log, b"line\n").unwrap();
        std::os::unix::fs::symlink(&log, dir.path().join("y.log")).unwrap();
        let found = find(&[log.clone(), dir.path().to_path_buf(), log.clone()], &[]).unwrap();
        assert_eq!(
            found.files.iter().map(|f| &f.path).collect::<Vec<_>>(),
            [&log]
        );
    }

    #[test]
    fn globs_match_files_and_nothing_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.log", "b.log", "c.txt"] {
            fs::write(dir.path().join(name), b"line\n").unwrap();
        }
        let found = find(&[dir.path().join("*.log")], &[]).unwrap();
        assert_eq!(found.files.len(), 2);
        let error = find(&[dir.path().join("nothing.log")], &[]).unwrap_err();
        assert!(
            error.is_io() && error.to_string().contains("no such file or folder"),
            "{error}"
        );
        assert!(find(&[dir.path().join("*.gz")], &[]).is_err());
    }
}
