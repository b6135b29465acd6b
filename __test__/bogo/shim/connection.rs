//! The connections of one test, one after the other, in the time that the runner makes.

use crate::flags::{Flags, Part};
use crate::packets::{Input, Packets};
use crate::proto::{
    Answer, Asks, CloseReason, ConnectionHandle, Endpoint, Event, HandshakeAnswer, HandshakeAsks, HandshakeQuestion,
    Question, QuestionId, SendError, SessionSettings, WallClock,
};
use crate::setup::{self, EVER};
use crate::tls::{PeerCredential, Suite, Terms};
use crate::{Failure, wire};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// For which a session can be resumed.
const SESSION_LIFETIME: Duration = Duration::from_secs(2 * 86_400);

/// What the runner expects first, where the shim is to write first.
const FIRST_WRITE: &str = "hello";

/// What the application of a test knows.
struct Application {
    now: Instant,
    clock: WallClock,
    /// A server, which lives on from connection to connection.
    server: Option<Endpoint>,
    /// What a client has kept of the connection before.
    session: Option<Vec<u8>>,
}

/// One connection.
struct Exchange<'a> {
    part: &'a Part<'a>,
    is_resumption: bool,
    now: Instant,
    remote: SocketAddr,
    endpoint: &'a mut Endpoint,
    packets: Packets,
    /// As soon as the handshake is over.
    connection: Option<ConnectionHandle>,
    servername: Option<String>,
    /// The newest that a client's server has given it.
    session: Option<Vec<u8>>,
    is_over: bool,
}

pub(crate) fn run(flags: &Flags) -> Result<(), Failure> {
    let first = flags.part(false);
    if !first.has("dtls") {
        return Err(Failure::Unimplemented("TLS and QUIC".to_owned()));
    }
    let now = Instant::now();
    // The runner makes its certificates now, for some hours: no session outlives them.
    let clock = WallClock::new(now, SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
    let mut application = Application { now, clock, server: None, session: None };
    let count = first.number("resume-count")?.unwrap_or(0);
    // Whatever is not to be had here is said before there is a connection.
    for is_resumption in [false, true].into_iter().take(1 + usize::from(count > 0)) {
        let part = flags.part(is_resumption);
        if part.has("server") {
            drop(setup::server(&part)?)
        } else {
            drop(setup::client(&part)?)
        };
    }
    for index in 0..=count {
        application.serve(&flags.part(index > 0), index).map_err(|failure| match failure {
            Failure::Failed(why) => Failure::Failed(format!("connection {index}: {why}")),
            unimplemented @ Failure::Unimplemented(_) => unimplemented,
        })?;
    }
    Ok(())
}

impl Application {
    fn serve(&mut self, part: &Part<'_>, index: u64) -> Result<(), Failure> {
        let number = |name| Ok::<_, Failure>(part.number(name)?.ok_or("the runner does not say where it is")?);
        let (port, shim_id) = (u16::try_from(number("port")?)?, number("shim-id")?);
        let remote = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 10_000 + u16::try_from(index)?);
        let mut endpoint = match part.has("server") {
            true => self.server(part)?,
            false => {
                if index > 0 && self.session.is_none() {
                    return Err(Failure::Failed("the connection before has left no session to offer".to_owned()));
                }
                let config = setup::client(part)?.resuming(self.clock, self.session.as_deref());
                let mut endpoint = Endpoint::client(setup::limits(), 0);
                endpoint.connect(self.now, remote, &config)?;
                endpoint
            }
        };
        let mut exchange = Exchange {
            part,
            is_resumption: index > 0,
            now: self.now,
            remote,
            endpoint: &mut endpoint,
            packets: Packets::connect(port, part.has("ipv6"), shim_id)?,
            connection: None,
            servername: None,
            session: None,
            is_over: false,
        };
        let outcome = exchange.run();
        let (now, session) = (exchange.now, exchange.session);
        exchange.packets.drain();
        outcome?;
        self.server = part.has("server").then_some(endpoint);
        self.session = session;
        self.now = now + Duration::from_secs(part.number("resumption-delay")?.unwrap_or(0));
        Ok(())
    }

    /// The server, as it is to be for this connection.
    fn server(&mut self, part: &Part<'_>) -> Result<Endpoint, Failure> {
        let config = setup::server(part)?;
        let mut endpoint = match self.server.take() {
            Some(mut endpoint) => {
                endpoint.replace_config(config);
                endpoint
            }
            None => Endpoint::server(self.now, config, setup::limits(), 0).map_err(|_| "no randomness")?,
        };
        if !part.has("no-ticket") {
            let settings = SessionSettings {
                lifetime: SESSION_LIFETIME,
                remembers_psk: true,
                ticket_keys: None,
                issues_tickets: true,
                kept: Some(10),
                clock: self.clock,
            };
            if endpoint.ticket_keys(self.now).is_none() {
                endpoint.remember_sessions(self.now, settings).map_err(|_| "no randomness")?;
            }
        }
        let for_protocols = part.has("select-alpn") || part.has("reject-alpn");
        let handshakes = HandshakeAsks { for_configs: false, for_protocols, for_sessions: false };
        endpoint.ask(Asks { handshakes, ..Asks::default() });
        Ok(endpoint)
    }
}

impl Exchange<'_> {
    /// Until the peer has said goodbye.
    fn run(&mut self) -> Result<(), Failure> {
        self.settle()?;
        while !self.is_over {
            match self.packets.receive()? {
                Input::Packet(packet) => {
                    let received = self.endpoint.handle_datagram(self.now, self.remote, &packet);
                    let received = received.map(|received| (received.connection, received.payload.to_vec()));
                    if let Some((connection, payload)) = received {
                        self.flush()?;
                        self.echo(connection, payload)?;
                    }
                    self.settle()?;
                }
                Input::Pass(duration) => {
                    self.packets.acknowledge()?;
                    self.now += duration;
                    self.endpoint.handle_timeout(self.now);
                    self.settle()?;
                }
                Input::Expect(expected) => self.compare_timer(expected)?,
                Input::Change => {
                    return Err(Failure::Unimplemented("a change in the middle of a connection".to_owned()));
                }
                Input::End => break,
            }
        }
        self.connection.map(drop).ok_or_else(|| Failure::Failed("the stream has ended before the handshake".to_owned()))
    }

    /// Sends what is to be sent, and hears what there is to be heard.
    fn settle(&mut self) -> Result<(), Failure> {
        self.flush()?;
        // It goes with its connection.
        if let Some(session) = self.connection.and_then(|connection| self.endpoint.session(connection)) {
            self.session = Some(session.to_vec());
        }
        while let Some(event) = self.endpoint.poll_event() {
            self.take(event)?;
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        while let Some(transmit) = self.endpoint.poll_transmit() {
            // The other side may have gone: then there is nothing to be said to it.
            if self.packets.send(&transmit.datagram).is_err() {
                self.is_over = true;
            }
        }
        Ok(())
    }

    fn take(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Connection { servername, .. } => self.servername = servername,
            Event::Question { question, about, .. } => self.answer(question, about)?,
            Event::Secure { connection, suite, resumed, peer, terms, .. } => {
                self.connection = Some(connection);
                self.check(connection, suite, resumed, peer.as_ref(), &terms)?;
                self.session = self.endpoint.session(connection).map(<[u8]>::to_vec);
                self.begin(connection)?;
            }
            Event::Data { connection, payload } => self.echo(connection, payload)?,
            Event::Closed { reason, .. } => {
                self.is_over = true;
                match reason {
                    CloseReason::Peer | CloseReason::Local => {}
                    CloseReason::Error(error) => {
                        let alert = error.alert.map_or("none", wire::alert::name);
                        return Err(Failure::Failed(format!("{:?}, alert {alert}: {error}", error.kind)));
                    }
                    other => return Err(Failure::Failed(format!("{other:?}"))),
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn answer(&mut self, question: QuestionId, about: Question) -> Result<(), Failure> {
        let Question::Handshake(about) = about else { return Ok(()) };
        let answer = match about {
            HandshakeQuestion::Psk(identity) => {
                let is_known = self.part.value("psk-identity").unwrap_or_default().as_bytes() == identity;
                HandshakeAnswer::Psk(self.part.value("psk").filter(|_| is_known).map(str::as_bytes))
            }
            HandshakeQuestion::Protocol(offered) => {
                if let Some(expected) = self.part.value("expect-advertised-alpn")
                    && expected.as_bytes() != offered
                {
                    return Err(Failure::Failed(format!("other protocols were offered: {offered:?}")));
                }
                HandshakeAnswer::Protocol(self.part.value("select-alpn").map(str::as_bytes))
            }
            HandshakeQuestion::Peer(_) => {
                // This project asks about the peer of every handshake, BoringSSL about that of the session's unless it is told to.
                let is_known = self.is_resumption && !self.part.has("reverify-on-resume");
                let is_decided =
                    ["verify-peer", "require-any-client-certificate"].iter().any(|flag| self.part.has(flag));
                HandshakeAnswer::Peer(is_known || !is_decided || !self.part.has("verify-fail"))
            }
            _ => return Err(Failure::Failed("there is a question that has no answer here".to_owned())),
        };
        self.endpoint.handle_answer(self.now, question, Answer::Handshake(answer));
        Ok(())
    }

    /// Compares what the handshake has agreed on with what the flags expect.
    fn check(
        &self,
        connection: ConnectionHandle,
        suite: Suite,
        resumed: bool,
        peer: Option<&PeerCredential>,
        terms: &Terms,
    ) -> Result<(), Failure> {
        let part = self.part;
        let expect = |holds: bool, what: &str| if holds { Ok(()) } else { Err(Failure::Failed(what.to_owned())) };
        let version = if suite.is_of_dtls13() { 0xfefc } else { 0xfefd };
        expect(part.number("expect-version")?.is_none_or(|expected| expected == version), "another version")?;
        expect(resumed == (self.is_resumption && !part.has("expect-session-miss")), "resumed, or not")?;
        let expected = part.number("expect-cipher")?;
        expect(expected.is_none_or(|expected| expected == suite.id().into()), "another suite")?;
        let group = self.endpoint.algorithms(connection).map_or(0, |algorithms| algorithms.group);
        expect(part.number("expect-curve-id")?.is_none_or(|expected| expected == group.into()), "another group")?;
        let protocol = part.value(if part.has("server") { "select-alpn" } else { "expect-alpn" });
        expect(protocol.map(str::as_bytes) == terms.protocol.as_deref(), "another application protocol")?;
        let name = part.value("expect-server-name");
        expect(name.is_none() || name == self.servername.as_deref(), "another server name")?;
        expect(!part.has("expect-no-peer-cert") || peer.is_none(), "the peer has shown something")?;
        let has_shown = peer.is_some() || resumed;
        expect(!part.has("require-any-client-certificate") || has_shown, "the peer has shown nothing")?;
        if let Some(kind) = part.number("expect-peer-certificate-type")? {
            let is_raw = peer.is_some_and(|peer| peer.certificate.is_none());
            expect(is_raw == (kind == 2), "another type of certificate")?;
        }
        Ok(())
    }

    /// The handshake is over.
    fn begin(&mut self, connection: ConnectionHandle) -> Result<(), Failure> {
        if let Some(length) = self.part.number("export-keying-material")? {
            let label = self.part.value("export-label").unwrap_or_default();
            if label.is_empty() {
                return Err(Failure::Unimplemented("keying material without a label".to_owned()));
            }
            let context = self.part.value("export-context").filter(|_| self.part.has("use-export-context"));
            let length = usize::try_from(length)?;
            let context = context.map(str::as_bytes);
            let material = self.endpoint.export_keying_material(connection, label.as_bytes(), context, length);
            let material = material.map_err(|error| format!("no keying material: {error:?}"))?.to_vec();
            self.write(connection, &material)?;
        }
        if self.part.has("shim-writes-first") {
            let first = self.part.value("shim-initial-write").unwrap_or(FIRST_WRITE).as_bytes().to_vec();
            for _ in 0..self.part.number("repeat-shim-initial-write")?.unwrap_or(1) {
                self.write(connection, &first)?;
            }
        }
        if self.part.has("shim-shuts-down") {
            self.is_over = true;
            if self.part.has("check-close-notify") {
                self.endpoint.close(self.now, connection);
            }
        }
        Ok(())
    }

    /// Answers with the payload turned round, as the runner wants it.
    fn echo(&mut self, connection: ConnectionHandle, payload: Vec<u8>) -> Result<(), Failure> {
        if payload.is_empty() {
            return Ok(());
        }
        let turned: Vec<u8> = payload.iter().map(|byte| byte ^ 0xff).collect();
        self.write(connection, &turned)
    }

    fn write(&mut self, connection: ConnectionHandle, payload: &[u8]) -> Result<(), Failure> {
        let sealed = self.endpoint.send(self.now, connection, payload);
        let sealed = sealed.map_err(|error| match error {
            SendError::NotConnected => "not connected".to_owned(),
            SendError::TooLarge { length, limit } => format!("{length} bytes, and {limit} are allowed"),
            SendError::NoNumbers => "the store has yet to confirm further record numbers".to_owned(),
            SendError::Failed(error) => error.to_string(),
        })?;
        let datagram = sealed.datagram.to_vec();
        if self.packets.send(&datagram).is_err() {
            self.is_over = true;
        }
        Ok(())
    }

    fn compare_timer(&self, expected: Option<Duration>) -> Result<(), Failure> {
        // What is due in years is the end of everything.
        let due = self.endpoint.poll_timeout().map(|due| due.saturating_duration_since(self.now));
        let due = due.filter(|due| *due < EVER / 2);
        if due == expected {
            return Ok(());
        }
        Err(Failure::Failed(format!("the timer runs for {due:?}, and the runner expects {expected:?}")))
    }
}
