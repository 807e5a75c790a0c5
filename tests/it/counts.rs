//! The numbers of a report against counters of this test's own: a regex, serde_json and a splitter
//! of `key=value` read every line of the samples again, and a `BTreeMap` counts.
//!
//! All lines of a sample name the same offset from UTC, so a time is kept as it is written and its
//! minute is its first sixteen characters: no calendar is needed that could be wrong in both.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::support::*;

/// What one line tells.
enum Line {
    Request(Request),
    /// Nothing, for this reason.
    None(&'static str),
}

struct Request {
    /// `2024-04-10T09:00:15.25`, in the log's own zone.
    at: String,
    service: String,
    method: String,
    endpoint: String,
    status: u16,
}

/// A sample's lines, each with the shape of its log.
type Lines = Vec<(&'static str, Line)>;

static AUTH_OUTAGE_LINES: LazyLock<Lines> = LazyLock::new(|| read(&AUTH_OUTAGE));
static QUIET_DAY_LINES: LazyLock<Lines> = LazyLock::new(|| read(&QUIET_DAY));
static NOT_THE_DEPLOY_LINES: LazyLock<Lines> = LazyLock::new(|| read(&NOT_THE_DEPLOY));

fn read(sample: &Sample) -> Lines {
    let mut lines = Vec::new();
    for file in sample.files() {
        let text = String::from_utf8(read_log(&file)).unwrap();
        let service = service_of(&file);
        for line in text.lines() {
            lines.push(match line.as_bytes()[0] {
                b'{' => ("json", from_json(line, &service)),
                b't' => ("logfmt", from_logfmt(line, &service)),
                _ => ("combined", from_combined(line, &service)),
            });
        }
    }
    lines
}

/// `logs/api-1/api.access.log.1.gz` → `api`.
fn service_of(file: &Path) -> String {
    file.file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .split('.')
        .next()
        .unwrap()
        .to_owned()
}

fn from_combined(line: &str, service: &str) -> Line {
    static REQUEST: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r#"^\S+ - - \[(\d\d)/(\w{3})/(\d{4}):(\S{8}) [+-]\d{4}\] "([A-Z]+) (\S+) HTTP/[\d.]+" (\d{3}) \d+ "[^"]*" "[^"]*"(?: rt=[\d.]+)?$"#,
        )
        .unwrap()
    });
    let Some(parts) = REQUEST.captures(line) else {
        return Line::None(match line.split_once("] ").map_or("", |(_, rest)| rest) {
            rest if rest.starts_with(r#""-" "#) => "empty_request",
            rest if rest.starts_with(r#""\x16"#) => "not_http",
            rest if rest.matches('"').count() == 1 => "truncated",
            _ => panic!("what is this line? {line}"),
        });
    };
    let month = 1 + "JanFebMarAprMayJunJulAugSepOctNovDec"
        .find(&parts[2])
        .unwrap()
        / 3;
    Line::Request(Request {
        at: format!("{}-{month:02}-{}T{}", &parts[3], &parts[1], &parts[4]),
        service: service.into(),
        method: parts[5].into(),
        endpoint: template(&parts[6]),
        status: parts[7].parse().unwrap(),
    })
}

fn from_json(line: &str, service: &str) -> Line {
    let object: Value = serde_json::from_str(line).unwrap();
    assert_eq!(object["service"], service);
    let Some(status) = object["status"].as_u64() else {
        return Line::None("no_request");
    };
    Line::Request(Request {
        at: without_zone(text(&object["time"])),
        service: service.into(),
        method: text(&object["method"]).into(),
        endpoint: template(text(&object["path"])),
        status: status as u16,
    })
}

fn from_logfmt(line: &str, service: &str) -> Line {
    let pairs: BTreeMap<&str, &str> = line
        .split(' ')
        .map(|pair| pair.split_once('=').unwrap())
        .collect();
    assert_eq!(pairs["service"], service);
    Line::Request(Request {
        at: without_zone(pairs["ts"]),
        service: service.into(),
        method: pairs["method"].into(),
        endpoint: template(pairs["path"]),
        status: pairs["status"].parse().unwrap(),
    })
}

/// `2024-04-10T09:00:15.250-07:00` → `2024-04-10T09:00:15.25`.
fn without_zone(time: &str) -> String {
    let (local, _) = time.split_at(time.len() - "-07:00".len());
    local.trim_end_matches('0').trim_end_matches('.').into()
}

/// The path without its query; numbers and UUIDs are what varies in the samples.
fn template(target: &str) -> String {
    static UUID: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$").unwrap()
    });
    let segment = |segment: &str| match segment {
        s if !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit()) => "{id}".to_owned(),
        s if UUID.is_match(s) => "{uuid}".to_owned(),
        s => s.to_owned(),
    };
    let path = target.split('?').next().unwrap();
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// Requests and errors.
type Pair = (u64, u64);

#[derive(Default)]
struct Counted {
    lines: u64,
    all: Pair,
    filtered: u64,
    rejected: BTreeMap<String, u64>,
    formats: BTreeMap<String, u64>,
    first: Option<String>,
    last: Option<String>,
    windows: BTreeMap<String, Pair>,
    endpoints: BTreeMap<String, CountedEndpoint>,
}

#[derive(Debug, Default, PartialEq)]
struct CountedEndpoint {
    all: Pair,
    /// Errors by status.
    statuses: BTreeMap<String, u64>,
    /// The windows with errors.
    windows: BTreeMap<String, Pair>,
}

/// What is asked of the lines.
struct Asked<'a> {
    keep: &'a dyn Fn(&Request) -> bool,
    is_error: &'a dyn Fn(u16) -> bool,
    /// The begin of the window that a time lies in, up to its minute.
    window: &'a dyn Fn(&str) -> String,
}

fn server_error(status: u16) -> bool {
    (500..600).contains(&status)
}

fn minute(at: &str) -> String {
    at[..16].to_owned()
}

const EVERYTHING: Asked<'static> = Asked {
    keep: &|_| true,
    is_error: &server_error,
    window: &minute,
};

fn add(pair: &mut Pair, error: bool) {
    pair.0 += 1;
    pair.1 += u64::from(error);
}

fn count(lines: &Lines, zone: &str, asked: &Asked<'_>) -> Counted {
    let mut counted = Counted::default();
    let (mut first, mut last): (Option<&String>, Option<&String>) = (None, None);
    for (format, line) in lines {
        counted.lines += 1;
        *counted.formats.entry(format.to_string()).or_default() += 1;
        let request = match line {
            Line::None(reason) => {
                *counted.rejected.entry(reason.to_string()).or_default() += 1;
                continue;
            }
            Line::Request(request) if !(asked.keep)(request) => {
                counted.filtered += 1;
                continue;
            }
            Line::Request(request) => request,
        };
        let error = (asked.is_error)(request.status);
        let window = format!("{}:00{zone}", (asked.window)(&request.at));
        add(&mut counted.all, error);
        add(counted.windows.entry(window.clone()).or_default(), error);
        let name = format!(
            "{} {} {}",
            request.service, request.method, request.endpoint
        );
        let endpoint = counted.endpoints.entry(name).or_default();
        add(&mut endpoint.all, error);
        add(endpoint.windows.entry(window).or_default(), error);
        if error {
            *endpoint
                .statuses
                .entry(request.status.to_string())
                .or_default() += 1;
        }
        // Without their zone, times written alike order like the times themselves.
        first = first.map_or(Some(&request.at), |first| Some(first.min(&request.at)));
        last = last.max(Some(&request.at));
    }
    counted.first = first.map(|at| format!("{at}{zone}"));
    counted.last = last.map(|at| format!("{at}{zone}"));
    counted
        .endpoints
        .values_mut()
        .for_each(|e| e.windows.retain(|_, w| w.1 > 0));
    counted
}

fn integer(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("no count: {value}"))
}

fn windows(value: &Value) -> BTreeMap<String, Pair> {
    let windows: BTreeMap<String, Pair> = list(value)
        .iter()
        .map(|w| (text(&w[0]).to_owned(), (integer(&w[1]), integer(&w[2]))))
        .collect();
    assert_eq!(windows.len(), list(value).len(), "a window is told twice");
    windows
}

fn by_name(value: &Value, name: &str, count: &str) -> BTreeMap<String, u64> {
    list(value)
        .iter()
        .map(|row| (text(&row[name]).to_owned(), integer(&row[count])))
        .collect()
}

/// A row of the report's table of endpoints, or of an incident's.
fn endpoint_of(row: &Value) -> (String, CountedEndpoint) {
    let name = format!(
        "{} {} {}",
        text(&row["service"]),
        text(&row["method"]),
        text(&row["endpoint"])
    );
    let statuses = row["statuses"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(s, n)| (s.clone(), integer(n)))
        .collect();
    let windows = if row["windows"].is_null() {
        BTreeMap::new()
    } else {
        windows(&row["windows"])
    };
    (
        name,
        CountedEndpoint {
            all: (integer(&row["requests"]), integer(&row["errors"])),
            statuses,
            windows,
        },
    )
}

/// Every number of the grouping is the counters' number.
fn assert_counts(report: &Value, counted: &Counted) {
    let scan = &report["scan"];
    assert_eq!(integer(&scan["lines"]), counted.lines, "lines");
    assert_eq!(
        (integer(&scan["requests"]), integer(&scan["errors"])),
        counted.all,
        "requests and errors"
    );
    assert_eq!(
        integer(&scan["filtered_lines"]),
        counted.filtered,
        "filtered"
    );
    assert_eq!(
        by_name(&scan["rejects"], "reason", "lines"),
        counted.rejected,
        "rejected by reason"
    );
    assert_eq!(
        integer(&scan["rejected_lines"]),
        counted.rejected.values().sum::<u64>(),
        "rejected"
    );
    assert_eq!(
        by_name(&scan["formats"], "format", "lines"),
        counted.formats,
        "lines by format"
    );
    let told = integer(&scan["requests"])
        + integer(&scan["rejected_lines"])
        + integer(&scan["filtered_lines"]);
    assert_eq!(integer(&scan["lines"]), told, "no line vanishes");
    assert_eq!(
        (scan["from"].as_str(), scan["to"].as_str()),
        (counted.first.as_deref(), counted.last.as_deref())
    );
    assert_eq!(windows(&report["timeline"]), counted.windows, "timeline");
    let rows = list(&report["endpoints"]);
    let endpoints: BTreeMap<String, CountedEndpoint> = rows.iter().map(endpoint_of).collect();
    assert_eq!(rows.len(), endpoints.len(), "an endpoint is told twice");
    assert_eq!(endpoints, counted.endpoints, "endpoints");
    let sum = |key: &str| rows.iter().map(|row| integer(&row[key])).sum::<u64>();
    assert_eq!(
        (sum("requests"), sum("errors")),
        counted.all,
        "the endpoints' sum"
    );
}

/// Runs a sample with more options, which must give what the counters give.
fn assert_asked(sample: &Sample, lines: &Lines, options: &[&str], asked: &Asked<'_>) -> Counted {
    let args: Vec<String> = sample
        .args()
        .into_iter()
        .chain(options.iter().map(|o| o.to_string()))
        .collect();
    let counted = count(lines, sample.zone, asked);
    assert!(counted.all.0 > 0, "{options:?} keep nothing");
    assert_counts(&report(&args), &counted);
    counted
}

const FOUR: [&str; 4] = [
    "GET /api/v1/me",
    "GET /api/v1/orders/{id}",
    "POST /api/v1/login",
    "POST /api/v1/orders",
];

fn is_of_the_four(request: &Request) -> bool {
    request.service == "api"
        && FOUR.contains(&format!("{} {}", request.method, request.endpoint).as_str())
}

#[test]
fn every_sample_is_counted_as_the_counters_count() {
    for (sample, lines) in [
        (&AUTH_OUTAGE, &*AUTH_OUTAGE_LINES),
        (&QUIET_DAY, &*QUIET_DAY_LINES),
        (&NOT_THE_DEPLOY, &*NOT_THE_DEPLOY_LINES),
    ] {
        assert_counts(sample.report(), &count(lines, sample.zone, &EVERYTHING));
    }
}

#[test]
fn the_counters_agree_with_the_tables_of_the_samples() {
    // Lines, requests and errors by service, from samples/README.md, which counted with awk and jq.
    for (sample, service, lines, requests, errors) in [
        (&AUTH_OUTAGE, "api", 35_017 + 1_419, 34_993, 1_176),
        (&AUTH_OUTAGE, "web", 4_639, 4_622, 8),
        (&AUTH_OUTAGE, "search", 2_083, 2_083, 2),
        (&AUTH_OUTAGE, "billing", 4_354, 4_354, 6),
        (&QUIET_DAY, "web", 22_424, 22_387, 69),
        (&QUIET_DAY, "api", 22_052, 22_037, 74),
        (&QUIET_DAY, "accounts", 5_628, 5_628, 21),
        (&NOT_THE_DEPLOY, "checkout", 6_558, 6_552, 247),
        (&NOT_THE_DEPLOY, "orders", 5_091, 5_091, 91),
        (&NOT_THE_DEPLOY, "subscriptions", 3_004, 3_004, 140),
        (&NOT_THE_DEPLOY, "storefront", 8_360, 8_353, 7),
    ] {
        let files: Vec<_> = sample
            .files()
            .into_iter()
            .filter(|file| service_of(file) == service)
            .collect();
        let scan = &report(&files)["scan"];
        let told = (
            integer(&scan["lines"]),
            integer(&scan["requests"]),
            integer(&scan["errors"]),
        );
        assert_eq!(told, (lines, requests, errors), "{} {service}", sample.name);
    }
}

#[test]
fn the_outage_is_counted_as_its_table_says() {
    // samples/README.md: requests and 5xx of the four endpoints, and of the others of `api`.
    let four = |options: &[&str]| -> Pair {
        let mut args = vec![AUTH_OUTAGE.logs(), "--service".into(), "api".into()];
        args.extend(
            FOUR.iter()
                .flat_map(|e| ["--endpoint".to_owned(), e.to_string()]),
        );
        args.extend(options.iter().map(|o| o.to_string()));
        let scan = &report(&args)["scan"];
        (integer(&scan["requests"]), integer(&scan["errors"]))
    };
    assert_eq!(four(&["--until", "09:00"]), (4_695, 7));
    assert_eq!(
        four(&["--since", "09:00", "--until", "11:02"]),
        (5_217, 1_127)
    );
    assert_eq!(four(&["--since", "11:02"]), (2_298, 4));
    let inside = report(&[
        &AUTH_OUTAGE.logs(),
        "--service",
        "api",
        "--since",
        "09:00",
        "--until",
        "11:02",
    ]);
    let all = (
        integer(&inside["scan"]["requests"]),
        integer(&inside["scan"]["errors"]),
    );
    assert_eq!(all, (5_217 + 8_676, 1_127 + 18));
    let rows: BTreeMap<String, CountedEndpoint> =
        list(&inside["endpoints"]).iter().map(endpoint_of).collect();
    for (endpoint, requests, failures) in [
        ("api GET /api/v1/me", 2_493, 620),
        ("api GET /api/v1/orders/{id}", 843, 78),
        ("api POST /api/v1/login", 1_417, 372),
        ("api POST /api/v1/orders", 464, 55),
    ] {
        // Two of the errors are background, which the table of failures leaves out.
        let (counted, errors) = rows[endpoint].all;
        assert_eq!(counted, requests, "{endpoint}");
        assert!(
            (failures..=failures + 2).contains(&errors),
            "{endpoint}: {errors}"
        );
    }
}

#[test]
fn an_incident_has_the_counts_of_the_lines_between_its_onset_and_its_end() {
    for (sample, lines) in [
        (&AUTH_OUTAGE, &*AUTH_OUTAGE_LINES),
        (&NOT_THE_DEPLOY, &*NOT_THE_DEPLOY_LINES),
    ] {
        let incidents = list(&sample.report()["incidents"]);
        assert!(!incidents.is_empty(), "{}: no incident", sample.name);
        for incident in incidents {
            let local = |key: &str| {
                text(&incident[key])
                    .strip_suffix(sample.zone)
                    .unwrap()
                    .to_owned()
            };
            // Local times without their zone order like the times themselves.
            let from = local("onset").min(local("first_failure"));
            let (end, last) = (local("end"), local("last_failure"));
            let hit: BTreeMap<String, CountedEndpoint> = list(&incident["endpoints"])
                .iter()
                .map(endpoint_of)
                .collect();
            let keep = |r: &Request| {
                r.at >= from
                    && (r.at < end || r.at <= last)
                    && hit.contains_key(&format!("{} {} {}", r.service, r.method, r.endpoint))
            };
            let mut counted = count(
                lines,
                sample.zone,
                &Asked {
                    keep: &keep,
                    ..EVERYTHING
                },
            );
            counted
                .endpoints
                .values_mut()
                .for_each(|e| e.windows.clear());
            assert_eq!(hit, counted.endpoints, "{}", sample.name);
            let impact = &incident["impact"];
            assert_eq!(
                (integer(&impact["requests"]), integer(&impact["errors"])),
                counted.all
            );
        }
    }
}

#[test]
fn the_asked_time_is_counted_to_the_second() {
    let (sample, lines) = (&AUTH_OUTAGE, &*AUTH_OUTAGE_LINES);
    let within = |from: &'static str, to: &'static str| {
        move |r: &Request| r.at.as_str() >= from && r.at.as_str() < to
    };
    let nine_to_noon = within("2024-04-10T09:00", "2024-04-10T12:00");
    let asked = Asked {
        keep: &nine_to_noon,
        ..EVERYTHING
    };
    // Of the log's last day, absolute, in another zone, without a zone: the same moment.
    for since in ["09:00", "2024-04-10T09:00:00-07:00", "2024-04-10T16:00:00Z"] {
        assert_asked(sample, lines, &["--since", since], &asked);
    }
    assert_asked(
        sample,
        lines,
        &["--since", "2024-04-10 09:00", "--tz", "America/Los_Angeles"],
        &asked,
    );
    let before_nine = within("2024-04-10T00:00", "2024-04-10T09:00");
    assert_asked(
        sample,
        lines,
        &["--until", "09:00"],
        &Asked {
            keep: &before_nine,
            ..EVERYTHING
        },
    );
    let odd = within("2024-04-10T08:53:53", "2024-04-10T11:01:27");
    let options = ["--since", "08:53:53", "--until", "11:01:27"];
    assert_asked(
        sample,
        lines,
        &options,
        &Asked {
            keep: &odd,
            ..EVERYTHING
        },
    );
}

#[test]
fn services_and_endpoints_are_kept_by_name_and_glob() {
    let (sample, lines) = (&AUTH_OUTAGE, &*AUTH_OUTAGE_LINES);
    let api = |r: &Request| r.service == "api";
    assert_asked(
        sample,
        lines,
        &["--service", "api"],
        &Asked {
            keep: &api,
            ..EVERYTHING
        },
    );
    let two = |r: &Request| r.service == "billing" || r.service == "web";
    assert_asked(
        sample,
        lines,
        &["--service", "b*", "--service", "web"],
        &Asked {
            keep: &two,
            ..EVERYTHING
        },
    );
    let posted = |r: &Request| r.method == "POST" && r.endpoint.starts_with("/api/v1/");
    assert_asked(
        sample,
        lines,
        &["--endpoint", "POST /api/v1/**"],
        &Asked {
            keep: &posted,
            ..EVERYTHING
        },
    );
    let four: Vec<&str> = FOUR.iter().flat_map(|e| ["--endpoint", e]).collect();
    let counted = assert_asked(
        sample,
        lines,
        &four,
        &Asked {
            keep: &is_of_the_four,
            ..EVERYTHING
        },
    );
    assert_eq!(counted.endpoints.len(), 4);
    let both = |r: &Request| {
        r.service == "accounts" && r.endpoint == "/profile" && r.at.as_str() >= "2024-06-05T12:00"
    };
    let options = [
        "--service",
        "acc*",
        "--endpoint",
        "/profile",
        "--since",
        "12:00",
    ];
    assert_asked(
        &QUIET_DAY,
        &QUIET_DAY_LINES,
        &options,
        &Asked {
            keep: &both,
            ..EVERYTHING
        },
    );
}

#[test]
fn what_counts_as_an_error_is_the_users_choice() {
    let (sample, lines) = (&NOT_THE_DEPLOY, &*NOT_THE_DEPLOY_LINES);
    let client = |status: u16| (400..500).contains(&status);
    assert_asked(
        sample,
        lines,
        &["--status", "4xx"],
        &Asked {
            is_error: &client,
            ..EVERYTHING
        },
    );
    let some = |status: u16| matches!(status, 502 | 504 | 404);
    assert_asked(
        sample,
        lines,
        &["--status", "502,504,404"],
        &Asked {
            is_error: &some,
            ..EVERYTHING
        },
    );
}

#[test]
fn wider_windows_hold_the_same_requests() {
    let (sample, lines) = (&NOT_THE_DEPLOY, &*NOT_THE_DEPLOY_LINES);
    let of_five = |at: &str| {
        let minutes: u32 = at[14..16].parse().unwrap();
        format!("{}{:02}", &at[..14], minutes / 5 * 5)
    };
    assert_asked(
        sample,
        lines,
        &["--window", "5m"],
        &Asked {
            window: &of_five,
            ..EVERYTHING
        },
    );
    let of_an_hour = |at: &str| format!("{}00", &at[..14]);
    assert_asked(
        sample,
        lines,
        &["--window", "1h"],
        &Asked {
            window: &of_an_hour,
            ..EVERYTHING
        },
    );
}

#[test]
fn a_w3c_log_of_several_blocks_is_read_under_its_one_header() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("u_ex240410.log");
    let mut text =
        String::from("#Software: IIS\n#Fields: date time cs-method cs-uri-stem sc-status\n");
    for i in 0..120_000 {
        let status = if i % 100 == 0 { 500 } else { 200 };
        text += &format!(
            "2024-04-10 09:{:02}:{:02} GET /orders/{i:012} {status}\n",
            i / 2_000,
            i % 60
        );
    }
    std::fs::write(&log, &text).unwrap();
    assert!(text.len() > 5 << 20, "more than one block");
    let scan = &report(&[log])["scan"];
    let counted = ["lines", "requests", "errors", "rejected_lines"].map(|key| scan[key].as_u64());
    assert_eq!(
        counted,
        [Some(120_002), Some(120_000), Some(1_200), Some(2)]
    );
}
