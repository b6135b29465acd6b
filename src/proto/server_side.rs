//! What an endpoint does with a ClientHello.

use super::connection::ConnectionHandle;
use super::cookie_gate::CookieGate;
use super::endpoint::{Endpoint, Outcome};
use super::gathering::Gathering;
use super::known_keys::KnownKeys;
use super::limits::Limits;
use super::output::{CloseReason, Event};
use super::server_names::NamePattern;
use crate::tls::{Asks, Context, RngError, ServerConfig};
use crate::wire::{ClientHello, HelloStart, Record, server_name};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

/// What a server has that a client has not.
pub(super) struct ServerSide {
    pub(super) config: Arc<ServerConfig>,
    /// By name, the last added last.
    pub(super) contexts: Vec<(NamePattern, Arc<ServerConfig>)>,
    pub(super) gathering: Gathering,
    pub(super) asks: Asks,
    pub(super) known_keys: Option<KnownKeys>,
    gate: CookieGate,
}

impl Endpoint {
    /// An endpoint that answers ClientHellos.
    pub(crate) fn server(
        now: Instant,
        config: impl Into<Arc<ServerConfig>>,
        limits: Limits,
        trace_level: u8,
    ) -> Result<Endpoint, RngError> {
        let server = ServerSide {
            config: config.into(),
            contexts: Vec::new(),
            gathering: Gathering::default(),
            asks: Asks::default(),
            known_keys: None,
            gate: CookieGate::new(now)?,
        };
        Ok(Endpoint::new(Some(server), limits, trace_level))
    }

    /// From now on these are all the pre-shared keys, and the application is not asked for any.
    pub(crate) fn know_keys(&mut self, keys: KnownKeys) {
        if let Some(server) = &mut self.server {
            server.known_keys = Some(keys);
        }
    }

    /// Whether the application is asked for the session that a client wants to resume. Without, every handshake is full.
    pub(crate) fn ask_for_resumption(&mut self, asks: bool) {
        if let Some(server) = &mut self.server {
            server.asks.for_sessions = asks;
        }
    }

    /// Whether the application is asked, by a client's hello, for the configuration that answers it, and for one of its
    /// application protocols.
    pub(crate) fn ask_by_hello(&mut self, for_configs: bool, for_protocols: bool) {
        if let Some(server) = &mut self.server {
            server.asks.for_configs = for_configs;
            server.asks.for_protocols = for_protocols;
        }
    }

    /// Nothing is kept, and no event happens, before the cookie (RFC 6347 section 4.2.1).
    pub(super) fn handle_client_hello(&mut self, now: Instant, remote: SocketAddr, record: &Record<'_>) -> Outcome {
        let Some(server) = &self.server else {
            return Outcome::Dropped;
        };
        // What does not begin a hello may go on with one.
        let Some(hello) = HelloStart::parse(record) else {
            return self.continue_hello(now, remote, record);
        };
        if !server.gate.admits(now, remote, &hello) {
            let Some(request) = server.gate.hello_verify_request(now, remote, &hello) else {
                return Outcome::Dropped;
            };
            self.counters.hello_verify_requests_sent += 1;
            self.push_transmit(remote, request);
            return Outcome::Used;
        }
        if let Some(handshaking) = self.routes.handshaking(remote)
            && self.is_hello_of(handshaking, hello.random)
        {
            // A retransmission: the engine resends its flight.
            return self.deliver(now, handshaking, record);
        }
        if self.routes.established(remote, 0).is_some_and(|established| self.is_hello_of(established, hello.random)) {
            // A late copy of the hello that began the association that lives here.
            return Outcome::Dropped;
        }
        if hello.is_whole {
            self.admit(now, remote, record)
        } else {
            self.begin_hello(now, remote, hello.random, record)
        }
    }

    /// Begins a handshake with a whole ClientHello whose cookie was verified, if there is room for it.
    pub(super) fn admit(&mut self, now: Instant, remote: SocketAddr, record: &Record<'_>) -> Outcome {
        let Some(hello) = ClientHello::parse(record) else {
            return Outcome::Dropped;
        };
        self.forget_hello(remote);
        if let Some(handshaking) = self.routes.handshaking(remote) {
            // A client that starts anew in the middle of its handshake is answered at once.
            self.remove(handshaking, CloseReason::Replaced);
        }
        if !self.has_room_for_handshake(remote) {
            self.refuse_handshake(remote);
            return Outcome::Dropped;
        }
        self.accept(now, remote, &hello, record);
        Outcome::Used
    }

    pub(super) fn refuse_handshake(&mut self, remote: SocketAddr) {
        self.counters.handshakes_refused += 1;
        self.trace(2, || format!("{remote} refused: too many handshakes or connections"));
    }

    fn is_hello_of(&self, handle: ConnectionHandle, random: &[u8; 32]) -> bool {
        self.connections.get(&handle).is_some_and(|connection| connection.client_random.as_ref() == Some(random))
    }

    /// Also for questions about unknown addresses: they are as cheap to cause.
    pub(super) fn has_room_for_handshake(&self, remote: SocketAddr) -> bool {
        let Limits { handshakes, handshakes_per_address, connections, .. } = self.limits;
        self.connections.len() < connections
            && self.routes.handshakes() + self.roaming.len() < handshakes
            && self.routes.handshakes_from(remote.ip()) < handshakes_per_address
    }

    fn accept(&mut self, now: Instant, remote: SocketAddr, hello: &ClientHello<'_>, record: &Record<'_>) {
        let Some(server) = &self.server else {
            return;
        };
        let servername = server_name(hello.extensions);
        let mut context = match Context::server(server.config_for(servername.as_deref()), now, server.asks) {
            Ok(context) => context,
            Err(error) => {
                // Out of memory, for all we know: the client will try again.
                self.counters.handshakes_refused += 1;
                self.trace(1, || format!("{remote} refused: {error}"));
                return;
            }
        };
        context.pause(self.jobs.are_wanted());
        let progress = context.handle_record(now, record.bytes, &mut self.outbox);
        let handle = self.add_connection(now, remote, context, Some(*hello.random));
        self.push_event(Event::Connection { connection: handle, remote, servername });
        self.advance(now, handle, progress);
    }
}
