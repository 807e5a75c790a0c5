//! What happens when a file is truncated while it is mapped: the pages beyond its end raise SIGBUS.
//!
//! The handler finds the mapping that the address belongs to, puts zero pages under the rest of it,
//! marks it as faulted and returns; whoever was reading finishes with garbage, sees the mark
//! and throws the result away. A SIGBUS elsewhere goes to the handler that was there before.
//!
//! The handler does only what a signal handler may: it reads and writes atomics and makes one
//! `mmap` system call (POSIX does not list it as async-signal-safe; on Linux, macOS and the BSDs
//! it is a bare system call).
#![allow(unsafe_code)]

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Mappings that can be watched at a time; more are read instead of mapped.
const SLOTS: usize = 64;

struct Slot {
    /// Address of the first byte; 0 where the slot is free, 1 while it is being filled.
    begin: AtomicUsize,
    len: AtomicUsize,
    faulted: AtomicBool,
}

static TABLE: [Slot; SLOTS] = [const {
    Slot {
        begin: AtomicUsize::new(0),
        len: AtomicUsize::new(0),
        faulted: AtomicBool::new(false),
    }
}; SLOTS];

/// A mapping under the handler's watch.
#[derive(Debug)]
pub struct Watch(usize);

impl Watch {
    /// Watches a mapping; `None` when all slots are taken or the handler can't be installed.
    ///
    /// The watch must be dropped before the mapping is.
    pub fn new(mapping: &[u8]) -> Option<Watch> {
        if mapping.is_empty() || !install() {
            return None;
        }
        let index = TABLE.iter().position(|slot| {
            slot.begin
                .compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
        })?;
        let slot = &TABLE[index];
        slot.faulted.store(false, Ordering::Relaxed);
        slot.len.store(mapping.len(), Ordering::Relaxed);
        slot.begin
            .store(mapping.as_ptr() as usize, Ordering::Release);
        Some(Watch(index))
    }

    /// Whether the file was truncated below something that was read.
    pub fn faulted(&self) -> bool {
        TABLE[self.0].faulted.load(Ordering::Acquire)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        TABLE[self.0].begin.store(0, Ordering::Release);
    }
}

static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();

/// Installs the handler once; whether it is in place.
fn install() -> bool {
    static DONE: OnceLock<bool> = OnceLock::new();
    *DONE.get_or_init(|| {
        // SAFETY: both structs are plain data for which all zero is valid; the handler has the
        // signature that SA_SIGINFO asks for and lives as long as the program. The previous action
        // is kept before ours can run for a mapping, because no slot is filled before this returns.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                on_sigbus;
            action.sa_sigaction = handler as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigemptyset(&mut action.sa_mask);
            let mut previous: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(libc::SIGBUS, &action, &mut previous) != 0 {
                return false;
            }
            PREVIOUS.set(previous).is_ok()
        }
    })
}

extern "C" fn on_sigbus(signal: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid siginfo_t for SA_SIGINFO handlers.
    let address = unsafe { (*info).si_addr() } as usize;
    for slot in &TABLE {
        let begin = slot.begin.load(Ordering::Acquire);
        let end = begin + slot.len.load(Ordering::Relaxed);
        if begin > 1 && (begin..end).contains(&address) {
            slot.faulted.store(true, Ordering::Release);
            if cover(address, end) {
                return;
            }
        }
    }
    // SAFETY: `PREVIOUS` holds what sigaction gave us, so putting it back is valid; the faulting
    // instruction then runs again under it.
    unsafe {
        let default: libc::sigaction = std::mem::zeroed();
        libc::sigaction(
            signal,
            PREVIOUS.get().unwrap_or(&default),
            std::ptr::null_mut(),
        );
    }
}

/// Puts zero pages from the page of `address` to `end`.
fn cover(address: usize, end: usize) -> bool {
    // SAFETY: sysconf only reads a constant. The range lies inside a mapping that its owner keeps
    // alive while the slot is filled, so MAP_FIXED replaces nothing but that mapping's own pages;
    // the owner's munmap later covers the same range.
    unsafe {
        let page = libc::sysconf(libc::_SC_PAGESIZE) as usize;
        let from = address & !(page - 1);
        let zeros = libc::mmap(
            from as *mut libc::c_void,
            end - from,
            libc::PROT_READ,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
            -1,
            0,
        );
        zeros != libc::MAP_FAILED
    }
}
