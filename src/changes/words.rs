//! The words that deploy systems use for a kind of change and for what became of it.
//!
//! Comes in: a marker's own word, or its description. Goes out: a [`Kind`] or [`Status`], or
//! `None` where the words don't say. Of descriptions only what they plainly tell or begin with counts.

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
            "featureenvironment",
            "featurestate",
            "split",
            "rolloutflag",
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
            "unsuccessful",
            "undeployed",
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
            "discarded",
            "abandoned",
            "notdeployed",
            "deferred",
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
            "deploying",
            "applying",
            "planning",
            "initializing",
            "implement",
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
            "ready",
            "applied",
            "serving",
            "executed",
            "implemented",
            "closed",
            "resolved",
            "deactivated",
            "stable",
            "finalized",
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

/// Environments that go by their name alone.
const ENVIRONMENTS: [&str; 22] = [
    "production",
    "prod",
    "staging",
    "stage",
    "preprod",
    "development",
    "dev",
    "testing",
    "test",
    "qa",
    "uat",
    "canary",
    "live",
    "prd",
    "stg",
    "sandbox",
    "preview",
    "deploy-preview",
    "branch-deploy",
    "pre-production",
    "preproduction",
    "acceptance",
];

/// Whether a name is one that environments go by.
pub(super) fn is_environment(name: &str) -> bool {
    ENVIRONMENTS.contains(&name.to_lowercase().as_str())
}

/// Whether a name is that of a version rather than of a branch: a number with a dot, perhaps after a `v`.
pub(super) fn is_version(name: &str) -> bool {
    let number = name.strip_prefix("refs/tags/").unwrap_or(name);
    let number = number.strip_prefix(['v', 'V']).unwrap_or(number);
    number.starts_with(|c: char| c.is_ascii_digit()) && number.contains('.')
}

/// How descriptions of changes that are no deploy begin. Compared without case.
const OPENINGS: [(Kind, &[&str]); 4] = [
    (
        Kind::Flag,
        &[
            "flag",
            "flags",
            "feature flag",
            "feature-flag",
            "featureflag",
            "toggle",
            "enable flag",
            "enabled flag",
            "disable flag",
            "disabled flag",
            "turn on flag",
            "turned on flag",
            "turn off flag",
            "turned off flag",
            "kill switch",
            "experiment",
        ],
    ),
    (
        Kind::Migration,
        &[
            "migration",
            "migrate",
            "migrated",
            "db migration",
            "database migration",
            "schema migration",
            "schema change",
            "backfill",
            "alter table",
            "create index",
        ],
    ),
    (
        Kind::Config,
        &[
            "config",
            "configuration",
            "config change",
            "set config",
            "dns",
            "firewall rule",
        ],
    ),
    (
        Kind::Infra,
        &[
            "infra",
            "terraform",
            "scale up",
            "scaled up",
            "scale down",
            "scaled down",
            "node pool",
            "certificate",
            "cert renewal",
            "kernel upgrade",
            "network maintenance",
        ],
    ),
];

/// The kind that a description gives away by how it begins: `flag: new-login on`, `Migration 0042`,
/// `terraform apply`. What goes on (`Config parser: fix crash`) is code, and deployed.
pub(super) fn kind_from_opening(text: &str) -> Option<Kind> {
    if let Some(kind) = kind_from_description(text) {
        return Some(kind);
    }
    let text = text.trim_start_matches(['[', '(', '*', ' ']).to_lowercase();
    OPENINGS
        .iter()
        .find(|(_, openings)| openings.iter().any(|o| opens(&text, o)))
        .map(|(kind, _)| *kind)
}

/// Whether a text is this opening alone, or goes on with what it introduces: a sign, a number, or a
/// name that is no ordinary word (`flag new-login`).
fn opens(text: &str, opening: &str) -> bool {
    let Some(after) = text.strip_prefix(opening) else {
        return false;
    };
    let is_phrase = opening.contains([' ', '-']);
    let next = after.trim_start();
    match after.chars().next() {
        None | Some(':' | ']' | ')' | '=' | '"' | '\'' | '`') => true,
        Some(' ') if is_phrase => true,
        Some(' ') => {
            let word = next.split(' ').next().unwrap_or("");
            word.contains(|c: char| c.is_ascii_digit() || "-_./:\"'`=".contains(c))
                || matches!(
                    word,
                    "change" | "update" | "apply" | "on" | "off" | "database" | "db" | "schema"
                )
        }
        Some(_) => false,
    }
}

/// Whether a name is that of a job that checks code and changes nothing.
pub(super) fn tests(name: &str) -> bool {
    const CHECKS: [&str; 14] = [
        "test", "tests", "ci", "lint", "check", "checks", "build", "coverage", "codeql", "e2e",
        "unit", "scan", "format", "docs",
    ];
    words_of(name)
        .iter()
        .any(|word| CHECKS.contains(&word.as_str()))
}

/// Letters and digits only, in lower case.
pub(super) fn squeeze(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The words of a name and each neighbouring pair joined.
fn parts(name: &str) -> Vec<String> {
    let words = words_of(name);
    let pairs: Vec<String> = words.windows(2).map(|pair| pair.concat()).collect();
    words.into_iter().chain(pairs).collect()
}

/// The words of a name, in lower case; `camelCase` counts as two.
pub(super) fn words_of(name: &str) -> Vec<String> {
    let mut spaced = String::with_capacity(name.len() + 4);
    let mut was_lower = false;
    for c in name.chars().take(120) {
        if was_lower && c.is_uppercase() {
            spaced.push(' ');
        }
        was_lower = c.is_lowercase();
        spaced.push(if c.is_alphanumeric() { c } else { ' ' });
    }
    spaced.split_whitespace().map(str::to_lowercase).collect()
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
