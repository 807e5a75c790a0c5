//! README.md's examples do what they say: each is run as it stands there. Its tables of formats and
//! exports are those that are read.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use regex::Regex;
use serde_json::Value;

use crate::support::{AUTH_OUTAGE, ROOT, list, read_text, run, text};

/// The first two commands build and install; a test does neither.
const LEFT_OUT: usize = 2;

/// The commands in the ```console blocks of a text: the lines that begin with `$ `, each with the
/// lines that a `\` at its end goes on with.
fn commands(text: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut inside = false;
    let mut goes_on = false;
    for line in text.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            inside = !inside && language.trim() == "console";
            goes_on = false;
            continue;
        }
        match line.strip_prefix("$ ") {
            _ if !inside => continue,
            Some(command) => commands.push(command.into()),
            None if goes_on => {
                let more = commands.last_mut().unwrap();
                *more = format!(
                    "{}{}",
                    more.trim_end_matches('\\'),
                    line.trim_start_matches("> ").trim_start()
                );
            }
            None => continue,
        }
        goes_on = line.ends_with('\\');
    }
    commands
}

#[test]
fn the_screen_it_shows_is_the_programs() {
    let readme = read_text("README.md");
    let (_, after) = readme.split_once("```text\n").unwrap();
    let (screen, _) = after.split_once("```").unwrap();
    let table = run(&AUTH_OUTAGE.args()).stdout;
    assert!(table.starts_with(screen), "{table}");
}

#[test]
fn every_example_runs() {
    let examples: Vec<String> = commands(&read_text("README.md"))
        .into_iter()
        .skip(LEFT_OUT)
        .filter(|command| command.starts_with("triage "))
        .collect();
    assert!(
        !examples.is_empty(),
        "README.md shows no `$ triage …` in a ```console block"
    );
    let binary = Path::new(env!("CARGO_BIN_EXE_triage")).parent().unwrap();
    let path = std::env::join_paths(
        std::iter::once(binary.to_path_buf())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let path = path.unwrap();
    let jq = Command::new("jq").arg("--version").output().is_ok();
    for example in examples {
        let asks_jq = example.contains("| jq");
        if asks_jq && !jq {
            continue;
        }
        let output = Command::new("sh")
            .args(["-c", &example])
            .current_dir(ROOT)
            .env("PATH", &path)
            .env_remove("TRIAGE_CONFIG")
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{example}\n{stderr}");
        assert!(
            !asks_jq || !output.stdout.trim_ascii().is_empty(),
            "{example}: nothing printed\n{stderr}"
        );
    }
}

#[test]
fn commands_are_found_in_console_blocks_only() {
    let text = "$ triage a\n```console\n$ triage b \\\n>   --json\noutput\n$ cargo c\n```\n```sh\n$ triage d\n```\n```console\n$ triage e\n```\n";
    assert_eq!(commands(text), ["triage b --json", "cargo c", "triage e"]);
}

/// How the README calls the shapes, in its order.
const SHAPES: [(&str, &str); 9] = [
    ("delimited", "text in fixed places"),
    ("json", "JSON"),
    ("logfmt", "logfmt"),
    ("ltsv", "LTSV"),
    ("w3c", "W3C"),
    ("csv", "CSV"),
    ("pattern", "odd columns"),
    (
        "prose",
        "application lines with a method, a path and a status",
    ),
    ("plain", "application lines, no requests"),
];

/// The formats by shape, each with its page.
fn formats() -> String {
    let listed: Value = serde_json::from_str(&run(&["formats", "--json"]).stdout).unwrap();
    let mut table = "| lines | formats |\n|---|---|\n".to_owned();
    let mut rows = 0;
    for (shape, lines) in SHAPES {
        let of_shape: Vec<String> = list(&listed["formats"])
            .iter()
            .filter(|format| format["shape"] == shape)
            .map(|format| format!("[{}]({})", text(&format["name"]), text(&format["url"])))
            .collect();
        rows += of_shape.len();
        table += &format!("| {lines} | {} |\n", of_shape.join(" · "));
    }
    assert_eq!(
        rows,
        list(&listed["formats"]).len(),
        "a shape without a name"
    );
    let around: Vec<&str> = list(&listed["envelopes"]).iter().map(text).collect();
    table + &format!("| around any of them | {} |\n", around.join(" · "))
}

/// The exports' names, as the source has them.
fn exports() -> String {
    let name = Regex::new(r#"\b(?:name: |row\(\s*)"([^"]+)""#).unwrap();
    let mut names = BTreeSet::new();
    for file in std::fs::read_dir(Path::new(ROOT).join("src/changes/export")).unwrap() {
        let file = file.unwrap();
        if !file.file_type().unwrap().is_file() {
            continue;
        }
        let source = std::fs::read_to_string(file.path()).unwrap();
        let (code, _tests) = source.split_once("#[cfg(test)]").unwrap_or((&source, ""));
        names.extend(name.captures_iter(code).map(|found| found[1].to_owned()));
    }
    assert!(names.len() > 20, "{names:?}");
    let names: Vec<String> = names.into_iter().collect();
    names.join(" · ") + "\n"
}

/// The text with what stands between a table's marks replaced.
fn with_table(text: &str, name: &str, table: &str) -> String {
    let (before, rest) = text.split_once(&format!("<!-- {name}:")).unwrap();
    let (mark, rest) = rest.split_once("-->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    format!("{before}<!-- {name}:{mark}-->\n{table}<!-- end -->{after}")
}

#[test]
fn the_tables_are_those_of_what_is_read() {
    let readme = read_text("README.md");
    let wanted = with_table(&readme, "formats", &formats());
    let wanted = with_table(&wanted, "exports", &exports());
    if std::env::var_os("TRIAGE_UPDATE_README").is_some() {
        std::fs::write(Path::new(ROOT).join("README.md"), &wanted).unwrap();
        return;
    }
    assert!(
        readme == wanted,
        "README.md is stale: TRIAGE_UPDATE_README=1 cargo test readme"
    );
}
