//! Keys and certificates of the attacker and of its victims.

use super::super::certificates::{Issuer, leaf};
use rcgen::{ExtendedKeyUsagePurpose, KeyPair, PublicKeyData, SigningKey};

/// A key on P-256, and what shows it.
pub(super) struct Identity {
    pair: KeyPair,
    /// DER.
    pub(super) certificate: Vec<u8>,
    /// Subject public key info, DER.
    pub(super) public_key: Vec<u8>,
    pub(super) certificate_pem: String,
}

impl Identity {
    /// With a certificate that is good for both roles.
    pub(super) fn new(issuer: &Issuer) -> Identity {
        let pair = KeyPair::generate().unwrap();
        let mut params = leaf(NAME);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&pair, issuer).unwrap();
        Identity {
            certificate: certificate.der().to_vec(),
            public_key: pair.subject_public_key_info(),
            certificate_pem: certificate.pem(),
            pair,
        }
    }

    pub(super) fn key_pem(&self) -> String {
        self.pair.serialize_pem()
    }

    pub(super) fn sign(&self, content: &[u8]) -> Vec<u8> {
        self.pair.sign(content).unwrap()
    }
}

/// As whom servers appear.
pub(super) const NAME: &str = "server.test";
