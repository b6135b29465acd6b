//! What a configuration says about the proofs that the two sides give each other, for every handshake under it.

use super::credentials::Credentials;
use super::curves::Curve;
use super::ffi::config::Role;
use super::negotiation::Negotiation;
use super::scope::scope;
use crate::tls::config::{PeerAuthentication, Settings};
use crate::tls::session::{Scope, SessionOf};
use crate::tls::trust::PeerRules;
use crate::tls::trust::x509::Purpose;
use crate::wire::SrtpProfile;
use crate::wire::certificate_type::Abilities;
use std::sync::Arc;

pub(super) struct Rules {
    pub(super) abilities: Abilities,
    /// What the peer is judged by.
    pub(super) peer: Arc<PeerRules>,
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
        let (purpose, of) = match role {
            Role::Server => (Purpose::ClientAuthentication, SessionOf::Server),
            Role::Client => (Purpose::ServerAuthentication, SessionOf::Client),
        };
        let curves = negotiation.curves.iter().map(|curve| curve.name()).collect();
        let rules = PeerRules::new(purpose, peer, settings, &negotiation.signatures, Some(curves));
        Rules {
            omits_certificate: match role {
                Role::Server => credentials.is_some_and(Credentials::is_left_out),
                Role::Client => peer.is_some_and(|peer| peer.allows_omission),
            },
            abilities: Abilities {
                presents: credentials.map(|own| own.certificate_types(role)).unwrap_or_default(),
                accepts: rules.accepts.clone(),
            },
            peer: Arc::new(rules),
            curves: negotiation.curves.clone(),
            extended_master_secret: negotiation.extended_master_secret,
            srtp_profiles: negotiation.srtp_profiles.clone(),
            protocols: negotiation.protocols.iter().map(|name| name.to_bytes().to_vec()).collect(),
            scope: scope(of, credentials, peer, settings, identity),
        }
    }
}
