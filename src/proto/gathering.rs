//! ClientHellos that come in fragments, put together (RFC 6347 section 4.2.3).
//!
//! The first fragment brings the cookie; before that, here as elsewhere, nothing is kept. The application hears of none
//! of this: a connection begins with a whole hello.

use super::deadlines::Deadlines;
use super::endpoint::{Endpoint, Outcome};
use crate::wire::{HelloFragments, Record, Records};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Instant;

/// Hellos of which fragments are missing, one an address at most. Each counts as a handshake and takes no longer than one.
pub(super) struct Gathering {
    hellos: HashMap<SocketAddr, (HelloFragments, Instant)>,
    deadlines: Deadlines<SocketAddr>,
}

impl Default for Gathering {
    fn default() -> Gathering {
        Gathering { hellos: HashMap::new(), deadlines: Deadlines::new() }
    }
}

impl Gathering {
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.hellos.len()
    }

    fn insert(&mut self, remote: SocketAddr, hello: HelloFragments, deadline: Instant) {
        self.deadlines.change(remote, None, Some(deadline));
        self.hellos.insert(remote, (hello, deadline));
    }

    fn remove(&mut self, remote: SocketAddr) -> Option<HelloFragments> {
        let (hello, deadline) = self.hellos.remove(&remote)?;
        self.deadlines.change(remote, Some(deadline), None);
        Some(hello)
    }
}

impl Endpoint {
    /// Keeps the first fragment of a ClientHello whose cookie was verified.
    pub(super) fn begin_hello(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        random: &[u8; 32],
        record: &Record<'_>,
    ) -> Outcome {
        let known = self.server.as_ref().and_then(|server| server.gathering.hellos.get(&remote));
        if known.is_some_and(|(hello, _)| hello.random() == Some(random)) {
            return self.continue_hello(now, remote, record);
        }
        // A client that starts anew. Its handshake, if it has one, goes when the new hello is whole.
        self.forget_hello(remote);
        if !self.has_room_for_handshake(remote) {
            self.refuse_handshake(remote);
            return Outcome::Dropped;
        }
        let (Some(server), Some(hello)) = (&mut self.server, HelloFragments::begin(record)) else {
            return Outcome::Dropped;
        };
        server.gathering.insert(remote, hello, now + self.limits.handshake_timeout);
        self.routes.count_handshake(remote.ip());
        self.trace(2, || format!("{remote} hello begins, in fragments"));
        Outcome::Used
    }

    /// Adds a fragment to the hello that it belongs to, and goes on with that once it is whole.
    pub(super) fn continue_hello(&mut self, now: Instant, remote: SocketAddr, record: &Record<'_>) -> Outcome {
        let gathering = self.server.as_mut().map(|server| &mut server.gathering);
        let Some((hello, _)) = gathering.and_then(|gathering| gathering.hellos.get_mut(&remote)) else {
            return Outcome::Dropped;
        };
        if !hello.add(record) {
            return Outcome::Dropped;
        }
        if hello.whole().is_some()
            && let Some(hello) = self.forget_hello(remote)
            && let Some(record) = hello.whole().and_then(|whole| Records::new(whole).next())
        {
            return self.admit(now, remote, &record);
        }
        Outcome::Used
    }

    pub(super) fn forget_hello(&mut self, remote: SocketAddr) -> Option<HelloFragments> {
        let hello = self.server.as_mut()?.gathering.remove(remote)?;
        self.routes.discount_handshake(remote.ip());
        Some(hello)
    }

    /// Gives up hellos whose fragments did not all come in time.
    pub(super) fn expire_hellos(&mut self, now: Instant) {
        while let Some(remote) = self.server.as_mut().and_then(|server| server.gathering.deadlines.pop_due(now)) {
            self.forget_hello(remote);
            self.counters.handshakes_refused += 1;
            self.trace(1, || format!("{remote} refused: fragments of its ClientHello did not come in time"));
        }
    }
}
