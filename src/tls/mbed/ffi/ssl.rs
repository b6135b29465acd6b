//! One `ssl_context` behind safe methods; no decision is made here.

use super::bio::{self, Bio, StagedPsk};
use super::buffers::{self, Aside};
use super::config::{Role, SslConfig};
use super::{c_int, check, sys};
use std::ffi::{CStr, CString};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Lengths of the records that can carry a Finished message, or a fragment of one, under the negotiated keys.
pub(crate) type FinishedLengths = std::ops::RangeInclusive<usize>;

/// Bytes of a Finished message with its handshake header (RFC 5246 section 7.4.9, RFC 6347 section 4.2.2), and of the shortest
/// fragment, which has the header, too (RFC 6347 section 4.2.3).
const FINISHED_LENGTH: usize = 12 + 12;
const FRAGMENT_LENGTH: usize = 12;

/// Bytes by which padding can lengthen a CBC record beyond its shortest form.
const CBC_SLACK: usize = 2 * 16;

/// Bytes by which the real type and padding can lengthen the plaintext of a record with a connection ID (RFC 9146 section 4).
/// How much padding there is, is the sender's affair; no implementation is known that adds more than 15 bytes to Finished.
const INNER_SLACK: usize = 1 + 255;

/// An `ssl_context` that reads from and writes to memory.
pub(crate) struct Ssl {
    pub(super) raw: Box<sys::ssl_context>,
    /// Made from a `Box` in `new`, freed in `drop`; `raw` holds the same pointer.
    bio: NonNull<Bio>,
    pub(super) config: Arc<SslConfig>,
    /// Whether the extended master secret was negotiated (RFC 7627).
    pub(super) extended_master_secret: bool,
    /// Whether both hellos had the extension connection_id (RFC 9146).
    pub(super) has_connection_ids: bool,
    /// The group of an ephemeral key exchange.
    ephemeral_group: sys::ecp_group_id,
    /// Whether both hellos had the extension rrc (RFC 9853).
    pub(crate) checks_routability: bool,
    /// The alert that the last record was, if it was one.
    received_alert: Option<u8>,
    /// A message that waits, while the context has no buffers.
    aside: Option<Box<Aside>>,
}

// SAFETY: the context and its Bio are used through `&mut Ssl` alone, and neither is tied to a thread: the memory is the
// C library's, `incoming` is set within a call only, and what it shares with other contexts (`SslConfig`) is `Sync`.
unsafe impl Send for Ssl {}

impl Ssl {
    pub(crate) fn new(config: &Arc<SslConfig>, now: Instant, longest_interval: Duration) -> Result<Ssl, c_int> {
        let mut raw = Box::<sys::ssl_context>::new_uninit();
        // SAFETY: `ssl_init` writes every byte of the struct.
        let raw = unsafe {
            sys::ssl_init(raw.as_mut_ptr());
            raw.assume_init()
        };
        let bio = NonNull::from(Box::leak(Box::new(Bio::new(now, longest_interval))));
        let mut ssl = Ssl {
            raw,
            bio,
            config: Arc::clone(config),
            extended_master_secret: false,
            has_connection_ids: false,
            ephemeral_group: sys::ECP_DP_NONE,
            checks_routability: false,
            received_alert: None,
            aside: None,
        };
        let context = bio.as_ptr().cast();
        // SAFETY: the configuration outlives the context (`Arc`), and so does the Bio (`drop`); neither moves.
        unsafe {
            check(sys::ssl_setup(&mut *ssl.raw, ssl.config.as_ptr()))?;
            sys::ssl_set_bio(&mut *ssl.raw, context, Some(bio::send), Some(bio::receive), None);
            sys::ssl_set_timer_cb(&mut *ssl.raw, context, Some(bio::set_timer), Some(bio::get_timer));
        }
        Ok(ssl)
    }

    fn bio(&self) -> &Bio {
        // SAFETY: allocated in `new`; C uses it only inside calls that take `&mut self`.
        unsafe { self.bio.as_ref() }
    }

    pub(super) fn bio_mut(&mut self) -> &mut Bio {
        // SAFETY: as in `bio`, and `&mut self` excludes other references.
        unsafe { self.bio.as_mut() }
    }

    /// Runs `act` with `record` on offer and the clock at `now`. Every datagram that is written is appended to `bytes`,
    /// and where it ends to `ends`.
    pub(crate) fn exchange<R>(
        &mut self,
        now: Instant,
        record: Option<&[u8]>,
        (bytes, ends): (&mut Vec<u8>, &mut Vec<usize>),
        act: impl FnOnce(&mut Ssl) -> R,
    ) -> R {
        let bio = self.bio_mut();
        bio.now = now;
        bio.incoming = record.map(NonNull::from);
        std::mem::swap(&mut bio.written.bytes, bytes);
        std::mem::swap(&mut bio.written.ends, ends);
        match self.aside.take() {
            None => buffers::attach(&mut self.raw),
            Some(aside) => buffers::take_up(&mut self.raw, &aside),
        }
        let result = act(self);
        let bio = self.bio_mut();
        // The record ends with this call; what the engine left unread is gone.
        bio.incoming = None;
        std::mem::swap(&mut bio.written.bytes, bytes);
        std::mem::swap(&mut bio.written.ends, ends);
        let received = bio.received;
        self.received_alert = received_alert(&self.raw);
        buffers::detach(&mut self.raw, received);
        if self.raw.in_buf.is_null() {
            self.bio_mut().received = 0;
        }
        result
    }

    /// Gives buffers back in which a message waits. Worth the trouble where it waits for long.
    pub(crate) fn rest(&mut self) {
        let received = self.bio().received;
        if let Some(aside) = buffers::put_aside(&mut self.raw, received) {
            self.aside = Some(Box::new(aside));
        }
    }

    /// Offers one more record inside `exchange`.
    pub(crate) fn offer<R>(&mut self, record: &[u8], act: impl FnOnce(&mut Ssl) -> R) -> R {
        self.bio_mut().incoming = Some(NonNull::from(record));
        let result = act(self);
        self.bio_mut().incoming = None;
        result
    }

    /// Number of datagrams that stand in the memory of the running `exchange`.
    pub(crate) fn written(&self) -> usize {
        self.bio().written.ends.len()
    }

    /// Takes back every datagram but the first `written`.
    pub(crate) fn take_back(&mut self, written: usize) {
        self.bio_mut().written.truncate(written);
    }

    /// Whether the record on offer is still unread.
    pub(crate) fn has_record_on_offer(&self) -> bool {
        self.bio().incoming.is_some()
    }

    pub(crate) fn config(&self) -> &Arc<SslConfig> {
        &self.config
    }

    /// Frees a finished handshake, which the engine keeps, where it wrote the last flight, until it knows that the peer
    /// has it; answers whether it did.
    pub(crate) fn forget_handshake(&mut self) -> bool {
        let is_kept = !self.raw.handshake.is_null() && self.state() == sys::SSL_HANDSHAKE_OVER;
        if is_kept {
            // SAFETY: what the engine does itself when the first application data comes.
            unsafe { sys::ssl_handshake_wrapup_free_hs_transform(&mut *self.raw) };
        }
        is_kept
    }

    pub(crate) fn role(&self) -> Role {
        self.config.role()
    }

    pub(crate) fn state(&self) -> u32 {
        self.raw.state as u32
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.bio().deadline()
    }

    pub(crate) fn postpone_timer(&mut self, pause: Duration) {
        self.bio_mut().postpone(pause);
    }

    /// The number of the next handshake message (RFC 6347 section 4.2.2), which a repetition does not change.
    pub(crate) fn messages_written(&self) -> u32 {
        // SAFETY: null, or the handshake that the context owns; its last step frees it.
        unsafe { self.raw.handshake.as_ref() }.map_or(u32::MAX, |handshake| handshake.out_msg_seq)
    }

    /// One step of the handshake.
    pub(crate) fn handshake_step(&mut self) -> Result<(), c_int> {
        // SAFETY: null, or the handshake that the context owns; its last step frees it.
        if let Some(handshake) = unsafe { self.raw.handshake.as_ref() } {
            self.extended_master_secret = handshake.extended_ms != 0;
            self.has_connection_ids = c_int::from(handshake.cid_in_use) == sys::SSL_CID_ENABLED;
            self.ephemeral_group = handshake.ecdh_ctx.grp.id;
        }
        // SAFETY: the context is set up.
        check(unsafe { sys::ssl_handshake_step(&mut *self.raw) })
    }

    /// What a step of our own begins with, as `ssl_handshake_step` does.
    pub(super) fn begin_step(&mut self) -> Result<(), c_int> {
        let raw = &mut *self.raw;
        // SAFETY: the context is set up and in its handshake.
        unsafe {
            check(sys::ssl_flush_output(raw))?;
            if let Some(handshake) = raw.handshake.as_ref()
                && c_int::from(handshake.retransmit_state) == sys::SSL_RETRANS_SENDING
            {
                check(sys::ssl_flight_transmit(raw))?;
            }
        }
        Ok(())
    }

    /// Reads the next handshake message, unless that was done already; the following step will read the same one.
    ///
    /// `hashes`: whether that step would have the message hashed before it looks at it.
    pub(crate) fn await_message(&mut self, hashes: bool) -> Result<(), c_int> {
        self.begin_step()?;
        // SAFETY: the context is set up and in its handshake.
        check(unsafe { sys::ssl_read_record(&mut *self.raw, hashes.into()) })?;
        self.raw.keep_current_message = 1;
        Ok(())
    }

    /// Reads the next handshake message for the caller to look at; the following step will read the same one.
    pub(crate) fn peek_handshake_message(&mut self) -> Result<Vec<u8>, c_int> {
        self.await_message(true)?;
        let raw = &*self.raw;
        if raw.in_msgtype != sys::SSL_MSG_HANDSHAKE {
            return Ok(Vec::new());
        }
        // SAFETY: after a successful read `in_msg` points at one whole handshake message of `in_hslen` bytes.
        Ok(unsafe { std::slice::from_raw_parts(raw.in_msg, raw.in_hslen) }.to_vec())
    }

    pub(crate) fn stage_psk(&mut self, psk: StagedPsk) {
        self.bio_mut().staged_psk = Some(psk);
    }

    /// The identity that the staged answer is about.
    pub(crate) fn staged_identity(&self) -> Option<&[u8]> {
        self.bio().staged_psk.as_ref().map(|staged| staged.identity.as_slice())
    }

    /// The staged answer, whose key is no longer needed once the handshake is over.
    pub(crate) fn take_staged_psk(&mut self) -> Option<StagedPsk> {
        self.bio_mut().staged_psk.take()
    }

    /// The alert that the last read brought, when it failed with `ERR_SSL_FATAL_ALERT_MESSAGE`.
    pub(crate) fn received_alert(&self) -> Option<u8> {
        self.received_alert
    }

    /// The number of the next plaintext record; `None` when there will be none.
    pub(crate) fn next_plaintext_number(&self) -> Option<u64> {
        let number = u64::from_be_bytes(self.raw.cur_out_ctr);
        (number >> 48 == 0).then_some(number)
    }

    /// Whether the peer has presented something that it has yet to prove to have the key of, or has just done so.
    pub(crate) fn has_peer_certificate(&self) -> bool {
        // SAFETY: null, or a session that the context owns.
        unsafe { self.raw.session_negotiate.as_ref() }.is_some_and(|session| !session.peer_cert.is_null())
    }

    /// IANA number of the suite that the ServerHello names.
    pub(crate) fn negotiated_suite(&self) -> Option<u16> {
        // SAFETY: null, or a session that the context owns.
        let session = unsafe { self.raw.session_negotiate.as_ref().or(self.raw.session.as_ref()) }?;
        u16::try_from(session.ciphersuite).ok().filter(|&id| id != 0)
    }

    /// The application protocol that both have agreed on (RFC 7301).
    pub(crate) fn protocol(&self) -> Option<Vec<u8>> {
        // SAFETY: the context is set up.
        let name = unsafe { sys::ssl_get_alpn_protocol(&*self.raw) };
        // SAFETY: null, or one of the configuration's C strings, which outlive the context.
        (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) }.to_bytes().to_vec())
    }

    /// Whether the hellos that were read agree on the extended master secret (RFC 7627).
    pub(crate) fn agrees_on_extended_master_secret(&self) -> bool {
        // SAFETY: null, or the handshake that the context owns.
        unsafe { self.raw.handshake.as_ref() }.is_some_and(|handshake| handshake.extended_ms != 0)
    }

    /// Whether the master secret is an extended one (RFC 7627).
    pub(crate) fn has_extended_master_secret(&self) -> bool {
        self.extended_master_secret
    }

    /// The group of an ephemeral key exchange, once its last step is being taken; none without such an exchange.
    pub(crate) fn ephemeral_group(&self) -> sys::ecp_group_id {
        self.ephemeral_group
    }

    /// Contents of the two Finished messages, our own first (RFC 5246 section 7.4.9).
    pub(crate) fn finished_messages(&self) -> [[u8; 12]; 2] {
        [self.raw.own_verify_data, self.raw.peer_verify_data].map(|data| data.map(|byte| byte as u8))
    }

    /// Which records can have the peer's Finished in them: a forged one must not end the handshake.
    pub(crate) fn finished_lengths(&self) -> Option<FinishedLengths> {
        // SAFETY: null, or a transform that the context owns.
        let transform = unsafe { self.raw.transform_negotiate.as_ref() }?;
        // CBC: minlen has a block of padding in it, and the MAC may be inside or outside the encryption.
        let (shortest, slack) = if transform.taglen == 0 { (0, CBC_SLACK) } else { (FRAGMENT_LENGTH, 0) };
        let inner = if transform.in_cid_len == 0 { 0 } else { INNER_SLACK };
        Some(transform.minlen + shortest..=transform.minlen + FINISHED_LENGTH + slack + inner)
    }

    /// Has our hello say which connection ID we want to receive (RFC 9146 section 3): a client's offers it, a server's answers
    /// an offer.
    pub(crate) fn offer_connection_id(&mut self, id: &[u8]) -> Result<(), c_int> {
        let raw = &mut *self.raw;
        raw.own_cid.get_mut(..id.len()).ok_or(sys::ERR_SSL_BAD_INPUT_DATA)?.copy_from_slice(id);
        raw.own_cid_len = id.len() as u8;
        raw.negotiate_cid = sys::SSL_CID_ENABLED as u8;
        Ok(())
    }

    /// The connection ID that we have offered, or that a restored connection has; empty without one.
    pub(crate) fn own_connection_id(&self) -> &[u8] {
        self.raw.own_cid.get(..usize::from(self.raw.own_cid_len)).unwrap_or_default()
    }

    /// The connection ID that the peer's records have; empty without one.
    pub(crate) fn incoming_connection_id(&self) -> &[u8] {
        // SAFETY: null, or a transform that the context owns.
        let transform = unsafe { self.raw.transform_in.as_ref() };
        transform.and_then(|keys| keys.in_cid.get(..usize::from(keys.in_cid_len))).unwrap_or_default()
    }

    /// The DNS name that the server is asked for (RFC 6066 section 3). The engine does not look for it in the
    /// certificate.
    pub(crate) fn set_server_name(&mut self, name: Option<&str>) -> Result<(), c_int> {
        let name = name.map(CString::new).transpose().map_err(|_| sys::ERR_SSL_BAD_INPUT_DATA)?;
        let pointer = name.as_ref().map_or(std::ptr::null(), |name| name.as_ptr());
        // SAFETY: the name is copied; a null pointer sends none.
        check(unsafe { sys::ssl_set_hostname(&mut *self.raw, pointer) })
    }

    /// Payload bytes in a datagram of the handshake; 0 for no limit.
    pub(crate) fn set_mtu(&mut self, mtu: u16) {
        // SAFETY: a number in the context, and in its handshake if there is one.
        unsafe {
            sys::ssl_set_mtu(&mut *self.raw, mtu);
            if let Some(handshake) = self.raw.handshake.as_mut() {
                handshake.mtu = 0;
            }
        }
    }

    /// Keeps the doubling of the retransmission timer below `longest`: Mbed TLS would give up at its maximum.
    pub(crate) fn cap_retransmission(&mut self, longest: Duration) {
        let longest = u32::try_from(longest.as_millis()).unwrap_or(u32::MAX / 2);
        // SAFETY: null, or the handshake that the context owns.
        if let Some(handshake) = unsafe { self.raw.handshake.as_mut() } {
            handshake.retransmit_timeout = handshake.retransmit_timeout.min(longest);
        }
    }
}

impl Drop for Ssl {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, freed once; the Bio goes after the context that points at it.
        unsafe {
            sys::ssl_free(&mut *self.raw);
            drop(Box::from_raw(self.bio.as_ptr()));
        }
    }
}

fn received_alert(raw: &sys::ssl_context) -> Option<u8> {
    if raw.in_msgtype != sys::SSL_MSG_ALERT || raw.in_msg.is_null() || raw.in_msglen != 2 {
        return None;
    }
    // SAFETY: an alert message has two bytes, which were just checked to be there.
    Some(unsafe { *raw.in_msg.add(1) })
}
