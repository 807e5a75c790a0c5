//! What the reader should know of the input besides its numbers: what was passed over, which zone was
//! assumed, and what was probably meant where markers and logs don't meet.
//!
//! In comes what the report is made from, out come plain sentences, each said once. A sentence about
//! a likely mistake ends in what to do. Nothing is changed by any of them: times are taken as written.

use super::convert::{Material, log_offset_s, time};
use crate::changes::Change;
use crate::series::MINUTE_US;

/// Most places of names in a note.
const NAMES_SHOWN: usize = 3;

const DAY_US: i64 = 24 * 60 * MINUTE_US;
/// Services named where none is asked for.
const SERVICES_NAMED: usize = 8;
/// A change that is followed by an incident this soon is a likely cause: deploys show within minutes.
const SOON_US: i64 = 10 * MINUTE_US;
/// A change this near before an incident as it is written needs no other zone to explain it.
const NEAR_US: i64 = 60 * MINUTE_US;

/// All remarks, in the order of the way that data goes.
pub(super) fn notes(m: &Material<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    for (path, why) in &m.found.passed_over {
        notes.push(format!("{} was passed over: {why}", path.display()));
    }
    notes.extend(m.found.unreadable.iter().map(ToString::to_string));
    notes.extend(nothing_asked_for(m));
    if m.scan.assumed_utc {
        notes
            .push("the logs' times name no zone and were taken as UTC; --tz says otherwise".into());
    }
    if m.scan.assumed_year {
        notes.push(
            "the logs' times name no year: each was given the latest that does not put it after \
             its file was last written"
                .into(),
        );
    }
    if m.markers.assumed_utc {
        notes.push(match log_offset_s(m.scan.offsets) {
            0 => "the markers' times name no zone and were taken as UTC; --tz says otherwise".into(),
            offset_s => format!(
                "the markers' times name no zone and were taken as UTC, but the logs are at {0}: if the markers \
                 are too, they lie {1} off the logs{2}; did you mean --tz={0}?",
                offset_text(offset_s),
                distance_text(u64::from(offset_s.unsigned_abs()) * 1_000_000),
                fits_in_local_time(m, offset_s).unwrap_or_default(),
            ),
        });
    }
    let crowds = m.series.catalog.crowds.places();
    if !crowds.is_empty() {
        notes.push(names_text(&crowds));
    }
    if m.scan.inside.overflowed() || m.scan.before.overflowed() {
        notes.push(
            "more endpoints than can be told apart: the rarest are counted together under {other}; \
             `routes` in --config can name their paths better"
                .into(),
        );
    }
    if m.left_out > 0 {
        notes.push(format!(
            "{} requests lie too far in time from the bulk of the log and were counted but not looked at for incidents",
            m.left_out
        ));
    }
    for chronic in m.chronic {
        let endpoint = m.series.catalog.endpoint(chronic.endpoint);
        notes.push(format!(
            "{} {} of {} fails all the time ({:.0} % even in the quietest third of the log): no incident, but worth a look",
            String::from_utf8_lossy(&endpoint.method),
            String::from_utf8_lossy(&endpoint.template),
            String::from_utf8_lossy(m.series.catalog.service_of(chronic.endpoint)),
            100.0 * chronic.rate,
        ));
    }
    notes.extend(m.markers.notes.iter().cloned());
    notes.extend(m.clock_shift.clone());
    notes.extend(markers_out_of_time(m));
    notes
}

/// Where the filters let nothing through: what there was to ask for.
/// Where names were counted together, `(service, path before them)`.
fn names_text(places: &[(&[u8], &[u8])]) -> String {
    let place = |(service, path): &(&[u8], &[u8])| {
        let [service, path] = [service, path].map(|text| String::from_utf8_lossy(text));
        format!("{path}/{{name}} of {service}")
    };
    let mut shown: Vec<String> = places.iter().take(NAMES_SHOWN).map(place).collect();
    if places.len() > NAMES_SHOWN {
        shown.push(format!("and {} more", places.len() - NAMES_SHOWN));
    }
    format!(
        "names that come and go are counted together: {}; `routes` in --config can tell them apart",
        shown.join(", ")
    )
}

fn nothing_asked_for(m: &Material<'_>) -> Option<String> {
    if m.scan.requests > 0 || m.scan.filtered == 0 && m.scan.skipped == 0 {
        return None;
    }
    let spans = m.scan.blocks.iter().filter_map(|block| block.span_us);
    let spans = spans.chain(m.scan.told.span_us);
    let (from, to) = spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
    let at = |us: i64| time(us - us.rem_euclid(1_000_000), log_offset_s(m.scan.offsets));
    let services = &m.series.catalog.services;
    let named = services.iter().take(SERVICES_NAMED);
    let named: Vec<_> = named.map(|name| String::from_utf8_lossy(name)).collect();
    let has = match named.as_slice() {
        [] => String::new(),
        named => format!(", with requests to {}", named.join(", ")),
    };
    let more = services.len().saturating_sub(SERVICES_NAMED);
    let none = match m.scan.skipped {
        0 => format!("none of the {} requests is", m.scan.filtered),
        _ => "no request is".to_owned(),
    };
    Some(format!(
        "{none} asked for: the log lasts from {} to {}{has}{}",
        at(from),
        at(to),
        if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        }
    ))
}

/// Markers that all lie elsewhere in time are of another day, or in another zone.
fn markers_out_of_time(m: &Material<'_>) -> Option<String> {
    let (from, to) = m.scan.span_us?;
    let changes = &m.markers.changes;
    let near = |c: &Change| (from.saturating_sub(DAY_US)..=to).contains(&c.at_us);
    if changes.is_empty() || changes.iter().any(near) {
        return None;
    }
    let distance = |c: &Change| {
        if c.at_us > to {
            c.at_us.abs_diff(to)
        } else {
            from.abs_diff(c.at_us)
        }
    };
    let nearest = changes.iter().min_by_key(|c| distance(c))?;
    let side = if nearest.at_us > to {
        "after its end"
    } else {
        "before its begin"
    };
    Some(format!(
        "no change marker lies within the log or the 24 h before it; the nearest, {}, is {} {side}: {}",
        nearest.id,
        distance_text(distance(nearest)),
        // Where both name their zone, or neither does, --tz moves them alike.
        if m.markers.assumed_utc == m.scan.assumed_utc {
            "are these the right files?"
        } else {
            "are these the right files, and did you mean --tz?"
        }
    ))
}

/// What speaks for markers without a zone being in the logs' own: a change that then comes right
/// before an incident that none explains as they are written.
fn fits_in_local_time(m: &Material<'_>, offset_s: i32) -> Option<String> {
    let shift_us = i64::from(offset_s).saturating_mul(1_000_000);
    let changes = &m.markers.changes;
    m.findings.iter().enumerate().find_map(|(i, finding)| {
        let onset_us = finding.incident.onset.as_ref()?.median_us;
        let lead =
            |c: &Change, shift_us: i64| onset_us.saturating_sub(c.at_us.saturating_sub(shift_us));
        if changes.iter().any(|c| (0..NEAR_US).contains(&lead(c, 0))) {
            return None;
        }
        let fitting = changes
            .iter()
            .map(|c| (lead(c, shift_us), &c.id))
            .filter(|(lead, _)| (0..SOON_US).contains(lead));
        let (lead_us, id) = fitting.min()?;
        let seconds = lead_us / 1_000_000;
        Some(format!(
            ", and {id} came {seconds} s before the onset of i{}",
            i + 1
        ))
    })
}

/// A distance in time, roughly: `12 min`, `7 h`, `4.5 h`, `9 d`.
fn distance_text(us: u64) -> String {
    let hours = us as f64 / 3.6e9;
    if hours >= 48.0 {
        format!("{:.0} d", hours / 24.0)
    } else if hours < 1.0 {
        format!("{:.0} min", (hours * 60.0).ceil())
    } else {
        let text = format!("{hours:.1} h");
        text.replace(".0 h", " h")
    }
}

/// `-07:00`.
fn offset_text(offset_s: i32) -> String {
    let minutes = offset_s.unsigned_abs() / 60;
    let sign = if offset_s < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_and_zones_are_written_as_people_do() {
        let hour = 3_600_000_000;
        for (us, expected) in [
            (7 * hour, "7 h"),
            (4 * hour + hour / 2, "4.5 h"),
            (213 * hour, "9 d"),
            (hour / 60 - 1, "1 min"),
        ] {
            assert_eq!(distance_text(us), expected);
        }
        assert_eq!(offset_text(-25_200), "-07:00");
        assert_eq!(offset_text(20_700), "+05:45");
        assert_eq!(offset_text(-1_800), "-00:30");
    }
}
