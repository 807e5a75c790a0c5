//! The plan of src/, kept: which room may use which, and what only one room may do.
//!
//! Reads the source as text, without comments, texts and test code. A room is a module at the top;
//! an edge is a path that begins with `crate::`, or climbs there by `super::`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

use crate::support::ROOT;

/// Who may use whom, besides `error` and the standard library. A room uses only rooms above it, so
/// that the data goes one way.
const ROOMS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("record", &[]),
    ("stats", &[]),
    ("lanes", &[]),
    ("input", &["lanes"]),
    ("timestamp", &["record"]),
    ("format", &["lanes", "record", "timestamp"]),
    ("endpoint", &["lanes"]),
    ("sketch", &[]),
    ("signature", &[]),
    ("query", &["endpoint", "record"]),
    ("aggregate", &["record", "endpoint", "lanes", "sketch"]),
    (
        "reading",
        &["input", "format", "query", "record", "timestamp"],
    ),
    (
        "scan",
        &[
            "reading",
            "query",
            "input",
            "format",
            "endpoint",
            "aggregate",
            "record",
            "timestamp",
        ],
    ),
    ("series", &["aggregate"]),
    ("detect", &["series", "stats"]),
    ("changes", &["timestamp"]),
    (
        "zoom",
        &[
            "reading",
            "query",
            "input",
            "format",
            "endpoint",
            "lanes",
            "sketch",
            "signature",
            "aggregate",
            "record",
            "timestamp",
            // Of `scan` the facts on blocks, of `series` the names of endpoints, of `detect` what
            // makes a request a bad one.
            "scan",
            "series",
            "detect",
        ],
    ),
    ("confirm", &["detect", "zoom", "series", "sketch", "stats"]),
    ("blame", &["confirm", "zoom", "changes", "stats"]),
    ("report", &[ALL_ABOVE]),
    ("analysis", &[ALL_ABOVE]),
    ("render", &["report"]),
    // The command uses what the library makes public, as `triage::…`.
    ("cli", &[]),
];

const ALL_ABOVE: &str = "all above";

/// A file of src/, by its path there, with everything blanked that is no code of the product.
struct Source {
    path: PathBuf,
    code: String,
}

static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
    let src = Path::new(ROOT).join("src");
    let files: Vec<(PathBuf, String)> = walkdir::WalkDir::new(&src)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension() == Some("rs".as_ref()))
        .map(|path| {
            let code = without_text(&std::fs::read_to_string(&path).unwrap());
            (path.strip_prefix(&src).unwrap().to_path_buf(), code)
        })
        .collect();
    let tests: Vec<PathBuf> = files
        .iter()
        .flat_map(|(path, code)| test_modules(path, code))
        .collect();
    let is_test = |path: &Path| {
        tests
            .iter()
            .any(|t| path.starts_with(t) || path == t.with_extension("rs"))
    };
    files
        .into_iter()
        .filter(|(path, _)| !is_test(path))
        .map(|(path, code)| Source {
            path,
            code: without_tests(&code),
        })
        .collect()
});

impl Source {
    /// Names of the modules from the crate's root to this file: `blame/lag.rs` → blame, lag.
    fn module(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .path
            .with_extension("")
            .iter()
            .map(|name| name.to_str().unwrap().to_owned())
            .collect();
        if names.last().is_some_and(|name| name == "mod") {
            names.pop();
        }
        names
    }

    fn room(&self) -> String {
        self.module()[0].clone()
    }

    /// Number of the line that an offset lies in.
    fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }
}

/// Comments, texts and characters replaced by spaces; lines stay.
fn without_text(code: &str) -> String {
    static TEXT: LazyLock<Regex> = LazyLock::new(|| {
        // Raw texts are tried with up to two hashes; the product uses no more.
        let alternatives = [
            r"//[^\n]*",
            r"(?s:/\*.*?\*/)",
            r###"(?s:b?r##".*?"##)"###,
            r##"(?s:b?r#".*?"#)"##,
            r#"(?s:b?r".*?")"#,
            r#"(?s:b?"(?:\\.|[^"\\])*")"#,
            r"b?'(?:\\[^u\n]|\\x[0-9a-fA-F]{2}|\\u\{[0-9a-fA-F]+\}|[^'\\\n])'",
        ];
        Regex::new(&alternatives.join("|")).unwrap()
    });
    let blank = |found: &regex::Captures<'_>| -> String {
        found[0]
            .chars()
            .map(|c| if c == '\n' { '\n' } else { ' ' })
            .collect()
    };
    TEXT.replace_all(code, blank).into_owned()
}

/// The files and folders of modules that exist in tests only (`#[cfg(test)] mod x;`), without `.rs`.
fn test_modules(path: &Path, code: &str) -> Vec<PathBuf> {
    static MODULE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"#\[cfg\(test\)\]\s*(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;").unwrap()
    });
    let own_folder = match path.file_stem().and_then(|s| s.to_str()) {
        Some("mod" | "lib" | "main") => path.parent().unwrap().to_path_buf(),
        _ => path.with_extension(""),
    };
    MODULE
        .captures_iter(code)
        .map(|found| own_folder.join(&found[1]))
        .collect()
}

/// The code without each item under `#[cfg(test)]`, which ends at its `;` or closing brace.
fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..at]);
        let item = &rest[at..];
        let mut depth = 0;
        let end = item.char_indices().find_map(|(i, c)| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            (depth == 0 && matches!(c, ';' | '}')).then_some(i + 1)
        });
        let (gone, after) = item.split_at(end.unwrap_or(item.len()));
        kept.extend(gone.chars().filter(|c| *c == '\n'));
        rest = after;
    }
    kept + rest
}

/// The rooms that a file names, each with the line where it does.
fn edges(source: &Source) -> Vec<(String, usize)> {
    static PATH: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\b(crate|super)((?:\s*::\s*super)*)\s*::\s*(\{|\w+)").unwrap()
    });
    let depth = source.module().len();
    let mut edges = Vec::new();
    for path in PATH.captures_iter(&source.code) {
        let climbs = match &path[1] {
            "crate" => depth,
            _ => 1 + path[2].matches("super").count(),
        };
        let begin = path.get(3).unwrap();
        if climbs < depth || &path[3] == "super" {
            continue;
        }
        let line = source.line(path.get(0).unwrap().start());
        if &path[3] == "{" {
            edges.extend(
                first_names(&source.code[begin.end()..])
                    .into_iter()
                    .map(|name| (name, line)),
            );
        } else {
            edges.push((path[3].to_owned(), line));
        }
    }
    edges.retain(|(name, _)| *name != source.room());
    edges
}

/// The first name of each path in a group: `a::{b, c}, d}` → a, d.
fn first_names(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut names = vec![String::new()];
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(String::new()),
            _ if depth == 0 => names.last_mut().unwrap().push(c),
            _ => {}
        }
    }
    let first = |path: &String| {
        path.trim()
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
            .unwrap_or("")
            .to_owned()
    };
    names
        .iter()
        .map(first)
        .filter(|name| !name.is_empty())
        .collect()
}

/// For each room the rooms that it may use.
fn allowed() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut allowed = BTreeMap::new();
    for (i, (room, uses)) in ROOMS.iter().enumerate() {
        let mut all = BTreeSet::from(["error"]);
        for used in *uses {
            match *used {
                ALL_ABOVE => all.extend(ROOMS[..i].iter().map(|(name, _)| *name)),
                name => _ = all.insert(name),
            }
        }
        if *room == "cli" {
            all.clear();
        }
        allowed.insert(*room, all);
    }
    allowed
}

/// Every `word` in the rooms that `here` picks, as `file:line`.
fn places(word: &str, here: impl Fn(&str) -> bool) -> Vec<String> {
    let word = Regex::new(word).unwrap();
    let mut places = Vec::new();
    for source in SOURCES.iter().filter(|s| here(&s.room())) {
        for found in word.find_iter(&source.code) {
            places.push(format!(
                "{}:{}: {}",
                source.path.display(),
                source.line(found.start()),
                found.as_str()
            ));
        }
    }
    places
}

#[test]
fn each_room_uses_only_the_rooms_that_it_may() {
    let allowed = allowed();
    let mut found = 0;
    let mut forbidden = Vec::new();
    for source in SOURCES
        .iter()
        .filter(|s| !matches!(s.room().as_str(), "lib" | "main"))
    {
        let Some(may) = allowed.get(source.room().as_str()) else {
            panic!("{} belongs to no room in ROOMS", source.path.display());
        };
        for (used, line) in edges(source) {
            found += 1;
            if !may.contains(used.as_str()) {
                forbidden.push(format!(
                    "{}:{line}: {} uses {used}",
                    source.path.display(),
                    source.room()
                ));
            }
        }
    }
    assert!(
        forbidden.is_empty(),
        "edges that ROOMS does not have:\n{}",
        forbidden.join("\n")
    );
    // Guards the reading itself: a pattern that finds nothing forbids nothing.
    assert!(found > 80, "only {found} edges found");
}

#[test]
fn rooms_use_only_rooms_above_them() {
    let place: BTreeMap<&str, usize> = ROOMS
        .iter()
        .enumerate()
        .map(|(i, (room, _))| (*room, i))
        .collect();
    for (room, uses) in ROOMS {
        for used in uses.iter().filter(|u| **u != ALL_ABOVE) {
            let above = place
                .get(used)
                .unwrap_or_else(|| panic!("{room} uses {used}, which is no room"));
            assert!(*above < place[room], "{room} is above {used}");
        }
    }
}

#[test]
fn every_room_is_there_and_has_its_row() {
    let rooms: BTreeSet<String> = ROOMS.iter().map(|(room, _)| room.to_string()).collect();
    let there: BTreeSet<String> = SOURCES
        .iter()
        .map(Source::room)
        .filter(|room| !matches!(room.as_str(), "lib" | "main"))
        .collect();
    assert_eq!(there, rooms);
}

#[test]
fn only_the_command_knows_clock_environment_terminal_and_exit() {
    let outside = |room: &str| !matches!(room, "cli" | "main");
    for word in [
        r"\bSystemTime\b",
        r"\bInstant\b",
        r"\bstd\s*::\s*env\b",
        r"\benv\s*::\s*\w+",
        r"\bis_terminal\b",
        r"\bIsTerminal\b",
        r"\bprocess\s*::\s*\w+",
        r"\bTimestamp\s*::\s*now\b",
        r"\bZoned\s*::\s*now\b",
        r"\bTimeZone\s*::\s*system\b",
        r"\be?print(?:ln)?!",
        r"\bdbg!",
        r"\bstdout\s*\(",
        r"\bstderr\s*\(",
    ] {
        assert_eq!(places(word, outside), Vec::<String>::new(), "{word}");
    }
    // `use std::{env, …}` would hide from the words above.
    assert_eq!(places(r"\bstd\s*::\s*\{", outside), Vec::<String>::new());
    // That the words would be found: the command does know them.
    assert!(!places(r"\bSystemTime\b", |room| room == "cli").is_empty());
}

#[test]
fn only_input_reads_files() {
    let elsewhere = |room: &str| !matches!(room, "input" | "cli" | "main");
    for word in [
        r"\bstd\s*::\s*fs\b",
        r"\bFile\s*::",
        r"\bstdin\s*\(",
        r"\btempfile\s*::",
        r"\bmemmap2\b",
        r"\blibc\b",
    ] {
        assert_eq!(places(word, elsewhere), Vec::<String>::new(), "{word}");
    }
}

#[test]
fn what_is_unsafe_maps_files_or_compares_many_bytes_at_once() {
    // All but the first two call, or are, what needs the instructions that `lanes` has found.
    let known = [
        "endpoint/marks.rs",
        "lanes.rs",
        "aggregate.rs",
        "format/cells.rs",
        "format/glance.rs",
        "format/json.rs",
        "format/keyed.rs",
        "format/logfmt.rs",
        "format/ltsv.rs",
        "format/pattern/runs.rs",
        "format/prose/built.rs",
        "format/track.rs",
        "scan.rs",
        "zoom/glance.rs",
    ];
    let unsafe_places = places(r"\bunsafe\b", |room| room != "input");
    assert!(
        unsafe_places
            .iter()
            .all(|place| known.iter().any(|file| place.starts_with(file))),
        "{unsafe_places:?}"
    );
}

#[test]
fn threads_read_and_look_at_endpoints_side_by_side_and_nobody_else_knows_of_them() {
    let elsewhere = |room: &str| {
        !matches!(
            room,
            "reading" | "analysis" | "series" | "detect" | "confirm" | "report"
        )
    };
    for word in [
        r"\brayon\b",
        r"\bthread\s*::\s*(?:spawn|scope|Builder)\b",
        r"\bMutex\b",
        r"\bRwLock\b",
    ] {
        let found: Vec<String> = places(word, elsewhere)
            .into_iter()
            // Who takes the next block is settled under input's own lock.
            .filter(|place| !(place.starts_with("input/") && place.ends_with("Mutex")))
            // How far a run has come is shown beside it.
            .filter(|place| !place.starts_with("cli/progress.rs"))
            .collect();
        assert_eq!(found, Vec::<String>::new(), "{word}");
    }
}

#[test]
fn counts_are_integers_until_the_series() {
    let counting = |room: &str| {
        matches!(
            room,
            "record" | "input" | "endpoint" | "aggregate" | "reading" | "scan" | "query"
        )
    };
    assert_eq!(places(r"\bf(?:32|64)\b", counting), Vec::<String>::new());
}

#[test]
fn code_is_told_from_text_and_tests() {
    let code = "use crate::a; // crate::b\nlet t = \"crate::c \\\" crate::d\"; 'x' b'\"' r#\"crate::e\"#\n#[cfg(test)]\nmod tests { use crate::f; fn g() {} }\nuse crate::{h::{i, j}, k};\n";
    let source = Source {
        path: "z/y.rs".into(),
        code: without_tests(&without_text(code)),
    };
    let found: Vec<(String, usize)> = edges(&source);
    assert_eq!(found, [("a".into(), 1), ("h".into(), 5), ("k".into(), 5)]);
    let climbing = Source {
        path: "z/y.rs".into(),
        code: "super::x::w(); super::super::v::u();".into(),
    };
    assert_eq!(edges(&climbing), [("v".into(), 1)]);
}
