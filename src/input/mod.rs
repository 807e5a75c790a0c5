//! Files, folders and standard input → blocks of whole lines, in parallel.
//!
//! [`find`] walks what the user named and says which files are logs: plain ones, packed ones, and the
//! members of tar archives; what is there twice counts once. [`Feed`] cuts them into blocks of about [`BLOCK`] bytes that end at a newline and hands these to any number of threads:
//! mapped into memory, read at their position, or decompressed. The cuts and the order of the
//! blocks depend on the files alone, never on the threads. Knows bytes, newlines and files;
//! no format, no time.

mod decode;
mod documents;
mod fault;
mod feed;
mod form;
mod head;
mod lines;
mod logfile;
mod members;
mod peek;
mod source;
mod table;
#[cfg(test)]
mod tests;
mod twins;
mod unpack;
mod walk;

pub use feed::{Block, Buffer, Feed, Salvage, Selection};
#[cfg(target_arch = "x86_64")]
pub use lines::LineEnds;
pub use lines::{Lines, Place};
pub use logfile::LogFile;
pub use peek::Peek;
pub use walk::{Found, find};

/// Bytes in a block, before it is extended to the end of its last line.
pub const BLOCK: usize = 4 << 20;
/// Longest line, in bytes; what is longer is cut here.
pub const MAX_LINE: usize = 1 << 20;

/// How regular files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Io {
    /// Mapped where they have been at rest for 10 s, else read.
    #[default]
    Auto,
    /// Mapped into memory.
    Mmap,
    /// Read at their position.
    Read,
}
