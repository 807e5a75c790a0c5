//! The same way along a line of keys and values that lines before it took.
//!
//! A program writes its lines from one place: between the values stand the same bytes on each of them.
//! A parser tells here, of a line that it has walked, where the values stood and what they were offered
//! as ([`Lesson`]). What stood between two values is a [`Gap`]; which gap may follow which is kept. The next
//! line is compared with them, gap by gap, and only its values are looked at: they are offered as the walk
//! would have offered them, in the same order.
//!
//! What a value means depends on the gap before it and on what was open where that gap began (its
//! [`State`]: an object's or a list's place in the line). Gaps are told apart by both, so that lines may leave
//! out keys, or have them in other orders, and each way through the gaps is still one that the walk would have
//! taken. A line that leaves all known ways is walked. Knows no notation: what a value is, and where it
//! ends, the parsers say.

#[cfg(target_arch = "x86_64")]
use crate::lanes::{Half, Inside, Prefix};
use crate::timestamp::Unit;

use super::counted::{Asked, Sink};
use super::fields::Slot;
use super::keys::{Keys, Meaning};

/// Gaps that are kept, and gaps that may follow the same value. Lines with data in their keys have more,
/// and are walked.
const MOST_GAPS: usize = 1024;
const MOST_NEXT: usize = 12;
/// Places in lines that are told apart.
const MOST_STATES: usize = 4096;
/// Values of a line that are offered; lines with more are walked.
const MOST_FOUND: usize = 32;
/// Lessons that are taken. Most files have one or a few kinds of lines.
const MOST_LESSONS: u32 = 1024;

/// Bytes of a line that are compared at once.
pub(super) const HEAD: usize = 32;

/// How values are written.
pub(super) trait Notation {
    /// What tells it from the others.
    const MARK: u8;

    /// A line of fewer values is none of it.
    const FEWEST: usize;

    /// Whether a value that begins with a quote ends at the next one that no backslash stands before. The quote
    /// that opens it is then part of the gap before it: the gap tells what to look for.
    const HAS_QUOTES: bool;

    /// The value that begins here.
    fn value_at(line: &[u8], at: usize) -> Option<Value>;

    /// Where a value ends that has no quotes, is as plain as most are and begins at `begin` with these bytes; 0 for
    /// whatever else is there, and for one that they don't hold. It need not be right where no gap can
    /// follow. Behind the line are blanks or zeros.
    ///
    /// # Safety
    /// The processor must have what [`crate::lanes`] needs.
    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code)]
    unsafe fn bare_by_lanes(begin: usize, here: Half) -> usize;
}

/// A value on a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value {
    /// Where its text stands, without quotes.
    pub text: (u32, u32),
    pub escaped: bool,
    /// Whether it is none: `true` is neither a text nor a number.
    pub is_void: bool,
    /// Where what follows it begins.
    pub end: u32,
}

/// The ways that lines took; a thread's memory, for one table of keys and one
/// notation at a time.
#[derive(Debug)]
pub(super) struct Tracks {
    /// The table of keys, by its serial number, and the notation that the lines have.
    of: (u64, u8),
    /// The first one stands for the begin of the line.
    gaps: Vec<Gap>,
    places: Vec<Place>,
    lessons: u32,
    /// The values on the line at hand that are to be offered come first.
    found: [Found; MOST_FOUND],
    /// Whether the line at hand is known to go no known way.
    is_missed: bool,
    lesson: Lesson,
    /// A line with zeros behind it.
    #[cfg(target_arch = "x86_64")]
    padded: Vec<u8>,
    /// Whether the processor has what finds them faster.
    #[cfg(target_arch = "x86_64")]
    has_lanes: bool,
}

/// A value that is to be offered, and as what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// Where its text stands.
    pub text: (u32, u32),
    pub part: Part,
}

/// What a value is offered as. Copied as one word.
#[derive(Debug, Clone, Copy)]
#[repr(align(4))]
pub(super) struct Part {
    pub slot: Slot,
    pub rank: u8,
    pub unit: Option<Unit>,
    pub escaped: bool,
}

/// How many values a line has that goes a known way (in the upper half), and how many of them are offered:
/// one addition counts both.
#[derive(Debug, Clone, Copy)]
struct Followed(u64);

impl Followed {
    const NONE: Followed = Followed(0);

    #[inline]
    fn value(is_offered: bool) -> Followed {
        Followed(1 << 32 | u64::from(is_offered))
    }

    #[inline]
    fn and(self, more: Followed) -> Followed {
        Followed(self.0 + more.0)
    }

    #[inline]
    fn offered(self) -> usize {
        self.0 as u32 as usize
    }

    #[inline]
    fn values(self) -> usize {
        (self.0 >> 32) as usize
    }
}

/// The rank of what is not there.
pub(super) const ABSENT: u8 = u8::MAX;

const NO_PART: Part = Part {
    slot: Slot::Message,
    rank: ABSENT,
    unit: None,
    escaped: false,
};

/// Stands for a value that is not there.
pub(super) const NOT_FOUND: Found = Found {
    text: (0, 0),
    part: NO_PART,
};

/// What stands before a value, or before the end of the line.
#[derive(Debug)]
#[repr(align(64))]
struct Gap {
    #[cfg(target_arch = "x86_64")]
    head: Prefix,
    len: u32,
    kind: Kind,
    /// Whether its head says all there is to know of it.
    is_short: bool,
    /// What its value is offered as, and what it adds to the values of a line for each who may ask.
    part: Part,
    adds: [Followed; Asked::ALL.len()],
    /// What may follow the value, no gap behind one that it begins with; 0 is none.
    next: [u16; MOST_NEXT],
    /// All of it.
    text: Box<[u8]>,
    /// Where in a line it begins.
    before: State,
}

/// What follows a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A value.
    Bare,
    /// A value whose opening quote the gap ends with.
    Quoted,
    /// Nothing.
    End,
}

/// What is open at a point of a line; the number of a [`Place`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State(u16);

impl State {
    /// Nothing is, or all that ever is.
    pub(super) const TOP: State = State(0);
}

/// An object, a list or whatever a notation has, and the name that it has in its parent.
#[derive(Debug)]
struct Place {
    parent: State,
    kind: u8,
    name: Box<[u8]>,
}

/// A line that was walked: its values, in order.
#[derive(Debug, Default)]
pub(super) struct Lesson {
    /// Where each begins and ends, its quotes included, its meaning, and what is open behind it.
    steps: Vec<(u32, u32, Option<Meaning>, State)>,
    /// Whether it is of no use.
    is_void: bool,
}

impl Default for Tracks {
    fn default() -> Tracks {
        Tracks {
            of: (0, 0),
            gaps: Vec::new(),
            places: Vec::new(),
            lessons: 0,
            found: [NOT_FOUND; MOST_FOUND],
            is_missed: false,
            lesson: Lesson::default(),
            #[cfg(target_arch = "x86_64")]
            padded: Vec::new(),
            #[cfg(target_arch = "x86_64")]
            has_lanes: crate::lanes::are_here(),
        }
    }
}

impl Tracks {
    /// Forgets everything if it belongs to other lines.
    #[inline]
    fn serve<N: Notation>(&mut self, keys: &Keys) {
        let of = (keys.serial(), N::MARK);
        if self.of != of {
            self.of = of;
            self.lessons = 0;
            self.gaps.clear();
            self.places.clear();
        }
    }

    /// Offers the values of a line that goes a known way; `false` and nothing offered if it is another.
    #[inline]
    pub(super) fn follow<'a, N: Notation>(
        &mut self,
        keys: &Keys,
        line: &'a [u8],
        fields: &mut impl Sink<'a>,
    ) -> bool {
        self.serve::<N>(keys);
        if std::mem::take(&mut self.is_missed) {
            return false;
        }
        let Some(followed) = self.find::<N>(line, fields.asks()) else {
            return false;
        };
        if followed.values() < N::FEWEST {
            return false;
        }
        let found = self.found.get(..followed.offered());
        for Found { text, part } in found.unwrap_or_default() {
            let text = line.get(text.0 as usize..text.1 as usize);
            let text = text.unwrap_or_default();
            fields.offer(part.slot, part.rank, part.unit, text, part.escaped);
        }
        true
    }

    /// The same; the line is asked about no more, if it goes no known way.
    #[inline]
    pub(super) fn follow_first<'a, N: Notation>(
        &mut self,
        keys: &Keys,
        line: &'a [u8],
        fields: &mut impl Sink<'a>,
    ) -> bool {
        self.is_missed = !self.follow::<N>(keys, line, fields);
        !self.is_missed
    }

    /// The values that are counted of a line that goes a known way, in the order in which they would be offered; the
    /// line is asked about no more, if it goes none.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    pub(super) fn find_counted<N: Notation>(
        &mut self,
        keys: &Keys,
        line: Inside<'_>,
    ) -> Option<&[Found]> {
        self.serve::<N>(keys);
        let followed = self.find_by_lanes::<N>(line, Asked::ToCount);
        self.is_missed = followed.is_none();
        let followed = followed?;
        match followed.values() < N::FEWEST {
            true => None,
            false => self.found.get(..followed.offered()),
        }
    }

    /// Finds the values of a line that goes a known way.
    #[inline]
    fn find<N: Notation>(&mut self, line: &[u8], asks: Asked) -> Option<Followed> {
        #[cfg(target_arch = "x86_64")]
        if self.has_lanes {
            // Where it is not known what follows the line, zeros must.
            let mut padded = std::mem::take(&mut self.padded);
            padded.clear();
            padded.extend_from_slice(line);
            padded.extend_from_slice(&[0; HEAD]);
            let followed = match Inside::of(&padded, 0, line.len()) {
                #[allow(unsafe_code)]
                // SAFETY: the processor has the features.
                Some(line) => unsafe { self.find_by_lanes::<N>(line, asks) },
                None => None,
            };
            self.padded = padded;
            return followed;
        }
        self.find_by_bytes::<N>(line, asks)
    }

    fn find_by_bytes<N: Notation>(&mut self, line: &[u8], asks: Asked) -> Option<Followed> {
        let Tracks { gaps, found, .. } = self;
        let (mut at, mut followed) = (0, Followed::NONE);
        let mut gap = gaps.first()?;
        loop {
            let rest = line.get(at..)?;
            let mut behind = gap.next.iter().take_while(|&&number| number != 0);
            let number = *behind.find(|&&number| gaps[usize::from(number)].begins(rest))?;
            gap = &gaps[usize::from(number)];
            if gap.kind == Kind::End {
                return Some(followed);
            }
            let value = N::value_at(line, at + gap.text.len() - gap.quote())?;
            *found.get_mut(followed.offered())? = gap.found(&value);
            followed = followed.and(gap.adds(&value, asks));
            at = value.end as usize;
        }
    }

    /// The same, thirty-two bytes at a time.
    // No closures here: what takes them has not these features, so they would be called each time.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    fn find_by_lanes<N: Notation>(&mut self, line: Inside<'_>, asks: Asked) -> Option<Followed> {
        let Tracks { gaps, found, .. } = self;
        let mut gap = gaps.first()?;
        let (mut at, mut followed) = (0, Followed::NONE);
        // Where the last value begins, and what there was before it.
        let (mut begin, mut before) = (0, followed);
        loop {
            let here = line.half(at);
            let mut candidates = gap.next.iter();
            let next = loop {
                let number = *candidates.next()?;
                let next = gaps.get(usize::from(number))?;
                if number == 0 {
                    break None;
                }
                if next.head.is_at(here) && (next.is_short || next.is_long_at(line, at)) {
                    break Some(next);
                }
            };
            let Some(next) = next else {
                // The last value may be longer than it looked.
                let (value, more) = gap.value_at::<N>(line, begin, asks)?;
                if followed.values() == 0 || value.end as usize == at {
                    return None;
                }
                *found.get_mut(before.offered())? = gap.found(&value);
                (at, followed) = (value.end as usize, before.and(more));
                continue;
            };
            if next.kind == Kind::End {
                return Some(followed);
            }
            gap = next;
            begin = at + gap.len as usize;
            before = followed;
            let place = found.get_mut(followed.offered())?;
            let here = line.half(begin);
            let end = match gap.kind {
                Kind::Quoted => plain_quoted(line, begin, here),
                #[allow(unsafe_code)]
                // SAFETY: the processor has the features.
                _ => unsafe { N::bare_by_lanes(begin, here) },
            };
            if end == 0 {
                let (value, more) = gap.value_at::<N>(line, begin, asks)?;
                *place = gap.found(&value);
                (at, followed) = (value.end as usize, followed.and(more));
                continue;
            }
            place.text = (begin as u32, end as u32);
            place.part = gap.part;
            followed = followed.and(gap.adds[asks as usize]);
            at = end + gap.quote();
        }
    }

    /// The lesson to write while a line is walked; `None` if no more is learned.
    #[inline]
    pub(super) fn lesson(&mut self) -> Option<Lesson> {
        if self.lessons >= MOST_LESSONS {
            return None;
        }
        self.lessons += 1;
        let mut lesson = std::mem::take(&mut self.lesson);
        lesson.steps.clear();
        lesson.is_void = false;
        Some(lesson)
    }

    /// What is open inside of something that begins where `parent` is.
    pub(super) fn open(&mut self, parent: State, kind: u8, name: &[u8]) -> Option<State> {
        let known =
            |place: &Place| (place.parent, place.kind, &*place.name) == (parent, kind, name);
        let index = match self.places.iter().position(known) {
            Some(index) => index,
            None if self.places.len() >= MOST_STATES => return None,
            None => {
                let name = name.into();
                self.places.push(Place { parent, kind, name });
                self.places.len() - 1
            }
        };
        Some(State(index as u16 + 1))
    }

    /// Keeps the way that a line took.
    pub(super) fn learn<N: Notation>(&mut self, line: &[u8], lesson: Lesson) {
        if !lesson.is_void {
            self.keep::<N>(line, &lesson);
        }
        self.lesson = lesson;
    }

    fn keep<N: Notation>(&mut self, line: &[u8], lesson: &Lesson) -> Option<()> {
        if self.gaps.is_empty() {
            self.gaps.push(Gap::new(b"", State::TOP, Kind::Bare, None));
        }
        let (mut from, mut last, mut before) = (0, 0, State::TOP);
        for &(begin, end, meaning, after) in &lesson.steps {
            let is_quoted = N::HAS_QUOTES && line.get(begin as usize) == Some(&b'"');
            let text = line.get(from..begin as usize + usize::from(is_quoted))?;
            let kind = match is_quoted {
                true => Kind::Quoted,
                false => Kind::Bare,
            };
            let number = self.number(text, before, kind, meaning)?;
            self.link(last, number)?;
            (from, last, before) = (end as usize, number, after);
        }
        let number = self.number(line.get(from..)?, before, Kind::End, None)?;
        self.link(last, number)
    }

    /// The number of a gap, which is given to it now if it is new.
    fn number(
        &mut self,
        text: &[u8],
        before: State,
        kind: Kind,
        meaning: Option<Meaning>,
    ) -> Option<u16> {
        let known = |gap: &Gap| (&*gap.text, gap.before, gap.kind) == (text, before, kind);
        let place = match self.gaps.iter().skip(1).position(known) {
            Some(place) => place + 1,
            None if self.gaps.len() >= MOST_GAPS => return None,
            None => {
                self.gaps.push(Gap::new(text, before, kind, meaning));
                self.gaps.len() - 1
            }
        };
        u16::try_from(place).ok()
    }

    /// Notes that one gap followed the value of another.
    fn link(&mut self, from: u16, to: u16) -> Option<()> {
        let mut next = self.gaps.get(usize::from(from))?.next;
        if next.contains(&to) {
            return Some(());
        }
        if next[MOST_NEXT - 1] != 0 {
            return None;
        }
        let text = |number: u16| self.gaps.get(usize::from(number)).map(|gap| &gap.text);
        // The longer one is tried before what it begins with.
        let is_behind = |&number: &u16| {
            number == 0
                || text(to)
                    .zip(text(number))
                    .is_some_and(|(to, of)| to.starts_with(of))
        };
        let place = next.iter().position(is_behind)?;
        next[place..].rotate_right(1);
        next[place] = to;
        self.gaps.get_mut(usize::from(from))?.next = next;
        Some(())
    }
}

impl Gap {
    fn new(text: &[u8], before: State, kind: Kind, meaning: Option<Meaning>) -> Gap {
        let (who, part) = match meaning {
            Some(Meaning::Part { slot, rank, unit }) => {
                let part = Part {
                    slot,
                    rank,
                    unit,
                    escaped: false,
                };
                (Some(Asked::for_slot(slot)), part)
            }
            _ => (None, NO_PART),
        };
        let is_offered = |asks: Asked| who.is_some_and(|who| who <= asks);
        Gap {
            #[cfg(target_arch = "x86_64")]
            head: Prefix::of(text),
            len: text.len() as u32,
            kind,
            is_short: text.len() <= HEAD && kind != Kind::End,
            part,
            adds: Asked::ALL.map(|asks| Followed::value(is_offered(asks))),
            next: [0; MOST_NEXT],
            text: text.into(),
            before,
        }
    }

    /// How much of it belongs to the value that it ends with the quote of.
    #[inline]
    fn quote(&self) -> usize {
        usize::from(self.kind == Kind::Quoted)
    }

    /// The value that stands behind it, whatever it looks like, and what it adds to those of a line.
    #[cfg(target_arch = "x86_64")]
    #[inline(never)]
    fn value_at<N: Notation>(
        &self,
        line: Inside<'_>,
        begin: usize,
        asks: Asked,
    ) -> Option<(Value, Followed)> {
        let value = N::value_at(line.text(), begin.checked_sub(self.quote())?)?;
        Some((value, self.adds(&value, asks)))
    }

    /// The value that stands behind it.
    #[inline]
    fn found(&self, value: &Value) -> Found {
        let part = Part {
            escaped: value.escaped,
            ..self.part
        };
        Found {
            text: value.text,
            part,
        }
    }

    /// What it adds to the values of a line.
    #[inline]
    fn adds(&self, value: &Value, asks: Asked) -> Followed {
        match value.is_void {
            true => Followed::value(false),
            false => self.adds[asks as usize],
        }
    }

    /// Whether it stands at the begin of what is left of a line.
    #[inline]
    fn begins(&self, rest: &[u8]) -> bool {
        match self.kind {
            Kind::End => rest == &*self.text,
            Kind::Bare | Kind::Quoted => rest.starts_with(&self.text),
        }
    }

    /// Whether it stands on the line where its head does. Not part of the loop, or its slices would be made for
    /// every gap.
    #[cfg(target_arch = "x86_64")]
    #[inline(never)]
    fn is_long_at(&self, line: Inside<'_>, at: usize) -> bool {
        match line.text().get(at..) {
            Some(rest) if self.kind == Kind::End && rest.len() <= HEAD => {
                rest.len() == self.text.len()
            }
            Some(rest) => self.begins(rest),
            None => false,
        }
    }
}

/// Where the text in quotes ends that begins with these bytes, which its opening quote stands before; 0 if it has
/// escapes.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
#[inline]
fn plain_quoted(line: Inside<'_>, begin: usize, here: Half) -> usize {
    let (mut quotes, mut escapes) = (here.equal(b'"'), here.equal(b'\\'));
    let mut from = begin;
    loop {
        // The lowest bit that is set, and those below it.
        let up_to_quote = quotes ^ quotes.wrapping_sub(1);
        if escapes & up_to_quote != 0 {
            return 0;
        }
        if quotes != 0 {
            return from + quotes.trailing_zeros() as usize;
        }
        from += HEAD;
        if from >= line.text().len() {
            return 0;
        }
        let bytes = line.half(from);
        (quotes, escapes) = (bytes.equal(b'"'), bytes.equal(b'\\'));
    }
}

impl Value {
    /// One that stands there.
    #[inline]
    pub(super) fn new(start: usize, end: usize) -> Value {
        Value {
            text: (start as u32, end as u32),
            escaped: false,
            is_void: false,
            end: end as u32,
        }
    }

    /// The same in quotes, or whatever else may close it.
    #[inline]
    pub(super) fn closed(self, end: usize) -> Value {
        Value {
            end: end as u32,
            ..self
        }
    }
}

impl Lesson {
    /// A value, where it begins and ends.
    #[inline]
    pub(super) fn value(
        &mut self,
        begin: usize,
        end: usize,
        meaning: Option<Meaning>,
        after: State,
    ) {
        self.steps.push((begin as u32, end as u32, meaning, after));
    }

    /// The line can't be told by what stands between its values.
    pub(super) fn spoil(&mut self) {
        self.is_void = true;
    }
}
