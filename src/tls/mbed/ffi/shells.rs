//! Certificates as the engine needs to see them to pass them on: bytes, and no meaning.
//!
//! What they say is for `x509` to read, and for the peer.

use super::carrier::parse_into;
use super::{c_int, sys};

/// A list of `x509_crt` that nothing was parsed into.
pub(crate) struct Shells {
    /// Each points at the next one; none moves any more.
    list: Box<[sys::x509_crt]>,
    /// What they point at.
    bytes: Vec<Vec<u8>>,
}

// SAFETY: not written after it was made; the engine only reads it.
unsafe impl Send for Shells {}
// SAFETY: as for `Send`.
unsafe impl Sync for Shells {}

impl Shells {
    /// A chain to be presented; `key` is the SubjectPublicKeyInfo of the first.
    pub(crate) fn chain(certificates: Vec<Vec<u8>>, key: &[u8]) -> Result<Shells, c_int> {
        let mut shells = Shells::new(certificates, |shell, bytes| shell.raw = bytes);
        if let Some(own) = shells.list.first_mut() {
            // By it the engine chooses what to present.
            parse_into(&mut own.pk, key)?;
        }
        Ok(shells)
    }

    /// Names of authorities, for a CertificateRequest (RFC 5246 section 7.4.4).
    pub(crate) fn authorities(names: Vec<Vec<u8>>) -> Shells {
        Shells::new(names, |shell, bytes| {
            shell.subject_raw = bytes;
            // Without one, the engine takes it for the end of the list.
            shell.version = 3;
        })
    }

    fn new(bytes: Vec<Vec<u8>>, fill: impl Fn(&mut sys::x509_crt, sys::x509_buf)) -> Shells {
        let mut list: Box<[sys::x509_crt]> = bytes.iter().map(|_| empty()).collect();
        for (shell, bytes) in list.iter_mut().zip(&bytes) {
            // Only read.
            fill(shell, sys::x509_buf { tag: 0, len: bytes.len(), p: bytes.as_ptr().cast_mut() });
        }
        let mut next = std::ptr::null_mut::<sys::x509_crt>();
        for shell in list.iter_mut().rev() {
            shell.next = next;
            next = shell;
        }
        Shells { list, bytes }
    }

    /// The bytes of each.
    pub(super) fn all(&self) -> &[Vec<u8>] {
        &self.bytes
    }

    /// The bytes of the first.
    pub(super) fn first(&self) -> Option<&[u8]> {
        self.bytes.first().map(Vec::as_slice)
    }

    /// Null where there is none.
    pub(crate) fn as_ptr(&self) -> *const sys::x509_crt {
        self.list.first().map_or(std::ptr::null(), |first| first)
    }
}

impl Drop for Shells {
    fn drop(&mut self) {
        for shell in &mut self.list {
            // SAFETY: initialised in `empty`, freed once; the engine allocated nothing of it but the key.
            unsafe { sys::pk_free(&mut shell.pk) };
        }
    }
}

fn empty() -> sys::x509_crt {
    let mut shell = std::mem::MaybeUninit::uninit();
    // SAFETY: `x509_crt_init` writes every byte of the struct.
    unsafe {
        sys::x509_crt_init(shell.as_mut_ptr());
        shell.assume_init()
    }
}
