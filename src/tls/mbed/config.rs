//! Configurations of the two roles, complete and immutable.

use super::credentials::Credentials;
use super::errors::describe;
use super::ffi::config::{Role, SslConfig, SslConfigParts};
use super::ffi::own_key::KeyKind;
use super::ffi::shells::Shells;
use super::negotiation::Negotiation;
use super::room::check_authorities;
use super::rules::Rules;
use crate::tls::config::{PeerAuthentication, Settings};
use crate::tls::config_error::ConfigError;
use crate::tls::psk::ClientPsk;
use crate::tls::session::{Session, SessionOf};
use crate::tls::suites::{Means, Suite};
use crate::tls::trust::PeerName;
use crate::tls::wall_clock::WallClock;
use std::sync::Arc;
use std::time::Duration;

/// How a context of this configuration behaves in its handshake.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) longest_interval: Duration,
    pub(super) mtu: u16,
}

impl Pace {
    fn of(settings: &Settings) -> Pace {
        Pace { longest_interval: settings.longest_interval, mtu: settings.mtu }
    }
}

/// A server's side of every handshake.
pub(crate) struct ServerConfig {
    pub(crate) ssl: Arc<SslConfig>,
    pub(super) pace: Pace,
    pub(super) rules: Arc<Rules>,
    suites: Vec<Suite>,
}

/// A client's side of a handshake.
pub(crate) struct ClientConfig {
    pub(crate) ssl: Arc<SslConfig>,
    pub(super) pace: Pace,
    pub(super) rules: Arc<Rules>,
    /// The name by which the server is asked for.
    pub(super) peer_name: Option<PeerName>,
    /// Identity and key are the application's to say, in each handshake.
    pub(super) asks_for_psk: bool,
    pub(super) suites: Vec<Suite>,
    /// What it offers to resume.
    pub(super) session: Option<Arc<Session>>,
    /// Without it, a client remembers nothing.
    pub(super) clock: Option<WallClock>,
}

impl ServerConfig {
    /// `psk`: whether look-ups of pre-shared keys can be answered at all. `clients`: how those authenticate that choose
    /// another way; `None` asks them for nothing.
    pub(crate) fn new(
        settings: &Settings,
        credentials: Option<Credentials>,
        psk: bool,
        clients: Option<PeerAuthentication>,
    ) -> Result<ServerConfig, ConfigError> {
        if let Some(own) = &credentials {
            own.check_purpose_of_server()?;
        }
        let has_kind = |kind| credentials.as_ref().is_some_and(|own| own.has_kind(kind));
        let negotiation = Negotiation::new(&settings.wishes)?;
        let means = Means { psk, rsa: has_kind(KeyKind::Rsa), ecdsa: has_kind(KeyKind::Ec) };
        let suites = choose_suites(settings, negotiation.restrict(means))?;
        let rules = Rules::new(Role::Server, credentials.as_ref(), clients.as_ref(), settings, &negotiation, None);
        let anchors = clients.as_ref().and_then(|clients| clients.trust_anchors.as_ref());
        let named = match (anchors, settings.wishes.name_authorities) {
            (None, _) | (_, Some(false)) => None,
            (Some(anchors), wish) => match check_authorities(anchors.subjects()) {
                Err(error) if wish.is_some() => return Err(error),
                room => room.ok().map(|()| Shells::authorities(anchors.subjects().to_vec())),
            },
        };
        let ssl = build(SslConfigParts {
            role: Role::Server,
            suites: ids(&suites),
            preferences: negotiation.preferences(),
            own_keys: credentials.map(Credentials::into_keys).unwrap_or_default(),
            asks_peer: clients.is_some(),
            authorities: named,
            client_psk: None,
            first_interval: settings.first_interval,
        })?;
        Ok(ServerConfig { ssl, pace: Pace::of(settings), rules: Arc::new(rules), suites })
    }

    /// Has its hellos say that DTLS 1.3 is spoken here, too.
    pub(crate) fn beside_dtls13(mut self) -> ServerConfig {
        // It is nobody else's yet.
        if let Some(ssl) = Arc::get_mut(&mut self.ssl) {
            ssl.speak_dtls13();
        }
        self
    }

    pub(crate) fn suites(&self) -> &[Suite] {
        &self.suites
    }
}

impl ClientConfig {
    /// Has it take signatures with RSA-PSS, because its hello offers them for DTLS 1.3 (RFC 8446 section 4.2.3).
    pub(crate) fn beside_dtls13(mut self) -> ClientConfig {
        // It is nobody else's yet.
        if let Some(ssl) = Arc::get_mut(&mut self.ssl) {
            ssl.speak_dtls13();
        }
        self
    }

    /// `server`: how it authenticates; `None` with a pre-shared key alone.
    pub(crate) fn new(
        settings: &Settings,
        psk: Option<ClientPsk>,
        server: Option<PeerAuthentication>,
        credentials: Option<Credentials>,
    ) -> Result<ClientConfig, ConfigError> {
        ClientConfig::build(settings, psk, false, server, credentials)
    }

    /// As `new`, for a client that is asked in each handshake who it is: [`Question::OwnPsk`](crate::tls::Question).
    pub(crate) fn asking_for_psk(
        settings: &Settings,
        server: Option<PeerAuthentication>,
        credentials: Option<Credentials>,
    ) -> Result<ClientConfig, ConfigError> {
        ClientConfig::build(settings, None, true, server, credentials)
    }

    /// Has a name sent to a server that is not verified by it, for it has a pre-shared key alone (RFC 6066 section 3).
    pub(crate) fn sending_name(self, servername: &str) -> ClientConfig {
        ClientConfig { peer_name: Some(PeerName::parse(servername)), ..self }
    }

    /// Has it remember its sessions, and offer to resume one. What cannot be read, or does not fit, is not offered.
    pub(crate) fn resuming(self, clock: WallClock, session: Option<&[u8]>) -> ClientConfig {
        let session = session.and_then(|bytes| Session::from_bytes(bytes, SessionOf::Client)).map(Arc::new);
        ClientConfig { session, clock: Some(clock), ..self }
    }

    fn build(
        settings: &Settings,
        psk: Option<ClientPsk>,
        asks_for_psk: bool,
        server: Option<PeerAuthentication>,
        credentials: Option<Credentials>,
    ) -> Result<ClientConfig, ConfigError> {
        let negotiation = Negotiation::new(&settings.wishes)?;
        let means = Means {
            psk: psk.is_some() || asks_for_psk,
            rsa: server.as_ref().is_some_and(PeerAuthentication::accepts_rsa),
            ecdsa: server.as_ref().is_some_and(PeerAuthentication::accepts_ecdsa),
        };
        let suites = choose_suites(settings, negotiation.restrict(means))?;
        let identity = psk.as_ref().map(|psk| psk.identity.as_slice());
        let rules = Rules::new(Role::Client, credentials.as_ref(), server.as_ref(), settings, &negotiation, identity);
        let peer_name = server.as_ref().and_then(|server| server.servername.as_deref()).map(PeerName::parse);
        let ssl = build(SslConfigParts {
            role: Role::Client,
            suites: ids(&suites),
            preferences: negotiation.preferences(),
            own_keys: credentials.map(Credentials::into_keys).unwrap_or_default(),
            asks_peer: false,
            authorities: None,
            client_psk: psk.as_ref().map(|psk| (psk.identity.as_slice(), psk.key.as_slice())),
            first_interval: settings.first_interval,
        })?;
        Ok(ClientConfig {
            ssl,
            pace: Pace::of(settings),
            rules: Arc::new(rules),
            peer_name,
            asks_for_psk,
            suites,
            session: None,
            clock: None,
        })
    }

    pub(crate) fn suites(&self) -> &[Suite] {
        &self.suites
    }
}

fn choose_suites(settings: &Settings, means: Means) -> Result<Vec<Suite>, ConfigError> {
    let suites = match &settings.ciphers {
        None => Suite::usable(means),
        Some(names) => {
            let wish =
                names.iter().map(|name| Suite::from_name(name).ok_or_else(|| ConfigError::UnknownSuite(name.clone())));
            Suite::wished(&wish.collect::<Result<Vec<_>, _>>()?, means)
        }
    };
    if suites.is_empty() { Err(ConfigError::NoUsableSuite) } else { Ok(suites) }
}

fn ids(suites: &[Suite]) -> Vec<u16> {
    suites.iter().map(Suite::id).collect()
}

fn build(parts: SslConfigParts<'_>) -> Result<Arc<SslConfig>, ConfigError> {
    SslConfig::new(parts).map(Arc::new).map_err(|errno| ConfigError::Refused(describe(errno)))
}
