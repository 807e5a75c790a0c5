//! `git log`: commits at the time they were made, for those who deploy what they push.
//!
//! Read in its default form (`Date:` in any format that says a time, `--stat`, `--name-only`,
//! `--name-status` and `-p` for the files), as the columns of
//! `--format='%H%x09%cI%x09%an%x09%s'`, and as JSON with the keys `commit`, `date`, `author` and
//! `subject`. A commit is not a deploy: the reader of the report is told.

use serde_json::{Map, Value, json};

use super::super::csv::Row;
use super::super::entry::{Entry, Reader};
use super::super::words;
use super::{Change, Export, Read, has};
use crate::error::Result;

/// Commits, from any of the three forms.
pub(super) const LOG: Export = Export {
    name: "git log",
    lies_at: &[""],
    is: |v| {
        let hash = v.pointer("/commit").and_then(Value::as_str);
        hash.is_some_and(is_full_hash) && has(v, &["/date", "/author", "/subject"])
    },
    read: Read::All(|entries, reader| {
        reader.note(NOT_DEPLOYED.to_owned());
        entries.iter().map(|entry| commit(*entry, reader)).collect()
    }),
};

/// What the reader of a report should know of commits.
pub(in super::super) const NOT_DEPLOYED: &str = "commits are taken for changes at the time they \
    were made; when they were deployed, git doesn't know";

fn commit(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    let mut change = reader.change(entry, &["/date"], &[])?;
    change.commit = entry.text(&["/commit"]);
    change.id = change.commit.clone().unwrap_or_default();
    change.author = entry.text(&["/author"]);
    change.description = entry.text(&["/subject"]);
    if let Some(kind) = change
        .description
        .as_deref()
        .and_then(words::kind_from_description)
    {
        change.kind = kind;
    }
    let body = entry.text(&["/body"]).unwrap_or_default();
    change.rollback_of = body
        .split_once("This reverts commit ")
        .and_then(|(_, rest)| {
            let hash: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
            is_full_hash(&hash).then_some(hash)
        });
    change.files = entry
        .list("/files")
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    Ok(change)
}

/// Whether a text is a whole commit hash: SHA-1 or SHA-256.
fn is_full_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_hash(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether these lines are all a short hash and a subject.
pub(in super::super) fn is_oneline(text: &str) -> bool {
    text.lines().take(5).all(|line| {
        let (hash, subject) = line.split_once(' ').unwrap_or((line, ""));
        is_hash(hash) && !subject.is_empty()
    })
}

/// Whether the first line begins with a whole hash and a tab, as the columns read here do.
pub(in super::super) fn is_columns(text: &str) -> bool {
    let first = text.split_once('\t');
    first.is_some_and(|(hash, _)| is_full_hash(hash))
}

/// The commits of a table without a header: hash, time, author, subject.
pub(in super::super) fn rows(rows: &[Row]) -> Option<Vec<Value>> {
    let values = rows.iter().map(|row| match row.fields.as_slice() {
        [hash, date, author, subject @ ..] if is_full_hash(hash) => Some(
            json!({"commit": hash, "date": date, "author": author, "subject": subject.join("\t")}),
        ),
        _ => None,
    });
    values.collect()
}

/// The commits of a log in its default form; `None` if the text is no such log.
pub(in super::super) fn log(text: &str) -> Option<Vec<Value>> {
    let is_log = text
        .strip_prefix("commit ")
        .is_some_and(|rest| is_full_hash(rest.split_whitespace().next().unwrap_or("")));
    if !is_log {
        return None;
    }
    let mut commits: Vec<Commit<'_>> = Vec::new();
    for line in text.lines() {
        let hash = line
            .strip_prefix("commit ")
            .and_then(|rest| rest.split_whitespace().next());
        match hash.filter(|hash| is_full_hash(hash)) {
            Some(hash) => commits.push(Commit {
                hash,
                ..Commit::default()
            }),
            None => commits.last_mut()?.line(line),
        }
    }
    Some(commits.into_iter().map(Commit::into_value).collect())
}

/// One commit of a log, as far as it is read.
#[derive(Default)]
struct Commit<'a> {
    hash: &'a str,
    author: &'a str,
    date: &'a str,
    message: Vec<&'a str>,
    files: Vec<&'a str>,
}

impl<'a> Commit<'a> {
    fn line(&mut self, line: &'a str) {
        if let Some(message) = line.strip_prefix("    ") {
            self.message.push(message.trim_end());
            return;
        }
        let header = line.split_once(':').filter(|_| self.message.is_empty());
        match header.map(|(name, value)| (name, value.trim())) {
            // `Name <address>`: the name is enough to tell who.
            Some(("Author", who)) => self.author = who.split(" <").next().unwrap_or(who),
            // The commit date is when it came to where it is; the author date may be years older.
            Some(("CommitDate", date)) => self.date = date,
            Some(("Date" | "AuthorDate", date)) if self.date.is_empty() => self.date = date,
            Some(("Merge" | "Commit", _)) => {}
            _ => self.files.extend(file_of(line)),
        }
    }

    fn into_value(self) -> Value {
        let subject = self.message.first().copied().unwrap_or("");
        let mut value = Map::new();
        value.insert("commit".to_owned(), json!(self.hash));
        value.insert("date".to_owned(), json!(self.date));
        value.insert("author".to_owned(), json!(self.author));
        value.insert("subject".to_owned(), json!(subject));
        value.insert("body".to_owned(), json!(self.message.join("\n")));
        value.insert("files".to_owned(), json!(self.files));
        Value::Object(value)
    }
}

/// The file that a line below the message names: `-p`, `--stat`, `--name-status`, `--name-only`.
fn file_of(line: &str) -> Option<&str> {
    if let Some(paths) = line.strip_prefix("diff --git a/") {
        return paths.split_once(" b/").map(|(_, new)| new);
    }
    if let Some((path, counts)) = line.strip_prefix(' ').and_then(|l| l.split_once(" | ")) {
        let is_stat = counts
            .trim_start()
            .starts_with(|c: char| c.is_ascii_digit() || c == 'B');
        return is_stat.then_some(path.trim());
    }
    let bare = line.split_once('\t').map_or(line, |(_, path)| path);
    let path = bare.rsplit('\t').next().unwrap_or(bare);
    // Lines of a patch begin with one of these; a path that does is not worth the doubt.
    let is_patch = line.starts_with([' ', '+', '-', '@', '\\'])
        || line.starts_with("index ")
        || line.starts_with("new file")
        || line.starts_with("deleted file")
        || line.starts_with("similarity")
        || line.starts_with("rename ")
        || line.starts_with("Binary files");
    (!is_patch && !path.is_empty()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::super::super::Kind;
    use super::super::story::{AT, some, told};
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn expected(hash: &str, at_us: i64, subject: &str) -> Change {
        Change {
            id: hash.to_owned(),
            commit: some(hash),
            author: some("Dana Doe"),
            description: some(subject),
            ..Change::at(at_us)
        }
    }

    #[test]
    fn the_default_form_with_a_merge_a_revert_and_files() {
        let log = format!(
            "commit {B} (HEAD -> main, tag: v2)\nMerge: 1234567 89abcde\n\
             Author: Dana Doe <dana@example.com>\nDate:   Wed Apr 10 08:58:30 2024 -0700\n\n    \
             Revert \"Add login\"\n    \n    This reverts commit {A}.\n\nsrc/auth.rs\nM\tsrc/login.rs\n \
             docs/a.md | 3 ++-\n 1 file changed, 2 insertions(+), 1 deletion(-)\n\n\
             commit {A}\nAuthor:     Dana Doe <dana@example.com>\nAuthorDate: Mon Jan 1 00:00:00 \
             2024 +0000\nCommit:     Bot <bot@example.com>\nCommitDate: Wed Apr 10 15:57:30 2024 \
             +0000\n\n    Add login\n\ndiff --git a/src/login.rs b/src/login.rs\nindex 123..456 100644\n\
             --- a/src/login.rs\n+++ b/src/login.rs\n@@ -1 +1 @@\n-old\n+new\n"
        );
        let revert = Change {
            kind: Kind::Rollback,
            rollback_of: some(A),
            files: ["src/auth.rs", "src/login.rs", "docs/a.md"]
                .map(str::to_owned)
                .into(),
            ..expected(B, AT, "Revert \"Add login\"")
        };
        let commit = Change {
            files: vec!["src/login.rs".to_owned()],
            ..expected(A, AT - 60_000_000, "Add login")
        };
        let markers = told("git log", &log);
        assert_eq!(markers.changes, [commit, revert]);
        assert_eq!(markers.notes.len(), 1);
    }

    #[test]
    fn columns_and_json_lines() {
        let tsv = format!("{A}\t2024-04-10T08:58:30-07:00\tDana Doe\tAdd login\n");
        assert_eq!(
            told("git log", &tsv).changes,
            [expected(A, AT, "Add login")]
        );
        let json = format!(
            r#"{{"commit":"{A}","date":"2024-04-10T15:58:30Z","author":"Dana Doe","subject":"Add login"}}"#
        );
        assert_eq!(
            told("git log", &json).changes,
            [expected(A, AT, "Add login")]
        );
    }

    #[test]
    fn one_line_logs_have_no_times_and_are_refused() {
        assert!(is_oneline("aaaaaaa Add login\nbbbbbbb Fix it\n"));
        assert!(!is_oneline("at,service\n1,api\n"));
        let error = super::super::super::read(
            b"aaaaaaa Add login\nbbbbbbb Fix it\n",
            std::path::Path::new("log"),
            None,
        );
        let error = error.unwrap_err();
        assert_eq!(error.to_string(), "log: `git log --oneline` says no times");
        assert!(error.hint_text().unwrap().contains("--format"));
    }
}
