//! Formats as a user meets them: listed, explained, and brought along.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::*;

/// A folder with these files in it.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

fn json(args: &[&str]) -> Value {
    let run = run(args);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

fn strings<'v>(list_of: &'v Value, key: &str) -> Vec<&'v str> {
    list(list_of).iter().map(|v| text(&v[key])).collect()
}

/// Names of the specs in the source.
fn specs() -> Vec<String> {
    let folder = Path::new(ROOT).join("src/format/specs");
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != "synonyms")
        .collect();
    names.sort();
    names
}

#[test]
fn every_format_is_listed_with_its_title_shape_and_page() {
    let list_of = json(&["formats", "--json"]);
    assert_eq!(list_of["schema"], "triage.formats/1");
    let formats = &list_of["formats"];
    assert_eq!(strings(formats, "name"), specs());
    let listed = run(&["formats"]);
    assert_eq!(listed.code, Some(0));
    for format in list(formats) {
        assert!(text(&format["url"]).starts_with("http"), "{format}");
        let title = text(&format["title"]).split(' ').next().unwrap();
        let name = text(&format["name"]);
        let begins = |line: &str| line.starts_with(name) && line.contains(title);
        assert!(listed.stdout.lines().any(begins), "{name}");
        assert!(
            [
                "delimited",
                "json",
                "logfmt",
                "ltsv",
                "w3c",
                "csv",
                "pattern",
                "prose",
                "plain"
            ]
            .contains(&text(&format["shape"]))
        );
    }
    let combined = list(formats)
        .iter()
        .find(|f| f["name"] == "combined")
        .unwrap();
    let fields: Vec<&str> = list(&combined["fields"]).iter().map(text).collect();
    assert_eq!(
        fields,
        [
            "time", "status", "request", "service", "client", "user", "agent"
        ]
    );
}

#[test]
fn a_formats_file_can_be_printed_and_given_back() {
    let spec = run(&["formats", "--spec", "combined"]);
    assert_eq!(spec.stdout, read_text("src/format/specs/combined.toml"));
    let folder = folder(&[("mine.toml", &spec.stdout)]);
    let mine = report(&[
        "samples/auth-outage/logs/api-1",
        "--log-format",
        &path(&folder, "mine.toml"),
    ]);
    assert_same(
        &mine["endpoints"],
        &report(&["samples/auth-outage/logs/api-1"])["endpoints"],
        "mine.toml",
    );
    let none = run(&["formats", "--spec", "combind"]);
    assert_eq!(none.code, Some(2));
    assert!(
        none.stderr.contains("did you mean combined?"),
        "{}",
        none.stderr
    );
}

const COMBINED: &str = r#"203.0.113.7 - - [10/Apr/2024:09:00:00 +0000] "GET /orders/42 HTTP/1.1" 503 12 "-" "curl/8" rt=0.250
203.0.113.7 - - [10/Apr/2024:09:00:01 +0000] "-" 408 0 "-" "-" rt=1.000

203.0.113.7 - - [10/Apr/2024:09:00:02 +0000] "GET / HTTP/1.1" 200 12 "-" "curl/8" rt=0.100
"#;

/// What is explained of the one file.
fn explained(args: &[&str]) -> Value {
    let all = json(&[&["formats", "--json", "--explain"], args].concat());
    assert_eq!(all["schema"], "triage.formats-explained/1");
    assert_eq!(list(&all["files"]).len(), 1);
    all["files"][0].clone()
}

#[test]
fn a_file_is_explained_line_by_line_and_field_by_field() {
    let folder = folder(&[("access.log", COMBINED)]);
    let file = explained(&[&path(&folder, "access.log")]);
    assert_eq!(
        (
            &file["chosen"]["name"],
            &file["reason"],
            &file["lines"],
            &file["requests"]
        ),
        (
            &"combined".into(),
            // Prose that holds a request is read too, but that is the last resort.
            &"more_specific".into(),
            &3.into(),
            &2.into()
        )
    );
    assert_eq!(file["hint"], Value::Null);
    let request = &file["request"];
    assert_eq!(request["line"], 1);
    assert_eq!(request["text"], COMBINED.lines().next().unwrap());
    let fields: Vec<(&str, &str)> = list(&request["fields"])
        .iter()
        .map(|field| (text(&field["name"]), text(&field["value"])))
        .collect();
    assert_eq!(
        fields,
        [
            ("time", "2024-04-10T09:00:00Z"),
            ("method", "GET"),
            ("target", "/orders/42"),
            ("status", "503"),
            ("latency_us", "250000"),
            ("client", "203.0.113.7"),
            ("agent", "curl/8"),
        ]
    );
    let tried = list(&file["tried"]);
    assert_eq!(tried.len(), specs().len());
    assert_eq!(tried[0]["name"], "combined");
    let failure = &tried[0]["failures"][0];
    assert_eq!(
        (
            &failure["field"],
            &failure["reject"],
            &failure["found"],
            &failure["line"]
        ),
        (
            &"request".into(),
            &"empty_request".into(),
            &"-".into(),
            &2.into()
        )
    );
    // The common format has all that counts, and not the shape: the referrer is one too many.
    let common = tried.iter().find(|t| t["name"] == "common").unwrap();
    assert_eq!(
        common["has"],
        serde_json::json!(["time", "request", "status"])
    );
    assert_eq!(
        (
            &common["failures"][0]["field"],
            &common["failures"][0]["lines"]
        ),
        (&"end".into(), &3.into())
    );
    assert_eq!(common["failures"][0]["found"], " \"-\" \"curl/8\" rt=0.250");
}

#[test]
fn packed_files_and_standard_input_are_explained_alike() {
    let folder = folder(&[("access.log", COMBINED)]);
    let plain = explained(&[&path(&folder, "access.log")]);
    let gz = path(&folder, "access.log.gz");
    fs::write(&gz, packed(COMBINED.as_bytes())).unwrap();
    let zst = path(&folder, "access.log.zst");
    fs::write(&zst, zstd::encode_all(COMBINED.as_bytes(), 3).unwrap()).unwrap();
    let piped = run_with_stdin(
        &["formats", "--explain", "-", "--json"],
        COMBINED.as_bytes(),
    );
    let piped: Value = serde_json::from_str(&piped.stdout).unwrap();
    for mut other in [
        explained(&[&gz]),
        explained(&[&zst]),
        piped["files"][0].clone(),
    ] {
        other["path"] = plain["path"].clone();
        assert_same(&other, &plain, "packed or piped");
    }
    let all = json(&[
        "formats",
        "--json",
        "--explain",
        folder.path().to_str().unwrap(),
    ]);
    // The same text three times is read once.
    assert_eq!(list(&all["files"]).len(), 1);
}

#[test]
fn what_carries_the_lines_is_taken_off_and_named() {
    let carried: String = COMBINED
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| format!("2024-04-10T09:00:00.5Z stdout F {line}\n"))
        .collect();
    let folder = folder(&[("0.log", &carried)]);
    let log = path(&folder, "0.log");
    let file = explained(&[&log]);
    assert_eq!(file["taken_off"], serde_json::json!(["Kubernetes CRI"]));
    let cri = list(&file["envelopes"])
        .iter()
        .find(|tried| tried["names"] == file["taken_off"])
        .unwrap();
    assert_eq!((&cri["lines"], &file["requests"]), (&3.into(), &2.into()));
    // A format that the user names is looked for inside of it, too.
    let string = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" rt=$request_time"#;
    let named = explained(&[&log, "--log-format", string]);
    assert_eq!(
        (&named["reason"], &named["requests"]),
        (&"named".into(), &2.into())
    );
    assert_eq!(named["taken_off"], file["taken_off"]);
}

#[test]
fn where_nothing_fits_the_hint_says_how_to_go_on() {
    let folder = folder(&[
        ("diary.log", "Dear diary,\n\u{1b}[2Jtoday nothing broke.\n"),
        (
            "odd.json",
            "{\"zeit\":\"2024-04-10T09:00:00Z\",\"pfad\":\"/\",\"ergebnis\":200}\n",
        ),
        ("tiny.log", "GET /cart 500 21 - 12.345 ms\n"),
    ]);
    let hint = |name: &str| text(&explained(&[&path(&folder, name)])["hint"]).to_owned();
    assert!(hint("diary.log").contains("log_format"));
    assert!(hint("odd.json").contains("[keys]"));
    assert!(hint("odd.json").ends_with("ergebnis, pfad, zeit"));
    assert!(hint("tiny.log").contains("without a time"));
    let shown = run(&["formats", "--explain", &path(&folder, "diary.log")]);
    assert_eq!(shown.code, Some(0));
    assert!(shown.stdout.contains("no format fits"));
    assert!(!shown.stdout.contains('\u{1b}'), "{}", shown.stdout);
    let refused = run(&[&path(&folder, "diary.log")]);
    assert!(
        refused.stderr.contains("triage formats --explain"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_page_is_never_wider_than_80_columns() {
    let folder = folder(&[("access.log", COMBINED)]);
    for args in [
        &["formats"][..],
        &["formats", "--explain", &path(&folder, "access.log")],
    ] {
        let shown = run(args).stdout;
        // Without a terminal a page has 100 columns.
        let widest = shown
            .lines()
            .map(|line| line.chars().count())
            .max()
            .unwrap();
        assert!(widest <= 100, "{widest}:\n{shown}");
    }
}

/// The format and its lines in docs/formats.md, under "A format of your own".
fn worked_example() -> String {
    let docs = read_text("docs/formats.md");
    let (_, section) = docs.split_once("## A format of your own").unwrap();
    let (_, block) = section.split_once("```toml\n").unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

/// What a user ends up with, who follows docs/formats.md.
#[test]
fn the_worked_example_of_the_docs_reads_its_log() {
    let example = worked_example();
    let spec: toml::Table = example.parse().unwrap();
    let samples = spec["sample"].as_array().unwrap();
    let log: String = samples
        .iter()
        .map(|sample| format!("{}\n", sample["line"].as_str().unwrap()))
        .collect();
    let folder = folder(&[("front-door.toml", &example), ("front-door.log", &log)]);
    let (format, log) = (
        path(&folder, "front-door.toml"),
        path(&folder, "front-door.log"),
    );
    let report = report(&[&log, "--log-format", &format]);
    assert_eq!(
        (&report["scan"]["requests"], &report["scan"]["errors"]),
        (&2.into(), &1.into())
    );
    assert_eq!(report["scan"]["rejects"][0]["reason"], "empty_request");
    assert_eq!(report["endpoints"][0]["endpoint"], "/cart");
    // By its config, too, from wherever it is called.
    fs::write(
        folder.path().join("triage.toml"),
        "log-format = \"front-door.toml\"\n",
    )
    .unwrap();
    let by_config = crate::support::report(&[&log, "--config", &path(&folder, "triage.toml")]);
    assert_same(&by_config, &report, "log-format in --config");
}

#[test]
fn the_docs_name_every_format_and_every_part() {
    let docs = read_text("docs/formats.md");
    let list_of = json(&["formats", "--json"]);
    for format in list(&list_of["formats"]) {
        let (name, url) = (text(&format["name"]), text(&format["url"]));
        let row = |line: &&str| line.starts_with('|') && line.contains(&format!("`{name}`"));
        let row = docs
            .lines()
            .find(row)
            .unwrap_or_else(|| panic!("{name} has no row"));
        assert!(row.contains(url), "{name}: {url}");
        for part in list(&format["fields"]) {
            let row = format!("\n| `{}` |", text(part));
            assert!(docs.contains(&row), "{part}");
        }
    }
}

#[test]
fn a_format_that_reads_otherwise_than_its_samples_say_never_reads_a_log() {
    let example = worked_example();
    let wrong = |from: &str, to: &str| {
        assert!(example.contains(from), "{from}");
        example.replacen(from, to, 1)
    };
    for (file, words) in [
        (
            wrong("{latency}{tail}", "{latency:s}{tail}").replace("31ms", "31"),
            &[
                "sample 1 does not read as it says",
                "latency_us: expected `31000`, found `31000000`",
            ][..],
        ),
        (
            wrong("status = 502", "status = 503"),
            &[
                "sample 2 does not read as it says",
                "status: expected `503`, found `502`",
                "upstream-reset",
            ],
        ),
        (
            wrong("{latency}{tail}", "{latency}"),
            &["sample 2", "latency_us: expected `1500000`, found nothing"],
        ),
        (
            wrong("{latency}{tail}", "{latency} ms"),
            &["sample 1", "reject: expected nothing, found `truncated`"],
        ),
        (
            wrong("reject = \"empty_request\"", "reject = \"empty\""),
            &["sample 3", "reasons are blank,"],
        ),
        (
            wrong("status = 502\n", ""),
            &["sample 2 has neither `reject` nor a `status`"],
        ),
        (
            wrong("{host}", "{machine}"),
            &["layout: {machine}: no such part", "service, side, latency"],
        ),
        (
            wrong("{host}", "{service}"),
            &["layout: {service} stands there twice", "{service:1}"],
        ),
        (
            wrong("{tail}", "{tail"),
            &["layout: a brace that isn't closed"],
        ),
        (
            wrong("\"delimited\"", "\"yaml\""),
            &["unknown variant `yaml`", "line 3"],
        ),
        (
            wrong("url =", "link ="),
            &["unknown field `link`", "line 2"],
        ),
        (
            wrong("layout =", "pattern ="),
            &["`pattern` means nothing for this shape"],
        ),
        (
            "title = \"x\"\nshape = \"json\"\n".into(),
            &["no [[sample]] shows a request"],
        ),
        (
            "title = \"x\"\nshape = \"json\"\n[keys]\ncolour = [\"c\"]\n".into(),
            &["[keys] colour: no such part of a request"],
        ),
        (
            "title = \"\u{1b}[2J\n".into(),
            &["not a log format", "line 1"],
        ),
        (
            format!("x = {}", "[".repeat(100_000)),
            &["not a log format"],
        ),
        (format!("#{}", "x".repeat(1 << 20)), &["longer than 1 MiB"]),
    ] {
        let folder = folder(&[("mine.toml", &file)]);
        let format = path(&folder, "mine.toml");
        let refused = run(&[&*AUTH_OUTAGE.logs(), "--log-format", &format]);
        assert_eq!(
            (refused.code, &*refused.stdout),
            (Some(2), ""),
            "{}",
            refused.stderr
        );
        for word in words.iter().chain(&[&*format]) {
            assert!(
                refused.stderr.contains(word),
                "`{word}` is not in:\n{}",
                refused.stderr
            );
        }
        assert!(refused.stderr.contains("\nhint: "), "{}", refused.stderr);
        assert!(!refused.stderr.contains('\u{1b}'));
    }
    let none = run(&[&*AUTH_OUTAGE.logs(), "--log-format", "no/such.toml"]);
    assert_eq!(none.code, Some(74));
    assert!(
        none.stderr
            .contains("no/such.toml: the log format can't be read"),
        "{}",
        none.stderr
    );
}

#[test]
fn a_servers_own_format_string_reads_its_log() {
    // An agent without quotes, and the upstreams' times: nothing that is built in reads it.
    let log = "10/Apr/2024:09:00:00 +0000 curl 8 GET shop.example/a?b=1 503 0.100, 0.020\n\
               10/Apr/2024:09:00:01 +0000 - GET shop.example/ 200 -\n";
    let string = "log_format odd '$time_local $http_user_agent '\n\
                  '$request_method $host$request_uri $status $upstream_response_time';";
    let folder = folder(&[("odd.log", log)]);
    let log = path(&folder, "odd.log");
    assert_eq!(run(&[&log]).code, Some(65));
    let report = report(&[&log, "--log-format", string]);
    assert_eq!(
        (&report["scan"]["requests"], &report["scan"]["errors"]),
        (&2.into(), &1.into())
    );
    assert_eq!(
        report["scan"]["services"],
        serde_json::json!(["shop.example"])
    );
    for (string, words) in [
        (
            "$time_local $request",
            &["names no status", "`$status`"][..],
        ),
        ("LogFormat \"%h %t %>s\" x", &["names no request"]),
        (
            "nginx",
            &[
                "no log format is called `nginx`",
                "did you mean",
                "combined",
            ],
        ),
        ("log_format main '$status", &["isn't closed"]),
    ] {
        let refused = run(&[&*log, "--log-format", string]);
        assert_eq!((refused.code, &*refused.stdout), (Some(2), ""));
        for word in words {
            assert!(
                refused.stderr.contains(word),
                "`{word}`:\n{}",
                refused.stderr
            );
        }
    }
}

#[test]
fn a_folder_called_formats_is_still_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("formats")).unwrap();
    fs::write(folder.path().join("formats/access.log"), COMBINED).unwrap();
    for paths in [
        &["./formats"][..],
        &["formats/access.log"],
        &["--quiet", "formats"],
    ] {
        let mut command = triage();
        command.current_dir(folder.path()).args(paths).arg("--json");
        let output = command.output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["scan"]["requests"], 2, "{paths:?}");
    }
}
