//! Tags: lists of words that say everything about an annotation, in no order.
//!
//! `service:api` and `env=production` are keys with values, read as native keys are; `deploy` is a
//! kind, `production` an environment. All tags are kept in `extra`, too.

use serde_json::{Map, Value};

use super::super::{Kind, native, words};
use super::Change;

/// Adds what tags say to a change; its kind where the change itself didn't say a special one.
pub(super) fn add(change: &mut Change, tags: &Value) {
    let listed: Vec<&str> = match tags {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        Value::String(text) => text
            .split([',', ' '])
            .filter(|tag| !tag.is_empty())
            .collect(),
        _ => return,
    };
    let mut details = Map::new();
    let mut kinds = Vec::new();
    for tag in &listed {
        if let Some((key, value)) = tag.split_once([':', '=']) {
            details.insert(key.to_owned(), Value::String(value.to_owned()));
        } else if words::is_environment(tag) {
            change.environment.get_or_insert_with(|| (*tag).to_owned());
        } else {
            kinds.extend(words::kind(tag));
        }
    }
    let mut told = change.clone();
    native::complete(&mut told, &details);
    told.extra.clone_from(&change.extra);
    *change = told;
    if let (Kind::Deploy, Some(kind)) = (change.kind, kinds.first()) {
        change.kind = *kind;
    }
    if !listed.is_empty() {
        change.extra.insert("tags".to_owned(), tags.clone());
    }
}
