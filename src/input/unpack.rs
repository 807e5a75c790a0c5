//! Packed bytes → text, for all codecs alike.
//!
//! Each codec's library is driven at its lowest level, one step at a time, because only there it
//! says how much text it made before it failed: where an archive breaks, everything before the
//! break is handed out, then the error. Members follow each other without end (rotation appends
//! them), and zero bytes behind a member are padding (xz pads so, tapes and `dd` do).

use std::io::{self, BufRead, Read};

use liblzma::stream::{Action, Stream};
use zstd::stream::raw::Operation;

use super::logfile::Codec;

/// Memory that one xz file may ask for: `xz -9` needs 65 MiB to unpack, its format allows 4 GiB.
const XZ_MEMORY: u64 = 256 << 20;

/// Bytes that tell how long a zstd frame's header is (RFC 8878, 3.1.1: magic and descriptor).
const ZSTD_BEGIN: usize = 5;

/// Text out of packed bytes.
pub struct Unpack<R> {
    codec: Codec,
    packed: R,
    /// The member being unpacked; `None` between members.
    member: Option<Member>,
    /// Members that were begun.
    members: u64,
    /// What comes after the text that was handed out.
    pending: Option<io::Error>,
}

impl<R: BufRead> Unpack<R> {
    /// The text of `packed`.
    pub fn new(codec: Codec, packed: R) -> Unpack<R> {
        Unpack {
            codec,
            packed,
            member: None,
            members: 0,
            pending: None,
        }
    }

    /// Whether another member begins; it is made ready.
    fn begin_member(&mut self) -> io::Result<bool> {
        if self.members > 0 {
            self.skip_padding()?;
        }
        if self.packed.fill_buf()?.is_empty() {
            return Ok(false);
        }
        self.member = Some(Member::new(self.codec)?);
        self.members += 1;
        Ok(true)
    }

    fn skip_padding(&mut self) -> io::Result<()> {
        loop {
            let packed = self.packed.fill_buf()?;
            let zeros = packed.iter().take_while(|&&b| b == 0).count();
            let all = zeros == packed.len();
            self.packed.consume(zeros);
            if !all || zeros == 0 {
                return Ok(());
            }
        }
    }

    /// What to say where a member can't be unpacked further.
    fn broken(&self, kind: io::ErrorKind, how: &str) -> io::Error {
        let made_text = self.member.as_ref().is_some_and(|m| m.made_text);
        let how = if self.members > 1 && !made_text {
            "ends here, and something else follows"
        } else {
            how
        };
        io::Error::new(kind, format!("{} {how}", self.codec.name()))
    }
}

impl<R: BufRead> Read for Unpack<R> {
    fn read(&mut self, text: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.pending.take() {
            return Err(error);
        }
        while !text.is_empty() {
            if self.member.is_none() && !self.begin_member()? {
                return Ok(0);
            }
            let packed = self.packed.fill_buf()?;
            let at_end = packed.is_empty();
            let Some(member) = &mut self.member else {
                return Ok(0);
            };
            let step = member.step(packed, text);
            member.made_text |= step.made > 0;
            self.packed.consume(step.used);
            let error = match step.outcome {
                Ok(Outcome::Ended) => {
                    self.member = None;
                    None
                }
                Ok(Outcome::More) if step.used + step.made > 0 => None,
                Ok(Outcome::More) if at_end => {
                    Some(self.broken(io::ErrorKind::UnexpectedEof, "is cut off here"))
                }
                Ok(Outcome::More) => {
                    Some(self.broken(io::ErrorKind::InvalidData, "is corrupt here"))
                }
                Err(why) => Some(self.broken(
                    io::ErrorKind::InvalidData,
                    &format!("is corrupt here ({why})"),
                )),
            };
            match error {
                Some(error) if step.made == 0 => return Err(error),
                error => self.pending = error,
            }
            if step.made > 0 {
                return Ok(step.made);
            }
        }
        Ok(0)
    }
}

impl Codec {
    fn name(self) -> &'static str {
        match self {
            Codec::Plain => "the text",
            Codec::Gzip => "gzip",
            Codec::Zstd => "zstd",
            Codec::Bzip2 => "bzip2",
            Codec::Xz => "xz",
        }
    }
}

/// A gzip member, zstd frame, or bzip2 or xz stream being unpacked.
struct Member {
    library: Library,
    made_text: bool,
}

enum Library {
    Gzip(flate2::Decompress),
    /// With the number of bytes up to the end of the block, which it says itself. It is given no
    /// more: where a block is corrupt, it forgets what else it unpacked in the same call.
    Zstd(zstd::stream::raw::Decoder<'static>, usize),
    Bzip2(bzip2::Decompress),
    Xz(Stream),
}

/// What one call of a library did.
struct Step {
    /// Packed bytes that it took.
    used: usize,
    /// Bytes of text that it gave.
    made: usize,
    outcome: Result<Outcome, String>,
}

enum Outcome {
    More,
    Ended,
}

impl Member {
    fn new(codec: Codec) -> io::Result<Member> {
        let library = match codec {
            Codec::Plain => return Err(io::ErrorKind::InvalidInput.into()),
            // A window of 15 bits is the largest that the format has.
            Codec::Gzip => Library::Gzip(flate2::Decompress::new_gzip(15)),
            Codec::Zstd => Library::Zstd(zstd::stream::raw::Decoder::new()?, ZSTD_BEGIN),
            Codec::Bzip2 => Library::Bzip2(bzip2::Decompress::new(false)),
            Codec::Xz => Library::Xz(Stream::new_stream_decoder(XZ_MEMORY, 0)?),
        };
        Ok(Member {
            library,
            made_text: false,
        })
    }

    fn step(&mut self, packed: &[u8], text: &mut [u8]) -> Step {
        match &mut self.library {
            Library::Gzip(gzip) => {
                let before = (gzip.total_in(), gzip.total_out());
                let result = gzip.decompress(packed, text, flate2::FlushDecompress::None);
                Step::new(
                    before,
                    (gzip.total_in(), gzip.total_out()),
                    result.map(|s| s == flate2::Status::StreamEnd),
                )
            }
            Library::Zstd(zstd, expected) => {
                let mut input =
                    zstd::stream::raw::InBuffer::around(&packed[..packed.len().min(*expected)]);
                let mut output = zstd::stream::raw::OutBuffer::around(text);
                let result = zstd.run(&mut input, &mut output);
                let after = (input.pos() as u64, output.pos() as u64);
                *expected = *result.as_ref().unwrap_or(expected);
                // Nothing more is expected at the end of a frame.
                Step::new((0, 0), after, result.map(|expected| expected == 0))
            }
            Library::Bzip2(bzip2) => {
                let before = (bzip2.total_in(), bzip2.total_out());
                let result = match bzip2.decompress(packed, text) {
                    Ok(bzip2::Status::MemNeeded) => Err("out of memory".to_owned()),
                    Ok(status) => Ok(status == bzip2::Status::StreamEnd),
                    Err(error) => Err(error.to_string()),
                };
                Step::new(before, (bzip2.total_in(), bzip2.total_out()), result)
            }
            Library::Xz(xz) => {
                let before = (xz.total_in(), xz.total_out());
                let result = xz.process(packed, text, Action::Run);
                let ended = result.map(|s| s == liblzma::stream::Status::StreamEnd);
                Step::new(before, (xz.total_in(), xz.total_out()), ended)
            }
        }
    }
}

impl Step {
    fn new<E: ToString>(before: (u64, u64), after: (u64, u64), ended: Result<bool, E>) -> Step {
        let outcome = match ended {
            Ok(true) => Ok(Outcome::Ended),
            Ok(false) => Ok(Outcome::More),
            Err(error) => Err(error.to_string()),
        };
        Step {
            used: (after.0 - before.0) as usize,
            made: (after.1 - before.1) as usize,
            outcome,
        }
    }
}
