//! How the peer proves who it is: its Certificate and CertificateVerify messages, and the verdict on them (RFC 8446 section 4.4).

use super::errors::{illegal, malformed};
use super::proof::{Signer, scheme_of_peer, signed};
use crate::tls::certificate_fault::CertificateFault;
use crate::tls::claim::Claim;
use crate::tls::error::{Error, ErrorKind};
use crate::tls::ffi::sign::VerifyingKey;
use crate::tls::question::Question;
use crate::tls::session::Session;
use crate::tls::trust::{Chain, Peer, PeerRules};
use crate::wire::certificate13::{read_certificate, read_verify};
use crate::wire::handshake::{CERTIFICATE, CERTIFICATE_VERIFY};
use crate::wire::{CertificateType, alert};
use std::sync::Arc;

/// What the peer has proved so far.
pub(super) struct PeerProof {
    rules: Arc<PeerRules>,
    peer: Peer,
    signer: Signer,
    /// What the hellos have agreed that the peer presents.
    pub(super) kind: CertificateType,
    due: Due,
}

/// The message that is due.
enum Due {
    Certificate,
    /// A signature with this key.
    Verify(Box<VerifyingKey>),
    /// The peer's Finished.
    Nothing,
}

impl PeerProof {
    /// `signer`: the peer's role.
    pub(super) fn new(rules: &Arc<PeerRules>, signer: Signer, kind: CertificateType) -> PeerProof {
        PeerProof { rules: Arc::clone(rules), peer: Peer::new(rules), signer, kind, due: Due::Certificate }
    }

    /// The peer resumes a session in which it was this one, and presents nothing.
    pub(super) fn recalled(rules: &Arc<PeerRules>, signer: Signer, session: &Session) -> PeerProof {
        let mut peer = Peer::new(rules);
        peer.recall(session);
        PeerProof { rules: Arc::clone(rules), peer, signer, kind: CertificateType::X509, due: Due::Nothing }
    }

    /// Whether this message is the one that is due.
    pub(super) fn awaits(&self, kind: u8) -> bool {
        match self.due {
            Due::Certificate => kind == CERTIFICATE,
            Due::Verify(_) => kind == CERTIFICATE_VERIFY,
            Due::Nothing => false,
        }
    }

    /// Whether it has presented all that it will.
    pub(super) fn is_complete(&self) -> bool {
        matches!(self.due, Due::Nothing)
    }

    /// Takes the message that is due. `transcript`: of the messages before it.
    pub(super) fn read(&mut self, body: &[u8], transcript: &[u8]) -> Result<(), Error> {
        self.due = match std::mem::replace(&mut self.due, Due::Nothing) {
            Due::Certificate => self.read_certificate(body)?,
            Due::Verify(key) => {
                self.verify(&key, body, transcript)?;
                Due::Nothing
            }
            Due::Nothing => return Err(Error::unasked()),
        };
        Ok(())
    }

    fn read_certificate(&mut self, body: &[u8]) -> Result<Due, Error> {
        let entries = read_certificate(body)?;
        let Some(first) = entries.first().copied() else {
            // RFC 8446 sections 4.4.2.4 and 6.2 have other alerts for it than DTLS 1.2.
            let (is_server, alert) = match self.signer {
                Signer::Server => (true, alert::DECODE_ERROR),
                Signer::Client => (false, alert::CERTIFICATE_REQUIRED),
            };
            self.peer.hear_nothing(is_server).map_err(|error| error.with_alert(alert))?;
            return Ok(Due::Nothing);
        };
        let mut taken = None;
        let unacceptable = || Error::certificate_fault(CertificateFault::UnacceptableKey);
        let mut take = |key: &crate::wire::PublicKey| {
            // That a point is on its curve is seen here.
            taken = Some(VerifyingKey::from_der(key.der()).map_err(|_| unacceptable())?);
            Ok::<(), Error>(())
        };
        match self.kind {
            CertificateType::X509 => {
                let heard = Chain::read(entries).and_then(|chain| match chain {
                    Some(chain) => self.peer.hear_chain(&chain, &mut take),
                    None => Err(Error::unasked()),
                });
                heard.inspect_err(|_| self.peer.refuse_certificate(first))?;
            }
            // RFC 8446 section 4.4.2: no more than one.
            CertificateType::RawPublicKey if entries.len() > 1 => {
                return Err(malformed("The peer's Certificate message holds more than one raw public key"));
            }
            CertificateType::RawPublicKey => self.peer.hear_key(first, &mut take)?,
        }
        self.peer.check_signature_kind()?;
        taken.map(Box::new).map(Due::Verify).ok_or_else(unacceptable)
    }

    /// RFC 8446 section 4.4.3.
    fn verify(&self, key: &VerifyingKey, body: &[u8], transcript: &[u8]) -> Result<(), Error> {
        let (id, signature) = read_verify(body)?;
        let scheme = scheme_of_peer(id, &self.rules.signatures)?;
        if !key.suits(scheme) {
            return Err(illegal("The peer signs in a way that does not go with its key"));
        }
        key.verify(scheme, &signed(self.signer, transcript), signature).map_err(|_| {
            let message =
                "The peer has not proved to have the private key of the certificate or public key that it shows";
            Error::new(ErrorKind::WrongSignature, message)
        })
    }

    /// What the application has to decide, once the peer has proved that the key is its own.
    pub(super) fn question(&mut self) -> Option<Question> {
        self.peer.question(self.is_complete()).map(Question::Peer)
    }

    /// The application's answer.
    pub(super) fn answer(&mut self, accepted: bool) -> Result<(), Error> {
        self.peer.answer(accepted)
    }

    /// Who the peer says it is.
    pub(super) fn claim(&self) -> Claim {
        self.peer.claim()
    }

    pub(super) fn into_peer(self) -> Peer {
        self.peer
    }
}
