//! The peer's chain of certificates, and the verdict on it.
//!
//! This is the only place where a chain is judged. The engine gets the peer's public key, and no certificate.

use super::alert;
use super::certificate_fault::CertificateFault;
use super::credentials::{RevocationLists, TrustAnchors};
use super::curves::Curve;
use super::error::Error;
use super::ffi::config::Role;
use super::ffi::x509::{Certificate, KeySize, Refusal, Store};
use super::negotiation::Signatures;
use super::public_key::{PublicKey, RSA_BITS};
use super::server_identity::PeerName;
use std::sync::Arc;

/// Certificates in one chain; what is verified of them costs a signature each.
const CERTIFICATES_LIMIT: usize = 16;

/// Bits of an EC key of an authority: 112 bits of security, as 2048 of RSA have (NIST SP 800-57).
const EC_BITS_LEAST: u32 = 224;

/// What a Certificate message holds: one certificate at least, the peer's own first.
pub(super) struct Chain {
    certificates: Vec<Certificate>,
    key: PublicKey,
}

impl Chain {
    /// From the body of a Certificate message (RFC 5246 section 7.4.2); `None` when there is none in it.
    pub(super) fn read(body: &[u8]) -> Result<Option<Chain>, Error> {
        let malformed = || Error::protocol(alert::DECODE_ERROR, "The peer's Certificate message is malformed");
        let (mut list, []) = vector(body).ok_or_else(malformed)? else { return Err(malformed()) };
        let mut certificates = Vec::new();
        while !list.is_empty() {
            let (der, rest) = vector(list).ok_or_else(malformed)?;
            if certificates.len() == CERTIFICATES_LIMIT {
                return Err(Error::certificate_fault(CertificateFault::ChainTooLong));
            }
            let certificate = Certificate::from_der(der);
            certificates.push(certificate.ok_or_else(|| Error::certificate_fault(CertificateFault::Unreadable))?);
            list = rest;
        }
        let Some(own) = certificates.first() else { return Ok(None) };
        let unacceptable = || Error::certificate_fault(CertificateFault::UnacceptableKey);
        let key = PublicKey::recognise(&own.public_key()).ok_or_else(unacceptable)?;
        // CVE-2026-135391: before anything is computed with them.
        if certificates.iter().any(|certificate| is_enormous(certificate.key_size())) {
            return Err(unacceptable());
        }
        Ok(Some(Chain { certificates, key }))
    }

    /// Of the peer itself.
    pub(super) fn key(&self) -> &PublicKey {
        &self.key
    }

    /// DER each.
    pub(super) fn ders(&self) -> impl Iterator<Item = Vec<u8>> {
        self.certificates.iter().map(Certificate::der)
    }
}

/// Content of a vector with a length of three bytes, and what follows it.
fn vector(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let ([high, middle, low], rest) = bytes.split_first_chunk::<3>()?;
    rest.split_at_checked(usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low))
}

fn is_enormous(size: KeySize) -> bool {
    matches!(size, KeySize::Rsa(bits) if bits as usize > *RSA_BITS.end())
}

/// By what chains are judged.
pub(super) struct ChainRules {
    /// The role in which the peer appears.
    pub(super) peer: Role,
    /// `None` trusts nobody.
    pub(super) trust_anchors: Option<Arc<TrustAnchors>>,
    /// `None` checks no revocation.
    pub(super) revocations: Option<Arc<RevocationLists>>,
    pub(super) signatures: Signatures,
    /// On which the peer's own key may be, beside RSA.
    pub(super) curves: Vec<Curve>,
    /// `None` compares no name.
    pub(super) name: Option<PeerName>,
}

impl ChainRules {
    /// In the order of node:tls, where the name comes last.
    pub(super) fn judge(&self, chain: &Chain) -> Result<(), CertificateFault> {
        let lists = self.revocations.as_deref().map(RevocationLists::lists);
        let nobody;
        let store = match &self.trust_anchors {
            Some(anchors) => anchors.store(),
            None => {
                nobody = Store::new([]).ok_or(CertificateFault::Other)?;
                &nobody
            }
        };
        let path = store.verify(&chain.certificates, lists, self.peer).map_err(Refusal::fault)?;
        check_path_lengths(&path)?;
        self.check_strength(&path)?;
        // RFC 8422 section 5.1: a server's key is on a curve that its client knows.
        if chain.key.curve().is_some_and(|name| !self.curves.iter().any(|curve| curve.name() == name)) {
            return Err(CertificateFault::Weak);
        }
        let own = chain.certificates.first().ok_or(CertificateFault::Missing)?;
        // RFC 5246 sections 7.4.2 and 7.4.6: every suite here has the key sign.
        if !own.may_sign() {
            return Err(CertificateFault::WrongPurpose);
        }
        match &self.name {
            Some(name) if !name.is_in(&own.names()) => Err(CertificateFault::WrongName),
            _ => Ok(()),
        }
    }

    /// Every certificate but the last, which is trusted for itself, must be signed well, and every one but the first,
    /// whose key was recognised, must have a key that is worth it.
    fn check_strength(&self, path: &[Certificate]) -> Result<(), CertificateFault> {
        let is_signed_well =
            |certificate: &Certificate| self.signatures.accept_in_chain(certificate.signature_scheme());
        let below_anchor = path.split_last().map_or(&[][..], |(_, below)| below);
        let authorities = path.get(1..).unwrap_or_default();
        let is_strong = |authority: &Certificate| match authority.key_size() {
            KeySize::Rsa(bits) => RSA_BITS.contains(&(bits as usize)),
            KeySize::Ec(bits) => bits >= EC_BITS_LEAST,
            KeySize::Ed25519 => true,
            KeySize::Other => false,
        };
        let good = below_anchor.iter().all(is_signed_well) && authorities.iter().all(is_strong);
        good.then_some(()).ok_or(CertificateFault::Weak)
    }
}

/// RFC 5280 section 6.1.4 (l) and (m), and for the trusted certificate as well: OpenSSL asks that of it, AWS-LC does not.
fn check_path_lengths(path: &[Certificate]) -> Result<(), CertificateFault> {
    let mut below = 0;
    for authority in path.iter().skip(1) {
        if authority.path_length().is_some_and(|limit| below > limit) {
            return Err(CertificateFault::PathTooLong);
        }
        if !authority.is_self_issued() {
            below += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    fn message(ders: &[&[u8]]) -> Vec<u8> {
        let with_length = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[1..], bytes].concat();
        with_length(&ders.iter().flat_map(|der| with_length(der)).collect::<Vec<_>>())
    }

    fn certificate() -> Vec<u8> {
        let key = KeyPair::generate().unwrap();
        CertificateParams::new(vec!["a.test".to_owned()]).unwrap().self_signed(&key).unwrap().der().to_vec()
    }

    fn code(body: &[u8]) -> &'static str {
        Chain::read(body).err().unwrap().code()
    }

    #[test]
    fn a_message_holds_certificates_or_none() {
        let der = certificate();
        assert!(Chain::read(&message(&[])).unwrap().is_none());
        let chain = Chain::read(&message(&[&der, &der])).unwrap().unwrap();
        assert_eq!(chain.ders().collect::<Vec<_>>(), [der.clone(), der]);
    }

    #[test]
    fn truncated_and_changed_messages_never_panic() {
        let body = message(&[&certificate()]);
        for length in 0..body.len() {
            assert_eq!(code(&body[..length]), "ERR_DTLS_PROTOCOL", "{length}");
        }
        assert_eq!(code(&[body.as_slice(), &[0]].concat()), "ERR_DTLS_PROTOCOL");
        for at in 0..body.len() {
            for value in [0, 1, 0x7f, 0x80, 0x82, 0xff] {
                let mut changed = body.clone();
                changed[at] = value;
                let _ = Chain::read(&changed);
            }
        }
    }

    #[test]
    fn a_chain_has_a_bounded_length() {
        let der = certificate();
        assert!(Chain::read(&message(&[der.as_slice(); CERTIFICATES_LIMIT])).is_ok());
        assert_eq!(code(&message(&[der.as_slice(); CERTIFICATES_LIMIT + 1])), "CERT_CHAIN_TOO_LONG");
    }

    #[test]
    fn what_is_no_certificate_is_told_from_a_malformed_message() {
        let der = certificate();
        for junk in [&b"junk"[..], &[], &[der.as_slice(), &[0]].concat()] {
            assert_eq!(code(&message(&[&der, junk])), "ERR_DTLS_INVALID_PEER_CERTIFICATE");
        }
    }
}
