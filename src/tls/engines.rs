//! One association's engine, of whichever version the two sides have agreed on. Nobody above asks which that is.

use super::algorithms::Algorithms;
use super::bound::Bound;
use super::claim::Claim;
use super::connection_ids::ConnectionIds;
use super::context::{Context as Dtls12, Reaction};
use super::dtls13::Association;
use super::error::{Error, ExportError};
use super::finished::Finished;
use super::inbound::{DropReason, Inbound};
use super::key_log::KeyLog;
use super::outbox::Outbox;
use super::progress::Progress;
use super::question::{Answer, Asks};
use super::saved::{AssociationName, SaveClock, SessionId, Unrestorable};
use super::saved_connection::{Fence, SavedConnection, StoredCopy};
use super::session_policy::SessionPolicy;
use super::undecided::{Chosen, Undecided};
use super::versions::{ClientConfig, ClientOf, ServerConfig};
use crate::wire::hello13::{DTLS_1_3, offers_version};
use crate::wire::{ClientHello, ConnectionId, OwnedRecord, Record, RoutabilityCheck};
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

const NOT_SPOKEN: Unrestorable = Unrestorable::State("its version of DTLS is not spoken here");

/// One association's engine. Sans-I/O: takes records and times, writes datagrams to an [`Outbox`].
#[expect(clippy::large_enum_variant, reason = "memory of its own would pin a page for each connection that is asleep")]
pub(crate) enum Context {
    Dtls12(Dtls12),
    Dtls13(Box<Association>),
    /// A client that offers both, before the server has chosen.
    Undecided(Box<Undecided>),
}

impl Context {
    /// For a client whose cookie was verified. Feed it `record` next, which holds its whole ClientHello.
    ///
    /// `asks`: what the application is asked about the client. `sessions`: which sessions it may resume.
    /// `own_id`: the connection ID that answers its offer, if it has made one.
    pub(crate) fn server(
        config: &Arc<ServerConfig>,
        now: Instant,
        asks: Asks,
        sessions: SessionPolicy,
        own_id: Option<ConnectionId>,
        record: &Record<'_>,
    ) -> Result<Context, Error> {
        // A hello with a cookie of DTLS 1.2 goes on with that, whatever it offers beside it.
        let is_newer = |hello: ClientHello<'_>| hello.cookie.is_empty() && offers_version(hello.extensions, DTLS_1_3);
        match config.dtls13().filter(|_| ClientHello::parse(record).is_some_and(is_newer)) {
            Some(own) => Ok(Context::Dtls13(Box::new(Association::server(config, own, asks, sessions, own_id)))),
            None => Dtls12::server(config, now, asks, sessions, own_id).map(Context::Dtls12),
        }
    }

    /// Call [`Context::handle_timeout`] to send the first flight. `own_id`: the connection ID that is offered.
    pub(crate) fn client(config: &ClientConfig, now: Instant, own_id: Option<ConnectionId>) -> Result<Context, Error> {
        match config.engine() {
            ClientOf::Dtls12(config) => Dtls12::client(config, now, own_id).map(Context::Dtls12),
            ClientOf::Dtls13(config) => {
                Association::client(config, own_id).map(|client| Context::Dtls13(Box::new(client)))
            }
            ClientOf::Both { older, newer } => {
                let undecided =
                    Undecided::new(Dtls12::client(older, now, own_id)?, Association::client(newer, own_id)?);
                Ok(Context::Undecided(Box::new(undecided)))
            }
        }
    }

    /// A server's side of a connection that was saved, in a new life.
    pub(crate) fn restore(
        config: &ServerConfig,
        saved: &SavedConnection,
        clock: SaveClock,
    ) -> Result<Context, Unrestorable> {
        match saved {
            SavedConnection::Dtls12(saved) => Dtls12::restore(config, saved, clock).map(Context::Dtls12),
            SavedConnection::Dtls13(saved) => {
                let config = config.dtls13().ok_or(NOT_SPOKEN)?;
                Association::arrive(config, saved).map(|association| Context::Dtls13(Box::new(association)))
            }
        }
    }

    /// The same of a client's side.
    pub(crate) fn restore_client(
        config: &ClientConfig,
        saved: &SavedConnection,
        clock: SaveClock,
    ) -> Result<Context, Unrestorable> {
        match (saved, config.engine()) {
            (SavedConnection::Dtls12(saved), ClientOf::Dtls12(config) | ClientOf::Both { older: config, .. }) => {
                Dtls12::restore_client(config, saved, clock).map(Context::Dtls12)
            }
            (SavedConnection::Dtls13(saved), ClientOf::Dtls13(config) | ClientOf::Both { newer: config, .. }) => {
                Association::arrive_client(config, saved).map(|association| Context::Dtls13(Box::new(association)))
            }
            _ => Err(NOT_SPOKEN),
        }
    }

    // --- the handshake -----------------------------------------------------------------------------------------------

    /// When [`Context::handle_timeout`] is due. It may be when the handshake is over: what ended it may have to be repeated.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self {
            Context::Dtls12(context) => context.deadline(),
            Context::Dtls13(association) => association.deadline(),
            Context::Undecided(undecided) => undecided.deadline(),
        }
    }

    /// Whether a record could mean something here. What could not is dropped, now or after any wait.
    pub(crate) fn expects(&self, record: &Record<'_>) -> bool {
        match self {
            Context::Dtls12(context) => !record.is_of_dtls13() && context.expects(record),
            Context::Dtls13(association) => association.expects(record),
            Context::Undecided(undecided) => undecided.expects(record),
        }
    }

    /// Whether it takes this record while the application is asked, so that its sender learns that it has come. Others have to wait
    /// for the answer.
    pub(crate) fn hears_while_asking(&self, record: &Record<'_>) -> bool {
        match self {
            Context::Dtls13(association) => association.hears_while_asking(record),
            Context::Dtls12(_) | Context::Undecided(_) => false,
        }
    }

    /// Takes one record, whatever the association is at. Plaintext is written to `plaintext`, which must be as long as
    /// the record.
    pub(crate) fn handle_record(
        &mut self,
        now: Instant,
        record: &Record<'_>,
        plaintext: &mut [u8],
        out: &mut Outbox,
    ) -> Result<Reaction, Error> {
        if let Some(records) = self.decide(record) {
            let mut reaction = Ok(Reaction::Handshake(Progress::Waiting));
            for record in records {
                reaction = self.handle_record(now, &record.borrow(), plaintext, out);
                if reaction.is_err() {
                    break;
                }
            }
            return reaction;
        }
        match self {
            Context::Dtls12(_) if record.is_of_dtls13() => {
                Ok(Reaction::Record(Inbound::Dropped(DropReason::Unexpected)))
            }
            Context::Dtls12(context) => context.handle_record(now, record, plaintext, out),
            Context::Dtls13(association) => association.handle_record(now, record, plaintext, out),
            Context::Undecided(undecided) => undecided.handle_record(now, record, plaintext, out),
        }
    }

    /// Follows the version that a server's hello chooses, if it is whole with this record. The records with it.
    fn decide(&mut self, record: &Record<'_>) -> Option<Vec<OwnedRecord>> {
        let Context::Undecided(undecided) = self else { return None };
        let version = undecided.hear(record)?;
        let Context::Undecided(undecided) = std::mem::replace(self, Context::Dtls12(Dtls12::away())) else {
            return None;
        };
        let (chosen, records) = undecided.decide(version);
        *self = match chosen {
            Chosen::Dtls12(context) => Context::Dtls12(context),
            Chosen::Dtls13(association) => Context::Dtls13(association),
        };
        Some(records)
    }

    /// How far the handshake has come; it never goes back.
    pub(crate) fn steps_taken(&self) -> u32 {
        match self {
            Context::Dtls12(context) => context.steps_taken(),
            Context::Dtls13(association) => association.steps_taken(),
            Context::Undecided(undecided) => undecided.older.steps_taken(),
        }
    }

    /// How many handshake messages it has written, other than again.
    pub(crate) fn messages_written(&self) -> u32 {
        match self {
            Context::Dtls12(context) => context.messages_written(),
            Context::Dtls13(association) => association.messages_written(),
            Context::Undecided(undecided) => undecided.older.messages_written(),
        }
    }

    /// Starts a client's handshake; later, retransmits the current flight when its time has come.
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> Result<Progress, Error> {
        match self {
            Context::Dtls12(context) => context.handle_timeout(now, out),
            Context::Dtls13(association) => association.handle_timeout(now, out),
            Context::Undecided(undecided) => undecided.handle_timeout(now, out),
        }
    }

    /// Goes on with what the application has answered.
    pub(crate) fn handle_answer(
        &mut self,
        now: Instant,
        answer: Answer<'_>,
        out: &mut Outbox,
    ) -> Result<Progress, Error> {
        match self {
            Context::Dtls12(context) => context.handle_answer(now, answer, out),
            Context::Dtls13(association) => association.handle_answer(now, answer, out),
            Context::Undecided(undecided) => undecided.handle_answer(now, answer, out),
        }
    }

    /// Gives back what a handshake does not need while it waits.
    pub(crate) fn rest(&mut self) {
        match self {
            Context::Dtls12(context) => context.rest(),
            Context::Dtls13(_) => {}
            Context::Undecided(undecided) => undecided.older.rest(),
        }
    }

    /// What is known about a handshake that has taken too long.
    pub(crate) fn timeout_error(&self) -> Option<Error> {
        match self {
            Context::Dtls12(context) => context.timeout_error(),
            Context::Dtls13(_) | Context::Undecided(_) => None,
        }
    }

    /// Who the peer of a handshake says it is, if it has said so.
    pub(crate) fn claim(&self) -> Option<Claim> {
        match self {
            Context::Dtls12(context) => context.claim(),
            Context::Dtls13(association) => association.claim(),
            Context::Undecided(undecided) => undecided.older.claim(),
        }
    }

    /// RFC 5246 section 7.2.2: user_canceled is followed by close_notify.
    pub(crate) fn cancel_handshake(&mut self, now: Instant, out: &mut Outbox) {
        match self {
            Context::Dtls12(context) => context.cancel_handshake(now, out),
            Context::Dtls13(association) => association.cancel_handshake(out),
            Context::Undecided(undecided) => undecided.older.cancel_handshake(now, out),
        }
    }

    /// Gives a handshake up for a reason of our own.
    pub(crate) fn send_fatal_alert(&mut self, now: Instant, description: u8, out: &mut Outbox) {
        match self {
            Context::Dtls12(context) => context.send_fatal_alert(now, description, out),
            Context::Dtls13(association) => association.send_fatal_alert(description, out),
            Context::Undecided(undecided) => undecided.older.send_fatal_alert(now, description, out),
        }
    }

    // --- the handshake on another thread -----------------------------------------------------------------------------

    /// Whether to pause before steps with public keys: [`Progress::Computes`].
    pub(crate) fn pause(&mut self, pauses: bool) {
        match self {
            Context::Dtls12(context) => context.pause(pauses),
            Context::Dtls13(association) => association.pause(pauses),
            Context::Undecided(undecided) => undecided.pause(pauses),
        }
    }

    /// Takes the step that [`Progress::Computes`] announced, and those behind it.
    pub(crate) fn compute(&mut self, now: Instant, out: &mut Outbox) -> Result<Progress, Error> {
        match self {
            Context::Dtls12(context) => context.compute(now, out),
            Context::Dtls13(association) => association.compute(now, out),
            Context::Undecided(_) => Err(Error::unasked()),
        }
    }

    /// Gives the handshake away. Until it is put back here, nothing happens but [`Context::cancel_handshake`].
    pub(crate) fn lend(&mut self) -> Context {
        match self {
            Context::Dtls12(context) => Context::Dtls12(context.lend()),
            Context::Dtls13(_) | Context::Undecided(_) => std::mem::replace(self, Context::Dtls12(Dtls12::away())),
        }
    }

    /// What was done at one time leaves at a later one: the running timer begins then.
    pub(crate) fn delay(&mut self, delay: Duration) {
        match self {
            Context::Dtls12(context) => context.delay(delay),
            Context::Dtls13(association) => association.delay(delay),
            Context::Undecided(undecided) => undecided.older.delay(delay),
        }
    }

    // --- records -----------------------------------------------------------------------------------------------------

    /// Seals one payload into one record, one datagram.
    pub(crate) fn write(&mut self, now: Instant, payload: &[u8], out: &mut Outbox) -> Result<(), Error> {
        match self {
            Context::Dtls12(context) => context.write(now, payload, out),
            Context::Dtls13(association) => association.write(now, payload, out),
            Context::Undecided(undecided) => undecided.older.write(now, payload, out),
        }
    }

    /// Seals a message of a return routability check (RFC 9853).
    pub(crate) fn send_check(
        &mut self,
        now: Instant,
        message: RoutabilityCheck,
        out: &mut Outbox,
    ) -> Result<(), Error> {
        match self {
            Context::Dtls12(context) => context.send_check(now, message, out),
            Context::Dtls13(association) => association.send_check(message, out),
            Context::Undecided(_) => Err(Error::unasked()),
        }
    }

    /// Bytes of payload that one record may carry.
    pub(crate) fn payload_limit(&self) -> usize {
        match self {
            Context::Dtls12(context) => context.payload_limit(),
            Context::Dtls13(association) => association.payload_limit(),
            Context::Undecided(undecided) => undecided.older.payload_limit(),
        }
    }

    /// RFC 5246 section 7.2.1: tells the peer that nothing more will come.
    pub(crate) fn close_notify(&mut self, now: Instant, out: &mut Outbox) {
        match self {
            Context::Dtls12(context) => context.close_notify(now, out),
            Context::Dtls13(association) => association.close_notify(out),
            Context::Undecided(undecided) => undecided.older.close_notify(now, out),
        }
    }

    /// An authentic fatal alert, as a peer would send it.
    #[cfg(test)]
    pub(crate) fn break_off(&mut self, now: Instant, description: u8, out: &mut Outbox) {
        match self {
            Context::Dtls12(context) => context.break_off(now, description, out),
            Context::Dtls13(association) => association.send_fatal_alert(description, out),
            Context::Undecided(_) => {}
        }
    }

    /// A copy of what the connection needs to go on elsewhere; `None` while there is a handshake, and with DTLS 1.3, whose
    /// connections have no copies.
    pub(crate) fn save(&self) -> Option<SavedConnection> {
        match self {
            Context::Dtls12(context) => context.save().map(SavedConnection::Dtls12),
            Context::Dtls13(_) | Context::Undecided(_) => None,
        }
    }

    /// What the connection needs to go on elsewhere, and not here any more; `None` while it cannot leave.
    pub(crate) fn leave(&self) -> Option<SavedConnection> {
        match self {
            Context::Dtls13(association) => association.leave().map(SavedConnection::Dtls13),
            Context::Dtls12(_) | Context::Undecided(_) => self.save(),
        }
    }

    /// A copy for a store; `None` when there cannot be one, or not yet. Where it has a fence, the association's numbers are those that
    /// the store has confirmed, from the first copy on.
    pub(crate) fn copy_for_store(&mut self) -> Option<StoredCopy> {
        match self {
            Context::Dtls13(association) => {
                let before = association.bound();
                let saved = association.reserve()?;
                let fence = saved.bound().map(|bound| Fence { bound, before });
                Some(StoredCopy { saved: SavedConnection::Dtls13(saved), fence })
            }
            Context::Dtls12(_) | Context::Undecided(_) => Some(StoredCopy { saved: self.save()?, fence: None }),
        }
    }

    /// The store has the copy with this bound now, as that of the same owner.
    pub(crate) fn confirm_copy(&mut self, bound: Bound) {
        if let Context::Dtls13(association) = self {
            association.confirm(bound);
        }
    }

    /// Whether the store needs another copy, once.
    pub(crate) fn take_copy_due(&mut self) -> bool {
        match self {
            Context::Dtls13(association) => association.take_copy_due(),
            Context::Dtls12(_) | Context::Undecided(_) => false,
        }
    }

    /// Whether payloads have to wait until the store has confirmed another copy.
    pub(crate) fn lacks_numbers(&self) -> bool {
        match self {
            Context::Dtls13(association) => association.lacks_numbers(),
            Context::Dtls12(_) | Context::Undecided(_) => false,
        }
    }

    /// The id of the session that a server keeps of an established association; `None` without.
    pub(crate) fn session_id(&self) -> Option<SessionId> {
        match self {
            Context::Dtls12(context) => context.save().map(|saved| saved.session_id),
            Context::Dtls13(association) => association.session_id(),
            Context::Undecided(_) => None,
        }
    }

    /// The name of an established association.
    pub(crate) fn association(&self) -> Option<AssociationName> {
        match self {
            Context::Dtls12(context) => context.association(),
            Context::Dtls13(association) => association.name(),
            Context::Undecided(_) => None,
        }
    }

    /// The connection ID that the peer's records have, or that we have offered; empty without one.
    pub(crate) fn own_id(&self) -> &[u8] {
        match self {
            Context::Dtls12(context) => context.own_id(),
            Context::Dtls13(association) => association.own_id(),
            Context::Undecided(undecided) => undecided.older.own_id(),
        }
    }

    /// What the hellos of an established association have agreed on; `None` without, and while there is a handshake.
    pub(crate) fn connection_ids(&self) -> Option<ConnectionIds> {
        match self {
            Context::Dtls12(context) => context.connection_ids(),
            Context::Dtls13(association) => association.connection_ids(),
            Context::Undecided(_) => None,
        }
    }

    /// What the handshake has agreed on beside its suite; `None` while there is one. Nothing is known of one in another process.
    pub(crate) fn algorithms(&self) -> Option<Algorithms> {
        match self {
            Context::Dtls12(context) => context.algorithms(),
            Context::Dtls13(association) => association.algorithms(),
            Context::Undecided(_) => None,
        }
    }

    /// Our own certificate, DER, as the configuration has it; `None` while there is a handshake, and where none is shown.
    pub(crate) fn own_certificate(&self) -> Option<&[u8]> {
        match self {
            Context::Dtls12(context) => context.own_certificate(),
            Context::Dtls13(association) => association.own_certificate(),
            Context::Undecided(_) => None,
        }
    }

    /// Whether both sides answer return routability checks (RFC 9853).
    pub(crate) fn checks_routability(&self) -> bool {
        match self {
            Context::Dtls12(context) => context.checks_routability(),
            Context::Dtls13(association) => association.connection_ids().is_some_and(|ids| ids.checks_routability()),
            Context::Undecided(_) => false,
        }
    }

    /// The highest record number that was authenticated; `None` while there is a handshake.
    pub(crate) fn newest_heard(&self) -> Option<u64> {
        match self {
            Context::Dtls12(context) => context.newest_heard(),
            Context::Dtls13(association) => association.newest_heard(),
            Context::Undecided(_) => None,
        }
    }

    /// The random of the ClientHello that an established association began with.
    pub(crate) fn client_random(&self) -> Option<[u8; 32]> {
        match self {
            Context::Dtls12(context) => context.client_random(),
            Context::Dtls13(association) => association.client_random(),
            Context::Undecided(undecided) => undecided.older.client_random(),
        }
    }

    /// `None` while there is a handshake, and where it was in another process.
    pub(crate) fn finished(&self) -> Option<Finished> {
        match self {
            Context::Dtls12(context) => context.finished(),
            Context::Dtls13(association) => association.finished(),
            Context::Undecided(undecided) => undecided.older.finished(),
        }
    }

    /// Keying material for another protocol (RFC 5705, RFC 8446 section 7.5).
    pub(crate) fn export(
        &self,
        label: &[u8],
        context: Option<&[u8]>,
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, ExportError> {
        match self {
            Context::Dtls12(engine) => engine.export(label, context, length),
            Context::Dtls13(association) => association.export(label, context, length),
            Context::Undecided(undecided) => undecided.older.export(label, context, length),
        }
    }

    /// What reads a capture of the association: what has not been told of it yet.
    pub(crate) fn take_key_log(&mut self) -> Option<KeyLog> {
        match self {
            Context::Dtls12(context) => context.take_key_log(),
            Context::Dtls13(association) => association.take_key_log(),
            Context::Undecided(undecided) => undecided.older.take_key_log(),
        }
    }

    // --- rest --------------------------------------------------------------------------------------------------------

    pub(crate) fn is_asleep(&self) -> bool {
        match self {
            Context::Dtls12(context) => context.is_asleep(),
            Context::Dtls13(association) => association.is_asleep(),
            Context::Undecided(undecided) => undecided.older.is_asleep(),
        }
    }

    /// Gives the memory of the engine, or of its keys, back; the next record or payload wakes it.
    pub(crate) fn hibernate(&mut self) {
        match self {
            Context::Dtls12(context) => context.hibernate(),
            Context::Dtls13(association) => association.hibernate(),
            Context::Undecided(undecided) => undecided.older.hibernate(),
        }
    }
}
