//! What administrators added at the end of an access log's lines, and where in it the latency stands:
//! learned from a file's first lines, since no two are alike.

use crate::timestamp::Unit;

use super::super::fields::{Slot, split_once};
use super::super::keys::{Keys, Meaning};
use super::super::text::latency_us;
use super::closing_quote;

/// Where in the tail the latency stands.
#[derive(Debug, Clone)]
pub(super) enum Tail {
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
    /// It is the line's last word, where that is a latency on its face: a line may end before it.
    Last,
}

impl Tail {
    /// What the tails of a file's first lines show.
    pub(super) fn learned(tails: &[Vec<&[u8]>], keys: &Keys) -> Tail {
        named_latency(tails, keys)
            .or_else(|| bare_latency(tails))
            .unwrap_or(Tail::Unknown)
    }

    /// The latency in a tail, and what a bare number means.
    #[inline]
    pub(super) fn latency<'a>(&self, tail: &'a [u8]) -> Option<(&'a [u8], Option<Unit>)> {
        let (text, unit) = match self {
            Tail::Unknown => return None,
            Tail::Named { name, unit } => {
                (Tokens(tail).find_map(|token| named(token, name))?, unit)
            }
            Tail::At { index, unit } => (Tokens(tail).nth(*index)?, unit),
            Tail::Last => {
                let word = last_word(tail).filter(|word| bare_us(word).is_some())?;
                (word, &Some(Unit::Seconds))
            }
        };
        Some((unquoted(text), *unit))
    }
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
pub(super) fn learned_labels(tails: &[Vec<&[u8]>], keys: &Keys) -> Vec<(Box<[u8]>, Slot)> {
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

/// The labels that a tail has under these names.
pub(super) fn labels<'a>(
    names: &[(Box<[u8]>, Slot)],
    tail: &'a [u8],
) -> impl Iterator<Item = (Slot, &'a [u8])> {
    names.iter().filter_map(move |(name, slot)| {
        let text = Tokens(tail).find_map(|token| named(token, name))?;
        Some((*slot, unquoted(text)))
    })
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
    let unit = Some(Unit::Seconds);
    // At the end of the line it is found without walking there. Not in quotes: these may have spaces.
    let is_last = |index: usize| {
        let ends_there =
            |tail: &Vec<&[u8]>| tail.len() == index + 1 && !tail[index].contains(&b'"');
        tails.iter().all(ends_there)
    };
    longest.map(|(_, index)| match is_last(index) {
        true => Tail::Last,
        false => Tail::At { index, unit },
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
pub(super) struct Tokens<'a>(pub(super) &'a [u8]);

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
