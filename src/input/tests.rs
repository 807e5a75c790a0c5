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

use super::logfile::Codec;
use super::*;

/// Far after the test files were written, so that `Io::Auto` maps them.
const LATER: i64 = i64::MAX;

/// The packed codecs, with the extension that they usually have.
pub const CODECS: [(Codec, &str); 4] = [
    (Codec::Gzip, "gz"),
    (Codec::Zstd, "zst"),
    (Codec::Bzip2, "bz2"),
    (Codec::Xz, "xz"),
];

/// One member of a packed file, at the codec's fastest level.
pub fn pack(codec: Codec, text: &[u8]) -> Vec<u8> {
    match codec {
        Codec::Plain => text.to_vec(),
        Codec::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        Codec::Zstd => zstd::encode_all(text, 1).unwrap(),
        Codec::Bzip2 => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        Codec::Xz => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    pack(Codec::Gzip, text)
}

/// About `bytes` of numbered lines of different lengths.
pub fn numbered_lines(bytes: usize) -> Vec<u8> {
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

/// The text of one file of several, read in whatever way.
pub fn read_text(files: &[LogFile], file: usize) -> Vec<u8> {
    text_of(&read_all(files, Io::Auto, 2).0, file)
}

pub fn log(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
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
        // A line more, so that it is not the same content.
        log(
            dir.path(),
            &format!("{i}.log.gz"),
            &[gzip(format!("packed {i}\n").as_bytes()), gzip(text)].concat(),
        );
    }
    let files = find(&[dir.path().to_path_buf()], &[]).unwrap().files;
    let (expected, salvaged) = read_all(&files, Io::Read, 1);
    assert_eq!(salvaged, []);
    for (i, text) in texts.iter().enumerate() {
        assert!(text_of(&expected, 2 * i) == *text, "plain file {i}");
        let packed = [format!("packed {i}\n").as_bytes(), text].concat();
        assert!(text_of(&expected, 2 * i + 1) == packed, "packed file {i}");
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
    log(dir.path(), "b.log.gz", &gzip(&[b"b\n", &text[..]].concat()));
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
fn each_codec_is_told_by_its_first_bytes_and_gives_the_same_blocks_for_any_threads() {
    let dir = tempfile::tempdir().unwrap();
    let text = numbered_lines(9_000_000);
    for (codec, extension) in CODECS {
        // Two members with padding between them, and a name that says nothing.
        let (first, second) = text.split_at(5_000_000);
        let first = [extension.as_bytes(), b"\n", first].concat();
        log(
            dir.path(),
            extension,
            &[pack(codec, &first), vec![0; 8], pack(codec, second)].concat(),
        );
    }
    let files = find(&[dir.path().to_path_buf()], &[]).unwrap().files;
    let codecs: Vec<Codec> = files.iter().map(|f| f.codec).collect();
    assert_eq!(codecs, [Codec::Bzip2, Codec::Gzip, Codec::Xz, Codec::Zstd]);
    let (expected, salvaged) = read_all(&files, Io::Auto, 1);
    assert_eq!(salvaged, []);
    for (i, file) in files.iter().enumerate() {
        let begin = file.path.file_name().unwrap().as_encoded_bytes();
        assert!(
            text_of(&expected, i) == [begin, b"\n", &text].concat(),
            "{}",
            file.path.display()
        );
    }
    assert!(read_all(&files, Io::Auto, 3).0 == expected);
}

#[test]
fn skippable_frames_of_zstd_are_skipped() {
    let dir = tempfile::tempdir().unwrap();
    // RFC 8878, 3.1.2: magic, length, that many bytes. `pzstd` begins its files with one.
    let skippable = b"\x5a\x2a\x4d\x18\x03\0\0\0abc";
    let (one, two) = (pack(Codec::Zstd, b"one\n"), pack(Codec::Zstd, b"two\n"));
    log(
        dir.path(),
        "a.zst",
        &[skippable, &one[..], skippable, &two, skippable].concat(),
    );
    let files = find(&[dir.path().to_path_buf()], &[]).unwrap().files;
    let (blocks, salvaged) = read_all(&files, Io::Auto, 2);
    assert_eq!(
        (text_of(&blocks, 0), salvaged),
        (b"one\ntwo\n".to_vec(), vec![])
    );
}

#[test]
fn a_broken_archive_gives_all_lines_before_the_break() {
    for (codec, extension) in CODECS {
        let dir = tempfile::tempdir().unwrap();
        let text = numbered_lines(9_000_000);
        let packed = pack(codec, &text);
        let mut corrupt = [pack(codec, b"intact\n"), packed.clone()].concat();
        let middle = corrupt.len() / 2;
        corrupt[middle..middle + 64].fill(0xa5);
        log(dir.path(), "corrupt", &corrupt);
        log(dir.path(), "cut", &packed[..packed.len() / 2]);
        log(dir.path(), "trailing", &[&packed[..], b"garbage"].concat());
        let files = find(&[dir.path().to_path_buf()], &[]).unwrap().files;
        let (blocks, salvaged) = read_all(&files, Io::Auto, 2);
        assert_eq!(salvaged.len(), 3, "{extension}: {salvaged:?}");
        let before_corrupt = text_of(&blocks, 0);
        assert!(
            before_corrupt.len() > 1_000_000 && before_corrupt.ends_with(b"\n"),
            "{extension}"
        );
        assert!(before_corrupt.starts_with(b"intact\n0 \n"));
        let cut = text_of(&blocks, 1);
        assert!(
            cut.len() > 1_000_000 && cut.ends_with(b"\n") && text.starts_with(&cut),
            "{extension}"
        );
        assert!(text_of(&blocks, 2) == text);
        let offsets: Vec<_> = salvaged.iter().map(|s| s.offset).collect();
        assert_eq!(
            offsets,
            [
                before_corrupt.len() as u64,
                cut.len() as u64,
                text.len() as u64
            ]
        );
        assert!(salvaged[1].why.contains("cut off"), "{}", salvaged[1].why);
        assert!(
            salvaged[2].why.contains("something else follows"),
            "{}",
            salvaged[2].why
        );
    }
}

#[test]
fn text_that_was_unpacked_before_the_break_is_not_lost_with_it() {
    let dir = tempfile::tempdir().unwrap();
    // One stored (not compressed) block of deflate, then a block of the reserved type 3: every line
    // of the first one can be read (RFC 1951, 3.2.3).
    let text = numbered_lines(60_000);
    let len = text.len() as u16;
    let header = b"\x1f\x8b\x08\0\0\0\0\0\0\xff";
    let stored = [
        &[0][..],
        &len.to_le_bytes(),
        &(!len).to_le_bytes(),
        &text,
        &[0b111],
    ]
    .concat();
    log(dir.path(), "a.gz", &[&header[..], &stored].concat());
    let files = find(&[dir.path().to_path_buf()], &[]).unwrap().files;
    let (blocks, salvaged) = read_all(&files, Io::Auto, 1);
    assert!(text_of(&blocks, 0) == text);
    assert_eq!((salvaged.len(), salvaged[0].offset), (1, text.len() as u64));
}

#[test]
fn an_endless_line_is_cut_and_its_rest_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let mut text = b"first\n".to_vec();
    text.extend(std::iter::repeat_n(b'z', 11 << 20));
    text.extend_from_slice(b"\nlast\n");
    log(dir.path(), "a.log", &text);
    log(dir.path(), "b.log.gz", &gzip(&text));
    let files: Vec<_> = ["a.log", "b.log.gz"]
        .iter()
        .flat_map(|name| find(&[dir.path().join(name)], &[]).unwrap().files)
        .collect();
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

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    /// What the fuzz target `unpack` does, for a moment.
    #[test]
    fn damaged_files_give_the_same_blocks_to_any_threads(
        which in 0..CODECS.len(),
        cut in 0..400_usize,
        damage in proptest::collection::vec((0..400_usize, proptest::prelude::any::<u8>()), 0..4),
        is_document: bool,
    ) {
        let (codec, extension) = CODECS[which];
        let text = match is_document {
            true => b"[\n{\"a\": 1},\n{\"a\": [2, {}]}\n]\n".repeat(20),
            false => numbered_lines(4_000),
        };
        let mut packed = [pack(codec, &text), pack(codec, b"a second member\n")].concat();
        let len = packed.len();
        for (at, byte) in damage {
            packed[at % len] = byte;
        }
        packed.truncate(len - cut % len);
        let dir = tempfile::tempdir().unwrap();
        log(dir.path(), &format!("a.log.{extension}"), &packed);
        let found = find(&[dir.path().to_path_buf()], &[]).unwrap();
        let (one, salvaged) = read_all(&found.files, Io::Read, 1);
        proptest::prop_assert_eq!((&one, &salvaged), (&read_all(&found.files, Io::Mmap, 2).0, &salvaged));
        proptest::prop_assert!(salvaged.len() <= found.files.len());
    }
}
