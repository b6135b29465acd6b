//! What an application says about its handshakes, before an engine has made a configuration of it.

use super::trust::{RevocationLists, TrustAnchors};
use super::version::Versions;
use crate::wire::psk_offer::Modes;
use crate::wire::{CertificateType, PublicKey};
use std::sync::Arc;
use std::time::Duration;

/// What both roles can be told.
#[derive(Clone)]
pub(crate) struct Settings {
    /// Names of suites, IANA's or OpenSSL's, in order of preference; `None` for all that the credentials allow.
    pub(crate) ciphers: Option<Vec<String>>,
    pub(crate) wishes: Wishes,
    /// Revocation lists of the issuers of peers' certificates; `None` checks no revocation.
    pub(crate) revocations: Option<Arc<RevocationLists>>,
    /// Time from a flight to its first retransmission.
    pub(crate) first_interval: Duration,
    /// Upper bound of the doubling interval.
    pub(crate) longest_interval: Duration,
    /// Payload bytes of a datagram in the handshake.
    pub(crate) mtu: u16,
}

/// What an application may ask for; it asks for nothing by default.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    /// Names of groups, best first; `None` for all.
    pub(crate) curves: Option<Vec<String>>,
    /// Names of signature algorithms (`ECDSA+SHA256` or `ecdsa_secp256r1_sha256`), best first; `None` for all.
    pub(crate) signature_algorithms: Option<Vec<String>>,
    /// Application protocols (RFC 7301), best first; empty for no such extension.
    pub(crate) protocols: Vec<Vec<u8>>,
    /// Whether a peer without RFC 7627 is refused.
    pub(crate) extended_master_secret: bool,
    /// Bytes in a record (RFC 6066 section 4): asked for by a client, kept to by either.
    pub(crate) max_fragment_length: Option<u16>,
    /// Names of SRTP profiles (RFC 5764), best first; empty for no such extension.
    pub(crate) srtp_profiles: Vec<String>,
    /// Whether a server chooses the suite that its client likes best, and not the one that it likes best itself.
    pub(crate) client_preference: bool,
    /// Whether a server names its trust anchors to clients: all of them, or none. `None` names all where a message has room
    /// for them, and none elsewhere.
    pub(crate) name_authorities: Option<bool>,
    /// Hint by which a server's clients choose their PSK identity (RFC 4279 section 2); empty for none.
    pub(crate) psk_hint: Vec<u8>,
    /// How pre-shared keys are used in DTLS 1.3; `None` together with a key exchange.
    pub(crate) psk_modes: Option<Modes>,
    /// The versions that are spoken.
    pub(crate) versions: Versions,
}

/// How the peer of a handshake authenticates.
pub(crate) struct PeerAuthentication {
    /// Who may vouch for its certificate.
    pub(crate) trust_anchors: Option<Arc<TrustAnchors>>,
    /// DNS name or IP literal that its certificate must carry; for clients.
    pub(crate) servername: Option<String>,
    /// Whether the application compares the name with the certificate's; then `asks`, too.
    pub(crate) leaves_name: bool,
    /// Whether raw public keys are welcome, and which of them are authenticated without a question.
    pub(crate) public_keys: Option<Vec<PublicKey>>,
    /// Whether a peer that does not authenticate is refused. Otherwise everybody is let in whom the application
    /// accepts.
    pub(crate) required: bool,
    /// Whether the application has the last word: [`Question::Peer`](super::Question).
    pub(crate) asks: bool,
    /// For clients: the server may leave its Certificate message out, as node-mbed-dtls's do, if exactly one key is
    /// expected. It proves to have that key by its signature all the same.
    pub(crate) allows_omission: bool,
}

impl PeerAuthentication {
    /// Trusts nobody, and lets everybody in.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn lenient() -> PeerAuthentication {
        PeerAuthentication {
            trust_anchors: None,
            servername: None,
            leaves_name: false,
            public_keys: None,
            required: false,
            asks: false,
            allows_omission: false,
        }
    }

    pub(super) fn accepts(&self) -> Vec<CertificateType> {
        use CertificateType::{RawPublicKey, X509};
        match (&self.public_keys, &self.trust_anchors) {
            (Some(_), None) if self.required => vec![RawPublicKey],
            (Some(_), _) => vec![RawPublicKey, X509],
            (None, _) if self.required => vec![X509],
            (None, _) => vec![X509, RawPublicKey],
        }
    }

    /// Whether a peer can authenticate with an RSA key.
    pub(super) fn accepts_rsa(&self) -> bool {
        self.accepts_kind(PublicKey::is_rsa)
    }

    /// Whether a peer can authenticate with an EC key.
    pub(super) fn accepts_ecdsa(&self) -> bool {
        self.accepts_kind(|key| !key.is_rsa())
    }

    fn accepts_kind(&self, is_kind: impl Fn(&PublicKey) -> bool) -> bool {
        let open = self.asks || !self.required || self.trust_anchors.is_some();
        open || self.public_keys.iter().flatten().any(is_kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_must_authenticate_does_so_by_what_is_expected_and_others_by_anything() {
        use CertificateType::{RawPublicKey, X509};
        for (has_keys, has_anchors, required, expected) in [
            (true, false, true, &[RawPublicKey][..]),
            (true, true, true, &[RawPublicKey, X509]),
            (true, false, false, &[RawPublicKey, X509]),
            (false, true, true, &[X509]),
            (false, true, false, &[X509, RawPublicKey]),
        ] {
            let ca = include_str!("../proto/tests/keys/ca.pem");
            let authentication = PeerAuthentication {
                trust_anchors: has_anchors.then(|| Arc::new(TrustAnchors::parse(&[ca]).unwrap())),
                public_keys: has_keys.then(Vec::new),
                required,
                ..PeerAuthentication::lenient()
            };
            assert_eq!(authentication.accepts(), expected, "{has_keys} {has_anchors} {required}");
        }
    }

    #[test]
    fn a_peer_may_have_each_kind_of_key_that_is_not_ruled_out() {
        let key = |pem: &str| crate::tls::parse_public_key(pem.as_bytes(), 0).unwrap();
        let ec = key(include_str!("../proto/tests/keys/server.pub.pem"));
        let rsa = key(include_str!("../proto/tests/keys/rsa-2048.pub.pem"));
        let expecting = |keys: &[&PublicKey]| PeerAuthentication {
            public_keys: Some(keys.iter().map(|&key| key.clone()).collect()),
            required: true,
            ..PeerAuthentication::lenient()
        };
        let ca = include_str!("../proto/tests/keys/ca.pem");
        let anchors = || Some(Arc::new(TrustAnchors::parse(&[ca]).unwrap()));
        for (authentication, kinds) in [
            (expecting(&[]), [false, false]),
            (expecting(&[&rsa]), [true, false]),
            (expecting(&[&ec]), [false, true]),
            (expecting(&[&ec, &rsa]), [true, true]),
            (PeerAuthentication { asks: true, ..expecting(&[]) }, [true, true]),
            (PeerAuthentication { required: false, ..expecting(&[]) }, [true, true]),
            (PeerAuthentication { trust_anchors: anchors(), ..expecting(&[]) }, [true, true]),
        ] {
            assert_eq!([authentication.accepts_rsa(), authentication.accepts_ecdsa()], kinds);
        }
    }
}
