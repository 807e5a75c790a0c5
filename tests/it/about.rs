//! What the command tells of itself.

use std::process::Command;

use crate::support::*;

#[test]
fn each_shell_gets_completions_that_know_options_and_subcommands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let told = run(&["completions", shell]);
        assert_eq!((told.code, &*told.stderr), (Some(0), ""), "{shell}");
        for word in ["deploys", "show", "formats"] {
            assert!(told.stdout.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(run(&["completions", "tcsh"]).code, Some(2));
}

#[test]
fn fish_completes_options_behind_a_path_and_behind_a_subcommand() {
    let script = run(&["completions", "fish"]).stdout;
    assert!(script.contains("if contains -- \"$argv[1]\" formats show "));
    assert!(script.contains("2>/dev/null\n    or return 0\n"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("triage.fish");
    std::fs::write(&file, script).unwrap();
    let offered = |typed: &str| {
        let asked = format!("source {}; complete -C '{typed}'", file.display());
        let fish = Command::new("fish")
            .args(["--no-config", "-c", &asked])
            .output();
        fish.ok()
            .map(|told| String::from_utf8(told.stdout).unwrap())
    };
    for (typed, expected) in [
        ("triage logs/ --dep", "--deploys"),
        ("triage logs/ --format ", "markdown"),
        ("triage --format ", "markdown"),
        ("triage show i1 logs/ --whe", "--where"),
        ("triage sho", "show"),
    ] {
        // Where fish is not installed, the script alone is looked at.
        let Some(offered) = offered(typed) else {
            return;
        };
        assert!(offered.contains(expected), "{typed}: {offered}");
    }
}

#[test]
fn manual_pages_name_every_option_of_the_help() {
    for page in [&[][..], &["show"], &["formats"], &["changes"]] {
        let told = run(&[&["man"], page].concat());
        assert!(told.stdout.contains(".TH triage"), "{page:?}");
        let help = run(&[page, &["--help"]].concat()).stdout;
        let options: Vec<&str> = help
            .split_whitespace()
            .filter(|word| word.starts_with("--") && word.len() > 3)
            .map(|word| word.trim_end_matches([',', '.', ';', ')', ']']))
            .collect();
        assert!(options.len() > 5, "{help}");
        let man = told.stdout.replace("\\-", "-");
        for option in options {
            assert!(man.contains(option), "{page:?}: {option}");
        }
    }
    let none = run(&["man", "nothing"]);
    assert_eq!((none.code, &*none.stdout), (Some(2), ""));
}

#[test]
fn the_schema_is_the_one_that_is_published() {
    assert_eq!(
        run(&["schema"]).stdout,
        read_text("docs/schema/report-1.schema.json")
    );
}
