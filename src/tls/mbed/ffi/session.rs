//! A session in and out of the engine, and the message that brings a ticket.

use super::ssl::Ssl;
use super::{c_int, c_void, check, sys};

/// Bytes of a handshake message's header before its body, as the engine keeps it in `out_msg`.
const HEADER_LENGTH: usize = 4;

unsafe extern "C" {
    /// C's own, as in `raw_public_key`: the engine frees what we allocate.
    fn calloc(count: usize, size: usize) -> *mut c_void;
    fn free(memory: *mut c_void);
}

/// What a finished handshake leaves behind for another.
pub(crate) struct SessionSecrets<'a> {
    pub(crate) master_secret: &'a [u8; 48],
    pub(crate) encrypt_then_mac: bool,
    pub(crate) id: Vec<u8>,
}

impl Ssl {
    /// Has the ClientHello that is yet to be written offer a session, by its ticket or else by its id.
    pub(crate) fn offer_session(
        &mut self,
        suite: u16,
        master_secret: &[u8; 48],
        id: &[u8],
        ticket: &[u8],
    ) -> Result<(), c_int> {
        // SAFETY: null, or structs that the context owns.
        let (session, handshake) = unsafe { (self.raw.session_negotiate.as_mut(), self.raw.handshake.as_mut()) };
        let (Some(session), Some(handshake)) = (session, handshake) else {
            return Err(sys::ERR_SSL_BAD_INPUT_DATA);
        };
        session.id.get_mut(..id.len()).ok_or(sys::ERR_SSL_BAD_INPUT_DATA)?.copy_from_slice(id);
        session.id_len = id.len();
        session.ciphersuite = c_int::from(suite);
        session.master = *master_secret;
        if !ticket.is_empty() {
            // SAFETY: so many bytes, zeroed, or null.
            let memory = unsafe { calloc(1, ticket.len()) }.cast::<u8>();
            if memory.is_null() {
                return Err(sys::ERR_SSL_ALLOC_FAILED);
            }
            // SAFETY: the memory is new, and as long as the ticket. The session has none yet, and frees it.
            unsafe { memory.copy_from_nonoverlapping(ticket.as_ptr(), ticket.len()) };
            session.ticket = memory;
            session.ticket_len = ticket.len();
        }
        handshake.resume = 1;
        Ok(())
    }

    /// Whether the hellos that were read agree on resuming a session.
    pub(crate) fn resumes(&self) -> bool {
        // SAFETY: null, or the handshake that the context owns.
        unsafe { self.raw.handshake.as_ref() }.is_some_and(|handshake| handshake.resume != 0)
    }

    /// Takes the ticket out of a finished handshake's session, with its lifetime in seconds.
    pub(crate) fn take_ticket(&mut self) -> Option<(Vec<u8>, u32)> {
        // SAFETY: null, or a session that the context owns.
        let session = unsafe { self.raw.session.as_mut() }?;
        if session.ticket.is_null() {
            return None;
        }
        // SAFETY: the ticket has as many bytes; the session owns it, and forgets it here.
        let ticket = unsafe {
            let ticket = std::slice::from_raw_parts(session.ticket, session.ticket_len).to_vec();
            free(session.ticket.cast());
            ticket
        };
        session.ticket = std::ptr::null_mut();
        session.ticket_len = 0;
        Some((ticket, session.ticket_lifetime))
    }

    /// The master secret and what belongs to it, once there is one; it is good only when the peer has proved to have it.
    pub(crate) fn session_secrets(&self) -> Option<SessionSecrets<'_>> {
        // SAFETY: null, or sessions that the context owns.
        let session = unsafe { self.raw.session_negotiate.as_ref().or(self.raw.session.as_ref()) }?;
        Some(SessionSecrets {
            master_secret: &session.master,
            encrypt_then_mac: session.encrypt_then_mac != 0,
            id: session.id.get(..session.id_len)?.to_vec(),
        })
    }

    /// Writes a NewSessionTicket message (RFC 5077 section 3.3). The step that is due stays due.
    pub(crate) fn write_new_session_ticket(&mut self, body: &[u8]) -> Result<(), c_int> {
        self.begin_step()?;
        let raw = &mut *self.raw;
        let length = HEADER_LENGTH + body.len();
        if length > sys::SSL_OUT_CONTENT_LEN as usize {
            return Err(sys::ERR_SSL_BUFFER_TOO_SMALL);
        }
        // SAFETY: outside of a record's writing `out_msg` has room for OUT_CONTENT_LEN bytes, and nobody else holds it.
        let message = unsafe { std::slice::from_raw_parts_mut(raw.out_msg, length) };
        message[0] = sys::SSL_HS_NEW_SESSION_TICKET as u8;
        message[HEADER_LENGTH..].copy_from_slice(body);
        raw.out_msglen = length;
        raw.out_msgtype = sys::SSL_MSG_HANDSHAKE;
        // SAFETY: the context is set up, and a whole message stands in `out_msg`.
        check(unsafe { sys::ssl_write_handshake_msg(raw) })
    }
}
