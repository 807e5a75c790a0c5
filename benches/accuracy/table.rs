//! The tables, in Markdown.

use std::fmt::Write as _;

use crate::ballot::Rule;
use crate::clean::Week;
use crate::families::{Family, Truth};
use crate::inject::Injected;
use crate::judge::{Case, Marks};
use crate::measure::{Blame, Cast, Judged, Share, casts, due, found, median};

/// The families with a sentence each.
pub fn families(families: &[&Family]) -> String {
    let mut out = String::from("| family | truth | what happens |\n|---|---|---|\n");
    for family in families {
        let _ = writeln!(
            out,
            "| {} | {} | {} |",
            family.name,
            family.truth.name(),
            family.about
        );
    }
    out
}

/// Everything about simulated incidents.
pub fn all(families: &[&'static Family], cases: &[Case], seed: u64) -> String {
    let mut out = String::new();
    let lines: u64 = cases.iter().map(|c| c.lines).sum();
    let alone = cases
        .iter()
        .filter(|c| c.family.truth != Truth::Change)
        .count();
    let _ = writeln!(
        out,
        "# Accuracy\n\n{} incidents of {} families, seed {seed}, {:.1} M lines ({} a run); {:.0} % without a change to blame.\n",
        cases.len(),
        families.len(),
        lines as f64 / 1e6,
        lines / cases.len().max(1) as u64,
        100.0 * alone as f64 / cases.len().max(1) as f64
    );
    out.push_str(&by_family(families, cases));
    out.push_str(&overall(cases));
    out.push_str(&baselines(cases));
    out.push_str(&ablation(cases));
    out.push_str(&delays(cases));
    out
}

fn percent(share: Share) -> String {
    match share.value() {
        Some(value) => format!("{:.0}", 100.0 * value),
        None => "·".to_owned(),
    }
}

fn with_interval(share: Share) -> String {
    let (low, high) = share.interval();
    match share.value() {
        Some(v) => format!(
            "{:.1} % ({}/{}; {:.1}–{:.1})",
            100.0 * v,
            share.0,
            share.1,
            100.0 * low,
            100.0 * high
        ),
        None => "–".to_owned(),
    }
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or("·".to_owned(), |v| format!("{v:.digits$}"))
}

fn by_family(families: &[&'static Family], cases: &[Case]) -> String {
    let mut out = String::from(
        "| family | truth | due | recall | AC@1 | AC@3 | ceiling | named | wrong | none right | accused | Brier | onset s | covered | state | strays | split |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for family in families {
        let own: Vec<&Case> = cases
            .iter()
            .filter(|c| c.family.name == family.name)
            .collect();
        let marks: Vec<&Marks> = own.iter().flat_map(|c| &c.marks).collect();
        let judged: Vec<Judged<'_>> = marks
            .iter()
            .filter_map(|m| m.found.as_ref().map(|found| Judged { marks: m, found }))
            .collect();
        let cast: Vec<Cast> = judged
            .iter()
            .map(|j| Cast {
                ballot: j.found.ballot.clone(),
                cause: j.marks.cause.clone(),
            })
            .collect();
        let blame = Blame::of(&cast);
        let strays: usize = own.iter().map(|c| c.strays.len()).sum();
        let split = judged.iter().filter(|j| j.found.pieces > 1).count();
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            family.name,
            family.truth.name(),
            marks.iter().filter(|m| m.due).count(),
            percent(recall(marks.iter().copied())),
            percent(blame.first),
            percent(blame.third),
            family.ceiling.map_or(100.0, |c| 100.0 * c),
            percent(blame.named),
            percent(blame.misnamed),
            percent(blame.none),
            percent(blame.accused),
            number((!cast.is_empty()).then_some(blame.brier), 3),
            number(onset_error(&judged, 0.0), 0),
            percent(covered(&judged)),
            percent(Share::of(judged.iter().map(|j| j.found.state_right))),
            strays,
            split,
        );
    }
    out.push_str(
        "\nIn %. due: faults of ≥ 20 failures and ≥ 2 points; AC@k: the guilty change among the first k suspects, ties against us; ceiling: AC@1 of somebody who knows the generator; \
         named, wrong: verdict `change` with the right, a wrong one; accused: verdict `change` where no listed change did it; strays: incidents that are no fault's; split: faults told as several incidents.\n\n",
    );
    out
}

fn recall<'a>(marks: impl Iterator<Item = &'a Marks>) -> Share {
    Share::of(marks.filter(|m| m.due).map(|m| m.found.is_some()))
}

fn onset_error(judged: &[Judged<'_>], least_per_min: f64) -> Option<f64> {
    let errors = judged
        .iter()
        .filter(|j| j.marks.per_min() > least_per_min)
        .filter_map(|j| j.found.onset_error_s.map(f64::abs));
    median(errors.collect())
}

fn covered(judged: &[Judged<'_>]) -> Share {
    let dated = judged.iter().filter(|j| j.found.onset_error_s.is_some());
    Share::of(dated.map(|j| j.found.onset_covered))
}

fn overall(cases: &[Case]) -> String {
    let plain: Vec<&Case> = cases
        .iter()
        .filter(|c| c.family.truth != Truth::Latency)
        .collect();
    let cast = casts(cases);
    let blame = Blame::of(&cast);
    let judged = found(cases);
    let weeks: f64 = plain.iter().map(|c| c.weeks).sum();
    let strays: usize = plain.iter().map(|c| c.strays.len()).sum();
    let accusing = plain
        .iter()
        .flat_map(|c| &c.strays)
        .filter(|s| s.verdict == "change")
        .count();
    let same = cast.iter().filter(|c| reproduces(c)).count();
    let rows = [
        (
            "recall (due faults)",
            with_interval(recall(plain.iter().flat_map(|c| &c.marks))),
            "≥ 95 %",
        ),
        ("AC@1", with_interval(blame.first), "≥ 95 %"),
        ("AC@3", with_interval(blame.third), "≥ 99 %"),
        ("right change named", with_interval(blame.named), ""),
        (
            "wrong change named, a listed one guilty",
            with_interval(blame.misnamed),
            "",
        ),
        (
            "false accusations, none guilty",
            with_interval(blame.accused),
            "≤ 2 %",
        ),
        ("\"none\" found right", with_interval(blame.none), "≥ 95 %"),
        (
            "Brier (½ Σ (p − y)²)",
            format!("{:.3}", blame.brier),
            "≤ .08",
        ),
        (
            "ECE (10 bins, all hypotheses)",
            format!("{:.3}", blame.ece),
            "≤ .05",
        ),
        ("mean log score", format!("{:.3}", blame.log_score), ""),
        (
            "onset error, median, all",
            format!("{} s", number(onset_error(&judged, 0.0), 1)),
            "",
        ),
        (
            "onset error, median, > 60 requests/min",
            format!("{} s", number(onset_error(&judged, 60.0), 1)),
            "≤ 15 s",
        ),
        (
            "onset interval covers",
            with_interval(covered(&judged)),
            "93–97 %",
        ),
        (
            "state right",
            with_interval(Share::of(judged.iter().map(|j| j.found.state_right))),
            "",
        ),
        (
            "stray incidents",
            format!("{strays} in {weeks:.1} weeks, {accusing} of them accuse"),
            "",
        ),
        (
            "blips",
            format!("{}", plain.iter().map(|c| c.blips).sum::<usize>()),
            "",
        ),
        (
            "verdicts that the printed nats reproduce",
            format!("{same}/{}", cast.len()),
            "all",
        ),
    ];
    let mut out = String::from("| all families but latency | | wanted |\n|---|---|---|\n");
    for (what, value, wanted) in rows {
        let _ = writeln!(out, "| {what} | {value} | {wanted} |");
    }
    out.push('\n');
    out
}

fn reproduces(cast: &Cast) -> bool {
    let again = cast.ballot.under(&Rule::as_built());
    (again.none - cast.ballot.none).abs() < 1e-9 && again.verdict == cast.ballot.verdict
}

fn baselines(cases: &[Case]) -> String {
    let plain: Vec<&Case> = cases
        .iter()
        .filter(|c| c.family.truth != Truth::Latency)
        .collect();
    let marks: Vec<&Marks> = plain.iter().flat_map(|c| &c.marks).collect();
    let weeks: f64 = plain.iter().map(|c| c.weeks).sum();
    let mut out = String::from(
        "| baseline: detection | recall | false episodes a week of one system |\n|---|---|--:|\n",
    );
    for (which, name) in ["z-score > 3 per minute", "burn rate 14.4 / 6"]
        .into_iter()
        .enumerate()
    {
        let due = marks.iter().filter(|m| m.due).map(|m| m.naive.found[which]);
        let strays: usize = plain.iter().map(|c| c.naive_strays[which]).sum();
        let _ = writeln!(
            out,
            "| {name} | {} | {:.1} |",
            with_interval(Share::of(due)),
            strays as f64 / weeks
        );
    }
    let ours: usize = plain.iter().map(|c| c.strays.len()).sum();
    let _ = writeln!(
        out,
        "| this program | {} | {:.1} |\n",
        with_interval(recall(marks.iter().copied())),
        ours as f64 / weeks
    );
    out.push_str("| baseline: blame | AC@1 | false accusations, none guilty |\n|---|---|---|\n");
    for (which, name) in [
        "the latest change before the true onset",
        "the same, within an hour",
    ]
    .into_iter()
    .enumerate()
    {
        let guilty = marks
            .iter()
            .filter(|m| m.found.is_some() && m.cause.is_some());
        let innocent = marks
            .iter()
            .filter(|m| m.found.is_some() && m.cause.is_none());
        let _ = writeln!(
            out,
            "| {name} | {} | {} |",
            with_interval(Share::of(guilty.map(|m| m.naive.latest[which] == m.cause))),
            with_interval(Share::of(innocent.map(|m| m.naive.latest[which].is_some())))
        );
    }
    out.push('\n');
    out
}

/// Each kind of evidence that occurs left out, by the printed nats.
fn ablation(cases: &[Case]) -> String {
    let cast = casts(cases);
    let mut kinds: Vec<String> = cast
        .iter()
        .flat_map(|c| &c.ballot.suspects)
        .flat_map(|s| s.evidence.iter().map(|(kind, _)| kind.clone()))
        .chain(["dependency".to_owned(), "load".to_owned()])
        .collect();
    kinds.sort();
    kinds.dedup();
    let mut out = String::from(
        "| left out | AC@1 | named | wrong | accused | none right | Brier | ECE | log score |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let rules = std::iter::once(("nothing".to_owned(), Rule::as_built())).chain(
        kinds
            .into_iter()
            .map(|kind| (kind.clone(), Rule::without(&kind))),
    );
    for (name, rule) in rules {
        let blame = Blame::under(&cast, &rule);
        let _ = writeln!(out, "| {name} {}", blame_row(&blame));
    }
    out.push('\n');
    out
}

/// `| AC@1 | named | … |` of a set of ballots.
pub fn blame_row(blame: &Blame) -> String {
    let p = |share: Share| number(share.value().map(|v| 100.0 * v), 1);
    format!(
        "| {} | {} | {} | {} | {} | {:.3} | {:.3} | {:.3} |",
        p(blame.first),
        p(blame.named),
        p(blame.misnamed),
        p(blame.accused),
        p(blame.none),
        blame.brier,
        blame.ece,
        blame.log_score
    )
}

fn delays(cases: &[Case]) -> String {
    let sought: Vec<&Marks> = due(cases).filter(|m| m.delay_min.is_some()).collect();
    if sought.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "| delay, median (first `--until` that reports it) | ≥ 15 points | 2–15 points |\n|---|--:|--:|\n",
    );
    for (name, low, high) in [
        ("> 100 requests/min", 100.0, f64::MAX),
        ("20–100", 20.0, 100.0),
        ("5–20", 5.0, 20.0),
        ("< 5", 0.0, 5.0),
    ] {
        let cell = |from: f64, to: f64| {
            let own = sought
                .iter()
                .filter(|m| (low..high).contains(&m.per_min()) && (from..to).contains(&m.share()))
                .filter_map(|m| m.delay_min);
            let all: Vec<f64> = own.collect();
            let count = all.len();
            format!("{} min ({count})", number(median(all), 1))
        };
        let _ = writeln!(
            out,
            "| {name} | {} | {} |",
            cell(0.15, 1.1),
            cell(0.02, 0.15)
        );
    }
    out.push('\n');
    out
}

/// Clean weeks.
pub fn clean(weeks: &[Week]) -> String {
    let incidents: usize = weeks.iter().map(|w| w.incidents).sum();
    let candidates: usize = weeks.iter().map(|w| w.candidates).sum();
    let blips: usize = weeks.iter().map(|w| w.blips).sum();
    format!(
        "| clean weeks of 200 endpoints | candidates | blips | false incidents | wanted |\n|--:|--:|--:|--:|---|\n| {} | {candidates} | {blips} | {incidents} | ≤ 5 in 50 |\n\n",
        weeks.len()
    )
}

/// Faults put into real logs.
pub fn injected(marks: &[Injected]) -> String {
    let mut out = String::from(
        "| real log, fault put in | effect | found | guilty first | named | onset s | strays clean |\n|---|--:|---|---|---|--:|--:|\n",
    );
    for m in marks {
        let yes = |b: bool| if b { "yes" } else { "no" };
        let _ = writeln!(
            out,
            "| {} | {:.0} % | {} | {} | {} | {} | {} |",
            m.name,
            100.0 * m.share,
            yes(m.found),
            yes(m.first),
            yes(m.named),
            number(m.onset_error_s, 0),
            m.strays
        );
    }
    out.push('\n');
    out
}

/// Every fault that was missed or blamed wrongly, and every stray.
pub fn misses(cases: &[Case]) -> String {
    let mut out = String::from("## Misses\n\n");
    for case in cases {
        let at = format!("{} {}", case.family.name, case.index);
        for m in &case.marks {
            let of = format!(
                "{at}: cause {}, {} of {} requests failed ({:.1}/min on {}, {:.1} %; else {:.1} %)",
                m.cause.as_deref().unwrap_or("none"),
                m.effect.failures,
                m.effect.requests,
                m.per_min(),
                m.endpoints,
                100.0 * m.share(),
                100.0 * m.usual_rate
            );
            match &m.found {
                None if m.due => {
                    let _ = writeln!(out, "- MISSED {of}");
                }
                None => {}
                Some(found) => told(&mut out, &of, m, found),
            }
        }
        for stray in &case.strays {
            let _ = writeln!(out, "- STRAY {at}: {}: {}", stray.verdict, stray.summary);
        }
    }
    out
}

fn told(out: &mut String, of: &str, m: &Marks, found: &crate::judge::Found) {
    let ballot = &found.ballot;
    let first = ballot.suspects.first().map(|s| s.change.as_str());
    let kind = match (&m.cause, ballot.verdict.as_str()) {
        (None, "change") => "ACCUSED",
        (None, "ambiguous") => "UNSURE",
        (Some(cause), "change") if first != Some(cause.as_str()) => "MISNAMED",
        (Some(cause), _) if ballot.rank(cause) != Some(1) => "RANKED",
        (Some(_), verdict) if verdict != "change" => "UNNAMED",
        _ if !found.state_right => "STATE",
        _ if !found.onset_covered && found.onset_bounds_s.is_some() => "DATED",
        _ => return,
    };
    let suspects: Vec<String> = ballot
        .suspects
        .iter()
        .take(4)
        .map(|s| {
            let evidence: Vec<String> = s
                .evidence
                .iter()
                .map(|(k, n)| format!("{k} {n:+.1}"))
                .collect();
            format!(
                "{} {:.2} [{}]",
                s.change,
                s.probability,
                evidence.join(", ")
            )
        })
        .collect();
    let bounds = found.onset_bounds_s.unwrap_or((f64::NAN, f64::NAN));
    let _ = writeln!(
        out,
        "- {kind} {of}; onset {:+.1} s ({:+.1} to {:+.1}), {}, {} pieces; none {:.2} (score {:.2}, dep {:+.1}, load {:+.1}); {}; «{}»",
        found.onset_error_s.unwrap_or(f64::NAN),
        bounds.0,
        bounds.1,
        found.state,
        found.pieces,
        ballot.none,
        ballot.none_nats.unwrap_or(f64::NAN),
        ballot.others[0],
        ballot.others[1],
        suspects.join("; "),
        found.summary
    );
}
