//! What came in on an established association.

use super::session_policy::NewSession;
use crate::wire::RoutabilityCheck;

/// Records of no use that an association hears in its sleep; at the next one it stays awake. To hear one costs several times
/// as much asleep as awake, and anybody can send them.
pub(super) const DISTURBANCES: u8 = 2;

/// What a record on an established association was.
#[derive(Debug)]
pub(crate) enum Inbound {
    /// Application data: this many bytes of plaintext.
    Data(usize),
    /// Authenticated, without data for the application.
    Consumed,
    /// The same, and what it asks for once more was sent once more.
    Repeated,
    /// A session that a later handshake can resume; clients only.
    Session(Box<NewSession>),
    /// A message of a return routability check (RFC 9853).
    Check(RoutabilityCheck),
    /// The peer's close_notify.
    Closed,
    /// It counts as if it had never come.
    Dropped(DropReason),
}

/// Why something counts as if it had never come. The last one is about datagrams, the others are about records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DropReason {
    /// It does not authenticate: it is forged, damaged, or sealed with other keys.
    Unauthentic,
    /// Its number was heard before, or is too old to tell (RFC 6347 section 4.1.2.6).
    Replayed,
    /// It means nothing at this point of its association.
    Unexpected,
    /// There is no connection at its address.
    NoConnection,
    /// No connection has its connection ID.
    UnknownId,
    /// It is for another node, to which it cannot be forwarded.
    OtherNode,
    /// It has a connection ID, and no protection (RFC 9146 section 3).
    UnprotectedId,
    /// It lacks the connection ID that its connection has given away.
    MissingId,
    /// It is not what it says it is.
    Malformed,
    /// It asks for an answer that its address has had too often.
    Repeated,
    /// There is no room for what it would begin, or for itself.
    Limit,
    /// The datagram had enough of the kind before it.
    Surplus,
    /// The datagram holds no record.
    NoRecord,
}

impl DropReason {
    pub(crate) const ALL: [DropReason; 13] = [
        DropReason::Unauthentic,
        DropReason::Replayed,
        DropReason::Unexpected,
        DropReason::NoConnection,
        DropReason::UnknownId,
        DropReason::OtherNode,
        DropReason::UnprotectedId,
        DropReason::MissingId,
        DropReason::Malformed,
        DropReason::Repeated,
        DropReason::Limit,
        DropReason::Surplus,
        DropReason::NoRecord,
    ];

    /// Its permanent name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            DropReason::Unauthentic => "unauthentic",
            DropReason::Replayed => "replayed",
            DropReason::Unexpected => "unexpected",
            DropReason::NoConnection => "noConnection",
            DropReason::UnknownId => "unknownConnectionId",
            DropReason::OtherNode => "otherNode",
            DropReason::UnprotectedId => "unprotectedConnectionId",
            DropReason::MissingId => "missingConnectionId",
            DropReason::Malformed => "malformed",
            DropReason::Repeated => "repeated",
            DropReason::Limit => "limit",
            DropReason::Surplus => "surplus",
            DropReason::NoRecord => "noRecord",
        }
    }
}
