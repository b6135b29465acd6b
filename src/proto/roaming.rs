//! Connections that go on: after the server was restarted, and from another address.
//!
//! Neither is part of DTLS 1.2. The application keeps the saved connections, and knows which address a device had; the
//! protocol decides: nothing is restored for good, and nothing moves, before a record has been authenticated.

use super::connection::{Activity, AssociationName, Connection, ConnectionHandle, HeldRecords, Phase};
use super::deadlines::Deadlines;
use super::endpoint::{Endpoint, Outcome};
use super::output::{CloseReason, Event, LookupId};
use crate::tls::{Context, Inbound, SavedConnection, Unrestorable};
use crate::wire::{RECORD_HEADER_LENGTH, Record, Records};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Content type of node-mbed-dtls's announcement of a new address, in place of application_data.
const MOVE_ANNOUNCEMENT: u8 = 254;
const APPLICATION_DATA: u8 = 23;

/// What an endpoint knows about records without a connection.
pub(super) struct Roaming {
    asks_for_sessions: bool,
    asks_for_moves: bool,
    unplaced: HashMap<LookupId, Unplaced>,
    unplaced_at: HashMap<SocketAddr, LookupId>,
    deadlines: Deadlines<LookupId>,
    restored: HashMap<AssociationName, ConnectionHandle>,
}

/// Records from an address without a connection, while the application is asked.
struct Unplaced {
    remote: SocketAddr,
    /// The address that the connection had; the same as `remote` as long as nobody says otherwise.
    claimed: SocketAddr,
    held: HeldRecords,
    deadline: Instant,
}

/// A record of a device whose address has changed, with the device's name behind it.
pub(super) struct MoveAnnouncement<'a> {
    /// The application record, with its own content type again.
    datagram: Vec<u8>,
    device_id: &'a [u8],
}

impl<'a> MoveAnnouncement<'a> {
    /// `FE`, the rest of one whole record, the device's name, and the length of the name.
    pub(super) fn parse(datagram: &'a [u8]) -> Option<MoveAnnouncement<'a>> {
        let (&length, rest) = datagram.split_last()?;
        let (record, device_id) = rest.split_at_checked(rest.len().checked_sub(length.into())?)?;
        if record.first() != Some(&MOVE_ANNOUNCEMENT) || device_id.is_empty() || record.len() <= RECORD_HEADER_LENGTH {
            return None;
        }
        let mut datagram = record.to_vec();
        *datagram.first_mut()? = APPLICATION_DATA;
        let mut records = Records::new(&datagram);
        let is_whole = records.next().is_some() && records.rest().is_empty();
        is_whole.then_some(MoveAnnouncement { datagram, device_id })
    }
}

impl Default for Roaming {
    fn default() -> Roaming {
        Roaming {
            asks_for_sessions: false,
            asks_for_moves: false,
            unplaced: HashMap::new(),
            unplaced_at: HashMap::new(),
            deadlines: Deadlines::new(),
            restored: HashMap::new(),
        }
    }
}

impl Roaming {
    /// Open questions.
    pub(super) fn len(&self) -> usize {
        self.unplaced.len()
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    pub(super) fn forget(&mut self, connection: &Connection) {
        if let Some(name) = connection.restored {
            self.restored.remove(&name);
        }
    }

    fn insert(&mut self, lookup: LookupId, unplaced: Unplaced) {
        self.deadlines.change(lookup, None, Some(unplaced.deadline));
        self.unplaced_at.insert(unplaced.remote, lookup);
        self.unplaced.insert(lookup, unplaced);
    }

    fn remove(&mut self, lookup: LookupId) -> Option<Unplaced> {
        let unplaced = self.unplaced.remove(&lookup)?;
        self.deadlines.change(lookup, Some(unplaced.deadline), None);
        self.unplaced_at.remove(&unplaced.remote);
        Some(unplaced)
    }
}

impl Endpoint {
    /// Whether the application answers questions about unknown addresses. Without, nobody is asked.
    pub(crate) fn ask(&mut self, for_sessions: bool, for_moves: bool) {
        self.roaming.asks_for_sessions = for_sessions;
        self.roaming.asks_for_moves = for_moves;
    }

    /// What a connection needs to go on elsewhere; `None` while it has a handshake, or when there is none.
    pub(crate) fn save(&self, handle: ConnectionHandle) -> Option<SavedConnection> {
        self.connections.get(&handle)?.context.save()
    }

    // --- questions ---------------------------------------------------------------------------------------------------

    /// Keeps an application record from an unknown address while the application is asked for its connection.
    pub(super) fn hold_unplaced(&mut self, now: Instant, remote: SocketAddr, record: &Record<'_>) -> Outcome {
        let is_candidate = record.is_application_data() && self.routes.established(remote, 0).is_none();
        if let Some(lookup) = self.roaming.unplaced_at.get(&remote) {
            let unplaced = self.roaming.unplaced.get_mut(lookup);
            let held = unplaced.is_some_and(|unplaced| record.epoch == 1 && unplaced.held.hold(record));
            return if held { Outcome::Used } else { Outcome::Dropped };
        }
        if !is_candidate || !self.roaming.asks_for_sessions || !self.has_room_for_handshake(remote) {
            return Outcome::Dropped;
        }
        let lookup = self.open_question(now, remote, record);
        self.push_event(Event::SessionLookup { lookup, claimed: remote });
        Outcome::Used
    }

    /// A device that says that its address has changed. Without anyone to ask, its record is one like any other.
    pub(super) fn handle_move(&mut self, now: Instant, remote: SocketAddr, announcement: &MoveAnnouncement<'_>) {
        let Some(record) = Records::new(&announcement.datagram).next() else {
            return;
        };
        let (mut outcome, connection) = self.deliver_to_established(now, remote, &record);
        if connection.is_none() {
            outcome = if self.roaming.asks_for_moves && !self.roaming.unplaced_at.contains_key(&remote) {
                self.ask_for_move(now, remote, &record, announcement.device_id)
            } else {
                self.hold_unplaced(now, remote, &record)
            };
        }
        match outcome {
            Outcome::Used => {}
            Outcome::Data(connection, length) => self.push_data(connection, length),
            Outcome::Dropped => {
                self.counters.records_dropped += 1;
                self.counters.datagrams_dropped += 1;
            }
        }
    }

    fn ask_for_move(&mut self, now: Instant, remote: SocketAddr, record: &Record<'_>, device_id: &[u8]) -> Outcome {
        if !self.has_room_for_handshake(remote) {
            return Outcome::Dropped;
        }
        let lookup = self.open_question(now, remote, record);
        self.push_event(Event::MoveLookup { lookup, remote, device_id: device_id.to_vec() });
        Outcome::Used
    }

    fn open_question(&mut self, now: Instant, remote: SocketAddr, record: &Record<'_>) -> LookupId {
        let lookup = self.next_lookup();
        let mut held = HeldRecords::default();
        held.hold(record);
        let deadline = now + self.limits.handshake_timeout;
        self.roaming.insert(lookup, Unplaced { remote, claimed: remote, held, deadline });
        lookup
    }

    pub(super) fn expire_unplaced(&mut self, now: Instant) {
        while let Some(lookup) = self.roaming.deadlines.pop_due(now) {
            self.roaming.remove(lookup);
            self.push_event(Event::LookupExpired { lookup });
        }
    }

    // --- answers -----------------------------------------------------------------------------------------------------

    /// The address that a device had, as a `MoveLookup` asked; `None` when it is unknown. The connection moves if the
    /// record authenticates. When there is no connection any more, a `SessionLookup` for that address follows.
    pub(crate) fn answer_move(&mut self, now: Instant, lookup: LookupId, old: Option<SocketAddr>) -> bool {
        let Some(mut unplaced) = self.roaming.remove(lookup) else {
            return false;
        };
        let Some(old) = old else {
            return true;
        };
        if self.routes.established(old, 0).is_none() && self.roaming.asks_for_sessions {
            unplaced.claimed = old;
            let lookup = self.next_lookup();
            self.roaming.insert(lookup, unplaced);
            self.push_event(Event::SessionLookup { lookup, claimed: old });
            return true;
        }
        let remote = unplaced.remote;
        let mut at = old;
        for record in unplaced.held.into_records() {
            // The event of the move comes before the data that moved it.
            let before = self.event_count();
            let (outcome, connection) = self.deliver_to_established(now, at, &record.borrow());
            if let Some(connection) = connection {
                self.relocate(connection, remote, before);
                at = remote;
            }
            match outcome {
                Outcome::Used => {}
                Outcome::Dropped => self.counters.records_dropped += 1,
                Outcome::Data(connection, length) => self.push_data(connection, length),
            }
        }
        true
    }

    /// Moves a connection from its address to another, exactly once in every table.
    fn relocate(&mut self, handle: ConnectionHandle, remote: SocketAddr, event_position: usize) {
        let Some(connection) = self.connections.get_mut(&handle).filter(|connection| connection.remote != remote)
        else {
            return;
        };
        let old = std::mem::replace(&mut connection.remote, remote);
        self.routes.remove(old, handle);
        self.place(handle, remote);
        self.trace(2, || format!("{old} has moved to {remote}"));
        self.insert_event(event_position, Event::Moved { connection: handle, remote, old });
    }

    /// Makes a connection the first at its address. One that has been silent there for too long gives way.
    fn place(&mut self, handle: ConnectionHandle, remote: SocketAddr) {
        self.routes.establish(remote, handle);
        if let Some(surplus) = self.routes.surplus(remote) {
            self.remove(surplus, CloseReason::Replaced);
        }
    }

    /// The connection that a `SessionLookup` asked for, `None` when there is none. It goes on if one of the records that
    /// have come meanwhile authenticates.
    pub(crate) fn answer_session(
        &mut self,
        now: Instant,
        unix_time: Duration,
        lookup: LookupId,
        saved: Option<&SavedConnection>,
    ) -> Option<ConnectionHandle> {
        let Unplaced { remote, claimed, held, .. } = self.roaming.remove(lookup)?;
        let saved = saved?;
        if self.routes.established(remote, 0).is_some() {
            return None;
        }
        let mut context = self.build_restored(now, unix_time, saved)?;
        let mut payloads = Vec::new();
        let mut proven = false;
        for record in held.into_records() {
            let plaintext = self.plaintext_for(&record.bytes);
            match context.read(now, &record.bytes, plaintext, &mut Default::default()) {
                Ok(Inbound::Data(length)) => {
                    proven = true;
                    payloads.push(plaintext.get(..length).unwrap_or_default().to_vec());
                }
                Ok(Inbound::Consumed) => proven = true,
                Ok(Inbound::Dropped) => self.counters.records_dropped += 1,
                // It said goodbye.
                Ok(Inbound::Closed) | Err(_) => return None,
            }
        }
        if !proven {
            return None;
        }
        let connection = self.adopt(now, remote, context, saved);
        if claimed != remote {
            self.push_event(Event::Moved { connection, remote, old: claimed });
        }
        for payload in payloads {
            self.push_event(Event::Data { connection, payload });
        }
        Some(connection)
    }

    /// Lets a saved connection go on at `remote` without waiting for its peer.
    pub(crate) fn restore(
        &mut self,
        now: Instant,
        unix_time: Duration,
        remote: SocketAddr,
        saved: &SavedConnection,
    ) -> Option<ConnectionHandle> {
        if self.routes.established(remote, 0).is_some() || self.connections.len() >= self.limits.connections {
            return None;
        }
        let context = self.build_restored(now, unix_time, saved)?;
        Some(self.adopt(now, remote, context, saved))
    }

    fn build_restored(&mut self, now: Instant, unix_time: Duration, saved: &SavedConnection) -> Option<Context> {
        match Context::restore(&self.server.as_ref()?.config, saved, now, unix_time) {
            Ok(context) => Some(context),
            Err(Unrestorable(why)) => {
                self.trace(1, || format!("a saved connection cannot go on: {why}"));
                None
            }
        }
    }

    fn adopt(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        context: Context,
        saved: &SavedConnection,
    ) -> ConnectionHandle {
        let name: AssociationName = saved.randoms.last_chunk().copied().unwrap_or_default();
        // Two of them would use the same numbers one day.
        if let Some(&twin) = self.roaming.restored.get(&name) {
            self.remove(twin, CloseReason::Replaced);
        }
        let handle = self.next_handle();
        let phase = Phase::Established(Activity::begin(now));
        let connection =
            Connection { remote, context, phase, client_random: None, restored: Some(name), scheduled: None };
        self.connections.insert(handle, connection);
        self.roaming.restored.insert(name, handle);
        self.place(handle, remote);
        self.schedule(handle);
        self.trace(2, || format!("{remote} goes on where it was saved"));
        handle
    }
}
