//! Slow readings of the same lines, to compare the fast ones with: `serde_json` for JSON, a regular
//! expression for access logs, a plain splitter for logfmt. They share the table of keys and what a
//! part must look like, and nothing of the reading.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::fields::{Fields, Slot};
use super::keys::{Keys, Meaning};
use super::tests::{Owned, builtin, lines, read, read_strictly};
use super::*;
use crate::record::Status;

/// A JSON value with its keys in the line's order.
enum Tree {
    Object(Vec<(String, Tree)>),
    Array(Vec<Tree>),
    Text(String),
    Null,
    Bool,
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(Build)
    }
}

struct Build;

impl<'de> Visitor<'de> for Build {
    type Value = Tree;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::Bool)
    }

    fn visit_u64<E>(self, v: u64) -> Result<Tree, E> {
        Ok(Tree::Text(v.to_string()))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Tree, E> {
        Ok(Tree::Text(v.to_string()))
    }

    /// `1.0` keeps its point, which may tell its unit.
    fn visit_f64<E>(self, v: f64) -> Result<Tree, E> {
        Ok(Tree::Text(format!("{v:?}")))
    }

    fn visit_str<E>(self, v: &str) -> Result<Tree, E> {
        Ok(Tree::Text(v.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Tree::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Tree::Object(members))
    }
}

fn offer<'t>(fields: &mut Fields<'t>, meaning: Option<Meaning>, text: &'t str) {
    if let Some(Meaning::Part { slot, rank, unit }) = meaning {
        fields.offer(slot, rank, unit, text.as_bytes(), false);
    }
}

/// Takes what the members of an object mean, in the order in which they stand.
/// Inside of a wrapper the name with it goes before the name without.
fn collect<'t>(
    keys: &Keys,
    [whole, prefix]: [&str; 2],
    members: &'t [(String, Tree)],
    fields: &mut Fields<'t>,
) {
    for (key, value) in members {
        let [whole, name] = [whole, prefix].map(|prefix| format!("{prefix}.{key}"));
        let meaning = keys.find_name(whole.as_bytes());
        let meaning = meaning.or_else(|| keys.find_name(name.as_bytes()));
        match value {
            Tree::Object(inner) if meaning == Some(Meaning::Wrapper) => {
                collect(keys, [&name, ""], inner, fields)
            }
            Tree::Object(inner) => collect(keys, [&whole, &name], inner, fields),
            Tree::Array(items) if meaning == Some(Meaning::Wrapper) => {
                for item in items {
                    attribute(keys, item, fields);
                }
            }
            Tree::Array(items) => match items.first() {
                Some(Tree::Text(text)) => offer(fields, meaning, text),
                Some(Tree::Null) => offer(fields, meaning, ""),
                _ => {}
            },
            Tree::Text(text) => offer(fields, meaning, text),
            Tree::Null => offer(fields, meaning, ""),
            Tree::Bool => {}
        }
    }
}

/// What an attribute of OpenTelemetry's means, whose name comes before its value.
fn attribute<'t>(keys: &Keys, item: &'t Tree, fields: &mut Fields<'t>) {
    let Tree::Object(members) = item else { return };
    let mut named = None;
    for (key, value) in members {
        match (key.as_str(), value) {
            ("key", Tree::Text(name)) => named = keys.find_name(name.as_bytes()),
            ("value", Tree::Object(typed)) => {
                for (_, value) in typed {
                    match value {
                        Tree::Text(text) => offer(fields, named, text),
                        Tree::Null => offer(fields, named, ""),
                        _ => {}
                    }
                }
                named = None;
            }
            _ => {}
        }
    }
}

fn record(fields: Fields<'_>) -> Result<Owned, Reject> {
    let mut scratch = Vec::new();
    let mut fields = fields;
    let record = fields.record(&mut Clock::new(None), &mut scratch);
    record.map(Owned::from)
}

/// What serde_json makes of a line; `None` if it is not JSON to it.
fn slow_json(keys: &Keys, line: &[u8]) -> serde_json::Result<Result<Owned, Reject>> {
    let tree: Tree = serde_json::from_slice(line)?;
    let Tree::Object(members) = tree else {
        return Ok(Err(Reject::Unrecognized));
    };
    let mut fields = Fields::new(Depth::Full);
    collect(keys, [""; 2], &members, &mut fields);
    Ok(record(fields))
}

/// An access log's quoted part.
const QUOTED: &str = r#""((?s-u:[^"\\]|\\.|"+[^" \\]|"+\\.)*"*)""#;

/// An access log's line up to its status, as an expression.
fn head_expression() -> String {
    format!(r"(?-u)^((?s-u:.)*?) \[((?s-u:[^\]]|\]+[^\] ])*\]*)\] {QUOTED} ([^ ]*)")
}

/// The line up to its status.
fn head_of_access_log(line: &[u8]) -> Option<&[u8]> {
    let regex = regex::bytes::Regex::new(&head_expression()).unwrap();
    regex.find(line).map(|head| head.as_bytes())
}

/// The combined and common layouts as expressions.
fn slow_access_log(line: &[u8], common: bool) -> Result<Owned, Reject> {
    let quoted = QUOTED;
    let rest = if common {
        r#"(?: [^"](?s-u:.)*| |)$"#.to_owned()
    } else {
        format!(r"(?: {quoted} {quoted}(?: (?s-u:.)*)?|( [^\x22](?s-u:.)*| |))$")
    };
    let expression = format!("{} ([^ ]*){rest}", head_expression());
    let regex = regex::bytes::Regex::new(&expression).unwrap();
    let groups = regex.captures(line).ok_or(Reject::Unrecognized)?;
    let mut fields = Fields::new(Depth::Full);
    let group = |i: usize| groups.get(i).map(|m| m.as_bytes());
    let words: Vec<&[u8]> = group(1).unwrap().split(|&b| b == b' ').collect();
    let is_ip = |word: &[u8]| super::fields::is_ip(word);
    let host_first = !is_ip(words[0])
        && words.len() > 2
        && (is_ip(words[1]) || words[1] != b"-" && words.len() == 4);
    // A logger's words stand in front, the last of them joined by a colon.
    let bare = |word: &'_ [u8]| -> usize {
        let at = word.iter().rposition(|&b| b == b':').map_or(0, |at| at + 1);
        let joined = word[0].is_ascii_alphabetic() && is_ip(&word[at..]);
        if joined { at } else { 0 }
    };
    let is_client = |word: &&[u8]| !word.is_empty() && is_ip(&word[bare(word)..]);
    let client = match host_first {
        true => 1,
        false => words.iter().position(is_client).unwrap_or(0),
    };
    if host_first && !(words[0].starts_with(b"[") && is_ip(words[1])) {
        fields.set(Slot::Service, words[0], None);
    }
    let address = match words[client] {
        word if word.is_empty() || host_first => word,
        word => &word[bare(word)..],
    };
    fields.set(Slot::Client, address, None);
    if let Some(ident) = words.get(client + 1)
        && ident.contains(&b'.')
        && is_ip(address)
        && !is_ip(ident)
    {
        fields.set(Slot::Service, ident, None);
    }
    let user = words.get(client + 2..).unwrap_or_default().join(&b' ');
    let user: &[u8] = &user;
    if words.len() > client + 2 {
        fields.set(Slot::User, user, None);
    }
    fields.set(Slot::Time, group(2).unwrap(), None);
    fields.set(Slot::Request, group(3).unwrap(), None);
    fields.set(Slot::Status, group(4).unwrap(), None);
    if let (false, Some(agent)) = (common, group(7)) {
        fields.set(Slot::Agent, agent, None);
    }
    record(fields)
}

/// logfmt by way of splitting, without a care for speed.
fn slow_logfmt(keys: &Keys, line: &str) -> Result<Owned, Reject> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut begins_with_pair = true;
    let mut rest = line;
    while !rest.trim_start_matches(' ').is_empty() {
        rest = rest.trim_start_matches(' ');
        let word = rest.split(' ').next().unwrap();
        let key = word.split_once('=').map_or("", |(key, _)| key);
        let is_key = |c: char| c.is_ascii_alphanumeric() || "_.-@/".contains(c);
        if key.is_empty() || !key.chars().all(is_key) {
            begins_with_pair &= !pairs.is_empty();
            let skipped = word.find('{').map_or(word.len(), |brace| brace + 1);
            rest = &rest[skipped..];
            continue;
        }
        rest = &rest[key.len() + 1..];
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut value = String::new();
            let mut escaped = false;
            let mut end = None;
            for (at, c) in quoted.char_indices() {
                if c == '"' && !escaped {
                    end = Some(at);
                    break;
                }
                escaped = c == '\\' && !escaped;
                value.push(c);
            }
            rest = &quoted[end.ok_or(Reject::Truncated)? + 1..];
            let mut text = Vec::new();
            super::text::unescape(value.as_bytes(), &mut text);
            pairs.push((
                key.to_owned(),
                String::from_utf8(text).map_err(|_| Reject::TooLong)?,
            ));
        } else {
            let mut words = rest.split(' ');
            let mut value = words.next().unwrap().to_owned();
            let unit = words.next().unwrap_or("");
            if value.ends_with(|c: char| c.is_ascii_digit())
                && ["ns", "us", "\u{b5}s", "ms", "s"].contains(&unit)
            {
                value = format!("{value} {unit}");
            }
            rest = &rest[value.len()..];
            let inside = value.strip_suffix("}:").or(value.strip_suffix('}'));
            let inside = inside.filter(|inside| !inside.contains('{'));
            pairs.push((key.to_owned(), inside.unwrap_or(&value).to_owned()));
        }
    }
    let mut fields = Fields::new(Depth::Full);
    for (key, value) in &pairs {
        offer(&mut fields, keys.find_name(key.as_bytes()), value);
    }
    if !begins_with_pair || pairs.len() < 2 {
        super::prose::offer_time(line.as_bytes(), &mut fields);
    }
    match record(fields) {
        Err(Reject::NoRequest) if line.starts_with('#') => Err(Reject::Comment),
        Err(Reject::NoRequest) if !begins_with_pair || pairs.len() < 2 => Err(Reject::Unrecognized),
        other => other,
    }
}

/// A sample line of these formats, or of all if none is named, with some bytes changed, and perhaps
/// cut off; without what is no part of any line.
fn mutated(formats: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let lines: Vec<String> = lines()
        .into_iter()
        .filter(|(name, _)| formats.is_empty() || formats.contains(name))
        .map(|(_, line)| line)
        .collect();
    let byte = prop_oneof![
        8 => prop::sample::select(br#" "\{}[]:,=-0123456789/aest"#.to_vec()),
        1 => any::<u8>(),
    ];
    let edits = prop::collection::vec((any::<prop::sample::Index>(), byte), 0..4);
    let cut = prop::option::weighted(0.2, any::<prop::sample::Index>());
    (prop::sample::select(lines), edits, cut).prop_map(|(line, edits, cut)| {
        let mut line = line.into_bytes();
        for (at, byte) in edits {
            let at = at.index(line.len());
            line[at] = byte;
        }
        if let Some(cut) = cut {
            line.truncate(cut.index(line.len()));
        }
        trimmed(behind_hole(&line)).to_vec()
    })
}

/// Some lines with bytes changed, alike but for these.
fn alike(lines: Vec<String>) -> impl Strategy<Value = Vec<Vec<u8>>> {
    let line = prop::sample::select(lines);
    let edit = (
        any::<prop::sample::Index>(),
        prop::sample::select(br#" "\{}[]:,=-0123456789/aestn}"#.to_vec()),
    );
    let edits = prop::collection::vec(prop::collection::vec(edit, 0..3), 1..8);
    let both = (prop::collection::vec(line, 1..3), edits);
    both.prop_map(|(lines, edits)| {
        let edited = |(line, edits): (&String, Vec<(prop::sample::Index, u8)>)| {
            let mut line = line.clone().into_bytes();
            for (at, byte) in edits {
                let at = at.index(line.len().max(1));
                line.get_mut(at).into_iter().for_each(|old| *old = byte);
            }
            line
        };
        lines.iter().cycle().zip(edits).map(edited).collect()
    })
}

/// An object with keys that mean something, and lists, attributes and whatever else a line may have.
fn object() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        "[1-5][0-9]{2}",
        "-?[0-9]{1,3}(\\.[0-9]{0,3})?([eE][0-9])?",
        r#""[a-z0-9/ ]{0,40}""#,
        r#""(/[a-z]{1,9}|\\n|\\"|\\u0041){0,4}""#,
        Just(r#""2024-04-10T09:00:00Z""#.to_owned()),
        Just(r#""GET""#.to_owned()),
        Just("null".to_owned()),
        Just("true".to_owned()),
    ];
    let key = prop::sample::select(vec![
        "time",
        "status",
        "http",
        "request",
        "method",
        "path",
        "attributes",
        "key",
        "value",
        "message",
        "duration_ms",
        "user_agent",
        "resource",
        "tags",
        "stringValue",
        "service",
        "é",
    ]);
    scalar.prop_recursive(4, 40, 6, move |inner| {
        let member = (key.clone(), inner.clone());
        let attribute = (key.clone(), inner.clone())
            .prop_map(|(key, value)| format!(r#"{{"key":"{key}","value":{{"stringValue":{value}}}}}"#));
        prop_oneof![
            3 => prop::collection::vec(member, 0..7).prop_map(|members| {
                let members = members.iter().map(|(key, value)| format!(r#""{key}":{value}"#));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }),
            1 => prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            1 => prop::collection::vec(attribute, 1..4).prop_map(|items| format!("[{}]", items.join(","))),
        ]
    })
}

/// Each sample's line with its format, as the header and what is around it in its file make it.
fn prepared() -> &'static [(Arc<Format>, String)] {
    static PREPARED: LazyLock<Vec<(Arc<Format>, String)>> = LazyLock::new(|| {
        let all = registry::SPECS.iter().flat_map(|&(name, text)| {
            let plain = builtin().get(name).unwrap();
            let samples = spec::Spec::read(text).unwrap().samples;
            samples.into_iter().map(move |sample| {
                let format = sample.prepared(&plain).unwrap();
                (format, sample.line)
            })
        });
        all.collect()
    });
    &PREPARED
}

/// Reads lines with a memory of those before, and without.
fn assert_no_memory_matters(format: &Format, lines: &[Vec<u8>]) {
    let mut scratches = [Scratch::default(), Scratch::default()];
    for _ in 0..2 {
        for line in lines {
            for (depth, scratch) in [Depth::Counts, Depth::Full].into_iter().zip(&mut scratches) {
                let remembering = format.parse(line, &mut Clock::new(None), scratch, depth);
                let remembering = remembering.map(Owned::from);
                assert_eq!(
                    remembering,
                    read(format, line, depth),
                    "{}",
                    String::from_utf8_lossy(line)
                );
            }
        }
    }
}

/// What administrators append to their access logs.
const TAILS: [&str; 4] = [
    " 0.053",
    " 0.053 0.002",
    " rt=0.053 uct=0.001",
    " 10.0.0.1:80 53ms",
];

/// A tail with some bytes changed.
fn mutated_tail() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop::sample::select(br#" ."-=0123456789ms"#.to_vec());
    let edits = prop::collection::vec((any::<prop::sample::Index>(), byte), 0..3);
    (prop::sample::select(TAILS.to_vec()), edits).prop_map(|(tail, edits)| {
        let mut tail = tail.as_bytes().to_vec();
        for (at, byte) in edits {
            let at = at.index(tail.len());
            tail[at] = byte;
        }
        tail
    })
}

/// The combined format of a file whose lines have this tail.
fn with_tail(tail: &str) -> Arc<Format> {
    let line = format!(
        r#"203.0.113.7 - - [10/Apr/2024:09:00:00 +0000] "GET / HTTP/1.1" 200 12 "-" "-"{tail}"#
    );
    builtin()
        .get("combined")
        .unwrap()
        .learned([line.as_bytes(), line.as_bytes()].into_iter())
}

#[test]
fn pass_1_reads_the_latency_from_where_the_file_has_it() {
    for (tail, us) in TAILS.into_iter().zip([53_000, 53_000, 53_000, 53_000]) {
        let format = with_tail(tail);
        for end in ["", "\r"] {
            let line = format!(
                r#"203.0.113.7 - - [10/Apr/2024:09:00:01 +0000] "GET /a HTTP/1.1" 200 12 "-" "curl/8 (x)"{tail}{end}"#
            );
            let counted = read(&format, line.as_bytes(), Depth::Counts).unwrap();
            assert_eq!(counted.latency_us, Some(us), "{line}");
        }
        // A line that ends before its tail has none, whatever its last word is.
        let line = r#"203.0.113.7 - - [10/Apr/2024:09:00:01 +0000] "GET /a HTTP/1.1" 200 12"#;
        let counted = read(&format, line.as_bytes(), Depth::Counts).unwrap();
        assert_eq!(counted.latency_us, None);
    }
}

#[test]
fn seconds_with_three_decimals_are_read_from_the_lines_end() {
    for (line, us) in [
        (&b"x 0.053"[..], Some(53_000)),
        (b"x 9.999", Some(9_999_000)),
        (b"x 12.001", Some(12_001_000)),
        (b"x 99999.000", Some(99_999_000_000)),
        // More than a day: an epoch, more likely.
        (b"x 999999.000", None),
        (b"x .053", None),
        (b"x 1.5", None),
        (b"x -1.053", None),
        (b"x 1.0533", None),
        (b"0.053", None),
        (b" 0.05x", None),
        (b"", None),
    ] {
        assert_eq!(
            access::last_millis(line),
            us,
            "{}",
            String::from_utf8_lossy(line)
        );
    }
}

/// Whether a comma stands before the time: a list of clients, which the expression doesn't know.
fn lists_clients(line: &[u8]) -> bool {
    let end = line.windows(2).position(|pair| pair == b" [");
    line[..end.unwrap_or(line.len())].contains(&b',')
}

/// A float with an exponent, whose spelling serde_json doesn't keep.
fn has_exponent(line: &[u8]) -> bool {
    line.windows(3).any(|w| {
        w[0].is_ascii_digit()
            && matches!(w[1], b'e' | b'E')
            && matches!(w[2], b'0'..=b'9' | b'+' | b'-')
    })
}

#[test]
fn a_plain_line_takes_the_short_way() {
    let mut clock = Clock::new(None);
    for (line, plain) in [
        (
            r#"203.0.113.7 - - [10/Apr/2024:09:00:00 +0000] "GET /orders/42 HTTP/1.1" 200 12"#,
            true,
        ),
        (
            r#"2001:db8::7 - ann [10/Apr/2024:09:00:00 +0000] "POST /a?b HTTP/2" 503 0 "-" "-""#,
            true,
        ),
        // An escaped quote, two words before the address, no protocol, no status.
        (
            r#"203.0.113.7 - - [10/Apr/2024:09:00:00 +0000] "GET /\"hi\" HTTP/1.1" 200 12"#,
            false,
        ),
        (
            r#"shop.example 203.0.113.7 - - [10/Apr/2024:09:00:00 +0000] "GET / HTTP/1.1" 200 12"#,
            false,
        ),
        (
            r#"203.0.113.7 - - [10/Apr/2024:09:00:00 +0000] "GET /" 200 12"#,
            false,
        ),
        (
            r#"203.0.113.7 - - [10/Apr/2024:09:00:00 +0000] "GET / HTTP/1.1" 000 12"#,
            false,
        ),
    ] {
        assert_eq!(
            access::read(line.as_bytes(), &mut clock).is_some(),
            plain,
            "{line}"
        );
    }
}

/// Each line of a text, and what is seen of it at a glance.
#[cfg(target_arch = "x86_64")]
fn glanced<'t>(format: &Format, text: &'t [u8]) -> Vec<(&'t [u8], Option<Glance<'t>>)> {
    let Some(mut glances) = format.glances() else {
        return Vec::new();
    };
    let (mut all, mut begin, mut clock) = (Vec::new(), 0, Clock::new(None));
    let mut scratch = Scratch::default();
    for line in text.split(|&b| b == b'\n') {
        let end = begin + line.len();
        #[allow(unsafe_code)]
        // SAFETY: there are glances only where the processor has the features.
        let glance = unsafe { glances.read::<0>(text, begin, end, &mut clock, &mut scratch) };
        all.push((line, glance));
        begin = end + 1;
    }
    all
}

#[cfg(target_arch = "x86_64")]
fn glance_as_record<'t>(glance: &Glance<'t>, method: &'t [u8], text: &'t [u8]) -> Record<'t> {
    let target = &text[glance.target..glance.target + glance.target_len];
    Record {
        time_us: glance.time_us,
        method,
        target,
        status: glance.status,
        latency_us: glance.latency_us,
        service: glance.service,
        client: None,
        user: None,
        agent: None,
        host: None,
        version: None,
        region: None,
        api_version: None,
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_plain_line_is_read_at_a_glance_unless_the_text_ends_soon() {
    let format = with_tail(" 0.053");
    let line = r#"203.0.113.7 - - [10/Apr/2024:09:00:00 +0000] "GET /orders/42 HTTP/1.1" 200 12 "-" "curl/8" 0.017"#;
    for (line, plain) in [
        (line.to_owned(), true),
        (line.replace("HTTP/1.1", "HTTP/2"), true),
        (line.replace("GET", "OPTIONS"), true),
        (line.replace("203.0.113.7", "2001:db8::7"), true),
        (line.replace("GET", "PROPFIND"), false),
        (line.replace("/42", &"/42".repeat(50)), true),
        (line.replace("- -", "- ann"), false),
        (line.replace("0000]", "0000x]"), false),
        (line.replace("200", "20"), false),
    ] {
        let text = [line.as_bytes(), b"\n", &[b'x'; 300]].concat();
        let seen = glanced(&format, &text);
        let Some((_, first)) = seen.first() else {
            return;
        };
        assert_eq!(first.is_some(), plain, "{line}");
        if let Some(glance) = first {
            assert_eq!(
                (glance.status, glance.latency_us),
                (Status(200), Some(17_000))
            );
        }
        // However much of it is there: nothing is read beyond the end.
        for len in 0..text.len() {
            glanced(&format, &text[..len]);
        }
    }
}

/// A line built as one before is seen at a glance, with another time, path, status and latency; wherever the text
/// ends behind it, nothing is read beyond that.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_keyed_line_is_read_at_a_glance_if_one_before_was_built_the_same() {
    let json = |sec: &str, path: &str, status: u16, ms: u32| {
        format!(
            r#"{{"time":"2024-04-10T09:00:{sec}Z","app":"shop","method":"GET","path":"{path}","status":{status},"duration_ms":{ms}}}"#
        )
    };
    let logfmt = |sec: &str, path: &str, status: u16, ms: u32| {
        format!(
            r#"ts=2024-04-10T09:00:{sec}Z app=shop method=GET path={path} status={status} duration={ms}ms agent="a b""#
        )
    };
    let ltsv = |sec: &str, path: &str, status: u16, ms: u32| {
        format!(
            "time:10/Apr/2024:09:00:{sec} +0000\thost:192.0.2.1\treq:GET {path} HTTP/1.1\tstatus:{status}\treqtime:0.{ms:03}"
        )
    };
    type Write<'w> = &'w dyn Fn(&str, &str, u16, u32) -> String;
    let all: [(&str, Write<'_>); 3] = [("json", &json), ("logfmt", &logfmt), ("ltsv", &ltsv)];
    for (name, write) in all {
        let format = builtin().get(name).unwrap();
        let Some(mut glances) = format.keyed_glances() else {
            return;
        };
        let (mut clock, mut scratch) = (Clock::new(None), Scratch::default());
        let first = write("00", "/a", 200, 7);
        format
            .parse(first.as_bytes(), &mut clock, &mut scratch, Depth::Counts)
            .unwrap();
        let lines = [
            (write("00", "/", 200, 7), 0, "/", 200, 7_000, true),
            (
                write("09", "/orders/42", 503, 123),
                9,
                "/orders/42",
                503,
                123_000,
                true,
            ),
            (
                write("09", "https://shop.example/x", 404, 12),
                9,
                "https://shop.example/x",
                404,
                12_000,
                true,
            ),
            (
                write("10", "/a", 200, 7).replace("GET", "get"),
                0,
                "",
                0,
                0,
                false,
            ),
            (write("10", "/a", 99, 7), 0, "", 0, 0, false),
            (
                write("10", "/a", 200, 7).replace("status", "state"),
                0,
                "",
                0,
                0,
                false,
            ),
        ];
        for (line, second, path, status, latency_us, is_plain) in lines {
            for behind in 0..80 {
                // An allocation of its own, so that whatever checks memory sees a read beyond it.
                let text = [line.as_bytes(), b"\n", &vec![b'x'; behind]]
                    .concat()
                    .into_boxed_slice();
                #[allow(unsafe_code)]
                // SAFETY: there are glances only where the processor has the features.
                let glance =
                    unsafe { glances.read::<0>(&text, 0, line.len(), &mut clock, &mut scratch) };
                assert_eq!(glance.is_some(), is_plain && behind >= 31, "{line}");
                let Some(glance) = glance else { continue };
                assert_eq!(
                    glance.time_us,
                    (1_712_739_600 + second) * 1_000_000,
                    "{line}"
                );
                assert_eq!(&text[glance.target..][..glance.target_len], path.as_bytes());
                assert_eq!(
                    (glance.method, glance.method_len),
                    (u64::from_le_bytes(*b"GET\0\0\0\0\0"), 3)
                );
                assert_eq!(
                    (glance.status, glance.latency_us),
                    (Status(status), Some(latency_us))
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn json_reads_as_serde_json_does(line in mutated(&["json"])) {
        if has_exponent(&line) || !line.starts_with(b"{") {
            return Ok(());
        }
        let format = builtin().get("json").unwrap();
        let fast = read(&format, &line, Depth::Full);
        match slow_json(&format.keys, &line) {
            Ok(slow) => prop_assert_eq!(fast, slow, "{}", String::from_utf8_lossy(&line)),
            Err(e) if e.is_eof() => prop_assert_eq!(fast, Err(Reject::Truncated), "{}", String::from_utf8_lossy(&line)),
            Err(_) => {} // stricter than this parser about what is inside of strings
        }
    }

    #[test]
    fn access_logs_read_as_a_regular_expression_does(line in mutated(&["combined", "common"])) {
        if lists_clients(&line) {
            return Ok(());
        }
        let registry = builtin();
        for (name, common) in [("combined", false), ("common", true)] {
            let fast = read_strictly(&registry.get(name).unwrap(), &line);
            let slow = slow_access_log(&line, common);
            match fast {
                Err(Reject::Truncated | Reject::Blank | Reject::Comment) => prop_assert_eq!(slow, Err(Reject::Unrecognized)),
                fast => prop_assert_eq!(fast, slow, "{}: {}", name, String::from_utf8_lossy(&line)),
            }
        }
    }

    /// What follows the status may be cut off or odd: the request is the one of the same line with an
    /// ordinary end.
    #[test]
    fn a_request_is_told_whatever_follows_its_status(line in mutated(&["combined", "common"])) {
        if lists_clients(&line) {
            return Ok(());
        }
        let registry = builtin();
        for (name, common, end) in [("combined", false, r#" 5 "-" "-""#), ("common", true, " 5")] {
            let format = registry.get(name).unwrap();
            let told = read(&format, &line, Depth::Full);
            if let Ok(whole) = read_strictly(&format, &line) {
                prop_assert_eq!(&told, &Ok(whole));
            }
            let Ok(told) = told else { continue };
            let head = head_of_access_log(&line).unwrap();
            let slow = slow_access_log(&[head, end.as_bytes()].concat(), common).unwrap();
            prop_assert_eq!((told.time_us, told.status), (slow.time_us, slow.status));
            prop_assert_eq!((&told.method, &told.target), (&slow.method, &slow.target));
            let counted = read(&format, &line, Depth::Counts).unwrap();
            prop_assert_eq!((counted.time_us, counted.status), (slow.time_us, slow.status));
            prop_assert_eq!((&counted.method, &counted.target), (&slow.method, &slow.target));
            prop_assert_eq!(&counted.rest[0], &slow.rest[0]);
        }
    }

    /// Whatever the short way takes, the layout's own walk reads just so.
    #[test]
    fn the_short_way_along_an_access_line_ends_where_the_long_way_does(line in mutated(&["combined", "common"])) {
        for name in ["combined", "common"] {
            let format = builtin().get(name).unwrap();
            let mut clock = Clock::new(None);
            let Some(short) = short(format.access().unwrap(), &line, &mut clock) else { continue };
            let mut scratch = Scratch::default();
            let long = format.read(&line, &mut clock, &mut scratch, Depth::Counts, Manner::AtLength);
            prop_assert_eq!(long.map(Owned::from), Ok(Owned::from(short)), "{}", String::from_utf8_lossy(&line));
        }
    }

    /// Where a file's lines end in a latency, or have one elsewhere in their tail, the short way finds
    /// what the walk finds; but for lines that are odd behind their status.
    #[test]
    fn the_short_way_finds_the_latency_that_the_long_way_does(line in mutated(&["combined", "common"]), tail in mutated_tail(), kind in 0..TAILS.len()) {
        let format = with_tail(TAILS[kind]);
        let line = [&line[..], &tail].concat();
        let Ok(whole) = read_strictly(&format, &line) else { return Ok(()) };
        prop_assert_eq!(read(&format, &line, Depth::Full).unwrap().latency_us, whole.latency_us);
        prop_assert_eq!(read(&format, &line, Depth::Counts).unwrap().latency_us, whole.latency_us);
        let mut clock = Clock::new(None);
        if let Some(short) = short(format.access().unwrap(), &line, &mut clock) {
            prop_assert_eq!(short.latency_us, whole.latency_us, "{}", String::from_utf8_lossy(&line));
        }
    }

    /// Of the lines of a block those that are read at a glance are read as `short` reads each by itself,
    /// whatever lines and ends stand around them.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn a_glance_sees_what_the_short_way_does(
        lines in prop::collection::vec((mutated(&["combined", "common"]), mutated_tail()), 1..6),
        kind in 0..TAILS.len(),
        padding in prop::sample::select(vec![0_usize, 300]),
    ) {
        let format = with_tail(TAILS[kind]);
        let lines: Vec<Vec<u8>> = lines.into_iter().map(|(line, tail)| [line, tail].concat()).collect();
        // Only of lines that are not near the end anything is seen at a glance.
        let text = [lines.join(&b'\n'), vec![b'x'; padding]].join(&b'\n');
        for (line, glance) in glanced(&format, &text) {
            let Some(glance) = glance else { continue };
            let mut clock = Clock::new(None);
            let method = glance.method.to_le_bytes();
            let method = &method[..glance.method_len];
            let seen = Owned::from(glance_as_record(&glance, method, &text));
            let read = short(format.access().unwrap(), line, &mut clock).map(Owned::from);
            prop_assert_eq!(Some(seen), read, "{}", String::from_utf8_lossy(line));
        }
    }

    /// The same of lines of keys and values, which are learned from on the way, as in a pass; those with a sound end
    /// are read at length with no memory.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn a_glance_sees_of_keyed_lines_what_reading_at_length_does(
        sample in any::<prop::sample::Index>(),
        edits in prop::collection::vec(prop::collection::vec((
            any::<prop::sample::Index>(),
            prop::sample::select(b"\t\r \"\\{}[]:,=-/.0123456789 AGTaemnstx".to_vec()),
        ), 0..3), 2..9),
        padding in prop::sample::select(vec![0_usize, 20, 300]),
    ) {
        let keyed: Vec<_> = prepared().iter().filter(|(format, _)| format.keyed_glances().is_some()).collect();
        if keyed.is_empty() {
            return Ok(());
        }
        let (format, line) = sample.get(&keyed);
        let lines: Vec<Vec<u8>> = edits.into_iter().map(|edits| {
            let mut line = line.clone().into_bytes();
            for (at, byte) in edits {
                let at = at.index(line.len().max(1));
                line.get_mut(at).into_iter().for_each(|old| *old = byte);
            }
            line
        }).collect();
        let text = [lines.join(&b'\n'), vec![b'x'; padding]].join(&b'\n');
        let mut glances = format.keyed_glances().unwrap();
        let (mut clock, mut scratch, mut begin) = (Clock::new(None), Scratch::default(), 0);
        for line in text.split(|&b| b == b'\n') {
            let end = begin + line.len();
            #[allow(unsafe_code)]
            // SAFETY: there are glances only where the processor has the features.
            let glance = unsafe { glances.read::<0>(&text, begin, end, &mut clock, &mut scratch) };
            begin = end + 1;
            let mut fresh = Scratch::default();
            let slow = format.read(line, &mut Clock::new(None), &mut fresh, Depth::Counts, Manner::AtLength);
            let slow = slow.map(Owned::from);
            match glance {
                Some(glance) => {
                    let method = glance.method.to_le_bytes();
                    let method = &method[..glance.method_len];
                    let seen = Owned::from(glance_as_record(&glance, method, &text));
                    prop_assert_eq!(Ok(seen), slow, "{}", String::from_utf8_lossy(line));
                }
                None => {
                    let read = format.parse(line, &mut clock, &mut scratch, Depth::Counts);
                    prop_assert_eq!(read.map(Owned::from), slow, "{}", String::from_utf8_lossy(line));
                }
            }
        }
    }

    /// Whatever lines came before.
    #[test]
    fn lines_before_change_nothing(lines in alike(lines().into_iter().map(|(_, line)| line).collect())) {
        for format in builtin().formats() {
            assert_no_memory_matters(format, &lines);
        }
    }

    /// What is made of a plain line's parts in a hurry is what comes of weighing them: on each sample's format as
    /// its file's header has it, with a memory of other lines and with what is around it.
    #[test]
    fn a_plain_line_is_counted_as_it_is_read_at_length(
        sample in any::<prop::sample::Index>(),
        edits in prop::collection::vec(prop::collection::vec((
            any::<prop::sample::Index>(),
            prop::sample::select(br#" "\{}[]:,=-/0123456789 AGTaemnstx"#.to_vec()),
        ), 0..4), 1..8),
    ) {
        let (format, line) = sample.get(prepared());
        let mut scratch = Scratch::default();
        for edits in edits {
            let mut line = line.clone().into_bytes();
            for (at, byte) in edits {
                let at = at.index(line.len().max(1));
                line.get_mut(at).into_iter().for_each(|old| *old = byte);
            }
            let fast = format.parse(&line, &mut Clock::new(None), &mut scratch, Depth::Counts).map(Owned::from);
            let mut fresh = Scratch::default();
            let slow = format.read(&line, &mut Clock::new(None), &mut fresh, Depth::Counts, Manner::AtLength);
            prop_assert_eq!(fast, slow.map(Owned::from), "{}: {}", format.name(), String::from_utf8_lossy(&line));
        }
    }

    #[test]
    fn objects_before_change_nothing(objects in prop::collection::vec(object(), 2..6), picks in prop::collection::vec(any::<prop::sample::Index>(), 8)) {
        let request = r#""time":"2024-04-10T09:00:00Z","method":"GET","path":"/a","status":200"#;
        let lines: Vec<Vec<u8>> = picks.iter().map(|pick| {
            let object = pick.get(&objects);
            format!(r#"{{{request},"x":{object},"duration_ms":7}}"#).into_bytes()
        }).chain(objects.iter().map(|object| object.clone().into_bytes())).collect();
        assert_no_memory_matters(&builtin().get("json").unwrap(), &lines);
    }

    #[test]
    fn logfmt_reads_as_a_splitter_does(line in mutated(&["logfmt"])) {
        let Ok(line) = String::from_utf8(line) else { return Ok(()) };
        if line.is_empty() {
            return Ok(());
        }
        let format = builtin().get("logfmt").unwrap();
        prop_assert_eq!(read(&format, line.as_bytes(), Depth::Full), slow_logfmt(&format.keys, &line));
    }

    #[test]
    fn no_bytes_make_a_parser_panic(line in prop::collection::vec(any::<u8>(), 0..200), sample in mutated(&[])) {
        let registry = builtin();
        let both = [sample.as_slice(), &line].concat();
        for format in registry.formats() {
            for line in [&line, &sample, &both] {
                let counts = read(format, line, Depth::Counts);
                prop_assert_eq!(counts.is_ok(), read(format, line, Depth::Full).is_ok());
            }
        }
        let clock = Clock::new(None);
        let detected = registry.detect(&both, &[], &clock);
        prop_assert!(detected.requests <= 200);
        let mut joiner = Joiner::new(detected.format.joins(), &both);
        joiner.take(&line);
        let (mut clock, mut aside) = (clock, Aside::default());
        let mut told = |depth| {
            let own = &detected.format;
            let refused = read(own, &sample, depth).err();
            refused.map(|reason| {
                let read = detected.mixture.read(own, &sample, reason, &mut clock, &mut aside, depth);
                read.map(|(by, record)| (by, record.time_us, record.status))
            })
        };
        prop_assert_eq!(told(Depth::Counts), told(Depth::Full));
    }
}
