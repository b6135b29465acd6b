//! An association whose handshake is over: records of the application, and the messages that may still come.

use super::client_sessions::Remembering;
use super::errors::{alert_received, illegal, malformed, unexpected};
use super::finish::{Outcome, export};
use super::incoming::Message;
use super::link::{Ciphertext, Link, kind};
use super::numbers::DATA_EPOCH;
use super::proof::OwnProof;
use super::protection::Opened;
use crate::tls::algorithms::Algorithms;
use crate::tls::connection_ids::ConnectionIds;
use crate::tls::error::{Error, ErrorKind, ExportError};
use crate::tls::ffi::hash::Digest;
use crate::tls::finished::Finished;
use crate::tls::inbound::{DropReason, Inbound};
use crate::tls::outbox::Outbox;
use crate::tls::saved::SessionId;
use crate::tls::session_policy::NewSession;
use crate::tls::suites::Suite;
use crate::wire::connection_id_extension as connection_ids;
use crate::wire::handshake::{KEY_UPDATE, NEW_CONNECTION_ID, NEW_SESSION_TICKET, REQUEST_CONNECTION_ID};
use crate::wire::{CertificateType, NewSessionTicket, RECORD_LIMIT, Record, RoutabilityCheck, alert};
use std::sync::Arc;
use std::time::Instant;
use zeroize::Zeroizing;

/// RFC 8446 section 4.6.3.
const UPDATE_NOT_REQUESTED: u8 = 0;
const UPDATE_REQUESTED: u8 = 1;

/// What is left of a handshake.
pub(super) struct Open {
    pub(super) is_client: bool,
    pub(super) suite: Suite,
    pub(super) exporter: Digest,
    /// `None` where the handshake was in another process.
    pub(super) finished: Option<Finished>,
    pub(super) algorithms: Algorithms,
    update: Update,
    /// What we have shown, and as what.
    pub(super) own: Option<(Arc<OwnProof>, CertificateType)>,
    /// When the keys were found to be worn.
    worn_at: Option<Instant>,
    /// A client's, for tickets that come.
    pub(super) remembering: Option<Arc<Remembering>>,
    /// Under which a server keeps the session of the handshake.
    pub(super) session_id: Option<Box<SessionId>>,
}

/// Where our own keys are on their way to the next ones.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Update {
    No,
    /// As soon as nothing else is under way.
    Due,
    /// The peer has been told, and has not acknowledged it.
    UnderWay,
}

impl Open {
    pub(super) fn new(is_client: bool, session_id: Option<SessionId>, outcome: Outcome) -> Open {
        let Outcome { suite, exporter, finished, algorithms, own, remembering, .. } = outcome;
        let session_id = session_id.map(Box::new);
        let rest = Open::going_on(is_client, suite, exporter);
        Open { finished: Some(finished), algorithms, own, remembering, session_id, ..rest }
    }

    /// What is left of a handshake in another process.
    pub(super) fn going_on(is_client: bool, suite: Suite, exporter: Digest) -> Open {
        Open {
            is_client,
            suite,
            exporter,
            finished: None,
            algorithms: Algorithms::default(),
            update: Update::No,
            own: None,
            worn_at: None,
            remembering: None,
            session_id: None,
        }
    }

    /// Fatal only if an authentic record caused it, or so many forged ones that the keys are worn.
    pub(super) fn read(
        &mut self,
        now: Instant,
        record: &Record<'_>,
        room: &mut [u8],
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<Inbound, Error> {
        match link.read(now, record, room) {
            Ciphertext::Opened(opened) => {
                let inbound = self.take(now, &opened, room, link, out)?;
                // A payload leads to no datagram of ours: nobody looks for one behind it.
                if !matches!(inbound, Inbound::Data(_)) {
                    self.go_on(now, link, out)?;
                }
                Ok(inbound)
            }
            // RFC 9147 section 4.5.3.
            Ciphertext::Dropped(_) if link.has_suffered() => {
                let message = "So many forged records have come that the connection is not safe any more";
                Err(Error::new(ErrorKind::BadRecordMac, message))
            }
            Ciphertext::Dropped(reason) => {
                if matches!(reason, DropReason::Unauthentic) && link.has_just_been_strained() {
                    self.worn_at.get_or_insert(now);
                }
                Ok(Inbound::Dropped(reason))
            }
            Ciphertext::Kept => Ok(Inbound::Dropped(DropReason::Unexpected)),
        }
    }

    fn take(
        &mut self,
        now: Instant,
        opened: &Opened,
        room: &mut [u8],
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<Inbound, Error> {
        let content = room.get(opened.content.clone()).unwrap_or_default();
        // RFC 8446 section 5.4.
        if content.len() > RECORD_LIMIT {
            return Err(Error::protocol(alert::RECORD_OVERFLOW, "The peer sent a record that is too long"));
        }
        match opened.kind {
            kind::APPLICATION_DATA if opened.number.epoch >= DATA_EPOCH => {
                let length = content.len();
                room.copy_within(opened.content.clone(), 0);
                Ok(Inbound::Data(length))
            }
            // RFC 8446 section 5.4.
            kind::HANDSHAKE if content.is_empty() => Err(unexpected("The peer sent an empty handshake record")),
            kind::HANDSHAKE => {
                let taken = link.take_handshake(now, opened.number, content, out);
                let repeats = taken.map_err(|fault| fault.of("handshake message"))?;
                let mut session = None;
                while let Some(message) = link.next_message() {
                    // Of several tickets in one record, the newest is worth an event.
                    session = self.take_message(now, &message, link)?.or(session);
                }
                Ok(match session {
                    Some(session) => Inbound::Session(Box::new(session)),
                    None if repeats => Inbound::Repeated,
                    None => Inbound::Consumed,
                })
            }
            kind::ACK => {
                let delivered = link.take_acknowledgment(now, opened.number.epoch, content, out);
                let delivered = delivered.map_err(|fault| fault.of("acknowledgment"))?;
                if delivered && self.update == Update::UnderWay {
                    // RFC 9147 section 8: only now.
                    link.update_sealer(now)?;
                    self.update = Update::No;
                }
                Ok(Inbound::Consumed)
            }
            kind::RETURN_ROUTABILITY_CHECK if link.ids().is_some_and(ConnectionIds::checks_routability) => {
                let mut message = [0; 9];
                for (place, byte) in message.iter_mut().zip(content) {
                    *place = *byte;
                }
                let check = RoutabilityCheck::parse((message, content.len()));
                Ok(check.map_or(Inbound::Consumed, Inbound::Check))
            }
            kind::ALERT => take_alert(content),
            _ => Err(unexpected("The peer sent a record of a type that does not belong here")),
        }
    }

    /// Answers the session that the message brings.
    fn take_message(&mut self, now: Instant, message: &Message, link: &mut Link) -> Result<Option<NewSession>, Error> {
        match message.kind {
            NEW_SESSION_TICKET if self.is_client && message.epoch >= DATA_EPOCH => {
                let ticket = NewSessionTicket::parse(&message.body)
                    .ok_or_else(|| malformed("The server sent a malformed NewSessionTicket"))?;
                return Ok(self.remembering.as_ref().and_then(|remembering| remembering.session(now, &ticket)));
            }
            KEY_UPDATE if message.epoch == link.peer_epoch() && message.epoch >= DATA_EPOCH => {
                let is_requested = match message.body.as_slice() {
                    [UPDATE_NOT_REQUESTED] => false,
                    [UPDATE_REQUESTED] => true,
                    _ => return Err(illegal("The peer sent a KeyUpdate that has no meaning")),
                };
                link.update_opener()?;
                link.is_outdated(now);
                // One that is under way answers this one as well.
                if is_requested && self.update == Update::No {
                    self.update = Update::Due;
                }
            }
            NEW_CONNECTION_ID if message.epoch >= DATA_EPOCH && has_peer_id(link) => {
                let ids = connection_ids::read_new(&message.body);
                let (first, is_immediate) =
                    ids.ok_or_else(|| malformed("The peer sent a malformed NewConnectionId"))?;
                // RFC 9147 section 9: from now on. What is spare is not needed: nothing here changes its path by itself.
                if is_immediate && let Some(first) = first {
                    link.change_peer_id(&first);
                    link.is_outdated(now);
                }
            }
            // RFC 9147 section 9: an endpoint may give fewer than it was asked for. This one has one for each connection.
            REQUEST_CONNECTION_ID if message.epoch >= DATA_EPOCH && has_own_id(link) => {
                if message.body.len() != 1 {
                    return Err(malformed("The peer sent a malformed RequestConnectionId"));
                }
            }
            _ => return Err(unexpected("The peer sent a handshake message that does not belong behind the handshake")),
        }
        Ok(None)
    }

    /// Notes whether a payload was sealed with keys that others have to follow. These need a message of their own, which leaves at
    /// the deadline.
    pub(super) fn wrote(&mut self, now: Instant, link: &mut Link) {
        link.note_left(now);
        let is_due = match self.update {
            Update::No => self.needs_update(link),
            Update::Due => true,
            Update::UnderWay => link.has_given_up(now),
        };
        if is_due {
            self.worn_at.get_or_insert(now);
        }
    }

    /// Whether our keys are worn, or have no numbers any more, and nothing has been done about it.
    fn needs_update(&self, link: &Link) -> bool {
        self.update == Update::No && (link.is_worn() || link.is_short())
    }

    /// Whether other keys of ours are due, or under way.
    pub(super) fn owes_update(&self) -> bool {
        self.update != Update::No
    }

    /// Other keys of ours are due, as they were in another process.
    pub(super) fn owe_update(&mut self) {
        self.update = Update::Due;
    }

    /// Whether no other keys are due or under way.
    pub(super) fn is_settled(&self) -> bool {
        self.update == Update::No && self.worn_at.is_none()
    }

    /// When other keys are due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.worn_at
    }

    /// Sends what is due: acknowledgments, and a KeyUpdate once nothing else is under way.
    fn go_on(&mut self, now: Instant, link: &mut Link, out: &mut Outbox) -> Result<(), Error> {
        link.tell(now, out)?;
        let is_wanted = self.worn_at.take().is_some();
        link.note_left(now);
        let is_strained = is_wanted && self.update == Update::No && link.is_strained();
        if is_strained || self.needs_update(link) {
            self.update = Update::Due;
        }
        if self.update == Update::Due && !link.is_sending() && link.has_message_number() {
            self.update = Update::UnderWay;
            // RFC 9147 section 4.5.3: before too much is forged.
            let request = if link.is_strained() { UPDATE_REQUESTED } else { UPDATE_NOT_REQUESTED };
            link.send_message(now, KEY_UPDATE, &[request], out)?;
        } else if is_wanted && self.update == Update::UnderWay && link.has_given_up(now) {
            link.transmit(now, out)?;
        }
        Ok(())
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, link: &mut Link, out: &mut Outbox) -> Result<(), Error> {
        link.handle_timeout(now, out)?;
        self.go_on(now, link, out)
    }

    pub(super) fn export(
        &self,
        label: &[u8],
        context: Option<&[u8]>,
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, ExportError> {
        export(&self.exporter, label, context, length)
    }

    /// Our own certificate, DER, if we have shown one.
    pub(super) fn own_certificate(&self) -> Option<&[u8]> {
        self.own.as_ref().and_then(|(own, kind)| own.shown(*kind))
    }
}

fn has_peer_id(link: &Link) -> bool {
    link.ids().is_some_and(|ids| !ids.peer().is_empty())
}

fn has_own_id(link: &Link) -> bool {
    link.ids().is_some_and(|ids| !ids.own().is_empty())
}

/// RFC 8446 section 6: but for two, every alert ends the connection, whatever its level.
fn take_alert(content: &[u8]) -> Result<Inbound, Error> {
    match content {
        [_, alert::CLOSE_NOTIFY] => Ok(Inbound::Closed),
        [_, alert::USER_CANCELED] => Ok(Inbound::Consumed),
        [_, description] => Err(alert_received(*description, false)),
        _ => Err(malformed("The peer sent a malformed alert")),
    }
}
