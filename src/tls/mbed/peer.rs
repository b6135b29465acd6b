//! Who the peer is: what it has presented, and whether that is enough.

use super::chain::Chain;
use super::ffi::config::Role;
use super::ffi::ssl::Ssl;
use super::rules::Rules;
use crate::tls::certificate_fault::CertificateFault;
use crate::tls::claim::Claim;
use crate::tls::error::{Error, ErrorKind};
use crate::tls::peer::{Authorization, PeerCredential};
use crate::tls::session::Session;
use crate::tls::suites::Suite;
use crate::wire::PublicKey;
use mbedtls_sys as sys;
use std::sync::Arc;

/// Whether the application has had its say about the peer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// The peer has presented nothing yet that the application could be asked about.
    Open,
    Asked,
    /// The peer is accepted, or the application does not decide about it.
    Settled,
}

/// One handshake's view of its peer.
pub(super) struct Peer {
    rules: Arc<Rules>,
    credential: Option<PeerCredential>,
    /// The certificates that came with the peer's own, DER each.
    issuers: Vec<Vec<u8>>,
    /// What is wrong with the chain of the peer's certificate, if there was one.
    chain: Result<(), CertificateFault>,
    /// What it has presented that was refused.
    refused: Claim,
    verdict: Verdict,
    /// Whether it had authenticated itself when the session was made that is resumed.
    recalled: Option<Authorization>,
}

impl Peer {
    pub(super) fn new(rules: &Arc<Rules>) -> Peer {
        Peer {
            rules: Arc::clone(rules),
            credential: None,
            issuers: Vec::new(),
            chain: Err(CertificateFault::Missing),
            refused: Claim::default(),
            verdict: Verdict::Open,
            recalled: None,
        }
    }

    /// The peer resumes a session in which it was this one. The application has its say all the same.
    pub(super) fn recall(&mut self, session: &Session) {
        self.credential = session.peer.clone();
        self.issuers = session.issuers.clone();
        self.recalled = Some(if session.authorized { Authorization::Granted } else { Authorization::Unknown });
        if let Some(PeerCredential { public_key, certificate: None }) = &session.peer
            && self.is_expected(public_key)
        {
            self.verdict = Verdict::Settled;
        }
    }

    fn is_expected(&self, public_key: &[u8]) -> bool {
        self.rules.public_keys.iter().any(|key| key.der() == public_key)
    }

    /// The peer presents a raw public key. The application is not asked about one that is expected.
    pub(super) fn present(&mut self, key: &PublicKey, is_expected: bool) {
        if is_expected {
            self.verdict = Verdict::Settled;
        }
        self.credential = Some(PeerCredential { public_key: key.der().to_vec(), certificate: None });
    }

    /// The peer presents a certificate, whose chain was judged.
    pub(super) fn present_chain(&mut self, chain: &Chain, judged: Result<(), CertificateFault>) {
        let mut certificates = chain.ders();
        let certificate = certificates.next();
        self.issuers = certificates.collect();
        self.chain = judged;
        self.credential = Some(PeerCredential { public_key: chain.key().der().to_vec(), certificate });
    }

    /// The peer has presented this raw public key, which is refused.
    pub(super) fn refuse_key(&mut self, key: &PublicKey) {
        self.refused.public_key = Some(key.der().to_vec());
    }

    /// The peer has presented this certificate, which is refused.
    pub(super) fn refuse_certificate(&mut self, der: &[u8]) {
        self.refused.certificate = Some(der.to_vec());
    }

    /// What it has presented, whether it was refused or not.
    pub(super) fn claim(&self) -> Claim {
        match &self.credential {
            None => self.refused.clone(),
            Some(PeerCredential { public_key, certificate }) => {
                Claim { public_key: Some(public_key.clone()), certificate: certificate.clone(), ..Claim::default() }
            }
        }
    }

    /// What the application has to decide before the next step.
    pub(super) fn question(&mut self, ssl: &Ssl) -> Option<PeerCredential> {
        let state = match (ssl.role(), self.recalled) {
            (Role::Client, None) => sys::SSL_SERVER_KEY_EXCHANGE,
            (Role::Client, Some(_)) => sys::SSL_SERVER_CHANGE_CIPHER_SPEC,
            (Role::Server, None) => sys::SSL_CLIENT_KEY_EXCHANGE,
            (Role::Server, Some(_)) => sys::SSL_SERVER_HELLO,
        };
        let is_presented = ssl.state() == state;
        if !is_presented || !self.rules.asks || self.verdict != Verdict::Open {
            return None;
        }
        self.verdict = if self.credential.is_some() { Verdict::Asked } else { Verdict::Settled };
        self.credential.clone()
    }

    /// The application's answer.
    pub(super) fn answer(&mut self, accepted: bool) -> Result<(), Error> {
        if self.verdict != Verdict::Asked {
            return Err(Error::unasked());
        }
        self.verdict = Verdict::Settled;
        let refused = || Error::new(ErrorKind::PeerRefused, "The application refused the peer");
        if accepted { Ok(()) } else { Err(refused()) }
    }

    /// A client may present what it likes: the engine's CertificateRequest names every kind of key.
    pub(super) fn check_signature_kind(&self) -> Result<(), Error> {
        let Some(credential) = &self.credential else { return Ok(()) };
        let is_rsa = PublicKey::recognise(&credential.public_key).is_some_and(|key| key.is_rsa());
        if self.rules.signatures.accept(is_rsa) {
            return Ok(());
        }
        Err(Error::certificate_fault(CertificateFault::UnacceptableKey))
    }

    /// What a finished handshake says about the peer, which was let in.
    pub(super) fn authorization(&self, suite: Suite, resumed: bool) -> Authorization {
        if resumed {
            // Of a saved connection, only the application knows whose session it was.
            return self.recalled.unwrap_or(Authorization::Unknown);
        }
        if suite.key_exchange().uses_psk() {
            return Authorization::Granted;
        }
        let refused = |error: Error| Authorization::Refused(error.kind);
        match &self.credential {
            None if self.rules.abilities.accepts.is_empty() => Authorization::Unknown,
            None => refused(Error::certificate_fault(CertificateFault::Missing)),
            Some(PeerCredential { certificate: Some(_), .. }) => match self.chain {
                Ok(()) => Authorization::Granted,
                Err(fault) => refused(Error::certificate_fault(fault)),
            },
            // An application that was asked has accepted it.
            Some(PeerCredential { public_key, .. }) if self.rules.asks || self.is_expected(public_key) => {
                Authorization::Granted
            }
            Some(_) => refused(Error::unexpected_key()),
        }
    }

    pub(super) fn credential(&self) -> Option<&PeerCredential> {
        self.credential.as_ref()
    }

    pub(super) fn issuers(&self) -> &[Vec<u8>] {
        &self.issuers
    }

    pub(super) fn take_issuers(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.issuers)
    }

    pub(super) fn take_credential(&mut self) -> Option<PeerCredential> {
        self.credential.take()
    }
}
