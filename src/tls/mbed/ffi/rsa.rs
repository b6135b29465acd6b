//! Signatures with an RSA key of ours: AWS-LC's, through the engine's hook for keys that it does not hold itself.
//!
//! Five times as fast, and without the side channels of Mbed TLS's own arithmetic (CVE-2025-54764 is left at the
//! import).

use super::sys;

/// An RSA private key in AWS-LC's hands, as the engine wants to see it.
pub(crate) struct ForeignRsaKey {
    #[cfg(feature = "aws-lc")]
    raw: Box<sys::pk_context>,
    #[cfg(feature = "aws-lc")]
    key: *mut aws_lc_sys::RSA,
}

// SAFETY: the key is only read; AWS-LC guards what it changes behind it (blinding values) with a lock.
unsafe impl Send for ForeignRsaKey {}
// SAFETY: as for `Send`.
unsafe impl Sync for ForeignRsaKey {}

#[cfg(not(feature = "aws-lc"))]
impl ForeignRsaKey {
    /// Always `None`: there is no other library.
    pub(crate) fn from_der(_der: &[u8]) -> Option<ForeignRsaKey> {
        None
    }

    pub(crate) fn as_ptr(&self) -> *const sys::pk_context {
        std::ptr::null()
    }
}

#[cfg(feature = "aws-lc")]
impl ForeignRsaKey {
    /// Takes a key in PKCS#1. `None` when AWS-LC does not take it; the engine then uses its own code.
    pub(crate) fn from_der(der: &[u8]) -> Option<ForeignRsaKey> {
        // SAFETY: `der` is readable for its length; a new key is made, or null.
        let key = unsafe { aws_lc_sys::RSA_private_key_from_bytes(der.as_ptr(), der.len()) };
        if key.is_null() {
            return None;
        }
        let mut raw = Box::<sys::pk_context>::new_uninit();
        // SAFETY: `pk_init` writes every byte of the struct.
        let raw = unsafe {
            sys::pk_init(raw.as_mut_ptr());
            raw.assume_init()
        };
        let mut foreign = ForeignRsaKey { raw, key };
        // SAFETY: the context is initialised, and the key lives as long as it does.
        let set = unsafe {
            sys::pk_setup_rsa_alt(
                &mut *foreign.raw,
                key.cast(),
                Some(aws_lc::decrypt),
                Some(aws_lc::sign),
                Some(aws_lc::key_length),
            )
        };
        (set == 0).then_some(foreign)
    }

    pub(crate) fn as_ptr(&self) -> *const sys::pk_context {
        &*self.raw
    }
}

#[cfg(feature = "aws-lc")]
impl Drop for ForeignRsaKey {
    fn drop(&mut self) {
        // SAFETY: both were made in `from_der` and are freed once, the context that points at the key first.
        unsafe {
            sys::pk_free(&mut *self.raw);
            aws_lc_sys::RSA_free(self.key);
        }
    }
}

#[cfg(feature = "aws-lc")]
mod aws_lc {
    use super::super::{c_int, c_void, sys};
    use aws_lc_sys as lc;
    use sys::types::raw_types::{c_uchar, c_uint};

    type Rng = Option<unsafe extern "C" fn(*mut c_void, *mut c_uchar, usize) -> c_int>;

    /// Never needed: no RSA key exchange is compiled in.
    pub(super) unsafe extern "C" fn decrypt(
        _key: *mut c_void,
        _mode: c_int,
        _length: *mut usize,
        _input: *const c_uchar,
        _output: *mut c_uchar,
        _room: usize,
    ) -> c_int {
        sys::ERR_RSA_UNSUPPORTED_OPERATION
    }

    /// RSASSA-PKCS1-v1_5 of a hash.
    pub(super) unsafe extern "C" fn sign(
        key: *mut c_void,
        _rng: Rng,
        _rng_context: *mut c_void,
        _mode: c_int,
        hash_type: sys::md_type_t,
        length: c_uint,
        hash: *const c_uchar,
        signature: *mut c_uchar,
    ) -> c_int {
        let (nid, expected) = match hash_type {
            sys::MD_SHA256 => (lc::NID_sha256, 32),
            sys::MD_SHA384 => (lc::NID_sha384, 48),
            sys::MD_SHA512 => (lc::NID_sha512, 64),
            _ => return sys::ERR_RSA_UNSUPPORTED_OPERATION,
        };
        if length != 0 && length != expected {
            return sys::ERR_RSA_BAD_INPUT_DATA;
        }
        let mut written = 0;
        // SAFETY: `key` is the one that the hook was set up with; the hash has the length of its kind, and the engine's
        // buffer has room for a signature of `key_length` bytes.
        let done = unsafe { lc::RSA_sign(nid, hash, expected as _, signature, &mut written, key.cast()) };
        if done == 1 { 0 } else { sys::ERR_RSA_PRIVATE_FAILED }
    }

    pub(super) unsafe extern "C" fn key_length(key: *mut c_void) -> usize {
        // SAFETY: as in `sign`.
        unsafe { lc::RSA_size(key.cast()) as usize }
    }
}

#[cfg(all(test, feature = "aws-lc"))]
mod tests {
    use super::super::sys;
    use super::ForeignRsaKey;
    use std::ptr::null_mut;

    #[test]
    fn a_key_signs_what_is_as_long_as_its_hash_and_decrypts_nothing() {
        let pem = include_bytes!("../../../proto/tests/keys/rsa-2048.key.pem");
        let mut key = mbedtls::pk::Pk::from_private_key(&[&pem[..], &[0]].concat(), None).unwrap();
        let key = ForeignRsaKey::from_der(&key.write_private_der_vec().unwrap()).unwrap();
        let raw = key.key.cast();
        // SAFETY: the key is the one above; hash and signature have as many bytes as are read and written.
        let sign = |kind, length| unsafe {
            let (hash, mut signature) = ([7; 64], [0; 256]);
            let done =
                super::aws_lc::sign(raw, None, null_mut(), 1, kind, length, hash.as_ptr(), signature.as_mut_ptr());
            (done, signature != [0; 256])
        };
        for (kind, length) in [(sys::MD_SHA256, 32), (sys::MD_SHA384, 48), (sys::MD_SHA512, 64)] {
            // The engine leaves the length out where the hash says it.
            assert_eq!([sign(kind, length), sign(kind, 0)], [(0, true); 2]);
            let refused = (sys::ERR_RSA_BAD_INPUT_DATA, false);
            assert_eq!([sign(kind, length - 1), sign(kind, length + 1)], [refused; 2]);
        }
        assert_eq!(sign(sys::MD_SHA1, 20), (sys::ERR_RSA_UNSUPPORTED_OPERATION, false));
        // SAFETY: as above.
        assert_eq!(unsafe { super::aws_lc::key_length(raw) }, 256);
        let mut length = 0;
        // SAFETY: nothing is read or written.
        let decrypted =
            unsafe { super::aws_lc::decrypt(raw, 0, &mut length, [0; 256].as_ptr(), [0; 256].as_mut_ptr(), 256) };
        assert_eq!((decrypted, length), (sys::ERR_RSA_UNSUPPORTED_OPERATION, 0));
        assert!(ForeignRsaKey::from_der(b"no key").is_none());
    }
}
