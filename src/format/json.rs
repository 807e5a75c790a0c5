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

/// Nesting beyond this is not a log line (and would be a deep stack).
const DEEPEST: usize = 96;

/// Takes the parts of a request that an object's keys give.
pub(super) fn parse<'a>(
    keys: &Keys,
    line: &'a [u8],
    fields: &mut Fields<'a>,
    scratch: &mut Vec<u8>,
    memo: &mut Memo,
) -> Result<(), Reject> {
    memo.serve(keys);
    if line.first() != Some(&b'{') {
        return Err(Reject::Unrecognized);
    }
    let mut walk = Walk {
        text: line,
        at: 1,
        keys,
        path: Path::default(),
        fields,
        scratch,
        memo,
    };
    walk.object(0)?;
    walk.space();
    if walk.at == line.len() {
        Ok(())
    } else {
        Err(Reject::Unrecognized)
    }
}

struct Walk<'a, 'k> {
    text: &'a [u8],
    at: usize,
    keys: &'k Keys,
    path: Path,
    fields: &'k mut Fields<'a>,
    scratch: &'k mut Vec<u8>,
    memo: &'k mut Memo,
}

/// Where a string stands between its quotes, and whether it has escapes. Small enough to be returned
/// in registers: as a slice it goes through memory, which takes a tenth of the time.
#[derive(Clone, Copy)]
struct Text {
    start: u32,
    end: u32,
    escaped: bool,
}

impl<'a> Walk<'a, '_> {
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
        self.members(|walk, key| {
            walk.space();
            match (walk.slice(key), walk.peek()) {
                (b"key", Some(b'"')) => {
                    walk.at += 1;
                    let name = walk.string()?;
                    named = walk.keys.find_name(walk.slice(name));
                    Ok(())
                }
                (b"value", Some(b'{')) => {
                    let meaning = named.take().filter(|named| *named != Meaning::Wrapper);
                    walk.members(|walk, key| walk.value(key, meaning, depth))
                }
                _ => walk.value(key, None, depth),
            }
        })
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
            Some(b'"') => {
                self.at += 1;
                let text = self.string()?;
                self.offer(meaning, self.slice(text), text.escaped);
            }
            Some(b'-' | b'0'..=b'9') => {
                let number = self.number()?;
                self.offer(meaning, number, false);
            }
            Some(b'{' | b'[') if depth >= DEEPEST => return Err(Reject::Unrecognized),
            Some(b'{') => {
                self.at += 1;
                let here = self.path.mark();
                self.enter(key);
                if meaning == Some(Meaning::Wrapper) {
                    self.path.rebase();
                }
                self.object(depth + 1)?;
                self.path.back_to(here);
            }
            Some(b'[') => {
                self.at += 1;
                let here = self.path.mark();
                self.array(key, meaning, depth + 1)?;
                self.path.back_to(here);
            }
            Some(b't') => self.literal(b"true")?,
            Some(b'f') => self.literal(b"false")?,
            Some(b'n') => {
                self.literal(b"null")?;
                self.offer(meaning, b"", false);
            }
            _ => return self.broken(),
        }
        Ok(())
    }

    #[inline]
    fn offer(&mut self, meaning: Option<Meaning>, text: &'a [u8], escaped: bool) {
        if let Some(Meaning::Part { slot, rank, unit }) = meaning {
            self.fields.offer(slot, rank, unit, text, escaped);
        }
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), Reject> {
        for &b in word {
            if self.peek() != Some(b) {
                return self.broken();
            }
            self.at += 1;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Reject> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start {
            self.broken()
        } else {
            Ok(())
        }
    }

    /// RFC 8259, section 6.
    fn number(&mut self) -> Result<&'a [u8], Reject> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    /// After the opening quote; steps behind the closing one.
    #[inline]
    fn string(&mut self) -> Result<Text, Reject> {
        let start = self.at;
        let mut escaped = false;
        loop {
            let Some(end) = self
                .text
                .get(self.at..)
                .and_then(|rest| find_near2(rest, b'"', b'\\'))
            else {
                self.at = self.text.len();
                return Err(Reject::Truncated);
            };
            let end = self.at + end;
            if self.text[end] == b'"' {
                self.at = end + 1;
                // Lines are shorter than 1 MiB.
                return Ok(Text {
                    start: start as u32,
                    end: end as u32,
                    escaped,
                });
            }
            escaped = true;
            self.at = (end + 2).min(self.text.len());
        }
    }
}
