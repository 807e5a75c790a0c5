//! A layout's text → the steps along a line.

use super::super::fields::Slot;
use super::super::keys::with_unit;
use super::{End, Step};

/// A layout's text, cut at its parts.
pub(super) enum Token<'t> {
    Literal(String),
    Part(&'t str),
}

pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, String> {
    let (mut tokens, mut literal, mut rest) = (Vec::new(), String::new(), text);
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("{{").or(rest.strip_prefix("}}")) {
            literal.push_str(&rest[..1]);
            rest = after;
            continue;
        }
        let part = rest.strip_prefix('{').and_then(|r| r.split_once('}'));
        let (part, after) =
            part.ok_or("a brace that isn't closed; write `{{` or `}}` for a brace")?;
        if !literal.is_empty() {
            tokens.push(Token::Literal(std::mem::take(&mut literal)));
        }
        tokens.push(Token::Part(part));
        rest = after;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        tokens.push(Token::Literal(literal));
    }
    Ok(tokens)
}

/// A part with one place is taken as it is; of one with several, each place has its rank.
pub(super) fn rank_choices(steps: &mut [Step]) -> Result<(), String> {
    for (name, wanted) in Slot::ALL {
        let mut seen = Vec::new();
        let mut places: Vec<&mut Option<u8>> = Vec::new();
        for step in steps.iter_mut() {
            if let Step::Part { slot, choice, .. } = step
                && *slot == Some(wanted)
            {
                seen.push(choice.unwrap_or(0));
                places.push(choice);
            }
        }
        seen.sort_unstable();
        if seen.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(format!(
                "{{{name}}} stands there twice; write `{{{name}:1}}` for the one that counts where the other is empty"
            ));
        }
        let several = places.len() > 1;
        for place in places {
            *place = several.then_some(place.unwrap_or(0));
        }
    }
    Ok(())
}

impl Step {
    pub(super) fn new(
        part: &str,
        before: Option<&Token>,
        after: Option<&Token>,
    ) -> Result<Step, String> {
        let (name, unit) = with_unit(part);
        let (name, choice) = match name.rsplit_once(':') {
            Some((name, digit)) => match digit.parse::<u8>() {
                Ok(choice) if choice < 100 => (name, Some(choice)),
                _ => (name, None),
            },
            None => (name, None),
        };
        let slot = Slot::named(name);
        // These may have spaces in them; whatever else is named is one word.
        let is_word = slot.is_some_and(|slot| {
            !matches!(
                slot,
                Slot::Time | Slot::Request | Slot::Latency | Slot::User | Slot::Agent
            )
        });
        let quoted = matches!(before, Some(Token::Literal(before)) if before.ends_with('"'));
        let end = match after {
            // An optional rest or a tail begins with a space.
            Some(Token::Part(_)) => End::Byte(b' '),
            Some(Token::Literal(literal)) => match *literal.as_bytes() {
                [b'"'] | [b'"', b' ', ..] if quoted => End::Quote,
                [b' ', ..] if is_word => End::Byte(b' '),
                [one, two, ..] => End::Pair([one, two]),
                [one] => End::Byte(one),
                [] => End::Line,
            },
            None => End::Line,
        };
        Ok(match (name, slot) {
            ("who", _) => Step::Who,
            ("|", _) => Step::MayEnd,
            ("tail", _) => Step::Tail { bare: false },
            ("bare tail", _) => Step::Tail { bare: true },
            ("", _) => Step::Part {
                slot: None,
                unit,
                choice,
                end,
            },
            (_, Some(slot)) => Step::Part {
                slot: Some(slot),
                unit,
                choice,
                end,
            },
            _ => {
                return Err(format!(
                    "{{{part}}}: no such part of a request; there are {}, and {{who}}, {{|}}, {{tail}} and {{}}",
                    Slot::ALL.map(|(name, _)| name).join(", ")
                ));
            }
        })
    }
}
