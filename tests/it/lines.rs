//! Files whose lines change on the way: formats mixed line by line, columns that change far below a
//! file's begin. What a line means depends on the file, never on the block or thread that read it.

use std::fmt::Write;
use std::fs;

use serde_json::{Value, json};

use crate::support::*;

/// The report on a file of this text, which is the same for one thread or two, mapped or read.
fn report_on(name: &str, text: &[u8]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    let with = |args: [&str; 4]| {
        let args = args.map(str::to_owned);
        report(&[vec![path.to_str().unwrap().to_owned()], args.to_vec()].concat())
    };
    let one = with(["--threads", "1", "--io", "read"]);
    assert!(one == with(["--threads", "2", "--io", "mmap"]));
    one
}

/// `[format, files, lines]` of each format in a report.
fn formats(report: &Value) -> Vec<(String, u64, u64)> {
    let formats = report["scan"]["formats"].as_array().unwrap().iter();
    let count = |f: &Value, key: &str| f[key].as_u64().unwrap();
    formats
        .map(|f| {
            let name = f["format"].as_str().unwrap().to_owned();
            (name, count(f, "files"), count(f, "lines"))
        })
        .collect()
}

/// How `triage formats --explain` says that a file of this text is read.
fn explained(name: &str, text: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    let run = run(&["formats", "--explain", path, "--json"]);
    let explained: Value = serde_json::from_str(&run.stdout).unwrap();
    explained["files"][0].clone()
}

/// Requests and errors of an endpoint.
fn counted(report: &Value, endpoint: &str) -> (u64, u64) {
    let endpoints = report["endpoints"].as_array().unwrap().iter();
    let found = endpoints.clone().find(|e| e["endpoint"] == endpoint);
    let found = found.unwrap_or_else(|| panic!("{endpoint} is not in the report"));
    (
        found["requests"].as_u64().unwrap(),
        found["errors"].as_u64().unwrap(),
    )
}

/// Asserts that of 1,200 requests, every fifth of which failed, as many are read. A line is made of its time, its
/// status and a number that could be one; of these numbers a few are ones that servers send.
fn requests_and_errors_are_exact(line: impl Fn(&str, u16, u32) -> String) {
    let (mut text, mut failed) = (String::new(), 0);
    for i in 0..1_200 {
        let status = if i % 5 == 0 { 500 } else { 200 };
        failed += u64::from(status == 500);
        let time = format!("[10/Apr/2024:09:{:02}:{:02} +0000]", i / 60, i % 60);
        writeln!(text, "{}", line(&time, status, 100 + i % 500)).unwrap();
    }
    let report = report_on("shop.log", text.as_bytes());
    assert_eq!(counted(&report, "/page"), (1_200, failed));
}

#[test]
fn a_status_before_its_request_is_told_from_the_size_behind_it() {
    requests_and_errors_are_exact(|time, status, size| {
        format!(r#"203.0.113.7 - {time} {status} "GET /page HTTP/1.1" {size}"#)
    });
}

#[test]
fn a_number_before_a_status_is_no_status() {
    requests_and_errors_are_exact(|time, status, thread| {
        format!(r#"{time} {thread} "GET /page HTTP/1.1" {status} {thread}"#)
    });
}

/// One request a second from an hour on, as a framework prints it.
fn framework_lines(hour: &str, path: &str, count: usize) -> String {
    let line = |i: usize| {
        let (minute, second) = (i / 60, i % 60);
        format!("2024-04-10 {hour}:{minute:02}:{second:02} INFO 203.0.113.7 GET {path} 200 12ms\n")
    };
    (0..count).map(line).collect()
}

#[test]
fn a_size_is_no_status_where_a_stranger_line_has_both() {
    let mut text = framework_lines("09", "/page", 600);
    // A load balancer's lines, which begin below what tells a file's formats: nobody knows them.
    for i in 0..600 {
        let (minute, second) = (10 + i / 60, i % 60);
        writeln!(text, r#"https 2024-04-10T09:{minute:02}:{second:02}.000000Z app/shop/50dc6c495c0c9188 203.0.113.7:46532 10.0.0.1:80 0.001 0.010 0.000 200 200 34 503 "GET https://shop.example:443/pay HTTP/1.1" "curl/8" - -"#).unwrap();
    }
    let report = report_on("shop.log", text.as_bytes());
    assert_eq!(counted(&report, "/page"), (600, 0));
    assert_eq!(report["scan"]["errors"], 0);
    let rejects = report["scan"]["rejects"].as_array().unwrap();
    let lines: u64 = rejects.iter().map(|r| r["lines"].as_u64().unwrap()).sum();
    let requests = report["scan"]["requests"].as_u64().unwrap();
    assert_eq!((requests, lines), (600, 600));
}

#[test]
fn the_cells_of_a_log_stores_table_are_lines() {
    // As Datadog exports it; a cell has the line of a container, quotes doubled.
    let mut text = String::from("\"Date\",\"Host\",\"Service\",\"Message\"\n");
    for i in 0..1_200 {
        let status = if i % 10 == 0 { 503 } else { 200 };
        let time = format!("2024-04-10T09:{:02}:{:02}.000Z", i / 60, i % 60);
        let line = match i % 2 {
            0 => format!(r#"{{"method":"GET","path":"/page","status":{status}}}"#),
            _ => format!("Traceback:\n  in GET /page\n203.0.113.7 GET /page {status} 12ms"),
        };
        writeln!(
            text,
            r#""{time}","web-1","shop","{}""#,
            line.replace('"', "\"\"")
        )
        .unwrap();
    }
    writeln!(
        text,
        r#""2024-04-10T09:20:00.000Z","web-1","shop","out of memory""#
    )
    .unwrap();
    let report = report_on("export.csv", text.as_bytes());
    assert_eq!(counted(&report, "/page"), (600, 120));
    assert_eq!(served(&report).0, &serde_json::json!(["shop"]));
    let rejects = report["scan"]["rejects"].as_array().unwrap().iter();
    let (blank, others): (Vec<&Value>, Vec<&Value>) =
        rejects.partition(|reject| reject["reason"] == "blank");
    let lines =
        |rejects: &[&Value]| -> u64 { rejects.iter().map(|r| r["lines"].as_u64().unwrap()).sum() };
    // The header and the second and third lines of 600 cells are blank there.
    assert_eq!((lines(&blank), lines(&others)), (1 + 1_200, 600 + 1));
    // A line that is no request is where it is said to be, whatever stands in the cells before it.
    let of_memory = |r: &&&Value| {
        r["example"]["text"]
            .as_str()
            .unwrap()
            .contains("out of memory")
    };
    let number = others.iter().find(of_memory).unwrap()["example"]["line"]
        .as_u64()
        .unwrap();
    let line = text.lines().nth(number as usize - 1).unwrap();
    assert!(line.contains("out of memory"), "{line}");
}

/// A second of the hour from nine on, as syslog and HAProxy write it.
fn haproxy_line(second: usize, status: u16) -> String {
    let (minute, second) = (second / 60, second % 60);
    format!(
        r#"Apr 10 09:{minute:02}:{second:02} lb1 haproxy[999]: 203.0.113.7:33317 [10/Apr/2024:09:{minute:02}:{second:02}.000] http-in app/web1 10/0/30/69/109 {status} 2750 - - ---- 1/1/1/1/0 0/0 "GET /page HTTP/1.1""#
    )
}

#[test]
fn a_format_whose_lines_begin_far_below_a_files_begin_is_found() {
    // One line in three of the system's log is the balancer's, but only from its start on.
    let mut text = String::new();
    for i in 0..2_000 {
        writeln!(
            text,
            "Apr 10 08:{:02}:{:02} lb1 systemd[1]: Started unit {i}.",
            i / 60 % 60,
            i % 60
        )
        .unwrap();
    }
    for i in 0..1_200 {
        let status = if i % 10 == 0 { 503 } else { 200 };
        writeln!(text, "{}", haproxy_line(i, status)).unwrap();
        writeln!(
            text,
            "Apr 10 09:{:02}:{:02} lb1 cron[7]: (root) CMD (true)",
            i / 60,
            i % 60
        )
        .unwrap();
        writeln!(
            text,
            "Apr 10 09:{:02}:{:02} lb1 kernel: eth0 up",
            i / 60,
            i % 60
        )
        .unwrap();
    }
    let report = report_on("syslog", text.as_bytes());
    assert_eq!(counted(&report, "/page"), (1_200, 120));
    let explained = explained("syslog", &text);
    assert_eq!(explained["chosen"]["name"], "haproxy");
    let request = &explained["request"];
    let number = request["line"].as_u64().unwrap() as usize;
    assert_eq!(request["text"], text.lines().nth(number - 1).unwrap());
}

#[test]
fn a_format_that_takes_anothers_place_in_the_middle_of_a_file_is_read_too() {
    let mut text = framework_lines("08", "/old", 1_200);
    for i in 0..1_200 {
        let status = if i % 10 == 0 { 503 } else { 200 };
        writeln!(text, "{}", haproxy_line(i, status)).unwrap();
    }
    let report = report_on("shop.log", text.as_bytes());
    assert_eq!(counted(&report, "/old"), (1_200, 0));
    assert_eq!(counted(&report, "/page"), (1_200, 120));
}

#[test]
fn each_line_of_a_stream_of_several_formats_is_read_by_its_own() {
    // Nine megabytes, so three blocks; JSON begins only in the second.
    let rounds = 12_000;
    let mut text = String::new();
    for i in 0..rounds {
        let (minute, second) = (i / 200, i / 4 % 60);
        let time = format!("09:{minute:02}:{second:02}");
        let padding = "x".repeat(400);
        writeln!(text, r#"203.0.113.7 - - [10/Apr/2024:{time} +0000] "GET /page HTTP/1.1" 200 5 "-" "{padding}""#).unwrap();
        writeln!(text, "2024-04-10T{time}Z INFO job 500 took 200 ms").unwrap();
        if i >= rounds / 2 {
            writeln!(text, r#"{{"time":"2024-04-10T{time}Z","method":"POST","path":"/pay","status":503,"pad":"{padding}"}}"#).unwrap();
        }
        writeln!(
            text,
            "[GIN] 2024/04/10 - {time} | 404 |    1.254ms |    203.0.113.7 | GET      \"/gone\""
        )
        .unwrap();
    }
    assert!(text.len() > 9 << 20);
    let report = report_on("shop.log", text.as_bytes());
    assert_eq!(
        formats(&report),
        [
            // What nobody reads is counted with the file's own format.
            ("combined".to_owned(), 1, 24_000),
            ("text".to_owned(), 1, 12_000),
            ("json".to_owned(), 1, 6_000),
        ]
    );
    assert_eq!(counted(&report, "/page"), (12_000, 0));
    assert_eq!(counted(&report, "/pay"), (6_000, 6_000));
    assert_eq!(counted(&report, "/gone"), (12_000, 0));
    assert_eq!(report["scan"]["requests"], 30_000);
    assert_eq!(report["scan"]["rejects"][0]["reason"], "no_request");
    assert_eq!(report["scan"]["rejects"][0]["lines"], 12_000);
}

/// A W3C log whose columns change below its begin: each part has a header, then lines.
fn w3c(parts: &[(&str, &str, usize)]) -> String {
    let mut text = "#Software: Microsoft Internet Information Services 10.0\n".to_owned();
    for (header, line, lines) in parts {
        writeln!(text, "#Fields: {header}").unwrap();
        for i in 0..*lines {
            let (hour, minute, second) = (i / 3600 % 24, i / 60 % 60, i % 60);
            let time = format!("2024-04-10 {hour:02}:{minute:02}:{second:02}");
            writeln!(text, "{}", line.replace("TIME", &time)).unwrap();
        }
    }
    text
}

#[test]
fn columns_that_change_far_below_a_files_begin_hold_to_the_next_header() {
    let agent = "Mozilla/5.0+".repeat(12);
    let old = format!("TIME GET /old - 200 {agent}");
    let new = format!("TIME 500 {agent} /new POST");
    let text = w3c(&[
        (
            "date time cs-method cs-uri-stem cs-uri-query sc-status cs(User-Agent)",
            &old,
            20_000,
        ),
        (
            "date time sc-status cs(User-Agent) cs-uri-stem cs-method",
            &new,
            60_000,
        ),
        (
            "date time cs-method cs-uri-stem cs-uri-query sc-status cs(User-Agent)",
            &old,
            30_000,
        ),
    ]);
    // The second header is in the first block and in force in the two after it.
    assert!(text.find("/new").unwrap() < 4 << 20 && text.len() > 18 << 20);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, text.as_bytes()).unwrap();
    for (name, bytes) in [
        ("u_ex240410.log", text.clone().into_bytes()),
        ("u_ex240410.log.gz", packed.finish().unwrap()),
    ] {
        let report = report_on(name, &bytes);
        assert_eq!(report["scan"]["requests"], 110_000, "{name}");
        assert_eq!(counted(&report, "/old"), (50_000, 0), "{name}");
        assert_eq!(counted(&report, "/new"), (60_000, 60_000), "{name}");
        assert_eq!(formats(&report), [("w3c".to_owned(), 1, 110_004)]);
    }
}

/// The services of a report, and its requests and errors.
fn served(report: &Value) -> (&Value, u64, u64) {
    let scan = &report["scan"];
    let count = |key: &str| scan[key].as_u64().unwrap();
    (&scan["services"], count("requests"), count("errors"))
}

#[test]
fn the_level_of_a_line_names_no_service_and_a_loggers_name_no_host() {
    for line in [
        "2024-04-10T15:00:06.081Z info: GET /api/orders/69643 200 825ms",
        "2024-04-10T15:00:06.081Z ERROR: GET /api/orders/69643 500 825ms",
        "2024-04-10T15:00:06.081Z [shop] info: GET /api/orders/69643 200 825ms",
        "2024-04-10T15:00:06.081Z fail: Shop.RequestLog[0] HTTP POST /api/checkout responded 500 in 12.0 ms",
        "2024-04-10T15:00:06.081Z access: GET /api/orders/69643 200 825ms",
    ] {
        let report = report_on("api.log", format!("{line}\n").repeat(20).as_bytes());
        let (services, requests, _) = served(&report);
        assert_eq!(
            (services, requests),
            (&serde_json::json!(["api"]), 20),
            "{line}"
        );
        assert_eq!(report["incidents"], serde_json::json!([]), "{line}");
    }
    // Syslog's own heads are what they were.
    let text = "2024-04-10T15:00:06Z web-1 shop[123]: GET /api/orders/69643 200 825ms\n".repeat(20);
    let report = report_on("api.log", text.as_bytes());
    assert_eq!(served(&report).0, &serde_json::json!(["shop"]));
}

#[test]
fn the_server_for_every_other_name_is_none() {
    let json = r#"{"time":"2024-04-10T15:00:06Z","server_name":"_","method":"GET","path":"/","status":200}"#;
    let vhost =
        r#"_ 203.0.113.7 - - [10/Apr/2024:15:00:06 +0000] "GET / HTTP/1.1" 200 5 "-" "curl""#;
    for line in [json, vhost] {
        let report = report_on("api.log", format!("{line}\n").repeat(20).as_bytes());
        assert_eq!(
            served(&report),
            (&serde_json::json!(["api"]), 20, 0),
            "{line}"
        );
    }
}

#[test]
fn calls_that_a_service_makes_are_no_requests_to_it() {
    let own = r#"{"ts":"2024-04-10T15:00:06Z","method":"GET","path":"/cart","status":200,"duration_ms":8}"#;
    for call in [
        r#"2024-04-10 15:00:06,081 INFO httpx HTTP Request: GET https://pay.example/v1/charges "HTTP/1.1 500 Internal Server Error""#,
        r#"2024-04-10 15:00:06,081 DEBUG urllib3.connectionpool https://pay.example:443 "GET /v1/charges HTTP/1.1" 500 None"#,
        "2024-04-10 15:00:06,081 INFO elastic_transport.transport POST http://es:9200/_bulk [status:503 duration:0.004s]",
        r#"{"ts":"2024-04-10T15:00:06Z","span.kind":"client","http.method":"GET","http.url":"https://pay.example/v1/charges","http.status_code":500,"duration_ms":12}"#,
        r#"{"ts":"2024-04-10T15:00:06Z","method":"GET","path":"/v1/charges","status":500,"duration_ms":12,"span":{"kind":"SPAN_KIND_CLIENT"}}"#,
    ] {
        let text = format!("{own}\n{call}\n").repeat(200);
        let report = report_on("api.log", text.as_bytes());
        assert_eq!(
            served(&report),
            (&serde_json::json!(["api"]), 200, 0),
            "{call}"
        );
        assert_eq!(
            report["scan"]["rejects"][0]["reason"], "no_request",
            "{call}"
        );
    }
    // The server's side of a call is one.
    let served_call = own.replace("\"ts\"", "\"span.kind\":\"server\",\"ts\"");
    let report = report_on("api.log", format!("{served_call}\n").repeat(20).as_bytes());
    assert_eq!(served(&report).1, 20);
}

#[test]
fn one_document_of_a_console_or_an_api_is_read_as_its_lines() {
    let (mut hits, mut values, mut rows, mut failed) = (vec![], vec![], vec![], 0);
    for i in 0..600_u64 {
        let status = if i % 7 == 0 { 500 } else { 200 };
        failed += u64::from(status == 500);
        let (minute, second) = (i / 60, i % 60);
        let line = format!("GET /cart/{{x}} {status} 12ms");
        let time = format!("2024-04-10T09:{minute:02}:{second:02}.000Z");
        hits.push(json!({"_index": "web", "_source": {"@timestamp": time, "message": line}}));
        values.push(json!([format!("{}000000000", 1_712_739_600 + i), line]));
        let cell = |field: &str, value: &str| json!({"field": field, "value": value});
        let time = time.replace('T', " ").replace('Z', "");
        rows.push(json!([
            cell("@timestamp", &time),
            cell("@message", &line),
            cell("@ptr", "Cl")
        ]));
    }
    let stream = json!({"stream": {"app": "shop", "pod": "shop-1"}, "values": values});
    let search = json!({"took": 3, "hits": {"total": 600, "hits": hits}});
    let streams =
        json!({"status": "success", "data": {"resultType": "streams", "result": [stream]}});
    let query = json!({"results": rows, "statistics": {}, "status": "Complete"});
    for (name, document, service) in [
        ("search.json", search, "search"),
        ("streams.json", streams, "shop"),
        ("query.json", query, "query"),
    ] {
        for text in [document.to_string(), format!("{document:#}")] {
            let report = report_on(name, text.as_bytes());
            assert_eq!(counted(&report, "/cart/{x}"), (600, failed), "{name}");
            assert_eq!(report["scan"]["services"], json!([service]));
            assert_eq!(report["scan"]["from"], "2024-04-10T09:00:00Z");
            assert_eq!(report["scan"]["rejected_lines"], 0);
            // A download that broke off: the rest is there, and the cut record is told of.
            let report = report_on(name, &text.as_bytes()[..text.len() * 2 / 3]);
            let (requests, _) = counted(&report, "/cart/{x}");
            assert!((380..410).contains(&requests), "{name}: {requests}");
            assert_eq!(report["scan"]["rejected_lines"], 1, "{name}");
        }
    }
}
