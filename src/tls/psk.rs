//! Pre-shared keys and their identities: the lengths that we take.

use super::error::{ConfigError, ConfigErrorKind};
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

impl ClientPsk {
    /// Checks both lengths.
    pub(crate) fn new(identity: &[u8], key: &[u8]) -> Result<ClientPsk, ConfigError> {
        check_psk(key)?;
        if identity.is_empty() || identity.len() > PSK_IDENTITY_LIMIT {
            return Err(ConfigError::new(
                ConfigErrorKind::InvalidPskIdentity,
                format!("A PSK identity of {} bytes is not between 1 and {PSK_IDENTITY_LIMIT}", identity.len()),
            ));
        }
        Ok(ClientPsk { identity: identity.to_vec(), key: Zeroizing::new(key.to_vec()) })
    }
}

/// Whether a pre-shared key has a length that we take.
pub(crate) fn check_psk(key: &[u8]) -> Result<(), ConfigError> {
    if (1..=PSK_LIMIT).contains(&key.len()) {
        return Ok(());
    }
    Err(ConfigError::new(
        ConfigErrorKind::InvalidPsk,
        format!("A pre-shared key of {} bytes is not between 1 and {PSK_LIMIT}", key.len()),
    ))
}
