//! One DTLS association with one peer, from its first verified ClientHello to its close.
//!
//! A state machine that knows no endpoint: a record, an answer, a job's result, a timeout or a payload goes in, and a
//! [`Step`] comes out. Datagrams that it writes are in the [`Scratch`] that each input borrows. After every step but the
//! last, ask [`Connection::resume`] for the next: records that had to wait may be due.

mod activity;
mod handshaking;
mod heard;
mod held;
mod queries;
mod step;

pub(crate) use step::CloseReason;
pub(super) use step::{Observations, Scratch, Step, WriteError};

use super::limits::{Limits, REPEATED_HELLOS};
use super::rate::Rate;
use crate::tls::{
    Answer, Context, DropReason, Error, ErrorKind, Inbound, KeyLog, Negotiated, Outbox, Progress, Reaction, Subject,
};
use crate::wire::{OwnedRecord, Record, RoutabilityCheck};
use activity::Activity;
use handshaking::{Greeting, Handshaking, WaitingFor};
use heard::Heard;
use held::HeldRecords;
use std::time::{Duration, Instant};

/// A connection's state.
pub(super) struct Connection {
    context: Context,
    phase: Phase,
    held: HeldRecords,
}

enum Phase {
    /// It has memory of its own, which connections do not keep: most of them are established, and asleep.
    Handshaking(Box<Handshaking>),
    Established(Activity),
}

impl Connection {
    /// A server's side, for a client that has proved its address. Its first record is its whole ClientHello.
    /// `answers`: how often its address may still be sent a flight that it has been sent before.
    pub(super) fn server(now: Instant, context: Context, random: [u8; 32], answers: Rate) -> Connection {
        Connection::handshaking(now, context, Some(Greeting { random, answers }), Heard::Handshake)
    }

    /// A client's side. [`Connection::handle_timeout`] sends the first flight.
    pub(super) fn client(now: Instant, context: Context) -> Connection {
        Connection::handshaking(now, context, None, Heard::Nothing)
    }

    /// A connection that goes on where it was saved.
    pub(super) fn restored(now: Instant, context: Context) -> Connection {
        Connection { context, phase: Phase::Established(Activity::begin(now)), held: HeldRecords::default() }
    }

    fn handshaking(now: Instant, context: Context, greeting: Option<Greeting>, heard: Heard) -> Connection {
        let phase = Phase::Handshaking(Box::new(Handshaking::begin(now, greeting, heard)));
        Connection { context, phase, held: HeldRecords::default() }
    }

    // --- inputs ------------------------------------------------------------------------------------------------------

    /// Takes one record from the peer, or from whoever says so.
    pub(super) fn handle_record(&mut self, now: Instant, record: &Record<'_>, scratch: &mut Scratch) -> Step {
        if let Phase::Handshaking(handshaking) = &mut self.phase {
            handshaking.heard.record(record);
            let waiting_for = handshaking.waiting_for;
            let hears = matches!(waiting_for, WaitingFor::Application(_)) && self.context.hears_while_asking(record);
            if waiting_for != WaitingFor::Peer && !hears {
                return if !waiting_for.may_hold(record) || !self.context.expects(record) {
                    Step::Dropped(DropReason::Unexpected)
                } else if self.held.hold(record) {
                    Step::Taken
                } else {
                    Step::Dropped(DropReason::Limit)
                };
            }
        }
        scratch.make_room(record);
        let slept = self.context.is_asleep();
        let reaction = self.context.handle_record(now, record, &mut scratch.plaintext, &mut scratch.outbox);
        match reaction {
            Ok(Reaction::Handshake(Progress::Waiting)) if self.repeats_too_often(now, scratch) => {
                Step::Dropped(DropReason::Repeated)
            }
            Ok(Reaction::Handshake(progress)) => {
                self.time_answer(now, &progress, scratch);
                self.note_flight(now, scratch);
                self.advance(now, Ok(progress))
            }
            Ok(Reaction::Record(inbound)) => self.take(now, slept, inbound, scratch),
            Err(error) => Step::Ended(CloseReason::Error(error)),
        }
    }

    /// Whether one of these records is the peer's, and new. Everything that follows from them is forgotten.
    pub(super) fn authenticates(mut self, now: Instant, records: &[OwnedRecord]) -> bool {
        let mut scratch = Scratch::default();
        records
            .iter()
            .any(|record| !matches!(self.handle_record(now, &record.borrow(), &mut scratch), Step::Dropped(_)))
    }

    /// A datagram has come from the peer that is no DTLS.
    pub(super) fn handle_noise(&mut self) {
        if let Phase::Handshaking(handshaking) = &mut self.phase {
            handshaking.heard.noise();
        }
    }

    /// Takes back a server's flight that the engine repeats because a record came again, when it has done so too often. The
    /// client's timer, or ours, repeats what was really lost.
    fn repeats_too_often(&mut self, now: Instant, scratch: &mut Scratch) -> bool {
        let steps = self.context.steps_taken();
        let Phase::Handshaking(handshaking) = &mut self.phase else { return false };
        if scratch.outbox.is_empty() || !handshaking.stands_still(steps) {
            return false;
        }
        let Some(greeting) = &mut handshaking.greeting else { return false };
        let too_often = !greeting.answers.take(now, REPEATED_HELLOS);
        if too_often {
            scratch.outbox.clear();
        }
        too_often
    }

    fn take(&mut self, now: Instant, slept: bool, inbound: Inbound, scratch: &mut Scratch) -> Step {
        if let Phase::Established(activity) = &mut self.phase {
            match inbound {
                Inbound::Dropped(_) if slept && !self.context.is_asleep() => activity.disturbed(now),
                Inbound::Dropped(_) => {}
                Inbound::Data(_)
                | Inbound::Consumed
                | Inbound::Repeated
                | Inbound::Session(_)
                | Inbound::Check(_)
                | Inbound::Closed => activity.heard(now),
            }
        }
        match inbound {
            Inbound::Dropped(reason) => Step::Dropped(reason),
            Inbound::Data(length) => Step::Data(length),
            Inbound::Consumed => Step::Taken,
            Inbound::Repeated => {
                scratch.observations.repetitions += 1;
                Step::Taken
            }
            Inbound::Session(session) => Step::Session(session),
            Inbound::Check(message) => Step::Check(message),
            Inbound::Closed => {
                // RFC 5246 section 7.2.1: answer with a close_notify of our own, and close at once.
                self.context.close_notify(now, &mut scratch.outbox);
                Step::Ended(CloseReason::Peer)
            }
        }
    }

    /// The next step of records that had to wait, if there is one.
    pub(super) fn resume(&mut self, now: Instant, scratch: &mut Scratch) -> Option<Step> {
        if self.waiting_for().is_some_and(|waiting_for| waiting_for != WaitingFor::Peer) {
            return None;
        }
        let record = self.held.release()?;
        Some(self.handle_record(now, &record.borrow(), scratch))
    }

    /// Its handshake waits for the application, or for a thread, and may wait for long.
    pub(super) fn rest(&mut self) {
        self.context.rest();
    }

    /// Goes on with the application's answer. It must be to the question that is open.
    pub(super) fn handle_answer(&mut self, now: Instant, answer: Answer<'_>, scratch: &mut Scratch) -> Step {
        self.wait_for(WaitingFor::Peer);
        let progress = self.context.handle_answer(now, answer, &mut scratch.outbox);
        self.note_flight(now, scratch);
        self.advance(now, progress)
    }

    /// Gives the handshake up, if it cannot do without: the application has failed to answer.
    pub(super) fn fail(&mut self, now: Instant, message: &str, scratch: &mut Scratch) -> Step {
        if self.context.does_without_answer() {
            self.wait_for(WaitingFor::Peer);
            let progress = self.context.handle_timeout(now, &mut scratch.outbox);
            self.note_flight(now, scratch);
            return self.advance(now, progress);
        }
        let name = self.subject().map_or("look-up", Subject::name);
        let mut error = Error::new(ErrorKind::LookupFailed, format!("The {name} failed: {message}"));
        if let Some(alert) = error.alert_to_send() {
            self.context.send_fatal_alert(now, alert, &mut scratch.outbox);
            error = error.with_alert(alert);
        }
        Step::Ended(CloseReason::Error(error))
    }

    /// Gives the handshake up: somebody else has more claim to its place. The peer is told, because an honest one can try
    /// again at once.
    pub(super) fn displace(&mut self, now: Instant, scratch: &mut Scratch) -> Error {
        let message = "The server had too many handshakes, and this one had the least claim to its place";
        let error = Error::new(ErrorKind::Displaced, message);
        match error.alert_to_send() {
            Some(alert) if !self.is_lent() => {
                self.context.send_fatal_alert(now, alert, &mut scratch.outbox);
                error.with_alert(alert)
            }
            _ => error,
        }
    }

    /// Does what is due: begins a client's handshake, repeats a flight, gives up, or falls asleep.
    pub(super) fn handle_timeout(&mut self, now: Instant, limits: &Limits, scratch: &mut Scratch) -> Step {
        match &self.phase {
            Phase::Handshaking(handshaking) if now >= handshaking.started + limits.handshake_timeout => {
                Step::Ended(CloseReason::Error(self.timeout_error(limits.handshake_timeout)))
            }
            Phase::Handshaking(_) if self.context.deadline().is_some_and(|deadline| deadline <= now) => {
                let progress = self.context.handle_timeout(now, &mut scratch.outbox);
                self.note_flight(now, scratch);
                self.advance(now, progress)
            }
            // What ended the handshake, or has followed it, is repeated until it has arrived.
            Phase::Established(_) if self.context.deadline().is_some_and(|deadline| deadline <= now) => {
                match self.context.handle_timeout(now, &mut scratch.outbox) {
                    Ok(_) if self.context.take_copy_due() => Step::CopyDue,
                    Ok(_) => Step::Taken,
                    Err(error) => Step::Ended(CloseReason::Error(error)),
                }
            }
            Phase::Established(activity) if activity.is_idle(now, limits) => {
                self.context.close_notify(now, &mut scratch.outbox);
                Step::Ended(CloseReason::Idle)
            }
            Phase::Established(activity)
                if !self.context.is_asleep() && activity.bedtime(limits).is_some_and(|bedtime| bedtime <= now) =>
            {
                self.context.hibernate();
                Step::FellAsleep
            }
            _ => Step::Taken,
        }
    }

    /// Sends a client's first flight.
    pub(super) fn begin(&mut self, now: Instant, scratch: &mut Scratch) -> Step {
        let progress = self.context.handle_timeout(now, &mut scratch.outbox);
        self.note_flight(now, scratch);
        self.advance(now, progress)
    }

    /// Seals one payload into one datagram.
    pub(super) fn write(&mut self, now: Instant, payload: &[u8], out: &mut Outbox) -> Result<(), WriteError> {
        let Phase::Established(activity) = &mut self.phase else {
            return Err(WriteError::NotEstablished);
        };
        let limit = self.context.payload_limit();
        if payload.len() > limit {
            return Err(WriteError::TooLarge { length: payload.len(), limit });
        }
        if self.context.lacks_numbers() {
            return Err(WriteError::NoNumbers);
        }
        self.context.write(now, payload, out).map_err(WriteError::Failed)?;
        activity.sent(now);
        Ok(())
    }

    /// Seals a message of a return routability check; answers whether that was possible.
    pub(super) fn send_check(&mut self, now: Instant, message: RoutabilityCheck, out: &mut Outbox) -> bool {
        self.is_established() && self.context.send_check(now, message, out).is_ok()
    }

    /// Says goodbye. The connection is over.
    pub(super) fn close(&mut self, now: Instant, scratch: &mut Scratch) {
        match self.phase {
            Phase::Established(_) => self.context.close_notify(now, &mut scratch.outbox),
            Phase::Handshaking(_) => self.context.cancel_handshake(now, &mut scratch.outbox),
        }
    }

    /// An authentic fatal alert, as a peer would send it.
    #[cfg(test)]
    pub(super) fn break_off(&mut self, now: Instant, description: u8, out: &mut Outbox) {
        self.context.break_off(now, description, out);
    }

    // --- steps on other threads --------------------------------------------------------------------------------------

    /// Gives the context away, with the records that wait for it. `None` unless a step waits for a thread.
    pub(super) fn lend(&mut self) -> Option<(Context, Vec<OwnedRecord>)> {
        let Phase::Handshaking(handshaking) = &mut self.phase else { return None };
        if handshaking.waiting_for != WaitingFor::Worker {
            return None;
        }
        handshaking.waiting_for = WaitingFor::WorkersResult;
        Some((self.context.lend(), self.held.take()))
    }

    /// Goes on where another thread has come to, with the records that it has not read. `None` when the context is not
    /// away: the result is of no use.
    pub(super) fn take_back(
        &mut self,
        now: Instant,
        context: Context,
        progress: Result<Progress, Error>,
        unread: Vec<OwnedRecord>,
        took: Duration,
        scratch: &mut Scratch,
    ) -> Option<Step> {
        if !self.is_lent() {
            return None;
        }
        self.context = context;
        self.context.delay(took);
        self.held.put_first(unread.into_iter());
        self.wait_for(WaitingFor::Peer);
        self.note_flight(now, scratch);
        Some(self.advance(now, progress))
    }

    /// Whether the context is away.
    pub(super) fn is_lent(&self) -> bool {
        self.waiting_for() == Some(WaitingFor::WorkersResult)
    }

    /// Whether the handshake has gone ahead since the last question. Repetitions lead nowhere, however many come.
    pub(super) fn has_advanced(&mut self) -> bool {
        match &mut self.phase {
            Phase::Handshaking(handshaking) => handshaking.take_advance(),
            Phase::Established(_) => false,
        }
    }

    /// What reads a capture of the connection, once: from the step on that derives the keys.
    pub(super) fn take_key_log(&mut self) -> Option<KeyLog> {
        self.context.take_key_log()
    }

    /// What the open question is about.
    fn subject(&self) -> Option<Subject> {
        match self.waiting_for() {
            Some(WaitingFor::Application(subject)) => Some(subject),
            _ => None,
        }
    }

    /// What the handshake waits for; `None` when it is over.
    fn waiting_for(&self) -> Option<WaitingFor> {
        match &self.phase {
            Phase::Handshaking(handshaking) => Some(handshaking.waiting_for),
            Phase::Established(_) => None,
        }
    }

    // --- inside ------------------------------------------------------------------------------------------------------

    fn wait_for(&mut self, what: WaitingFor) {
        if let Phase::Handshaking(handshaking) = &mut self.phase {
            handshaking.waiting_for = what;
        }
    }

    fn note_flight(&mut self, now: Instant, scratch: &mut Scratch) {
        if let Phase::Handshaking(handshaking) = &mut self.phase
            && !scratch.outbox.is_empty()
        {
            handshaking.note_flight(now, self.context.messages_written(), &mut scratch.observations);
        }
    }

    fn time_answer(&mut self, now: Instant, progress: &Progress, scratch: &mut Scratch) {
        let (steps, messages) = (self.context.steps_taken(), self.context.messages_written());
        let Phase::Handshaking(handshaking) = &mut self.phase else { return };
        let pauses = !matches!(progress, Progress::Waiting);
        if let Some(time) = handshaking.time_answer(now, steps, messages, pauses) {
            scratch.observations.round_trip = Some(time);
        }
    }

    /// Follows a handshake to its next pause.
    fn advance(&mut self, now: Instant, progress: Result<Progress, Error>) -> Step {
        let steps = self.context.steps_taken();
        if let Phase::Handshaking(handshaking) = &mut self.phase {
            handshaking.note_steps(steps);
        }
        match progress {
            Ok(Progress::Waiting) => Step::Taken,
            Ok(Progress::Asks(question)) => {
                self.wait_for(WaitingFor::Application(question.subject()));
                Step::Asks(question)
            }
            Ok(Progress::Computes) => {
                self.wait_for(WaitingFor::Worker);
                Step::Computes
            }
            Ok(Progress::Done(negotiated)) => self.establish(now, negotiated),
            Err(error) => Step::Ended(CloseReason::Error(error)),
        }
    }

    fn establish(&mut self, now: Instant, mut negotiated: Box<Negotiated>) -> Step {
        let Phase::Handshaking(handshaking) = &self.phase else { return Step::Taken };
        let started = handshaking.started;
        self.phase = Phase::Established(Activity::begin(now));
        self.held.put_first(std::mem::take(&mut negotiated.early).into_iter());
        Step::Established { negotiated, handshake_time: now.saturating_duration_since(started) }
    }

    /// What to say of a handshake that has taken, or stood still, for so long.
    pub(super) fn timeout_error(&self, timeout: Duration) -> Error {
        match &self.phase {
            Phase::Handshaking(handshaking) => handshaking.timeout_error(timeout, self.context.timeout_error()),
            Phase::Established(_) => Error::internal(0),
        }
    }
}
