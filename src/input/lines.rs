//! A block → its lines.

/// The lines of a block, without their newline and carriage return.
#[derive(Debug, Clone)]
pub struct Lines<'b>(&'b [u8]);

impl<'b> Lines<'b> {
    /// The lines of `block`; what follows the last newline is a line too.
    pub fn new(block: &'b [u8]) -> Lines<'b> {
        Lines(block)
    }
}

impl<'b> Iterator for Lines<'b> {
    type Item = &'b [u8];

    #[inline]
    fn next(&mut self) -> Option<&'b [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let (line, rest) = match memchr::memchr(b'\n', self.0) {
            Some(end) => (&self.0[..end], &self.0[end + 1..]),
            None => (self.0, &[][..]),
        };
        self.0 = rest;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_newlines_and_the_last_one_may_lack_it() {
        let all = |text: &'static [u8]| Lines::new(text).collect::<Vec<_>>();
        assert_eq!(all(b"a\n\nb\r\nc"), [&b"a"[..], b"", b"b", b"c"]);
        assert_eq!(all(b"a\n"), [b"a"]);
        assert_eq!(all(b""), [] as [&[u8]; 0]);
    }
}
