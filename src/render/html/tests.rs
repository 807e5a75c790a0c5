use std::collections::BTreeSet;

use base64::prelude::{BASE64_STANDARD, Engine};
use proptest::prelude::*;
use roxmltree::{Document, Node, ParsingOptions};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::*;
use crate::render::fixtures;
use crate::render::sanitize::is_unprintable;

/// The page of a run whose paths are not known.
fn html(report: &Report) -> String {
    super::html(report, &[])
}

/// The page as a tree. That it can be read as XML, which forgives nothing, says it is well-formed.
fn parsed(page: &str) -> Document<'_> {
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(page, options).unwrap_or_else(|e| panic!("{e}\n{page}"))
}

fn elements<'a>(page: &'a Document, tag: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    page.descendants().filter(move |n| n.has_tag_name(tag))
}

fn text_of(node: Node) -> String {
    let texts = node.descendants().filter(Node::is_text);
    texts
        .filter_map(|n| n.text())
        .collect::<String>()
        .replace('\u{a0}', " ")
}

/// All of the page's elements by name, in order.
fn structure(page: &str) -> Vec<String> {
    let document = parsed(page);
    let elements = document.descendants().filter(Node::is_element);
    elements.map(|n| n.tag_name().name().to_owned()).collect()
}

#[test]
fn every_report_is_a_well_formed_page_that_needs_nothing_else() {
    for report in fixtures::all() {
        let text = html(&report);
        assert!(
            text.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"),
            "{text}"
        );
        let page = parsed(&text);
        let allowed: BTreeSet<&str> = "html head meta title style body header main footer nav section figure figcaption \
            div p span h1 h2 h3 b strong code kbd a ul ol li dl dt dd table caption thead tbody tr th td details summary \
            data time svg g path rect circle text desc"
            .split_whitespace()
            .collect();
        for node in page.descendants().filter(Node::is_element) {
            let tag = node.tag_name().name();
            assert!(allowed.contains(tag), "<{tag}>");
            for attribute in node.attributes() {
                let (name, value) = (attribute.name(), attribute.value());
                assert!(
                    !name.starts_with("on")
                        && !matches!(name, "style" | "src" | "srcset" | "action"),
                    "{name}"
                );
                if name == "href" {
                    let web = value.starts_with("https://") || value.starts_with("http://");
                    let rel = node.attribute("rel") == Some("noopener noreferrer");
                    assert!(value.starts_with("#incident-") || web && rel, "{value}");
                }
            }
        }
    }
}

#[test]
fn the_policy_allows_the_sheet_and_nothing_else() {
    let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    assert!(
        POLICY.contains(&format!("'sha256-{hash}'")),
        "html/style.css has changed: POLICY in html.rs must have sha256-{hash}"
    );
    for outside in ["url(", "@import", "@font-face", "://", "</"] {
        assert!(!STYLE.contains(outside), "{outside}");
    }
    let text = html(&fixtures::all_well());
    let page = parsed(&text);
    let policy = elements(&page, "meta")
        .find(|n| n.attribute("http-equiv") == Some("Content-Security-Policy"))
        .and_then(|n| n.attribute("content"))
        .unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
}

#[test]
fn the_page_can_be_heard_and_walked_through() {
    for report in fixtures::all() {
        let text = html(&report);
        let page = parsed(&text);
        let levels: Vec<u8> = page
            .descendants()
            .filter_map(|n| n.tag_name().name().strip_prefix('h')?.parse().ok())
            .collect();
        assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1);
        assert_eq!(levels[0], 1);
        assert!(
            levels.windows(2).all(|pair| pair[1] <= pair[0] + 1),
            "{levels:?}"
        );
        for svg in elements(&page, "svg") {
            let title = svg.children().any(|n| n.has_tag_name("title"));
            let told = title || svg.attribute("aria-label").is_some();
            assert!(told || svg.attribute("aria-hidden") == Some("true"));
        }
        for header in elements(&page, "th") {
            assert!(matches!(header.attribute("scope"), Some("col" | "row")));
        }
        let ids: Vec<&str> = page
            .descendants()
            .filter_map(|n| n.attribute("id"))
            .collect();
        assert_eq!(
            ids.iter().collect::<BTreeSet<_>>().len(),
            ids.len(),
            "{ids:?}"
        );
        for node in page.descendants() {
            let label = node.attribute("aria-labelledby");
            let jump = node.attribute("href").and_then(|to| to.strip_prefix('#'));
            for id in label.into_iter().chain(jump) {
                assert!(ids.contains(&id), "{id}");
            }
        }
    }
}

/// The relative luminance of `#rrggbb` (WCAG 2.2).
fn luminance(color: &str) -> f64 {
    let part = |i: usize| {
        let byte = u8::from_str_radix(&color[i..i + 2], 16).unwrap();
        let c = f64::from(byte) / 255.0;
        if c <= 0.04045 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
}

#[test]
fn text_can_be_read_on_every_ground_in_light_and_dark() {
    let (light, dark) = STYLE.split_once("prefers-color-scheme: dark").unwrap();
    for theme in [light, dark] {
        let color = |name: &str| {
            let at = theme
                .find(&format!("--{name}: #"))
                .unwrap_or_else(|| panic!("{name}"));
            &theme[at + name.len() + 4..][..7]
        };
        for ground in ["paper", "card", "bad-soft", "warn-soft", "band"] {
            for ink in ["ink", "soft", "bad", "warn", "good", "mark"] {
                let (a, b) = (luminance(color(ground)), luminance(color(ink)));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(contrast >= 4.5, "{ink} on {ground}: {contrast:.2}");
            }
        }
    }
}

#[test]
fn every_number_is_the_reports() {
    for report in fixtures::all() {
        let json = serde_json::to_value(&report).unwrap();
        let text = html(&report);
        let page = parsed(&text);
        let mut seen = 0;
        for node in elements(&page, "data") {
            let key = node.attribute("data-key").unwrap();
            let value: f64 = node.attribute("value").unwrap().parse().unwrap();
            assert_eq!(
                json.pointer(key).and_then(Value::as_f64),
                Some(value),
                "{key}"
            );
            seen += 1;
        }
        for node in elements(&page, "time") {
            let key = node.attribute("data-key").unwrap();
            assert_eq!(
                json.pointer(key).and_then(Value::as_str),
                node.attribute("datetime"),
                "{key}"
            );
            seen += 1;
        }
        assert!(seen >= 4, "{seen}");
    }
}

#[test]
fn the_first_words_name_the_change_or_say_that_none_is() {
    let heading = |report: &Report| {
        let text = html(report);
        let page = parsed(&text);
        let heading = elements(&page, "h2").next().map(text_of);
        heading.unwrap().trim().to_owned()
    };
    assert_eq!(
        heading(&fixtures::guilty_deploy()),
        "Cause: deploy d-1042 of api 97 %"
    );
    assert_eq!(
        heading(&fixtures::ambiguous()),
        "Not certain; most probable: deploy d-1042 of api 48 %"
    );
    assert_eq!(
        heading(&fixtures::unexplained()),
        "No listed change explains this 91 %"
    );
    let text = html(&fixtures::all_well());
    assert_eq!(
        text_of(elements(&parsed(&text), "h1").next().unwrap()),
        "No incident found"
    );
    let text = html(&fixtures::nothing_read());
    assert_eq!(
        text_of(elements(&parsed(&text), "h1").next().unwrap()),
        "Nothing to judge"
    );
}

#[test]
fn several_incidents_have_a_list_and_a_section_each() {
    let mut report = fixtures::guilty_deploy();
    let mut second = fixtures::unexplained().incidents.remove(0);
    second.id = "i2".to_owned();
    report.incidents.push(second);
    let text = html(&report);
    let page = parsed(&text);
    assert_eq!(
        text_of(elements(&page, "h1").next().unwrap()),
        "2 incidents"
    );
    let jumps: Vec<&str> = elements(&page, "nav")
        .flat_map(|nav| {
            nav.descendants()
                .filter_map(|n| n.attribute("href"))
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(jumps, ["#incident-1", "#incident-2"]);
    assert_eq!(elements(&page, "section").count(), 2);
}

/// Texts that would do something, were they markup.
const ATTACKS: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg onload=alert(1)>",
    "</style><style>*{display:none}</style>",
    "--><!-- ]]> <![CDATA[ &lt;b&gt; &#x3c;b>",
    "=cmd|' /C calc'!A0",
    "\x1b[2J\x1b]0;owned\x07\r\n",
    "\u{202e}moc\u{2066}\u{200b}\u{feff}",
];

#[test]
fn no_text_becomes_markup() {
    let harmless = structure(&html(&fixtures::hostile("harmless")));
    for attack in ATTACKS {
        let page = html(&fixtures::hostile(attack));
        assert_eq!(structure(&page), harmless, "{attack:?}");
        assert!(
            page.chars().all(|c| c == '\n' || !is_unprintable(c)),
            "{attack:?}"
        );
    }
}

#[test]
fn an_address_that_is_none_stays_text() {
    for url in [
        "javascript:alert(1)",
        "data:text/html,<script>",
        "https://bank.example@evil.example/",
    ] {
        let mut report = fixtures::guilty_deploy();
        for change in &mut report.changes {
            change.url = Some(url.to_owned());
        }
        let text = html(&report);
        let page = parsed(&text);
        assert_eq!(elements(&page, "a").count(), 0, "{url}");
        assert!(elements(&page, "code").any(|n| text_of(n) == url), "{url}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_text_makes_a_page(text in any::<String>()) {
        let page = html(&fixtures::hostile(&text));
        prop_assert!(page.chars().all(|c| c == '\n' || !is_unprintable(c)));
        parsed(&page);
    }
}

#[test]
fn a_week_with_500_endpoints_is_less_than_a_megabyte() {
    let mut report = fixtures::guilty_deploy();
    let (from, week) = (1_712_700_000_i64, 7 * 24 * 60);
    let at = |minute: i64| {
        jiff::Timestamp::from_second(from + minute * 60)
            .unwrap()
            .to_string()
    };
    let window = |minute: i64| crate::report::Window(at(minute), 900, 1 + minute as u64 * 7 % 90);
    report.scan.from = Some(at(0));
    report.scan.to = Some(at(week - 1));
    report.incidents[0].series = (0..week).map(window).collect();
    let template = report.endpoints[0].clone();
    report.endpoints = (0..500)
        .map(|i| {
            let mut endpoint = template.clone();
            let path = format!("/api/v1/{{id}}/things/of/some/length/{i}");
            endpoint.endpoint = crate::report::Text::Utf8(path);
            endpoint.windows = (0..week)
                .filter(|m| (m * 31 + i) % 5 != 0)
                .map(window)
                .collect();
            endpoint
        })
        .collect();
    let page = html(&report);
    assert!(page.len() <= 1_000_000, "{} bytes", page.len());
    let page = parsed(&page);
    let maps = page
        .descendants()
        .filter(|n| n.attribute("class") == Some("heat"));
    assert_eq!(maps.count(), 50);
}
