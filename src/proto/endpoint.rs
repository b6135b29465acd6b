//! One UDP address and all its connections.

use super::connection::{Connection, ConnectionHandle, Phase, WaitingFor};
use super::counters::Counters;
use super::deadlines::Deadlines;
use super::jobs::{Jobs, drive};
use super::limits::{
    Limits, QUIET, RECORDS_PER_DATAGRAM, SLEEPERS_PER_QUIET_RELEASE, SLEEPERS_PER_RELEASE, TIMEOUTS_PER_CALL,
};
use super::output::{CloseReason, Event, LookupId, Transmit};
use super::roaming::{MoveAnnouncement, Roaming};
use super::routes::Routes;
use super::server_side::ServerSide;
use super::table::Table;
use crate::tls::{ClientConfig, Context, Error, ErrorKind, Inbound, Outbox, release_free_memory};
use crate::wire::{Record, Records};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

/// All connections of one UDP address.
pub(crate) struct Endpoint {
    pub(super) server: Option<ServerSide>,
    pub(super) limits: Limits,
    pub(super) connections: Table<Connection>,
    pub(super) routes: Routes,
    pub(super) counters: Counters,
    pub(super) roaming: Roaming,
    pub(super) lookups: HashMap<LookupId, ConnectionHandle>,
    pub(super) jobs: Jobs,
    pub(super) deadlines: Deadlines<ConnectionHandle>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    /// Of the events, those that are payloads.
    waiting_payloads: usize,
    /// Where contexts write; empty between two inputs.
    pub(super) outbox: Outbox,
    /// What `send` lends out. Not the outbox: the next input would send it again.
    sealed: Outbox,
    /// Where contexts decrypt to, as long as the longest record of application data.
    plaintext: Vec<u8>,
    /// Connections that have gone to sleep since memory was given back to the system.
    sleepers: usize,
    pub(super) last_connection: u32,
    pub(super) last_lookup: u32,
    trace_level: u8,
}

/// Plaintext that came with a datagram, without any event before it.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    pub(crate) connection: ConnectionHandle,
    pub(crate) payload: &'a [u8],
}

/// A sealed payload, and where it goes.
#[derive(Debug)]
pub(crate) struct Sealed<'a> {
    pub(crate) remote: SocketAddr,
    pub(crate) datagram: &'a [u8],
}

/// Why a payload was not sent.
#[derive(Debug)]
pub(crate) enum SendError {
    /// There is no such connection, or its handshake is not over.
    NotConnected,
    /// The payload does not fit into one record.
    TooLarge { length: usize, limit: usize },
    /// The connection has just failed; its `Closed` event waits.
    Failed(Error),
}

/// What became of a record.
pub(super) enum Outcome {
    Used,
    Dropped,
    /// Its plaintext, this many bytes, is in `Endpoint::plaintext`.
    Data(ConnectionHandle, usize),
}

impl Outcome {
    pub(super) fn is_dropped(&self) -> bool {
        matches!(self, Outcome::Dropped)
    }
}

impl Endpoint {
    /// An endpoint that only connects.
    pub(crate) fn client(limits: Limits, trace_level: u8) -> Endpoint {
        Endpoint::new(None, limits, trace_level)
    }

    pub(super) fn new(server: Option<ServerSide>, limits: Limits, trace_level: u8) -> Endpoint {
        Endpoint {
            server,
            limits,
            connections: Table::new(),
            routes: Routes::default(),
            counters: Counters::default(),
            roaming: Roaming::default(),
            lookups: HashMap::new(),
            jobs: Jobs::default(),
            deadlines: Deadlines::new(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            waiting_payloads: 0,
            outbox: Outbox::default(),
            sealed: Outbox::default(),
            plaintext: Vec::new(),
            sleepers: 0,
            last_connection: 0,
            last_lookup: 0,
            trace_level,
        }
    }

    // --- inputs from the network -------------------------------------------------------------------------------------

    /// Takes one datagram. Its first plaintext is lent out directly when no event waits before it.
    pub(crate) fn handle_datagram(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        datagram: &[u8],
    ) -> Option<Received<'_>> {
        self.counters.datagrams_received += 1;
        self.trace(3, || format!("{remote} -> {} bytes", datagram.len()));
        if let Some(announcement) = self.server.as_ref().and_then(|_| MoveAnnouncement::parse(datagram)) {
            self.handle_move(now, remote, &announcement);
            return None;
        }
        let mut pending: Option<(ConnectionHandle, usize)> = None;
        let mut used = false;
        let mut records = Records::new(datagram);
        for record in records.by_ref().take(RECORDS_PER_DATAGRAM) {
            // The next record overwrites the plaintext.
            if let Some((connection, length)) = pending.take() {
                self.push_data(connection, length);
            }
            match self.handle_record(now, remote, &record) {
                Outcome::Used => used = true,
                Outcome::Dropped => self.drop_record(remote, &record),
                Outcome::Data(connection, length) => {
                    used = true;
                    pending = Some((connection, length));
                }
            }
        }
        if !used {
            self.counters.datagrams_dropped += 1;
            self.trace(3, || format!("{remote} -> dropped, {} bytes are no records", records.rest().len()));
        }
        let (connection, length) = pending?;
        if !self.events.is_empty() {
            self.push_data(connection, length);
            return None;
        }
        self.plaintext.get(..length).map(|payload| Received { connection, payload })
    }

    fn handle_record(&mut self, now: Instant, remote: SocketAddr, record: &Record<'_>) -> Outcome {
        if record.is_client_hello() && self.server.is_some() {
            return self.handle_client_hello(now, remote, record);
        }
        let (outcome, connection) = self.deliver_to_established(now, remote, record);
        if connection.is_some() {
            return outcome;
        }
        match self.routes.handshaking(remote) {
            Some(connection) => self.deliver(now, connection, record),
            None => self.hold_unplaced(now, remote, record),
        }
    }

    /// Gives a record to the connection at this address that it authenticates with; answers which that was.
    pub(super) fn deliver_to_established(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        record: &Record<'_>,
    ) -> (Outcome, Option<ConnectionHandle>) {
        let mut rank = 0;
        while let Some(connection) = self.routes.established(remote, rank) {
            let outcome = self.deliver(now, connection, record);
            if !outcome.is_dropped() {
                self.routes.prefer(remote, connection);
                return (outcome, Some(connection));
            }
            rank += 1;
        }
        (Outcome::Dropped, None)
    }

    /// Gives a record to a connection of its address.
    pub(super) fn deliver(&mut self, now: Instant, handle: ConnectionHandle, record: &Record<'_>) -> Outcome {
        let Some(connection) = self.connections.get_mut(&handle) else {
            return Outcome::Dropped;
        };
        let progress = match (&mut connection.phase, record.epoch) {
            (Phase::Established(_), 1) => return self.read(now, handle, record.bytes),
            // Only repetitions of the hello come before it is answered.
            (Phase::Handshaking { waiting_for: WaitingFor::Application(open), .. }, _)
                if open.subject.is_by_hello() =>
            {
                return Outcome::Dropped;
            }
            (Phase::Handshaking { waiting_for: WaitingFor::Application(open), .. }, 0 | 1) => {
                return if open.hold(record) { Outcome::Used } else { Outcome::Dropped };
            }
            (Phase::Handshaking { .. }, 0) if !record.is_well_formed() => return Outcome::Dropped,
            (Phase::Handshaking { waiting_for: WaitingFor::Worker(stint), .. }, 0 | 1) => {
                return if stint.held.hold(record) { Outcome::Used } else { Outcome::Dropped };
            }
            (Phase::Handshaking { .. }, 0 | 1) => drive(&mut connection.context, now, record, &mut self.outbox),
            _ => return Outcome::Dropped,
        };
        self.advance(now, handle, progress);
        Outcome::Used
    }

    fn read(&mut self, now: Instant, handle: ConnectionHandle, record: &[u8]) -> Outcome {
        let Some(connection) = self.connections.get_mut(&handle) else {
            return Outcome::Dropped;
        };
        let slept = connection.context.is_asleep();
        make_room(&mut self.plaintext, record);
        let inbound = connection.context.read(now, record, &mut self.plaintext, &mut self.outbox);
        if !matches!(inbound, Ok(Inbound::Dropped)) {
            connection.heard(now);
            // The deadline in `Deadlines` is looked at, and moved, when it comes; one that sleeps has none but idleness.
            if slept {
                self.schedule(handle);
            }
        }
        let Some(connection) = self.connections.get_mut(&handle) else {
            return Outcome::Dropped;
        };
        match inbound {
            Ok(Inbound::Data(length)) => Outcome::Data(handle, length),
            Ok(Inbound::Dropped) => Outcome::Dropped,
            Ok(Inbound::Consumed) => {
                self.flush(handle);
                Outcome::Used
            }
            Ok(Inbound::Closed) => {
                // RFC 5246 section 7.2.1: answer with a close_notify of our own, and close at once.
                connection.context.close_notify(now, &mut self.outbox);
                self.remove(handle, CloseReason::Peer);
                Outcome::Used
            }
            Err(error) => {
                self.remove(handle, CloseReason::Error(error));
                Outcome::Used
            }
        }
    }

    /// Call when [`Endpoint::poll_timeout`] is due, again when it still is; any other time does no harm.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        for _ in 0..TIMEOUTS_PER_CALL {
            let Some(handle) = self.deadlines.pop_due(now) else {
                break;
            };
            if let Some(connection) = self.connections.get_mut(&handle) {
                connection.scheduled = None;
                self.handle_connection_timeout(now, handle);
            }
        }
        self.expire_unplaced(now);
        self.expire_hellos(now);
        let is_quiet = self.deadlines.next().is_none_or(|next| next > now + QUIET);
        if self.sleepers >= if is_quiet { SLEEPERS_PER_QUIET_RELEASE } else { SLEEPERS_PER_RELEASE } {
            self.sleepers = 0;
            release_free_memory();
        }
    }

    fn handle_connection_timeout(&mut self, now: Instant, handle: ConnectionHandle) {
        let Some(connection) = self.connections.get_mut(&handle) else {
            return;
        };
        match &connection.phase {
            Phase::Handshaking { started, waiting_for } if now >= *started + self.limits.handshake_timeout => {
                let culprit = match waiting_for {
                    WaitingFor::Peer => "The peer did not finish the handshake".to_owned(),
                    WaitingFor::Application(open) => {
                        format!("The application did not answer the {}", open.subject.name())
                    }
                    WaitingFor::Worker(_) => "No thread had done the handshake's next step".to_owned(),
                };
                let message = format!("{culprit} within {} ms", self.limits.handshake_timeout.as_millis());
                let error = connection.context.timeout_error();
                let error = error.unwrap_or_else(|| Error::new(ErrorKind::HandshakeTimeout, message));
                self.remove(handle, CloseReason::Error(error));
            }
            Phase::Handshaking { .. } if connection.context.deadline().is_some_and(|deadline| deadline <= now) => {
                let progress = connection.context.handle_timeout(now, &mut self.outbox);
                self.advance(now, handle, progress);
            }
            Phase::Established(activity)
                if self.limits.idle_timeout.is_some_and(|timeout| now >= activity.heard + timeout) =>
            {
                connection.context.close_notify(now, &mut self.outbox);
                self.remove(handle, CloseReason::Idle);
            }
            _ => {
                if connection.bedtime(&self.limits).is_some_and(|bedtime| bedtime <= now) {
                    connection.context.hibernate();
                    self.sleepers += 1;
                }
                self.schedule(handle);
            }
        }
    }

    // --- inputs from the application ---------------------------------------------------------------------------------

    /// Starts a handshake with the server at `remote`.
    pub(crate) fn connect(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        config: &ClientConfig,
    ) -> Result<ConnectionHandle, Error> {
        let mut context = Context::client(config, now)?;
        context.pause(self.jobs.are_wanted());
        let handle = self.add_connection(now, remote, context, None);
        if let Some(connection) = self.connections.get_mut(&handle) {
            let progress = connection.context.handle_timeout(now, &mut self.outbox);
            self.advance(now, handle, progress);
        }
        Ok(handle)
    }

    /// Seals one payload; the datagram goes to the connection's peer.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        handle: ConnectionHandle,
        payload: &[u8],
    ) -> Result<Sealed<'_>, SendError> {
        let connection = self.connections.get_mut(&handle).filter(|connection| connection.is_established());
        let connection = connection.ok_or(SendError::NotConnected)?;
        let limit = connection.context.payload_limit();
        if payload.len() > limit {
            return Err(SendError::TooLarge { length: payload.len(), limit });
        }
        self.sealed.clear();
        let slept = connection.context.is_asleep();
        if let Err(error) = connection.context.write(now, payload, &mut self.sealed) {
            self.remove(handle, CloseReason::Error(error.clone()));
            return Err(SendError::Failed(error));
        }
        connection.sent(now);
        let remote = connection.remote;
        if slept {
            self.schedule(handle);
        }
        self.counters.datagrams_sent += 1;
        let datagram = self.sealed.first().ok_or(SendError::NotConnected)?;
        Ok(Sealed { remote, datagram })
    }

    /// The longest payload that an open connection can send.
    pub(crate) fn payload_limit(&self, handle: ConnectionHandle) -> Option<usize> {
        let connection = self.connections.get(&handle).filter(|connection| connection.is_established());
        connection.map(|connection| connection.context.payload_limit())
    }

    /// Says goodbye, and ends the connection.
    pub(crate) fn close(&mut self, now: Instant, handle: ConnectionHandle) {
        let Some(connection) = self.connections.get_mut(&handle) else {
            return;
        };
        match connection.phase {
            Phase::Established(_) => connection.context.close_notify(now, &mut self.outbox),
            Phase::Handshaking { .. } => connection.context.cancel_handshake(now, &mut self.outbox),
        }
        self.remove(handle, CloseReason::Local);
    }

    /// Ends the connection without a word to the peer.
    pub(crate) fn abort(&mut self, handle: ConnectionHandle) {
        self.remove(handle, CloseReason::Local);
    }

    // --- outputs -----------------------------------------------------------------------------------------------------

    /// The next datagram to send, which stays.
    pub(crate) fn peek_transmit(&self) -> Option<&Transmit> {
        self.transmits.front()
    }

    /// The next datagram to send.
    pub(crate) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next event, which stays.
    pub(crate) fn peek_event(&self) -> Option<&Event> {
        self.events.front()
    }

    /// The next event.
    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        self.waiting_payloads -= usize::from(matches!(event, Some(Event::Data { .. })));
        event
    }

    /// A datagram of [`Endpoint::send`] that could not be sent at once.
    pub(crate) fn put_back(&mut self, remote: SocketAddr, datagram: Vec<u8>) {
        self.transmits.push_back(Transmit { remote, datagram });
    }

    /// When [`Endpoint::handle_timeout`] is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let hellos = self.server.as_ref().and_then(|server| server.gathering.next_deadline());
        self.deadlines.next().into_iter().chain(self.roaming.next_deadline()).chain(hellos).min()
    }

    /// Whether [`Endpoint::poll_transmit`] has something.
    pub(crate) fn has_transmit(&self) -> bool {
        !self.transmits.is_empty()
    }

    /// Whether [`Endpoint::poll_event`] has something.
    pub(crate) fn has_event(&self) -> bool {
        !self.events.is_empty()
    }

    /// Whether payloads wait behind other events.
    pub(crate) fn has_waiting_payload(&self) -> bool {
        self.waiting_payloads > 0
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Connections at present, unfinished handshakes included.
    pub(crate) fn connection_count(&self) -> usize {
        self.connections.len()
    }

    /// Unfinished handshakes at present.
    pub(crate) fn handshake_count(&self) -> usize {
        self.routes.handshakes()
    }

    /// Everything that is kept for peers, counted.
    #[cfg(test)]
    pub(super) fn footprint(&self) -> usize {
        self.roaming.len()
            + self.server.as_ref().map_or(0, |server| server.gathering.len())
            + self.connections.len()
            + self.routes.len()
            + self.lookups.len()
            + self.jobs.len()
            + self.transmits.len()
            + self.events.len()
    }

    /// Open look-ups at present.
    pub(crate) fn lookup_count(&self) -> usize {
        self.lookups.len() + self.roaming.len()
    }

    // --- helpers -----------------------------------------------------------------------------------------------------

    /// Moves what a context wrote from the outbox to the queue.
    pub(super) fn flush(&mut self, handle: ConnectionHandle) {
        if self.outbox.is_empty() {
            return;
        }
        if let Some(connection) = self.connections.get(&handle) {
            let remote = connection.remote;
            let before = self.transmits.len();
            self.transmits
                .extend(self.outbox.datagrams().map(|datagram| Transmit { remote, datagram: datagram.to_vec() }));
            let count = self.transmits.len() - before;
            self.counters.datagrams_sent += count as u64;
            self.trace(3, || format!("{remote} <- {count} datagrams"));
        }
        self.outbox.clear();
    }

    pub(super) fn push_transmit(&mut self, remote: SocketAddr, datagram: Vec<u8>) {
        self.counters.datagrams_sent += 1;
        self.transmits.push_back(Transmit { remote, datagram });
    }

    /// Puts an event behind all others.
    pub(crate) fn push_event(&mut self, event: Event) {
        self.waiting_payloads += usize::from(matches!(event, Event::Data { .. }));
        self.events.push_back(event);
    }

    pub(super) fn event_count(&self) -> usize {
        self.events.len()
    }

    /// Puts an event before those that came of it.
    pub(super) fn insert_event(&mut self, position: usize, event: Event) {
        self.events.insert(position.min(self.events.len()), event);
    }

    /// Room for what this record decrypts to.
    pub(super) fn plaintext_for(&mut self, record: &[u8]) -> &mut [u8] {
        make_room(&mut self.plaintext, record);
        &mut self.plaintext
    }

    pub(super) fn push_data(&mut self, connection: ConnectionHandle, length: usize) {
        let payload = self.plaintext.get(..length).unwrap_or_default().to_vec();
        self.push_event(Event::Data { connection, payload });
    }

    pub(super) fn schedule(&mut self, handle: ConnectionHandle) {
        if let Some(connection) = self.connections.get_mut(&handle) {
            let deadline = connection.deadline(&self.limits);
            self.deadlines.change(handle, connection.scheduled, deadline);
            connection.scheduled = deadline;
        }
    }

    fn drop_record(&mut self, remote: SocketAddr, record: &Record<'_>) {
        self.counters.records_dropped += 1;
        self.trace(4, || {
            format!(
                "{remote} -> record dropped: {:?}, epoch {}, {} bytes",
                record.content_type,
                record.epoch,
                record.bytes.len()
            )
        });
    }

    /// Builds the line only when somebody watches.
    pub(super) fn trace(&mut self, level: u8, message: impl FnOnce() -> String) {
        if level <= self.trace_level {
            let message = message();
            self.push_event(Event::Trace { level, message });
        }
    }
}

/// No plaintext is longer than its record.
fn make_room(plaintext: &mut Vec<u8>, record: &[u8]) {
    if plaintext.len() < record.len() {
        plaintext.resize(record.len(), 0);
    }
}
