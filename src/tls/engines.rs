//! One association's engine, of whichever version the two sides have agreed on. Nobody above asks which that is.

mod copies;
mod queries;

use super::claim::Claim;
use super::context::{Context as Dtls12, Reaction};
use super::dtls13::{Association, Context as Dtls13};
use super::error::Error;
use super::inbound::{DropReason, Inbound};
use super::outbox::Outbox;
use super::progress::Progress;
use super::question::{Answer, Asks};
use super::saved::{SaveClock, Unrestorable};
use super::saved_connection::SavedConnection;
use super::session_policy::SessionPolicy;
use super::undecided::{Chosen, Undecided};
use super::version::Version;
use super::versions::{ClientConfig, ClientOf, ServerConfig};
use crate::wire::hello13::{DTLS_1_3, offers_version};
use crate::wire::{ClientHello, ConnectionId, OwnedRecord, Record, RoutabilityCheck};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One association's engine. Sans-I/O: takes records and times, writes datagrams to an [`Outbox`].
#[allow(clippy::large_enum_variant, reason = "memory of its own would pin a page for each connection that is asleep")]
pub(crate) enum Context {
    Dtls12(Dtls12),
    Dtls13(Dtls13),
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
            Some(own) => Ok(Context::of(Association::server(config, own, asks, sessions, own_id))),
            None => Dtls12::server(config, now, asks, sessions, own_id).map(Context::Dtls12),
        }
    }

    /// Call [`Context::handle_timeout`] to send the first flight. `own_id`: the connection ID that is offered.
    pub(crate) fn client(config: &ClientConfig, now: Instant, own_id: Option<ConnectionId>) -> Result<Context, Error> {
        match config.engine() {
            ClientOf::Dtls12(config) => Dtls12::client(config, now, own_id).map(Context::Dtls12),
            ClientOf::Dtls13(config) => Association::client(config, own_id).map(Context::of),
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
                let config = config.dtls13().ok_or(Unrestorable::NOT_SPOKEN)?;
                Association::arrive(config, saved).map(|association| Context::Dtls13(Dtls13::at_rest(association)))
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
                Association::arrive_client(config, saved)
                    .map(|association| Context::Dtls13(Dtls13::at_rest(association)))
            }
            _ => Err(Unrestorable::NOT_SPOKEN),
        }
    }

    fn of(association: impl Into<Box<Association>>) -> Context {
        Context::Dtls13(Dtls13::new(association))
    }

    // --- the handshake -----------------------------------------------------------------------------------------------

    /// When [`Context::handle_timeout`] is due. It may be when the handshake is over: what ended it may have to be repeated.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self {
            Context::Dtls12(context) => context.deadline(),
            Context::Dtls13(engine) => engine.deadline(),
            Context::Undecided(undecided) => undecided.deadline(),
        }
    }

    /// Whether a record could mean something here. What could not is dropped, now or after any wait.
    pub(crate) fn expects(&self, record: &Record<'_>) -> bool {
        match self {
            Context::Dtls12(context) => context.expects(record),
            Context::Dtls13(engine) => engine.expects(record),
            Context::Undecided(undecided) => undecided.expects(record),
        }
    }

    /// Whether it takes this record while the application is asked, so that its sender learns that it has come. Others have to wait
    /// for the answer.
    pub(crate) fn hears_while_asking(&self, record: &Record<'_>) -> bool {
        match self {
            Context::Dtls13(engine) => engine.hears_while_asking(record),
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
            Context::Dtls13(engine) => engine.handle_record(now, record, plaintext, out),
            Context::Undecided(undecided) => undecided.handle_record(now, record, plaintext, out),
        }
    }

    /// Follows the version that a server's hello chooses, if it is whole with this record. The records with it.
    fn decide(&mut self, record: &Record<'_>) -> Option<Vec<OwnedRecord>> {
        let Context::Undecided(undecided) = self else { return None };
        let version = undecided.hear(record)?;
        Some(self.settle(version))
    }

    /// Goes on in this version, if it is undecided. The records with the server's hello, if there are any.
    fn settle(&mut self, version: Version) -> Vec<OwnedRecord> {
        match std::mem::replace(self, Context::Dtls12(Dtls12::away(&[]))) {
            Context::Undecided(undecided) => {
                let (chosen, records) = undecided.decide(version);
                *self = match chosen {
                    Chosen::Dtls12(context) => Context::Dtls12(context),
                    Chosen::Dtls13(association) => Context::of(association),
                };
                records
            }
            decided => {
                *self = decided;
                Vec::new()
            }
        }
    }

    /// How far the handshake has come; it never goes back.
    pub(crate) fn steps_taken(&self) -> u32 {
        match self {
            Context::Dtls12(context) => context.steps_taken(),
            Context::Dtls13(engine) => engine.ask(Association::steps_taken),
            Context::Undecided(undecided) => undecided.older.steps_taken(),
        }
    }

    /// How many handshake messages it has written, other than again.
    pub(crate) fn messages_written(&self) -> u32 {
        match self {
            Context::Dtls12(context) => context.messages_written(),
            Context::Dtls13(engine) => engine.ask(Association::messages_written),
            Context::Undecided(undecided) => undecided.older.messages_written(),
        }
    }

    /// Starts a client's handshake; later, retransmits the current flight when its time has come.
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> Result<Progress, Error> {
        match self {
            Context::Dtls12(context) => context.handle_timeout(now, out),
            Context::Dtls13(engine) => engine.handle_timeout(now, out),
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
            Context::Dtls13(engine) => engine.awake().handle_answer(now, answer, out),
            Context::Undecided(undecided) if undecided.is_left_to_older(&answer) => {
                self.settle(Version::Dtls12);
                self.handle_timeout(now, out)
            }
            Context::Undecided(undecided) => undecided.handle_answer(now, answer, out),
        }
    }

    /// Whether the handshake goes on although the application has failed to answer; then [`Context::handle_timeout`] is due. An
    /// application that cannot say who we are without a hint is asked again where there may be one.
    pub(crate) fn does_without_answer(&mut self) -> bool {
        let does = matches!(self, Context::Undecided(undecided) if undecided.is_at_start());
        if does {
            self.settle(Version::Dtls12);
        }
        does
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
            Context::Dtls13(engine) => engine.ask(Association::claim),
            Context::Undecided(undecided) => undecided.older.claim(),
        }
    }

    /// RFC 5246 section 7.2.2: user_canceled is followed by close_notify.
    pub(crate) fn cancel_handshake(&mut self, now: Instant, out: &mut Outbox) {
        match self {
            Context::Dtls12(context) => context.cancel_handshake(now, out),
            Context::Dtls13(engine) => engine.awake().cancel_handshake(out),
            Context::Undecided(undecided) => undecided.older.cancel_handshake(now, out),
        }
    }

    /// Gives a handshake up for a reason of our own.
    pub(crate) fn send_fatal_alert(&mut self, now: Instant, description: u8, out: &mut Outbox) {
        match self {
            Context::Dtls12(context) => context.send_fatal_alert(now, description, out),
            Context::Dtls13(engine) => engine.awake().send_fatal_alert(description, out),
            Context::Undecided(undecided) => undecided.older.send_fatal_alert(now, description, out),
        }
    }

    // --- the handshake on another thread -----------------------------------------------------------------------------

    /// Whether to pause before steps with public keys: [`Progress::Computes`].
    pub(crate) fn pause(&mut self, pauses: bool) {
        match self {
            Context::Dtls12(context) => context.pause(pauses),
            Context::Dtls13(engine) => engine.awake().pause(pauses),
            Context::Undecided(undecided) => undecided.pause(pauses),
        }
    }

    /// Takes the step that [`Progress::Computes`] announced, and those behind it.
    pub(crate) fn compute(&mut self, now: Instant, out: &mut Outbox) -> Result<Progress, Error> {
        match self {
            Context::Dtls12(context) => context.compute(now, out),
            Context::Dtls13(engine) => engine.awake().compute(now, out),
            Context::Undecided(_) => Err(Error::unasked()),
        }
    }

    /// Gives the handshake away. Until it is put back here, nothing happens but [`Context::cancel_handshake`].
    pub(crate) fn lend(&mut self) -> Context {
        match self {
            Context::Dtls12(context) => Context::Dtls12(context.lend()),
            Context::Dtls13(_) | Context::Undecided(_) => {
                let away = Dtls12::away(self.own_id());
                std::mem::replace(self, Context::Dtls12(away))
            }
        }
    }

    /// What was done at one time leaves at a later one: the running timer begins then.
    pub(crate) fn delay(&mut self, delay: Duration) {
        match self {
            Context::Dtls12(context) => context.delay(delay),
            Context::Dtls13(engine) => engine.awake().delay(delay),
            Context::Undecided(undecided) => undecided.older.delay(delay),
        }
    }

    // --- records -----------------------------------------------------------------------------------------------------

    /// Seals one payload into one record, one datagram.
    pub(crate) fn write(&mut self, now: Instant, payload: &[u8], out: &mut Outbox) -> Result<(), Error> {
        match self {
            Context::Dtls12(context) => context.write(now, payload, out),
            Context::Dtls13(engine) => engine.awake().write(now, payload, out),
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
            Context::Dtls13(engine) => engine.awake().send_check(message, out),
            Context::Undecided(_) => Err(Error::unasked()),
        }
    }

    /// Bytes of payload that one record may carry.
    pub(crate) fn payload_limit(&self) -> usize {
        match self {
            Context::Dtls12(context) => context.payload_limit(),
            Context::Dtls13(engine) => engine.ask(Association::payload_limit),
            Context::Undecided(undecided) => undecided.older.payload_limit(),
        }
    }

    /// RFC 5246 section 7.2.1: tells the peer that nothing more will come.
    pub(crate) fn close_notify(&mut self, now: Instant, out: &mut Outbox) {
        match self {
            Context::Dtls12(context) => context.close_notify(now, out),
            Context::Dtls13(engine) => engine.awake().close_notify(out),
            Context::Undecided(undecided) => undecided.older.close_notify(now, out),
        }
    }

    /// An authentic fatal alert, as a peer would send it.
    #[cfg(test)]
    pub(crate) fn break_off(&mut self, now: Instant, description: u8, out: &mut Outbox) {
        match self {
            Context::Dtls12(context) => context.break_off(now, description, out),
            Context::Dtls13(engine) => engine.awake().send_fatal_alert(description, out),
            Context::Undecided(_) => {}
        }
    }

    // --- rest --------------------------------------------------------------------------------------------------------

    pub(crate) fn is_asleep(&self) -> bool {
        match self {
            Context::Dtls12(context) => context.is_asleep(),
            Context::Dtls13(engine) => engine.is_asleep(),
            Context::Undecided(undecided) => undecided.older.is_asleep(),
        }
    }

    /// Gives the memory of the engine, or of its keys, back; the next record or payload wakes it.
    pub(crate) fn hibernate(&mut self) {
        match self {
            Context::Dtls12(context) => context.hibernate(),
            Context::Dtls13(engine) => engine.hibernate(),
            Context::Undecided(undecided) => undecided.older.hibernate(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection that stays with DTLS 1.2 needs no byte more because there is another version, and one of that version sleeps in
    /// the place of the other.
    #[test]
    fn an_association_is_as_large_as_one_of_dtls12() {
        assert_eq!(size_of::<Context>(), size_of::<Dtls12>());
        assert!(size_of::<Dtls13>() <= size_of::<Dtls12>(), "{}", size_of::<Dtls13>());
    }
}
