//! The errors of one endpoint over time, darker where there were more: a row of the heat map.
//!
//! All rows of a map share time and steps, so that they can be compared.

use std::fmt::Write;

use super::axis::Axis;
use super::columns::Columns;
use crate::render::human::count;
use crate::render::markup::{Markup, put_coordinate};
use crate::render::spark::Bin;

/// Steps of darkness; the style sheet has a colour for each.
pub const STEPS: [&str; 5] = ["h1", "h2", "h3", "h4", "h5"];
/// Columns at most: wider than three pixels on a page, wider than one on a phone.
const COLUMNS: usize = 112;
/// The height of a row, in its own units; it is stretched to the table's.
const HEIGHT: &str = "10";

/// A heat map's time and steps.
pub struct Heat {
    window_s: i64,
    from: i64,
    to: i64,
    /// The least errors of each step.
    steps: Vec<u64>,
    /// Times to mark in each row.
    lines: Vec<i64>,
}

impl Heat {
    /// For rows from a time to another, in windows of `window_s`, with lines at some times.
    pub fn new(rows: &[Vec<Bin>], window_s: i64, from: i64, to: i64, lines: Vec<i64>) -> Heat {
        let mut heat = Heat {
            window_s,
            from,
            to,
            steps: Vec::new(),
            lines,
        };
        let most = rows
            .iter()
            .flat_map(|bins| heat.columns(bins).sums)
            .map(|(_, errors)| errors)
            .max()
            .unwrap_or(0);
        heat.steps = steps(most);
        heat
    }

    fn columns(&self, bins: &[Bin]) -> Columns {
        Columns::new(bins, self.window_s, self.from, self.to, COLUMNS)
    }

    /// Seconds of a column.
    pub fn column_s(&self) -> i64 {
        self.columns(&[]).step_s
    }

    /// Start and errors of a row's darkest column; `None` without errors.
    pub fn peak(&self, bins: &[Bin]) -> Option<(i64, u64)> {
        let columns = self.columns(bins);
        let errors = columns.sums.iter().map(|sum| sum.1);
        let (i, errors) = errors
            .enumerate()
            .max_by_key(|&(i, n)| (n, std::cmp::Reverse(i)))?;
        let start = columns
            .from
            .saturating_add(columns.step_s.saturating_mul(i as i64));
        (errors > 0).then_some((start, errors))
    }

    /// Each step with what it stands for, `3–9`.
    pub fn legend(&self) -> Vec<(&'static str, String)> {
        let next = self.steps.iter().skip(1).map(Some).chain([None]);
        let label = |(&least, next): (&u64, Option<&u64>)| match next {
            Some(next) if next - 1 > least => format!("{}–{}", count(least), count(next - 1)),
            Some(_) => count(least),
            None => format!("{} or more", count(least)),
        };
        STEPS
            .into_iter()
            .zip(self.steps.iter().zip(next).map(label))
            .collect()
    }

    /// A row; `name` says in words what it shows.
    pub fn row(&self, m: &mut Markup, bins: &[Bin], name: &str) {
        let columns = self.columns(bins);
        let mut paths = vec![String::new(); STEPS.len()];
        let mut run: Option<(usize, usize)> = None; // step and first column
        for (i, &(_, errors)) in columns.sums.iter().chain([&(0, 0)]).enumerate() {
            let step = self.steps.iter().rposition(|&least| errors >= least);
            if run.map(|(step, _)| step) == step {
                continue;
            }
            if let Some((step, first)) = run
                && let Some(path) = paths.get_mut(step)
            {
                let length = i - first;
                write!(path, "M{first} 0h{length}v{HEIGHT}h-{length}z")
                    .expect("writing to a String can't fail");
            }
            run = step.map(|step| (step, i));
        }
        let view = format!("0 0 {} {HEIGHT}", columns.sums.len());
        let attributes = [
            ("class", "heat"),
            ("viewBox", view.as_str()),
            ("preserveAspectRatio", "none"),
            ("role", "img"),
            ("aria-label", name),
        ];
        let axis = Axis {
            from: columns.from,
            to: columns.to(),
            left: 0.0,
            right: columns.sums.len() as f64,
        };
        m.element("svg", &attributes, |m| {
            for (class, path) in STEPS.into_iter().zip(&paths) {
                if !path.is_empty() {
                    m.empty("path", &[("class", class), ("d", path)]);
                }
            }
            let mut path = String::new();
            for &at in self.lines.iter().filter(|at| axis.shows(**at)) {
                path.push('M');
                put_coordinate(axis.x(at), &mut path);
                path += " 0v";
                path += HEIGHT;
            }
            if !path.is_empty() {
                m.empty("path", &[("class", "line"), ("d", &path)]);
            }
        });
    }
}

/// Where each step begins: at equal factors from 1 to the most, in whole errors.
fn steps(most: u64) -> Vec<u64> {
    let factor = (most.max(1) as f64).powf(1.0 / STEPS.len() as f64);
    let mut steps: Vec<u64> = (0..STEPS.len())
        .map(|i| factor.powi(i as i32).round() as u64)
        .collect();
    steps.dedup();
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bin(start: i64, errors: u64) -> Bin {
        Bin {
            start,
            requests: errors,
            errors,
        }
    }

    #[test]
    fn steps_grow_by_a_factor_and_are_told_in_words() {
        assert_eq!(steps(0), [1]);
        assert_eq!(steps(3), [1, 2]); // 1, 1.25, 1.55, 1.93, 2.41
        assert_eq!(steps(100_000), [1, 10, 100, 1_000, 10_000]);
        let rows = [vec![bin(0, 100_000)]];
        let heat = Heat::new(&rows, 60, 0, 600, Vec::new());
        let legend = heat.legend();
        assert_eq!(legend[1], ("h2", "10–99".to_owned()));
        assert_eq!(legend[4], ("h5", "10,000 or more".to_owned()));
    }

    #[test]
    fn equal_columns_are_one_shape() {
        let bins = vec![bin(0, 1), bin(60, 1), bin(180, 100_000)];
        let heat = Heat::new(std::slice::from_ref(&bins), 60, 0, 300, vec![60, 9_999]);
        assert_eq!(heat.peak(&bins), Some((180, 100_000)));
        let mut m = Markup::default();
        heat.row(&mut m, &bins, "errors");
        let drawn = m.finish();
        assert!(drawn.contains("viewBox=\"0 0 5 10\""), "{drawn}");
        assert!(
            drawn.contains("<path class=\"h1\" d=\"M0 0h2v10h-2z\"/>"),
            "{drawn}"
        );
        assert!(
            drawn.contains("<path class=\"h5\" d=\"M3 0h1v10h-1z\"/>"),
            "{drawn}"
        );
        assert!(
            drawn.contains("<path class=\"line\" d=\"M1 0v10\"/>"),
            "{drawn}"
        );
    }
}
