//! Certificates that peers present, each parsed once.
//!
//! The devices of one maker send the same intermediate certificates with their own, and a device that comes again sends its
//! own again. To parse one costs as much as a fifth of a handshake. What follows from the bytes alone, whoever has sent them
//! and whatever they are judged by, is kept for a few; no verdict is.

use super::x509::Certificate;
use crate::wire::PublicKey;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Certificates that are kept, for the whole process. Any peer can have some kept.
const KEPT_LIMIT: usize = 32;

/// Bytes of the longest one that is kept.
const BYTES_LIMIT: usize = 4 * 1024;

static KEPT: Kept = Kept::new();

/// A certificate of a peer's.
pub(super) struct Presented {
    pub(super) certificate: Certificate,
    pub(super) der: Vec<u8>,
    /// `None` when it is not acceptable as a peer's own.
    pub(super) key: Option<PublicKey>,
}

impl Presented {
    /// `None` when these bytes are anything but one certificate that can be read.
    pub(super) fn read(der: &[u8]) -> Option<Arc<Presented>> {
        KEPT.read(der)
    }

    fn parse(der: &[u8]) -> Option<Presented> {
        let certificate = Certificate::from_der(der)?;
        let key = PublicKey::recognise(&certificate.public_key());
        Some(Presented { certificate, der: der.to_vec(), key })
    }
}

/// Those that are kept. Whoever was presented most recently comes last.
struct Kept(Mutex<VecDeque<Arc<Presented>>>);

impl Kept {
    const fn new() -> Kept {
        Kept(Mutex::new(VecDeque::new()))
    }

    fn read(&self, der: &[u8]) -> Option<Arc<Presented>> {
        if let Some(kept) = self.find(der) {
            return Some(kept);
        }
        let parsed = Arc::new(Presented::parse(der)?);
        if der.len() <= BYTES_LIMIT {
            self.keep(&parsed);
        }
        Some(parsed)
    }

    fn find(&self, der: &[u8]) -> Option<Arc<Presented>> {
        let mut all = self.lock();
        let at = all.iter().rposition(|presented| presented.der == der)?;
        let found = all.remove(at)?;
        all.push_back(Arc::clone(&found));
        Some(found)
    }

    fn keep(&self, presented: &Arc<Presented>) {
        let mut all = self.lock();
        let surplus = if all.len() < KEPT_LIMIT { None } else { all.pop_front() };
        all.push_back(Arc::clone(presented));
        // Nobody waits while it is freed.
        drop(all);
        drop(surplus);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Presented>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, CustomExtension, KeyPair};

    fn certificate(name: &str, padding: usize) -> Vec<u8> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let content = [&[0x04, 0x82][..], &(padding as u16).to_be_bytes(), &vec![0; padding]].concat();
        params.custom_extensions.push(CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], content));
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn the_same_bytes_are_parsed_once_and_one_other_bit_makes_another_certificate() {
        let kept = Kept::new();
        let der = certificate("a.test", 300);
        let first = kept.read(&der).unwrap();
        assert_eq!(first.der, der);
        assert!(Arc::ptr_eq(&first, &kept.read(&der).unwrap()));
        // In the signature: nobody sees that before it is verified.
        let mut forged = der.clone();
        *forged.last_mut().unwrap() ^= 1;
        let forgery = kept.read(&forged).unwrap();
        assert_eq!((&forgery.der, Arc::ptr_eq(&first, &forgery)), (&forged, false));
        assert!(kept.read(&der[..der.len() - 1]).is_none());
    }

    #[test]
    fn whatever_peers_present_few_are_kept_and_none_that_is_long() {
        let kept = Kept::new();
        // A signature is a byte or two longer at times.
        let padding = BYTES_LIMIT - (certificate("long.test", 3000).len() - 3000);
        let of = |length| loop {
            let der = certificate("long.test", padding + length - BYTES_LIMIT);
            if der.len() == length {
                break kept.read(&der).is_some();
            }
        };
        assert!(of(BYTES_LIMIT + 1) && kept.lock().is_empty());
        assert!(of(BYTES_LIMIT) && kept.lock().len() == 1);
        let intermediate = certificate("intermediate.test", 300);
        let first = kept.read(&intermediate).unwrap();
        for number in 0..2 * KEPT_LIMIT {
            kept.read(&certificate(&format!("{number}.test"), 300)).unwrap();
            assert!(Arc::ptr_eq(&first, &kept.read(&intermediate).unwrap()), "who is seen again and again is kept");
        }
        assert_eq!(kept.lock().len(), KEPT_LIMIT);
    }
}
