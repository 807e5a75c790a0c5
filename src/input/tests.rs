//! What the input promises: every line once, the same blocks however they are read, and no crash
//! when files change under us.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

/// Far after the test files were written, so that `Io::Auto` maps them.
const LATER: i64 = i64::MAX;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// `bytes` of numbered lines of different lengths.
fn numbered_lines(bytes: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for i in 0u64.. {
        if text.len() >= bytes {
            break;
        }
        let width = (i * 2_654_435_761 % 190) as usize;
        writeln!(text, "{i} {}", "x".repeat(width)).unwrap();
    }
    text
}

/// (file, block) → (sequence number, bytes), read with some threads.
type Blocks = BTreeMap<(usize, u32), (u64, Vec<u8>)>;

fn read_all(files: &[LogFile], io: Io, threads: usize) -> (Blocks, Vec<Salvage>) {
    let done = AtomicU64::new(0);
    let feed = Feed::new(files, io, LATER, &done, |_, _, _| ());
    let all = Mutex::new(Blocks::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut buffer = Buffer::default();
                let copy = |b: Block<'_, ()>| ((b.file, b.number), (b.seq, b.bytes.to_vec()));
                while let Some((key, value)) = feed.next(&mut buffer, copy) {
                    assert_eq!(all.lock().unwrap().insert(key, value), None);
                }
            });
        }
    });
    let expected: u64 = files.iter().map(|f| f.len).sum();
    let salvaged = feed.salvaged();
    assert!(done.load(Ordering::Relaxed) == expected || !salvaged.is_empty());
    (all.into_inner().unwrap(), salvaged)
}

fn text_of(blocks: &Blocks, file: usize) -> Vec<u8> {
    blocks
        .range((file, 0)..=(file, u32::MAX))
        .flat_map(|(_, (_, bytes))| bytes.clone())
        .collect()
}

fn log(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn all_ways_of_reading_give_the_same_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let texts: Vec<Vec<u8>> = [9_000_000, 100, 0, 4 << 20, 5_000_000]
        .map(numbered_lines)
        .to_vec();
    for (i, text) in texts.iter().enumerate() {
        log(dir.path(), &format!("{i}.log"), text);
        log(dir.path(), &format!("{i}.log.gz"), &gzip(text));
    }
    let files = find(&[dir.path().to_path_buf()], &[]).unwrap().files;
    let (expected, salvaged) = read_all(&files, Io::Read, 1);
    assert_eq!(salvaged, []);
    for (i, text) in texts.iter().enumerate() {
        assert!(text_of(&expected, 2 * i) == *text, "plain file {i}");
        assert!(text_of(&expected, 2 * i + 1) == *text, "packed file {i}");
    }
    assert!(
        expected
            .values()
            .all(|(_, b)| b.is_empty() || b.ends_with(b"\n"))
    );
    let mut order: Vec<u64> = expected.values().map(|(seq, _)| *seq).collect();
    order.sort_unstable();
    assert!(order.iter().copied().eq(0..order.len() as u64));
    for (io, threads) in [(Io::Mmap, 1), (Io::Auto, 3), (Io::Read, 8)] {
        assert!(
            read_all(&files, io, threads).0 == expected,
            "{io:?} with {threads} threads"
        );
    }
}

#[test]
fn selected_blocks_are_the_same_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let text = numbered_lines(13_000_000);
    log(dir.path(), "a.log", &text);
    log(dir.path(), "b.log.gz", &gzip(&text));
    log(dir.path(), "c.log", b"unwanted\n");
    let files = find(&[dir.path().to_path_buf()], &[]).unwrap().files;
    let (all, _) = read_all(&files, Io::Read, 1);
    let done = AtomicU64::new(0);
    let feed = Feed::new(&files, Io::Read, LATER, &done, |_, _, _| ()).select(vec![
        Some(vec![1, 3]),
        Some(vec![0, 2]),
        Some(vec![]),
    ]);
    let mut seen = Vec::new();
    let mut buffer = Buffer::default();
    while let Some(block) = feed.next(&mut buffer, |b| (b.file, b.number, b.bytes.to_vec())) {
        if !block.2.is_empty() {
            assert!(block.2 == all[&(block.0, block.1)].1);
            seen.push((block.0, block.1));
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, [(0, 1), (0, 3), (1, 0), (1, 2)]);
}

#[test]
fn a_file_truncated_while_it_is_mapped_gives_what_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let text = numbered_lines(20 << 20);
    let path = log(dir.path(), "a.log", &text);
    let files = find(std::slice::from_ref(&path), &[]).unwrap().files;
    let done = AtomicU64::new(0);
    let feed = Feed::new(&files, Io::Mmap, LATER, &done, |_, _, _| ());
    let mut buffer = Buffer::default();
    let mut read = Vec::new();
    let left = 6_000_000;
    while let Some(bytes) = feed.next(&mut buffer, |block| {
        // The log is cut (copytruncate) after the first block was handed out and before it is read.
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(left)
            .unwrap();
        block.bytes.to_vec()
    }) {
        read.extend_from_slice(&bytes);
    }
    assert!(read == text[..left as usize], "{} bytes", read.len());
    let why = "truncated while it was read".to_string();
    assert_eq!(
        feed.salvaged(),
        [Salvage {
            file: 0,
            offset: left,
            why
        }]
    );
}

#[test]
fn a_broken_archive_gives_all_lines_before_the_break() {
    let dir = tempfile::tempdir().unwrap();
    let text = numbered_lines(9_000_000);
    let packed = gzip(&text);
    log(dir.path(), "cut.gz", &packed[..packed.len() / 2]);
    log(
        dir.path(),
        "trailing.gz",
        &[&packed[..], b"garbage"].concat(),
    );
    log(
        dir.path(),
        "two.gz",
        &[gzip(b"one\n"), gzip(b"two\n")].concat(),
    );
    let files = find(&[dir.path().to_path_buf()], &[]).unwrap().files;
    let (blocks, salvaged) = read_all(&files, Io::Auto, 2);
    let cut = text_of(&blocks, 0);
    assert!(cut.len() > 1_000_000 && cut.ends_with(b"\n") && text.starts_with(&cut));
    assert!(text_of(&blocks, 1) == text);
    assert_eq!(text_of(&blocks, 2), b"one\ntwo\n");
    let offsets: Vec<_> = salvaged.iter().map(|s| (s.file, s.offset)).collect();
    assert_eq!(offsets, [(0, cut.len() as u64), (1, text.len() as u64)]);
}

#[test]
fn an_endless_line_is_cut_and_its_rest_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let mut text = b"first\n".to_vec();
    text.extend(std::iter::repeat_n(b'z', 11 << 20));
    text.extend_from_slice(b"\nlast\n");
    log(dir.path(), "a.log", &text);
    log(dir.path(), "b.log.gz", &gzip(&text));
    let files = find(&[dir.path().to_path_buf()], &[]).unwrap().files;
    for io in [Io::Mmap, Io::Read] {
        let (blocks, _) = read_all(&files, io, 1);
        for file in 0..2 {
            let mut lines = Vec::new();
            for (_, bytes) in blocks.range((file, 0)..=(file, u32::MAX)).map(|(_, b)| b) {
                lines.extend(
                    bytes
                        .split(|&b| b == b'\n')
                        .filter(|l| !l.is_empty())
                        .map(<[u8]>::to_vec),
                );
            }
            assert_eq!(lines.len(), 3, "file {file}");
            assert_eq!(
                (&lines[0][..], &lines[2][..]),
                (&b"first"[..], &b"last"[..])
            );
            assert!(lines[1].len() > MAX_LINE && lines[1].len() <= BLOCK + MAX_LINE + 1);
        }
    }
}

#[test]
fn a_file_replaced_or_removed_is_said_and_not_confused() {
    let dir = tempfile::tempdir().unwrap();
    let a = log(dir.path(), "a.log", b"old\n");
    let b = log(dir.path(), "b.log", b"gone\n");
    log(dir.path(), "c.log", b"stays\n");
    let files = find(&[dir.path().to_path_buf()], &[]).unwrap().files;
    fs::rename(&a, dir.path().join("a.log.1")).unwrap();
    fs::write(&a, b"new\n").unwrap();
    fs::remove_file(&b).unwrap();
    let (blocks, salvaged) = read_all(&files, Io::Auto, 2);
    assert_eq!(text_of(&blocks, 2), b"stays\n");
    assert_eq!(text_of(&blocks, 0), b"");
    assert!(
        salvaged[0].why.contains("another file took its name"),
        "{salvaged:?}"
    );
    assert_eq!(salvaged.len(), 2);
}
