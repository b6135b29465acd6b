//! What goes into a connection's inputs and what comes out of them: borrowed room, and the step that an input has led to.

use crate::tls::{DropReason, Error, Negotiated, NewSession, Outbox, Question};
use crate::wire::{Record, RoutabilityCheck};
use std::time::Duration;

/// What one connection lends the next: room to write to.
#[derive(Default)]
pub(in crate::proto) struct Scratch {
    /// Datagrams that a connection has written. Empty between two inputs of the endpoint.
    pub(in crate::proto) outbox: Outbox,
    /// Application data that a connection has read, as long as the longest record so far.
    pub(in crate::proto) plaintext: Vec<u8>,
    /// What a connection has noticed. Taken after each input.
    pub(in crate::proto) observations: Observations,
}

/// What a connection notices about its peer and the network between.
#[derive(Default)]
pub(in crate::proto) struct Observations {
    /// Flights that were sent again.
    pub(in crate::proto) repetitions: u32,
    /// From a flight to the answer.
    pub(in crate::proto) round_trip: Option<Duration>,
}

/// What an input has led to.
#[derive(Debug)]
pub(in crate::proto) enum Step {
    /// As if the record had never come.
    Dropped(DropReason),
    /// Taken. The deadline may have changed.
    Taken,
    /// Application data: this many bytes are in [`Scratch::plaintext`].
    Data(usize),
    /// A message of a return routability check (RFC 9853).
    Check(RoutabilityCheck),
    /// A session that a later handshake can resume; clients only.
    Session(Box<NewSession>),
    /// The handshake waits for the application.
    Asks(Question),
    /// The handshake's next step is for another thread: `Connection::lend`.
    Computes,
    /// The handshake is over.
    Established { negotiated: Box<Negotiated>, handshake_time: Duration },
    /// The engine's memory was given back.
    FellAsleep,
    /// Its store needs another copy of it: `Connection::copy_for_store`.
    CopyDue,
    /// The connection is over.
    Ended(CloseReason),
}

/// Why a connection ended.
#[derive(Debug)]
pub(crate) enum CloseReason {
    /// The peer said close_notify.
    Peer,
    /// The application closed it.
    Local,
    /// Nothing authentic was heard for the idle timeout.
    Idle,
    /// There were too many, and it had been silent longest.
    Evicted,
    /// Another connection has taken its place: the peer proved a new handshake from the same address (RFC 6347 section
    /// 4.2.8), or the same association goes on elsewhere.
    Replaced,
    Error(Error),
}

/// Why a payload was not sealed.
#[derive(Debug)]
pub(in crate::proto) enum WriteError {
    /// The handshake is not over.
    NotEstablished,
    /// The payload does not fit into one record.
    TooLarge { length: usize, limit: usize },
    /// Its store has yet to confirm a copy with further record numbers.
    NoNumbers,
    /// The engine failed, and the connection with it.
    Failed(Error),
}

impl Scratch {
    /// No plaintext is longer than its record.
    pub(super) fn make_room(&mut self, record: &Record<'_>) {
        if self.plaintext.len() < record.bytes.len() {
            self.plaintext.resize(record.bytes.len(), 0);
        }
    }
}
