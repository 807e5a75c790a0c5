//! What nobody wants of a block is passed over at a glance.
//!
//! Few requests are of the endpoints and times that pass 2 asks for. Where the lines are those of an access
//! log, a glance and the memory of paths tell which; all others are handed on to be read as ever. The same
//! memory tells the endpoint of any other request. On processors without the instructions, and with
//! routes of the user's own, nothing is passed over or remembered.

use super::{EndpointId, Worker};
use crate::format::Scratch;
use crate::input::{Block, Place};
use crate::reading::Begun;
use crate::record::{Depth, Record};

#[cfg(target_arch = "x86_64")]
use crate::aggregate::service_name;
#[cfg(target_arch = "x86_64")]
use crate::endpoint::{Interner, Memo, Shape, shape_of};
#[cfg(target_arch = "x86_64")]
use crate::format::{Glance, Glancing};
#[cfg(target_arch = "x86_64")]
use crate::input::LineEnds;
#[cfg(target_arch = "x86_64")]
use crate::query::Side;

/// The endpoints of paths seen last.
#[derive(Debug)]
pub(super) struct Known {
    /// Whether the processor has what the memo needs.
    #[cfg(target_arch = "x86_64")]
    has_lanes: bool,
    #[cfg(target_arch = "x86_64")]
    memo: Memo,
    /// The services, whose numbers the memo tells apart.
    #[cfg(target_arch = "x86_64")]
    services: Interner,
}

impl Default for Known {
    fn default() -> Known {
        Known {
            #[cfg(target_arch = "x86_64")]
            has_lanes: crate::lanes::are_here(),
            #[cfg(target_arch = "x86_64")]
            memo: Memo::default(),
            #[cfg(target_arch = "x86_64")]
            services: Interner::default(),
        }
    }
}

/// Services that are told apart so; a line can name any.
#[cfg(target_arch = "x86_64")]
const SERVICES: usize = 1_000;

/// Stands for an endpoint that pass 1 did not count.
#[cfg(target_arch = "x86_64")]
const UNSEEN: u32 = u32::MAX;

#[cfg(not(target_arch = "x86_64"))]
impl Worker<'_> {
    pub(super) fn pass_over(
        &mut self,
        _: &Block<'_, Begun>,
        _: &mut Scratch,
        _: &impl Fn(EndpointId, i64) -> bool,
        _: &mut impl FnMut(&mut Self, &mut Scratch, Place, &[u8], Depth),
    ) -> bool {
        false
    }

    pub(super) fn endpoint(&mut self, record: &Record<'_>, service: &[u8]) -> Option<EndpointId> {
        let service = record.service.unwrap_or(service);
        self.find(service, record.method, record.target)
    }
}

#[cfg(target_arch = "x86_64")]
impl Worker<'_> {
    /// The endpoint of a request, if pass 1 saw it.
    pub(super) fn endpoint(&mut self, record: &Record<'_>, service: &[u8]) -> Option<EndpointId> {
        let service = record.service.unwrap_or(service);
        if !(self.known.has_lanes && self.query.routes.is_empty()) {
            return self.find(service, record.method, record.target);
        }
        #[allow(unsafe_code)]
        // SAFETY: the processor has the features.
        unsafe {
            self.find_by_shape(service, record.method, record.target)
        }
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    fn find_by_shape(
        &mut self,
        service: &[u8],
        method: &[u8],
        target: &[u8],
    ) -> Option<EndpointId> {
        let shape = match self.number_of(service) {
            Some(service) => shape_of(method, target, service),
            None => None,
        };
        self.remembered(shape, service, method, target)
    }

    /// The number of a service in the memory of paths.
    fn number_of(&mut self, service: &[u8]) -> Option<u16> {
        let (name, services) = (service_name(service), &mut self.known.services);
        let number = match services.len() < SERVICES {
            true => Some(services.intern(name)),
            false => services.find(name),
        };
        number.and_then(|number| u16::try_from(number).ok())
    }

    /// Hands on each line, with its place and how it is to be read at first, but those that a glance shows
    /// to be a request that nobody wants; `false` and none where lines can't be read so.
    pub(super) fn pass_over(
        &mut self,
        block: &Block<'_, Begun>,
        scratch: &mut Scratch,
        wanted: &impl Fn(EndpointId, i64) -> bool,
        each: &mut impl FnMut(&mut Self, &mut Scratch, Place, &[u8], Depth),
    ) -> bool {
        if !self.query.routes.is_empty() {
            return false;
        }
        let format = block.begun.format_below(block.above.as_deref());
        let (text, service) = (block.bytes, &*block.begun.service);
        #[allow(unsafe_code)]
        // SAFETY: there are glances only where the processor has these features.
        unsafe {
            match (format.glances(), format.keyed_glances()) {
                (Some(glances), _) => {
                    self.pass_over_by(text, glances, scratch, service, wanted, each)
                }
                (_, Some(glances)) => {
                    self.pass_over_by(text, glances, scratch, service, wanted, each)
                }
                _ => return false,
            }
        }
        true
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    fn pass_over_by(
        &mut self,
        text: &[u8],
        glances: impl Glancing,
        scratch: &mut Scratch,
        service: &[u8],
        wanted: &impl Fn(EndpointId, i64) -> bool,
        each: &mut impl FnMut(&mut Self, &mut Scratch, Place, &[u8], Depth),
    ) {
        let mut glances = glances.without_latency();
        // Most requests are of the same service as the one before.
        let (own, mut last) = (service, (service, self.number_of(service)));
        let mut ends = LineEnds::new(text);
        let (mut begin, mut number) = (0, 0);
        while begin < text.len() {
            let newline = ends.next();
            let is_crlf = newline > begin && text[newline - 1] == b'\r';
            let end = newline - usize::from(is_crlf);
            #[allow(unsafe_code)]
            // SAFETY: the processor has the features.
            let glance = unsafe { glances.read::<2>(text, begin, end, &mut self.clock, scratch) };
            let wanted = match glance {
                Some(glance) => {
                    let target = &text[glance.target..];
                    let service = glance.service.unwrap_or(own);
                    if last.0 != service {
                        last = (service, self.number_of(service));
                    }
                    match self.seen_at_a_glance(target, &glance, service, last.1) {
                        Some(endpoint) if wanted(endpoint, glance.time_us) => Some(Depth::Full),
                        _ => None,
                    }
                }
                None => Some(Depth::Counts),
            };
            if let Some(depth) = wanted {
                each(
                    self,
                    scratch,
                    Place { number, begin },
                    &text[begin..end],
                    depth,
                );
            }
            begin = newline + 1;
            number += 1;
        }
    }

    /// The endpoint of a request that pass 1 counted; `target` is the text from its target on.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    fn seen_at_a_glance(
        &mut self,
        target: &[u8],
        glance: &Glance<'_>,
        service: &[u8],
        number_of_service: Option<u16>,
    ) -> Option<EndpointId> {
        if self.query.side(glance.time_us) == Side::Outside {
            return None;
        }
        let len = glance.target_len;
        let shape = match (target.first_chunk(), number_of_service) {
            (Some(bytes), Some(service)) => Shape::of::<2>(bytes, len, glance.method, service),
            _ => None,
        };
        let method = glance.method.to_le_bytes();
        self.remembered(shape, service, &method[..glance.method_len], &target[..len])
    }

    /// The endpoint of a request of this shape.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    fn remembered(
        &mut self,
        shape: Option<Shape>,
        service: &[u8],
        method: &[u8],
        target: &[u8],
    ) -> Option<EndpointId> {
        let known = match &shape {
            Some(shape) => self.known.memo.get(shape),
            None => None,
        };
        let number = match known {
            Some(number) => number,
            None => {
                let found = self.find(service, method, target);
                let number = found.map_or(UNSEEN, |endpoint| endpoint.0);
                if let Some(shape) = &shape {
                    self.known.memo.put(shape, number);
                }
                number
            }
        };
        match number {
            UNSEEN => None,
            number => Some(EndpointId(number)),
        }
    }
}
