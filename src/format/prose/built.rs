//! Lines of prose that are built as one before them was.
//!
//! A program prints its lines from one place: nothing differs between them but the time, numbers, addresses and
//! the request itself. What a line tells is decided by its words; of a number it matters only whether it may be a
//! status, has a unit, or is an address ([`Kind`]). So a line on which all else stands as on a line that was
//! read, and whose numbers are of the same kinds, tells the same in the same places.
//!
//! A line that was read is kept as its [`Piece`]s; the next is compared with them, thirty-two bytes at a time. What is
//! not found to be built so is read at length, and perhaps learned. Knows nothing of what words mean.

use std::ops::Range;

use super::places::{METHODS, plain_time};
use super::{Order, Read, Words, is_protocol, is_status};
use crate::lanes::{Half, Prefix, Readable};

/// Kinds of lines that are kept, and how often one is learned. Programs have few.
const MOST_SHAPES: usize = 8;
const MOST_LESSONS: u32 = 256;
/// The longest number that is told from others, and the longest time.
const LONGEST_NUMBER: u32 = 9;
const LONGEST_TIME: usize = 32;
/// The most spaces behind a method, and the most that may stand between these and the target.
const MOST_SPACES: u32 = 16;
const MOST_BEHIND_SPACES: usize = 7;

/// What a line may tell, in the order of [`super::SLOTS`]; each has its place in [`Places`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Time,
    Method,
    Target,
    Status,
    Latency,
    Client,
    Nothing,
}

/// Where a line's parts stand, by [`Part`]; what it has not stands nowhere.
pub(super) type Places = [(u32, u32); 7];

/// The lines that were read before; a thread's memory.
#[derive(Debug)]
pub(in crate::format) struct Shapes {
    /// Those that are met often come first.
    known: Vec<Vec<Piece>>,
    /// How they were read: in another order they may tell something else.
    order: Order,
    lessons: u32,
    has_lanes: bool,
}

#[derive(Debug)]
struct Piece {
    kind: Kind,
    part: Part,
    /// Bytes behind it that belong to the part, too: a unit.
    more: u32,
    /// What stands there: all of it, its begin, and which bytes of that are digits.
    text: Box<[u8]>,
    head: Prefix,
    digits: u32,
}

/// How much may differ in what stands at some place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nothing.
    Fixed,
    /// Digits for digits.
    Time,
    /// Three digits that may be a status.
    Status,
    /// A number that is no status, and no version of HTTP.
    Number,
    /// The same where a status was found before: any number.
    LateNumber,
    /// A number with a unit of time.
    Duration,
    /// An IPv4 address, perhaps with a port.
    Address,
    Method,
    Spaces,
    /// A path in which no white space, quote or bar stands.
    Target,
}

impl Default for Shapes {
    fn default() -> Shapes {
        Shapes {
            known: Vec::new(),
            order: Order::default(),
            lessons: 0,
            has_lanes: crate::lanes::are_here(),
        }
    }
}

impl Shapes {
    /// Where the parts of a line stand, if it is built as one before that was read in this order.
    #[inline]
    pub(super) fn find(&mut self, line: &[u8], order: Order) -> Option<Places> {
        if self.order != order {
            self.known.clear();
            self.order = order;
        }
        if self.known.is_empty() {
            return None;
        }
        let line = Readable::new(line)?;
        for index in 0..self.known.len() {
            #[allow(unsafe_code)]
            // SAFETY: without the features nothing is learned, and nothing known.
            if let Some(places) = unsafe { follow(self.known.get(index)?, &line) } {
                if index > 0 {
                    self.known.swap(index - 1, index);
                }
                return Some(places);
            }
        }
        None
    }

    /// Whether more is learned.
    pub(super) fn learns(&self) -> bool {
        self.has_lanes && self.lessons < MOST_LESSONS
    }

    /// Keeps how a line is built.
    pub(super) fn learn(&mut self, line: &[u8], read: &Read) {
        self.lessons += 1;
        if let (Some(pieces), Some(readable)) = (pieces(line, read), Readable::new(line)) {
            #[allow(unsafe_code)]
            // SAFETY: it learns only where the processor has the features.
            let found = unsafe { follow(&pieces, &readable) };
            if found == Some(read.places()) {
                self.known.truncate(MOST_SHAPES - 1);
                self.known.push(pieces);
            }
        }
    }
}

impl Read {
    fn places(&self) -> Places {
        let mut places = Places::default();
        let mut put = |part: Part, place: &Range<usize>| {
            places[part as usize] = (place.start as u32, place.end as u32);
        };
        put(Part::Time, &self.time);
        put(Part::Method, &self.method);
        put(Part::Target, &self.target);
        put(Part::Status, &self.status);
        if let Some(latency) = &self.latency {
            put(Part::Latency, latency);
        }
        if let Some(client) = &self.client {
            put(Part::Client, client);
        }
        places
    }

    /// What the line tells by a piece, and how many bytes behind it belong to that.
    fn part(&self, place: &Range<usize>, kind: Kind) -> Option<(Part, u32)> {
        let begins = |part: &Option<Range<usize>>| {
            let part = part.as_ref().filter(|part| part.start == place.start)?;
            u32::try_from(part.end.checked_sub(place.end)?).ok()
        };
        Some(match kind {
            Kind::Time => (Part::Time, 0),
            Kind::Method => (Part::Method, 0),
            Kind::Target => (Part::Target, 0),
            _ if *place == self.status => (Part::Status, 0),
            _ => match (begins(&self.latency), begins(&self.client)) {
                (Some(more), _) => (Part::Latency, more),
                (None, Some(0)) => (Part::Client, 0),
                _ => (Part::Nothing, 0),
            },
        })
    }
}

/// What a line is built of; `None` if it can't be told by that.
fn pieces(line: &[u8], read: &Read) -> Option<Vec<Piece>> {
    // Of a time that is found by an engine more would have to stay the same, and so of one behind the request.
    if plain_time(line) != Some(Some(read.time.clone()))
        || read.time.end > read.method.start
        || read.time.len() > LONGEST_TIME
    {
        return None;
    }
    let gap = line.get(read.method.end..read.target.start)?;
    let spaces = gap.iter().take_while(|&&b| b == b' ').count();
    if spaces == 0 || gap.len() - spaces > MOST_BEHIND_SPACES {
        return None;
    }
    let mut free = numbers(line, 0..read.time.start, usize::MAX);
    free.push((read.time.clone(), Kind::Time));
    free.extend(numbers(line, read.time.end..read.method.start, usize::MAX));
    free.push((read.method.clone(), Kind::Method));
    free.push((read.method.end..read.method.end + spaces, Kind::Spaces));
    free.push((read.target.clone(), Kind::Target));
    let late = match read.is_settled {
        true => read.status.end,
        false => usize::MAX,
    };
    free.extend(numbers(line, read.request_end..line.len(), late));
    let (mut pieces, mut at) = (Vec::new(), 0);
    for (place, kind) in free {
        // What is next to a time might be taken for more of it.
        let is_close = place.start == at && pieces.last().is_some_and(Piece::is_time_or_number);
        if is_close && (matches!(kind, Kind::Time | Kind::Method) || kind.is_number()) {
            return None;
        }
        let fixed = line.get(at..place.start)?;
        if !fixed.is_empty() {
            pieces.push(Piece::new(Kind::Fixed, Part::Nothing, 0, fixed));
        }
        let (part, more) = read.part(&place, kind)?;
        pieces.push(Piece::new(kind, part, more, line.get(place.clone())?));
        at = place.end;
    }
    pieces.push(Piece::new(Kind::Fixed, Part::Nothing, 0, line.get(at..)?));
    Some(pieces)
}

/// The numbers among the words of a stretch of the line; all others stay as they are. From `late` on none can be taken
/// for a status.
fn numbers(line: &[u8], stretch: Range<usize>, late: usize) -> Vec<(Range<usize>, Kind)> {
    let text = line.get(stretch.clone()).unwrap_or_default();
    let mut all = Vec::new();
    for word in Words::of(text) {
        let place = stretch.start + word.start..stretch.start + word.end;
        match Kind::of(text.get(word).unwrap_or_default()) {
            Some(Kind::Status | Kind::Number) if place.start >= late => {
                all.push((place, Kind::LateNumber));
            }
            Some(kind) => all.push((place, kind)),
            None => {}
        }
    }
    all
}

impl Piece {
    fn new(kind: Kind, part: Part, more: u32, text: &[u8]) -> Piece {
        let digits = text.iter().take(32).map(|b| u32::from(b.is_ascii_digit()));
        let digits = digits.enumerate().fold(0, |all, (i, bit)| all | bit << i);
        Piece {
            kind,
            part,
            more,
            text: text.into(),
            head: Prefix::of(text),
            digits,
        }
    }

    fn is_time_or_number(&self) -> bool {
        self.kind == Kind::Time || self.kind.is_number()
    }
}

impl Kind {
    fn is_number(self) -> bool {
        use Kind::*;
        matches!(self, Status | Number | LateNumber | Duration | Address)
    }

    /// What kind of number a word is, if it is one.
    fn of(word: &[u8]) -> Option<Kind> {
        let number = Number::begins(word);
        let rest = word.get(number.len as usize..)?;
        if number.is_address() && rest.len() == port(rest) as usize {
            return Some(Kind::Address);
        }
        if !number.is_plain() {
            return None;
        }
        if rest.is_empty() {
            return match (is_status(word), is_protocol(word)) {
                (true, _) => Some(Kind::Status),
                (false, true) => None,
                (false, false) => Some(Kind::Number),
            };
        }
        (unit(rest) as usize == rest.len()).then_some(Kind::Duration)
    }
}

/// Digits with points between them.
#[derive(Debug, Clone, Copy)]
struct Number {
    len: u32,
    points: u32,
}

impl Number {
    /// Those that a text begins with, of which no more than 32 bytes matter.
    fn begins(text: &[u8]) -> Number {
        let masks = text.iter().take(32).enumerate();
        let (digits, points) = masks.fold((0, 0), |(digits, points), (i, b)| {
            let (digit, point) = (b.is_ascii_digit(), *b == b'.');
            (
                digits | u32::from(digit) << i,
                points | u32::from(point) << i,
            )
        });
        Number::of(digits, points)
    }

    /// The same from a bit for each digit and each point.
    #[inline]
    fn of(digits: u32, points: u32) -> Number {
        // A point behind the digits is none of theirs.
        let inner = points & digits << 1 & digits >> 1;
        let len = (digits | inner).trailing_ones();
        let points = inner & !u32::MAX.checked_shl(len).unwrap_or(0);
        Number {
            len,
            points: points.count_ones(),
        }
    }

    #[inline]
    fn is_plain(self) -> bool {
        (1..=LONGEST_NUMBER).contains(&self.len) && self.points <= 1
    }

    #[inline]
    fn is_address(self) -> bool {
        self.points == 3 && self.len < 32
    }
}

/// How long the unit of time is that begins here.
#[inline]
fn unit(text: &[u8]) -> u32 {
    match text {
        [b'n' | b'u' | b'm', b's', ..] => 2,
        [0xc2, 0xb5, b's', ..] => 3,
        [b's', ..] => 1,
        _ => 0,
    }
}

/// How long the port is that begins here, with its colon.
#[inline]
fn port(text: &[u8]) -> u32 {
    let [b':', rest @ ..] = text else { return 0 };
    match rest
        .iter()
        .take(6)
        .take_while(|b| b.is_ascii_digit())
        .count()
    {
        0 => 0,
        digits => 1 + digits as u32,
    }
}

/// Where the parts stand on a line that is built of these pieces.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
fn follow(pieces: &[Piece], line: &Readable<'_>) -> Option<Places> {
    let (mut places, mut at) = (Places::default(), 0);
    for piece in pieces {
        let len = piece.len_at(line, at)?;
        let end = at + len as usize;
        places[piece.part as usize] = (at as u32, end as u32 + piece.more);
        at = end;
    }
    places[Part::Nothing as usize] = (0, 0);
    (at == line.text().len()).then_some(places)
}

impl Piece {
    /// How long what stands there is, if it is of this piece's kind.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    fn len_at(&self, line: &Readable<'_>, at: usize) -> Option<u32> {
        let here = line.half(at);
        let len = self.text.len();
        match self.kind {
            Kind::Fixed => {
                let is_here = self.head.is_at(here)
                    && len <= line.text().len() - at
                    && (len <= 32 || line.text().get(at..)?.starts_with(&self.text));
                is_here.then_some(len as u32)
            }
            Kind::Time => {
                let own = u32::MAX.checked_shr(32 - len as u32).unwrap_or(0);
                let is_here = here.within(b'0', 10) & own == self.digits
                    && self.head.differs(here) & !self.digits == 0;
                is_here.then_some(len as u32)
            }
            Kind::Method => METHODS
                .iter()
                .find(|method| line.text().get(at..at + method.len()) == Some(**method))
                .map(|method| method.len() as u32),
            Kind::Spaces => {
                let spaces = here.equal(b' ').trailing_ones();
                (1..=MOST_SPACES).contains(&spaces).then_some(spaces)
            }
            Kind::Target => target(line, at, here),
            _ => self.kind.len_at(line.text().get(at..)?, here),
        }
    }
}

impl Kind {
    /// How long the number of this kind is that begins here.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    fn len_at(self, text: &[u8], here: Half) -> Option<u32> {
        let number = Number::of(here.within(b'0', 10), here.equal(b'.'));
        let (word, rest) = text.split_at_checked(number.len as usize)?;
        let is_here = match self {
            Kind::Address => {
                return number.is_address().then(|| number.len + port(rest));
            }
            Kind::Duration => {
                let unit = unit(rest);
                return (number.is_plain() && unit > 0).then_some(number.len + unit);
            }
            Kind::Status => is_status(word),
            Kind::Number => number.is_plain() && !is_status(word) && !is_protocol(word),
            _ => number.is_plain(),
        };
        is_here.then_some(number.len)
    }
}

/// How long the path is that begins here, up to what can't be in one or ends it.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
#[inline]
fn target(line: &Readable<'_>, begin: usize, here: Half) -> Option<u32> {
    if here.first() != b'/' {
        return None;
    }
    let (mut at, mut bytes) = (begin, here);
    let end = loop {
        let ends = bytes.equal(b' ')
            | bytes.within(b'\t', 5)
            | bytes.equal(b'"')
            | bytes.equal(b'\'')
            | bytes.equal(b'|');
        let end = at + ends.trailing_zeros() as usize;
        if ends != 0 || end >= line.text().len() {
            break end.min(line.text().len());
        }
        at += 32;
        bytes = line.half(at);
    };
    // Punctuation at its end may be the sentence's.
    let is_odd = matches!(
        line.text().get(end - 1),
        Some(b',' | b';' | b':' | b')' | b']')
    );
    (!is_odd).then_some((end - begin) as u32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{parse, walk};
    use super::*;
    use crate::format::counted::{Asked, Sink};
    use crate::format::fields::{Slot, Times};
    use crate::record::{Depth, Reject};
    use crate::timestamp::Unit;

    /// All that it is told.
    #[derive(Debug, Default, PartialEq)]
    struct Heard(Vec<(Slot, String)>);

    impl<'a> Sink<'a> for Heard {
        fn set(&mut self, slot: Slot, text: &'a [u8], _: Option<Unit>) {
            self.0.push((slot, String::from_utf8_lossy(text).into()));
        }

        fn offer(&mut self, _: Slot, _: u8, _: Option<Unit>, _: &'a [u8], _: bool) {}

        fn set_times(&mut self, _: Times) {}

        fn depth(&self) -> Depth {
            Depth::Full
        }

        fn asks(&self) -> Asked {
            Asked::InFull
        }

        fn is_strict(&self) -> bool {
            false
        }
    }

    /// What a line tells with a memory of others, and without.
    fn both(line: &[u8], order: Order, shapes: &mut Shapes) -> [Result<Heard, Reject>; 2] {
        let (mut with, mut without) = (Heard::default(), Heard::default());
        let with_memory = parse(line, &mut with, order, shapes).map(|()| with);
        let by_words = walk(line, &mut without, order).map(|_| without);
        [with_memory, by_words].map(|heard| {
            heard.map(|mut heard| {
                heard.0.sort_by_key(|(slot, _)| *slot as usize);
                heard
            })
        })
    }

    /// One of what may stand at some place of a line.
    fn text(kind: usize, seed: usize) -> String {
        const FIXED: [&str; 14] = [
            " | ", " ", "[GIN] ", " in ", " ms ", " - ", "\"", "status ", ": ", " took:", " from ",
            ",", "calling ", " OK ",
        ];
        let one_of = |all: &[&str]| all[seed % all.len()].to_owned();
        match kind {
            0..14 => FIXED[kind].to_owned(),
            14 | 15 => format!("2024/04/{:02} - 09:00:{:02}", seed % 31, seed % 60),
            16 => one_of(&[
                "10/Apr/2024:09:00:03 +0000",
                "10/Apr/2024:19:00:59 +0000",
                "10/Apr/2024:19:00:59",
            ]),
            17 | 18 => one_of(&["200", "404", "503", "99", "700", "2", "1.1", "12345"]),
            19 => one_of(&[
                "1.2ms",
                "53ms",
                "7\u{b5}s",
                "0.5s",
                "1m2s",
                "99999999999ms",
                "12",
                "200",
            ]),
            20 => one_of(&[
                "10.0.0.1",
                "192.168.17.255",
                "10.0.0.1:5000",
                "2001:db8::1",
                "10.0.1",
            ]),
            21..25 => one_of(&[
                "GET ",
                "POST ",
                "GET      ",
                "OPTIONS  \"",
                "get ",
                "\"GET ",
                "HEAD -",
            ]),
            25..28 => one_of(&[
                "/",
                "/a/12",
                "/b?x=1|2",
                "/c,",
                "/cart\"",
                "/o'hara",
                "/d d",
                "http://x/y",
                "/long/long/long/long/long/long/long/path",
            ]),
            28 => one_of(&[" HTTP/1.1\" ", " HTTP/2\" ", "\" "]),
            _ => one_of(&["12", "512", "4711", "7", "1.5", "", "x1"]),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(6_000))]

        #[test]
        fn a_memory_of_lines_changes_no_answer(
            before in prop::collection::vec(0..21usize, 0..6),
            time in 14..17usize,
            between in prop::collection::vec(prop_oneof![0..14usize, 17..21usize], 0..6),
            request in (21..25usize, 25..28usize),
            after in prop::collection::vec(prop_oneof![0..14usize, 17..21usize, 28..30usize], 0..7),
            seeds in prop::collection::vec(prop::collection::vec(0..60usize, 30), 2..6),
            turn in 0..6usize,
        ) {
            let kinds: Vec<usize> = before.into_iter().chain([time]).chain(between)
                .chain([request.0, request.1]).chain(after).collect();
            let mut shapes = Shapes::default();
            for (place, seeds) in seeds.into_iter().enumerate() {
                // Lines of one file, then of another.
                let order = if place < turn { Order::Before } else { Order::Behind };
                let parts = kinds.iter().zip(&seeds).map(|(kind, seed)| text(*kind, *seed));
                let line: String = parts.collect();
                let [with, without] = both(line.as_bytes(), order, &mut shapes);
                prop_assert_eq!(with, without, "{}", line);
            }
        }
    }

    #[test]
    fn the_lines_of_a_framework_are_found_without_their_words() {
        let mut shapes = Shapes::default();
        if !shapes.learns() {
            return;
        }
        for (first, others) in [
            (
                r#"[GIN] 2024/04/10 - 09:00:03 | 500 |     1.2ms |        10.0.0.1 | GET      "/cart""#,
                [
                    r#"[GIN] 2024/04/11 - 10:00:04 | 200 |     53.85µs |        192.168.0.17 | POST     "/api/v1/orders/17?x=1""#,
                    r#"[GIN] 2024/04/11 - 10:00:04 | 404 |     3s |        10.0.0.1 | OPTIONS  "/""#,
                ],
            ),
            (
                r#"[10/Apr/2024 09:00:03] "GET /cart HTTP/1.1" 500 42"#,
                [
                    r#"[10/Apr/2024 09:00:04] "DELETE /cart/12 HTTP/1.1" 204 0"#,
                    r#"[11/Apr/2024 19:10:04] "GET /health HTTP/1.1" 200 51234"#,
                ],
            ),
            (
                "2024-04-10T09:00:03Z INFO HTTP GET /cart responded 500 in 12.3 ms",
                [
                    "2024-04-10T09:00:04Z INFO HTTP POST /orders/12 responded 201 in 123 ms",
                    "2024-04-10T09:00:59Z INFO HTTP GET / responded 200 in 0.1 ms",
                ],
            ),
        ] {
            let [learned, by_words] = both(first.as_bytes(), Order::Behind, &mut shapes);
            assert_eq!(learned, by_words);
            for line in others {
                assert!(
                    shapes.find(line.as_bytes(), Order::Behind).is_some(),
                    "{line}"
                );
                let [with, without] = both(line.as_bytes(), Order::Behind, &mut shapes);
                assert_eq!(with, without, "{line}");
                assert!(with.is_ok());
            }
            // What has other words is none of these.
            let other = first.replace("GET", "FETCH").replace("DELETE", "FETCH");
            assert_eq!(shapes.find(other.as_bytes(), Order::Behind), None);
        }
    }
}
