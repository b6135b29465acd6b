//! HMAC (RFC 2104) and HKDF (RFC 5869). A key's blocks are hashed once, however much is derived from it: that is half of the work,
//! and most of what a handshake hashes.

use crate::tls::ffi::hash::{BLOCK_LIMIT, Digest, Hash, RunningHash};
use crate::tls::ffi::{Refused, wipe};

/// What the bytes of a key are combined with (RFC 2104 section 2).
const INNER_PAD: u8 = 0x36;
const OUTER_PAD: u8 = 0x5c;

/// A key, kept as the two hashes that have taken it.
pub(super) struct MacKey {
    hash: Hash,
    inner: RunningHash,
    outer: RunningHash,
}

impl MacKey {
    pub(super) fn new(hash: Hash, key: &[u8]) -> MacKey {
        let mut room = [0; BLOCK_LIMIT];
        let block = &mut room[..hash.block_length()];
        match block.get_mut(..key.len()) {
            Some(place) => place.copy_from_slice(key),
            None => block[..hash.length()].copy_from_slice(&hash.of(key)),
        }
        let mut take = |pad: u8| {
            block.iter_mut().for_each(|byte| *byte ^= pad);
            let mut running = RunningHash::new(hash);
            running.update(block);
            running
        };
        // The second pad takes the first one back.
        let key = MacKey { hash, inner: take(INNER_PAD), outer: take(INNER_PAD ^ OUTER_PAD) };
        wipe(&mut room);
        key
    }

    /// The key that is a secret of the key schedule.
    pub(super) fn of(secret: &Digest) -> MacKey {
        MacKey::new(secret.hash(), secret)
    }

    pub(super) fn hash(&self) -> Hash {
        self.hash
    }

    /// The MAC of the concatenation of `parts`. With a salt as the key, this is HKDF-Extract (RFC 5869 section 2.2).
    pub(super) fn mac(&self, parts: &[&[u8]]) -> Digest {
        let mut inner = self.inner.clone();
        parts.iter().for_each(|part| inner.update(part));
        self.finish(&inner)
    }

    fn finish(&self, inner: &RunningHash) -> Digest {
        let mut outer = self.outer.clone();
        outer.update(&inner.finish());
        outer.finish()
    }

    /// HKDF-Expand (RFC 5869 section 2.3); `info` is the concatenation of its parts. `Refused` for more bytes than 255 digests.
    pub(super) fn expand(&self, info: &[&[u8]], out: &mut [u8]) -> Result<(), Refused> {
        let length = self.hash.length();
        if out.len() > usize::from(u8::MAX) * length {
            return Err(Refused);
        }
        let mut before: Option<Digest> = None;
        for (chunk, number) in out.chunks_mut(length).zip(1..=u8::MAX) {
            let mut inner = self.inner.clone();
            before.iter().for_each(|before| inner.update(before));
            info.iter().for_each(|part| inner.update(part));
            inner.update(&[number]);
            let digest = self.finish(&inner);
            chunk.copy_from_slice(digest.get(..chunk.len()).unwrap_or_default());
            before = Some(digest);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Test cases 2 and 6 of RFC 4231: a short key, and one that is longer than a block.
    #[test]
    fn macs_are_those_of_rfc_4231() {
        let long = [0xaa; 131];
        let of_long: &[u8] = b"Test Using Larger Than Block-Size Key - Hash Key First";
        for (key, data, sha256, sha384) in [
            (
                &b"Jefe"[..],
                &b"what do ya want for nothing?"[..],
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
            ),
            (
                &long[..],
                of_long,
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
                "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
            ),
        ] {
            let (first, second) = data.split_at(5);
            for (hash, expected) in [(Hash::Sha256, sha256), (Hash::Sha384, sha384)] {
                assert_eq!(hex(&MacKey::new(hash, key).mac(&[first, second])), expected);
            }
        }
    }

    /// Test case 1 of RFC 5869.
    #[test]
    fn hkdf_is_that_of_rfc_5869() {
        let salt: Vec<u8> = (0..13).collect();
        let secret = MacKey::new(Hash::Sha256, &salt).mac(&[&[0x0b; 22]]);
        assert_eq!(hex(&secret), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
        let key = MacKey::of(&secret);
        let mut out = [0; 42];
        let info: Vec<u8> = (0xf0..0xfa).collect();
        key.expand(&[&info[..3], &info[3..]], &mut out).unwrap();
        let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
        assert_eq!(hex(&out), expected);
    }

    #[test]
    fn no_more_is_derived_than_hkdf_has() {
        let key = MacKey::new(Hash::Sha256, b"key");
        assert!(key.expand(&[], &mut [0; 255 * 32]).is_ok());
        assert!(key.expand(&[], &mut [0; 255 * 32 + 1]).is_err());
    }
}
