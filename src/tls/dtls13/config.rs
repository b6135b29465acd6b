//! What the handshakes of a configuration offer and accept.

use super::flight::Pace;
use super::proof::{OwnProof, scheme_numbers};
use super::suite::hash;
use crate::tls::config::{PeerAuthentication, Settings};
use crate::tls::config_error::ConfigError;
use crate::tls::ffi::groups::Group;
use crate::tls::ffi::sign::Scheme;
use crate::tls::own_credential::OwnCredential;
use crate::tls::psk::ClientPsk;
use crate::tls::session::{Scope, Session, SessionOf};
use crate::tls::suites::Suite;
use crate::tls::trust::x509::Purpose;
use crate::tls::trust::{PeerName, PeerRules, Signatures};
use crate::tls::wall_clock::WallClock;
use crate::wire::certificate_type::Abilities;
use crate::wire::psk_offer::Modes;
use crate::wire::{certificate13, handshake::MESSAGE_LIMIT};
use std::sync::Arc;

/// What both roles have.
pub(super) struct Offers {
    /// Best first.
    pub(super) suites: Vec<Suite>,
    /// Best first.
    groups: Vec<Group>,
    /// Whether the application has named them.
    has_wished_groups: bool,
    /// Application protocols (RFC 7301), best first.
    pub(super) protocols: Vec<Vec<u8>>,
    pub(super) pace: Arc<Pace>,
    /// Numbers of the signatures that are accepted from the peer.
    pub(super) schemes: Vec<u16>,
    /// Our keys, the preferred one first, and what we show of each.
    pub(super) own: Vec<Arc<OwnProof>>,
    /// What the peer is judged by.
    pub(super) peers: Arc<PeerRules>,
    /// How either side may prove who it is.
    pub(super) abilities: Abilities,
    /// What sessions are bound to.
    pub(super) scope: Scope,
    /// How pre-shared keys are used.
    pub(super) modes: Modes,
}

/// A server's side of every handshake.
pub(crate) struct ServerConfig {
    pub(super) offers: Offers,
    /// Whether somebody knows pre-shared keys.
    pub(super) has_psk: bool,
    /// Names of who may vouch for clients, DER each; none is sent where there is none.
    pub(super) authorities: Vec<Vec<u8>>,
}

/// A client's side of a handshake.
pub(crate) struct ClientConfig {
    pub(super) offers: Offers,
    pub(super) psk: Option<ClientPsk>,
    /// Identity and key are the application's to say, in each handshake.
    pub(super) asks_for_psk: bool,
    /// Whether the server may prove who it is otherwise than by a pre-shared key.
    pub(super) takes_certificates: bool,
    /// The name by which the server is asked for.
    pub(super) servername: Option<String>,
    /// What it offers to resume.
    pub(super) session: Option<Arc<Session>>,
    /// Without it, a client remembers nothing.
    pub(super) clock: Option<WallClock>,
}

impl Offers {
    /// The settings name a suite and a group of DTLS 1.3, if they name any. `groups`: IANA's numbers, best first; `None` for all.
    /// `purpose`: what the peer's certificate is for.
    fn new(
        settings: &Settings,
        groups: Option<&[u16]>,
        own: Vec<OwnCredential>,
        peer: Option<&PeerAuthentication>,
        purpose: Purpose,
        scope: Scope,
    ) -> Result<Offers, ConfigError> {
        let suites = suites(settings)?;
        let has_wished_groups = groups.is_some();
        let groups = match groups {
            None => Group::ALL.to_vec(),
            Some(ids) => Group::of(ids),
        };
        let signatures = Signatures::wished(settings.wishes.signature_algorithms.as_deref())?;
        let mut own =
            own.into_iter().map(|own| OwnProof::new(own, &signatures).map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
        // As in DTLS 1.2, whose suites have this order: signatures of EC keys cost less.
        own.sort_by_key(|own| own.is_rsa());
        // The signatures say which curves keys may be on, not the groups (RFC 8446 section 4.2.7).
        let peers = PeerRules::new(purpose, peer, settings, &signatures, None);
        Ok(Offers {
            suites,
            groups,
            has_wished_groups,
            protocols: settings.wishes.protocols.clone(),
            pace: Arc::new(Pace {
                first_interval: settings.first_interval,
                longest_interval: settings.longest_interval,
                mtu: settings.mtu,
            }),
            schemes: scheme_numbers(&signatures),
            abilities: Abilities {
                presents: own.first().map(|own| own.presents.clone()).unwrap_or_default(),
                accepts: peers.accepts.clone(),
            },
            own,
            peers: Arc::new(peers),
            scope,
            modes: settings.wishes.psk_modes.unwrap_or(Modes::WITH_KEY_EXCHANGE),
        })
    }

    /// The first of our keys that signs in a way that the peer accepts, and that way.
    pub(super) fn own(&self, accepted: &[u16]) -> Option<(&Arc<OwnProof>, Scheme)> {
        self.own.iter().find_map(|own| Some((own, own.scheme(accepted)?)))
    }

    /// The groups for a handshake, best first. With a pre-shared key the long ones are for whoever has named them: the key
    /// protects the connection from quantum computers already.
    pub(super) fn groups(&self, uses_psk: bool) -> impl Iterator<Item = Group> + '_ {
        let is_left_out = move |group: Group| uses_psk && !self.has_wished_groups && group.is_long();
        self.groups.iter().copied().filter(move |group| !is_left_out(*group))
    }
}

/// Whether one of IANA's numbers is that of a group of this engine.
pub(crate) fn has_group(numbers: &[u16]) -> bool {
    !Group::of(numbers).is_empty()
}

/// The suites of DTLS 1.3 that the settings name; all of them when they name none at all.
pub(super) fn suites(settings: &Settings) -> Result<Vec<Suite>, ConfigError> {
    let Some(names) = &settings.ciphers else { return Ok(Suite::all_of_dtls13().to_vec()) };
    let mut suites = Vec::new();
    for name in names {
        let suite = Suite::from_name(name).ok_or_else(|| ConfigError::UnknownSuite(name.clone()))?;
        if suite.is_of_dtls13() && !suites.contains(&suite) {
            suites.push(suite);
        }
    }
    Ok(suites)
}

impl ServerConfig {
    /// `has_psk`: whether somebody knows pre-shared keys. `clients`: how those authenticate that have none; `None` asks them for
    /// nothing. `scope`: what sessions are bound to.
    pub(crate) fn new(
        settings: &Settings,
        groups: Option<&[u16]>,
        has_psk: bool,
        own: Vec<OwnCredential>,
        clients: Option<&PeerAuthentication>,
        scope: Scope,
    ) -> Result<ServerConfig, ConfigError> {
        let offers = Offers::new(settings, groups, own, clients, Purpose::ClientAuthentication, scope)?;
        let anchors = clients.and_then(|clients| clients.trust_anchors.as_ref());
        let wish = settings.wishes.name_authorities;
        let mut authorities =
            anchors.filter(|_| wish != Some(false)).map(|a| a.subjects().to_vec()).unwrap_or_default();
        let length = certificate13::request(&offers.schemes, &authorities).len();
        if length > MESSAGE_LIMIT {
            if wish.is_some() {
                return Err(ConfigError::TooManyAuthorities { length, limit: MESSAGE_LIMIT });
            }
            authorities.clear();
        }
        Ok(ServerConfig { offers, has_psk, authorities })
    }

    /// Whether it can prove to anybody who it is.
    pub(crate) fn can_prove(&self) -> bool {
        self.has_psk || self.offers.own.iter().any(|own| own.can_sign())
    }

    pub(crate) fn suites(&self) -> &[Suite] {
        &self.offers.suites
    }
}

impl ClientConfig {
    /// `server`: how it authenticates if not by a pre-shared key; `None` when it must by that. `scope`: what sessions are bound to.
    pub(crate) fn new(
        settings: &Settings,
        groups: Option<&[u16]>,
        psk: Option<ClientPsk>,
        asks_for_psk: bool,
        server: Option<&PeerAuthentication>,
        own: Vec<OwnCredential>,
        scope: Scope,
    ) -> Result<ClientConfig, ConfigError> {
        let mut offers = Offers::new(settings, groups, own, server, Purpose::ServerAuthentication, scope)?;
        // RFC 8446 section 4.2.11: a pre-shared key is good for one hash, and the best suite says which.
        if let Some(first) = offers.suites.first().copied()
            && (psk.is_some() || asks_for_psk)
        {
            offers.suites.retain(|&suite| hash(suite) == hash(first));
        }
        let name = server.and_then(|server| server.servername.as_deref()).map(PeerName::parse);
        let servername = name.as_ref().and_then(PeerName::dns).map(str::to_owned);
        let takes_certificates = server.is_some();
        Ok(ClientConfig { offers, psk, asks_for_psk, takes_certificates, servername, session: None, clock: None })
    }

    pub(crate) fn suites(&self) -> &[Suite] {
        &self.offers.suites
    }

    /// Has the server asked for by this name.
    pub(crate) fn send_name(&mut self, servername: &str) {
        self.servername = PeerName::parse(servername).dns().map(str::to_owned);
    }

    /// Has it remember its sessions, and offer to resume one. What cannot be read, or does not fit, is not offered.
    pub(crate) fn resume(&mut self, clock: WallClock, session: Option<&[u8]>) {
        self.session = session.and_then(|bytes| Session::from_bytes(bytes, SessionOf::Client)).map(Arc::new);
        self.clock = Some(clock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::TrustAnchors;
    use crate::tls::config::Wishes;
    use rcgen::{CertificateParams, DnType, KeyPair};
    use std::time::Duration;

    fn settings(wishes: Wishes) -> Settings {
        Settings {
            ciphers: None,
            wishes,
            revocations: None,
            first_interval: Duration::from_secs(1),
            longest_interval: Duration::from_secs(60),
            mtu: 1200,
        }
    }

    #[test]
    fn a_client_with_a_pre_shared_key_offers_the_suites_of_one_hash() {
        let hashes = |psk: Option<ClientPsk>, asks: bool| {
            let settings = settings(Wishes::default());
            let server = PeerAuthentication::lenient();
            let config =
                ClientConfig::new(&settings, None, psk, asks, Some(&server), Vec::new(), Scope::default()).unwrap();
            let hashes: std::collections::BTreeSet<_> =
                config.suites().iter().map(|&suite| format!("{:?}", hash(suite))).collect();
            hashes.len()
        };
        let psk = || Some(ClientPsk::new(b"device", b"0123456789abcdef").unwrap());
        assert_eq!([hashes(None, false), hashes(psk(), false), hashes(None, true)], [2, 1, 1]);
    }

    /// What a server says that knows so many authorities, with names of some 1000 bytes each.
    fn named(count: usize, name_authorities: Option<bool>) -> Result<usize, ConfigError> {
        let settings = settings(Wishes { name_authorities, ..Wishes::default() });
        let key = KeyPair::generate().unwrap();
        let certificate = |number: usize| {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.distinguished_name.push(DnType::CommonName, format!("{number:0>1000}"));
            params.self_signed(&key).unwrap().pem()
        };
        let anchors = TrustAnchors::parse(&(0..count).map(certificate).collect::<Vec<_>>()).unwrap();
        let clients = PeerAuthentication {
            trust_anchors: Some(Arc::new(anchors)),
            required: true,
            ..PeerAuthentication::lenient()
        };
        let config = ServerConfig::new(&settings, None, true, Vec::new(), Some(&clients), Scope::default())?;
        Ok(config.authorities.len())
    }

    #[test]
    fn authorities_are_named_where_there_is_room_for_all_of_them_and_otherwise_only_by_those_who_insist() {
        assert_eq!([None, Some(true), Some(false)].map(|wish| named(3, wish)), [Ok(3), Ok(3), Ok(0)]);
        assert_eq!([None, Some(false)].map(|wish| named(20, wish)), [Ok(0), Ok(0)]);
        assert!(matches!(named(20, Some(true)), Err(ConfigError::TooManyAuthorities { limit: MESSAGE_LIMIT, .. })));
    }
}
