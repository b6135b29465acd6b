//! Options that `lib/options.js` has validated, as the types below want them.

use super::error::{CodedError, config_error, internal};
use crate::proto::{
    ClientConfig, ClientPsk, ConfigError, Credentials, Limits, ServerAuthentication, ServerConfig, Settings,
    TrustAnchors,
};
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use std::time::Duration;

/// Options of a server. Times in milliseconds.
#[napi(object, object_to_js = false)]
pub struct NativeServerOptions {
    /// PEM or DER.
    pub key: Option<Buffer>,
    /// Of an encrypted key.
    pub passphrase: Option<Buffer>,
    /// PEM or DER each, the key's own first.
    pub cert: Option<Vec<Buffer>>,
    /// Whether look-ups of pre-shared keys can be answered.
    pub psk: bool,
    /// IANA's or OpenSSL's names, best first.
    pub ciphers: Option<Vec<String>>,
    /// To the first retransmission.
    pub handshake_timeout_min: u32,
    /// Upper bound of the doubling.
    pub handshake_timeout_max: u32,
    /// For the whole handshake.
    pub handshake_timeout: u32,
    /// From the last authentic record; 0 for ever.
    pub idle_timeout: u32,
    /// At a time.
    pub max_handshakes: u32,
    /// At a time, from one IP address.
    pub max_handshakes_per_address: u32,
    /// At a time, unfinished handshakes included.
    pub max_connections: u32,
    /// Payload bytes of a handshake datagram.
    pub mtu: u16,
    /// 0 to 4.
    pub debug: u8,
}

/// Options of a client. Times in milliseconds.
#[napi(object, object_to_js = false)]
pub struct NativeClientOptions {
    /// PEM or DER.
    pub key: Option<Buffer>,
    /// Of an encrypted key.
    pub passphrase: Option<Buffer>,
    /// PEM or DER each, the key's own first.
    pub cert: Option<Vec<Buffer>>,
    /// PEM or DER each; none for PSK alone.
    pub ca: Option<Vec<Buffer>>,
    /// Pre-shared key.
    pub psk: Option<Buffer>,
    /// Under which the key is presented.
    pub psk_identity: Option<Buffer>,
    /// DNS name or IP literal that the server's certificate must name.
    pub servername: Option<String>,
    /// Whether a certificate that does not verify ends the handshake.
    pub reject_unauthorized: bool,
    /// IANA's or OpenSSL's names, best first.
    pub ciphers: Option<Vec<String>>,
    /// To the first retransmission.
    pub handshake_timeout_min: u32,
    /// Upper bound of the doubling.
    pub handshake_timeout_max: u32,
    /// For the whole handshake.
    pub handshake_timeout: u32,
    /// From the last authentic record; 0 for ever.
    pub idle_timeout: u32,
    /// Payload bytes of a handshake datagram.
    pub mtu: u16,
    /// 0 to 4.
    pub debug: u8,
}

fn milliseconds(value: u32) -> Duration {
    Duration::from_millis(value.into())
}

fn idle_timeout(value: u32) -> Option<Duration> {
    (value != 0).then(|| milliseconds(value))
}

fn credentials(
    key: Option<&Buffer>,
    passphrase: Option<&Buffer>,
    cert: Option<&Vec<Buffer>>,
) -> Result<Option<Credentials>, ConfigError> {
    match (key, cert) {
        (Some(key), Some(cert)) => Credentials::parse(key, passphrase.map(AsRef::as_ref), cert).map(Some),
        _ => Ok(None),
    }
}

impl NativeServerOptions {
    pub(super) fn config(&self) -> Result<ServerConfig, CodedError> {
        let settings = Settings {
            ciphers: self.ciphers.clone(),
            first_interval: milliseconds(self.handshake_timeout_min),
            longest_interval: milliseconds(self.handshake_timeout_max),
            mtu: self.mtu,
        };
        credentials(self.key.as_ref(), self.passphrase.as_ref(), self.cert.as_ref())
            .and_then(|credentials| ServerConfig::new(&settings, credentials, self.psk))
            .map_err(config_error)
    }

    pub(super) fn limits(&self) -> Limits {
        Limits {
            handshake_timeout: milliseconds(self.handshake_timeout),
            idle_timeout: idle_timeout(self.idle_timeout),
            handshakes: self.max_handshakes as usize,
            handshakes_per_address: self.max_handshakes_per_address,
            connections: self.max_connections as usize,
        }
    }
}

impl NativeClientOptions {
    pub(super) fn config(&self) -> Result<ClientConfig, CodedError> {
        let settings = Settings {
            ciphers: self.ciphers.clone(),
            first_interval: milliseconds(self.handshake_timeout_min),
            longest_interval: milliseconds(self.handshake_timeout_max),
            mtu: self.mtu,
        };
        let psk = match (&self.psk, &self.psk_identity) {
            (Some(key), Some(identity)) => Some(ClientPsk::new(identity, key).map_err(config_error)?),
            (None, None) => None,
            _ => return Err(internal("A pre-shared key and its identity belong together")),
        };
        let server = match &self.ca {
            Some(ca) => Some(ServerAuthentication {
                trust_anchors: TrustAnchors::shared(ca).map_err(config_error)?,
                servername: self.servername.clone(),
                required: self.reject_unauthorized,
            }),
            None => None,
        };
        credentials(self.key.as_ref(), self.passphrase.as_ref(), self.cert.as_ref())
            .and_then(|credentials| ClientConfig::new(&settings, psk, server, credentials))
            .map_err(config_error)
    }

    pub(super) fn limits(&self) -> Limits {
        Limits {
            handshake_timeout: milliseconds(self.handshake_timeout),
            idle_timeout: idle_timeout(self.idle_timeout),
            handshakes: 1,
            handshakes_per_address: 1,
            connections: 1,
        }
    }
}
