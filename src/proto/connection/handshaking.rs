//! What a connection remembers while its handshake is under way.

use super::heard::Heard;
use super::step::Observations;
use crate::proto::rate::Rate;
use crate::tls::{Error, ErrorKind, Subject};
use crate::wire::Record;
use std::time::{Duration, Instant};

pub(super) struct Handshaking {
    pub(super) started: Instant,
    pub(super) waiting_for: WaitingFor,
    /// How many of its steps the engine has taken.
    steps: u32,
    /// Whether it has since been asked for by `Connection::has_advanced`.
    has_advanced: bool,
    pub(super) greeting: Option<Greeting>,
    pub(super) heard: Heard,
    flight: Flight,
}

/// What a handshake has sent last.
struct Flight {
    /// How many messages there were with it.
    messages: u32,
    /// `None` when it was answered, or sent more than once: nobody knows to which of them an answer is.
    sent: Option<Instant>,
}

/// What a server remembers of the ClientHello.
pub(super) struct Greeting {
    /// Tells a repeated ClientHello from that of a client that starts anew.
    pub(super) random: [u8; 32],
    /// How often it may be answered.
    pub(super) answers: Rate,
}

/// What a handshake waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WaitingFor {
    Peer,
    /// The application's answer. Meanwhile records are held, unless the engine takes them, and nothing is repeated.
    Application(Subject),
    /// A thread for its next step.
    Worker,
    /// The result of that step: the context is away.
    WorkersResult,
}

impl Handshaking {
    pub(super) fn begin(now: Instant, greeting: Option<Greeting>, heard: Heard) -> Handshaking {
        Handshaking {
            started: now,
            waiting_for: WaitingFor::Peer,
            steps: 0,
            has_advanced: false,
            greeting,
            heard,
            flight: Flight { messages: 0, sent: None },
        }
    }

    /// Notes how many steps the engine has taken.
    pub(super) fn note_steps(&mut self, steps: u32) {
        self.has_advanced |= steps > self.steps;
        self.steps = self.steps.max(steps);
    }

    /// Whether the engine has taken no step since they were noted.
    pub(super) fn stands_still(&self, steps: u32) -> bool {
        steps == self.steps
    }

    /// Whether the handshake has gone ahead since the last question.
    pub(super) fn take_advance(&mut self) -> bool {
        std::mem::take(&mut self.has_advanced)
    }

    /// Notes the time of a flight that has just been written, or that it is one that was sent before. `messages`: how many
    /// the engine has written in all.
    pub(super) fn note_flight(&mut self, now: Instant, messages: u32, observations: &mut Observations) {
        let is_new = messages != self.flight.messages;
        observations.repetitions += u32::from(!is_new);
        self.flight = Flight { messages, sent: is_new.then_some(now) };
    }

    /// How long the peer's answer to our flight has taken, when a record has led on. `pauses`: whether the handshake does
    /// not just wait for more records now.
    pub(super) fn time_answer(&mut self, now: Instant, steps: u32, messages: u32, pauses: bool) -> Option<Duration> {
        let leads_on = steps > self.steps || messages != self.flight.messages || pauses;
        let sent = if leads_on { self.flight.sent.take() } else { None }?;
        Some(now.saturating_duration_since(sent))
    }

    /// What to say of a handshake that has taken, or stood still, for so long. `engines`: what its engine says.
    pub(super) fn timeout_error(&self, timeout: Duration, engines: Option<Error>) -> Error {
        let timeout = timeout.as_millis();
        // As long as the application is asked, the peer may have been sent nothing that it could answer.
        let is_asking = matches!(self.waiting_for, WaitingFor::Application(_));
        if let Some(error) = self.heard.error(timeout).filter(|_| !is_asking) {
            return error;
        }
        let culprit = match self.waiting_for {
            WaitingFor::Peer => "The peer did not finish the handshake".to_owned(),
            WaitingFor::Application(subject) => format!("The application did not answer the {}", subject.name()),
            WaitingFor::Worker | WaitingFor::WorkersResult => "No thread had done the handshake's next step".to_owned(),
        };
        let message = format!("{culprit} within {timeout} ms");
        engines.unwrap_or_else(|| Error::new(ErrorKind::HandshakeTimeout, message))
    }
}

impl WaitingFor {
    /// Whether a record that comes meanwhile can be more than a repetition.
    pub(super) fn may_hold(self, record: &Record<'_>) -> bool {
        match self {
            // Only repetitions of the hello come before it is answered.
            WaitingFor::Application(subject) if subject.is_about_hello() => false,
            // Before it hears who we are, a server has said all; what comes of its handshake repeats that.
            WaitingFor::Application(Subject::OwnPsk) => !record.is_handshake(),
            _ => true,
        }
    }
}
