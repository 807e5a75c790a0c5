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
use crate::lanes::Half;
use crate::record::Depth;

use super::counted::Sink;
use super::fields::Slot;
use super::keys::{Keys, Meaning};

/// Gaps that are kept, and gaps that may follow the same value. Lines with data in their keys have more,
/// and are walked.
const MOST_GAPS: usize = 1024;
const MOST_NEXT: usize = 12;
/// Places in lines that are told apart.
const MOST_STATES: usize = 4096;
/// Lessons that are taken. Most files have one or a few kinds of lines.
const MOST_LESSONS: u32 = 1024;

/// Bytes of a line that are compared at once.
pub(super) const HEAD: usize = 32;

/// How values are written.
pub(super) trait Notation {
    /// The value that begins here.
    fn value_at(line: &[u8], at: usize) -> Option<Value>;

    /// The same for a value as plain as most are; whatever else is there is [`Plain::NONE`].
    ///
    /// # Safety
    /// The processor must have what [`crate::lanes`] needs.
    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code)]
    unsafe fn plain_by_lanes(line: &Padded<'_>, at: usize) -> Plain;
}

/// Where the text of a plain value stands: nothing is undone in it, and it ends as many bytes before what
/// follows it as it begins behind its own begin, as in quotes. Small enough for a register: through
/// memory it takes twice the time to follow a line.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Plain(u64);

#[cfg(target_arch = "x86_64")]
impl Plain {
    /// There is none. No text ends where a line begins.
    pub(super) const NONE: Plain = Plain(0);

    #[inline]
    pub(super) fn new(start: usize, end: usize) -> Plain {
        Plain((end as u64) << 32 | start as u64)
    }

    #[inline]
    fn is_none(self) -> bool {
        self.0 == 0
    }

    #[inline]
    fn place(self) -> (u32, u32) {
        (self.0 as u32, (self.0 >> 32) as u32)
    }
}

/// A line of at least [`HEAD`] bytes of which as many can be read anywhere.
#[cfg(target_arch = "x86_64")]
pub(super) struct Padded<'a> {
    pub text: &'a [u8],
    /// Its last bytes, and zeros.
    tail: [u8; 2 * HEAD],
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
    /// The values on the line at hand that are to be offered, with the gap before each.
    found: Vec<Found>,
    /// Whether the line at hand is known to go no known way.
    is_missed: bool,
    lesson: Lesson,
    /// Whether the processor has what finds them faster.
    #[cfg(target_arch = "x86_64")]
    has_lanes: bool,
}

/// A value that is to be offered, and the gap before it.
#[derive(Debug, Clone, Copy)]
struct Found {
    gap: u16,
    escaped: bool,
    text: (u32, u32),
}

impl Found {
    fn new(gap: u16, value: &Value) -> Found {
        Found {
            gap,
            escaped: value.escaped,
            text: value.text,
        }
    }
}

/// What stands before a value, or before the end of the line.
#[derive(Debug)]
struct Gap {
    /// Its first bytes, and a bit for each of these that isn't its own.
    head: [u8; HEAD],
    beyond: u32,
    len: u32,
    is_end: bool,
    /// Whether its head says all there is to know of it.
    is_short: bool,
    /// What its value is offered as, and whether that matters at all, and to pass 1.
    meaning: Option<Meaning>,
    is_named: bool,
    is_counted: bool,
    /// What may follow the value, no gap behind one that it begins with; 0 is none.
    next: [u16; MOST_NEXT],
    /// All of it.
    text: Box<[u8]>,
    /// Where in a line it begins.
    before: State,
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
            found: Vec::new(),
            is_missed: false,
            lesson: Lesson::default(),
            #[cfg(target_arch = "x86_64")]
            has_lanes: crate::lanes::are_here(),
        }
    }
}

impl Tracks {
    /// Forgets everything if it belongs to other lines.
    #[inline]
    pub(super) fn serve(&mut self, keys: &Keys, notation: u8) {
        let of = (keys.serial(), notation);
        if self.of != of {
            self.of = of;
            self.lessons = 0;
            self.gaps.clear();
            self.places.clear();
        }
    }

    /// Offers the values of a line that goes a known way and has no fewer than that; `false` and nothing
    /// offered if it is another.
    #[inline]
    pub(super) fn follow<'a, N: Notation>(
        &mut self,
        line: &'a [u8],
        fields: &mut impl Sink<'a>,
        fewest: usize,
    ) -> bool {
        if std::mem::take(&mut self.is_missed) {
            return false;
        }
        let is_full = fields.depth() == Depth::Full;
        if !matches!(self.find::<N>(line, is_full), Some(values) if values >= fewest) {
            return false;
        }
        for found in &self.found {
            if let Some(gap) = self.gaps.get(usize::from(found.gap))
                && let Some(Meaning::Part { slot, rank, unit }) = gap.meaning
            {
                let text = line.get(found.text.0 as usize..found.text.1 as usize);
                fields.offer(slot, rank, unit, text.unwrap_or_default(), found.escaped);
            }
        }
        true
    }

    /// The same; the line is asked about no more, if it goes no known way.
    #[inline]
    pub(super) fn follow_first<'a, N: Notation>(
        &mut self,
        line: &'a [u8],
        fields: &mut impl Sink<'a>,
        fewest: usize,
    ) -> bool {
        self.is_missed = false;
        let is_followed = self.follow::<N>(line, fields, fewest);
        self.is_missed = !is_followed;
        is_followed
    }

    /// Finds the values that matter of a line that goes a known way, and says how many it has in all.
    #[inline]
    fn find<N: Notation>(&mut self, line: &[u8], is_full: bool) -> Option<usize> {
        #[cfg(target_arch = "x86_64")]
        if self.has_lanes
            && let Some(padded) = Padded::new(line)
        {
            #[allow(unsafe_code)]
            // SAFETY: the processor has the features.
            return unsafe { self.find_by_lanes::<N>(&padded, is_full) };
        }
        self.find_by_bytes::<N>(line, is_full)
    }

    fn find_by_bytes<N: Notation>(&mut self, line: &[u8], is_full: bool) -> Option<usize> {
        let Tracks { gaps, found, .. } = self;
        found.clear();
        let (mut at, mut values) = (0, 0);
        let mut gap = gaps.first()?;
        loop {
            let rest = line.get(at..)?;
            let mut behind = gap.next.iter().take_while(|&&number| number != 0);
            let number = *behind.find(|&&number| gaps[usize::from(number)].begins(rest))?;
            gap = &gaps[usize::from(number)];
            if gap.is_end {
                return Some(values);
            }
            let value = N::value_at(line, at + gap.text.len())?;
            if gap.is_asked(is_full) && !value.is_void {
                found.push(Found::new(number, &value));
            }
            values += 1;
            at = value.end as usize;
        }
    }

    /// The same, thirty-two bytes at a time.
    // No closures here: what takes them has not these features, so they would be called each time.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    fn find_by_lanes<N: Notation>(&mut self, line: &Padded<'_>, is_full: bool) -> Option<usize> {
        let Tracks { gaps, found, .. } = self;
        found.clear();
        let (mut at, mut values) = (0, 0);
        let mut next = &gaps.first()?.next;
        loop {
            let here = Half::load(line.chunk(at)?);
            let mut candidates = next.iter();
            let (number, gap) = loop {
                let number = *candidates.next()?;
                if number == 0 {
                    return None;
                }
                let gap = gaps.get(usize::from(number))?;
                if here.same(Half::load(&gap.head)) | gap.beyond == u32::MAX
                    && (gap.is_short || gap.ends_as(line.text, at))
                {
                    break (number, gap);
                }
            };
            if gap.is_end {
                return Some(values);
            }
            values += 1;
            next = &gap.next;
            let begin = at + gap.len as usize;
            #[allow(unsafe_code)]
            // SAFETY: the processor has the features.
            let plain = unsafe { N::plain_by_lanes(line, begin) };
            let is_asked = gap.is_asked(is_full);
            if plain.is_none() {
                let value = N::value_at(line.text, begin)?;
                if is_asked && !value.is_void {
                    found.push(Found::new(number, &value));
                }
                at = value.end as usize;
                continue;
            }
            let text = plain.place();
            if is_asked {
                found.push(Found {
                    gap: number,
                    escaped: false,
                    text,
                });
            }
            at = (text.1 + text.0) as usize - begin;
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
    pub(super) fn learn(&mut self, line: &[u8], lesson: Lesson) {
        if !lesson.is_void {
            self.keep(line, &lesson);
        }
        self.lesson = lesson;
    }

    fn keep(&mut self, line: &[u8], lesson: &Lesson) -> Option<()> {
        if self.gaps.is_empty() {
            self.gaps.push(Gap::new(b"", State::TOP, None, false));
        }
        let (mut from, mut last, mut before) = (0, 0, State::TOP);
        for &(begin, end, meaning, after) in &lesson.steps {
            let text = line.get(from..begin as usize)?;
            let number = self.number(text, before, meaning, false)?;
            self.link(last, number)?;
            (from, last, before) = (end as usize, number, after);
        }
        let number = self.number(line.get(from..)?, before, None, true)?;
        self.link(last, number)
    }

    /// The number of a gap, which is given to it now if it is new.
    fn number(
        &mut self,
        text: &[u8],
        before: State,
        meaning: Option<Meaning>,
        is_end: bool,
    ) -> Option<u16> {
        let known = |gap: &Gap| (&*gap.text, gap.before, gap.is_end) == (text, before, is_end);
        let place = match self.gaps.iter().skip(1).position(known) {
            Some(place) => place + 1,
            None if self.gaps.len() >= MOST_GAPS => return None,
            None => {
                self.gaps.push(Gap::new(text, before, meaning, is_end));
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
    fn new(text: &[u8], before: State, meaning: Option<Meaning>, is_end: bool) -> Gap {
        let mut head = [0; HEAD];
        let len = text.len().min(HEAD);
        head[..len].copy_from_slice(&text[..len]);
        let is_counted = match meaning {
            Some(Meaning::Part { slot, .. }) => {
                slot.is_counted() || matches!(slot, Slot::Client | Slot::Agent)
            }
            _ => false,
        };
        Gap {
            head,
            beyond: u32::MAX.checked_shl(len as u32).unwrap_or(0),
            len: text.len() as u32,
            is_end,
            is_short: text.len() <= HEAD && !is_end,
            meaning,
            is_named: matches!(meaning, Some(Meaning::Part { .. })),
            is_counted,
            next: [0; MOST_NEXT],
            text: text.into(),
            before,
        }
    }

    /// Whether the value behind it is to be offered.
    #[inline]
    fn is_asked(&self, is_full: bool) -> bool {
        self.is_counted | is_full & self.is_named
    }

    /// Whether it stands at the begin of what is left of a line.
    #[inline]
    fn begins(&self, rest: &[u8]) -> bool {
        match self.is_end {
            true => rest == &*self.text,
            false => rest.starts_with(&self.text),
        }
    }

    /// Whether it stands on the line where its head does.
    #[cfg(target_arch = "x86_64")]
    fn ends_as(&self, line: &[u8], at: usize) -> bool {
        line.get(at..).is_some_and(|rest| self.begins(rest))
    }
}

#[cfg(target_arch = "x86_64")]
impl<'a> Padded<'a> {
    #[inline]
    fn new(text: &'a [u8]) -> Option<Padded<'a>> {
        let mut tail = [0; 2 * HEAD];
        tail[..HEAD].copy_from_slice(text.last_chunk::<HEAD>()?);
        Some(Padded { text, tail })
    }

    /// The value in quotes that begins here, unless it has escapes.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    pub(super) fn plain_quoted(&self, at: usize) -> Plain {
        let start = at + 1;
        let mut from = start;
        while let Some(chunk) = self.chunk(from) {
            let bytes = Half::load(chunk);
            let (quotes, escapes) = (bytes.equal(b'"'), bytes.equal(b'\\'));
            // The lowest bit that is set, and those below it.
            if quotes != 0 && escapes & (quotes ^ (quotes - 1)) == 0 {
                return Plain::new(start, from + quotes.trailing_zeros() as usize);
            }
            if quotes | escapes != 0 {
                return Plain::NONE;
            }
            from += HEAD;
        }
        Plain::NONE
    }

    #[cold]
    #[inline(never)]
    fn at_end(&self, at: usize) -> Option<&[u8; HEAD]> {
        let at = (at + HEAD).checked_sub(self.text.len())?;
        self.tail.get(at..)?.first_chunk()
    }

    /// The bytes from here on, with zeros behind the end of the line.
    #[inline]
    pub(super) fn chunk(&self, at: usize) -> Option<&[u8; HEAD]> {
        if let Some(rest) = self.text.get(at..)
            && let Some(chunk) = rest.first_chunk()
        {
            return Some(chunk);
        }
        self.at_end(at)
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
