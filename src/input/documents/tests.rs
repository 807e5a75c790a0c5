//! Documents as they are exported → the records in them.

use crate::input::form::tests::{lines_of, same_in_any_pieces};

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
