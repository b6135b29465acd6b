//! Events as plain JavaScript objects. Rare, except `data` of a datagram with several records.

use super::address;
use super::stats::tally_bytes;
use super::words;
use crate::proto::{Authorization, CloseReason, Dropped, Error, Event, HandshakeQuestion, Question, Route};
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;

/// A datagram, and its peer.
#[napi(object, object_from_js = false)]
pub struct NativeTransmit {
    /// UDP payload.
    pub datagram: Buffer,
    /// IP literal.
    pub address: String,
    /// UDP port.
    pub port: u16,
}

impl NativeTransmit {
    pub(super) fn new(route: Route, datagram: Vec<u8>) -> NativeTransmit {
        let address = address::format(&route.remote);
        NativeTransmit { datagram: datagram.into(), address, port: route.remote.port() }
    }
}

/// Something that was dropped.
#[napi(object, object_from_js = false)]
pub struct NativeDrop {
    /// IP literal of whoever has sent it.
    pub address: String,
    /// UDP port.
    pub port: u16,
    /// Permanent.
    pub reason: &'static str,
    /// Records, or datagrams without any.
    pub count: u32,
}

impl From<Dropped> for NativeDrop {
    fn from(dropped: Dropped) -> NativeDrop {
        NativeDrop {
            address: address::format(&dropped.remote),
            port: dropped.remote.port(),
            reason: dropped.reason.name(),
            count: u32::try_from(dropped.count).unwrap_or(u32::MAX),
        }
    }
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
    /// The PSK identity that the peer presents, which nobody has proved.
    pub psk_identity: Option<Buffer>,
    /// The public key that it presents, SubjectPublicKeyInfo in DER.
    pub public_key: Option<Buffer>,
    /// The certificate that it presents, DER.
    pub certificate: Option<Buffer>,
}

/// Something that happened; `kind` says which of the other properties are there.
#[napi(object, object_from_js = false)]
#[derive(Default)]
pub struct NativeEvent {
    /// connection, question, questionExpired, moved, keylog, secure, session, newSession, sessionEnded, clockBehind, copyDue, data or closed.
    pub kind: &'static str,
    /// The connection that it happened to, where there is one.
    pub connection: Option<u32>,
    /// question: what to answer. questionExpired: what was not answered in time.
    pub question: Option<u32>,
    /// question: context, protocol, psk, ownPsk, session, peer, restore or move.
    pub about: Option<&'static str>,
    /// connection, moved, question about a move: IP literal of the peer. Question about a restore: the one that it had.
    pub address: Option<String>,
    /// UDP port that belongs to `address`.
    pub port: Option<u16>,
    /// Question about a restore: the connection ID that the peer names it by (RFC 9146).
    pub own_id: Option<Buffer>,
    /// connection, question about a context: the name that the client asks for.
    pub servername: Option<String>,
    /// moved: IP literal of the peer before it moved.
    pub old_address: Option<String>,
    /// moved: UDP port of the peer before it moved.
    pub old_port: Option<u16>,
    /// Question about a move: the device's name for itself.
    pub device_id: Option<Buffer>,
    /// Question about a protocol: application protocols, each with its length before it.
    pub protocols: Option<Buffer>,
    /// Question about a psk: the identity as the client sent it.
    pub identity: Option<Buffer>,
    /// Question about our own psk: the hint as the server sent it; absent without.
    pub hint: Option<Buffer>,
    /// Question about a session: its id as the client sent it. newSession, sessionEnded: its id.
    pub session_id: Option<Buffer>,
    /// newSession: what a store keeps under the id.
    pub session: Option<Buffer>,
    /// secure, question about a peer: SubjectPublicKeyInfo that it presents, or has proved to be its own; DER.
    pub public_key: Option<Buffer>,
    /// secure, question about a peer: the certificate that the key is from, DER.
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
    /// data: plaintext of one record. keylog: lines in NSS's form. closed: the counters of the connection.
    pub data: Option<Buffer>,
    /// closed: peer, local, idle, replaced, evicted or error.
    pub reason: Option<&'static str>,
    /// closed: when the reason is error.
    pub error: Option<NativeError>,
}

impl From<Error> for NativeError {
    fn from(error: Error) -> NativeError {
        let message = words::message(&error);
        let claim = error.claim.map(|claim| *claim).unwrap_or_default();
        NativeError {
            code: words::code(error.kind),
            message,
            errno: error.errno,
            alert: error.alert,
            psk_identity: claim.psk_identity.map(Into::into),
            public_key: claim.public_key.map(Into::into),
            certificate: claim.certificate.map(Into::into),
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
            Event::Question { question, connection, about } => NativeEvent {
                kind: "question",
                question: Some(question.0),
                connection: connection.map(|connection| connection.0),
                ..about_question(about)
            },
            Event::QuestionExpired { question } => {
                NativeEvent { kind: "questionExpired", question: Some(question.0), ..Default::default() }
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
            Event::CopyDue { connection } => {
                NativeEvent { kind: "copyDue", connection: Some(connection.0), ..Default::default() }
            }
            Event::ClockBehind { remote } => NativeEvent {
                kind: "clockBehind",
                address: Some(address::format(&remote)),
                port: Some(remote.port()),
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
            Event::NewSession { connection, session } => NativeEvent {
                kind: "newSession",
                connection: Some(connection.0),
                session_id: Some(session.id.as_bytes().to_vec().into()),
                session: Some(session.bytes.to_vec().into()),
                ..Default::default()
            },
            Event::Session { connection } => {
                NativeEvent { kind: "session", connection: Some(connection.0), ..Default::default() }
            }
            Event::SessionEnded { id } => NativeEvent {
                kind: "sessionEnded",
                session_id: Some(id.as_bytes().to_vec().into()),
                ..Default::default()
            },
            Event::KeyLog { connection, lines } => NativeEvent {
                kind: "keylog",
                connection: Some(connection.0),
                data: Some(lines.as_bytes().into()),
                ..Default::default()
            },
            Event::Data { connection, payload } => NativeEvent {
                kind: "data",
                connection: Some(connection.0),
                data: Some(payload.into()),
                ..Default::default()
            },
            Event::Closed { connection, reason, tally } => {
                let (reason, error) = match reason {
                    CloseReason::Peer => ("peer", None),
                    CloseReason::Local => ("local", None),
                    CloseReason::Idle => ("idle", None),
                    CloseReason::Replaced => ("replaced", None),
                    CloseReason::Evicted => ("evicted", None),
                    CloseReason::Error(error) => ("error", Some(error.into())),
                };
                NativeEvent {
                    kind: "closed",
                    connection: Some(connection.0),
                    reason: Some(reason),
                    data: Some(tally_bytes(&tally).as_slice().into()),
                    error,
                    ..Default::default()
                }
            }
        }
    }
}

/// What an event about a question has to say beside its number.
fn about_question(question: Question) -> NativeEvent {
    match question {
        Question::Handshake(HandshakeQuestion::Config(servername)) => {
            NativeEvent { about: Some("context"), servername: Some(servername), ..Default::default() }
        }
        Question::Handshake(HandshakeQuestion::Protocol(protocols)) => {
            NativeEvent { about: Some("protocol"), protocols: Some(protocols.into()), ..Default::default() }
        }
        Question::Handshake(HandshakeQuestion::Psk(identity)) => {
            NativeEvent { about: Some("psk"), identity: Some(identity.into()), ..Default::default() }
        }
        Question::Handshake(HandshakeQuestion::OwnPsk(hint)) => {
            NativeEvent { about: Some("ownPsk"), hint: hint.map(Into::into), ..Default::default() }
        }
        Question::Handshake(HandshakeQuestion::Session(id)) => {
            NativeEvent { about: Some("session"), session_id: Some(id.into()), ..Default::default() }
        }
        Question::Handshake(HandshakeQuestion::Peer(peer)) => NativeEvent {
            about: Some("peer"),
            public_key: Some(peer.public_key.into()),
            certificate: peer.certificate.map(Into::into),
            ..Default::default()
        },
        Question::Restore { claimed, id } => NativeEvent {
            about: Some("restore"),
            own_id: id.map(|id| id.as_bytes().to_vec().into()),
            address: Some(address::format(&claimed)),
            port: Some(claimed.port()),
            ..Default::default()
        },
        Question::Move { remote, device_id } => NativeEvent {
            about: Some("move"),
            address: Some(address::format(&remote)),
            port: Some(remote.port()),
            device_id: Some(device_id.into()),
            ..Default::default()
        },
    }
}
