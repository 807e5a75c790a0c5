//! Requests that stand on several lines: counted once each, by whatever number of threads, in
//! whatever packing, over the seams of the blocks that a file is read in.

use std::fmt::Write;
use std::fs;

use serde_json::Value;

use crate::support::*;

/// More than two blocks of 4 MiB.
const REQUESTS: usize = 36_000;

/// Requests of a Rails server, five at a time: each begins five lines before it ends. Every tenth fails.
fn rails_log() -> String {
    let mut text = String::new();
    let tag = |n: usize| format!("[{n:08x}-1111-4222-8333-444455556666]");
    let clock = |n: usize| {
        format!(
            "2024-04-10 {:02}:{:02}:{:02}",
            n / 3600,
            n / 60 % 60,
            n % 60
        )
    };
    for n in 0..REQUESTS + 5 {
        if n < REQUESTS {
            writeln!(
                text,
                r#"I, [T #12]  INFO -- : {} Started GET "/orders/{n}" for 203.0.113.7 at {} +0000"#,
                tag(n),
                clock(n)
            )
            .unwrap();
        }
        if let Some(n) = n.checked_sub(5) {
            let answer = if n % 10 == 0 {
                "500 Internal Server Error"
            } else {
                "200 OK"
            };
            writeln!(
                text,
                "I, [T #12]  INFO -- : {} Completed {answer} in {}ms (Views: 1.0ms | ActiveRecord: 2.3ms)",
                tag(n),
                n % 50
            )
            .unwrap();
        }
    }
    text.replace("[T #", "[2024-04-10T00:00:00.000000 #")
}

fn rejected(report: &Value) -> Vec<(String, f64)> {
    let all = list(&report["scan"]["rejects"]).iter();
    all.map(|reject| (text(&reject["reason"]).to_owned(), number(&reject["lines"])))
        .collect()
}

#[test]
fn the_two_lines_of_a_request_are_one_over_the_seams_of_blocks_too() {
    let folder = tempfile::tempdir().unwrap();
    let log = rails_log();
    assert!(log.len() > 2 * (4 << 20));
    let plain = folder.path().join("shop.log");
    fs::write(&plain, &log).unwrap();
    let gz = folder.path().join("shop.log.gz");
    fs::write(&gz, packed(log.as_bytes())).unwrap();
    let mut reports = Vec::new();
    for (path, options) in [
        (&plain, ["--threads", "1", "--io", "mmap"]),
        (&plain, ["--threads", "4", "--io", "mmap"]),
        (&plain, ["--threads", "3", "--io", "read"]),
        (&gz, ["--threads", "2", "--io", "auto"]),
    ] {
        let path = path.to_str().unwrap();
        let report = report(&[&[path][..], &options].concat());
        let scan = &report["scan"];
        assert_eq!(number(&scan["lines"]), 2.0 * REQUESTS as f64);
        assert_eq!(
            number(&scan["requests"]),
            REQUESTS as f64,
            "{path} {options:?}"
        );
        assert_eq!(number(&scan["errors"]), REQUESTS as f64 / 10.0);
        assert_eq!(rejected(&report), [("piece".to_owned(), REQUESTS as f64)]);
        reports.push((report["endpoints"].clone(), report["incidents"].clone()));
    }
    for (endpoints, incidents) in &reports[1..] {
        assert_eq!(endpoints, &reports[0].0);
        assert_eq!(incidents, &reports[0].1);
    }
    let endpoints = list(&reports[0].0);
    assert_eq!(endpoints.len(), 1);
    assert_eq!(text(&endpoints[0]["endpoint"]), "/orders/{id}");
}

#[test]
fn a_line_that_a_container_runtime_cut_is_one_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.log");
    let long = "x".repeat(16_000);
    let log = format!(
        "2024-04-10T09:00:00.1Z stdout P {{\"method\":\"GET\",\"path\":\"/a\",\"query\":\"{long}\n\
         2024-04-10T09:00:00.1Z stdout F {long}\",\"status\":500}}\n\
         2024-04-10T09:00:01.1Z stdout F {{\"method\":\"GET\",\"path\":\"/b\",\"status\":200}}\n"
    );
    fs::write(&path, log).unwrap();
    let report = report(&[path.to_str().unwrap()]);
    assert_eq!(number(&report["scan"]["requests"]), 2.0);
    assert_eq!(number(&report["scan"]["errors"]), 1.0);
    assert_eq!(rejected(&report), [("piece".to_owned(), 1.0)]);
}
