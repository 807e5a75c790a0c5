//! Error messages: which came up with the incident, and what they say of a change.
//!
//! Comes in: templates of what applications wrote about their errors, with their minutes. A template
//! is new if the service was listened to for a while before the onset without it, and surging if it
//! comes far more often since; either must be more than chance. A new one speaks for the changes of
//! its service that it came after, but not where it tells of something that was called and did not
//! answer: that is a sign of a dependency. A message that was as common before a change as after it
//! speaks against it.

use super::constants::{
    MESSAGE_CHANCE, MESSAGE_COMMON, MESSAGE_LEAST, MESSAGE_NATS, MESSAGE_PAST_US, MESSAGE_SURGE,
    MESSAGE_WEIGHT, STACK_NATS,
};
use super::lag::Rollout;
use super::{Case, Contribution, EvidenceKind, phrase};
use crate::changes::Change;
use crate::stats::beta_cdf;
use crate::zoom::Signature;

/// An error message and how often it came before and during an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its place among the signatures of the context.
    pub index: usize,
    /// Lines before the onset, in the time that was listened to.
    pub before: u64,
    /// Lines from the onset to the end.
    pub during: u64,
    /// Whether it came up with the incident.
    pub novel: bool,
    /// Whether it comes far more often since; also where it is novel.
    pub surging: bool,
}

/// What a called service that does not answer makes its callers write.
const OUT_OF_REACH: [&str; 14] = [
    "refused",
    "timed out",
    "timeout",
    "time-out",
    "unreachable",
    "unavailable",
    "no route to host",
    "connection reset",
    "broken pipe",
    "deadline exceeded",
    "no such host",
    "name resolution",
    "circuit",
    "too many connections",
];

/// From the onset to the end, µs.
fn span(case: &Case<'_>) -> (i64, i64) {
    let moments = &case.moments;
    let from_us = moments
        .onset
        .map_or(moments.first_failure_us, |onset| onset.low_us);
    let to_us = moments
        .end
        .map_or(case.context.log_to_us, |end| end.high_us);
    (from_us, to_us.max(from_us).saturating_add(MINUTE_US))
}

const MINUTE_US: i64 = 60_000_000;

/// Since when a service was heard before this incident, µs.
fn heard_since(service: &[u8], from_us: i64, case: &Case<'_>) -> Option<i64> {
    let words = &case.context.words;
    let since_us = words.since_us.get(service)?;
    Some((*since_us).max(from_us.saturating_sub(words.past_us)))
}

/// The same where it may as well have been silent among its requests.
fn listened_since(service: &[u8], from_us: i64, case: &Case<'_>) -> Option<i64> {
    let words = &case.context.words;
    let among_us = words.among_us.get(service).copied();
    let among_us = among_us.map(|us| us.max(from_us.saturating_sub(words.past_us)));
    let heard_us = heard_since(service, from_us, case);
    heard_us.into_iter().chain(among_us).min()
}

/// The messages of the incident's time: those that surge first, then by number of lines.
pub(super) fn messages(case: &Case<'_>) -> Vec<Message> {
    let (from_us, to_us) = span(case);
    let of = |(index, signature): (usize, &Signature)| {
        let during = signature.between(from_us, to_us);
        let since_us = listened_since(&signature.service, from_us, case)?;
        let before = signature.between(since_us, from_us);
        let past_us = from_us.saturating_sub(since_us);
        let long_enough = past_us >= MESSAGE_PAST_US;
        let lasted_us = to_us.saturating_sub(from_us) as f64;
        // Where the message came at one rate all the time: P(so many of all lines in this share).
        let share = lasted_us / (lasted_us + past_us as f64);
        let chance = beta_cdf(share, during as f64, before as f64 + 1.0);
        let expected = before as f64 * lasted_us / past_us as f64;
        let surging = long_enough
            && during >= MESSAGE_LEAST
            && during as f64 >= MESSAGE_SURGE * expected
            && chance < MESSAGE_CHANCE;
        (during > 0).then_some(Message {
            index,
            before,
            during,
            novel: surging && before == 0,
            surging,
        })
    };
    let signatures = &case.context.words.signatures;
    let mut messages: Vec<Message> = signatures.iter().enumerate().filter_map(of).collect();
    messages.sort_by_key(|m| (!m.surging, std::cmp::Reverse(m.during), m.index));
    messages
}

/// Whether a message tells of something called that did not answer.
fn is_out_of_reach(template: &str) -> bool {
    let template = template.to_lowercase();
    OUT_OF_REACH.iter().any(|words| template.contains(words))
}

/// What the messages of a change's service say of it.
pub(super) fn contributions(
    change: &Change,
    messages: &[Message],
    case: &Case<'_>,
) -> Vec<Contribution> {
    let Some(service) = &change.service else {
        return Vec::new();
    };
    let signatures = &case.context.words.signatures;
    let of_service = |m: &&Message| {
        let named = &signatures[m.index].service;
        m.surging && named.eq_ignore_ascii_case(service.as_bytes())
    };
    let mut found = Vec::new();
    if let Some(top) = messages.iter().find(of_service) {
        found.extend(novelty(change, &signatures[top.index], top, case));
    }
    let in_file = messages
        .iter()
        .filter(of_service)
        .find_map(|m| Some((m, file_in(change, &signatures[m.index])?)));
    if let Some((message, file)) = in_file {
        found.push(Contribution {
            kind: EvidenceKind::Stack,
            nats: MESSAGE_WEIGHT * STACK_NATS,
            text: format!(
                "`{}` comes from {file}, which it changed",
                signatures[message.index].template
            ),
        });
    }
    found
}

/// Whether the foremost message was there before the change. Only one who speaks when nothing fails, too, tells by
/// it: whatever fails for the first time makes a message that comes for the first time.
fn novelty(
    change: &Change,
    signature: &Signature,
    message: &Message,
    case: &Case<'_>,
) -> Option<Contribution> {
    let (from_us, to_us) = span(case);
    let since_us = heard_since(&signature.service, from_us, case)?;
    let start_us = Rollout::of(change).start_us.min(from_us);
    let past_us = start_us.saturating_sub(since_us);
    if past_us < MESSAGE_PAST_US {
        return None;
    }
    let earlier = signature.between(since_us, start_us);
    let said = |sign: f64, text: String| {
        Some(Contribution {
            kind: EvidenceKind::Signature,
            nats: sign * MESSAGE_WEIGHT * MESSAGE_NATS,
            text,
        })
    };
    let template = &signature.template;
    let lines = phrase::count(message.during);
    if earlier == 0 && message.novel {
        let text = format!(
            "`{template}`, {lines} times since the onset, was not in its log before ({} of it)",
            phrase::duration(past_us)
        );
        return if is_out_of_reach(template) {
            None
        } else {
            said(1.0, text)
        };
    }
    let rate = |lines: u64, us: i64| lines as f64 / us.max(1) as f64;
    let before = rate(earlier, past_us);
    let since = rate(message.during, to_us.saturating_sub(from_us));
    if before >= MESSAGE_COMMON * since {
        let text = format!(
            "`{template}` was in its log before it, too: {} times in {}",
            phrase::count(earlier),
            phrase::duration(past_us)
        );
        return said(-1.0, text);
    }
    None
}

/// The changed file that a message's line names: `TokenValidator.java`.
fn file_in<'c>(change: &'c Change, signature: &Signature) -> Option<&'c str> {
    let line = String::from_utf8_lossy(&signature.example.text);
    let names = change.files.iter().filter_map(|file| {
        let name = file.rsplit(['/', '\\']).next()?;
        // A bare word, or one like `index.js` of which each package has one, says nothing.
        let (stem, _) = name.rsplit_once('.')?;
        (stem.len() >= 4 && !COMMON_FILES.contains(&stem)).then_some(name)
    });
    names.into_iter().find(|name| {
        line.match_indices(*name).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
        })
    })
}

/// Names that files have everywhere.
const COMMON_FILES: [&str; 6] = ["index", "main", "server", "utils", "__init__", "handler"];

/// The foremost message that tells of something called which did not answer, where it surges and who says it was
/// heard before: requests that wait for a lock time out as well.
pub(super) fn out_of_reach<'c>(messages: &[Message], case: &'c Case<'_>) -> Option<&'c Signature> {
    let words = &case.context.words;
    let tells = |signature: &Signature| {
        words.since_us.contains_key(&signature.service) && is_out_of_reach(&signature.template)
    };
    let surging = messages.iter().filter(|m| m.surging);
    let mut signatures = surging.map(|m| &words.signatures[m.index]);
    signatures.find(|signature| tells(signature))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::blame::tests::{change, context, incident};
    use crate::blame::{Context, Moments, Undoes};
    use crate::scan::Example;
    use crate::zoom::Words;

    const AT: i64 = 600 * MINUTE_US;

    /// Messages of `api`, each with its lines in minutes around the onset at minute 600.
    fn told(
        change: &Change,
        messages: &[(&str, &[(i64, u64)])],
    ) -> (Vec<Message>, Vec<Contribution>) {
        let signatures = messages
            .iter()
            .map(|(template, minutes)| Signature {
                service: b"api".to_vec(),
                template: (*template).to_owned(),
                first_us: minutes[0].0 * MINUTE_US,
                minutes: minutes.iter().copied().collect(),
                example: Example {
                    file: 0,
                    byte: 0,
                    line: Some(1),
                    text: format!("{template} at Token.java:7").into_bytes(),
                },
            })
            .collect();
        let words = Words {
            signatures,
            since_us: BTreeMap::from([(b"api".to_vec(), 0)]),
            among_us: BTreeMap::new(),
            past_us: 180 * MINUTE_US,
        };
        let incident = incident(AT, Some(AT + 30 * MINUTE_US));
        let context = Context {
            words: Arc::new(words),
            ..context()
        };
        let case = Case {
            incident: &incident,
            changes: std::slice::from_ref(change),
            context: &context,
            moments: Moments::of(&incident, &incident.onset, &incident.end),
            undoes: Undoes::new(std::slice::from_ref(change)),
            releases: vec![0],
        };
        let found = super::messages(&case);
        let contributions = contributions(change, &found, &case);
        (found, contributions)
    }

    fn deploy(at_min: i64) -> Change {
        Change {
            service: Some("api".to_owned()),
            ..change("d-1", at_min * MINUTE_US)
        }
    }

    #[test]
    fn a_message_that_came_up_with_the_incident_speaks_for_the_change() {
        let (messages, found) = told(
            &deploy(598),
            &[
                (
                    "no connection within <*> ms",
                    &[(450, 2), (520, 1), (610, 1)],
                ),
                ("no such key <*>", &[(601, 200), (615, 90)]),
            ],
        );
        assert_eq!(
            messages[0],
            Message {
                index: 1,
                before: 0,
                during: 290,
                novel: true,
                surging: true
            }
        );
        assert_eq!((messages[1].before, messages[1].during), (3, 1));
        assert!(!messages[1].surging);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].nats, 1.4);
        assert_eq!(
            found[0].text,
            "`no such key <*>`, 290 times since the onset, was not in its log before (2 h 58 min of it)"
        );
    }

    #[test]
    fn a_message_as_common_before_a_change_as_after_it_speaks_against_it() {
        // Six lines a minute from half an hour before the change on; the onset was dated later.
        let minutes: Vec<(i64, u64)> = (421..590)
            .map(|m| (m, 1))
            .chain((600..630).map(|m| (m, 6)))
            .collect();
        let (_, found) = told(&deploy(595), &[("no such key <*>", &minutes)]);
        assert_eq!(found, []);
        let minutes: Vec<(i64, u64)> = (421..590)
            .map(|m| (m, 2))
            .chain((600..630).map(|m| (m, 7)))
            .collect();
        let (messages, found) = told(&deploy(595), &[("no such key <*>", &minutes)]);
        assert!(messages[0].surging);
        assert_eq!(found, []);
    }

    #[test]
    fn who_cannot_reach_what_it_calls_accuses_no_change() {
        let (messages, found) = told(
            &deploy(598),
            &[("dial tcp <*>: connection refused", &[(601, 200)])],
        );
        assert!(messages[0].novel);
        assert_eq!(found, []);
    }

    #[test]
    fn a_stack_trace_in_a_changed_file_speaks_for_the_change() {
        let change = Change {
            files: vec!["README.md".to_owned(), "src/auth/Token.java".to_owned()],
            ..deploy(598)
        };
        let (_, found) = told(&change, &[("no such key <*>", &[(601, 200)])]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].kind.name(), "stack");
        assert!((found[1].nats - 2.1).abs() < 1e-12);
        assert_eq!(
            found[1].text,
            "`no such key <*>` comes from Token.java, which it changed"
        );
        let elsewhere = Change {
            service: Some("web".to_owned()),
            ..change
        };
        assert_eq!(
            told(&elsewhere, &[("no such key <*>", &[(601, 200)])]).1,
            []
        );
    }
}
