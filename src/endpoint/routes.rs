//! Path patterns that people write: routes of their own, and the endpoints that a filter or a change names.

/// A path pattern: `{name}`, `:name` and `*` match one segment, `**` any number of them at the end;
/// inside a segment `*` matches any run of characters. A query is ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(Vec<u8>),
    Any,
    Rest,
    /// Pieces between the stars.
    Glob(Vec<Vec<u8>>),
}

impl Pattern {
    /// Reads a pattern; a missing leading slash is added. Every text is a pattern.
    pub fn new(text: &str) -> Pattern {
        let path = text.split(['?', '#']).next().unwrap_or_default();
        let path = path.strip_prefix('/').unwrap_or(path);
        let segments = path
            .split('/')
            .map(|s| match s {
                "**" => Segment::Rest,
                "*" => Segment::Any,
                s if s.starts_with('{') && s.ends_with('}') => Segment::Any,
                s if s.len() > 1 && s.starts_with(':') => Segment::Any,
                s if s.contains('*') => {
                    Segment::Glob(s.split('*').map(|p| p.as_bytes().to_vec()).collect())
                }
                s => Segment::Literal(s.as_bytes().to_vec()),
            })
            .collect();
        Pattern {
            text: format!("/{path}"),
            segments,
        }
    }

    /// The pattern's own text, as the template of what it matches.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it matches a path or a template. A placeholder in the template matches only what
    /// matches every segment.
    pub fn matches(&self, path: &[u8]) -> bool {
        let end = path
            .iter()
            .position(|b| matches!(b, b'?' | b'#'))
            .unwrap_or(path.len());
        let path = path[..end].strip_prefix(b"/").unwrap_or(&path[..end]);
        let mut parts = path.split(|&b| b == b'/');
        for segment in &self.segments {
            if *segment == Segment::Rest {
                return true;
            }
            match parts.next() {
                Some(part) if segment.matches(part) => {}
                _ => return false,
            }
        }
        parts.next().is_none()
    }
}

impl Segment {
    fn matches(&self, part: &[u8]) -> bool {
        match self {
            Segment::Literal(text) => text == part,
            Segment::Any => !part.is_empty(),
            Segment::Rest => true,
            Segment::Glob(pieces) => glob(pieces, part),
        }
    }
}

/// Whether `part` is the pieces in order with anything between them.
fn glob(pieces: &[Vec<u8>], part: &[u8]) -> bool {
    let [first, middle @ .., last] = pieces else {
        return false;
    };
    let Some(mut rest) = part.strip_prefix(first.as_slice()) else {
        return false;
    };
    for piece in middle {
        let Some(at) = memchr::memmem::find(rest, piece) else {
            return false;
        };
        rest = &rest[at + piece.len()..];
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

/// The user's own routes: the first that matches a path is its template.
#[derive(Debug, Clone, Default)]
pub struct Routes(Vec<Pattern>);

impl Routes {
    /// Routes in order of precedence.
    pub fn new(routes: &[String]) -> Routes {
        Routes(routes.iter().map(|r| Pattern::new(r)).collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The template of the first route that matches this target.
    #[inline]
    pub fn find(&self, target: &[u8]) -> Option<&str> {
        self.0.iter().find(|p| p.matches(target)).map(Pattern::text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_segment_by_segment() {
        for (pattern, path, expected) in [
            ("/orders/{id}", "/orders/{id}", true),
            ("/orders/:id", "/orders/17", true),
            ("/orders/*", "/orders/17/items", false),
            ("/orders/**", "/orders/17/items", true),
            ("/orders/**", "/orders", true),
            ("/orders", "/orders?x=1", true),
            ("orders", "/orders", true),
            ("/orders", "/orders/", false),
            ("/orders/17", "/orders/{id}", false),
            ("/export-*.csv", "/export-2024-04.csv", true),
            ("/export-*.csv", "/export-.csv", true),
            ("/export-*.csv", "/export.csv", false),
            ("/a*b*b", "/ab", false),
            ("/a*b*b", "/axbyb", true),
            ("**", "/anything/at/all", true),
            ("/orders/*", "/orders/", false),
        ] {
            assert_eq!(
                Pattern::new(pattern).matches(path.as_bytes()),
                expected,
                "{pattern} on {path}"
            );
        }
    }

    #[test]
    fn the_first_route_wins() {
        let routes = Routes::new(&["/users/me".into(), "/users/{name}".into()]);
        assert_eq!(routes.find(b"/users/me"), Some("/users/me"));
        assert_eq!(routes.find(b"/users/ann?x"), Some("/users/{name}"));
        assert_eq!(routes.find(b"/carts"), None);
    }
}
