//! What the built command does with whole files: stories with their exact answers.
//!
//! `samples` and `counts` hold it to the truths of samples/README.md and to counters of their own,
//! `lines` to files that change on the way, `pieces` to requests told by several lines, `determinism` to
//! one report for one input, `bad_input` to clear words, `changes_command` and `formats_command` to what is
//! understood of markers and logs, `forms` and `figures` to the same numbers in every form, `hints` to a
//! word on what was probably meant, `readme` to its own examples; `labels` tells of versions, hosts and
//! error messages, `crowd` of addresses that stand for many; `laws` reads the source and holds it to its
//! plan. What a single room does is told in
//! its own unit tests.

#![allow(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in its helper functions too"
)]

mod about;
mod bad_input;
mod callers;
mod changes_command;
mod counts;
mod crowd;
mod determinism;
mod figures;
mod formats_command;
mod forms;
mod hints;
mod labels;
mod latency;
mod laws;
mod lines;
mod names;
mod pieces;
mod readme;
mod recurring;
mod samples;
mod show;
mod since;
mod support;
