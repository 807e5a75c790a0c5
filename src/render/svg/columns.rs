//! Windows put together to as many columns as a chart has room for.
//!
//! Unlike the columns of a terminal, these are all made of the same number of windows, so that
//! the heights of two columns can be compared when what is drawn is a count.

use crate::render::spark::Bin;

/// Columns of equal length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// Start of the first.
    pub from: i64,
    /// Seconds of each.
    pub step_s: i64,
    /// Requests and errors of each.
    pub sums: Vec<(u64, u64)>,
}

impl Columns {
    /// Of windows of `window_s`, from `from` to `to`, in at most so many columns.
    pub fn new(bins: &[Bin], window_s: i64, from: i64, to: i64, at_most: usize) -> Columns {
        let window_s = window_s.max(1);
        let windows = i128::from(to) - i128::from(from);
        let windows = (windows / i128::from(window_s)).max(1);
        let each = (windows + at_most.max(1) as i128 - 1) / at_most.max(1) as i128;
        let columns = usize::try_from((windows + each - 1) / each).unwrap_or(1);
        let step = each * i128::from(window_s);
        let mut sums = vec![(0_u64, 0_u64); columns];
        for bin in bins {
            let column = (i128::from(bin.start) - i128::from(from)).div_euclid(step);
            let sum = usize::try_from(column).ok().and_then(|c| sums.get_mut(c));
            if let Some(sum) = sum {
                *sum = (
                    sum.0.saturating_add(bin.requests),
                    sum.1.saturating_add(bin.errors),
                );
            }
        }
        Columns {
            from,
            step_s: i64::try_from(step).unwrap_or(i64::MAX),
            sums,
        }
    }

    /// End of the last column.
    pub fn to(&self) -> i64 {
        let length = i128::from(self.step_s) * self.sums.len() as i128;
        i64::try_from(i128::from(self.from) + length).unwrap_or(i64::MAX)
    }
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
    fn every_column_has_as_many_windows() {
        let bins: Vec<Bin> = (0..250).map(|i| bin(i * 60, 10, 1)).collect();
        let columns = Columns::new(&bins, 60, 0, 250 * 60, 240);
        assert_eq!((columns.step_s, columns.sums.len()), (120, 125));
        assert!(columns.sums.iter().all(|sum| *sum == (20, 2)));
        let columns = Columns::new(&bins, 60, 0, 250 * 60, 300);
        assert_eq!(
            (columns.step_s, columns.sums.len(), columns.to()),
            (60, 250, 15_000)
        );
    }

    #[test]
    fn what_lies_outside_is_not_counted() {
        let bins = [bin(-60, 1, 1), bin(0, 2, 0), bin(120, 4, 4)];
        let columns = Columns::new(&bins, 60, 0, 120, 10);
        assert_eq!(columns.sums, [(2, 0), (0, 0)]);
    }

    #[test]
    fn hostile_times_do_no_harm() {
        let bins = [
            bin(i64::MAX, u64::MAX, 1),
            bin(i64::MIN, 1, 1),
            bin(0, u64::MAX, 1),
        ];
        let columns = Columns::new(&bins, 1, i64::MIN, i64::MAX, 10);
        assert_eq!(columns.sums.len(), 10);
        assert_eq!(Columns::new(&bins, 0, 5, 5, 0).sums.len(), 1);
    }
}
