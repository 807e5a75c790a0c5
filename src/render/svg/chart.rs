//! An incident over time: its error rate, its requests, and the changes under them.
//!
//! Onset with its interval, end, and changes are drawn in at their times. Labels stand on lanes of
//! their own, so that none runs into another. The same chart is made for a page and for a phone:
//! text that is shrunk with its chart can't be read.

use super::axis::Axis;
use super::columns::Columns;
use super::lanes::place;
use crate::render::human::{count, duration};
use crate::render::markup::{Markup, coordinate, put_coordinate};
use crate::render::sanitize::{clean, fit, short, width};
use crate::render::spark::Series;
use crate::render::when::Clock;

/// Pixels of a letter of the labels, rather too many than too few.
const LETTER: f64 = 7.0;
/// Pixels of a lane of labels.
const LANE: f64 = 22.0;
/// Radius of a change's mark.
const RADIUS: f64 = 9.0;
/// Height of the error rate.
const RATE: f64 = 150.0;
/// Height of the requests.
const REQUESTS: f64 = 52.0;
/// Between the two.
const BETWEEN: f64 = 26.0;
/// Marks with a label; where there are more, the others have their letter only.
const LABELLED: usize = 9;

/// For how wide a place a chart is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// A page or a paper.
    Wide,
    /// A phone.
    Narrow,
}

impl Size {
    /// Class, width, columns of the plot, ticks, columns of a label.
    fn measures(self) -> (&'static str, f64, usize, i64, usize) {
        match self {
            Size::Wide => ("chart wide", 960.0, 288, 8, 38),
            Size::Narrow => ("chart narrow", 360.0, 96, 4, 24),
        }
    }
}

/// A change in the chart.
pub struct Mark {
    /// Its letter or digit.
    pub mark: char,
    /// Its time.
    pub at: i64,
    /// What it is, in a few words.
    pub label: String,
    /// Whether the verdict names it.
    pub guilty: bool,
}

/// What a chart shows.
pub struct Chart<'a> {
    /// Requests and errors over time.
    pub series: &'a Series,
    /// What its rate is called.
    pub rate: &'static str,
    /// The rate to be expected.
    pub baseline: f64,
    /// Bounds of the onset.
    pub onset_interval: Option<(i64, i64)>,
    /// Onset, with its label.
    pub onset: Option<(i64, String)>,
    /// End, with its label.
    pub end: Option<(i64, String)>,
    /// The changes, the most important first.
    pub marks: Vec<Mark>,
    /// The log's zone.
    pub clock: &'a Clock,
    /// What it shows, in a few words.
    pub title: String,
    /// What is to be seen, in a sentence.
    pub description: String,
}

/// Where the parts of a chart stand, from its top.
struct Layout {
    axis: Axis,
    flags: f64,
    rate: (f64, f64),
    requests: (f64, f64),
    marks: f64,
}

impl Chart<'_> {
    /// Draws it.
    pub fn draw(&self, m: &mut Markup, size: Size) {
        let (class, width, at_most, ticks, label) = size.measures();
        let series = self.series;
        let columns = Columns::new(
            &series.bins,
            series.window_s,
            series.from,
            series.to,
            at_most,
        );
        let axis = Axis {
            from: columns.from,
            to: columns.to(),
            left: 48.0,
            right: width - 8.0,
        };
        let (flags, flag_lanes) = self.flags(&axis);
        let (marks, mark_lanes) = self.marks(&axis, label);
        let top = 8.0 + flag_lanes as f64 * LANE;
        let layout = Layout {
            axis,
            flags: 4.0,
            rate: (top, top + RATE),
            requests: (top + RATE + BETWEEN, top + RATE + BETWEEN + REQUESTS),
            marks: top + RATE + BETWEEN + REQUESTS + 26.0,
        };
        let height = layout.marks + mark_lanes as f64 * LANE + 4.0;
        let view = format!("0 0 {} {}", coordinate(width), coordinate(height));
        let attributes = [
            ("class", class),
            ("viewBox", view.as_str()),
            ("role", "img"),
        ];
        m.element("svg", &attributes, |m| {
            m.leaf("title", &[], &self.title);
            m.leaf("desc", &[], &self.description);
            self.background(m, &layout);
            let shown = || self.marks.iter().filter(|mark| layout.axis.shows(mark.at));
            for (mark, placed) in shown().zip(&marks) {
                let class = if mark.guilty { "when named" } else { "when" };
                let y = layout.marks + placed.lane as f64 * LANE;
                line(m, class, placed.at, layout.rate.0, y);
            }
            self.rates(m, &layout, &columns);
            requests(m, &layout, &columns);
            for (at, text) in layout.axis.ticks(self.clock, ticks) {
                let x = layout.axis.x(at);
                line(m, "tick", x, layout.requests.1, layout.requests.1 + 4.0);
                // A label at an edge would stand half outside.
                let room = text.chars().count() as f64 * LETTER / 2.0;
                if x + room <= width {
                    label_at(m, "scale middle", x, layout.requests.1 + 16.0, &text);
                }
            }
            for flag in &flags {
                line(m, "edge", flag.at, layout.flags + 2.0, layout.requests.1);
                let y = layout.flags + flag.lane as f64 * LANE + 12.0;
                let (class, x) = if flag.leftward {
                    ("flag end", flag.at - 4.0)
                } else {
                    ("flag", flag.at + 4.0)
                };
                label_at(m, class, x, y, &flag.text);
            }
            for (mark, placed) in shown().zip(&marks) {
                draw_mark(m, &layout, mark, placed);
            }
        });
    }

    fn background(&self, m: &mut Markup, layout: &Layout) {
        let bottom = layout.requests.1;
        let axis = &layout.axis;
        if let Some((onset, _)) = &self.onset {
            let end = self.end.as_ref().map_or(axis.to, |end| end.0);
            rect(
                m,
                "lasting",
                (axis.x(*onset), axis.x(end)),
                (layout.rate.0, bottom),
            );
        }
        if let Some((low, high)) = self.onset_interval {
            let (low, high) = (axis.x(low), axis.x(high));
            // Seen even where the interval is shorter than a pixel.
            rect(
                m,
                "interval",
                (low, high.max(low + 2.0)),
                (layout.rate.0, bottom),
            );
        }
    }

    fn rates(&self, m: &mut Markup, layout: &Layout, columns: &Columns) {
        let rates: Vec<Option<f64>> = columns
            .sums
            .iter()
            .map(|&(requests, errors)| (requests > 0).then(|| errors as f64 / requests as f64))
            .collect();
        let most = rates
            .iter()
            .flatten()
            .copied()
            .fold(self.baseline, f64::max);
        let full = round_rate(most);
        let (top, bottom) = layout.rate;
        for share in [0.0, 0.5, 1.0] {
            let y = bottom - share * (bottom - top);
            grid(m, layout, y);
            label_at(
                m,
                "scale end",
                layout.axis.left - 6.0,
                y + 4.0,
                &scale_percent(share * full),
            );
        }
        let heights = rates
            .iter()
            .map(|rate| rate.map(|rate| rate / full))
            .collect::<Vec<_>>();
        let path = steps(&layout.axis, columns, &heights, layout.rate);
        m.empty("path", &[("class", "errors"), ("d", &path)]);
        if self.baseline > 0.0 {
            let y = bottom - (self.baseline / full).min(1.0) * (bottom - top);
            let d = format!(
                "M{} {}H{}",
                coordinate(layout.axis.left),
                coordinate(y),
                coordinate(layout.axis.right)
            );
            m.empty("path", &[("class", "baseline"), ("d", &d)]);
        }
        label_at(m, "name", layout.axis.left + 4.0, top + 13.0, self.rate);
    }

    /// Onset and end, each on its lane; and the lanes used.
    fn flags(&self, axis: &Axis) -> (Vec<Flag>, usize) {
        let shown: Vec<&(i64, String)> = [&self.onset, &self.end]
            .into_iter()
            .flatten()
            .filter(|flag| axis.shows(flag.0))
            .collect();
        let boxes: Vec<(f64, f64, f64)> = shown
            .iter()
            .map(|(at, text)| (axis.x(*at), 0.0, 4.0 + letters(text)))
            .collect();
        let placed = place(&boxes, 0.0, axis.right);
        let lanes = placed.iter().map(|p| p.lane + 1).max().unwrap_or(0);
        let flag = |((at, text), placed): (&&(i64, String), &super::lanes::Placed)| Flag {
            at: axis.x(*at),
            lane: placed.lane,
            leftward: placed.leftward,
            text: text.clone(),
        };
        (shown.iter().zip(&placed).map(flag).collect(), lanes)
    }

    /// The changes in the chart, each on its lane; and the lanes used.
    fn marks(&self, axis: &Axis, columns: usize) -> (Vec<Flag>, usize) {
        let shown: Vec<&Mark> = self
            .marks
            .iter()
            .filter(|mark| axis.shows(mark.at))
            .collect();
        let text = |(i, mark): (usize, &&Mark)| {
            if i < LABELLED {
                short(&mark.label, columns)
            } else {
                String::new()
            }
        };
        let texts: Vec<String> = shown.iter().enumerate().map(text).collect();
        let boxes: Vec<(f64, f64, f64)> = shown
            .iter()
            .zip(&texts)
            .map(|(mark, text)| (axis.x(mark.at), RADIUS, RADIUS + 4.0 + letters(text)))
            .collect();
        let placed = place(&boxes, 0.0, axis.right + 6.0);
        let lanes = placed.iter().map(|p| p.lane + 1).max().unwrap_or(0);
        let flag = |((mark, text), placed): ((&&Mark, String), &super::lanes::Placed)| Flag {
            at: axis.x(mark.at),
            lane: placed.lane,
            leftward: placed.leftward,
            text,
        };
        (
            shown.iter().zip(texts).zip(&placed).map(flag).collect(),
            lanes,
        )
    }
}

/// A label that has its lane.
struct Flag {
    at: f64,
    lane: usize,
    leftward: bool,
    text: String,
}

fn draw_mark(m: &mut Markup, layout: &Layout, mark: &Mark, placed: &Flag) {
    let y = layout.marks + placed.lane as f64 * LANE + RADIUS;
    let class = if mark.guilty { "guilty" } else { "change" };
    m.element("g", &[("class", class)], |m| {
        m.empty(
            "circle",
            &[
                ("cx", &coordinate(placed.at)),
                ("cy", &coordinate(y)),
                ("r", &coordinate(RADIUS)),
            ],
        );
        label_at(m, "mark middle", placed.at, y + 4.0, &mark.mark.to_string());
        if !placed.text.is_empty() {
            let away = RADIUS + 4.0;
            let (class, x) = if placed.leftward {
                ("what end", placed.at - away)
            } else {
                ("what", placed.at + away)
            };
            label_at(m, class, x, y + 4.0, &placed.text);
        }
    });
}

fn requests(m: &mut Markup, layout: &Layout, columns: &Columns) {
    let most = columns.sums.iter().map(|sum| sum.0).max().unwrap_or(0);
    let full = round_count(most);
    let (top, bottom) = layout.requests;
    for (y, value) in [(bottom, 0), (top, full)] {
        grid(m, layout, y);
        label_at(
            m,
            "scale end",
            layout.axis.left - 6.0,
            y + 4.0,
            &short_count(value),
        );
    }
    let height =
        |&(requests, _): &(u64, u64)| (requests > 0).then(|| requests as f64 / full as f64);
    let heights: Vec<Option<f64>> = columns.sums.iter().map(height).collect();
    let path = steps(&layout.axis, columns, &heights, layout.requests);
    m.empty("path", &[("class", "requests"), ("d", &path)]);
    let each = duration(columns.step_s as f64);
    let name = format!("requests per {each}");
    label_at(m, "name", layout.axis.left + 4.0, top - 6.0, &name);
}

/// An area with a step per column; columns without a value part it.
fn steps(
    axis: &Axis,
    columns: &Columns,
    heights: &[Option<f64>],
    (top, bottom): (f64, f64),
) -> String {
    let mut path = String::new();
    let mut open = false;
    let edge = |i: usize| {
        axis.x(columns
            .from
            .saturating_add(columns.step_s.saturating_mul(i as i64)))
    };
    let put = |path: &mut String, sign: char, x: f64| {
        path.push(sign);
        put_coordinate(x, path);
    };
    for (i, height) in heights.iter().enumerate() {
        match height {
            Some(height) => {
                if !open {
                    put(&mut path, 'M', edge(i));
                    put(&mut path, ' ', bottom);
                }
                put(
                    &mut path,
                    'V',
                    bottom - height.clamp(0.0, 1.0) * (bottom - top),
                );
                put(&mut path, 'H', edge(i + 1));
                open = true;
            }
            None if open => {
                put(&mut path, 'V', bottom);
                path.push('z');
                open = false;
            }
            None => {}
        }
    }
    if open {
        put(&mut path, 'V', bottom);
        path.push('z');
    }
    path
}

fn label_at(m: &mut Markup, class: &str, x: f64, y: f64, text: &str) {
    let (x, y) = (coordinate(x), coordinate(y));
    m.leaf("text", &[("class", class), ("x", &x), ("y", &y)], text);
}

fn line(m: &mut Markup, class: &str, x: f64, from: f64, to: f64) {
    let d = format!("M{} {}V{}", coordinate(x), coordinate(from), coordinate(to));
    m.empty("path", &[("class", class), ("d", &d)]);
}

fn grid(m: &mut Markup, layout: &Layout, y: f64) {
    let d = format!(
        "M{} {}H{}",
        coordinate(layout.axis.left),
        coordinate(y),
        coordinate(layout.axis.right)
    );
    m.empty("path", &[("class", "grid"), ("d", &d)]);
}

fn rect(m: &mut Markup, class: &str, (left, right): (f64, f64), (top, bottom): (f64, f64)) {
    m.empty(
        "rect",
        &[
            ("class", class),
            ("x", &coordinate(left)),
            ("y", &coordinate(top)),
            ("width", &coordinate((right - left).max(0.0))),
            ("height", &coordinate(bottom - top)),
        ],
    );
}

/// Pixels that a label takes.
fn letters(text: &str) -> f64 {
    width(&fit(&clean(text, true), 200, true)) as f64 * LETTER
}

/// `60 %`: a scale's numbers are round.
fn scale_percent(rate: f64) -> String {
    format!("{}\u{a0}%", (rate * 1e6).round() / 1e4)
}

/// The next round rate.
fn round_rate(rate: f64) -> f64 {
    const ROUND: [f64; 12] = [
        0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0,
    ];
    ROUND
        .into_iter()
        .find(|&round| rate <= round)
        .unwrap_or(1.0)
}

/// The next number of requests that is 1, 2 or 5 with zeros.
fn round_count(most: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for digit in [1, 2, 5] {
            match power.checked_mul(digit) {
                Some(round) if round >= most => return round,
                Some(_) => {}
                None => return u64::MAX,
            }
        }
        power = power.saturating_mul(10);
    }
}

/// `20k`, where the scale has little room.
fn short_count(n: u64) -> String {
    for (unit, sign) in [(1_000_000_000, "G"), (1_000_000, "M"), (10_000, "k")] {
        if n >= unit {
            let unit = if sign == "k" { 1_000 } else { unit };
            return format!("{}{sign}", count(n / unit));
        }
    }
    count(n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Window;

    fn series() -> Series {
        let window =
            |minute: u64, errors| Window(format!("2024-04-10T09:{minute:02}:00Z"), 100, errors);
        let windows: Vec<Window> = (0..60)
            .map(|i| window(i, if i < 30 { 0 } else { 40 }))
            .collect();
        Series::new(&windows, 60).unwrap()
    }

    fn drawn(size: Size, marks: Vec<Mark>) -> String {
        let series = series();
        let clock = Clock::new(Some("2024-04-10T09:00:00Z"), Some("2024-04-10T10:00:00Z"));
        let at = |minute: i64| series.from + minute * 60;
        let chart = Chart {
            series: &series,
            baseline: 0.01,
            onset_interval: Some((at(29), at(31))),
            onset: Some((at(30), "onset 09:30:00".to_owned())),
            end: None,
            marks,
            clock: &clock,
            rate: "error rate",
            title: "title".to_owned(),
            description: "description".to_owned(),
        };
        let mut m = Markup::default();
        chart.draw(&mut m, size);
        m.finish()
    }

    fn mark(mark: char, minute: i64) -> Mark {
        Mark {
            mark,
            at: series().from + minute * 60,
            label: format!("deploy {mark} of api"),
            guilty: mark == '1',
        }
    }

    #[test]
    fn the_onset_stands_where_the_rate_rises() {
        let svg = drawn(Size::Wide, Vec::new());
        // The plot is 904 pixels wide from 48 on: 30 of 60 minutes are at 500.
        assert!(svg.contains("class=\"edge\" d=\"M500 "), "{svg}");
        assert!(svg.contains(">onset 09:30:00</text>"), "{svg}");
        // 40 % of a scale that ends at 40 %: the area reaches the top from there on.
        let top = 8.0 + LANE;
        assert!(svg.contains(&format!("H500V{top}H")), "{svg}");
        assert!(svg.contains("class=\"interval\" x=\"484.9\""), "{svg}"); // 48 + 29/60 of 904
    }

    #[test]
    fn every_change_has_its_mark_and_those_of_one_time_have_lanes() {
        let marks = vec![mark('1', 29), mark('a', 29), mark('b', 30), mark('c', 120)];
        let svg = drawn(Size::Narrow, marks);
        assert_eq!(svg.matches("<circle").count(), 3, "{svg}");
        assert_eq!(svg.matches("class=\"guilty\"").count(), 1, "{svg}");
        let parsed = roxmltree::Document::parse(&svg).unwrap();
        let rows: Vec<&str> = parsed
            .descendants()
            .filter_map(|n| n.attribute("cy"))
            .collect();
        assert_eq!(rows.len(), 3);
        assert!(
            rows[0] != rows[1] && rows[1] != rows[2] && rows[0] != rows[2],
            "{rows:?}"
        );
    }

    #[test]
    fn scales_end_at_round_numbers() {
        assert_eq!(round_rate(0.0), 0.001);
        assert_eq!(round_rate(0.21), 0.4);
        assert_eq!(round_rate(f64::NAN), 1.0);
        assert_eq!(round_count(0), 1);
        assert_eq!(round_count(107), 200);
        assert_eq!(round_count(u64::MAX), u64::MAX);
        assert_eq!(short_count(5_000), "5,000");
        assert_eq!(short_count(20_000), "20k");
        assert_eq!(short_count(2_000_000), "2M");
    }
}
