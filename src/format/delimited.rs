//! Lines whose parts stand in a fixed order between fixed delimiters, such as access logs.
//!
//! A layout is written as the line would be, with the parts in braces:
//! `{who} [{time}] "{request}" {status} {}{|} "{}" "{agent}"{tail}`.
//! A part ends where the (first two bytes of the) text after it stand; one in quotes ends at the first quote that no
//! backslash escapes. `{}` is stepped over, `{latency:ms}` has a unit, `{{` is a brace. A part that
//! stands on the line more than once says which place counts first: `{client}` is empty or `-` in the
//! logs of a server without a proxy before it, `{client:1}` stands in for it then, and so on.
//! Three are special:
//! - `{who}`: the head of a CLF line: `[virtual host[:port]] client ident user`;
//! - `{|}`: the line may end here, or go on with the tail;
//! - `{tail}`: what administrators added at the end, which is learned from a file's first lines
//!   ([`Layout::learn`]); `{bare tail}` may not begin with a quote.

mod compile;
mod tail;

use crate::record::{Depth, Reject};
use crate::timestamp::Unit;

use super::counted::Sink;
use super::fields::{Fields, Slot, is_ip, split_once};
use super::keys::Keys;
use super::text::find_near;
use compile::{Token, rank_choices, tokens};
pub(super) use tail::latency_at_end;
use tail::{Seen, Tail};

/// How a kind of line is laid out.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    steps: Vec<Step>,
    /// How many steps lead behind the last part that is counted.
    counted: usize,
    /// Whether all parts that are counted stand as in [`ACCESS`].
    is_access: bool,
    /// Whether one of the steps is the latency.
    has_latency: bool,
    tail: Tail,
}

/// How the counted parts of most access logs are laid out.
const ACCESS: &str = "{who} [{time}] \"{request}\" {status} ";

#[derive(Debug, Clone)]
enum Step {
    /// Text that must stand here.
    Literal(Box<[u8]>),
    Part {
        slot: Option<Slot>,
        unit: Option<Unit>,
        /// Of several places for one part, how many go before this one; `None` if it has one place.
        choice: Option<u8>,
        end: End,
    },
    Who,
    MayEnd,
    Tail {
        bare: bool,
    },
}

/// Where a part ends.
#[derive(Debug, Clone, Copy)]
enum End {
    /// At a quote that isn't escaped.
    Quote,
    /// At this byte, or at the end of the line if that is a space.
    Byte(u8),
    /// Where these two bytes stand together.
    Pair([u8; 2]),
    /// At the end of the line.
    Line,
}

/// What pass 1 does behind the status of an access log's line to find the latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// There is none.
    Nowhere,
    /// It looks at the line's last word.
    Back,
    /// It walks on.
    On,
}

impl Layout {
    /// Compiles a layout; the error says what is wrong with it.
    pub(super) fn new(text: &str) -> Result<Layout, String> {
        let tokens = tokens(text)?;
        let mut steps = Vec::new();
        for (index, token) in tokens.iter().enumerate() {
            steps.push(match token {
                Token::Literal(literal) => Step::Literal(literal.as_bytes().into()),
                Token::Part(part) => {
                    let before = index.checked_sub(1).and_then(|i| tokens.get(i));
                    Step::new(part, before, tokens.get(index + 1))?
                }
            });
        }
        rank_choices(&mut steps)?;
        let is_counted = |step: &Step| match step {
            Step::Part { slot, .. } => slot.is_some_and(Slot::makes_request),
            Step::Who => true,
            _ => false,
        };
        let counted = steps
            .iter()
            .rposition(is_counted)
            .map_or(0, |last| last + 1);
        let ends_with_status = matches!(
            steps[..counted].last(),
            Some(Step::Part {
                slot: Some(Slot::Status),
                ..
            })
        );
        let is_access = ends_with_status && text.starts_with(ACCESS);
        let has_latency = steps.iter().any(|step| {
            matches!(
                step,
                Step::Part {
                    slot: Some(Slot::Latency),
                    ..
                }
            )
        });
        Ok(Layout {
            steps,
            counted,
            is_access,
            has_latency,
            tail: Tail::default(),
        })
    }

    /// Whether what is counted is laid out as in most access logs.
    #[inline]
    pub(super) fn is_access(&self) -> bool {
        self.is_access
    }

    /// The parts of a request that it names; in a tail there may be a latency too.
    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> {
        self.steps.iter().flat_map(|step| match step {
            Step::Part { slot, .. } => slot.iter().copied().collect(),
            Step::Who => vec![Slot::Service, Slot::Client, Slot::User],
            Step::Tail { .. } => self.tail.slots(),
            Step::Literal(_) | Step::MayEnd => Vec::new(),
        })
    }

    /// Where a line that hasn't this layout leaves it: the part that can't be read there, what should
    /// stand on the line, and what stands there instead. `None` if it has the layout.
    pub(super) fn leaves<'a>(&self, line: &'a [u8]) -> Option<Left<'a>> {
        let mut rest = line;
        for (index, step) in self.steps.iter().enumerate() {
            let mut fields = Fields::new(Depth::Full);
            fields.set_strict(true);
            // An optional rest is decided by the text behind it.
            let may_end = index > 0 && matches!(self.steps[index - 1], Step::MayEnd);
            match along(std::slice::from_ref(step), rest, &mut fields) {
                Ok(Walked::On(after)) => rest = after,
                Ok(Walked::Tail(_)) => return None,
                Err(_) if may_end && (rest.is_empty() || rest[0] == b' ') => return None,
                Err(_) => {
                    return Some(Left {
                        part: self.steps[index..].iter().find_map(Step::name),
                        expected: step.needs(self.steps.get(index + 1)),
                        found: rest,
                    });
                }
            }
        }
        (!rest.is_empty()).then_some(Left {
            part: None,
            expected: "the end of the line".to_owned(),
            found: rest,
        })
    }

    /// How pass 1 finds the latency of a line whose status was found.
    #[inline]
    pub(super) fn way_to_latency(&self) -> Way {
        match self.tail.ends_with_latency() {
            Some(true) => Way::Back,
            None if !self.has_latency => Way::Nowhere,
            _ => Way::On,
        }
    }

    /// The latency in what follows the last part that is counted, in µs.
    pub(super) fn latency_behind(&self, rest: &[u8]) -> Option<u64> {
        let mut fields = Fields::new(Depth::Counts);
        let (_, others) = self.steps.split_at(self.counted);
        if let Ok(Walked::Tail(tail)) = along(others, rest.trim_ascii_end(), &mut fields) {
            self.read_tail(tail, &mut fields);
        }
        fields.latency_us()
    }

    /// The parts of the request that stand on the line.
    #[inline]
    pub(super) fn parse<'a>(&self, line: &'a [u8], fields: &mut Fields<'a>) -> Result<(), Reject> {
        let tail = self.walk(line, fields)?;
        self.read_tail(tail, fields);
        Ok(())
    }

    /// Those that are counted.
    #[inline]
    pub(super) fn parse_counted<'a>(
        &self,
        line: &'a [u8],
        fields: &mut impl Sink<'a>,
    ) -> Result<(), Reject> {
        let tail = self.walk(line, fields)?;
        if !tail.is_empty() {
            self.tail.read_latency(tail, fields);
        }
        Ok(())
    }

    #[inline]
    fn read_tail<'a>(&self, tail: &'a [u8], fields: &mut Fields<'a>) {
        match fields.depth() {
            _ if tail.is_empty() => {}
            Depth::Counts => self.tail.read_latency(tail, fields),
            Depth::Full => self.tail.read(tail, fields),
        }
    }

    /// Takes the steps along the line; what is left is the tail.
    ///
    /// Behind the last part that is counted, a line may be cut off or odd: it still tells of its
    /// request. Only who wants to know whether it has this layout asks strictly.
    #[inline]
    fn walk<'a>(&self, line: &'a [u8], fields: &mut impl Sink<'a>) -> Result<&'a [u8], Reject> {
        let (counted, others) = self.steps.split_at(self.counted);
        let rest = match along(counted, line, fields)? {
            Walked::Tail(tail) => return Ok(tail),
            Walked::On(rest) => rest,
        };
        if fields.is_strict() {
            return match along(others, rest, fields)? {
                Walked::On(rest) if !rest.is_empty() => Err(Reject::Unrecognized),
                Walked::On(tail) | Walked::Tail(tail) => Ok(tail),
            };
        }
        if fields.depth() == Depth::Counts && self.way_to_latency() == Way::Nowhere {
            return Ok(b"");
        }
        Ok(match along(others, rest, fields) {
            Ok(Walked::Tail(tail)) => tail,
            // In a broken quote the way is lost, but not the line's end.
            Ok(Walked::On(_)) | Err(_) if self.way_to_latency() == Way::Back => at_end(rest),
            Ok(Walked::On(_)) | Err(_) => b"",
        })
    }

    /// The same layout, knowing what the tails of these lines have.
    pub(super) fn learn<'l>(&self, lines: impl Iterator<Item = &'l [u8]>, keys: &Keys) -> Layout {
        let strictly = |line: &'l [u8]| {
            let mut fields = Fields::new(Depth::Full);
            fields.set_strict(true);
            let tail = self.walk(line, &mut fields).ok()?;
            let size = size_behind(line, fields.value(Slot::Status)?);
            Some(Seen { tail, size })
        };
        let seen: Vec<Seen<'_>> = lines.filter_map(strictly).collect();
        Layout {
            tail: Tail::learn(&seen, !self.has_latency, keys),
            ..self.clone()
        }
    }
}

/// The last word of what follows a status, and the space before it; nothing if that is the size.
fn at_end(rest: &[u8]) -> &[u8] {
    let behind = rest.get(1..).unwrap_or_default();
    memchr::memrchr(b' ', behind).map_or(b"", |space| &behind[space..])
}

/// The number behind a status, which CLF has for the bytes sent.
fn size_behind(line: &[u8], status: &[u8]) -> Option<u64> {
    let status = [b"\" ", status, b" "].concat();
    let rest = &line[memchr::memmem::find(line, &status)? + status.len()..];
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}

/// Where a line leaves the layout.
pub(super) struct Left<'a> {
    /// The next part that has a name.
    pub part: Option<&'static str>,
    pub expected: String,
    pub found: &'a [u8],
}

/// How far some steps led.
enum Walked<'a> {
    /// All were taken; this is left.
    On(&'a [u8]),
    /// The line ended, or went on with its tail, before the last one.
    Tail(&'a [u8]),
}

/// Takes some steps along the line.
#[inline]
fn along<'a>(
    steps: &[Step],
    line: &'a [u8],
    fields: &mut impl Sink<'a>,
) -> Result<Walked<'a>, Reject> {
    let mut rest = line;
    let mut may_end = false;
    let mut steps = steps;
    while let [step, others @ ..] = steps {
        steps = others;
        match step {
            Step::Literal(literal) => match strip_short(rest, literal) {
                Some(after) => rest = after,
                None if may_end && (rest.is_empty() || rest[0] == b' ') => {
                    return Ok(Walked::Tail(rest));
                }
                None if rest.len() < literal.len() && literal.starts_with(rest) => {
                    return Err(Reject::Truncated);
                }
                None => return Err(Reject::Unrecognized),
            },
            Step::Part {
                slot,
                unit,
                choice,
                end,
            } => {
                let len = end.find(rest)?;
                match (slot, choice) {
                    (Some(slot), None) => fields.set(*slot, &rest[..len], *unit),
                    (Some(slot), Some(rank)) => {
                        fields.offer(*slot, *rank, *unit, &rest[..len], false);
                    }
                    (None, _) => {}
                }
                may_end = false;
                // It ends where the one byte of the text behind it stands.
                if let (End::Byte(_), [Step::Literal(literal), others @ ..]) = (end, steps)
                    && literal.len() == 1
                    && let Some(behind) = rest.get(len + 1..)
                {
                    rest = behind;
                    steps = others;
                    continue;
                }
                rest = &rest[len..];
            }
            Step::Who => rest = who(rest, fields)?,
            Step::MayEnd => may_end = true,
            Step::Tail { bare } => {
                let is_tail =
                    rest.is_empty() || rest[0] == b' ' && !(*bare && rest.get(1) == Some(&b'"'));
                return if is_tail {
                    Ok(Walked::Tail(rest))
                } else {
                    Err(Reject::Unrecognized)
                };
            }
        }
    }
    Ok(Walked::On(rest))
}

impl Step {
    fn name(&self) -> Option<&'static str> {
        match self {
            Step::Part { slot, .. } => slot.map(Slot::name),
            Step::Who => Some(Slot::Client.name()),
            _ => None,
        }
    }

    /// What must stand on the line for this step, in words.
    fn needs(&self, next: Option<&Step>) -> String {
        let text = |bytes: &[u8]| match bytes {
            b" " => "a space".to_owned(),
            _ => format!("`{}`", String::from_utf8_lossy(bytes)),
        };
        match (self, next) {
            (Step::Literal(literal), _) => text(literal),
            (Step::Part { .. }, Some(Step::Literal(literal))) => {
                format!("{} behind it", text(literal))
            }
            (Step::Who, _) => "an address and ` [` behind it".to_owned(),
            (Step::Tail { bare: true }, _) => "the end, or a space and no quote".to_owned(),
            (Step::Tail { bare: false }, _) => "the end, or a space".to_owned(),
            _ => "more of the line".to_owned(),
        }
    }
}

impl End {
    /// How long the part is that begins here.
    #[inline(always)]
    fn find(self, rest: &[u8]) -> Result<usize, Reject> {
        match self {
            End::Quote => closing_quote(rest).ok_or(Reject::Truncated),
            End::Byte(b' ') => Ok(find_near(rest, b' ').unwrap_or(rest.len())),
            End::Byte(byte) => find_near(rest, byte).ok_or(Reject::Truncated),
            End::Pair(pair) => find_pair(rest, pair).ok_or(Reject::Truncated),
            End::Line => Ok(rest.len()),
        }
    }
}

#[inline]
fn find_pair(text: &[u8], [one, two]: [u8; 2]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + find_near(text.get(from..)?, one)?;
        if text.get(at + 1) == Some(&two) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// The quote that ends a quoted part: not escaped, and followed by a space or nothing, since some
/// servers don't escape the quotes inside.
#[inline]
fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(b'"', text.get(from..)?)?;
        let is_end = matches!(text.get(at + 1), None | Some(b' '));
        let escaped = at > 0 && text[at - 1] == b'\\' && {
            let backslashes = text[..at].iter().rev().take_while(|&&b| b == b'\\').count();
            backslashes % 2 == 1
        };
        if is_end && !escaped {
            return Some(at);
        }
        from = at + 1;
    }
}

/// `[virtual host[:port]] client ident user`, up to the ` [` of the time.
#[inline]
fn who<'a>(text: &'a [u8], fields: &mut impl Sink<'a>) -> Result<&'a [u8], Reject> {
    // By far the most common head: an address alone.
    let first = find_near(text, b' ').unwrap_or(text.len());
    if text[first..].starts_with(b" - - [") {
        if fields.depth() == Depth::Full {
            fields.set(Slot::Client, behind_logger(&text[..first]), None);
        }
        return Ok(&text[first + 4..]);
    }
    let mut from = 0;
    let open = loop {
        let bracket = text.get(from..).and_then(|rest| memchr::memchr(b'[', rest));
        let at = from + bracket.ok_or(Reject::Unrecognized)?;
        if at > 0 && text[at - 1] == b' ' {
            break at - 1;
        }
        from = at + 1;
    };
    let head = &text[..open];
    let (first, after) = split_once(head, b' ').unwrap_or((head, b""));
    let (first, after) = forwarded(first, after);
    let (client, names) = if is_ip(first) {
        (first, after)
    } else {
        match split_once(after, b' ') {
            // Without an address to tell: a client by its name, unless four words begin with two names.
            Some((second, names)) if is_ip(second) && first.first() == Some(&b'[') => {
                // A program's name, not a host's: `[httpd] 203.0.113.7 - -`.
                (second, names)
            }
            Some((second, names))
                if is_ip(second)
                    || second != b"-" && names.iter().filter(|&&b| b == b' ').count() == 1 =>
            {
                fields.set(Slot::Service, first, None);
                (second, names)
            }
            _ => behind_prefix(head).unwrap_or((first, after)),
        }
    };
    // lighttpd has the virtual host in the ident's place; nobody else has anything there.
    let (ident, user) = split_once(names, b' ').unwrap_or((names, b""));
    if is_ip(client) && ident.contains(&b'.') && !is_ip(ident) {
        fields.set(Slot::Service, ident, None);
    }
    if fields.depth() == Depth::Full {
        fields.set(Slot::Client, client, None);
        if !user.is_empty() {
            fields.set(Slot::User, user, None);
        }
    }
    Ok(&text[open..])
}

/// A logger's own words may stand before the address (`2024-04-10 09:00:00,123 INFO werkzeug: `): the
/// address and the names behind it.
fn behind_prefix(head: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = head;
    loop {
        let (word, after) = split_once(rest, b' ').unwrap_or((rest, b""));
        let word = behind_logger(word);
        if is_ip(word) {
            return Some((word, after));
        }
        if after.is_empty() {
            return None;
        }
        rest = after;
    }
}

/// The address in `INFO:werkzeug:203.0.113.7`, as Python's logging joins a name to what is logged.
fn behind_logger(word: &[u8]) -> &[u8] {
    let address = memchr::memrchr(b':', word).and_then(|at| word.get(at + 1..));
    let begins = word.first().is_some_and(u8::is_ascii_alphabetic);
    address.filter(|bare| begins && is_ip(bare)).unwrap_or(word)
}

/// In front of the client may stand whom it forwards for, in quotes or as a list: the first of them.
fn forwarded<'a>(first: &'a [u8], after: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    let (mut first, mut after, listed) = match first {
        [b'"', inside @ .., b'"'] => (inside, after, false),
        [one @ .., b','] => (one, after, true),
        _ => return (first, after),
    };
    if listed {
        while let Some((next, rest)) = split_once(after, b' ') {
            after = rest;
            if !next.ends_with(b",") {
                break;
            }
        }
    } else if let Some((proxy, names)) = split_once(after, b' ')
        && is_ip(proxy)
    {
        if !is_ip(first) {
            first = proxy;
        }
        after = names;
    }
    (first, after)
}

/// The text behind a literal. Literals have a few bytes, for which a call to memcmp costs more than
/// the compare.
#[inline]
fn strip_short<'a>(text: &'a [u8], literal: &[u8]) -> Option<&'a [u8]> {
    if let [byte] = literal {
        let (first, rest) = text.split_first()?;
        return (first == byte).then_some(rest);
    }
    let (start, rest) = text.split_at_checked(literal.len())?;
    start
        .iter()
        .zip(literal)
        .all(|(a, b)| a == b)
        .then_some(rest)
}
