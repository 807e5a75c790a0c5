//! How far a long run has come, on standard error: bytes, rate and time left.
//!
//! Shown from the first second on, so that quick runs stay quiet, and wiped off when the run ends.
//! Where standard error is no terminal, a line a second. Never a word of the report.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Runs shorter than this need no bar.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it is drawn.
const STEP: Duration = Duration::from_millis(100);
/// Where no bar can be drawn: a line each second.
const STEPS_A_LINE: u64 = 10;
const BAR: &str =
    "[{bar:24}] {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left";
const CLOSER: &str = "[{bar:24}] {binary_total_bytes} read; looking closer at what broke";

/// Runs `work` and shows how much of `total` bytes is done meanwhile.
pub fn shown<T>(total: u64, done: &AtomicU64, work: impl FnOnce() -> T) -> T {
    let (stop, stopped) = channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            if stopped.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            let mut template = "";
            for step in 0u64.. {
                let read = done.load(Ordering::Relaxed).min(total);
                if bar.is_hidden() && step.is_multiple_of(STEPS_A_LINE) {
                    eprintln!("{} of {}", HumanBytes(read), HumanBytes(total));
                }
                let wanted = if read < total { BAR } else { CLOSER };
                if template != wanted {
                    template = wanted;
                    bar.set_style(style(template));
                }
                bar.set_position(read);
                if stopped.recv_timeout(STEP) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
            }
            bar.finish_and_clear();
        });
        let result = work();
        drop(stop);
        result
    })
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_is_done_once_and_its_result_handed_on() {
        let done = AtomicU64::new(0);
        let result = shown(10, &done, || {
            done.store(10, Ordering::Relaxed);
            "made"
        });
        assert_eq!(result, "made");
    }

    #[test]
    fn both_lines_are_templates_that_the_bar_understands() {
        for template in [BAR, CLOSER] {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
    }
}
