//! Any bytes as a log, packed or not, or as an archive of logs: reading them twice, with one thread
//! and with two, gives the same blocks; every block but a file's last ends at a newline.

#![no_main]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use libfuzzer_sys::fuzz_target;
use triage::internals::{Block, Buffer, Feed, LogFile, MAX_LINE, Salvage};
use triage::{Io, find_logs};

/// (file, block) → bytes.
type Blocks = BTreeMap<(usize, u32), Vec<u8>>;

fn read(files: &[LogFile], io: Io, threads: usize) -> (Blocks, Vec<Salvage>) {
    let done = AtomicU64::new(0);
    let feed = Feed::new(files, io, i64::MAX, &done, |_, _, _| ());
    let blocks = Mutex::new(Blocks::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut buffer = Buffer::default();
                let copy = |b: Block<'_, ()>| ((b.file, b.number), b.bytes.to_vec());
                while let Some((key, bytes)) = feed.next(&mut buffer, copy) {
                    assert_eq!(blocks.lock().unwrap().insert(key, bytes), None, "{key:?} came twice");
                }
            });
        }
    });
    (blocks.into_inner().unwrap(), feed.salvaged())
}

fuzz_target!(|bytes: &[u8]| {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.log");
    std::fs::write(&path, bytes).unwrap();
    let files = find_logs(&[path], &[]).unwrap().files;
    let one = read(&files, Io::Read, 1);
    assert!(read(&files, Io::Mmap, 2) == one);
    let mut blocks = one.0.iter().peekable();
    while let Some((key, bytes)) = blocks.next() {
        let last = blocks.peek().is_none_or(|(next, _)| next.0 != key.0);
        let long = bytes.len() > MAX_LINE;
        assert!(last || long || bytes.is_empty() || bytes.ends_with(b"\n"), "{key:?} is cut in a line");
    }
});
