//! Whom the application trusts to vouch for peers, and what those have revoked. Parsed once, into types that cannot be wrong.

use super::x509::{Certificate, RevocationList, Store};
use crate::tls::config_error::ConfigError;
use crate::tls::mbed::digest::digest;
use crate::tls::pem::{Label, sections};
use std::sync::{Arc, Mutex, PoisonError};

/// Certificates that are trusted to vouch for others.
pub(crate) struct TrustAnchors {
    store: Store,
    digest: [u8; 32],
    /// Their names, DER each.
    subjects: Vec<Vec<u8>>,
}

/// Lists of certificates that their issuers have revoked. Where lists are given, each issuer in a chain must have one.
pub(crate) struct RevocationLists {
    lists: Vec<RevocationList>,
    digest: [u8; 32],
}

impl RevocationLists {
    /// Each entry is PEM or DER; a PEM text may hold several lists.
    pub(crate) fn parse(entries: &[impl AsRef<[u8]>]) -> Result<RevocationLists, ConfigError> {
        let mut lists = Vec::new();
        let digest = digest(entries.iter().map(AsRef::as_ref));
        for (index, entry) in entries.iter().enumerate() {
            let read: Option<Vec<_>> = sections(entry.as_ref(), Label::RevocationList)
                .iter()
                .map(|section| RevocationList::from_der(section.as_deref()?))
                .collect();
            let read = read.filter(|read| !read.is_empty());
            lists.extend(read.ok_or(ConfigError::UnreadableRevocationList { index })?);
        }
        Ok(RevocationLists { lists, digest })
    }

    /// Of the lists as they were given.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    pub(super) fn lists(&self) -> &[RevocationList] {
        &self.lists
    }
}

/// Bytes from which trust anchors are kept parsed: parsing Node's root certificates takes longer than a handshake.
const SHARED_FROM_BYTES: usize = 64 * 1024;

/// The last large set, and the bytes that it was parsed from.
static SHARED: Mutex<Option<SharedAnchors>> = Mutex::new(None);

struct SharedAnchors {
    parsed_from: Vec<Vec<u8>>,
    anchors: Arc<TrustAnchors>,
}

impl TrustAnchors {
    /// Parses as `parse` does, but uses a large set again that was parsed before.
    pub(crate) fn shared(certificates: &[impl AsRef<[u8]>]) -> Result<Arc<TrustAnchors>, ConfigError> {
        let bytes = || certificates.iter().map(AsRef::as_ref);
        if bytes().map(<[u8]>::len).sum::<usize>() < SHARED_FROM_BYTES {
            return TrustAnchors::parse(certificates).map(Arc::new);
        }
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = &*shared
            && shared.parsed_from.iter().map(Vec::as_slice).eq(bytes())
        {
            return Ok(Arc::clone(&shared.anchors));
        }
        let anchors = Arc::new(TrustAnchors::parse(certificates)?);
        let parsed_from = bytes().map(<[u8]>::to_vec).collect();
        *shared = Some(SharedAnchors { parsed_from, anchors: Arc::clone(&anchors) });
        Ok(anchors)
    }

    /// Each entry is PEM or DER; a PEM text may hold several certificates.
    pub(crate) fn parse(certificates: &[impl AsRef<[u8]>]) -> Result<TrustAnchors, ConfigError> {
        let mut anchors = Vec::new();
        for (index, entry) in certificates.iter().enumerate() {
            let read = sections(entry.as_ref(), Label::Certificate).into_iter().flatten();
            let before = anchors.len();
            // One certificate of a bundle that cannot be read does not keep the others from being trusted.
            anchors.extend(read.filter_map(|der| Certificate::from_der(&der)));
            if anchors.len() == before {
                return Err(ConfigError::UnreadableTrustAnchor { index });
            }
        }
        if anchors.is_empty() {
            return Err(ConfigError::NoTrustAnchor);
        }
        let store = Store::new(&anchors).ok_or_else(|| ConfigError::Refused("out of memory".to_owned()))?;
        let ders: Vec<_> = anchors.iter().map(Certificate::der).collect();
        let digest = digest(ders.iter().map(Vec::as_slice));
        Ok(TrustAnchors { store, digest, subjects: anchors.iter().map(Certificate::subject).collect() })
    }

    /// Of the certificates.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Their names, DER each.
    pub(crate) fn subjects(&self) -> &[Vec<u8>] {
        &self.subjects
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    #[test]
    fn a_large_set_is_parsed_once_as_long_as_it_stays_the_same() {
        let params = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
        let pem = params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
        let large = vec![pem.clone(); SHARED_FROM_BYTES / pem.len() + 1];
        let shared = |set: &[String]| TrustAnchors::shared(set).unwrap();
        let first = shared(&large);
        assert!(Arc::ptr_eq(&first, &shared(&large)));
        let small = &large[2..];
        assert!(!Arc::ptr_eq(&shared(small), &shared(small)));
        assert!(Arc::ptr_eq(&first, &shared(&large)), "small ones take no place");
        let another = [&large[..], &large[..1]].concat();
        let second = shared(&another);
        assert!(!Arc::ptr_eq(&first, &second));
        assert!(Arc::ptr_eq(&second, &shared(&another)));
    }
}
