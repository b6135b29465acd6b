//! Whether a peer receives at the address that it seems to have (RFC 9146 section 6, RFC 9853).
//!
//! A connection follows the newest record that has its ID. What is sent goes there, as far as the limit allows, and the address
//! before gets a copy, until the check is over: whoever only repeats records from elsewhere keeps nobody from being heard.

use super::Endpoint;
use crate::proto::connection::Scratch;
use crate::proto::doubts::{AddressValidation, Due, Path, Verdict};
use crate::proto::limits::TIMEOUTS_PER_CALL;
use crate::proto::route::Route;
use crate::proto::table::ConnectionHandle;
use crate::tls::random_bytes;
use crate::wire::RoutabilityCheck;
use std::net::SocketAddr;
use std::time::Instant;

impl Endpoint {
    // --- what the application says -----------------------------------------------------------------------------------

    /// How the addresses of connections with IDs are proved, from now on.
    pub(crate) fn validate_addresses(&mut self, validation: AddressValidation) {
        self.validation = validation;
    }

    /// The application has proof of its own that the peer receives at its address. Whether that was in doubt.
    pub(crate) fn confirm_address(&mut self, handle: ConnectionHandle) -> bool {
        let was_in_doubt = self.doubts.get(handle).is_some();
        self.confirm(handle);
        was_in_doubt
    }

    /// Whether it has been shown that the peer receives at its address.
    pub(crate) fn is_address_confirmed(&self, handle: ConnectionHandle) -> bool {
        self.connections.contains_key(&handle) && self.doubts.get(handle).is_none()
    }

    // --- the check ---------------------------------------------------------------------------------------------------

    /// A connection has followed its newest record from one address to another.
    pub(super) fn doubt_move(&mut self, now: Instant, handle: ConnectionHandle, old: SocketAddr, new: SocketAddr) {
        let trusted = self.doubts.get(handle).map_or(old, |doubt| doubt.trusted);
        if new == trusted {
            self.confirm(handle);
            return;
        }
        let Some(entry) = self.connections.get(&handle) else { return };
        let (checks, round_trip) = (entry.connection.checks_routability(), entry.tally.round_trip());
        let path = match self.validation {
            AddressValidation::None => return,
            AddressValidation::Basic => Path::Claimed,
            AddressValidation::Enhanced => Path::Trusted,
        };
        self.doubts.begin(now, handle, [trusted, new], checks.then_some(path), round_trip);
        self.counters.address_checks += u64::from(checks);
    }

    /// A record of a connection has come from its address, and was of use.
    pub(super) fn note_heard(&mut self, now: Instant, handle: ConnectionHandle, bytes: usize) {
        if self.doubts.get(handle).is_some() {
            self.doubts.heard(handle, bytes);
            self.ask_when_due(now);
        }
    }

    /// A message of a check has come from this address.
    pub(super) fn handle_check(
        &mut self,
        now: Instant,
        handle: ConnectionHandle,
        remote: SocketAddr,
        message: RoutabilityCheck,
    ) {
        let (cookie, has_left) = match message {
            // RFC 9853 section 5.4: exactly one answer, at once, to where the challenge came from. We have one path, and
            // prefer it.
            RoutabilityCheck::Challenge(cookie) => {
                self.send_check(now, handle, remote, RoutabilityCheck::Response(cookie));
                return;
            }
            RoutabilityCheck::Response(cookie) => (cookie, false),
            RoutabilityCheck::Drop(cookie) => (cookie, true),
        };
        match self.doubts.answered(handle, cookie, remote, has_left) {
            Verdict::Nothing => {}
            Verdict::AskClaimed => {
                self.doubts.ask_claimed(now, handle);
                self.ask_when_due(now);
            }
            Verdict::Refused => self.take_back_move(now, handle, "is still where it was", true),
            Verdict::Confirmed => {
                self.outputs.trace.line(2, remote, || "has answered, and is the address of a connection now");
                self.confirm(handle);
            }
        }
    }

    /// Sends what is due of checks, and ends those that nobody has answered.
    pub(super) fn ask_when_due(&mut self, now: Instant) {
        for _ in 0..TIMEOUTS_PER_CALL {
            match self.doubts.due(now) {
                None => break,
                Some((handle, Due::Challenge)) => self.challenge(now, handle),
                Some((handle, Due::AskClaimed)) => self.doubts.ask_claimed(now, handle),
                Some((handle, Due::Unanswered)) => self.take_back_move(now, handle, "has not answered", false),
            }
        }
    }

    fn challenge(&mut self, now: Instant, handle: ConnectionHandle) {
        let Ok(cookie) = random_bytes() else {
            // A cookie that could be guessed proves nothing.
            self.take_back_move(now, handle, "cannot be asked", false);
            return;
        };
        if let Some((_, address)) = self.doubts.challenge(handle, cookie) {
            self.send_check(now, handle, address, RoutabilityCheck::Challenge(cookie));
        }
    }

    fn send_check(&mut self, now: Instant, handle: ConnectionHandle, remote: SocketAddr, message: RoutabilityCheck) {
        let Some(entry) = self.connections.get_mut(&handle) else { return };
        let route = Route { remote, local: entry.local };
        let Scratch { outbox, .. } = &mut self.scratch;
        let is_sealed = entry.connection.send_check(now, message, outbox);
        let is_claimed = self.doubts.get(handle).is_some_and(|doubt| doubt.claimed == remote);
        let datagram = outbox.first().filter(|_| is_sealed).map(<[u8]>::to_vec);
        outbox.clear();
        if let Some(datagram) = datagram
            && (!is_claimed || self.doubts.allow(handle, datagram.len()))
        {
            self.note_sent(&datagram);
            self.outputs.push_transmit(route, datagram);
        }
    }

    /// The peer receives at its address.
    fn confirm(&mut self, handle: ConnectionHandle) {
        self.doubts.end(handle);
        if let Some(entry) = self.connections.get_mut(&handle) {
            entry.is_guest = false;
        }
    }

    /// The connection goes back to the address at which its peer was proved to be.
    fn take_back_move(&mut self, now: Instant, handle: ConnectionHandle, why: &str, is_refused: bool) {
        let Some(doubt) = self.doubts.end(handle) else { return };
        if is_refused {
            self.doubts.refuse(now, handle, doubt.claimed);
        }
        self.counters.address_checks_failed += 1;
        self.outputs
            .trace
            .line(1, doubt.claimed, || format!("is no longer the address of a connection: its peer {why}"));
        self.relocate(now, handle, doubt.trusted);
        self.confirm(handle);
    }

    // --- what is sent meanwhile --------------------------------------------------------------------------------------

    /// Sends a datagram of a connection whose address is in doubt: as far as the limit allows (RFC 9853 section 5), with a copy
    /// for the address before.
    pub(super) fn send_in_doubt(&mut self, handle: ConnectionHandle, datagram: &[u8]) {
        let Some(claimed) = self.doubts.get(handle).map(|doubt| doubt.claimed) else { return };
        let is_allowed = self.doubts.allow(handle, datagram.len());
        let addresses = [is_allowed.then_some(claimed), self.doubts.copy_to(handle)];
        self.counters.datagrams_withheld += u64::from(!is_allowed);
        let local = self.connections.get(&handle).and_then(|entry| entry.local);
        for remote in addresses.into_iter().flatten() {
            self.note_sent(datagram);
            self.outputs.push_transmit(Route { remote, local }, datagram.to_vec());
        }
    }

    /// Says something of a check to a peer.
    #[cfg(test)]
    pub(in crate::proto) fn say_check(&mut self, now: Instant, handle: ConnectionHandle, message: RoutabilityCheck) {
        if let Some(remote) = self.connections.get(&handle).map(|entry| entry.remote) {
            self.send_check(now, handle, remote, message);
        }
    }

    /// What the newest challenge to a peer asks it to send back.
    #[cfg(test)]
    pub(in crate::proto) fn newest_cookie(&self, handle: ConnectionHandle) -> Option<[u8; 8]> {
        self.doubts.newest_cookie(handle)
    }

    fn note_sent(&mut self, datagram: &[u8]) {
        self.counters.datagrams_sent += 1;
        self.counters.bytes_sent += datagram.len() as u64;
    }
}
