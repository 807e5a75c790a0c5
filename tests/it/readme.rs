//! README.md's examples do what they say: each is run as it stands there.

use std::path::Path;
use std::process::Command;

use crate::support::{ROOT, read_text};

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
