//! What administrators add at the end of an access log's lines: where in it the latency stands, the
//! address that a proxy says it forwards for, and what has a name (version, host, region, user). Learned from a file's first lines, because no line says.
//!
//! A latency is where a name says so (`rt=0.123`), or where every line has, at the same place, a number
//! with a unit (`12ms`) or with three to six decimals (nginx's `$request_time`, Rack, gunicorn, all in
//! seconds; an upstream's time beside it is the smaller one), or where whole numbers can only be
//! microseconds (Apache's `%D`). Other numbers can mean anything and are left alone.

use crate::timestamp::Unit;

use super::super::counted::Sink;
use super::super::fields::{Fields, Slot, address, is_ip, split_once};
use super::super::keys::{Keys, Meaning};
use super::super::text::{find_near, latency_us};
use super::closing_quote;

/// Where in a tail what is wanted stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail {
    latency: Option<Place>,
    client: Option<Place>,
    /// What other names in it mean: `version=2.4.0 pod=api-7f9c`.
    labels: Vec<(Slot, Place)>,
}

#[derive(Debug, Clone)]
enum Place {
    /// In the token `name=…` or `name:…`.
    Named { name: Box<[u8]>, unit: Option<Unit> },
    /// It is the token at this place.
    At { index: usize, unit: Option<Unit> },
    /// It is the second number of the token at this place: `0/123456`, Apache's `%T/%D`.
    Micros { index: usize },
    /// It is the line's last word, where that is a latency on its face: a line may end before it.
    Last,
}

/// Parts that only a name tells.
const LABELS: [Slot; 5] = [
    Slot::Version,
    Slot::Host,
    Slot::Region,
    Slot::ApiVersion,
    Slot::User,
];

/// A line's tail, and the number of bytes that it says were sent.
pub(super) struct Seen<'a> {
    pub tail: &'a [u8],
    pub size: Option<u64>,
}

/// Of so many lines at least whole numbers are judged.
const ENOUGH: usize = 10;
/// Whole numbers of which half are larger than this are microseconds: as milliseconds half of the
/// requests would take five seconds, as seconds more than an hour.
const MICROS: u64 = 5_000;
/// A response's head takes so many bytes at most: a number that is larger than the body's size by less
/// is the whole response's (Apache's `%O`, nginx's `$bytes_sent`).
const HEAD: u64 = 4_096;

impl Tail {
    /// Takes what the tail has. The client is the one that a proxy forwards for, if the one on the
    /// line can only be a proxy; anybody else may forge the header.
    pub(super) fn read<'a>(&self, tail: &'a [u8], fields: &mut Fields<'a>) {
        self.read_latency(tail, fields);
        if let Some((text, _)) = self.client.as_ref().and_then(|place| place.of(tail))
            && address(text).is_some_and(is_ip)
            && fields.value(Slot::Client).is_none_or(is_private)
        {
            fields.set(Slot::Client, text, None);
        }
        for (slot, place) in &self.labels {
            if let Some((text, _)) = place.of(tail) {
                fields.set(*slot, text, None);
            }
        }
    }

    /// Takes the latency alone.
    #[inline]
    pub(super) fn read_latency<'a>(&self, tail: &'a [u8], fields: &mut impl Sink<'a>) {
        if let Some((text, unit)) = self.latency.as_ref().and_then(|place| place.of(tail)) {
            fields.set(Slot::Latency, text, unit);
        }
    }

    /// Whether the latency is the line's last word; `None` if there is no latency.
    #[inline]
    pub(super) fn ends_with_latency(&self) -> Option<bool> {
        let place = self.latency.as_ref()?;
        Some(matches!(place, Place::Last))
    }

    /// The parts of a request that it has.
    pub(super) fn slots(&self) -> Vec<Slot> {
        let latency = self.latency.iter().map(|_| Slot::Latency);
        let client = self.client.iter().map(|_| Slot::Client);
        let labels = self.labels.iter().map(|(slot, _)| *slot);
        latency.chain(client).chain(labels).collect()
    }

    /// Of the lines of one file.
    pub(super) fn learn(seen: &[Seen<'_>], wants_latency: bool, keys: &Keys) -> Tail {
        let tails: Vec<Vec<&[u8]>> = seen
            .iter()
            .map(|seen| Tokens(seen.tail).collect())
            .collect();
        let latency = || {
            named(&tails, keys, Slot::Latency)
                .or_else(|| bare_latency(&tails))
                .or_else(|| twice(&tails))
                .or_else(|| micros(&tails, seen))
        };
        Tail {
            latency: if wants_latency { latency() } else { None },
            client: named(&tails, keys, Slot::Client).or_else(|| forwarded_for(&tails)),
            labels: LABELS
                .into_iter()
                .filter_map(|slot| Some((slot, named(&tails, keys, slot)?)))
                .collect(),
        }
    }
}

impl Place {
    fn of<'a>(&self, tail: &'a [u8]) -> Option<(&'a [u8], Option<Unit>)> {
        let mut tokens = Tokens(tail);
        let (text, unit) = match self {
            Place::Named { name, unit } => {
                let value = plainly_named(tail, name).or_else(|| named_in(tail, name));
                (value?, unit)
            }
            Place::At { index, unit } => (tokens.nth(*index)?, unit),
            Place::Micros { index } => {
                let (_, us) = seconds_and_micros(tokens.nth(*index)?)?;
                (us, &Some(Unit::Micros))
            }
            Place::Last => {
                let word = last_word(tail).filter(|word| bare_us(word).is_some())?;
                (word, &Some(Unit::Seconds))
            }
        };
        Some((unquoted(text), *unit))
    }
}

/// The value of the first token of that name.
fn named_in<'a>(tail: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    Tokens(tail).find_map(|token| {
        let (key, value) = pair(token)?;
        (key == name).then_some(value)
    })
}

/// The number in ` name=0.123`, where only plain words stand before it; `None` says nothing but that the
/// tail is not so plain.
#[inline]
fn plainly_named<'a>(tail: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = tail;
    loop {
        let word = rest.strip_prefix(b" ")?;
        let end = find_near(word, b' ').unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        if let Some(value) = word.strip_prefix(name).and_then(|w| w.strip_prefix(b"=")) {
            let is_number = value.iter().all(|&b| b.is_ascii_digit() || b == b'.');
            return (is_number && !value.is_empty() && !after.starts_with(b" :")).then_some(value);
        }
        // Quotes, lists and other ways to name a value are for `Tokens`.
        if word.is_empty() || word.iter().any(|b| b"\"\\,:".contains(b)) && word != b"\"-\"" {
            return None;
        }
        rest = after;
    }
}

/// The best-ranked name of this part in any of the tails.
fn named(tails: &[Vec<&[u8]>], keys: &Keys, wanted: Slot) -> Option<Place> {
    let mut best: Option<(u8, &[u8], Option<Unit>)> = None;
    for (name, value) in tails.iter().flatten().filter_map(|token| pair(token)) {
        let Some(Meaning::Part { slot, rank, unit }) = keys.find_name(name) else {
            continue;
        };
        let can_be = match wanted {
            Slot::Latency => latency_us(unquoted(value), unit).is_some(),
            Slot::Client => address(unquoted(value)).is_some_and(is_ip),
            _ => true,
        };
        if slot == wanted && can_be && best.is_none_or(|(known, ..)| rank < known) {
            best = Some((rank, name, unit));
        }
    }
    // Apache has whole seconds there (`%T`).
    let in_seconds = |unit| match unit {
        Unit::SecondsOrMillis => Unit::Seconds,
        unit => unit,
    };
    best.map(|(_, name, unit)| Place::Named {
        name: name.into(),
        unit: unit.map(in_seconds),
    })
}

/// The place where every tail has a latency (or `-`), the longest if there are several.
fn bare_latency(tails: &[Vec<&[u8]>]) -> Option<Place> {
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
    let longest = places(tails)
        .filter_map(sum_at)
        .max_by_key(|&(sum, index)| (sum, usize::MAX - index));
    let unit = Some(Unit::Seconds);
    // At the end of the line it is found without walking there. No list, and nothing in quotes: these may have spaces.
    let is_last = |index: usize| {
        let ends_there = |tail: &Vec<&[u8]>| {
            tail.len() == index + 1 && !tail[index].iter().any(|b| b",: \"".contains(b))
        };
        tails.iter().all(ends_there)
    };
    longest.map(|(_, index)| match is_last(index) {
        true => Place::Last,
        false => Place::At { index, unit },
    })
}

/// The latency that a line's last word is on its face, in µs.
pub(in crate::format) fn latency_at_end(line: &[u8]) -> Option<u64> {
    last_word(line.trim_ascii_end()).and_then(bare_us)
}

/// The word that a text ends with, if a space stands before it.
#[inline]
fn last_word(text: &[u8]) -> Option<&[u8]> {
    let space = memchr::memrchr(b' ', text)?;
    text.get(space + 1..)
}

/// `0.123` and `12ms`, but no `12`, `1.5` or `1712739600.123`; several if several upstreams were asked.
fn bare_us(token: &[u8]) -> Option<u64> {
    let is_seconds = |part: &[u8]| {
        let mut halves = part.trim_ascii().splitn(2, |&b| b == b'.');
        let (whole, decimals) = (halves.next().unwrap_or_default(), halves.next());
        (1..=5).contains(&whole.len())
            && whole.iter().all(u8::is_ascii_digit)
            && decimals
                .is_some_and(|d| (3..=6).contains(&d.len()) && d.iter().all(u8::is_ascii_digit))
    };
    let parts = || token.split(|b| matches!(b, b',' | b':'));
    let seconds = parts().all(|part| is_seconds(part) || part.trim_ascii() == b"-")
        && parts().any(is_seconds);
    // A point and no unit: not a latency that says so itself.
    latency_us(token, seconds.then_some(Unit::Seconds))
}

/// The place where every tail has one duration twice, in whole seconds and in microseconds.
fn twice(tails: &[Vec<&[u8]>]) -> Option<Place> {
    let longest_at = |index: usize| {
        let mut longest = 0;
        for tail in tails {
            let (seconds, us) = seconds_and_micros(tail[index])?;
            let (seconds, us) = (whole(seconds)?, whole(us)?);
            if us / 1_000_000 != seconds {
                return None;
            }
            longest = longest.max(us);
        }
        Some(longest)
    };
    // Of two counters of nothing both would be so, too.
    let index = places(tails).find(|&index| longest_at(index).is_some_and(|us| us >= MICROS))?;
    Some(Place::Micros { index })
}

/// `1/1123456` or `**1/1123456**`.
fn seconds_and_micros(token: &[u8]) -> Option<(&[u8], &[u8])> {
    let token = unquoted(token);
    let stars = |token: &[u8]| token.iter().take_while(|&&b| b == b'*').count();
    let token = token.get(stars(token)..)?;
    let end = token.iter().rposition(|&b| b != b'*')? + 1;
    split_once(token.get(..end)?, b'/')
}

fn whole(token: &[u8]) -> Option<u64> {
    std::str::from_utf8(unquoted(token)).ok()?.parse().ok()
}

/// The one place where every tail has a whole number that must be microseconds.
fn micros(tails: &[Vec<&[u8]>], seen: &[Seen<'_>]) -> Option<Place> {
    if tails.len() < ENOUGH {
        return None;
    }
    let numbers_at = |index: usize| -> Option<Vec<u64>> {
        tails.iter().map(|tail| whole(tail[index])).collect()
    };
    let is_micros = |index: &usize| {
        let mut numbers = numbers_at(*index)?;
        let sizes = seen.iter().map(|seen| seen.size.unwrap_or(0));
        let is_size = sizes
            .zip(&numbers)
            .all(|(size, &number)| (size..size.saturating_add(HEAD)).contains(&number));
        numbers.sort_unstable();
        let median = numbers[numbers.len() / 2];
        Some(median >= MICROS && !is_size)
    };
    // The same in whole seconds beside it (Apache's `%T %D`) leaves no doubt.
    let has_seconds = |one: usize, other: usize| {
        let (Some(ones), Some(others)) = (numbers_at(one), numbers_at(other)) else {
            return false;
        };
        let mut pairs = ones.iter().zip(&others);
        others.iter().any(|&s| s > 0) && pairs.all(|(us, s)| us / 1_000_000 == *s)
    };
    let mut numeric = places(tails).filter_map(|index| Some((index, is_micros(&index)?)));
    let index = match (numeric.next(), numeric.next(), numeric.next()) {
        (Some((index, true)), None, _) => index,
        (Some((one, _)), Some((other, _)), None) if has_seconds(one, other) => one,
        (Some((one, _)), Some((other, _)), None) if has_seconds(other, one) => other,
        _ => return None,
    };
    Some(Place::At {
        index,
        unit: Some(Unit::Micros),
    })
}

/// The first place where every tail has addresses or `-`: X-Forwarded-For. An upstream's address has a
/// port.
fn forwarded_for(tails: &[Vec<&[u8]>]) -> Option<Place> {
    let is_list = |token: &[u8]| {
        token.split(|&b| b == b',').all(|one| {
            let one = one.trim_ascii();
            is_ip(one) && address(one) == Some(one)
        })
    };
    let all_at = |index: &usize| {
        let mut tokens = tails.iter().map(|tail| unquoted(tail[*index]));
        tokens.clone().any(is_list)
            && tokens.all(|token| matches!(token, b"-" | b"" | b"unknown") || is_list(token))
    };
    let index = places(tails).find(all_at)?;
    Some(Place::At { index, unit: None })
}

/// The places that every tail has.
fn places(tails: &[Vec<&[u8]>]) -> std::ops::Range<usize> {
    0..tails.iter().map(Vec::len).min().unwrap_or(0)
}

/// Whether an address is one of a network of one's own (RFC 1918, 6598, 4193, 3927, 4291), or none.
fn is_private(client: &[u8]) -> bool {
    let text = address(client).and_then(|bare| std::str::from_utf8(bare).ok());
    let Some(text) = text else { return true };
    match text.parse::<std::net::IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(std::net::IpAddr::V4(ip)) => {
            let [a, b, ..] = ip.octets();
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || a == 100 && b & 0xc0 == 64
        }
        Ok(std::net::IpAddr::V6(ip)) => {
            ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()
        }
        // nginx behind a socket.
        Err(_) => text == "unix",
    }
}

/// A token `name=value` or `name:value`, in quotes or with its value in quotes.
#[inline]
fn pair(token: &[u8]) -> Option<(&[u8], &[u8])> {
    let token = unquoted(token);
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let len = token.iter().take_while(|b| is_name(b)).count();
    match &token[len..] {
        [b'=' | b':', value @ ..] if len > 0 => Some((&token[..len], unquoted(value))),
        _ => None,
    }
}

#[inline]
fn unquoted(token: &[u8]) -> &[u8] {
    match token {
        [b'"', inside @ .., b'"'] => inside,
        _ => token,
    }
}

/// The words of a tail; quoted ones, or those with a quoted value, may have spaces in them, and a list
/// goes on after a comma or a colon (`0.100, 0.020`, `10.0.0.1:80 : 10.0.0.2:80`).
struct Tokens<'a>(&'a [u8]);

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.0.trim_ascii_start();
        if text.is_empty() {
            return None;
        }
        let mut len = word(text);
        loop {
            let (token, rest) = text.split_at(len);
            let next = match rest {
                [b' ', b':', b' ', ..] => 3,
                [b' ', ..] if token.ends_with(b",") => 1,
                _ => break,
            };
            len += next + word(&rest[next..]);
        }
        self.0 = &text[len..];
        Some(&text[..len])
    }
}

/// How long the word is that begins here.
fn word(text: &[u8]) -> usize {
    let word = memchr::memchr(b' ', text).unwrap_or(text.len());
    match memchr::memchr(b'"', &text[..word]) {
        Some(open) => {
            closing_quote(&text[open + 1..]).map_or(text.len(), |inside| open + inside + 2)
        }
        None => word,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_among_plain_words_is_found_without_a_closer_look() {
        for (tail, plain) in [
            (" rt=0.053", Some("0.053")),
            (" rt=0.053 uct=0.001", Some("0.053")),
            (" \"-\" uct=0.001 rt=12 x", Some("12")),
            (" rt=\"0.053\"", None),
            (" rt=0.053, 0.1", None),
            (" rt=0.053 : 0.1", None),
            (" \"a rt=0.1\" rt=0.2", None),
            (" x, rt=0.2", None),
            (" start=1", None),
            (" rt=", None),
            ("", None),
        ] {
            let found = plainly_named(tail.as_bytes(), b"rt");
            assert_eq!(found, plain.map(str::as_bytes), "{tail}");
        }
    }

    proptest! {
        #[test]
        fn what_is_found_at_once_is_what_the_tokens_have(
            words in prop::collection::vec("(rt|uct|\"rt|\"|x|-|,|:|\\\\|)[=:,]{0,1}[0-9.]{0,4}[\",: ]{0,2}", 0..6),
        ) {
            let tail = format!(" {}", words.join(" "));
            if let Some(value) = plainly_named(tail.as_bytes(), b"rt") {
                prop_assert_eq!(Some(value), named_in(tail.as_bytes(), b"rt"), "{}", tail);
            }
        }
    }
}
