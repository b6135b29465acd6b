//! Who the peer is: what it has presented, and whether that is enough.

use super::chain::Chain;
use super::rules::PeerRules;
use crate::tls::certificate_fault::CertificateFault;
use crate::tls::claim::Claim;
use crate::tls::error::{Error, ErrorKind};
use crate::tls::peer::{Authorization, PeerCredential};
use crate::tls::session::Session;
use crate::wire::PublicKey;
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
pub(crate) struct Peer {
    rules: Arc<PeerRules>,
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
    pub(crate) fn new(rules: &Arc<PeerRules>) -> Peer {
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
    pub(crate) fn recall(&mut self, session: &Session) {
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

    /// Judges a chain of certificates that the peer presents, has the engine take its key with `take`, and remembers it.
    pub(crate) fn hear_chain<E: From<Error>>(
        &mut self,
        chain: &Chain,
        take: impl FnOnce(&PublicKey) -> Result<(), E>,
    ) -> Result<(), E> {
        let judged = self.rules.chain.judge(chain);
        if let (true, Err(fault)) = (self.rules.required, judged) {
            return Err(Error::certificate_fault(fault).into());
        }
        take(chain.key())?;
        self.present_chain(chain, judged);
        Ok(())
    }

    /// The same of a raw public key: a SubjectPublicKeyInfo.
    pub(crate) fn hear_key<E: From<Error>>(
        &mut self,
        key: &[u8],
        take: impl FnOnce(&PublicKey) -> Result<(), E>,
    ) -> Result<(), E> {
        let unacceptable = || Error::certificate_fault(CertificateFault::UnacceptableKey);
        let key = PublicKey::recognise(key).ok_or_else(unacceptable)?;
        let is_expected = self.rules.public_keys.contains(&key);
        if !is_expected && self.rules.required && !self.rules.asks {
            self.refused.public_key = Some(key.der().to_vec());
            return Err(Error::unexpected_key().into());
        }
        take(&key)?;
        self.present(&key, is_expected);
        Ok(())
    }

    /// The peer presents nothing. Servers have to.
    pub(crate) fn hear_nothing(&self, is_server: bool) -> Result<(), Error> {
        if self.rules.required || is_server {
            return Err(Error::certificate_fault(CertificateFault::Missing));
        }
        Ok(())
    }

    /// The peer presents a raw public key. The application is not asked about one that is expected.
    pub(crate) fn present(&mut self, key: &PublicKey, is_expected: bool) {
        if is_expected {
            self.verdict = Verdict::Settled;
        }
        self.credential = Some(PeerCredential { public_key: key.der().to_vec(), certificate: None });
    }

    /// The peer presents a certificate, whose chain was judged.
    fn present_chain(&mut self, chain: &Chain, judged: Result<(), CertificateFault>) {
        let mut certificates = chain.ders();
        let certificate = certificates.next();
        self.issuers = certificates.collect();
        self.chain = judged;
        self.credential = Some(PeerCredential { public_key: chain.key().der().to_vec(), certificate });
    }

    /// The peer has presented this certificate, which is refused.
    pub(crate) fn refuse_certificate(&mut self, der: &[u8]) {
        self.refused.certificate = Some(der.to_vec());
    }

    /// What it has presented, whether it was refused or not.
    pub(crate) fn claim(&self) -> Claim {
        match &self.credential {
            None => self.refused.clone(),
            Some(PeerCredential { public_key, certificate }) => {
                Claim { public_key: Some(public_key.clone()), certificate: certificate.clone(), ..Claim::default() }
            }
        }
    }

    /// Whether it resumes a session.
    pub(crate) fn is_recalled(&self) -> bool {
        self.recalled.is_some()
    }

    /// What the application has to decide before the next step. `is_presented`: whether it has presented what it will.
    pub(crate) fn question(&mut self, is_presented: bool) -> Option<PeerCredential> {
        if !is_presented || !self.rules.asks || self.verdict != Verdict::Open {
            return None;
        }
        self.verdict = if self.credential.is_some() { Verdict::Asked } else { Verdict::Settled };
        self.credential.clone()
    }

    /// The application's answer.
    pub(crate) fn answer(&mut self, accepted: bool) -> Result<(), Error> {
        if self.verdict != Verdict::Asked {
            return Err(Error::unasked());
        }
        self.verdict = Verdict::Settled;
        let refused = || Error::new(ErrorKind::PeerRefused, "The application refused the peer");
        if accepted { Ok(()) } else { Err(refused()) }
    }

    /// A client may present what it likes: the engine's CertificateRequest names every kind of key.
    pub(crate) fn check_signature_kind(&self) -> Result<(), Error> {
        let Some(credential) = &self.credential else { return Ok(()) };
        let is_rsa = PublicKey::recognise(&credential.public_key).is_some_and(|key| key.is_rsa());
        if self.rules.signatures.accept(is_rsa) {
            return Ok(());
        }
        Err(Error::certificate_fault(CertificateFault::UnacceptableKey))
    }

    /// What a finished handshake says about the peer, which was let in. `uses_psk`: whether it has proved to have a pre-shared key.
    pub(crate) fn authorization(&self, uses_psk: bool, resumed: bool) -> Authorization {
        if resumed {
            // Of a saved connection, only the application knows whose session it was.
            return self.recalled.unwrap_or(Authorization::Unknown);
        }
        if uses_psk {
            return Authorization::Granted;
        }
        let refused = |error: Error| Authorization::Refused(error.kind);
        match &self.credential {
            None if self.rules.accepts.is_empty() => Authorization::Unknown,
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

    pub(crate) fn credential(&self) -> Option<&PeerCredential> {
        self.credential.as_ref()
    }

    pub(crate) fn issuers(&self) -> &[Vec<u8>] {
        &self.issuers
    }

    pub(crate) fn take_issuers(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.issuers)
    }

    pub(crate) fn take_credential(&mut self) -> Option<PeerCredential> {
        self.credential.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::config::{PeerAuthentication, Settings, Wishes};
    use crate::tls::session::tests::session;
    use crate::tls::trust::Signatures;
    use crate::tls::trust::x509::Purpose;
    use rcgen::{KeyPair, PublicKeyData};
    use std::time::Duration;

    fn key() -> PublicKey {
        PublicKey::recognise(&KeyPair::generate().unwrap().subject_public_key_info()).unwrap()
    }

    fn peer(required: bool, asks: bool, expected: &[&PublicKey]) -> Peer {
        let authentication = PeerAuthentication {
            public_keys: Some(expected.iter().map(|&key| key.clone()).collect()),
            required,
            asks,
            ..PeerAuthentication::lenient()
        };
        of(Some(&authentication))
    }

    fn of(authentication: Option<&PeerAuthentication>) -> Peer {
        let settings = Settings {
            ciphers: None,
            wishes: Wishes::default(),
            revocations: None,
            first_interval: Duration::from_secs(1),
            longest_interval: Duration::from_secs(60),
            mtu: 1200,
        };
        let signatures = Signatures::wished(None).unwrap();
        let rules = PeerRules::new(Purpose::ClientAuthentication, authentication, &settings, &signatures, None);
        Peer::new(&Arc::new(rules))
    }

    fn take(_: &PublicKey) -> Result<(), Error> {
        Ok(())
    }

    #[test]
    fn the_application_is_asked_once_and_about_what_was_presented() {
        let (expected, other) = (key(), key());
        let mut peer = peer(true, true, &[&expected]);
        // Nobody is there yet whom it could be asked about.
        assert!(peer.question(false).is_none() && peer.answer(true).is_err());
        peer.hear_key(other.der(), take).unwrap();
        assert!(peer.question(false).is_none());
        assert_eq!(peer.question(true).unwrap().public_key, other.der());
        assert!(peer.question(true).is_none());
        assert!(peer.answer(true).is_ok() && peer.answer(true).is_err());
        assert!(peer.question(true).is_none());
        assert_eq!(peer.authorization(false, false), Authorization::Granted);
    }

    #[test]
    fn whom_the_application_refuses_is_refused() {
        let mut peer = peer(true, true, &[]);
        peer.hear_key(key().der(), take).unwrap();
        peer.question(true).unwrap();
        assert_eq!(peer.answer(false).unwrap_err().kind, ErrorKind::PeerRefused);
    }

    #[test]
    fn nobody_is_asked_about_a_key_that_is_expected_and_about_one_who_presents_nothing() {
        let expected = key();
        let mut known = peer(true, true, &[&expected]);
        known.hear_key(expected.der(), take).unwrap();
        assert!(known.question(true).is_none() && known.answer(true).is_err());
        let mut silent = peer(false, true, &[&expected]);
        assert!(silent.hear_nothing(false).is_ok() && silent.hear_nothing(true).is_err());
        assert!(silent.question(true).is_none() && silent.answer(true).is_err());
        // Not even later.
        silent.hear_key(key().der(), take).unwrap();
        assert!(silent.question(true).is_none());
        let mut unasked = peer(false, false, &[&expected]);
        unasked.hear_key(key().der(), take).unwrap();
        assert!(unasked.question(true).is_none());
        assert!(peer(true, true, &[]).hear_nothing(false).is_err());
    }

    #[test]
    fn a_key_that_is_not_expected_is_refused_and_told() {
        let (expected, other) = (key(), key());
        let mut peer = peer(true, false, &[&expected]);
        assert!(peer.claim().is_empty());
        let refused =
            peer.hear_key::<Error>(other.der(), |_| panic!("a key that is refused is of no use")).unwrap_err();
        assert_eq!(
            (refused.kind, peer.claim().public_key.as_deref()),
            (Error::unexpected_key().kind, Some(other.der()))
        );
        assert!(peer.credential().is_none());
        peer.refuse_certificate(b"certificate");
        assert_eq!(peer.claim().certificate.as_deref(), Some(&b"certificate"[..]));
        assert!(peer.hear_key(b"no key", take).is_err());
        peer.hear_key(expected.der(), take).unwrap();
        assert_eq!(peer.claim().public_key.as_deref(), Some(expected.der()));
        assert_eq!((peer.claim().certificate, peer.is_recalled()), (None, false));
        assert_eq!(peer.take_credential().unwrap().public_key, expected.der());
        assert!(peer.take_credential().is_none());
    }

    #[test]
    fn authorization_follows_from_what_was_asked_and_what_was_presented() {
        let (expected, other) = (key(), key());
        let refused = |error: Error| Authorization::Refused(error.kind);
        let missing = || refused(Error::certificate_fault(CertificateFault::Missing));
        assert_eq!(of(None).authorization(false, false), Authorization::Unknown);
        assert_eq!(of(None).authorization(true, false), Authorization::Granted);
        assert_eq!(peer(false, false, &[&expected]).authorization(false, false), missing());
        for (asks, key, authorization) in [
            (false, &expected, Authorization::Granted),
            (false, &other, refused(Error::unexpected_key())),
            (true, &other, Authorization::Granted),
        ] {
            let mut peer = peer(false, asks, &[&expected]);
            peer.hear_key(key.der(), take).unwrap();
            assert_eq!(peer.authorization(false, false), authorization);
            // In a resumed handshake, what counts is what was proved before.
            assert_eq!(peer.authorization(false, true), Authorization::Unknown);
        }
    }

    #[test]
    fn who_resumes_a_session_is_who_it_was_when_that_was_made() {
        let expected = key();
        let credential = |key: &PublicKey, certificate: Option<&[u8]>| PeerCredential {
            public_key: key.der().to_vec(),
            certificate: certificate.map(<[u8]>::to_vec),
        };
        for (key, certificate, authorized, is_asked) in [
            (&expected, None, true, false),
            (&key(), None, true, true),
            // What is expected is a raw public key.
            (&expected, Some(&b"certificate"[..]), true, true),
            (&expected, None, false, false),
        ] {
            let issuers = vec![b"issuer".to_vec()];
            let session =
                Session { peer: Some(credential(key, certificate)), authorized, issuers: issuers.clone(), ..session() };
            let mut peer = peer(true, true, &[&expected]);
            peer.recall(&session);
            assert_eq!(peer.credential(), session.peer.as_ref());
            assert_eq!((peer.issuers(), peer.is_recalled()), (issuers.as_slice(), true));
            assert_eq!(peer.question(true).is_some(), is_asked);
            let known = if authorized { Authorization::Granted } else { Authorization::Unknown };
            assert_eq!(peer.authorization(false, true), known);
            assert_eq!((peer.take_issuers(), peer.take_issuers()), (issuers, vec![]));
        }
    }
}
