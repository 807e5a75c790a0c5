//! JSON lines: one object a line, walked key by key over its bytes; no tree is built.
//!
//! OpenTelemetry's lists of attributes (`[{"key": "http.route", "value": {"stringValue": "/"}}]`) are
//! read as the object that they stand for.
//!
//! Nested keys are one name with their parents (`{"http": {"status": 500}}` is `http.status`), of an
//! array the first element counts, and what follows a key that isn't asked for is stepped over. The
//! grammar is checked on the way, but not the inside of strings: bytes that aren't UTF-8, control
//! characters and unknown escapes pass, because real logs have them.

use crate::record::Reject;

use super::fields::Fields;
use super::keys::{Keys, Meaning, Memo, Path};
use super::text::{find_near2, unescape};
#[cfg(target_arch = "x86_64")]
use super::track::HEAD;
use super::track::{Lesson, Notation, State, Tracks, Value};
#[cfg(target_arch = "x86_64")]
use crate::lanes::Half;

/// What is open besides objects and lists: an attribute whose name is not known yet, or is no more, and one
/// with a name.
const UNNAMED: u8 = b'?';
const NAMED: u8 = b'=';

/// Nesting beyond this is not a log line (and would be a deep stack).
const DEEPEST: usize = 96;

/// Takes the parts of a request that an object's keys give. Where lines before this one were built the
/// same, it is known where they stand.
pub(super) fn parse<'a>(
    keys: &Keys,
    line: &'a [u8],
    fields: &mut Fields<'a>,
    scratch: &mut Vec<u8>,
    memo: &mut Memo,
    tracks: &mut Tracks,
) -> Result<(), Reject> {
    if tracks.follow::<Json>(keys, line, fields) {
        return Ok(());
    }
    let lesson = tracks.lesson();
    let mut walk = Walk {
        tracks: Some(tracks),
        lesson,
        ..Walk::new(keys, line, fields, scratch, memo)
    };
    walk.line()?;
    if let Some(lesson) = walk.lesson {
        tracks.learn::<Json>(line, lesson);
    }
    Ok(())
}

/// The same without a memory of other lines.
pub(super) fn walk<'a>(
    keys: &Keys,
    line: &'a [u8],
    fields: &mut Fields<'a>,
    scratch: &mut Vec<u8>,
    memo: &mut Memo,
) -> Result<(), Reject> {
    Walk::new(keys, line, fields, scratch, memo).line()
}

struct Walk<'a, 'k> {
    text: &'a [u8],
    at: usize,
    keys: &'k Keys,
    path: Path,
    fields: &'k mut Fields<'a>,
    scratch: &'k mut Vec<u8>,
    memo: &'k mut Memo,
    tracks: Option<&'k mut Tracks>,
    /// What is noted for the lines to come.
    lesson: Option<Lesson>,
    state: State,
}

/// Where a string stands between its quotes, and whether it has escapes. Small enough to be returned
/// in registers: as a slice it goes through memory, which takes a tenth of the time.
#[derive(Clone, Copy, Default)]
struct Text {
    start: u32,
    end: u32,
    escaped: bool,
}

impl<'a, 'k> Walk<'a, 'k> {
    fn new(
        keys: &'k Keys,
        line: &'a [u8],
        fields: &'k mut Fields<'a>,
        scratch: &'k mut Vec<u8>,
        memo: &'k mut Memo,
    ) -> Walk<'a, 'k> {
        memo.serve(keys);
        Walk {
            text: line,
            at: 0,
            keys,
            path: Path::default(),
            fields,
            scratch,
            memo,
            tracks: None,
            lesson: None,
            state: State::TOP,
        }
    }

    fn line(&mut self) -> Result<(), Reject> {
        if self.text.first() != Some(&b'{') {
            return Err(Reject::Unrecognized);
        }
        self.at = 1;
        self.object(0)?;
        self.space();
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(Reject::Unrecognized)
        }
    }

    /// Notes that what begins here has a name in what is open; that is given back.
    fn open(&mut self, kind: u8, name: Text) -> State {
        let (outer, name) = (self.state, self.slice(name));
        if let (Some(lesson), Some(tracks)) = (&mut self.lesson, &mut self.tracks) {
            match tracks.open(outer, kind, name) {
                Some(state) => self.state = state,
                None => lesson.spoil(),
            }
        }
        outer
    }

    #[inline]
    fn slice(&self, text: Text) -> &'a [u8] {
        self.text
            .get(text.start as usize..text.end as usize)
            .unwrap_or_default()
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// What stands here is not JSON, unless the line ends here.
    #[cold]
    fn broken<T>(&self) -> Result<T, Reject> {
        Err(if self.at >= self.text.len() {
            Reject::Truncated
        } else {
            Reject::Unrecognized
        })
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), Reject> {
        self.space();
        if self.peek() != Some(byte) {
            return self.broken();
        }
        self.at += 1;
        Ok(())
    }

    /// After `{`.
    fn object(&mut self, depth: usize) -> Result<(), Reject> {
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.expect(b'"')?;
            let key = self.string()?;
            self.expect(b':')?;
            let meaning = self.meaning(key);
            self.value(key, meaning, depth)?;
            if !self.another(b'}')? {
                return Ok(());
            }
        }
    }

    /// After `[`. Only its first element can be a value, and no object in it is read.
    fn array(&mut self, key: Text, meaning: Option<Meaning>, depth: usize) -> Result<(), Reject> {
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        self.path.fill();
        let is_attributes = meaning == Some(Meaning::Wrapper);
        let mut meaning = meaning.filter(|meaning| *meaning != Meaning::Wrapper);
        loop {
            self.space();
            if self.peek() == Some(b'[') {
                meaning = None;
            }
            if is_attributes && self.peek() == Some(b'{') {
                self.attribute(depth)?;
            } else {
                self.value(key, meaning.take(), depth)?;
            }
            if !self.another(b']')? {
                return Ok(());
            }
        }
    }

    /// One of a list of attributes: its value is an object of one member, named by its type.
    fn attribute(&mut self, depth: usize) -> Result<(), Reject> {
        let mut named = None;
        let outer = self.open(UNNAMED, Text::default());
        let unnamed = self.state;
        self.members(|walk, key| {
            walk.space();
            match (walk.slice(key), walk.peek()) {
                (b"key", Some(b'"')) => {
                    walk.at += 1;
                    let name = walk.string()?;
                    named = walk.keys.find_name(walk.slice(name));
                    walk.state = unnamed;
                    walk.open(NAMED, name);
                    Ok(())
                }
                (b"value", Some(b'{')) => {
                    let meaning = named.take().filter(|named| *named != Meaning::Wrapper);
                    walk.open(b'{', key);
                    walk.members(|walk, key| walk.value(key, meaning, depth))?;
                    walk.state = unnamed;
                    Ok(())
                }
                (name, _) => {
                    // On another line it may be a name.
                    if let (b"key", Some(lesson)) = (name, &mut walk.lesson) {
                        lesson.spoil();
                    }
                    walk.value(key, None, depth)
                }
            }
        })?;
        self.state = outer;
        Ok(())
    }

    /// Each member of the object that begins here.
    fn members(
        &mut self,
        mut each: impl FnMut(&mut Self, Text) -> Result<(), Reject>,
    ) -> Result<(), Reject> {
        self.expect(b'{')?;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.expect(b'"')?;
            let key = self.string()?;
            self.expect(b':')?;
            each(self, key)?;
            if !self.another(b'}')? {
                return Ok(());
            }
        }
    }

    /// Whether a comma follows, and not the end.
    #[inline]
    fn another(&mut self, end: u8) -> Result<bool, Reject> {
        self.space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(b) if b == end => {
                self.at += 1;
                Ok(false)
            }
            _ => self.broken(),
        }
    }

    /// What a key means here.
    #[inline]
    fn meaning(&mut self, key: Text) -> Option<Meaning> {
        let len = key.end - key.start;
        let from_key = self.text.get(key.start as usize..).unwrap_or_default();
        if let Some(bytes) = from_key.first_chunk::<16>()
            && (1..=16).contains(&len)
            && !key.escaped
            && self.path.is_empty()
        {
            let name = u128::from_le_bytes(*bytes) & (u128::MAX >> (128 - 8 * len));
            let (keys, key) = (self.keys, self.slice(key));
            return self.memo.find(name, || keys.find_name(key));
        }
        let here = self.path.mark();
        self.enter(key);
        // A name that is listed with its wrapper (`event.duration`) says more than one without.
        let whole = match self.path.is_wrapped() {
            true => self.keys.find(self.path.with_wrapper()),
            false => None,
        };
        let meaning = whole.or_else(|| self.keys.find(self.path.folded()));
        self.path.back_to(here);
        meaning
    }

    /// Goes down to a key.
    fn enter(&mut self, key: Text) {
        if key.escaped {
            self.scratch.clear();
            unescape(self.slice(key), self.scratch);
            self.path.push(self.scratch);
        } else {
            self.path.push(self.slice(key));
        }
    }

    #[inline]
    fn value(&mut self, key: Text, meaning: Option<Meaning>, depth: usize) -> Result<(), Reject> {
        self.space();
        match self.peek() {
            Some(b'{' | b'[') if depth >= DEEPEST => Err(Reject::Unrecognized),
            Some(b'{') => {
                self.at += 1;
                let here = self.path.mark();
                self.enter(key);
                if meaning == Some(Meaning::Wrapper) {
                    self.path.rebase();
                }
                let outer = self.open(b'{', key);
                self.object(depth + 1)?;
                self.state = outer;
                self.path.back_to(here);
                Ok(())
            }
            Some(b'[') => {
                self.at += 1;
                let here = self.path.mark();
                let outer = self.open(b'[', key);
                self.array(key, meaning, depth + 1)?;
                self.state = outer;
                self.path.back_to(here);
                Ok(())
            }
            _ => self.scalar(meaning),
        }
    }

    /// A text, a number or a word.
    #[inline]
    fn scalar(&mut self, meaning: Option<Meaning>) -> Result<(), Reject> {
        let begin = self.at;
        let scalar = match scalar(self.text, begin) {
            Ok(scalar) => scalar,
            Err(at) => {
                self.at = at;
                return self.broken();
            }
        };
        if let Some(lesson) = &mut self.lesson {
            lesson.value(begin, scalar.end as usize, meaning, self.state);
        }
        if !scalar.is_void {
            let (start, end) = scalar.text;
            let text = self.text.get(start as usize..end as usize);
            self.offer(meaning, text.unwrap_or_default(), scalar.escaped);
        }
        self.at = scalar.end as usize;
        Ok(())
    }

    #[inline]
    fn offer(&mut self, meaning: Option<Meaning>, text: &'a [u8], escaped: bool) {
        if let Some(Meaning::Part { slot, rank, unit }) = meaning {
            self.fields.offer(slot, rank, unit, text, escaped);
        }
    }

    /// After the opening quote; steps behind the closing one.
    #[inline]
    fn string(&mut self) -> Result<Text, Reject> {
        match string(self.text, self.at) {
            Some((text, end)) => {
                self.at = end;
                Ok(text)
            }
            None => {
                self.at = self.text.len();
                Err(Reject::Truncated)
            }
        }
    }
}

/// The text, number or word that begins here, or where it turns out to be none.
#[inline]
fn scalar(text: &[u8], at: usize) -> Result<Value, usize> {
    match text.get(at) {
        Some(b'"') => match string(text, at + 1) {
            Some((
                Text {
                    start,
                    end,
                    escaped,
                },
                behind,
            )) => Ok(Value {
                text: (start, end),
                escaped,
                is_void: false,
                end: behind as u32,
            }),
            None => Err(text.len()),
        },
        Some(b'-' | b'0'..=b'9') => number(text, at).map(|end| Value::new(at, end)),
        Some(b't') => word(text, at, b"true"),
        Some(b'f') => word(text, at, b"false"),
        // What is null is an empty text.
        Some(b'n') => word(text, at, b"null").map(|null| Value {
            is_void: false,
            ..null
        }),
        _ => Err(at),
    }
}

/// Its notation.
pub(super) struct Json;

impl Notation for Json {
    const MARK: u8 = b'{';
    const FEWEST: usize = 0;

    const HAS_QUOTES: bool = true;

    #[inline]
    fn value_at(line: &[u8], at: usize) -> Option<Value> {
        scalar(line, at).ok()
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    #[allow(unsafe_code)]
    unsafe fn bare_by_lanes(begin: usize, here: Half) -> usize {
        let digits = here.within(b'0', 10);
        let points = here.equal(b'.');
        let len = (digits | points).trailing_ones();
        let inside = points & !u32::MAX.checked_shl(len).unwrap_or(0);
        let whole = digits.trailing_ones();
        // One point at most, with digits around it; `012` and `012.5` are no numbers. An exponent is nothing that a
        // gap begins with.
        let is_odd = whole == 0
            || whole > 1 && here.first() == b'0'
            || inside & inside.wrapping_sub(1) != 0
            || len == whole + 1
            || len as usize >= HEAD;
        match is_odd {
            true => 0,
            false => begin + len as usize,
        }
    }
}

/// The text after its opening quote, and where it is over.
#[inline]
fn string(text: &[u8], start: usize) -> Option<(Text, usize)> {
    let (mut at, mut escaped) = (start, false);
    loop {
        let end = at + find_near2(text.get(at..)?, b'"', b'\\')?;
        if text[end] == b'"' {
            // Lines are shorter than 1 MiB.
            let (start, close) = (start as u32, end as u32);
            return Some((
                Text {
                    start,
                    end: close,
                    escaped,
                },
                end + 1,
            ));
        }
        escaped = true;
        at = (end + 2).min(text.len());
    }
}

fn word(text: &[u8], at: usize, word: &[u8]) -> Result<Value, usize> {
    let rest = text.get(at..).unwrap_or_default();
    let same = rest.iter().zip(word).take_while(|(a, b)| a == b).count();
    if same < word.len() {
        return Err(at + same);
    }
    Ok(Value {
        is_void: true,
        ..Value::new(at, at).closed(at + same)
    })
}

/// Where a number ends. RFC 8259, section 6.
#[inline]
fn number(text: &[u8], at: usize) -> Result<usize, usize> {
    let mut at = at;
    if text.get(at) == Some(&b'-') {
        at += 1;
    }
    if text.get(at) == Some(&b'0') {
        at += 1;
    } else {
        at = digits(text, at)?;
    }
    if text.get(at) == Some(&b'.') {
        at = digits(text, at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = text.get(at) {
            at += 1;
        }
        at = digits(text, at)?;
    }
    Ok(at)
}

#[inline]
fn digits(text: &[u8], start: usize) -> Result<usize, usize> {
    let mut at = start;
    while let Some(b'0'..=b'9') = text.get(at) {
        at += 1;
    }
    match at > start {
        true => Ok(at),
        false => Err(at),
    }
}
