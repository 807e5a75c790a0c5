//! Documents as they are exported → the records in them.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::input::form::tests::{lines_of, same_in_any_pieces};
use crate::input::form::{Convert, Form};

use super::Split;

#[test]
fn an_array_over_many_lines_is_a_record_a_line() {
    let array =
        b"[\n  {\n    \"a\": \"[{\\\"\",\n    \"b\": [1, {\"c\": 2}]\n  },\n  {\"a\": \"}\"}\n]\n";
    same_in_any_pieces(
        array,
        "{    \"a\": \"[{\\\"\",    \"b\": [1, {\"c\": 2}]  }\n{\"a\": \"}\"}\n",
    );
    same_in_any_pieces(
        b"{\n \"a\": 1\n}\n{\n \"a\": 2\n}\n",
        "{ \"a\": 1}\n{ \"a\": 2}\n",
    );
}

#[test]
fn batches_are_unpacked_and_lists_inside_of_a_record_are_not() {
    same_in_any_pieces(
        b"{\"records\": [{\"a\":1}, {\"a\":2}]}\n{\"records\": [{\"a\":3}]}",
        "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n",
    );
    same_in_any_pieces(b"{\n\"took\": 3, \"hits\": {\"total\": 1, \"hits\": [{\"_id\": \"1\", \"_source\": {\"a\": \"of some length\"}}]}}", "{\"_id\": \"1\", \"_source\": {\"a\": \"of some length\"}}\n");
    let own =
        b"[{\"path\": \"/a/long/one/to/be/sure\", \"status\": 500, \"events\": [{\"a\": 1}]}]";
    same_in_any_pieces(
        own,
        "{\"path\": \"/a/long/one/to/be/sure\", \"status\": 500, \"events\": [{\"a\": 1}]}\n",
    );
}

#[test]
fn each_record_of_opentelemetry_has_its_resource() {
    let batch = br#"{"resourceLogs":[{"resource":{"r":1},"scopeLogs":[{"scope":{},"logRecords":[{"a":1},{}]}]},{"scopeLogs":[{"logRecords":[{"a":2}]}]}]}"#;
    same_in_any_pieces(
        batch,
        "{\"resource\":{\"r\":1},\"a\":1}\n{\"resource\":{\"r\":1}}\n{\"resource\":{},\"a\":2}\n",
    );
}

#[test]
fn what_is_no_json_stays_and_what_is_cut_off_too() {
    same_in_any_pieces(
        b"{\n\"a\": 1}\nstarted [7]\n{\"a\": 2}\n{\"a\": ",
        "{\"a\": 1}\nstarted [7]\n{\"a\": 2}\n{\"a\": \n",
    );
}

#[test]
fn a_searchs_hits_are_the_records_on_one_line_or_many() {
    let search = json!({"took": 12, "timed_out": false, "hits": {"total": {"value": 2}, "hits": [
        {"_index": "web", "_source": {"message": "GET /a \"}]{[\\", "host": {"name": "web-1"}}, "sort": [1]},
        {"_index": "web", "_source": {"message": "é"}},
    ]}, "aggregations": {"a": [{}, {}]}});
    let hits = search["hits"]["hits"].as_array().unwrap();
    for text in [search.to_string(), format!("{search:#}")] {
        assert_eq!(records(&text, 7), *hits);
        // What was saved on Windows.
        let text = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        assert_eq!(records(&text, 7), *hits);
    }
    let pages = format!("{search:#}\n{search}\n{search}");
    assert_eq!(records(&pages, 7), [&hits[..], hits, hits].concat());
}

#[test]
fn each_line_of_loki_has_its_streams_labels_wherever_they_stand() {
    let in_order = br#"{"status":"success","data":{"resultType":"streams","result":[{"stream":{"app":"shop"},"values":[["1712739600000000000","a \"b\""],["1712739601000000000","c",{"t":1}]]},{"stream":{},"values":[]},{"stream":{"app":"web"},"values":[["1712739602000000000","d"]]}],"stats":{}}}"#;
    let lines = concat!(
        r#"{"stream":{"app":"shop"},"timestamp":"1712739600000000000","line":"a \"b\""}"#,
        "\n",
        r#"{"stream":{"app":"shop"},"timestamp":"1712739601000000000","line":"c","metadata":{"t":1}}"#,
        "\n",
        r#"{"stream":{"app":"web"},"timestamp":"1712739602000000000","line":"d"}"#,
        "\n"
    );
    same_in_any_pieces(in_order, lines);
    let behind = br#"{"data":{"result":[{"values":[["1712739600000000000","a \"b\""],["1712739601000000000","c",{"t":1}]],"stream":{"app":"shop"}},{"values":[["1712739602000000000","d"]],"stream":{"app":"web"}}]}}"#;
    same_in_any_pieces(behind, lines);
    // The streams alone, as jq cuts them out.
    let alone = br#"[{"stream":{"app":"shop"},"values":[["1712739600000000000","a \"b\""],["1712739601000000000","c",{"t":1}]]},{"values":[["1712739602000000000","d"]],"stream":{"app":"web"}}]"#;
    same_in_any_pieces(alone, lines);
}

#[test]
fn a_row_of_fields_is_an_object_of_them() {
    let lines = concat!(
        r#"{"@timestamp":"2024-04-10 09:00:00.000","@message":"GET /a 200","@ptr":"Cl"}"#,
        "\n",
        r#"{"@timestamp":"2024-04-10 09:00:01.000","status":"500"}"#,
        "\n"
    );
    let rows = r#"[[{"field":"@timestamp","value":"2024-04-10 09:00:00.000"},{"field":"@message","value":"GET /a 200"},{"value":"Cl","field":"@ptr"}],[{"field":"@timestamp","value":"2024-04-10 09:00:01.000"},{"field":"status","value":"500"}]]"#;
    same_in_any_pieces(
        format!(r#"{{"results":{rows},"statistics":{{}},"status":"Complete"}}"#).as_bytes(),
        lines,
    );
    same_in_any_pieces(
        format!(r#"{{"queryLanguage":"CWLI","status":"Complete","results":{rows}}}"#).as_bytes(),
        lines,
    );
    same_in_any_pieces(rows.as_bytes(), lines);
    // Splunk's results, and what is no row.
    same_in_any_pieces(
        br#"{"preview":false,"results":[{"_raw":"GET /a 200"},[{"field":1,"value":2}],[]]}"#,
        "{\"_raw\":\"GET /a 200\"}\n[{\"field\":1,\"value\":2}]\n[]\n",
    );
}

#[test]
fn what_is_cut_in_the_middle_keeps_all_before_and_is_told_of() {
    let value = r#"["1712739600000000000","GET /a 200"]"#;
    let whole = format!(
        r#"{{"data":{{"result":[{{"stream":{{"app":"a"}},"values":[{value},{value}]}}]}}}}"#
    );
    let line = r#"{"stream":{"app":"a"},"timestamp":"1712739600000000000","line":"GET /a 200"}"#;
    let first = whole.find(value).unwrap() + value.len();
    for cut in first..whole.len() {
        let lines = lines_of(&whole.as_bytes()[..cut], 5);
        let (found, rest): (Vec<&str>, Vec<&str>) = lines.lines().partition(|l| *l == line);
        let in_whole = 1 + usize::from(cut >= first + 1 + value.len());
        assert_eq!((found.len(), rest.len()), (in_whole, 1), "{lines}");
        assert!(serde_json::from_str::<Value>(rest[0]).is_err());
    }
}

#[test]
fn lines_that_have_such_lists_are_lines_as_ever() {
    let line = br#"{"path":"/search","status":200,"hits":{"hits":[{"id":1}]},"results":[{"a":1}],"events":[{"a":1}],"data":{"result":[{"a":[["b","c"]]}]}}"#;
    assert_eq!(Form::of(line), Form::Lines);
    // And in an array they are a record's own.
    let array = [b"[", &line[..], b"]"].concat();
    assert_eq!(
        lines_of(&array, 3).trim_end().as_bytes(),
        &line[..],
        "one record"
    );
}

#[test]
fn documents_are_told_in_utf16_too() {
    let text = "\u{feff}{\"results\": [[{\"field\": \"@message\", \"value\": \"é\"}]]}";
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    same_in_any_pieces(&bytes, "{\"@message\":\"é\"}\n");
}

#[test]
fn a_document_longer_than_is_held_is_read_record_by_record() {
    let mut lines = String::new();
    let mut text =
        "{\"aggregations\":[".to_owned() + &"1,".repeat(700_000) + "1],\"hits\":{\"hits\":[";
    for i in 0..40_000 {
        let hit = format!("{{\"_id\":\"{i}\",\"_source\":{{\"message\":\"GET /a 200\"}}}}");
        text += &format!("{}{hit}", if i == 0 { "" } else { ",\n" });
        lines += &format!("{hit}\n");
    }
    text += "]}}";
    for piece in [1_000, 65_536] {
        // The ends of lines make it a document from its begin.
        assert!(lines_of(format!("{{\n{}", &text[1..]).as_bytes(), piece) == lines);
    }
}

#[test]
fn copies_of_what_is_shared_are_no_flood() {
    let labels = format!("{{\"a\":\"{}\"}}", "x".repeat(50_000));
    let values = "[\"1\",\"\"],".repeat(20_000);
    let text =
        format!("{{\"streams\":[{{\"stream\":{labels},\"values\":[{values}[\"1\",\"\"]]}}]}}");
    let lines = lines_of(text.as_bytes(), 4096);
    assert_eq!(lines.lines().count(), 20_001);
    assert!(lines.len() < (64 << 20) + 80 * text.len());
}

/// The records of a text, each a value.
fn records(text: &str, piece: usize) -> Vec<Value> {
    let lines = lines_of(text.as_bytes(), piece);
    let records = lines.lines().map(serde_json::from_str);
    records.collect::<Result<_, _>>().unwrap()
}

/// Any value, its texts and names full of what has a meaning elsewhere.
fn any_value() -> impl Strategy<Value = Value> {
    let text = r#"[\[\]{},:"\\ \n\ré😀a0]{0,6}|field|value|values|stream|hits|records"#;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(text, inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A document of any of the kinds, and the records in it as a parser of whole documents sees them.
fn any_document() -> impl Strategy<Value = (Value, Vec<Value>)> {
    let values = || prop::collection::vec(any_value(), 1..6);
    let with = |name: &'static str| {
        values().prop_map(move |values| -> Vec<Value> {
            values
                .into_iter()
                .map(|value| json!({name: value}))
                .collect()
        })
    };
    let stream =
        (any_value(), values(), any::<bool>()).prop_map(|(label, values, has_third)| {
            let stream = json!({"app": label});
            let lines: Vec<Value> = values
                .iter()
                .map(|v| match has_third {
                    true => json!(["17", v, {"m": v}]),
                    false => json!(["17", v]),
                })
                .collect();
            let records = values.iter().map(|v| match has_third {
            true => json!({"stream": stream, "timestamp": "17", "line": v, "metadata": {"m": v}}),
            false => json!({"stream": stream, "timestamp": "17", "line": v}),
        }).collect::<Vec<_>>();
            (json!({"stream": stream, "values": lines}), records)
        });
    let streams =
        prop::collection::vec(stream, 1..4).prop_map(|streams| streams.into_iter().unzip());
    let streams = streams
        .prop_map(|(streams, records): (Vec<Value>, Vec<Vec<Value>>)| (streams, records.concat()))
        .boxed();
    let row = prop::collection::btree_map("[a-z@\"\\\\]{1,5}", any_value(), 1..4);
    prop_oneof![
        (any_value(), with("_source")).prop_map(|(more, hits)| {
            (json!({"aggregations": more, "hits": {"hits": hits, "total": 3}, "took": more}), hits)
        }),
        (any_value(), with("a")).prop_map(|(more, list)| (json!({"nextLink": more, "records": list}), list)),
        streams.clone().prop_map(|(streams, records)| {
            (json!({"data": {"result": streams, "stats": {"a": []}}, "status": "success"}), records)
        }),
        streams.prop_map(|(streams, records)| (json!({"streams": streams}), records)),
        prop::collection::vec(row, 1..5).prop_map(|rows| {
            let cells = |row: &std::collections::BTreeMap<String, Value>| -> Value {
                row.iter().map(|(name, v)| json!({"field": name, "value": v})).collect()
            };
            let table: Vec<Value> = rows.iter().map(cells).collect();
            let records = rows.into_iter().map(|row| Value::Object(row.into_iter().collect()));
            (json!({"results": table, "status": "Complete"}), records.collect())
        }),
        (with("a"), any_value()).prop_map(|(list, resource)| {
            let resource = json!({"attributes": resource});
            let document = json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": list, "scope": {}}]}]});
            let records = list.iter().map(|r| json!({"a": r["a"], "resource": resource}));
            (document, records.collect())
        }),
        with("a").prop_map(|list| (Value::from(list.clone()), list)),
    ]
}

proptest! {
    #[test]
    fn the_records_are_those_of_the_whole_document(
        documents in prop::collection::vec((any_document(), 0..3_usize), 1..4),
        piece in 1..200_usize,
    ) {
        let (mut text, mut expected) = (String::new(), Vec::new());
        for ((document, records), layout) in documents {
            text += &match layout {
                0 => document.to_string(),
                1 => format!("{document:#}\n"),
                _ => format!("{document:#}\r\n").replace('\n', "\r\n"),
            };
            expected.extend(records);
        }
        // What a form is told by may be on the first line; here all are documents.
        let text = format!("[\n{{\n\"a\":0}}\n]{text}");
        let found = records(&text, piece);
        prop_assert_eq!(&found[1..], &expected[..]);
    }

    #[test]
    fn nothing_breaks_it_and_pieces_do_not_matter(
        parts in prop::collection::vec(prop_oneof![
            r#"[\[\]{},:"\\ \n\ra0]{1,4}"#.prop_map(String::into_bytes),
            prop_oneof![
                Just("\"stream\":{"), Just("\"values\":[["), Just("{\"results\":[[{\"field\":\"a\",\"value\":1}"),
                Just("{\"data\":{\"result\":[{"), Just("{\"hits\":{\"hits\":[{\"_"), Just("{\"records\":[{"),
                Just("[\"1\",\"a\"]"), Just("{\"resourceLogs\":[{"), Just("\"resource\":"), Just("\"scopeLogs\":[{\"logRecords\":["),
            ].prop_map(|text| text.as_bytes().to_vec()),
            prop::collection::vec(any::<u8>(), 0..4),
        ], 0..40),
    ) {
        let text = parts.concat();
        let whole = split(&text, text.len().max(1));
        for piece in [1, 2, 13] {
            prop_assert_eq!(&split(&text, piece), &whole);
        }
    }
}

/// A text split as documents, whatever it looks like.
fn split(text: &[u8], piece: usize) -> Vec<u8> {
    let (mut split, mut lines) = (Split::default(), Vec::new());
    for part in text.chunks(piece) {
        split.take(part, &mut lines);
    }
    split.end(&mut lines);
    lines
}
