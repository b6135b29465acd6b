//! The AEAD ciphers of DTLS 1.3 (RFC 9147 section 4.2, RFC 8446 appendix B.4), each with a nonce of 12 bytes and a tag of 16.

use super::ccm::Ccm;
use super::{Refused, check};
use aws_lc_sys as lc;
use std::ptr::NonNull;

/// Bytes of a nonce.
pub(crate) const NONCE_LENGTH: usize = 12;

/// Bytes of the longest key.
pub(crate) const KEY_LIMIT: usize = 32;

/// Bytes of a tag.
pub(crate) const TAG_LENGTH: usize = 16;

/// A cipher, without its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
    Aes128Ccm,
}

impl Algorithm {
    pub(crate) fn key_length(self) -> usize {
        match self {
            Algorithm::Aes128Gcm | Algorithm::Aes128Ccm => 16,
            Algorithm::Aes256Gcm | Algorithm::ChaCha20Poly1305 => KEY_LIMIT,
        }
    }
}

/// A cipher with its key.
pub(crate) enum Aead {
    Other(Context),
    /// AWS-LC's AEAD interface has no CCM with nonces of 12 bytes.
    Ccm(Ccm),
}

/// An `EVP_AEAD_CTX`.
pub(crate) struct Context(NonNull<lc::EVP_AEAD_CTX>);

// SAFETY: the context is owned, belongs to no thread, and does not change after it was made.
unsafe impl Send for Context {}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: made in `new`, freed once; the key is wiped.
        unsafe { lc::EVP_AEAD_CTX_free(self.0.as_ptr()) };
    }
}

impl Aead {
    /// `Refused` for a key of another length, and when there is no memory.
    pub(crate) fn new(algorithm: Algorithm, key: &[u8]) -> Result<Aead, Refused> {
        if key.len() != algorithm.key_length() {
            return Err(Refused);
        }
        // SAFETY: these functions take nothing, and answer with static objects.
        let aead = unsafe {
            match algorithm {
                Algorithm::Aes128Ccm => return Ccm::new(key).map(Aead::Ccm).ok_or(Refused),
                Algorithm::Aes128Gcm => lc::EVP_aead_aes_128_gcm(),
                Algorithm::Aes256Gcm => lc::EVP_aead_aes_256_gcm(),
                Algorithm::ChaCha20Poly1305 => lc::EVP_aead_chacha20_poly1305(),
            }
        };
        // SAFETY: the key is readable for its length, and copied.
        let context = unsafe { lc::EVP_AEAD_CTX_new(aead, key.as_ptr(), key.len(), TAG_LENGTH) };
        NonNull::new(context).map(|context| Aead::Other(Context(context))).ok_or(Refused)
    }

    /// Encrypts all of `buffer` in place but its last [`TAG_LENGTH`] bytes, which get the tag.
    pub(crate) fn seal(&self, nonce: &[u8; NONCE_LENGTH], additional: &[u8], buffer: &mut [u8]) -> Result<(), Refused> {
        let length = buffer.len().checked_sub(TAG_LENGTH).ok_or(Refused)?;
        match self {
            Aead::Ccm(ccm) => {
                let (data, tag) = buffer.split_at_mut(length);
                ccm.seal(nonce, additional, data, tag)
            }
            Aead::Other(context) => {
                let mut written = 0;
                let data = buffer.as_mut_ptr();
                // SAFETY: AWS-LC works in place when output is input; there is room for the tag behind the data.
                check(unsafe {
                    lc::EVP_AEAD_CTX_seal(
                        context.0.as_ptr(),
                        data,
                        &mut written,
                        buffer.len(),
                        nonce.as_ptr(),
                        nonce.len(),
                        data,
                        length,
                        additional.as_ptr(),
                        additional.len(),
                    )
                })
            }
        }
    }

    /// Checks the tag at the end of `buffer`, and decrypts what stands before it in place; answers how many bytes that are.
    pub(crate) fn open(
        &self,
        nonce: &[u8; NONCE_LENGTH],
        additional: &[u8],
        buffer: &mut [u8],
    ) -> Result<usize, Refused> {
        let length = buffer.len().checked_sub(TAG_LENGTH).ok_or(Refused)?;
        match self {
            Aead::Ccm(ccm) => {
                let (data, tag) = buffer.split_at_mut(length);
                ccm.open(nonce, additional, data, tag)?;
            }
            Aead::Other(context) => {
                let mut written = 0;
                let data = buffer.as_mut_ptr();
                // SAFETY: AWS-LC works in place when output is input.
                check(unsafe {
                    lc::EVP_AEAD_CTX_open(
                        context.0.as_ptr(),
                        data,
                        &mut written,
                        buffer.len(),
                        nonce.as_ptr(),
                        nonce.len(),
                        data,
                        buffer.len(),
                        additional.as_ptr(),
                        additional.len(),
                    )
                })?;
            }
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::ffi::has_errors;

    const ALL: [Algorithm; 4] =
        [Algorithm::Aes128Gcm, Algorithm::Aes256Gcm, Algorithm::ChaCha20Poly1305, Algorithm::Aes128Ccm];

    #[test]
    fn what_was_sealed_opens_and_nothing_else_does() {
        for algorithm in ALL {
            let aead = Aead::new(algorithm, &[7; 32][..algorithm.key_length()]).unwrap();
            let nonce = [9; NONCE_LENGTH];
            let mut sealed = [&b"payload"[..], &[0; TAG_LENGTH]].concat();
            aead.seal(&nonce, b"header", &mut sealed).unwrap();
            for bit in 0..sealed.len() * 8 {
                let mut forged = sealed.clone();
                forged[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(aead.open(&nonce, b"header", &mut forged), Err(Refused), "{algorithm:?}, bit {bit}");
            }
            assert_eq!(aead.open(&nonce, b"heades", &mut sealed.clone()), Err(Refused));
            assert_eq!(aead.open(&[8; NONCE_LENGTH], b"header", &mut sealed.clone()), Err(Refused));
            assert_eq!(aead.open(&nonce, b"header", &mut sealed), Ok(7));
            assert_eq!(&sealed[..7], b"payload");
            assert_eq!(aead.open(&nonce, b"header", &mut [0; TAG_LENGTH - 1]), Err(Refused));
            assert!(!has_errors(), "{algorithm:?}");
        }
    }

    #[test]
    fn keys_of_other_lengths_are_refused() {
        for algorithm in ALL {
            assert!(Aead::new(algorithm, &[7; 31]).is_err());
        }
    }
}
