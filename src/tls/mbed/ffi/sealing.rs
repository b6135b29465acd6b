//! AES-256-GCM of bytes that leave the process and come back (RFC 5116), with a key that seals once.

pub(crate) const SEALING_KEY_LENGTH: usize = 32;

/// Bytes by which what is sealed is longer.
pub(crate) const TAG_LENGTH: usize = 16;

/// The key seals one message, so that the nonce need not differ.
const NONCE: [u8; 12] = [0; 12];

/// Encrypts `plain`; answers it with the tag behind it. A key must not be used again for anything else. `None` when there is
/// no memory.
pub(crate) fn seal_once(key: &[u8; SEALING_KEY_LENGTH], additional: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let mut sealed = vec![0; plain.len() + TAG_LENGTH];
    library::seal(key, additional, plain, &mut sealed)?;
    Some(sealed)
}

/// The other way round. `None` for what is not authentic.
pub(crate) fn open_sealed(
    key: &[u8; SEALING_KEY_LENGTH],
    additional: &[u8],
    sealed: &[u8],
) -> Option<zeroize::Zeroizing<Vec<u8>>> {
    let length = sealed.len().checked_sub(TAG_LENGTH)?;
    let mut plain = zeroize::Zeroizing::new(vec![0; length]);
    library::open(key, additional, sealed, &mut plain)?;
    Some(plain)
}

#[cfg(feature = "aws-lc")]
mod library {
    use super::{NONCE, SEALING_KEY_LENGTH, TAG_LENGTH};
    use aws_lc_sys as lc;

    struct Aead(*mut lc::EVP_AEAD_CTX);

    impl Aead {
        fn new(key: &[u8; SEALING_KEY_LENGTH]) -> Option<Aead> {
            // SAFETY: the cipher is static; the key is readable for its length, and copied.
            let context =
                unsafe { lc::EVP_AEAD_CTX_new(lc::EVP_aead_aes_256_gcm(), key.as_ptr(), key.len(), TAG_LENGTH) };
            (!context.is_null()).then_some(Aead(context))
        }
    }

    impl Drop for Aead {
        fn drop(&mut self) {
            // SAFETY: made in `new`, freed once, which wipes the key.
            unsafe { lc::EVP_AEAD_CTX_free(self.0) };
        }
    }

    pub(super) fn seal(
        key: &[u8; SEALING_KEY_LENGTH],
        additional: &[u8],
        plain: &[u8],
        sealed: &mut [u8],
    ) -> Option<()> {
        let aead = Aead::new(key)?;
        let mut written = 0;
        // SAFETY: every pointer is valid for the length beside it, and the output does not overlap the input.
        let result = unsafe {
            lc::EVP_AEAD_CTX_seal(
                aead.0,
                sealed.as_mut_ptr(),
                &mut written,
                sealed.len(),
                NONCE.as_ptr(),
                NONCE.len(),
                plain.as_ptr(),
                plain.len(),
                additional.as_ptr(),
                additional.len(),
            )
        };
        (result == 1 && written == sealed.len()).then_some(())
    }

    pub(super) fn open(
        key: &[u8; SEALING_KEY_LENGTH],
        additional: &[u8],
        sealed: &[u8],
        plain: &mut [u8],
    ) -> Option<()> {
        let aead = Aead::new(key)?;
        let mut written = 0;
        // SAFETY: as in `seal`.
        let result = unsafe {
            lc::EVP_AEAD_CTX_open(
                aead.0,
                plain.as_mut_ptr(),
                &mut written,
                plain.len(),
                NONCE.as_ptr(),
                NONCE.len(),
                sealed.as_ptr(),
                sealed.len(),
                additional.as_ptr(),
                additional.len(),
            )
        };
        if result != 1 {
            // SAFETY: touches the queue of errors of this thread alone, which nobody reads.
            unsafe { lc::ERR_clear_error() };
        }
        (result == 1 && written == plain.len()).then_some(())
    }
}

#[cfg(not(feature = "aws-lc"))]
mod library {
    use super::super::sys;
    use super::{NONCE, SEALING_KEY_LENGTH, TAG_LENGTH};

    struct Gcm(Box<sys::gcm_context>);

    impl Gcm {
        fn new(key: &[u8; SEALING_KEY_LENGTH]) -> Option<Gcm> {
            let mut raw = Box::<sys::gcm_context>::new_uninit();
            // SAFETY: `gcm_init` writes every byte of the struct.
            let mut gcm = Gcm(unsafe {
                sys::gcm_init(raw.as_mut_ptr());
                raw.assume_init()
            });
            // SAFETY: the key is readable for 256 bits, and copied.
            let result = unsafe { sys::gcm_setkey(&mut *gcm.0, sys::CIPHER_ID_AES, key.as_ptr(), 256) };
            (result == 0).then_some(gcm)
        }
    }

    impl Drop for Gcm {
        fn drop(&mut self) {
            // SAFETY: initialised in `new`, freed once, which wipes the key.
            unsafe { sys::gcm_free(&mut *self.0) };
        }
    }

    pub(super) fn seal(
        key: &[u8; SEALING_KEY_LENGTH],
        additional: &[u8],
        plain: &[u8],
        sealed: &mut [u8],
    ) -> Option<()> {
        let mut gcm = Gcm::new(key)?;
        let (data, tag) = sealed.split_at_mut_checked(plain.len())?;
        // SAFETY: every pointer is valid for the length beside it.
        let result = unsafe {
            sys::gcm_crypt_and_tag(
                &mut *gcm.0,
                sys::GCM_ENCRYPT as super::super::c_int,
                plain.len(),
                NONCE.as_ptr(),
                NONCE.len(),
                additional.as_ptr(),
                additional.len(),
                plain.as_ptr(),
                data.as_mut_ptr(),
                tag.len(),
                tag.as_mut_ptr(),
            )
        };
        (result == 0 && tag.len() == TAG_LENGTH).then_some(())
    }

    pub(super) fn open(
        key: &[u8; SEALING_KEY_LENGTH],
        additional: &[u8],
        sealed: &[u8],
        plain: &mut [u8],
    ) -> Option<()> {
        let mut gcm = Gcm::new(key)?;
        let (data, tag) = sealed.split_at_checked(plain.len())?;
        // SAFETY: every pointer is valid for the length beside it.
        let result = unsafe {
            sys::gcm_auth_decrypt(
                &mut *gcm.0,
                data.len(),
                NONCE.as_ptr(),
                NONCE.len(),
                additional.as_ptr(),
                additional.len(),
                tag.as_ptr(),
                tag.len(),
                data.as_ptr(),
                plain.as_mut_ptr(),
            )
        };
        (result == 0).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test case 16 of the GCM specification has other nonces; this one is case 14: a block of zeros.
    #[test]
    fn it_is_aes_256_gcm() {
        let sealed = seal_once(&[0; 32], &[], &[0; 16]).unwrap();
        let hex: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
    }

    #[test]
    fn only_what_was_sealed_is_opened() {
        let sealed = seal_once(&[1; 32], b"name", b"secret").unwrap();
        assert_eq!(open_sealed(&[1; 32], b"name", &sealed).unwrap()[..], b"secret"[..]);
        assert!(open_sealed(&[2; 32], b"name", &sealed).is_none());
        assert!(open_sealed(&[1; 32], b"game", &sealed).is_none());
        for length in 0..sealed.len() {
            assert!(open_sealed(&[1; 32], b"name", &sealed[..length]).is_none());
        }
        #[cfg(feature = "aws-lc")]
        assert!(!crate::tls::ffi::has_errors());
        for at in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[at] ^= 1;
            assert!(open_sealed(&[1; 32], b"name", &forged).is_none());
        }
    }
}
