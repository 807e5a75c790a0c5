//! Lines whose parts stand in a fixed order between fixed delimiters, such as access logs.
//!
//! A layout is written as the line would be, with the parts in braces:
//! `{who} [{time}] "{request}" {status} {}{|} "{}" "{agent}"{tail}`.
//! A part ends where the (first two bytes of the) text after it stand; one in quotes ends at the first quote that no
//! backslash escapes. `{}` is stepped over, `{latency:ms}` has a unit. Three are special:
//! - `{who}`: the head of a CLF line: `[virtual host[:port]] client ident user`;
//! - `{|}`: the line may end here, or go on with the tail;
//! - `{tail}`: what administrators added at the end, which is learned from a file's first lines
//!   ([`Layout::learn`]); `{bare tail}` may not begin with a quote.

use crate::record::{Depth, Reject};
use crate::timestamp::Unit;

use super::fields::{Fields, Slot, is_ip, split_once};
use super::keys::{Keys, Meaning, with_unit};
use super::text::{find_near, latency_us};

/// How a kind of line is laid out.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    steps: Vec<Step>,
    /// How many steps lead behind the last part that is counted.
    counted: usize,
    /// Whether all parts that are counted stand as in [`ACCESS`].
    is_access: bool,
    tail: Tail,
    /// What other names in the tail mean: `version=2.4.0 pod=api-7f9c`.
    labels: Vec<(Box<[u8]>, Slot)>,
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

/// Where in the tail the latency stands.
#[derive(Debug, Clone)]
enum Tail {
    Unknown,
    /// In the token `name=…`.
    Named {
        name: Box<[u8]>,
        unit: Option<Unit>,
    },
    /// It is the token at this place.
    At {
        index: usize,
        unit: Option<Unit>,
    },
}

impl Layout {
    /// Compiles a layout; the error says what is wrong with it.
    pub(super) fn new(text: &str) -> Result<Layout, String> {
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let Some((literal, after)) = rest.split_once('{') else {
                steps.push(Step::Literal(rest.as_bytes().into()));
                break;
            };
            if !literal.is_empty() {
                steps.push(Step::Literal(literal.as_bytes().into()));
            }
            let (part, after) = after.split_once('}').ok_or("a brace that isn't closed")?;
            steps.push(Step::new(part, literal, after)?);
            rest = after;
        }
        let is_counted = |step: &Step| match step {
            Step::Part { slot, .. } => slot.is_some_and(Slot::is_counted),
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
        Ok(Layout {
            steps,
            counted,
            is_access,
            tail: Tail::Unknown,
            labels: Vec::new(),
        })
    }

    /// Whether what is counted is laid out as in most access logs.
    #[inline]
    pub(super) fn is_access(&self) -> bool {
        self.is_access
    }

    /// The parts of the request that stand on the line.
    #[inline]
    pub(super) fn parse<'a>(&self, line: &'a [u8], fields: &mut Fields<'a>) -> Result<(), Reject> {
        let tail = self.walk(line, fields)?;
        let latency = match &self.tail {
            Tail::Unknown => None,
            _ if tail.is_empty() || fields.depth() == Depth::Counts => None,
            Tail::Named { name, unit } => Tokens(tail)
                .find_map(|token| named(token, name))
                .map(|text| (text, *unit)),
            Tail::At { index, unit } => Tokens(tail).nth(*index).map(|token| (token, *unit)),
        };
        if let Some((text, unit)) = latency {
            fields.set(Slot::Latency, unquoted(text), unit);
        }
        if fields.depth() == Depth::Full {
            for (name, slot) in &self.labels {
                if let Some(text) = Tokens(tail).find_map(|token| named(token, name)) {
                    fields.set(*slot, unquoted(text), None);
                }
            }
        }
        Ok(())
    }

    /// Takes the steps along the line; what is left is the tail.
    ///
    /// Behind the last part that is counted, a line may be cut off or odd: it still tells of its
    /// request. Only who wants to know whether it has this layout asks strictly.
    #[inline]
    fn walk<'a>(&self, line: &'a [u8], fields: &mut Fields<'a>) -> Result<&'a [u8], Reject> {
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
        if fields.depth() == Depth::Counts {
            return Ok(b"");
        }
        match along(others, rest, fields) {
            Ok(Walked::Tail(tail)) => Ok(tail),
            Ok(Walked::On(_)) | Err(_) => Ok(b""),
        }
    }

    /// The same layout, knowing where the tail of these lines has the latency. It has one where a
    /// name says so (`rt=0.123`), or where every line has, at the same place, a number with a unit
    /// (`12ms`) or with exactly three decimals (nginx's `$request_time`, in seconds; an upstream's
    /// time beside it is the smaller one). Other numbers can mean anything and are left alone. What
    /// else has a name is learned by it: version, host, region, user.
    pub(super) fn learn<'l>(&self, lines: impl Iterator<Item = &'l [u8]>, keys: &Keys) -> Layout {
        let has_latency = |step: &Step| {
            matches!(
                step,
                Step::Part {
                    slot: Some(Slot::Latency),
                    ..
                }
            )
        };
        let strictly = |line| {
            let mut fields = Fields::new(Depth::Full);
            fields.set_strict(true);
            self.walk(line, &mut fields).ok()
        };
        let tails: Vec<Vec<&[u8]>> = lines
            .filter_map(strictly)
            .map(|tail| Tokens(tail).collect())
            .collect();
        let tail = if self.steps.iter().any(has_latency) {
            None
        } else {
            named_latency(&tails, keys).or_else(|| bare_latency(&tails))
        };
        Layout {
            steps: self.steps.clone(),
            counted: self.counted,
            is_access: self.is_access,
            tail: tail.unwrap_or(Tail::Unknown),
            labels: named_labels(&tails, keys),
        }
    }
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
    fields: &mut Fields<'a>,
) -> Result<Walked<'a>, Reject> {
    let mut rest = line;
    let mut may_end = false;
    for step in steps {
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
            Step::Part { slot, unit, end } => {
                let len = end.find(rest)?;
                if let Some(slot) = slot {
                    fields.set(*slot, &rest[..len], *unit);
                }
                rest = &rest[len..];
                may_end = false;
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

/// The best-ranked name of a latency in any of the tails.
fn named_latency(tails: &[Vec<&[u8]>], keys: &Keys) -> Option<Tail> {
    let mut best: Option<(u8, &[u8], Option<Unit>)> = None;
    for token in tails.iter().flatten() {
        let Some((name, value)) = split_once(unquoted(token), b'=') else {
            continue;
        };
        let Some(Meaning::Part {
            slot: Slot::Latency,
            rank,
            unit,
        }) = keys.find_name(name)
        else {
            continue;
        };
        if latency_us(unquoted(value), unit).is_some()
            && best.is_none_or(|(known, ..)| rank < known)
        {
            best = Some((rank, name, unit));
        }
    }
    best.map(|(_, name, unit)| Tail::Named {
        name: name.into(),
        unit,
    })
}

/// For each label the best-ranked name that some tail has for it.
fn named_labels(tails: &[Vec<&[u8]>], keys: &Keys) -> Vec<(Box<[u8]>, Slot)> {
    let mut best: Vec<(Slot, u8, &[u8])> = Vec::new();
    for token in tails.iter().flatten() {
        let Some((name, _)) = split_once(unquoted(token), b'=') else {
            continue;
        };
        let Some(Meaning::Part { slot, rank, .. }) = keys.find_name(name) else {
            continue;
        };
        if !matches!(
            slot,
            Slot::Version | Slot::Host | Slot::Region | Slot::ApiVersion | Slot::User
        ) {
            continue;
        }
        match best.iter_mut().find(|(known, ..)| *known == slot) {
            Some(known) if rank < known.1 => *known = (slot, rank, name),
            Some(_) => {}
            None => best.push((slot, rank, name)),
        }
    }
    best.into_iter()
        .map(|(slot, _, name)| (name.into(), slot))
        .collect()
}

/// The place where every tail has a latency (or `-`), the longest if there are several.
fn bare_latency(tails: &[Vec<&[u8]>]) -> Option<Tail> {
    let places = tails.iter().map(Vec::len).min()?;
    let sum_at = |index: usize| {
        let mut sum = None;
        for tail in tails {
            match unquoted(tail[index]) {
                b"-" => {}
                token => sum = Some(sum.unwrap_or(0u64).saturating_add(bare_us(token)?)),
            }
        }
        sum.map(|sum| (sum, index))
    };
    // Of equal sums the first place.
    let longest = (0..places)
        .filter_map(sum_at)
        .max_by_key(|&(sum, index)| (sum, usize::MAX - index));
    longest.map(|(_, index)| Tail::At {
        index,
        unit: Some(Unit::Seconds),
    })
}

/// `0.123` and `12ms`, but no `12`, `1.5` or `1.2345`.
fn bare_us(token: &[u8]) -> Option<u64> {
    let three_decimals = match token {
        [whole @ .., b'.', a, b, c] => {
            !whole.is_empty() && whole.iter().chain([a, b, c]).all(u8::is_ascii_digit)
        }
        _ => false,
    };
    latency_us(token, three_decimals.then_some(Unit::Seconds))
}

impl Step {
    fn new(part: &str, before: &str, after: &str) -> Result<Step, String> {
        let (name, unit) = with_unit(part);
        let slot = Slot::named(name);
        // These may have spaces in them; whatever else is named is one word.
        let is_word = slot.is_some_and(|slot| {
            !matches!(
                slot,
                Slot::Time | Slot::Request | Slot::Latency | Slot::User | Slot::Agent
            )
        });
        let end = match *after.as_bytes() {
            [b'"', ..] if before.ends_with('"') => End::Quote,
            // An optional rest or a tail begins with a space.
            [b'{', ..] => End::Byte(b' '),
            [b' ', ..] if is_word => End::Byte(b' '),
            [one, two, ..] if two != b'{' => End::Pair([one, two]),
            [one, ..] => End::Byte(one),
            [] => End::Line,
        };
        Ok(match (part, slot) {
            ("who", _) => Step::Who,
            ("|", _) => Step::MayEnd,
            ("tail", _) => Step::Tail { bare: false },
            ("bare tail", _) => Step::Tail { bare: true },
            ("", _) => Step::Part {
                slot: None,
                unit,
                end,
            },
            (_, Some(slot)) => Step::Part {
                slot: Some(slot),
                unit,
                end,
            },
            _ => return Err(format!("{{{part}}}: no such part of a request")),
        })
    }
}

impl End {
    /// How long the part is that begins here.
    #[inline]
    fn find(self, rest: &[u8]) -> Result<usize, Reject> {
        match self {
            End::Quote => closing_quote(rest).ok_or(Reject::Truncated),
            End::Byte(b' ') => Ok(find_near(rest, b' ').unwrap_or(rest.len())),
            End::Byte(byte) => memchr::memchr(byte, rest).ok_or(Reject::Truncated),
            End::Pair(pair) => find_pair(rest, pair).ok_or(Reject::Truncated),
            End::Line => Ok(rest.len()),
        }
    }
}

#[inline]
fn find_pair(text: &[u8], [one, two]: [u8; 2]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(one, text.get(from..)?)?;
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
fn who<'a>(text: &'a [u8], fields: &mut Fields<'a>) -> Result<&'a [u8], Reject> {
    // By far the most common head: an address alone.
    let first = find_near(text, b' ').unwrap_or(text.len());
    if text[first..].starts_with(b" - - [") {
        if fields.depth() == Depth::Full {
            fields.set(Slot::Client, &text[..first], None);
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
    let (client, names) = if is_ip(first) {
        (first, after)
    } else {
        match split_once(after, b' ') {
            // Without an address to tell: a client by its name, unless four words begin with two names.
            Some((second, names))
                if is_ip(second)
                    || second != b"-" && names.iter().filter(|&&b| b == b' ').count() == 1 =>
            {
                fields.set(Slot::Service, first, None);
                (second, names)
            }
            _ => (first, after),
        }
    };
    if fields.depth() == Depth::Full {
        fields.set(Slot::Client, client, None);
        if let Some((_ident, user)) = split_once(names, b' ') {
            fields.set(Slot::User, user, None);
        }
    }
    Ok(&text[open..])
}

/// The text behind a literal. Literals have a few bytes, for which a call to memcmp costs more than
/// the compare.
#[inline]
fn strip_short<'a>(text: &'a [u8], literal: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(literal.len())?;
    start
        .iter()
        .zip(literal)
        .all(|(a, b)| a == b)
        .then_some(rest)
}

/// The value of a token `name=value`, with or without quotes.
#[inline]
fn named<'a>(token: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    unquoted(token).strip_prefix(name)?.strip_prefix(b"=")
}

#[inline]
fn unquoted(token: &[u8]) -> &[u8] {
    match token {
        [b'"', inside @ .., b'"'] => inside,
        _ => token,
    }
}

/// The words of a tail; quoted ones, or those with a quoted value, may have spaces in them.
struct Tokens<'a>(&'a [u8]);

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.0.trim_ascii_start();
        if text.is_empty() {
            return None;
        }
        let word = memchr::memchr(b' ', text).unwrap_or(text.len());
        let len = match memchr::memchr(b'"', &text[..word]) {
            Some(open) => {
                closing_quote(&text[open + 1..]).map_or(text.len(), |inside| open + inside + 2)
            }
            None => word,
        };
        self.0 = &text[len..];
        Some(&text[..len])
    }
}
