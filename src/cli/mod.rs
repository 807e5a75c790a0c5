//! The command: what was typed → what it means → what is printed. The only room that knows the
//! clock, the environment, the terminal and the exit code.

mod about;
mod again;
mod args;
mod changes;
mod config;
mod formats;
mod mixups;
mod moment;
mod plan;
mod progress;
mod run;
mod show;

pub use run::run;
