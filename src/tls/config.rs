//! Configurations of the two roles, complete and immutable.

use super::credentials::{Credentials, RevocationLists};
use super::error::{ConfigError, ConfigErrorKind};
pub(crate) use super::ffi::config::ClientPsk;
use super::ffi::config::{Role, SslConfig, SslConfigParts};
use super::negotiation::{Negotiation, Wishes};
use super::peer::{PeerAuthentication, Rules};
use super::server_identity::PeerName;
use super::suites::{Means, Suite};
use super::{PSK_IDENTITY_LIMIT, PSK_LIMIT};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// What both roles can be told.
#[derive(Clone)]
pub(crate) struct Settings {
    /// Names of suites, IANA's or OpenSSL's, in order of preference; `None` for all that the credentials allow.
    pub(crate) ciphers: Option<Vec<String>>,
    pub(crate) wishes: Wishes,
    /// Of the issuers of peers' certificates; `None` checks no revocation.
    pub(crate) revocations: Option<Arc<RevocationLists>>,
    /// From a flight to its first retransmission.
    pub(crate) first_interval: Duration,
    /// Upper bound of the doubling interval.
    pub(crate) longest_interval: Duration,
    /// Payload bytes of a datagram in the handshake.
    pub(crate) mtu: u16,
}

/// How a context of this configuration behaves in its handshake.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) longest_interval: Duration,
    pub(super) mtu: u16,
}

impl Settings {
    fn pace(&self) -> Pace {
        Pace { longest_interval: self.longest_interval, mtu: self.mtu }
    }
}

/// A server's side of every handshake.
pub(crate) struct ServerConfig {
    pub(super) ssl: Arc<SslConfig>,
    pub(super) pace: Pace,
    pub(super) rules: Arc<Rules>,
    suites: Vec<Suite>,
    has_protocols: bool,
}

/// A client's side of a handshake.
pub(crate) struct ClientConfig {
    pub(super) ssl: Arc<SslConfig>,
    pub(super) pace: Pace,
    pub(super) rules: Arc<Rules>,
    /// Which server is asked for.
    pub(super) peer_name: Option<PeerName>,
    /// Identity and key are the application's to say, in each handshake.
    pub(super) asks_for_psk: bool,
    suites: Vec<Suite>,
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
        let rsa = credentials.as_ref().is_some_and(Credentials::is_rsa);
        let negotiation = Negotiation::new(&settings.wishes)?;
        let means = Means { psk, rsa, ecdsa: credentials.is_some() && !rsa };
        let suites = choose_suites(settings, means.signing(&negotiation))?;
        let rules = Rules::new(Role::Server, credentials.as_ref(), clients.as_ref(), settings, &negotiation);
        let anchors = clients.as_ref().and_then(|clients| clients.trust_anchors.as_ref());
        let ssl = build(SslConfigParts {
            role: Role::Server,
            suites: &suites,
            negotiation: &negotiation,
            credentials: credentials.map(Arc::new),
            asks_peer: clients.is_some(),
            authorities: anchors.map(|anchors| anchors.authorities()),
            client_psk: None,
            first_interval: settings.first_interval,
        })?;
        let has_protocols = !negotiation.protocols.is_empty();
        Ok(ServerConfig { ssl, pace: settings.pace(), rules: Arc::new(rules), suites, has_protocols })
    }

    /// Whether it negotiates application protocols by a list of its own.
    pub(super) fn has_protocols(&self) -> bool {
        self.has_protocols
    }

    pub(crate) fn suites(&self) -> &[Suite] {
        &self.suites
    }
}

impl ClientConfig {
    /// `server`: how it authenticates; `None` with a pre-shared key alone.
    pub(crate) fn new(
        settings: &Settings,
        psk: Option<ClientPsk>,
        server: Option<PeerAuthentication>,
        credentials: Option<Credentials>,
    ) -> Result<ClientConfig, ConfigError> {
        ClientConfig::build(settings, psk, false, server, credentials)
    }

    /// As `new`, for a client that is asked in each handshake who it is: [`Question::Identity`](super::Question).
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
        let suites = choose_suites(settings, means.signing(&negotiation))?;
        let rules = Rules::new(Role::Client, credentials.as_ref(), server.as_ref(), settings, &negotiation);
        let peer_name = server.as_ref().and_then(|server| server.servername.as_deref()).map(PeerName::parse);
        let ssl = build(SslConfigParts {
            role: Role::Client,
            suites: &suites,
            negotiation: &negotiation,
            credentials: credentials.map(Arc::new),
            asks_peer: false,
            authorities: None,
            client_psk: psk.as_ref(),
            first_interval: settings.first_interval,
        })?;
        Ok(ClientConfig { ssl, pace: settings.pace(), rules: Arc::new(rules), peer_name, asks_for_psk, suites })
    }

    pub(crate) fn suites(&self) -> &[Suite] {
        &self.suites
    }
}

impl ClientPsk {
    /// Checks both lengths.
    pub(crate) fn new(identity: &[u8], key: &[u8]) -> Result<ClientPsk, ConfigError> {
        check_psk(key)?;
        if identity.is_empty() || identity.len() > PSK_IDENTITY_LIMIT {
            return Err(ConfigError::new(
                ConfigErrorKind::InvalidPskIdentity,
                format!("A PSK identity of {} bytes is not between 1 and {PSK_IDENTITY_LIMIT}", identity.len()),
            ));
        }
        Ok(ClientPsk { identity: identity.to_vec(), key: Zeroizing::new(key.to_vec()) })
    }
}

/// Whether the engine can take this key.
pub(crate) fn check_psk(key: &[u8]) -> Result<(), ConfigError> {
    if (1..=PSK_LIMIT).contains(&key.len()) {
        return Ok(());
    }
    Err(ConfigError::new(
        ConfigErrorKind::InvalidPsk,
        format!("A pre-shared key of {} bytes is not between 1 and {PSK_LIMIT}", key.len()),
    ))
}

fn choose_suites(settings: &Settings, means: Means) -> Result<Vec<Suite>, ConfigError> {
    let suites = match &settings.ciphers {
        None => Suite::usable(means),
        Some(names) => {
            let wish = names.iter().map(|name| {
                Suite::from_name(name).ok_or_else(|| {
                    ConfigError::new(
                        ConfigErrorKind::InvalidCipher,
                        format!("The cipher suite '{name}' is not known here"),
                    )
                })
            });
            Suite::wished(&wish.collect::<Result<Vec<_>, _>>()?, means)
        }
    };
    if suites.is_empty() {
        return Err(ConfigError::new(
            ConfigErrorKind::NoUsableCipher,
            "No cipher suite is left: the options give neither a pre-shared key nor a certificate that one could use"
                .to_owned(),
        ));
    }
    Ok(suites)
}

fn build(parts: SslConfigParts<'_>) -> Result<Arc<SslConfig>, ConfigError> {
    let role = parts.role;
    SslConfig::new(parts).map(Arc::new).map_err(|errno| ConfigError::internal(errno, role))
}
