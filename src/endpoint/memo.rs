//! Which number a path got when it was last seen: its template need not be made again.
//!
//! What is remembered is a path of up to 63 bytes before its query, without the digits of its whole
//! numbers and UUIDs: `/orders/4711?x=1` and `/orders/4712` are the same, and so are their templates
//! (a test holds this against the rules). Forgetting costs time and changes nothing, so each path
//! has one place only, which the last one takes that asks for it.

use super::template::path_of;
use crate::lanes::{Lanes, WIDTH, check_sum};

/// Places; half a megabyte of them fits a processor's second cache.
const PLACES: usize = 1 << 12;

/// A path without the digits of its numbers, with its method and service.
#[derive(Clone, Copy)]
pub struct Shape {
    path: Lanes,
    /// Where digits were.
    numbers: u64,
    /// The bytes of the method, the first one lowest.
    method: u64,
    /// service << 8 | length of the path.
    rest: u32,
    /// Its place in a memo.
    place: usize,
}

/// The paths seen last.
#[derive(Default)]
pub struct Memo {
    /// None until the first is remembered.
    places: Vec<Place>,
}

#[derive(Clone)]
#[repr(C, align(32))]
struct Place {
    path: [u8; WIDTH],
    numbers: u64,
    method: u64,
    rest: u32,
    value: u32,
}

const FREE: Place = Place {
    path: [0; WIDTH],
    numbers: 0,
    method: 0,
    rest: u32::MAX,
    value: 0,
};

impl Shape {
    /// The shape of a target of `len` bytes at the begin of `bytes`, if it begins with a slash and has
    /// no more than 63 bytes before its query and no parameters (`;`). Each pass has its own, so that
    /// it is part of its loop: a call costs as much as a third of it.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    pub fn of<const PASS: u8>(
        bytes: &[u8; WIDTH],
        len: usize,
        method: u64,
        service: u16,
    ) -> Option<Shape> {
        let lanes = Lanes::load(bytes);
        let stop = lanes.any_of(*b"?#;");
        let len = (stop.trailing_zeros() as usize).min(len);
        if len >= WIDTH || bytes[0] != b'/' || bytes[len] == b';' {
            return None;
        }
        let inside = (1u64 << len) - 1;
        let slash = lanes.equal(b'/') & inside;
        let digit = lanes.within(b'0', 10) & inside;
        let first = digit & slash << 1;
        // Adding the first digit of a run carries through all of it to the byte behind.
        let behind = digit.wrapping_add(first) & !digit;
        let ends = slash | 1 << len;
        let not_whole = behind & !ends;
        let mut numbers = if not_whole == 0 {
            // The ends less the begins: of each pair the bits between them.
            behind.wrapping_sub(first)
        } else {
            whole_numbers(digit, first, ends)
        };
        if len > UUID_LEN {
            let dash = lanes.equal(b'-');
            let uuids = slash << 1 & dash >> 8 & dash >> 13 & dash >> 18 & dash >> 23;
            if uuids & ends >> UUID_LEN != 0 {
                let letter = lanes.within(b'a', 6) | lanes.within(b'A', 6);
                numbers |= hexadecimals(uuids & ends >> UUID_LEN, digit | letter);
            }
        }
        let path = lanes.only(inside & !numbers);
        let rest = u32::from(service) << 8 | len as u32;
        Some(Shape {
            path,
            numbers,
            method,
            rest,
            place: place(path, numbers, method, rest),
        })
    }
}

/// The shape of a request whose parts may stand anywhere, and not be followed by anything. An absolute URL
/// has the shape of its path, as it has its template.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
#[inline]
pub fn shape_of(method: &[u8], target: &[u8], service: u16) -> Option<Shape> {
    let path = path_of(target);
    if method.len() > 8 {
        return None;
    }
    let mut name = 0;
    for &byte in method.iter().rev() {
        name = name << 8 | u64::from(byte);
    }
    if let Some(bytes) = path.first_chunk() {
        return Shape::of::<0>(bytes, path.len(), name, service);
    }
    Shape::of::<0>(&padded(path), path.len(), name, service)
}

/// A short text, and zeros. In two halves of a fixed size, which may overlap: a call to memcpy costs more.
#[inline]
fn padded(text: &[u8]) -> [u8; WIDTH] {
    let mut bytes = [0; WIDTH];
    if let (Some(first), Some(last)) = (text.first_chunk::<32>(), text.last_chunk::<32>()) {
        bytes[..32].copy_from_slice(first);
        bytes[text.len() - 32..][..32].copy_from_slice(last);
    } else if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        // What is between them is copied before its second half.
        bytes[..8].copy_from_slice(first);
        if let Some(next) = text.get(8..16) {
            bytes[8..16].copy_from_slice(next);
        }
        if let Some(next) = text.get(16..24) {
            bytes[16..24].copy_from_slice(next);
        }
        bytes[text.len() - 8..][..8].copy_from_slice(last);
    } else {
        bytes[..text.len()].copy_from_slice(text);
    }
    bytes
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
#[inline]
fn place(path: Lanes, numbers: u64, method: u64, rest: u32) -> usize {
    let mut bytes = [0; WIDTH];
    path.store(&mut bytes);
    let (words, _) = bytes.as_chunks();
    let mut all = [0; 8];
    for (to, word) in all.iter_mut().zip(words) {
        *to = u64::from_le_bytes(*word);
    }
    check_sum(&all, [numbers, method, rest.into()]) as usize % PLACES
}

/// The same where some segments begin with digits and go on with something else.
#[cold]
fn whole_numbers(digit: u64, first: u64, ends: u64) -> u64 {
    let mut numbers = 0;
    let mut left = first;
    while left != 0 {
        let begin = left & left.wrapping_neg();
        let behind = digit.wrapping_add(begin) & !digit & !(begin - 1);
        let behind = behind & behind.wrapping_neg();
        if behind & ends != 0 {
            numbers |= behind - begin;
        }
        left &= left - 1;
    }
    numbers
}

/// The hexadecimal digits of a UUID that begins at one of these places. Its dashes stay, so it is no number.
fn hexadecimals(begins: u64, hexadecimal: u64) -> u64 {
    // A path of 63 bytes has room for one.
    let all = UUID << begins.trailing_zeros();
    if all & !hexadecimal == 0 { all } else { 0 }
}

const UUID_LEN: usize = 36;

/// Where a UUID has its digits: 8, 4, 4, 4 and 12 of them.
const UUID: u64 = {
    let dashes = 1 << 8 | 1 << 13 | 1 << 18 | 1 << 23;
    ((1 << UUID_LEN) - 1) & !dashes
};

impl Memo {
    /// What was remembered for this shape, if it is still known.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    pub fn get(&self, shape: &Shape) -> Option<u32> {
        let place = self.places.get(shape.place)?;
        let differs = place.numbers ^ shape.numbers
            | place.method ^ shape.method
            | u64::from(place.rest ^ shape.rest);
        match differs == 0 && Lanes::load(&place.path).are(shape.path) {
            true => Some(place.value),
            false => None,
        }
    }

    /// Remembers this value.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    pub fn put(&mut self, shape: &Shape, value: u32) {
        if self.places.is_empty() {
            self.places = vec![FREE; PLACES];
        }
        let place = &mut self.places[shape.place];
        shape.path.store(&mut place.path);
        place.numbers = shape.numbers;
        place.method = shape.method;
        place.rest = shape.rest;
        place.value = value;
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.places.fill(FREE);
    }
}

impl std::fmt::Debug for Memo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Memo({} places)", self.places.len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::endpoint::{ShortText, append_template};

    fn template(path: &[u8]) -> Vec<u8> {
        let mut out = ShortText::default();
        append_template(path, &mut out);
        out.as_bytes().to_vec()
    }

    /// What a shape is told from others by: its path, its numbers and the rest.
    type Told = ([u8; WIDTH], u64, u32);

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    fn shape(target: &[u8]) -> Option<(Shape, Told)> {
        // As on a line: something follows.
        let mut bytes = [b'7'; WIDTH];
        let all = [target, b" HTTP/1.1"].concat();
        let len = all.len().min(WIDTH);
        bytes[..len].copy_from_slice(&all[..len]);
        let shape = Shape::of::<0>(&bytes, target.len(), 0, 0)?;
        let mut path = [0; WIDTH];
        shape.path.store(&mut path);
        Some((shape, (path, shape.numbers, shape.rest)))
    }

    fn shape_of_line(target: &[u8]) -> Option<(Shape, Told)> {
        if !crate::lanes::are_here() {
            return None;
        }
        #[allow(unsafe_code)]
        // SAFETY: the processor has the features.
        unsafe {
            shape(target)
        }
    }

    /// The same target with other digits where its shape has none.
    fn other_digits(target: &[u8], numbers: u64, by: u8) -> Vec<u8> {
        let turned = target.iter().enumerate().map(|(i, &b)| {
            let is_number = i < WIDTH && numbers >> i & 1 == 1;
            match b {
                b'0'..=b'9' if is_number => b'0' + (b - b'0' + by) % 10,
                b'a'..=b'f' if is_number => b'a' + (b - b'a' + by) % 6,
                _ => b,
            }
        });
        turned.collect()
    }

    fn segment() -> impl Strategy<Value = String> {
        prop_oneof![
            "[0-9]{1,12}",
            "[a-z]{0,12}",
            "v[0-9]",
            "[0-9][a-z0-9]{0,9}",
            "[a-z0-9._~:@,=|-]{0,10}",
            "[0-9a-fA-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "[0-9a-g-]{36}",
            "20[0-9]{2}-[01][0-9]-[0-3][0-9]",
            "[0-9]{36}",
            Just("\0\0".to_owned()),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        /// Whatever digits stand in a shape's numbers, the rules give the same template.
        #[test]
        fn paths_of_one_shape_have_one_template(
            segments in proptest::collection::vec(segment(), 1..6),
            query in prop_oneof![Just(""), Just("?a=1/2"), Just("#x"), Just(";v=1"), Just("/")],
            by in 1..9u8,
        ) {
            let target = format!("/{}{query}", segments.join("/")).into_bytes();
            if let Some((_, told)) = shape_of_line(&target) {
                let other = other_digits(&target, told.1, by);
                let (_, other_told) = shape_of_line(&other).unwrap();
                prop_assert_eq!(told, other_told);
                prop_assert_eq!(template(&target), template(&other));
            }
        }

        /// A shape is found again, and no other in its stead.
        #[test]
        fn what_is_remembered_is_what_was_put(
            paths in proptest::collection::vec("/[a-c]{0,2}(/[0-9]{1,3})?", 1..60)
        ) {
            let mut memo = Memo::default();
            let mut all = HashMap::new();
            for (value, path) in paths.iter().enumerate() {
                let Some((shape, told)) = shape_of_line(path.as_bytes()) else { continue };
                #[allow(unsafe_code)]
                // SAFETY: there is a shape only where the processor has the features.
                let found = unsafe {
                    let found = memo.get(&shape);
                    memo.put(&shape, value as u32);
                    found
                };
                let before = all.insert(told, value as u32);
                prop_assert!(found.is_none() || found == before);
            }
        }
    }

    #[test]
    fn a_short_text_is_copied_whole() {
        let text: Vec<u8> = (1..=64).collect();
        for len in 0..=64 {
            let padded = padded(&text[..len]);
            assert_eq!(padded[..len], text[..len]);
            assert!(padded[len..].iter().all(|&b| b == 0));
        }
    }

    /// Wherever its parts stand, a request has the same shape; that of an absolute URL is its path's.
    #[test]
    fn a_shape_does_not_depend_on_where_the_request_stands() {
        if !crate::lanes::are_here() {
            return;
        }
        let told = |target: &[u8]| {
            #[allow(unsafe_code)]
            // SAFETY: the processor has the features.
            let shape = unsafe { shape_of(b"GET", target, 7) }.unwrap();
            let mut path = [0; WIDTH];
            #[allow(unsafe_code)]
            // SAFETY: as above.
            unsafe {
                shape.path.store(&mut path);
            }
            (path, shape.numbers, shape.method, shape.rest & 0xff)
        };
        for path in [
            "/",
            "/a/12",
            "/api/v1/orders/4711/items",
            "/api/v1/orders/by-key/0b64a91c-69b2-9c37-e9b2-4237a38ed256?x=1",
            "/a?x=2",
        ] {
            let (_, (told_path, numbers, rest)) = shape_of_line(path.as_bytes()).unwrap();
            let method = u64::from_le_bytes(*b"GET\0\0\0\0\0");
            let expected = (told_path, numbers, method, rest & 0xff);
            assert_eq!(told(path.as_bytes()), expected, "{path}");
            assert_eq!(
                told(format!("https://shop.example:443{path}").as_bytes()),
                expected
            );
        }
    }

    #[test]
    fn numbers_and_uuids_are_left_out_and_nothing_else() {
        let Some((_, (path, ..))) =
            shape_of_line(b"/v1/12/3a/0b64a91c-69b2-9c37-e9b2-4237a38ed256/7?x=9")
        else {
            return;
        };
        assert_eq!(
            &path[..50],
            b"/v1/\0\0/3a/\0\0\0\0\0\0\0\0-\0\0\0\0-\0\0\0\0-\0\0\0\0-\0\0\0\0\0\0\0\0\0\0\0\0/\0\0\0"
        );
        let long = [b"/".as_slice(), &[b'a'; 63]].concat();
        for none in [&b"orders/1"[..], b"/a;v=1", &long, b"*"] {
            assert!(shape_of_line(none).is_none());
        }
    }
}
