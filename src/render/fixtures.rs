//! Reports written by hand, for the tests of the renderers.

mod hostile;

use std::collections::BTreeMap;

pub use hostile::{ATTACK, base64, hostile};

use crate::report::*;

/// 06:00 to 12:00 on 10 April 2024, seven hours behind UTC.
fn at(hms: &str) -> String {
    format!("2024-04-10T{hms}-07:00")
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn utf8(text: &str) -> Text {
    Text::Utf8(text.to_owned())
}

/// One-minute windows from an hour to another, with what they count.
fn minutes(from_h: u64, to_h: u64, counts: impl Fn(u64) -> Option<(u64, u64)>) -> Vec<Window> {
    (from_h * 60..to_h * 60)
        .filter_map(|minute| {
            let (requests, errors) = counts(minute)?;
            Some(Window(
                at(&format!("{:02}:{:02}:00", minute / 60, minute % 60)),
                requests,
                errors,
            ))
        })
        .collect()
}

/// Errors of the incident from 09:00 to 11:01: 16 to 19 of 106 requests per minute.
fn failing(minute: u64) -> Option<(u64, u64)> {
    let errors = match minute {
        540..=661 => 14 + minute * 7 % 5,
        _ => u64::from(minute.is_multiple_of(17)),
    };
    Some((106, errors))
}

/// A change with the given kind, id, service and time, and nothing else said.
pub fn change(kind: &str, id: &str, service: &str, hms: &str) -> Change {
    Change {
        id: id.to_owned(),
        kind: kind.to_owned(),
        service: some(service),
        version: None,
        previous_version: None,
        at: at(hms),
        finished_at: None,
        rollback_of: None,
        author: None,
        description: None,
        commit: None,
        environment: None,
        url: None,
        status: None,
        endpoints: Vec::new(),
        hosts: Vec::new(),
        files: Vec::new(),
        extra: BTreeMap::new(),
        source: "marker".to_owned(),
        in_sight: true,
        note: None,
    }
}

fn evidence(kind: &str, nats: f64, text: &str) -> Evidence {
    Evidence {
        kind: kind.to_owned(),
        nats,
        text: text.to_owned(),
    }
}

fn disposition(change: &str, status: &str, why: &str, evidence: Vec<Evidence>) -> Disposition {
    Disposition {
        change: change.to_owned(),
        status: status.to_owned(),
        why: why.to_owned(),
        evidence,
    }
}

fn hit(method: &str, endpoint: &str, requests: u64, errors: u64) -> HitEndpoint {
    HitEndpoint {
        service: utf8("api"),
        method: utf8(method),
        endpoint: utf8(endpoint),
        requests,
        errors,
        error_rate: errors as f64 / requests as f64,
        baseline_error_rate: 0.001,
        statuses: BTreeMap::from([("500".to_owned(), errors - 10), ("502".to_owned(), 10)]),
        latency_p50_s: Some(0.012),
        latency_p95_s: Some(0.2404),
        baseline_latency_p95_s: Some(0.231),
    }
}

fn endpoint(
    service: &str,
    method: &str,
    path: &str,
    requests: u64,
    errors: u64,
    windows: Vec<Window>,
) -> Endpoint {
    Endpoint {
        service: utf8(service),
        method: utf8(method),
        endpoint: utf8(path),
        requests,
        errors,
        error_rate: errors as f64 / requests as f64,
        statuses: BTreeMap::from([("500".to_owned(), errors)]),
        windows,
    }
}

fn only_errors(windows: Vec<Window>) -> Vec<Window> {
    windows.into_iter().filter(|window| window.2 > 0).collect()
}

/// A quiet day: nothing happened, two endpoints have a few errors.
pub fn all_well() -> Report {
    let quiet = |minute: u64| Some((106, u64::from(minute.is_multiple_of(17))));
    Report {
        schema: SCHEMA.to_owned(),
        triage_version: "0.1.0".to_owned(),
        scan: Scan {
            files: 5,
            bytes: 123_456_789,
            lines: 812_345,
            requests: 812_311,
            errors: 2_341,
            rejected_lines: 34,
            filtered_lines: 0,
            bytes_skipped: 0,
            rejects: vec![RejectCount {
                reason: "no timestamp".to_owned(),
                lines: 34,
                example: Sample {
                    file: utf8("logs/api.access.log"),
                    line: Some(12),
                    byte: None,
                    text: utf8("Listening on :8080"),
                },
            }],
            from: some("2024-04-10T06:00:00-07:00"),
            to: some("2024-04-10T11:59:59.87-07:00"),
            window_s: 60,
            formats: vec![FormatCount {
                format: "combined".to_owned(),
                files: 5,
                lines: 812_345,
            }],
            services: vec![utf8("api"), utf8("web")],
            gaps: Vec::new(),
            salvaged: Vec::new(),
        },
        changes: vec![change("deploy", "d-1039", "web", "08:12:00")],
        timeline: minutes(6, 12, quiet),
        incidents: Vec::new(),
        endpoints: vec![
            endpoint(
                "web",
                "GET",
                "/",
                400_000,
                300,
                only_errors(minutes(6, 12, quiet)),
            ),
            endpoint(
                "api",
                "GET",
                "/api/v1/orders/{id}",
                100_000,
                20,
                only_errors(minutes(6, 7, quiet)),
            ),
        ],
        blips: Vec::new(),
        notes: Vec::new(),
    }
}

/// A deploy breaks the login for two hours, until it is rolled back.
pub fn guilty_deploy() -> Report {
    let mut report = all_well();
    let deploy = Change {
        version: some("2.4.0"),
        previous_version: some("2.3.9"),
        author: some("Ada"),
        description: some("auth middleware update"),
        commit: some("9f3c2a71d05be6f4"),
        ..change("deploy", "d-1042", "api", "08:59:30")
    };
    let rollback = Change {
        rollback_of: some("d-1042"),
        ..change("rollback", "r-1043", "api", "11:00:00")
    };
    let flag = change("flag", "f-77", "checkout", "08:41:00");
    let config = change("config", "c-12", "web", "09:44:00");
    report.changes = vec![
        change("deploy", "d-1039", "web", "08:12:00"),
        flag,
        deploy,
        config,
        rollback,
    ];
    report.timeline = minutes(6, 12, failing);
    let contributions = vec![
        evidence(
            "prior",
            -6.9,
            "a deploy starts an incident once in 20 times",
        ),
        evidence(
            "rollback",
            4.1,
            "errors stopped 94 s after its rollback r-1043",
        ),
        evidence(
            "lag",
            3.1,
            "42 s from the deploy to the onset, typical of a cause",
        ),
        evidence(
            "scope",
            2.0,
            "all 4 failing endpoints are of api, the service it changed; 1 other service stays well",
        ),
        evidence(
            "version_contrast",
            1.25,
            "2.4.0 fails 31 × as often as 2.3.9 in the same minutes",
        ),
    ];
    report.incidents = vec![Incident {
        id: "i1".to_owned(),
        signal: "errors".to_owned(),
        state: "recovered".to_owned(),
        onset: Some(at("09:00:12.25")),
        onset_low: Some(at("09:00:02")),
        onset_high: Some(at("09:00:31")),
        end: Some(at("11:01:34")),
        first_failure: Some(at("09:00:12.251702")),
        last_failure: Some(at("11:01:33.9")),
        recurring: None,
        endpoints: vec![
            hit("POST", "/api/v1/login", 3_100, 962),
            hit("GET", "/api/v1/me", 4_100, 602),
            hit("GET", "/api/v1/orders", 3_300, 211),
            hit("POST", "/api/v1/orders/{id}/refund", 2_260, 126),
        ],
        impact: Impact {
            requests: 12_760,
            errors: 1_901,
            excess_errors: 1_888.2,
            error_rate: 1_901.0 / 12_760.0,
            baseline_error_rate: 0.001,
            users: Some(Users {
                affected: 412,
                active: 2_750,
                share: 412.0 / 2750.0,
                share_low: 0.137,
                share_high: 0.164,
                proxy: None,
            }),
        },
        scope: vec![ScopeLabel {
            label: "version".to_owned(),
            value: utf8("2.4.0"),
            coverage: 0.984,
            lift: Some(31.0),
            joint_coverage: 0.984,
            joint_lift: Some(31.0),
        }],
        verdict: "change".to_owned(),
        summary: "Caused by deploy d-1042 of api, 42 s before the onset.".into(),
        suspects: vec![
            Suspect {
                rank: 1,
                change: "d-1042".to_owned(),
                probability: 0.968,
                lag_s: Some(42.25),
                evidence: contributions[1..]
                    .iter()
                    .chain(&contributions[..1])
                    .cloned()
                    .collect(),
                next: "triage show i1".to_owned(),
                diff: some("git log -p 9f3c2a71d05be6f4 -- src/middleware"),
            },
            Suspect {
                rank: 2,
                change: "f-77".to_owned(),
                probability: 0.014,
                lag_s: Some(1152.25),
                evidence: vec![evidence(
                    "scope",
                    -2.2,
                    "no failing endpoint is of checkout",
                )],
                next: "triage show i1".to_owned(),
                diff: None,
            },
        ],
        unexplained_probability: 0.018,
        unexplained_nats: Some(0.1),
        alternatives: vec![
            Alternative {
                kind: "dependency".to_owned(),
                probability: 0.012,
                evidence: Vec::new(),
            },
            Alternative {
                kind: "load".to_owned(),
                probability: 0.001,
                evidence: Vec::new(),
            },
            Alternative {
                kind: "unknown".to_owned(),
                probability: 0.005,
                evidence: Vec::new(),
            },
        ],
        changes: vec![
            disposition("d-1042", "suspect", "most probable", contributions),
            disposition(
                "f-77",
                "suspect",
                "near in time",
                vec![
                    evidence("prior", -6.9, "a flag starts an incident once in 25 times"),
                    evidence("scope", -2.2, "no failing endpoint is of checkout"),
                ],
            ),
            disposition(
                "d-1039",
                "cleared",
                "web, the service it changed, stayed well (0.1 % errors before and after)",
                Vec::new(),
            ),
            disposition(
                "c-12",
                "attempted_fix",
                "it came 44 min after the onset, and the rate did not change",
                Vec::new(),
            ),
            disposition("r-1043", "fix", "errors stopped 94 s after it", Vec::new()),
        ],
        series: minutes(8, 12, failing),
        ruled_out: vec![RuledOut {
            lead: "load".to_owned(),
            finding:
                "requests within 3 % of what is usual at this hour, from an hour before the onset"
                    .to_owned(),
        }],
        not_assessed: vec![NotAssessed {
            lead: "hosts".to_owned(),
            needs: "a host in the log lines".to_owned(),
        }],
        signatures: vec![Signature {
            service: utf8("api"),
            template: "TokenError: unsupported key id <*>".to_owned(),
            first: at("09:00:12.3"),
            count_before: 0,
            count_after: 1_812,
            novel: true,
            surging: true,
            example: Sample {
                file: utf8("logs/api.app.log"),
                line: Some(341),
                byte: None,
                text: utf8("09:00:12,300 ERROR TokenError: unsupported key id 17"),
            },
        }],
        samples: vec![Sample {
            file: utf8("logs/api.access.log"),
            line: Some(402_118),
            byte: None,
            text: utf8(
                "10.2.3.4 - - [10/Apr/2024:09:00:12 -0700] \"POST /api/v1/login HTTP/1.1\" 500 87 \"-\" \"app/5.1\"",
            ),
        }],
    }];
    report.endpoints = vec![
        endpoint(
            "api",
            "POST",
            "/api/v1/login",
            9_300,
            965,
            only_errors(minutes(6, 12, failing)),
        ),
        endpoint(
            "api",
            "GET",
            "/api/v1/me",
            12_300,
            610,
            only_errors(minutes(6, 12, failing)),
        ),
        endpoint(
            "web",
            "GET",
            "/",
            400_000,
            300,
            report.endpoints[0].windows.clone(),
        ),
        endpoint(
            "api",
            "GET",
            "/api/v1/orders",
            9_900,
            217,
            only_errors(minutes(6, 12, failing)),
        ),
    ];
    report.blips = vec![Blip {
        service: utf8("web"),
        at: at("08:12:20"),
        duration_s: 4.2,
        errors: 7,
        during_change: some("d-1039"),
    }];
    report.notes =
        vec!["1 marker names a service that occurs in no log: f-77 (checkout).".to_owned()];
    report
}

/// Nobody changed anything that matters; the incident lasts to the end, its begin is not in the log.
pub fn unexplained() -> Report {
    let mut report = guilty_deploy();
    let incident = &mut report.incidents[0];
    incident.state = "ongoing".to_owned();
    incident.onset = None;
    incident.onset_low = None;
    incident.onset_high = None;
    incident.end = None;
    incident.verdict = "unexplained".to_owned();
    incident.impact.users = None;
    incident.suspects.remove(0);
    incident.suspects[0].rank = 1;
    incident.suspects[0].probability = 0.09;
    incident.unexplained_probability = 0.91;
    incident.alternatives = vec![
        Alternative {
            kind: "dependency".to_owned(),
            probability: 0.6,
            evidence: Vec::new(),
        },
        Alternative {
            kind: "unknown".to_owned(),
            probability: 0.31,
            evidence: Vec::new(),
        },
    ];
    incident
        .changes
        .retain(|change| change.change == "f-77" || change.change == "d-1039");
    incident
        .series
        .retain(|window| !(window.0.contains("T10:1") || window.0.contains("T10:2")));
    report
}

/// Two changes at nearly the same time, to services of which both fail; it improves.
pub fn ambiguous() -> Report {
    let mut report = guilty_deploy();
    let incident = &mut report.incidents[0];
    incident.state = "improving".to_owned();
    incident.verdict = "ambiguous".to_owned();
    incident.endpoints.truncate(1);
    incident.suspects[0].probability = 0.48;
    incident.suspects[1].probability = 0.45;
    incident.unexplained_probability = 0.07;
    incident.alternatives = vec![Alternative {
        kind: "unknown".to_owned(),
        probability: 0.07,
        evidence: Vec::new(),
    }];
    incident.recurring = Some(Recurring {
        every_s: 3600,
        lasts_s: 300,
        times: 3,
    });
    report
}

/// A search becomes slow, and the log has a gap after it.
pub fn slow() -> Report {
    let mut report = guilty_deploy();
    let incident = &mut report.incidents[0];
    incident.signal = "latency".to_owned();
    incident.state = "unknown".to_owned();
    incident.end = None;
    incident.endpoints.truncate(1);
    incident.endpoints[0].latency_p95_s = Some(2.414);
    incident.scope.clear();
    report.scan.gaps = vec![
        Gap {
            service: Some(utf8("api")),
            from: at("11:01:34"),
            to: at("11:59:59"),
        },
        Gap {
            service: None,
            from: at("06:30:00"),
            to: at("06:31:00"),
        },
    ];
    report.scan.salvaged = vec![Salvaged {
        file: utf8("logs/web.log.2.gz"),
        offset: 1_048_576,
        why: "unexpected end of file".to_owned(),
    }];
    report
}

/// Nothing could be read as a request.
pub fn nothing_read() -> Report {
    let mut report = all_well();
    report.scan.requests = 0;
    report.scan.errors = 0;
    report.scan.rejected_lines = report.scan.lines;
    report.scan.rejects[0].lines = report.scan.lines;
    report.scan.from = None;
    report.scan.to = None;
    report.scan.services.clear();
    report.timeline.clear();
    report.endpoints.clear();
    report.changes.clear();
    report
}

/// One of each kind.
pub fn all() -> Vec<Report> {
    vec![
        all_well(),
        guilty_deploy(),
        unexplained(),
        ambiguous(),
        slow(),
        nothing_read(),
        hostile(ATTACK),
    ]
}
