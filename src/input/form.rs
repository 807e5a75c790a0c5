//! Text that isn't lines → lines: UTF-16, and JSON documents.
//!
//! What a cloud's console exports is one JSON array or object, often over many lines; collectors write
//! batches of many records on one line. Both become one record a line here, as the text streams by,
//! because everything behind knows lines only. So is UTF-16, which PowerShell's `>` writes, turned
//! into UTF-8. What is no JSON between the documents stays as it is. Knows no format: what a record
//! tells is somebody else's business, only where it begins and ends is told here.

use std::io::{self, Read};

use serde_json::value::RawValue;

/// How a log's text is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In lines.
    Lines,
    /// In UTF-16, the high byte first or last.
    Utf16 {
        /// Whether the high byte comes first.
        big: bool,
    },
    /// In JSON documents that are no lines.
    Documents,
}

/// A record longer than this is cut, as a line would be; a batch may have many.
const LONGEST: usize = 64 << 20;
/// Bytes taken at a time.
const STEP: usize = 64 << 10;

/// The keys of an object under which a list of records stands, of the exports that are known: Azure,
/// CloudTrail, CloudWatch (subscriptions and `filter-log-events`), Google Cloud, Elasticsearch, Datadog.
const LISTS: [&str; 8] = [
    "records",
    "Records",
    "logEvents",
    "events",
    "entries",
    "hits",
    "logs",
    "data",
];

/// Those of them that plainly are such lists.
const PLAIN: [&str; 4] = ["records", "Records", "logEvents", OPEN_TELEMETRY];
/// The key of OpenTelemetry's lists of lists.
const OPEN_TELEMETRY: &str = "resourceLogs";

impl Form {
    /// Told by the first bytes of a text.
    pub fn of(head: &[u8]) -> Form {
        match head {
            [0xff, 0xfe, ..] => return Form::Utf16 { big: false },
            [0xfe, 0xff, ..] => return Form::Utf16 { big: true },
            _ => {}
        }
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        let text = text.trim_ascii_start();
        let is_document = match text {
            [b'[', rest @ ..] => rest.trim_ascii_start().starts_with(b"{"),
            [b'{', rest @ ..] => {
                let inside = rest.trim_ascii_start();
                let spaces = &rest[..rest.len() - inside.len()];
                spaces.contains(&b'\n') && inside.first() == Some(&b'"') || has_list(inside)
            }
            _ => false,
        };
        if is_document {
            Form::Documents
        } else {
            Form::Lines
        }
    }

    /// The lines of a text of this form.
    pub fn lines(self, text: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        match self {
            Form::Lines => text,
            Form::Utf16 { big } => Box::new(Converted::new(
                text,
                Utf16 {
                    big,
                    odd: None,
                    high: None,
                },
            )),
            Form::Documents => Box::new(Converted::new(text, Split::default())),
        }
    }
}

/// Whether an object, given from behind its brace, has a list of records as its first member, or one by
/// a name that nothing else has as any.
fn has_list(inside: &[u8]) -> bool {
    let names = LISTS.iter().copied().chain([OPEN_TELEMETRY]);
    let begins_list = |name: &[u8], rest: &[u8], is_first: bool| {
        let value = rest.trim_ascii_start().strip_prefix(b":");
        let list = value.and_then(|value| value.trim_ascii_start().strip_prefix(b"["));
        let is_list = list.is_some_and(|list| list.trim_ascii_start().starts_with(b"{"));
        let is_name =
            |known: &str| known.as_bytes() == name && (is_first || PLAIN.contains(&known));
        is_list && names.clone().any(is_name)
    };
    let (mut depth, mut at, mut is_first) = (1, 0, true);
    while let Some(&b) = inside.get(at) {
        at += 1;
        match b {
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 1 => return false,
            b'}' | b']' => depth -= 1,
            b'"' => {
                let Some(len) = string_len(&inside[at..]) else {
                    return false;
                };
                let (name, rest) = (&inside[at..at + len], &inside[at + len + 1..]);
                if depth == 1 && begins_list(name, rest, is_first) {
                    return true;
                }
                is_first = false;
                at += len + 1;
            }
            _ => {}
        }
    }
    false
}

/// How long a JSON string is, given from behind its quote.
fn string_len(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr2(b'"', b'\\', text.get(from..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        from = at + 2;
    }
}

/// Turns a stretch of text into lines.
trait Convert {
    fn take(&mut self, text: &[u8], out: &mut Vec<u8>);
    /// The text has ended.
    fn end(&mut self, out: &mut Vec<u8>);
}

/// A text, converted as it is read.
struct Converted<C> {
    text: Box<dyn Read + Send>,
    convert: C,
    taken: Vec<u8>,
    ready: Vec<u8>,
    /// How much of `ready` was handed out.
    given: usize,
    /// What comes after what is ready: nothing more, or what broke the text.
    ended: Option<Option<io::Error>>,
}

impl<C: Convert> Converted<C> {
    fn new(text: Box<dyn Read + Send>, convert: C) -> Converted<C> {
        Converted {
            text,
            convert,
            taken: vec![0; STEP],
            ready: Vec::new(),
            given: 0,
            ended: None,
        }
    }
}

impl<C: Convert> Read for Converted<C> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready.len() {
            self.ready.clear();
            self.given = 0;
            if let Some(broken) = &mut self.ended {
                return broken.take().map_or(Ok(0), Err);
            }
            match self.text.read(&mut self.taken) {
                Ok(0) => {
                    self.convert.end(&mut self.ready);
                    self.ended = Some(None);
                }
                Ok(n) => self.convert.take(&self.taken[..n], &mut self.ready),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.convert.end(&mut self.ready);
                    self.ended = Some(Some(e));
                }
            }
        }
        let ready = &self.ready[self.given..];
        let n = ready.len().min(buffer.len());
        buffer[..n].copy_from_slice(&ready[..n]);
        self.given += n;
        Ok(n)
    }
}

/// UTF-16 → UTF-8.
struct Utf16 {
    big: bool,
    /// The first byte of a unit that was cut.
    odd: Option<u8>,
    /// The first unit of a pair.
    high: Option<u16>,
}

impl Convert for Utf16 {
    fn take(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let mut put = |c: char| out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        for &byte in text {
            let Some(first) = self.odd.take() else {
                self.odd = Some(byte);
                continue;
            };
            let unit = match self.big {
                true => u16::from_be_bytes([first, byte]),
                false => u16::from_le_bytes([first, byte]),
            };
            let units = self.high.take().into_iter().chain([unit]);
            for c in char::decode_utf16(units) {
                match c {
                    // The byte order mark, in front or where files were put together.
                    Ok('\u{feff}') => {}
                    Ok(c) => put(c),
                    Err(e)
                        if e.unpaired_surrogate() == unit && (0xd800..0xdc00).contains(&unit) =>
                    {
                        self.high = Some(unit);
                    }
                    Err(_) => put(char::REPLACEMENT_CHARACTER),
                }
            }
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.odd.take().is_some() || self.high.take().is_some() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

/// Documents → one record a line.
#[derive(Default)]
struct Split {
    /// The object, or the line of something else, that is being read.
    record: Vec<u8>,
    /// Braces and brackets that are open inside of it; 0 between objects.
    depth: usize,
    /// Whether it is a line of something else.
    is_other: bool,
    is_quoted: bool,
    is_escaped: bool,
}

impl Convert for Split {
    fn take(&mut self, text: &[u8], out: &mut Vec<u8>) {
        for &b in text {
            if self.is_other {
                match b {
                    b'\n' => self.finish(out),
                    _ => self.push(b),
                }
            } else if self.depth == 0 {
                self.begin(b);
            } else {
                self.inside(b, out);
            }
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if !self.record.is_empty() {
            self.finish(out);
        }
    }
}

impl Split {
    /// Between objects.
    fn begin(&mut self, b: u8) {
        match b {
            b'{' => {
                self.depth = 1;
                self.push(b);
            }
            b'[' | b']' | b',' | b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => {
                self.is_other = true;
                self.push(b);
            }
        }
    }

    /// Inside of an object. No string has a line's end in it.
    fn inside(&mut self, b: u8, out: &mut Vec<u8>) {
        if self.is_quoted {
            self.is_quoted = b != b'"' || self.is_escaped;
            self.is_escaped = b == b'\\' && !self.is_escaped;
            return self.push(b);
        }
        match b {
            b'"' => self.is_quoted = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth -= 1,
            b'\n' | b'\r' => return,
            _ => {}
        }
        self.push(b);
        if self.depth == 0 {
            self.finish(out);
        }
    }

    fn push(&mut self, b: u8) {
        if self.record.len() < LONGEST {
            self.record.push(b);
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        let whole = self.depth == 0 && !self.is_other;
        if !(whole && unpack(&self.record, out)) {
            put_line(&self.record, out);
        }
        *self = Split {
            record: std::mem::take(&mut self.record),
            ..Split::default()
        };
        self.record.clear();
    }
}

fn put_line(record: &[u8], out: &mut Vec<u8>) {
    out.extend(record.iter().map(|&b| if b == b'\n' { b' ' } else { b }));
    out.push(b'\n');
}

type Members<'a> = std::collections::BTreeMap<String, &'a RawValue>;

/// Puts the records of a batch out, one a line; says whether it is one.
fn unpack(object: &[u8], out: &mut Vec<u8>) -> bool {
    let Ok(members) = serde_json::from_slice::<Members<'_>>(object) else {
        return false;
    };
    if let Some(list) = members.get(OPEN_TELEMETRY) {
        return open_telemetry(list, out).is_some();
    }
    let list = LISTS.iter().find_map(|name| {
        let most = if PLAIN.contains(name) {
            0
        } else {
            object.len() / 2
        };
        records(members.get(*name)?, most)
    });
    for record in list.iter().flatten() {
        put_line(record.get().as_bytes(), out);
    }
    list.is_some()
}

/// The records of a list that is longer than this, most of its object: a request may well have lists,
/// too.
fn records(value: &RawValue, most: usize) -> Option<Vec<&RawValue>> {
    let text = value.get();
    if text.starts_with('{') {
        // Elasticsearch: `{"hits": {"hits": […]}}`.
        let inside: Members<'_> = serde_json::from_str(text).ok()?;
        return records(inside.get("hits")?, most);
    }
    let list: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    let are_objects = list.iter().all(|record| record.get().starts_with('{'));
    (are_objects && !list.is_empty() && text.len() > most).then_some(list)
}

/// OpenTelemetry's batches: records by scope, scopes by resource. Each gets its resource.
/// <https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/logs/v1/logs.proto>
fn open_telemetry(list: &RawValue, out: &mut Vec<u8>) -> Option<()> {
    let resources: Vec<Members<'_>> = serde_json::from_str(list.get()).ok()?;
    for members in resources {
        let resource = members
            .get("resource")
            .map_or("{}", |resource| resource.get());
        let scopes = members
            .get("scopeLogs")
            .or(members.get("instrumentationLibraryLogs"));
        let scopes = scopes.map_or("[]", |scopes| scopes.get());
        let scopes: Vec<Members<'_>> = serde_json::from_str(scopes).ok()?;
        for scope in scopes {
            let records = scope
                .get("logRecords")
                .map_or("[]", |records| records.get());
            let records: Vec<&RawValue> = serde_json::from_str(records).ok()?;
            for record in records {
                let inside = record.get().strip_prefix('{')?.trim_ascii_start();
                let comma = if inside.starts_with('}') { "" } else { "," };
                let line = format!("{{\"resource\":{resource}{comma}{inside}");
                put_line(line.as_bytes(), out);
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a text, read in pieces of some size.
    fn lines_of(text: &[u8], piece: usize) -> String {
        struct Pieces(Vec<u8>, usize);
        impl Read for Pieces {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let n = self.1.min(self.0.len()).min(buffer.len());
                buffer[..n].copy_from_slice(&self.0[..n]);
                self.0.drain(..n);
                Ok(n)
            }
        }
        let mut lines = String::new();
        let pieces = Box::new(Pieces(text.to_vec(), piece));
        Form::of(text)
            .lines(pieces)
            .read_to_string(&mut lines)
            .unwrap();
        lines
    }

    fn same_in_any_pieces(text: &[u8], expected: &str) {
        for piece in [1, 2, 3, 7, 64, 4096] {
            assert_eq!(lines_of(text, piece), expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn an_array_over_many_lines_is_a_record_a_line() {
        let array = b"[\n  {\n    \"a\": \"[{\\\"\",\n    \"b\": [1, {\"c\": 2}]\n  },\n  {\"a\": \"}\"}\n]\n";
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
    fn utf16_is_read_with_either_byte_first() {
        let text = "GET /caf\u{e9} \u{1f600}\r\nx\n";
        for big in [false, true] {
            let bytes: Vec<u8> = "\u{feff}"
                .encode_utf16()
                .chain(text.encode_utf16())
                .flat_map(|unit| {
                    if big {
                        unit.to_be_bytes()
                    } else {
                        unit.to_le_bytes()
                    }
                })
                .collect();
            same_in_any_pieces(&bytes, text);
        }
        same_in_any_pieces(b"\xff\xfea\0\0\xd8b\0c", "a\u{fffd}b\u{fffd}");
    }

    #[test]
    fn lines_are_left_alone() {
        for text in [
            "[10/Apr/2024] a\n",
            "{\"a\": 1}\n{\"a\": 2}\n",
            "[{a\n",
            "{\"events\": 3}\n",
            "[error] x\n",
            "",
        ] {
            assert_eq!(
                Form::of(text.as_bytes()) == Form::Lines,
                !text.starts_with("[{"),
                "{text}"
            );
        }
    }
}
