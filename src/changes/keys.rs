//! What the keys of a marker mean: tables of synonyms, and rules for the names nobody listed.
//!
//! Comes in: the path of a key in its entry (`attributes`, `deployment-status`). Goes out: the field
//! it stands for, and how much it is to be believed. Keys count by their letters and digits alone:
//! `deployed_at`, `deployedAt` and `Deployed At` are one. Exact names are looked up first; a time is
//! then known by its words (`rolloutStartTime` begins, `dateCompleted` ends), the other fields by
//! their last word (`targetEnvironment`). Knows no values and no deploy system.

mod times;

use std::sync::LazyLock;

use hashbrown::HashMap;

use super::words::{squeeze, words_of};

pub(super) use times::{Role, UNITS_US};

/// Where a key's value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    At,
    Finished,
    Took,
    Id,
    Kind,
    Service,
    Version,
    PreviousVersion,
    Commit,
    Image,
    Author,
    Description,
    Environment,
    Url,
    Status,
    Success,
    RollbackOf,
    Endpoints,
    Hosts,
    Files,
    /// A name, of who knows what: its value decides.
    Name,
    AtIsEnd,
    Extra,
}

impl Field {
    /// Its key in the native form, for notes.
    pub(super) fn name(self) -> &'static str {
        match self {
            Field::At => "at",
            Field::Finished | Field::Took => "finished_at",
            Field::Id => "id",
            Field::Kind => "kind",
            Field::Service => "service",
            Field::Version | Field::Image => "version",
            Field::PreviousVersion => "previous_version",
            Field::Commit => "commit",
            Field::Author => "author",
            Field::Description => "description",
            Field::Environment => "environment",
            Field::Url => "url",
            Field::Status | Field::Success => "status",
            Field::RollbackOf => "rollback_of",
            Field::Endpoints => "endpoints",
            Field::Hosts => "hosts",
            Field::Files => "files",
            Field::Name => "name",
            Field::AtIsEnd => "at_is_end",
            Field::Extra => "extra",
        }
    }
}

/// The keys of each field but the times, as [`squeeze`] leaves them, the one to be believed first.
/// A name of several words also stands for a key in an object: `commit.message`.
const SYNONYMS: [(Field, &str); 20] = [
    (
        Field::Id,
        "id changeid deployid deploymentid releaseid eventid uuid uid databaseid number \
         issuekey changenumber sysid auditlogid pipelineexecutionid planexecutionid \
         executionid runid buildid",
    ),
    (
        Field::Kind,
        "kind type changetype eventtype category issuetype auditlogtype relatedobjecttype \
         objecttype action",
    ),
    (
        Field::Service,
        "service servicename app appname application applicationname component components \
         componentname microservice workload cmdbci configurationitem businessservice \
         services serviceidentifiers functionname projectslug projectname project \
         repositoryname repository repo reponame releasedefinition definition pipeline \
         pipelinename deliverypipeline deploymentobject site sitename workspacename \
         githubrepo substitutionsreponame",
    ),
    (
        Field::Version,
        "version newversion toversion to tag tagname release releaseversion releasename \
         appversion imagetag fixversion fixversions gittag build buildnumber buildlabel \
         vcstag",
    ),
    (
        Field::PreviousVersion,
        "previousversion prevversion oldversion fromversion lastversion from previous",
    ),
    (
        Field::Commit,
        "commit commitsha commithash commitid commitref sha headsha gitsha gitcommit \
         gitcommitsha githash gitrevision gitref hash revision rev revisionid \
         sourceversion sourcerevision vcsrevision githubcommitsha gitlabcommitsha \
         bitbucketcommitsha releasecommit releasecommithash sourcecontrolrevision \
         deployablecommit",
    ),
    (
        Field::Image,
        "image imageref imagename imageuri imageurl dockerimage containerimage artifact",
    ),
    (
        Field::Author,
        "author user username by actor triggeringactor triggeractor deployer deployedby \
         triggeredby initiatedby requestedfor requestedby startedby createdby creator \
         committer releasedby appliedby installedby operator owner assignee assignedto \
         reporter member editor who useremail email localusername buildername authorname \
         githubcommitauthorname commitauthorname commitauthor",
    ),
    (
        Field::Description,
        "description message title displaytitle summary shortdescription text subject \
         commitmessage commitsubject commitmsg headcommitmessage githubcommitmessage \
         comment comments note notes releasenotes what details log revisionsummary \
         changelog featurename flagkey flagname featurekey",
    ),
    (
        Field::Environment,
        "environment env environmentname envname releaseenvironment releasestage \
         targetenvironment deployenv deploymentenvironment envidentifiers targetid",
    ),
    (
        Field::Url,
        "url link href weburl htmlurl logurl adminurl targeturl permalink",
    ),
    (
        Field::Status,
        "conclusion result outcome deploymentstatus statusname status statestatus \
         taskstate laststatus lateststagestatus statename state phase exectype",
    ),
    (Field::Success, "success succeeded successful passed ok"),
    (
        Field::RollbackOf,
        "rollbackof reverts revertof undoes rolledbackdeployment",
    ),
    (
        Field::Endpoints,
        "endpoints endpoint paths path routes route",
    ),
    (
        Field::Hosts,
        "hosts host hostnames hostname servers server instances",
    ),
    (Field::Files, "files changedfiles fileschanged filepaths"),
    (Field::Name, "name displayname fullname"),
    (Field::AtIsEnd, "atisend"),
    (Field::Extra, "extra"),
];

/// Fields of a key that nobody listed, by its last word, unless one of its words says otherwise.
const LAST_WORDS: [(Field, &[&str]); 8] = [
    (
        Field::Service,
        &["service", "app", "application", "component"],
    ),
    (Field::Version, &["version", "tag"]),
    (Field::Commit, &["commit", "sha", "revision"]),
    (
        Field::Author,
        &["by", "user", "author", "username", "email"],
    ),
    (
        Field::Description,
        &["message", "description", "title", "summary", "comment"],
    ),
    (Field::Environment, &["environment", "env"]),
    (Field::Status, &["status", "state", "result", "outcome"]),
    (Field::Image, &["image"]),
];

/// What isn't about the change itself: `apiVersion`, `previousCommit`, `approval_status`.
const OTHER_WORDS: [&str; 22] = [
    "api",
    "schema",
    "previous",
    "prev",
    "old",
    "from",
    "parent",
    "base",
    "plan",
    "scan",
    "review",
    "approval",
    "approved",
    "blocked",
    "chart",
    "flyway",
    "liquibase",
    "min",
    "max",
    "next",
    "operation",
    "error",
];

/// Keys whose value is an environment only if it is the name of one.
const PERHAPS_ENVIRONMENT: [&str; 12] = [
    "stage",
    "tier",
    "target",
    "context",
    "channel",
    "namespace",
    "cluster",
    "branch",
    "ring",
    "space",
    "region",
    "headbranch",
];

/// Whether a key's value names the zone of the times beside it.
pub(super) fn is_zone_key(key: &str) -> bool {
    matches!(
        squeeze(key).as_str(),
        "timezone" | "tz" | "timezoneid" | "timezonename"
    )
}

/// What a key stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Meaning {
    pub(super) field: Field,
    /// How much it is to be believed: less is better.
    pub(super) rank: usize,
    /// Whether it is a guess by the key's words: a value that can't be meant is then no error.
    pub(super) guessed: bool,
    /// Whether the key says that its time is in UTC.
    pub(super) in_utc: bool,
}

/// What a key at the top of an entry, or of what only wraps one, means.
pub(super) fn meaning(key: &str) -> Option<Meaning> {
    exact(&squeeze(key))
        .or_else(|| times::time(key))
        .or_else(|| by_last_word(key))
}

/// What a path into an entry's objects means.
pub(super) fn meaning_of_path(path: &[&str]) -> Option<Meaning> {
    let joined: String = path.iter().map(|key| squeeze(key)).collect();
    exact(&joined)
}

/// Whether a key's value, if it names an environment, is that of the change.
pub(super) fn may_be_environment(key: &str) -> bool {
    PERHAPS_ENVIRONMENT.contains(&squeeze(key).as_str())
}

fn exact(squeezed: &str) -> Option<Meaning> {
    static LISTED: LazyLock<HashMap<&str, (Field, usize)>> = LazyLock::new(|| {
        let names = |(field, names): (Field, &'static str)| {
            let ranked = names.split(' ').enumerate();
            ranked.map(move |(rank, name)| (name, (field, rank)))
        };
        SYNONYMS.into_iter().flat_map(names).collect()
    });
    LISTED.get(squeezed).map(|(field, rank)| Meaning {
        field: *field,
        rank: *rank,
        guessed: false,
        in_utc: false,
    })
}

fn by_last_word(key: &str) -> Option<Meaning> {
    let words = words_of(key);
    if words.len() < 2
        || words
            .iter()
            .any(|word| OTHER_WORDS.contains(&word.as_str()))
    {
        return None;
    }
    let last = words.last()?;
    LAST_WORDS
        .iter()
        .find(|(_, lasts)| lasts.contains(&last.as_str()))
        .map(|(field, _)| Meaning {
            field: *field,
            rank: GUESSED,
            guessed: true,
            in_utc: false,
        })
}

/// After all that is listed.
const GUESSED: usize = 100;

/// Whether a column of this name says when.
pub(super) fn is_time_key(name: &str) -> bool {
    meaning(name).is_some_and(|m| matches!(m.field, Field::At | Field::Finished))
}

/// Objects that only wrap an entry, or a part of one: their keys count as if they stood beside
/// them.
const ENVELOPES: [&str; 20] = [
    "attributes",
    "data",
    "fields",
    "node",
    "record",
    "change",
    "changeevent",
    "deploy",
    "deployment",
    "payload",
    "event",
    "result",
    "workflowrun",
    "run",
    "execution",
    "properties",
    "customdetails",
    "build",
    "resource",
    "deploymentstatus",
];

/// Objects that hold one side of an entry: only keys that can't be meant of that side alone count,
/// not its `name`, `id`, `type` or `url`.
const ASPECTS: [&str; 17] = [
    "state",
    "vcs",
    "trigger",
    "meta",
    "metadata",
    "source",
    "substitutions",
    "lateststage",
    "sourcecontrol",
    "release",
    "moduleinfo",
    "cd",
    "sourcerevisions",
    "deploymenttrigger",
    "executiontriggerinfo",
    "statustimestamps",
    "deployable",
];

/// What an object inside an entry is to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrap {
    Envelope,
    Aspect,
    /// A thing of its own.
    Thing,
}

/// What the object under a key is to its entry.
pub(super) fn wrap(key: &str) -> Wrap {
    let key = squeeze(key);
    if ENVELOPES.contains(&key.as_str()) {
        Wrap::Envelope
    } else if ASPECTS.contains(&key.as_str()) {
        Wrap::Aspect
    } else {
        Wrap::Thing
    }
}

/// Whether a key, met inside an aspect, may still be meant of the whole.
pub(super) fn counts_in_aspect(field: Field, key: &str) -> bool {
    let key = squeeze(key);
    match field {
        Field::Id | Field::Kind | Field::Name | Field::Url | Field::Endpoints => false,
        Field::Service => key != "service",
        Field::Description => key.contains("commit") || key.contains("revision"),
        _ => true,
    }
}

/// Keys that only changes of one kind have.
const TELLING_KEYS: [(super::Kind, &[&str]); 3] = [
    (
        super::Kind::Flag,
        &[
            "featurename",
            "flagkey",
            "flagname",
            "featurekey",
            "featureflag",
            "flag",
            "toggle",
            "togglename",
            "settingkey",
            "featurestate",
        ],
    ),
    (
        super::Kind::Migration,
        &[
            "installedrank",
            "installedon",
            "installedonutc",
            "dateexecuted",
            "orderexecuted",
            "migration",
            "migrationid",
            "migrationname",
            "changeset",
            "changesetid",
        ],
    ),
    (
        super::Kind::Infra,
        &["terraformversion", "playbook", "isdestroy"],
    ),
];

/// The kind that a key gives away by being there.
pub(super) fn kind_of_key(key: &str) -> Option<super::Kind> {
    let key = squeeze(key);
    TELLING_KEYS
        .iter()
        .find(|(_, keys)| keys.contains(&key.as_str()))
        .map(|(kind, _)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_known_by_its_last_word_unless_it_is_of_something_else() {
        let field = |key: &str| meaning(key).map(|m| m.field);
        assert_eq!(field("targetEnvironment"), Some(Field::Environment));
        assert_eq!(field("rolled_out_by"), Some(Field::Author));
        assert_eq!(field("artifactVersion"), Some(Field::Version));
        assert_eq!(field("apiVersion"), None);
        assert_eq!(field("approval_status"), None);
        assert_eq!(field("lunch"), None);
    }
}
