//! A short text that is put together for each line: no allocation, and cut at its capacity.

/// Bytes that fit.
const CAPACITY: usize = 512;
/// Runs up to this length are copied as one block of fixed size: for the few bytes of a path
/// segment a call of `memcpy` costs more than the copy.
const BLOCK: usize = 32;

/// At most 511 bytes of text; what is more is cut off.
#[derive(Clone)]
pub struct ShortText {
    bytes: [u8; CAPACITY],
    len: usize,
}

impl Default for ShortText {
    fn default() -> ShortText {
        ShortText { bytes: [0; CAPACITY], len: 0 }
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
    pub fn len(&self) -> usize {
        self.len
    }

    /// Forgets all but the first `len` bytes.
    #[inline]
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Appends `text`.
    #[inline]
    pub fn push(&mut self, text: &[u8]) {
        self.push_range(text, 0, text.len());
    }

    /// Appends `text[from..to]`. Faster than [`ShortText::push`] where `text` goes on for a while
    /// after `to`: the block copied may then reach beyond it.
    #[inline]
    pub fn push_range(&mut self, text: &[u8], from: usize, to: usize) {
        let len = to - from;
        if len <= BLOCK
            && let Some(block) = text.get(from..from + BLOCK)
            && let Some(room) = self.bytes.get_mut(self.len..self.len + BLOCK)
        {
            room.copy_from_slice(block);
            self.len += len;
            return;
        }
        self.push_slowly(&text[from..to]);
    }

    #[inline(never)]
    fn push_slowly(&mut self, text: &[u8]) {
        let len = text.len().min(CAPACITY - 1 - self.len);
        self.bytes[self.len..self.len + len].copy_from_slice(&text[..len]);
        self.len += len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_is_there_and_no_more_than_fits() {
        let mut text = ShortText::default();
        let source = b"/api/v1/orders/4711/items and what follows on the line is not copied";
        text.push_range(source, 0, 15);
        text.push(b"{id}");
        text.push_range(source, 19, 25);
        assert_eq!(text.as_bytes(), b"/api/v1/orders/{id}/items");
        text.truncate(4);
        assert_eq!(text.as_bytes(), b"/api");
        for _ in 0..100 {
            text.push_range(source, 0, 30);
            text.push(&[b'x'; 200]);
        }
        assert!(text.len() < CAPACITY && text.as_bytes().starts_with(b"/api/api/v1"));
    }
}
