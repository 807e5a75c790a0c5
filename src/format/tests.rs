use super::*;
use crate::record::Status;
use proptest::prelude::*;

/// What a sample says of its line: a record, or the name of the reason why it is none.
fn expected(sample: &toml::Table) -> Result<Owned, String> {
    if let Some(reject) = sample.get("reject") {
        return Err(reject.as_str().unwrap().to_owned());
    }
    let text = |key: &str| sample.get(key).map(|v| v.as_str().unwrap().as_bytes().to_vec());
    let time: jiff::Timestamp = sample["time"].as_str().unwrap().parse().unwrap();
    let known = [
        "line", "time", "method", "target", "status", "latency_us", "service", "client", "user", "agent", "host",
        "version", "region",
    ];
    for key in sample.keys() {
        assert!(known.contains(&key.as_str()), "unknown key {key}");
    }
    Ok(Owned {
        time_us: time.as_microsecond(),
        method: text("method").unwrap(),
        target: text("target").unwrap(),
        status: Status(u16::try_from(sample["status"].as_integer().unwrap()).unwrap()),
        latency_us: sample.get("latency_us").map(|v| u64::try_from(v.as_integer().unwrap()).unwrap()),
        rest: ["service", "client", "user", "agent", "host", "version", "region"].map(text),
    })
}

/// A record that owns its bytes.
#[derive(Debug, PartialEq)]
struct Owned {
    time_us: i64,
    method: Vec<u8>,
    target: Vec<u8>,
    status: Status,
    latency_us: Option<u64>,
    rest: [Option<Vec<u8>>; 7],
}

impl From<Record<'_>> for Owned {
    fn from(r: Record<'_>) -> Owned {
        Owned {
            time_us: r.time_us,
            method: r.method.to_vec(),
            target: r.target.to_vec(),
            status: r.status,
            latency_us: r.latency_us,
            rest: [r.service, r.client, r.user, r.agent, r.host, r.version, r.region].map(|v| v.map(<[u8]>::to_vec)),
        }
    }
}

fn read(format: &Format, line: &[u8], depth: Depth) -> Result<Owned, Reject> {
    format.parse(line, &mut Clock::new(None), &mut Scratch::default(), depth).map(Owned::from)
}

fn samples(text: &str) -> Vec<toml::Table> {
    let table = registry::table(text).unwrap();
    table["sample"].as_array().unwrap().iter().map(|s| s.as_table().unwrap().clone()).collect()
}

fn lines() -> Vec<(&'static str, String)> {
    let all = registry::SPECS.iter().flat_map(|&(name, text)| samples(text).into_iter().map(move |s| (name, s)));
    all.map(|(name, sample)| (name, sample["line"].as_str().unwrap().to_owned())).collect()
}

#[test]
fn every_sample_of_every_spec_reads_as_it_says() {
    let registry = Registry::builtin();
    for (name, text) in registry::SPECS {
        let plain = registry.get(name).unwrap();
        for sample in samples(text) {
            let line = sample["line"].as_str().unwrap().as_bytes();
            let format = registry.learn(&plain, line);
            let found = read(&format, line, Depth::Full).map_err(|reason| reason.name().to_owned());
            assert_eq!(found, expected(&sample), "{name}: {}", sample["line"]);
            for end in ["\n", "\r\n", " \r\n"] {
                let ended = [line, end.as_bytes()].concat();
                assert_eq!(read(&format, &ended, Depth::Full), read(&format, line, Depth::Full), "{name}");
            }
            if let (Ok(full), Ok(counts)) = (found, read(&format, line, Depth::Counts)) {
                assert_eq!(counts.time_us, full.time_us);
                assert_eq!((counts.method, counts.target), (full.method, full.target));
                assert_eq!((counts.status, counts.latency_us), (full.status, full.latency_us));
                assert_eq!(counts.rest[0], full.rest[0]);
            }
        }
    }
}
