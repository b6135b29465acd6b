//! The way of a datagram: cut into records, each of which goes to the connection of its address.

use super::Endpoint;
use crate::proto::connection::Step;
use crate::proto::limits::USELESS_RECORDS_PER_DATAGRAM;
use crate::proto::table::ConnectionHandle;
use crate::proto::vendor_move::MoveAnnouncement;
use crate::tls::DropReason;
use crate::wire::{HelloStart, Record, Records, describe};
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
        remote: SocketAddr,
        datagram: &[u8],
    ) -> Option<Received<'_>> {
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
        let mut records = Records::new(datagram);
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
        let (connection, length) = pending?;
        let payload = self.scratch.plaintext.get(..length);
        if self.outputs.has_unread_event() {
            self.outputs.push_data(connection, payload);
            return None;
        }
        payload.map(|payload| Received { connection, payload })
    }

    /// Somebody at the address of a handshake does not speak DTLS.
    fn note_noise(&mut self, remote: SocketAddr) {
        let handshaking = self.routes.handshaking(remote);
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
        let (outcome, connection) = self.deliver_to_established(now, remote, record);
        if connection.is_some() {
            return outcome;
        }
        let (returned, connection) = self.deliver_to_returning(now, remote, remote, record);
        if connection.is_some() {
            return returned;
        }
        match self.routes.handshaking(remote) {
            Some(connection) => self.deliver(now, connection, record),
            None => match self.hold_unplaced(now, remote, record) {
                // What is wrong with it for a connection says more than that there is no other.
                Outcome::Dropped(DropReason::NoConnection) => outcome,
                other => other,
            },
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
            outcome = self.deliver(now, connection, record);
            if !outcome.is_dropped() {
                self.routes.prefer(remote, connection);
                return (outcome, Some(connection));
            }
            rank += 1;
        }
        (outcome, None)
    }

    /// Gives a record to one connection.
    pub(super) fn deliver(&mut self, now: Instant, handle: ConnectionHandle, record: &Record<'_>) -> Outcome {
        let Some(entry) = self.connections.get_mut(&handle) else {
            return Outcome::Dropped(DropReason::NoConnection);
        };
        let slept = entry.connection.is_asleep();
        match entry.connection.handle_record(now, record, &mut self.scratch) {
            Step::Dropped(reason) => {
                entry.tally.dropped();
                if slept && !entry.connection.is_asleep() {
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
            step => {
                self.apply(now, handle, step);
                Outcome::Used
            }
        }
    }
}
