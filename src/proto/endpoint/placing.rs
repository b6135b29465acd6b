//! Connections that go on elsewhere: after the server was restarted, and from another address.
//!
//! Neither is part of DTLS 1.2. The application keeps the saved connections, and knows which address a device had. The
//! protocol decides: nothing is restored for good, and nothing moves, before a record has been authenticated.

use super::inbound::Outcome;
use super::{Endpoint, Event};
use crate::proto::connection::{CloseReason, Connection, Scratch, Step};
use crate::proto::questions::{Answered, Question, QuestionId, Restoration};
use crate::proto::table::ConnectionHandle;
use crate::proto::unplaced::Unplaced;
use crate::proto::vendor_move::MoveAnnouncement;
use crate::tls::{AssociationName, Context, Unrestorable};
use crate::wire::{Record, Records};
use std::net::SocketAddr;
use std::time::Instant;

impl Endpoint {
    // --- records that no connection can read -------------------------------------------------------------------------

    /// Keeps an application record from an unknown address while the application is asked for its connection.
    pub(super) fn hold_unplaced(&mut self, now: Instant, remote: SocketAddr, record: &Record<'_>) -> Outcome {
        if self.unplaced.is_asked_about(remote) {
            return if self.unplaced.hold(remote, record) { Outcome::Used } else { Outcome::Dropped };
        }
        let is_candidate = record.is_application_data() && self.routes.established(remote, 0).is_none();
        if !is_candidate || !self.asks.for_restores || !self.expected.includes(remote) {
            return Outcome::Dropped;
        }
        self.ask_in_turn(now, remote, record, Question::Restore { claimed: remote })
    }

    /// Questions about addresses have a budget of their own: anybody can cause them, under any address.
    fn ask_in_turn(&mut self, now: Instant, remote: SocketAddr, record: &Record<'_>, question: Question) -> Outcome {
        if self.connections.len() >= self.limits.connections {
            return Outcome::Dropped;
        }
        // What could be asked already takes nobody's place.
        self.ask_next(now);
        let unplaced = Unplaced::new(remote, record, now + self.limits.handshake_timeout);
        let displaced = self.unplaced.wait(unplaced, question, &self.limits);
        self.ask_next(now);
        let Some(displaced) = displaced else {
            return Outcome::Used;
        };
        self.counters.address_questions_displaced += 1;
        if displaced.remote == remote {
            return Outcome::Dropped;
        }
        self.counters.records_dropped += displaced.records.len() as u64;
        Outcome::Used
    }

    /// Asks about addresses that wait, as long as one more question may be open.
    pub(super) fn ask_next(&mut self, now: Instant) {
        while let Some((unplaced, question)) = self.unplaced.next(now, &self.limits) {
            self.ask_about(unplaced, question);
        }
    }

    /// The addresses whose connections are saved, beside those named before; without any, all are expected.
    pub(crate) fn expect_addresses(&mut self, addresses: Option<Vec<SocketAddr>>) {
        match addresses {
            Some(addresses) => self.expected.add(addresses),
            None => self.expected.clear(),
        }
    }

    /// A device says that its address has changed. Without anyone to ask, its record is one like any other.
    pub(super) fn handle_announcement(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        announcement: &MoveAnnouncement<'_>,
    ) {
        let Some(record) = Records::new(&announcement.datagram).next() else {
            return;
        };
        let (mut outcome, connection) = self.deliver_to_established(now, remote, &record);
        if connection.is_none() {
            outcome = if self.asks.for_moves && !self.unplaced.is_asked_about(remote) {
                self.ask_for_move(now, remote, &record, announcement.device_id)
            } else {
                self.hold_unplaced(now, remote, &record)
            };
        }
        match outcome {
            Outcome::Used => {}
            Outcome::Data(connection, length) => {
                self.outputs.push_data(connection, self.scratch.plaintext.get(..length));
            }
            Outcome::Dropped => {
                self.counters.records_dropped += 1;
                self.counters.datagrams_dropped += 1;
            }
        }
    }

    fn ask_for_move(&mut self, now: Instant, remote: SocketAddr, record: &Record<'_>, device_id: &[u8]) -> Outcome {
        self.ask_in_turn(now, remote, record, Question::Move { remote, device_id: device_id.to_vec() })
    }

    fn ask_about(&mut self, unplaced: Unplaced, question: Question) {
        let id = self.questions.open(question.subject(), None);
        self.unplaced.insert(id, unplaced, &self.limits);
        self.outputs.push(Event::Question { question: id, connection: None, about: question });
    }

    pub(super) fn expire_unplaced(&mut self, now: Instant) {
        while let Some(question) = self.unplaced.pop_expired(now) {
            self.questions.withdraw(question);
            self.outputs.push(Event::QuestionExpired { question });
        }
        self.ask_next(now);
    }

    // --- moves -------------------------------------------------------------------------------------------------------

    /// The address that a device had. The connection there moves if the device's record authenticates. When there is no
    /// connection any more, the application is asked for the one that was saved.
    pub(super) fn answer_move(&mut self, now: Instant, question: QuestionId, old: Option<SocketAddr>) -> Answered {
        let Some(mut unplaced) = self.unplaced.remove(question) else {
            return Answered::Unused;
        };
        let Some(old) = old else {
            return Answered::Used;
        };
        if self.routes.established(old, 0).is_none() && self.asks.for_restores {
            unplaced.claimed = old;
            self.ask_about(unplaced, Question::Restore { claimed: old });
            return Answered::Used;
        }
        let remote = unplaced.remote;
        let mut at = old;
        for record in unplaced.records {
            // The event of the move comes before the data that moved it.
            let before = self.outputs.event_count();
            let (outcome, connection) = self.deliver_to_established(now, at, &record.borrow());
            if let Some(connection) = connection {
                self.relocate(connection, remote, before);
                at = remote;
            }
            match outcome {
                Outcome::Used => {}
                Outcome::Dropped => self.counters.records_dropped += 1,
                Outcome::Data(connection, length) => {
                    self.outputs.push_data(connection, self.scratch.plaintext.get(..length));
                }
            }
        }
        Answered::Used
    }

    /// Moves a connection from its address to another, exactly once in every table.
    fn relocate(&mut self, handle: ConnectionHandle, remote: SocketAddr, event_position: usize) {
        let Some(entry) = self.connections.get_mut(&handle).filter(|entry| entry.remote != remote) else {
            return;
        };
        let old = std::mem::replace(&mut entry.remote, remote);
        self.routes.remove(old, handle);
        self.place(handle, remote);
        self.outputs.trace(2, || format!("{old} has moved to {remote}"));
        self.outputs.insert(event_position, Event::Moved { connection: handle, remote, old });
    }

    /// Makes a connection the first at its address. One that has been silent there for too long gives way.
    fn place(&mut self, handle: ConnectionHandle, remote: SocketAddr) {
        self.routes.establish(remote, handle);
        if let Some(surplus) = self.routes.surplus(remote) {
            self.remove(surplus, CloseReason::Replaced);
        }
    }

    // --- saved connections -------------------------------------------------------------------------------------------

    /// The connection that was saved for an address. It goes on if one of the records that have come meanwhile
    /// authenticates.
    pub(super) fn answer_restore(
        &mut self,
        now: Instant,
        question: QuestionId,
        restoration: Option<Restoration<'_>>,
    ) -> Answered {
        let Some(Unplaced { remote, claimed, records, .. }) = self.unplaced.remove(question) else {
            return Answered::Unused;
        };
        let Some(restoration) = restoration.filter(|_| self.routes.established(remote, 0).is_none()) else {
            return Answered::Unused;
        };
        let Some(mut connection) = self.build_restored(now, restoration) else {
            return Answered::Unused;
        };
        // Nothing is sent before the connection is known to be the peer's.
        let mut scratch = Scratch::default();
        let mut payloads = Vec::new();
        let mut is_proven = false;
        for record in records {
            match connection.handle_record(now, &record.borrow(), &mut scratch) {
                Step::Dropped => self.counters.records_dropped += 1,
                Step::Data(length) => {
                    is_proven = true;
                    payloads.push(scratch.plaintext.get(..length).unwrap_or_default().to_vec());
                }
                // It said goodbye.
                Step::Ended(_) => return Answered::Unused,
                _ => is_proven = true,
            }
        }
        if !is_proven {
            return Answered::Unused;
        }
        let handle = self.adopt(remote, connection, restoration.saved.association());
        if claimed != remote {
            self.outputs.push(Event::Moved { connection: handle, remote, old: claimed });
        }
        for payload in payloads {
            self.outputs.push(Event::Data { connection: handle, payload });
        }
        Answered::Restored(handle)
    }

    /// Lets a saved connection go on at `remote` without waiting for its peer.
    pub(crate) fn restore(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        restoration: Restoration<'_>,
    ) -> Option<ConnectionHandle> {
        if self.routes.established(remote, 0).is_some() || self.connections.len() >= self.limits.connections {
            return None;
        }
        let connection = self.build_restored(now, restoration)?;
        Some(self.adopt(remote, connection, restoration.saved.association()))
    }

    fn build_restored(&mut self, now: Instant, restoration: Restoration<'_>) -> Option<Connection> {
        let Restoration { saved, unix_time } = restoration;
        match Context::restore(&self.server.as_ref()?.config, saved, now, unix_time) {
            Ok(context) => Some(Connection::restored(now, context)),
            Err(Unrestorable(why)) => {
                self.outputs.trace(1, || format!("a saved connection cannot go on: {why}"));
                None
            }
        }
    }

    fn adopt(&mut self, remote: SocketAddr, connection: Connection, name: AssociationName) -> ConnectionHandle {
        // Two of them would use the same numbers one day.
        if let Some(&twin) = self.restored.get(&name) {
            self.remove(twin, CloseReason::Replaced);
        }
        let handle = self.add(remote, connection);
        if let Some(entry) = self.connections.get_mut(&handle) {
            entry.restored = Some(name);
        }
        self.restored.insert(name, handle);
        self.place(handle, remote);
        self.schedule(handle);
        self.outputs.trace(2, || format!("{remote} goes on where it was saved"));
        handle
    }
}
