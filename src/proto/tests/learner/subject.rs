//! What is learnt: one endpoint of the product, which answers an attacker at one address.

use super::super::network::{HandshakeAnswer, IDENTITY, KEY, SERVER, base_time, limits, reply};
use crate::proto::{CloseReason, ConnectionHandle, Endpoint, Event, HandshakeQuestion, Limits, Question, Route};
use crate::tls::{ClientConfig, ServerConfig};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ATTACKER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7)), 10_000);

/// After this long an endpoint repeats a flight once more that was asked for again.
const PATIENCE: Duration = Duration::from_millis(2_100);

/// No timer is ever due: what is learnt is what messages lead to.
fn timeless() -> Limits {
    let day = Duration::from_secs(86_400);
    Limits { handshake_timeout: day, hibernate_after: None, ..limits() }
}

pub(super) struct Subject {
    endpoint: Endpoint,
    now: Instant,
    /// Where the attacker is for the endpoint.
    remote: SocketAddr,
    newest: Option<ConnectionHandle>,
    established: HashSet<ConnectionHandle>,
}

/// What the endpoint has sent, and what its application was told, in order each.
#[derive(Default)]
pub(super) struct Said {
    pub(super) datagrams: Vec<Vec<u8>>,
    pub(super) events: Vec<String>,
}

impl Subject {
    pub(super) fn server(config: &Arc<ServerConfig>) -> Subject {
        let now = base_time();
        let endpoint = Endpoint::server(now, config.clone(), timeless(), 0).unwrap();
        Subject { endpoint, now, remote: ATTACKER, newest: None, established: HashSet::new() }
    }

    /// A client, and what it says first.
    pub(super) fn client(config: &ClientConfig) -> (Subject, Said) {
        let now = base_time();
        let mut endpoint = Endpoint::client(timeless(), 0);
        let newest = Some(endpoint.connect(now, SERVER, config).unwrap());
        let mut subject = Subject { endpoint, now, remote: SERVER, newest, established: HashSet::new() };
        let said = subject.collect();
        (subject, said)
    }

    pub(super) fn hear(&mut self, datagram: &[u8]) -> Said {
        self.now += Duration::from_millis(1);
        self.deliver(datagram)
    }

    /// The same of a message that the endpoint may already have answered.
    pub(super) fn hear_later(&mut self, datagram: &[u8]) -> Said {
        self.now += PATIENCE;
        self.deliver(datagram)
    }

    fn deliver(&mut self, datagram: &[u8]) -> Said {
        let route = Route { remote: self.remote, local: None };
        let received = self.endpoint.handle_datagram(self.now, route, datagram).map(|received| received.connection);
        let mut said = self.collect();
        if let Some(connection) = received {
            said.events.push(self.about(connection, "data"));
        }
        said
    }

    fn collect(&mut self) -> Said {
        let mut said = Said::default();
        let mut events = Vec::new();
        loop {
            while let Some(transmit) = self.endpoint.poll_transmit() {
                said.datagrams.push(transmit.datagram);
            }
            let Some(event) = self.endpoint.poll_event() else { break };
            match event {
                Event::Question { question, about: Question::Handshake(HandshakeQuestion::Psk(identity)), .. } => {
                    let key = (identity == IDENTITY).then_some(KEY);
                    reply(&mut self.endpoint, self.now, question, HandshakeAnswer::Psk(key));
                }
                Event::Connection { connection, .. } => {
                    self.newest = Some(connection);
                    events.push((connection, "connection".to_owned()));
                }
                Event::Secure { connection, .. } => {
                    self.established.insert(connection);
                    events.push((connection, "secure".to_owned()));
                }
                Event::Data { connection, .. } => events.push((connection, "data".to_owned())),
                Event::Closed { connection, reason, .. } => {
                    let why = match reason {
                        CloseReason::Error(error) => format!("closed by {:?}", error.kind),
                        other => format!("closed by {other:?}"),
                    };
                    events.push((connection, why));
                }
                other => panic!("nobody has asked for {other:?}"),
            }
        }
        // A connection that has given way to another is told before it.
        said.events = events.iter().map(|(connection, what)| self.about(*connection, what)).collect();
        said
    }

    /// Says when something is about another connection than the newest.
    fn about(&self, connection: ConnectionHandle, what: &str) -> String {
        if self.newest == Some(connection) {
            what.to_owned()
        } else if self.established.contains(&connection) {
            format!("former connection {what}")
        } else {
            format!("former handshake {what}")
        }
    }
}
