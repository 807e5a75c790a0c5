//! The numbers of every form are the JSON's where a log has it all: two incidents, one of errors and one
//! of slowness, named users, versions, a zone; and the names in it are hostile, in each field.

use std::path::Path;
use std::process::Command;

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::Value;

use crate::forms::{figures_are_the_jsons, of_all, words};
use crate::support::*;

/// 2024-06-03T06:00:00+02:00.
const SIX: i64 = 1_717_387_200;

/// Six hours of a shop, a request a second and endpoint. From 09:00:10 until 09:40 version 2.0 fails
/// three of five payments; from 11:00 on searches take eight times as long. One in 300 fails anyway.
/// What a stranger may choose (agent, query, user) or a colleague (service, version) is `attack`.
fn shop(folder: &Path, attack: &str) {
    let mut log = String::new();
    let mut say = |second: i64, path: &str, status: u16, ms: i64, version: &str, n: i64| {
        let at = jiff::Timestamp::from_second(SIX + second).unwrap();
        let at = at.display_with_offset(jiff::tz::offset(2)).to_string();
        let line = serde_json::json!({
            "time": at, "service": format!("shop{attack}"), "method": "POST", "path": path, "status": status,
            "duration_ms": ms, "version": format!("{version}{attack}"), "user_id": format!("u{}{attack}", n % 211),
            "client_ip": format!("198.51.100.{}", n % 211), "user_agent": attack,
        });
        log += &format!("{line}\n");
    };
    for second in 0..6 * 3_600 {
        let bad = (10_810..13_200).contains(&second);
        let version = if bad { "2.0" } else { "1.9" };
        let usual = if second % 300 == 7 { 500 } else { 200 };
        let status = if bad && second % 5 < 3 { 502 } else { usual };
        say(
            second,
            "/v1/pay",
            status,
            40 + second * 37 % 41,
            version,
            second * 31,
        );
        let slow = if second >= 5 * 3_600 { 8 } else { 1 };
        say(
            second,
            "/v1/search",
            usual,
            (50 + second * 29 % 47) * slow,
            version,
            second * 17,
        );
        say(
            second,
            "/v1/cart",
            usual,
            20 + second * 13 % 23,
            version,
            second * 7,
        );
    }
    std::fs::write(folder.join("shop.log"), log).unwrap();
    let marker = |id: &str, at: &str, kind: &str, version: &str| {
        serde_json::json!({
            "id": format!("{id}{attack}"), "at": at, "kind": kind, "service": format!("shop{attack}"),
            "version": format!("{version}{attack}"), "author": attack, "description": attack, "url": attack,
        })
    };
    let markers = serde_json::json!([
        marker("d-1", "2024-06-03T09:00:00+02:00", "deploy", "2.0"),
        marker("d-2", "2024-06-03T09:39:30+02:00", "rollback", "1.9"),
        marker("f-1", "2024-06-03T10:59:40+02:00", "flag", ""),
    ]);
    std::fs::write(folder.join("deploys.json"), markers.to_string()).unwrap();
}

fn in_form(folder: &Path, options: &[&str]) -> Run {
    let mut command = triage();
    command.current_dir(folder);
    let output = command
        .args(["shop.log", "-d", "deploys.json"])
        .args(options)
        .output()
        .unwrap();
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn parsed(page: &str) -> Document<'_> {
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(page, options).unwrap()
}

#[test]
fn errors_and_slowness_have_the_jsons_numbers_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    shop(folder.path(), "");
    let json = report_of(&in_form(folder.path(), &["--json"]));
    let signals: Vec<&str> = list(&json["incidents"])
        .iter()
        .map(|i| text(&i["signal"]))
        .collect();
    assert_eq!(signals, ["errors", "latency"]);
    let guilty = &json["incidents"][0]["suspects"][0];
    assert_eq!(
        (&guilty["change"], list(&json["incidents"]).len()),
        (&"d-1".into(), 2)
    );
    let html = in_form(folder.path(), &["--format", "html"]).stdout;
    let figures = figures_are_the_jsons(&html, &json);
    assert!(figures >= 60, "only {figures} figures");
    let page = parsed(&html);
    let read: String = page
        .descendants()
        .filter(Node::is_text)
        .filter_map(|n| n.text())
        .collect();
    let forms = [
        ("table", words(&in_form(folder.path(), &[]).stdout)),
        (
            "Markdown",
            words(&in_form(folder.path(), &["--format", "markdown"]).stdout),
        ),
        ("page", words(&read)),
    ];
    for incident in list(&json["incidents"]) {
        let [failures, affected] = of_all(&incident["impact"]);
        let said = [
            failures,
            affected,
            text(&incident["onset"])[11..19].to_owned(),
            text(&incident["onset_low"])[11..19].to_owned(),
        ];
        for (name, form) in &forms {
            for said in &said {
                assert!(
                    form.contains(said.as_str()),
                    "{said} is not in the {name}:\n{form}"
                );
            }
        }
    }
    // The failures of the first incident, counted from the log by another way.
    let log = std::fs::read_to_string(folder.path().join("shop.log")).unwrap();
    let first = &json["incidents"][0];
    // An incident's requests are those up to its last failure, which may lie behind the estimated end.
    let (onset, end) = (text(&first["onset"]), text(&first["end"]));
    let end = end.max(text(&first["last_failure"]));
    let at = |time: &str| time.parse::<jiff::Timestamp>().unwrap();
    let counted = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["path"] == "/v1/pay" && line["status"].as_u64().unwrap() >= 500)
        .filter(|line| (at(onset)..=at(end)).contains(&at(text(&line["time"]))));
    assert_eq!(first["impact"]["errors"], counted.count() as u64);
}

/// Paths as people have them, which a shell would take apart.
const LOGS: &str = "the shop's $(logs) & \"more\"";

#[cfg(unix)]
#[test]
fn the_commands_that_reports_print_run_and_show_the_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join(LOGS);
    std::fs::create_dir(&logs).unwrap();
    shop(&logs, "");
    let move_to = |name: &str| folder.path().join(name);
    std::fs::rename(logs.join("deploys.json"), move_to("-d 1.json")).unwrap();
    std::fs::write(move_to("flags.csv"), "id,at\nf-9,2024-06-03 08:00\n").unwrap();
    let run_in = |command: &mut Command| {
        let output = command.current_dir(folder.path()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        String::from_utf8(output.stdout).unwrap()
    };
    let options = ["--tz", "-07:00", "--status", "5xx", "--service", "sh*p"];
    let typed = |format: &str| {
        run_in(
            triage()
                .args([LOGS, "--deploys=-d 1.json", "-d", "flags.csv"])
                .args(options)
                .args(["--format", format]),
        )
    };
    let json: Value = serde_json::from_str(&typed("json")).unwrap();
    let draft = typed("markdown");
    let commands: Vec<&str> = draft
        .lines()
        .filter(|line| line.starts_with("triage show"))
        .collect();
    let page = typed("html");
    let page = parsed(&page);
    let of_page: Vec<&str> = page
        .descendants()
        .filter(|n| n.has_tag_name("kbd"))
        .filter_map(|n| n.text())
        .filter(|text| text.starts_with("triage show"))
        .collect();
    assert_eq!(of_page, commands);
    let table = typed("table").replace("\\\n", "");
    for command in commands.iter().filter(|c| !c.contains("--count")) {
        assert!(
            words(&table).contains(&words(command)),
            "{command}\n{table}"
        );
    }
    for incident in list(&json["incidents"]) {
        for suspect in list(&incident["suspects"]) {
            let next = format!("{} ", text(&suspect["next"]));
            assert!(commands.iter().any(|command| command.starts_with(&next)));
        }
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_triage")).parent().unwrap();
    let paths = std::env::var_os("PATH").unwrap();
    let paths = std::iter::once(binary.to_path_buf()).chain(std::env::split_paths(&paths));
    let paths = std::env::join_paths(paths).unwrap();
    let shell = |command: &str| {
        let mut sh = Command::new("sh");
        sh.env("PATH", &paths).env_remove("TRIAGE_CONFIG");
        run_in(sh.args(["-c", command]))
    };
    let (mut lines, mut counts, mut endpoints) = (0, 0, 0);
    for command in commands {
        let incident = list(&json["incidents"])
            .iter()
            .find(|i| command.starts_with(&format!("triage show {} ", text(&i["id"]))))
            .unwrap();
        let told = shell(command);
        if !command.contains("--count") {
            let errors = incident["impact"]["errors"].as_u64().unwrap();
            // At most 1,000 lines are shown unless more are asked for.
            assert_eq!(told.lines().count() as u64, errors.min(1_000), "{command}");
            lines += 1;
            continue;
        }
        let all: Vec<&str> = told.lines().last().unwrap().split_whitespace().collect();
        let of = match command.split_once("'endpoint=POST ") {
            Some((_, name)) => {
                endpoints += 1;
                let hits = list(&incident["endpoints"]).iter();
                hits.clone()
                    .find(|hit| text(&hit["endpoint"]) == name.trim_end_matches('\''))
                    .unwrap()
            }
            None if command.contains("--where") => continue,
            None => {
                counts += 1;
                &incident["impact"]
            }
        };
        assert_eq!(
            all[..3],
            [
                "all",
                &of["requests"].to_string(),
                &of["errors"].to_string()
            ],
            "{command}"
        );
    }
    assert_eq!((lines, counts), (2, 2));
    assert!(endpoints >= 2, "{endpoints}");
}

/// What drives terminals, turns text around, hides, or is markup, a link, a mention or a formula elsewhere.
const ATTACKS: [&str; 5] = [
    "\u{1b}[2J\u{9b}31m\u{202e}\u{2066}\u{200b}\u{feff}\r\n",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "](javascript:alert(1)) ![x](https://evil.example/x.png) <https://evil.example>",
    "`|@everyone #1 https://evil.example www.evil.example|`",
    "=HYPERLINK(\"https://evil.example\")",
];

#[test]
fn names_users_and_versions_of_strangers_stay_text_in_every_output() {
    use pulldown_cmark::{Event, Options, Parser, Tag};
    for attack in ATTACKS {
        let folder = tempfile::tempdir().unwrap();
        shop(folder.path(), attack);
        let look = |options: &[&str]| {
            let run = in_form(folder.path(), options);
            assert_eq!(run.code, Some(0), "{attack:?}: {}", run.stderr);
            let shown = run.stdout.chars().chain(run.stderr.chars());
            let bad = |c: char| {
                c != '\n' && c.is_control() || "\u{202e}\u{2066}\u{200b}\u{feff}".contains(c)
            };
            assert_eq!(
                shown.filter(|c| bad(*c)).collect::<String>(),
                "",
                "{options:?}"
            );
            run.stdout
        };
        let json: Value = serde_json::from_str(&look(&["--json"])).unwrap();
        assert!(!list(&json["incidents"]).is_empty());
        for line in look(&["--format", "ndjson"]).lines() {
            serde_json::from_str::<Value>(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        }
        look(&[]);
        let ascii = look(&["--ascii", "--explain"]);
        assert!(ascii.is_ascii(), "{ascii}");
        let page = look(&["--format", "html"]);
        for node in parsed(&page).descendants().filter(Node::is_element) {
            let name = node.tag_name().name();
            assert!(!matches!(name, "script" | "img" | "iframe"), "{node:?}");
            let link = node
                .attribute("href")
                .is_none_or(|to| to.starts_with("#incident-"));
            assert!(
                link && node.attributes().all(|a| !a.name().starts_with("on")),
                "{node:?}"
            );
        }
        let draft = look(&["--format", "markdown"]);
        let mut code = 0;
        for event in Parser::new_ext(&draft, Options::ENABLE_TABLES | Options::ENABLE_GFM) {
            match event {
                Event::Start(Tag::CodeBlock(_)) => code += 1,
                Event::End(pulldown_cmark::TagEnd::CodeBlock) => code -= 1,
                // GitHub links addresses and mentions in running text, not in code.
                Event::Text(text) if code == 0 => {
                    for sign in ["@every", "https:", "www.", "#1"] {
                        assert!(!text.contains(sign), "{text}\n{draft}");
                    }
                }
                Event::Html(_)
                | Event::InlineHtml(_)
                | Event::Start(Tag::Link { .. } | Tag::Image { .. }) => {
                    panic!("{event:?}\n{draft}")
                }
                _ => {}
            }
        }
        let shown = |more: &[&str]| {
            let mut command = triage();
            command.current_dir(folder.path());
            let output = command
                .args(["show", "i1", "shop.log", "-d", "deploys.json", "-n", "3"])
                .args(more)
                .output()
                .unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        for text in [shown(&[]), shown(&["--count"])] {
            assert!(!text.is_empty());
            assert!(
                text.chars().all(|c| c == '\n' || !c.is_control()),
                "{text:?}"
            );
        }
    }
}
