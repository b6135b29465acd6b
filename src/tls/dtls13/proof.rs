//! How a side proves who it is (RFC 8446 section 4.4): with certificates or a raw public key, and a signature over all that was said.

use super::errors::illegal;
use crate::tls::config_error::ConfigError;
use crate::tls::error::Error;
use crate::tls::ffi::sign::{Scheme, SigningKey};
use crate::tls::own_credential::OwnCredential;
use crate::tls::trust::Signatures;
use crate::tls::trust::x509::Hash;
use crate::wire::CertificateType;
use crate::wire::certificate13::{self, certificate_length};
use crate::wire::handshake::MESSAGE_LIMIT;

/// Whose signature it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signer {
    Server,
    Client,
}

/// RFC 8446 section 4.4.3: what is signed. `transcript`: of the messages up to the Certificate message.
pub(super) fn signed(signer: Signer, transcript: &[u8]) -> Vec<u8> {
    let context: &[u8] = match signer {
        Signer::Server => b"TLS 1.3, server CertificateVerify",
        Signer::Client => b"TLS 1.3, client CertificateVerify",
    };
    [&[b' '; 64][..], context, &[0], transcript].concat()
}

/// The schemes of handshake signatures, best first (RFC 8446 section 4.2.3). RSA keys sign with PSS.
pub(super) fn schemes(signatures: &Signatures) -> Vec<Scheme> {
    let pairs = signatures.hashes.iter().filter_map(|hash| match hash {
        Hash::Sha256 => Some((Scheme::EcdsaP256Sha256, Scheme::RsaPssSha256)),
        Hash::Sha384 => Some((Scheme::EcdsaP384Sha384, Scheme::RsaPssSha384)),
        Hash::Sha512 => Some((Scheme::EcdsaP521Sha512, Scheme::RsaPssSha512)),
        Hash::Other => None,
    });
    let kinds = |(ecdsa, rsa)| [signatures.ecdsa.then_some(ecdsa), signatures.rsa.then_some(rsa)];
    pairs.flat_map(kinds).flatten().collect()
}

/// What the peer is told of them: the numbers of those in handshakes, and behind them of those that are for certificates alone.
pub(super) fn scheme_numbers(signatures: &Signatures) -> Vec<u16> {
    let pkcs1 = signatures.hashes.iter().filter_map(|hash| match hash {
        Hash::Sha256 => Some(0x0401),
        Hash::Sha384 => Some(0x0501),
        Hash::Sha512 => Some(0x0601),
        Hash::Other => None,
    });
    schemes(signatures).into_iter().map(Scheme::id).chain(pkcs1.filter(|_| signatures.rsa)).collect()
}

/// Our own key, and what is presented of it.
pub(super) struct OwnProof {
    key: SigningKey,
    chain: Vec<Vec<u8>>,
    raw: Option<Vec<u8>>,
    /// Best first.
    pub(super) presents: Vec<CertificateType>,
    /// The schemes that the key can sign by, best first.
    schemes: Vec<Scheme>,
}

impl OwnProof {
    pub(super) fn new(own: OwnCredential, signatures: &Signatures) -> Result<OwnProof, ConfigError> {
        let OwnCredential { key, chain, raw, presents } = own;
        let length = certificate_length(chain.iter().map(Vec::as_slice));
        if length > MESSAGE_LIMIT {
            return Err(ConfigError::ChainTooLong { length, limit: MESSAGE_LIMIT });
        }
        let unusable = |_| ConfigError::Refused("the private key cannot sign in DTLS 1.3".to_owned());
        let key = SigningKey::from_der(&key).map_err(unusable)?;
        let schemes = schemes(signatures).into_iter().filter(|scheme| key.suits(*scheme)).collect();
        Ok(OwnProof { key, chain, raw, presents, schemes })
    }

    /// Whether the signatures that may be used leave the key a way to sign.
    pub(super) fn can_sign(&self) -> bool {
        !self.schemes.is_empty()
    }

    /// The best scheme that the peer accepts as well.
    pub(super) fn scheme(&self, accepted: &[u16]) -> Option<Scheme> {
        self.schemes.iter().copied().find(|scheme| accepted.contains(&scheme.id()))
    }

    pub(super) fn is_rsa(&self) -> bool {
        matches!(self.schemes.first(), Some(Scheme::RsaPssSha256 | Scheme::RsaPssSha384 | Scheme::RsaPssSha512))
    }

    /// The certificate that is shown, DER.
    pub(super) fn shown(&self, kind: CertificateType) -> Option<&[u8]> {
        match kind {
            CertificateType::X509 => self.chain.first().map(Vec::as_slice),
            CertificateType::RawPublicKey => None,
        }
    }

    /// The body of a Certificate message.
    pub(super) fn certificate(&self, kind: CertificateType) -> Vec<u8> {
        let entries = match kind {
            CertificateType::X509 => self.chain.as_slice(),
            CertificateType::RawPublicKey => self.raw.as_slice(),
        };
        certificate13::certificate(entries.iter().map(Vec::as_slice))
    }

    /// The body of a CertificateVerify message. `transcript`: of the messages up to the Certificate message.
    pub(super) fn verify(&self, scheme: Scheme, signer: Signer, transcript: &[u8]) -> Result<Vec<u8>, Error> {
        let signature = self.key.sign(scheme, &signed(signer, transcript))?;
        Ok(certificate13::verify(scheme.id(), &signature))
    }
}

/// The scheme of a peer's signature, which must be one that was offered.
pub(super) fn scheme_of_peer(id: u16, signatures: &Signatures) -> Result<Scheme, Error> {
    let offered = Scheme::from_id(id).filter(|scheme| schemes(signatures).contains(scheme));
    offered.ok_or_else(|| illegal("The peer signs in a way that was not offered, or that is for certificates alone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemes_are_those_of_the_hashes_and_kinds_of_keys() {
        let all = Signatures::wished(None).unwrap();
        assert_eq!(scheme_numbers(&all), [0x0403, 0x0804, 0x0503, 0x0805, 0x0603, 0x0806, 0x0401, 0x0501, 0x0601]);
        let some = Signatures::wished(Some(&["ECDSA+SHA384".to_owned()])).unwrap();
        assert_eq!(scheme_numbers(&some), [0x0503]);
        assert!(scheme_of_peer(0x0503, &some).is_ok());
        // Another one that is known, one for certificates alone, one that nobody knows.
        for id in [0x0403, 0x0401, 0xfafa] {
            assert!(scheme_of_peer(id, &some).is_err());
        }
    }

    #[test]
    fn a_chain_fills_a_message_to_its_last_byte_and_no_further() {
        let own = |length: usize| {
            let key = rcgen::KeyPair::generate().unwrap();
            let chain = vec![vec![0; 100], vec![0; length - certificate_length([&[0; 100][..], &[]])]];
            let presents = vec![CertificateType::X509];
            let own = OwnCredential { key: key.serialize_der().into(), chain, raw: None, presents };
            OwnProof::new(own, &Signatures::wished(None).unwrap())
        };
        assert!(own(MESSAGE_LIMIT).is_ok());
        let (length, limit) = (MESSAGE_LIMIT + 1, MESSAGE_LIMIT);
        assert_eq!(own(length).err(), Some(ConfigError::ChainTooLong { length, limit }));
    }

    #[test]
    fn the_two_sides_sign_different_things() {
        let (server, client) = (signed(Signer::Server, b"hash"), signed(Signer::Client, b"hash"));
        assert_ne!(server, client);
        assert!(server.starts_with(&[0x20; 64]) && server.ends_with(b"CertificateVerify\0hash"));
    }
}
