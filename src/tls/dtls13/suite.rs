//! What the cipher suites of DTLS 1.3 are made of (RFC 8446 appendix B.4), and how long their keys last (RFC 9147 section
//! 4.5.3).

use crate::tls::ffi::aead::Algorithm;
use crate::tls::ffi::hash::Hash;
use crate::tls::suites::Suite;

/// The cipher of a suite's records; `None` for a suite of another version.
pub(super) fn algorithm(suite: Suite) -> Option<Algorithm> {
    match suite.id() {
        0x1301 => Some(Algorithm::Aes128Gcm),
        0x1302 => Some(Algorithm::Aes256Gcm),
        0x1303 => Some(Algorithm::ChaCha20Poly1305),
        0x1304 => Some(Algorithm::Aes128Ccm),
        _ => None,
    }
}

/// The hash of a suite.
pub(super) fn hash(suite: Suite) -> Hash {
    if suite.uses_sha384() { Hash::Sha384 } else { Hash::Sha256 }
}

/// The suite of DTLS 1.3 with this number of IANA's.
pub(super) fn from_id(id: u16) -> Option<Suite> {
    Suite::all_of_dtls13().iter().copied().find(|suite| suite.id() == id)
}

/// Records that may be sealed with one key, at most: 2^24.5 and 2^23, rounded down. ChaCha20-Poly1305 has no such limit
/// but that of the record numbers.
pub(super) fn seal_limit(algorithm: Algorithm) -> u64 {
    match algorithm {
        Algorithm::Aes128Gcm | Algorithm::Aes256Gcm => 23_726_566,
        Algorithm::ChaCha20Poly1305 => (1 << 48) - 1,
        Algorithm::Aes128Ccm => 1 << 23,
    }
}

/// Records that fail to open with one key, at most: 2^36, and 2^23.5 rounded down.
pub(super) fn forgery_limit(algorithm: Algorithm) -> u64 {
    match algorithm {
        Algorithm::Aes128Gcm | Algorithm::Aes256Gcm | Algorithm::ChaCha20Poly1305 => 1 << 36,
        Algorithm::Aes128Ccm => 11_863_283,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_has_a_cipher_and_is_found_by_its_number() {
        for &suite in Suite::all_of_dtls13() {
            assert!(algorithm(suite).is_some() && from_id(suite.id()) == Some(suite), "{}", suite.name());
        }
        assert_eq!(from_id(0x1305), None);
        assert_eq!(Suite::all().iter().copied().find_map(algorithm), None);
    }

    /// RFC 9147 section 4.5.3 gives powers of two, with halves in their exponents: here each is squared.
    #[test]
    fn keys_last_as_long_as_their_cipher_allows() {
        let floor_of_root = |limit: u64, square: u128| {
            let of = |limit: u64| u128::from(limit) * u128::from(limit);
            of(limit) <= square && square < of(limit + 1)
        };
        for gcm in [Algorithm::Aes128Gcm, Algorithm::Aes256Gcm] {
            assert!(floor_of_root(seal_limit(gcm), 1 << 49) && floor_of_root(forgery_limit(gcm), 1 << 72));
        }
        assert!(floor_of_root(seal_limit(Algorithm::Aes128Ccm), 1 << 46));
        assert!(floor_of_root(forgery_limit(Algorithm::Aes128Ccm), 1 << 47));
        assert_eq!(seal_limit(Algorithm::ChaCha20Poly1305), 0xffff_ffff_ffff);
        assert!(floor_of_root(forgery_limit(Algorithm::ChaCha20Poly1305), 1 << 72));
    }

    #[test]
    fn each_suite_has_the_cipher_and_the_hash_of_its_name() {
        let parts = [
            ("TLS_AES_128_GCM_SHA256", Algorithm::Aes128Gcm, Hash::Sha256),
            ("TLS_AES_256_GCM_SHA384", Algorithm::Aes256Gcm, Hash::Sha384),
            ("TLS_CHACHA20_POLY1305_SHA256", Algorithm::ChaCha20Poly1305, Hash::Sha256),
            ("TLS_AES_128_CCM_SHA256", Algorithm::Aes128Ccm, Hash::Sha256),
        ];
        for (name, cipher, of) in parts {
            let suite = Suite::from_name(name).unwrap();
            assert!(algorithm(suite) == Some(cipher) && hash(suite) == of, "{name}");
        }
    }
}
