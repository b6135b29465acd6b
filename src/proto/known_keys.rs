//! Pre-shared keys that a server has been told once and for all: their handshakes do not wait for the application.

use std::collections::HashMap;
use zeroize::Zeroizing;

/// Whose key is which.
pub(crate) enum KnownKeys {
    /// One, whatever the identity.
    ForEverybody(Zeroizing<Vec<u8>>),
    ByIdentity(HashMap<Vec<u8>, Zeroizing<Vec<u8>>>),
}

impl KnownKeys {
    /// `None` when nobody has that name.
    pub(super) fn get(&self, identity: &[u8]) -> Option<&[u8]> {
        match self {
            KnownKeys::ForEverybody(key) => Some(key),
            KnownKeys::ByIdentity(keys) => keys.get(identity).map(|key| key.as_slice()),
        }
    }
}
