//! What an endpoint has to say: datagrams, events in causal order, and lines for whoever watches.

use super::Endpoint;
use crate::proto::connection::CloseReason;
use crate::proto::counters::Tally;
use crate::proto::questions::{Question, QuestionId};
use crate::proto::route::Route;
use crate::proto::table::ConnectionHandle;
use crate::proto::trace::Trace;
use crate::tls::{KeyLog, NewSession, PeerCredential, SessionId, Suite, Terms};
use crate::wire::{Records, describe};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// A datagram to send.
#[derive(Debug)]
pub(crate) struct Transmit {
    pub(crate) route: Route,
    pub(crate) datagram: Vec<u8>,
}

/// Something that the application should know, in causal order. Exactly one `Closed` ends every connection.
#[derive(Debug)]
pub(crate) enum Event {
    /// A client has proved with a cookie that it receives at its address. Its handshake begins.
    Connection {
        connection: ConnectionHandle,
        remote: SocketAddr,
        /// The name that it asks for (RFC 6066).
        servername: Option<String>,
    },
    /// Something waits for the application's answer: [`Endpoint::handle_answer`].
    Question {
        question: QuestionId,
        /// Whose handshake waits; `None` for questions about an address.
        connection: Option<ConnectionHandle>,
        about: Question,
    },
    /// A question about an address was not answered in time.
    QuestionExpired { question: QuestionId },
    /// A handshake has derived its keys. Only if [`Endpoint::log_keys`] has asked for it.
    KeyLog { connection: ConnectionHandle, lines: KeyLog },
    /// The handshake is over.
    Secure {
        connection: ConnectionHandle,
        suite: Suite,
        /// An earlier session's master secret was used.
        resumed: bool,
        /// The identity whose key the peer proved to have. Servers only.
        psk_identity: Option<Vec<u8>>,
        /// What the peer proved to have the private key of.
        peer: Option<PeerCredential>,
        terms: Box<Terms>,
        handshake_time: Duration,
    },
    /// A handshake, whose end was or will be told, has left a session behind for the application's store.
    NewSession { connection: ConnectionHandle, session: NewSession },
    /// A server has given a client a session that a later handshake can resume: [`Endpoint::session`].
    Session { connection: ConnectionHandle },
    /// A session of the application's store must not be resumed any more.
    SessionEnded { id: SessionId },
    /// Plaintext of one record.
    Data { connection: ConnectionHandle, payload: Vec<u8> },
    /// An authenticated record came from a new address. Answers go there from now on.
    Moved { connection: ConnectionHandle, remote: SocketAddr, old: SocketAddr },
    /// The connection there has been restored under a clock that is behind the one that its copy was made under. Its peer may
    /// have heard higher record numbers, and take what we send for old.
    ClockBehind { remote: SocketAddr },
    /// The store of a connection needs another copy of it: [`Endpoint::copy_for_store`].
    CopyDue { connection: ConnectionHandle },
    /// The connection is gone, and its handle with it.
    Closed { connection: ConnectionHandle, reason: CloseReason, tally: Tally },
}

/// The queues.
pub(super) struct Outputs {
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    /// Payloads among the events.
    waiting_payloads: usize,
    /// Events have been taken that the application has yet to see.
    holds_unseen: bool,
    pub(super) trace: Trace,
}

impl Outputs {
    pub(super) fn new(trace: Trace) -> Outputs {
        Outputs { transmits: VecDeque::new(), events: VecDeque::new(), waiting_payloads: 0, holds_unseen: false, trace }
    }

    pub(super) fn push_transmit(&mut self, route: Route, datagram: Vec<u8>) {
        self.transmits.push_back(Transmit { route, datagram });
    }

    /// Answers how many there were.
    pub(super) fn push_transmits<'a>(&mut self, route: Route, datagrams: impl Iterator<Item = &'a [u8]>) -> usize {
        let before = self.transmits.len();
        self.transmits.extend(datagrams.map(|datagram| Transmit { route, datagram: datagram.to_vec() }));
        self.transmits.len() - before
    }

    /// Puts an event behind all others.
    pub(super) fn push(&mut self, event: Event) {
        self.waiting_payloads += usize::from(matches!(event, Event::Data { .. }));
        self.events.push_back(event);
    }

    /// Puts a payload behind all events.
    pub(super) fn push_data(&mut self, connection: ConnectionHandle, payload: Option<&[u8]>) {
        self.push(Event::Data { connection, payload: payload.unwrap_or_default().to_vec() });
    }

    /// Whether a payload would overtake an event. This is the one rule for their order: then it becomes an event itself.
    pub(super) fn has_unread_event(&self) -> bool {
        self.holds_unseen || !self.events.is_empty()
    }

    /// Shows the records of a datagram that is sent.
    pub(super) fn trace_datagram(&mut self, remote: SocketAddr, datagram: &[u8]) {
        for record in Records::new(datagram) {
            self.trace.line(3, remote, || format!("<- {}", describe(&record)));
        }
        self.trace.line(4, remote, || format!("<- a datagram, {} bytes", datagram.len()));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.transmits.len() + self.events.len() + self.trace.identities()
    }
}

impl Endpoint {
    /// The next datagram to send, which stays.
    pub(crate) fn peek_transmit(&self) -> Option<&Transmit> {
        self.outputs.transmits.front()
    }

    /// The next datagram to send.
    pub(crate) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.outputs.transmits.pop_front()
    }

    /// Whether [`Endpoint::poll_transmit`] has something.
    pub(crate) fn has_transmit(&self) -> bool {
        !self.outputs.transmits.is_empty()
    }

    /// A datagram of [`Endpoint::send`] that could not be sent at once.
    pub(crate) fn put_back(&mut self, route: Route, datagram: Vec<u8>) {
        self.outputs.push_transmit(route, datagram);
    }

    /// Takes those of the datagrams to send that go another way than the others.
    pub(crate) fn divert_transmits(&mut self, mut takes: impl FnMut(&Transmit) -> bool) {
        self.outputs.transmits.retain(|transmit| !takes(transmit));
    }

    /// The next event, which stays.
    pub(crate) fn peek_event(&self) -> Option<&Event> {
        self.outputs.events.front()
    }

    /// The next event.
    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        let event = self.outputs.events.pop_front();
        self.outputs.waiting_payloads -= usize::from(matches!(event, Some(Event::Data { .. })));
        event
    }

    /// Whether [`Endpoint::poll_event`] has something.
    pub(crate) fn has_event(&self) -> bool {
        !self.outputs.events.is_empty()
    }

    /// Whether payloads wait behind other events.
    pub(crate) fn has_waiting_payload(&self) -> bool {
        self.outputs.waiting_payloads > 0
    }

    /// Whether events that were polled have yet to reach the application. No payload overtakes them.
    pub(crate) fn note_unseen_events(&mut self, are_unseen: bool) {
        self.outputs.holds_unseen = are_unseen;
    }

    /// The next line of the trace.
    pub(crate) fn poll_trace(&mut self) -> Option<String> {
        self.outputs.trace.poll()
    }

    /// Whether [`Endpoint::poll_trace`] has something.
    pub(crate) fn has_trace(&self) -> bool {
        !self.outputs.trace.is_empty()
    }
}
