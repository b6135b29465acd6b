//! The secret that all keys of an association are made of (RFC 5246 section 8.1).

use std::ops::Deref;
use zeroize::Zeroizing;

const LENGTH: usize = 48;

/// It stays where it is until it is wiped: bytes that move with their value leave copies behind, on a stack that nobody wipes.
pub(crate) struct MasterSecret(Box<Zeroizing<[u8; LENGTH]>>);

impl From<&[u8; LENGTH]> for MasterSecret {
    fn from(bytes: &[u8; LENGTH]) -> MasterSecret {
        let mut secret = Box::new(Zeroizing::new([0; LENGTH]));
        secret.copy_from_slice(bytes);
        MasterSecret(secret)
    }
}

impl Clone for MasterSecret {
    fn clone(&self) -> MasterSecret {
        MasterSecret::from(&**self)
    }
}

impl Deref for MasterSecret {
    type Target = [u8; LENGTH];

    fn deref(&self) -> &[u8; LENGTH] {
        &self.0
    }
}
