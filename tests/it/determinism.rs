//! The same bytes and options make the same report, whatever they were read with and named by.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::*;

/// The printed report, byte for byte.
fn printed(args: &[String]) -> String {
    let run = run(&[args, &["--json".into()]].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run.stdout
}

#[test]
fn any_number_of_threads_makes_the_same_report() {
    for sample in [&AUTH_OUTAGE, &QUIET_DAY, &NOT_THE_DEPLOY] {
        let with = |threads: &str| {
            printed(&[sample.args(), vec!["--threads".into(), threads.into()]].concat())
        };
        let one = with("1");
        assert!(one == with("2"), "{}: two threads", sample.name);
        assert!(one == with("8"), "{}: eight threads", sample.name);
    }
}

#[test]
fn files_mapped_or_read_make_the_same_report() {
    let with = |way: &str| printed(&[AUTH_OUTAGE.args(), vec!["--io".into(), way.into()]].concat());
    let read = with("read");
    assert!(read == with("mmap"));
    assert!(read == with("auto"));
}

#[test]
fn files_named_one_by_one_in_any_order_make_the_report_of_their_folder() {
    let files: Vec<String> = AUTH_OUTAGE
        .files()
        .iter()
        .map(|p| p.to_str().unwrap().to_owned())
        .collect();
    assert_eq!(files.len(), 18);
    // Each seventh file in turn: 7 and 18 share no divisor, so each file comes once.
    let shuffled: Vec<String> = (0..18).map(|i| files[(i * 7 + 5) % 18].clone()).collect();
    let deploys = vec!["--deploys".into(), AUTH_OUTAGE.deploys()];
    let folder = printed(&AUTH_OUTAGE.args());
    assert!(folder == printed(&[shuffled.clone(), deploys.clone()].concat()));
    // A file named twice, by itself and by its folder, is still one file.
    assert!(folder == printed(&[vec![shuffled[3].clone(), AUTH_OUTAGE.logs()], deploys].concat()));
}

/// The report on a copy of a sample's logs, each file named and packed anew, but told by the names
/// of the sample's own files.
fn report_on_copy(
    sample: &Sample,
    name: impl Fn(&Path) -> PathBuf,
    pack: impl Fn(Vec<u8>) -> Vec<u8>,
) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let mut renamed: Vec<(String, String)> = Vec::new();
    for file in sample.files() {
        let copy = folder
            .path()
            .join(name(file.strip_prefix(sample.logs()).unwrap()));
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::write(&copy, pack(read_log(&file))).unwrap();
        renamed.push((path_text(&copy), path_text(&file)));
    }
    let mut report = report(&[
        path_text(folder.path()),
        "--deploys".into(),
        sample.deploys(),
    ]);
    rename(&mut report, &renamed);
    report
}

fn without_gz(path: &Path) -> PathBuf {
    match path.extension() {
        Some(extension) if extension == "gz" => path.with_extension(""),
        _ => path.to_path_buf(),
    }
}

fn path_text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Replaces the `file` of all samples and examples.
fn rename(value: &mut Value, renamed: &[(String, String)]) {
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(|e| rename(e, renamed)),
        Value::Object(object) => {
            for (key, value) in object {
                match renamed
                    .iter()
                    .find(|(copy, _)| key == "file" && value == copy)
                {
                    Some((_, file)) => *value = file.clone().into(),
                    None => rename(value, renamed),
                }
            }
        }
        _ => {}
    }
}

#[test]
fn packed_or_plain_makes_the_same_report() {
    for sample in [&AUTH_OUTAGE, &QUIET_DAY, &NOT_THE_DEPLOY] {
        let plain = report_on_copy(sample, without_gz, |text| text);
        assert_same(&plain, sample.report(), &format!("{} plain", sample.name));
        // Whether a file is packed is told by its first bytes: `api.access.log` may be.
        let all_packed = report_on_copy(sample, Path::to_path_buf, |text| packed(&text));
        assert_same(
            &all_packed,
            sample.report(),
            &format!("{} packed", sample.name),
        );
    }
}

#[test]
fn a_file_packed_in_two_members_is_one_file() {
    // `cat a.gz b.gz` is a gzip file too (RFC 1952, section 2.2).
    let halves = |text: Vec<u8>| {
        let (begin, end) = text.split_at(text.len() / 2);
        [packed(begin), packed(end)].concat()
    };
    let told = report_on_copy(&NOT_THE_DEPLOY, Path::to_path_buf, halves);
    assert_same(&told, NOT_THE_DEPLOY.report(), "two members");
}

#[test]
fn standard_input_makes_the_counts_of_the_files_it_was_made_of() {
    let files: Vec<PathBuf> = AUTH_OUTAGE
        .files()
        .into_iter()
        .filter(|path| path.to_str().unwrap().contains("api.access.log"))
        .collect();
    assert_eq!(files.len(), 6);
    let all: Vec<u8> = files.iter().flat_map(|path| read_log(path)).collect();
    let piped = report_of(&run_with_stdin(&["-", "--json"], &all));
    let named = report(&files);
    for key in [
        "bytes",
        "lines",
        "requests",
        "errors",
        "rejected_lines",
        "filtered_lines",
        "from",
        "to",
        "gaps",
    ] {
        assert_eq!(piped["scan"][key], named["scan"][key], "{key}");
    }
    // samples/README.md: `api` has 35,017 lines, 24 of them no request.
    assert_eq!(
        (&piped["scan"]["lines"], &piped["scan"]["rejected_lines"]),
        (&35_017.into(), &24.into())
    );
    assert_eq!(piped["timeline"], named["timeline"]);
    assert_eq!(piped["scan"]["services"], Value::from(vec!["-"]));
    // Lines of a pipe have no file to name their service.
    let counts = |report: &Value| -> Vec<Value> {
        let mut endpoints = list(&report["endpoints"]).to_vec();
        endpoints
            .iter_mut()
            .for_each(|e| e["service"] = Value::Null);
        endpoints
    };
    assert_eq!(counts(&piped), counts(&named));
}

/// The lines of a log, each stretch of 300 in reverse: twenty minutes at most in the sample. A log in
/// which lines go on from the one before stays as it is.
fn out_of_order(text: Vec<u8>) -> Vec<u8> {
    let lines: Vec<&[u8]> = text.split_inclusive(|&b| b == b'\n').collect();
    let begins = |line: &&[u8]| line[0] == b'{' || line[0].is_ascii_digit();
    if !lines.iter().all(begins) {
        return text;
    }
    let reversed = lines.chunks(300).flat_map(|some| some.iter().rev());
    reversed.copied().collect::<Vec<_>>().concat()
}

/// Takes out what tells where in the files lines stand, and which of them are shown.
fn forget_lines(value: &mut Value) {
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(forget_lines),
        Value::Object(object) => {
            for key in ["samples", "example", "line", "examples"] {
                object.remove(key);
            }
            object.values_mut().for_each(forget_lines);
        }
        _ => {}
    }
}

#[test]
fn lines_out_of_order_by_minutes_change_nothing() {
    let mut told = report_on_copy(&AUTH_OUTAGE, without_gz, out_of_order);
    let mut expected = AUTH_OUTAGE.report().clone();
    forget_lines(&mut told);
    forget_lines(&mut expected);
    assert_same(&told, &expected, "out of order");
}
