//! What a peer's certificate is held against.

use super::sys;
use mbedtls::x509::Crl;
use std::net::IpAddr;

/// Revocation lists, which every context of a configuration reads.
pub(crate) struct SharedCrl(Crl);

// SAFETY: nobody changes the lists after they were shared; the engine only reads them.
unsafe impl Sync for SharedCrl {}

impl SharedCrl {
    pub(crate) fn new(lists: Crl) -> SharedCrl {
        SharedCrl(lists)
    }

    pub(super) fn as_ptr(&self) -> *const sys::x509_crl {
        (&self.0).into()
    }
}

/// The name that the peer's certificate must carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PeerName {
    /// Checked by Mbed TLS, against `dNSName` (or the common name where there is no alternative name at all).
    Dns(String),
    /// Checked in `verify`, against `iPAddress` alone (RFC 9525 section 6.5).
    Ip(IpAddr),
}
