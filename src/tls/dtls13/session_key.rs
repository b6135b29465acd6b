//! The pre-shared key in a session of DTLS 1.3, as long as the hash of its suite.

use super::suite::hash;
use crate::tls::ffi::hash::{Digest, Hash};
use crate::tls::master_secret::MasterSecret;
use crate::tls::session::Session;
use zeroize::Zeroizing;

/// The hash that a session's key is good for (RFC 8446 section 4.2.11); `None` for a session of another version.
pub(super) fn hash_of(session: &Session) -> Option<Hash> {
    session.suite.is_of_dtls13().then(|| hash(session.suite))
}

pub(super) fn key_of(session: &Session) -> &[u8] {
    session.secret.get(..hash(session.suite).length()).unwrap_or_default()
}

/// As it stands in a session.
pub(super) fn as_secret(key: &Digest) -> MasterSecret {
    let mut secret = Zeroizing::new([0; 48]);
    for (place, byte) in secret.iter_mut().zip(key.iter()) {
        *place = *byte;
    }
    MasterSecret::from(&*secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::session::tests::session_of_dtls13;
    use crate::tls::suites::Suite;

    #[test]
    fn a_session_holds_a_key_as_long_as_its_hash() {
        for &suite in Suite::all_of_dtls13() {
            let key = hash(suite).of(b"key");
            let session = Session { suite, secret: as_secret(&key), ..session_of_dtls13() };
            assert_eq!((key_of(&session), hash_of(&session)), (&key[..], Some(hash(suite))));
            assert!(session.secret[key.len()..].iter().all(|byte| *byte == 0));
        }
        let older = Suite::from_name("PSK-AES128-CCM8").unwrap();
        assert_eq!(hash_of(&Session { suite: older, ..session_of_dtls13() }), None);
    }
}
