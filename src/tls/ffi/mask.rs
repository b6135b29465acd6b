//! What hides the numbers of records from whoever watches them (RFC 9147 section 4.2.3).

use super::Refused;
use super::aead::Algorithm;
use aws_lc_sys as lc;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of ciphertext that a mask is made from.
pub(crate) const SAMPLE_LENGTH: usize = 16;

/// A cipher that makes masks, with its key.
pub(crate) enum Mask {
    Aes(Box<AesKey>),
    ChaCha(Zeroizing<[u8; 32]>),
}

/// A key schedule of AES.
pub(crate) struct AesKey(lc::AES_KEY);

impl Drop for AesKey {
    fn drop(&mut self) {
        self.0.rd_key.zeroize();
    }
}

impl Mask {
    /// `Refused` for a key of another length.
    pub(crate) fn new(algorithm: Algorithm, key: &[u8]) -> Result<Mask, Refused> {
        if key.len() != algorithm.key_length() {
            return Err(Refused);
        }
        if algorithm == Algorithm::ChaCha20Poly1305 {
            return key.try_into().map(|key| Mask::ChaCha(Zeroizing::new(key))).map_err(|_| Refused);
        }
        let mut schedule = Box::new(AesKey(lc::AES_KEY { rd_key: [0; 60], rounds: 0 }));
        let bits = if key.len() == 32 { 256 } else { 128 };
        // SAFETY: the key has as many bits, and the schedule room for any key.
        let result = unsafe { lc::AES_set_encrypt_key(key.as_ptr(), bits, &mut schedule.0) };
        if result == 0 { Ok(Mask::Aes(schedule)) } else { Err(Refused) }
    }

    pub(crate) fn of(&self, sample: &[u8; SAMPLE_LENGTH]) -> [u8; SAMPLE_LENGTH] {
        let mut mask = [0; SAMPLE_LENGTH];
        match self {
            // SAFETY: one block in, one block out.
            Mask::Aes(schedule) => unsafe { lc::AES_encrypt(sample.as_ptr(), mask.as_mut_ptr(), &schedule.0) },
            Mask::ChaCha(key) => {
                let [c0, c1, c2, c3, nonce @ ..] = sample;
                let counter = u32::from_le_bytes([*c0, *c1, *c2, *c3]);
                let zeros = [0; SAMPLE_LENGTH];
                // SAFETY: input and output have the length, the key has 32 bytes, and the nonce 12.
                unsafe {
                    lc::CRYPTO_chacha_20(
                        mask.as_mut_ptr(),
                        zeros.as_ptr(),
                        SAMPLE_LENGTH,
                        key.as_ptr(),
                        nonce.as_ptr(),
                        counter,
                    );
                }
            }
        }
        mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::ffi::left_by;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    /// RFC 9001 appendices A.2 and A.5 have vectors for QUIC, whose masks are made in the same way.
    #[test]
    fn masks_are_those_of_rfc_9001() {
        for (algorithm, key, sample, expected) in [
            (
                Algorithm::Aes128Gcm,
                "9f50449e04a0e810283a1e9933adedd2",
                "d1b1c98dd7689fb8ec11d242b123dc9b",
                "437b9aec36",
            ),
            (
                Algorithm::ChaCha20Poly1305,
                "25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4",
                "5e5cd55c41f69080575d7999c25a5bfb",
                "aefefe7d03",
            ),
        ] {
            let mask = Mask::new(algorithm, &bytes(key)).unwrap().of(&bytes(sample).try_into().unwrap());
            assert_eq!(mask[..5], bytes(expected), "{algorithm:?}");
        }
    }

    #[test]
    fn nothing_is_left_of_a_key() {
        let schedule = AesKey(lc::AES_KEY { rd_key: [0x5a5a_5a5a; 60], rounds: 10 });
        assert!(!left_by(schedule).contains(&0x5a));
        let Mask::ChaCha(key) = Mask::new(Algorithm::ChaCha20Poly1305, &[0x5a; 32]).unwrap() else { panic!() };
        assert_eq!(left_by(key), [0; 32]);
    }

    #[test]
    fn keys_of_other_lengths_are_refused() {
        assert!(Mask::new(Algorithm::Aes256Gcm, &[0; 16]).is_err());
        assert!(Mask::new(Algorithm::ChaCha20Poly1305, &[0; 16]).is_err());
    }
}
