//! The stateless rules that turn one request target into its path template.
//!
//! The query, the fragment, path parameters (`;jsessionid=…`) and the authority of an absolute URL
//! are dropped; each segment that names a thing instead of a kind of thing becomes a placeholder:
//!
//! | segment | becomes |
//! |---|---|
//! | digits | `{id}` |
//! | 8-4-4-4-12 hexadecimal digits | `{uuid}` |
//! | `2024-04-10`, `20240410T0900` | `{date}` |
//! | `ann@example.com` | `{email}` |
//! | ≥ 8 hexadecimal digits, one of them a decimal digit | `{hex}` |
//! | ≥ 16 letters and digits with ≥ 2 digits; ≥ 24 of often changing case; ≥ 48 of anything | `{token}` |
//!
//! A segment of several parts (`order-4711.json`, `main.3f2a1b9c.js`) keeps its words and replaces
//! parts of ≥ 3 digits, hexadecimal and token parts.

use super::ShortText;
use super::marks::{Marks, SPAN, marks};

/// Longest template, in bytes; what is longer ends in `{rest}`.
const MAX_LEN: usize = 256;
/// Most segments in a template; what has more ends in `{rest}`.
const MAX_SEGMENTS: usize = 12;

const DIGIT: u8 = 1;
const AT: u8 = 2;
const STOP: u8 = 4;
const PART: u8 = 8;

/// What each byte can be part of. `STOP` ends a segment or the path.
static CLASS: [u8; 256] = {
    let mut table = [0u8; 256];
    let mut b = 0usize;
    while b < 256 {
        table[b] = match b as u8 {
            b'0'..=b'9' => DIGIT,
            b'/' | b'?' | b'#' | b';' => STOP,
            b'-' | b'_' | b'.' | b'~' | b':' | b',' | b'=' | b'|' => PART,
            b'@' => AT,
            _ => 0,
        };
        b += 1;
    }
    table
};

/// Appends the path template of `target` to `out`: at most `MAX_LEN` bytes and a placeholder.
///
/// `*` (of `OPTIONS *`) and `host:port` (of `CONNECT`) stay as they are, cut at the same length.
#[inline]
pub fn append_template(target: &[u8], out: &mut ShortText) {
    let path = path_of(target);
    if is_relative(path) {
        // Akamai's paths come without their slash. Nothing else does, so nobody else pays for the copy.
        let path = [b"/", path.get(..LONGEST_RELATIVE).unwrap_or(path)].concat();
        append_path(&path, out);
        return;
    }
    if path.first() != Some(&b'/') {
        out.push(path.get(..MAX_LEN).unwrap_or(path));
        return;
    }
    if let Some(marks) = marks(path)
        && let Some(plain) = Plain::new(path, marks)
    {
        plain.append(out);
    } else {
        append_path(path, out);
    }
}

/// A path without anything that asks for a closer look at where its segments end: all of it, up to
/// its query, lies within the marked bytes, and it has neither parameters nor long words.
struct Plain<'a> {
    path: &'a [u8],
    slash: u64,
    /// What may make a segment a thing: digits and `@`.
    special: u64,
    digit: u64,
}

impl<'a> Plain<'a> {
    #[inline]
    fn new(path: &'a [u8], marks: Marks) -> Option<Plain<'a>> {
        let end = (marks.stop.trailing_zeros() as usize).min(path.len());
        if end >= SPAN || path.get(end) == Some(&b';') {
            return None;
        }
        let inside = (1 << end) - 1;
        let slash = marks.slash & inside;
        // Bit i is set where bytes i to i + 2ⁿ⁺¹ - 1 are of one segment.
        let two = !slash & !slash >> 1 & inside >> 1;
        let four = two & two >> 2;
        let eight = four & four >> 4;
        let long = eight & eight >> 8 & eight >> (LONG - 8);
        (long == 0 && slash.count_ones() as usize <= MAX_SEGMENTS).then_some(Plain {
            path: &path[..end],
            slash,
            special: (marks.digit | marks.at) & inside,
            digit: marks.digit,
        })
    }

    /// Appends its template: only segments with special bytes are looked at.
    #[inline]
    fn append(self, out: &mut ShortText) {
        let mut run = 0;
        let mut special = self.special;
        while special != 0 {
            let before = (1u64 << special.trailing_zeros()) - 1;
            let start = SPAN - (self.slash & before).leading_zeros() as usize;
            let after = self.slash & !before;
            let end = (after.trailing_zeros() as usize).min(self.path.len());
            let segment = (1u64 << end) - (1u64 << start);
            special &= !segment;
            let digits = self.digit & segment;
            let has_at = self.special & !self.digit & segment != 0;
            if digits == segment {
                out.push(&self.path[run..start]);
                out.push(b"{id}");
            } else if end - start < SHORT && digits.count_ones() < 3 && !has_at {
                continue;
            } else {
                out.push(&self.path[run..start]);
                append_segment(&self.path[start..end], has_at, out);
            }
            run = end;
        }
        out.push(&self.path[run..]);
    }
}

/// The same for any path, segment by segment.
fn append_path(path: &[u8], out: &mut ShortText) {
    let begin = out.len();
    // What of the path is not copied yet begins here: runs of literal segments are copied at once.
    let mut run = 0;
    let mut at = 0;
    for segments in 0.. {
        // path[at] is a slash.
        let start = at + 1;
        let Segment { end, any, all } = Segment::at(path, start);
        at = end;
        if segments == MAX_SEGMENTS || out.len() - begin + at - run > MAX_LEN {
            out.push(&path[run..start]);
            out.push(b"{rest}");
            return;
        }
        let literal = any & (DIGIT | AT) == 0 && at - start < LONG;
        if !literal {
            out.push(&path[run..start]);
            if all & DIGIT != 0 && at > start {
                out.push(b"{id}");
            } else {
                append_segment(&path[start..at], any & AT != 0, out);
            }
            run = at;
        }
        if path.get(at) == Some(&b';') {
            out.push(&path[run..at]);
            at += path[at..]
                .iter()
                .take_while(|b| !matches!(b, b'/' | b'?' | b'#'))
                .count();
            run = at;
        }
        if path.get(at) != Some(&b'/') {
            out.push(&path[run..at]);
            return;
        }
    }
}

/// Where a segment ends, and what its bytes can be part of.
struct Segment {
    end: usize,
    /// The classes that any byte has.
    any: u8,
    /// The classes that all bytes have; all of them for an empty segment.
    all: u8,
}

impl Segment {
    /// The segment that begins at `start`: eight bytes at a time, the last few one by one.
    #[inline]
    fn at(path: &[u8], start: usize) -> Segment {
        let mut segment = Segment {
            end: start,
            any: 0,
            all: u8::MAX,
        };
        while let Some(bytes) = path.get(segment.end..).and_then(|rest| rest.first_chunk()) {
            let word = Word(u64::from_le_bytes(*bytes));
            if word.0 & HIGH != 0 {
                break;
            }
            let stop = word.equal(b'/') | word.equal(b'?') | word.equal(b'#') | word.equal(b';');
            // The bytes before the first stop.
            let inside = if stop == 0 {
                HIGH
            } else {
                (stop & stop.wrapping_neg()).wrapping_sub(1) & HIGH
            };
            let digits = word.at_least(b'0') & !word.at_least(b'9' + 1) & inside;
            if digits != 0 {
                segment.any |= DIGIT;
            }
            if digits != inside {
                segment.all = 0;
            }
            if word.equal(b'@') & inside != 0 {
                segment.any |= AT;
            }
            if stop != 0 {
                segment.end += stop.trailing_zeros() as usize / 8;
                return segment;
            }
            segment.end += 8;
        }
        while let Some(&byte) = path.get(segment.end) {
            let class = CLASS[usize::from(byte)];
            if class & STOP != 0 {
                break;
            }
            segment.any |= class;
            segment.all &= class;
            segment.end += 1;
        }
        segment
    }
}

/// The high bit of each byte.
const HIGH: u64 = u64::from_le_bytes([0x80; 8]);

/// Eight ASCII bytes, compared at once: the high bit of a byte of the answer is its answer. Sums of two
/// ASCII bytes never carry into the next byte, so all answers are exact.
#[derive(Clone, Copy)]
struct Word(u64);

impl Word {
    #[inline]
    fn at_least(self, byte: u8) -> u64 {
        self.0.wrapping_add(u64::from_le_bytes([0x80 - byte; 8])) & HIGH
    }

    #[inline]
    fn equal(self, byte: u8) -> u64 {
        let differs =
            (self.0 ^ u64::from_le_bytes([byte; 8])).wrapping_add(u64::from_le_bytes([0x7f; 8]));
        !differs & HIGH
    }
}

/// A shorter segment is a word if fewer than three digits and no `@` are in it: `v1`, `oauth2`.
const SHORT: usize = 8;
/// A segment of this length without a digit may still be a token.
const LONG: usize = 24;
/// A segment of this length is a token whatever is in it.
const VERY_LONG: usize = 48;

/// Longer than any template.
const LONGEST_RELATIVE: usize = 4 << 10;

/// Whether a target is a path without its slash, and neither `*` nor an authority (`shop.example:443`).
fn is_relative(target: &[u8]) -> bool {
    let first = target.split(|&b| b == b'/').next().unwrap_or_default();
    first
        .first()
        .is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
        && !first.contains(&b':')
}

/// The part of a target that its template is made of.
#[inline]
pub(super) fn path_of(target: &[u8]) -> &[u8] {
    match target.first() {
        Some(b'/') => target,
        _ => path_of_absolute(target),
    }
}

/// The path of `http://host:port/path`, or the target itself where it is no absolute URL.
fn path_of_absolute(target: &[u8]) -> &[u8] {
    let Some(scheme) = target.iter().take(16).position(|&b| b == b':') else {
        return target;
    };
    match target.get(scheme..scheme + 3) {
        Some(b"://") => {
            let authority = &target[scheme + 3..];
            match authority
                .iter()
                .position(|b| matches!(b, b'/' | b'?' | b'#'))
            {
                Some(slash) if authority[slash] == b'/' => &authority[slash..],
                _ => b"/",
            }
        }
        _ => target,
    }
}

/// A segment that is neither a plain word nor plain digits.
#[cold]
#[inline(never)]
fn append_segment(segment: &[u8], has_at: bool, out: &mut ShortText) {
    if let Some(placeholder) = whole(segment, has_at) {
        out.push(placeholder);
        return;
    }
    for part in segment.split_inclusive(|&b| CLASS[usize::from(b)] & PART != 0) {
        let (body, separator) = match part.split_last() {
            Some((last, body)) if CLASS[usize::from(*last)] & PART != 0 => (body, part.len() - 1),
            _ => (part, part.len()),
        };
        match part_placeholder(body) {
            Some(placeholder) => out.push(placeholder),
            None => append_word(body, out),
        }
        out.push(&part[separator..]);
    }
}

/// The placeholder of a segment that is one thing as a whole.
fn whole(segment: &[u8], has_at: bool) -> Option<&'static [u8]> {
    if is_uuid(segment) {
        return Some(b"{uuid}");
    }
    if has_at {
        let at = segment.iter().position(|&b| b == b'@')?;
        if at > 0 && segment[at + 1..].contains(&b'.') {
            return Some(b"{email}");
        }
    }
    if is_date(segment) {
        return Some(b"{date}");
    }
    (segment.len() >= VERY_LONG).then_some(b"{token}")
}

fn is_uuid(s: &[u8]) -> bool {
    s.len() == 36
        && [8, 13, 18, 23].iter().all(|&dash| s[dash] == b'-')
        && s.iter().filter(|b| b.is_ascii_hexdigit()).count() == 32
}

/// `2024-04-10` with whatever time follows it, or `20240410T…`.
fn is_date(s: &[u8]) -> bool {
    let shape = |pattern: &[u8]| {
        s.len() >= pattern.len()
            && pattern.iter().zip(s).all(|(p, b)| match p {
                b'0' => b.is_ascii_digit(),
                p => p == b,
            })
    };
    if shape(b"0000-00-00") {
        return s.len() == 10 || matches!(s[10], b'T' | b't' | b'_' | b'%' | b'+' | b' ');
    }
    shape(b"00000000T0000")
}

/// The placeholder of a part between separators, or `None` for a word.
fn part_placeholder(part: &[u8]) -> Option<&'static [u8]> {
    let digits = part.iter().filter(|b| b.is_ascii_digit()).count();
    if digits == part.len() {
        return (digits >= 3).then_some(b"{id}");
    }
    if digits > 0 && part.len() >= 8 && part.iter().all(u8::is_ascii_hexdigit) {
        return Some(b"{hex}");
    }
    if part.len() >= LONG && mixed_case(part) {
        return Some(b"{token}");
    }
    (digits >= 2 && part.len() >= 16).then_some(b"{token}")
}

/// Whether the case of its letters changes too often for words: base64 and the like.
fn mixed_case(part: &[u8]) -> bool {
    let flips = part
        .windows(2)
        .filter(|w| w[0].is_ascii_lowercase() && w[1].is_ascii_uppercase())
        .count();
    flips * 5 >= part.len()
}

/// A word, with a run of ≥ 3 digits at its end replaced: `item4711` → `item{id}`, `v2` stays.
fn append_word(word: &[u8], out: &mut ShortText) {
    let digits = word.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let stem = word.len() - digits;
    if digits >= 3 && stem > 0 {
        out.push(&word[..stem]);
        out.push(b"{id}");
    } else {
        out.push(word);
    }
}

/// The template that takes what overflows: `/first/{other}`, or `/{other}` where `first` is not given.
pub fn other(first: Option<&[u8]>) -> Vec<u8> {
    let mut template = vec![b'/'];
    if let Some(first) = first {
        template.extend_from_slice(first);
        template.push(b'/');
    }
    template.extend_from_slice(b"{other}");
    template
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn template(target: &str) -> String {
        let mut out = ShortText::default();
        append_template(target.as_bytes(), &mut out);
        String::from_utf8(out.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn things_become_placeholders_and_kinds_stay() {
        for (target, expected) in [
            ("/", "/"),
            ("/health", "/health"),
            ("/orders/4711", "/orders/{id}"),
            ("orders/4711?x=1", "/orders/{id}"),
            ("shop.example:443", "shop.example:443"),
            ("*", "*"),
            ("/orders/4711/items/9?sort=up", "/orders/{id}/items/{id}"),
            ("/api/v1/users/7", "/api/v1/users/{id}"),
            (
                "/users/3F2504E0-4F89-11D3-9A0C-0305E82C3301/cart",
                "/users/{uuid}/cart",
            ),
            (
                "/blob/9fceb02d0ae598e95dc970b74767f19372d61af8",
                "/blob/{hex}",
            ),
            ("/c/deadbeef", "/c/deadbeef"),
            ("/c/dead60ef", "/c/{hex}"),
            ("/reports/2024-04-10", "/reports/{date}"),
            ("/reports/2024-04-10T09:00:00Z", "/reports/{date}"),
            ("/u/ann@example.com/mail", "/u/{email}/mail"),
            ("/@ann", "/@ann"),
            ("/reset/Zk3vQ9xLw81PbT5sYd2m", "/reset/{token}"),
            ("/menus/VMADAKZPVJSCKEZDXPP7HRDV1A", "/menus/{token}"),
            ("/v2beta1/menus", "/v2beta1/menus"),
            ("/customers/cus_NffrFeUfNV2Hib04", "/customers/cus_{token}"),
            ("/order-4711.json", "/order-{id}.json"),
            ("/item4711", "/item{id}"),
            ("/static/main.3f2a1b9c.js", "/static/main.{hex}.js"),
            ("/oauth2/authorize", "/oauth2/authorize"),
            ("/img/dashboard3.png", "/img/dashboard3.png"),
            ("/jquery-1.11.3.min.js", "/jquery-1.11.3.min.js"),
            (
                "/2015/08/10/apache-drill-with-avro-and-mongodb/",
                "/{id}/{id}/{id}/apache-drill-with-avro-and-mongodb/",
            ),
            ("/a;jsessionid=1A2B/b", "/a/b"),
            ("/a#top", "/a"),
            ("/?q=1", "/"),
            ("//a", "//a"),
        ] {
            assert_eq!(template(target), expected, "{target}");
        }
    }

    #[test]
    fn an_absolute_url_loses_its_authority() {
        assert_eq!(template("http://www.example.com:80/a/1?x"), "/a/{id}");
        assert_eq!(template("https://example.com"), "/");
        assert_eq!(template("https://example.com?x=/y"), "/");
        assert_eq!(template("*"), "*");
        assert_eq!(template("example.com:443"), "example.com:443");
    }

    #[test]
    fn whatever_is_too_long_or_too_deep_ends_in_rest() {
        assert_eq!(
            template("/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o"),
            "/a/b/c/d/e/f/g/h/i/j/k/l/{rest}"
        );
        assert_eq!(template(&format!("/a/{}", "%41".repeat(100))), "/a/{rest}");
        assert_eq!(template(&format!("/a/{}", "x".repeat(60))), "/a/{token}");
    }

    proptest! {
        #[test]
        fn segments_end_where_a_plain_loop_ends_them(path in "[a-z0-9/?#;@._\\-é]{0,40}", start in 0..8usize) {
            let path = path.as_bytes();
            let start = start.min(path.len());
            let segment = Segment::at(path, start);
            let len = path[start..].iter().take_while(|b| !b"/?#;".contains(b)).count();
            let text = &path[start..start + len];
            prop_assert_eq!(segment.end, start + len);
            prop_assert_eq!(segment.any & DIGIT != 0, text.iter().any(u8::is_ascii_digit));
            prop_assert_eq!(segment.any & AT != 0, text.contains(&b'@'));
            prop_assert_eq!(segment.all & DIGIT != 0, text.iter().all(u8::is_ascii_digit));
        }

        /// The short way and the long way give the same.
        #[test]
        fn a_path_has_one_template_whichever_way_it_is_read(path in "/[a-c0-9/?#;@._\\-é]{0,70}|(/[a-z]{0,30}|/[0-9]{0,5}){0,14}") {
            let (mut short, mut long) = (ShortText::default(), ShortText::default());
            append_template(path.as_bytes(), &mut short);
            if path.starts_with('/') {
                append_path(path.as_bytes(), &mut long);
                prop_assert_eq!(short.as_bytes(), long.as_bytes());
            }
        }

        #[test]
        fn any_bytes_give_a_short_template(target in proptest::collection::vec(any::<u8>(), 0..600)) {
            let mut out = ShortText::default();
            append_template(&target, &mut out);
            prop_assert!(out.len() <= MAX_LEN + 64);
        }

        /// A template is a path too, and has nothing left to replace.
        #[test]
        fn a_template_of_a_template_is_itself(segments in proptest::collection::vec("[a-z0-9._-]{0,20}", 0..6)) {
            let once = template(&format!("/{}", segments.join("/")));
            prop_assert_eq!(template(&once), once.clone());
        }
    }
}
