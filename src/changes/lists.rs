//! Where the entries of a marker file lie: at its top, or in lists that pages, APIs and tools wrap
//! around them.
//!
//! Comes in: a top-level value. Goes out: the entries in it, or the message of the error that was
//! saved in their place. Knows no deploy system.

use serde_json::{Map, Value};

use super::keys::Role;
use super::native;
use super::words::squeeze;

/// Names of lists of entries, as [`squeeze`] leaves them.
const LISTS: [&str; 35] = [
    "changes",
    "deploys",
    "deployments",
    "markers",
    "releases",
    "events",
    "items",
    "results",
    "data",
    "value",
    "values",
    "records",
    "rows",
    "list",
    "content",
    "entries",
    "nodes",
    "edges",
    "runs",
    "workflowruns",
    "executions",
    "pipelineexecutionsummaries",
    "builds",
    "pipelines",
    "versions",
    "revisions",
    "rollouts",
    "migrations",
    "result",
    "auditlogs",
    "issues",
    "annotations",
    "pages",
    "history",
    "scheduledmaintenances",
];

/// How deep wrappers are opened.
const DEPTH: usize = 6;

/// The entries in a value: those of the lists that it wraps, else the value itself.
pub(super) fn entries(value: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    open(value, 0, &mut found);
    found
}

fn open<'a>(value: &'a Value, depth: usize, found: &mut Vec<&'a Value>) {
    match value {
        Value::Array(list) if depth < DEPTH => {
            list.iter().for_each(|one| open(one, depth + 1, found));
        }
        Value::Object(map) if depth < DEPTH => match wrapped(map, DEPTH - depth) {
            Some(inner) => open(inner, depth + 1, found),
            None => found.push(value),
        },
        _ => found.push(value),
    }
}

/// What an object only wraps: a list under a name for lists, else the only list of dated objects
/// somewhere in it. An entry with a time of its own may list what it changed, and wraps nothing,
/// unless the elements are dated too. Looks no more than `depth` levels down.
fn wrapped(map: &Map<String, Value>, depth: usize) -> Option<&Value> {
    let below = depth.checked_sub(1)?;
    let own = native::role_of_time(map);
    let is_entry = own.is_some_and(|role| role <= Role::Created);
    let is_dated = |list: &[Value]| {
        list.iter().filter_map(Value::as_object).any(|element| {
            native::role_of_time(element).is_some() || wrapped(element, below).is_some()
        })
    };
    let named = LISTS.iter().find_map(|name| {
        let (_, inner) = map.iter().find(|(key, _)| squeeze(key) == *name)?;
        let list = inner.as_array()?;
        (own.is_none() || is_dated(list)).then_some(inner)
    });
    let anywhere = || {
        let mut lists = map
            .values()
            .filter(|inner| inner.as_array().is_some_and(|list| is_dated(list)));
        lists.next().filter(|_| lists.next().is_none())
    };
    let inside = || {
        let mut objects = map.values().filter(|inner| {
            inner
                .as_object()
                .is_some_and(|inner| wrapped(inner, below).is_some())
        });
        objects.next().filter(|_| objects.next().is_none())
    };
    match named {
        Some(list) => Some(list),
        None if is_entry => None,
        None => anywhere().or_else(inside),
    }
}

/// Keys of the objects that APIs answer with instead of what they were asked for.
const ERROR_KEYS: [&str; 7] = [
    "error",
    "errors",
    "message",
    "errormessage",
    "errordescription",
    "detail",
    "fault",
];

/// What an API said instead of listing its deploys: `{"message":"Bad credentials"}`.
pub(super) fn refusal(value: &Value) -> Option<String> {
    const FEW_KEYS: usize = 8;
    let map = value.as_object().filter(|map| map.len() <= FEW_KEYS)?;
    if native::role_of_time(map).is_some_and(|role| role != Role::Bare) {
        return None;
    }
    let said = ERROR_KEYS.iter().find_map(|name| {
        let (_, said) = map.iter().find(|(key, _)| squeeze(key) == *name)?;
        first_text(said)
    })?;
    // A marker that lacks nothing but its time has more to say than a message.
    let is_marker = ["service", "version", "kind", "app", "commit"]
        .iter()
        .any(|key| map.contains_key(*key));
    (!is_marker).then(|| said.chars().take(120).collect())
}

fn first_text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text.trim()).filter(|t| !t.is_empty()),
        Value::Array(list) => list.first().and_then(first_text),
        Value::Object(map) => ["message", "title", "detail", "description", "code"]
            .iter()
            .find_map(|key| map.get(*key).and_then(first_text)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ids(value: Value) -> Vec<u64> {
        let id = |entry: &Value| {
            entry
                .pointer("/id")
                .or(entry.pointer("/node/id"))
                .and_then(Value::as_u64)
        };
        entries(&value).into_iter().filter_map(id).collect()
    }

    #[test]
    fn lists_are_found_in_whatever_wraps_them() {
        let two = json!([{"id": 1, "started_at": 1712764710}, {"id": 2, "started_at": 1712764710}]);
        for wrapped in [
            two.clone(),
            json!({"items": two}),
            json!({"Deployments": two, "total": 2, "generated_at": "2024-04-10T00:00:00Z"}),
            json!({"err": 0, "result": {"page": 1, "deploys": two}}),
            json!({"status": "SUCCESS", "data": {"content": two, "pageable": {"size": 1}}}),
            json!({"whatever_they_call_it": two}),
            json!({"data": {"repository": {"deployments": {"edges": [
                {"node": {"id": 1, "createdAt": 1712764710}},
                {"node": {"id": 2, "createdAt": 1712764710}}]}}}}),
            json!([{"items": [two[0]], "next": "p2"}, {"items": [two[1]], "next": null}]),
        ] {
            assert_eq!(ids(wrapped.clone()), [1, 2], "{wrapped}");
        }
        assert_eq!(entries(&json!({"changes": [], "next": null})).len(), 0);
    }

    #[test]
    fn an_entry_that_lists_what_it_changed_is_an_entry() {
        let entry = json!({"id": 7, "started_at": 1712764710, "changes": [{"version": "2"}],
                           "steps": [{"name": "build", "started_at": 1712764710}]});
        assert_eq!(ids(entry), [7]);
    }

    #[test]
    fn an_error_in_place_of_markers_is_told() {
        let told = [
            (
                json!({"message": "Bad credentials", "documentation_url": "u"}),
                Some("Bad credentials"),
            ),
            (
                json!({"error": {"code": 401, "message": "no token"}}),
                Some("no token"),
            ),
            (
                json!({"errors": [{"title": "unauthorized"}]}),
                Some("unauthorized"),
            ),
            (
                json!({"timestamp": 1712764710, "status": 500, "error": "Internal Server Error"}),
                Some("Internal Server Error"),
            ),
            (json!({"service": "api", "message": "new login"}), None),
            (
                json!({"started_at": 1712764710, "message": "new login"}),
                None,
            ),
        ];
        for (value, expected) in told {
            assert_eq!(refusal(&value).as_deref(), expected, "{value}");
        }
    }
}
