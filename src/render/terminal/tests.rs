use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

use super::*;
use crate::render::fixtures;
use crate::render::sanitize::is_unprintable;

/// The table of a run whose paths are not known.
fn table(report: &Report, style: &Style) -> String {
    super::table(report, style, &[])
}

fn style(width: usize) -> Style {
    Style {
        width,
        color: false,
        unicode: true,
        top: 10,
        explain: false,
        height: None,
    }
}

/// Takes out what the page writes for colour: `ESC [ digits and ; m`.
fn without_color(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        out += before;
        rest = after
            .trim_start_matches(|c: char| c.is_ascii_digit() || c == ';')
            .strip_prefix('m')
            .unwrap();
    }
    out + rest
}

#[test]
fn a_page_taller_than_the_terminal_ends_with_its_answers() {
    let report = &fixtures::guilty_deploy();
    let whole = table(report, &style(80));
    let rows = whole.lines().count();
    let on = |height| {
        let style = Style {
            height: Some(height),
            ..style(80)
        };
        table(report, &style)
    };
    assert_eq!(on(rows + 1), whole);
    let tall = on(24);
    let end = tall.strip_prefix(&whole).unwrap();
    let answers: Vec<&str> = end.lines().skip(1).collect();
    let cause = whole
        .lines()
        .find(|line| line.starts_with("▶ cause"))
        .unwrap();
    assert_eq!(answers[0], cause.replace("▶ cause", "▶ i1   "));
    assert!(answers[1].starts_with("  since   "), "{}", answers[1]);
}

/// All styles that differ in layout.
fn styles() -> Vec<Style> {
    let mut styles = Vec::new();
    for width in [0, 40, 60, 80, 100, 120, 500] {
        for (unicode, explain) in [(true, false), (true, true), (false, false), (false, true)] {
            styles.push(Style {
                width,
                color: false,
                unicode,
                top: 10,
                explain,
                height: [None, Some(24)][usize::from(explain)],
            });
        }
    }
    styles
}

#[test]
fn no_line_is_wider_than_the_page() {
    for report in fixtures::all() {
        for style in styles() {
            for line in table(&report, &style).lines() {
                assert!(
                    line.width() <= style.width.clamp(40, 120),
                    "{style:?}: {line:?}"
                );
            }
        }
    }
}

#[test]
fn colour_says_nothing_that_the_words_do_not() {
    for report in fixtures::all() {
        for style in styles() {
            let plain = table(&report, &style);
            let colored = table(
                &report,
                &Style {
                    color: true,
                    ..style
                },
            );
            assert_ne!(plain, colored);
            assert_eq!(plain, without_color(&colored));
        }
    }
}

#[test]
fn hostile_names_can_not_break_the_table() {
    let hostile = fixtures::hostile(fixtures::ATTACK);
    for style in styles() {
        let text = table(&hostile, &style);
        assert!(
            text.chars().all(|c| c == '\n' || !is_unprintable(c)),
            "{text}"
        );
        assert!(style.unicode || text.is_ascii(), "{text}");
        assert!(text.lines().count() < 450, "{text}");
    }
    let text = table(&hostile, &style(100));
    assert!(
        text.contains("\\x1b[2J\\x1b]0;owned\\x07\\r\\n\\u{202e}moc"),
        "{text}"
    );
    assert!(text.contains("\\xc3(\\x9b2J"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_breaks_the_table(
        text in prop_oneof![any::<String>(), r"[\x00-\x20\x7f-\xa0\u{200b}-\u{2070}\u{300}-\u{350}\u{1100}-\u{1200}東🚀a]{0,300}"],
        width in 0_usize..130,
        unicode: bool,
        explain: bool,
    ) {
        let style = Style { width, height: None, color: false, unicode, top: 10, explain };
        let table = table(&fixtures::hostile(&text), &style);
        prop_assert!(table.chars().all(|c| c == '\n' || !is_unprintable(c)));
        prop_assert!(unicode || table.is_ascii());
        for line in table.lines() {
            prop_assert!(line.width() <= width.clamp(40, 120), "{line:?}");
        }
    }
}

#[test]
fn ascii_is_ascii() {
    for report in fixtures::all() {
        let text = table(
            &report,
            &Style {
                unicode: false,
                ..style(100)
            },
        );
        assert!(text.is_ascii(), "{text}");
    }
}

/// The words of a table without its line breaks and indents.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn assert_says(text: &str, sentences: &[&str]) {
    let words = words(text);
    for sentence in sentences {
        assert!(
            words.contains(sentence),
            "{sentence:?} is not said in:\n{text}"
        );
    }
}

#[test]
fn the_guilty_change_is_named_right_under_the_headline() {
    for width in [80, 100] {
        let text = table(&fixtures::guilty_deploy(), &style(width));
        let headline = text.lines().position(|line| line.contains("INCIDENT i1"));
        let cause = text.lines().position(|line| line.starts_with("▶ cause"));
        assert_eq!(cause, headline.map(|line| line + 1), "{text}");
        assert_says(
            &text,
            &["▶ cause 97 % deploy d-1042 of api · 2.3.9 → 2.4.0 · 42 s before onset"],
        );
    }
}

#[test]
fn the_four_questions_are_answered_in_every_width() {
    for width in [60, 80, 100] {
        let text = table(&fixtures::guilty_deploy(), &style(width));
        assert_says(
            &text,
            &[
                "INCIDENT i1 · RECOVERED · 4 endpoints of api fail",
                "since 09:00:12 until 11:01:34 (2 h 1 min)",
                "users 412 of 2,750 (15.0 %, 95 % interval 13.7–16.4 %)",
                "errors 14.9 % (normally 0.10 %): 1,901 of 12,760 requests",
                "+ errors stopped 94 s after its rollback r-1043",
                "tried fix config c-12 of web: it came 44 min after the onset, and the rate did not change",
                "ruled out load: requests within 3 % of what is usual at this hour",
            ],
        );
    }
}

#[test]
fn the_prior_and_the_lag_do_not_take_the_place_of_better_reasons() {
    let text = table(&fixtures::guilty_deploy(), &style(100));
    assert!(!text.contains("starts an incident once in"), "{text}");
    assert!(!text.contains("typical of a cause"), "{text}");
    let explained = table(
        &fixtures::guilty_deploy(),
        &Style {
            explain: true,
            ..style(100)
        },
    );
    assert_says(
        &explained,
        &[
            // −6.9 + 4.1 + 3.1 + 2.0 + 1.25
            "+3.55 deploy d-1042 of api · 97 %",
            "−6.90 prior a deploy starts an incident once in 20 times",
            "+1.25 version contrast 2.4.0 fails 31 × as often",
            "−9.10 flag f-77 of checkout · 1 %",
        ],
    );
}

#[test]
fn what_no_change_explains_is_said_plainly() {
    let text = table(&fixtures::unexplained(), &style(80));
    assert_says(
        &text,
        &[
            "ONGOING",
            "since before the log begins",
            "not known: the logs tell no users apart",
            "no listed change explains this (91 %); least unlikely: flag f-77 of checkout (9 %)",
            "91 % no listed change: dependency 60 %, unknown 31 % 1 9 % flag f-77 of checkout",
            "· no requests",
        ],
    );

    let mut alone = fixtures::unexplained();
    alone.incidents[0].suspects.clear();
    alone.incidents[0].changes.clear();
    alone.incidents[0].unexplained_probability = 1.0;
    let text = table(&alone, &style(80));
    assert_says(
        &text,
        &["no listed change explains this (>99 %); none was near in time"],
    );
}

#[test]
fn what_can_not_be_separated_is_named_together() {
    let text = table(&fixtures::ambiguous(), &style(80));
    assert_says(
        &text,
        &[
            "IMPROVING · POST /api/v1/login of api fails",
            "can't separate deploy d-1042 of api (48 %) from flag f-77 of checkout (45 %)",
            "comes back every 1 h for up to 5 min, 3 times",
        ],
    );

    let mut against_none = fixtures::ambiguous();
    against_none.incidents[0].suspects[1].probability = 0.09;
    against_none.incidents[0].unexplained_probability = 0.43;
    let text = table(&against_none, &style(80));
    assert_says(
        &text,
        &["can't separate deploy d-1042 of api (48 %) from no listed change (43 %)"],
    );
}

#[test]
fn a_slow_endpoint_is_shown_by_its_latency() {
    let text = table(&fixtures::slow(), &style(80));
    assert_says(
        &text,
        &[
            "UNKNOWN · POST /api/v1/login of api is slow",
            "since 09:00:12, its end is not known: no request came after it",
            "POST /api/v1/login p95 2.41 s (normally 231 ms)",
            "no log of api from 11:01:34 to 11:59:59",
            "no log of all services from 06:30:00 to 06:31:00",
            "logs/web.log.2.gz was read only up to byte 1,048,576: unexpected end of file",
        ],
    );
}

#[test]
fn a_quiet_day_is_one_sentence_and_the_endpoints() {
    let text = table(&fixtures::all_well(), &style(100));
    assert_says(
        &text,
        &[
            "✔ No incident found. Nothing stands out in 812,311 requests to 2 services over 6 h, with 1 change; 2,341 errors (0.29 %).",
            "300 0.07 % 400,000 web GET / 500",
            "34 lines (<0.01 %) tell of no readable request: 34 no timestamp",
        ],
    );
    assert!(
        !text.contains("Listening on"),
        "an example for 34 of 812,345 lines is noise:\n{text}"
    );
}

#[test]
fn when_all_is_filtered_out_the_filters_are_named() {
    let mut report = fixtures::nothing_read();
    report.scan.filtered_lines = report.scan.lines;
    let text = table(&report, &style(80));
    assert_says(
        &text,
        &[
            "hint: all requests lie outside --since, --until, --service and --endpoint: the notes say what there is.",
        ],
    );
}

#[test]
fn when_nothing_could_be_read_an_example_shows_why() {
    let text = table(&fixtures::nothing_read(), &style(80));
    assert_says(
        &text,
        &[
            "Nothing to judge: no requests were read.",
            "no timestamp, as in logs/api.access.log:12: Listening on :8080",
            "hint: `triage formats --explain FILE` shows what was tried on the lines, and what to do.",
        ],
    );
}

#[test]
fn without_markers_the_hint_is_to_give_some() {
    let mut report = fixtures::unexplained();
    report.changes.clear();
    assert_says(&table(&report, &style(80)), &["hint: --deploys FILE"]);
}

#[test]
fn only_the_top_endpoints_are_listed_and_the_rest_is_said() {
    let text = table(
        &fixtures::guilty_deploy(),
        &Style {
            top: 2,
            ..style(100)
        },
    );
    assert_says(
        &text,
        &["ENDPOINTS by errors · 2 of 4 endpoints · counted per 1 min"],
    );
    assert_says(&text, &["610 5.0 % 12,300 api GET /api/v1/me 500"]);
    assert!(!text.contains("400,000"), "{text}");
}

#[test]
fn many_changes_are_counted_not_listed() {
    let mut report = fixtures::guilty_deploy();
    for i in 0..40 {
        let id = format!("d-{i}");
        report
            .changes
            .push(fixtures::change("deploy", &id, "web", "09:00:00"));
        let mut cleared = report.incidents[0].changes[2].clone();
        cleared.change = id;
        report.incidents[0].changes.push(cleared);
    }
    let text = table(&report, &style(100));
    assert_says(
        &text,
        &[
            "SUSPECTS among 45 changes",
            "38 more are in --explain",
            "fix rollback r-1043 of api",
        ],
    );
    let explained = table(
        &report,
        &Style {
            explain: true,
            ..style(100)
        },
    );
    assert_says(&explained, &["deploy d-39 of web"]);
}

#[test]
fn a_change_that_only_the_logs_show_is_called_unlisted() {
    let mut report = fixtures::guilty_deploy();
    report.changes[2].source = "logs".to_owned();
    report.changes[2].id = "unmarked:api@2.4.0".to_owned();
    report.incidents[0].suspects[0].change = "unmarked:api@2.4.0".to_owned();
    let text = table(&report, &style(100));
    assert_says(
        &text,
        &["cause 97 % unlisted deploy unmarked:api@2.4.0 of api"],
    );
}

/// Snapshots are read as a person would before they are accepted: the layout is the point here.
#[test]
fn the_look() {
    let looks = [
        ("guilty_100", fixtures::guilty_deploy(), style(100)),
        ("guilty_80", fixtures::guilty_deploy(), style(80)),
        ("guilty_60", fixtures::guilty_deploy(), style(60)),
        (
            "guilty_80_ascii",
            fixtures::guilty_deploy(),
            Style {
                unicode: false,
                ..style(80)
            },
        ),
        (
            "guilty_80_color",
            fixtures::guilty_deploy(),
            Style {
                color: true,
                ..style(80)
            },
        ),
        (
            "guilty_100_explain",
            fixtures::guilty_deploy(),
            Style {
                explain: true,
                ..style(100)
            },
        ),
        ("unexplained_80", fixtures::unexplained(), style(80)),
        ("ambiguous_80", fixtures::ambiguous(), style(80)),
        ("slow_80", fixtures::slow(), style(80)),
        ("all_well_80", fixtures::all_well(), style(80)),
        ("nothing_read_80", fixtures::nothing_read(), style(80)),
        ("hostile_80", fixtures::hostile(fixtures::ATTACK), style(80)),
    ];
    for (name, report, style) in looks {
        insta::assert_snapshot!(name, table(&report, &style));
    }
}

#[test]
fn a_log_over_midnight_shows_dates() {
    let mut report = fixtures::guilty_deploy();
    report.scan.from = Some("2024-04-09T20:00:00-07:00".to_owned());
    let text = table(&report, &style(80));
    assert_says(
        &text,
        &[
            "2024-04-09 20:00–2024-04-10 11:59 -07:00",
            "since 04-10 09:00:12 until 11:01:34 (2 h 1 min)",
            "└04-10 09:00:12 onset",
            "b 04-10 09:44:00 tried fix config c-12 of web",
        ],
    );
}

#[test]
fn two_incidents_are_told_apart_to_the_last_table() {
    let mut report = fixtures::guilty_deploy();
    let mut second = report.incidents[0].clone();
    second.id = "i2".to_owned();
    second.endpoints.truncate(1);
    second.series.truncate(1);
    report.incidents.push(second);
    let text = table(&report, &style(100));
    assert_says(
        &text,
        &["INCIDENT i1 · RECOVERED · 4 endpoints of api fail"],
    );
    assert_says(
        &text,
        &["INCIDENT i2 · RECOVERED · POST /api/v1/login of api fails"],
    );
    let row = |name: &str| {
        text.lines()
            .rev()
            .find(|line| line.contains(name))
            .unwrap_or_default()
            .to_owned()
    };
    assert!(row("POST /api/v1/login").ends_with("i1 i2"), "{text}");
    assert!(row("GET /api/v1/me").ends_with("  i1"), "{text}");
}

#[test]
fn a_line_without_a_number_is_told_by_its_byte_and_shown_by_a_command() {
    let mut report = fixtures::guilty_deploy();
    let sample = &mut report.incidents[0].samples[0];
    (sample.line, sample.byte) = (None, Some(58_204_117));
    sample.file = crate::report::Text::Utf8("my logs/api.log".to_owned());
    assert_says(
        &table(&report, &style(100)),
        &[
            "my logs/api.log at byte 58204117 10.2.3.4",
            "$ tail -c +58204118 'my logs/api.log' | head -n 1",
        ],
    );
}
