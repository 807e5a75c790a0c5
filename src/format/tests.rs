use super::*;
use crate::record::Status;

/// The built-in formats, read once for all tests.
pub(super) fn builtin() -> &'static Registry {
    static BUILTIN: std::sync::LazyLock<Registry> = std::sync::LazyLock::new(Registry::builtin);
    &BUILTIN
}

/// A record that owns its bytes.
#[derive(Debug, PartialEq)]
pub(super) struct Owned {
    pub(super) time_us: i64,
    pub(super) method: Vec<u8>,
    pub(super) target: Vec<u8>,
    pub(super) status: Status,
    pub(super) latency_us: Option<u64>,
    pub(super) rest: [Option<Vec<u8>>; 8],
}

impl From<Record<'_>> for Owned {
    fn from(r: Record<'_>) -> Owned {
        Owned {
            time_us: r.time_us,
            method: r.method.to_vec(),
            target: r.target.to_vec(),
            status: r.status,
            latency_us: r.latency_us,
            rest: [
                r.service,
                r.client,
                r.user,
                r.agent,
                r.host,
                r.version,
                r.region,
                r.api_version,
            ]
            .map(|v| v.map(<[u8]>::to_vec)),
        }
    }
}

pub(super) fn read_strictly(format: &Format, line: &[u8]) -> Result<Owned, Reject> {
    format
        .parse_strictly(line, &mut Clock::new(None), &mut Scratch::default())
        .map(Owned::from)
}

pub(super) fn read(format: &Format, line: &[u8], depth: Depth) -> Result<Owned, Reject> {
    format
        .parse(line, &mut Clock::new(None), &mut Scratch::default(), depth)
        .map(Owned::from)
}

fn samples(text: &str) -> Vec<sample::Sample> {
    spec::Spec::read(text).unwrap().samples
}

pub(super) fn lines() -> Vec<(&'static str, String)> {
    let all = registry::SPECS
        .iter()
        .flat_map(|&(name, text)| samples(text).into_iter().map(move |s| (name, s)));
    all.map(|(name, sample)| (name, sample.line)).collect()
}

/// Reads a sample's line in the way that it says, and compares.
fn check(registry: &Registry, name: &str, sample: &sample::Sample) {
    let plain = registry.get(name).unwrap();
    if let Err(fault) = sample.check(&plain) {
        panic!("{name}: a sample {fault}");
    }
    if sample.wrapped {
        assert_eq!(detect(&sample.line).format.name(), name, "{}", sample.line);
    }
    let format = sample.prepared(&plain).unwrap();
    let line = sample.line.as_bytes();
    let found = read(&format, line, Depth::Full);
    for end in ["\n", "\r\n", " \r\n"] {
        let ended = [line, end.as_bytes()].concat();
        assert_eq!(read(&format, &ended, Depth::Full), found, "{name}");
    }
    if let (Ok(full), Ok(counts)) = (found, read(&format, line, Depth::Counts)) {
        assert_eq!(counts.time_us, full.time_us);
        assert_eq!((counts.method, counts.target), (full.method, full.target));
        assert_eq!(counts.status, full.status);
        assert_eq!(counts.rest[0], full.rest[0]);
    }
}

#[test]
fn a_line_cut_off_behind_its_status_still_tells_of_its_request() {
    let format = builtin().get("combined").unwrap();
    let line = br#"203.0.113.7 - - [10/Apr/2024:09:00:00 +0000] "GET /a HTTP/1.1" 500 157 "https://shop.exa"#;
    for depth in [Depth::Counts, Depth::Full] {
        let told = read(&format, line, depth).unwrap();
        assert_eq!((told.status, told.target), (Status(500), b"/a".to_vec()));
    }
    assert_eq!(
        read(&format, &line[..60], Depth::Counts),
        Err(Reject::Truncated)
    );
}

#[test]
fn every_sample_of_every_spec_reads_as_it_says() {
    let registry = builtin();
    for (name, text) in registry::SPECS {
        assert!(!samples(text).is_empty(), "{name}");
        for sample in samples(text) {
            check(registry, name, &sample);
        }
    }
}

#[test]
fn every_format_is_told_from_its_own_samples() {
    for (name, text) in registry::SPECS {
        for sample in samples(text).iter().filter(|sample| sample.is_request()) {
            let header = sample.header.as_deref().unwrap_or_default();
            let head = format!("{header}\n{}\n", sample.line);
            let detected = detect(&head);
            assert_eq!(
                (detected.format.name(), detected.requests),
                (*name, 1),
                "{head}"
            );
        }
    }
}

/// The lines of `tests/formats`: what services of all kinds write, and what is read of it.
#[test]
fn every_line_of_the_corpus_reads_as_it_says() {
    let registry = builtin();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats");
    let mut lines = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let table: toml::Table = text.parse().unwrap();
        for sample in table["sample"].as_array().unwrap() {
            let mut sample = sample.as_table().unwrap().clone();
            let format = sample.remove("format").unwrap();
            check(
                registry,
                format.as_str().unwrap(),
                &sample.try_into().unwrap(),
            );
            lines += 1;
        }
    }
    assert!(lines > 0);
}

fn detect(head: &str) -> registry::Detected {
    builtin().detect(head.as_bytes(), &[], &Clock::new(None))
}

#[test]
fn zeros_where_a_file_was_cut_to_nothing_are_no_part_of_a_line() {
    let line =
        r#"203.0.113.7 - - [10/Apr/2024:09:00:00 +0000] "GET /a HTTP/1.1" 500 157 "-" "curl/8""#;
    for zeros in [1, 100_000, 2_000_000] {
        let text = format!("{}{line}", "\0".repeat(zeros));
        let format = detect(&format!("{text}\n{line}\n")).format;
        assert_eq!(format.name(), "combined");
        let told = read(&format, text.as_bytes(), Depth::Full).unwrap();
        assert_eq!(told.status, Status(500));
        assert_eq!(told.rest[1].as_deref(), Some(&b"203.0.113.7"[..]));
    }
    let format = builtin().get("combined").unwrap();
    assert_eq!(read(&format, b"\0\0\0", Depth::Counts), Err(Reject::Blank));
}

#[test]
fn a_file_is_told_by_the_lines_that_it_has_most_of() {
    let line = |name: &str| {
        let found = lines().into_iter().find(|(spec, _)| *spec == name);
        found.unwrap().1
    };
    for name in ["combined", "common", "json", "logfmt"] {
        let head = format!(
            "\n    at Trace(Trace.java:1)\n{}\n{}\n",
            line(name),
            line(name)
        );
        let detected = detect(&head);
        assert_eq!((detected.format.name(), detected.requests), (name, 2));
    }
    let mixed = [line("common"), line("combined"), line("common")].join("\n");
    assert_eq!(detect(&mixed).format.name(), "combined");
}

#[test]
fn a_file_without_requests_gets_the_format_that_comes_closest() {
    for (head, name, reason) in [
        (
            "{\"msg\":\"a\"}\n{\"msg\":\"b\"}\n",
            "json",
            Reject::NoRequest,
        ),
        (
            "level=info msg=up\nlevel=warn msg=down\n",
            "logfmt",
            Reject::NoRequest,
        ),
        (
            "2024-04-10 09:00:00 INFO up\n2024-04-10 09:00:01 INFO down\n",
            "application",
            Reject::NoRequest,
        ),
        ("one fish\ntwo fish\n", "application", Reject::Unrecognized),
        ("", "application", Reject::Blank),
    ] {
        let detected = detect(head);
        let first = head.lines().next().unwrap_or_default();
        assert_eq!(
            (detected.format.name(), detected.requests),
            (name, 0),
            "{head}"
        );
        assert_eq!(
            read(&detected.format, first.as_bytes(), Depth::Counts),
            Err(reason),
            "{head}"
        );
    }
}

/// A combined line with this tail, and the latency that is read once the file's lines are known.
fn latencies(tails: &[&str]) -> Vec<Option<u64>> {
    let line = |tail: &&str| {
        format!(
            "192.0.2.1 - - [10/Apr/2024:09:00:00 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"x\"{tail}"
        )
    };
    let lines: Vec<String> = tails.iter().map(line).collect();
    let format = detect(&lines.join("\n")).format;
    assert_eq!(format.name(), "combined");
    lines
        .iter()
        .map(|line| {
            read(&format, line.as_bytes(), Depth::Full)
                .unwrap()
                .latency_us
        })
        .collect()
}

#[test]
fn a_request_time_at_the_end_is_taken_where_it_plainly_is_one() {
    assert_eq!(
        latencies(&[" 0.123", " 1.000"]),
        [Some(123_000), Some(1_000_000)]
    );
    assert_eq!(
        latencies(&[" 0.123 0.120", " 1.000 -"]),
        [Some(123_000), Some(1_000_000)]
    );
    assert_eq!(
        latencies(&[" 0.120 0.123", " - 1.000"]),
        [Some(123_000), Some(1_000_000)]
    );
    assert_eq!(
        latencies(&[" \"-\" rt=0.123 urt=\"0.1, 0.02\"", " \"-\" rt=- urt=\"-\""]),
        [Some(123_000), None]
    );
    assert_eq!(latencies(&[" urt=\"0.100, 0.020\""]), [Some(120_000)]);
    assert_eq!(latencies(&[" request_time_ms=7", ""]), [Some(7_000), None]);
    assert_eq!(latencies(&[" 12ms", " 34us"]), [Some(12_000), Some(34)]);
    for ambiguous in [
        [" 123", " 456"],
        [" 0.123", " 456"],
        [" 1.5", " 2.5"],
        [" a=0.123", " a=0.456"],
    ] {
        assert_eq!(latencies(&ambiguous), [None, None], "{ambiguous:?}");
    }
}

#[test]
fn a_pattern_of_the_users_own_needs_a_time_a_request_and_a_status() {
    let user = |text: &str| builtin().user(text, |_| unreachable!("no file is named"));
    let format =
        user(r"^(?<ts>\S+) (?<verb>\w+) (?<path>\S+) -> (?<status>\d+) in (?<duration_ms>\S+)")
            .unwrap();
    let record = read(
        &format,
        b"2024-04-10T09:00:00Z GET /a -> 500 in 12.5 x",
        Depth::Full,
    )
    .unwrap();
    assert_eq!(
        (record.time_us, record.status, record.latency_us),
        (1_712_739_600_000_000, Status(500), Some(12_500))
    );
    assert_eq!(
        (record.method, record.target),
        (b"GET".to_vec(), b"/a".to_vec())
    );
    assert_eq!(
        read(&format, b"nothing", Depth::Full),
        Err(Reject::Unrecognized)
    );
    assert_eq!(user("combined").unwrap().name(), "combined");
    for (text, message) in [
        ("combind", "no log format is called `combind`"),
        (
            r"(?<time>\S+) (?<path>\S+)",
            "the pattern has no group for the status",
        ),
        (
            r"(?<time>\S+) (?<status>\S+)",
            "the pattern has no group for the request or path",
        ),
        (
            r"(?<path>\S+) (?<status>\S+)",
            "the pattern has no group for the time",
        ),
        (
            r"(?<time>\S+) (?<path>\S+) (?<status>\S+) (?<colour>\S+)",
            "the group `colour` is no part of a request",
        ),
        (r"(?<time>", "not a regular expression"),
    ] {
        let error = user(text).unwrap_err();
        assert!(error.is_config() && error.hint_text().is_some());
        assert!(error.to_string().starts_with(message), "{error}");
    }
}

#[test]
fn one_scratch_serves_patterns_in_turn() {
    let user = |text: &str| builtin().user(text, |_| unreachable!("no file is named"));
    let one = user(r"(?<time>\S+) (?<request>\S+ \S+) (?<status>\d+)").unwrap();
    let two = user(r"(?<status>\d+) (?<path>\S+) (?<time>\S+) (?<client>\S+)").unwrap();
    let (mut clock, mut scratch) = (Clock::new(None), Scratch::default());
    for _ in 0..2 {
        assert!(
            one.parse(
                b"1712739600 GET /a 200",
                &mut clock,
                &mut scratch,
                Depth::Full
            )
            .is_ok()
        );
        let record = two
            .parse(
                b"200 /b 1712739600 192.0.2.1",
                &mut clock,
                &mut scratch,
                Depth::Full,
            )
            .unwrap();
        assert_eq!(record.client, Some(&b"192.0.2.1"[..]));
    }
}

#[test]
fn bytes_that_real_logs_have_are_no_obstacle() {
    let registry = builtin();
    let combined = registry.get("combined").unwrap();
    let long = format!("/{}", "a".repeat(7_800));
    let request = |target: &[u8]| {
        [
            b"192.0.2.1 - - [10/Apr/2024:09:00:00 +0000] \"GET ",
            target,
            b" HTTP/1.1\" 200 5 \"-\" \"\xa4\xa4 x\"",
        ]
        .concat()
    };
    for target in [
        b"/\xff\xfe\xc3\x28".as_slice(),
        long.as_bytes(),
        b"/a\"b",
        b"/%00\x00\x1b[2J",
    ] {
        assert_eq!(
            read(&combined, &request(target), Depth::Full)
                .unwrap()
                .target,
            target
        );
    }
    let bom = [b"\xef\xbb\xbf", request(b"/").as_slice()].concat();
    assert!(read(&combined, &bom, Depth::Full).is_ok());
    let json = registry.get("json").unwrap();
    let line = b"{\"ts\":1712739600,\"method\":\"GET\",\"path\":\"/\xff\",\"status\":200,\"note\":\"\x01\\q\"}";
    assert_eq!(read(&json, line, Depth::Full).unwrap().target, b"/\xff");
    assert_eq!(
        read(&json, &[b' '; 1 << 20], Depth::Full),
        Err(Reject::Blank)
    );
    assert_eq!(
        read(&json, &[b' '; (1 << 20) + 1], Depth::Full),
        Err(Reject::TooLong)
    );
    let deep = [&b"{\"a\":".repeat(5_000)[..], b"1", &b"}".repeat(5_000)].concat();
    assert_eq!(read(&json, &deep, Depth::Full), Err(Reject::Unrecognized));
}

#[test]
fn a_header_line_says_what_the_columns_below_it_mean() {
    let first = "#Fields: date time cs-method cs-uri-stem sc-status";
    let format = detect(&format!(
        "#Software: x\n{first}\n2024-04-10 09:00:00 GET /old 200\n"
    ))
    .format;
    assert_eq!(format.name(), "w3c");
    assert!(
        first
            .as_bytes()
            .starts_with(format.header_begins().unwrap())
    );
    let below = |header: &str| format.header(header.as_bytes()).unwrap();
    for (header, line, target) in [
        (first, "2024-04-10 09:00:00 GET /old 200", "/old"),
        (
            "\u{feff}#Fields: date time sc-status cs-uri-stem cs-method\r",
            "2024-04-10 09:00:01 500 /new POST",
            "/new",
        ),
    ] {
        let record = read(&below(header), line.as_bytes(), Depth::Full).unwrap();
        assert_eq!(record.target, target.as_bytes());
        assert_eq!(
            read(&below(header), first.as_bytes(), Depth::Full),
            Err(Reject::Comment)
        );
    }
    assert!(format.header(b"#Software: x").is_none());
    let combined = builtin().get("combined").unwrap();
    assert!(combined.header(first.as_bytes()).is_none() && combined.header_begins().is_none());
}

#[test]
fn a_whole_number_at_the_end_is_microseconds_where_it_can_be_nothing_else() {
    let tails = |numbers: &[u64]| -> Vec<Option<u64>> {
        let tails: Vec<String> = numbers.iter().map(|n| format!(" {n}")).collect();
        latencies(&tails.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let micros = [
        900, 8_000, 12_345, 9_000, 700, 31_000, 6_000, 1_200_000, 15_000, 7_000,
    ];
    assert_eq!(tails(&micros), micros.map(Some));
    // Too few lines, too small for microseconds, or the size of the whole response: its body has 5.
    assert_eq!(tails(&micros[..9]), [None; 9]);
    assert_eq!(tails(&[12; 10]), [None; 10]);
    let sizes = [
        300, 3_900, 4_000, 4_050, 4_090, 312, 3_999, 4_001, 4_002, 4_003,
    ];
    assert_eq!(tails(&sizes), [None; 10]);
}

#[test]
fn a_duration_in_seconds_and_in_microseconds_is_one_latency() {
    // Apache's `%T/%D`, the same among stars, and `%T %D`; a server counts whole seconds only.
    for (one, other) in [
        (" 1/1123456", " 0/7333"),
        (" **1/1123456**", " **0/7333**"),
        (" 1 1123456", " 0 7333"),
    ] {
        let tails = [one, other].repeat(5);
        let expected = [Some(1_123_456), Some(7_333)].repeat(5);
        assert_eq!(latencies(&tails), expected, "{one}");
    }
    // Two counters, and a number of seconds that is not that of the microseconds.
    assert_eq!(latencies(&[" 0/3", " 0/4"]), [None; 2]);
    assert_eq!(latencies(&[" 1/1123456", " 3/7333"]), [None; 2]);
}

#[test]
fn what_is_in_front_of_an_access_line_is_not_its_client() {
    let access =
        r#"203.0.113.7 - alice [10/Apr/2024:09:00:00 +0000] "GET / HTTP/1.1" 503 12 "-" "curl/8""#;
    for (front, host) in [
        ("", None),
        ("2024-04-10T09:00:00.493035218Z stdout F ", None),
        ("2024-04-10T09:00:00.493035218Z ", None),
        ("Apr 10 09:00:00 web-1 nginx[7]: ", Some("web-1")),
        (
            "<190>2024-04-10T09:00:00.5+00:00 web-1 nginx: ",
            Some("web-1"),
        ),
        (
            "<190>1 2024-04-10T09:00:00Z web-1 nginx 7 - - ",
            Some("web-1"),
        ),
        ("shop-2  | ", Some("shop-2")),
        ("shop-2  | 2024-04-10T09:00:00.493035218Z ", Some("shop-2")),
        (
            "[pod/shop-0/api] 2024-04-10T09:00:00.493035218Z ",
            Some("shop-0"),
        ),
    ] {
        let line = format!("{front}{access}");
        let named = Registry::learn(
            &builtin().get("combined").unwrap(),
            line.as_bytes(),
            &Clock::new(None),
        );
        for format in [detect(&line).format, named] {
            assert_eq!(format.name(), "combined", "{line}");
            let told = read(&format, line.as_bytes(), Depth::Full).unwrap();
            let [_service, client, user, _agent, told_host, ..] = told.rest;
            let bytes = |text: &str| Some(text.as_bytes().to_vec());
            assert_eq!(
                (client, user),
                (bytes("203.0.113.7"), bytes("alice")),
                "{line}"
            );
            assert_eq!(told_host, host.and_then(bytes), "{line}");
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// What the fuzz targets `log_format` and `pattern` do, for a moment.
    #[test]
    fn no_text_makes_a_format_panic(
        which in 0..crate::format::registry::SPECS.len(),
        cut in 0..4_000_usize,
        damage in proptest::collection::vec((0..4_000_usize, "[ -~{}$%\"\\\\]"), 0..4),
        text in "[$%^(]?[ -~]{0,60}",
        broken in proptest::collection::vec((0..80_usize, "[ -~]"), 0..3),
        line in "[ -~]{0,80}",
    ) {
        let mut spec: Vec<char> = crate::format::registry::SPECS[which].1.chars().collect();
        let len = spec.len();
        for (at, c) in damage {
            spec[at % len] = c.chars().next().unwrap_or(' ');
        }
        spec.truncate(len - cut % len);
        let spec: String = spec.into_iter().collect();
        let file = builtin().user("mine.toml", |_| Ok(spec));
        let written = builtin().user(&text, |_| Ok(String::new()));
        let mut pattern = *b"^(?<time>\\S+) (?<client>[^ ]+) (?<status>\\d{3}) (?<path>\\S+) (?<latency_ms>.*)$";
        for (at, c) in broken {
            pattern[at % 74] = c.as_bytes()[0];
        }
        let pattern = builtin().user(&String::from_utf8_lossy(&pattern), |_| Ok(String::new()));
        for format in [file, written, pattern].into_iter().flatten() {
            let counts = read(&format, line.as_bytes(), Depth::Counts);
            proptest::prop_assert_eq!(counts.is_ok(), read(&format, line.as_bytes(), Depth::Full).is_ok());
        }
    }
}
