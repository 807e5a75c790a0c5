//! Stories of the native forms and of joining files; those of the exports stand by their readers.

use jiff::tz::TimeZone;
use serde_json::json;

use super::*;

fn parse(text: &str) -> Result<Markers> {
    read(text.as_bytes(), Path::new("deploys.json"), None)
}

/// 2024-04-10T15:58:30Z in µs, by `date -u -d 2024-04-10T15:58:30Z +%s`.
const AT: i64 = 1_712_764_710_000_000;

#[test]
fn a_full_native_marker_keeps_everything_it_says() {
    let markers = parse(
        r#"[{"id":"d-1042","kind":"deploy","service":"api","version":"2.4.0",
            "previous_version":"2.3.9","at":"2024-04-10T08:58:30-07:00","finished_at":null,
            "rollback_of":null,"author":"dana","description":"auth middleware update",
            "commit":"9f3c","environment":"production","url":"https://ci.example/1042",
            "endpoints":["/api/v1/login"],"hosts":["api-1"],"files":["src/middleware/auth.rs"],
            "status":"success","ticket":"OPS-7","risk":{"score":3}}]"#,
    )
    .unwrap();
    let expected = Change {
        id: "d-1042".to_owned(),
        kind: Kind::Deploy,
        service: Some("api".to_owned()),
        called: None,
        version: Some("2.4.0".to_owned()),
        previous_version: Some("2.3.9".to_owned()),
        at_us: AT,
        finished_us: None,
        at_is_end: false,
        rollback_of: None,
        author: Some("dana".to_owned()),
        description: Some("auth middleware update".to_owned()),
        commit: Some("9f3c".to_owned()),
        environment: Some("production".to_owned()),
        url: Some("https://ci.example/1042".to_owned()),
        status: Some(Status::Succeeded),
        endpoints: vec!["/api/v1/login".to_owned()],
        hosts: vec!["api-1".to_owned()],
        files: vec!["src/middleware/auth.rs".to_owned()],
        extra: [("ticket", json!("OPS-7")), ("risk", json!({"score": 3}))]
            .map(|(key, value)| (key.to_owned(), value))
            .into(),
        source: Source::Marker,
    };
    assert_eq!(markers.changes, [expected]);
    assert_eq!(markers.source, "JSON");
    assert!(!markers.assumed_utc);
    assert_eq!(markers.notes, [""; 0]);
}

#[test]
fn one_marker_is_the_same_in_every_form() {
    let expected = Change {
        id: "7".to_owned(),
        service: Some("api".to_owned()),
        version: Some("2.4.0".to_owned()),
        author: Some("dana".to_owned()),
        description: Some("login; again".to_owned()),
        finished_us: Some(AT + 60_000_000),
        ..Change::at(AT)
    };
    let forms = [
        (
            "JSON",
            r#"[{"id":7,"app":"api","tag":"2.4.0","deployedAt":1712764710,"by":"dana",
                     "Summary":"login; again","completed-at":1712764770000}]"#,
        ),
        (
            "JSON",
            r#"{"id":7,"app":"api","tag":"2.4.0","when":"1712764710","user":{"name":"dana"},
                    "text":"login; again","end":"2024-04-10T15:59:30Z"}"#,
        ),
        (
            "JSON",
            r#"{"deploys":[{"id":"7","service":"api","version":"2.4.0","date":
                    "2024-04-10 15:58:30Z","author":"dana","message":"login; again",
                    "finished_at":"2024-04-10 15:59:30Z"}],"next":null}"#,
        ),
        (
            "CSV",
            "id,Service,Version,Deployed At,Author,Description,Finished At\r\n\
                 7,api,2.4.0,2024-04-10T15:58:30Z,dana,\"login; again\",2024-04-10T15:59:30Z\r\n",
        ),
        (
            "CSV",
            "id;service;version;at;user;message;ended_at\n\
                 7;api;2.4.0;1712764710;dana;\"login; again\";1712764770\n",
        ),
        (
            "CSV",
            "id\tservice\tversion\ttime\tuser\tmessage\tended_at\n\
                 7\tapi\t2.4.0\t1712764710\tdana\tlogin; again\t1712764770\n",
        ),
        (
            "YAML",
            "- id: 7\n  service: api\n  version: 2.4.0\n  at: 2024-04-10T15:58:30Z\n  \
                  author: dana\n  description: login; again\n  finished_at: 1712764770\n",
        ),
    ];
    for (form, text) in forms {
        let markers = parse(text).unwrap();
        assert_eq!(markers.source, form, "{text}");
        assert_eq!(markers.changes, std::slice::from_ref(&expected), "{text}");
    }
}

#[test]
fn ndjson_is_read_line_by_line_and_put_in_order_of_time() {
    let markers = parse(
        "\u{feff}{\"at\":1712764770,\"id\":\"b\"}\n\n{\"at\":1712764710,\"id\":\"c\"}\r\n\
         {\"at\":1712764710,\"id\":\"a\"}\n",
    )
    .unwrap();
    let ids: Vec<&str> = markers
        .changes
        .iter()
        .map(|change| change.id.as_str())
        .collect();
    assert_eq!(ids, ["a", "c", "b"]);
    assert_eq!(markers.source, "NDJSON");
}

#[test]
fn a_marker_without_an_id_has_the_same_one_wherever_it_is_written() {
    let json = parse(r#"[{"at":"2024-04-10T15:58:30Z","service":"api","version":"2"}]"#).unwrap();
    let csv = parse("version,service,at\n2,api,1712764710\n").unwrap();
    let other = parse("version,service,at\n3,api,1712764710\n").unwrap();
    assert_eq!(json.changes[0].id, csv.changes[0].id);
    assert_ne!(json.changes[0].id, other.changes[0].id);
    assert!(json.changes[0].id.starts_with("m-") && json.changes[0].id.len() == 12);
}

#[test]
fn the_most_telling_key_wins_and_the_others_are_kept() {
    let markers = parse(
        r#"{"created_at":"2024-04-10T15:00:00Z","started_at":"2024-04-10T15:58:30Z",
            "title":"short","message":"long","type":"purple","finished":true,"service":["a","b"]}"#,
    )
    .unwrap();
    let change = &markers.changes[0];
    assert_eq!(change.at_us, AT);
    assert_eq!(change.finished_us, None);
    assert_eq!(change.description.as_deref(), Some("long"));
    assert_eq!(change.kind, Kind::Deploy);
    assert_eq!(change.service, None);
    let kept = json!({"created_at":"2024-04-10T15:00:00Z","title":"short","type":"purple",
                      "finished":true,"service":["a","b"]});
    assert_eq!(serde_json::to_value(&change.extra).unwrap(), kept);
}

#[test]
fn a_marker_with_the_native_time_is_native_whatever_else_it_has() {
    let text = r#"{"at":1712764710,"number":17,"timestamp":1712700000,"result":"SUCCESS"}"#;
    let markers = parse(text).unwrap();
    assert_eq!((markers.source, markers.changes[0].at_us), ("JSON", AT));
}

#[test]
fn kinds_are_said_or_plain_from_the_description() {
    let kind = |marker: &str| parse(marker).unwrap().changes[0].kind;
    assert_eq!(
        kind(r#"{"at":1712764710,"kind":"feature_flag"}"#),
        Kind::Flag
    );
    assert_eq!(
        kind(r#"{"at":1712764710,"type":"schema migration"}"#),
        Kind::Migration
    );
    assert_eq!(
        kind(r#"{"at":1712764710,"category":"terraform"}"#),
        Kind::Infra
    );
    assert_eq!(
        kind(r#"{"at":1712764710,"message":"Revert \"new login\""}"#),
        Kind::Rollback
    );
    assert_eq!(
        kind(r#"{"at":1712764710,"message":"Make rollbacks faster"}"#),
        Kind::Deploy
    );
    assert_eq!(
        kind(r#"{"at":1712764710,"kind":"flag","message":"Revert x"}"#),
        Kind::Flag
    );
}

#[test]
fn a_marker_that_dates_only_its_end_says_so() {
    let change = &parse(r#"{"finished_at":1712764710}"#).unwrap().changes[0];
    assert_eq!(
        (change.at_us, change.finished_us, change.at_is_end),
        (AT, Some(AT), true)
    );
}

#[test]
fn a_time_without_a_zone_is_read_in_the_zone_given_or_flagged() {
    let text = br#"[{"at":"2024-04-10 08:58"}]"#;
    let path = Path::new("deploys.json");
    let pacific = TimeZone::get("America/Los_Angeles").unwrap();
    let given = read(text, path, Some(&pacific)).unwrap();
    assert_eq!(
        (given.changes[0].at_us, given.assumed_utc),
        (AT - 30_000_000, false)
    );
    let assumed = read(text, path, None).unwrap();
    let seven_hours_before = AT - 30_000_000 - 7 * 3_600_000_000;
    assert_eq!(
        (assumed.changes[0].at_us, assumed.assumed_utc),
        (seven_hours_before, true)
    );
}

#[test]
fn an_empty_list_is_no_change_and_no_error() {
    for text in [
        "[]",
        " [ ]\n",
        r#"{"changes":[]}"#,
        "at,service\n",
        "at\n",
        "[[],[]]",
    ] {
        assert_eq!(parse(text).unwrap().changes, [], "{text}");
    }
}

#[test]
fn trouble_is_named_with_its_place_and_a_way_out() {
    let table = [
        ("", "the file is empty"),
        ("  \n", "the file is empty"),
        (
            "[{\"at\":1712764710},\n {\"at\" 5}]",
            "line 2, column 8: not JSON: expected `:`",
        ),
        (
            "{\"at\":1712764710}\n{\"at\":\n",
            "line 3, column 0: not JSON: EOF while parsing a value",
        ),
        (
            "hello world",
            "line 1, column 1: neither JSON, NDJSON, YAML nor CSV with a column for the time: \
             \"hello world\"",
        ),
        (
            "service,version\napi,2\n",
            "line 1, column 1: neither JSON, NDJSON, YAML nor CSV with a column for the time: \
             \"service,version\"",
        ),
        (
            "at,service\n1712764710,api,extra\n",
            "line 2: 3 fields, but the header has 2",
        ),
        (
            r#"[{"service":"api","version":"2"},{"service":"web"}]"#,
            "marker 1 has no time: its keys are service, version",
        ),
        (
            r#"[{"at":1712764710,},]"#,
            "line 1, column 19: not JSON: trailing comma",
        ),
        (
            r#"{"message":"Bad credentials","documentation_url":"https://docs.example"}"#,
            "an error message in place of markers: \"Bad credentials\"",
        ),
        (
            "<!DOCTYPE html>\n<html><title>Log in</title>",
            "an HTML page in place of markers",
        ),
        (
            "10.0.0.1 - - [10/Apr/2024:08:58:30 +0000] \"GET / HTTP/1.1\" 200 5\n",
            "an access log in place of markers",
        ),
        (
            r#"[1712764710]"#,
            "marker 1 has no time: it is 1712764710, not an object",
        ),
        (r#"[{}]"#, "marker 1 has no time: it is empty"),
        (
            r#"{"at":"tomorrow"}"#,
            "marker 1: \"tomorrow\" can't be read as a time",
        ),
        (
            r#"{"at":"2024-04-10"}"#,
            "marker 1: \"2024-04-10\" has no time of day; if only the day is known, give its begin as `at` and its end as `finished_at`",
        ),
        (
            "at,service\n,api\n",
            "marker 1 has no time: its keys are at, service",
        ),
    ];
    for (text, message) in table {
        let error = parse(text).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("deploys.json: {message}"),
            "{text}"
        );
        assert!(error.is_data() && error.hint_text().is_some(), "{text}");
    }
    let bytes = read(b"at\n\xff\n", Path::new("d.csv"), None).unwrap_err();
    assert_eq!(bytes.to_string(), "d.csv: line 2: not UTF-8 (byte 3)");
    let packed = read(b"\x1f\x8b\x08", Path::new("d.json"), None).unwrap_err();
    assert_eq!(packed.to_string(), "d.json: the file is packed");
}

fn native(text: &str) -> Markers {
    parse(text).unwrap()
}

fn change<'a>(markers: &'a Markers, id: &str) -> &'a Change {
    markers
        .changes
        .iter()
        .find(|change| change.id == id)
        .unwrap()
}

#[test]
fn files_are_joined_and_a_change_in_both_is_one() {
    let one = native(
        r#"[{"id":"a","at":1712764710,"service":"api","version":"1"},
                         {"id":"b","at":1712764810,"service":"api","version":"2"}]"#,
    );
    let two = native("id,at,service,version\nb,1712764810,api,2\nc,1712764700,web,9\n");
    let joined = merge(vec![one, two]);
    let ids: Vec<&str> = joined
        .changes
        .iter()
        .map(|change| change.id.as_str())
        .collect();
    assert_eq!(ids, ["c", "a", "b"]);
    assert_eq!(joined.source, "several forms");
    assert_eq!(joined.notes, [""; 0]);
    assert_eq!(change(&joined, "b").previous_version.as_deref(), Some("1"));
    assert_eq!(change(&joined, "a").previous_version, None);
    assert_eq!(change(&joined, "c").previous_version, None);
}

#[test]
fn different_changes_of_one_id_are_told_apart() {
    let one = native(r#"[{"id":"1","at":1712764710,"service":"api"}]"#);
    let two = native(
        r#"[{"id":"1","at":1712764720,"service":"web"},
                         {"id":"1~2","at":1712764700,"service":"db"}]"#,
    );
    let joined = merge(vec![two, one]);
    let ids: Vec<(&str, &str)> = joined
        .changes
        .iter()
        .map(|change| (change.id.as_str(), change.service.as_deref().unwrap()))
        .collect();
    assert_eq!(ids, [("1~2", "db"), ("1", "api"), ("1~3", "web")]);
    assert_eq!(
        joined.notes,
        ["different changes have the same id; they are told apart as 1~3"]
    );
}

#[test]
fn a_version_that_returns_is_a_rollback_of_what_came_between() {
    let joined = merge(vec![native(
        r#"[{"id":"a","at":1712764000,"service":"api","version":"1"},
            {"id":"w","at":1712764050,"service":"web","version":"7"},
            {"id":"b","at":1712764100,"service":"api","version":"2","status":"failed"},
            {"id":"c","at":1712764200,"service":"api","version":"1","kind":"deploy"},
            {"id":"d","at":1712764300,"service":"api","version":"2"},
            {"id":"e","at":1712764400,"service":"web","version":"7"}]"#,
    )]);
    let undone = change(&joined, "c");
    assert_eq!(
        (undone.kind, undone.rollback_of.as_deref()),
        (Kind::Rollback, Some("b"))
    );
    assert_eq!(undone.previous_version.as_deref(), Some("2"));
    // Bringing 2 back after the rollback undoes a rollback: that is a deploy.
    let again = change(&joined, "d");
    assert_eq!(
        (again.kind, again.rollback_of.as_deref()),
        (Kind::Deploy, None)
    );
    // The same version twice in a row is a restart.
    let restart = change(&joined, "e");
    assert_eq!(
        (restart.kind, restart.previous_version.as_deref()),
        (Kind::Deploy, None)
    );
    assert_eq!(
        joined.notes,
        ["bringing back an earlier version is taken for a rollback: c"]
    );
}

#[test]
fn what_only_looks_like_a_return_is_no_rollback() {
    let joined = merge(vec![native(
        r#"[{"id":"a","at":1712764000,"service":"api","version":"main"},
            {"id":"b","at":1712764100,"service":"api","version":"feature"},
            {"id":"c","at":1712764200,"service":"api","version":"main"},
            {"id":"p","at":1712764000,"service":"web","version":"1","env":"prod"},
            {"id":"q","at":1712764100,"service":"web","version":"2","env":"staging"},
            {"id":"r","at":1712764200,"service":"web","version":"1","env":"prod"},
            {"id":"x","at":1712764000,"service":"db","version":"1","commit":"aa"},
            {"id":"y","at":1712764100,"service":"db","version":"2","commit":"bb"},
            {"id":"z","at":1712764200,"service":"db","version":"1","commit":"cc"}]"#,
    )]);
    assert!(
        joined
            .changes
            .iter()
            .all(|change| change.kind == Kind::Deploy)
    );
    assert_eq!(change(&joined, "z").previous_version.as_deref(), Some("2"));
}

#[test]
fn a_failed_deploy_is_not_what_the_next_one_replaced() {
    let joined = merge(vec![native(
        r#"[{"id":"a","at":1712764000,"service":"api","version":"1"},
            {"id":"b","at":1712764100,"service":"api","version":"2","status":"failed"},
            {"id":"c","at":1712764200,"service":"api","version":"3"}]"#,
    )]);
    assert_eq!(change(&joined, "c").previous_version.as_deref(), Some("1"));
}

#[test]
fn a_revert_undoes_the_change_that_it_quotes() {
    let joined = merge(vec![native(
        r#"[{"id":"a","at":1712764000,"commit":"aaaaaaa","message":"Add login"},
            {"id":"b","at":1712764100,"commit":"bbbbbbb","message":"Add logout"},
            {"id":"c","at":1712764200,"commit":"ccccccc","message":"Revert \"Add login\""},
            {"id":"d","at":1712764300,"commit":"ddddddd","message":"Revert something"}]"#,
    )]);
    assert_eq!(change(&joined, "c").rollback_of.as_deref(), Some("a"));
    assert_eq!(change(&joined, "d").rollback_of, None);
}

#[test]
fn a_rollback_undoes_the_deploy_before_it_unless_it_says_another() {
    let joined = merge(vec![native(
        r#"[{"id":"a","at":1712764000,"service":"api","version":"1"},
            {"id":"b","at":1712764100,"service":"api","version":"2"},
            {"id":"c","at":1712764200,"service":"api","kind":"rollback"},
            {"id":"d","at":1712764300,"service":"api","version":"3"},
            {"id":"e","at":1712764400,"service":"api","version":"1","rollback_of":"b"},
            {"id":"f","at":1712764500,"service":"web","kind":"rollback"}]"#,
    )]);
    assert_eq!(change(&joined, "c").rollback_of.as_deref(), Some("b"));
    assert_eq!(change(&joined, "e").rollback_of.as_deref(), Some("b"));
    assert_eq!(change(&joined, "f").rollback_of, None);
}

#[test]
fn changes_without_a_service_belong_together_only_within_their_file() {
    let one = native(
        r#"[{"id":"a","at":1712764000,"version":"1"},
                         {"id":"b","at":1712764200,"version":"2"}]"#,
    );
    let two = native(r#"[{"id":"c","at":1712764100,"version":"9"}]"#);
    let joined = merge(vec![one, two]);
    assert_eq!(change(&joined, "b").previous_version.as_deref(), Some("1"));
    assert_eq!(change(&joined, "c").previous_version, None);
}

#[test]
fn one_version_is_known_in_all_its_spellings() {
    let change = Change {
        version: Some("v2.4.0".to_owned()),
        commit: Some("9f3c51ad0b7e".to_owned()),
        ..Change::at(0)
    };
    for seen in [
        "2.4.0",
        "V2.4.0",
        "2.4.0+build.7",
        "registry.example/shop/api:2.4.0",
        "api@2.4.0",
        "9f3c51a",
        "9f3c51ad0b7e44d1a0c3",
    ] {
        assert!(change.brings(seen), "{seen}");
    }
    for other in ["2.4.1", "2.4", "12.4.0", "9f3c5", "v", "", "9f3c51b"] {
        assert!(!change.brings(other), "{other}");
    }
}

#[test]
fn a_column_that_names_the_zone_of_the_times_beside_it() {
    let markers = parse(
        "timestamp,timezone,service,version\n\
         2024-04-10 08:58:30,America/Los_Angeles,api,2.4.0\n\
         2024-04-10 17:58:30,CEST,web,1.2.0\n\
         2024-04-10 15:58:30,,jobs,7\n",
    )
    .unwrap();
    let at: Vec<i64> = markers.changes.iter().map(|c| c.at_us).collect();
    assert_eq!(at, [AT; 3]);
    // The last one names none.
    assert!(markers.assumed_utc);
}

#[test]
fn what_a_databases_shell_prints() {
    for text in [
        "+----+---------+---------+---------------------+\n\
         | id | service | version | deployed_at         |\n\
         +----+---------+---------+---------------------+\n\
         |  1 | api     | 2.4.0   | 2024-04-10 15:58:30 |\n\
         +----+---------+---------+---------------------+\n\
         1 row in set (0.00 sec)\n",
        " id | service | version |     deployed_at\n\
         ----+---------+---------+---------------------\n\
         \u{20} 1 | api     | 2.4.0   | 2024-04-10 15:58:30\n\
         (1 row)\n",
    ] {
        let markers = parse(text).unwrap();
        let [change] = markers.changes.as_slice() else {
            panic!("{text}{markers:?}");
        };
        let told = (change.id.as_str(), change.service.as_deref(), change.at_us);
        assert_eq!(told, ("1", Some("api"), AT), "{text}");
        assert_eq!(change.version.as_deref(), Some("2.4.0"), "{text}");
    }
}

#[test]
fn lines_of_pairs_are_read_by_their_keys() {
    let markers = parse(
        "2024-04-10T15:58:30Z deploy service=api version=2.4.0 by=dana\n\
         2024-04-10T16:58:30Z deploy service=web version=1.2.0 by=bo\n",
    )
    .unwrap();
    let told = markers.changes.iter().map(|c| {
        let texts = [&c.service, &c.version, &c.previous_version, &c.author];
        texts.map(|text| text.as_deref().unwrap_or("-"))
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [["api", "2.4.0", "-", "dana"], ["web", "1.2.0", "-", "bo"]]
    );
}
