//! What the application decides by a ClientHello, before there is an engine to read it: configuration and protocol.
//!
//! The engine picks suite and certificate in the step that parses the ClientHello. So the hello waits here, and is fed
//! once everything that depends on it is decided.

use super::error::{Error, ErrorKind};
use super::outbox::Outbox;
use super::question::{Answer, Asks, Question};
use super::session_policy::SessionPolicy;
use super::versions::ServerConfig;
use crate::wire::{ClientHello, ConnectionId, Records, alert, application_protocol as alpn, server_name};
use std::sync::Arc;

/// What has been asked last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Nothing,
    Config,
    Protocol,
}

/// A ClientHello, and what has been decided about it.
pub(super) struct Choice {
    pub(super) asks: Asks,
    pub(super) sessions: SessionPolicy,
    pub(super) config: Arc<ServerConfig>,
    /// What the client and the application agree on.
    pub(super) protocol: Option<Vec<u8>>,
    /// The connection ID that answers the client's offer.
    pub(super) own_id: Option<ConnectionId>,
    /// A whole record.
    pub(super) hello: Vec<u8>,
    asked: Asked,
    /// Alerts that were sent under the hello's record number, and those after it.
    alerts: u64,
}

impl Choice {
    pub(super) fn new(
        config: &Arc<ServerConfig>,
        asks: Asks,
        sessions: SessionPolicy,
        own_id: Option<ConnectionId>,
    ) -> Choice {
        Choice {
            asks,
            sessions,
            config: Arc::clone(config),
            protocol: None,
            own_id,
            hello: Vec::new(),
            asked: Asked::Nothing,
            alerts: 0,
        }
    }

    /// What the application has to decide next.
    pub(super) fn question(&mut self) -> Result<Option<Question>, Error> {
        let record = Records::new(&self.hello).next();
        // What is no ClientHello is the engine's to refuse.
        let Some(hello) = record.and_then(|record| ClientHello::parse(&record)) else { return Ok(None) };
        if self.asked == Asked::Nothing {
            self.asked = Asked::Config;
            if let Some(name) = server_name(hello.extensions).filter(|_| self.asks.for_configs) {
                return Ok(Some(Question::Config(name)));
            }
        }
        if self.asked == Asked::Config {
            self.asked = Asked::Protocol;
            if self.asks.for_protocols && !self.config.has_protocols() {
                return Ok(alpn::offered(hello.extensions)?.map(|list| Question::Protocol(list.to_vec())));
            }
        }
        Ok(None)
    }

    /// Takes the answer to the question that was asked last.
    pub(super) fn answer(&mut self, answer: Answer<'_>) -> Result<(), Error> {
        match (answer, self.asked) {
            (Answer::Config(config), Asked::Config) => {
                if let Some(config) = config {
                    self.config = config;
                }
                Ok(())
            }
            (Answer::Protocol(protocol), Asked::Protocol) => self.take_protocol(protocol),
            _ => Err(Error::unasked()),
        }
    }

    fn take_protocol(&mut self, protocol: Option<&[u8]>) -> Result<(), Error> {
        let protocol = protocol.ok_or_else(|| {
            let message = "The application chose none of the client's application protocols";
            Error::new(ErrorKind::ProtocolsRefused, message)
        })?;
        let record = Records::new(&self.hello).next();
        let hello = record.and_then(|record| ClientHello::parse(&record));
        let offered = hello.and_then(|hello| alpn::offered(hello.extensions).ok().flatten());
        if !offered.is_some_and(|list| alpn::contains(list, protocol)) {
            return Err(Error::new(ErrorKind::LookupFailed, "The client does not offer the protocol that was chosen"));
        }
        self.protocol = Some(protocol.to_vec());
        Ok(())
    }

    /// Names the reason, and tells the client.
    pub(super) fn fail(&mut self, error: Error, out: &mut Outbox) -> Error {
        match error.alert_to_send() {
            None => error,
            Some(description) => {
                self.send_alert(alert::FATAL, description, out);
                error.with_alert(description)
            }
        }
    }

    /// RFC 6347 section 4.2.1: what answers a ClientHello bears its record number, and goes on from there.
    pub(super) fn send_alert(&mut self, level: u8, description: u8, out: &mut Outbox) {
        let number = Records::new(&self.hello).next().map(|record| record.number()).unwrap_or_default();
        // Numbers have 48 bits; above them stands the epoch, which is 0.
        let number = u64::from_be_bytes(number).wrapping_add(self.alerts) & 0xffff_ffff_ffff;
        self.alerts += 1;
        let record = [&[21, 254, 253][..], &number.to_be_bytes(), &[0, 2, level, description]].concat();
        out.push(&record);
    }
}
