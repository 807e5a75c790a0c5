//! Logs in which endpoints become slow with few errors or none: what the report makes of them.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::support::*;

/// 2024-06-03T06:00:00Z.
const SIX: i64 = 1_717_394_400;

/// SplitMix64 (Steele, Lea & Flood).
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// What an endpoint of a service does in a second, from 06:00 on.
struct Now {
    /// Requests in it.
    requests: u32,
    median_ms: f64,
    /// Share of requests that fail.
    failing: f64,
}

/// Six hours of services with endpoints (a path each), 0.8 octaves between requests, one in 300 of
/// which fails anyway; in nginx's combined format with the request's time behind it, or without.
fn write(
    folder: &Path,
    services: &[(&str, &[&str])],
    with_time: bool,
    now: impl Fn(&str, i64) -> Now,
) {
    let mut random = Random(42);
    for (service, paths) in services {
        let mut lines = String::new();
        for second in 0..6 * 3_600 {
            let time = jiff::Timestamp::from_second(SIX + second).unwrap();
            let time = time.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
            for path in *paths {
                let now = now(path, second);
                for _ in 0..now.requests {
                    let seconds = now.median_ms / 1e3 * (0.8 * random.normal()).exp2();
                    let failed = random.unit() < 1.0 / 300.0 + now.failing;
                    let status = if failed { 500 } else { 200 };
                    let user = (random.unit() * 400.0) as u32;
                    write!(
                        lines,
                        "198.51.100.{} - u{user} [{time}] \"GET {path} HTTP/1.1\" {status} 512 \"-\" \"shop/1\"",
                        user % 250
                    )
                    .unwrap();
                    if with_time {
                        write!(lines, " {seconds:.3}").unwrap();
                    }
                    lines.push('\n');
                }
            }
        }
        std::fs::create_dir_all(folder.join(service)).unwrap();
        std::fs::write(folder.join(service).join("access.log"), lines).unwrap();
    }
}

const SHOP: [(&str, &[&str]); 2] = [
    ("shop", &["/v1/cart", "/v1/search", "/v1/login"]),
    ("mail", &["/v1/inbox", "/v1/outbox"]),
];

const NOON: i64 = 6 * 3_600;
const NINE: i64 = 3 * 3_600;
const TEN: i64 = 4 * 3_600;

/// A request every other second, 60 ms, but what the story says.
fn ordinary(second: i64) -> Now {
    Now {
        requests: u32::from(second % 2 == 0),
        median_ms: 60.0,
        failing: 0.0,
    }
}

fn look(folder: &Path, markers: &str) -> Value {
    let deploys = folder.join("deploys.json");
    std::fs::write(&deploys, markers).unwrap();
    let logs = folder.join("logs");
    report(&[
        logs.to_str().unwrap(),
        "--deploys",
        deploys.to_str().unwrap(),
    ])
}

const DEPLOYS: &str = r#"[
    {"id":"d-1","kind":"deploy","service":"mail","version":"7.1","at":"2024-06-03T08:50:00Z"},
    {"id":"d-2","kind":"deploy","service":"shop","version":"3.0","at":"2024-06-03T08:59:00Z"}
]"#;

fn paths(incident: &Value) -> Vec<&str> {
    let mut paths: Vec<&str> = list(&incident["endpoints"])
        .iter()
        .map(|e| text(&e["endpoint"]))
        .collect();
    paths.sort_unstable();
    paths
}

fn seconds_off(told: &Value, second: i64) -> f64 {
    let truth = jiff::Timestamp::from_second(SIX + second).unwrap();
    seconds_between(&truth.to_string(), text(told)).abs()
}

/// From 09:00 to 10:00 the cart and the search take 2.5 times as long: the deploy of 08:59.
#[test]
fn a_deploy_that_makes_two_endpoints_slow_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("logs"), &SHOP, true, |path, second| {
        let hit = path == "/v1/cart" || path == "/v1/search";
        let slow = hit && (NINE..TEN).contains(&second);
        Now {
            median_ms: if slow { 150.0 } else { 60.0 },
            ..ordinary(second)
        }
    });
    let report = look(folder.path(), DEPLOYS);
    let [incident] = list(&report["incidents"]) else {
        panic!("{} incidents", list(&report["incidents"]).len());
    };
    assert_eq!(text(&incident["signal"]), "latency");
    assert_eq!(paths(incident), ["/v1/cart", "/v1/search"]);
    assert_eq!(text(&incident["state"]), "recovered");
    assert!(
        seconds_off(&incident["onset"], NINE) <= 60.0,
        "{}",
        incident["onset"]
    );
    assert!(
        seconds_off(&incident["end"], TEN) <= 60.0,
        "{}",
        incident["end"]
    );
    assert_eq!(text(&incident["verdict"]), "change");
    assert_eq!(text(&incident["suspects"][0]["change"]), "d-2");
    for endpoint in list(&incident["endpoints"]) {
        let ratio =
            number(&endpoint["latency_p95_s"]) / number(&endpoint["baseline_latency_p95_s"]);
        assert!((ratio - 2.5).abs() < 0.5, "{ratio}");
        // Slow ones among the successes; real errors are none of them.
        assert!(number(&endpoint["error_rate"]) > 4.0 * number(&endpoint["baseline_error_rate"]));
        assert_eq!(endpoint["statuses"]["500"], Value::Null);
    }
    // 1,800 requests of each in the hour, a minute more or less; one in 300 failed and isn't counted.
    let requests = number(&incident["impact"]["requests"]);
    assert!((3_500.0..=3_700.0).contains(&requests), "{requests}");
    let users = &incident["impact"]["users"];
    assert!(number(&users["active"]) <= 400.0 && number(&users["share"]) > 0.5);
    let summary = text(&incident["summary"]);
    assert!(
        summary.contains("The 95 % quantile of latency went from "),
        "{summary}"
    );
    let fast = list(&incident["ruled_out"]);
    assert!(fast.iter().any(|r| text(&r["lead"]) == "load"), "{fast:?}");
}

/// At 09:00 all endpoints of both services become slow; the last change was half a day ago.
#[test]
fn a_slow_dependency_without_a_change_is_unexplained() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("logs"), &SHOP, true, |_, second| Now {
        median_ms: if (NINE..TEN).contains(&second) {
            240.0
        } else {
            60.0
        },
        ..ordinary(second)
    });
    let old = r#"[{"id":"d-0","kind":"deploy","service":"shop","version":"2.9","at":"2024-06-02T21:00:00Z"}]"#;
    let report = look(folder.path(), old);
    let [incident] = list(&report["incidents"]) else {
        panic!("{} incidents", list(&report["incidents"]).len());
    };
    assert_eq!(text(&incident["signal"]), "latency");
    assert_eq!(list(&incident["endpoints"]).len(), 5);
    assert_eq!(text(&incident["verdict"]), "unexplained");
    let dependency = &list(&incident["alternatives"])[0];
    let told = list(&dependency["evidence"])
        .iter()
        .map(|e| text(&e["text"]));
    let together = "2 services that share no change are slow together (`mail`, `shop`)";
    assert!(
        told.clone().any(|t| t == together),
        "{:?}",
        told.collect::<Vec<_>>()
    );
}

/// From 08:50 on the search gets six times the requests, and from 09:00 they queue.
#[test]
fn a_surge_after_which_requests_queue_is_laid_to_load() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("logs"), &SHOP, true, |path, second| {
        let here = path == "/v1/search";
        let surge = here && (NINE - 600..TEN).contains(&second);
        Now {
            requests: if surge { 3 } else { ordinary(second).requests },
            median_ms: if here && (NINE..TEN).contains(&second) {
                300.0
            } else {
                60.0
            },
            failing: 0.0,
        }
    });
    let report = look(folder.path(), "[]");
    let [incident] = list(&report["incidents"]) else {
        panic!("{} incidents", list(&report["incidents"]).len());
    };
    assert_eq!(text(&incident["signal"]), "latency");
    assert_eq!(paths(incident), ["/v1/search"]);
    let load = &list(&incident["alternatives"])[1];
    assert_eq!(text(&load["kind"]), "load");
    assert!(number(&list(&load["evidence"])[0]["nats"]) > 0.0, "{load}");
}

/// The cart fails from 09:00 on for a third of its requests, and the others take three times as long.
#[test]
fn what_fails_and_is_slow_is_one_incident_of_errors() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("logs"), &SHOP, true, |path, second| {
        let broken = path == "/v1/cart" && (NINE..TEN).contains(&second);
        Now {
            median_ms: if broken { 180.0 } else { 60.0 },
            failing: if broken { 0.33 } else { 0.0 },
            ..ordinary(second)
        }
    });
    let report = look(folder.path(), DEPLOYS);
    let [incident] = list(&report["incidents"]) else {
        panic!("{} incidents", list(&report["incidents"]).len());
    };
    assert_eq!(text(&incident["signal"]), "errors");
    assert_eq!(paths(incident), ["/v1/cart"]);
}

/// The same errors in a log that tells no times: they are found, and slowness is left open.
#[test]
fn a_log_without_times_leaves_slowness_open() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("logs"), &SHOP, false, |path, second| {
        Now {
            failing: if path == "/v1/cart" && (NINE..NOON).contains(&second) {
                0.33
            } else {
                0.0
            },
            ..ordinary(second)
        }
    });
    let report = look(folder.path(), DEPLOYS);
    let [incident] = list(&report["incidents"]) else {
        panic!("{} incidents", list(&report["incidents"]).len());
    };
    assert_eq!(text(&incident["signal"]), "errors");
    let open = list(&incident["not_assessed"])
        .iter()
        .map(|n| text(&n["lead"]));
    assert!(
        open.clone().any(|lead| lead == "slow answers"),
        "{:?}",
        open.collect::<Vec<_>>()
    );
}

/// A deploy at 09:00 takes an endpoint away: what answered in 90 ms is refused in 2 ms from then on.
#[test]
fn refusals_are_not_the_speed_that_answers_should_have() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    write(&logs, &SHOP, true, |path, second| {
        let is_gone = path == "/v1/cart" && second >= NINE;
        Now {
            median_ms: if is_gone { 2.0 } else { 90.0 },
            ..ordinary(second)
        }
    });
    // Which lines were refused: those of the cart since.
    let file = logs.join("shop/access.log");
    let lines = read_text(&file);
    let refused = lines.lines().map(|line| {
        let is_gone = line.contains("GET /v1/cart ") && line.contains(":09:")
            || line.contains("GET /v1/cart ") && (line.contains(":10:") || line.contains(":11:"));
        match is_gone {
            true => line.replace("\" 200 512 ", "\" 404 512 ") + "\n",
            false => line.to_owned() + "\n",
        }
    });
    std::fs::write(&file, refused.collect::<String>()).unwrap();
    let report = look(folder.path(), DEPLOYS);
    assert_eq!(list(&report["incidents"]), &[] as &[Value]);
}
