//! Tables whose cells hold log lines → one JSON object a row, as the text streams by.
//!
//! The consoles of log stores export so: a column with the time, perhaps the host and the service, and one with
//! the line itself, quoted as RFC 4180 has it, its line ends within. A row becomes an object of its columns, which
//! is what the same stores give as JSON. Each row stays at the number that its first line has in the file: empty
//! lines stand for the header and for the further lines of a cell. Tables that have a column with a status are
//! requests themselves, and stay as they are.

use super::form::Convert;

/// What the column with the lines is called: by CloudWatch, Datadog, Kibana, Splunk, Google Cloud, Loki.
const LINES: [&[u8]; 8] = [
    b"message",
    b"@message",
    b"_raw",
    b"line",
    b"log",
    b"textpayload",
    b"jsonpayload.message",
    b"event.original",
];
/// What the column with their times is called.
const TIMES: [&[u8]; 8] = [
    b"timestamp",
    b"@timestamp",
    b"_time",
    b"time",
    b"date",
    b"datetime",
    b"ts",
    b"receivetimestamp",
];
/// Columns of requests: a status by other names, and what is asked.
const REQUESTS: [&[u8]; 6] = [b"response", b"resp", b"rc", b"result", b"method", b"verb"];
/// Delimiters, the likeliest first.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];
/// A row longer than this is none: most likely a quote isn't closed.
const LONGEST: usize = 1 << 20;

/// What delimits the cells of a text that begins as such a table does.
pub(super) fn delimiter(head: &[u8]) -> Option<u8> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let line = head.split(|&b| b == b'\n').next()?.trim_ascii();
    let has_lines = |delimiter: &u8| {
        let names = line.split(|b| b == delimiter).map(bare);
        let names: Vec<Vec<u8>> = names.map(<[u8]>::to_ascii_lowercase).collect();
        let any = |known: &[&[u8]]| names.iter().any(|name| known.contains(&&**name));
        let is_status = |name: &Vec<u8>| {
            [&b"status"[..], b"code"]
                .iter()
                .any(|end| name.ends_with(end))
        };
        any(&LINES) && any(&TIMES) && !any(&REQUESTS) && !names.iter().any(is_status)
    };
    DELIMITERS.into_iter().find(has_lines)
}

fn bare(name: &[u8]) -> &[u8] {
    let name = name.trim_ascii();
    let inside = name.strip_prefix(b"\"").and_then(|n| n.strip_suffix(b"\""));
    inside.unwrap_or(name)
}

/// Rows → JSON objects.
#[derive(Debug)]
pub(super) struct Rows {
    delimiter: u8,
    /// What the columns are called; none before the header.
    names: Vec<Vec<u8>>,
    /// The row as it stands so far, and its cells.
    row: Vec<u8>,
    cells: Vec<Vec<u8>>,
    cell: Vec<u8>,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Where a cell begins.
    Begin,
    Bare,
    Quoted,
    /// Behind a quote in quotes: another makes it one of the cell's, else the quotes are closed.
    Quote,
    /// In the rest of a line that is given as it stands.
    Lost,
}

impl Convert for Rows {
    fn take(&mut self, text: &[u8], out: &mut Vec<u8>) {
        for &b in text {
            self.byte(b, out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.place == Place::Quoted {
            self.give_up(out);
        } else if !self.row.is_empty() {
            self.finish(out);
        }
    }
}

impl Rows {
    pub(super) fn new(delimiter: u8) -> Rows {
        Rows {
            delimiter,
            names: Vec::new(),
            row: Vec::new(),
            cells: Vec::new(),
            cell: Vec::new(),
            place: Place::Begin,
        }
    }

    fn byte(&mut self, b: u8, out: &mut Vec<u8>) {
        self.place = match (self.place, b) {
            (Place::Lost, _) => {
                out.push(b);
                if b == b'\n' {
                    self.place = Place::Begin;
                }
                return;
            }
            (Place::Begin, b'"') => Place::Quoted,
            (Place::Quoted, b'"') => Place::Quote,
            (Place::Quote, b'"') => {
                self.cell.push(b);
                Place::Quoted
            }
            (Place::Quoted, _) => {
                self.cell.push(b);
                Place::Quoted
            }
            (_, b'\n') => return self.finish(out),
            (_, _) if b == self.delimiter => {
                self.cells.push(std::mem::take(&mut self.cell));
                Place::Begin
            }
            _ => {
                self.cell.push(b);
                Place::Bare
            }
        };
        self.row.push(b);
        if self.row.len() >= LONGEST {
            self.give_up(out);
            self.place = Place::Lost;
        }
    }

    /// The row has ended.
    fn finish(&mut self, out: &mut Vec<u8>) {
        // Behind a closed quote, or of a bare cell.
        if self.place == Place::Bare && self.cell.ends_with(b"\r") {
            self.cell.pop();
        }
        self.cells.push(std::mem::take(&mut self.cell));
        let is_header = self.names.is_empty() || self.cells == self.names;
        if self.names.is_empty() {
            self.names.clone_from(&self.cells);
            if let Some(first) = self.names.first_mut()
                && let Some(bare) = first.strip_prefix(b"\xef\xbb\xbf")
            {
                *first = self::bare(bare).to_vec();
            }
        }
        if !is_header {
            self.put(out);
        }
        let further = memchr::memchr_iter(b'\n', &self.row).count();
        out.extend(std::iter::repeat_n(b'\n', 1 + further));
        self.clear();
    }

    /// Puts the cells that have something in them out as an object.
    fn put(&mut self, out: &mut Vec<u8>) {
        // Where its line stands last, the commas in it may be bare.
        if self.cells.len() > self.names.len() {
            let more = self.cells.split_off(self.names.len());
            if let Some(last) = self.cells.last_mut() {
                for cell in more {
                    last.push(self.delimiter);
                    last.extend_from_slice(&cell);
                }
            }
        }
        let mut separator = b'{';
        for (name, cell) in self.names.iter().zip(&self.cells) {
            if !cell.is_empty() {
                out.push(separator);
                separator = b',';
                put_string(name, out);
                out.push(b':');
                put_string(cell, out);
            }
        }
        if separator == b',' {
            out.push(b'}');
        }
    }

    /// What a quote that isn't closed has swallowed are lines as they stand.
    fn give_up(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.row);
        self.clear();
    }

    fn clear(&mut self) {
        self.row.clear();
        self.cells.clear();
        self.cell.clear();
        self.place = Place::Begin;
    }
}

/// Writes a JSON string (RFC 8259, 7); bytes that are no UTF-8 stay.
fn put_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &b in text {
        match b {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', b]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => out.extend_from_slice(format!("\\u{b:04x}").as_bytes()),
            _ => out.push(b),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::form::Form;
    use super::super::form::tests::{lines_of, same_in_any_pieces};
    use super::*;

    #[test]
    fn a_row_is_an_object_at_the_number_that_it_has_in_the_file() {
        same_in_any_pieces(
            b"Date,Host,Message\r\n2024-04-10T09:00:00Z,web-1,\"GET /a?q=\"\"1\"\" 500\"\r\n2024-04-10T09:00:01Z,,\"two\nlines\"\nx,y,\"z\"\n",
            concat!(
                "\n",
                r#"{"Date":"2024-04-10T09:00:00Z","Host":"web-1","Message":"GET /a?q=\"1\" 500"}"#,
                "\n",
                r#"{"Date":"2024-04-10T09:00:01Z","Message":"two\nlines"}"#,
                "\n\n",
                r#"{"Date":"x","Host":"y","Message":"z"}"#,
                "\n",
            ),
        );
    }

    #[test]
    fn the_header_may_be_quoted_marked_and_come_again_and_commas_of_the_last_cell_bare() {
        same_in_any_pieces(
            b"\xef\xbb\xbf\"@timestamp\";\"@message\"\n1;a;b\n@timestamp;@message\n2;c\\\n",
            concat!(
                "\n",
                r#"{"@timestamp":"1","@message":"a;b"}"#,
                "\n\n",
                r#"{"@timestamp":"2","@message":"c\\"}"#,
                "\n",
            ),
        );
    }

    #[test]
    fn what_an_open_quote_has_swallowed_is_given_back_as_it_stands() {
        same_in_any_pieces(
            b"time,message\n1,a\n2,\"b\n3,c\n",
            "\n{\"time\":\"1\",\"message\":\"a\"}\n2,\"b\n3,c\n",
        );
        let swallowed = "3,c\n".repeat(LONGEST / 4);
        let text = format!("time,message\n2,\"b\n{swallowed}4,\"d\"\n");
        let lines = lines_of(text.as_bytes(), 4096);
        assert!(lines.ends_with("{\"time\":\"4\",\"message\":\"d\"}\n"));
        assert_eq!(lines.lines().count(), text.lines().count());
        // No line is held that is too long to be one.
        let long = format!("time,message\n1,{}\n2,b\n", "x".repeat(3 * LONGEST));
        let lines = lines_of(long.as_bytes(), 4096);
        assert_eq!(lines.lines().nth(1), long.lines().nth(1));
        assert_eq!(
            lines.lines().last(),
            Some("{\"time\":\"2\",\"message\":\"b\"}")
        );
    }

    #[test]
    fn only_tables_of_lines_are_such() {
        for (head, delimiter) in [
            ("_time,_raw,host\n", Some(b',')),
            ("\"Date\";\"Message\"\n", Some(b';')),
            ("timestamp\tseverity\ttextPayload", Some(b'\t')),
            // Requests themselves, changes, lines of other kinds.
            ("timestamp,method,path,status,message\n", None),
            ("@timestamp,http.response.status_code,message\n", None),
            ("time,verb,url,rc,message\n", None),
            ("time,service,version\n", None),
            ("message\n", None),
            ("2024-04-10 09:00:00,081 INFO message, time\n", None),
        ] {
            assert_eq!(self::delimiter(head.as_bytes()), delimiter, "{head}");
            let is_table = matches!(Form::of(head.as_bytes()), Form::Table { .. });
            assert_eq!(is_table, delimiter.is_some(), "{head}");
        }
    }

    proptest! {
        /// Whatever the cells hold, a reader of JSON finds it in the objects.
        #[test]
        fn each_cell_is_found_again(cells in prop::collection::vec("[a-z\",;\n\r\t\\\\\u{e9}\u{1}]{0,12}", 0..40)) {
            let mut text = String::from("time,message\n");
            for (number, cell) in cells.iter().enumerate() {
                text.push_str(&format!("{number},\"{}\"\n", cell.replace('"', "\"\"")));
            }
            let lines = lines_of(text.as_bytes(), 7);
            let objects: Vec<serde_json::Value> = lines
                .lines()
                .filter(|line| !line.is_empty())
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
            prop_assert_eq!(objects.len(), cells.len());
            for (number, (object, cell)) in objects.iter().zip(&cells).enumerate() {
                let message = object.get("message").map_or("", |text| text.as_str().unwrap());
                prop_assert_eq!(&object["time"], &number.to_string());
                prop_assert_eq!(message, cell);
            }
            prop_assert_eq!(lines.lines().count(), text.split_inclusive('\n').count());
        }
    }
}
