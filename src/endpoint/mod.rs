//! Request targets → endpoints: a bounded set of path templates.
//!
//! Bytes in, ids out. [`template`] turns `/orders/4711?x=1` into `/orders/{id}` by rules that look
//! at nothing but the target itself; [`Routes`] lets users say it better; [`Interner`] numbers what
//! comes out. Attackers choose the URLs, so hashing is keyed and what overflows a bound is folded
//! into [`other`]. Knows no log line and counts nothing.

mod intern;
mod marks;
#[cfg(target_arch = "x86_64")]
mod memo;
mod routes;
mod template;
mod text;

pub use intern::Interner;
#[cfg(target_arch = "x86_64")]
pub use memo::{Memo, Shape, shape_of};
pub use routes::{Pattern, Routes};
pub use template::{append_template, other};
pub use text::ShortText;
