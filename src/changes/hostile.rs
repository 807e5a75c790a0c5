//! Hostile marker files: whatever they hold, they are read or refused, and never a panic.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{csv, export, merge, read, time};

/// A well-formed file of each form of text, for mutation.
const SEEDS: [&str; 8] = [
    r#"[{"id":"a","at":"2024-04-10T08:58:30-07:00","service":"api","files":["x"]}]"#,
    "{\"at\":1712764710}\n{\"at\":1712764770123,\"kind\":\"flag\"}\n",
    "at,service,message\n2024-04-10 08:58,api,\"a \"\"b\"\", c\"\n",
    "- at: 2024-04-10T15:58:30Z\n  service: {name: api}\n  files: [a, b]\n",
    "REVISION\tUPDATED\tSTATUS\tCHART\n1\tFri Sep  2 22:04:05 2022\tdeployed\tfoo-0.1\n",
    "commit aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nAuthor: D <d@x>\nDate:   Thu Apr 10 20:55:53 2025 \
     -0400\n\n    Revert \"x\"\n\n a.rs | 2 +-\n",
    r#"{"kind":"List","items":[{"kind":"ReplicaSet","metadata":{"name":"a","creationTimestamp":
       "2024-04-10T15:58:30Z","annotations":{"deployment.kubernetes.io/revision":"3"}},"spec":
       {"template":{"spec":{"containers":[{"image":"r:5/a:1@sha256:f"}]}}}}]}"#,
    r#"{"deploymentsInfo":[{"deploymentId":"d-1","createTime":1712764710.5,"revision":null}]}"#,
];

const HOSTILE: [&str; 12] = [
    "null",
    "true",
    "-1",
    "0",
    "1e300",
    "18446744073709551615",
    r#""""#,
    r#""\u00e9@/:#""#,
    "[]",
    "[null]",
    "{}",
    "[[{}]]",
];

/// How many values there are in a value, itself included.
fn count(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(count).sum::<usize>(),
        Value::Object(map) => 1 + map.values().map(count).sum::<usize>(),
        _ => 1,
    }
}

/// Puts another value in the place of the nth one.
fn replace(value: &mut Value, nth: &mut usize, by: Value) {
    if *nth == 0 {
        *value = by.clone();
    }
    *nth = nth.wrapping_sub(1);
    match value {
        Value::Array(list) => list.iter_mut().for_each(|v| replace(v, nth, by.clone())),
        Value::Object(map) => map.values_mut().for_each(|v| replace(v, nth, by.clone())),
        _ => {}
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes, Path::new("x"), None).map(|markers| merge(vec![markers]));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[\\[{]?[ -~\\n\\t\u{e9}]{0,200}") {
        let _ = read(text.as_bytes(), Path::new("x"), None);
    }

    #[test]
    fn a_damaged_file_is_read_or_refused_and_what_is_read_is_in_order(
        seed in prop::sample::select(SEEDS.as_slice()),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        let mut bytes = seed.as_bytes().to_vec();
        for (index, byte, what) in edits {
            if bytes.is_empty() {
                break;
            }
            let i = index.index(bytes.len());
            match what {
                0 => bytes[i] = byte,
                1 => bytes.insert(i, byte & 0x7f),
                _ => {
                    bytes.truncate(i);
                }
            }
        }
        if let Ok(markers) = read(&bytes, Path::new("x"), None) {
            let joined = merge(vec![markers.clone(), markers]);
            let order: Vec<_> = joined.changes.iter().map(|c| (c.at_us, &c.id)).collect();
            prop_assert!(order.windows(2).all(|pair| pair[0] < pair[1]), "{order:?}");
        }
    }

    #[test]
    fn an_export_with_any_part_replaced_is_read_or_refused(
        example in prop::sample::select(export::story::EXAMPLES),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..HOSTILE.len()), 1..5),
    ) {
        let mut value: Value = serde_json::from_str(example).unwrap();
        for (index, hostile) in edits {
            let parts = count(&value);
            let hostile = serde_json::from_str(HOSTILE[hostile]).unwrap();
            replace(&mut value, &mut index.index(parts), hostile);
        }
        let _ = read(value.to_string().as_bytes(), Path::new("x"), None).map(|markers| merge(vec![markers]));
    }

    #[test]
    fn any_text_is_a_time_or_not_but_never_a_panic(text in "[-+0-9A-Za-z:./, \\[\\]()]{0,40}") {
        let _ = time::from_value(&Value::String(text), None);
    }

    #[test]
    fn any_number_is_a_time_or_not_but_never_a_panic(number in any::<f64>(), whole in any::<i64>()) {
        let _ = time::from_value(&json!(number), None);
        let _ = time::from_value(&json!(whole), None);
    }

    #[test]
    fn a_table_reads_back_what_was_written(
        rows in prop::collection::vec(prop::collection::vec("[a-z,;\"\\n\\r \t]{0,8}", 3), 1..5),
    ) {
        let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
        let lines: Vec<String> =
            rows.iter().map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(",")).collect();
        let read: Vec<Vec<String>> =
            csv::rows(&lines.join("\r\n"), ',').unwrap().into_iter().map(|row| row.fields).collect();
        prop_assert_eq!(read, rows);
    }
}
