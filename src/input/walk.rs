//! What the user named → the logs in it, sorted by path.
//!
//! A file that is named is read whatever it is called. In folders and archives, hidden files and
//! what is plainly no log are passed over, and that is said: archives that can't be read, pictures,
//! programs, anything with NUL bytes in its first 4 KiB of text, and what is there twice.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::hash::RandomState;
use std::io::{self, Read, Write};
use std::path::{self, Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};

use super::form::Form;
use super::head::{Head, Kind, plainly_no_log};
use super::logfile::{Codec, LogFile, Place, identity};
use super::members::members;
use super::twins::{self, Seen};

/// What a walk found.
#[derive(Debug, Default)]
pub struct Found {
    /// The logs, sorted by path, each once.
    pub files: Vec<LogFile>,
    /// What was passed over, and why.
    pub passed_over: Vec<(PathBuf, Cow<'static, str>)>,
    /// Files that could not be opened, and archives that are broken.
    pub unreadable: Vec<Error>,
    /// Standard input or a packed archive ended early because its copy could not be written.
    pub spool_error: Option<Error>,
}

/// Finds the logs among `paths`: files, folders, globs, `-`. Files in `not_logs` (the change
/// markers) are left out of folders without a word.
///
/// # Errors
/// A path that does not exist, or a glob that matches nothing.
pub fn find(paths: &[PathBuf], not_logs: &[PathBuf]) -> Result<Found> {
    let mut walk = Walk {
        not_logs: not_logs
            .iter()
            .filter_map(|p| fs::canonicalize(p).ok())
            .collect(),
        found: Found::default(),
        seen: Vec::new(),
        hasher: RandomState::new(),
    };
    let mut stdin = false;
    for path in paths {
        if path.as_os_str() == "-" {
            if !std::mem::replace(&mut stdin, true) {
                walk.spool_stdin()?;
            }
        } else if path.exists() {
            walk.add(path);
        } else {
            expand(path)?.iter().for_each(|path| walk.add(path));
        }
    }
    Ok(walk.finish())
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

/// A walk under way.
struct Walk {
    not_logs: BTreeSet<PathBuf>,
    found: Found,
    seen: Vec<Seen>,
    hasher: RandomState,
}

impl Walk {
    fn add(&mut self, path: &Path) {
        if !path.is_dir() {
            self.add_file(path, true);
            return;
        }
        let walk = walkdir::WalkDir::new(path)
            .follow_links(true)
            .sort_by_file_name();
        let visible = |entry: &walkdir::DirEntry| entry.depth() == 0 || !hidden(entry.path());
        for entry in walk.into_iter().filter_entry(visible) {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) => {
                    let marker = !self.not_logs.is_empty()
                        && fs::canonicalize(entry.path()).is_ok_and(|p| self.not_logs.contains(&p));
                    if !marker {
                        self.add_file(entry.path(), false);
                    }
                }
                Err(error) => {
                    let path = error.path().map(Path::to_path_buf).unwrap_or_default();
                    let source = error
                        .into_io_error()
                        .unwrap_or_else(|| io::Error::other("a loop of links"));
                    self.found
                        .unreadable
                        .push(Error::io("can't be read", source).at(path));
                }
            }
        }
    }

    fn add_file(&mut self, path: &Path, named: bool) {
        if !named && let Some(why) = plainly_no_log(path) {
            self.pass_over(path, why);
            return;
        }
        match LogFile::at(path) {
            Ok((file, handle)) => self.look(file, &handle, false),
            Err(source) => {
                let error = Error::io("can't be read", source).at(path);
                self.found.unreadable.push(error.hint(
                    "run as a user who may read it, or pipe it in: sudo cat FILE | triage -",
                ));
            }
        }
    }

    /// Looks at a file's first bytes and takes it, its members, or neither.
    fn look(&mut self, mut file: LogFile, handle: &Arc<File>, is_member: bool) {
        let head = match Head::of(&mut file, handle) {
            Ok(head) => head,
            Err(source) => {
                self.found
                    .unreadable
                    .push(Error::io("can't be read", source).at(&file.path));
                return;
            }
        };
        match head.kind() {
            Kind::Text => self.seen.push((file, head.digest(&self.hasher))),
            Kind::Tar if is_member => {
                self.pass_over(&file.path, "an archive in an archive; unpack it first")
            }
            Kind::Tar => self.add_members(&file, handle),
            Kind::Other(why) => self.pass_over(&file.path, why),
        }
    }

    fn add_members(&mut self, archive: &LogFile, handle: &Arc<File>) {
        let before = self.seen.len() + self.found.passed_over.len();
        let members = members(archive, handle, |path| {
            let no_log = plainly_no_log(path);
            if let Some(why) = no_log {
                self.pass_over(path, why);
            }
            no_log.is_none() && !hidden(path)
        });
        for (file, handle) in members.files {
            self.look(file, &handle, true);
        }
        if let Some(error) = members.broken {
            let error = Error::io("the archive breaks off; what comes before is read", error);
            self.found.unreadable.push(error.at(&archive.path));
        } else if before == self.seen.len() + self.found.passed_over.len() {
            self.pass_over(&archive.path, "an archive with no log in it");
        }
        if let Some(error) = members.spool_error {
            self.found.spool_error =
                Some(no_spool("the archive can't be unpacked to", error).at(&archive.path));
        }
    }

    fn pass_over(&mut self, path: &Path, why: &'static str) {
        self.found
            .passed_over
            .push((path.to_path_buf(), why.into()));
    }

    /// Copies standard input to a file without a name, so that it can be read twice.
    fn spool_stdin(&mut self) -> Result<()> {
        let temporary = |e| no_spool("standard input can't be copied to", e);
        let mut file = tempfile::tempfile().map_err(temporary)?;
        let mut input = io::stdin().lock();
        let mut buffer = vec![0u8; 1 << 20];
        let mut len = 0;
        loop {
            let n = match input.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => {
                    self.found.spool_error =
                        Some(Error::io("standard input can't be read on", e).at("-"));
                    break;
                }
            };
            if let Err(e) = file.write_all(&buffer[..n]) {
                self.found.spool_error = Some(temporary(e).at("-"));
                break;
            }
            len += n as u64;
        }
        let identity = identity(&file.metadata().map_err(temporary)?);
        let spool = Arc::new(file);
        let file = LogFile {
            path: "-".into(),
            len,
            codec: Codec::Plain,
            form: Form::Lines,
            modified_us: i64::MIN,
            identity,
            place: Place::Spool(Arc::clone(&spool)),
            begin: 0,
        };
        self.look(file, &spool, false);
        Ok(())
    }

    /// Each log once, by path.
    fn finish(self) -> Found {
        let Walk {
            mut found,
            mut seen,
            ..
        } = self;
        seen.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
        let mut first: BTreeMap<_, PathBuf> = BTreeMap::new();
        let mut again = Vec::new();
        seen.retain(|(file, _)| match first.get(&(file.identity, file.begin)) {
            Some(before) => {
                if path::absolute(before).ok() != path::absolute(&file.path).ok() {
                    again.push((
                        file.path.clone(),
                        format!("the same file as {}", before.display()),
                    ));
                }
                false
            }
            None => first
                .insert((file.identity, file.begin), file.path.clone())
                .is_none(),
        });
        let (files, twins) = twins::take(seen);
        found.files = files;
        again.extend(twins);
        again.sort();
        found
            .passed_over
            .extend(again.into_iter().map(|(path, why)| (path, why.into())));
        found
    }
}

fn hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

#[cold]
fn no_spool(what: &str, error: io::Error) -> Error {
    Error::io(format!("{what} a temporary file"), error)
        .hint("set TMPDIR to a folder with room, or write it to a file and unpack that first")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::tests::pack;

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
        write("core.gz", &pack(Codec::Gzip, b"\x7fELF\0\0"));
        write(
            "twice.gz",
            &pack(Codec::Gzip, &pack(Codec::Gzip, b"line\n")),
        );
        write("logs", b"PK\x03\x04\x14\0");
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
                ("empty.log".into(), Codec::Plain),
                ("wide.log".into(), Codec::Plain)
            ]
        );
        let passed: Vec<_> = found
            .passed_over
            .iter()
            .map(|(p, why)| (name(p), &**why))
            .collect();
        assert_eq!(
            passed,
            [
                ("README.md".into(), "a document"),
                ("core".into(), "binary"),
                ("core.gz".into(), "binary"),
                ("logs".into(), "a zip archive; unpack it with `unzip`"),
                ("twice.gz".into(), "packed twice; unpack it once first"),
            ]
        );
    }

    #[test]
    fn a_file_named_twice_or_linked_is_read_once() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("x.log");
        fs::write(&log, b"line\n").unwrap();
        std::os::unix::fs::symlink(&log, dir.path().join("y.log")).unwrap();
        fs::hard_link(&log, dir.path().join("z.log")).unwrap();
        let found = find(&[log.clone(), dir.path().to_path_buf(), log.clone()], &[]).unwrap();
        assert_eq!(
            found.files.iter().map(|f| &f.path).collect::<Vec<_>>(),
            [&log]
        );
        let why = format!("the same file as {}", log.display());
        let links = ["y.log", "z.log"].map(|name| (dir.path().join(name), why.clone().into()));
        assert_eq!(found.passed_over, links);
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
