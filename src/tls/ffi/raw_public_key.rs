//! Raw public keys (RFC 7250) in an engine that knows certificates alone.
//!
//! Two things stand in for certificates, and neither may meet code that looks for more than a key in one: the *carrier*
//! holds our own public key, for the engine to choose it and to find the private key by it; the *pseudo certificate*
//! holds the peer's, for the engine to verify signatures with.

use super::bio::Bio;
use super::ssl::Ssl;
use super::{c_int, c_void, check, sys};
use crate::tls::public_key::PublicKey;
use sys::types::raw_types::c_uchar;

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

/// Bytes of a hello before its session id: handshake header, version, random.
const BEFORE_SESSION_ID: usize = 12 + 2 + 32;

/// Bytes of a Certificate message before the key: its TLS header, and the length of the key.
const BEFORE_KEY: usize = 4 + 3;

unsafe extern "C" {
    /// C's own, which `mbedtls_calloc` is in this build (layout.c): the engine frees what we allocate.
    fn calloc(count: usize, size: usize) -> *mut c_void;
    fn free(memory: *mut c_void);
}

pub(super) type UpdateChecksum = unsafe extern "C" fn(*mut sys::ssl_context, *const c_uchar, usize);

/// What our hello says beside what the engine says.
#[derive(Clone, Default)]
pub(crate) struct HelloExtensions {
    /// Whether or not a session is resumed.
    pub(crate) always: Vec<u8>,
    /// About Certificate messages, of which a resumed handshake has none.
    pub(crate) full: Vec<u8>,
}

impl HelloExtensions {
    pub(crate) fn is_empty(&self) -> bool {
        self.always.is_empty() && self.full.is_empty()
    }
}

/// What becomes of the hello that the engine is about to write.
pub(super) struct HelloEdit {
    extensions: HelloExtensions,
    /// What the engine would have called.
    original: UpdateChecksum,
}

/// A certificate with a public key and nothing else.
pub(crate) struct Carrier {
    raw: Box<sys::x509_crt>,
}

// SAFETY: not written after `new`; the engine only reads it.
unsafe impl Send for Carrier {}
// SAFETY: as for `Send`.
unsafe impl Sync for Carrier {}

impl Carrier {
    pub(crate) fn new(key: &PublicKey) -> Result<Carrier, c_int> {
        let mut raw = Box::<sys::x509_crt>::new_uninit();
        // SAFETY: `x509_crt_init` writes every byte of the struct.
        let raw = unsafe {
            sys::x509_crt_init(raw.as_mut_ptr());
            raw.assume_init()
        };
        let mut carrier = Carrier { raw };
        parse_into(&mut carrier.raw.pk, key.der())?;
        Ok(carrier)
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, freed once; no context outlives the configuration that owns it.
        unsafe { sys::x509_crt_free(&mut *self.raw) };
    }
}

/// Parses a SubjectPublicKeyInfo.
pub(super) fn parse_into(context: &mut sys::pk_context, key: &[u8]) -> Result<(), c_int> {
    let bytes = key.as_ptr_range();
    let mut position = bytes.start.cast_mut();
    // SAFETY: `position` walks the key's bytes up to their end; the function reads them alone.
    check(unsafe { sys::pk_parse_subpubkey(&mut position, bytes.end, context) })
}

impl Ssl {
    /// The step that writes our hello, with these extensions behind the engine's own.
    pub(crate) fn write_hello(&mut self, extensions: &HelloExtensions) -> Result<(), c_int> {
        // SAFETY: null, or the handshake that the context owns.
        let original = unsafe { self.raw.handshake.as_ref() }.and_then(|handshake| handshake.update_checksum);
        let Some(original) = original.filter(|_| !extensions.is_empty()) else {
            return self.handshake_step();
        };
        self.bio_mut().hello_edit = Some(HelloEdit { extensions: extensions.clone(), original });
        self.set_update_checksum(append_and_hash);
        let result = self.handshake_step();
        self.set_update_checksum(original);
        self.bio_mut().hello_edit = None;
        result
    }

    fn set_update_checksum(&mut self, function: UpdateChecksum) {
        // SAFETY: null, or the handshake that the context owns.
        if let Some(handshake) = unsafe { self.raw.handshake.as_mut() } {
            handshake.update_checksum = Some(function);
        }
    }

    /// Has the engine use our key in this handshake by its carrier.
    pub(crate) fn use_raw_public_key(&mut self) -> Result<(), c_int> {
        let credentials = self.config.credentials().ok_or(sys::ERR_SSL_INTERNAL_ERROR)?;
        let carrier = &credentials.raw().ok_or(sys::ERR_SSL_INTERNAL_ERROR)?.carrier;
        let (carrier, key) = (&raw const *carrier.raw, credentials.key_ptr());
        let raw = &mut *self.raw;
        // SAFETY: null, or the handshake that the context owns.
        let handshake = unsafe { raw.handshake.as_mut() }.ok_or(sys::ERR_SSL_INTERNAL_ERROR)?;
        if !handshake.sni_key_cert.is_null() {
            return Ok(());
        }
        // SAFETY: carrier and key belong to the configuration, which outlives the context; the engine only reads them.
        check(unsafe { sys::ssl_set_hs_own_cert(raw, carrier.cast_mut(), key.cast_mut()) })?;
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

    /// The step that writes our Certificate message, in the form of RFC 7250 section 3.
    pub(crate) fn write_raw_public_key(&mut self) -> Result<(), c_int> {
        self.begin_step()?;
        let credentials = self.config.credentials().ok_or(sys::ERR_SSL_INTERNAL_ERROR)?;
        let key = credentials.raw().ok_or(sys::ERR_SSL_INTERNAL_ERROR)?.key.der();
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
    pub(crate) fn accept_raw_public_key(&mut self, key: &PublicKey) -> Result<(), c_int> {
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
        parse_into(&mut certificate.pk, key.der())?;
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
    // SAFETY: the engine or `accept_raw_public_key` allocated it with `calloc`; the session owns it and forgets it here.
    unsafe {
        sys::x509_crt_free(*certificate);
        free(certificate.cast::<c_void>());
    }
    *certificate = std::ptr::null_mut();
}

/// `update_checksum` while our hello is written: the engine hashes, keeps and sends what this leaves in `out_msg`.
unsafe extern "C" fn append_and_hash(ssl: *mut sys::ssl_context, message: *const c_uchar, length: usize) {
    // SAFETY: `ssl` is the running context, whose `p_bio` is the `Bio` that `Ssl` registered and holds no reference to.
    let bio = unsafe { &*(*ssl).p_bio.cast::<Bio>() };
    let Some(edit) = &bio.hello_edit else { return };
    // SAFETY: the engine calls this within a handshake, through the handshake's own field.
    let (out_msg, resumes) = unsafe { ((*ssl).out_msg, (*(*ssl).handshake).resume != 0) };
    let mut length = length;
    if std::ptr::eq(message, out_msg) {
        // SAFETY: `out_msg` has room for OUT_CONTENT_LEN bytes, and the engine does not touch it during this call.
        let room = unsafe { std::slice::from_raw_parts_mut(out_msg, sys::SSL_OUT_CONTENT_LEN as usize) };
        let HelloExtensions { always, full } = &edit.extensions;
        for extensions in [Some(always), Some(full).filter(|_| !resumes)].into_iter().flatten() {
            // Nothing must not add the length of nothing.
            if !extensions.is_empty()
                && let Some(longer) = append_extensions(room, length, extensions)
            {
                length = longer;
                // SAFETY: as above; the engine reads it next when it keeps the message for its flight.
                unsafe { (*ssl).out_msglen = longer };
            }
        }
    }
    // SAFETY: the function that the engine had there, with a message as long as it is said to be.
    unsafe { (edit.original)(ssl, message, length) }
}

/// Appends to the extensions of the hello in `room[..length]`, corrects the lengths in it, answers the new length.
fn append_extensions(room: &mut [u8], length: usize, extensions: &[u8]) -> Option<usize> {
    let block = extension_block(room.get(..length)?)?;
    // A hello without extensions has no length of them either.
    let start = if block == length { length + 2 } else { length };
    let end = start + extensions.len();
    let block_length = u16::try_from(end - (block + 2)).ok()?;
    let body_length = u32::try_from(end.checked_sub(12)?).ok()?.to_be_bytes();
    room.get_mut(start..end)?.copy_from_slice(extensions);
    room.get_mut(block..block + 2)?.copy_from_slice(&block_length.to_be_bytes());
    // RFC 6347 section 4.2.2: length of the message, and of its only fragment.
    room.get_mut(1..4)?.copy_from_slice(&body_length[1..]);
    room.get_mut(9..12)?.copy_from_slice(&body_length[1..]);
    Some(end)
}

/// Where the length of the extensions stands, or would stand.
fn extension_block(hello: &[u8]) -> Option<usize> {
    let u8_at = |at: usize| hello.get(at).copied().map(usize::from);
    let session_id = BEFORE_SESSION_ID + 1 + u8_at(BEFORE_SESSION_ID)?;
    let end = match *hello.first()? {
        CLIENT_HELLO => {
            let cookie = session_id + 1 + u8_at(session_id)?;
            let suites = cookie + 2 + (u8_at(cookie)? << 8 | u8_at(cookie + 1)?);
            suites + 1 + u8_at(suites)?
        }
        SERVER_HELLO => session_id + 3,
        _ => return None,
    };
    (end == hello.len() || end + 2 <= hello.len()).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(kind: u8, extensions: Option<&[u8]>) -> Vec<u8> {
        let mut message = vec![0; BEFORE_SESSION_ID];
        message[0] = kind;
        message.extend_from_slice(&[1, 9]);
        let rest: &[u8] = if kind == CLIENT_HELLO { &[2, 8, 8, 0, 2, 0xc0, 0x2b, 1, 0] } else { &[0xc0, 0x2b, 0] };
        message.extend_from_slice(rest);
        if let Some(extensions) = extensions {
            message.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
            message.extend_from_slice(extensions);
        }
        let length = ((message.len() - 12) as u32).to_be_bytes();
        message[1..4].copy_from_slice(&length[1..]);
        message[9..12].copy_from_slice(&length[1..]);
        message
    }

    #[test]
    fn extensions_are_appended_to_both_hellos_with_and_without_others() {
        let ours = [0, 20, 0, 1, 2];
        for kind in [CLIENT_HELLO, SERVER_HELLO] {
            for (before, after) in [(None, &ours[..]), (Some(&[0, 23, 0, 0][..]), &[0, 23, 0, 0, 0, 20, 0, 1, 2])] {
                let message = hello(kind, before);
                let mut room = [message.as_slice(), &[0xee; 20]].concat();
                let length = append_extensions(&mut room, message.len(), &ours).unwrap();
                assert_eq!(room[..length], hello(kind, Some(after)));
            }
        }
    }

    #[test]
    fn other_messages_and_too_little_room_are_left_alone() {
        let message = hello(CLIENT_HELLO, None);
        for length in 0..message.len() {
            let mut room = message.clone();
            assert!(append_extensions(&mut room, length, &[0; 5]).is_none(), "{length}");
        }
        assert!(append_extensions(&mut message.clone(), message.len(), &[0; 5]).is_none());
        assert!(append_extensions(&mut hello(3, None), message.len(), &[]).is_none());
    }
}
