//! Puts labels on lanes so that no two touch.
//!
//! In come labels with the place that each points at, the most important first; out comes for each
//! its lane and where it begins. A label stands to the right of its place, or to the left where the
//! chart ends; in the first lane that has room for it.

/// Where a label came to stand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placed {
    /// Its lane, from 0.
    pub lane: usize,
    /// Its left edge.
    pub x: f64,
    /// Whether it stands to the left of its place.
    pub leftward: bool,
}

/// Free room between two labels of a lane.
const GAP: f64 = 6.0;

/// Places labels, each with its point and its width on either side of it (`before`, `after` when it
/// stands to the right; the other way round to the left), between `left` and `right`.
pub fn place(labels: &[(f64, f64, f64)], left: f64, right: f64) -> Vec<Placed> {
    let mut lanes: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut placed = Vec::with_capacity(labels.len());
    for &(at, before, after) in labels {
        let leftward = at + after > right && at - after >= left;
        let x = if leftward { at - after } else { at - before };
        let end = x + before + after;
        let free = |lane: &Vec<(f64, f64)>| {
            lane.iter()
                .all(|&(from, to)| end + GAP <= from || to + GAP <= x)
        };
        let lane = lanes.iter().position(free).unwrap_or_else(|| {
            lanes.push(Vec::new());
            lanes.len() - 1
        });
        if let Some(lane) = lanes.get_mut(lane) {
            lane.push((x, end));
        }
        placed.push(Placed { lane, x, leftward });
    }
    placed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_label_goes_left_at_the_edge_and_down_where_it_is_crowded() {
        let placed = place(
            &[(10.0, 0.0, 50.0), (40.0, 0.0, 50.0), (90.0, 0.0, 50.0)],
            0.0,
            100.0,
        );
        assert_eq!(
            placed[0],
            Placed {
                lane: 0,
                x: 10.0,
                leftward: false
            }
        );
        assert_eq!(
            placed[1],
            Placed {
                lane: 1,
                x: 40.0,
                leftward: false
            }
        );
        assert_eq!(
            placed[2],
            Placed {
                lane: 2,
                x: 40.0,
                leftward: true
            }
        );
    }

    proptest! {
        #[test]
        fn no_two_labels_touch(labels in prop::collection::vec((0.0..1000.0_f64, 0.0..12.0_f64, 8.0..300.0_f64), 0..40)) {
            let placed = place(&labels, 0.0, 1000.0);
            prop_assert_eq!(placed.len(), labels.len());
            for (i, a) in placed.iter().enumerate() {
                for (j, b) in placed.iter().enumerate().filter(|(j, b)| *j > i && b.lane == a.lane) {
                    let width = |k: usize| labels[k].1 + labels[k].2;
                    prop_assert!(a.x + width(i) <= b.x || b.x + width(j) <= a.x, "{a:?} {b:?}");
                }
            }
        }
    }
}
