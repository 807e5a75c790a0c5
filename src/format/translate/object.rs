//! A format string that writes one JSON object a line → the table of its keys.
//!
//! The string is read as the object that it is once every variable has a value; what stands at a key
//! tells what the key means. Fields that make up one value together (`$request_method $request_uri`)
//! count where they are a request line or a target.

use serde_json::Value;

use super::super::fields::Slot;
use super::{Part, Piece, Role, placeholder};

/// Around a field's number in the object that is read: private-use characters, which no
/// configuration has.
const MARKS: [char; 2] = ['\u{e000}', '\u{e001}'];

/// More keys or deeper ones are no log line.
const MOST: usize = 500;

/// Slot → names of keys, as in a spec; `None` if the string is no JSON object.
pub(super) fn keys(pieces: &[Piece]) -> Option<toml::Table> {
    let [Piece::Literal(first), ..] = pieces else {
        return None;
    };
    if !first.trim_start().starts_with('{') || pieces.len() > MOST {
        return None;
    }
    let object: Value = serde_json::from_str(&with_values(pieces)).ok()?;
    let mut found: Vec<(Part, String)> = Vec::new();
    collect(&object, "", pieces, &mut found);
    found.sort_by_key(|(part, _)| part.rank);
    let mut table = toml::Table::new();
    for (part, key) in found {
        let unit = placeholder(Some(Part { rank: 0, ..part }));
        let unit = unit.trim_end_matches('}').split_once(':');
        let name = unit.map_or(key.clone(), |(_, unit)| format!("{key}:{unit}"));
        let names = table
            .entry(part.slot.name())
            .or_insert_with(|| toml::Value::Array(Vec::new()));
        if let toml::Value::Array(names) = names {
            names.push(toml::Value::String(name));
        }
    }
    Some(table)
}

/// The object with a mark for each field: in quotes, or with quotes of its own.
fn with_values(pieces: &[Piece]) -> String {
    let (mut text, mut quoted) = (String::new(), false);
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Literal(literal) => {
                let mut escaped = false;
                for c in literal.chars() {
                    quoted ^= c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                }
                text.push_str(literal);
            }
            Piece::Field(_) => {
                let quote = if quoted { "" } else { "\"" };
                let [open, close] = MARKS;
                text.push_str(&format!("{quote}{open}{index}{close}{quote}"));
            }
        }
    }
    text
}

fn collect(value: &Value, path: &str, pieces: &[Piece], found: &mut Vec<(Part, String)>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                collect(value, &path, pieces, found);
            }
        }
        Value::String(text) => {
            let fields = fields(text, pieces);
            if let Some(part) = meaning(&fields) {
                found.push((part, path.to_owned()));
            }
        }
        _ => {}
    }
}

/// The fields whose marks stand in a value.
fn fields<'p>(value: &str, pieces: &'p [Piece]) -> Vec<&'p Piece> {
    let [open, close] = MARKS;
    value
        .split(open)
        .skip(1)
        .filter_map(|rest| rest.split_once(close))
        .filter_map(|(index, _)| pieces.get(index.parse::<usize>().ok()?))
        .collect()
}

/// What a value is that these fields make up.
fn meaning(fields: &[&Piece]) -> Option<Part> {
    if let [field] = fields {
        return field.part();
    }
    let slots: Vec<Option<Slot>> = fields
        .iter()
        .map(|field| field.part().map(|part| part.slot))
        .collect();
    let slot = match (slots.as_slice(), fields) {
        ([Some(Slot::Method), Some(Slot::Target), ..], _) => Slot::Request,
        ([.., Some(Slot::Target)], [first, ..]) if first.role() == Role::Scheme => Slot::Target,
        _ => return None,
    };
    Some(Part {
        slot,
        rank: 0,
        unit: None,
    })
}
