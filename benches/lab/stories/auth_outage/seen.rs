//! The truth of `auth-outage`, counted while its lines are made.

use std::collections::{BTreeMap, BTreeSet};

use super::OFFSET_H;
use crate::stories::clock;
use crate::traffic::Route;

/// What happened on the endpoints behind the middleware while it was broken.
#[derive(Default)]
pub struct Seen {
    active: BTreeSet<u64>,
    locked_out: BTreeSet<u64>,
    /// Endpoint → (requests, failures of the fault), 09:00:00 to 11:02:00.
    endpoints: BTreeMap<String, (u64, u64)>,
    first_ms: Option<i64>,
    last_ms: Option<i64>,
}

impl Seen {
    /// Notes a request behind the middleware; `in_window`: from the deploy to 11:02.
    pub fn note(
        &mut self,
        route: &Route,
        at_ms: i64,
        user: u64,
        locked_out: bool,
        in_window: bool,
    ) {
        if in_window {
            let name = format!("{} {}", route.method, route.path.replace("{order}", "{id}"));
            let (requests, failures) = self.endpoints.entry(name).or_default();
            *requests += 1;
            *failures += u64::from(locked_out);
            self.active.insert(user);
        }
        if locked_out {
            self.locked_out.insert(user);
            self.first_ms = Some(self.first_ms.map_or(at_ms, |first| first.min(at_ms)));
            self.last_ms = Some(self.last_ms.map_or(at_ms, |last| last.max(at_ms)));
        }
    }

    /// What was put in, and what came of it.
    pub fn truth(&self) -> Vec<(&'static str, String)> {
        let time = |at: Option<i64>| at.map_or("never".to_owned(), |ms| clock(ms, OFFSET_H));
        let mut truth = vec![
            (
                "cause",
                "`d-3104`, deploy of `api` 2.4.0 at 09:00:00".to_owned(),
            ),
            ("undone by", "`d-3105`, rollback at 11:00:00".to_owned()),
            ("first failure", time(self.first_ms)),
            ("last failure", time(self.last_ms)),
            (
                "users active on the endpoints",
                self.active.len().to_string(),
            ),
            ("users locked out", self.locked_out.len().to_string()),
        ];
        truth.extend(
            self.endpoints
                .iter()
                .map(|(endpoint, (requests, failures))| {
                    (
                        "endpoint",
                        format!("`{endpoint}`: {failures} of {requests} requests"),
                    )
                }),
        );
        truth
    }
}
