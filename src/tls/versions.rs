//! Which versions of DTLS a configuration speaks, and what it says of each to its engine.

use super::config::{PeerAuthentication, Settings};
use super::config_error::ConfigError;
use super::mbed::{self, Credentials};
use super::psk::ClientPsk;
use super::session::SessionOf;
use super::suites::Suite;
use super::version::{Version, Versions};
use super::wall_clock::WallClock;
use super::{dtls13, greeting::Greeting};
use crate::wire::{HelloStart, Record};
use std::sync::Arc;

/// A server's side of every handshake.
pub(crate) struct ServerConfig {
    dtls12: Option<mbed::ServerConfig>,
    dtls13: Option<Arc<dtls13::ServerConfig>>,
    suites: Vec<Suite>,
    has_protocols: bool,
}

/// A client's side of a handshake.
pub(crate) struct ClientConfig {
    of: ClientOf,
    suites: Vec<Suite>,
}

pub(super) enum ClientOf {
    Dtls12(Box<mbed::ClientConfig>),
    Dtls13(Arc<dtls13::ClientConfig>),
    /// One hello offers both versions.
    Both {
        older: Box<mbed::ClientConfig>,
        newer: Arc<dtls13::ClientConfig>,
    },
}

impl ServerConfig {
    /// `psk`: whether look-ups of pre-shared keys can be answered at all. `clients`: how those authenticate that choose
    /// another way; `None` asks them for nothing.
    pub(crate) fn new(
        settings: &Settings,
        mut credentials: Option<Credentials>,
        psk: bool,
        clients: Option<PeerAuthentication>,
    ) -> Result<ServerConfig, ConfigError> {
        let can_prove = psk || credentials.is_some();
        let dtls13 = if can_prove && is_spoken(Version::Dtls13, settings) {
            if let Some(own) = &credentials {
                own.check_purpose_of_server()?;
            }
            let groups = mbed::group_numbers(&settings.wishes)?;
            let scope = mbed::scope(SessionOf::Server, credentials.as_ref(), clients.as_ref(), settings, None);
            let own = credentials.as_mut().map(Credentials::of_server).unwrap_or_default();
            let config = dtls13::ServerConfig::new(settings, groups.as_deref(), psk, own, clients.as_ref(), scope)?;
            Some(Arc::new(config))
        } else {
            None
        };
        let dtls12 = if is_spoken(Version::Dtls12, settings) {
            let config = mbed::ServerConfig::new(settings, credentials, psk, clients)?;
            Some(if dtls13.is_some() { config.beside_dtls13() } else { config })
        } else if dtls13.is_none() {
            return Err(nothing_is_spoken(settings));
        } else {
            None
        };
        let newer = dtls13.iter().flat_map(|config| config.suites());
        let older = dtls12.iter().flat_map(|config| config.suites());
        let suites = newer.chain(older).copied().collect();
        Ok(ServerConfig { dtls12, dtls13, suites, has_protocols: !settings.wishes.protocols.is_empty() })
    }

    /// What an engine needs for DTLS 1.2; `None` when that is not spoken.
    pub(super) fn dtls12(&self) -> Option<&mbed::ServerConfig> {
        self.dtls12.as_ref()
    }

    /// What an engine needs for DTLS 1.3; `None` when that is not spoken.
    pub(super) fn dtls13(&self) -> Option<&Arc<dtls13::ServerConfig>> {
        self.dtls13.as_ref()
    }

    /// How a ClientHello is answered, or the first fragment of one.
    pub(crate) fn greet<'a>(&self, record: &Record<'a>, start: &HelloStart<'a>) -> Greeting<'a> {
        match &self.dtls13 {
            Some(config) => Greeting::of(config, self.dtls12.is_some(), record, start),
            None => Greeting::Verify,
        }
    }

    /// Whether it negotiates application protocols by a list of its own.
    pub(crate) fn has_protocols(&self) -> bool {
        self.has_protocols
    }

    /// Best first, those of the newer version before the others.
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
        let key = psk.as_ref().map(ClientPsk::copy);
        let can_be_proved = psk.is_some() || server.is_some();
        let mut credentials = credentials;
        // RFC 8446 section 4.2.11: an identity of DTLS 1.3 is not empty.
        let is_of_dtls12 =
            psk.as_ref().is_some_and(|psk| psk.identity.is_empty()) && is_spoken(Version::Dtls12, settings);
        let newer = match is_spoken(Version::Dtls13, settings) && can_be_proved && !is_of_dtls12 {
            true => Some(ClientConfig::dtls13(settings, key, false, server.as_ref(), credentials.as_mut())?),
            false => None,
        };
        let older = match is_spoken(Version::Dtls12, settings) {
            true => Some(mbed::ClientConfig::new(settings, psk, server, credentials)?),
            false => None,
        };
        ClientConfig::of(older, newer).ok_or_else(|| nothing_is_spoken(settings))
    }

    /// As `new`, for a client that is asked in each handshake who it is: [`Question::OwnPsk`](super::Question).
    pub(crate) fn asking_for_psk(
        settings: &Settings,
        server: Option<PeerAuthentication>,
        credentials: Option<Credentials>,
    ) -> Result<ClientConfig, ConfigError> {
        let mut credentials = credentials;
        let newer = match is_spoken(Version::Dtls13, settings) {
            true => Some(ClientConfig::dtls13(settings, None, true, server.as_ref(), credentials.as_mut())?),
            false => None,
        };
        let older = match is_spoken(Version::Dtls12, settings) {
            true => Some(mbed::ClientConfig::asking_for_psk(settings, server, credentials)?),
            false => None,
        };
        ClientConfig::of(older, newer).ok_or_else(|| nothing_is_spoken(settings))
    }

    fn dtls13(
        settings: &Settings,
        psk: Option<ClientPsk>,
        asks_for_psk: bool,
        server: Option<&PeerAuthentication>,
        credentials: Option<&mut Credentials>,
    ) -> Result<dtls13::ClientConfig, ConfigError> {
        let groups = mbed::group_numbers(&settings.wishes)?;
        let identity = psk.as_ref().map(|psk| psk.identity.as_slice());
        let scope = mbed::scope(SessionOf::Client, credentials.as_deref(), server, settings, identity);
        let own = credentials.map(Credentials::of_client).unwrap_or_default();
        dtls13::ClientConfig::new(settings, groups.as_deref(), psk, asks_for_psk, server, own, scope)
    }

    /// `None` when there is neither.
    fn of(older: Option<mbed::ClientConfig>, newer: Option<dtls13::ClientConfig>) -> Option<ClientConfig> {
        let suites = newer.iter().flat_map(|config| config.suites());
        let suites = suites.chain(older.iter().flat_map(|config| config.suites())).copied().collect();
        let of = match (older, newer.map(Arc::new)) {
            (Some(older), None) => ClientOf::Dtls12(Box::new(older)),
            (None, Some(newer)) => ClientOf::Dtls13(newer),
            (Some(older), Some(newer)) => ClientOf::Both { older: Box::new(older.beside_dtls13()), newer },
            (None, None) => return None,
        };
        Some(ClientConfig { of, suites })
    }

    /// Has a name sent to a server that is not verified by it, for it has a pre-shared key alone (RFC 6066 section 3).
    pub(crate) fn sending_name(mut self, servername: &str) -> ClientConfig {
        self.change_newer(|newer| newer.send_name(servername));
        self.change_older(|older| older.sending_name(servername))
    }

    /// Has it remember its sessions, and offer to resume one, in the version that it was made in. What cannot be read, or does not
    /// fit, is not offered.
    pub(crate) fn resuming(mut self, clock: WallClock, session: Option<&[u8]>) -> ClientConfig {
        self.change_newer(|newer| newer.resume(clock, session));
        self.change_older(|older| older.resuming(clock, session))
    }

    fn change_newer(&mut self, change: impl FnOnce(&mut dtls13::ClientConfig)) {
        if let ClientOf::Dtls13(newer) | ClientOf::Both { newer, .. } = &mut self.of
            // It is nobody else's yet.
            && let Some(newer) = Arc::get_mut(newer)
        {
            change(newer);
        }
    }

    fn change_older(self, change: impl FnOnce(mbed::ClientConfig) -> mbed::ClientConfig) -> ClientConfig {
        let of = match self.of {
            ClientOf::Dtls12(older) => ClientOf::Dtls12(Box::new(change(*older))),
            ClientOf::Both { older, newer } => ClientOf::Both { older: Box::new(change(*older)), newer },
            newer @ ClientOf::Dtls13(_) => newer,
        };
        ClientConfig { of, ..self }
    }

    pub(super) fn engine(&self) -> &ClientOf {
        &self.of
    }

    /// Best first, those of the newer version before the others.
    pub(crate) fn suites(&self) -> &[Suite] {
        &self.suites
    }
}

/// Whether the settings include this version. As in node:tls, suites of one version alone leave the other one out, and so do groups.
fn is_spoken(version: Version, settings: &Settings) -> bool {
    let is_named = |names: &Vec<String>| {
        let is_of_dtls13 = |name: &String| Suite::from_name(name).map(|suite| suite.is_of_dtls13());
        let wanted = version == Version::Dtls13;
        // A name that nobody knows is refused with the others.
        names.iter().any(|name| is_of_dtls13(name).is_none_or(|is| is == wanted))
    };
    // Where the newer version is not built, it is missed only by those who want nothing else.
    let is_missing = version == Version::Dtls13 && !dtls13::IS_BUILT;
    let can_do_without = settings.wishes.versions.oldest == Version::Dtls12;
    let is_there = !is_missing || !can_do_without;
    is_there && is_allowed(version, settings) && settings.ciphers.as_ref().is_none_or(is_named)
}

/// Whether the settings have this version, and a group for it.
fn is_allowed(version: Version, settings: &Settings) -> bool {
    let Versions { oldest, newest } = settings.wishes.versions;
    (oldest..=newest).contains(&version)
        && match (mbed::group_numbers(&settings.wishes), version) {
            (Ok(Some(groups)), Version::Dtls12) => mbed::has_group(&groups),
            (Ok(Some(groups)), Version::Dtls13) => dtls13::has_group(&groups),
            // A name that nobody knows is refused with the others.
            (Ok(None) | Err(_), _) => true,
        }
}

/// Why no version is left.
fn nothing_is_spoken(settings: &Settings) -> ConfigError {
    let has_group = [Version::Dtls12, Version::Dtls13].into_iter().any(|version| is_allowed(version, settings));
    if has_group { ConfigError::NoUsableSuite } else { ConfigError::NoUsableGroup }
}
