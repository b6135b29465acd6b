//! A server's handshake, from the ClientHello with a valid cookie to the client's Finished (RFC 9147 section 5, RFC 8446
//! sections 2 and 2.2).

use super::config::ServerConfig;
use super::errors::{illegal, unexpected};
use super::finish::{Outcome, Read};
use super::incoming::Message;
use super::link::Link;
use super::numbers::{DATA_EPOCH, HANDSHAKE_EPOCH};
use super::peer_proof::PeerProof;
use super::proof::Signer;
use super::retry::Retry;
use super::schedule::{Origin, Schedule, finished};
use super::server_choices::{certified, choose_protocol};
use super::server_flight::{Hello, Proof, Proved, Sent, extensions_of, no_random_numbers, send};
use super::server_sessions::{Brought, Sessions};
use super::session_key::key_of;
use super::suite::{algorithm, hash};
use crate::tls::claim::Claim;
use crate::tls::error::{Error, ErrorKind};
use crate::tls::ffi::are_equal;
use crate::tls::finished::Finished;
use crate::tls::outbox::Outbox;
use crate::tls::psk::PSK_IDENTITY_LIMIT;
use crate::tls::question::{KnownSession, Question};
use crate::tls::random::fill_random;
use crate::tls::session::Session;
use crate::tls::session_policy::SessionPolicy;
use crate::wire::certificate13::offered_schemes;
use crate::wire::handshake::{FINISHED, HandshakeFragment};
use crate::wire::hello13::{DTLS_1_3, Offer, offers_version};
use crate::wire::psk_offer::{Modes, OfferedKey, PskOffer};
use crate::wire::{ClientHello, ConnectionId, Record, alert, server_name};
use std::sync::Arc;
use std::time::Instant;
use zeroize::Zeroizing;

/// Identities of one client that the application is asked about; a client has few.
const QUESTIONS_LIMIT: usize = 4;

/// A handshake that waits.
pub(super) struct ServerHandshake {
    config: Arc<ServerConfig>,
    protocol: Option<Vec<u8>>,
    /// The connection ID that answers the client's offer.
    own_id: Option<ConnectionId>,
    sessions: Sessions,
    stage: Stage,
    /// The identity that the client has claimed last.
    identity: Option<Vec<u8>>,
}

enum Stage {
    /// For the application, which has the session or the key.
    Asking(Box<Asking>),
    /// For its own flight, and before that for the application's word about the peer of a session. A signature may take another
    /// thread.
    Answering(Box<Hello>, Box<Proof>),
    /// For the client's flight.
    Awaiting(Box<Sent>),
    Over,
}

struct Asking {
    hello: Hello,
    /// Which of the client's identities is asked about.
    index: usize,
    asked: usize,
}

impl ServerHandshake {
    /// `record`: holds the whole ClientHello, whose cookie was verified. `protocol`: what the application has chosen of the
    /// client's application protocols. `sessions`: which sessions it resumes, and whether it leaves one behind. `own_id`: the
    /// connection ID that answers the client's offer, if it has made one.
    pub(super) fn new(
        config: &Arc<ServerConfig>,
        record: &Record<'_>,
        protocol: Option<Vec<u8>>,
        sessions: SessionPolicy,
        own_id: Option<ConnectionId>,
    ) -> Result<ServerHandshake, Error> {
        let fragment = HandshakeFragment::parse(record.fragment());
        let hello = ClientHello::parse(record);
        let (Some(fragment), Some(hello)) = (fragment, hello) else {
            return Err(illegal("The client's hello is not one that a handshake could begin with"));
        };
        let offer = Offer::parse(hello.extensions)?;
        // RFC 9147 section 5.1: the cookie says what it was made for; the rest must be as it was.
        let retry = offer.cookie.and_then(|cookie| Some((Retry::read(cookie)?, cookie)));
        let is_second = fragment.sequence == 1 && offers_version(hello.extensions, DTLS_1_3);
        let Some((retry, cookie)) = retry.filter(|_| is_second) else {
            return Err(illegal("The client's second hello is not like its first"));
        };
        // RFC 8446 section 4.1.2, RFC 9147 section 5.3.
        if hello.parameters.compression_methods != [0] || !hello.cookie.is_empty() {
            return Err(illegal("The client offers compression, or sends a cookie where DTLS 1.3 has none"));
        }
        if !hello.parameters.suites().any(|id| id == retry.suite.id()) {
            return Err(illegal(
                "The client's second hello does not offer the cipher suite that was chosen by its first",
            ));
        }
        if !config.offers.suites.contains(&retry.suite) {
            // Either nothing was in common from the beginning, or another context answers the name.
            let message = "The client offers no cipher suite of DTLS 1.3 that this server has for it";
            return Err(Error::new(ErrorKind::NoSharedCipher, message));
        }
        let protocol = choose_protocol(config, protocol, hello.extensions)?;
        let name = server_name(hello.extensions);
        let modes = offer.modes.and(config.offers.modes);
        let sessions = Sessions::new(sessions, config.offers.scope, config.has_psk, name, modes);
        let transcript = retry.transcript(cookie);
        let hello = Hello { body: fragment.body.to_vec(), retry, transcript, own_id };
        let stage = Stage::Asking(Box::new(Asking { hello, index: 0, asked: 0 }));
        Ok(ServerHandshake { config: Arc::clone(config), protocol, own_id, sessions, stage, identity: None })
    }

    /// The first question, if there is one. Otherwise it is for [`ServerHandshake::send`] to go on.
    pub(super) fn begin(&mut self) -> Result<Option<Question>, Error> {
        let Stage::Asking(asking) = &mut self.stage else { return Err(Error::unasked()) };
        let offer = Offer::parse(extensions_of(&asking.hello.body)?)?;
        match self.sessions.find(&offer, hash(asking.hello.retry.suite), self.protocol.as_deref()) {
            Brought::Session(index, session) => self.resume(index, session),
            Brought::Id(index) => {
                asking.index = index;
                let id = offer.psk.as_ref().and_then(|psk| psk.keys.get(index)).map(|key| key.identity.to_vec());
                Ok(id.map(Question::Session))
            }
            Brought::Nothing => self.ask_for_key(),
        }
    }

    /// Goes on with the session that was asked about; `None` for an unknown one. One that does not fit leads to a full handshake.
    pub(super) fn answer_session(&mut self, session: Option<KnownSession<'_>>) -> Result<Option<Question>, Error> {
        let Stage::Asking(asking) = &self.stage else { return Err(Error::unasked()) };
        let (index, psk) = (asking.index, read_psk(&asking.hello.body)?);
        let key = psk.keys.get(index).ok_or_else(no_key)?;
        let session = match session {
            Some(KnownSession::Stored(bytes)) => {
                self.sessions.read(bytes, &key, hash(asking.hello.retry.suite), self.protocol.as_deref())
            }
            // Those of saved connections are of DTLS 1.2.
            Some(KnownSession::Saved(_)) | None => None,
        };
        match session {
            Some(session) => self.resume(index, Box::new(session)),
            None => self.ask_for_key(),
        }
    }

    /// Resumes a session that fits, once the client has proved that it is its own. The application has its say about the client.
    fn resume(&mut self, index: usize, session: Box<Session>) -> Result<Option<Question>, Error> {
        let Stage::Asking(asking) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Err(Error::unasked());
        };
        let Some(proved) = asking.hello.proved(Origin::Session, key_of(&session), index)? else {
            let message = "The client resumes a session without the proof that it is its own";
            return Err(Error::protocol(alert::DECRYPT_ERROR, message));
        };
        let mut client = PeerProof::recalled(&self.config.offers.peers, Signer::Client, &session);
        let question = client.question();
        self.identity.clone_from(&session.psk_identity);
        let proof = Proof::Session(session, Box::new(proved), Box::new(client));
        self.stage = Stage::Answering(Box::new(asking.hello), Box::new(proof));
        Ok(question)
    }

    /// The question for the first key, if the client has one. Otherwise it is for [`ServerHandshake::send`] to go on.
    fn ask_for_key(&mut self) -> Result<Option<Question>, Error> {
        match self.question(0)? {
            Some(question) => Ok(Some(question)),
            None => self.turn_to_certificates().map(|()| None),
        }
    }

    /// The question about the first identity from this one on that could be good.
    fn question(&mut self, from: usize) -> Result<Option<Question>, Error> {
        let Stage::Asking(asking) = &mut self.stage else { return Err(Error::unasked()) };
        let offer = Offer::parse(extensions_of(&asking.hello.body)?)?;
        let has_mode = offer.modes.and(self.config.offers.modes) != Modes::default();
        let psk = offer.psk.filter(|_| self.config.has_psk && has_mode);
        let Some(psk) = psk.filter(|_| asking.asked < QUESTIONS_LIMIT) else { return Ok(None) };
        let length = hash(asking.hello.retry.suite).length();
        // RFC 8446 section 4.2.11: external keys have no age. What has one beside them is a ticket.
        let is_external = |key: &OfferedKey<'_>| key.obfuscated_age == 0;
        let has_external = psk.keys.iter().any(|key| is_external(&key));
        let fits = |key: &OfferedKey<'_>| {
            let has_length = key.proof.len() == length && key.identity.len() <= PSK_IDENTITY_LIMIT;
            has_length && (is_external(key) || !has_external)
        };
        let next = psk.keys.iter().enumerate().skip(from).find(|(_, key)| fits(key));
        Ok(next.map(|(index, key)| {
            asking.index = index;
            asking.asked += 1;
            self.identity = Some(key.identity.to_vec());
            Question::Psk(key.identity.to_vec())
        }))
    }

    /// Goes on without a pre-shared key.
    fn turn_to_certificates(&mut self) -> Result<(), Error> {
        let Stage::Asking(asking) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Err(Error::unasked());
        };
        let hello = asking.hello;
        let certified = certified(&self.config, extensions_of(&hello.body)?)?;
        self.identity = None;
        self.stage = Stage::Answering(Box::new(hello), Box::new(Proof::Certificate(Box::new(certified))));
        Ok(())
    }

    /// Whether [`ServerHandshake::send`] is to be called next.
    pub(super) fn is_answering(&self) -> bool {
        matches!(self.stage, Stage::Answering(..))
    }

    /// Whether that signs something.
    pub(super) fn signs_next(&self) -> bool {
        matches!(&self.stage, Stage::Answering(_, proof) if matches!(**proof, Proof::Certificate(_)))
    }

    /// Sends our flight.
    pub(super) fn send(&mut self, now: Instant, link: &mut Link, out: &mut Outbox) -> Result<(), Error> {
        let Stage::Answering(hello, proof) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Err(Error::unasked());
        };
        let sent = send(now, &self.config, &hello, self.protocol.as_deref(), *proof, link, out)?;
        self.stage = Stage::Awaiting(Box::new(sent));
        Ok(())
    }

    /// Goes on with the key of the identity that was asked about; `None` when the application knows none.
    pub(super) fn answer(&mut self, key: Option<&[u8]>) -> Result<Option<Question>, Error> {
        let Stage::Asking(asking) = &self.stage else { return Err(Error::unasked()) };
        let next = asking.index + 1;
        if key.is_none() {
            if let Some(question) = self.question(next)? {
                return Ok(Some(question));
            }
            // RFC 8446 section 4.2.11: where the client accepts certificates as well.
            if self.can_turn_to_certificates()? {
                return self.turn_to_certificates().map(|()| None);
            }
        }
        let Stage::Asking(asking) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Err(Error::unasked());
        };
        // Whether or not it is needed: who measures the answer's time must not see who is known.
        let mut nobodys = Zeroizing::new([0; 32]);
        fill_random(&mut *nobodys).map_err(|_| no_random_numbers())?;
        let (is_known, key) = (key.is_some(), key.unwrap_or(&*nobodys));
        // Nothing is computed for whoever has no key.
        let proved = asking.hello.proved(Origin::External, key, asking.index)?;
        let proved = proved.ok_or_else(|| wrong_key(is_known))?;
        self.stage = Stage::Answering(Box::new(asking.hello), Box::new(Proof::Psk(Box::new(proved))));
        Ok(None)
    }

    fn can_turn_to_certificates(&self) -> Result<bool, Error> {
        let Stage::Asking(asking) = &self.stage else { return Err(Error::unasked()) };
        let schemes = offered_schemes(extensions_of(&asking.hello.body)?)?.unwrap_or_default();
        Ok(self.config.offers.own(&schemes).is_some())
    }

    /// Takes a message of the client's flight.
    pub(super) fn read(&mut self, message: &Message, link: &mut Link, out: &mut Outbox) -> Result<Read, Error> {
        let Stage::Awaiting(sent) = &mut self.stage else {
            return Err(unexpected("The client sent a message before its hello was answered"));
        };
        if message.epoch != HANDSHAKE_EPOCH {
            return Err(unexpected("The client sent a message in another epoch than its own"));
        }
        // The client has read our flight, or it would have no keys to send this with (RFC 9147 section 5.8.1).
        link.end_flight();
        match &mut sent.client {
            Some(client) if client.awaits(message.kind) => {
                client.read(&message.body, &sent.transcript.hash())?;
                sent.transcript.add(message.kind, &message.body);
                Ok(client.question().map_or(Read::More, Read::Asks))
            }
            client if message.kind == FINISHED && client.as_ref().is_none_or(PeerProof::is_complete) => {
                self.finish(message, link, out).map(|outcome| Read::Over(Box::new(outcome)))
            }
            _ => Err(unexpected("The client sent a message out of its order")),
        }
    }

    fn finish(&mut self, message: &Message, link: &mut Link, out: &mut Outbox) -> Result<Outcome, Error> {
        let Stage::Awaiting(sent) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Err(Error::unasked());
        };
        let Sent { suite, mut transcript, client_handshake, peer, exporter, master, .. } = *sent;
        let Sent { own_finished, algorithms, client, shown, session, .. } = *sent;
        if !are_equal(&message.body, &finished(&client_handshake, &transcript.hash())?) {
            return Err(Error::protocol(alert::DECRYPT_ERROR, "The client's Finished message is wrong"));
        }
        // RFC 9147 section 5.8.1: the client's flight is the last, so nothing but an ACK tells it that it has come.
        link.begin_reading(algorithm(suite).ok_or_else(no_key)?, DATA_EPOCH, peer);
        link.acknowledge(out)?;
        let mut outcome = Outcome {
            suite,
            exporter,
            finished: Finished::new(&own_finished, &message.body),
            algorithms,
            uses_psk: shown.is_none() && session.is_none(),
            resumed: session.is_some(),
            psk_identity: self.identity.take(),
            protocol: self.protocol.take(),
            peer: client.map(PeerProof::into_peer),
            own: shown,
            ticket: None,
            session: None,
            remembering: None,
        };
        transcript.add(FINISHED, &message.body);
        let resumption = || master.derive(b"res master", &transcript.hash());
        if let Some((ticket, kept)) = self.sessions.leave_behind(&outcome, resumption, session.as_deref())? {
            outcome.ticket = Some(ticket);
            outcome.session = kept;
        }
        Ok(outcome)
    }

    /// Goes on with what the application says of the client.
    pub(super) fn answer_peer(&mut self, accepted: bool) -> Result<(), Error> {
        let client = match &mut self.stage {
            Stage::Answering(_, proof) => match &mut **proof {
                Proof::Session(_, _, client) => Some(&mut **client),
                Proof::Psk(..) | Proof::Certificate(_) => None,
            },
            Stage::Awaiting(sent) => sent.client.as_mut(),
            Stage::Asking(_) | Stage::Over => None,
        };
        client.ok_or_else(Error::unasked)?.answer(accepted)
    }

    /// The connection ID that answers the client's offer; empty without one.
    pub(super) fn own_id(&self) -> &[u8] {
        self.own_id.as_ref().map_or(&[], ConnectionId::as_bytes)
    }

    /// How far it has come.
    pub(super) fn steps_taken(&self) -> u32 {
        match &self.stage {
            Stage::Asking(_) => 1,
            Stage::Answering(..) => 2,
            Stage::Awaiting(_) => 3,
            Stage::Over => 4,
        }
    }

    /// Who the client says it is.
    pub(super) fn claim(&self) -> Claim {
        let shown = match &self.stage {
            Stage::Awaiting(sent) => sent.client.as_ref().map(PeerProof::claim),
            Stage::Answering(_, proof) => match &**proof {
                Proof::Session(_, _, client) => Some(client.claim()),
                Proof::Psk(..) | Proof::Certificate(_) => None,
            },
            Stage::Asking(_) | Stage::Over => None,
        };
        Claim { psk_identity: self.identity.clone(), ..shown.unwrap_or_default() }
    }
}

impl Hello {
    /// This key, which is the client's key with this number, if the client proves to have it.
    fn proved(&self, origin: Origin, key: &[u8], index: usize) -> Result<Option<Proved>, Error> {
        let psk = read_psk(&self.body)?;
        let (hash, transcript) = self.transcript.with_hello(&self.body, psk.uncovered);
        let OfferedKey { proof, .. } = psk.keys.get(index).ok_or_else(no_key)?;
        let early = Schedule::early(hash.hash(), key);
        let is_proved = are_equal(proof, &early.binder(origin, &hash)?);
        let index = u16::try_from(index).map_err(|_| no_key())?;
        Ok(is_proved.then_some(Proved { index, early, transcript }))
    }
}

fn read_psk(body: &[u8]) -> Result<PskOffer<'_>, Error> {
    Offer::parse(extensions_of(body)?)?.psk.ok_or_else(no_key)
}

fn no_key() -> Error {
    Error::protocol(alert::MISSING_EXTENSION, "The client offers no pre-shared key")
}

/// RFC 8446 section 4.2.11: nobody can tell the two cases apart.
fn wrong_key(is_known: bool) -> Error {
    let error = if is_known {
        Error::new(ErrorKind::WrongPsk, "The client's pre-shared key is not the one of its identity")
    } else {
        Error::new(ErrorKind::UnknownPskIdentity, "The application knows no key for the client's PSK identity")
    };
    error.with_alert(alert::DECRYPT_ERROR)
}
