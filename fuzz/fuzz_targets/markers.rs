//! Any bytes as a file of change markers: an error or changes in order of time, never a panic; and
//! joining them with themselves gives no more changes than joining them alone.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use triage::{merge_changes, read_changes};

fuzz_target!(|bytes: &[u8]| {
    for name in ["deploys.json", "deploys.csv", "history.yaml"] {
        let Ok(markers) = read_changes(bytes, Path::new(name), None) else { continue };
        assert!(markers.changes.is_sorted_by_key(|c| c.at_us));
        assert_eq!(read_changes(bytes, Path::new(name), None).unwrap(), markers);
        let alone = merge_changes(vec![markers.clone()]).changes.len();
        let twice = merge_changes(vec![markers.clone(), markers]).changes.len();
        assert_eq!(alone, twice);
    }
});
