//! Raw public keys (RFC 7250) in an engine that knows certificates alone.
//!
//! Two things stand in for certificates, and neither may meet code that looks for more than a key in one: the *carrier*
//! holds our own public key, for the engine to choose it and to find the private key by it; the *pseudo certificate*
//! holds the peer's, for the engine to verify signatures with.

use super::carrier::parse_into;
use super::own_key::KeyKind;
use super::ssl::Ssl;
use super::{c_int, c_void, check, sys};

/// Bytes of a Certificate message before the key: its TLS header, and the length of the key.
const BEFORE_KEY: usize = 4 + 3;

unsafe extern "C" {
    /// C's own, which `mbedtls_calloc` is in this build (layout.c): the engine frees what we allocate.
    fn calloc(count: usize, size: usize) -> *mut c_void;
    fn free(memory: *mut c_void);
}

impl Ssl {
    /// Has the engine use our keys in this handshake by their carriers.
    pub(crate) fn use_raw_public_key(&mut self) -> Result<(), c_int> {
        let raw = &mut *self.raw;
        // SAFETY: null, or the handshake that the context owns.
        let handshake = unsafe { raw.handshake.as_mut() }.ok_or(sys::ERR_SSL_INTERNAL_ERROR)?;
        if !handshake.sni_key_cert.is_null() {
            return Ok(());
        }
        for own in self.config.own_keys() {
            let carrier = own.carrier().ok_or(sys::ERR_SSL_INTERNAL_ERROR)?;
            let (carrier, key) = (&raw const *carrier.raw, own.key_ptr());
            // SAFETY: carrier and key belong to the configuration, which outlives the context; the engine only reads them.
            check(unsafe { sys::ssl_set_hs_own_cert(raw, carrier.cast_mut(), key.cast_mut()) })?;
        }
        if self.role() == super::config::Role::Client {
            // A server chooses from this list with the suite. The handshake frees the list, and `key_cert` with it.
            // SAFETY: as above.
            if let Some(handshake) = unsafe { self.raw.handshake.as_mut() } {
                handshake.key_cert = handshake.sni_key_cert;
            }
        }
        Ok(())
    }

    /// Whether the server sent a CertificateRequest.
    pub(crate) fn is_asked_for_certificate(&self) -> bool {
        self.raw.client_auth != 0
    }

    /// The step that writes our Certificate message, in the form of RFC 7250 section 3, with the key for a suite that asks for
    /// this kind.
    pub(crate) fn write_raw_public_key(&mut self, kind: Option<KeyKind>) -> Result<(), c_int> {
        self.begin_step()?;
        let carrier = self.config.own_key(kind).and_then(|own| own.carrier()).ok_or(sys::ERR_SSL_INTERNAL_ERROR)?;
        let key = carrier.der.as_slice();
        let raw = &mut *self.raw;
        let length = BEFORE_KEY + key.len();
        if length > sys::SSL_OUT_CONTENT_LEN as usize {
            return Err(sys::ERR_SSL_CERTIFICATE_TOO_LARGE);
        }
        let key_length = u32::try_from(key.len()).map_err(|_| sys::ERR_SSL_CERTIFICATE_TOO_LARGE)?.to_be_bytes();
        // SAFETY: outside of a record's writing `out_msg` has room for OUT_CONTENT_LEN bytes, and nobody else holds it.
        let message = unsafe { std::slice::from_raw_parts_mut(raw.out_msg, length) };
        message[0] = sys::SSL_HS_CERTIFICATE as u8;
        message[4..BEFORE_KEY].copy_from_slice(&key_length[1..]);
        message[BEFORE_KEY..].copy_from_slice(key);
        raw.out_msglen = length;
        raw.out_msgtype = sys::SSL_MSG_HANDSHAKE;
        raw.state += 1;
        // SAFETY: the context is set up, and a whole message stands in `out_msg`.
        check(unsafe { sys::ssl_write_handshake_msg(raw) })
    }

    /// Consumes the Certificate message that was peeked at: signatures will be verified with this key.
    pub(crate) fn accept_raw_public_key(&mut self, der: &[u8]) -> Result<(), c_int> {
        // SAFETY: null, or a session that the context owns.
        let session = unsafe { self.raw.session_negotiate.as_mut() }.ok_or(sys::ERR_SSL_INTERNAL_ERROR)?;
        // SAFETY: one zeroed struct, or null.
        let certificate = unsafe { calloc(1, size_of::<sys::x509_crt>()) }.cast::<sys::x509_crt>();
        // SAFETY: null, or memory for this struct, zeroed, which is what `x509_crt_init` makes of it.
        let Some(certificate) = (unsafe { certificate.as_mut() }) else {
            return Err(sys::ERR_SSL_ALLOC_FAILED);
        };
        free_certificate(&mut session.peer_cert);
        // From here on it is the session's, which frees it whatever happens.
        session.peer_cert = certificate;
        session.verify_result = 0;
        parse_into(&mut certificate.pk, der)?;
        self.consume_peeked_message();
        Ok(())
    }

    /// Consumes an empty Certificate message.
    pub(crate) fn accept_no_public_key(&mut self) {
        // SAFETY: null, or a session that the context owns.
        if let Some(session) = unsafe { self.raw.session_negotiate.as_mut() } {
            session.verify_result = sys::X509_BADCERT_MISSING as u32;
        }
        self.consume_peeked_message();
    }

    /// The step that would write our Certificate message, for clients that know our key.
    pub(crate) fn omit_certificate(&mut self) {
        self.raw.state += 1;
    }

    /// Has the next step read the message that was peeked at.
    pub(crate) fn keep_peeked_message(&mut self) {
        self.raw.keep_current_message = 1;
    }

    fn consume_peeked_message(&mut self) {
        self.raw.keep_current_message = 0;
        self.raw.state += 1;
    }

    /// Frees the pseudo certificate before the session leaves the handshake.
    pub(crate) fn forget_raw_public_key(&mut self) {
        // SAFETY: null, or a session that the context owns.
        let Some(session) = (unsafe { self.raw.session_negotiate.as_mut() }) else { return };
        // SAFETY: null, or a certificate that the session owns.
        if unsafe { session.peer_cert.as_ref() }.is_some_and(|certificate| certificate.raw.p.is_null()) {
            free_certificate(&mut session.peer_cert);
        }
    }
}

/// Frees what the session points at, if anything.
fn free_certificate(certificate: &mut *mut sys::x509_crt) {
    if certificate.is_null() {
        return;
    }
    // SAFETY: the engine or `accept_raw_public_key` allocated it with `calloc`; the session owns it and forgets it
    // here.
    unsafe {
        sys::x509_crt_free(*certificate);
        free(certificate.cast::<c_void>());
    }
    *certificate = std::ptr::null_mut();
}

#[cfg(test)]
mod tests {
    use super::super::bytes;
    use super::super::tests::psk_server;
    use super::*;
    use rcgen::{KeyPair, PublicKeyData};

    /// What the session of a handshake holds as its peer's certificate: its DER, and whether there is a key in it.
    fn held(ssl: &Ssl) -> Option<(Vec<u8>, bool)> {
        // SAFETY: null, or structs that the context owns.
        let certificate = unsafe { ssl.raw.session_negotiate.as_ref()?.peer_cert.as_ref()? };
        // SAFETY: so many bytes are there, or none.
        Some((unsafe { bytes(certificate.raw.p, certificate.raw.len) }.to_vec(), !certificate.pk.pk_info.is_null()))
    }

    #[test]
    fn a_raw_public_key_is_a_certificate_while_signatures_are_verified_and_none_afterwards() {
        let key = KeyPair::generate().unwrap().subject_public_key_info();
        let mut ssl = psk_server();
        ssl.forget_raw_public_key();
        assert_eq!(held(&ssl), None);
        ssl.accept_raw_public_key(&key).unwrap();
        assert_eq!(held(&ssl), Some((Vec::new(), true)));
        ssl.forget_raw_public_key();
        ssl.forget_raw_public_key();
        assert_eq!(held(&ssl), None);
    }
}
