use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::*;
use crate::render::fixtures;
use crate::render::sanitize::is_unprintable;

/// The draft of a run whose paths are not known.
fn markdown(report: &Report) -> String {
    super::markdown(report, &[])
}

/// What a reader of GitHub Flavored Markdown makes of a document.
fn events(text: &str) -> Vec<Event<'_>> {
    Parser::new_ext(
        text,
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS,
    )
    .collect()
}

/// The document's blocks, its links, and the texts that are no code.
fn shape(text: &str) -> (Vec<String>, Vec<String>, Vec<String>) {
    let (mut blocks, mut links, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    let mut fenced = false;
    for event in events(text) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => panic!("HTML: {html}"),
            Event::Start(Tag::Link { dest_url, .. }) => links.push(dest_url.into_string()),
            Event::Start(Tag::Image { dest_url, .. }) => panic!("an image: {dest_url}"),
            Event::Start(Tag::Strong | Tag::Emphasis) => {}
            Event::Start(Tag::CodeBlock(_)) => {
                fenced = true;
                blocks.push("fence".to_owned());
            }
            Event::Start(tag) => blocks.push(format!("{tag:?}")),
            Event::End(TagEnd::CodeBlock) => fenced = false,
            Event::Text(text) if !fenced => texts.push(text.into_string()),
            _ => {}
        }
    }
    (blocks, links, texts)
}

/// What GitHub makes of text that Markdown leaves alone.
fn assert_means_nothing(texts: &[String], document: &str) {
    for text in texts {
        for sign in ["@", "#", "://", "www."] {
            assert!(!text.contains(sign), "{sign} in {text:?}\n{document}");
        }
    }
}

#[test]
fn a_draft_has_the_usual_sections() {
    let text = markdown(&fixtures::guilty_deploy());
    // Between fences `#` begins a comment of the shell.
    let open = text.split("```").step_by(2);
    let headings: Vec<&str> = open
        .flat_map(str::lines)
        .filter(|line| line.starts_with('#'))
        .collect();
    assert_eq!(
        headings,
        [
            "# Postmortem draft",
            "## Incident i1: 4 endpoints of api fail",
            "### Summary",
            "### Impact",
            "### Timeline",
            "### Root cause",
            "### What was ruled out, and misleading leads",
            "### Recovery",
            "### Open questions and follow-ups",
            "### How to check",
        ]
    );
    for said in [
        "| 09:00:12 |  | **Onset**: requests begin to fail (95 %: 09:00:02–09:00:31) | logs |",
        "| 97 % | deploy `d-1042` of `api` | 42 s before onset |",
        "| +4.10 | rollback | errors stopped 94 s after its rollback r-1043 |",
        "| deploy `d-1039` of `web` | cleared | ",
        "- Tried: config `c-12` of `web`: it came 44 min after the onset, and the rate did not change",
        "- Fix: rollback `r-1043` of `api`: errors stopped 94 s after it",
        "- [ ] 2 h passed from the onset to rollback `r-1043` of `api`: when was it noticed, and what would have made it shorter?",
        "- [ ] Not assessed: hosts. It needs a host in the log lines.",
        "_to be filled in: who was paged, and answered_",
        "```sh\n# deploy d-1042 of api (97 %)\ngit log -p 9f3c2a71d05be6f4 -- src/middleware\n```",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
}

#[test]
fn what_is_not_known_is_not_said() {
    let text = markdown(&fixtures::unexplained());
    for said in [
        "From before the log begins",
        "no listed change explains it (91 %)",
        "- Users with an error: _to be filled in; the logs tell no users apart_",
        "It was not over at the end of the log.",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    assert!(
        !text.contains("**Onset**") && !text.contains("**End**"),
        "{text}"
    );
}

#[test]
fn without_an_incident_it_says_so() {
    let text = markdown(&fixtures::all_well());
    assert!(
        text.starts_with(
            "# No incident found\n\nNothing stands out in 812,311 requests to 2 services"
        ),
        "{text}"
    );
    assert!(!text.contains("to be filled in"), "{text}");
    assert!(
        text.contains("| `GET /` | `web` | 400,000 | 300 | 0.07 % | 300 × 500 |"),
        "{text}"
    );
    assert!(markdown(&fixtures::nothing_read()).starts_with("# Nothing to judge\n"));
}

#[test]
fn several_incidents_have_a_section_each() {
    let mut report = fixtures::guilty_deploy();
    let mut second = fixtures::unexplained().incidents.remove(0);
    second.id = "i2".to_owned();
    report.incidents.push(second);
    let text = markdown(&report);
    assert_eq!(text.matches("\n## Incident ").count(), 2, "{text}");
    assert_eq!(text.matches("\n### Root cause\n").count(), 2);
}

/// Texts that would do something, were they Markdown, or text that GitHub looks at.
const ATTACKS: [&str; 12] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "`@everyone` ``#1`` ```",
    "@everyone see #123 and GH-7 or org/repo#9",
    "a | b \\| c \\\\| d",
    "|---|---|",
    "**bold** _it_ ~~no~~ <https://evil.example> www.evil.example",
    "=cmd|' /C calc'!A0",
    "\x1b[2J\x1b]0;owned\x07\r\n# heading\n- item",
    "\u{202e}moc\u{2066}\u{200b}\u{feff} &lt; &#64;everyone",
];

#[test]
fn no_text_becomes_markup() {
    let (harmless, links, _) = shape(&markdown(&fixtures::hostile("harmless"))).clone();
    assert_eq!(links, Vec::<String>::new());
    for attack in ATTACKS {
        let text = markdown(&fixtures::hostile(attack));
        assert!(
            text.chars().all(|c| c == '\n' || !is_unprintable(c)),
            "{text}"
        );
        let (blocks, links, texts) = shape(&text);
        assert_eq!(blocks, harmless, "{attack}\n{text}");
        assert_eq!(links, Vec::<String>::new(), "{attack}\n{text}");
        assert_means_nothing(&texts, &text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_text_stays_text(
        text in prop_oneof![any::<String>(), r"[`|\\<>@#\[\]()*_~!:.&=+ \-a1\n]{0,60}"],
    ) {
        let document = markdown(&fixtures::hostile(&text));
        prop_assert!(document.chars().all(|c| c == '\n' || !is_unprintable(c)));
        let (blocks, links, texts) = shape(&document);
        prop_assert_eq!(blocks, shape(&markdown(&fixtures::hostile("harmless"))).0, "{}", document);
        prop_assert!(links.is_empty());
        assert_means_nothing(&texts, &document);
    }
}

#[test]
fn addresses_of_markers_are_links() {
    let mut report = fixtures::guilty_deploy();
    report.changes[2].url = Some("https://ci.example/7?a=1|2&b=(3)".to_owned());
    report.changes[4].url = Some("javascript:alert(1)".to_owned());
    let (_, links, _) = shape(&markdown(&report));
    assert_eq!(links, ["https://ci.example/7?a=1%7C2&b=%283%29"]);
}
