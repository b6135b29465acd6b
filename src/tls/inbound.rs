//! What came in on an established association.

/// What a record on an established association was.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Inbound {
    /// Application data: this many bytes of plaintext.
    Data(usize),
    /// Authenticated, without data for the application.
    Consumed,
    /// The peer's close_notify.
    Closed,
    /// Forged, replayed, or of no known kind. It counts as if it had never come.
    Dropped,
}
