//! What was tried on a file's first lines, and how far each format came: the long answer to "which
//! format is this file, and why not another?".
//!
//! Made of the same parsers as detection, one line at a time, with everything kept that detection
//! throws away: the first field of a line that could not be read, what was expected in its place and
//! what stands there. Slow, and only for showing.

use std::sync::Arc;

use crate::record::{Depth, Reject};
use crate::timestamp::Clock;

use super::envelope;
use super::fields::Fields;
use super::registry::{self, Registry};
use super::sample::fields_of;
use super::{Format, Scratch, Shape, join, mixed, trimmed};

/// What was found out about a file's first lines.
#[derive(Debug)]
pub struct Explanation {
    /// Lines looked at; blank ones are not.
    pub lines: usize,
    /// What is around the lines, as it was tried: the names from the outside in, and the number
    /// of lines that have it.
    pub envelopes: Vec<(Vec<&'static str>, usize)>,
    /// Which of them was taken off; empty if none.
    pub taken_off: Vec<&'static str>,
    /// The format that reads the file.
    pub chosen: Arc<Format>,
    /// Why this one.
    pub reason: Reason,
    /// Every format that was tried, in the chosen envelope; the closest first.
    pub tried: Vec<Trial>,
    /// The first line that is a request, and what is read of it.
    pub request: Option<Request>,
    /// The keys at the top of the first line, if it is a JSON object.
    pub keys: Vec<String>,
}

/// Why a format was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The user named it.
    Named,
    /// It reads most lines.
    MostRequests,
    /// Others read as many, and it is more specific than they.
    MoreSpecific,
    /// No format reads a request; it has the shape of most lines.
    Shape,
    /// No format has anything in common with the lines.
    Nothing,
}

/// A format on these lines.
#[derive(Debug)]
pub struct Trial {
    /// The format.
    pub format: Arc<Format>,
    /// Lines that it reads as requests.
    pub requests: usize,
    /// Of time, request and status, those that the line which came closest has.
    pub has: [bool; 3],
    /// What the lines failed at, most lines first.
    pub failures: Vec<Failure>,
}

/// Lines that a format failed at in the same field.
#[derive(Debug)]
pub struct Failure {
    /// The first field that could not be read.
    pub field: &'static str,
    /// Why the lines are no requests; `None` where they are read all the same, since what is odd about
    /// them stands behind all that is counted.
    pub reject: Option<Reject>,
    /// What should have stood there.
    pub expected: String,
    /// What stands there on the first of the lines.
    pub found: Option<Vec<u8>>,
    /// How many lines.
    pub lines: usize,
    /// Number of the first of them in the file, from 1.
    pub line: usize,
    /// Its text.
    pub text: Vec<u8>,
}

/// A line that is a request.
#[derive(Debug)]
pub struct Request {
    /// Its number in the file, from 1.
    pub line: usize,
    /// Its text.
    pub text: Vec<u8>,
    /// What is read of it.
    pub fields: Vec<(&'static str, Option<String>)>,
}

/// A line with its number.
type Numbered<'l> = (usize, &'l [u8]);

impl Registry {
    /// Explains what is made of a file by those of its lines that tell its format ([`Registry::detect`]), the first
    /// of which has this number. With `named`, the format that the user named is tried alone.
    pub fn explain(
        &self,
        text: &[u8],
        first: usize,
        named: Option<&Arc<Format>>,
        clock: &Clock,
    ) -> Explanation {
        let head = &*mixed::without_colours(text);
        let mut numbered = registry::numbered_head_lines(head);
        for (number, _) in &mut numbered {
            *number += first - 1;
        }
        let (_, lines) = join::joined(&numbered);
        let bare = registry::bare(&lines);
        let lines: Vec<Numbered<'_>> = lines.iter().map(|(n, line)| (*n, &**line)).collect();
        let chosen = match named {
            Some(format) => Registry::learn(format, head, clock),
            None => self.detect(head, &[], clock).format,
        };
        let chain = chosen.wrapped_in;
        let candidates: Vec<Arc<Format>> = match named {
            Some(_) => vec![Arc::clone(&chosen)],
            None => {
                let others = self.formats().iter().map(|format| {
                    if format.name == chosen.name {
                        Arc::clone(&chosen)
                    } else {
                        Arc::new(format.wrapped(chain)).learned(bare.iter().copied())
                    }
                });
                others.collect()
            }
        };
        let mut tried: Vec<Trial> = candidates
            .into_iter()
            .map(|format| trial(format, &lines, clock, named.is_some()))
            .collect();
        tried.sort_by_key(|trial| std::cmp::Reverse((trial.requests, trial.score())));
        let envelopes = envelope::CHAINS.iter().map(|chain| {
            (
                envelope::names(chain),
                registry::wrapped_lines(chain, &bare),
            )
        });
        Explanation {
            lines: lines.len(),
            envelopes: envelopes.filter(|(_, lines)| *lines > 0).collect(),
            taken_off: envelope::names(chain),
            reason: reason(named.is_some(), &chosen, &tried),
            request: request(&chosen, &lines, clock),
            keys: bare.first().map_or_else(Vec::new, |line| keys(line)),
            chosen,
            tried,
        }
    }
}

fn reason(named: bool, chosen: &Format, tried: &[Trial]) -> Reason {
    let requests = |of_chosen: bool| {
        let of = tried
            .iter()
            .filter(|trial| (trial.format.name == chosen.name) == of_chosen);
        of.map(|trial| trial.requests).max().unwrap_or(0)
    };
    let (own, others) = (requests(true), requests(false));
    let close = tried.iter().any(|trial| trial.has.contains(&true));
    match (own, others) {
        _ if named => Reason::Named,
        (0, _) if chosen.is_plain() && !close => Reason::Nothing,
        (0, _) => Reason::Shape,
        (own, others) if own > others => Reason::MostRequests,
        _ => Reason::MoreSpecific,
    }
}

impl Trial {
    /// How close its best line came.
    fn score(&self) -> usize {
        self.has.iter().filter(|has| **has).count()
    }
}

/// Reads the lines as detection does: strictly. A format that was `named` reads what it can, and is
/// shown so.
fn trial(format: Arc<Format>, lines: &[Numbered], clock: &Clock, named: bool) -> Trial {
    let mut clock = clock.fresh();
    let mut current = Arc::clone(&format);
    let (mut requests, mut has) = (0, [false; 3]);
    let mut failures: Vec<Failure> = Vec::new();
    for &(number, line) in lines {
        let probe = current.probe(line, &mut clock);
        if probe.has.iter().filter(|h| **h).count() > has.iter().filter(|h| **h).count() {
            has = probe.has;
        }
        let Some(fault) = probe.fault else {
            requests += 1;
            continue;
        };
        if fault.reject == Reject::Comment {
            current = current.header(line).unwrap_or(current);
        }
        let read_anyway = named && {
            let mut scratch = Scratch::default();
            let read = current.parse(line, &mut clock, &mut scratch, Depth::Full);
            read.is_ok()
        };
        requests += usize::from(read_anyway);
        let same = |known: &&mut Failure| {
            known.field == fault.field && known.reject.is_none() == read_anyway
        };
        match failures.iter_mut().find(same) {
            Some(known) => known.lines += 1,
            None => failures.push(Failure {
                field: fault.field,
                reject: (!read_anyway).then_some(fault.reject),
                expected: fault.expected,
                found: fault.found,
                lines: 1,
                line: number,
                text: line.to_vec(),
            }),
        }
    }
    failures.sort_by_key(|failure| std::cmp::Reverse(failure.lines));
    Trial {
        format,
        requests,
        has,
        failures,
    }
}

fn request(format: &Arc<Format>, lines: &[Numbered], clock: &Clock) -> Option<Request> {
    let mut clock = clock.fresh();
    let mut format = Arc::clone(format);
    for &(number, line) in lines {
        let mut scratch = Scratch::default();
        let read = format.parse(line, &mut clock, &mut scratch, Depth::Full);
        match read.map(|record| fields_of(&record)) {
            Ok(fields) => {
                return Some(Request {
                    line: number,
                    text: line.to_vec(),
                    fields,
                });
            }
            Err(Reject::Comment) => format = format.header(line).unwrap_or(format),
            Err(_) => {}
        }
    }
    None
}

/// The keys at the top of a JSON object, in its order as far as serde_json keeps one.
fn keys(line: &[u8]) -> Vec<String> {
    match serde_json::from_slice(trimmed(line)) {
        Ok(serde_json::Value::Object(members)) => members.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

/// How far a format comes on one line.
struct Probe {
    has: [bool; 3],
    /// `None` if the line is a request.
    fault: Option<Fault>,
}

struct Fault {
    field: &'static str,
    reject: Reject,
    expected: String,
    found: Option<Vec<u8>>,
}

impl Fault {
    fn new(field: &'static str, reject: Reject, expected: impl Into<String>) -> Fault {
        Fault {
            field,
            reject,
            expected: expected.into(),
            found: None,
        }
    }

    fn found(self, text: Option<&[u8]>) -> Fault {
        Fault {
            found: text.map(<[u8]>::to_vec),
            ..self
        }
    }
}

impl Format {
    fn is_plain(&self) -> bool {
        matches!(self.shape, Shape::Plain)
    }

    /// Reads a line as detection does and says what is wrong with it.
    fn probe(&self, line: &[u8], clock: &mut Clock) -> Probe {
        let mut scratch = Scratch::default();
        let reject = self.parse_strictly(line, clock, &mut scratch).err();
        let Some(reject) = reject else {
            return Probe {
                has: [true; 3],
                fault: None,
            };
        };
        let mut outer = envelope::Memory::default();
        let mut fields = Fields::new(Depth::Full);
        fields.set_strict(true);
        let Ok(inner) = self.unwrap(trimmed(line), &mut fields, &mut outer) else {
            let around = envelope::names(self.wrapped_in).join(", ");
            return Probe {
                has: [false; 3],
                fault: Some(Fault::new("envelope", reject, around).found(Some(line))),
            };
        };
        let mut text = Vec::new();
        let shaped = match self.shape {
            Shape::Plain => Err(reject),
            _ => self.parts(inner, &mut fields, &mut text, &mut scratch.lines, clock),
        };
        if matches!(reject, Reject::Comment | Reject::TooLong) {
            return Probe {
                has: [false; 3],
                fault: Some(Fault::new("line", reject, "a line of the log")),
            };
        }
        if shaped != Ok(true) {
            let has = fields.essentials(clock).map(|part| part.is_good);
            return Probe {
                has,
                fault: Some(self.misshapen(inner, reject)),
            };
        }
        let _ = fields.record(clock, &mut text);
        let essentials = fields.essentials(clock);
        let has = essentials.map(|part| part.is_good);
        // In the order of the line's own verdict, which is told of the request first.
        let at_fault = match reject {
            Reject::NoStatus => Some(2),
            Reject::EmptyRequest | Reject::NotHttp => Some(1),
            Reject::BadTime => Some(0),
            _ => essentials.iter().position(|part| !part.is_good),
        };
        let fault = match at_fault.and_then(|index| essentials.get(index)) {
            Some(part) => {
                let expected = match part.name {
                    "time" => "a time",
                    "status" => "three digits from 100",
                    _ => "a method and a path",
                };
                Fault::new(part.name, reject, expected).found(part.text)
            }
            None => {
                let mark = self.mark.as_ref().map_or(&b""[..], |mark| mark.needle());
                let expected = format!("`{}` on the line", String::from_utf8_lossy(mark));
                Fault::new("mark", reject, expected)
            }
        };
        Probe {
            has,
            fault: Some(fault),
        }
    }

    /// Why a line hasn't the shape at all.
    fn misshapen(&self, line: &[u8], reject: Reject) -> Fault {
        let fault = |expected: &str| Fault::new("shape", reject, expected).found(Some(line));
        match &self.shape {
            Shape::Delimited(layout) => match layout.leaves(line) {
                Some(left) => Fault::new(left.part.unwrap_or("end"), reject, left.expected)
                    .found(Some(left.found)),
                None => fault("the layout"),
            },
            Shape::Json => fault("a JSON object"),
            Shape::Logfmt => fault("pairs, `key=value`"),
            Shape::Ltsv => fault("labels and values, `key:value`, parted by tabs"),
            Shape::W3c(_) => fault("the columns of a `#Fields:` line above"),
            Shape::Csv(table) if table.is_known() => fault("as many cells as there are columns"),
            Shape::Csv(_) => fault("a header line with the columns' names above"),
            Shape::Pattern(_) => fault("a match of the regular expression"),
            Shape::Prose(_) => fault("a method, a target behind it and a status"),
            Shape::Plain => fault("never a request"),
        }
    }

    /// The parts of a request that its lines may give, in the order of `Slot::ALL`.
    pub fn fields(&self) -> Vec<&'static str> {
        let part = |meaning| match meaning {
            super::keys::Meaning::Part { slot, .. } => Some(slot),
            super::keys::Meaning::Wrapper => None,
        };
        let slots: Vec<_> = match &self.shape {
            Shape::Delimited(layout) => layout.slots().collect(),
            Shape::Json | Shape::Logfmt | Shape::Ltsv => {
                self.keys.meanings().filter_map(part).collect()
            }
            Shape::W3c(columns) if columns.slots().next().is_some() => columns.slots().collect(),
            Shape::Csv(table) if table.is_known() => table.slots().collect(),
            Shape::W3c(_) | Shape::Csv(_) => self.keys.meanings().filter_map(part).collect(),
            Shape::Pattern(pattern) => pattern.meanings().filter_map(part).collect(),
            Shape::Prose(_) => super::prose::SLOTS.to_vec(),
            Shape::Plain => Vec::new(),
        };
        super::fields::Slot::ALL
            .iter()
            .filter(|(_, slot)| slots.contains(slot))
            .map(|(name, _)| *name)
            .collect()
    }
}
