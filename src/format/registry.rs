//! The formats that are known: by name, of a user's own, or told from a file's first lines.

use std::path::Path;
use std::sync::Arc;

use crate::error::Result;
use crate::record::Reject;
use crate::timestamp::Clock;

use super::envelope::{self, Envelope};
use super::keys::Keys;
use super::mixed::{self, Mixture};
use super::pattern::Pattern;
use super::prose::METHODS;
use super::spec::{self, Spec};
use super::spelling::{Spelling, unknown_name};
use super::{Format, Joins, Scratch, Shape, behind_hole, join, translate};

/// The general table of key names, which formats use that bring none of their own.
const SYNONYMS: &str = include_str!("specs/synonyms.toml");

/// The built-in formats, one file each.
pub(super) const SPECS: &[(&str, &str)] = &[
    ("akamai", include_str!("specs/akamai.toml")),
    ("alb", include_str!("specs/alb.toml")),
    ("apisix", include_str!("specs/apisix.toml")),
    ("application", include_str!("specs/application.toml")),
    (
        "aws-api-gateway",
        include_str!("specs/aws-api-gateway.toml"),
    ),
    (
        "aws-api-gateway-own",
        include_str!("specs/aws-api-gateway-own.toml"),
    ),
    ("azure", include_str!("specs/azure.toml")),
    (
        "azure-app-requests",
        include_str!("specs/azure-app-requests.toml"),
    ),
    ("bunyan", include_str!("specs/bunyan.toml")),
    ("caddy", include_str!("specs/caddy.toml")),
    ("cloudflare", include_str!("specs/cloudflare.toml")),
    ("cloudfront", include_str!("specs/cloudfront.toml")),
    (
        "cloudfront-realtime",
        include_str!("specs/cloudfront-realtime.toml"),
    ),
    ("combined", include_str!("specs/combined.toml")),
    ("common", include_str!("specs/common.toml")),
    ("csv", include_str!("specs/csv.toml")),
    ("elb", include_str!("specs/elb.toml")),
    ("envoy", include_str!("specs/envoy.toml")),
    ("envoy-json", include_str!("specs/envoy-json.toml")),
    ("gcp-lb", include_str!("specs/gcp-lb.toml")),
    ("haproxy", include_str!("specs/haproxy.toml")),
    ("heroku", include_str!("specs/heroku.toml")),
    ("iis-native", include_str!("specs/iis-native.toml")),
    ("ingress-nginx", include_str!("specs/ingress-nginx.toml")),
    (
        "ingress-nginx-old",
        include_str!("specs/ingress-nginx-old.toml"),
    ),
    ("istio", include_str!("specs/istio.toml")),
    ("json", include_str!("specs/json.toml")),
    (
        "kubernetes-audit",
        include_str!("specs/kubernetes-audit.toml"),
    ),
    ("logback-access", include_str!("specs/logback-access.toml")),
    ("logfmt", include_str!("specs/logfmt.toml")),
    ("lograge", include_str!("specs/lograge.toml")),
    ("lograge-json", include_str!("specs/lograge-json.toml")),
    ("ltsv", include_str!("specs/ltsv.toml")),
    (
        "nginx-proxy-manager",
        include_str!("specs/nginx-proxy-manager.toml"),
    ),
    ("pino-http", include_str!("specs/pino-http.toml")),
    ("s3", include_str!("specs/s3.toml")),
    ("serilog", include_str!("specs/serilog.toml")),
    ("squid", include_str!("specs/squid.toml")),
    ("text", include_str!("specs/text.toml")),
    ("traefik", include_str!("specs/traefik.toml")),
    ("traefik-json", include_str!("specs/traefik-json.toml")),
    ("uvicorn", include_str!("specs/uvicorn.toml")),
    ("uwsgi", include_str!("specs/uwsgi.toml")),
    ("w3c", include_str!("specs/w3c.toml")),
];

/// A file's first lines that are looked at: this many, and not more than these bytes.
const HEAD_LINES: usize = 200;
const HEAD_BYTES: usize = 64 << 10;

/// All formats that are known.
#[derive(Debug)]
pub struct Registry {
    /// By rank, the most specific first.
    formats: Vec<Arc<Format>>,
    pub(super) synonyms: Arc<Keys>,
}

/// What a file's first lines tell of its format.
#[derive(Debug)]
pub struct Detected {
    /// The format that reads most of them, or comes closest if none reads any.
    pub format: Arc<Format>,
    /// What the lines are read by that it refuses.
    pub mixture: Mixture,
    /// How many of them it reads as requests.
    pub requests: usize,
    /// Where these lines stand: 0 at the begin, else at the so-many'th of the later places.
    pub text: usize,
}

impl Registry {
    /// The built-in formats.
    pub fn builtin() -> Registry {
        let table: toml::Table = SYNONYMS.parse().expect("the built-in synonyms are tested");
        let synonyms = Arc::new(Keys::new(&table).expect("the built-in synonyms are tested"));
        // Each run begins here. The samples, which stand last, are for the tests.
        let read = |&(name, text): &(&str, &str)| {
            let text = text.split("\n[[sample]]").next().unwrap_or(text);
            Spec::read(text).and_then(|spec| Ok(Arc::new(spec.format(name, &synonyms)?)))
        };
        let formats: Result<Vec<_>> = SPECS.iter().map(read).collect();
        let mut formats = formats.expect("the built-in specs are tested");
        formats.sort_by(|a, b| b.rank.cmp(&a.rank).then_with(|| a.name.cmp(&b.name)));
        Registry { formats, synonyms }
    }

    /// All formats, the most specific first.
    pub fn formats(&self) -> &[Arc<Format>] {
        &self.formats
    }

    /// The format of that name or alias.
    pub fn get(&self, name: &str) -> Option<Arc<Format>> {
        let answers = |format: &&Arc<Format>| {
            format.name == name || format.aliases.iter().any(|alias| alias == name)
        };
        self.formats.iter().find(answers).cloned()
    }

    /// The file that describes a built-in format, to begin one of one's own with.
    pub fn spec_of(&self, name: &str) -> Result<&'static str> {
        let Some(format) = self.get(name) else {
            return unknown_name(name, self.formats.iter().map(Arc::as_ref)).map(|_| "");
        };
        let known = SPECS.iter().find(|(known, _)| *known == format.name);
        Ok(known.map_or("", |(_, text)| text))
    }

    /// What a user asked for, in any spelling; `read` gets a file's text where it is one.
    ///
    /// # Errors
    /// No format has that name, the file can't be read, or what was written describes no format that
    /// could find a request.
    pub fn user(
        &self,
        text: &str,
        read: impl FnOnce(&Path) -> Result<String>,
    ) -> Result<Arc<Format>> {
        match Spelling::of(text) {
            Spelling::Name(name) => match self.get(name) {
                Some(format) => Ok(format),
                None => unknown_name(name, self.formats.iter().map(Arc::as_ref)),
            },
            Spelling::File(path) => spec::user(path, &read(path)?, &self.synonyms),
            Spelling::Nginx(text) => translate::nginx(text, &self.synonyms).map(Arc::new),
            Spelling::Apache(text) => translate::apache(text, &self.synonyms).map(Arc::new),
            Spelling::Pattern(text) => Ok(Arc::new(Format {
                name: "pattern".to_owned(),
                aliases: Vec::new(),
                title: "a regular expression".to_owned(),
                url: String::new(),
                rank: 0,
                shape: Shape::Pattern(Pattern::new(text, &self.synonyms)?),
                mark: None,
                wrapped_in: &[],
                keys: Arc::clone(&self.synonyms),
                joins: Joins::default(),
            })),
        }
    }

    /// Tells the format of a file from its first bytes, and what its lines are wrapped in: the one that
    /// reads most lines as requests, the more specific of two that read equally many. Where a program says much
    /// before it serves any request, some of its `later` lines tell. If none of the formats reads any, the one that
    /// comes closest to the first lines, so that they are rejected for the right reason.
    pub fn detect(&self, head: &[u8], later: &[&[u8]], clock: &Clock) -> Detected {
        // Most of what tells of no request at the begin does so nowhere, and need not be tried against every format.
        let later = later
            .iter()
            .map(|text| if has_method(text) { text } else { &b""[..] });
        let texts = std::iter::once(behind_hole(head)).chain(later);
        let texts: Vec<_> = texts.map(mixed::without_colours).collect();
        let joined = texts
            .iter()
            .map(|text| join::joined(&numbered_head_lines(text)));
        let joined: Vec<_> = joined.collect();
        let lines: Vec<Vec<&[u8]>> = joined.iter().map(|(_, lines)| bare(lines)).collect();
        let best =
            |lines: &Vec<&[u8]>| in_best_envelope(lines, |chain| self.best(chain, lines, clock));
        let (mut text, mut told) = (0, best(&lines[0]));
        for (index, lines) in lines.iter().enumerate().skip(1) {
            if told.0.requests == 0 && !lines.is_empty() {
                let other = best(lines);
                if other.0.requests > 0 {
                    (text, told) = (index, other);
                }
            }
        }
        let (score, format) = told;
        Detected {
            mixture: Mixture::of(&format, &self.formats, &lines, clock),
            format: format
                .learned(lines[text].iter().copied())
                .joining(joined[text].0),
            requests: score.requests,
            text,
        }
    }

    /// The format that reads these lines best if this is around them.
    fn best(
        &self,
        chain: &'static [Envelope],
        lines: &[&[u8]],
        clock: &Clock,
    ) -> (Score, Arc<Format>) {
        let formats = self
            .formats
            .iter()
            .map(|format| Arc::new(format.wrapped(chain)));
        let scored: Vec<_> = formats
            .map(|format| (score(&format, lines, clock), format))
            .collect();
        // The first of equals is the most specific, and `max_by_key` gives the last. Where nothing is
        // known of the lines, the least specific format rejects them.
        let best = scored.iter().rev().max_by_key(|(score, _)| score.key());
        let best = best
            .filter(|(score, _)| score.key() > (0, 0))
            .or(scored.last());
        best.cloned().expect("there are built-in formats")
    }

    /// A format that was named instead of told, knowing what a file's first lines have beyond it: what
    /// is around them, if it reads them better without that, and where a latency stands in their tail.
    pub fn learn(format: &Arc<Format>, head: &[u8], clock: &Clock) -> Arc<Format> {
        let (joins, lines) = join::joined(&numbered_head_lines(head));
        let lines = bare(&lines);
        let (_, format) = in_best_envelope(&lines, |chain| {
            let inside = Arc::new(format.wrapped(chain));
            (score(&inside, &lines, clock), inside)
        });
        format.learned(lines.iter().copied()).joining(joins)
    }
}

/// The format that `read` gives for what is around these lines: where it reads most requests; of
/// equals as they stand, unless they have text in front. That is no part of them, but a head of free
/// words (CLF's client, identity and user) would take it for its own: the more of it is taken off, the
/// better.
fn in_best_envelope(
    lines: &[&[u8]],
    read: impl Fn(&'static [Envelope]) -> (Score, Arc<Format>),
) -> (Score, Arc<Format>) {
    let mut best = read(&[]);
    let mut left = text_left(&[], lines);
    for chain in envelope::CHAINS {
        if !is_wrapped_in(chain, lines) {
            continue;
        }
        let other = read(chain);
        let others_left = text_left(chain, lines);
        let (own, known) = (other.0.key(), best.0.key());
        let is_better = envelope::is_prefix(chain) && own.0 > 0 && others_left < left;
        let unwraps = unwraps(&other.1, &best.1);
        if own > known || own == known && (is_better || unwraps) {
            (best, left) = (other, others_left);
        }
    }
    best
}

/// Bytes of the lines inside of what is around them.
fn text_left(chain: &[Envelope], lines: &[&[u8]]) -> usize {
    let mut memory = envelope::Memory::default();
    let lengths = lines.iter().map(|line| {
        let line = line.trim_ascii();
        envelope::unwrap(chain, line, &mut memory).map_or(line.len(), |inner| inner.line.len())
    });
    lengths.sum()
}

/// Whether a format that reads as many lines as another is to be preferred for what it takes off them:
/// prose is read with anything in front, but what is in front has more to tell.
fn unwraps(format: &Format, other: &Format) -> bool {
    let depth = |format: &Format| (format.rank, format.wrapped_in.len());
    other.is_prose() && depth(format) > depth(other)
}

/// Whether at least half of the lines have this around them.
fn is_wrapped_in(chain: &[Envelope], lines: &[&[u8]]) -> bool {
    let wrapped = wrapped_lines(chain, lines);
    wrapped > 0 && wrapped * 2 >= lines.len()
}

/// How many lines have this around them.
pub(super) fn wrapped_lines(chain: &[Envelope], lines: &[&[u8]]) -> usize {
    let mut scratch = envelope::Memory::default();
    let wrapped = lines.iter().filter(|line| {
        let line = line.trim_ascii();
        !chain.is_empty() && envelope::unwrap(chain, line, &mut scratch).is_some()
    });
    wrapped.count()
}

/// How well a format reads some lines.
#[derive(Clone, Copy)]
struct Score {
    requests: usize,
    /// Lines of its shape that are no requests.
    shaped: usize,
    is_prose: bool,
}

impl Score {
    /// Lines that are merely of its shape count only where no format reads a request.
    ///
    /// Prose reads lines of nearly every format, and less of them: it has to read twice as many.
    fn key(&self) -> (usize, usize) {
        match self.requests {
            0 => (0, self.shaped),
            requests if self.is_prose => (requests.div_ceil(2), 0),
            requests => (requests, 0),
        }
    }
}

fn score(format: &Arc<Format>, lines: &[&[u8]], clock: &Clock) -> Score {
    let (mut clock, mut scratch) = (clock.fresh(), Scratch::default());
    let mut format = Arc::clone(format);
    let mut score = Score {
        requests: 0,
        shaped: 0,
        is_prose: format.is_prose(),
    };
    for line in lines {
        let reason = format.parse_strictly(line, &mut clock, &mut scratch).err();
        match reason {
            None => score.requests += 1,
            Some(
                Reject::NoRequest
                | Reject::EmptyRequest
                | Reject::NotHttp
                | Reject::NoStatus
                | Reject::BadTime,
            ) => score.shaped += usize::from(format.is_marked(line)),
            Some(Reject::Comment) => format = format.header(line).unwrap_or(format),
            Some(_) => {}
        }
    }
    score
}

/// Whether a text names a method of HTTP. Lines without one are read by the general formats, or by none.
fn has_method(text: &[u8]) -> bool {
    let names = |method: &&[u8]| memchr::memmem::find(text, method).is_some();
    METHODS.iter().any(names)
}

/// Lines without their numbers.
pub(super) fn bare<'l>(lines: &'l [join::Numbered<'_>]) -> Vec<&'l [u8]> {
    lines.iter().map(|(_, line)| &**line).collect()
}

/// The first lines with their numbers, from 1; not the last of them if the end of the head cuts it.
pub(super) fn numbered_head_lines(head: &[u8]) -> Vec<(usize, &[u8])> {
    let cut = head.len() >= HEAD_BYTES;
    let head = &head[..head.len().min(HEAD_BYTES)];
    let whole = match memchr::memrchr(b'\n', head) {
        Some(end) if cut => &head[..end],
        _ => head,
    };
    (1..)
        .zip(whole.split(|&b| b == b'\n'))
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .take(HEAD_LINES)
        .collect()
}
