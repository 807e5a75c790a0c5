//! A sample of a format: a line as it stands in a log, and what must be read of it.
//!
//! What a sample doesn't name, its line must not give, so that a field which turns up under the
//! wrong name is seen. A line's time without a year is read as not after the sample's time, one
//! without a zone as UTC.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::record::{Depth, Record, Reject};
use crate::timestamp::Clock;

use super::{Format, Registry, Scratch};

/// A line and what it says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sample {
    pub(super) line: String,
    /// The header line above it, as in W3C logs.
    pub(super) header: Option<String>,
    /// Whether something is around it: a container runtime's time, a syslog header.
    #[serde(default)]
    pub(super) wrapped: bool,
    /// The reason why it is no request.
    pub(super) reject: Option<String>,
    #[serde(default, deserialize_with = "time")]
    time: Option<Timestamp>,
    method: Option<String>,
    target: Option<String>,
    status: Option<u16>,
    latency_us: Option<u64>,
    service: Option<String>,
    client: Option<String>,
    user: Option<String>,
    agent: Option<String>,
    host: Option<String>,
    version: Option<String>,
    region: Option<String>,
    api_version: Option<String>,
}

/// A time as text or as TOML's own.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Spelled {
        Text(String),
        Own(toml::value::Datetime),
    }
    let text = match Spelled::deserialize(deserializer)? {
        Spelled::Text(text) => text,
        Spelled::Own(time) => time.to_string(),
    };
    let time = text.parse().map_err(|_| {
        serde::de::Error::custom("not a time with its zone, such as \"2024-04-10T09:00:00.25Z\"")
    })?;
    Ok(Some(time))
}

/// Why a sample fails: it says too little, or its line reads otherwise.
#[derive(Debug)]
pub(super) enum Fault {
    /// A request needs this field.
    Unsaid(&'static str),
    /// No reason has this name.
    NoReason(String),
    /// The header is none.
    NoHeader,
    /// The line reads otherwise.
    Differs {
        line: String,
        fields: Vec<Difference>,
    },
}

/// A field that reads otherwise; `None` is nothing.
#[derive(Debug)]
pub(super) struct Difference {
    field: &'static str,
    expected: Option<String>,
    found: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Unsaid(field) => {
                write!(f, "has neither `reject` nor a `{field}`")
            }
            Fault::NoReason(name) => {
                let names: Vec<&str> = Reject::ALL.iter().map(|reason| reason.name()).collect();
                write!(
                    f,
                    "has `reject = {name:?}`; reasons are {}",
                    names.join(", ")
                )
            }
            Fault::NoHeader => f.write_str("has a `header` that is no header line"),
            Fault::Differs { line, fields } => {
                write!(f, "does not read as it says")?;
                for difference in fields {
                    write!(f, "\n  {difference}")?;
                }
                write!(f, "\n  line: {}", shortened(line))
            }
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |value: &Option<String>| match value {
            Some(text) => format!("`{}`", shortened(text)),
            None => "nothing".to_owned(),
        };
        let (expected, found) = (value(&self.expected), value(&self.found));
        write!(f, "{}: expected {expected}, found {found}", self.field)
    }
}

/// More of one value is not read in a message.
const SHOWN: usize = 300;

fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

impl Sample {
    /// Whether its line is one.
    pub(super) fn is_request(&self) -> bool {
        self.reject.is_none()
    }

    /// Reads the line as the run would, once it knows that the file has this format, and compares.
    pub(super) fn check(&self, format: &Arc<Format>) -> Result<(), Fault> {
        self.is_complete()?;
        let format = self.prepared(format)?;
        let (mut clock, mut scratch) = (self.clock(), Scratch::default());
        let line = self.line.as_bytes();
        let strictly = format.parse_strictly(line, &mut clock, &mut scratch);
        self.compare(strictly)?;
        if self.is_request() {
            let (mut clock, mut scratch) = (self.clock(), Scratch::default());
            self.compare(format.parse(line, &mut clock, &mut scratch, Depth::Full))?;
        }
        Ok(())
    }

    fn is_complete(&self) -> Result<(), Fault> {
        if let Some(name) = &self.reject {
            let known = Reject::ALL.iter().any(|reason| reason.name() == name);
            return if known {
                Ok(())
            } else {
                Err(Fault::NoReason(name.clone()))
            };
        }
        for (field, said) in [
            ("time", self.time.is_some()),
            ("method", self.method.is_some()),
            ("target", self.target.is_some()),
            ("status", self.status.is_some()),
        ] {
            if !said {
                return Err(Fault::Unsaid(field));
            }
        }
        Ok(())
    }

    /// The format as it is in a file that begins with this line.
    pub(super) fn prepared(&self, format: &Arc<Format>) -> Result<Arc<Format>, Fault> {
        match &self.header {
            Some(header) => format.header(header.as_bytes()).ok_or(Fault::NoHeader),
            None if self.wrapped => {
                Ok(Registry::learn(format, self.line.as_bytes(), &self.clock()))
            }
            None => Ok(format.learned(std::iter::once(self.line.as_bytes()))),
        }
    }

    fn clock(&self) -> Clock {
        match self.time {
            Some(time) => Clock::new(None).not_after(time.as_microsecond()),
            None => Clock::new(None),
        }
    }

    fn compare(&self, found: Result<Record<'_>, Reject>) -> Result<(), Fault> {
        let expected = self.fields();
        let found = match found {
            Ok(record) => fields_of(&record),
            Err(reason) => [("reject", Some(reason.name().to_owned()))]
                .into_iter()
                .collect(),
        };
        let all = expected.iter().chain(&found).map(|(field, _)| *field);
        let value = |of: &[(&'static str, Option<String>)], field: &str| {
            let named = of.iter().find(|(name, _)| *name == field);
            named.and_then(|(_, value)| value.clone())
        };
        let mut fields: Vec<Difference> = Vec::new();
        for field in all {
            let (expected, found) = (value(&expected, field), value(&found, field));
            if expected != found && !fields.iter().any(|known| known.field == field) {
                fields.push(Difference {
                    field,
                    expected,
                    found,
                });
            }
        }
        // Where a line is none at all, why it is none is what helps.
        if let Some(at) = fields
            .iter()
            .position(|difference| difference.field == "reject")
        {
            fields = vec![fields.swap_remove(at)];
        }
        if fields.is_empty() {
            return Ok(());
        }
        Err(Fault::Differs {
            line: self.line.clone(),
            fields,
        })
    }

    fn fields(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("reject", self.reject.clone()),
            ("time", self.time.map(|time| time.to_string())),
            ("method", self.method.clone()),
            ("target", self.target.clone()),
            ("status", self.status.map(|status| format!("{status:03}"))),
            ("latency_us", self.latency_us.map(|us| us.to_string())),
            ("service", self.service.clone()),
            ("client", self.client.clone()),
            ("user", self.user.clone()),
            ("agent", self.agent.clone()),
            ("host", self.host.clone()),
            ("version", self.version.clone()),
            ("region", self.region.clone()),
            ("api_version", self.api_version.clone()),
        ]
    }
}

/// A record's fields under their names in samples, as text.
pub(super) fn fields_of(record: &Record<'_>) -> Vec<(&'static str, Option<String>)> {
    let text =
        |value: Option<&[u8]>| value.map(|value| String::from_utf8_lossy(value).into_owned());
    let time = Timestamp::from_microsecond(record.time_us).ok();
    vec![
        ("time", time.map(|time| time.to_string())),
        ("method", text(Some(record.method))),
        ("target", text(Some(record.target))),
        ("status", Some(record.status.to_string())),
        ("latency_us", record.latency_us.map(|us| us.to_string())),
        ("service", text(record.service)),
        ("client", text(record.client)),
        ("user", text(record.user)),
        ("agent", text(record.agent)),
        ("host", text(record.host)),
        ("version", text(record.version)),
        ("region", text(record.region)),
        ("api_version", text(record.api_version)),
    ]
}
