//! AEAD ciphers of records: AWS-LC's, several times as fast; Mbed TLS's own where that does not build.

use super::{bytes, c_int, c_uchar, c_void, sys};

/// A context of the other library's for this cipher and key; null when it has none, and Mbed TLS is to go on by itself.
///
/// # Safety
///
/// `key` is readable for `length`.
#[unsafe(no_mangle)]
unsafe extern "C" fn mbedtls_foreign_aead_new(
    cipher: sys::cipher_type_t,
    key: *const c_uchar,
    length: usize,
) -> *mut c_void {
    // SAFETY: as the caller's.
    unsafe { library::new(cipher, key, length) }
}

/// # Safety
///
/// `aead` is null, or from `mbedtls_foreign_aead_new` and not used again.
#[unsafe(no_mangle)]
unsafe extern "C" fn mbedtls_foreign_aead_free(aead: *mut c_void) {
    // SAFETY: as the caller's.
    unsafe { library::free(aead) };
}

/// Encrypts `length` bytes in place and puts the tag behind them.
///
/// # Safety
///
/// `aead` is from `mbedtls_foreign_aead_new`; nonce and additional data have the lengths that stand beside them; there
/// is room for the tag behind the data.
#[unsafe(no_mangle)]
unsafe extern "C" fn mbedtls_foreign_aead_seal(
    aead: *mut c_void,
    nonce: *const c_uchar,
    nonce_length: usize,
    additional: *const c_uchar,
    additional_length: usize,
    data: *mut c_uchar,
    length: usize,
    tag_length: usize,
) -> c_int {
    // SAFETY: as the caller's.
    let (nonce, additional) = unsafe { (bytes(nonce, nonce_length), bytes(additional, additional_length)) };
    // SAFETY: as the caller's.
    unsafe { library::seal(aead, nonce, additional, data, length, tag_length) }
}

/// Checks the tag behind `length` bytes, and decrypts them in place.
///
/// # Safety
///
/// As `mbedtls_foreign_aead_seal`, with the tag behind the data.
#[unsafe(no_mangle)]
unsafe extern "C" fn mbedtls_foreign_aead_open(
    aead: *mut c_void,
    nonce: *const c_uchar,
    nonce_length: usize,
    additional: *const c_uchar,
    additional_length: usize,
    data: *mut c_uchar,
    length: usize,
    tag_length: usize,
) -> c_int {
    // SAFETY: as the caller's.
    let (nonce, additional) = unsafe { (bytes(nonce, nonce_length), bytes(additional, additional_length)) };
    // SAFETY: as the caller's.
    unsafe { library::open(aead, nonce, additional, data, length, tag_length) }
}

/// Bytes of C's, readable during the call.
type Bytes<'a> = &'a [u8];

#[cfg(feature = "aws-lc")]
mod library {
    use super::{Bytes, c_int, c_uchar, c_void, sys};
    use crate::tls::ffi::Refused;
    use crate::tls::ffi::ccm::Ccm;
    use aws_lc_sys as lc;

    /// Bytes of the only tag that GCM and ChaCha20-Poly1305 have in TLS (RFC 5288, RFC 7905).
    const TAG_LENGTH: usize = 16;

    /// What stands behind Mbed TLS's pointer.
    enum Aead {
        Ccm(Ccm),
        Other(*mut lc::EVP_AEAD_CTX),
    }

    impl Drop for Aead {
        fn drop(&mut self) {
            if let Aead::Other(context) = self {
                // SAFETY: made in `new`, freed once.
                unsafe { lc::EVP_AEAD_CTX_free(*context) };
            }
        }
    }

    /// # Safety
    ///
    /// As `mbedtls_foreign_aead_new`.
    pub(super) unsafe fn new(cipher: sys::cipher_type_t, key: *const c_uchar, length: usize) -> *mut c_void {
        // SAFETY: the caller's.
        let key = unsafe { super::bytes(key, length) };
        let aead = match (cipher, length) {
            (sys::CIPHER_AES_128_CCM, 16) | (sys::CIPHER_AES_256_CCM, 32) => Ccm::new(key).map(Aead::Ccm),
            // SAFETY: these functions take nothing, and answer with static objects.
            (sys::CIPHER_AES_128_GCM, 16) => other(unsafe { lc::EVP_aead_aes_128_gcm() }, key),
            // SAFETY: as above.
            (sys::CIPHER_AES_256_GCM, 32) => other(unsafe { lc::EVP_aead_aes_256_gcm() }, key),
            // SAFETY: as above.
            (sys::CIPHER_CHACHA20_POLY1305, 32) => other(unsafe { lc::EVP_aead_chacha20_poly1305() }, key),
            _ => None,
        };
        aead.map_or(std::ptr::null_mut(), |aead| Box::into_raw(Box::new(aead)).cast())
    }

    fn other(aead: *const lc::EVP_AEAD, key: &[u8]) -> Option<Aead> {
        // SAFETY: the key is readable for its length, and copied.
        let context = unsafe { lc::EVP_AEAD_CTX_new(aead, key.as_ptr(), key.len(), TAG_LENGTH) };
        (!context.is_null()).then_some(Aead::Other(context))
    }

    /// # Safety
    ///
    /// As `mbedtls_foreign_aead_free`.
    pub(super) unsafe fn free(aead: *mut c_void) {
        if !aead.is_null() {
            // SAFETY: the caller's; made in `new` from a `Box`.
            drop(unsafe { Box::from_raw(aead.cast::<Aead>()) });
        }
    }

    /// # Safety
    ///
    /// As `mbedtls_foreign_aead_seal`.
    pub(super) unsafe fn seal(
        aead: *mut c_void,
        nonce: Bytes<'_>,
        additional: Bytes<'_>,
        data: *mut c_uchar,
        length: usize,
        tag_length: usize,
    ) -> c_int {
        // SAFETY: the caller's; nobody changes what `new` made.
        let aead = unsafe { &*aead.cast::<Aead>() };
        match aead {
            Aead::Ccm(ccm) => {
                // SAFETY: the caller's: the tag stands behind the data.
                let (data, tag) = unsafe { parts(data, length, tag_length) };
                match ccm.seal(nonce, additional, data, tag) {
                    Ok(()) => 0,
                    Err(Refused) => sys::ERR_CIPHER_BAD_INPUT_DATA,
                }
            }
            // SAFETY: the caller's.
            Aead::Other(context) => unsafe { seal_other(*context, nonce, additional, data, length, tag_length) },
        }
    }

    /// # Safety
    ///
    /// As `mbedtls_foreign_aead_open`.
    pub(super) unsafe fn open(
        aead: *mut c_void,
        nonce: Bytes<'_>,
        additional: Bytes<'_>,
        data: *mut c_uchar,
        length: usize,
        tag_length: usize,
    ) -> c_int {
        // SAFETY: the caller's; nobody changes what `new` made.
        let aead = unsafe { &*aead.cast::<Aead>() };
        match aead {
            Aead::Ccm(ccm) => {
                // SAFETY: the caller's: the tag stands behind the data.
                let (data, tag) = unsafe { parts(data, length, tag_length) };
                match ccm.open(nonce, additional, data, tag) {
                    Ok(()) => 0,
                    Err(Refused) => sys::ERR_CIPHER_AUTH_FAILED,
                }
            }
            // SAFETY: the caller's.
            Aead::Other(context) => unsafe { open_other(*context, nonce, additional, data, length, tag_length) },
        }
    }

    /// # Safety
    ///
    /// Both lengths, one behind the other, are readable and writable at `data`, and used by nobody else meanwhile.
    unsafe fn parts<'a>(data: *mut c_uchar, length: usize, tag_length: usize) -> (&'a mut [u8], &'a mut [u8]) {
        // SAFETY: the caller's.
        unsafe { std::slice::from_raw_parts_mut(data, length + tag_length) }.split_at_mut(length)
    }

    /// # Safety
    ///
    /// As `seal`.
    unsafe fn seal_other(
        aead: *mut lc::EVP_AEAD_CTX,
        nonce: Bytes<'_>,
        additional: Bytes<'_>,
        data: *mut c_uchar,
        length: usize,
        tag_length: usize,
    ) -> c_int {
        if tag_length != TAG_LENGTH {
            return sys::ERR_CIPHER_BAD_INPUT_DATA;
        }
        let mut written = 0;
        // SAFETY: the caller's; AWS-LC works in place when output is input.
        let done = unsafe {
            lc::EVP_AEAD_CTX_seal(
                aead,
                data,
                &mut written,
                length + TAG_LENGTH,
                nonce.as_ptr(),
                nonce.len(),
                data,
                length,
                additional.as_ptr(),
                additional.len(),
            )
        };
        if done == 1 && written == length + TAG_LENGTH { 0 } else { sys::ERR_CIPHER_BAD_INPUT_DATA }
    }

    /// # Safety
    ///
    /// As `open`.
    unsafe fn open_other(
        aead: *mut lc::EVP_AEAD_CTX,
        nonce: Bytes<'_>,
        additional: Bytes<'_>,
        data: *mut c_uchar,
        length: usize,
        tag_length: usize,
    ) -> c_int {
        if tag_length != TAG_LENGTH {
            return sys::ERR_CIPHER_BAD_INPUT_DATA;
        }
        let mut written = 0;
        // SAFETY: the caller's; AWS-LC works in place when output is input.
        let done = unsafe {
            lc::EVP_AEAD_CTX_open(
                aead,
                data,
                &mut written,
                length,
                nonce.as_ptr(),
                nonce.len(),
                data,
                length + TAG_LENGTH,
                additional.as_ptr(),
                additional.len(),
            )
        };
        if done == 1 && written == length {
            return 0;
        }
        // A failed tag leaves an error in the thread's queue, which nobody reads.
        // SAFETY: takes nothing.
        unsafe { lc::ERR_clear_error() };
        sys::ERR_CIPHER_AUTH_FAILED
    }
}

/// Without AWS-LC every context keeps its null pointer, and none of the other functions is ever called.
#[cfg(not(feature = "aws-lc"))]
mod library {
    use super::{Bytes, c_int, c_uchar, c_void, sys};

    /// # Safety
    ///
    /// None needed.
    pub(super) unsafe fn new(_: sys::cipher_type_t, _: *const c_uchar, _: usize) -> *mut c_void {
        std::ptr::null_mut()
    }

    /// # Safety
    ///
    /// None needed.
    pub(super) unsafe fn free(_: *mut c_void) {}

    /// # Safety
    ///
    /// None needed.
    pub(super) unsafe fn seal(
        _: *mut c_void,
        _: Bytes<'_>,
        _: Bytes<'_>,
        _: *mut c_uchar,
        _: usize,
        _: usize,
    ) -> c_int {
        sys::ERR_CIPHER_FEATURE_UNAVAILABLE
    }

    /// # Safety
    ///
    /// None needed.
    pub(super) unsafe fn open(
        _: *mut c_void,
        _: Bytes<'_>,
        _: Bytes<'_>,
        _: *mut c_uchar,
        _: usize,
        _: usize,
    ) -> c_int {
        sys::ERR_CIPHER_FEATURE_UNAVAILABLE
    }
}

#[cfg(all(test, feature = "aws-lc"))]
mod tests {
    use super::*;
    use crate::tls::ffi::has_errors;
    use std::ptr::null_mut;

    const NONCE: [u8; 12] = [9; 12];
    const PLAIN: &[u8] = b"payload";

    type Function = unsafe extern "C" fn(
        *mut c_void,
        *const c_uchar,
        usize,
        *const c_uchar,
        usize,
        *mut c_uchar,
        usize,
        usize,
    ) -> c_int;

    fn call(function: Function, aead: *mut c_void, additional: &[u8], data: &mut [u8], tag_length: usize) -> c_int {
        let (nonce, bytes) = (NONCE.as_ptr(), additional.as_ptr());
        let length = data.len() - 16;
        // SAFETY: the context is one of ours, every pointer has the length beside it, and 16 bytes are behind the data.
        unsafe { function(aead, nonce, NONCE.len(), bytes, additional.len(), data.as_mut_ptr(), length, tag_length) }
    }

    fn new(cipher: sys::cipher_type_t, length: usize) -> *mut c_void {
        // SAFETY: the key has so many bytes.
        unsafe { mbedtls_foreign_aead_new(cipher, [7; 64].as_ptr(), length) }
    }

    #[test]
    fn a_record_is_opened_as_it_was_sealed_and_otherwise_not() {
        for (cipher, key_length, tag_length) in [
            (sys::CIPHER_AES_128_CCM, 16, 8),
            (sys::CIPHER_AES_128_CCM, 16, 16),
            (sys::CIPHER_AES_256_CCM, 32, 8),
            (sys::CIPHER_AES_128_GCM, 16, 16),
            (sys::CIPHER_AES_256_GCM, 32, 16),
            (sys::CIPHER_CHACHA20_POLY1305, 32, 16),
        ] {
            let aead = new(cipher, key_length);
            assert!(!aead.is_null());
            let mut sealed = [PLAIN, &[0; 16]].concat();
            assert_eq!(call(mbedtls_foreign_aead_seal, aead, b"header", &mut sealed, tag_length), 0);
            assert!(!sealed.starts_with(PLAIN) && sealed[PLAIN.len() + tag_length..].iter().all(|byte| *byte == 0));
            for at in 0..PLAIN.len() + tag_length {
                let mut forged = sealed.clone();
                forged[at] ^= 1;
                let opened = call(mbedtls_foreign_aead_open, aead, b"header", &mut forged, tag_length);
                assert_eq!((opened, has_errors()), (sys::ERR_CIPHER_AUTH_FAILED, false), "{cipher} {at}");
            }
            let opened = call(mbedtls_foreign_aead_open, aead, b"heades", &mut sealed.clone(), tag_length);
            assert_eq!(opened, sys::ERR_CIPHER_AUTH_FAILED);
            assert_eq!(call(mbedtls_foreign_aead_open, aead, b"header", &mut sealed, tag_length), 0);
            assert!(sealed.starts_with(PLAIN));
            // No cipher has a tag of seven bytes.
            for function in [mbedtls_foreign_aead_seal as Function, mbedtls_foreign_aead_open] {
                assert_ne!(call(function, aead, b"header", &mut sealed, 7), 0);
            }
            // SAFETY: from `mbedtls_foreign_aead_new`, and not used again.
            unsafe { mbedtls_foreign_aead_free(aead) };
        }
        // SAFETY: null is allowed.
        unsafe { mbedtls_foreign_aead_free(null_mut()) };
    }

    #[test]
    fn what_the_other_library_does_not_have_is_left_to_the_engine() {
        for (cipher, length) in [
            (sys::CIPHER_AES_128_CCM, 32),
            (sys::CIPHER_AES_256_CCM, 16),
            (sys::CIPHER_AES_128_GCM, 32),
            (sys::CIPHER_AES_256_GCM, 16),
            (sys::CIPHER_CHACHA20_POLY1305, 16),
            (sys::CIPHER_AES_192_GCM, 24),
            (sys::CIPHER_AES_128_CBC, 16),
        ] {
            assert!(new(cipher, length).is_null(), "{cipher} {length}");
        }
    }
}
