//! The forms of one report say the same: each number in the table, in Markdown and in HTML is the
//! JSON's, and hostile logs harm none of them.

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::Value;

use crate::support::*;

fn form(sample: &Sample, options: &[&str]) -> String {
    let mut args = sample.args();
    args.extend(options.iter().map(|o| o.to_string()));
    let run = run(&args);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run.stdout
}

fn parsed(page: &str) -> Document<'_> {
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(page, options).unwrap()
}

/// Words with one space between them, as they are read.
pub fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// All text of an element.
fn text_of(node: Node) -> String {
    let texts = node.descendants().filter(Node::is_text);
    words(&texts.filter_map(|n| n.text()).collect::<String>())
}

/// What a person reads as a number: its value, and by how much rounding may have moved it. Of
/// `>99 %` and the like: the bound, and how far it is open.
fn read_back(shown: &str) -> (f64, f64) {
    let shown = shown
        .replace('\u{a0}', " ")
        .replace('−', "-")
        .replace(',', "");
    if shown == "under 1 s" {
        return (0.5, 0.5);
    }
    let open = shown.starts_with(['<', '>']);
    let mut value = 0.0;
    let mut half_a_digit = 0.0;
    let mut parts = shown
        .trim_start_matches(['<', '>', '+'])
        .split(' ')
        .peekable();
    while let Some(part) = parts.next() {
        let (digits, glued) = part.split_at(part.trim_end_matches('×').len());
        assert!(glued.is_empty() || glued == "×", "{shown}");
        let unit = match parts.next() {
            None => 1.0,
            Some("%") => 0.01,
            Some("ms") => 0.001,
            Some("s") => 1.0,
            Some("min") => 60.0,
            Some("h") => 3_600.0,
            Some("d") => 86_400.0,
            Some(other) => panic!("{other} in {shown}"),
        };
        let decimals = digits.split_once('.').map_or(0, |(_, after)| after.len());
        value += unit * digits.parse::<f64>().unwrap_or_else(|_| panic!("{shown}"));
        half_a_digit = unit * 0.5 * 0.1_f64.powi(decimals as i32);
    }
    (
        value,
        if open {
            0.010_000_1
        } else {
            half_a_digit * 1.000_001
        },
    )
}

#[test]
fn numbers_are_read_back_as_people_do() {
    assert_eq!(read_back("1,127").0, 1_127.0);
    assert!((read_back("21.6\u{a0}%").0 - 0.216).abs() < 1e-12);
    assert_eq!(read_back("2 h 2 min").0, 7_320.0);
    assert_eq!(read_back("−4.02").0, -4.02);
    assert_eq!(read_back("31×").0, 31.0);
}

/// Compares each `data` and `time` of a page with the JSON's, as value and as it is read; how many numbers
/// there were.
pub fn figures_are_the_jsons(html: &str, report: &Value) -> usize {
    let page = parsed(html);
    let mut figures = 0;
    for node in page.descendants().filter(|n| n.has_tag_name("data")) {
        let key = node.attribute("data-key").unwrap();
        let told: f64 = node.attribute("value").unwrap().parse().unwrap();
        let json = number(report.pointer(key).unwrap_or(&Value::Null));
        assert_eq!(told, json, "{key}");
        let shown = text_of(node);
        // A range names its unit once, at its end: `13.8–16.4 %`.
        let share = key.ends_with("share_low") && !shown.ends_with('%');
        let shown = if share { format!("{shown} %") } else { shown };
        let (read, rounding) = read_back(&shown);
        // A lag's direction is said in words.
        let json = if key.ends_with("lag_s") {
            json.abs()
        } else {
            json
        };
        // Of 10 minutes and more, durations have no seconds; of two days, no minutes.
        let rounding = if shown.ends_with("min") {
            rounding.max(30.0)
        } else {
            rounding
        };
        assert!((read - json).abs() <= rounding, "{key}: {shown} for {json}");
        figures += 1;
    }
    for node in page.descendants().filter(|n| n.has_tag_name("time")) {
        let key = node.attribute("data-key").unwrap();
        let json = text(report.pointer(key).unwrap());
        assert_eq!(node.attribute("datetime"), Some(json), "{key}");
        assert!(text_of(node).contains(&json[11..19]), "{key}: {json}");
    }
    figures
}

#[test]
fn every_figure_of_the_page_is_the_jsons_and_reads_as_it() {
    for (sample, at_least) in [(&AUTH_OUTAGE, 100), (&NOT_THE_DEPLOY, 60), (&QUIET_DAY, 20)] {
        let html = form(sample, &["--format", "html"]);
        let figures = figures_are_the_jsons(&html, sample.report());
        assert!(
            figures >= at_least,
            "{}: only {figures} figures",
            sample.name
        );
    }
}

/// `1127` → `1,127`.
fn with_commas(n: u64) -> String {
    if n < 1_000 {
        n.to_string()
    } else {
        format!("{},{:03}", with_commas(n / 1_000), n % 1_000)
    }
}

fn whole(value: &Value) -> String {
    with_commas(
        value
            .as_u64()
            .unwrap_or_else(|| panic!("no whole number: {value}")),
    )
}

/// `1,127 of 5,213`: the requests that failed, and the users hit.
pub fn of_all(impact: &Value) -> [String; 2] {
    let users = &impact["users"];
    [
        (&impact["errors"], &impact["requests"]),
        (&users["affected"], &users["active"]),
    ]
    .map(|(part, all)| format!("{} of {}", whole(part), whole(all)))
}

#[test]
fn table_markdown_and_page_say_what_the_json_says() {
    for sample in [&AUTH_OUTAGE, &NOT_THE_DEPLOY] {
        let json = sample.report();
        let page = form(sample, &["--format", "html"]);
        let forms = [
            ("table", words(&form(sample, &[]))),
            ("Markdown", words(&form(sample, &["--format", "markdown"]))),
            ("page", text_of(parsed(&page).root_element())),
        ];
        for incident in list(&json["incidents"]) {
            let impact = &incident["impact"];
            let users = &impact["users"];
            let [failures, affected] = of_all(impact);
            let mut said = vec![
                failures,
                affected,
                format!("{:.1} %", 100.0 * number(&impact["error_rate"])),
                format!("{:.1} %", 100.0 * number(&users["share"])),
                format!(
                    "{:.1}–{:.1} %",
                    100.0 * number(&users["share_low"]),
                    100.0 * number(&users["share_high"])
                ),
            ];
            for time in ["onset", "onset_low", "onset_high", "end"] {
                said.push(text(&incident[time])[11..19].to_owned());
            }
            for endpoint in list(&incident["endpoints"]).iter().take(2) {
                said.push(format!("{:.1} %", 100.0 * number(&endpoint["error_rate"])));
                said.push(format!(
                    "{} {}",
                    text(&endpoint["method"]),
                    text(&endpoint["endpoint"])
                ));
            }
            let p = number(&incident["unexplained_probability"]);
            said.push(match p {
                p if p < 0.01 => "<1 %".to_owned(),
                p if p > 0.99 => ">99 %".to_owned(),
                p => format!("{:.0} %", 100.0 * p),
            });
            for (name, form) in &forms {
                for said in &said {
                    assert!(
                        form.contains(said.as_str()),
                        "{}: {said} is not in the {name}:\n{form}",
                        sample.name
                    );
                }
            }
        }
        for endpoint in list(&json["endpoints"]).iter().take(10) {
            let (errors, requests) = (whole(&endpoint["errors"]), whole(&endpoint["requests"]));
            let rate = 100.0 * number(&endpoint["error_rate"]);
            let rate = format!("{rate:.*} %", if rate < 0.995 { 2 } else { 1 });
            assert!(
                forms[0].1.contains(&format!("{errors} {rate} {requests} ")),
                "{errors} {rate} {requests}"
            );
            assert!(
                forms[2].1.contains(&format!("{errors}of {requests}{rate}")),
                "{errors} {rate} {requests}"
            );
        }
    }
}

#[test]
fn the_drafts_tables_have_the_jsons_numbers() {
    for sample in [&AUTH_OUTAGE, &NOT_THE_DEPLOY] {
        let draft = form(sample, &["--format", "markdown"]);
        let rows: Vec<Vec<&str>> = draft
            .lines()
            .filter(|line| line.starts_with("| "))
            .map(|line| line.trim_matches(['|', ' ']).split(" | ").collect())
            .collect();
        for incident in list(&sample.report()["incidents"]) {
            for hit in list(&incident["endpoints"]) {
                let name = format!("`{} {}`", text(&hit["method"]), text(&hit["endpoint"]));
                let row = rows
                    .iter()
                    .find(|row| row[0] == name)
                    .unwrap_or_else(|| panic!("{name}\n{draft}"));
                assert_eq!(
                    (row[2], row[3]),
                    (
                        whole(&hit["requests"]).as_str(),
                        whole(&hit["errors"]).as_str()
                    )
                );
                for (cell, key) in [(row[4], "error_rate"), (row[5], "baseline_error_rate")] {
                    let (read, rounding) = read_back(cell);
                    assert!(
                        (read - number(&hit[key])).abs() <= rounding,
                        "{name}: {cell}"
                    );
                }
            }
            for suspect in list(&incident["suspects"]).iter().take(1) {
                for evidence in list(&suspect["evidence"]) {
                    let nats = format!("{:+.2}", number(&evidence["nats"])).replace('-', "−");
                    let kind = text(&evidence["kind"]).replace('_', " ");
                    assert!(
                        rows.iter().any(|row| row[0] == nats && row[1] == kind),
                        "{nats} {kind}\n{draft}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_table_in_ascii_has_nothing_else_and_says_the_same() {
    for sample in [&AUTH_OUTAGE, &NOT_THE_DEPLOY, &QUIET_DAY] {
        let ascii = form(sample, &["--ascii", "--explain"]);
        assert!(ascii.is_ascii(), "{ascii}");
        let digits = |text: &str| -> Vec<String> {
            let numbers = text.split(|c: char| !c.is_ascii_digit());
            numbers
                .filter(|n| !n.is_empty())
                .map(str::to_owned)
                .collect()
        };
        // The lines are broken at other places: only the words may differ, not the numbers.
        assert_eq!(digits(&ascii), digits(&form(sample, &["--explain"])));
    }
}

#[test]
fn a_quiet_day_is_said_to_be_one_in_every_form() {
    for format in ["markdown", "html"] {
        let text = form(&QUIET_DAY, &["--format", format]);
        assert!(text.contains("No incident found"), "{text}");
    }
}

#[test]
fn a_report_goes_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    let printed = form(&AUTH_OUTAGE, &["--format", "html"]);
    let nothing = form(
        &AUTH_OUTAGE,
        &["--format", "html", "-o", path.to_str().unwrap()],
    );
    assert_eq!(nothing, "");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), printed);
}

/// What a stranger may send for a path and a user agent.
const ATTACKS: [&str; 6] = [
    "<script>alert(1)</script>",
    "'><img/src=x/onerror=alert(1)>",
    "](javascript:alert(1))[@everyone",
    "`#1`|a|`",
    "=cmd|'/C'!A0",
    "\u{202e}\u{200b}\x1b[2J",
];

#[test]
fn hostile_logs_and_markers_stay_text() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = String::new();
    // An hour without errors, then half of the requests fail for half an hour.
    for minute in 0..120_usize {
        for i in 0..60_usize {
            let attack = ATTACKS[i % ATTACKS.len()];
            let failing = (60..90).contains(&minute) && i % 2 == 0;
            log += &format!(
                "10.0.{}.{} - - [10/Apr/2024:{:02}:{:02}:{:02} +0000] \"GET /x/{attack} HTTP/1.1\" {} 12 \"-\" \"{attack}\"\n",
                i % 7,
                i,
                8 + minute / 60,
                minute % 60,
                i,
                if failing { 500 } else { 200 },
            );
        }
    }
    let logs = folder.path().join("<b>web.access.log");
    std::fs::write(&logs, log).unwrap();
    let marker = |i: usize, attack: &&str| {
        serde_json::json!({
            "id": format!("d-{i}{attack}"), "kind": "deploy", "service": attack, "version": attack,
            "at": format!("2024-04-10T08:5{i}:00Z"), "description": attack, "author": attack,
            "commit": attack, "url": format!("javascript:{attack}"), "files": [attack],
        })
    };
    let markers: Vec<Value> = ATTACKS
        .iter()
        .enumerate()
        .map(|(i, a)| marker(i, a))
        .collect();
    let deploys = folder.path().join("deploys.json");
    std::fs::write(&deploys, Value::from(markers).to_string()).unwrap();
    let args = |format: &str| {
        [
            logs.to_str().unwrap(),
            "-d",
            deploys.to_str().unwrap(),
            "--format",
            format,
        ]
        .map(str::to_owned)
    };
    let report = report_of(&run(&args("json")));
    assert!(
        !list(&report["incidents"]).is_empty(),
        "the story has no incident"
    );

    let page = run(&args("html")).stdout;
    let document = parsed(&page);
    for node in document.descendants().filter(Node::is_element) {
        assert!(
            !matches!(node.tag_name().name(), "script" | "img" | "a" | "iframe"),
            "{node:?}"
        );
        assert!(
            node.attributes().all(|a| !a.name().starts_with("on")),
            "{node:?}"
        );
    }
    assert!(text_of(document.root_element()).contains("<script>alert(1)</script>"));

    let draft = run(&args("markdown")).stdout;
    let table = run(&args("table")).stdout;
    for (name, text) in [("page", &page), ("draft", &draft), ("table", &table)] {
        let bad = |c: char| c == '\x1b' || c == '\u{202e}' || c == '\u{200b}';
        assert!(!text.contains(bad), "{name}: {text}");
    }
    use pulldown_cmark::{Event, Options, Parser, Tag};
    for event in Parser::new_ext(&draft, Options::ENABLE_TABLES) {
        let harmful = matches!(
            event,
            Event::Html(_)
                | Event::InlineHtml(_)
                | Event::Start(Tag::Link { .. } | Tag::Image { .. })
        );
        assert!(!harmful, "{event:?}\n{draft}");
    }
}
