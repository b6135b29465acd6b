//! A finished, immutable `ssl_config`, and everything that it points at.

use super::negotiation::{Lists, Preferences};
use super::own_key::{KeyKind, OwnKey};
use super::rng::random;
use super::shells::Shells;
use super::start_up::start_up;
use super::{bio, c_int, check, sys};
use std::ptr::null_mut;
use std::sync::Arc;
use std::time::Duration;

/// Which side of the handshake a configuration is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Answers ClientHellos.
    Server,
    /// Sends the first ClientHello.
    Client,
}

/// The ingredients of an [`SslConfig`].
pub(crate) struct SslConfigParts<'a> {
    pub(crate) role: Role,
    /// IANA's numbers, best first.
    pub(crate) suites: Vec<u16>,
    pub(crate) preferences: Preferences,
    /// A server may have one of each kind.
    pub(crate) own_keys: Vec<Arc<OwnKey>>,
    /// The authorities that a server names to its clients.
    pub(crate) authorities: Option<Shells>,
    /// Whether a server asks for certificates.
    pub(crate) asks_peer: bool,
    /// Identity and key; `None` for a client without, and for one that learns them in its handshake.
    pub(crate) client_psk: Option<(&'a [u8], &'a [u8])>,
    pub(crate) first_interval: Duration,
}

/// A finished `ssl_config`.
pub(crate) struct SslConfig {
    raw: Box<sys::ssl_config>,
    role: Role,
    asks_peer: bool,
    /// What `raw` points at.
    suites: Box<[c_int]>,
    lists: Lists,
    own_keys: Vec<Arc<OwnKey>>,
    authorities: Option<Shells>,
}

// SAFETY: `raw` is not written after `new`, and nothing behind it but RSA keys is: by Mbed TLS under the mutex that
// each has (layout.c sees to it), by AWS-LC under locks of its own. EC operations copy the group of their key.
unsafe impl Send for SslConfig {}
// SAFETY: as for `Send`.
unsafe impl Sync for SslConfig {}

impl SslConfig {
    pub(crate) fn new(parts: SslConfigParts<'_>) -> Result<SslConfig, c_int> {
        start_up();
        let suites: Box<[c_int]> = parts.suites.into_iter().map(c_int::from).chain(std::iter::once(0)).collect();
        let mut raw = Box::<sys::ssl_config>::new_uninit();
        // SAFETY: `ssl_config_init` writes every byte of the struct.
        let raw = unsafe {
            sys::ssl_config_init(raw.as_mut_ptr());
            raw.assume_init()
        };
        let mut config = SslConfig {
            raw,
            role: parts.role,
            asks_peer: parts.asks_peer,
            suites,
            lists: Lists::new(parts.preferences),
            own_keys: parts.own_keys,
            authorities: parts.authorities,
        };
        config.set_defaults()?;
        config.lists.install(&mut config.raw)?;
        config.set_timing(parts.first_interval);
        config.set_verification();
        config.set_own_certificates()?;
        match parts.client_psk {
            Some((identity, key)) => config.set_client_psk(identity, key)?,
            None => config.set_psk_callback(),
        }
        Ok(config)
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// Whether a server asks for certificates.
    pub(crate) fn asks_peer(&self) -> bool {
        self.asks_peer
    }

    /// IANA's numbers of the suites, best first.
    pub(crate) fn suites(&self) -> impl Iterator<Item = u16> + Clone + '_ {
        self.suites.iter().filter_map(|&id| u16::try_from(id).ok()).filter(|&id| id != 0)
    }

    /// Our own certificate for a suite that asks for this kind of key, DER; `None` without one.
    pub(crate) fn own_certificate(&self, kind: Option<KeyKind>) -> Option<&[u8]> {
        self.own_key(kind).and_then(OwnKey::certificate)
    }

    /// What a side that asks for shorter records keeps to itself.
    pub(crate) fn max_fragment_length_code(&self) -> u8 {
        self.raw.mfl_code
    }

    /// Has a server say in its hellos that it speaks DTLS 1.3, too, and a client of both versions take the signatures that it offers
    /// for DTLS 1.3.
    pub(crate) fn speak_dtls13(&mut self) {
        self.raw.speaks_dtls13 = 1;
    }

    /// The key for a suite that asks for this kind. A client has one key, whatever suite there is.
    pub(super) fn own_key(&self, kind: Option<KeyKind>) -> Option<&OwnKey> {
        let mut keys = self.own_keys.iter();
        keys.clone().find(|own| Some(own.kind()) == kind).or_else(|| keys.next()).map(AsRef::as_ref)
    }

    pub(super) fn own_keys(&self) -> &[Arc<OwnKey>] {
        &self.own_keys
    }

    pub(super) fn as_ptr(&self) -> *const sys::ssl_config {
        &*self.raw
    }

    fn set_defaults(&mut self) -> Result<(), c_int> {
        let endpoint = match self.role {
            Role::Server => sys::SSL_IS_SERVER,
            Role::Client => sys::SSL_IS_CLIENT,
        };
        let raw = &mut *self.raw;
        // SAFETY: `raw` is initialised; everything that it will point at is static or owned by `self`.
        unsafe {
            check(sys::ssl_config_defaults(raw, endpoint, sys::SSL_TRANSPORT_DATAGRAM, sys::SSL_PRESET_DEFAULT))?;
            sys::ssl_conf_rng(raw, Some(random), null_mut());
            sys::ssl_conf_min_version(raw, sys::SSL_MAJOR_VERSION_3, sys::SSL_MINOR_VERSION_3);
            sys::ssl_conf_max_version(raw, sys::SSL_MAJOR_VERSION_3, sys::SSL_MINOR_VERSION_3);
            sys::ssl_conf_ciphersuites(raw, self.suites.as_ptr());
            sys::ssl_conf_renegotiation(raw, sys::SSL_RENEGOTIATION_DISABLED);
            // A client says that it takes tickets; what a server says of them is not the engine's to write.
            sys::ssl_conf_session_tickets(raw, sys::SSL_SESSION_TICKETS_ENABLED);
            if self.role == Role::Server {
                // The cookie was checked before the context was made: proto::cookie_gate.
                sys::ssl_conf_dtls_cookies(raw, Some(write_no_cookie), Some(accept_checked_cookie), null_mut());
            }
        }
        Ok(())
    }

    fn set_timing(&mut self, first_interval: Duration) {
        let first = u32::try_from(first_interval.as_millis()).unwrap_or(u32::MAX);
        // SAFETY: plain numbers. The upper bound is the Bio's: Mbed TLS gives a flight up when it reaches its own.
        unsafe { sys::ssl_conf_handshake_timeout(&mut *self.raw, first, u32::MAX) };
    }

    /// The engine verifies nobody: `chain` does. If the engine came to a Certificate message all the same, it would
    /// refuse it, because it trusts nobody.
    fn set_verification(&mut self) {
        let asks = self.role == Role::Client || self.asks_peer;
        let mode = if asks { sys::SSL_VERIFY_REQUIRED } else { sys::SSL_VERIFY_NONE };
        // SAFETY: the shells are owned by `self`; Mbed TLS only reads them, their type says `mut` for history's sake.
        unsafe {
            sys::ssl_conf_authmode(&mut *self.raw, mode);
            if let Some(authorities) = &self.authorities {
                sys::ssl_conf_ca_chain(&mut *self.raw, authorities.as_ptr().cast_mut(), null_mut());
            }
        }
    }

    /// The engine chooses among them with the suite.
    fn set_own_certificates(&mut self) -> Result<(), c_int> {
        for own in &self.own_keys {
            // A carrier never stands here: the engine would take it for a certificate and send an empty one.
            let Some(chain) = own.chain_ptr() else { continue };
            // SAFETY: key and chain are owned by `self` and not written while the configuration lives.
            check(unsafe { sys::ssl_conf_own_cert(&mut *self.raw, chain.cast_mut(), own.key_ptr().cast_mut()) })?;
        }
        Ok(())
    }

    fn set_client_psk(&mut self, identity: &[u8], key: &[u8]) -> Result<(), c_int> {
        // SAFETY: key and identity are copied.
        check(unsafe { sys::ssl_conf_psk(&mut *self.raw, key.as_ptr(), key.len(), identity.as_ptr(), identity.len()) })
    }

    /// On a client it is never called, and has the engine offer suites with a key that is yet to come:
    /// library/psk.cmake.
    fn set_psk_callback(&mut self) {
        // SAFETY: the callback needs no data of its own.
        unsafe { sys::ssl_conf_psk_cb(&mut *self.raw, Some(bio::install_psk), null_mut()) };
    }
}

impl Drop for SslConfig {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, freed once; every `Ssl` holds an `Arc`, so no context uses it any more.
        unsafe { sys::ssl_config_free(&mut *self.raw) };
    }
}

/// `f_cookie_write`: never called with a cookie that was accepted; refuses.
unsafe extern "C" fn write_no_cookie(
    _context: *mut super::c_void,
    _p: *mut *mut u8,
    _end: *mut u8,
    _info: *const u8,
    _length: usize,
) -> c_int {
    sys::ERR_SSL_FEATURE_UNAVAILABLE
}

/// `f_cookie_check`.
unsafe extern "C" fn accept_checked_cookie(
    _context: *mut super::c_void,
    _cookie: *const u8,
    _cookie_length: usize,
    _info: *const u8,
    _info_length: usize,
) -> c_int {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_takes_a_cookie_that_was_checked_and_writes_none() {
        let (mut place, bytes) = (null_mut(), [0; 4]);
        // SAFETY: neither of them reads or writes anything.
        let (written, checked) = unsafe {
            let written = write_no_cookie(null_mut(), &mut place, null_mut(), bytes.as_ptr(), bytes.len());
            (written, accept_checked_cookie(null_mut(), bytes.as_ptr(), 0, bytes.as_ptr(), 4))
        };
        assert_eq!((written, checked, place.is_null()), (sys::ERR_SSL_FEATURE_UNAVAILABLE, 0, true));
    }
}
