use unicode_width::UnicodeWidthStr;

use super::*;
use crate::render::fixtures;
use crate::render::sanitize::is_unprintable;

fn style(width: usize) -> Style {
    Style {
        width,
        color: false,
        unicode: true,
        top: 10,
        explain: false,
    }
}

/// Takes out what the page writes for colour: `ESC [ digits and ; m`.
fn without_color(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        out += before;
        rest = after
            .trim_start_matches(|c: char| c.is_ascii_digit() || c == ';')
            .strip_prefix('m')
            .unwrap();
    }
    out + rest
}

/// All styles that differ in layout.
fn styles() -> Vec<Style> {
    let mut styles = Vec::new();
    for width in [0, 40, 60, 80, 100, 120, 500] {
        for (unicode, explain) in [(true, false), (true, true), (false, false), (false, true)] {
            styles.push(Style {
                width,
                color: false,
                unicode,
                top: 10,
                explain,
            });
        }
    }
    styles
}

#[test]
fn print_for_viewing() {
    let get = |k: &str| std::env::var(k).ok();
    let w: usize = get("W").and_then(|w| w.parse().ok()).unwrap_or(100);
    let which: usize = get("R").and_then(|w| w.parse().ok()).unwrap_or(1);
    print!(
        "{}",
        table(
            &fixtures::all()[which],
            &Style {
                width: w,
                color: get("C").is_some(),
                unicode: get("A").is_none(),
                top: 10,
                explain: get("E").is_some()
            }
        )
    );
}

#[test]
fn no_line_is_wider_than_the_page() {
    for report in fixtures::all() {
        for style in styles() {
            for line in table(&report, &style).lines() {
                assert!(
                    line.width() <= style.width.clamp(40, 120),
                    "{style:?}: {line:?}"
                );
            }
        }
    }
}

#[test]
fn colour_says_nothing_that_the_words_do_not() {
    for report in fixtures::all() {
        for style in styles() {
            let plain = table(&report, &style);
            let colored = table(
                &report,
                &Style {
                    color: true,
                    ..style
                },
            );
            assert_ne!(plain, colored);
            assert_eq!(plain, without_color(&colored));
        }
    }
}

#[test]
fn hostile_names_can_not_break_the_table() {
    let hostile = fixtures::hostile();
    for style in styles() {
        let text = table(&hostile, &style);
        assert!(
            text.chars().all(|c| c == '\n' || !is_unprintable(c)),
            "{text}"
        );
        assert!(style.unicode || text.is_ascii(), "{text}");
        assert!(text.lines().count() < 400, "{text}");
    }
    let text = table(&hostile, &style(100));
    assert!(
        text.contains("\\x1b[2J\\x1b]0;owned\\x07\\r\\n\\u{202e}moc"),
        "{text}"
    );
    assert!(text.contains("\\xc3(\\x9b2J"), "{text}");
}

#[test]
fn ascii_is_ascii() {
    for report in fixtures::all() {
        let text = table(
            &report,
            &Style {
                unicode: false,
                ..style(100)
            },
        );
        assert!(text.is_ascii(), "{text}");
    }
}
