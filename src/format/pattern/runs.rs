//! An expression that can be read off a line from left to right: texts, and runs of bytes of a class, each of
//! which ends where what follows it can begin.
//!
//! Most expressions for log lines are so: `^(?<client>\S+) \[(?<time>[^\]]+)\] …`. As no run could end anywhere else,
//! there is one way along a line at most, and the engine would have found the same; where there is none,
//! or a byte that one of Unicode's classes may have, nothing is said about the line, and the engine is asked.
//! Knows no meaning of a group.

use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

#[cfg(target_arch = "x86_64")]
use crate::lanes::{Prefix, Readable};

/// More groups than this are the engine's.
const MOST_GROUPS: usize = 32;
/// Steps of an expression whose parts are repeated a given number of times.
const MOST_STEPS: usize = 256;

/// Where each group stands, the whole first; nowhere if it has no part in the expression.
pub(super) type Places = [(u32, u32); MOST_GROUPS];

#[derive(Debug, Clone)]
pub(super) struct Runs {
    steps: Vec<Step>,
    /// Whether the processor has what reads them faster.
    #[cfg(target_arch = "x86_64")]
    has_lanes: bool,
}

#[derive(Debug, Clone)]
enum Step {
    Text {
        text: Box<[u8]>,
        #[cfg(target_arch = "x86_64")]
        head: Prefix,
    },
    Run(Run),
    Opens(usize),
    Closes(usize),
    LineEnds,
}

/// A run of bytes of a class.
#[derive(Debug, Clone)]
struct Run {
    bytes: Box<Bytes>,
    /// Most of its bytes, side by side: its first and last.
    bulk: (u8, u8),
    least: usize,
    most: usize,
    /// The groups that are open in it alone, and the byte that must follow: what stands around most runs, in
    /// the same step.
    opens: Option<usize>,
    closes: Option<usize>,
    then: Option<u8>,
}

/// What the bytes of a class are.
type Bytes = [Membership; 256];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Membership {
    Out,
    In,
    /// A part of a character that only the engine can tell.
    Unknown,
}

impl Step {
    fn text(text: Box<[u8]>) -> Step {
        Step::Text {
            #[cfg(target_arch = "x86_64")]
            head: Prefix::of(&text),
            text,
        }
    }

    fn run(bytes: Box<Bytes>, least: usize, most: usize) -> Step {
        Step::Run(Run {
            bulk: bulk(&bytes),
            bytes,
            least,
            most,
            opens: None,
            closes: None,
            then: None,
        })
    }
}

impl Run {
    /// Where the run that begins here ends, and what must follow it.
    #[inline]
    fn ends(&self, places: &mut Places, begin: usize, len: usize, line: &[u8]) -> Option<usize> {
        let end = begin + len;
        if let Some(group) = self.opens {
            places.get_mut(group)?.0 = begin as u32;
        }
        if let Some(group) = self.closes {
            places.get_mut(group)?.1 = end as u32;
        }
        match self.then {
            Some(byte) => (line.get(end) == Some(&byte)).then_some(end + 1),
            None => Some(end),
        }
    }
}

/// The same steps, with what stands around a run in one with it.
fn joined(steps: Vec<Step>) -> Vec<Step> {
    let mut all: Vec<Step> = Vec::new();
    for step in steps {
        match (&step, all.as_mut_slice()) {
            (Step::Run(_), [.., Step::Opens(group)]) => {
                let group = *group;
                let Step::Run(run) = step else { continue };
                all.pop();
                all.push(Step::Run(Run {
                    opens: Some(group),
                    ..run
                }));
                continue;
            }
            (Step::Closes(group), [.., Step::Run(run)])
                if run.closes.is_none() && run.then.is_none() =>
            {
                run.closes = Some(*group);
                continue;
            }
            (Step::Text { text, .. }, [.., Step::Run(run)])
                if text.len() == 1 && run.then.is_none() =>
            {
                run.then = text.first().copied();
                continue;
            }
            _ => {}
        }
        all.push(step);
    }
    all
}

impl Runs {
    /// The same as an expression; `None` if that needs an engine.
    pub(super) fn of(expression: &str) -> Option<Runs> {
        let mut parser = regex_syntax::ParserBuilder::new().utf8(false).build();
        let mut steps = Vec::new();
        flatten(&parser.parse(expression).ok()?, &mut steps)?;
        let is_plain = (0..steps.len()).all(|at| ends_plainly(&steps, at));
        is_plain.then_some(Runs {
            steps: joined(steps),
            #[cfg(target_arch = "x86_64")]
            has_lanes: crate::lanes::are_here(),
        })
    }

    /// Where the groups stand on a line that begins with a match; `None` says nothing about it.
    #[inline]
    pub(super) fn read(&self, line: &[u8]) -> Option<Places> {
        #[cfg(target_arch = "x86_64")]
        if self.has_lanes
            && let Some(line) = Readable::new(line)
        {
            #[allow(unsafe_code)]
            // SAFETY: the processor has the features.
            return unsafe { self.read_by_lanes(&line) };
        }
        self.read_by_words(line)
    }

    fn read_by_words(&self, line: &[u8]) -> Option<Places> {
        let mut places = [(0, 0); MOST_GROUPS];
        let mut at = 0;
        for step in &self.steps {
            match step {
                Step::Text { text, .. } => {
                    let begins = line.get(at..)?.starts_with(text);
                    at = begins.then_some(at + text.len())?;
                }
                Step::Run(step) => {
                    let rest = line.get(at..)?;
                    let rest = rest.get(..step.most).unwrap_or(rest);
                    let len = run(rest, &step.bytes, step.bulk);
                    let stop = rest.get(len).map(|byte| step.bytes[usize::from(*byte)]);
                    if len < step.least || stop == Some(Membership::Unknown) {
                        return None;
                    }
                    at = step.ends(&mut places, at, len, line)?;
                }
                Step::Opens(group) => places.get_mut(*group)?.0 = at as u32,
                Step::Closes(group) => places.get_mut(*group)?.1 = at as u32,
                Step::LineEnds => {
                    if at < line.len() {
                        return None;
                    }
                }
            }
        }
        places[0].1 = at as u32;
        Some(places)
    }

    /// The same, thirty-two bytes at a time.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    fn read_by_lanes(&self, line: &Readable<'_>) -> Option<Places> {
        let mut places = [(0, 0); MOST_GROUPS];
        let (mut at, len) = (0, line.text().len());
        for step in &self.steps {
            match step {
                Step::Text { text, head } => {
                    // Zeros behind the line are none of its own.
                    let begins = head.is_at(line.half(at))
                        && text.len() <= len - at
                        && (text.len() <= 32 || line.text().get(at..)?.starts_with(text));
                    if !begins {
                        return None;
                    }
                    at += text.len();
                }
                Step::Run(step) => {
                    let run = run_by_lanes(line, at, step)?;
                    at = step.ends(&mut places, at, run, line.text())?;
                }
                Step::Opens(group) => places.get_mut(*group)?.0 = at as u32,
                Step::Closes(group) => places.get_mut(*group)?.1 = at as u32,
                Step::LineEnds if at < len => return None,
                Step::LineEnds => {}
            }
        }
        places[0].1 = at as u32;
        Some(places)
    }
}

/// How long the run is that begins there; `None` if it is none, or only the engine can tell.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
#[inline]
fn run_by_lanes(line: &Readable<'_>, at: usize, step: &Run) -> Option<usize> {
    let (first, last) = step.bulk;
    let count = last.wrapping_sub(first).wrapping_add(1);
    // An empty range goes on below itself, and holds nothing.
    let inside = match count {
        0 => 0,
        _ => line.half(at).within(first, count),
    };
    let run = inside.trailing_ones() as usize;
    // Nearly all end within the bytes that are looked at, on the line, at a byte that is none of theirs.
    if run >= step.least
        && run <= step.most
        && inside != u32::MAX
        && let Some(stop) = line.text().get(at + run)
        && step.bytes[usize::from(*stop)] == Membership::Out
    {
        return Some(run);
    }
    long_run_by_lanes(line, at, step)
}

/// The same of any run.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
fn long_run_by_lanes(line: &Readable<'_>, at: usize, step: &Run) -> Option<usize> {
    let (first, last) = step.bulk;
    let count = last.wrapping_sub(first).wrapping_add(1);
    let most = step.most.min(line.text().len().checked_sub(at)?);
    let membership = |at: usize| {
        let byte = line.text().get(at)?;
        Some(step.bytes[usize::from(*byte)])
    };
    let mut run = 0;
    while run < most {
        let inside = match count {
            0 => 0,
            _ => line.half(at + run).within(first, count),
        };
        run += inside.trailing_ones() as usize;
        if inside == u32::MAX {
            continue;
        }
        if run >= most || membership(at + run) != Some(Membership::In) {
            break;
        }
        run += 1;
    }
    let run = run.min(most);
    let is_unknown = run < most && membership(at + run) == Some(Membership::Unknown);
    (run >= step.least && !is_unknown).then_some(run)
}

/// How many bytes are in a class, from the begin on.
#[inline]
fn run(text: &[u8], bytes: &Bytes, bulk: (u8, u8)) -> usize {
    let mut at = 0;
    loop {
        if let Some(eight) = text.get(at..).and_then(|rest| rest.first_chunk()) {
            let out = outside(u64::from_le_bytes(*eight), bulk);
            if out == 0 {
                at += 8;
                continue;
            }
            at += out.trailing_zeros() as usize / 8;
        }
        match text.get(at) {
            Some(byte) if bytes[usize::from(*byte)] == Membership::In => at += 1,
            _ => return at,
        }
    }
}

const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
const EACH: u64 = u64::from_le_bytes([1; 8]);

/// The high bit of each byte that is not between two bytes of ASCII.
#[inline]
fn outside(word: u64, (first, last): (u8, u8)) -> u64 {
    // Without its high bit no byte carries into the next.
    let low = word & !HIGH;
    let at_least_first = low + EACH * u64::from(0x80 - first);
    let beyond_last = low + EACH * u64::from(0x7f - last);
    !(at_least_first & !beyond_last & !word) & HIGH
}

/// The longest range of ASCII in a class; one that is empty holds nothing.
fn bulk(bytes: &Bytes) -> (u8, u8) {
    let (mut best, mut from) = ((1, 0), None);
    for byte in 0..0x80u8 {
        from = match (bytes[usize::from(byte)], from) {
            (Membership::In, None) => Some(byte),
            (Membership::In, from) => from,
            _ => None,
        };
        if let Some(from) = from
            && i16::from(byte) - i16::from(from) > i16::from(best.1) - i16::from(best.0)
        {
            best = (from, byte);
        }
    }
    best
}

/// Whether it is plain where the run of this step ends, if it is one: at what must follow, which can't
/// begin with a byte of it. At a byte that only the engine can tell nothing is read at all.
fn ends_plainly(steps: &[Step], at: usize) -> bool {
    let Some(Step::Run(Run {
        bytes, least, most, ..
    })) = steps.get(at)
    else {
        return true;
    };
    if least == most {
        return true;
    }
    for next in steps.iter().skip(at + 1) {
        match next {
            Step::Text { text, .. } => {
                return text
                    .first()
                    .is_some_and(|first| bytes[usize::from(*first)] != Membership::In);
            }
            Step::Run(Run {
                bytes: others,
                least,
                ..
            }) => {
                let are_apart = bytes
                    .iter()
                    .zip(others.iter())
                    .all(|(one, other)| *one != Membership::In || *other == Membership::Out);
                if !are_apart || *least > 0 {
                    return are_apart;
                }
            }
            Step::Opens(_) | Step::Closes(_) => {}
            Step::LineEnds => return true,
        }
    }
    true
}

fn flatten(hir: &Hir, steps: &mut Vec<Step>) -> Option<()> {
    if steps.len() > MOST_STEPS {
        return None;
    }
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Literal(literal) => steps.push(Step::text(literal.0.clone())),
        HirKind::Class(class) => steps.push(Step::run(members(class), 1, 1)),
        // The engine looks for a match further on, too; one at the begin is the first.
        HirKind::Look(Look::Start) if steps.iter().all(|s| matches!(s, Step::Opens(_))) => {}
        HirKind::Look(Look::End) => steps.push(Step::LineEnds),
        HirKind::Capture(capture) => {
            let group = capture.index as usize;
            if group >= MOST_GROUPS {
                return None;
            }
            steps.push(Step::Opens(group));
            flatten(&capture.sub, steps)?;
            steps.push(Step::Closes(group));
        }
        HirKind::Concat(parts) => {
            for part in parts {
                flatten(part, steps)?;
            }
        }
        HirKind::Repetition(repetition) => repeat(repetition, steps)?,
        HirKind::Look(_) | HirKind::Alternation(_) => return None,
    }
    Some(())
}

fn repeat(repetition: &Repetition, steps: &mut Vec<Step>) -> Option<()> {
    let (least, most) = (repetition.min, repetition.max);
    let bytes = match repetition.sub.kind() {
        HirKind::Class(class) => members(class),
        HirKind::Literal(literal) if literal.0.len() == 1 => {
            let mut bytes = Box::new([Membership::Out; 256]);
            bytes[usize::from(*literal.0.first()?)] = Membership::In;
            bytes
        }
        _ => {
            // A group says where it was last.
            if Some(least) != most || repetition.sub.properties().explicit_captures_len() > 0 {
                return None;
            }
            for _ in 0..least {
                flatten(&repetition.sub, steps)?;
            }
            return Some(());
        }
    };
    // One that takes as little as it can stops early where nothing has to follow.
    if !repetition.greedy {
        return None;
    }
    let most = most.map_or(usize::MAX, |most| most as usize);
    steps.push(Step::run(bytes, least as usize, most));
    Some(())
}

/// The bytes of a class; characters beyond ASCII have several, which aren't told apart here.
fn members(class: &Class) -> Box<Bytes> {
    let mut bytes = Box::new([Membership::Out; 256]);
    let mut add = |first: u8, last: u8| {
        for byte in first..=last {
            bytes[usize::from(byte)] = Membership::In;
        }
    };
    match class {
        Class::Bytes(class) => class.iter().for_each(|r| add(r.start(), r.end())),
        Class::Unicode(class) => {
            for range in class.iter().filter(|range| range.start().is_ascii()) {
                add(range.start() as u8, (range.end() as u32).min(0x7f) as u8);
            }
            if class.iter().any(|range| !range.end().is_ascii()) {
                bytes[0x80..].fill(Membership::Unknown);
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::bytes::Regex;

    use super::*;

    const EXPRESSIONS: [&str; 8] = [
        r"(?-u)^(?<time>\d+\.\d{3}) +(?<latency_ms>\d+) (?<client>\S+) [A-Z_]+/(?<status>\d{3}) \d+ (?<request>[A-Z]+ \S+) (?<user>\S+) [A-Z_]+/(?<host>\S+) \S+",
        r"^(?<time>\d{10}\.\d{3})\t(?<client>[^\t]+)\t[^\t]*\t(?<status>\d{3})(?:\t[^\t]*){2}\t(?<agent>[^\t]*)$",
        r#"(?<client>\S+) \S+ \S+ \[(?<time>[^\]]+)\] "(?<method>[A-Z]+) (?<path>[^ "]+) HTTP/[^"]*" (?<status>\d{3})"#,
        r"^(?i)get (?<path>/\w*) +(?<status>[0-9]{2,3})\D*$",
        r"(?<a>x{0,2})(?<b>y*)(?<c>z+)\.",
        r"(?<a>[a-z]*)é(?<b>.*)",
        r"a(?<a>\s*)(?<b>\d+)",
        r"(?-u)(?<a>[^ ]*) (?<b>.+)",
    ];

    #[test]
    fn what_needs_no_search_is_told_from_what_does() {
        for expression in EXPRESSIONS {
            assert!(Runs::of(expression).is_some(), "{expression}");
        }
        for expression in [
            r"^(?<a>\S+)(?<b>\d+)",
            r"^(?<a>.*) (?<b>\d+)",
            r#"(?<path>[^ "]+)[^"]*""#,
            r"^(?<a>[a-z]+?)",
            r"^(?<a>xx|y)",
            r"^(?:(?<a>x),){2}",
            r"^(?<a>x*)y*x",
            r"\b(?<a>x+)",
            r"x^(?<a>x+)",
            r"(?:ab)?c",
        ] {
            assert!(Runs::of(expression).is_none(), "{expression}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Wherever it reads a line, the engine finds the same groups.
        #[test]
        fn the_groups_are_those_that_the_engine_finds(
            which in 0..EXPRESSIONS.len(),
            line in prop_oneof![
                r"[0-9]{1,3}\.[0-9]{3} {1,3}[0-9]{1,2} [a-z.]{1,4} TCP/[0-9]{3} [0-9] GET [a-z/é]{1,5} u HI_R/h t",
                r"[0-9]{10}\.[0-9]{3}\t[a-z ]{1,3}\t.{0,2}\t[0-9]{2,3}(\t[a-zé]{0,2}){1,4}",
                r#"[0-9.]{1,9} - [a-z-]{1,3} \[[^\]]{0,9}\] "[A-Z]{0,4} /[a-z"é]{0,5} HTTP/[12. ]{0,3}" [0-9]{2,4}"#,
                r"(?i)get /[a-zé]{0,4} {0,2}[0-9]{1,4}[a-z]{0,2}",
                "x{0,3}y{0,2}z{0,2}[.,]?",
                "[a-z]{0,3}é?[a-z]{0,3}",
                r"a[ \t\u{2003}]{0,2}[0-9]{0,2}",
                any::<String>(),
            ],
            edit in any::<prop::sample::Index>(),
            byte in prop::option::weighted(0.3, prop_oneof![any::<u8>(), prop::sample::select(b" \t\"x/.09\n".to_vec())]),
        ) {
            let mut line = line.into_bytes();
            if let Some((place, byte)) = line.len().checked_sub(1).and_then(|_| Some((edit.index(line.len()), byte?))) {
                line[place] = byte;
            }
            for expression in [EXPRESSIONS[which], EXPRESSIONS[7]] {
                let regex = Regex::new(expression).unwrap();
                let runs = Runs::of(expression).unwrap();
                let places = runs.read(&line);
                prop_assert_eq!(places, runs.read_by_words(&line));
                let Some(places) = places else { continue };
                let groups = regex.captures(&line);
                prop_assert!(groups.is_some(), "{}", String::from_utf8_lossy(&line));
                for (index, group) in groups.unwrap().iter().enumerate() {
                    let found = group.map(|group| (group.start() as u32, group.end() as u32));
                    prop_assert_eq!(found, Some(places[index]), "{} of {}", index, expression);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_run_ends_where_a_loop_ends_it(
            text in prop::collection::vec(prop_oneof![4 => b'a'..b'd', 1 => any::<u8>()], 0..40),
            class in prop::sample::select(vec!["[a-c]", r"\S", r"\d", "[^b]", "[acA-C]", "(?-u:[^b])", r"\w"]),
        ) {
            let hir = regex_syntax::ParserBuilder::new().utf8(false).build().parse(class).unwrap();
            let HirKind::Class(class) = hir.kind() else { panic!() };
            let bytes = members(class);
            let is_out = |byte: &u8| bytes[usize::from(*byte)] != Membership::In;
            let expected = text.iter().position(is_out).unwrap_or(text.len());
            prop_assert_eq!(run(&text, &bytes, bulk(&bytes)), expected);
        }
    }

    #[test]
    fn plain_lines_are_read_and_none_is_handed_to_the_engine() {
        let runs = Runs::of(EXPRESSIONS[0]).unwrap();
        let line = b"1712739600.123    153 203.0.113.7 TCP_MISS/503 1234 GET http://shop.example/cart alice HIER_DIRECT/10.0.0.3 text/html";
        let places = runs.read(line).unwrap();
        let texts: Vec<&[u8]> = places[1..=7]
            .iter()
            .map(|&(start, end)| &line[start as usize..end as usize])
            .collect();
        assert_eq!(
            texts,
            [
                &b"1712739600.123"[..],
                b"153",
                b"203.0.113.7",
                b"503",
                b"GET http://shop.example/cart",
                b"alice",
                b"10.0.0.3"
            ]
        );
    }
}
