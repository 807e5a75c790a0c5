//! Footprint: which of the log's endpoints a change declares to touch.
//!
//! A marker names a service, paths, or both. Paths are literal, globs or templates: a segment
//! `{…}`, `:name` or `*` matches one segment, a `*` within a segment any part of it, `**` the rest.
//! Hosts are not compared: the counts that come in here are not kept per host.

use super::{Context, EndpointFact};
use crate::changes::Change;

/// What a change touches, as far as its marker and the log tell.
pub(super) enum Footprint {
    /// The marker names neither a service nor paths.
    Undeclared,
    /// Nothing that it names occurs in the log.
    OutOfSight,
    /// For each endpoint of the context, whether the change touches it.
    Declared(Vec<bool>),
}

impl Footprint {
    /// The footprint of `change` among the endpoints of the context. A service that is not in the
    /// log leaves the paths to tell: logs often name services otherwise than deploy systems do.
    pub(super) fn of(change: &Change, context: &Context) -> Footprint {
        if change.service.is_none() && change.endpoints.is_empty() {
            return Footprint::Undeclared;
        }
        let in_service = |endpoint: &EndpointFact| {
            change
                .service
                .as_ref()
                .is_some_and(|name| name.eq_ignore_ascii_case(&endpoint.service))
        };
        let service_in_sight = context.endpoints.iter().any(in_service);
        let touched: Vec<bool> = context
            .endpoints
            .iter()
            .map(|endpoint| {
                (in_service(endpoint) || !service_in_sight)
                    && (change.endpoints.is_empty() && service_in_sight
                        || change
                            .endpoints
                            .iter()
                            .any(|pattern| names(pattern, endpoint)))
            })
            .collect();
        if !service_in_sight && !touched.contains(&true) {
            return Footprint::OutOfSight;
        }
        Footprint::Declared(touched)
    }

    /// The touched endpoints of a declared footprint.
    pub(super) fn endpoints<'a>(
        &'a self,
        context: &'a Context,
    ) -> impl Iterator<Item = &'a EndpointFact> {
        let touched = match self {
            Footprint::Declared(touched) => touched.as_slice(),
            Footprint::Undeclared | Footprint::OutOfSight => &[],
        };
        context
            .endpoints
            .iter()
            .zip(touched)
            .filter(|(_, touched)| **touched)
            .map(|(e, _)| e)
    }
}

/// Whether a declared pattern (`/login`, `POST /orders/{id}`, `https://host/v1/**`) names an endpoint.
fn names(pattern: &str, endpoint: &EndpointFact) -> bool {
    let (method, target) = match pattern.trim().split_once(' ') {
        Some((method, target)) => (Some(method), target.trim_start()),
        None => (None, pattern.trim()),
    };
    if method.is_some_and(|method| !method.eq_ignore_ascii_case(&endpoint.method)) {
        return false;
    }
    let path = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |slash| &rest[slash..]),
        None => target,
    };
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    path_matches(path, &endpoint.template)
}

/// Whether the pattern's segments match the template's, one by one.
fn path_matches(pattern: &str, template: &str) -> bool {
    let mut wanted = pattern.split('/').filter(|segment| !segment.is_empty());
    let mut found = template.split('/').filter(|segment| !segment.is_empty());
    loop {
        match (wanted.next(), found.next()) {
            (Some("**"), _) | (None, None) => return true,
            (Some(want), Some(have)) => {
                if !is_variable(want) && !is_variable(have) && !segment_matches(want, have) {
                    return false;
                }
            }
            (Some(_), None) | (None, Some(_)) => return false,
        }
    }
}

/// Whether a segment stands for any one segment.
fn is_variable(segment: &str) -> bool {
    segment == "*"
        || (segment.starts_with(':') && segment.len() > 1)
        || (segment.starts_with('{') && segment.ends_with('}'))
}

/// Whether a segment with `*` in it matches a literal one: the parts occur in order, the first at
/// its begin, the last at its end.
fn segment_matches(want: &str, have: &str) -> bool {
    let Some((first, rest)) = want.split_once('*') else {
        return want == have;
    };
    let Some(mut left) = have.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match left.split_once(part) {
            Some((_, after)) => left = after,
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_globs_and_templates_match_segment_by_segment() {
        let cases = [
            ("/api/v1/login", "/api/v1/login", true),
            ("/api/v1/login/", "/api/v1/login", true),
            ("/api/v1/login", "/api/v1/logout", false),
            ("/api/v1/login", "/api/v1", false),
            ("/orders/{order}", "/orders/{id}", true),
            ("/orders/:id/items", "/orders/{id}/items", true),
            ("/orders/4711", "/orders/{id}", true),
            ("/orders/*", "/orders/{id}", true),
            ("/orders/*", "/orders/{id}/items", false),
            ("/orders/**", "/orders/{id}/items", true),
            ("/orders/**", "/orders", true),
            ("/**", "/", true),
            ("/api/v*/log*n", "/api/v1/login", true),
            ("/api/v*/log*t", "/api/v1/login", false),
            ("/aba*aba", "/aba", false),
            ("", "/api", false),
        ];
        for (pattern, template, expected) in cases {
            assert_eq!(
                path_matches(pattern, template),
                expected,
                "{pattern} on {template}"
            );
        }
    }

    #[test]
    fn a_pattern_may_carry_a_method_or_a_host() {
        let endpoint = crate::blame::tests::endpoint("api", "/v1/login", 0);
        assert!(names("get /v1/login", &endpoint));
        assert!(!names("POST /v1/login", &endpoint));
        assert!(names("https://api.example.com/v1/*?x=1", &endpoint));
    }

    #[test]
    fn a_service_of_another_name_leaves_the_paths_to_tell() {
        use crate::blame::tests::{change, context, endpoint};
        let context = Context {
            endpoints: vec![
                endpoint("access", "/login", 0),
                endpoint("access", "/search", 1),
            ],
            ..context()
        };
        let touched = |service: Option<&str>, paths: &[&str]| {
            let change = Change {
                service: service.map(str::to_owned),
                endpoints: paths.iter().map(|p| (*p).to_owned()).collect(),
                ..change("d-1", 0)
            };
            match Footprint::of(&change, &context) {
                Footprint::Declared(touched) => Some(touched),
                Footprint::OutOfSight => Some(Vec::new()),
                Footprint::Undeclared => None,
            }
        };
        assert_eq!(touched(Some("Access"), &[]), Some(vec![true, true]));
        assert_eq!(
            touched(Some("access"), &["/login"]),
            Some(vec![true, false])
        );
        assert_eq!(touched(Some("auth"), &["/login"]), Some(vec![true, false]));
        assert_eq!(touched(None, &["/login"]), Some(vec![true, false]));
        assert_eq!(touched(Some("auth"), &[]), Some(vec![]));
        assert_eq!(touched(Some("auth"), &["/logout"]), Some(vec![]));
        assert_eq!(touched(None, &[]), None);
    }
}
