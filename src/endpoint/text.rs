//! A short text that is put together for each line: no allocation, and cut at its capacity.

/// Bytes that fit.
const CAPACITY: usize = 512;

/// At most 511 bytes of text; what is more is cut off.
#[derive(Clone)]
pub struct ShortText {
    bytes: [u8; CAPACITY],
    len: usize,
}

impl Default for ShortText {
    fn default() -> ShortText {
        ShortText {
            bytes: [0; CAPACITY],
            len: 0,
        }
    }
}

impl std::fmt::Debug for ShortText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ShortText({})", String::from_utf8_lossy(self.as_bytes()))
    }
}

impl ShortText {
    /// The text.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Its length in bytes.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Forgets all but the first `len` bytes.
    #[inline]
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Appends `text`.
    #[inline(always)]
    pub fn push(&mut self, text: &[u8]) {
        let text = text.get(..CAPACITY - 1 - self.len).unwrap_or(text);
        copy_short(&mut self.bytes[self.len..self.len + text.len()], text);
        self.len += text.len();
    }
}

/// Copies `from` to `to`, which has the same length: up to 32 bytes as two blocks of fixed size that
/// may overlap. For the few bytes of a path segment a call of `memcpy` costs more than the copy.
#[inline(always)]
fn copy_short(to: &mut [u8], from: &[u8]) {
    match from.len() {
        17..=32 => copy_ends::<16>(to, from),
        8..=16 => copy_ends::<8>(to, from),
        4..=7 => copy_ends::<4>(to, from),
        0..=3 => to.iter_mut().zip(from).for_each(|(to, from)| *to = *from),
        _ => to.copy_from_slice(from),
    }
}

/// Copies the first and the last N bytes.
#[inline]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<N>(), from.first_chunk::<N>()) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<N>(), from.last_chunk::<N>()) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_is_there_and_no_more_than_fits() {
        let mut text = ShortText::default();
        let source: Vec<u8> = (0..200u8).collect();
        let mut expected = Vec::new();
        for len in (0..40).chain([200]) {
            text.push(&source[..len]);
            expected.extend_from_slice(&source[..len]);
            expected.truncate(CAPACITY - 1);
            assert_eq!(text.as_bytes(), expected);
        }
        text.truncate(4);
        assert_eq!((text.as_bytes(), text.len()), (&expected[..4], 4));
    }
}
