//! What the key of a time says: whether a change began then, ended, or was asked for.
//!
//! Comes in: a key. Goes out: its [`Role`], as the rank of a [`Meaning`]. Nothing is listed but the
//! words that keys are made of, as systems put them together anew: `deployStartTime`,
//! `rollout_started_on`, `Planned end date`.

use super::{Field, Meaning, squeeze, words_of};

/// What a time is to a change, the one that dates it best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Role {
    /// The native key: whoever writes it means it.
    Native,
    /// It began then.
    Begin,
    /// It happened then.
    Moment,
    /// A time, of who knows what.
    Bare,
    /// It was to begin then.
    Planned,
    /// It was asked for then, and happened some time later.
    Created,
    /// Something else about it has this time.
    Unknown,
    /// Its record was touched then.
    Updated,
    /// It ended then.
    End,
    /// It was to end then.
    PlannedEnd,
}

impl Role {
    const ALL: [Role; 10] = [
        Role::Native,
        Role::Begin,
        Role::Moment,
        Role::Bare,
        Role::Planned,
        Role::Created,
        Role::Unknown,
        Role::Updated,
        Role::End,
        Role::PlannedEnd,
    ];

    /// The role that a rank of [`Field::At`] or [`Field::Finished`] stands for.
    pub(in super::super) fn of_rank(rank: usize) -> Role {
        Role::ALL.get(rank).copied().unwrap_or(Role::Unknown)
    }
}

/// Times that say no more than that they are one.
const BARE_TIMES: [&str; 8] = [
    "time",
    "timestamp",
    "ts",
    "datetime",
    "when",
    "date",
    "epoch",
    "timestamps",
];

/// How the last word of a time's key may read.
const TIME_WORDS: [&str; 18] = [
    "at",
    "on",
    "time",
    "timestamp",
    "ts",
    "date",
    "datetime",
    "when",
    "epoch",
    "ms",
    "millis",
    "millisecond",
    "milliseconds",
    "unix",
    "utc",
    "gmt",
    "for",
    "until",
];

/// Words for what happened at a time, by their beginnings; the first row that has one of the key's
/// words decides.
const TIME_STEMS: [(Role, &[&str]); 6] = [
    (
        Role::End,
        &[
            "finish", "end", "complet", "stop", "done", "clos", "resol", "until",
        ],
    ),
    (
        Role::Begin,
        &[
            "start", "begin", "began", "launch", "initiat", "trigger", "building",
        ],
    ),
    (
        Role::Moment,
        &[
            "deploy", "releas", "publish", "appl", "execut", "install", "roll", "activ", "promot",
            "ship", "happen", "occur", "event", "merg", "commit", "log",
        ],
    ),
    (Role::Planned, &["plan", "schedul"]),
    (
        Role::Created,
        &[
            "creat", "queu", "submit", "request", "open", "regist", "receiv",
        ],
    ),
    (Role::Updated, &["updat", "modif", "chang", "edit"]),
];

/// Words of times that say nothing of when a change happened.
const IDLE_TIMES: [&str; 19] = [
    "expir",
    "due",
    "birth",
    "valid",
    "retir",
    "archiv",
    "delet",
    "seen",
    "next",
    "token",
    "login",
    "lock",
    "author",
    "approv",
    "review",
    "uptime",
    "wait",
    "cpu",
    "execution",
];

/// What a key says of a time, or of how long something took.
pub(super) fn time(key: &str) -> Option<Meaning> {
    let squeezed = squeeze(key);
    let at = |role: Role, in_utc| Meaning {
        field: match role {
            Role::End | Role::PlannedEnd => Field::Finished,
            _ => Field::At,
        },
        rank: role as usize,
        guessed: role > Role::Bare,
        in_utc,
    };
    if squeezed == "at" {
        return Some(at(Role::Native, false));
    }
    let mut words = words_of(key);
    // `DATEEXECUTED`
    if let [one] = words.as_slice()
        && let Some(rest) = one.strip_prefix("date").filter(|rest| rest.len() > 4)
    {
        words = vec!["date".to_owned(), rest.to_owned()];
    }
    let last = words.last()?;
    let in_utc = matches!(last.as_str(), "utc" | "gmt") || squeezed.ends_with("utc");
    if BARE_TIMES.contains(&squeezed.trim_end_matches("utc")) {
        return Some(at(Role::Bare, in_utc));
    }
    if let Some(unit) = took(&words) {
        return Some(Meaning {
            field: Field::Took,
            rank: unit,
            guessed: true,
            in_utc: false,
        });
    }
    if words
        .iter()
        .any(|word| IDLE_TIMES.iter().any(|idle| word.starts_with(idle)))
    {
        return None;
    }
    let says = |role: Role| {
        let (_, stems) = TIME_STEMS.iter().find(|(r, _)| *r == role)?;
        words
            .iter()
            .find(|word| stems.iter().any(|stem| word.starts_with(stem)))
    };
    let role = TIME_STEMS
        .iter()
        .map(|(role, _)| *role)
        .find(|role| says(*role).is_some());
    let has_time_word = TIME_WORDS.contains(&last.as_str())
        || words
            .first()
            .is_some_and(|first| first == "date" || first == "datetime" || first == "time")
        || (words.len() == 1 && has_time_ending(last));
    // `created`, `Resolved`, `work_start`, `plannedEnd`: no word for time, and yet nothing else.
    let is_verb = role.is_some() && is_bare_verb(last);
    if !has_time_word && !is_verb {
        return None;
    }
    let role = match role {
        Some(Role::End) if says(Role::Planned).is_some() => Role::PlannedEnd,
        Some(Role::Begin) if says(Role::Planned).is_some() => Role::Planned,
        Some(role) => role,
        None if words.len() > 1 => Role::Unknown,
        None => return None,
    };
    Some(at(role, in_utc))
}

/// Whether a word is a verb and a word for time written as one: `createdon`, `deploytime`.
fn has_time_ending(word: &str) -> bool {
    let ends = |ending: &str, verb: fn(&str) -> bool| word.strip_suffix(ending).is_some_and(verb);
    // `application` ends in "on", `update` in "date".
    ["at", "on"]
        .iter()
        .any(|ending| ends(ending, |verb| verb.ends_with("ed") || verb == "began"))
        || ["time", "timestamp", "date"]
            .iter()
            .any(|ending| ends(ending, |verb| verb.len() > 2))
}

fn is_bare_verb(word: &str) -> bool {
    matches!(word, "start" | "begin" | "end" | "finish")
        || (word.ends_with("ed") && !matches!(word, "failed" | "succeeded" | "skipped"))
}

/// Units of a duration's key, in µs; its rank in [`Field::Took`].
pub(in super::super) const UNITS_US: [f64; 3] = [1e6, 1e3, 60e6];

/// The unit that the key of a duration names.
fn took(words: &[String]) -> Option<usize> {
    let (last, before) = words.split_last()?;
    let is_duration = before
        .iter()
        .any(|word| matches!(word.as_str(), "duration" | "elapsed" | "took"));
    if !is_duration {
        return None;
    }
    match last.as_str() {
        "s" | "sec" | "secs" | "seconds" => Some(0),
        "ms" | "millis" | "milliseconds" => Some(1),
        "min" | "mins" | "minutes" => Some(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::meaning;
    use super::*;

    fn role(key: &str) -> Option<Role> {
        meaning(key)
            .filter(|m| matches!(m.field, Field::At | Field::Finished))
            .map(|m| Role::of_rank(m.rank))
    }

    #[test]
    fn a_time_is_known_by_its_words() {
        let table = [
            ("at", Role::Native),
            ("timestamp", Role::Bare),
            ("Time (UTC)", Role::Bare),
            ("startedAt", Role::Begin),
            ("rolloutStartTime", Role::Begin),
            ("start_date", Role::Begin),
            ("work_start", Role::Begin),
            ("startTs", Role::Begin),
            ("deployStartTime", Role::Begin),
            ("buildingAt", Role::Begin),
            ("deployed_at", Role::Moment),
            ("Deploy Time", Role::Moment),
            ("deploytime", Role::Moment),
            ("dateReleased", Role::Moment),
            ("installedOnUTC", Role::Moment),
            ("DATEEXECUTED", Role::Moment),
            ("applied", Role::Moment),
            ("last_deployed_time", Role::Moment),
            ("createTime", Role::Created),
            ("created_on", Role::Created),
            ("Created", Role::Created),
            ("queueTime", Role::Created),
            ("Planned start date", Role::Planned),
            ("scheduled_for", Role::Planned),
            ("LastModified", Role::Updated),
            ("updated_at", Role::Updated),
            ("completedOn", Role::End),
            ("deployEndTime", Role::End),
            ("end", Role::End),
            ("Resolved", Role::End),
            ("planned_end_date", Role::PlannedEnd),
            ("scheduled_until", Role::PlannedEnd),
            ("auditLogDateTime", Role::Moment),
        ];
        for (key, expected) in table {
            assert_eq!(role(key), Some(expected), "{key}");
        }
    }

    #[test]
    fn what_only_sounds_like_a_time_is_none() {
        for key in [
            "update",
            "candidate",
            "format",
            "expires_at",
            "due_date",
            "nextRunTime",
            "uptime",
            "failed",
            "endpoint",
            "backend",
            "started_by",
            "version",
            "releaseVersion",
            "closed_loop",
            "deployments",
            "installation",
        ] {
            assert_eq!(role(key), None, "{key}");
        }
        let duration = meaning("duration_ms").unwrap();
        assert_eq!(
            (duration.field, UNITS_US[duration.rank]),
            (Field::Took, 1e3)
        );
    }
}
