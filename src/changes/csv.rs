//! Tables: RFC 4180 with `,`, `;` or tab between the fields.
//!
//! Comes in: text. Goes out: rows of fields, each row with the line it began on. Knows nothing of
//! what the columns mean. A field in double quotes may hold separators, newlines and doubled
//! quotes; a quote inside an unquoted field is taken as it is, as spreadsheets do.

use crate::error::{Error, Result};

/// One row and the line, from 1, on which it began.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) line: usize,
    pub(super) fields: Vec<String>,
}

/// The separator of a table, told by its first line: the one that occurs most outside quotes, the
/// rarer in prose first where they tie. `None` if there is none, for a table of one column.
pub(super) fn separator(first_line: &str) -> Option<char> {
    let mut quoted = false;
    let mut counts = [('\t', 0_usize), (';', 0), (',', 0)];
    for c in first_line.chars() {
        quoted ^= c == '"';
        if let Some((_, count)) = counts.iter_mut().find(|(s, _)| *s == c && !quoted) {
            *count += 1;
        }
    }
    let most = counts
        .iter()
        .map(|(_, count)| *count)
        .max()
        .filter(|most| *most > 0)?;
    counts
        .iter()
        .find(|(_, count)| *count == most)
        .map(|(separator, _)| *separator)
}

/// The rows of a table; blank lines are none.
pub(super) fn rows(text: &str, separator: char) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut row = Row {
        line: 1,
        fields: Vec::new(),
    };
    let mut field = String::new();
    let mut line = 1;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '"' && field.is_empty() {
            quoted_field(&mut chars, &mut field, &mut line)?;
        } else if c == separator {
            row.fields.push(std::mem::take(&mut field));
        } else if c == '\n' || (c == '\r' && chars.peek() == Some(&'\n')) {
            if c == '\r' {
                chars.next();
            }
            line += 1;
            finish(&mut rows, &mut row, &mut field, line);
        } else {
            field.push(c);
        }
    }
    finish(&mut rows, &mut row, &mut field, line);
    Ok(rows)
}

/// Reads to the closing quote; the opening one is already read.
fn quoted_field(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    field: &mut String,
    line: &mut usize,
) -> Result<()> {
    let opened_on = *line;
    while let Some(c) = chars.next() {
        match c {
            '"' if chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => return Ok(()),
            _ => {
                *line += usize::from(c == '\n');
                field.push(c);
            }
        }
    }
    Err(Error::data(format!(
        "line {opened_on}: a quoted field has no closing quote"
    ))
    .hint("a quote inside a quoted field is written twice, as in \"say \"\"hi\"\"\""))
}

fn finish(rows: &mut Vec<Row>, row: &mut Row, field: &mut String, next_line: usize) {
    let is_blank = row.fields.is_empty() && field.trim().is_empty();
    row.fields.push(std::mem::take(field));
    let done = std::mem::replace(
        row,
        Row {
            line: next_line,
            fields: Vec::new(),
        },
    );
    if !is_blank {
        rows.push(done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str, separator: char) -> Vec<Vec<String>> {
        rows(text, separator)
            .unwrap()
            .into_iter()
            .map(|row| row.fields)
            .collect()
    }

    #[test]
    fn quotes_hold_separators_newlines_and_doubled_quotes() {
        let text =
            "at,text\r\n1,\"a, b\"\r\n2,\"say \"\"hi\"\"\"\r\n\r\n3,\"two\nlines\"\n4,5\" disk\n";
        assert_eq!(
            fields(text, ','),
            [
                vec!["at", "text"],
                vec!["1", "a, b"],
                vec!["2", "say \"hi\""],
                vec!["3", "two\nlines"],
                vec!["4", "5\" disk"],
            ]
        );
        let lines: Vec<usize> = rows(text, ',')
            .unwrap()
            .iter()
            .map(|row| row.line)
            .collect();
        assert_eq!(lines, [1, 2, 3, 5, 7]);
    }

    #[test]
    fn the_last_line_needs_no_newline_and_empty_fields_stay() {
        assert_eq!(
            fields("a;b;c\n1;;", ';'),
            [vec!["a", "b", "c"], vec!["1", "", ""]]
        );
        assert_eq!(fields("", ','), Vec::<Vec<String>>::new());
    }

    #[test]
    fn an_open_quote_is_an_error_that_names_its_line() {
        let error = rows("at,text\n1,\"open\n2,x\n", ',').unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2: a quoted field has no closing quote"
        );
    }

    #[test]
    fn the_separator_is_the_most_frequent_outside_quotes() {
        assert_eq!(separator("at,service,version"), Some(','));
        assert_eq!(separator("at;\"a,b,c,d\";version"), Some(';'));
        assert_eq!(separator("at\tservice"), Some('\t'));
        assert_eq!(separator("at"), None);
    }
}
