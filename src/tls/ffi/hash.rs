//! SHA-256 and SHA-384.

mod sha256;

use super::{wipe, wipe_value};
use aws_lc_sys as lc;
use sha256::Sha256;
use std::ops::Deref;

/// Bytes of the longer digest.
pub(crate) const DIGEST_LIMIT: usize = 48;

/// Bytes of the longer block.
pub(crate) const BLOCK_LIMIT: usize = 128;

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

    /// Bytes that it takes at a time.
    pub(crate) fn block_length(self) -> usize {
        match self {
            Hash::Sha256 => 64,
            Hash::Sha384 => BLOCK_LIMIT,
        }
    }

    /// The digest of `data`.
    pub(crate) fn of(self, data: &[u8]) -> Digest {
        let mut running = RunningHash::new(self);
        running.update(data);
        running.finish()
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
        wipe(&mut self.bytes);
    }
}

/// A hash of what has come so far. A copy of it goes its own way. It is wiped when it is dropped: what it has taken may be a key.
#[derive(Clone)]
pub(crate) enum RunningHash {
    Sha256(Sha256),
    Sha384(lc::SHA512_CTX),
}

impl Drop for RunningHash {
    fn drop(&mut self) {
        match self {
            RunningHash::Sha256(running) => running.wipe(),
            // SAFETY: zeros are a valid context.
            RunningHash::Sha384(context) => unsafe { wipe_value(context) },
        }
    }
}

impl RunningHash {
    pub(crate) fn new(hash: Hash) -> RunningHash {
        match hash {
            Hash::Sha256 => RunningHash::Sha256(Sha256::new()),
            Hash::Sha384 => {
                // SAFETY: zeros are a valid context, integers and arrays of them, which is then set up.
                let mut context: lc::SHA512_CTX = unsafe { std::mem::zeroed() };
                // SAFETY: as above.
                unsafe { lc::SHA384_Init(&mut context) };
                RunningHash::Sha384(context)
            }
        }
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        match self {
            RunningHash::Sha256(running) => running.update(data),
            // SAFETY: the data is readable for its length.
            RunningHash::Sha384(context) => unsafe {
                lc::SHA384_Update(context, data.as_ptr().cast(), data.len());
            },
        }
    }

    /// The digest of what has come so far.
    pub(crate) fn finish(&self) -> Digest {
        match self {
            RunningHash::Sha256(running) => running.finish(),
            RunningHash::Sha384(context) => {
                let (mut context, mut digest) = (*context, Digest::zeros(Hash::Sha384));
                // SAFETY: there is room for the digest; AWS-LC wipes nothing of its copy of the context, which is done here.
                unsafe {
                    lc::SHA384_Final(digest.bytes.as_mut_ptr(), &mut context);
                    wipe_value(&mut context);
                }
                digest
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::ffi::left_by;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn a_digest_has_the_length_of_its_hash() {
        for hash in [Hash::Sha256, Hash::Sha384] {
            for length in 0..=DIGEST_LIMIT + 1 {
                let digest = Digest::from_bytes(hash, &vec![7; length]);
                assert_eq!(digest.as_deref(), (length == hash.length()).then_some(&[7; DIGEST_LIMIT][..hash.length()]));
            }
        }
    }

    #[test]
    fn nothing_is_left_of_a_secret() {
        let mut secret = Digest::zeros(Hash::Sha384);
        secret.as_mut().fill(0x5a);
        assert!(!left_by(secret).contains(&0x5a));
        for hash in [Hash::Sha256, Hash::Sha384] {
            let mut running = RunningHash::new(hash);
            running.update(&[0x5a; 40]);
            assert!(!left_by(running).windows(4).any(|bytes| bytes == [0x5a; 4]), "{hash:?}");
        }
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
}
