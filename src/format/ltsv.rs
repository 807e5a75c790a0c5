//! Labeled tab-separated values: `time:… <tab> host:… <tab> req:GET / HTTP/1.1`, a label, a colon and
//! a value, parted by tabs. A value ends at the next tab, whatever else it has in it.
//! <http://ltsv.org/>

use crate::record::Reject;

use super::fields::Fields;
use super::keys::{Keys, Meaning};

/// Takes the parts of a request that a line's labels give.
pub(super) fn parse<'a>(
    keys: &Keys,
    line: &'a [u8],
    fields: &mut Fields<'a>,
) -> Result<(), Reject> {
    let mut labels = 0;
    for field in line.split(|&b| b == b'\t') {
        let Some((label, value)) = labeled(field) else {
            return Err(Reject::Unrecognized);
        };
        labels += 1;
        if let Some(Meaning::Part { slot, rank, unit }) = keys.find_name(label) {
            fields.offer(slot, rank, unit, unquoted(value), false);
        }
    }
    // `12:30 at the office` is no log line.
    if labels < 3 {
        return Err(Reject::Unrecognized);
    }
    Ok(())
}

fn labeled(field: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_label = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    let len = field.iter().take_while(|b| is_label(b)).count();
    match field.split_at_checked(len)? {
        (label, [b':', value @ ..]) if len > 0 => Some((label, value)),
        _ => None,
    }
}

/// Some write the values of headers in quotes, as in a combined log.
fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inside @ .., b'"'] => inside,
        _ => value,
    }
}
