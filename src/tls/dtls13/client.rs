//! A client's handshake, from its first ClientHello to its Finished (RFC 9147 section 5, RFC 8446 section 2.2).

use super::client_reading::{Keys, Reading, ServerProof};
use super::config::ClientConfig;
use super::errors::{illegal, unexpected};
use super::finish::Read;
use super::greeting::{Greeting, NO_EMPTY_IDENTITY};
use super::hellos::shares;
use super::incoming::Message;
use super::link::Link;
use super::numbers::{HANDSHAKE_EPOCH, PLAINTEXT_EPOCH};
use super::schedule::Schedule;
use super::server_flight::no_random_numbers;
use super::session_key::key_of;
use super::suite::{algorithm, from_id, hash};
use super::transcript::Transcript;
use crate::tls::claim::Claim;
use crate::tls::connection_ids::ConnectionIds;
use crate::tls::error::{Error, ErrorKind};
use crate::tls::ffi::groups::{Group, KeyShare, SharedSecret};
use crate::tls::ffi::hash::Digest;
use crate::tls::outbox::Outbox;
use crate::tls::psk::ClientPsk;
use crate::tls::question::Question;
use crate::tls::random::random_bytes;
use crate::tls::suites::Suite;
use crate::wire::extensions::Hello;
use crate::wire::handshake::{CLIENT_HELLO, FINISHED, MESSAGE_LIMIT, SERVER_HELLO};
use crate::wire::hello13::{Choice, extension};
use crate::wire::{ConnectionId, ExtensionFault, alert, connection_id_extension, two_versions};
use std::sync::Arc;
use std::time::Instant;

/// A handshake that waits.
pub(super) struct ClientHandshake {
    pub(super) config: Arc<ClientConfig>,
    pub(super) stage: Stage,
    pub(super) random: [u8; 32],
    /// The connection ID that it offers.
    own_id: Option<ConnectionId>,
}

pub(super) enum Stage {
    /// Nothing has been sent.
    Start,
    /// For the application, which knows who we are.
    Asking,
    /// For the engine of DTLS 1.2, which sends the first hello.
    Beside(Box<Greeting>),
    /// For ServerHello or HelloRetryRequest.
    Greeting(Box<Greeting>),
    /// For the rest of the server's flight.
    Reading(Box<Reading>),
    Over,
}

impl ClientHandshake {
    pub(super) fn new(config: &Arc<ClientConfig>, own_id: Option<ConnectionId>) -> Result<ClientHandshake, Error> {
        let random = random_bytes().map_err(|_| no_random_numbers())?;
        Ok(ClientHandshake { config: Arc::clone(config), stage: Stage::Start, random, own_id })
    }

    pub(super) fn random(&self) -> [u8; 32] {
        self.random
    }

    /// Whether nothing has been sent.
    pub(super) fn is_at_start(&self) -> bool {
        matches!(self.stage, Stage::Start)
    }

    /// Whether the application is being asked.
    pub(super) fn is_asking(&self) -> bool {
        matches!(self.stage, Stage::Asking)
    }

    /// Sends the first flight, or asks who we are: in DTLS 1.3 a client says so at once, and has heard no hint.
    pub(super) fn begin(&mut self, now: Instant, link: &mut Link, out: &mut Outbox) -> Result<Option<Question>, Error> {
        if !self.config.asks_for_psk {
            return self.greet(now, None, link, out).map(|()| None);
        }
        self.stage = Stage::Asking;
        Ok(Some(Question::OwnPsk(None)))
    }

    /// Goes on with who we are.
    pub(super) fn answer(
        &mut self,
        now: Instant,
        own: Option<(&[u8], &[u8])>,
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<(), Error> {
        let psk = self.own_psk(own)?;
        self.greet(now, psk, link, out)
    }

    /// With a first hello that proves nothing yet.
    pub(super) fn greeting(&self, now: Instant, asked_psk: Option<ClientPsk>) -> Result<Box<Greeting>, Error> {
        Greeting::new(&self.config, &self.random, self.own_id, now, asked_psk).map(Box::new)
    }

    pub(super) fn own_psk(&self, own: Option<(&[u8], &[u8])>) -> Result<Option<ClientPsk>, Error> {
        if !self.is_asking() {
            return Err(Error::unasked());
        }
        let failed = |message: String| Error::new(ErrorKind::LookupFailed, message);
        let psk = own.map(|(identity, key)| ClientPsk::new(identity, key)).transpose();
        let psk = psk.map_err(|error| failed(error.to_string()))?;
        if psk.as_ref().is_some_and(|psk| psk.identity.is_empty()) {
            return Err(failed(NO_EMPTY_IDENTITY.to_owned()));
        }
        if psk.is_none() && !self.config.takes_certificates {
            return Err(Error::new(ErrorKind::NoPsk, "The application has no pre-shared key for this server"));
        }
        Ok(psk)
    }

    fn greet(
        &mut self,
        now: Instant,
        asked_psk: Option<ClientPsk>,
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<(), Error> {
        let mut greeting = self.greeting(now, asked_psk)?;
        greeting.keep_short(&self.config);
        greeting.prove(&self.config)?;
        send(now, &greeting, link, out)?;
        self.stage = Stage::Greeting(greeting);
        Ok(())
    }

    /// Takes a message.
    pub(super) fn read(
        &mut self,
        now: Instant,
        message: &Message,
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<Read, Error> {
        match (std::mem::replace(&mut self.stage, Stage::Over), message.kind, message.epoch) {
            (Stage::Greeting(greeting), SERVER_HELLO, PLAINTEXT_EPOCH) => {
                self.stage = self.hear(now, greeting, &message.body, link, out)?;
                Ok(Read::More)
            }
            (Stage::Reading(mut reading), FINISHED, HANDSHAKE_EPOCH) if reading.is_complete() => {
                let outcome = reading.finish(now, &self.config, &message.body, link, out)?;
                Ok(Read::Over(Box::new(outcome)))
            }
            (Stage::Reading(mut reading), _, HANDSHAKE_EPOCH) => {
                let read = reading.read(&self.config, message);
                // What the server has shown is told even when it was refused.
                self.stage = Stage::Reading(reading);
                read
            }
            _ => Err(unexpected("The server sent a message out of its order, or in another epoch than its own")),
        }
    }

    /// Goes on with what the application says of the server.
    pub(super) fn answer_peer(&mut self, accepted: bool) -> Result<(), Error> {
        match &mut self.stage {
            Stage::Reading(reading) => reading.answer_peer(accepted),
            _ => Err(Error::unasked()),
        }
    }

    /// Whether the next message, if it is a Finished, has us sign something.
    pub(super) fn signs_next(&self) -> bool {
        matches!(&self.stage, Stage::Reading(reading) if reading.signs(&self.config))
    }

    /// Who the server says it is.
    pub(super) fn claim(&self) -> Option<Claim> {
        match &self.stage {
            Stage::Reading(reading) => reading.claim(),
            _ => None,
        }
    }

    fn hear(
        &self,
        now: Instant,
        mut greeting: Box<Greeting>,
        body: &[u8],
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<Stage, Error> {
        let choice = Choice::parse(body)?;
        let suite = self.config.offers.suites.iter().copied().find(|suite| suite.id() == choice.suite);
        // RFC 8446 section 4.1.4: the suite that a HelloRetryRequest has chosen stays.
        let (Some(suite), true) = (suite, greeting.retried.is_none_or(|retried| retried == choice.suite)) else {
            return Err(illegal("The server chose a cipher suite that was not offered, or another one than before"));
        };
        if choice.is_retry() {
            self.hear_retry(now, &mut greeting, &choice, body, link, out)?;
            return Ok(Stage::Greeting(greeting));
        }
        let mut transcript = greeting.transcript.take().unwrap_or_else(|| Transcript::new(hash(suite)));
        transcript.add(CLIENT_HELLO, &greeting.hello);
        transcript.add(SERVER_HELLO, body);
        let (key, proof) = self.chosen_proof(&greeting, &choice, suite)?;
        let shared = self.agree(&greeting, &choice, matches!(proof, ServerProof::Psk(_)))?;
        let algorithm = algorithm(suite).ok_or_else(no_suite)?;
        // RFC 8446 section 7.1: without a pre-shared key, zeros.
        let zeros = Digest::zeros(hash(suite));
        let schedule =
            Schedule::early(hash(suite), key.unwrap_or(&zeros)).advance(shared.as_ref().map(|shared| &shared[..]))?;
        let hellos = transcript.hash();
        let own = schedule.derive(b"c hs traffic", &hellos)?;
        let peer = schedule.derive(b"s hs traffic", &hellos)?;
        // The server has heard our hello, or it would not have answered it.
        link.end_flight();
        link.use_ids(self.agree_on_ids(&choice)?);
        link.begin_epoch(algorithm, HANDSHAKE_EPOCH, own.clone(), peer.clone());
        let group = choice.share.map_or(0, |(group, _)| group);
        let keys = Keys { suite, group, schedule, own, peer };
        Ok(Stage::Reading(Box::new(Reading::new(&self.config, keys, transcript, proof))))
    }

    /// How the server proves itself, and the pre-shared key that it has chosen for that, if any.
    fn chosen_proof<'a>(
        &'a self,
        greeting: &'a Greeting,
        choice: &Choice<'_>,
        suite: Suite,
    ) -> Result<(Option<&'a [u8]>, ServerProof), Error> {
        // RFC 8446 section 4.2.11: one that was offered, or none where the server may prove itself with a certificate.
        match (choice.psk, greeting.session.as_ref(), greeting.psk(&self.config)) {
            // It is good for its hash alone.
            (Some(0), Some(offered), _) if offered.hash == hash(suite) => {
                Ok((Some(key_of(&offered.session)), ServerProof::Session(Arc::clone(&offered.session))))
            }
            (Some(0), None, Some(psk)) | (Some(1), Some(_), Some(psk)) => {
                Ok((Some(&psk.key), ServerProof::Psk(psk.identity.clone())))
            }
            (None, ..) if self.config.takes_certificates => Ok((None, ServerProof::Certificate)),
            _ => Err(illegal("The server did not choose a pre-shared key that was offered")),
        }
    }

    /// What the key exchange has come to; `None` where there is none. RFC 8446 section 4.2.9: an external key may do without, and must
    /// where that is all that was offered.
    fn agree(
        &self,
        greeting: &Greeting,
        choice: &Choice<'_>,
        is_by_external_key: bool,
    ) -> Result<Option<SharedSecret>, Error> {
        let modes = self.config.offers.modes;
        match choice.share {
            None if is_by_external_key && modes.alone => Ok(None),
            None => Err(Error::protocol(alert::MISSING_EXTENSION, "The server's hello has no public value")),
            Some(_) if is_by_external_key && !modes.with_key_exchange => {
                Err(illegal("The server uses the pre-shared key in a way that was not offered"))
            }
            Some((group, share)) => {
                let own = greeting.share.as_ref().filter(|own| own.group().id() == group);
                let own =
                    own.ok_or_else(|| illegal("The server's public value is in another group than the client's"))?;
                let shared = own.agree(share);
                shared.map(Some).map_err(|_| illegal("The server's public value is none of its group"))
            }
        }
    }

    /// What the server answers to our offer of connection IDs.
    fn agree_on_ids(&self, choice: &Choice<'_>) -> Result<Option<ConnectionIds>, Error> {
        let Some(list) = choice.ids else { return Ok(None) };
        let Some(own) = &self.own_id else {
            return Err(ExtensionFault::Unoffered(extension::CONNECTION_ID).into());
        };
        match connection_id_extension::wanted(list, Hello::Server)? {
            Some(Some(peer)) => {
                let checks = connection_id_extension::allows_routability_checks(list, Hello::Server)?;
                Ok(Some(ConnectionIds::new(own, &peer, checks)))
            }
            Some(None) => Err(illegal("The server's connection ID is longer than any that this client could send")),
            // RFC 9853 section 3: routability checks without connection IDs.
            None => Err(ExtensionFault::Unoffered(extension::RRC).into()),
        }
    }

    pub(super) fn own_id(&self) -> &[u8] {
        self.own_id.as_ref().map_or(&[], ConnectionId::as_bytes)
    }

    /// Greets once more, as the server wishes (RFC 8446 section 4.1.4).
    fn hear_retry(
        &self,
        now: Instant,
        greeting: &mut Greeting,
        choice: &Choice<'_>,
        body: &[u8],
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<(), Error> {
        if greeting.retried.replace(choice.suite).is_some() {
            return Err(unexpected("The server sent a second HelloRetryRequest"));
        }
        let mut asked_for = None;
        if let Some((id, _)) = choice.share {
            let has_got = greeting.share.as_ref().map(KeyShare::group);
            let group = Group::from_id(id).filter(|group| greeting.groups.contains(group));
            let Some(group) = group.filter(|group| has_got != Some(*group)) else {
                return Err(illegal("The server asks for a group that was not offered, or that it has got already"));
            };
            let share = KeyShare::generate(group)?;
            asked_for = Some(shares(Some(&share)));
            greeting.share = Some(share);
        } else if choice.cookie.is_none() {
            return Err(illegal("The server asks for a second hello that would be like the first"));
        }
        let suite = from_id(choice.suite).ok_or_else(no_suite)?;
        let mut first = Transcript::new(hash(suite));
        first.add(CLIENT_HELLO, &greeting.hello);
        greeting.transcript = Some(Transcript::after_retry(&first.hash(), body));
        // RFC 8446 section 4.1.4: a key that does not go with the chosen suite is not offered again. It is the only one then: an external
        // key goes with all suites, and so does a session beside it.
        let keeps_keys = greeting.session.as_ref().is_none_or(|offered| offered.hash == hash(suite));
        if !keeps_keys {
            (greeting.session, greeting.uncovered) = (None, 0);
        }
        let second = two_versions::after_retry(&greeting.hello, choice.cookie, asked_for.as_deref(), keeps_keys);
        greeting.hello = second.ok_or_else(Error::unasked)?;
        if greeting.hello.len() > MESSAGE_LIMIT {
            return Err(illegal("The server's cookie is so long that no hello has room for it"));
        }
        greeting.prove(&self.config)?;
        send(now, greeting, link, out)
    }

    /// How far it has come.
    pub(super) fn steps_taken(&self) -> u32 {
        match &self.stage {
            Stage::Start => 0,
            Stage::Asking => 1,
            Stage::Beside(_) => 2,
            Stage::Greeting(greeting) if greeting.retried.is_none() => 2,
            Stage::Greeting(_) => 3,
            Stage::Reading(reading) => 4 + reading.messages_read(),
            Stage::Over => u32::MAX - 1,
        }
    }

    /// Whether nothing of the server has been heard.
    pub(super) fn has_heard_nothing(&self) -> bool {
        self.steps_taken() <= 2
    }

    /// Whether the server's hello has come, from which on plaintext is not believed.
    pub(super) fn has_keys(&self) -> bool {
        self.steps_taken() >= 4
    }
}

fn send(now: Instant, greeting: &Greeting, link: &mut Link, out: &mut Outbox) -> Result<(), Error> {
    link.begin_flight();
    link.push(PLAINTEXT_EPOCH, CLIENT_HELLO, &greeting.hello);
    link.transmit(now, out)
}

/// A configuration has a suite and a group, or it would not have been made.
fn no_suite() -> Error {
    Error::new(ErrorKind::Configuration, "The configuration has no cipher suite or no group for DTLS 1.3")
}
