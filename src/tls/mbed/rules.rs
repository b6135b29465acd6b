//! What a configuration says about the proofs that the two sides give each other, for every handshake under it.

use super::chain::ChainRules;
use super::credentials::Credentials;
use super::curves::Curve;
use super::ffi::config::Role;
use super::negotiation::{Negotiation, Signatures};
use super::scope::scope;
use super::server_identity::PeerName;
use crate::tls::config::{PeerAuthentication, Settings};
use crate::tls::session::Scope;
use crate::wire::certificate_type::Abilities;
use crate::wire::{PublicKey, SrtpProfile};

pub(super) struct Rules {
    pub(super) abilities: Abilities,
    /// Raw public keys that authenticate a peer.
    pub(super) public_keys: Vec<PublicKey>,
    /// What the chain of a peer's certificate is judged by.
    pub(super) chain: ChainRules,
    /// Whether a peer that does not authenticate ends the handshake.
    pub(super) required: bool,
    /// Whether the application has the last word about the peer.
    pub(super) asks: bool,
    pub(super) signatures: Signatures,
    pub(super) curves: Vec<Curve>,
    pub(super) extended_master_secret: bool,
    pub(super) srtp_profiles: Vec<SrtpProfile>,
    /// Whether the server's Certificate message is left out where it would be a raw public key.
    pub(super) omits_certificate: bool,
    /// Application protocols that are negotiated by a list, best first.
    pub(super) protocols: Vec<Vec<u8>>,
    /// What sessions are bound to.
    pub(super) scope: Scope,
}

impl Rules {
    /// `identity`: as whom a client appears with its pre-shared key.
    pub(super) fn new(
        role: Role,
        credentials: Option<&Credentials>,
        peer: Option<&PeerAuthentication>,
        settings: &Settings,
        negotiation: &Negotiation,
        identity: Option<&[u8]>,
    ) -> Rules {
        // The application compares the name that is left to it.
        let servername = peer.filter(|peer| !peer.leaves_name).and_then(|peer| peer.servername.as_deref());
        Rules {
            chain: ChainRules {
                peer: match role {
                    Role::Server => Role::Client,
                    Role::Client => Role::Server,
                },
                trust_anchors: peer.and_then(|peer| peer.trust_anchors.clone()),
                revocations: settings.revocations.clone(),
                signatures: negotiation.signatures.clone(),
                curves: negotiation.curves.clone(),
                name: servername.map(PeerName::parse),
            },
            omits_certificate: match role {
                Role::Server => credentials.is_some_and(Credentials::is_left_out),
                Role::Client => peer.is_some_and(|peer| peer.allows_omission),
            },
            abilities: Abilities {
                presents: credentials.map(|own| own.certificate_types(role)).unwrap_or_default(),
                accepts: peer.map(PeerAuthentication::accepts).unwrap_or_default(),
            },
            public_keys: peer.and_then(|peer| peer.public_keys.clone()).unwrap_or_default(),
            required: peer.is_some_and(|peer| peer.required),
            asks: peer.is_some_and(|peer| peer.asks),
            signatures: negotiation.signatures.clone(),
            curves: negotiation.curves.clone(),
            extended_master_secret: negotiation.extended_master_secret,
            srtp_profiles: negotiation.srtp_profiles.clone(),
            protocols: negotiation.protocols.iter().map(|name| name.to_bytes().to_vec()).collect(),
            scope: scope(role, credentials, peer, settings, identity),
        }
    }
}
