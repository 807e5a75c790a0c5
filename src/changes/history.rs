//! Histories that tools keep as plain text: apt's `history.log` and Capistrano's `revisions.log`.
//!
//! Comes in: text. Goes out: one JSON object for each entry, with native keys, or `None` for a text
//! of another form. Knows nothing of what becomes of the entries.

use serde_json::{Map, Value, json};

/// The form of apt's log.
pub(super) const APT: &str = "apt history.log";
/// The form of Capistrano's log.
pub(super) const CAPISTRANO: &str = "Capistrano revisions.log";

/// The entries of apt's log: stanzas of `Key: value` lines from `Start-Date` to `End-Date`, in local
/// time. <https://manpages.debian.org/stable/apt/apt.conf.5.en.html> (`Dir::Log::History`)
pub(super) fn apt(text: &str) -> Option<Vec<Value>> {
    if !text.starts_with("Start-Date: ") {
        return None;
    }
    let stanzas = text.split("Start-Date: ").skip(1).map(|stanza| {
        let mut lines = stanza.lines();
        let mut entry = Map::from_iter([
            ("kind".to_owned(), json!("infra")),
            ("started_at".to_owned(), json!(lines.next().unwrap_or(""))),
        ]);
        let mut changed = Vec::new();
        for line in lines {
            let Some((key, value)) = line.split_once(": ") else {
                continue;
            };
            match key {
                "End-Date" => _ = entry.insert("finished_at".to_owned(), json!(value)),
                "Requested-By" => {
                    let name = value.split(' ').next().unwrap_or(value);
                    entry.insert("author".to_owned(), json!(name));
                }
                "Commandline" => _ = entry.insert("commandline".to_owned(), json!(value)),
                "Error" => _ = entry.insert("status".to_owned(), json!("failed")),
                _ => changed.push(format!("{key}: {value}")),
            }
        }
        entry.insert("description".to_owned(), json!(changed.join("; ")));
        Value::Object(entry)
    });
    Some(stanzas.collect())
}

/// The entries of Capistrano's log; a release goes by the time it was made, in UTC. A rollback is
/// logged without a time, and follows as one without.
/// <https://github.com/capistrano/capistrano/blob/master/lib/capistrano/tasks/deploy.rake>
pub(super) fn capistrano(text: &str) -> Option<Vec<Value>> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let entries: Vec<Option<Value>> = lines.map(line).collect();
    entries
        .iter()
        .any(Option::is_some)
        .then(|| entries.into_iter().flatten().collect())
}

/// `Branch main (at 9f3c51a) deployed as release 20240410155830 by dana`, or
/// `dana rolled back to release 20240410155000`.
fn line(line: &str) -> Option<Value> {
    if let Some((author, release)) = line.split_once(" rolled back to release ") {
        return Some(
            json!({"kind": "rollback", "author": author, "version": release.trim(), "description": line}),
        );
    }
    let (what, rest) = line
        .strip_prefix("Branch ")?
        .split_once(" deployed as release ")?;
    let (release, author) = rest.split_once(" by ")?;
    let commit = what
        .rsplit_once("(at ")
        .map(|(_, sha)| sha.trim_end_matches(')'));
    let time = release
        .get(..14)
        .filter(|t| t.bytes().all(|b| b.is_ascii_digit()))?;
    Some(json!({
        "deployed_at_utc": time, "version": release, "commit": commit, "author": author.trim(),
        "description": line,
    }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Kind, read};

    /// 2024-04-10T15:58:30Z in µs, by `date -u -d 2024-04-10T15:58:30Z +%s`.
    const AT: i64 = 1_712_764_710_000_000;

    #[test]
    fn a_stanza_of_apt_is_one_change() {
        let text = "\nStart-Date: 2024-04-10  15:58:30\nCommandline: apt-get upgrade\n\
                    Requested-By: dana (1000)\nUpgrade: nginx:amd64 (1.18.0-6, 1.18.0-7)\n\
                    End-Date: 2024-04-10  15:59:30\n\nStart-Date: 2024-04-11  00:00:00\n\
                    Remove: php:amd64 (8.1)\nEnd-Date: 2024-04-11  00:00:05\n";
        let markers = read(text.as_bytes(), Path::new("history.log"), None).unwrap();
        assert_eq!(
            (markers.source, markers.changes.len()),
            ("apt history.log", 2)
        );
        let upgrade = &markers.changes[0];
        assert_eq!((upgrade.at_us, upgrade.kind), (AT, Kind::Infra));
        assert_eq!(upgrade.finished_us, Some(AT + 60_000_000));
        assert_eq!(upgrade.author.as_deref(), Some("dana"));
        assert_eq!(
            upgrade.description.as_deref(),
            Some("Upgrade: nginx:amd64 (1.18.0-6, 1.18.0-7)")
        );
        assert!(markers.assumed_utc);
    }

    #[test]
    fn a_release_of_capistrano_is_dated_by_its_name_and_a_rollback_by_nothing() {
        let text = "Branch main (at 9f3c51a) deployed as release 20240410155830 by dana\n\
                    dana rolled back to release 20240409120000\n";
        let markers = read(text.as_bytes(), Path::new("revisions.log"), None).unwrap();
        assert_eq!(markers.source, "Capistrano revisions.log");
        let [release] = markers.changes.as_slice() else {
            panic!("{markers:?}")
        };
        assert_eq!(
            (release.at_us, release.commit.as_deref()),
            (AT, Some("9f3c51a"))
        );
        assert_eq!(release.version.as_deref(), Some("20240410155830"));
        assert!(!markers.assumed_utc);
        assert!(
            markers.notes[0].starts_with("left out: marker 2 has no time"),
            "{:?}",
            markers.notes
        );
    }
}
