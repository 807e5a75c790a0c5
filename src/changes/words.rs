//! The words that deploy systems use for a kind of change and for what became of it.
//!
//! Comes in: a marker's own word, or its description. Goes out: a [`Kind`] or [`Status`], or
//! `None` where the words don't say. Guesses nothing from descriptions but plain rollbacks.

use super::{Kind, Status};

/// Words for kinds, the more telling kind first: a "feature flag rollout" is a flag, a "config
/// deploy" is configuration. Compared without case; a phrase is compared without what is between
/// its words, so that `featureflag` also stands for `feature_flag` and `feature-flag`.
const KINDS: [(Kind, &[&str]); 6] = [
    (
        Kind::Rollback,
        &["rollback", "rolledback", "revert", "reverted", "undo"],
    ),
    (
        Kind::Flag,
        &[
            "flag",
            "flags",
            "featureflag",
            "toggle",
            "featuretoggle",
            "experiment",
            "killswitch",
        ],
    ),
    (
        Kind::Migration,
        &[
            "migration",
            "migrations",
            "migrate",
            "schema",
            "ddl",
            "backfill",
        ],
    ),
    (
        Kind::Config,
        &[
            "config",
            "configuration",
            "configmap",
            "setting",
            "settings",
            "secret",
            "secrets",
            "env",
            "envvar",
            "dns",
            "firewall",
            "routing",
            "ratelimit",
        ],
    ),
    (
        Kind::Infra,
        &[
            "infra",
            "infrastructure",
            "network",
            "networking",
            "cert",
            "certificate",
            "certificates",
            "tls",
            "scale",
            "scaling",
            "autoscaling",
            "terraform",
            "cluster",
            "node",
            "nodes",
            "machine",
            "hardware",
            "kernel",
            "os",
            "maintenance",
        ],
    ),
    (
        Kind::Deploy,
        &[
            "deploy",
            "deploys",
            "deployed",
            "deployment",
            "release",
            "released",
            "rollout",
            "ship",
            "shipped",
            "promote",
            "promotion",
            "hotfix",
            "canary",
            "upgrade",
            "install",
            "update",
            "publish",
            "build",
        ],
    ),
];

/// The kind that a marker's word for it means.
pub(super) fn kind(word: &str) -> Option<Kind> {
    let parts = parts(word);
    KINDS
        .iter()
        .find(|(_, words)| contains_any(&parts, words))
        .map(|(kind, _)| *kind)
}

/// Words for what became of a change.
const STATUSES: [(Status, &[&str]); 4] = [
    (
        Status::Failed,
        &[
            "failed",
            "failure",
            "fail",
            "error",
            "errored",
            "terminal",
            "unhealthy",
            "degraded",
            "crashed",
            "timedout",
        ],
    ),
    (
        Status::Cancelled,
        &[
            "cancelled",
            "canceled",
            "aborted",
            "stopped",
            "skipped",
            "notbuilt",
            "rejected",
        ],
    ),
    (
        Status::InProgress,
        &[
            "progress",
            "inprogress",
            "running",
            "pending",
            "queued",
            "waiting",
            "created",
            "started",
            "blocked",
            "building",
            "baking",
            "progressing",
            "paused",
            "scheduled",
        ],
    ),
    (
        Status::Succeeded,
        &[
            "succeeded",
            "success",
            "successful",
            "successfully",
            "ok",
            "done",
            "passed",
            "pass",
            "complete",
            "completed",
            "finished",
            "deployed",
            "superseded",
            "healthy",
            "active",
            "inactive",
            "live",
            "unstable",
        ],
    ),
];

/// What a marker's word for its outcome means.
pub(super) fn status(word: &str) -> Option<Status> {
    let parts = parts(word);
    STATUSES
        .iter()
        .find(|(_, words)| contains_any(&parts, words))
        .map(|(status, _)| *status)
}

/// The kind that a description gives away: [`Kind::Rollback`] where it plainly tells of one, as in
/// `Revert "…"`, `api: rollback`, `emergency rollback` or `Rolled back to 2.3.9`. A description
/// that only mentions one (`fix crash in rollback code`) is no rollback.
pub(super) fn kind_from_description(text: &str) -> Option<Kind> {
    let words: Vec<&str> = text.split_whitespace().take(12).collect();
    words.iter().enumerate().find_map(|(i, word)| {
        let next = words.get(i + 1).copied().unwrap_or("");
        let pair = format!("{word}{next}");
        let after = match (is_rollback(word), is_rollback(&pair)) {
            (true, _) => i + 1,
            (false, true) => i + 2,
            (false, false) => return None,
        };
        let before = i
            .checked_sub(1)
            .and_then(|b| words.get(b))
            .copied()
            .unwrap_or("");
        let introduced = i == 0
            || before.ends_with(':')
            || matches!(
                before.to_ascii_lowercase().as_str(),
                "emergency" | "automatic" | "automated" | "auto" | "manual"
            );
        let goes_to_version = words.get(after) == Some(&"to")
            && words
                .get(after + 1)
                .is_some_and(|w| w.bytes().any(|b| b.is_ascii_digit()));
        (introduced || goes_to_version).then_some(Kind::Rollback)
    })
}

fn is_rollback(word: &str) -> bool {
    let bare = squeeze(word);
    matches!(
        bare.as_str(),
        "rollback" | "rolledback" | "rollingback" | "revert" | "reverts" | "reverted" | "reverting"
    )
}

/// Letters and digits only, in lower case.
pub(super) fn squeeze(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The words of a name, each neighbouring pair joined, and all of it joined. `camelCase` counts
/// as two words.
fn parts(name: &str) -> Vec<String> {
    let mut spaced = String::with_capacity(name.len() + 4);
    let mut was_lower = false;
    for c in name.chars().take(120) {
        if was_lower && c.is_uppercase() {
            spaced.push(' ');
        }
        was_lower = c.is_lowercase();
        spaced.push(if c.is_alphanumeric() { c } else { ' ' });
    }
    let words: Vec<String> = spaced.split_whitespace().map(str::to_lowercase).collect();
    let pairs: Vec<String> = words.windows(2).map(|pair| pair.concat()).collect();
    words.into_iter().chain(pairs).collect()
}

fn contains_any(parts: &[String], words: &[&str]) -> bool {
    parts.iter().any(|part| words.contains(&part.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_ten_systems_for_a_kind() {
        let table = [
            ("deploy", Some(Kind::Deploy)),
            ("Deployment", Some(Kind::Deploy)),
            ("feature_flag", Some(Kind::Flag)),
            ("featureFlag", Some(Kind::Flag)),
            ("kill-switch", Some(Kind::Flag)),
            ("feature flag rollout", Some(Kind::Flag)),
            ("db_migration", Some(Kind::Migration)),
            ("schema change", Some(Kind::Migration)),
            ("CONFIG", Some(Kind::Config)),
            ("config deploy", Some(Kind::Config)),
            ("configmap", Some(Kind::Config)),
            ("network", Some(Kind::Infra)),
            ("terraform apply", Some(Kind::Infra)),
            ("cert renewal", Some(Kind::Infra)),
            ("autoscaling", Some(Kind::Infra)),
            ("rollback", Some(Kind::Rollback)),
            ("ROLL_BACK", Some(Kind::Rollback)),
            ("rolled-back", Some(Kind::Rollback)),
            ("lunch", None),
            ("", None),
        ];
        for (word, expected) in table {
            assert_eq!(kind(word), expected, "{word}");
        }
    }

    #[test]
    fn the_words_of_ten_systems_for_an_outcome() {
        let table = [
            ("success", Some(Status::Succeeded)),
            ("SUCCEEDED", Some(Status::Succeeded)),
            ("superseded", Some(Status::Succeeded)),
            ("FAILURE", Some(Status::Failed)),
            ("TERMINAL", Some(Status::Failed)),
            ("ROLLBACK_FAILED", Some(Status::Failed)),
            ("canceled", Some(Status::Cancelled)),
            ("NOT_BUILT", Some(Status::Cancelled)),
            ("in_progress", Some(Status::InProgress)),
            ("InProgress", Some(Status::InProgress)),
            ("pending-upgrade", Some(Status::InProgress)),
            ("purple", None),
        ];
        for (word, expected) in table {
            assert_eq!(status(word), expected, "{word}");
        }
    }

    #[test]
    fn a_description_that_tells_of_a_rollback_is_one_and_a_mention_is_not() {
        for text in [
            "Rollback to v39",
            "Rolled back to 2.3.9",
            "Roll back api",
            "Revert \"New auth middleware\"",
            "api: rollback after errors",
            "Emergency rollback",
            "checkout rollback to 2.3.9",
        ] {
            assert_eq!(kind_from_description(text), Some(Kind::Rollback), "{text}");
        }
        for text in [
            "fix crash in rollback code",
            "Add rollback to the command line",
            "auth middleware update",
            "transactions are rolled back on error",
            "",
        ] {
            assert_eq!(kind_from_description(text), None, "{text}");
        }
    }
}
