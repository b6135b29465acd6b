//! What a ClientHello leads to. Nothing is kept, and no event happens, before the cookie (RFC 6347 section 4.2.1, RFC 9147 section
//! 5.1).

use super::inbound::Outcome;
use super::{Endpoint, Event};
use crate::proto::connection::{CloseReason, Connection};
use crate::proto::gathering::Gathered;
use crate::proto::handshakes::Unfinished;
use crate::proto::known_keys::KnownKeys;
use crate::proto::limits::REPEATED_HELLOS;
use crate::proto::rate::Rate;
use crate::proto::server_names::NamePattern;
use crate::proto::table::ConnectionHandle;
use crate::tls::{Asks, Context, DropReason, Greeting, ServerConfig};
use crate::wire::extensions::Hello;
use crate::wire::{ClientHello, HelloStart, Record, Records, alert, connection_id_extension, server_name};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

impl Endpoint {
    // --- what a server is told ---------------------------------------------------------------------------------------

    /// From now on these are all the pre-shared keys, and the application is not asked for any.
    pub(crate) fn know_keys(&mut self, keys: KnownKeys) {
        if let Some(server) = &mut self.server {
            server.known_keys = Some(keys);
        }
    }

    /// Answers clients that ask for this name from now on. A pattern that is there is replaced.
    pub(crate) fn add_context(&mut self, pattern: NamePattern, config: impl Into<Arc<ServerConfig>>) {
        if let Some(server) = &mut self.server {
            server.names.add(pattern, config.into());
        }
    }

    /// Answers all other clients from now on. Connections and handshakes go on as they began.
    pub(crate) fn replace_config(&mut self, config: impl Into<Arc<ServerConfig>>) {
        if let Some(server) = &mut self.server {
            server.config = config.into();
        }
    }

    // --- hellos ------------------------------------------------------------------------------------------------------

    pub(super) fn handle_client_hello(&mut self, now: Instant, remote: SocketAddr, record: &Record<'_>) -> Outcome {
        match HelloStart::parse(record) {
            Some(hello) => self.greet(now, remote, record, &hello, !hello.is_whole),
            // What does not begin a hello may go on with one.
            None => self.continue_hello(now, remote, record),
        }
    }

    /// `is_cut`: whether the client sends it in fragments.
    fn greet(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        record: &Record<'_>,
        hello: &HelloStart<'_>,
        is_cut: bool,
    ) -> Outcome {
        let Some(server) = &mut self.server else {
            return Outcome::Dropped(DropReason::NoConnection);
        };
        let (is_admitted, answer) = match server.config_for_record(record, self.asks.handshakes).greet(record, hello) {
            Greeting::Verify if server.gate.admits(now, remote, hello) => (true, None),
            Greeting::Verify => (false, server.gate.hello_verify_request(now, remote, hello, is_cut)),
            Greeting::Retried(cookie) => (server.gate.admits_retried(now, remote, hello, cookie), None),
            Greeting::Retry(request) => (false, server.gate.hello_retry_request(now, remote, hello, &request)),
            Greeting::Gather => {
                let gathered = server.unproven.begin(now, remote, record, hello);
                return self.follow_unproven(now, remote, gathered);
            }
            Greeting::Refusal(description) => return self.refuse_hello(remote, hello, description),
        };
        if !is_admitted {
            let Some(request) = answer else {
                return Outcome::Dropped(DropReason::Unexpected);
            };
            self.counters.hello_verify_requests_sent += 1;
            self.counters.datagrams_sent += 1;
            self.counters.bytes_sent += request.len() as u64;
            if self.outputs.trace.shows(3, remote) {
                self.outputs.trace_datagram(remote, &request);
            }
            self.outputs.push_transmit(self.route_to(remote), request);
            return Outcome::Used;
        }
        if let Some(handshaking) = self.routes.handshaking(self.route_to(remote))
            && self.began_with(handshaking, hello.random)
        {
            // A retransmission: the engine resends its flight.
            return self.deliver(now, handshaking, record);
        }
        if self
            .living_on(self.route_to(remote))
            .next()
            .is_some_and(|established| self.began_with(established, hello.random))
        {
            // A late copy of the hello that began the association that lives here.
            return Outcome::Dropped(DropReason::Unexpected);
        }
        if hello.is_whole {
            self.admit(now, remote, record)
        } else {
            self.begin_hello(now, remote, hello.random, record)
        }
    }

    /// Tells a client that no handshake can come of its hello, in fewer bytes than that has.
    fn refuse_hello(&mut self, remote: SocketAddr, hello: &HelloStart<'_>, description: u8) -> Outcome {
        let [_, _, number @ ..] = hello.record_number;
        let number = number.iter().fold(0, |value, &byte| value << 8 | u64::from(byte));
        let answer = alert::plaintext(number, alert::FATAL, description).to_vec();
        self.counters.handshakes_refused += 1;
        self.counters.datagrams_sent += 1;
        self.counters.bytes_sent += answer.len() as u64;
        self.outputs.trace.line(1, remote, || format!("refused: {}", alert::name(description)));
        self.outputs.push_transmit(self.route_to(remote), answer);
        Outcome::Used
    }

    /// Keeps the first fragment of a ClientHello whose cookie was verified.
    fn begin_hello(&mut self, now: Instant, remote: SocketAddr, random: &[u8; 32], record: &Record<'_>) -> Outcome {
        if self.server.as_ref().is_some_and(|server| server.gathering.is_of(remote, random)) {
            return self.continue_hello(now, remote, record);
        }
        // A client that starts anew. Its handshake, if it has one, goes when the new hello is whole.
        self.forget_hello(remote);
        if !self.make_room(now, remote) {
            self.refuse_handshake(remote);
            return Outcome::Dropped(DropReason::Limit);
        }
        let deadline = now + self.limits.handshake_timeout;
        let places = self.places_for(remote);
        let Some(server) = &mut self.server else {
            return Outcome::Dropped(DropReason::NoConnection);
        };
        if !server.gathering.begin(remote, record, deadline) {
            return Outcome::Dropped(DropReason::Malformed);
        }
        server.handshakes.begin(now, remote, Unfinished::Hello(remote), places);
        self.outputs.trace.line(2, remote, || "hello begins, in fragments");
        Outcome::Used
    }

    /// Adds a fragment to the hello that it belongs to, and goes on with that once it is whole.
    fn continue_hello(&mut self, now: Instant, remote: SocketAddr, record: &Record<'_>) -> Outcome {
        let Some(server) = &mut self.server else {
            return Outcome::Dropped(DropReason::NoConnection);
        };
        match server.gathering.add(remote, record) {
            Gathered::Foreign => {
                let gathered = server.unproven.add(remote, record);
                self.follow_unproven(now, remote, gathered)
            }
            Gathered::Part => Outcome::Used,
            Gathered::Whole(hello) => {
                server.handshakes.end(Unfinished::Hello(remote));
                let whole = hello.whole().and_then(|whole| Records::new(whole).next());
                whole.map_or(Outcome::Dropped(DropReason::Malformed), |record| self.admit(now, remote, &record))
            }
        }
    }

    /// Answers a hello that has come in fragments without a cookie, once it is whole.
    fn follow_unproven(&mut self, now: Instant, remote: SocketAddr, gathered: Gathered) -> Outcome {
        let hello = match gathered {
            Gathered::Foreign => return Outcome::Dropped(DropReason::NoConnection),
            Gathered::Part => return Outcome::Used,
            Gathered::Whole(hello) => hello,
        };
        let record = hello.whole().and_then(|whole| Records::new(whole).next());
        let start = record.as_ref().and_then(HelloStart::parse);
        match record.zip(start) {
            Some((record, start)) => self.greet(now, remote, &record, &start, true),
            None => Outcome::Dropped(DropReason::Malformed),
        }
    }

    pub(super) fn forget_hello(&mut self, remote: SocketAddr) {
        if let Some(server) = &mut self.server {
            server.gathering.forget(remote);
            server.handshakes.end(Unfinished::Hello(remote));
        }
    }

    /// Gives up hellos whose fragments did not all come in time.
    pub(super) fn expire_hellos(&mut self, now: Instant) {
        if let Some(server) = &mut self.server {
            server.unproven.expire(now);
        }
        while let Some(remote) = self.server.as_mut().and_then(|server| server.gathering.pop_expired(now)) {
            self.give_up_hello(remote);
        }
    }

    pub(super) fn give_up_hello(&mut self, remote: SocketAddr) {
        self.forget_hello(remote);
        self.counters.handshakes_refused += 1;
        self.outputs.trace.line(1, remote, || "refused: fragments of its ClientHello did not come in time");
    }

    /// Begins a handshake with a whole ClientHello whose cookie was verified, if there is room for it.
    fn admit(&mut self, now: Instant, remote: SocketAddr, record: &Record<'_>) -> Outcome {
        let Some(hello) = ClientHello::parse(record) else {
            return Outcome::Dropped(DropReason::Malformed);
        };
        self.forget_hello(remote);
        let mut answers = Rate::new(now);
        if let Some(handshaking) = self.routes.handshaking(self.route_to(remote)) {
            // A client that starts anew in the middle of its handshake is answered at once, as long as it does not do so
            // all the time: two hellos that are replayed in turns begin no more handshakes than one.
            let before = self.connections.get(&handshaking).and_then(|entry| entry.connection.answers());
            answers = before.unwrap_or(answers);
            if !answers.take(now, REPEATED_HELLOS) {
                return Outcome::Dropped(DropReason::Repeated);
            }
            self.remove(handshaking, CloseReason::Replaced);
        } else {
            answers.take(now, REPEATED_HELLOS);
        }
        if !self.make_room(now, remote) {
            self.refuse_handshake(remote);
            return Outcome::Dropped(DropReason::Limit);
        }
        self.accept(now, remote, &hello, record, answers);
        Outcome::Used
    }

    fn accept(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        hello: &ClientHello<'_>,
        record: &Record<'_>,
        answers: Rate,
    ) {
        let sessions = self.session_policy(now);
        let Some(server) = &self.server else {
            return;
        };
        let servername = server_name(hello.extensions);
        let asks = self.asks.handshakes;
        let config = server.config_for(servername.as_deref(), asks);
        let offers_id = connection_id_extension::has_connection_id(hello.extensions, Hello::Client) == Ok(true);
        let own_id = if offers_id { self.ids.generate() } else { None };
        let mut context = match Context::server(config, now, asks, sessions, own_id, record) {
            Ok(context) => context,
            Err(error) => {
                // Out of memory, for all we know: the client will try again.
                self.counters.handshakes_refused += 1;
                self.outputs.trace.line(1, remote, || format!("refused: {error}"));
                return;
            }
        };
        context.pause(self.jobs.are_wanted());
        let mut connection = Connection::server(now, context, *hello.random, answers);
        let step = connection.handle_record(now, record, &mut self.scratch);
        let handle = self.add_handshake(now, self.route_to(remote), connection);
        self.outputs.push(Event::Connection { connection: handle, remote, servername });
        self.apply(now, handle, step);
    }

    fn began_with(&self, handle: ConnectionHandle, random: &[u8; 32]) -> bool {
        self.connections.get(&handle).is_some_and(|entry| entry.connection.began_with(random))
    }
}

impl super::ServerSide {
    /// Which configuration greets the sender of this hello; its own name may be in a later fragment.
    fn config_for_record(&self, record: &Record<'_>, asks: Asks) -> &Arc<ServerConfig> {
        if self.names.is_empty() {
            return &self.config;
        }
        let name = ClientHello::parse(record).and_then(|hello| server_name(hello.extensions));
        self.config_for(name.as_deref(), asks)
    }

    /// An application that is asked for names has them all, as in node:tls.
    fn config_for(&self, name: Option<&str>, asks: Asks) -> &Arc<ServerConfig> {
        let named = name.filter(|_| !asks.for_configs).and_then(|name| self.names.find(name));
        named.unwrap_or(&self.config)
    }
}
