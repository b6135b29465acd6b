//! The rest of a server's flight as a client reads it, from EncryptedExtensions to Finished, and the client's own that answers it
//! (RFC 8446 sections 4.3 and 4.4).

use super::client_sessions::Remembering;
use super::config::ClientConfig;
use super::errors::{illegal, malformed, unexpected};
use super::finish::{Outcome, Read};
use super::incoming::Message;
use super::link::Link;
use super::numbers::{DATA_EPOCH, HANDSHAKE_EPOCH};
use super::peer_proof::PeerProof;
use super::proof::{OwnProof, Signer};
use super::schedule::{Schedule, finished};
use super::suite::algorithm;
use super::transcript::Transcript;
use crate::tls::algorithms::{Algorithms, SharedSignatures};
use crate::tls::claim::Claim;
use crate::tls::error::Error;
use crate::tls::ffi::are_equal;
use crate::tls::ffi::hash::Digest;
use crate::tls::ffi::sign::Scheme;
use crate::tls::finished::Finished;
use crate::tls::outbox::Outbox;
use crate::tls::peer::Authorization;
use crate::tls::session::Session;
use crate::tls::session_policy::NewSession;
use crate::tls::suites::Suite;
use crate::wire::certificate_type::{Agreement, read_server_hello};
use crate::wire::certificate13::{self, read_request};
use crate::wire::handshake::{CERTIFICATE, CERTIFICATE_REQUEST, CERTIFICATE_VERIFY, ENCRYPTED_EXTENSIONS, FINISHED};
use crate::wire::hello13::extension;
use crate::wire::{CertificateType, ExtensionFault, alert, application_protocol, extensions};
use std::sync::Arc;
use std::time::Instant;

/// What the two hellos have led to.
pub(super) struct Keys {
    pub(super) suite: Suite,
    /// IANA's number; 0 without a key exchange.
    pub(super) group: u16,
    pub(super) schedule: Schedule,
    pub(super) own: Digest,
    pub(super) peer: Digest,
}

/// By what the server proves who it is.
pub(super) enum ServerProof {
    /// By the pre-shared key of this identity.
    Psk(Vec<u8>),
    /// By the key of a session.
    Session(Arc<Session>),
    Certificate,
}

/// A flight that is being read.
pub(super) struct Reading {
    keys: Keys,
    transcript: Transcript,
    has_extensions: bool,
    protocol: Option<Vec<u8>>,
    agreement: Agreement,
    proof: ServerProof,
    /// What the server has to prove, or has proved when the session was made; `None` where it does so by the pre-shared key.
    server: Option<PeerProof>,
    /// The numbers of the signatures that the server accepts from us, if it has asked for one.
    request: Option<Vec<u16>>,
    messages_read: u32,
}

impl Reading {
    pub(super) fn new(config: &ClientConfig, keys: Keys, transcript: Transcript, proof: ServerProof) -> Reading {
        let rules = &config.offers.peers;
        let server = match &proof {
            ServerProof::Psk(_) => None,
            ServerProof::Session(session) => Some(PeerProof::recalled(rules, Signer::Server, session)),
            ServerProof::Certificate => Some(PeerProof::new(rules, Signer::Server, CertificateType::X509)),
        };
        Reading {
            keys,
            transcript,
            has_extensions: false,
            protocol: None,
            agreement: Agreement::by_default(&config.offers.abilities),
            proof,
            server,
            request: None,
            messages_read: 0,
        }
    }

    /// Whether nothing is left but the server's Finished.
    pub(super) fn is_complete(&self) -> bool {
        self.has_extensions && self.server.as_ref().is_none_or(PeerProof::is_complete)
    }

    pub(super) fn messages_read(&self) -> u32 {
        self.messages_read
    }

    /// Takes a message before the server's Finished.
    pub(super) fn read(&mut self, config: &ClientConfig, message: &Message) -> Result<Read, Error> {
        let Message { kind, body, .. } = message;
        let mut question = None;
        match (*kind, &mut self.server) {
            (ENCRYPTED_EXTENSIONS, _) if !self.has_extensions => {
                self.read_extensions(config, body)?;
                // Whoever has sealed this has the key of the session. The application has its say about the server all the same.
                if matches!(self.proof, ServerProof::Session(_)) {
                    question = self.server.as_mut().and_then(PeerProof::question);
                }
            }
            // RFC 8446 section 4.3.2: not behind a pre-shared key, once, and before the server's own proof.
            (CERTIFICATE_REQUEST, Some(server))
                if self.has_extensions && self.request.is_none() && server.awaits(CERTIFICATE) =>
            {
                self.request = Some(read_request(body)?);
            }
            (kind, Some(server)) if self.has_extensions && server.awaits(kind) => {
                server.read(body, &self.transcript.hash())?;
                question = server.question();
            }
            _ => return Err(unexpected("The server sent a message out of its order")),
        }
        self.transcript.add(*kind, body);
        self.messages_read += 1;
        Ok(question.map_or(Read::More, Read::Asks))
    }

    /// Only what was offered may be answered (RFC 8446 section 4.2).
    fn read_extensions(&mut self, config: &ClientConfig, body: &[u8]) -> Result<(), Error> {
        let list = extensions::encrypted(body).ok_or_else(|| malformed("The server's extensions are malformed"))?;
        let offers = &config.offers;
        let uses_certificates = matches!(self.proof, ServerProof::Certificate);
        let has_raw = |types: &[CertificateType]| uses_certificates && types.contains(&CertificateType::RawPublicKey);
        for id in extensions::numbers(list, extensions::Hello::Server)? {
            let was_offered = match id {
                extension::SUPPORTED_GROUPS => true,
                extension::SERVER_NAME => config.servername.is_some(),
                extension::APPLICATION_PROTOCOL => !offers.protocols.is_empty(),
                extension::CLIENT_CERTIFICATE_TYPE => has_raw(&offers.abilities.presents),
                extension::SERVER_CERTIFICATE_TYPE => has_raw(&offers.abilities.accepts),
                _ => false,
            };
            if !was_offered {
                return Err(ExtensionFault::Unoffered(id).into());
            }
        }
        if let Some(server) = self.server.as_mut().filter(|_| uses_certificates) {
            self.agreement = read_server_hello(&offers.abilities, list)?;
            let kind = self.agreement.peer;
            server.kind = kind.ok_or_else(|| Error::accepts_nothing_shown(&offers.abilities.accepts, "server"))?;
        }
        // RFC 7301 section 3.1: it is one of ours.
        self.protocol = match application_protocol::chosen(list)? {
            Some(name) if !offers.protocols.iter().any(|own| own == name) => {
                return Err(illegal("The server chose an application protocol that was not offered"));
            }
            protocol => protocol.map(<[u8]>::to_vec),
        };
        self.has_extensions = true;
        Ok(())
    }

    /// The application's answer.
    pub(super) fn answer_peer(&mut self, accepted: bool) -> Result<(), Error> {
        self.server.as_mut().ok_or_else(Error::unasked)?.answer(accepted)
    }

    /// Who the server says it is.
    pub(super) fn claim(&self) -> Option<Claim> {
        self.server.as_ref().map(PeerProof::claim)
    }

    /// What we show to the server if it asks, and how we sign.
    fn own<'a>(&self, config: &'a ClientConfig) -> Option<(&'a Arc<OwnProof>, CertificateType, Scheme)> {
        let (own, scheme) = config.offers.own(self.request.as_ref()?)?;
        Some((own, self.agreement.own?, scheme))
    }

    /// Whether our flight will have a signature.
    pub(super) fn signs(&self, config: &ClientConfig) -> bool {
        self.own(config).is_some()
    }

    /// Takes the server's Finished, and answers the flight.
    pub(super) fn finish(
        &mut self,
        now: Instant,
        config: &ClientConfig,
        body: &[u8],
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<Outcome, Error> {
        let Keys { suite, group, schedule, own, peer } = &self.keys;
        if !are_equal(body, &finished(peer, &self.transcript.hash())?) {
            return Err(Error::protocol(alert::DECRYPT_ERROR, "The server's Finished message is wrong"));
        }
        self.transcript.add(FINISHED, body);
        // RFC 8446 section 7.1: what the client proves is not in these.
        let so_far = self.transcript.hash();
        let master = schedule.advance(None)?;
        let own_data = master.derive(b"c ap traffic", &so_far)?;
        let peer_data = master.derive(b"s ap traffic", &so_far)?;
        let shown = self.own(config).map(|(own, kind, scheme)| (Arc::clone(own), kind, scheme));
        link.begin_flight();
        if self.request.is_some() {
            prove(shown.as_ref(), &mut self.transcript, link)?;
        }
        let own_finished = finished(own, &self.transcript.hash())?;
        link.push(HANDSHAKE_EPOCH, FINISHED, &own_finished);
        link.transmit(now, out)?;
        link.begin_epoch(algorithm(*suite).ok_or_else(Error::unasked)?, DATA_EPOCH, own_data, peer_data);
        let (identity, session) = match std::mem::replace(&mut self.proof, ServerProof::Certificate) {
            ServerProof::Psk(identity) => (Some(identity), None),
            ServerProof::Session(session) => (session.psk_identity.clone(), Some(session)),
            ServerProof::Certificate => (None, None),
        };
        let accepted = self.request.as_deref().unwrap_or_default();
        let signatures = SharedSignatures::new(config.offers.schemes.iter().copied(), accepted);
        let mut outcome = Outcome {
            suite: *suite,
            exporter: master.derive(b"exp master", &so_far)?,
            finished: Finished::new(&own_finished, body),
            algorithms: Algorithms { group: *group, signatures },
            psk_identity: None,
            protocol: self.protocol.take(),
            uses_psk: self.server.is_none(),
            resumed: session.is_some(),
            peer: self.server.take().map(PeerProof::into_peer),
            own: shown.map(|(own, kind, _)| (own, kind)),
            ticket: None,
            // It is good once more until another one comes.
            session: session.and_then(|session| NewSession::of(&session)),
            remembering: None,
        };
        self.transcript.add(FINISHED, &own_finished);
        let resumption = master.derive(b"res master", &self.transcript.hash())?;
        if outcome.authorization() == Authorization::Granted {
            let (protocol, peer) = (outcome.protocol.clone(), outcome.peer.as_ref());
            outcome.remembering = Remembering::of(config, *suite, protocol, peer, identity, resumption);
        }
        Ok(outcome)
    }
}

/// Writes our Certificate and CertificateVerify messages. Who has nothing to show says so (RFC 8446 section 4.4.2).
fn prove(
    shown: Option<&(Arc<OwnProof>, CertificateType, Scheme)>,
    transcript: &mut Transcript,
    link: &mut Link,
) -> Result<(), Error> {
    let certificate = match shown {
        Some((own, kind, _)) => own.certificate(*kind),
        None => certificate13::certificate([]),
    };
    transcript.add(CERTIFICATE, &certificate);
    link.push(HANDSHAKE_EPOCH, CERTIFICATE, &certificate);
    if let Some((own, _, scheme)) = shown {
        let signature = own.verify(*scheme, Signer::Client, &transcript.hash())?;
        transcript.add(CERTIFICATE_VERIFY, &signature);
        link.push(HANDSHAKE_EPOCH, CERTIFICATE_VERIFY, &signature);
    }
    Ok(())
}
