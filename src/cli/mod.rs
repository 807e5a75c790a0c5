//! The command: what was typed → what it means → what is printed. The only room that knows the
//! clock, the environment, the terminal and the exit code.

mod args;
mod changes;
mod config;
mod formats;
mod moment;
mod plan;
mod progress;
mod run;

pub use run::run;
