//! What an endpoint has to say.

use super::connection::ConnectionHandle;
use crate::tls::{Error, PeerCredential, Suite, Terms};
use std::net::SocketAddr;
use std::time::Duration;

/// A datagram to send.
#[derive(Debug)]
pub(crate) struct Transmit {
    pub(crate) remote: SocketAddr,
    pub(crate) datagram: Vec<u8>,
}

/// A question to the application; answered once, any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LookupId(pub(crate) u32);

/// Something that the application should know, in causal order. Exactly one `Closed` ends every connection.
#[derive(Debug)]
pub(crate) enum Event {
    /// A client proved with a cookie that it receives at its address; its handshake begins.
    Connection {
        connection: ConnectionHandle,
        remote: SocketAddr,
        /// The name that it asks for (RFC 6066).
        servername: Option<String>,
    },
    /// The handshake waits for the configuration of this name: `Endpoint::answer_config`.
    ConfigLookup { connection: ConnectionHandle, lookup: LookupId, servername: String },
    /// The handshake waits for one of these application protocols, each with its length before it:
    /// `Endpoint::answer_protocol`.
    ProtocolLookup { connection: ConnectionHandle, lookup: LookupId, protocols: Vec<u8> },
    /// The handshake waits for the key of this identity: `Endpoint::answer_psk`.
    PskLookup { connection: ConnectionHandle, lookup: LookupId, identity: Vec<u8> },
    /// A client's handshake waits for its identity and key: `Endpoint::answer_identity`.
    IdentityLookup {
        connection: ConnectionHandle,
        lookup: LookupId,
        /// What the server says to that. Nobody has proved it.
        hint: Option<Vec<u8>>,
    },
    /// A client wants to resume the session with this id: `Endpoint::answer_resumption`.
    ResumptionLookup { connection: ConnectionHandle, lookup: LookupId, session_id: Vec<u8> },
    /// Application data came from an address without a connection: is there one to restore? `Endpoint::answer_session`.
    SessionLookup {
        lookup: LookupId,
        /// The address that the connection had, as far as is known.
        claimed: SocketAddr,
    },
    /// A device says that its address has changed: which was it? `Endpoint::answer_move`.
    MoveLookup { lookup: LookupId, remote: SocketAddr, device_id: Vec<u8> },
    /// A `SessionLookup` or `MoveLookup` was not answered in time.
    LookupExpired { lookup: LookupId },
    /// An authenticated record came from a new address, to which answers go from now on.
    Moved { connection: ConnectionHandle, remote: SocketAddr, old: SocketAddr },
    /// The handshake waits for whether this peer is accepted: `Endpoint::answer_peer`. It has yet to prove that the key
    /// is its own.
    PeerLookup { connection: ConnectionHandle, lookup: LookupId, peer: PeerCredential },
    /// The handshake is over.
    Secure {
        connection: ConnectionHandle,
        suite: Suite,
        /// An earlier session's master secret was used.
        resumed: bool,
        /// The identity whose key the peer proved to have. Servers only.
        psk_identity: Option<Vec<u8>>,
        /// What the peer proved to have the private key of.
        peer: Option<PeerCredential>,
        terms: Box<Terms>,
        handshake_time: Duration,
    },
    /// Plaintext of one record.
    Data { connection: ConnectionHandle, payload: Vec<u8> },
    /// The connection is gone, and its handle with it.
    Closed { connection: ConnectionHandle, reason: CloseReason },
    /// A line for the one who watches; never holds a secret.
    Trace { level: u8, message: String },
}

/// Why a connection ended.
#[derive(Debug)]
pub(crate) enum CloseReason {
    /// The peer said close_notify.
    Peer,
    /// The application closed it.
    Local,
    /// Nothing authentic was heard for the idle timeout.
    Idle,
    /// The peer proved a new handshake from the same address (RFC 6347 section 4.2.8).
    Replaced,
    Error(Error),
}
