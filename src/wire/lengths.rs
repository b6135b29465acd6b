//! Lengths that the protocol gives, in bytes.

/// What stands before a record's fragment (RFC 6347 section 4.1).
pub(crate) const RECORD_HEADER_LENGTH: usize = 13;

/// Plaintext in one record, at most (RFC 5246 section 6.2.1).
pub(crate) const RECORD_LIMIT: usize = 16384;

/// What stands before a handshake fragment's body (RFC 6347 section 4.2.2).
pub(crate) const HANDSHAKE_HEADER_LENGTH: usize = 12;

/// A hello's random (RFC 5246 section 7.4.1.2).
pub(crate) const RANDOM_LENGTH: usize = 32;

/// A session id, at most (RFC 5246 section 7.4.1.2).
pub(crate) const SESSION_ID_LIMIT: usize = 32;
