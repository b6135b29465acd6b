//! Room for handshakes: a full house is not a closed one.
//!
//! A newcomer has proved its address, which costs an attacker with a few addresses nothing. So where a limit is reached, the
//! handshake with the least claim gives way, which is of the heaviest prefix the one longest without progress
//! (`handshakes.rs`). Whoever has authenticated itself stays.

use super::Endpoint;
use crate::proto::connection::CloseReason;
use crate::proto::handshakes::{Places, Unfinished};
use crate::proto::limits::{Limits, TIMEOUTS_PER_CALL};
use std::net::SocketAddr;
use std::time::Instant;

impl Endpoint {
    /// Whether one more handshake may begin at this address; others may have given way to it.
    pub(super) fn make_room(&mut self, now: Instant, remote: SocketAddr) -> bool {
        let Places { in_all, each } = self.places_for(remote);
        if in_all == 0 || each == 0 {
            return false;
        }
        while let Some(server) = &self.server {
            let handshakes = &server.handshakes;
            let gives_way = if handshakes.count_from(remote) >= each {
                handshakes.least_claim_beside(remote)
            } else if handshakes.len() >= in_all {
                handshakes.least_claim(remote)
            } else {
                return true;
            };
            let Some(other) = gives_way else {
                return false;
            };
            self.displace(now, other);
        }
        false
    }

    /// Handshakes that there may be, of all and of the prefix of this address. Each may become a connection.
    pub(super) fn places_for(&self, remote: SocketAddr) -> Places {
        let Limits { handshakes, handshakes_per_address, connections, evicts_idle, connections_per_address, .. } =
            self.limits;
        let finished = self.established_count();
        // A client that starts anew will take the place of its own connection.
        let room = connections_per_address
            .filter(|_| self.routes.established(remote, 0).is_none())
            .map_or(u32::MAX, |limit| limit.saturating_sub(self.routes.established_from(remote)));
        Places {
            // Whoever ends its handshake finds room.
            in_all: if evicts_idle { handshakes } else { handshakes.min(connections.saturating_sub(finished)) },
            each: handshakes_per_address.min(room) as usize,
        }
    }

    /// Connections whose handshake is over.
    fn established_count(&self) -> usize {
        let hellos = self.server.as_ref().map_or(0, |server| server.gathering.len());
        (self.connections.len() + hellos).saturating_sub(self.handshake_count())
    }

    /// Ends a handshake whose place somebody else needs.
    fn displace(&mut self, now: Instant, handshake: Unfinished) {
        self.counters.handshakes_displaced += 1;
        match handshake {
            Unfinished::Hello(remote) => {
                self.outputs.trace.line(1, remote, || "refused: its ClientHello was not whole and gave way");
                self.forget_hello(remote);
            }
            Unfinished::Connection(handle) => {
                if let Some(entry) = self.connections.get_mut(&handle) {
                    let error = entry.connection.displace(now, &mut self.scratch);
                    self.remove(handle, CloseReason::Error(error));
                }
            }
        }
        self.end_handshake(handshake);
    }

    /// Takes a handshake off the list of those that are unfinished. A client has none: nobody comes to it.
    pub(super) fn end_handshake(&mut self, handshake: Unfinished) {
        if let Some(server) = &mut self.server {
            server.handshakes.end(handshake);
        }
    }

    /// Whether one more connection finds no room.
    pub(super) fn is_full(&self) -> bool {
        self.connections.len() >= self.limits.connections && !self.limits.evicts_idle
    }

    /// Ends connections that are too many, now that one more has authenticated itself: those that have been silent longest.
    pub(super) fn evict_idle(&mut self, now: Instant) {
        while self.limits.evicts_idle && self.established_count() > self.limits.connections {
            let connections = &self.connections;
            let heard = |handle| connections.get(&handle)?.connection.last_heard();
            let heard_of_all = || {
                let all = connections.iter();
                all.filter_map(|(handle, entry)| Some((entry.connection.last_heard()?, handle))).collect()
            };
            let Some(handle) = self.longest_idle.next(heard, heard_of_all) else {
                return;
            };
            if let Some(entry) = self.connections.get_mut(&handle) {
                entry.connection.close(now, &mut self.scratch);
            }
            self.remove(handle, CloseReason::Evicted);
        }
    }

    pub(super) fn refuse_handshake(&mut self, remote: SocketAddr) {
        self.counters.handshakes_refused += 1;
        self.outputs.trace.line(2, remote, || "refused: too many handshakes or connections");
    }

    // --- under pressure ----------------------------------------------------------------------------------------------

    /// When [`Endpoint::expire_stalled`] is due.
    pub(super) fn next_stalled(&self) -> Option<Instant> {
        let handshakes = &self.server.as_ref()?.handshakes;
        let is_pressing = self.limits.are_pressing(handshakes.len());
        handshakes.next_stalled(self.limits.stalled_handshake_timeout).filter(|_| is_pressing)
    }

    /// Gives up handshakes that make no progress while there are many.
    pub(super) fn expire_stalled(&mut self, now: Instant) {
        let timeout = self.limits.stalled_handshake_timeout;
        for _ in 0..TIMEOUTS_PER_CALL {
            let is_pressing = self.next_stalled().is_some();
            let handshakes = self.server.as_ref().map(|server| &server.handshakes).filter(|_| is_pressing);
            let Some(handshake) = handshakes.and_then(|handshakes| handshakes.stalled(now, timeout)) else {
                return;
            };
            match handshake {
                Unfinished::Hello(remote) => self.give_up_hello(remote),
                Unfinished::Connection(handle) => {
                    if let Some(entry) = self.connections.get(&handle) {
                        let error = entry.connection.timeout_error(timeout);
                        self.remove(handle, CloseReason::Error(error));
                    }
                }
            }
            self.end_handshake(handshake);
        }
    }
}
