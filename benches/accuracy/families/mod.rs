//! Families of incidents: each a generator with its own mechanism and ranges.
//!
//! Those for fitting and those for testing are disjoint: other systems (names, sizes, traffic,
//! seasons, noise), other mechanisms, other ranges. A number that was fitted has never seen a
//! family that it is tested on. `parts` builds the systems, `fitting` and `testing` break them.

mod fitting;
mod parts;
mod testing;

use crate::chance::Chance;
use crate::world::World;

/// A family of incidents.
pub struct Family {
    pub name: &'static str,
    /// What happens, in a sentence.
    pub about: &'static str,
    /// What is right to say.
    pub truth: Truth,
    /// The share of guilty changes that somebody who knows the generator, and reads the same logs,
    /// would name first; `None` where he would always.
    pub ceiling: Option<f64>,
    pub make: fn(&mut Chance) -> World,
}

/// What a family's incidents are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// A listed change causes them.
    Change,
    /// No listed change does.
    NoChange,
    /// Nothing is wrong.
    Quiet,
    /// Answers are late, none fails more.
    Latency,
}

impl Truth {
    pub fn name(self) -> &'static str {
        match self {
            Truth::Change => "change",
            Truth::NoChange => "none",
            Truth::Quiet => "quiet",
            Truth::Latency => "latency",
        }
    }
}

/// The families of a set: `fit`, `test` or `all`.
pub fn of(set: &str) -> Vec<&'static Family> {
    let (fit, test) = (fitting::FAMILIES.iter(), testing::FAMILIES.iter());
    match set {
        "fit" => fit.collect(),
        "test" => test.collect(),
        _ => fit.chain(test).collect(),
    }
}
