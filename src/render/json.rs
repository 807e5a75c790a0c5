//! The report as JSON, `triage.report/1`, and the JSON schema that describes it.
//!
//! In comes a report, out comes the same report: indented by two spaces, ending in a newline, keys
//! in the order of the model. Nothing is rounded: a number is written with the fewest digits that
//! read back as the same `f64`, so probabilities add up in the output as they did in the model.
//! What has no JSON number (NaN, infinity) is null.
//!
//! Characters that drive a terminal or can't be seen are written as `\u` escapes. To a JSON
//! reader that is the same text, and a person who prints the file is safe.

use std::fmt::Write;

use schemars::generate::SchemaSettings;
use serde::Serialize;

use super::sanitize::is_unprintable;
use crate::report::Report;

/// The report as indented JSON.
pub fn json(report: &Report) -> String {
    pretty(report)
}

/// A value of the model as indented JSON.
pub fn pretty(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value).expect("the model has string keys only");
    escape_unprintable(text) + "\n"
}

/// The JSON schema of the report, as it is published.
pub fn schema() -> String {
    // What is written has every key, also those that are null: `for_serialize` requires them.
    let generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    let schema = generator.into_root_schema_for::<Report>();
    let text = serde_json::to_string_pretty(&schema).expect("a schema has string keys only");
    text + "\n"
}

/// A value as JSON on one line.
pub(super) fn line(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).expect("the model has string keys only");
    escape_unprintable(text) + "\n"
}

/// JSON that prints safely. Outside of strings, JSON has line breaks and ASCII only; inside of
/// them, serde_json has escaped all below U+0020, so each character found here is in a string.
fn escape_unprintable(json: String) -> String {
    // Nearly all of a report is plain text, and most are so whole: a long one is not held twice.
    let plain = |b: &u8| matches!(b, b'\n' | b' '..=b'~');
    if json.bytes().all(|b| plain(&b)) {
        return json;
    }
    let mut out = String::with_capacity(json.len());
    let mut rest = json.as_str();
    loop {
        let len = rest.bytes().position(|b| !plain(&b)).unwrap_or(rest.len());
        out.push_str(&rest[..len]);
        let mut others = rest[len..].chars();
        let Some(c) = others.next() else { return out };
        rest = others.as_str();
        if !is_unprintable(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(out, "\\u{unit:04x}").expect("writing to a String can't fail");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::render::fixtures;
    use crate::report::Text;

    /// Where the published schema lies, beside the sources.
    const PUBLISHED: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/docs/schema/report-1.schema.json"
    );

    #[test]
    fn the_report_reads_back_as_it_was() {
        let report = fixtures::guilty_deploy();
        let text = json(&report);
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read, serde_json::to_value(&report).unwrap());
        assert!(
            text.starts_with("{\n  \"schema\": \"triage.report/1\",\n  \"triage_version\": "),
            "{text}"
        );
        assert!(text.ends_with("\n}\n"));
    }

    #[test]
    fn probabilities_add_up_in_the_output() {
        let text = json(&fixtures::guilty_deploy());
        let read: Value = serde_json::from_str(&text).unwrap();
        let incident = &read["incidents"][0];
        let suspects: f64 = incident["suspects"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["probability"].as_f64().unwrap())
            .sum();
        let none = incident["unexplained_probability"].as_f64().unwrap();
        assert!((suspects + none - 1.0).abs() < 1e-12);
    }

    #[test]
    fn hostile_text_is_the_same_text_but_safe_to_print() {
        let hostile = "\x1b[2J\x7f\u{9b}m \u{202e}gpj\u{200b}\u{e0041}\n\"\\ü🚀";
        let mut report = fixtures::guilty_deploy();
        report.notes = vec![hostile.to_owned()];
        report.scan.services = vec![Text::Utf8(hostile.to_owned())];
        let text = json(&report);
        assert!(text.chars().all(|c| c == '\n' || !is_unprintable(c)));
        assert!(
            text.contains(r#""\u001b[2J\u007f\u009bm \u202egpj\u200b\udb40\udc41\n\"\\ü🚀""#),
            "{text}"
        );
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["notes"][0], hostile);
        assert_eq!(read["scan"]["services"][0], hostile);
    }

    #[test]
    fn a_number_that_json_has_not_is_null() {
        let mut report = fixtures::guilty_deploy();
        report.incidents[0].impact.error_rate = f64::NAN;
        let read: Value = serde_json::from_str(&json(&report)).unwrap();
        assert!(read["incidents"][0]["impact"]["error_rate"].is_null());
    }

    #[test]
    fn every_report_follows_the_schema() {
        let schema: Value = serde_json::from_str(&schema()).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        for report in fixtures::all() {
            let value: Value = serde_json::from_str(&json(&report)).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&value)
                .map(|e| e.to_string())
                .collect();
            assert_eq!(errors, Vec::<String>::new());
        }
        assert!(!validator.is_valid(&serde_json::json!({"schema": "triage.report/1"})));
    }

    /// Guards the published file. `TRIAGE_UPDATE_SCHEMA=1 cargo test schema` writes it anew.
    #[test]
    fn the_published_schema_is_the_models() {
        let path = std::path::Path::new(PUBLISHED);
        if std::env::var_os("TRIAGE_UPDATE_SCHEMA").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, schema()).unwrap();
        }
        let published = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            published == schema(),
            "docs/schema/report-1.schema.json is stale: run `TRIAGE_UPDATE_SCHEMA=1 cargo test schema` and read the difference"
        );
    }
}
