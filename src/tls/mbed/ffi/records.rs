//! The records of a context: what is read and written once there are keys, and which numbers were heard.

use super::ssl::Ssl;
use super::{c_int, check, sys};

impl Ssl {
    /// Reads application data. `Err(ERR_SSL_WANT_READ)` when the record held none.
    pub(crate) fn read(&mut self, plaintext: &mut [u8]) -> Result<usize, c_int> {
        // The engine's guard against many empty records in a row is for streams.
        self.raw.nb_zero = 0;
        // SAFETY: the context is set up; `plaintext` is writable for its length.
        let result = unsafe { sys::ssl_read(&mut *self.raw, plaintext.as_mut_ptr(), plaintext.len()) };
        usize::try_from(result).map_err(|_| result)
    }

    /// Whether the record that was read last was of the type handshake.
    pub(crate) fn last_record_was_handshake(&self) -> bool {
        self.raw.in_msgtype == sys::SSL_MSG_HANDSHAKE
    }

    /// Whether the record that was read last was of the type return_routability_check (RFC 9853 section 4).
    pub(crate) fn last_record_was_routability_check(&self) -> bool {
        self.raw.in_msgtype == sys::SSL_MSG_RETURN_ROUTABILITY_CHECK as c_int
    }

    /// The first bytes of such a record, inside `exchange`, and how many it has.
    pub(crate) fn routability_check(&self) -> ([u8; 9], usize) {
        let mut message = [0; 9];
        let length = if self.last_record_was_routability_check() { self.raw.in_msglen } else { 0 };
        let raw = &*self.raw;
        if length > 0 && !raw.in_msg.is_null() {
            // SAFETY: the record that was read last has `in_msglen` bytes at `in_msg`, as long as its buffer is attached.
            let bytes = unsafe { std::slice::from_raw_parts(raw.in_msg, length.min(message.len())) };
            message[..bytes.len()].copy_from_slice(bytes);
        }
        (message, length)
    }

    /// Sends a message of the type return_routability_check.
    pub(crate) fn send_routability_check(&mut self, message: &[u8; 9]) -> Result<(), c_int> {
        let raw = &mut *self.raw;
        if raw.out_msg.is_null() {
            return Err(sys::ERR_SSL_INTERNAL_ERROR);
        }
        raw.out_msgtype = sys::SSL_MSG_RETURN_ROUTABILITY_CHECK as c_int;
        raw.out_msglen = message.len();
        // SAFETY: the buffer is attached during `exchange`, and `out_msg` has room for OUT_CONTENT_LEN bytes in it.
        unsafe {
            std::ptr::copy_nonoverlapping(message.as_ptr(), raw.out_msg, message.len());
            check(sys::ssl_write_record(raw, 1))
        }
    }

    /// Takes back that a record was heard: it is as if it had never come.
    pub(crate) fn set_replay_window(&mut self, (top, seen): (u64, u64)) {
        self.raw.in_window_top = top;
        self.raw.in_window = seen;
    }

    /// Whether the record that was read last was of the type application_data.
    pub(crate) fn last_record_was_application_data(&self) -> bool {
        self.raw.in_msgtype == sys::SSL_MSG_APPLICATION_DATA
    }

    pub(crate) fn write(&mut self, payload: &[u8]) -> Result<(), c_int> {
        // SAFETY: the context is set up; `payload` is readable for its length.
        let result = unsafe { sys::ssl_write(&mut *self.raw, payload.as_ptr(), payload.len()) };
        if result < 0 { Err(result) } else { Ok(()) }
    }

    /// Bytes of payload that one record may carry.
    pub(crate) fn payload_limit(&self) -> usize {
        // SAFETY: the context is set up.
        usize::try_from(unsafe { sys::ssl_get_max_out_record_payload(&*self.raw) }).unwrap_or(0)
    }

    pub(crate) fn send_alert(&mut self, level: u8, description: u8) -> Result<(), c_int> {
        // SAFETY: the context is set up.
        check(unsafe { sys::ssl_send_alert_message(&mut *self.raw, level, description) })
    }

    /// Highest record number of the current epoch that was authenticated, and the window below it.
    pub(crate) fn replay_window(&self) -> (u64, u64) {
        (self.raw.in_window_top, self.raw.in_window)
    }

    /// Forgets the numbers of plaintext records: anybody can send one with a high number, after which the engine would
    /// take the peer's for replays. Repeated messages are known by their message_seq.
    pub(crate) fn forget_plaintext_numbers(&mut self) {
        if self.raw.in_epoch == 0 {
            self.raw.in_window_top = 0;
            self.raw.in_window = 0;
        }
    }
}
