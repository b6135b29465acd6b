//! Records from addresses without a connection, and saved connections that go on.
//!
//! This is no part of DTLS 1.2. The application keeps the saved connections. The protocol decides: nothing is restored for
//! good before a record has been authenticated, and an association lives once.

use super::inbound::Outcome;
use super::{Endpoint, Event};
use crate::proto::connection::{Connection, Scratch, Step};
use crate::proto::questions::{Answered, Question, QuestionId, Restoration};
use crate::proto::route::Route;
use crate::proto::table::ConnectionHandle;
use crate::proto::unplaced::Unplaced;
use crate::tls::{ConnectionIds, Context, DropReason, SavedConnection};
use crate::wire::{ConnectionId, Record};
use std::net::SocketAddr;
use std::time::Instant;

impl Endpoint {
    // --- records that no connection can read -------------------------------------------------------------------------

    /// Keeps an application record from an unknown address while the application is asked for its connection.
    pub(super) fn hold_unplaced(&mut self, now: Instant, remote: SocketAddr, record: &Record<'_>) -> Outcome {
        if self.unplaced.is_asked_about(remote) {
            return if self.unplaced.hold(remote, record) {
                Outcome::Used
            } else {
                Outcome::Dropped(DropReason::Limit)
            };
        }
        let is_named = record.connection_id().is_some();
        // What a protected record of DTLS 1.3 carries is not to be seen.
        let may_be_data = record.is_application_data() || record.is_ciphertext();
        let is_candidate = may_be_data && (is_named || self.routes.established(remote, 0).is_none());
        if !is_candidate || !self.asks.for_restores || !self.expected.includes(remote) {
            return Outcome::Dropped(DropReason::NoConnection);
        }
        let id = record.connection_id().and_then(ConnectionId::new);
        self.ask_in_turn(now, remote, record, Question::Restore { claimed: remote, id })
    }

    /// Questions about addresses have a budget of their own: anybody can cause them, under any address.
    pub(super) fn ask_in_turn(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        record: &Record<'_>,
        question: Question,
    ) -> Outcome {
        if self.is_full() {
            return Outcome::Dropped(DropReason::Limit);
        }
        // What could be asked already takes nobody's place.
        self.ask_next(now);
        let unplaced = Unplaced::new(self.route_to(remote), record, now + self.limits.handshake_timeout);
        let displaced = self.unplaced.wait(unplaced, question, &self.limits);
        self.ask_next(now);
        let Some(displaced) = displaced else {
            return Outcome::Used;
        };
        self.counters.address_questions_displaced += 1;
        if displaced.remote == remote {
            return Outcome::Dropped(DropReason::Limit);
        }
        self.drop_records(displaced.remote, DropReason::Limit, displaced.records.len());
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

    pub(super) fn ask_about(&mut self, unplaced: Unplaced, question: Question) {
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

    // --- saved connections -------------------------------------------------------------------------------------------

    /// The connection that was saved for an address. It goes on if one of the records that have come meanwhile
    /// authenticates.
    pub(super) fn answer_restore(
        &mut self,
        now: Instant,
        question: QuestionId,
        restoration: Option<Restoration<'_>>,
        home: Option<SocketAddr>,
    ) -> Answered {
        let Some(Unplaced { remote, local, claimed, records, .. }) = self.unplaced.remove(question) else {
            return Answered::Unused;
        };
        let Some(restoration) = restoration else {
            return Answered::Unused;
        };
        // It has never stopped: its own window decides, and not the copy's.
        if let Some(live) = self.associations.get(restoration.saved.association()) {
            self.asked = local;
            let is_proven = self.rejoin(now, live, remote, records);
            return if is_proven { Answered::Restored(live) } else { Answered::Unused };
        }
        if self.is_taken(remote, restoration.saved) {
            return Answered::Unused;
        }
        let Some(mut connection) = self.build_restored(now, remote, restoration) else {
            return Answered::Unused;
        };
        // Nothing is sent before the connection is known to be the peer's.
        let mut scratch = Scratch::default();
        let mut payloads = Vec::new();
        let mut is_proven = false;
        let heard = records.iter().map(|record| record.borrow().bytes.len()).sum();
        for record in records {
            match connection.handle_record(now, &record.borrow(), &mut scratch) {
                Step::Dropped(reason) => self.drop_records(remote, reason, 1),
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
        let handle = self.adopt(now, Route { remote, local }, connection, restoration);
        if claimed != remote {
            self.note_move(now, handle, claimed, remote);
            self.counters.moves += 1;
            self.outputs.push(Event::Moved { connection: handle, remote, old: claimed });
        } else if let Some(home) = home.filter(|&home| home != remote) {
            self.come_from(now, handle, home, heard);
        }
        for payload in payloads {
            self.count_received(handle, payload.len());
            self.outputs.push(Event::Data { connection: handle, payload });
        }
        Answered::Restored(handle)
    }

    /// A saved connection has been found by its ID, elsewhere than where its peer was known to receive: a move like any other.
    fn come_from(&mut self, now: Instant, handle: ConnectionHandle, home: SocketAddr, heard: usize) {
        let Some(entry) = self.connections.get_mut(&handle).filter(|entry| entry.connection.has_id()) else { return };
        entry.is_guest = true;
        let remote = entry.remote;
        self.counters.moves += 1;
        self.outputs.push(Event::Moved { connection: handle, remote, old: home });
        self.doubt_move(now, handle, home, remote);
        self.note_heard(now, handle, heard);
    }

    /// Lets a saved connection go on at `remote` without waiting for its peer. `None` when there is a connection, when the
    /// association lives, or when it cannot go on.
    pub(crate) fn restore(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        restoration: Restoration<'_>,
    ) -> Option<ConnectionHandle> {
        let lives = self.associations.get(restoration.saved.association()).is_some();
        if lives || self.is_taken(remote, restoration.saved) || self.is_full() {
            return None;
        }
        let connection = self.build_restored(now, remote, restoration)?;
        Some(self.adopt(now, remote.into(), connection, restoration))
    }

    /// Whether another connection has the place of a saved one. Where its records have an ID, it is found by that, and its
    /// address may have been a NAT's, which has given it to somebody else.
    fn is_taken(&self, remote: SocketAddr, saved: &SavedConnection) -> bool {
        let has_id = saved.connection_ids().is_some_and(|ids| !ids.own().is_empty());
        !has_id && self.routes.established(remote, 0).is_some()
    }

    fn build_restored(&mut self, now: Instant, remote: SocketAddr, restoration: Restoration<'_>) -> Option<Connection> {
        let Restoration { saved, clock } = restoration;
        if let Some(id) = saved.connection_ids().map(ConnectionIds::own).filter(|id| !id.is_empty())
            && (id.len() != usize::from(self.ids.length()) || !self.ids.is_free(id))
        {
            self.outputs.trace.line(
                1,
                remote,
                || "a saved connection cannot go on: its connection ID is taken, or not as long as ours are",
            );
            return None;
        }
        match Context::restore(&self.server.as_ref()?.config, saved, clock) {
            Ok(context) => Some(Connection::restored(now, context)),
            Err(why) => {
                self.outputs.trace.line(1, remote, || format!("a saved connection cannot go on: {why}"));
                None
            }
        }
    }

    pub(super) fn adopt(
        &mut self,
        now: Instant,
        route: Route,
        connection: Connection,
        restoration: Restoration<'_>,
    ) -> ConnectionHandle {
        let remote = route.remote;
        let handle = self.add(route, connection);
        self.counters.connections_restored += 1;
        if self.server.is_some() {
            self.name_as(handle, restoration.saved.association());
        }
        self.place(handle, remote);
        self.schedule(handle);
        self.evict_idle(now);
        self.outputs.trace.line(2, remote, || "goes on where it was saved");
        if restoration.saved.is_ahead_of(restoration.clock) {
            self.outputs.push(Event::ClockBehind { remote });
        }
        handle
    }
}
