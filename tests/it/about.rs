//! What the command tells of itself.

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
