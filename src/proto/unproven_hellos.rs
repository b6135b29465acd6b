//! ClientHellos that come in fragments from addresses that have not proved themselves, put together.
//!
//! The cookie of DTLS 1.3 has to hold the hash of the whole hello (RFC 8446 section 4.4.1), and a hello with a post-quantum public value
//! does not fit into one datagram. So this is all that is kept before a cookie: places of a fixed number and size. Whoever floods
//! them takes the places of the heaviest prefix first, and then those that were taken longest ago. The fragments of an honest
//! client follow each other closely, and need a place only until the last of them is there.

use super::crowd::{Crowd, Place};
use super::deadlines::Deadlines;
use super::gathering::Gathered;
use super::limits::{UNPROVEN_HELLO_LIFETIME, UNPROVEN_HELLOS};
use super::prefix::Prefix;
use crate::wire::{HelloFragments, HelloStart, Record};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Instant;

/// Hellos of which fragments are missing, one an address at most.
pub(super) struct UnprovenHellos {
    hellos: HashMap<SocketAddr, Unproven>,
    /// By the time at which they began.
    crowd: Crowd<SocketAddr, Instant>,
    deadlines: Deadlines<SocketAddr>,
}

struct Unproven {
    hello: HelloFragments,
    place: Place,
    deadline: Instant,
}

impl Default for UnprovenHellos {
    fn default() -> UnprovenHellos {
        UnprovenHellos { hellos: HashMap::new(), crowd: Crowd::new(), deadlines: Deadlines::new() }
    }
}

impl UnprovenHellos {
    /// Keeps a first fragment. A client that starts anew, or sends its second hello, takes the place of its own hello.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        record: &Record<'_>,
        start: &HelloStart<'_>,
    ) -> Gathered {
        let is_begun = |unproven: &Unproven| unproven.hello.is_of(start);
        if self.hellos.get(&remote).is_some_and(is_begun) {
            return self.add(remote, record);
        }
        let Some(hello) = HelloFragments::begin(record) else { return Gathered::Foreign };
        self.remove(remote);
        if self.hellos.len() >= UNPROVEN_HELLOS
            && let Some(other) = self.crowd.least_claim()
        {
            self.remove(other);
        }
        let deadline = now + UNPROVEN_HELLO_LIFETIME;
        let place = self.crowd.insert(remote, Prefix::of(remote.ip()), now);
        self.deadlines.change(remote, None, Some(deadline));
        self.hellos.insert(remote, Unproven { hello, place, deadline });
        Gathered::Part
    }

    pub(super) fn add(&mut self, remote: SocketAddr, record: &Record<'_>) -> Gathered {
        // There are none, as a rule: then nothing is hashed.
        if self.hellos.is_empty() {
            return Gathered::Foreign;
        }
        let Some(unproven) = self.hellos.get_mut(&remote) else { return Gathered::Foreign };
        if !unproven.hello.add(record) {
            return Gathered::Foreign;
        }
        if unproven.hello.whole().is_none() {
            return Gathered::Part;
        }
        self.remove(remote).map_or(Gathered::Foreign, Gathered::Whole)
    }

    fn remove(&mut self, remote: SocketAddr) -> Option<HelloFragments> {
        let Unproven { hello, place, deadline } = self.hellos.remove(&remote)?;
        self.crowd.remove(place);
        self.deadlines.change(remote, Some(deadline), None);
        Some(hello)
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Forgets those whose time is over.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some((deadline, remote)) = self.deadlines.first()
            && deadline <= now
        {
            self.remove(remote);
        }
    }

    /// Everything that is kept, counted.
    #[cfg(test)]
    pub(super) fn footprint(&self) -> usize {
        self.hellos.len() + self.crowd.len() + self.deadlines.len()
    }
}
