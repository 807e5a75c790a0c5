//! From the finished report to something to read: a table, a page, a draft for people, JSON for programs.
//!
//! In comes a [`Report`](crate::report::Report) and, for people, a [`Style`]; out comes a `String`.
//! Nothing here reads a log, looks at the terminal, the environment or the clock, or decides
//! anything about an incident: what is not in the report is not shown.
//!
//! Log lines and change markers are written by strangers. Whatever is shown of them to a person
//! goes through `sanitize` at one place per form: the `page` that the table's lines are written on,
//! the `markup` of HTML and SVG, the `writer` of Markdown.

mod formats;
mod html;
mod human;
mod json;
mod lines;
mod link;
mod listing;
mod markdown;
pub mod markers;
mod markup;
mod ndjson;
mod page;
mod sanitize;
mod shell;
mod spark;
mod svg;
mod terminal;
mod when;
mod words;

pub use formats::{explanation, format_list};
pub use html::html;
pub use human::count_of;
pub use json::{json, pretty, schema};
pub use lines::{counts, line_at, lines};
pub use markdown::markdown;
pub use ndjson::ndjson;
pub use sanitize::printable;
pub use shell::shell_word;
pub use terminal::table;

/// How the table is to look: all that a renderer has to know of the place it is shown at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Columns to use. Taken as at least 40 and at most 120: longer lines are hard to read.
    pub width: usize,
    /// Rows of the terminal; `None` where the text goes elsewhere. A page that is taller scrolls its
    /// begin away, so it ends with its answers.
    pub height: Option<usize>,
    /// Whether to add ANSI colours. They only repeat what the words say.
    pub color: bool,
    /// Whether the place can show more than ASCII.
    pub unicode: bool,
    /// How many endpoints to list.
    pub top: usize,
    /// Whether to list every piece of evidence with its weight.
    pub explain: bool,
}

#[cfg(test)]
mod fixtures;
