//! A server's handshake, from the ClientHello with a valid cookie to the client's Finished (RFC 9147 section 5, RFC 8446
//! sections 2 and 2.2).

use super::config::ServerConfig;
use super::errors::{illegal, unexpected};
use super::finish::{Outcome, Read};
use super::incoming::Message;
use super::link::Link;
use super::numbers::{DATA_EPOCH, HANDSHAKE_EPOCH};
use super::peer_proof::PeerProof;
use super::retry::Retry;
use super::schedule::{binder, finished};
use super::server_flight::{Certified, Hello, Proof, Sent, extensions_of, no_random_numbers, send};
use super::suite::{algorithm, hash};
use crate::tls::algorithms::SharedSignatures;
use crate::tls::claim::Claim;
use crate::tls::error::{Error, ErrorKind};
use crate::tls::ffi::are_equal;
use crate::tls::finished::Finished;
use crate::tls::outbox::Outbox;
use crate::tls::psk::PSK_IDENTITY_LIMIT;
use crate::tls::question::Question;
use crate::tls::random::fill_random;
use crate::wire::certificate_type::read_client_hello;
use crate::wire::certificate13::offered_schemes;
use crate::wire::handshake::{FINISHED, HandshakeFragment};
use crate::wire::hello13::{DTLS_1_3, Offer, PskOffer, offers_version};
use crate::wire::{CertificateType, ClientHello, ConnectionId, Record, alert, application_protocol as alpn};
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
    stage: Stage,
    /// The identity that the client has claimed last.
    identity: Option<Vec<u8>>,
}

enum Stage {
    /// For the application, which has the key.
    Asking(Box<Asking>),
    /// For its own signature, which may take another thread.
    Signing(Box<Hello>, Box<Certified>),
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
    /// client's application protocols. `own_id`: the connection ID that answers the client's offer, if it has made one.
    pub(super) fn new(
        config: &Arc<ServerConfig>,
        record: &Record<'_>,
        protocol: Option<Vec<u8>>,
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
            let message = "The context that answers this name does not offer the cipher suite that was chosen before";
            return Err(Error::new(ErrorKind::NoSharedCipher, message));
        }
        let protocol = choose_protocol(config, protocol, hello.extensions)?;
        let transcript = retry.transcript(cookie);
        let hello = Hello { body: fragment.body.to_vec(), retry, transcript, own_id };
        let stage = Stage::Asking(Box::new(Asking { hello, index: 0, asked: 0 }));
        Ok(ServerHandshake { config: Arc::clone(config), protocol, own_id, stage, identity: None })
    }

    /// The first question, if the client has a pre-shared key. Otherwise it is for [`ServerHandshake::sign`] to go on.
    pub(super) fn begin(&mut self) -> Result<Option<Question>, Error> {
        match self.question(0)? {
            Some(question) => Ok(Some(question)),
            None => self.turn_to_certificates().map(|()| None),
        }
    }

    /// The question about the first identity from this one on that could be good.
    fn question(&mut self, from: usize) -> Result<Option<Question>, Error> {
        let Stage::Asking(asking) = &mut self.stage else { return Err(Error::unasked()) };
        let offer = Offer::parse(extensions_of(&asking.hello.body)?)?;
        let psk = offer.psk.filter(|psk| self.config.has_psk && psk.takes_key_exchange);
        let Some(psk) = psk.filter(|_| asking.asked < QUESTIONS_LIMIT) else { return Ok(None) };
        let length = hash(asking.hello.retry.suite).length();
        let fits = |(identity, binder): &(&[u8], &[u8])| binder.len() == length && identity.len() <= PSK_IDENTITY_LIMIT;
        let next = psk.keys.iter().enumerate().skip(from).find(|(_, key)| fits(key));
        Ok(next.map(|(index, (identity, _))| {
            asking.index = index;
            asking.asked += 1;
            self.identity = Some(identity.to_vec());
            Question::Psk(identity.to_vec())
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
        self.stage = Stage::Signing(Box::new(hello), Box::new(certified));
        Ok(())
    }

    /// Whether [`ServerHandshake::sign`] is to be called next.
    pub(super) fn is_signing(&self) -> bool {
        matches!(self.stage, Stage::Signing(..))
    }

    /// Sends a flight with our certificate.
    pub(super) fn sign(&mut self, now: Instant, link: &mut Link, out: &mut Outbox) -> Result<(), Error> {
        let Stage::Signing(hello, certified) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Err(Error::unasked());
        };
        let proof = Proof::Certificate(&certified);
        let sent = send(now, &self.config, &hello, self.protocol.as_deref(), &proof, link, out)?;
        self.stage = Stage::Awaiting(Box::new(sent));
        Ok(())
    }

    /// Goes on with the key of the identity that was asked about; `None` when the application knows none.
    pub(super) fn answer(
        &mut self,
        now: Instant,
        key: Option<&[u8]>,
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<Option<Question>, Error> {
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
        let is_known = key.is_some();
        let sent = self.respond(now, &asking, key.unwrap_or(&*nobodys), is_known, link, out)?;
        self.stage = Stage::Awaiting(Box::new(sent));
        Ok(None)
    }

    fn can_turn_to_certificates(&self) -> Result<bool, Error> {
        let Stage::Asking(asking) = &self.stage else { return Err(Error::unasked()) };
        let schemes = offered_schemes(extensions_of(&asking.hello.body)?)?.unwrap_or_default();
        Ok(self.config.offers.own(&schemes).is_some())
    }

    /// Sends the server's flight to a client that has proved to have the key.
    fn respond(
        &self,
        now: Instant,
        asking: &Asking,
        key: &[u8],
        is_known: bool,
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<Sent, Error> {
        let Hello { body, transcript, .. } = &asking.hello;
        let psk = read_psk(body)?;
        let (_, proof) = *psk.keys.get(asking.index).ok_or_else(no_key)?;
        if !are_equal(proof, &binder(key, &transcript.hash_for_binder(body, psk.uncovered))?) {
            return Err(wrong_key(is_known));
        }
        // Nothing is computed for whoever has no key.
        let index = u16::try_from(asking.index).map_err(|_| no_key())?;
        send(now, &self.config, &asking.hello, self.protocol.as_deref(), &Proof::Psk(key, index), link, out)
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
        let Sent { suite, transcript, client_handshake, own, peer, exporter, own_finished, algorithms, client, shown } =
            *sent;
        if !are_equal(&message.body, &finished(&client_handshake, &transcript.hash())?) {
            return Err(Error::protocol(alert::DECRYPT_ERROR, "The client's Finished message is wrong"));
        }
        // RFC 9147 section 5.8.1: the client's flight is the last, so nothing but an ACK tells it that it has come.
        link.begin_epoch(algorithm(suite).ok_or_else(no_key)?, DATA_EPOCH, own, peer);
        link.acknowledge(out)?;
        Ok(Outcome {
            suite,
            exporter,
            finished: Finished::new(&own_finished, &message.body),
            algorithms,
            uses_psk: shown.is_none(),
            psk_identity: self.identity.take(),
            protocol: self.protocol.take(),
            peer: client.map(PeerProof::into_peer),
            own: shown,
        })
    }

    /// Goes on with what the application says of the client.
    pub(super) fn answer_peer(&mut self, accepted: bool) -> Result<(), Error> {
        match &mut self.stage {
            Stage::Awaiting(sent) => sent.client.as_mut().ok_or_else(Error::unasked)?.answer(accepted),
            _ => Err(Error::unasked()),
        }
    }

    /// The connection ID that answers the client's offer; empty without one.
    pub(super) fn own_id(&self) -> &[u8] {
        self.own_id.as_ref().map_or(&[], ConnectionId::as_bytes)
    }

    /// How far it has come.
    pub(super) fn steps_taken(&self) -> u32 {
        match &self.stage {
            Stage::Asking(_) => 1,
            Stage::Signing(..) => 2,
            Stage::Awaiting(_) => 3,
            Stage::Over => 4,
        }
    }

    /// Who the client says it is.
    pub(super) fn claim(&self) -> Claim {
        let shown = match &self.stage {
            Stage::Awaiting(sent) => sent.client.as_ref().map(PeerProof::claim),
            _ => None,
        };
        Claim { psk_identity: self.identity.clone(), ..shown.unwrap_or_default() }
    }
}

/// What the two sides show each other where neither has a pre-shared key. `extensions`: of the ClientHello.
fn certified(config: &ServerConfig, extensions: &[u8]) -> Result<Certified, Error> {
    if config.offers.own.is_empty() {
        let message = "The client offers no pre-shared key that goes with a cipher suite of this server";
        return Err(Error::new(ErrorKind::NoSharedCipher, message));
    }
    // RFC 8446 section 9.2.
    let schemes = offered_schemes(extensions)?;
    let schemes = schemes.ok_or(crate::wire::ExtensionFault::Missing("signature_algorithms"))?;
    let (agreement, answer) = read_client_hello(&config.offers.abilities, extensions)?;
    if config.offers.peers.required && agreement.peer.is_none() {
        return Err(Error::no_shared_certificate_type("client certificate"));
    }
    let shown = agreement.own.ok_or_else(|| Error::no_shared_certificate_type("server certificate"))?;
    let (own, scheme) = config.offers.own(&schemes).ok_or_else(|| {
        let message = "The client accepts no signature that a key of this server can make";
        Error::new(ErrorKind::NoSharedCipher, message)
    })?;
    let peer = agreement.peer.unwrap_or(CertificateType::X509);
    let signatures = SharedSignatures::new(config.offers.schemes.iter().copied(), &schemes);
    Ok(Certified { own: (Arc::clone(own), shown), scheme, peer, answer, signatures })
}

/// RFC 7301 section 3.2: the first of ours that the client has. Without any on either side there is none.
fn choose_protocol(
    config: &ServerConfig,
    chosen: Option<Vec<u8>>,
    extensions: &[u8],
) -> Result<Option<Vec<u8>>, Error> {
    let own = &config.offers.protocols;
    let Some(offered) = alpn::offered(extensions)?.filter(|_| chosen.is_none() && !own.is_empty()) else {
        return Ok(chosen);
    };
    let common = own.iter().find(|name| alpn::contains(offered, name));
    common.map(|name| Some(name.clone())).ok_or_else(Error::no_application_protocol)
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
