//! What the handshakes of a configuration offer and accept.

use super::flight::Pace;
use super::suite::hash;
use crate::tls::config::Settings;
use crate::tls::config_error::ConfigError;
use crate::tls::ffi::groups::Group;
use crate::tls::psk::ClientPsk;
use crate::tls::suites::Suite;

/// What both roles have.
pub(super) struct Offers {
    /// Best first.
    pub(super) suites: Vec<Suite>,
    /// Best first.
    pub(super) groups: Vec<Group>,
    /// Application protocols (RFC 7301), best first.
    pub(super) protocols: Vec<Vec<u8>>,
    pub(super) pace: Pace,
}

/// A server's side of every handshake.
pub(crate) struct ServerConfig {
    pub(super) offers: Offers,
}

/// A client's side of a handshake.
pub(crate) struct ClientConfig {
    pub(super) offers: Offers,
    /// `None` when identity and key are the application's to say, in each handshake.
    pub(super) psk: Option<ClientPsk>,
    /// The name by which the server is asked for.
    pub(super) servername: Option<String>,
}

impl Offers {
    /// `groups`: IANA's numbers, best first; `None` for all.
    fn new(settings: &Settings, groups: Option<&[u16]>) -> Result<Offers, ConfigError> {
        let suites = suites(settings)?;
        let groups = match groups {
            None => Group::ALL.to_vec(),
            Some(ids) => ids.iter().filter_map(|&id| Group::from_id(id)).collect(),
        };
        if suites.is_empty() || groups.is_empty() {
            return Err(ConfigError::NoUsableSuite);
        }
        Ok(Offers {
            suites,
            groups,
            protocols: settings.wishes.protocols.clone(),
            pace: Pace {
                first_interval: settings.first_interval,
                longest_interval: settings.longest_interval,
                mtu: settings.mtu,
            },
        })
    }
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
    pub(crate) fn new(settings: &Settings, groups: Option<&[u16]>) -> Result<ServerConfig, ConfigError> {
        Ok(ServerConfig { offers: Offers::new(settings, groups)? })
    }

    pub(crate) fn suites(&self) -> &[Suite] {
        &self.offers.suites
    }
}

impl ClientConfig {
    pub(crate) fn new(
        settings: &Settings,
        groups: Option<&[u16]>,
        psk: Option<ClientPsk>,
        servername: Option<String>,
    ) -> Result<ClientConfig, ConfigError> {
        let mut offers = Offers::new(settings, groups)?;
        // RFC 8446 section 4.2.11: a pre-shared key is good for one hash, and the best suite says which.
        if let Some(first) = offers.suites.first().copied() {
            offers.suites.retain(|&suite| hash(suite) == hash(first));
        }
        Ok(ClientConfig { offers, psk, servername })
    }

    pub(crate) fn suites(&self) -> &[Suite] {
        &self.offers.suites
    }

    /// Has the server asked for by this name.
    pub(crate) fn send_name(&mut self, servername: &str) {
        self.servername = Some(servername.to_owned());
    }
}
