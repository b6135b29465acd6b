//! A client's handshake, from its first ClientHello to its Finished (RFC 9147 section 5, RFC 8446 section 2.2).

use super::config::ClientConfig;
use super::errors::{illegal, malformed, unexpected};
use super::finish::Outcome;
use super::hellos::{ClientHello, shares};
use super::incoming::Message;
use super::link::Link;
use super::numbers::{DATA_EPOCH, HANDSHAKE_EPOCH, PLAINTEXT_EPOCH};
use super::schedule::{Schedule, binder, finished};
use super::server::no_random_numbers;
use super::suite::{algorithm, hash};
use super::transcript::Transcript;
use crate::tls::connection_ids::ConnectionIds;
use crate::tls::error::{Error, ErrorKind};
use crate::tls::ffi::groups::{Group, KeyShare};
use crate::tls::ffi::hash::{Digest, Hash};
use crate::tls::ffi::{Refused, are_equal};
use crate::tls::finished::Finished;
use crate::tls::outbox::Outbox;
use crate::tls::psk::ClientPsk;
use crate::tls::question::Question;
use crate::tls::random::fill_random;
use crate::tls::suites::Suite;
use crate::wire::extensions::Hello;
use crate::wire::handshake::{CLIENT_HELLO, ENCRYPTED_EXTENSIONS, FINISHED, SERVER_HELLO};
use crate::wire::hello13::{Choice, extension};
use crate::wire::{ConnectionId, ExtensionFault, alert, connection_id_extension, extensions, two_versions};
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
    /// For EncryptedExtensions.
    Extensions(Box<Reading>),
    /// For the server's Finished.
    Finishing(Box<Reading>),
    Over,
}

pub(super) struct Greeting {
    /// `None` when it is the configuration's.
    pub(super) asked_psk: Option<ClientPsk>,
    share: KeyShare,
    /// The body of the last ClientHello, and the messages before it.
    pub(super) hello: Vec<u8>,
    /// Bytes at its end that its proofs do not cover: the proofs.
    pub(super) uncovered: usize,
    pub(super) transcript: Transcript,
    /// The suite that a HelloRetryRequest has chosen.
    retried: Option<u16>,
}

pub(super) struct Reading {
    suite: Suite,
    transcript: Transcript,
    schedule: Schedule,
    own: Digest,
    peer: Digest,
    protocol: Option<Vec<u8>>,
}

impl ClientHandshake {
    pub(super) fn new(config: &Arc<ClientConfig>, own_id: Option<ConnectionId>) -> Result<ClientHandshake, Error> {
        let mut random = [0; 32];
        fill_random(&mut random).map_err(|_| no_random_numbers())?;
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
        if self.config.psk.is_some() {
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
        self.greet(now, Some(psk), link, out)
    }

    pub(super) fn own_psk(&self, own: Option<(&[u8], &[u8])>) -> Result<ClientPsk, Error> {
        if !self.is_asking() {
            return Err(Error::unasked());
        }
        let (identity, key) =
            own.ok_or_else(|| Error::new(ErrorKind::NoPsk, "The application has no pre-shared key for this server"))?;
        ClientPsk::new(identity, key).map_err(|error| Error::new(ErrorKind::LookupFailed, error.to_string()))
    }

    fn greet(
        &mut self,
        now: Instant,
        asked_psk: Option<ClientPsk>,
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<(), Error> {
        let mut greeting = self.greeting(asked_psk)?;
        self.prove(&mut greeting)?;
        send(now, &greeting, link, out)?;
        self.stage = Stage::Greeting(greeting);
        Ok(())
    }

    /// With a first hello that proves nothing yet.
    pub(super) fn greeting(&self, asked_psk: Option<ClientPsk>) -> Result<Box<Greeting>, Error> {
        let group = self.config.offers.groups.first().copied().ok_or_else(no_group)?;
        let transcript = Transcript::new(self.hash()?);
        let share = KeyShare::generate(group)?;
        let psk = asked_psk.as_ref().or(self.config.psk.as_ref()).ok_or_else(Error::unasked)?;
        if psk.identity.is_empty() {
            let message = "DTLS 1.3 has no empty PSK identity, and the pre-shared key has one";
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        let hello = ClientHello {
            random: &self.random,
            suites: &self.config.offers.suites,
            groups: &self.config.offers.groups,
            share: &share,
            servername: self.config.servername.as_deref(),
            protocols: &self.config.offers.protocols,
            own_id: self.own_id.as_ref(),
            identity: &psk.identity,
            binder_length: self.hash()?.length(),
        };
        let (uncovered, hello) = (hello.uncovered(), hello.write());
        Ok(Box::new(Greeting { asked_psk, share, hello, uncovered, transcript, retried: None }))
    }

    /// Writes the proof that we have the key into the hello.
    fn prove(&self, greeting: &mut Greeting) -> Result<(), Error> {
        let Greeting { asked_psk, hello, uncovered, transcript, .. } = greeting;
        let psk = asked_psk.as_ref().or(self.config.psk.as_ref()).ok_or_else(Error::unasked)?;
        write_proof(&psk.key, transcript, *uncovered, hello).map_err(Error::from)
    }

    /// All our suites have the same.
    fn hash(&self) -> Result<Hash, Error> {
        self.config.offers.suites.first().map(|&suite| hash(suite)).ok_or_else(no_group)
    }

    /// Takes a message; the end of the handshake, if it is the last.
    pub(super) fn read(
        &mut self,
        now: Instant,
        message: &Message,
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<Option<Outcome>, Error> {
        match (std::mem::replace(&mut self.stage, Stage::Over), message.kind, message.epoch) {
            (Stage::Greeting(greeting), SERVER_HELLO, PLAINTEXT_EPOCH) => {
                self.stage = self.hear(now, greeting, &message.body, link, out)?;
                Ok(None)
            }
            (Stage::Extensions(mut reading), ENCRYPTED_EXTENSIONS, HANDSHAKE_EPOCH) => {
                reading.protocol = self.read_extensions(&message.body)?;
                reading.transcript.add(message.kind, &message.body);
                self.stage = Stage::Finishing(reading);
                Ok(None)
            }
            (Stage::Finishing(reading), FINISHED, HANDSHAKE_EPOCH) => {
                self.finish(now, *reading, &message.body, link, out).map(Some)
            }
            _ => Err(unexpected("The server sent a message out of its order, or in another epoch than its own")),
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
        let Some((group, share)) = choice.share else {
            return Err(Error::protocol(alert::MISSING_EXTENSION, "The server's hello has no public value"));
        };
        if group != greeting.share.group().id() {
            return Err(illegal("The server's public value is in another group than the client's"));
        }
        // RFC 8446 section 4.2.11: without it, the server would prove itself with a certificate.
        if choice.psk != Some(0) {
            return Err(illegal("The server did not choose the pre-shared key that was offered"));
        }
        let agreed = greeting.share.agree(share);
        let shared = agreed.map_err(|_| illegal("The server's public value is none of its group"))?;
        let psk = greeting.asked_psk.as_ref().or(self.config.psk.as_ref()).ok_or_else(Error::unasked)?;
        let algorithm = algorithm(suite).ok_or_else(no_group)?;
        let mut transcript = greeting.transcript;
        transcript.add(CLIENT_HELLO, &greeting.hello);
        transcript.add(SERVER_HELLO, body);
        let schedule = Schedule::early(hash(suite), &psk.key)?.advance(Some(&*shared))?;
        let hellos = transcript.hash();
        let own = schedule.derive(b"c hs traffic", &hellos)?;
        let peer = schedule.derive(b"s hs traffic", &hellos)?;
        // The server has heard our hello, or it would not have answered it.
        link.end_flight();
        link.use_ids(self.agree_on_ids(&choice)?);
        link.begin_epoch(algorithm, HANDSHAKE_EPOCH, own.clone(), peer.clone());
        Ok(Stage::Extensions(Box::new(Reading { suite, transcript, schedule, own, peer, protocol: None })))
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
            let group = Group::from_id(id).filter(|group| self.config.offers.groups.contains(group));
            let Some(group) = group.filter(|group| *group != greeting.share.group()) else {
                return Err(illegal("The server asks for a group that was not offered, or that it has got already"));
            };
            greeting.share = KeyShare::generate(group)?;
            asked_for = Some(shares(&greeting.share));
        } else if choice.cookie.is_none() {
            return Err(illegal("The server asks for a second hello that would be like the first"));
        }
        let mut first = Transcript::new(self.hash()?);
        first.add(CLIENT_HELLO, &greeting.hello);
        greeting.transcript = Transcript::after_retry(&first.hash(), body);
        let second = two_versions::after_retry(&greeting.hello, choice.cookie, asked_for.as_deref());
        greeting.hello = second.ok_or_else(Error::unasked)?;
        self.prove(greeting)?;
        send(now, greeting, link, out)
    }

    /// The application protocol that the server chose. Only what was offered may be answered (RFC 8446 section 4.2).
    fn read_extensions(&self, body: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let list = extensions::encrypted(body).ok_or_else(|| malformed("The server's extensions are malformed"))?;
        for id in extensions::numbers(list, extensions::Hello::Server)? {
            let was_offered = match id {
                extension::SUPPORTED_GROUPS => true,
                extension::SERVER_NAME => self.config.servername.is_some(),
                extension::APPLICATION_PROTOCOL => !self.config.offers.protocols.is_empty(),
                _ => false,
            };
            if !was_offered {
                return Err(ExtensionFault::Unoffered(id).into());
            }
        }
        let protocol = crate::wire::application_protocol::chosen(list)?;
        // RFC 7301 section 3.1: it is one of ours.
        match protocol {
            Some(name) if !self.config.offers.protocols.iter().any(|own| own == name) => {
                Err(illegal("The server chose an application protocol that was not offered"))
            }
            protocol => Ok(protocol.map(<[u8]>::to_vec)),
        }
    }

    fn finish(
        &self,
        now: Instant,
        reading: Reading,
        body: &[u8],
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<Outcome, Error> {
        let Reading { suite, mut transcript, schedule, own, peer, protocol } = reading;
        if !are_equal(body, &finished(&peer, &transcript.hash())?) {
            return Err(Error::protocol(alert::DECRYPT_ERROR, "The server's Finished message is wrong"));
        }
        transcript.add(FINISHED, body);
        let so_far = transcript.hash();
        let own_finished = finished(&own, &so_far)?;
        link.begin_flight();
        link.push(HANDSHAKE_EPOCH, FINISHED, &own_finished);
        link.transmit(now, out)?;
        let master = schedule.advance(None)?;
        let own_data = master.derive(b"c ap traffic", &so_far)?;
        let peer_data = master.derive(b"s ap traffic", &so_far)?;
        link.begin_epoch(algorithm(suite).ok_or_else(no_group)?, DATA_EPOCH, own_data, peer_data);
        Ok(Outcome {
            suite,
            exporter: master.derive(b"exp master", &so_far)?,
            finished: Finished::new(&own_finished, body),
            psk_identity: None,
            protocol,
        })
    }

    /// How far it has come.
    pub(super) fn steps_taken(&self) -> u32 {
        match &self.stage {
            Stage::Start => 0,
            Stage::Asking => 1,
            Stage::Beside(_) => 2,
            Stage::Greeting(greeting) if greeting.retried.is_none() => 2,
            Stage::Greeting(_) => 3,
            Stage::Extensions(_) => 4,
            Stage::Finishing(_) => 5,
            Stage::Over => 6,
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

/// Writes the proof of a pre-shared key, the last bytes of a hello. `transcript`: the messages before it.
pub(super) fn write_proof(
    key: &[u8],
    transcript: &Transcript,
    uncovered: usize,
    hello: &mut [u8],
) -> Result<(), Refused> {
    let proof = binder(key, &transcript.hash_for_binder(hello, uncovered))?;
    let at = hello.len().checked_sub(proof.len()).ok_or(Refused)?;
    hello.get_mut(at..).ok_or(Refused)?.copy_from_slice(&proof);
    Ok(())
}

/// A configuration has a suite and a group, or it would not have been made.
fn no_group() -> Error {
    Error::new(ErrorKind::Configuration, "The configuration has no cipher suite or no group for DTLS 1.3")
}
