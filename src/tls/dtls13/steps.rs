//! The steps of a handshake from one message to the next, until it has to wait: for the peer, the application or a thread.

use super::association::{Association, Stage};
use super::errors::malformed;
use super::finish::{Outcome, Read};
use super::incoming::Message;
use super::link::{Ciphertext, Link};
use super::numbers::HANDSHAKE_EPOCH;
use super::open::Open;
use super::server::ServerHandshake;
use crate::tls::error::{Error, ErrorKind};
use crate::tls::outbox::Outbox;
use crate::tls::progress::Progress;
use crate::tls::question::Answer;
use crate::wire::handshake::{CERTIFICATE, FINISHED, NEW_SESSION_TICKET};
use crate::wire::{ClientHello, Records};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Messages behind a certificate, to the end of the flight: CertificateVerify and Finished. All of them are one step.
const BEHIND_CERTIFICATE: usize = 2;

/// Bytes of a Certificate message that shows nothing.
const EMPTY_CERTIFICATE: usize = 1 + 3;

impl Association {
    /// Whether to pause before steps with certificates and their keys: [`Progress::Computes`].
    pub(crate) fn pause(&mut self, pauses: bool) {
        self.pauses = pauses;
    }

    /// Takes the step that [`Progress::Computes`] announced, and those behind it.
    pub(crate) fn compute(&mut self, now: Instant, out: &mut Outbox) -> Result<Progress, Error> {
        let pauses = std::mem::replace(&mut self.pauses, false);
        self.is_suspended = false;
        let progress = self.advance(now, out);
        self.pauses = pauses;
        progress.map_err(|error| self.fail(error, out))
    }

    /// What was done at one time leaves at a later one: the running timer begins then.
    pub(crate) fn delay(&mut self, delay: Duration) {
        self.link.postpone(delay);
    }

    fn suspend(&mut self, progress: Progress) -> Progress {
        self.is_suspended = true;
        progress
    }

    /// Reads the messages that are whole, until the handshake has to wait.
    pub(super) fn advance(&mut self, now: Instant, out: &mut Outbox) -> Result<Progress, Error> {
        if self.is_suspended {
            return Ok(Progress::Waiting);
        }
        if let Stage::Server(server) = &mut self.stage
            && server.is_answering()
        {
            if self.pauses && server.signs_next() {
                return Ok(self.suspend(Progress::Computes));
            }
            server.send(now, &mut self.link, out)?;
        }
        while let Some(message) = self.held.take().or_else(|| self.link.next_message()) {
            if self.pauses && self.is_worth_a_thread(&message) {
                let is_all_there = message.kind != CERTIFICATE || self.link.has_messages(BEHIND_CERTIFICATE);
                self.held = Some(message);
                return Ok(if is_all_there { self.suspend(Progress::Computes) } else { Progress::Waiting });
            }
            let (is_client, read) = match &mut self.stage {
                Stage::Client(client) => {
                    let had_keys = client.has_keys();
                    let read = client.read(now, &message, &mut self.link, out)?;
                    if client.has_keys() && !had_keys {
                        self.read_early(now, out)?;
                    }
                    (true, read)
                }
                Stage::Server(server) => (false, server.read(&message, &mut self.link, out)?),
                Stage::Choice(_) | Stage::Open(_) => return Ok(Progress::Waiting),
            };
            match read {
                Read::More => {}
                Read::Asks(question) => return Ok(self.suspend(Progress::Asks(question))),
                Read::Over(outcome) => return self.open(now, is_client, *outcome, out),
            }
        }
        Ok(Progress::Waiting)
    }

    /// Whether to read this message costs far more than to hand it to another thread: chains of certificates, with the signatures
    /// behind them, and what has us sign. Key exchange does not.
    fn is_worth_a_thread(&self, message: &Message) -> bool {
        match (&self.stage, message.kind) {
            (Stage::Choice(_) | Stage::Open(_), _) => false,
            (_, CERTIFICATE) => message.body.len() > EMPTY_CERTIFICATE,
            (Stage::Client(client), FINISHED) => client.signs_next(),
            _ => false,
        }
    }

    /// Takes the records that came before their keys.
    fn read_early(&mut self, now: Instant, out: &mut Outbox) -> Result<(), Error> {
        for record in self.link.take_early() {
            let mut room = Zeroizing::new(vec![0; record.bytes.len()]);
            if let Ciphertext::Opened(opened) = self.link.read(now, &record.borrow(), &mut room)
                && opened.number.epoch == HANDSHAKE_EPOCH
            {
                let content = room.get(opened.content).unwrap_or_default();
                self.take_content(now, opened.kind, opened.number, content, out)?;
            }
        }
        Ok(())
    }

    fn open(
        &mut self,
        now: Instant,
        is_client: bool,
        mut outcome: Outcome,
        out: &mut Outbox,
    ) -> Result<Progress, Error> {
        let session_id = outcome.session.as_ref().filter(|_| !is_client).map(|session| session.id);
        let (mut negotiated, ticket) = (outcome.negotiated(), outcome.ticket.take());
        negotiated.early = self.link.open();
        self.stage = Stage::Open(Box::new(Open::new(is_client, session_id, outcome)));
        // RFC 8446 section 4.6.1: behind the handshake, which does not wait for it.
        if let Some(ticket) = ticket {
            let written = out.len();
            self.link.send_message(now, NEW_SESSION_TICKET, &ticket, out)?;
            // The acknowledgment of the client's flight stands before it.
            if written > 0 && out.len() == written + 1 {
                out.join_last(self.link.mtu());
            }
        }
        Ok(Progress::Done(negotiated))
    }

    /// Goes on with what the application has answered.
    pub(crate) fn handle_answer(
        &mut self,
        now: Instant,
        answer: Answer<'_>,
        out: &mut Outbox,
    ) -> Result<Progress, Error> {
        let asked = match (&mut self.stage, answer) {
            (Stage::Choice(choice), answer) => {
                let answered = choice.answer(answer);
                return self.choose(now, answered, out);
            }
            (Stage::Server(server), Answer::Psk(key)) => server.answer(key),
            (Stage::Server(server), Answer::Session(session)) => server.answer_session(session),
            (Stage::Client(client), Answer::OwnPsk(own)) => client.answer(now, own, &mut self.link, out).map(|()| None),
            (Stage::Server(server), Answer::Peer(accepted)) => server.answer_peer(accepted).map(|()| None),
            (Stage::Client(client), Answer::Peer(accepted)) => client.answer_peer(accepted).map(|()| None),
            _ => Err(Error::unasked()),
        };
        self.is_suspended = false;
        let progress = match asked {
            Ok(Some(question)) => Ok(self.suspend(Progress::Asks(question))),
            Ok(None) => self.advance(now, out),
            Err(error) => Err(error),
        };
        progress.map_err(|error| self.fail(error, out))
    }

    /// Asks what the ClientHello leaves to be decided next, or begins the handshake.
    pub(super) fn choose(
        &mut self,
        now: Instant,
        answered: Result<(), Error>,
        out: &mut Outbox,
    ) -> Result<Progress, Error> {
        let Stage::Choice(choice) = &mut self.stage else { return Err(Error::unasked()) };
        match answered.and_then(|()| choice.question()) {
            Err(error) => return Err(choice.fail(error, out)),
            Ok(Some(question)) => return Ok(Progress::Asks(question)),
            Ok(None) => {}
        }
        let begun = self.begin().and_then(|()| match &mut self.stage {
            Stage::Server(server) => server.begin(),
            _ => Err(Error::unasked()),
        });
        let progress = match begun {
            Ok(Some(question)) => Ok(self.suspend(Progress::Asks(question))),
            Ok(None) => self.advance(now, out),
            Err(error) => Err(error),
        };
        progress.map_err(|error| self.fail(error, out))
    }

    /// Begins a server's handshake with the ClientHello that was held.
    fn begin(&mut self) -> Result<(), Error> {
        let Stage::Choice(choice) = &mut self.stage else { return Err(Error::unasked()) };
        let Some(config) = choice.config.dtls13() else {
            let message = "The context that answers this name does not speak DTLS 1.3, which the client was offered";
            return Err(Error::new(ErrorKind::Configuration, message));
        };
        let bytes = std::mem::take(&mut choice.hello);
        let record = Records::new(&bytes).next();
        let hello = record.as_ref().and_then(ClientHello::parse);
        let (Some(record), Some(hello)) = (record, hello) else {
            return Err(malformed("The client's hello is not one that a handshake could begin with"));
        };
        self.client_random = *hello.random;
        let [_, _, number @ ..] = record.number();
        let number = number.iter().fold(0, |value, &byte| value << 8 | u64::from(byte));
        // RFC 9147 section 5.1: HelloRetryRequest was message 0, the second ClientHello message 1.
        self.link = Link::new(&config.offers.pace, 1, 2);
        self.link.number_from(number);
        let (sessions, protocol) = (choice.sessions.clone(), choice.protocol.take());
        let handshake = ServerHandshake::new(config, &record, protocol, sessions, choice.own_id)?;
        self.stage = Stage::Server(Box::new(handshake));
        Ok(())
    }
}
