//! Our own public key in the form of a certificate, for an engine that finds keys by certificates alone.

use super::{c_int, check, sys};

/// A certificate with a public key and nothing else.
pub(crate) struct Carrier {
    pub(super) raw: Box<sys::x509_crt>,
    /// The same key as it is sent: SubjectPublicKeyInfo.
    pub(super) der: Vec<u8>,
}

// SAFETY: not written after `new`; the engine only reads it.
unsafe impl Send for Carrier {}
// SAFETY: as for `Send`.
unsafe impl Sync for Carrier {}

impl Carrier {
    /// `der`: a SubjectPublicKeyInfo.
    pub(crate) fn new(der: Vec<u8>) -> Result<Carrier, c_int> {
        let mut raw = Box::<sys::x509_crt>::new_uninit();
        // SAFETY: `x509_crt_init` writes every byte of the struct.
        let raw = unsafe {
            sys::x509_crt_init(raw.as_mut_ptr());
            raw.assume_init()
        };
        let mut carrier = Carrier { raw, der };
        parse_into(&mut carrier.raw.pk, &carrier.der)?;
        Ok(carrier)
    }

    /// SubjectPublicKeyInfo.
    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, freed once; no context outlives the configuration that owns it.
        unsafe { sys::x509_crt_free(&mut *self.raw) };
    }
}

/// Reads a SubjectPublicKeyInfo into a context for public keys.
pub(super) fn parse_into(context: &mut sys::pk_context, der: &[u8]) -> Result<(), c_int> {
    let bytes = der.as_ptr_range();
    let mut position = bytes.start.cast_mut();
    // SAFETY: `position` walks the key's bytes up to their end; the function reads them alone.
    check(unsafe { sys::pk_parse_subpubkey(&mut position, bytes.end, context) })
}
