//! Options that `lib/options/options.js` has validated, as the types below want them.

use super::error::{CodedError, config_error, internal};
use super::sessions::NativeSessions;
use super::wall_clock::wall_clock;
use crate::proto::{
    AddressValidation, ClientConfig, ClientPsk, ConfigError, Credentials, Limits, PeerAuthentication, PskModes,
    PublicKey, RevocationLists, ServerConfig, Settings, TrustAnchors, Version, Versions, Wishes, parse_public_key,
};
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Options of a server. Times in milliseconds.
#[napi(object, object_to_js = false)]
pub struct NativeServerOptions {
    /// PEM or DER.
    pub key: Option<Buffer>,
    /// Keys of other kinds. With any, each entry of `cert` is a whole chain.
    pub other_keys: Option<Vec<Buffer>>,
    /// PEM or DER each, the key's own first.
    pub cert: Option<Vec<Buffer>>,
    /// Whether look-ups of pre-shared keys can be answered.
    pub psk: bool,
    /// Whether clients are asked for a certificate or a raw public key.
    pub request_cert: bool,
    /// Whether one that does not authenticate ends the handshake.
    pub reject_unauthorized: bool,
    /// Who may vouch for clients, PEM or DER each.
    pub ca: Option<Vec<Buffer>>,
    /// Raw public keys are welcome; these are authenticated. SubjectPublicKeyInfo, PEM or DER each.
    pub peer_public_key: Option<Vec<Buffer>>,
    /// Revocation lists, PEM or DER each.
    pub crl: Option<Vec<Buffer>>,
    /// Whether the application is asked about each client that is not authenticated by its raw public key.
    pub verify_peer: bool,
    /// IANA's or OpenSSL's names, best first.
    pub ciphers: Option<Vec<String>>,
    /// What else is negotiated.
    pub negotiation: NativeNegotiation,
    /// To the first retransmission.
    pub handshake_timeout_min: u32,
    /// Upper bound of the doubling.
    pub handshake_timeout_max: u32,
    /// For the whole handshake.
    pub handshake_timeout: u32,
    /// From the last authentic record; 0 for ever.
    pub idle_timeout: u32,
    /// From the last record; none for never.
    pub hibernate_after: Option<u32>,
    /// At a time.
    pub max_handshakes: u32,
    /// At a time, from one IPv4 address or IPv6 prefix of 64 bits.
    pub max_handshakes_per_address: u32,
    /// From a handshake's last progress, while there are many.
    pub stalled_handshake_timeout: u32,
    /// At a time, unfinished handshakes included.
    pub max_connections: u32,
    /// Whether one too many ends the one that has been silent longest.
    pub evict_idle_connections: bool,
    /// The same from one IPv4 address or IPv6 prefix of 64 bits; none for no limit.
    pub max_connections_per_address: Option<u32>,
    /// Open at a time.
    pub max_address_questions: u32,
    /// In the long run.
    pub address_questions_per_second: u32,
    /// Which handshakes are remembered; none of them without.
    pub sessions: Option<NativeSessions>,
    /// Payload bytes of a handshake datagram.
    pub mtu: u16,
    /// Bytes of the connection IDs that peers are asked for, 0 to 32; none for no such extension.
    pub connection_id: Option<u8>,
    /// The first byte of those, where several nodes serve one address.
    pub node_id: Option<u8>,
    /// How a peer that has moved shows that it receives at its address: rrc, rrc-basic or none.
    pub address_validation: String,
    /// The server's Certificate message is left out where it would be a raw public key, as node-mbed-dtls's is.
    pub omit_server_certificate: bool,
    /// 0 to 4.
    pub debug: u8,
}

/// Options of a client. Times in milliseconds.
#[napi(object, object_to_js = false)]
pub struct NativeClientOptions {
    /// PEM or DER.
    pub key: Option<Buffer>,
    /// PEM or DER each, the key's own first.
    pub cert: Option<Vec<Buffer>>,
    /// PEM or DER each; none for PSK alone.
    pub ca: Option<Vec<Buffer>>,
    /// Pre-shared key.
    pub psk: Option<Buffer>,
    /// Under which the key is presented.
    pub psk_identity: Option<Buffer>,
    /// Whether the application is asked for both, in place of these two: identityLookup.
    pub asks_for_psk: bool,
    /// DNS name or IP literal that the server's certificate must name.
    pub servername: Option<String>,
    /// Whether the application compares that name with the certificate's; needs `verify_peer`.
    pub leaves_name: bool,
    /// Whether a certificate or key that does not verify ends the handshake.
    pub reject_unauthorized: bool,
    /// Raw public keys are welcome; these are authenticated. SubjectPublicKeyInfo, PEM or DER each.
    pub peer_public_key: Option<Vec<Buffer>>,
    /// Revocation lists, PEM or DER each.
    pub crl: Option<Vec<Buffer>>,
    /// Whether the application is asked about a server that is not authenticated by its raw public key.
    pub verify_peer: bool,
    /// IANA's or OpenSSL's names, best first.
    pub ciphers: Option<Vec<String>>,
    /// What else is negotiated.
    pub negotiation: NativeNegotiation,
    /// To the first retransmission.
    pub handshake_timeout_min: u32,
    /// Upper bound of the doubling.
    pub handshake_timeout_max: u32,
    /// For the whole handshake.
    pub handshake_timeout: u32,
    /// From the last authentic record; 0 for ever.
    pub idle_timeout: u32,
    /// From the last record; none for never.
    pub hibernate_after: Option<u32>,
    /// What is to be resumed, as `session` answered it.
    pub session: Option<Buffer>,
    /// Payload bytes of a handshake datagram.
    pub mtu: u16,
    /// Bytes of the connection IDs that peers are asked for, 0 to 32; none for no such extension.
    pub connection_id: Option<u8>,
    /// How a peer that has moved shows that it receives at its address: rrc, rrc-basic or none.
    pub address_validation: String,
    /// The server's Certificate message is left out where it would be a raw public key, as node-mbed-dtls's is.
    pub omit_server_certificate: bool,
    /// 0 to 4.
    pub debug: u8,
}

/// What the two hellos negotiate beside the suite.
#[napi(object, object_to_js = false)]
pub struct NativeNegotiation {
    /// Names of groups, best first.
    pub curves: Option<Vec<String>>,
    /// Names of signature algorithms, best first.
    pub sigalgs: Option<Vec<String>>,
    /// Application protocols, best first.
    pub protocols: Option<Vec<Buffer>>,
    /// Whether a peer without RFC 7627 is refused.
    pub extended_master_secret: bool,
    /// Bytes: 512, 1024, 2048 or 4096.
    pub max_fragment_length: Option<u16>,
    /// OpenSSL's names of SRTP profiles, best first.
    pub srtp_profiles: Option<Vec<String>>,
    /// Whether a server chooses the suite that its client likes best.
    pub client_preference: Option<bool>,
    /// Whether a server names its authorities to clients; none: if they have room in a message.
    pub name_authorities: Option<bool>,
    /// By which a server's clients choose their PSK identity.
    pub psk_identity_hint: Option<Buffer>,
    /// How pre-shared keys are used in DTLS 1.3: `psk_dhe_ke`, `psk_ke` or both.
    pub psk_modes: Option<Vec<String>>,
    /// The oldest version, `DTLSv1.2` or `DTLSv1.3`.
    pub min_version: Option<String>,
    /// The newest version, likewise.
    pub max_version: Option<String>,
}

impl NativeNegotiation {
    fn wishes(&self) -> Wishes {
        Wishes {
            curves: self.curves.clone(),
            signature_algorithms: self.sigalgs.clone(),
            protocols: self.protocols.iter().flatten().map(|name| name.to_vec()).collect(),
            extended_master_secret: self.extended_master_secret,
            max_fragment_length: self.max_fragment_length,
            srtp_profiles: self.srtp_profiles.clone().unwrap_or_default(),
            client_preference: self.client_preference.unwrap_or(false),
            name_authorities: self.name_authorities,
            psk_hint: self.psk_identity_hint.as_ref().map(|hint| hint.to_vec()).unwrap_or_default(),
            psk_modes: self.psk_modes.as_ref().and_then(|names| PskModes::of(names.iter().map(String::as_str))),
            versions: Versions {
                oldest: version(self.min_version.as_deref()),
                newest: version(self.max_version.as_deref()),
            },
        }
    }
}

/// DTLS 1.2 unless another one is named.
fn version(name: Option<&str>) -> Version {
    if name == Some(Version::Dtls13.name()) { Version::Dtls13 } else { Version::Dtls12 }
}

/// `lib/options/options.js` lets no other word pass.
pub(super) fn address_validation(word: &str) -> AddressValidation {
    match word {
        "none" => AddressValidation::None,
        "rrc-basic" => AddressValidation::Basic,
        _ => AddressValidation::Enhanced,
    }
}

fn milliseconds(value: u32) -> Duration {
    Duration::from_millis(value.into())
}

fn idle_timeout(value: u32) -> Option<Duration> {
    (value != 0).then(|| milliseconds(value))
}

fn credentials(key: Option<&Buffer>, cert: Option<&Vec<Buffer>>) -> Result<Option<Credentials>, ConfigError> {
    match (key, cert) {
        (Some(key), Some(cert)) => Credentials::parse(key, None, cert).map(Some),
        (Some(key), None) => Credentials::parse_raw(key, None).map(Some),
        (None, _) => Ok(None),
    }
}

fn trust_anchors(ca: Option<&Vec<Buffer>>) -> Result<Option<Arc<TrustAnchors>>, ConfigError> {
    ca.map(|ca| TrustAnchors::shared(ca)).transpose()
}

fn revocations(crl: Option<&Vec<Buffer>>) -> Result<Option<Arc<RevocationLists>>, ConfigError> {
    crl.map(|crl| RevocationLists::parse(crl).map(Arc::new)).transpose()
}

fn public_keys(keys: Option<&Vec<Buffer>>) -> Result<Option<Vec<PublicKey>>, ConfigError> {
    let parse = |(index, key): (usize, &Buffer)| parse_public_key(key, index);
    keys.map(|keys| keys.iter().enumerate().map(parse).collect()).transpose()
}

impl NativeServerOptions {
    pub(super) fn config(&self) -> Result<ServerConfig, CodedError> {
        let settings = Settings {
            ciphers: self.ciphers.clone(),
            wishes: self.negotiation.wishes(),
            revocations: revocations(self.crl.as_ref()).map_err(config_error)?,
            first_interval: milliseconds(self.handshake_timeout_min),
            longest_interval: milliseconds(self.handshake_timeout_max),
            mtu: self.mtu,
        };
        let clients = self.clients().map_err(config_error)?;
        self.credentials()
            .map(|own| if self.omit_server_certificate { own.map(Credentials::leave_out) } else { own })
            .and_then(|credentials| ServerConfig::new(&settings, credentials, self.psk, clients))
            .map_err(config_error)
    }

    fn credentials(&self) -> Result<Option<Credentials>, ConfigError> {
        match (&self.key, &self.other_keys) {
            (Some(key), Some(others)) if !others.is_empty() => {
                let keys: Vec<_> = std::iter::once(key).chain(others).collect();
                Credentials::parse_several(&keys, self.cert.as_deref()).map(Some)
            }
            _ => credentials(self.key.as_ref(), self.cert.as_ref()),
        }
    }

    fn clients(&self) -> Result<Option<PeerAuthentication>, ConfigError> {
        if !self.request_cert {
            return Ok(None);
        }
        Ok(Some(PeerAuthentication {
            trust_anchors: trust_anchors(self.ca.as_ref())?,
            servername: None,
            leaves_name: false,
            public_keys: public_keys(self.peer_public_key.as_ref())?,
            required: self.reject_unauthorized,
            asks: self.verify_peer,
            allows_omission: false,
        }))
    }

    pub(super) fn limits(&self) -> Limits {
        Limits {
            handshake_timeout: milliseconds(self.handshake_timeout),
            idle_timeout: idle_timeout(self.idle_timeout),
            hibernate_after: self.hibernate_after.map(milliseconds),
            handshakes: self.max_handshakes as usize,
            handshakes_per_address: self.max_handshakes_per_address,
            connections: self.max_connections as usize,
            evicts_idle: self.evict_idle_connections,
            stalled_handshake_timeout: milliseconds(self.stalled_handshake_timeout),
            connections_per_address: self.max_connections_per_address,
            address_questions: self.max_address_questions as usize,
            address_questions_per_second: self.address_questions_per_second,
        }
    }
}

impl NativeClientOptions {
    pub(super) fn config(&self, now: Instant) -> Result<ClientConfig, CodedError> {
        let settings = Settings {
            ciphers: self.ciphers.clone(),
            wishes: self.negotiation.wishes(),
            revocations: revocations(self.crl.as_ref()).map_err(config_error)?,
            first_interval: milliseconds(self.handshake_timeout_min),
            longest_interval: milliseconds(self.handshake_timeout_max),
            mtu: self.mtu,
        };
        let psk = match (&self.psk, &self.psk_identity) {
            (Some(key), Some(identity)) if !self.asks_for_psk => {
                Some(ClientPsk::new(identity, key).map_err(config_error)?)
            }
            (None, None) => None,
            _ => return Err(internal("A pre-shared key and its identity belong together, and to nothing else")),
        };
        let server = self.server().map_err(config_error)?;
        let unverified_name = self.servername.as_deref().filter(|_| server.is_none());
        credentials(self.key.as_ref(), self.cert.as_ref())
            .and_then(|credentials| match self.asks_for_psk {
                true => ClientConfig::asking_for_psk(&settings, server, credentials),
                false => ClientConfig::new(&settings, psk, server, credentials),
            })
            .map(|config| match unverified_name {
                Some(name) => config.sending_name(name),
                None => config,
            })
            .map(|config| config.resuming(wall_clock(now), self.session.as_deref()))
            .map_err(config_error)
    }

    /// `None` with a pre-shared key alone.
    fn server(&self) -> Result<Option<PeerAuthentication>, ConfigError> {
        if self.ca.is_none() && self.peer_public_key.is_none() {
            return Ok(None);
        }
        Ok(Some(PeerAuthentication {
            trust_anchors: trust_anchors(self.ca.as_ref())?,
            servername: self.servername.clone(),
            leaves_name: self.leaves_name,
            public_keys: public_keys(self.peer_public_key.as_ref())?,
            required: self.reject_unauthorized,
            asks: self.verify_peer,
            allows_omission: self.omit_server_certificate,
        }))
    }

    pub(super) fn limits(&self) -> Limits {
        Limits {
            handshake_timeout: milliseconds(self.handshake_timeout),
            idle_timeout: idle_timeout(self.idle_timeout),
            hibernate_after: self.hibernate_after.map(milliseconds),
            handshakes: 1,
            handshakes_per_address: 1,
            connections: 1,
            evicts_idle: false,
            stalled_handshake_timeout: milliseconds(self.handshake_timeout),
            connections_per_address: None,
            address_questions: 0,
            address_questions_per_second: 0,
        }
    }
}
