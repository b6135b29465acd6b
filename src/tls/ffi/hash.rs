//! SHA-256 and SHA-384, and what is made of them: HMAC (RFC 2104) and HKDF (RFC 5869).

use super::{Refused, check};
use aws_lc_sys as lc;
use std::ops::Deref;
use zeroize::Zeroize;

/// Bytes of the longer digest.
pub(crate) const DIGEST_LIMIT: usize = 48;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
}

impl Hash {
    /// Bytes of a digest.
    pub(crate) fn length(self) -> usize {
        match self {
            Hash::Sha256 => 32,
            Hash::Sha384 => 48,
        }
    }

    fn method(self) -> *const lc::EVP_MD {
        // SAFETY: these functions take nothing, and answer with static objects.
        unsafe {
            match self {
                Hash::Sha256 => lc::EVP_sha256(),
                Hash::Sha384 => lc::EVP_sha384(),
            }
        }
    }

    /// The digest of `data`.
    pub(crate) fn of(self, data: &[u8]) -> Digest {
        let mut running = RunningHash::new(self);
        running.update(data);
        running.finish()
    }

    pub(crate) fn hmac(self, key: &[u8], data: &[u8]) -> Result<Digest, Refused> {
        let mut digest = Digest::zeros(self);
        let mut length = 0;
        // SAFETY: key and data are readable for their lengths; the output has room for the digest.
        let result = unsafe {
            lc::HMAC(
                self.method(),
                key.as_ptr().cast(),
                key.len(),
                data.as_ptr(),
                data.len(),
                digest.bytes.as_mut_ptr(),
                &mut length,
            )
        };
        check(i32::from(!result.is_null()))?;
        Ok(digest)
    }

    /// HKDF-Extract (RFC 5869 section 2.2).
    pub(crate) fn extract(self, salt: &[u8], secret: &[u8]) -> Result<Digest, Refused> {
        self.hmac(salt, secret)
    }

    /// HKDF-Expand (RFC 5869 section 2.3). `Refused` for more bytes than 255 digests.
    pub(crate) fn expand(self, key: &[u8], info: &[u8], out: &mut [u8]) -> Result<(), Refused> {
        // SAFETY: each is readable or writable for its length.
        check(unsafe {
            lc::HKDF_expand(
                out.as_mut_ptr(),
                out.len(),
                self.method(),
                key.as_ptr(),
                key.len(),
                info.as_ptr(),
                info.len(),
            )
        })
    }
}

/// A digest, or a secret as long as one. It is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Digest {
    bytes: [u8; DIGEST_LIMIT],
    hash: Hash,
}

impl Digest {
    pub(crate) fn zeros(hash: Hash) -> Digest {
        Digest { bytes: [0; DIGEST_LIMIT], hash }
    }

    /// `None` for bytes of another length.
    pub(crate) fn from_bytes(hash: Hash, bytes: &[u8]) -> Option<Digest> {
        let mut digest = Digest::zeros(hash);
        if bytes.len() != hash.length() {
            return None;
        }
        digest.as_mut().copy_from_slice(bytes);
        Some(digest)
    }

    pub(crate) fn hash(&self) -> Hash {
        self.hash
    }
}

impl Deref for Digest {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.hash.length()]
    }
}

impl AsMut<[u8]> for Digest {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.hash.length()]
    }
}

impl Drop for Digest {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// A hash of what has come so far. A copy of it goes its own way.
#[derive(Clone)]
pub(crate) enum RunningHash {
    Sha256(lc::SHA256_CTX),
    Sha384(lc::SHA512_CTX),
}

impl RunningHash {
    pub(crate) fn new(hash: Hash) -> RunningHash {
        match hash {
            Hash::Sha256 => {
                // SAFETY: zeros are a valid context, integers and arrays of them, which is then set up.
                let mut context: lc::SHA256_CTX = unsafe { std::mem::zeroed() };
                // SAFETY: as above.
                unsafe { lc::SHA256_Init(&mut context) };
                RunningHash::Sha256(context)
            }
            Hash::Sha384 => {
                // SAFETY: as above.
                let mut context: lc::SHA512_CTX = unsafe { std::mem::zeroed() };
                // SAFETY: as above.
                unsafe { lc::SHA384_Init(&mut context) };
                RunningHash::Sha384(context)
            }
        }
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        // SAFETY: the data is readable for its length.
        unsafe {
            match self {
                RunningHash::Sha256(context) => lc::SHA256_Update(context, data.as_ptr().cast(), data.len()),
                RunningHash::Sha384(context) => lc::SHA384_Update(context, data.as_ptr().cast(), data.len()),
            };
        }
    }

    /// The digest of what has come so far.
    pub(crate) fn finish(&self) -> Digest {
        match self.clone() {
            RunningHash::Sha256(mut context) => {
                let mut digest = Digest::zeros(Hash::Sha256);
                // SAFETY: there is room for the digest.
                unsafe { lc::SHA256_Final(digest.bytes.as_mut_ptr(), &mut context) };
                digest
            }
            RunningHash::Sha384(mut context) => {
                let mut digest = Digest::zeros(Hash::Sha384);
                // SAFETY: there is room for the digest.
                unsafe { lc::SHA384_Final(digest.bytes.as_mut_ptr(), &mut context) };
                digest
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn digests_are_those_of_fips_180_and_a_copy_goes_its_own_way() {
        assert_eq!(hex(&Hash::Sha256.of(b"abc"))[..16], *"ba7816bf8f01cfea");
        assert_eq!(hex(&Hash::Sha384.of(b"abc"))[..16], *"cb00753f45a35e8b");
        for hash in [Hash::Sha256, Hash::Sha384] {
            let mut running = RunningHash::new(hash);
            running.update(b"a");
            let copy = running.clone();
            running.update(b"bc");
            assert!(*running.finish() == *hash.of(b"abc") && *copy.finish() == *hash.of(b"a"));
            assert_eq!(running.finish().len(), hash.length());
        }
    }

    /// Test case 1 of RFC 5869.
    #[test]
    fn hkdf_is_that_of_rfc_5869() {
        let salt: Vec<u8> = (0..13).collect();
        let key = Hash::Sha256.extract(&salt, &[0x0b; 22]).unwrap();
        assert_eq!(hex(&key), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
        let mut out = [0; 42];
        let info: Vec<u8> = (0xf0..0xfa).collect();
        Hash::Sha256.expand(&key, &info, &mut out).unwrap();
        let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
        assert_eq!(hex(&out), expected);
        assert!(Hash::Sha256.expand(&key, &info, &mut vec![0; 255 * 32 + 1]).is_err());
    }
}
