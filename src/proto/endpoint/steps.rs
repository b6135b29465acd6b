//! What a connection's step leads to in its endpoint: datagrams, events, questions, jobs, deadlines, the end.

use super::{Endpoint, Entry, Event, Pending};
use crate::proto::connection::{CloseReason, Connection, Observations, Step};
use crate::proto::counters::Tally;
use crate::proto::handshakes::Unfinished;
use crate::proto::limits::{TIMEOUTS_PER_CALL, are_worth_a_release};
use crate::proto::route::Route;
use crate::proto::table::ConnectionHandle;
use crate::tls::{AssociationName, ErrorKind, Negotiated, PeerCredential, release_free_memory};
use crate::wire::alert;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

impl Endpoint {
    /// Follows a connection from one step to the next, until it waits.
    pub(super) fn apply(&mut self, now: Instant, handle: ConnectionHandle, step: Step) {
        self.note_observations(handle);
        let mut next = Some(step);
        while let Some(step) = next {
            next = self.apply_one(now, handle, step).or_else(|| {
                let connection = &mut self.connections.get_mut(&handle)?.connection;
                connection.resume(now, &mut self.scratch)
            });
            self.note_observations(handle);
        }
        if let Some(server) = &mut self.server
            && self.connections.get_mut(&handle).is_some_and(|entry| entry.connection.has_advanced())
        {
            server.handshakes.advance(now, Unfinished::Connection(handle));
        }
        self.schedule(handle);
    }

    /// Answers the step that follows at once, if there is one.
    fn apply_one(&mut self, now: Instant, handle: ConnectionHandle, step: Step) -> Option<Step> {
        if self.logs_keys {
            self.log_keys_of(handle, &step);
        }
        if let Step::Ended(reason) = step {
            self.remove(handle, reason);
            return None;
        }
        self.flush(handle);
        match step {
            Step::Asks(question) => return self.answer_or_ask(now, handle, question),
            Step::Computes => self.line_up(handle),
            Step::Established { negotiated, handshake_time } => {
                self.establish(now, handle, *negotiated, handshake_time);
                self.evict_idle(now);
            }
            Step::Data(length) => {
                self.count_received(handle, length);
                self.outputs.push_data(handle, self.scratch.plaintext.get(..length));
            }
            Step::Session(session) => self.take_session(handle, *session),
            Step::FellAsleep => self.sleepers += 1,
            Step::CopyDue => self.outputs.push(Event::CopyDue { connection: handle }),
            // It had to wait, and came from the address at which the handshake was.
            Step::Check(message) => {
                if let Some(entry) = self.connections.get(&handle) {
                    self.handle_check(now, handle, entry.remote, message);
                }
            }
            // What was held turned out to be of no use.
            Step::Dropped(reason) => {
                if let Some(entry) = self.connections.get_mut(&handle) {
                    entry.tally.dropped();
                    let remote = entry.remote;
                    self.drop_records(remote, reason, 1);
                }
            }
            Step::Taken | Step::Ended(_) => {}
        }
        None
    }

    /// Says what the keys of a handshake are, also of one that has just failed.
    fn log_keys_of(&mut self, handle: ConnectionHandle, step: &Step) {
        if let Some(Entry { connection, .. }) = self.connections.get_mut(&handle)
            && (!connection.is_established() || matches!(step, Step::Established { .. }))
            && let Some(lines) = connection.take_key_log()
        {
            self.outputs.push(Event::KeyLog { connection: handle, lines });
        }
    }

    pub(super) fn count_received(&mut self, handle: ConnectionHandle, length: usize) {
        self.counters.messages_received += 1;
        if let Some(entry) = self.connections.get_mut(&handle) {
            entry.tally.received(length);
            let remote = entry.remote;
            self.outputs.trace.line(3, remote, || format!("-> application data, {length} bytes"));
        }
    }

    /// Counts what a connection has noticed about its peer and the network between.
    fn note_observations(&mut self, handle: ConnectionHandle) {
        let Observations { repetitions, round_trip } = std::mem::take(&mut self.scratch.observations);
        if repetitions == 0 && round_trip.is_none() {
            return;
        }
        self.counters.retransmissions += u64::from(repetitions);
        if let Some(round_trip) = round_trip {
            self.counters.round_trips.record(round_trip);
        }
        if let Some(entry) = self.connections.get_mut(&handle) {
            let tally = &mut entry.tally;
            tally.retransmissions = tally.retransmissions.saturating_add(repetitions);
            round_trip.inspect(|&time| tally.note_round_trip(time));
            if repetitions > 0 {
                let remote = entry.remote;
                self.outputs.trace.line(2, remote, || "<- the last flight, again");
            }
        }
    }

    /// Adds a connection whose handshake begins.
    pub(super) fn add_handshake(&mut self, now: Instant, route: Route, connection: Connection) -> ConnectionHandle {
        let remote = route.remote;
        let places = self.places_for(remote);
        let handle = self.add(route, connection);
        if let Some(server) = &mut self.server {
            server.handshakes.begin(now, remote, Unfinished::Connection(handle), places);
        }
        self.routes.begin_handshake(route, handle);
        self.counters.handshakes_started += 1;
        self.outputs.trace.line(2, remote, || "handshake begins");
        handle
    }

    pub(super) fn add(&mut self, route: Route, connection: Connection) -> ConnectionHandle {
        let handle = self.next_handle();
        self.ids.give(connection.own_id(), handle);
        let entry = Entry {
            connection,
            remote: route.remote,
            local: route.local,
            tally: Tally::default(),
            scheduled: None,
            pending: Pending::Nothing,
            is_guest: false,
            association: None,
        };
        self.connections.insert(handle, entry);
        handle
    }

    fn next_handle(&mut self) -> ConnectionHandle {
        loop {
            // Four thousand million connections later some may live still, and 0 stands for none.
            self.last_connection = self.last_connection.wrapping_add(1);
            let handle = ConnectionHandle(self.last_connection);
            if self.last_connection != 0 && !self.connections.contains_key(&handle) {
                return handle;
            }
        }
    }

    fn establish(&mut self, now: Instant, handle: ConnectionHandle, negotiated: Negotiated, handshake_time: Duration) {
        let Some(route) = self.connections.get(&handle).map(Entry::route) else {
            return;
        };
        let remote = route.remote;
        // RFC 6347 section 4.2.8: the old association goes only now that the new one has proved itself.
        self.end_handshake(Unfinished::Connection(handle));
        let Negotiated { suite, resumed, psk_identity, peer, terms, session, early: _ } = negotiated;
        self.note_peer(handle, psk_identity.as_deref(), peer.as_ref());
        let old = self.replaced_by(handle, route);
        self.place(handle, remote);
        if let Some(old) = old {
            self.remove(old, CloseReason::Replaced);
        }
        self.name(handle);
        self.counters.handshakes_completed += 1;
        self.counters.handshake_times.record(handshake_time);
        if let Some(identity) = &psk_identity {
            self.outputs.trace.identify(remote, identity);
        }
        self.counters.sessions_resumed += u64::from(resumed);
        if let Some(session) = session {
            self.keep_session(now, handle, session);
        }
        self.outputs
            .trace
            .line(2, remote, || format!("handshake ends after {} ms: {}", handshake_time.as_millis(), suite.name()));
        let terms = Box::new(terms);
        self.outputs.push(Event::Secure {
            connection: handle,
            suite,
            resumed,
            psk_identity,
            peer,
            terms,
            handshake_time,
        });
    }

    /// Notes who the peer of a connection with an ID is.
    fn note_peer(&mut self, handle: ConnectionHandle, psk_identity: Option<&[u8]>, peer: Option<&PeerCredential>) {
        let Some(entry) = self.connections.get(&handle) else { return };
        let key = peer.map(|peer| peer.public_key.as_slice());
        if entry.connection.has_id() {
            self.ids.know_peer(entry.connection.own_id(), psk_identity, key);
        } else if self.server.is_none() {
            // The server has not taken up the offer.
            self.ids.take_back_all(handle);
        }
    }

    /// The connection on this route that a new one takes the place of (RFC 6347 section 4.2.8): the one that was heard last.
    /// Another peer's with an ID stays, because it can come from any address: this one may have been its NAT's.
    fn replaced_by(&self, new: ConnectionHandle, route: Route) -> Option<ConnectionHandle> {
        let id = |handle| self.connections.get(&handle).map(|entry| entry.connection.own_id()).unwrap_or_default();
        let peer = self.ids.peer(id(new));
        let mut others = self.living_on(route);
        others.clone().next().filter(|&last| id(last).is_empty()).or_else(|| {
            others.find(|&other| peer.is_some() && !id(other).is_empty() && self.ids.peer(id(other)) == peer)
        })
    }

    /// The established connections on this route, the one that was heard last first. A peer may have one with each of our
    /// addresses.
    pub(super) fn living_on(&self, route: Route) -> impl Iterator<Item = ConnectionHandle> + Clone {
        let is_there = move |handle: &ConnectionHandle| {
            let local = self.connections.get(handle).and_then(|entry| entry.local);
            local.is_none() || route.local.is_none() || local == route.local
        };
        (0..).map_while(move |rank| self.routes.established(route.remote, rank)).filter(is_there)
    }

    /// Notes an established connection by what is its own. A client's is never looked for.
    pub(super) fn name(&mut self, handle: ConnectionHandle) {
        let name = self.connections.get(&handle).filter(|_| self.server.is_some());
        if let Some(name) = name.and_then(|entry| entry.connection.association()) {
            self.name_as(handle, name);
        }
    }

    pub(super) fn name_as(&mut self, handle: ConnectionHandle, name: AssociationName) {
        if let Some(entry) = self.connections.get_mut(&handle) {
            entry.association = Some(name);
            self.associations.insert(name, handle);
        }
    }

    /// Says how a connection has ended, and by which alerts: what an encrypted one says is seen here alone.
    fn trace_end(&mut self, remote: SocketAddr, reason: &CloseReason, was_established: bool) {
        let trace = &mut self.outputs.trace;
        let what = if was_established { "connection" } else { "handshake" };
        match reason {
            CloseReason::Error(error) => {
                if let Some(alert) = error.alert {
                    let arrow = if error.kind == ErrorKind::AlertReceived { "->" } else { "<-" };
                    trace.line(2, remote, || format!("{arrow} alert {}", alert::name(alert)));
                }
                trace.line(1, remote, || format!("{what} fails: {error} ({:?})", error.kind));
            }
            other => {
                if matches!(other, CloseReason::Peer) {
                    trace.line(2, remote, || format!("-> alert {}", alert::name(alert::CLOSE_NOTIFY)));
                }
                if was_established && matches!(other, CloseReason::Peer | CloseReason::Idle) {
                    trace.line(2, remote, || format!("<- alert {}", alert::name(alert::CLOSE_NOTIFY)));
                }
                trace.line(2, remote, || format!("{what} ends: {other:?}"));
            }
        }
        trace.forget(remote);
    }

    /// Forgets the connection everywhere, and says so once.
    pub(super) fn remove(&mut self, handle: ConnectionHandle, reason: CloseReason) {
        self.forget_session(handle, &reason);
        let Some(entry) = self.forget(handle) else {
            return;
        };
        let remote = entry.remote;
        let reason = match reason {
            CloseReason::Error(error) => CloseReason::Error(error.with_claim(entry.connection.claim())),
            other => other,
        };
        let is_error = matches!(reason, CloseReason::Error(_));
        self.counters.handshakes_failed += u64::from(is_error && !entry.connection.is_established());
        self.trace_end(remote, &reason, entry.connection.is_established());
        self.counters.count_end(&reason);
        self.outputs.push(Event::Closed { connection: handle, reason, tally: entry.tally });
    }

    /// Sends what was written, and forgets the connection everywhere.
    pub(super) fn forget(&mut self, handle: ConnectionHandle) -> Option<Entry> {
        self.flush(handle);
        let entry = self.connections.remove(&handle)?;
        self.routes.remove(entry.route(), handle);
        self.end_handshake(Unfinished::Connection(handle));
        self.former_addresses.forget(handle);
        self.own_sessions.remove(&handle);
        self.doubts.forget(handle);
        self.ids.take_back(entry.connection.own_id(), handle);
        if let Some(name) = entry.association {
            self.associations.remove(name);
        }
        self.deadlines.change(handle, entry.scheduled, None);
        match entry.pending {
            Pending::Nothing => {}
            Pending::Question(question) => self.questions.withdraw(question),
            Pending::Job(ticket) => self.jobs.give_up(ticket),
        }
        Some(entry)
    }

    /// Moves what a connection wrote from the scratch to the queue.
    pub(super) fn flush(&mut self, handle: ConnectionHandle) {
        let outbox = &mut self.scratch.outbox;
        if outbox.is_empty() {
            return;
        }
        if self.doubts.get(handle).is_some() {
            let written = std::mem::take(outbox);
            written.datagrams().for_each(|datagram| self.send_in_doubt(handle, datagram));
            return;
        }
        if let Some(entry) = self.connections.get(&handle) {
            let route = entry.route();
            let count = self.outputs.push_transmits(route, outbox.datagrams());
            self.counters.datagrams_sent += count as u64;
            self.counters.bytes_sent += outbox.byte_count() as u64;
            if self.outputs.trace.shows(3, route.remote) {
                for datagram in outbox.datagrams() {
                    self.outputs.trace_datagram(route.remote, datagram);
                }
            }
        }
        outbox.clear();
    }

    // --- time --------------------------------------------------------------------------------------------------------

    /// When [`Endpoint::handle_timeout`] is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let hellos =
            self.server.iter().flat_map(|server| [server.gathering.next_deadline(), server.unproven.next_deadline()]);
        let others = self
            .unplaced
            .next_deadline(&self.limits)
            .into_iter()
            .chain(hellos.flatten())
            .chain(self.next_stalled())
            .chain(self.doubts.next_deadline());
        self.deadlines.next().into_iter().chain(others).min()
    }

    /// Call when [`Endpoint::poll_timeout`] is due, and again when it still is. Any other time does no harm.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        for _ in 0..TIMEOUTS_PER_CALL {
            let Some(handle) = self.deadlines.pop_due(now) else {
                break;
            };
            if let Some(entry) = self.connections.get_mut(&handle) {
                entry.scheduled = None;
                let step = entry.connection.handle_timeout(now, &self.limits, &mut self.scratch);
                self.apply(now, handle, step);
            }
        }
        self.ask_when_due(now);
        self.expire_unplaced(now);
        self.expire_hellos(now);
        self.expire_stalled(now);
        if are_worth_a_release(self.sleepers, now, self.deadlines.next()) {
            self.sleepers = 0;
            release_free_memory();
        }
    }

    pub(super) fn schedule(&mut self, handle: ConnectionHandle) {
        if let Some(entry) = self.connections.get_mut(&handle) {
            let deadline = entry.connection.deadline(&self.limits);
            self.deadlines.change(handle, entry.scheduled, deadline);
            entry.scheduled = deadline;
        }
    }
}
