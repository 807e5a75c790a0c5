//! A chart of the error rate over time in block characters, with marks and times under it.
//!
//! In come windows with their requests and errors; out come lines of text of equal width for the
//! bars, and lines for the marks and times under them. Windows that share a column are added up
//! before they are divided, so a column's rate is that of all its requests. A column without
//! requests is no column with rate 0: it gets a sign of its own.

use super::when::epoch_s;
use crate::report::Window;

/// Requests and errors from one time on, for one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bin {
    /// Start, in seconds from 1970.
    pub start: i64,
    /// Requests in it.
    pub requests: u64,
    /// Errors in it.
    pub errors: u64,
}

/// Windows in order of time, and how they lie in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// The windows.
    pub bins: Vec<Bin>,
    /// The length of each.
    pub window_s: i64,
    /// Start of the first.
    pub from: i64,
    /// End of the last.
    pub to: i64,
}

impl Series {
    /// Of the report's windows. Their length is the least distance of two, or else the one asked
    /// for. `None` without a window, or where one has no time.
    pub fn new(windows: &[Window], asked_s: u64) -> Option<Series> {
        let mut bins: Vec<Bin> = Vec::with_capacity(windows.len());
        for window in windows {
            bins.push(Bin {
                start: epoch_s(&window.0)?,
                requests: window.1,
                errors: window.2,
            });
        }
        bins.sort_by_key(|bin| bin.start);
        let (from, last) = (bins.first()?.start, bins.last()?.start);
        let steps = bins
            .windows(2)
            .filter_map(|pair| pair[1].start.checked_sub(pair[0].start));
        let asked = i64::try_from(asked_s).unwrap_or(i64::MAX);
        let window_s = steps.filter(|&step| step > 0).min().unwrap_or(asked).max(1);
        Some(Series {
            bins,
            window_s,
            from,
            to: last.saturating_add(window_s),
        })
    }

    /// The same, from or to a time outside of it, by whole windows.
    pub fn reaching(mut self, at: i64) -> Series {
        let windows = |distance: i64| {
            let whole = distance.saturating_add(self.window_s - 1) / self.window_s;
            whole.saturating_mul(self.window_s)
        };
        if at < self.from {
            self.from = self
                .from
                .saturating_sub(windows(self.from.saturating_sub(at)));
        } else if at > self.to {
            self.to = self.to.saturating_add(windows(at.saturating_sub(self.to)));
        }
        self
    }
}

/// The time that a chart shows, and its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis {
    from: i64,
    span: i64,
    columns: usize,
}

impl Axis {
    /// For windows of `window_s` from `from` to `to`, in `room` columns at most. Few windows get
    /// the same number of columns each, so that none looks longer than another.
    pub fn new(from: i64, to: i64, window_s: i64, room: usize) -> Axis {
        let span = to.saturating_sub(from).max(1);
        let room = room.max(1);
        let windows = usize::try_from(span.div_euclid(window_s.max(1)))
            .unwrap_or(usize::MAX)
            .max(1);
        let columns = if windows < room {
            room / windows * windows
        } else {
            room
        };
        Axis {
            from,
            span,
            columns,
        }
    }

    /// Columns used.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The column of a time; `None` outside the chart.
    pub fn column(&self, at: i64) -> Option<usize> {
        let since = i128::from(at) - i128::from(self.from);
        let column =
            usize::try_from((since * self.columns as i128).div_euclid(i128::from(self.span)))
                .ok()?;
        (column < self.columns).then_some(column)
    }

    /// Requests and errors per column.
    fn columns_of(&self, bins: &[Bin], window_s: i64) -> Vec<(u64, u64)> {
        let mut sums = vec![(0_u64, 0_u64); self.columns];
        for bin in bins {
            let Some(first) = self.column(bin.start) else {
                continue;
            };
            let last = self
                .column(bin.start.saturating_add(window_s))
                .unwrap_or(self.columns)
                .max(first + 1);
            for sum in sums.iter_mut().take(last).skip(first) {
                *sum = (
                    sum.0.saturating_add(bin.requests),
                    sum.1.saturating_add(bin.errors),
                );
            }
        }
        sums
    }

    /// The error rate of each column; `None` where it has no requests.
    pub fn rates(&self, bins: &[Bin], window_s: i64) -> Vec<Option<f64>> {
        let sums = self.columns_of(bins, window_s);
        sums.into_iter()
            .map(|(requests, errors)| (requests > 0).then(|| errors as f64 / requests as f64))
            .collect()
    }

    /// The errors of each column.
    pub fn errors(&self, bins: &[Bin], window_s: i64) -> Vec<Option<f64>> {
        self.columns_of(bins, window_s)
            .into_iter()
            .map(|(_, errors)| Some(errors as f64))
            .collect()
    }

    /// Marks at their times, as lines of equal length. Marks for one column stand under each other;
    /// where there are too many, a `+` takes their place. Times outside the chart are left out.
    pub fn marks(&self, marks: &[(char, i64)]) -> Vec<String> {
        let mut lines: Vec<Vec<char>> = Vec::new();
        for &(mark, at) in marks {
            let Some(column) = self.column(at) else {
                continue;
            };
            let free = lines.iter().position(|line| line.get(column) == Some(&' '));
            let (depth, mark) = match free {
                Some(depth) => (depth, mark),
                None if lines.len() < MARK_LINES => {
                    lines.push(vec![' '; self.columns]);
                    (lines.len() - 1, mark)
                }
                None => (MARK_LINES - 1, '+'),
            };
            if let Some(place) = lines.get_mut(depth).and_then(|line| line.get_mut(column)) {
                *place = mark;
            }
        }
        lines.into_iter().map(String::from_iter).collect()
    }

    /// Labels that each point at the column of their time, the most important first. Each comes
    /// in one or more forms, the longest first; one for which there is no room is left out.
    pub fn labels(&self, labels: &[(Vec<String>, i64)], unicode: bool) -> String {
        let (right, left) = if unicode { ('└', '┘') } else { ('^', '^') };
        let mut line = vec![' '; self.columns];
        for (forms, at) in labels {
            let Some(column) = self.column(*at) else {
                continue;
            };
            for form in forms {
                let rightward: Vec<char> = std::iter::once(right).chain(form.chars()).collect();
                let leftward: Vec<char> = form.chars().chain(std::iter::once(left)).collect();
                let start = (column + 1).checked_sub(leftward.len());
                if place(&mut line, column, &rightward)
                    || start.is_some_and(|start| place(&mut line, start, &leftward))
                {
                    break;
                }
            }
        }
        String::from_iter(line)
    }
}

/// Lines of marks under a chart.
const MARK_LINES: usize = 3;

/// Writes a label where there is room for it and a space around it.
fn place(line: &mut [char], start: usize, label: &[char]) -> bool {
    let end = start + label.len();
    let around = start.saturating_sub(1)..(end + 1).min(line.len());
    if end > line.len()
        || line
            .get(around)
            .is_none_or(|room| room.iter().any(|&c| c != ' '))
    {
        return false;
    }
    for (place, &letter) in line.iter_mut().skip(start).zip(label) {
        *place = letter;
    }
    true
}

/// Steps from empty to full; the first shows 0.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII_BLOCKS: [char; 8] = ['_', '.', ',', ':', ';', '+', '*', '#'];

/// What stands in a column without requests.
pub fn gap_sign(unicode: bool) -> char {
    if unicode { '·' } else { '?' }
}

/// Bars from 0 to `full`, top line first. What is more than 0 is always more than what is 0.
pub fn bars(values: &[Option<f64>], full: f64, height: usize, unicode: bool) -> Vec<String> {
    let blocks = if unicode { BLOCKS } else { ASCII_BLOCKS };
    let steps = blocks.len() * height;
    let step = |value: f64| -> usize {
        if value > 0.0 && full > 0.0 {
            let share = (value / full).min(1.0);
            ((share * (steps - 1) as f64).ceil() as usize).clamp(1, steps - 1)
        } else {
            0
        }
    };
    let sign = |value: &Option<f64>, below: usize| -> char {
        match value {
            None if below == 0 => gap_sign(unicode),
            None => ' ',
            Some(value) => match step(*value).checked_sub(below) {
                Some(index) => blocks[index.min(blocks.len() - 1)],
                None => ' ',
            },
        }
    };
    (0..height)
        .rev()
        .map(|line| {
            values
                .iter()
                .map(|value| sign(value, line * blocks.len()))
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bin(start: i64, requests: u64, errors: u64) -> Bin {
        Bin {
            start,
            requests,
            errors,
        }
    }

    #[test]
    fn a_series_reaches_an_onset_outside_of_it_by_whole_windows() {
        let windows = [Window("1970-01-01T00:10:00Z".to_owned(), 1, 0)];
        let series = Series::new(&windows, 60).unwrap();
        let reach = |at| {
            let series = series.clone().reaching(at);
            (series.from, series.to)
        };
        assert_eq!(reach(630), (600, 660));
        assert_eq!(reach(599), (540, 660));
        assert_eq!(reach(480), (480, 660));
        assert_eq!(reach(661), (600, 720));
        assert_eq!(reach(i64::MIN).1, 660);
        assert_eq!(reach(i64::MAX).0, 600);
    }

    #[test]
    fn windows_in_one_column_are_added_before_they_are_divided() {
        let axis = Axis::new(0, 240, 60, 2);
        let bins = [
            bin(0, 1000, 0),
            bin(60, 10, 10),
            bin(120, 0, 0),
            bin(180, 4, 1),
        ];
        // 10 of 1010, not the mean of 0 % and 100 %; 1 of 4.
        assert_eq!(axis.rates(&bins, 60), [Some(10.0 / 1010.0), Some(0.25)]);
    }

    #[test]
    fn a_few_windows_share_the_room_evenly() {
        let axis = Axis::new(0, 180, 60, 10);
        assert_eq!(axis.columns(), 9);
        let bins = [bin(0, 10, 1), bin(120, 10, 5)];
        let (low, high) = (Some(0.1), Some(0.5));
        assert_eq!(
            axis.rates(&bins, 60),
            [low, low, low, None, None, None, high, high, high]
        );
    }

    #[test]
    fn bars_tell_nothing_little_and_full_apart() {
        let values = [Some(0.0), Some(1e-9), Some(0.5), Some(1.0), None];
        assert_eq!(bars(&values, 1.0, 1, true), ["▁▂▅█·"]);
        assert_eq!(bars(&values, 1.0, 1, false), ["_.;#?"]);
        assert_eq!(bars(&values, 1.0, 2, true), ["  ▁█ ", "▁▂██·"]);
    }

    #[test]
    fn without_errors_the_chart_is_flat() {
        assert_eq!(bars(&[Some(0.0), Some(0.0)], 0.0, 1, true), ["▁▁"]);
    }

    #[test]
    fn marks_stand_at_their_column_and_under_each_other() {
        let axis = Axis::new(1000, 1600, 60, 10);
        let marks = [
            ('1', 1000),
            ('a', 1599),
            ('b', 1059),
            ('2', 999),
            ('3', 1600),
            ('c', 1300),
        ];
        assert_eq!(axis.marks(&marks), ["1    c   a", "b         "]);
        let crowd = [('1', 1000), ('2', 1000), ('a', 1000), ('b', 1000)];
        assert_eq!(
            axis.marks(&crowd),
            ["1         ", "2         ", "+         "]
        );
        assert!(axis.marks(&[]).is_empty());
    }

    #[test]
    fn labels_point_at_their_time_and_never_run_into_each_other() {
        let axis = Axis::new(0, 30, 1, 30);
        let label = |text: &str, at| (vec![text.to_owned()], at);
        assert_eq!(
            axis.labels(
                &[label("onset", 10), label("end", 29), label("00:00", 0)],
                true
            ),
            "└00:00    └onset          end┘"
        );
        assert_eq!(
            axis.labels(&[label("onset", 10), label("end", 14)], true),
            "          └onset              "
        );
        assert_eq!(
            axis.labels(&[label("onset", 10)], false),
            "          ^onset              "
        );
        let forms = vec!["eleven end".to_owned(), "eleven".to_owned()];
        assert_eq!(
            axis.labels(&[label("onset", 14), (forms, 21)], true),
            "              └onset └eleven  "
        );
        assert_eq!(axis.labels(&[label("far away", 99)], false), " ".repeat(30));
    }

    #[test]
    fn hostile_times_do_no_harm() {
        let axis = Axis::new(i64::MIN, i64::MAX, 1, 10);
        assert_eq!(axis.columns(), 10);
        let bins = [
            bin(i64::MAX, u64::MAX, u64::MAX),
            bin(i64::MIN, 1, 0),
            bin(0, u64::MAX, 1),
        ];
        assert_eq!(axis.rates(&bins, i64::MAX).len(), 10);
        let axis = Axis::new(5, 5, 0, 0);
        assert_eq!(
            (axis.columns(), axis.column(5), axis.column(6)),
            (1, Some(0), None)
        );
    }
}
