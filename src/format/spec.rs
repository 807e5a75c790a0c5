//! A format as a file: TOML with a title, a shape, what that shape needs, and samples.
//!
//! The built-in formats (`specs/*.toml`) and a user's own have the same schema and come through the
//! same door, so a user's file can say whatever a built-in one can. A user's samples are read
//! before any log is; what they say of their lines must come out. Nothing here opens a file.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use crate::error::{Error, Result};

use super::delimited::Layout;
use super::keys::Keys;
use super::pattern::Pattern;
use super::sample::Sample;
use super::table::Table;
use super::w3c::Columns;
use super::{Format, Joins, Shape};

/// Longer files are no format: the longest built-in one has 5 KiB.
const LONGEST: usize = 1 << 20;

/// What a format's file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spec {
    title: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    aliases: Vec<String>,
    shape: ShapeName,
    layout: Option<String>,
    pattern: Option<String>,
    header: Option<String>,
    mark: Option<String>,
    #[serde(default)]
    rank: i64,
    keys: Option<toml::Table>,
    #[serde(default, rename = "sample")]
    pub(super) samples: Vec<Sample>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ShapeName {
    Delimited,
    Json,
    Logfmt,
    Ltsv,
    Pattern,
    W3c,
    Csv,
    Prose,
    Plain,
}

impl Spec {
    /// Reads a file's text.
    pub(super) fn read(text: &str) -> Result<Spec> {
        if text.len() > LONGEST {
            return Err(Error::config("not a log format: longer than 1 MiB").hint(COMPLETE));
        }
        toml::from_str(text).map_err(|e| {
            Error::config(format!("not a log format: {}", e.to_string().trim_end())).hint(COMPLETE)
        })
    }

    /// The format that it describes.
    pub(super) fn format(&self, name: &str, synonyms: &Arc<Keys>) -> Result<Format> {
        let keys = match &self.keys {
            Some(table) => {
                let keys = Keys::new(table)
                    .map_err(|e| Error::config(format!("[keys] {e}")).hint(COMPLETE))?;
                Arc::new(keys)
            }
            None => Arc::clone(synonyms),
        };
        Ok(Format {
            name: name.to_owned(),
            aliases: self.aliases.clone(),
            title: self.title.clone(),
            url: self.url.clone(),
            rank: self.rank,
            shape: self.shape(&keys)?,
            mark: self
                .mark
                .as_ref()
                .map(|mark| memchr::memmem::Finder::new(mark).into_owned()),
            wrapped_in: &[],
            keys,
            joins: Joins::default(),
        })
    }

    fn shape(&self, keys: &Keys) -> Result<Shape> {
        let needed = |key: &str, value: &Option<String>| {
            value.clone().ok_or_else(|| {
                Error::config(format!("`{key}` is missing"))
                    .hint(format!("shapes and what they need: {SHAPES}"))
            })
        };
        for (key, value, of) in [
            ("layout", &self.layout, ShapeName::Delimited),
            ("pattern", &self.pattern, ShapeName::Pattern),
            ("header", &self.header, ShapeName::W3c),
        ] {
            let is_of = self.shape == of || key == "header" && self.shape == ShapeName::Csv;
            if value.is_some() && !is_of {
                return Err(
                    Error::config(format!("`{key}` means nothing for this shape"))
                        .hint(format!("shapes and what they need: {SHAPES}")),
                );
            }
        }
        Ok(match self.shape {
            ShapeName::Delimited => {
                let layout = Layout::new(&needed("layout", &self.layout)?);
                Shape::Delimited(
                    layout.map_err(|e| Error::config(format!("layout: {e}")).hint(COMPLETE))?,
                )
            }
            ShapeName::Json => Shape::Json,
            ShapeName::Logfmt => Shape::Logfmt,
            ShapeName::Ltsv => Shape::Ltsv,
            ShapeName::Pattern => {
                Shape::Pattern(Pattern::new(&needed("pattern", &self.pattern)?, keys)?)
            }
            ShapeName::W3c => Shape::W3c(match &self.header {
                Some(header) => Columns::from_header(header.as_bytes(), keys).ok_or_else(|| {
                    Error::config("`header` is no header line")
                        .hint("it begins with `#Fields:` and names the columns")
                })?,
                None => Columns::unknown(),
            }),
            ShapeName::Csv => Shape::Csv(match &self.header {
                Some(header) => Table::fixed(header, keys).ok_or_else(|| {
                    Error::config("`header` is no header line")
                        .hint("it names the columns, among them the time, the status and the path or request")
                })?,
                None => Table::default(),
            }),
            ShapeName::Prose => Shape::Prose(Default::default()),
            ShapeName::Plain => Shape::Plain,
        })
    }
}

const COMPLETE: &str = "`triage formats --spec combined` prints a complete file to begin with";

const SHAPES: &str = "delimited (`layout`), json, logfmt and ltsv (`[keys]`, or the usual names), \
    w3c and csv (`header`, or the log's own), pattern (`pattern`), prose, plain";

/// The format in a user's file, its samples read.
pub(super) fn user(path: &Path, text: &str, synonyms: &Arc<Keys>) -> Result<Arc<Format>> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let spec = Spec::read(text).map_err(|e| e.at(path))?;
    let format = spec.format(&name, synonyms).map_err(|e| e.at(path))?;
    let format = Arc::new(format);
    if !spec.samples.iter().any(Sample::is_request) {
        return Err(Error::config("no [[sample]] shows a request")
            .at(path)
            .hint("add a line of the log as it stands there, with its time, method, target and status: it is read before every run, so a format that is wrong never reads a log"));
    }
    for (index, sample) in spec.samples.iter().enumerate() {
        sample.check(&format).map_err(|e| {
            Error::config(format!("sample {} {e}", index + 1))
                .at(path)
                .hint("correct the layout, pattern or keys until every sample reads as it says; what a sample doesn't name, its line must not give")
        })?;
    }
    Ok(format)
}
