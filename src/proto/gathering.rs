//! ClientHellos that come in fragments, put together (RFC 6347 section 4.2.3).
//!
//! The first fragment brings the cookie; before that, here as elsewhere, nothing is kept. The application hears of none
//! of this: a connection begins with a whole hello.

use super::deadlines::Deadlines;
use crate::wire::{HelloFragments, Record};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Instant;

/// Hellos of which fragments are missing, one an address at most. Each counts as a handshake and takes no longer than one.
pub(super) struct Gathering {
    hellos: HashMap<SocketAddr, (HelloFragments, Instant)>,
    deadlines: Deadlines<SocketAddr>,
}

/// What became of a fragment.
pub(super) enum Gathered {
    /// It belongs to no hello that has begun.
    Foreign,
    /// More are missing.
    Part,
    /// No byte is missing any more. The hello is no longer kept here.
    Whole(HelloFragments),
}

impl Default for Gathering {
    fn default() -> Gathering {
        Gathering { hellos: HashMap::new(), deadlines: Deadlines::new() }
    }
}

impl Gathering {
    /// Whether a hello with this random has begun at this address.
    pub(super) fn is_of(&self, remote: SocketAddr, random: &[u8; 32]) -> bool {
        self.hellos.get(&remote).is_some_and(|(hello, _)| hello.random() == Some(random))
    }

    /// Keeps the first fragment of a hello. There must be none at this address.
    pub(super) fn begin(&mut self, remote: SocketAddr, record: &Record<'_>, deadline: Instant) -> bool {
        let Some(hello) = HelloFragments::begin(record) else {
            return false;
        };
        self.deadlines.change(remote, None, Some(deadline));
        self.hellos.insert(remote, (hello, deadline));
        true
    }

    pub(super) fn add(&mut self, remote: SocketAddr, record: &Record<'_>) -> Gathered {
        let Some((hello, _)) = self.hellos.get_mut(&remote) else {
            return Gathered::Foreign;
        };
        if !hello.add(record) {
            return Gathered::Foreign;
        }
        if hello.whole().is_none() {
            return Gathered::Part;
        }
        self.remove(remote).map_or(Gathered::Foreign, Gathered::Whole)
    }

    /// Whether there was a hello to forget.
    pub(super) fn forget(&mut self, remote: SocketAddr) -> bool {
        self.remove(remote).is_some()
    }

    fn remove(&mut self, remote: SocketAddr) -> Option<HelloFragments> {
        // There are none, as a rule: then nothing is hashed.
        if self.hellos.is_empty() {
            return None;
        }
        let (hello, deadline) = self.hellos.remove(&remote)?;
        self.deadlines.change(remote, Some(deadline), None);
        Some(hello)
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Forgets a hello whose time is over, and answers whose it was.
    pub(super) fn pop_expired(&mut self, now: Instant) -> Option<SocketAddr> {
        let remote = self.deadlines.pop_due(now)?;
        self.hellos.remove(&remote);
        Some(remote)
    }

    /// Hellos that are not whole yet.
    pub(super) fn len(&self) -> usize {
        self.hellos.len()
    }
}
