//! Events and statistics as plain JavaScript objects. Rare, except `data` of a datagram with several records.

use crate::proto::{CloseReason, Endpoint, Error, Event};
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

/// Something that happened; `kind` says which of the other properties are there.
#[napi(object, object_from_js = false)]
#[derive(Default)]
pub struct NativeEvent {
    /// connection, pskLookup, peerLookup, secure, data, closed or trace.
    pub kind: &'static str,
    /// All but trace.
    pub connection: Option<u32>,
    /// connection: IP literal of the peer.
    pub address: Option<String>,
    /// connection: UDP port of the peer.
    pub port: Option<u16>,
    /// pskLookup, peerLookup: what to answer.
    pub lookup: Option<u32>,
    /// pskLookup: as the client sent it.
    pub identity: Option<Buffer>,
    /// peerLookup, secure: SubjectPublicKeyInfo that the peer presents, or has proved to be its own; DER.
    pub public_key: Option<Buffer>,
    /// peerLookup: the certificate that the key is from, DER.
    pub certificate: Option<Buffer>,
    /// secure: IANA's name of the suite.
    pub cipher: Option<&'static str>,
    /// secure: the identity whose key the peer proved to have.
    pub psk_identity: Option<Buffer>,
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
        NativeError { code: error.code(), message: error.to_string(), errno: error.errno, alert: error.alert }
    }
}

impl From<Event> for NativeEvent {
    fn from(event: Event) -> NativeEvent {
        match event {
            Event::Connection { connection, remote } => NativeEvent {
                kind: "connection",
                connection: Some(connection.0),
                address: Some(remote.ip().to_string()),
                port: Some(remote.port()),
                ..Default::default()
            },
            Event::PskLookup { connection, lookup, identity } => NativeEvent {
                kind: "pskLookup",
                connection: Some(connection.0),
                lookup: Some(lookup.0),
                identity: Some(identity.into()),
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
            Event::Secure { connection, suite, psk_identity, peer, handshake_time } => NativeEvent {
                kind: "secure",
                connection: Some(connection.0),
                cipher: Some(suite.name()),
                psk_identity: psk_identity.map(Into::into),
                public_key: peer.map(|peer| peer.public_key.into()),
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
            connections: u32::try_from(endpoint.connection_count()).unwrap_or(u32::MAX),
            handshakes: u32::try_from(endpoint.handshake_count()).unwrap_or(u32::MAX),
            lookups: u32::try_from(endpoint.lookup_count()).unwrap_or(u32::MAX),
        }
    }
}
