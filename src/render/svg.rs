//! Charts as inline SVG: shapes and words, no script, no style of their own.
//!
//! In come numbers and times of the report; out come elements with classes, to which the page's
//! style sheet gives colours for light, dark and paper. Each chart has a title and a description
//! in words, and every number drawn stands in a table too. Nothing is drawn by colour alone:
//! height, place, dashes and letters say the same.

mod axis;
mod bar;
mod chart;
mod columns;
mod heat;
mod lanes;

pub use bar::nats;
pub use chart::{Chart, Mark, Size};
pub use heat::Heat;
