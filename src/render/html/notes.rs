//! The end of the page: short bursts, what could not be read, remarks, formats.

use super::View;
use super::incident::header;
use crate::render::human::{count, count_of, duration, percent};
use crate::render::markup::Markup;
use crate::render::sanitize::visible;
use crate::render::words;
use crate::report::Blip;

/// Blips listed; the JSON report has the others.
const BLIPS_SHOWN: usize = 100;
/// Blips listed at once; the others are folded.
const BLIPS_OPEN: usize = 5;

/// Blips and what was read.
pub fn write(m: &mut Markup, view: &View) {
    blips(m, view);
    read(m, view);
}

fn blips(m: &mut Markup, view: &View) {
    let all = &view.report.blips;
    if all.is_empty() {
        return;
    }
    m.leaf("h2", &[], "Blips");
    m.leaf("p", &[], "Bursts too short and too small to be incidents.");
    let list = |m: &mut Markup, from: usize, to: usize| {
        m.element("ul", &[("class", "plain")], |m| {
            for (k, blip) in all.iter().enumerate().take(to).skip(from) {
                m.element("li", &[], |m| sentence(m, view, k, blip));
            }
        });
    };
    list(m, 0, BLIPS_OPEN);
    if all.len() > BLIPS_OPEN {
        m.element("details", &[], |m| {
            m.leaf("summary", &[], &format!("{} more", all.len() - BLIPS_OPEN));
            list(m, BLIPS_OPEN, BLIPS_SHOWN);
        });
    }
}

fn sentence(m: &mut Markup, view: &View, k: usize, blip: &Blip) {
    let key = format!("/blips/{k}");
    view.time(m, &format!("{key}/at"), &blip.at);
    m.text(&format!(" {}: ", visible(&blip.service)));
    view.count(m, &format!("{key}/errors"), blip.errors);
    m.text(if blip.errors == 1 {
        " error in "
    } else {
        " errors in "
    });
    m.figure(
        &format!("{key}/duration_s"),
        blip.duration_s,
        &duration(blip.duration_s),
    );
    if let Some(id) = &blip.during_change {
        m.text(&format!(", during {}", words::brief(view.report, id)));
    }
}

fn read(m: &mut Markup, view: &View) {
    let report = view.report;
    let scan = &report.scan;
    m.leaf("h2", &[], "What was read");
    m.element("ul", &[("class", "plain")], |m| {
        for gap in &scan.gaps {
            m.element("li", &[("class", "warn")], |m| {
                let whose = gap.service.as_ref().map_or("all services".into(), visible);
                m.text(&format!("No log of {whose} from "));
                m.text(&format!(
                    "{} to {}",
                    view.clock.show(&gap.from),
                    view.clock.show(&gap.to)
                ));
            });
        }
        for file in &scan.salvaged {
            m.element("li", &[("class", "warn")], |m| {
                m.leaf("code", &[], &visible(&file.file));
                m.text(&format!(
                    " was read only up to byte {}: {}",
                    count(file.offset),
                    file.why
                ));
            });
        }
        for note in &report.notes {
            m.element("li", &[], |m| m.sentence(note));
        }
        if scan.filtered_lines > 0 {
            m.element("li", &[], |m| {
                view.count(m, "/scan/filtered_lines", scan.filtered_lines);
                m.text(" requests left out by the filters");
            });
        }
        let formats = scan
            .formats
            .iter()
            .map(|f| format!("{} ({})", f.format, count_of(f.files, "file")));
        let formats: Vec<String> = formats.collect();
        if !formats.is_empty() {
            m.leaf("li", &[], &format!("Formats: {}", formats.join(", ")));
        }
    });
    if scan.rejected_lines > 0 {
        rejects(m, view);
    }
}

fn rejects(m: &mut Markup, view: &View) {
    let scan = &view.report.scan;
    m.element("details", &[], |m| {
        m.element("summary", &[], |m| {
            view.count(m, "/scan/rejected_lines", scan.rejected_lines);
            let share = scan.rejected_lines as f64 / scan.lines.max(1) as f64;
            m.text(&format!(
                " lines ({}) tell of no readable request",
                percent(share)
            ));
        });
        m.element("table", &[], |m| {
            m.element("thead", &[], |m| {
                m.element("tr", &[], |m| {
                    header(m, "Lines", true);
                    header(m, "Reason", false);
                    header(m, "First of them", false);
                });
            });
            m.element("tbody", &[], |m| {
                for (k, reject) in scan.rejects.iter().enumerate() {
                    m.element("tr", &[], |m| {
                        m.element("td", &[("class", "n")], |m| {
                            view.count(m, &format!("/scan/rejects/{k}/lines"), reject.lines);
                        });
                        m.leaf("th", &[("scope", "row")], &reject.reason.replace('_', " "));
                        m.element("td", &[("class", "sample")], |m| {
                            let example = &reject.example;
                            let place = words::in_file(example.line, example.byte);
                            let place = format!("{}{place} ", visible(&example.file));
                            m.leaf("span", &[("class", "small")], &place);
                            m.leaf("code", &[], &visible(&reject.example.text));
                        });
                    });
                }
            });
        });
    });
}
