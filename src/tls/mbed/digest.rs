//! A digest of what a configuration is made of.

use super::ffi::hmac::HmacKey;

/// Of parts of one kind.
pub(in crate::tls) fn digest<'a>(parts: impl Iterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut digest = Digest::new();
    parts.for_each(|part| digest.add(part));
    digest.finish()
}

/// Bytes that the parts of a plain configuration take, with room to spare.
const CAPACITY: usize = 256;

/// SHA-256 of parts, each behind its length. HMAC is what we have of it; its key is no secret.
pub(super) struct Digest(Vec<u8>);

impl Digest {
    pub(super) fn new() -> Digest {
        Digest(Vec::with_capacity(CAPACITY))
    }

    pub(super) fn add(&mut self, part: &[u8]) {
        self.0.extend_from_slice(&(part.len() as u64).to_be_bytes());
        self.0.extend_from_slice(part);
    }

    pub(super) fn add_option(&mut self, part: Option<&[u8]>) {
        self.0.push(part.is_some().into());
        self.add(part.unwrap_or_default());
    }

    pub(super) fn finish(&self) -> [u8; 32] {
        *HmacKey::new(b"mbed-dtls session").mac(&[&self.0])
    }
}
