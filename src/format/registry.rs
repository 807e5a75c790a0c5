//! The formats that are known, by name, by pattern, or told from a file's first lines.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::record::Reject;
use crate::timestamp::Clock;

use super::delimited::Layout;
use super::envelope::{self, Envelope};
use super::keys::Keys;
use super::mixed::{self, Mixture};
use super::pattern::Pattern;
use super::w3c::Columns;
use super::{Format, Scratch, Shape};

/// The general table of key names, which formats use that bring none of their own.
const SYNONYMS: &str = include_str!("specs/synonyms.toml");

/// The built-in formats, one file each.
pub(super) const SPECS: &[(&str, &str)] = &[
    ("alb", include_str!("specs/alb.toml")),
    ("application", include_str!("specs/application.toml")),
    (
        "aws-api-gateway",
        include_str!("specs/aws-api-gateway.toml"),
    ),
    ("azure", include_str!("specs/azure.toml")),
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
    ("elb", include_str!("specs/elb.toml")),
    ("envoy", include_str!("specs/envoy.toml")),
    ("envoy-json", include_str!("specs/envoy-json.toml")),
    ("gcp-lb", include_str!("specs/gcp-lb.toml")),
    ("haproxy", include_str!("specs/haproxy.toml")),
    ("heroku", include_str!("specs/heroku.toml")),
    ("ingress-nginx", include_str!("specs/ingress-nginx.toml")),
    ("istio", include_str!("specs/istio.toml")),
    ("json", include_str!("specs/json.toml")),
    ("logfmt", include_str!("specs/logfmt.toml")),
    ("lograge", include_str!("specs/lograge.toml")),
    ("lograge-json", include_str!("specs/lograge-json.toml")),
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
    synonyms: Arc<Keys>,
}

/// What a file's first lines tell of its format.
#[derive(Debug)]
pub struct Detected {
    /// The format that reads most of them, or comes closest if none reads any.
    pub format: Arc<Format>,
    /// How many of them it reads as requests.
    pub requests: usize,
    /// What the lines are read by that it refuses.
    pub mixture: Mixture,
    /// Every format that was tried, with the number of lines that it reads.
    pub tried: Vec<(String, usize)>,
}

impl Registry {
    /// The built-in formats.
    pub fn builtin() -> Registry {
        let synonyms = table(SYNONYMS).and_then(|table| Keys::new(&table));
        let synonyms = Arc::new(synonyms.expect("the built-in synonyms are tested"));
        let read = |&(name, text): &(&str, &str)| spec(name, text, &synonyms);
        let formats: std::result::Result<Vec<_>, String> = SPECS.iter().map(read).collect();
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

    /// What a user asked for: the name of a format, or a regular expression with named groups.
    pub fn user(&self, text: &str) -> Result<Arc<Format>> {
        if let Some(format) = self.get(text) {
            return Ok(format);
        }
        if !text.contains("(?") {
            let names: Vec<&str> = self.formats.iter().map(|format| format.name()).collect();
            return Err(Error::config(format!("no log format is called `{text}`")).hint(format!(
                "use one of {}, or a regular expression with the named groups time, request (or path) and status",
                names.join(", ")
            )));
        }
        let pattern = Pattern::new(text, &self.synonyms)?;
        Ok(Arc::new(Format {
            name: "pattern".to_owned(),
            aliases: Vec::new(),
            title: "a pattern given on the command line".to_owned(),
            url: String::new(),
            rank: 0,
            shape: Shape::Pattern(pattern),
            mark: None,
            wrapped_in: &[],
            keys: Arc::clone(&self.synonyms),
        }))
    }

    /// Tells the format of a file from its first bytes, and what its lines are wrapped in: the one that
    /// reads most lines as requests, the more specific of two that read equally many. If none reads
    /// any, the one that comes closest, so that its lines are rejected for the right reason.
    pub fn detect(&self, head: &[u8], clock: &Clock) -> Detected {
        let mut plain = Vec::new();
        let head = if mixed::is_coloured(head) {
            mixed::uncolour(head, &mut plain);
            &plain
        } else {
            head
        };
        let lines = head_lines(head);
        let mut best = self.best(&[], &lines, clock);
        for chain in envelope::CHAINS {
            if is_wrapped_in(chain, &lines) {
                let other = self.best(chain, &lines, clock);
                // Prose is read with anything in front, but what is in front has more to tell.
                let unwraps = best.format.is_prose()
                    && (other.format.rank, chain.len())
                        > (best.format.rank, best.format.wrapped_in.len());
                let (new, known) = (other.score.key(), best.score.key());
                if new > known || unwraps && new == known {
                    best = other;
                }
            }
        }
        Detected {
            mixture: Mixture::of(&best.format, &self.formats, &lines, clock),
            format: best.format.learned(lines.iter().copied()),
            requests: best.score.requests,
            tried: best.tried,
        }
    }

    /// The format that reads these lines best if this is around them.
    fn best(&self, chain: &'static [Envelope], lines: &[&[u8]], clock: &Clock) -> Best {
        let formats = self
            .formats
            .iter()
            .map(|format| Arc::new(format.wrapped(chain)));
        let scored: Vec<_> = formats
            .map(|format| (score(&format, lines, clock), format))
            .collect();
        let tried = scored
            .iter()
            .map(|(score, format)| (format.name.clone(), score.requests))
            .collect();
        // The first of equals is the most specific, and `max_by_key` gives the last. Where nothing is
        // known of the lines, the least specific format rejects them.
        let best = scored.iter().rev().max_by_key(|(score, _)| score.key());
        let best = best
            .filter(|(score, _)| score.key() > (0, 0))
            .or(scored.last());
        let (score, format) = best.cloned().expect("there are built-in formats");
        Best {
            format,
            score,
            tried,
        }
    }

    /// A format that was named instead of told, knowing what a file's first lines have beyond it.
    pub fn learn(&self, format: &Arc<Format>, head: &[u8]) -> Arc<Format> {
        format.learned(head_lines(head).into_iter())
    }
}

/// The best of all formats for some lines.
struct Best {
    format: Arc<Format>,
    score: Score,
    tried: Vec<(String, usize)>,
}

/// Whether at least half of the lines have this around them.
fn is_wrapped_in(chain: &[Envelope], lines: &[&[u8]]) -> bool {
    let mut scratch = envelope::Memory::default();
    let wrapped = lines.iter().filter(|line| {
        let line = line.trim_ascii();
        !chain.is_empty() && envelope::unwrap(chain, line, &mut scratch).is_some()
    });
    let wrapped = wrapped.count();
    wrapped > 0 && wrapped * 2 >= lines.len()
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

/// The first lines; not the last of them if the end of the head cuts it.
fn head_lines(head: &[u8]) -> Vec<&[u8]> {
    let cut = head.len() >= HEAD_BYTES;
    let head = &head[..head.len().min(HEAD_BYTES)];
    let whole = match memchr::memrchr(b'\n', head) {
        Some(end) if cut => &head[..end],
        _ => head,
    };
    whole
        .split(|&b| b == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .take(HEAD_LINES)
        .collect()
}

pub(super) fn table(text: &str) -> std::result::Result<toml::Table, String> {
    text.parse().map_err(|e| format!("{e}"))
}

/// A format from its spec.
fn spec(name: &str, text: &str, synonyms: &Arc<Keys>) -> std::result::Result<Arc<Format>, String> {
    let table = table(text).map_err(|e| format!("{name}: {e}"))?;
    let string = |key: &str| {
        let value = table.get(key).and_then(|value| value.as_str());
        value
            .map(str::to_owned)
            .ok_or_else(|| format!("{name}: `{key}` is missing"))
    };
    let keys = match table.get("keys").and_then(|keys| keys.as_table()) {
        Some(keys) => Arc::new(Keys::new(keys).map_err(|e| format!("{name}: {e}"))?),
        None => Arc::clone(synonyms),
    };
    let shape = match string("shape")?.as_str() {
        "delimited" => {
            Shape::Delimited(Layout::new(&string("layout")?).map_err(|e| format!("{name}: {e}"))?)
        }
        "json" => Shape::Json,
        "logfmt" => Shape::Logfmt,
        "pattern" => Shape::Pattern(
            Pattern::new(&string("pattern")?, synonyms).map_err(|e| format!("{name}: {e}"))?,
        ),
        "w3c" => Shape::W3c(match string("header") {
            Ok(header) => Columns::from_header(header.as_bytes(), &keys).ok_or("not a header")?,
            Err(_) => Columns::unknown(),
        }),
        "prose" => Shape::Prose,
        "plain" => Shape::Plain,
        other => return Err(format!("{name}: no parser for the shape `{other}`")),
    };
    let strings = |list: &toml::Value| -> Option<Vec<String>> {
        list.as_array()?
            .iter()
            .map(|name| name.as_str().map(str::to_owned))
            .collect()
    };
    let aliases = table.get("aliases").and_then(strings);
    let mark = table.get("mark").and_then(|mark| mark.as_str());
    let mark = mark.map(|mark| memchr::memmem::Finder::new(mark).into_owned());
    let rank = table.get("rank").and_then(|rank| rank.as_integer());
    Ok(Arc::new(Format {
        name: name.to_owned(),
        aliases: aliases.unwrap_or_default(),
        title: string("title")?,
        url: string("url")?,
        rank: rank.ok_or_else(|| format!("{name}: `rank` is missing"))?,
        shape,
        mark,
        wrapped_in: &[],
        keys,
    }))
}
