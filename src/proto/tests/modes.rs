//! The ways in which a client and a server get to talk, each with a network on which they can.

use super::network::*;
use crate::proto::{AddressValidation, SessionSettings, WallClock};
use crate::tls::{
    ClientConfig, ClientPsk, Credentials, PeerAuthentication, ServerConfig, Settings, TrustAnchors, Version, Versions,
    Wishes, parse_public_key,
};
use std::sync::Arc;
use std::time::Duration;

const CA: &str = include_str!("keys/ca.pem");
const SERVER_CERTIFICATE: &str = include_str!("keys/server.pem");
const SERVER_KEY: &str = include_str!("keys/server.key.pem");
const CLIENT_CERTIFICATE: &str = include_str!("keys/client.pem");
const CLIENT_KEY: &str = include_str!("keys/client.key.pem");
const SERVER_PUBLIC: &str = include_str!("keys/server.pub.pem");
const CLIENT_PUBLIC: &str = include_str!("keys/client.pub.pem");

/// How two sides prove who they are, and what they use beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Psk,
    PskWithCbc,
    EcdhePsk,
    /// The server has a certificate.
    Certificate,
    /// Both have certificates.
    Mutual,
    RawPublicKeys,
    /// The session is resumed by its id.
    SessionId,
    /// The session is resumed by a ticket.
    Ticket,
    ConnectionIds,
    /// Connection IDs, and addresses are checked.
    Routability,
    /// The server goes on in another process.
    Imported,
    #[cfg(feature = "aws-lc")]
    Dtls13,
    /// DTLS 1.3, where both have certificates.
    #[cfg(feature = "aws-lc")]
    Dtls13Mutual,
}

impl Mode {
    pub(super) const ALL: &[Mode] = &[
        Mode::Psk,
        Mode::PskWithCbc,
        Mode::EcdhePsk,
        Mode::Certificate,
        Mode::Mutual,
        Mode::RawPublicKeys,
        Mode::SessionId,
        Mode::Ticket,
        Mode::ConnectionIds,
        Mode::Routability,
        Mode::Imported,
        #[cfg(feature = "aws-lc")]
        Mode::Dtls13,
        #[cfg(feature = "aws-lc")]
        Mode::Dtls13Mutual,
    ];

    fn suites(self, version: Version) -> &'static [&'static str] {
        match self {
            #[cfg(feature = "aws-lc")]
            Mode::Dtls13Mutual => &["TLS_AES_128_CCM_SHA256"],
            _ if version > Version::Dtls12 => &["TLS_AES_128_GCM_SHA256"],
            Mode::PskWithCbc => &["PSK-AES128-CBC-SHA256"],
            Mode::EcdhePsk => &["ECDHE-PSK-AES128-GCM-SHA256"],
            Mode::Certificate | Mode::Mutual | Mode::RawPublicKeys => &["ECDHE-ECDSA-AES128-GCM-SHA256"],
            _ => &["PSK-AES128-GCM-SHA256"],
        }
    }

    pub(super) fn resumes(self) -> bool {
        match self {
            Mode::SessionId | Mode::Ticket => true,
            #[cfg(feature = "aws-lc")]
            Mode::Dtls13 => true,
            _ => false,
        }
    }

    /// Whether this is DTLS 1.3.
    fn is_newest(self) -> bool {
        #[cfg(feature = "aws-lc")]
        return matches!(self, Mode::Dtls13 | Mode::Dtls13Mutual);
        #[cfg(not(feature = "aws-lc"))]
        false
    }

    fn has_certificates(self) -> bool {
        #[cfg(feature = "aws-lc")]
        if self == Mode::Dtls13Mutual {
            return true;
        }
        matches!(self, Mode::Certificate | Mode::Mutual)
    }

    pub(super) fn has_ids(self) -> bool {
        matches!(self, Mode::ConnectionIds | Mode::Routability)
    }

    /// `mtu`: payload bytes of a datagram in the handshake.
    pub(super) fn configs(self, mtu: u16) -> Configs {
        let newest = if self.is_newest() { Version::Dtls13 } else { Version::Dtls12 };
        self.configs_in(newest, mtu)
    }

    /// The same in a version that is not the mode's own.
    pub(super) fn configs_in(self, version: Version, mtu: u16) -> Configs {
        let only = Versions { oldest: version, newest: version };
        self.configs_of(only, only, mtu)
    }

    /// The same with a server and a client of these versions.
    pub(super) fn configs_of(self, server: Versions, client: Versions, mtu: u16) -> Configs {
        let settings_of = |versions: Versions| {
            let spoken = [Version::Dtls12, Version::Dtls13]
                .into_iter()
                .filter(|version| (versions.oldest..=versions.newest).contains(version));
            let suites: Vec<_> = spoken.flat_map(|version| self.suites(version)).copied().collect();
            Settings { wishes: Wishes { versions, ..Wishes::default() }, mtu, ..settings(&suites) }
        };
        let (of_server, settings) = (settings_of(server), settings_of(client));
        let psk = || Some(ClientPsk::new(IDENTITY, KEY).unwrap());
        let (server, client) = match self {
            _ if self.has_certificates() => {
                let is_mutual = self != Mode::Certificate;
                let trusted = |name: Option<&str>| PeerAuthentication {
                    trust_anchors: Some(Arc::new(TrustAnchors::parse(&[CA]).unwrap())),
                    servername: name.map(str::to_owned),
                    ..unknown()
                };
                let own = |key: &str, certificate| Credentials::parse(key.as_bytes(), None, &[certificate]).unwrap();
                let (at_server, at_client) =
                    (own(SERVER_KEY, SERVER_CERTIFICATE), is_mutual.then(|| own(CLIENT_KEY, CLIENT_CERTIFICATE)));
                let clients = is_mutual.then(|| trusted(None));
                let servers = Some(trusted(Some("server.test")));
                (
                    ServerConfig::new(&of_server, Some(at_server), false, clients),
                    ClientConfig::new(&settings, None, servers, at_client),
                )
            }
            Mode::RawPublicKeys => {
                let known = |public: &str| PeerAuthentication {
                    public_keys: Some(vec![parse_public_key(public.as_bytes(), 0).unwrap()]),
                    ..unknown()
                };
                let own = |key: &str| Some(Credentials::parse_raw(key.as_bytes(), None).unwrap());
                (
                    ServerConfig::new(&of_server, own(SERVER_KEY), false, Some(known(CLIENT_PUBLIC))),
                    ClientConfig::new(&settings, None, Some(known(SERVER_PUBLIC)), own(CLIENT_KEY)),
                )
            }
            _ => (ServerConfig::new(&of_server, None, true, None), ClientConfig::new(&settings, psk(), None, None)),
        };
        Configs { mode: self, mtu, settings, server: Arc::new(server.unwrap()), client: client.unwrap() }
    }
}

fn unknown() -> PeerAuthentication {
    PeerAuthentication { required: true, ..PeerAuthentication::lenient() }
}

/// What both sides are told.
pub(super) struct Configs {
    pub(super) mode: Mode,
    pub(super) mtu: u16,
    settings: Settings,
    pub(super) server: Arc<ServerConfig>,
    client: ClientConfig,
}

impl Configs {
    /// A server that waits for clients.
    pub(super) fn network(&self) -> Network {
        let mut network = Network::with_limits(Arc::clone(&self.server), limits());
        self.prepare(&mut network);
        network.client_ids = self.mode.has_ids().then_some(6);
        network
    }

    /// Tells the server what no configuration says.
    pub(super) fn prepare(&self, network: &mut Network) {
        let (now, endpoint) = (network.now, &mut network.server.endpoint);
        if self.mode.has_ids() {
            let is_checked = self.mode == Mode::Routability;
            endpoint.use_connection_ids(Some(8));
            endpoint.validate_addresses(if is_checked { AddressValidation::Enhanced } else { AddressValidation::None });
        }
        if self.mode.resumes() {
            let sessions = SessionSettings {
                lifetime: Duration::from_secs(3600),
                remembers_psk: true,
                ticket_keys: None,
                issues_tickets: self.mode != Mode::SessionId,
                kept: Some(16),
                clock: wall_clock(network.now),
            };
            endpoint.remember_sessions(now, sessions).unwrap();
        }
    }

    pub(super) fn client(&self) -> &ClientConfig {
        &self.client
    }

    /// A client comes, from an address of its own, and offers this session.
    pub(super) fn connect(&self, network: &mut Network, session: Option<&[u8]>) -> usize {
        if !self.mode.resumes() {
            return network.connect(&self.client);
        }
        let psk = ClientPsk::new(IDENTITY, KEY).unwrap();
        let client = ClientConfig::new(&self.settings, Some(psk), None, None).unwrap();
        network.connect(&client.resuming(wall_clock(network.now), session))
    }
}

fn wall_clock(now: std::time::Instant) -> WallClock {
    WallClock::new(now, Duration::from_secs(1_800_000_000))
}
