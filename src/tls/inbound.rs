//! What came in on an established association.

use crate::wire::RoutabilityCheck;

/// What a record on an established association was.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Inbound {
    /// Application data: this many bytes of plaintext.
    Data(usize),
    /// Authenticated, without data for the application.
    Consumed,
    /// A message of a return routability check (RFC 9853).
    Check(RoutabilityCheck),
    /// The peer's close_notify.
    Closed,
    /// Forged, replayed, or of no known kind. It counts as if it had never come.
    Dropped,
}
