//! The engine's view of the world outside: one record to read, memory to write to, a virtual clock.

use super::hello_extensions::HelloEdit;
use super::{c_int, c_void, sys};
use std::ptr::NonNull;
use std::time::{Duration, Instant};
use sys::types::raw_types::c_uchar;
use zeroize::Zeroizing;

/// Datagrams that the engine wrote, one behind the other, and where each of them ends.
#[derive(Default)]
pub(super) struct Written {
    pub(super) bytes: Vec<u8>,
    pub(super) ends: Vec<usize>,
}

impl Written {
    fn push(&mut self, datagram: &[u8]) {
        self.bytes.extend_from_slice(datagram);
        self.ends.push(self.bytes.len());
    }

    /// Forgets all but the first `count` datagrams.
    pub(super) fn truncate(&mut self, count: usize) {
        self.ends.truncate(count);
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }
}

/// The two deadlines of Mbed TLS's timer callbacks.
#[derive(Clone, Copy)]
struct Timer {
    intermediate: Instant,
    last: Instant,
}

/// The application's answer to a look-up, and the question that it answers.
pub(crate) struct StagedPsk {
    pub(crate) identity: Vec<u8>,
    pub(crate) key: Zeroizing<Vec<u8>>,
}

/// What the callbacks of one `ssl_context` see.
pub(super) struct Bio {
    /// The record on offer; valid while the call that set it runs.
    pub(super) incoming: Option<NonNull<[u8]>>,
    /// Bytes of the longest record that the engine's input buffer has seen since it was lent.
    pub(super) received: usize,
    pub(super) written: Written,
    pub(super) now: Instant,
    timer: Option<Timer>,
    /// Longest interval between two transmissions of a flight.
    pub(super) longest_interval: Duration,
    pub(super) staged_psk: Option<StagedPsk>,
    /// What is appended to our hello; there only while the engine writes it.
    pub(super) hello_edit: Option<HelloEdit>,
}

impl Bio {
    pub(super) fn new(now: Instant, longest_interval: Duration) -> Bio {
        Bio {
            incoming: None,
            received: 0,
            written: Written::default(),
            now,
            timer: None,
            longest_interval,
            staged_psk: None,
            hello_edit: None,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.timer.map(|timer| timer.last)
    }

    /// Moves the running timer into the future: it stood still for `pause`.
    pub(super) fn postpone(&mut self, pause: Duration) {
        if let Some(timer) = &mut self.timer {
            timer.intermediate += pause;
            timer.last += pause;
        }
    }
}

/// `f_send`: one call, one datagram.
pub(super) unsafe extern "C" fn send(bio: *mut c_void, bytes: *const c_uchar, length: usize) -> c_int {
    // SAFETY: `Ssl` registered a `Bio` that lives as long as the context, and holds no reference to it during calls.
    let bio = unsafe { &mut *bio.cast::<Bio>() };
    // SAFETY: Mbed TLS passes `length` readable bytes of its output buffer.
    let datagram = unsafe { std::slice::from_raw_parts(bytes, length) };
    bio.written.push(datagram);
    c_int::try_from(length).unwrap_or(c_int::MAX)
}

/// `f_recv`: the record on offer, once, and never more than the engine has room for.
pub(super) unsafe extern "C" fn receive(bio: *mut c_void, buffer: *mut c_uchar, room: usize) -> c_int {
    // SAFETY: as in `send`.
    let bio = unsafe { &mut *bio.cast::<Bio>() };
    let Some(record) = bio.incoming.take() else {
        return sys::ERR_SSL_WANT_READ;
    };
    // SAFETY: `Ssl` sets `incoming` from a slice that outlives the call which led here.
    let record = unsafe { record.as_ref() };
    if record.is_empty() || record.len() > room {
        return sys::ERR_SSL_WANT_READ;
    }
    // SAFETY: `buffer` has `room` writable bytes, and is the engine's own, so it cannot overlap the record.
    unsafe { std::ptr::copy_nonoverlapping(record.as_ptr(), buffer, record.len()) };
    bio.received = bio.received.max(record.len());
    c_int::try_from(record.len()).unwrap_or(sys::ERR_SSL_WANT_READ)
}

/// `f_set_timer`, in milliseconds; a final delay of 0 cancels.
pub(super) unsafe extern "C" fn set_timer(bio: *mut c_void, intermediate: u32, last: u32) {
    // SAFETY: as in `send`.
    let bio = unsafe { &mut *bio.cast::<Bio>() };
    let delay = |ms: u32| Duration::from_millis(ms.into()).min(bio.longest_interval);
    bio.timer = (last != 0).then(|| Timer { intermediate: bio.now + delay(intermediate), last: bio.now + delay(last) });
}

/// `f_get_timer`: -1 cancelled, 0 running, 1 intermediate delay passed, 2 final delay passed.
pub(super) unsafe extern "C" fn get_timer(bio: *mut c_void) -> c_int {
    // SAFETY: as in `send`.
    let bio = unsafe { &*bio.cast::<Bio>() };
    match bio.timer {
        None => -1,
        Some(timer) if bio.now >= timer.last => 2,
        Some(timer) if bio.now >= timer.intermediate => 1,
        Some(_) => 0,
    }
}

/// `f_psk`: installs the staged key, if the identity that the engine parsed is the one that was looked up.
///
/// Without the comparison a client that owns Bob's key could log in as Alice.
pub(super) unsafe extern "C" fn install_psk(
    _unused: *mut c_void,
    ssl: *mut sys::ssl_context,
    identity: *const c_uchar,
    length: usize,
) -> c_int {
    // SAFETY: `ssl` is the running context, whose `p_bio` is the `Bio` that `Ssl` registered.
    let bio = unsafe { &*(*ssl).p_bio.cast::<Bio>() };
    // SAFETY: Mbed TLS passes `length` readable bytes of its input buffer.
    let identity = unsafe { std::slice::from_raw_parts(identity, length) };
    match &bio.staged_psk {
        Some(staged) if staged.identity == identity => {
            // SAFETY: `ssl` is in its handshake; the key is copied.
            unsafe { sys::ssl_set_hs_psk(ssl, staged.key.as_ptr(), staged.key.len()) }
        }
        _ => sys::ERR_SSL_UNKNOWN_IDENTITY,
    }
}

#[cfg(test)]
mod tests;
