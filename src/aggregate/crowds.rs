//! Crowds of names: places in paths where names come and go.
//!
//! `/users/ann` and `/users/bob` are one endpoint, and no rule tells that from one path alone; that there
//! are hundreds of them, or dozens that nobody asks for again, does. So where many rare siblings lie side
//! by side they are counted together, as `/users/{name}`, and what lies beneath them, too.
//! Siblings that are asked for often stay what they are: a flood of invented paths takes no route away.
//! Sees names and numbers of requests; which of them failed is nothing to it, lest it choose by outcome.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use super::Key;

/// What stands for a name.
const NAME: &[u8] = b"{name}";
/// Fewer rare siblings are told apart.
const CROWD: usize = 50;
/// So many come and go if one in two …
const GONE_AGAIN: usize = 2;
/// … was there for no more than this part of the log only: of a route that was asked for twice the two requests lie so near
/// with a probability of 19 %, of one that was asked for four times with 0.4 %.
const SHORT: i64 = 10;
/// More rare siblings are names however they come.
const LARGE_CROWD: usize = 200;
/// Requests with which an endpoint can be judged by itself.
const RARE: u64 = 20;
/// Nobody's interface has more endpoints: beyond, what counts as rare is doubled until they are fewer.
const MANY: usize = 2_000;

/// The places of paths where names come and go, by service and path before them: the siblings that stay what
/// they are.
#[derive(Debug, Clone, Default)]
pub struct Crowds(HashMap<Vec<u8>, BTreeSet<Vec<u8>>>);

impl Crowds {
    /// The crowds among endpoints.
    pub fn among<'k>(endpoints: impl Iterator<Item = (&'k Key, Seen)>) -> Crowds {
        let mut services: BTreeMap<&[u8], Vec<Route<'_>>> = BTreeMap::new();
        let mut all = Seen::default();
        let mut most = 0;
        for (key, seen) in endpoints {
            all = all.and(seen);
            most = seen.requests.max(most);
            if let Some(rest) = key.template.strip_prefix(b"/") {
                let routes = services.entry(&key.service).or_default();
                routes.push((Some(rest), seen));
            }
        }
        let search = |rare: u64, many: bool| {
            let mut search = Search {
                rare,
                many,
                short_min: all.minutes() / SHORT,
                crowds: Crowds::default(),
                left: 0,
            };
            for (service, routes) in &services {
                search.look(&place(service), routes);
            }
            search
        };
        let mut found = search(RARE, false);
        let mut rare = RARE;
        while found.left > MANY && rare <= most.saturating_mul(2) {
            found = search(rare, true);
            rare = rare.saturating_mul(2);
        }
        found.crowds
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The template in which the names of crowds are replaced; `None` where it has none.
    pub fn fold(&self, service: &[u8], template: &[u8]) -> Option<Vec<u8>> {
        if self.is_empty() {
            return None;
        }
        let mut folded = place(service);
        let begin = folded.len();
        let mut replaced = false;
        for segment in template.strip_prefix(b"/")?.split(|&b| b == b'/') {
            let kept = self.0.get(&folded).filter(|_| is_name(segment));
            let is_of_it = kept.is_some_and(|kept| !kept.contains(segment));
            replaced |= is_of_it;
            folded.push(b'/');
            folded.extend_from_slice(if is_of_it { NAME } else { segment });
        }
        replaced.then(|| folded.split_off(begin))
    }

    /// Each place, `(service, path before the names)`, sorted.
    pub fn places(&self) -> Vec<(&[u8], &[u8])> {
        let mut places: Vec<(&[u8], &[u8])> = Vec::new();
        for place in self.0.keys() {
            if let Some(end) = memchr::memchr(0, place) {
                places.push((&place[..end], &place[end + 1..]));
            }
        }
        places.sort_unstable();
        places
    }
}

/// How often an endpoint was asked for, and when.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// Requests.
    pub requests: u64,
    /// The first and the last minute with one.
    pub span: Option<(i32, i32)>,
}

impl Seen {
    /// Of both.
    fn and(self, other: Seen) -> Seen {
        let spans = [self.span, other.span].into_iter().flatten();
        Seen {
            requests: self.requests.saturating_add(other.requests),
            span: spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))),
        }
    }

    /// From its first minute to its last.
    fn minutes(self) -> i64 {
        let span = self
            .span
            .map(|(first, last)| i64::from(last) - i64::from(first));
        span.unwrap_or(0)
    }
}

/// What is left of a path below some place, and its requests; `None` where it ends there.
type Route<'k> = (Option<&'k [u8]>, Seen);

/// One search for crowds.
struct Search {
    /// A sibling with fewer requests is rare.
    rare: u64,
    /// Whether there are too many endpoints: then names needn't come and go.
    many: bool,
    /// What was there for so many minutes came and went.
    short_min: i64,
    crowds: Crowds,
    /// Paths that are left apart.
    left: usize,
}

impl Search {
    /// Looks for a crowd right behind `path`, and further on.
    fn look(&mut self, path: &[u8], routes: &[Route<'_>]) {
        let mut below: BTreeMap<&[u8], (Seen, Vec<Route<'_>>)> = BTreeMap::new();
        let mut ends_here = 0;
        for &(rest, seen) in routes {
            let Some(rest) = rest else {
                ends_here = 1;
                continue;
            };
            let (segment, rest) = match memchr::memchr(b'/', rest) {
                Some(at) => (&rest[..at], Some(&rest[at + 1..])),
                None => (rest, None),
            };
            let (all, routes) = below.entry(segment).or_default();
            *all = all.and(seen);
            routes.push((rest, seen));
        }
        self.left += ends_here;
        let is_rare = |segment: &[u8], seen: &Seen| is_name(segment) && seen.requests < self.rare;
        let rare = below
            .iter()
            .filter(|(segment, (seen, _))| is_rare(segment, seen));
        let rare: Vec<(&[u8], Seen)> = rare.map(|(segment, (seen, _))| (*segment, *seen)).collect();
        let gone = rare
            .iter()
            .filter(|(_, seen)| seen.minutes() <= self.short_min);
        let come_and_go = gone.count() * GONE_AGAIN >= rare.len();
        let are_names = self.many || come_and_go || rare.len() >= LARGE_CROWD;
        if below.contains_key(NAME) || rare.len() >= CROWD && are_names {
            let mut together = Vec::new();
            for (name, _) in &rare {
                together.extend(below.remove(name).unwrap_or_default().1);
            }
            let kept = below.keys().filter(|segment| is_name(segment));
            let kept = kept.map(|segment| segment.to_vec()).collect();
            below.entry(NAME).or_default().1.extend(together);
            self.crowds.0.insert(path.to_vec(), kept);
        }
        for (segment, (_, routes)) in below {
            self.look(&[path, b"/", segment].concat(), &routes);
        }
    }
}

/// The begin of all places of a service.
fn place(service: &[u8]) -> Vec<u8> {
    [service, b"\0"].concat()
}

/// Whether a segment is a name, and not something that stands for one already.
fn is_name(segment: &[u8]) -> bool {
    let stands_for_one = segment.starts_with(b"{") && segment.ends_with(b"}");
    !segment.is_empty() && !stands_for_one
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(template: &str) -> Key {
        Key {
            service: b"api".to_vec(),
            method: b"GET".to_vec(),
            template: template.as_bytes().to_vec(),
        }
    }

    /// So many requests, the first and the last in these minutes.
    fn seen(requests: u64, first: i32, last: i32) -> Seen {
        Seen {
            requests,
            span: Some((first, last)),
        }
    }

    /// What the templates become, each once.
    fn folded(counts: &[(String, Seen)]) -> BTreeSet<String> {
        let keys: Vec<(Key, Seen)> = counts.iter().map(|(t, seen)| (key(t), *seen)).collect();
        let crowds = Crowds::among(keys.iter().map(|(key, seen)| (key, *seen)));
        let fold = |(template, _): &(String, Seen)| {
            let folded = crowds.fold(b"api", template.as_bytes());
            folded.map_or(template.clone(), |bytes| String::from_utf8(bytes).unwrap())
        };
        counts.iter().map(fold).collect()
    }

    fn texts(texts: &[&str]) -> BTreeSet<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_that_come_and_go_are_counted_together_and_what_is_beneath_them_too() {
        let mut counts = vec![
            ("/users/me".into(), seen(900, 0, 600)),
            ("/orders/{id}".into(), seen(5, 10, 500)),
        ];
        for i in 0..30 {
            counts.push((format!("/users/u{i}x/orders"), seen(8, 20 * i, 20 * i + 9)));
            counts.push((
                format!("/users/u{i}y/orders/{{id}}"),
                seen(1, 20 * i, 20 * i),
            ));
        }
        assert_eq!(
            folded(&counts),
            texts(&[
                "/orders/{id}",
                "/users/me",
                "/users/{name}/orders",
                "/users/{name}/orders/{id}"
            ])
        );
    }

    #[test]
    fn a_fixed_set_of_routes_is_told_apart_however_rare_they_are() {
        let route = |i: i32| (format!("/api/do{i}"), seen(4, i, 500 + i));
        assert_eq!(folded(&(0..199).map(route).collect::<Vec<_>>()).len(), 199);
        assert_eq!(folded(&(0..200).map(route).collect::<Vec<_>>()).len(), 1);
        let once = |i: i32| (format!("/api/do{i}"), seen(1, i, i));
        assert_eq!(folded(&(0..49).map(once).collect::<Vec<_>>()).len(), 49);
    }

    #[test]
    fn thousands_of_busy_names_are_no_interface() {
        let name = |i: i32| (format!("/{i}a/cart"), seen(300, 0, 600));
        let mut counts: Vec<_> = (0..5_000).map(name).collect();
        counts.push(("/login".into(), seen(90_000, 0, 600)));
        assert_eq!(folded(&counts), texts(&["/login", "/{name}/cart"]));
    }

    #[test]
    fn what_stands_for_a_name_already_takes_the_rare_ones_beside_it() {
        let counts = [
            ("/u/{name}", 500),
            ("/u/ann", 3),
            ("/u/bob", 40),
            ("/u/{id}", 2),
            ("/u/", 1),
        ];
        let counts = counts.map(|(template, n)| (template.to_string(), seen(n, 0, 600)));
        assert_eq!(
            folded(&counts),
            texts(&["/u/", "/u/bob", "/u/{id}", "/u/{name}"])
        );
    }
}
