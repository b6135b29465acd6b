//! The way of a datagram: cut into records, each of which goes to the connection of its address.

use super::Endpoint;
use crate::proto::connection::Step;
use crate::proto::limits::USELESS_RECORDS_PER_DATAGRAM;
use crate::proto::route::Route;
use crate::proto::table::ConnectionHandle;
use crate::proto::vendor_move::MoveAnnouncement;
use crate::tls::DropReason;
use crate::wire::{HelloStart, Record, Records, RoutabilityCheck, describe};
use std::net::SocketAddr;
use std::time::Instant;

/// Plaintext that came with a datagram, without any event before it.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    pub(crate) connection: ConnectionHandle,
    pub(crate) payload: &'a [u8],
}

/// What became of a record.
pub(super) enum Outcome {
    Used,
    Dropped(DropReason),
    /// Its plaintext, this many bytes, is in the scratch.
    Data(ConnectionHandle, usize),
    /// It was a message of a return routability check.
    Check(ConnectionHandle, RoutabilityCheck),
}

impl Outcome {
    pub(super) fn is_dropped(&self) -> bool {
        matches!(self, Outcome::Dropped(_))
    }
}

impl Endpoint {
    /// Takes one datagram. Its last plaintext is lent out directly when no event waits before it; all others are events.
    pub(crate) fn handle_datagram(
        &mut self,
        now: Instant,
        route: impl Into<Route>,
        datagram: &[u8],
    ) -> Option<Received<'_>> {
        let Route { remote, local } = route.into();
        self.asked = local;
        let (connection, length) = self.take_datagram(now, remote, datagram)?;
        let payload = self.scratch.plaintext.get(..length);
        if self.outputs.has_unread_event() {
            self.outputs.push_data(connection, payload);
            return None;
        }
        payload.map(|payload| Received { connection, payload })
    }

    /// Answers whose plaintext is in the scratch, and how long it is.
    fn take_datagram(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        datagram: &[u8],
    ) -> Option<(ConnectionHandle, usize)> {
        self.counters.datagrams_received += 1;
        self.counters.bytes_received += datagram.len() as u64;
        self.outputs.trace.line(4, remote, || format!("-> a datagram, {} bytes", datagram.len()));
        if let Some(announcement) = self.server.as_ref().and_then(|_| MoveAnnouncement::parse(datagram)) {
            self.handle_announcement(now, remote, &announcement);
            return None;
        }
        let mut pending: Option<(ConnectionHandle, usize)> = None;
        let mut used = false;
        let mut useless = 0;
        let mut greeted = false;
        let mut records = Records::with_ids(datagram, self.ids.length());
        while useless < USELESS_RECORDS_PER_DATAGRAM
            && let Some(record) = records.next()
        {
            // The next record overwrites the plaintext.
            if let Some((connection, length)) = pending.take() {
                self.outputs.push_data(connection, self.scratch.plaintext.get(..length));
            }
            if !record.is_application_data() {
                self.outputs.trace.line(3, remote, || format!("-> {}", describe(&record)));
            }
            let outcome = self.handle_one(now, remote, &record, &mut greeted);
            match outcome {
                Outcome::Used => used = true,
                Outcome::Dropped(reason) => {
                    useless += 1;
                    self.drop_record(remote, reason, &record);
                }
                Outcome::Check(connection, message) => {
                    used = true;
                    self.handle_check(now, connection, remote, message);
                }
                Outcome::Data(connection, length) => {
                    used = true;
                    pending = Some((connection, length));
                }
            }
        }
        // What nobody has looked at is counted all the same.
        self.drop_records(remote, DropReason::Surplus, records.by_ref().count());
        if !used {
            self.counters.datagrams_dropped += 1;
            let rest = records.rest().len();
            if rest == datagram.len() {
                self.note_noise(remote);
                self.drop_noise(remote, rest);
            }
        }
        pending
    }

    /// Somebody at the address of a handshake does not speak DTLS.
    fn note_noise(&mut self, remote: SocketAddr) {
        let handshaking = self.routes.handshaking(self.route_to(remote));
        if let Some(entry) = handshaking.and_then(|handle| self.connections.get_mut(&handle)) {
            entry.connection.handle_noise();
        }
    }

    /// A datagram gets one answer to a hello, however many are in it: nobody greets twice in one breath. What goes on with
    /// a hello in fragments is none of its own.
    fn handle_one(&mut self, now: Instant, remote: SocketAddr, record: &Record<'_>, greeted: &mut bool) -> Outcome {
        if record.is_client_hello() && std::mem::replace(greeted, true) && HelloStart::parse(record).is_some() {
            return Outcome::Dropped(DropReason::Surplus);
        }
        self.handle_record(now, remote, record)
    }

    fn handle_record(&mut self, now: Instant, remote: SocketAddr, record: &Record<'_>) -> Outcome {
        if record.is_client_hello() && self.server.is_some() {
            return self.handle_client_hello(now, remote, record);
        }
        if let Some(id) = record.connection_id() {
            return self.deliver_by_id(now, remote, id, record);
        }
        let (outcome, connection) = self.deliver_to_established(now, remote, record);
        if connection.is_some() {
            return outcome;
        }
        let (returned, connection) = self.deliver_to_returning(now, remote, remote, record);
        if connection.is_some() {
            return returned;
        }
        match self.routes.handshaking(self.route_to(remote)) {
            Some(connection) => self.deliver(now, connection, record),
            None => match self.hold_unplaced(now, remote, record) {
                // What is wrong with it for a connection says more than that there is no other.
                Outcome::Dropped(DropReason::NoConnection) => outcome,
                other => other,
            },
        }
    }

    /// Gives a record to the connection that it names, wherever it has come from: a known address with the ID of another
    /// connection follows the ID.
    fn deliver_by_id(&mut self, now: Instant, remote: SocketAddr, id: &[u8], record: &Record<'_>) -> Outcome {
        if !record.may_be_protected() {
            // RFC 9146 section 3: only protected records have IDs.
            return Outcome::Dropped(DropReason::UnprotectedId);
        }
        let Some(handle) = self.ids.owner(id) else {
            if self.ids.other_node(id).is_some() {
                return Outcome::Dropped(DropReason::OtherNode);
            }
            return match self.hold_unplaced(now, remote, record) {
                Outcome::Dropped(DropReason::NoConnection) => Outcome::Dropped(DropReason::UnknownId),
                other => other,
            };
        };
        match self.connections.get(&handle) {
            Some(entry) if entry.remote == remote => {
                let outcome = self.deliver(now, handle, record);
                if !outcome.is_dropped() {
                    self.note_heard(now, handle, record.bytes.len());
                }
                outcome
            }
            // Its cookie is for the address at which the handshake began, and so is whatever answers. In DTLS 1.3 a client may end the
            // handshake from elsewhere all the same: its NAT may have forgotten it before its last flight came through.
            Some(entry) if !(entry.connection.is_established() || record.is_ciphertext() && self.server.is_some()) => {
                Outcome::Dropped(DropReason::Unexpected)
            }
            Some(_) if self.doubts.refuses(now, handle, remote) => self.deliver(now, handle, record),
            Some(_) => self.deliver_from(now, remote, handle, record),
            None => Outcome::Dropped(DropReason::Unexpected),
        }
    }

    /// Gives a record to the connection at this address that it authenticates with, and answers which that was.
    pub(super) fn deliver_to_established(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        record: &Record<'_>,
    ) -> (Outcome, Option<ConnectionHandle>) {
        let mut rank = 0;
        let mut outcome = Outcome::Dropped(DropReason::NoConnection);
        while let Some(connection) = self.routes.established(remote, rank) {
            outcome = self.deliver_without_id(now, connection, record);
            if !outcome.is_dropped() {
                self.routes.prefer(remote, connection);
                return (outcome, Some(connection));
            }
            rank += 1;
        }
        (outcome, None)
    }

    /// Gives a record without a connection ID to one connection, which must have given none away.
    fn deliver_without_id(&mut self, now: Instant, handle: ConnectionHandle, record: &Record<'_>) -> Outcome {
        if self.ids.length() > 0 && self.connections.get(&handle).is_some_and(|entry| entry.connection.has_id()) {
            return Outcome::Dropped(DropReason::MissingId);
        }
        self.deliver(now, handle, record)
    }

    /// Gives a record to one connection.
    pub(super) fn deliver(&mut self, now: Instant, handle: ConnectionHandle, record: &Record<'_>) -> Outcome {
        let Some(entry) = self.connections.get_mut(&handle) else {
            return Outcome::Dropped(DropReason::NoConnection);
        };
        let slept = entry.connection.is_asleep();
        let asked = self.asked.filter(|_| self.asked != entry.local);
        let newest = asked.and_then(|_| entry.connection.newest_heard());
        let step = entry.connection.handle_record(now, record, &mut self.scratch);
        // As with the peer's address: an old record that comes late says nothing about where the peer asks now.
        if asked.is_some() && entry.connection.newest_heard() > newest {
            entry.local = asked;
        }
        match step {
            Step::Dropped(reason) => {
                entry.tally.dropped();
                // Forged records have woken it, or have it ask for other keys.
                if slept && !entry.connection.is_asleep() || entry.connection.is_pressed() {
                    self.schedule(handle);
                }
                Outcome::Dropped(reason)
            }
            // The deadline in `deadlines` is looked at, and moved, when it comes. One that sleeps has none but idleness.
            Step::Data(length) => {
                entry.tally.received(length);
                let remote = entry.remote;
                self.outputs.trace.line(3, remote, || format!("-> application data, {length} bytes"));
                self.counters.messages_received += 1;
                if slept {
                    self.schedule(handle);
                }
                Outcome::Data(handle, length)
            }
            // Its answer goes to where it came from.
            Step::Check(message) => {
                self.schedule(handle);
                Outcome::Check(handle, message)
            }
            step => {
                self.apply(now, handle, step);
                Outcome::Used
            }
        }
    }
}
