//! The step that writes our hello: the engine's own, with our extensions behind those of the engine.

use super::bio::Bio;
use super::hello_extensions::{HelloEdit, HelloExtensions, UpdateChecksum, append_extensions, replace_body};
use super::ssl::Ssl;
use super::{c_int, sys};
use sys::types::raw_types::c_uchar;

impl Ssl {
    /// The step that writes our hello, with these extensions behind the engine's own. The message as it was written. An error
    /// when it was to be rewritten, and could not be.
    pub(crate) fn write_hello(&mut self, extensions: &HelloExtensions) -> Result<Vec<u8>, c_int> {
        // SAFETY: null, or the handshake that the context owns.
        let original = unsafe { self.raw.handshake.as_ref() }.and_then(|handshake| handshake.update_checksum);
        let original = original.ok_or(sys::ERR_SSL_INTERNAL_ERROR)?;
        self.bio_mut().hello_edit = Some(HelloEdit::new(extensions.clone(), original));
        self.set_update_checksum(append_and_hash);
        let result = self.handshake_step();
        self.set_update_checksum(original);
        let edit = self.bio_mut().hello_edit.take();
        result?;
        edit.filter(|edit| edit.is_whole).map(|edit| edit.written).ok_or(sys::ERR_SSL_INTERNAL_ERROR)
    }

    fn set_update_checksum(&mut self, function: UpdateChecksum) {
        // SAFETY: null, or the handshake that the context owns.
        if let Some(handshake) = unsafe { self.raw.handshake.as_mut() } {
            handshake.update_checksum = Some(function);
        }
    }
}

/// `update_checksum` while our hello is written: the engine hashes, keeps and sends what this leaves in `out_msg`.
unsafe extern "C" fn append_and_hash(ssl: *mut sys::ssl_context, message: *const c_uchar, length: usize) {
    // SAFETY: `ssl` is the running context, whose `p_bio` is the `Bio` that `Ssl` registered and holds no reference to.
    let bio = unsafe { &mut *(*ssl).p_bio.cast::<Bio>() };
    let Some(edit) = &mut bio.hello_edit else { return };
    // SAFETY: the engine calls this within a handshake, through the handshake's own field.
    let (out_msg, resumes) = unsafe { ((*ssl).out_msg, (*(*ssl).handshake).resume != 0) };
    let mut length = length;
    if std::ptr::eq(message, out_msg) {
        // SAFETY: `out_msg` has room for OUT_CONTENT_LEN bytes, and the engine does not touch it during this call.
        let room = unsafe { std::slice::from_raw_parts_mut(out_msg, sys::SSL_OUT_CONTENT_LEN as usize) };
        let HelloExtensions { always, full, rewrite } = &edit.extensions;
        for extensions in [Some(always), Some(full).filter(|_| !resumes)].into_iter().flatten() {
            // A list without extensions must not add its length to the hello.
            if !extensions.is_empty()
                && let Some(longer) = append_extensions(room, length, extensions)
            {
                length = longer;
                // SAFETY: as above; the engine reads it next when it keeps the message for its flight.
                unsafe { (*ssl).out_msglen = longer };
            }
        }
        if let Some(other) = rewrite.as_ref().and_then(|rewrite| replace_body(room, length, rewrite)) {
            length = other;
            edit.is_whole = true;
            // SAFETY: as above.
            unsafe { (*ssl).out_msglen = other };
        }
        edit.written = room.get(..length).unwrap_or_default().to_vec();
    }
    // SAFETY: the function that the engine had there, with a message as long as it is said to be.
    unsafe { (edit.original)(ssl, message, length) }
}
