//! Pre-shared keys and their identities: the lengths that we take.

use std::fmt;
use zeroize::Zeroizing;

/// Bytes in a pre-shared key, at most.
pub(crate) const PSK_LIMIT: usize = 64;

/// Bytes in a PSK identity, at most; longer ones have overflowed an engine's buffers before (CVE-2026-50580).
pub(crate) const PSK_IDENTITY_LIMIT: usize = 256;

/// Bytes in a hint that a server sends, at most: what RFC 4279 section 5.3 has clients take.
pub(crate) const PSK_HINT_LIMIT: usize = 128;

/// A pre-shared key and the identity under which a client presents it.
pub(crate) struct ClientPsk {
    pub(super) identity: Vec<u8>,
    pub(super) key: Zeroizing<Vec<u8>>,
}

/// A pre-shared key, or an identity, of a length that we do not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PskError {
    KeyLength(usize),
    IdentityLength(usize),
}

impl fmt::Display for PskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PskError::KeyLength(length) => {
                write!(f, "A pre-shared key of {length} bytes is not between 1 and {PSK_LIMIT}")
            }
            PskError::IdentityLength(length) => {
                write!(f, "A PSK identity of {length} bytes is longer than {PSK_IDENTITY_LIMIT}")
            }
        }
    }
}

impl ClientPsk {
    /// Checks both lengths.
    pub(crate) fn new(identity: &[u8], key: &[u8]) -> Result<ClientPsk, PskError> {
        check_psk(key)?;
        check_psk_identity(identity)?;
        Ok(ClientPsk { identity: identity.to_vec(), key: Zeroizing::new(key.to_vec()) })
    }

    /// For another engine.
    pub(super) fn copy(&self) -> ClientPsk {
        ClientPsk { identity: self.identity.clone(), key: self.key.clone() }
    }
}

/// Whether a pre-shared key has a length that we take.
pub(crate) fn check_psk(key: &[u8]) -> Result<(), PskError> {
    if (1..=PSK_LIMIT).contains(&key.len()) { Ok(()) } else { Err(PskError::KeyLength(key.len())) }
}

/// Whether a PSK identity has a length that we take.
pub(crate) fn check_psk_identity(identity: &[u8]) -> Result<(), PskError> {
    // RFC 4279 section 5.1: it may be empty.
    if identity.len() <= PSK_IDENTITY_LIMIT { Ok(()) } else { Err(PskError::IdentityLength(identity.len())) }
}
