//! Lengths that the protocol defines.

/// Bytes before a record's fragment (RFC 6347 section 4.1).
pub(crate) const RECORD_HEADER_LENGTH: usize = 13;

/// Most bytes of plaintext in one record (RFC 5246 section 6.2.1).
pub(crate) const RECORD_LIMIT: usize = 16384;

/// Most bytes of a protected record behind its header (RFC 8446 section 5.2).
pub(crate) const CIPHERTEXT_LIMIT: usize = RECORD_LIMIT + 256;

/// Bytes before a handshake fragment's body (RFC 6347 section 4.2.2).
pub(crate) const HANDSHAKE_HEADER_LENGTH: usize = 12;

/// Bytes of a hello's random (RFC 5246 section 7.4.1.2).
pub(crate) const RANDOM_LENGTH: usize = 32;

/// Most bytes of a session id (RFC 5246 section 7.4.1.2).
pub(crate) const SESSION_ID_LIMIT: usize = 32;
