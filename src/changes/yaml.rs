//! YAML as a way to write JSON: `kubectl get … -o yaml` and markers written by hand.
//!
//! Comes in: text. Goes out: one JSON value per document. Scalars are typed as YAML 1.2's core
//! schema says (§10.3.2), tags are ignored. Anchors and aliases are refused: no export has them,
//! and nine lines of them can stand for 10⁹ values.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};

use crate::error::{Error, Result};

/// Deeper nesting is refused, as `serde_json` does at the same depth.
const MAX_DEPTH: usize = 128;

/// A collection under construction.
enum Open {
    List(Vec<Value>),
    Object {
        done: Map<String, Value>,
        key: Option<String>,
    },
}

/// The documents of a YAML stream.
pub(super) fn read(text: &str) -> Result<Vec<Value>> {
    let mut documents = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|e| trouble(*e.marker(), e.info()))?;
        if open.len() > MAX_DEPTH {
            return Err(trouble(span.start, "nested too deeply"));
        }
        let value = match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) => plain(&text),
            Event::Scalar(text, ..) => Value::String(text.into_owned()),
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Object {
                    done: Map::new(),
                    key: None,
                });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(list)) => Value::Array(list),
                Some(Open::Object { done, .. }) => Value::Object(done),
                None => continue,
            },
            Event::Alias(_) => return Err(trouble(span.start, "aliases are not supported")),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => continue,
        };
        match open.last_mut() {
            None => documents.push(value),
            Some(Open::List(list)) => list.push(value),
            Some(Open::Object { done, key }) => match key.take() {
                Some(name) => {
                    done.insert(name, value);
                }
                None => *key = Some(key_text(value)),
            },
        }
    }
    Ok(documents)
}

#[cold]
fn trouble(at: saphyr_parser::Marker, what: &str) -> Error {
    Error::data(format!(
        "line {}, column {}: not YAML: {what}",
        at.line(),
        at.col() + 1
    ))
    .hint("export it as JSON instead (`-o json`)")
}

fn key_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// An unquoted scalar, by the core schema. Infinities and hexadecimals stay text: no marker has
/// a use for them.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Number::from(whole));
    }
    text.parse::<f64>().ok().and_then(Number::from_f64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_become_json_with_the_types_of_the_core_schema() {
        let text = "---\nkind: ReplicaSet # a comment\nrevision: \"29\"\nreplicas: 5\nratio: 0.5\n\
                    version: 1.2.3\nready: true\nat: 2024-04-10T15:58:30Z\nnone:\nlist:\n- a\n- b: ~\n\
                    flow: {x: [1, two]}\n---\nsecond: |\n  two\n  lines\n";
        assert_eq!(
            read(text).unwrap(),
            [
                json!({"kind": "ReplicaSet", "revision": "29", "replicas": 5, "ratio": 0.5,
                       "version": "1.2.3", "ready": true, "at": "2024-04-10T15:58:30Z",
                       "none": null, "list": ["a", {"b": null}], "flow": {"x": [1, "two"]}}),
                json!({"second": "two\nlines\n"}),
            ]
        );
    }

    #[test]
    fn aliases_and_towers_are_refused_with_their_place() {
        let bomb = "a: &a [x, x]\nb: [*a, *a]\n";
        let error = read(bomb).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2, column 5: not YAML: aliases are not supported"
        );

        let tower = format!("a: {}{}", "[".repeat(300), "]".repeat(300));
        assert!(read(&tower).unwrap_err().is_data());
        assert!(
            read("a: [1, 2\nb: }")
                .unwrap_err()
                .to_string()
                .starts_with("line ")
        );
    }
}
