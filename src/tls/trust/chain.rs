//! The peer's chain of certificates, and the verdict on it.
//!
//! This is the only place where a chain is judged. The engines get the peer's public key, and no certificate.

use super::anchors::{RevocationLists, TrustAnchors};
use super::presented::Presented;
use super::server_identity::PeerName;
use super::signatures::Signatures;
use super::x509::{Certificate, KeySize, Purpose, Refusal, Store};
use crate::tls::certificate_fault::CertificateFault;
use crate::tls::error::Error;
use crate::wire::{PublicKey, RSA_BITS};
use std::sync::{Arc, LazyLock};

/// Certificates in one chain: to verify one costs a signature.
const CERTIFICATES_LIMIT: usize = 16;

/// Bits of an EC key of an authority: 112 bits of security, as 2048 of RSA have (NIST SP 800-57).
const EC_BITS_LEAST: u32 = 224;

/// Trusts nobody; `None` when there was no memory for it.
static NOBODY: LazyLock<Option<Store>> = LazyLock::new(|| Store::new([]));

/// What a Certificate message holds: one certificate at least, the peer's own first.
pub(crate) struct Chain {
    certificates: Vec<Arc<Presented>>,
    key: PublicKey,
}

impl Chain {
    /// From the certificates in a Certificate message, DER each, the peer's own first; `None` when there is none.
    pub(crate) fn read(ders: Vec<&[u8]>) -> Result<Option<Chain>, Error> {
        if ders.len() > CERTIFICATES_LIMIT {
            return Err(Error::certificate_fault(CertificateFault::ChainTooLong));
        }
        let certificates: Option<Vec<_>> = ders.into_iter().map(Presented::read).collect();
        let certificates = certificates.ok_or_else(|| Error::certificate_fault(CertificateFault::Unreadable))?;
        let Some(own) = certificates.first() else { return Ok(None) };
        let unacceptable = || Error::certificate_fault(CertificateFault::UnacceptableKey);
        let key = own.key.clone().ok_or_else(unacceptable)?;
        // CVE-2026-135391: before anything is computed with them.
        if certificates.iter().any(|presented| is_enormous(presented.certificate.key_size())) {
            return Err(unacceptable());
        }
        Ok(Some(Chain { certificates, key }))
    }

    /// The peer's own public key.
    pub(super) fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The certificates, DER each, the peer's own first.
    pub(super) fn ders(&self) -> impl Iterator<Item = Vec<u8>> {
        self.certificates.iter().map(|presented| presented.der.clone())
    }
}

fn is_enormous(size: KeySize) -> bool {
    matches!(size, KeySize::Rsa(bits) if bits as usize > *RSA_BITS.end())
}

/// What chains are judged by.
pub(crate) struct ChainRules {
    /// What the peer uses its certificate for.
    pub(super) purpose: Purpose,
    /// `None` trusts nobody.
    pub(super) trust_anchors: Option<Arc<TrustAnchors>>,
    /// `None` checks no revocation.
    pub(super) revocations: Option<Arc<RevocationLists>>,
    pub(super) signatures: Signatures,
    /// Names of the curves that the peer's own key may be on, unless it is an RSA key; `None` for all.
    pub(super) curves: Option<Vec<&'static str>>,
    /// `None` compares no name.
    pub(super) name: Option<PeerName>,
}

impl ChainRules {
    /// Looks for faults in the order of node:tls, where the name comes last.
    pub(super) fn judge(&self, chain: &Chain) -> Result<(), CertificateFault> {
        let lists = self.revocations.as_deref().map(RevocationLists::lists);
        let store = match &self.trust_anchors {
            Some(anchors) => anchors.store(),
            None => NOBODY.as_ref().ok_or(CertificateFault::Other)?,
        };
        let certificates: Vec<_> = chain.certificates.iter().map(|presented| &presented.certificate).collect();
        let path = store.verify(&certificates, lists, self.purpose).map_err(Refusal::fault)?;
        check_path_lengths(&path)?;
        self.check_strength(&path)?;
        // RFC 8422 section 5.1: a server's key is on a curve that its client knows.
        if let (Some(curve), Some(curves)) = (chain.key.curve(), &self.curves)
            && !curves.contains(&curve)
        {
            return Err(CertificateFault::Weak);
        }
        let own = certificates.first().ok_or(CertificateFault::Missing)?;
        // RFC 5246 sections 7.4.2 and 7.4.6, RFC 8446 section 4.4.2.2: every suite here has the key sign.
        if !own.may_sign() {
            return Err(CertificateFault::WrongPurpose);
        }
        match &self.name {
            Some(name) if !name.is_in(&own.names()) => Err(CertificateFault::WrongName),
            _ => Ok(()),
        }
    }

    /// Every certificate but the last, which is trusted for itself, must be signed well, and every one but the first,
    /// whose key was recognised, must have a key that is strong enough.
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
    use crate::tls::error::ErrorKind;
    use crate::wire::certificate;
    use crate::wire::handshake::CERTIFICATE;
    use rcgen::{CertificateParams, KeyPair};

    fn message(ders: &[&[u8]]) -> Vec<u8> {
        let with_length = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[1..], bytes].concat();
        let list = with_length(&ders.iter().flat_map(|der| with_length(der)).collect::<Vec<_>>());
        [&[CERTIFICATE, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], list.as_slice()].concat()
    }

    fn certificate() -> Vec<u8> {
        let key = KeyPair::generate().unwrap();
        CertificateParams::new(vec!["a.test".to_owned()]).unwrap().self_signed(&key).unwrap().der().to_vec()
    }

    fn read(message: &[u8]) -> Result<Option<Chain>, Error> {
        Chain::read(certificate::chain(message)?)
    }

    fn refusal(message: &[u8]) -> ErrorKind {
        read(message).err().unwrap().kind
    }

    #[test]
    fn a_message_holds_certificates_or_none() {
        let der = certificate();
        assert!(read(&message(&[])).unwrap().is_none());
        let chain = read(&message(&[&der, &der])).unwrap().unwrap();
        assert_eq!(chain.ders().collect::<Vec<_>>(), [der.clone(), der]);
    }

    #[test]
    fn truncated_and_changed_messages_never_panic() {
        let message = message(&[&certificate()]);
        for length in 0..message.len() {
            assert_eq!(refusal(&message[..length]), ErrorKind::Protocol, "{length}");
        }
        assert_eq!(refusal(&[message.as_slice(), &[0]].concat()), ErrorKind::Protocol);
        for at in 0..message.len() {
            for value in [0, 1, 0x7f, 0x80, 0x82, 0xff] {
                let mut changed = message.clone();
                changed[at] = value;
                let _ = read(&changed);
            }
        }
    }

    #[test]
    fn a_chain_has_a_bounded_length() {
        let der = certificate();
        assert!(read(&message(&[der.as_slice(); CERTIFICATES_LIMIT])).is_ok());
        let too_long = message(&[der.as_slice(); CERTIFICATES_LIMIT + 1]);
        assert_eq!(refusal(&too_long), ErrorKind::Certificate(CertificateFault::ChainTooLong));
    }

    #[test]
    fn what_is_no_certificate_is_told_from_a_malformed_message() {
        let der = certificate();
        for junk in [&b"junk"[..], &[], &[der.as_slice(), &[0]].concat()] {
            assert_eq!(refusal(&message(&[&der, junk])), ErrorKind::Certificate(CertificateFault::Unreadable));
        }
    }

    #[cfg(feature = "aws-lc")]
    #[test]
    fn a_key_on_a_curve_that_was_not_offered_is_refused_although_its_chain_is_trusted() {
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["a.test".to_owned()]).unwrap().self_signed(&key).unwrap();
        let judged = |curves| {
            let rules = ChainRules {
                purpose: Purpose::ServerAuthentication,
                trust_anchors: Some(Arc::new(TrustAnchors::parse(&[own.pem()]).unwrap())),
                revocations: None,
                signatures: Signatures::wished(None).unwrap(),
                curves,
                name: None,
            };
            rules.judge(&read(&message(&[own.der()])).unwrap().unwrap())
        };
        assert_eq!([judged(None), judged(Some(vec!["P-384", "P-256"]))], [Ok(()), Ok(())]);
        assert_eq!([judged(Some(vec!["P-384"])), judged(Some(vec![]))], [Err(CertificateFault::Weak); 2]);
    }

    /// An RSA key of so many bits, of which nobody has the private half.
    struct Rsa(Vec<u8>);

    impl Rsa {
        fn of(bits: usize) -> Rsa {
            let length = bits / 8 + 1;
            let mut modulus = vec![0xff; length];
            modulus[0] = 0;
            let integer = [&[2, 0x82][..], &(length as u16).to_be_bytes(), &modulus, &[2, 3, 1, 0, 1]].concat();
            Rsa([&[0x30, 0x82][..], &(integer.len() as u16).to_be_bytes(), &integer].concat())
        }
    }

    impl rcgen::PublicKeyData for Rsa {
        fn der_bytes(&self) -> &[u8] {
            &self.0
        }

        fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
            &rcgen::PKCS_RSA_SHA256
        }
    }

    #[cfg(feature = "aws-lc")]
    #[test]
    fn each_authority_of_a_chain_has_a_key_that_is_strong_enough_the_trusted_one_included() {
        let issuer = rcgen::Issuer::new(CertificateParams::default(), KeyPair::generate().unwrap());
        let of = |bits: usize| CertificateParams::default().signed_by(&Rsa::of(bits), &issuer).unwrap().der().to_vec();
        let (own, weak, strong) = (certificate(), of(1024), of(2048));
        let rules = ChainRules {
            purpose: Purpose::ServerAuthentication,
            trust_anchors: None,
            revocations: None,
            signatures: Signatures::wished(None).unwrap(),
            curves: None,
            name: None,
        };
        for (path, expected) in [
            ([&own, &strong, &strong], Ok(())),
            ([&own, &weak, &strong], Err(CertificateFault::Weak)),
            ([&own, &strong, &weak], Err(CertificateFault::Weak)),
            // The peer's own key was recognised before.
            ([&weak, &strong, &own], Ok(())),
        ] {
            let path = path.map(|der| Certificate::from_der(der).unwrap());
            assert_eq!(rules.check_strength(&path), expected);
        }
    }

    /// CVE-2026-135391. Mbed TLS does not even read such a certificate.
    #[test]
    fn no_certificate_of_a_chain_has_an_enormous_key() {
        let (own, most) = (certificate(), *RSA_BITS.end());
        let issuer = rcgen::Issuer::new(CertificateParams::default(), KeyPair::generate().unwrap());
        let of = |bits: usize| CertificateParams::default().signed_by(&Rsa::of(bits), &issuer).unwrap().der().to_vec();
        let (long, enormous) = (of(most), of(most + 8));
        assert!(read(&message(&[&own, &long])).is_ok() && read(&message(&[&long, &own])).is_ok());
        let fault =
            if cfg!(feature = "aws-lc") { CertificateFault::UnacceptableKey } else { CertificateFault::Unreadable };
        let unacceptable = ErrorKind::Certificate(fault);
        for chain in [&[&own[..], &enormous][..], &[&own, &long, &enormous, &own], &[&enormous], &[&enormous, &own]] {
            assert_eq!(refusal(&message(chain)), unacceptable);
        }
    }
}
