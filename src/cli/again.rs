//! The paths and options that `triage show` needs to come to the same incidents, as words for a shell.
//!
//! In comes what was typed, out come the words that the report prints behind `triage show i1`. What
//! changes no number (form, colour, threads) is left out; a time before now is written as the moment
//! it meant, because the command is run later.

use std::ffi::OsStr;
use std::path::Path;

use jiff::Timestamp;
use triage::Moment;
use triage::render::shell_word;

use super::args::RunArgs;

/// The words of a run; `moments` are its `--since` and `--until` as they were understood.
pub fn words(args: &RunArgs, moments: [Option<Moment>; 2]) -> Vec<String> {
    let mut words: Vec<String> = args.paths.iter().map(|path| place(path)).collect();
    for path in &args.deploys {
        words.extend(["-d".to_owned(), place(path)]);
    }
    let times = [&args.since, &args.until].into_iter().zip(moments);
    let mut times = times.map(|(typed, moment)| typed.as_deref().map(|typed| (typed, moment)));
    let mut time = || times.next().flatten().map(|(typed, m)| settled(typed, m));
    let single = [
        ("--log-format", args.log_format.clone()),
        ("--tz", args.tz.clone()),
        ("--since", time()),
        ("--until", time()),
        ("--status", args.status.clone()),
        ("--window", args.window.clone()),
    ];
    for (option, value) in single {
        words.extend(value.map(|value| set(option, &value)).into_iter().flatten());
    }
    for (option, values) in [("--service", &args.service), ("--endpoint", &args.endpoint)] {
        words.extend(values.iter().flat_map(|value| set(option, value)));
    }
    if args.unsorted {
        words.push("--unsorted".to_owned());
    }
    if let Some(path) = &args.config {
        words.extend(["--config".to_owned(), place(path)]);
    }
    words
}

/// A file, so that no word begins like an option.
fn place(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let option = bytes.starts_with(b"-") && path.as_os_str() != OsStr::new("-");
    let prefix: &[u8] = if option { b"./" } else { b"" };
    shell_word(&[prefix, bytes].concat())
}

fn set(option: &str, value: &str) -> Vec<String> {
    if value.starts_with('-') {
        vec![shell_word(format!("{option}={value}").as_bytes())]
    } else {
        vec![option.to_owned(), shell_word(value.as_bytes())]
    }
}

/// `2h` as the moment it meant; what names a day or a time of day stays as it was typed.
fn settled(typed: &str, moment: Option<Moment>) -> String {
    match moment {
        Some(Moment::At(us)) if !typed.contains(['-', ':']) => {
            Timestamp::from_microsecond(us).map_or_else(|_| typed.to_owned(), |at| at.to_string())
        }
        _ => typed.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::args::Typed;
    use super::*;

    fn of(typed: &[&str], moments: [Option<Moment>; 2]) -> String {
        let all = std::iter::once("triage").chain(typed.iter().copied());
        words(&Typed::try_parse_from(all).unwrap().run, moments).join(" ")
    }

    #[test]
    fn what_changes_the_numbers_is_kept_and_quoted() {
        for (typed, expected) in [
            (
                &["logs/", "-d", "a.json", "-d", "b.csv"][..],
                "logs/ -d a.json -d b.csv",
            ),
            (&["my logs/*.gz", "--", "-odd"], "'my logs/*.gz' ./-odd"),
            (&["-", "--deploys=-odd.json"], "- -d ./-odd.json"),
            (&["l", "--tz", "-07:00"], "l --tz=-07:00"),
            (
                &["l", "--tz", "Europe/Berlin", "--status", "5xx,429"],
                "l --tz Europe/Berlin --status 5xx,429",
            ),
            (
                &[
                    "l",
                    "--service",
                    "a",
                    "--service",
                    "b*",
                    "--endpoint",
                    "POST /login",
                    "--window",
                    "5m",
                ],
                "l --window 5m --service a --service 'b*' --endpoint 'POST /login'",
            ),
            (
                &["l", "--log-format", "$remote_addr \"$request\""],
                "l --log-format '$remote_addr \"$request\"'",
            ),
            (
                &[
                    "l",
                    "--format",
                    "html",
                    "-o",
                    "r.html",
                    "--threads",
                    "2",
                    "--explain",
                    "--top",
                    "3",
                    "-q",
                ],
                "l",
            ),
        ] {
            assert_eq!(of(typed, [None, None]), expected);
        }
    }

    #[test]
    fn a_time_before_now_is_written_as_its_moment() {
        let noon = Some(Moment::At(1_712_750_400_000_000));
        assert_eq!(
            of(&["l", "--since", "2h"], [noon, None]),
            "l --since 2024-04-10T12:00:00Z"
        );
        let nine = Some(Moment::TimeOfDay { seconds: 32_400 });
        assert_eq!(
            of(&["l", "--until", "09:00"], [None, nine]),
            "l --until 09:00"
        );
        let typed = ["l", "--since", "2024-04-10 12:00"];
        assert_eq!(of(&typed, [noon, None]), "l --since '2024-04-10 12:00'");
    }
}
