//! The life of a connection in its endpoint: begun, advanced, established, removed.

use super::connection::{Activity, Connection, ConnectionHandle, Phase, WaitingFor};
use super::endpoint::{Endpoint, Outcome};
use super::output::{CloseReason, Event, LookupId};
use crate::tls::{Context, Error, Negotiated, Progress};
use crate::wire::OwnedRecord;
use std::net::SocketAddr;
use std::time::Instant;

impl Endpoint {
    pub(super) fn add_connection(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        context: Context,
        client_random: Option<[u8; 32]>,
    ) -> ConnectionHandle {
        let handle = self.next_handle();
        let phase = Phase::Handshaking { started: now, waiting_for: WaitingFor::Peer };
        let connection = Connection { remote, context, phase, client_random, restored: None, scheduled: None };
        self.connections.insert(handle, connection);
        self.routes.begin_handshake(remote, handle);
        self.counters.handshakes_started += 1;
        self.trace(2, || format!("{remote} handshake begins"));
        handle
    }

    pub(super) fn next_handle(&mut self) -> ConnectionHandle {
        loop {
            // Four thousand million connections later: some may live still, and 0 stands for none.
            self.last_connection = self.last_connection.wrapping_add(1);
            let handle = ConnectionHandle(self.last_connection);
            if self.last_connection != 0 && !self.connections.contains_key(&handle) {
                return handle;
            }
        }
    }

    pub(super) fn next_lookup(&mut self) -> LookupId {
        self.last_lookup = self.last_lookup.wrapping_add(1);
        LookupId(self.last_lookup)
    }

    /// Follows a handshake to its next pause.
    pub(super) fn advance(&mut self, now: Instant, handle: ConnectionHandle, progress: Result<Progress, Error>) {
        match progress {
            Ok(Progress::Waiting) => {
                self.flush(handle);
                self.schedule(handle);
            }
            Ok(Progress::Asks(question)) => {
                self.flush(handle);
                self.answer_or_ask(now, handle, question);
                self.schedule(handle);
            }
            Ok(Progress::Computes) => {
                self.flush(handle);
                self.line_up(handle);
                self.schedule(handle);
            }
            Ok(Progress::Done(negotiated)) => {
                self.flush(handle);
                self.establish(now, handle, negotiated);
                self.schedule(handle);
            }
            Err(error) => self.remove(handle, CloseReason::Error(error)),
        }
    }

    fn establish(&mut self, now: Instant, handle: ConnectionHandle, negotiated: Negotiated) {
        let Some(connection) = self.connections.get_mut(&handle) else {
            return;
        };
        let remote = connection.remote;
        let Phase::Handshaking { started, .. } = connection.phase else {
            return;
        };
        connection.phase = Phase::Established(Activity::begin(now));
        // RFC 6347 section 4.2.8: the old association goes only now that the new one has proved itself.
        let old = self.routes.established(remote, 0);
        self.routes.establish(remote, handle);
        if let Some(old) = old {
            self.remove(old, CloseReason::Replaced);
        }
        self.counters.handshakes_completed += 1;
        let Negotiated { suite, resumed, psk_identity, peer, terms, early } = negotiated;
        let handshake_time = now.saturating_duration_since(started);
        self.trace(2, || format!("{remote} handshake ends after {} ms: {}", handshake_time.as_millis(), suite.name()));
        let terms = Box::new(terms);
        let event = Event::Secure { connection: handle, suite, resumed, psk_identity, peer, terms, handshake_time };
        self.push_event(event);
        self.release(now, handle, early.into());
    }

    /// Delivers records that had to wait.
    pub(super) fn release(&mut self, now: Instant, handle: ConnectionHandle, records: Vec<OwnedRecord>) {
        for record in &records {
            match self.deliver(now, handle, &record.borrow()) {
                Outcome::Used => {}
                Outcome::Dropped => self.counters.records_dropped += 1,
                Outcome::Data(connection, length) => self.push_data(connection, length),
            }
        }
    }

    /// Sends what is in the outbox, forgets the connection everywhere, and says so once.
    pub(super) fn remove(&mut self, handle: ConnectionHandle, reason: CloseReason) {
        self.flush(handle);
        let Some(connection) = self.connections.remove(&handle) else {
            return;
        };
        let remote = connection.remote;
        self.routes.remove(remote, handle);
        self.roaming.forget(&connection);
        self.deadlines.change(handle, connection.scheduled, None);
        if let Phase::Handshaking { waiting_for, .. } = connection.phase {
            self.counters.handshakes_failed += u64::from(matches!(reason, CloseReason::Error(_)));
            match waiting_for {
                WaitingFor::Peer => {}
                WaitingFor::Application(open) => drop(self.lookups.remove(&open.id)),
                WaitingFor::Worker(stint) => self.jobs.give_up(stint.ticket),
            }
        }
        self.trace(if matches!(reason, CloseReason::Error(_)) { 1 } else { 2 }, || match &reason {
            CloseReason::Error(error) => format!("{remote} closed: {error} ({:?})", error.kind),
            other => format!("{remote} closed: {other:?}"),
        });
        self.push_event(Event::Closed { connection: handle, reason });
    }
}
