//! Events and statistics as plain JavaScript objects. Rare, except `data` of a datagram with several records.

use super::address;
use super::error::{CodedError, invalid_session};
use super::words;
use crate::proto::{
    Authorization, CloseReason, Endpoint, Error, Event, MaxFragmentLength, ReplayWindow, ResumableSession,
    SavedConnection, SessionId, Suite,
};
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;

/// A datagram to send.
#[napi(object, object_from_js = false)]
pub struct NativeTransmit {
    /// UDP payload.
    pub datagram: Buffer,
    /// IP literal.
    pub address: String,
    /// UDP port.
    pub port: u16,
}

/// Why a connection failed.
#[napi(object, object_from_js = false)]
pub struct NativeError {
    /// Permanent.
    pub code: &'static str,
    /// For a human.
    pub message: String,
    /// Mbed TLS's negative number, or 0.
    pub errno: i32,
    /// Sent or received.
    pub alert: Option<u8>,
}

/// Contents of the two Finished messages, 12 bytes each.
#[napi(object, object_from_js = false)]
pub struct NativeFinished {
    /// Ours.
    pub own: Buffer,
    /// The peer's.
    pub peer: Buffer,
}

/// A live connection, saved. Secret: whoever has it can read and write in the connection's name.
#[napi(object)]
pub struct NativeSavedConnection {
    /// IANA's number.
    pub ciphersuite: u16,
    /// 64 bytes: the client's random, then the server's.
    pub randbytes: Buffer,
    /// Session id, at most 32 bytes.
    pub id: Buffer,
    /// 48 bytes.
    pub master: Buffer,
    /// Epoch of the records.
    pub epoch: u16,
    /// 8 bytes: epoch and number of the next record to send.
    pub counter: Buffer,
    /// 8 bytes each: highest record number that was authenticated, and the window below it.
    pub window_top: Option<Buffer>,
    /// See `windowTop`.
    pub window: Option<Buffer>,
    /// RFC 7366.
    pub encrypt_then_mac: Option<bool>,
    /// RFC 7627.
    pub extended_master_secret: Option<bool>,
    /// RFC 6066, bytes.
    pub max_fragment_length: Option<u16>,
}

impl From<SavedConnection> for NativeSavedConnection {
    fn from(saved: SavedConnection) -> NativeSavedConnection {
        let number = |value: u64| Buffer::from(value.to_be_bytes().to_vec());
        NativeSavedConnection {
            ciphersuite: saved.suite.id(),
            randbytes: saved.randoms.to_vec().into(),
            id: saved.session_id.as_bytes().to_vec().into(),
            master: saved.master_secret.to_vec().into(),
            epoch: saved.epoch,
            counter: number(u64::from(saved.epoch) << 48 | saved.next_number),
            window_top: saved.replay_window.map(|window| number(window.top)),
            window: saved.replay_window.map(|window| number(window.seen)),
            encrypt_then_mac: Some(saved.encrypt_then_mac),
            extended_master_secret: saved.extended_master_secret,
            max_fragment_length: saved.max_fragment_length.map(MaxFragmentLength::bytes),
        }
    }
}

impl NativeSavedConnection {
    /// Every length is checked here; nothing of it reaches the engine unparsed.
    pub(super) fn parse(&self) -> Result<SavedConnection, CodedError> {
        let counter = u64::from_be_bytes(exactly("out_ctr", &self.counter)?);
        let replay_window = match (&self.window_top, &self.window) {
            (Some(top), Some(seen)) => Some(ReplayWindow {
                top: u64::from_be_bytes(exactly("in_window_top", top)?),
                seen: u64::from_be_bytes(exactly("in_window", seen)?),
            }),
            _ => None,
        };
        Ok(SavedConnection {
            suite: suite(self.ciphersuite)?,
            randoms: exactly("randbytes", &self.randbytes)?.into(),
            session_id: session_id(&self.id)?,
            master_secret: exactly("master", &self.master)?.into(),
            epoch: self.epoch,
            next_number: counter & 0xffff_ffff_ffff,
            replay_window,
            max_fragment_length: self.max_fragment_length.map(max_fragment_length).transpose()?,
            encrypt_then_mac: self.encrypt_then_mac.unwrap_or(false),
            extended_master_secret: self.extended_master_secret,
        })
    }
}

/// What a session needs to be resumed. Secret, like the connection that it came from.
#[napi(object, object_to_js = false)]
pub struct NativeSession {
    /// IANA's number.
    pub ciphersuite: u16,
    /// 48 bytes.
    pub master: Buffer,
    /// RFC 7366.
    pub encrypt_then_mac: Option<bool>,
    /// RFC 7627.
    pub extended_master_secret: Option<bool>,
}

impl NativeSession {
    pub(super) fn parse(&self) -> Result<ResumableSession, CodedError> {
        Ok(ResumableSession {
            suite: suite(self.ciphersuite)?,
            master_secret: exactly("master", &self.master)?.into(),
            encrypt_then_mac: self.encrypt_then_mac,
            extended_master_secret: self.extended_master_secret,
        })
    }
}

fn suite(id: u16) -> Result<Suite, CodedError> {
    Suite::from_id(id).ok_or_else(|| invalid_session(format!("its cipher suite {id:#06x} is not one of ours")))
}

fn session_id(bytes: &[u8]) -> Result<SessionId, CodedError> {
    SessionId::new(bytes).ok_or_else(|| {
        let limit = SessionId::LIMIT;
        invalid_session(format!("its 'id' has {} bytes, more than {limit}", bytes.len()))
    })
}

fn max_fragment_length(bytes: u16) -> Result<MaxFragmentLength, CodedError> {
    MaxFragmentLength::from_bytes(bytes)
        .ok_or_else(|| invalid_session(format!("its 'max_fragment_length' of {bytes} bytes is none of RFC 6066")))
}

fn exactly<const LENGTH: usize>(name: &str, bytes: &[u8]) -> Result<[u8; LENGTH], CodedError> {
    bytes.try_into().map_err(|_| invalid_session(format!("its '{name}' has {} bytes, not {LENGTH}", bytes.len())))
}

/// Something that happened; `kind` says which of the other properties are there.
#[napi(object, object_from_js = false)]
#[derive(Default)]
pub struct NativeEvent {
    /// connection, configLookup, protocolLookup, pskLookup, identityLookup, peerLookup, resumptionLookup, sessionLookup,
    /// moveLookup, lookupExpired, moved, secure, data, closed or trace.
    pub kind: &'static str,
    /// Which connection, where there is one.
    pub connection: Option<u32>,
    /// connection, moveLookup, moved: IP literal of the peer. sessionLookup: the one that it had.
    pub address: Option<String>,
    /// As `address`: UDP port.
    pub port: Option<u16>,
    /// connection, configLookup: the name that the client asks for.
    pub servername: Option<String>,
    /// moved: IP literal before.
    pub old_address: Option<String>,
    /// moved: UDP port before.
    pub old_port: Option<u16>,
    /// moveLookup: the device's name for itself.
    pub device_id: Option<Buffer>,
    /// The lookups: what to answer; lookupExpired: what was not.
    pub lookup: Option<u32>,
    /// protocolLookup: application protocols, each with its length before it.
    pub protocols: Option<Buffer>,
    /// pskLookup: as the client sent it.
    pub identity: Option<Buffer>,
    /// identityLookup: as the server sent it; absent without.
    pub hint: Option<Buffer>,
    /// resumptionLookup: as the client sent it.
    pub session_id: Option<Buffer>,
    /// peerLookup, secure: SubjectPublicKeyInfo that the peer presents, or has proved to be its own; DER.
    pub public_key: Option<Buffer>,
    /// peerLookup, secure: the certificate that the key is from, DER.
    pub certificate: Option<Buffer>,
    /// secure: IANA's name of the suite.
    pub cipher: Option<&'static str>,
    /// secure: an earlier session's master secret was used.
    pub resumed: Option<bool>,
    /// secure: the identity whose key the peer proved to have.
    pub psk_identity: Option<Buffer>,
    /// secure: application protocol (RFC 7301), bytes.
    pub protocol: Option<Buffer>,
    /// secure: whether the peer has proved to be one that the options accept.
    pub authorized: Option<bool>,
    /// secure: code of what is wrong with a peer that was let in nevertheless.
    pub authorization_error: Option<&'static str>,
    /// secure: certificates that the peer has sent behind its own, DER.
    pub issuers: Option<Vec<Buffer>>,
    /// secure: OpenSSL's name of the SRTP profile.
    pub srtp_profile: Option<&'static str>,
    /// secure: milliseconds.
    pub handshake_time: Option<f64>,
    /// data: plaintext of one record.
    pub data: Option<Buffer>,
    /// closed: peer, local, idle, replaced or error.
    pub reason: Option<&'static str>,
    /// closed: when the reason is error.
    pub error: Option<NativeError>,
    /// trace: 1 to 4.
    pub level: Option<u8>,
    /// trace: one line.
    pub message: Option<String>,
}

impl From<Error> for NativeError {
    fn from(error: Error) -> NativeError {
        NativeError {
            code: words::code(error.kind),
            message: words::message(&error),
            errno: error.errno,
            alert: error.alert,
        }
    }
}

impl From<Event> for NativeEvent {
    fn from(event: Event) -> NativeEvent {
        match event {
            Event::Connection { connection, remote, servername } => NativeEvent {
                kind: "connection",
                servername,
                connection: Some(connection.0),
                address: Some(address::format(&remote)),
                port: Some(remote.port()),
                ..Default::default()
            },
            Event::ConfigLookup { connection, lookup, servername } => NativeEvent {
                kind: "configLookup",
                connection: Some(connection.0),
                lookup: Some(lookup.0),
                servername: Some(servername),
                ..Default::default()
            },
            Event::ProtocolLookup { connection, lookup, protocols } => NativeEvent {
                kind: "protocolLookup",
                connection: Some(connection.0),
                lookup: Some(lookup.0),
                protocols: Some(protocols.into()),
                ..Default::default()
            },
            Event::PskLookup { connection, lookup, identity } => NativeEvent {
                kind: "pskLookup",
                connection: Some(connection.0),
                lookup: Some(lookup.0),
                identity: Some(identity.into()),
                ..Default::default()
            },
            Event::IdentityLookup { connection, lookup, hint } => NativeEvent {
                kind: "identityLookup",
                connection: Some(connection.0),
                lookup: Some(lookup.0),
                hint: hint.map(Into::into),
                ..Default::default()
            },
            Event::ResumptionLookup { connection, lookup, session_id } => NativeEvent {
                kind: "resumptionLookup",
                connection: Some(connection.0),
                lookup: Some(lookup.0),
                session_id: Some(session_id.into()),
                ..Default::default()
            },
            Event::SessionLookup { lookup, claimed } => NativeEvent {
                kind: "sessionLookup",
                lookup: Some(lookup.0),
                address: Some(address::format(&claimed)),
                port: Some(claimed.port()),
                ..Default::default()
            },
            Event::MoveLookup { lookup, remote, device_id } => NativeEvent {
                kind: "moveLookup",
                lookup: Some(lookup.0),
                address: Some(address::format(&remote)),
                port: Some(remote.port()),
                device_id: Some(device_id.into()),
                ..Default::default()
            },
            Event::LookupExpired { lookup } => {
                NativeEvent { kind: "lookupExpired", lookup: Some(lookup.0), ..Default::default() }
            }
            Event::Moved { connection, remote, old } => NativeEvent {
                kind: "moved",
                connection: Some(connection.0),
                address: Some(address::format(&remote)),
                port: Some(remote.port()),
                old_address: Some(address::format(&old)),
                old_port: Some(old.port()),
                ..Default::default()
            },
            Event::PeerLookup { connection, lookup, peer } => NativeEvent {
                kind: "peerLookup",
                connection: Some(connection.0),
                lookup: Some(lookup.0),
                public_key: Some(peer.public_key.into()),
                certificate: peer.certificate.map(Into::into),
                ..Default::default()
            },
            Event::Secure { connection, suite, resumed, psk_identity, peer, terms, handshake_time } => NativeEvent {
                kind: "secure",
                connection: Some(connection.0),
                cipher: Some(suite.name()),
                resumed: Some(resumed),
                psk_identity: psk_identity.map(Into::into),
                certificate: peer.as_ref().and_then(|peer| peer.certificate.clone()).map(Into::into),
                public_key: peer.map(|peer| peer.public_key.into()),
                protocol: terms.protocol.map(Into::into),
                authorized: Some(terms.authorization == Authorization::Granted),
                authorization_error: match terms.authorization {
                    Authorization::Refused(kind) => Some(words::code(kind)),
                    Authorization::Granted | Authorization::Unknown => None,
                },
                issuers: Some(terms.issuers.into_iter().map(Into::into).collect())
                    .filter(|list: &Vec<_>| !list.is_empty()),
                srtp_profile: terms.srtp_profile,
                handshake_time: Some(handshake_time.as_secs_f64() * 1000.0),
                ..Default::default()
            },
            Event::Data { connection, payload } => NativeEvent {
                kind: "data",
                connection: Some(connection.0),
                data: Some(payload.into()),
                ..Default::default()
            },
            Event::Closed { connection, reason } => {
                let (reason, error) = match reason {
                    CloseReason::Peer => ("peer", None),
                    CloseReason::Local => ("local", None),
                    CloseReason::Idle => ("idle", None),
                    CloseReason::Replaced => ("replaced", None),
                    CloseReason::Error(error) => ("error", Some(error.into())),
                };
                NativeEvent {
                    kind: "closed",
                    connection: Some(connection.0),
                    reason: Some(reason),
                    error,
                    ..Default::default()
                }
            }
            Event::Trace { level, message } => {
                NativeEvent { kind: "trace", level: Some(level), message: Some(message), ..Default::default() }
            }
        }
    }
}

/// What has happened at an endpoint, and what is there now.
#[napi(object, object_from_js = false)]
pub struct NativeStats {
    /// Total.
    pub datagrams_received: f64,
    /// Total.
    pub datagrams_sent: f64,
    /// Without any record that was used.
    pub datagrams_dropped: f64,
    /// Malformed, forged, replayed, or for nobody.
    pub records_dropped: f64,
    /// Answers to hellos without a valid cookie.
    pub hello_verify_requests_sent: f64,
    /// Total.
    pub handshakes_started: f64,
    /// Total.
    pub handshakes_completed: f64,
    /// Total.
    pub handshakes_failed: f64,
    /// Beyond a limit.
    pub handshakes_refused: f64,
    /// Done by other threads.
    pub handshake_steps_offloaded: f64,
    /// Now, unfinished handshakes included.
    pub connections: u32,
    /// Unfinished, now.
    pub handshakes: u32,
    /// Open, now.
    pub lookups: u32,
}

impl NativeStats {
    /// Counters are exact up to 2^53.
    pub(super) fn of(endpoint: &Endpoint) -> NativeStats {
        let counters = endpoint.counters();
        NativeStats {
            datagrams_received: counters.datagrams_received as f64,
            datagrams_sent: counters.datagrams_sent as f64,
            datagrams_dropped: counters.datagrams_dropped as f64,
            records_dropped: counters.records_dropped as f64,
            hello_verify_requests_sent: counters.hello_verify_requests_sent as f64,
            handshakes_started: counters.handshakes_started as f64,
            handshakes_completed: counters.handshakes_completed as f64,
            handshakes_failed: counters.handshakes_failed as f64,
            handshakes_refused: counters.handshakes_refused as f64,
            handshake_steps_offloaded: counters.jobs_started as f64,
            connections: u32::try_from(endpoint.connection_count()).unwrap_or(u32::MAX),
            handshakes: u32::try_from(endpoint.handshake_count()).unwrap_or(u32::MAX),
            lookups: u32::try_from(endpoint.lookup_count()).unwrap_or(u32::MAX),
        }
    }
}
