//! What a configuration demands of peers.

use super::chain::ChainRules;
use super::server_identity::PeerName;
use super::signatures::Signatures;
use super::x509::Purpose;
use crate::tls::config::{PeerAuthentication, Settings};
use crate::wire::{CertificateType, PublicKey};

/// What a peer is judged by, in every handshake under one configuration.
pub(crate) struct PeerRules {
    /// What it may present; nothing when it is asked for nothing.
    pub(crate) accepts: Vec<CertificateType>,
    /// Raw public keys that authenticate it.
    pub(crate) public_keys: Vec<PublicKey>,
    /// What the chain of its certificate is judged by.
    pub(super) chain: ChainRules,
    /// Whether a peer that does not authenticate ends the handshake.
    pub(crate) required: bool,
    /// Whether the application has the last word about it.
    pub(crate) asks: bool,
    pub(crate) signatures: Signatures,
}

impl PeerRules {
    /// `purpose`: what the peer proves with a certificate. `curves`: names of those that its key may be on; `None` for all.
    pub(crate) fn new(
        purpose: Purpose,
        peer: Option<&PeerAuthentication>,
        settings: &Settings,
        signatures: &Signatures,
        curves: Option<Vec<&'static str>>,
    ) -> PeerRules {
        // The application compares the name that is left to it.
        let servername = peer.filter(|peer| !peer.leaves_name).and_then(|peer| peer.servername.as_deref());
        PeerRules {
            accepts: peer.map(PeerAuthentication::accepts).unwrap_or_default(),
            public_keys: peer.and_then(|peer| peer.public_keys.clone()).unwrap_or_default(),
            chain: ChainRules {
                purpose,
                trust_anchors: peer.and_then(|peer| peer.trust_anchors.clone()),
                revocations: settings.revocations.clone(),
                signatures: signatures.clone(),
                curves,
                name: servername.map(PeerName::parse),
            },
            required: peer.is_some_and(|peer| peer.required),
            asks: peer.is_some_and(|peer| peer.asks),
            signatures: signatures.clone(),
        }
    }
}
