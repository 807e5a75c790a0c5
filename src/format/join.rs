//! Requests that stand on several lines, made one line that a format can read.
//!
//! Container runtimes cut long lines into pieces: CRI marks all but the last by a `P`, Docker writes
//! them without a newline. Rails tells what was asked and what was answered on two lines (`Started
//! GET "/cart" …`, `Completed 500 … in 12ms`) that have one request id in common, Phoenix and Fastify too.
//! .NET's console has the time, the level and the logger on one line, and what is said on the next.
//! The line that ends a request is handed on with what the others said; those others are
//! [`Reject::Piece`](crate::record::Reject)s. Lines with nothing in common that tells them from other
//! requests' are left as they are: they can't be put together for sure.
//!
//! It is a pure function of a block and the bytes before it: what began more than [`REACH`] before a
//! block's begin, or more than [`PENDING`] requests ago, is not found again.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

use memchr::memmem;

use super::LONGEST_LINE;
use super::envelope::stamp;
use super::fields::split_once;
use super::prose;

/// Bytes before a block that are searched for the begin of its lines.
pub const REACH: usize = 256 << 10;
/// Requests that have begun and not ended, at most.
const PENDING: usize = 1024;
/// Longer lines don't begin a request of two lines.
const LONGEST_BEGIN: usize = 16 << 10;
/// Docker cuts its lines here (`defaultBufSize` of its copier).
const DOCKER_PIECE: usize = 16 << 10;

/// What a file's lines may have to be put together for, told from the first of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Joins {
    cri: bool,
    docker: bool,
    rails: bool,
    phoenix: bool,
    fastify: bool,
    dotnet: bool,
}

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'l> {
    /// A line as it stands.
    Whole,
    /// It says a part of what a later one ends.
    Begins,
    /// It ends what others began: all of it as one line.
    Joined(&'l [u8]),
}

/// Puts a block's lines together.
#[derive(Debug)]
pub struct Joiner {
    joins: Joins,
    /// What was said so far, by what the lines have in common.
    begun: HashMap<Vec<u8>, Vec<u8>>,
    order: VecDeque<Vec<u8>>,
    text: Vec<u8>,
}

impl Joins {
    /// Of a file's first lines.
    pub(super) fn of(lines: &[&[u8]]) -> Joins {
        let any = |is: fn(&[u8]) -> bool| lines.iter().any(|line| is(line));
        Joins {
            cri: any(|line| cri(line).is_some()),
            docker: any(|line| docker(line).is_some()),
            rails: any(|line| Rails::begin(line).is_some()),
            phoenix: any(|line| Phoenix::begin(line).is_some()),
            fastify: any(|line| Fastify::begin(line).is_some()),
            dotnet: any(is_dotnet_head),
        }
    }

    /// Whether there is anything to be put together.
    pub fn any(self) -> bool {
        self != Joins::default()
    }
}

impl Joiner {
    /// For a block that these bytes stand before, from the begin of a line on.
    pub fn new(joins: Joins, before: &[u8]) -> Joiner {
        let mut joiner = Joiner {
            joins,
            begun: HashMap::new(),
            order: VecDeque::new(),
            text: Vec::new(),
        };
        for line in before.split(|&b| b == b'\n') {
            joiner.take(line);
        }
        joiner
    }

    /// The next line.
    pub fn take(&mut self, line: &[u8]) -> Piece<'_> {
        // Few lines are cut: most of a file is looked at no further.
        let may_end = !self.begun.is_empty();
        if self.joins.cri
            && let Some(piece) = cri(line)
            && (may_end || !piece.is_last)
        {
            return self.piece(&piece);
        }
        if self.joins.docker
            && (may_end || line.len() >= DOCKER_PIECE)
            && let Some(piece) = docker(line)
            && (piece.is_last || line.len() >= DOCKER_PIECE)
        {
            return self.piece(&piece);
        }
        if self.joins.rails {
            if let Some(begin) = Rails::begin(line) {
                return self.begin(begin.id.to_vec(), line);
            }
            if let Some(end) = Rails::end(line)
                && let Some(begun) = self.begun.remove(end.id)
                && let Some(begin) = Rails::begin(&begun)
            {
                self.text.clear();
                begin.write(end.rest, &mut self.text);
                return Piece::Joined(&self.text);
            }
        }
        if self.joins.phoenix {
            if let Some(id) = Phoenix::begin(line) {
                return self.begin(id.to_vec(), line);
            }
            if let Some((id, answer)) = Phoenix::end(line)
                && let Some(begun) = self.begun.remove(id)
            {
                self.text = begun;
                self.text.push(b' ');
                self.text.extend_from_slice(answer);
                return Piece::Joined(&self.text);
            }
        }
        if self.joins.fastify {
            if let Some(begin) = Fastify::begin(line) {
                return self.begin(begin.id, line);
            }
            if let Some(id) = Fastify::end(line)
                && let Some(begun) = self.begun.remove(&id)
                && let Some(begin) = Fastify::begin(&begun)
                && let Some((_, answer)) = split_once(line, b'{')
            {
                self.text.clear();
                for part in [b"{\"req\":", begin.request, b",", answer] {
                    self.text.extend_from_slice(part);
                }
                return Piece::Joined(&self.text);
            }
        }
        if self.joins.dotnet {
            if is_dotnet_head(line) {
                return self.begin(DOTNET.to_vec(), line);
            }
            // What is said stands right below.
            if let Some(mut text) = self.begun.remove(DOTNET)
                && line.starts_with(DOTNET)
            {
                text.truncate(text.trim_ascii_end().len());
                text.push(b' ');
                text.extend_from_slice(line.trim_ascii());
                self.text = text;
                return Piece::Joined(&self.text);
            }
        }
        Piece::Whole
    }

    /// A line that was cut.
    fn piece(&mut self, piece: &Cut<'_>) -> Piece<'_> {
        let begun = self.begun.remove(piece.stream);
        if piece.is_last {
            let Some(mut begun) = begun else {
                return Piece::Whole;
            };
            begun.extend_from_slice(piece.content);
            begun.extend_from_slice(piece.behind);
            self.text = begun;
            return Piece::Joined(&self.text);
        }
        let mut begun = begun.unwrap_or_else(|| [piece.head, piece.mark].concat());
        // What is longer than a line may be is none, however long.
        if begun.len() <= LONGEST_LINE {
            begun.extend_from_slice(piece.content);
        }
        self.begun.insert(piece.stream.to_vec(), begun);
        Piece::Begins
    }

    fn begin(&mut self, id: Vec<u8>, line: &[u8]) -> Piece<'_> {
        if line.len() > LONGEST_BEGIN {
            return Piece::Whole;
        }
        if self.order.len() >= PENDING
            && let Some(oldest) = self.order.pop_front()
        {
            self.begun.remove(&oldest);
        }
        self.order.push_back(id.clone());
        self.begun.insert(id, line.to_vec());
        Piece::Begins
    }
}

/// A line, as it stands or put together, with its number in the file.
pub(super) type Numbered<'l> = (usize, Cow<'l, [u8]>);

/// A file's first lines, put together.
pub(super) fn joined<'l>(lines: &[(usize, &'l [u8])]) -> (Joins, Vec<Numbered<'l>>) {
    let bare: Vec<&[u8]> = lines.iter().map(|(_, line)| *line).collect();
    let joins = Joins::of(&bare);
    let mut joiner = Joiner::new(joins, b"");
    let one = |&(number, line): &(usize, &'l [u8])| match joiner.take(line) {
        Piece::Whole => Some((number, Cow::Borrowed(line))),
        Piece::Begins => None,
        Piece::Joined(text) => Some((number, Cow::Owned(text.to_vec()))),
    };
    let all: Vec<_> = lines.iter().filter_map(one).collect();
    if all.is_empty() {
        let whole = |&(number, line): &(usize, &'l [u8])| (number, Cow::Borrowed(line));
        return (joins, lines.iter().map(whole).collect());
    }
    (joins, all)
}

/// A piece of a line, or the last one: `head`, `mark`, `content`, `behind`.
struct Cut<'l> {
    is_last: bool,
    /// Pieces of one stream belong together.
    stream: &'l [u8],
    head: &'l [u8],
    /// What the whole line has in the mark's place.
    mark: &'static [u8],
    content: &'l [u8],
    behind: &'l [u8],
}

/// `<time> stdout P <content>`, and `F` for the last piece.
fn cri(line: &[u8]) -> Option<Cut<'_>> {
    let (_, rest) = stamp(line)?;
    let (stream, rest) = rest.split_at_checked(b"stdout ".len())?;
    let (tag, content) = rest.split_at_checked(2)?;
    let is_last = match tag {
        b"F " => true,
        b"P " => false,
        _ => return None,
    };
    let is_stream = matches!(stream, b"stdout " | b"stderr ");
    is_stream.then_some(Cut {
        is_last,
        stream,
        head: line.get(..line.len() - rest.len())?,
        mark: b"F ",
        content: content.strip_suffix(b"\r").unwrap_or(content),
        behind: b"",
    })
}

/// `{"log":"<content>","stream":"stdout",…}`; the last piece ends in a newline.
fn docker(line: &[u8]) -> Option<Cut<'_>> {
    const HEAD: &[u8] = b"{\"log\":\"";
    let rest = line.strip_prefix(HEAD)?;
    let end = memmem::rfind(rest, b"\",\"stream\":\"std")?;
    let (content, behind) = rest.split_at_checked(end)?;
    let stream = behind.get(..b"\",\"stream\":\"stdout".len())?;
    Some(Cut {
        is_last: content.ends_with(b"\\n"),
        stream,
        head: line.get(..HEAD.len())?,
        mark: b"",
        content,
        behind,
    })
}

/// A line of Rails' own log: what stands in front, the request's id in it, and what is said.
struct Rails<'l> {
    head: &'l [u8],
    id: &'l [u8],
    rest: &'l [u8],
}

impl<'l> Rails<'l> {
    /// `[id] Started GET "/cart" for 203.0.113.7 at 2024-04-10 09:00:00 +0000`
    fn begin(line: &'l [u8]) -> Option<Rails<'l>> {
        Rails::find(line, b"] Started ").filter(|begin| begin.parts().is_some())
    }

    /// `[id] Completed 500 Internal Server Error in 12ms (Views: 1.0ms | ActiveRecord: 2.3ms)`
    fn end(line: &'l [u8]) -> Option<Rails<'l>> {
        Rails::find(line, b"] Completed ")
    }

    fn find(line: &'l [u8], word: &[u8]) -> Option<Rails<'l>> {
        let at = memmem::find(line, word)?;
        let head = line.get(..at + 2)?;
        Some(Rails {
            head,
            id: request_id(head)?,
            rest: line.get(at + word.len()..)?,
        })
    }

    /// `GET "/cart"` and ` for 203.0.113.7 at …`.
    fn parts(&self) -> Option<(&'l [u8], &'l [u8])> {
        let end = memmem::rfind(self.rest, b"\" for ")?;
        self.rest.split_at_checked(end + 1)
    }

    /// Both as the prose of one line.
    fn write(&self, answer: &[u8], out: &mut Vec<u8>) {
        let (request, client) = self.parts().unwrap_or((self.rest, b""));
        let answer = memmem::find(answer, b" (").map_or(answer, |end| &answer[..end]);
        // In a JSON string its end would come twice.
        let end = memchr::memchr2(b'"', b'\\', answer).unwrap_or(answer.len());
        let answer = answer.get(..end).unwrap_or_default();
        for part in [self.head, request, b" completed ", answer, client] {
            out.extend_from_slice(part.trim_ascii_end());
            if part.ends_with(b" ") {
                out.push(b' ');
            }
        }
    }
}

/// The last of the tags at a text's end (`… [api] [9f3c51ad-1111-4222-8333-444455556666] `) that can
/// only be one request's.
fn request_id(head: &[u8]) -> Option<&[u8]> {
    let mut rest = head;
    loop {
        let inside = rest.trim_ascii_end().strip_suffix(b"]")?;
        let open = memchr::memrchr(b'[', inside)?;
        let tag = inside.get(open + 1..)?;
        let is_word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if tag.len() >= 12 && tag.iter().all(is_word) && tag.iter().any(u8::is_ascii_digit) {
            return Some(tag);
        }
        rest = rest.get(..open)?;
    }
}

/// Lines of Phoenix's logger: `request_id=F9abcDEF [info] GET /cart`, and `Sent 500 in 12ms`.
struct Phoenix;

impl Phoenix {
    fn begin(line: &[u8]) -> Option<&[u8]> {
        let line = line.trim_ascii_end();
        let target = memchr::memrchr(b' ', line)?;
        let (rest, target) = line.split_at_checked(target)?;
        let method = memchr::memrchr(b' ', rest).and_then(|at| rest.get(at + 1..))?;
        let is_request = target.starts_with(b" /")
            && (3..=7).contains(&method.len())
            && method.iter().all(u8::is_ascii_uppercase);
        Phoenix::id(rest).filter(|_| is_request)
    }

    fn end(line: &[u8]) -> Option<(&[u8], &[u8])> {
        let at = memmem::find(line, b" Sent ")?;
        let answer = line.get(at + 1..)?.trim_ascii_end();
        Some((Phoenix::id(line.get(..at)?)?, answer))
    }

    fn id(head: &[u8]) -> Option<&[u8]> {
        const NAME: &[u8] = b"request_id=";
        let id = head.get(memmem::find(head, NAME)? + NAME.len()..)?;
        let end = memchr::memchr3(b' ', b']', b',', id).unwrap_or(id.len());
        id.get(..end).filter(|id| id.len() >= 8)
    }
}

/// A line of Fastify's logger: `"reqId":"req-1"` with `"req":{…}`, and later with `"res":{…}`.
struct Fastify<'l> {
    id: Vec<u8>,
    request: &'l [u8],
}

const REQUEST: &[u8] = b"\"req\":{";
const ANSWER: &[u8] = b"\"res\":{";

impl<'l> Fastify<'l> {
    fn begin(line: &'l [u8]) -> Option<Fastify<'l>> {
        let at = memmem::find(line, REQUEST)?;
        if memmem::find(line, ANSWER).is_some() {
            return None;
        }
        let object = line.get(at + REQUEST.len() - 1..)?;
        Some(Fastify {
            id: reqid(line)?,
            request: object.get(..object_len(object)?)?,
        })
    }

    fn end(line: &[u8]) -> Option<Vec<u8>> {
        memmem::find(line, ANSWER)?;
        if memmem::find(line, REQUEST).is_some() {
            return None;
        }
        reqid(line)
    }
}

/// The id is counted anew by each process.
fn reqid(line: &[u8]) -> Option<Vec<u8>> {
    let value = |name: &[u8]| {
        let text = line.get(memmem::find(line, name)? + name.len()..)?;
        let end = memchr::memchr2(b',', b'}', text)?;
        text.get(..end)
    };
    let id = value(b"\"reqId\":")?;
    let process = [&b"\"pid\":"[..], b"\"hostname\":"].map(|name| value(name).unwrap_or_default());
    Some([id, b" ", process[0], b" ", process[1]].concat())
}

/// What a line of .NET's console begins with that says something, below the one that says when and who.
/// <https://learn.microsoft.com/en-us/dotnet/core/extensions/console-log-formatter>
const DOTNET: &[u8] = b"      ";
/// Its levels.
const DOTNET_LEVELS: [&[u8]; 6] = [
    b"trce: ", b"dbug: ", b"info: ", b"warn: ", b"fail: ", b"crit: ",
];

/// `2024-04-10 09:00:00 info: Microsoft.AspNetCore.Hosting.Diagnostics[2]`. One without a time has nothing that the
/// line below it needs.
fn is_dotnet_head(line: &[u8]) -> bool {
    let head = || {
        let logger = line.trim_ascii_end().strip_suffix(b"]")?;
        let event = logger
            .iter()
            .rev()
            .take_while(|b| b.is_ascii_digit() || **b == b'-');
        let logger = logger
            .get(..logger.len() - event.count())?
            .strip_suffix(b"[")?;
        let time = prose::time(line)?;
        let level = logger.get(time.end..)?;
        Some(
            DOTNET_LEVELS
                .iter()
                .any(|name| memmem::find(level, name).is_some()),
        )
    };
    head() == Some(true)
}

/// How long the object is that begins here.
fn object_len(text: &[u8]) -> Option<usize> {
    let (mut depth, mut is_quoted, mut is_escaped) = (0usize, false, false);
    for (at, &b) in text.iter().enumerate() {
        match b {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_quoted,
            b'"' => is_quoted = !is_quoted,
            b'{' if !is_quoted => depth += 1,
            b'}' if !is_quoted => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests;
