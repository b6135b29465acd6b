//! One association of DTLS 1.3, in either role: a handshake, then records. Sans-I/O, as the face of the engines has it.

mod queries;

use super::client::ClientHandshake;
use super::config::{ClientConfig, ServerConfig};
use super::errors::{alert_received, malformed, unexpected};
use super::flight::Pace;
use super::incoming::Message;
use super::link::{Ciphertext, Link, kind};
use super::numbers::{HANDSHAKE_EPOCH, PLAINTEXT_EPOCH, RecordNumber};
use super::open::Open;
use super::server::ServerHandshake;
use crate::tls::choice::Choice;
use crate::tls::claim::Claim;
use crate::tls::context::Reaction;
use crate::tls::error::{Error, ErrorKind};
use crate::tls::inbound::{DropReason, Inbound};
use crate::tls::outbox::Outbox;
use crate::tls::progress::Progress;
use crate::tls::question::Asks;
use crate::tls::session_policy::SessionPolicy;
use crate::tls::versions;
use crate::wire::handshake::{CLIENT_HELLO, HELLO_VERIFY_REQUEST, SERVER_HELLO};
use crate::wire::hello13::ChoiceFault;
use crate::wire::{ConnectionId, ContentType, Record, RoutabilityCheck, alert};
use std::sync::Arc;
use std::time::Instant;

/// One association's engine.
pub(crate) struct Association {
    pub(super) link: Link,
    pub(super) stage: Stage,
    /// Of the ClientHello.
    pub(super) client_random: [u8; 32],
    /// Whether to pause before steps with certificates and their keys.
    pub(super) pauses: bool,
    /// What the handshake waits with for such a step.
    pub(super) held: Option<Message>,
    /// Whether a question to the application is open, or a step waits. No flight is under way then but one that has arrived: whatever
    /// leads to a question, or to such a step, answers it.
    pub(super) is_suspended: bool,
}

pub(super) enum Stage {
    /// A server's application decides what the client gets to see.
    Choice(Box<Choice>),
    Server(Box<ServerHandshake>),
    Client(Box<ClientHandshake>),
    Open(Box<Open>),
}

impl Association {
    /// For a client whose cookie was verified; feed it that ClientHello next, in one record. `own_id`: the connection ID that
    /// answers its offer, if it has made one. `sessions`: which sessions it resumes, and whether it leaves one behind.
    pub(crate) fn server(
        config: &Arc<versions::ServerConfig>,
        own: &ServerConfig,
        asks: Asks,
        sessions: SessionPolicy,
        own_id: Option<ConnectionId>,
    ) -> Association {
        let stage = Stage::Choice(Box::new(Choice::new(config, asks, sessions, own_id)));
        Association::new(&own.offers.pace, stage, [0; 32])
    }

    /// Call [`Association::handle_timeout`] to send the first flight. `own_id`: the connection ID that it offers.
    pub(crate) fn client(config: &Arc<ClientConfig>, own_id: Option<ConnectionId>) -> Result<Association, Error> {
        let handshake = ClientHandshake::new(config, own_id)?;
        let random = handshake.random();
        Ok(Association::new(&config.offers.pace, Stage::Client(Box::new(handshake)), random))
    }

    pub(super) fn new(pace: &Arc<Pace>, stage: Stage, client_random: [u8; 32]) -> Association {
        Association {
            link: Link::new(pace, 0, 0),
            stage,
            client_random,
            pauses: false,
            held: None,
            is_suspended: false,
        }
    }

    // --- the handshake -----------------------------------------------------------------------------------------------

    /// When [`Association::handle_timeout`] is due. While a question is open, nothing is repeated, and the peer still learns what has
    /// come.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let update = match &self.stage {
            Stage::Open(open) => open.deadline(),
            _ if self.is_suspended => return self.link.acknowledgment_deadline(),
            _ => None,
        };
        self.link.deadline().into_iter().chain(update).chain(self.link.copy_due()).min()
    }

    /// Whether a record could mean something here. What could not is dropped, now or after any wait.
    pub(crate) fn expects(&self, record: &Record<'_>) -> bool {
        if record.is_ciphertext() {
            // RFC 9147 section 9: whoever has given an ID away receives no record without it.
            return record.is_for(self.own_id()) || !self.link.has_keys();
        }
        record.epoch == 0 && !matches!(self.stage, Stage::Open(_))
    }

    /// Whether it takes this record while the application is asked: it is read when the handshake goes on. Records that belong behind
    /// the handshake have no keys yet.
    pub(crate) fn hears_while_asking(&self, record: &Record<'_>) -> bool {
        let is_of_handshake = record.is_ciphertext() && u64::from(record.epoch) == HANDSHAKE_EPOCH;
        is_of_handshake && self.is_suspended && self.link.has_keys()
    }

    /// Takes one record, whatever the association is at. Plaintext is written to `room`, which must be as long as the record.
    pub(crate) fn handle_record(
        &mut self,
        now: Instant,
        record: &Record<'_>,
        room: &mut [u8],
        out: &mut Outbox,
    ) -> Result<Reaction, Error> {
        if !self.expects(record) {
            return Ok(Reaction::Record(Inbound::Dropped(DropReason::Unexpected)));
        }
        match &mut self.stage {
            Stage::Choice(choice) => {
                choice.hello = record.bytes.to_vec();
                self.choose(now, Ok(()), out).map(Reaction::Handshake)
            }
            Stage::Open(open) => {
                let read = open.read(now, record, room, &mut self.link, out).map(Reaction::Record);
                read.map_err(|error| self.fail(error, out))
            }
            Stage::Server(_) | Stage::Client(_) => {
                let reaction = self.take_record(now, record, room, out);
                reaction.map_err(|error| self.fail(error, out))
            }
        }
    }

    fn take_record(
        &mut self,
        now: Instant,
        record: &Record<'_>,
        room: &mut [u8],
        out: &mut Outbox,
    ) -> Result<Reaction, Error> {
        if record.is_ciphertext() {
            match self.link.read(now, record, room) {
                Ciphertext::Opened(opened) => {
                    let content = room.get(opened.content).unwrap_or_default();
                    self.take_content(now, opened.kind, opened.number, content, out)?;
                }
                Ciphertext::Kept => return Ok(Reaction::Handshake(Progress::Waiting)),
                Ciphertext::Dropped(reason) => return Ok(Reaction::Record(Inbound::Dropped(reason))),
            }
        } else if !self.take_plaintext(now, record, out)? {
            return Ok(Reaction::Record(Inbound::Dropped(DropReason::Unexpected)));
        }
        self.advance(now, out).map(Reaction::Handshake)
    }

    /// Takes a plaintext record, which may be anybody's: nothing that is wrong with it ends the handshake. Whether it was of use.
    fn take_plaintext(&mut self, now: Instant, record: &Record<'_>, out: &mut Outbox) -> Result<bool, Error> {
        let [_, _, number @ ..] = record.number();
        let number = number.iter().fold(0, |value, &byte| value << 8 | u64::from(byte));
        let number = RecordNumber { epoch: PLAINTEXT_EPOCH, number };
        let (expected, is_credulous, has_heard_nothing) = match &self.stage {
            Stage::Client(client) => (SERVER_HELLO, !client.has_keys(), client.has_heard_nothing()),
            _ => (CLIENT_HELLO, false, false),
        };
        let content = record.fragment();
        Ok(match (record.content_type, content) {
            (ContentType::Handshake, [message, ..]) if *message == expected => {
                self.link.take_handshake(now, number, content, out).is_ok()
            }
            // Only a server of an older version asks for a cookie so (RFC 9147 section 5.1), and none that has asked otherwise.
            (ContentType::Handshake, [HELLO_VERIFY_REQUEST, ..]) if has_heard_nothing => {
                return Err(ChoiceFault::OtherVersion.into());
            }
            (ContentType::Ack, _) => self.link.take_acknowledgment(now, number.epoch, content, out).is_ok(),
            (ContentType::Alert, [_, description]) if is_credulous => {
                return Err(alert_received(*description, true));
            }
            _ => false,
        })
    }

    /// Takes what an authentic record of the handshake holds.
    pub(super) fn take_content(
        &mut self,
        now: Instant,
        content_type: u8,
        number: RecordNumber,
        content: &[u8],
        out: &mut Outbox,
    ) -> Result<(), Error> {
        match content_type {
            // RFC 8446 section 5.4.
            kind::HANDSHAKE if content.is_empty() => Err(unexpected("The peer sent an empty handshake record")),
            kind::HANDSHAKE => {
                let taken = self.link.take_handshake(now, number, content, out);
                taken.map(drop).map_err(|fault| fault.of("handshake message"))
            }
            kind::ACK => {
                let taken = self.link.take_acknowledgment(now, number.epoch, content, out);
                taken.map(drop).map_err(|fault| fault.of("acknowledgment"))
            }
            kind::ALERT => match content {
                [_, description] => Err(alert_received(*description, true)),
                _ => Err(malformed("The peer sent a malformed alert")),
            },
            _ => Err(unexpected("The peer sent a record of a type that does not belong into a handshake")),
        }
    }

    /// How far the handshake has come; it never goes back.
    pub(crate) fn steps_taken(&self) -> u32 {
        match &self.stage {
            Stage::Choice(_) => 0,
            Stage::Server(server) => server.steps_taken(),
            Stage::Client(client) => client.steps_taken(),
            Stage::Open(_) => u32::MAX,
        }
    }

    /// How many handshake messages it has written, other than again.
    pub(crate) fn messages_written(&self) -> u32 {
        match &self.stage {
            Stage::Choice(_) => 0,
            Stage::Server(_) | Stage::Client(_) => self.link.messages_written(),
            Stage::Open(_) => u32::MAX,
        }
    }

    /// Starts a client's handshake; later, repeats what has not arrived, and says what has, when the time has come.
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> Result<Progress, Error> {
        let asked = match &mut self.stage {
            Stage::Client(client) if client.is_at_start() => client.begin(now, &mut self.link, out),
            Stage::Open(open) => open.handle_timeout(now, &mut self.link, out).map(|()| None),
            _ if self.is_suspended => self.link.tell(now, out).map(|()| None),
            _ => self.link.handle_timeout(now, out).map(|()| None),
        };
        asked.map(|question| question.map_or(Progress::Waiting, Progress::Asks)).map_err(|error| self.fail(error, out))
    }

    /// Who the peer of a handshake says it is, if it has said so.
    pub(crate) fn claim(&self) -> Option<Claim> {
        let claim = match &self.stage {
            Stage::Server(server) => Some(server.claim()),
            Stage::Client(client) => client.claim(),
            Stage::Choice(_) | Stage::Open(_) => None,
        };
        claim.filter(|claim| !claim.is_empty())
    }

    /// RFC 8446 section 6.1: user_canceled is followed by close_notify.
    pub(crate) fn cancel_handshake(&mut self, out: &mut Outbox) {
        for description in [alert::USER_CANCELED, alert::CLOSE_NOTIFY] {
            self.send_alert(alert::WARNING, description, out);
        }
    }

    /// Gives a handshake up for a reason of our own.
    pub(crate) fn send_fatal_alert(&mut self, description: u8, out: &mut Outbox) {
        self.send_alert(alert::FATAL, description, out);
    }

    /// The association ends with or without it.
    fn send_alert(&mut self, level: u8, description: u8, out: &mut Outbox) {
        match &mut self.stage {
            Stage::Choice(choice) => choice.send_alert(level, description, out),
            Stage::Client(client) if client.is_at_start() || client.is_asking() => {}
            _ => {
                let _ = self.link.send(kind::ALERT, &[level, description], out);
            }
        }
    }

    /// Tells the peer the reason.
    pub(super) fn fail(&mut self, error: Error, out: &mut Outbox) -> Error {
        match error.alert_to_send() {
            None => error,
            Some(description) => {
                self.send_alert(alert::FATAL, description, out);
                error.with_alert(description)
            }
        }
    }

    // --- records -----------------------------------------------------------------------------------------------------

    /// Seals one payload into one record, one datagram.
    pub(crate) fn write(&mut self, now: Instant, payload: &[u8], out: &mut Outbox) -> Result<(), Error> {
        let Stage::Open(open) = &mut self.stage else {
            return Err(Error::new(ErrorKind::Internal, "A record was to be written before the handshake was over"));
        };
        self.link.send(kind::APPLICATION_DATA, payload, out)?;
        open.wrote(now, &mut self.link);
        Ok(())
    }

    /// Says whatever a test wishes, in the epoch of the handshake.
    #[cfg(test)]
    pub(super) fn say_early(&mut self, content_type: u8, content: &[u8], out: &mut Outbox) {
        self.link.send_in(HANDSHAKE_EPOCH, content_type, content, out).unwrap();
    }

    /// The same in the newest epoch.
    #[cfg(test)]
    pub(super) fn say(&mut self, content_type: u8, content: &[u8], out: &mut Outbox) {
        self.link.send(content_type, content, out).unwrap();
    }

    #[cfg(test)]
    pub(super) fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    /// Seals a message of a return routability check (RFC 9853).
    pub(crate) fn send_check(&mut self, message: RoutabilityCheck, out: &mut Outbox) -> Result<(), Error> {
        self.link.send(kind::RETURN_ROUTABILITY_CHECK, &message.to_bytes(), out)
    }

    /// RFC 8446 section 6.1: tells the peer that nothing more will come.
    pub(crate) fn close_notify(&mut self, out: &mut Outbox) {
        self.send_alert(alert::WARNING, alert::CLOSE_NOTIFY, out);
    }

    // --- rest --------------------------------------------------------------------------------------------------------

    /// Whether it is open, and has no keys but their secrets.
    pub(super) fn is_at_rest(&self) -> bool {
        matches!(self.stage, Stage::Open(_)) && self.link.is_at_rest()
    }

    /// Gives the memory of the keys back; the next record or payload makes them anew in a few microseconds.
    pub(super) fn rest(&mut self) {
        self.link.rest();
    }
}
