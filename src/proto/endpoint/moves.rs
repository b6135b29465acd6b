//! Connections whose peer has another address than before.
//!
//! A connection moves only when a record has come from the new address that is authentic, and newer than all that were heard
//! before (RFC 9146 section 6 asks for both). Whoever has seen a record on its way can still be the first to send it: so a
//! newer record from an address that the connection had takes the move back.

use super::inbound::Outcome;
use super::{Endpoint, Event};
use crate::proto::connection::CloseReason;
use crate::proto::questions::{Answered, Question, QuestionId};
use crate::proto::route::Route;
use crate::proto::table::ConnectionHandle;
use crate::proto::vendor_move::MoveAnnouncement;
use crate::tls::DropReason;
use crate::wire::{OwnedRecord, Record, Records};
use std::net::SocketAddr;
use std::time::Instant;

impl Endpoint {
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
        let (mut outcome, mut connection) = self.deliver_to_established(now, remote, &record);
        if connection.is_none() {
            (outcome, connection) = self.deliver_to_returning(now, remote, remote, &record);
        }
        if connection.is_none() {
            outcome = if self.asks.for_moves && !self.unplaced.is_asked_about(remote) {
                self.ask_for_move(now, remote, &record, announcement.device_id)
            } else {
                self.hold_unplaced(now, remote, &record)
            };
        }
        if outcome.is_dropped() {
            self.counters.datagrams_dropped += 1;
        }
        self.conclude(now, remote, outcome);
    }

    fn ask_for_move(&mut self, now: Instant, remote: SocketAddr, record: &Record<'_>, device_id: &[u8]) -> Outcome {
        self.ask_in_turn(now, remote, record, Question::Move { remote, device_id: device_id.to_vec() })
    }

    /// The address that a device had. The connection from there moves if the device's record proves it. When there is no
    /// connection from there any more, the application is asked for the one that was saved.
    pub(super) fn answer_move(&mut self, now: Instant, question: QuestionId, old: Option<SocketAddr>) -> Answered {
        let Some(mut unplaced) = self.unplaced.remove(question) else {
            return Answered::Unused;
        };
        let Some(old) = old else {
            return Answered::Used;
        };
        let remote = unplaced.remote;
        self.asked = unplaced.local;
        let mut mover = None;
        let mut dropped = Vec::new();
        for record in unplaced.records.drain(..) {
            let outcome;
            (outcome, mover) = self.deliver_to_mover(now, mover, old, remote, &record.borrow());
            if outcome.is_dropped() {
                dropped.push(record);
            } else {
                self.conclude(now, remote, outcome);
            }
        }
        if mover.is_none() && self.routes.established(old, 0).is_none() && self.asks.for_restores {
            unplaced.claimed = old;
            unplaced.records = dropped;
            self.ask_about(unplaced, Question::Restore { claimed: old, id: None });
        } else {
            self.drop_records(remote, DropReason::Unauthentic, dropped.len());
        }
        Answered::Used
    }

    /// Gives a record from `remote` to the connection that moves there. As long as it is not known, those that are at `old`
    /// are tried, and those that were.
    fn deliver_to_mover(
        &mut self,
        now: Instant,
        known: Option<ConnectionHandle>,
        old: SocketAddr,
        remote: SocketAddr,
        record: &Record<'_>,
    ) -> (Outcome, Option<ConnectionHandle>) {
        if let Some(mover) = known {
            return (self.deliver_from(now, remote, mover, record), known);
        }
        let mut rank = 0;
        while let Some(connection) = self.routes.established(old, rank) {
            let outcome = self.deliver_from(now, remote, connection, record);
            if !outcome.is_dropped() {
                return (outcome, Some(connection));
            }
            rank += 1;
        }
        self.deliver_to_returning(now, old, remote, record)
    }

    /// Gives a record from `remote` to the connection that it authenticates with, of those that were once at `former`.
    pub(super) fn deliver_to_returning(
        &mut self,
        now: Instant,
        former: SocketAddr,
        remote: SocketAddr,
        record: &Record<'_>,
    ) -> (Outcome, Option<ConnectionHandle>) {
        let mut rank = 0;
        while let Some(connection) = self.former_addresses.connection(now, former, rank) {
            let outcome = self.deliver_from(now, remote, connection, record);
            if !outcome.is_dropped() {
                return (outcome, Some(connection));
            }
            rank += 1;
        }
        (Outcome::Dropped(DropReason::NoConnection), None)
    }

    /// Gives a connection a record from an address that need not be its own. If the record is newer than all before, the
    /// connection moves there; the event of that comes before the data.
    pub(super) fn deliver_from(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        handle: ConnectionHandle,
        record: &Record<'_>,
    ) -> Outcome {
        let newest = self.newest_heard(handle);
        let outcome = self.deliver(now, handle, record);
        if !outcome.is_dropped() && self.newest_heard(handle) > newest {
            let old = self.relocate(now, handle, remote);
            if let Some(old) = old.filter(|_| record.connection_id().is_some()) {
                self.doubt_move(now, handle, old, remote);
                self.note_heard(now, handle, record.bytes.len());
            }
        }
        outcome
    }

    fn newest_heard(&self, handle: ConnectionHandle) -> Option<u64> {
        self.connections.get(&handle)?.connection.newest_heard()
    }

    /// Records of an association that lives, which have come from an address that is not its own; answers whether any of
    /// them was authentic.
    pub(super) fn rejoin(
        &mut self,
        now: Instant,
        live: ConnectionHandle,
        remote: SocketAddr,
        records: Vec<OwnedRecord>,
    ) -> bool {
        let mut is_proven = false;
        for record in records {
            let outcome = self.deliver_from(now, remote, live, &record.borrow());
            is_proven |= !outcome.is_dropped();
            self.conclude(now, remote, outcome);
        }
        is_proven
    }

    /// Puts plaintext behind the events, and counts a record that was of no use.
    fn conclude(&mut self, now: Instant, remote: SocketAddr, outcome: Outcome) {
        match outcome {
            Outcome::Used => {}
            Outcome::Check(connection, message) => self.handle_check(now, connection, remote, message),
            Outcome::Dropped(reason) => self.drop_records(remote, reason, 1),
            Outcome::Data(connection, length) => {
                self.outputs.push_data(connection, self.scratch.plaintext.get(..length));
            }
        }
    }

    /// Moves a connection from its address to another, exactly once in every table. Answers the one before, if it has moved.
    pub(super) fn relocate(
        &mut self,
        now: Instant,
        handle: ConnectionHandle,
        remote: SocketAddr,
    ) -> Option<SocketAddr> {
        let entry = self.connections.get_mut(&handle).filter(|entry| entry.remote != remote)?;
        let route = entry.route();
        let old = std::mem::replace(&mut entry.remote, remote);
        if entry.connection.has_id() {
            // It is found wherever it is.
            entry.is_guest = true;
        } else {
            self.note_move(now, handle, old, remote);
        }
        self.routes.remove(route, handle);
        self.place(handle, remote);
        self.counters.moves += 1;
        self.outputs.trace.rename(old, remote);
        self.outputs.trace.line(2, remote, || format!("has moved here from {old}"));
        self.outputs.push(Event::Moved { connection: handle, remote, old });
        Some(old)
    }

    /// Notes where a connection was, so that the move can be taken back.
    pub(super) fn note_move(&mut self, now: Instant, handle: ConnectionHandle, old: SocketAddr, remote: SocketAddr) {
        if let Some(entry) = self.connections.get_mut(&handle) {
            entry.is_guest = self.former_addresses.exchange(now, handle, entry.is_guest, [old, remote]);
        }
    }

    /// Makes a connection the first at its address. Where there are too many, one that has come by a move gives way before
    /// one that was there, and among those the one that has been silent longest.
    pub(super) fn place(&mut self, handle: ConnectionHandle, remote: SocketAddr) {
        let local = self.connections.get(&handle).and_then(|entry| entry.local);
        self.routes.establish(Route { remote, local }, handle);
        let connections = &self.connections;
        let is_guest = |other: &ConnectionHandle| connections.get(other).is_some_and(|entry| entry.is_guest);
        if let Some(surplus) = self.routes.surplus(remote, is_guest) {
            self.remove(surplus, CloseReason::Replaced);
        }
    }
}
