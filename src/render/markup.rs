//! HTML and SVG in the making: text gets in only as text.
//!
//! In come the names of elements and attributes, known when the program was built, and text from
//! anywhere; out comes a document that is well-formed as XML too. What text is made of is cleaned
//! (`sanitize`) and escaped here, whoever wrote it, so no caller can forget to. An element is
//! closed by the function that opened it. An address becomes a link only through [`Markup::web`].

use std::fmt::Write;

use super::link::link;
use super::sanitize::{clean, fit};

/// More columns than this of one text are not shown; the JSON report has all of it.
const LONGEST_TEXT: usize = 600;

/// An attribute: its name, and its value as text.
pub type Attribute<'a> = (&'static str, &'a str);

/// Markup in the making.
#[derive(Debug, Default)]
pub struct Markup(String);

impl Markup {
    /// Begins a document of HTML.
    pub fn document() -> Markup {
        Markup("<!DOCTYPE html>\n".to_owned())
    }

    /// An element with what `inside` writes.
    pub fn element(
        &mut self,
        tag: &'static str,
        attributes: &[Attribute],
        inside: impl FnOnce(&mut Markup),
    ) {
        self.open(tag, attributes);
        self.0.push('>');
        inside(self);
        self.0 += "</";
        self.0 += tag;
        self.0.push('>');
        // Only where a space means nothing, and a reader of the source is glad of a line.
        if matches!(
            tag,
            "section"
                | "p"
                | "h1"
                | "h2"
                | "h3"
                | "tr"
                | "div"
                | "svg"
                | "li"
                | "dl"
                | "table"
                | "details"
        ) {
            self.0.push('\n');
        }
    }

    /// An element with text.
    pub fn leaf(&mut self, tag: &'static str, attributes: &[Attribute], text: &str) {
        self.element(tag, attributes, |m| m.text(text));
    }

    /// An element with nothing in it.
    pub fn empty(&mut self, tag: &'static str, attributes: &[Attribute]) {
        self.open(tag, attributes);
        self.0 += "/>";
    }

    /// Text, whatever it is made of.
    pub fn text(&mut self, text: &str) {
        escape(&fit(&clean(text, true), LONGEST_TEXT, true), &mut self.0);
    }

    /// A sentence of the report: what it has between backticks is code.
    pub fn sentence(&mut self, sentence: &str) {
        for (i, part) in sentence.split('`').enumerate() {
            if i % 2 == 1 {
                self.leaf("code", &[], part);
            } else {
                self.text(part);
            }
        }
    }

    /// A number of the report: as it is there, where it is there, and as people write it.
    pub fn figure(&mut self, key: &str, value: impl std::fmt::Display, shown: &str) {
        let value = value.to_string();
        self.leaf("data", &[("value", &value), ("data-key", key)], shown);
    }

    /// A time of the report: as it is there, where it is there, and as people write it.
    pub fn time(&mut self, key: &str, at: &str, shown: &str) {
        self.leaf("time", &[("datetime", at), ("data-key", key)], shown);
    }

    /// An address: a link where it leads to the web, else text.
    pub fn web(&mut self, url: &str) {
        let Some(to) = link(url) else {
            return self.leaf("code", &[], url);
        };
        let attributes = [("href", to.as_str()), ("rel", "noopener noreferrer")];
        self.leaf("a", &attributes, url);
    }

    /// The document's only style sheet.
    pub fn style(&mut self, css: &'static str) {
        self.0 += "<style>";
        self.0 += css;
        self.0 += "</style>\n";
    }

    /// All of it.
    pub fn finish(self) -> String {
        self.0
    }

    fn open(&mut self, tag: &'static str, attributes: &[Attribute]) {
        self.0.push('<');
        self.0 += tag;
        for (name, value) in attributes {
            self.0.push(' ');
            self.0 += name;
            self.0 += "=\"";
            self.attribute(value);
            self.0.push('"');
        }
    }

    fn attribute(&mut self, value: &str) {
        escape(&clean(value, true), &mut self.0);
    }
}

/// The five characters that mean something in text or in an attribute (WHATWG HTML §13.3).
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => *out += "&amp;",
            '<' => *out += "&lt;",
            '>' => *out += "&gt;",
            '"' => *out += "&quot;",
            '\'' => *out += "&#39;",
            _ => out.push(c),
        }
    }
}

/// A coordinate: a tenth of a pixel is finer than a screen shows.
pub fn coordinate(x: f64) -> String {
    let mut text = String::new();
    put_coordinate(x, &mut text);
    text
}

/// A coordinate, into a path.
pub fn put_coordinate(x: f64, out: &mut String) {
    let tenths = (x * 10.0).round();
    let tenths = if tenths.is_finite() { tenths as i64 } else { 0 };
    let written = if tenths % 10 == 0 {
        write!(out, "{}", tenths / 10)
    } else {
        write!(out, "{:.1}", tenths as f64 / 10.0)
    };
    written.expect("writing to a String can't fail");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_text_everywhere() {
        let mut m = Markup::default();
        m.element("p", &[("title", "\"><img src=x onerror='y'>")], |m| {
            m.text("<script>&amp;\x1b[2J\u{202e}");
            m.sentence("of `a<b>` only");
        });
        assert_eq!(
            m.finish(),
            "<p title=\"&quot;&gt;&lt;img src=x onerror=&#39;y&#39;&gt;\">\
             &lt;script&gt;&amp;amp;\\x1b[2J\\u{202e}of <code>a&lt;b&gt;</code> only</p>\n"
        );
    }

    #[test]
    fn only_the_web_is_linked() {
        let mut m = Markup::default();
        m.web("https://e.com/\"a");
        m.web("javascript:a");
        assert_eq!(
            m.finish(),
            "<a href=\"https://e.com/%22a\" rel=\"noopener noreferrer\">https://e.com/&quot;a</a>\
             <code>javascript:a</code>"
        );
    }

    #[test]
    fn coordinates_are_short_and_always_numbers() {
        for (x, expected) in [
            (0.0, "0"),
            (12.04, "12"),
            (12.06, "12.1"),
            (-3.25, "-3.3"),
            (-0.04, "0"),
            (f64::NAN, "0"),
            (f64::INFINITY, "0"),
        ] {
            assert_eq!(coordinate(x), expected);
        }
    }

    proptest! {
        #[test]
        fn any_text_makes_a_well_formed_document(text in any::<String>(), value in any::<String>()) {
            let mut m = Markup::default();
            m.element("p", &[("title", &value)], |m| {
                m.text(&text);
                m.sentence(&text);
                m.web(&text);
            });
            let document = m.finish();
            let parsed = roxmltree::Document::parse(&document);
            prop_assert!(parsed.is_ok(), "{document:?}");
        }
    }
}
