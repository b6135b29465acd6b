//! Reading a live connection out of its context, and building a context from one that was saved.

use super::ssl::Ssl;
use super::{c_int, check, sys};
use zeroize::Zeroizing;

/// 48 bits below the epoch in the eight bytes of a record number.
const NUMBER_MASK: u64 = (1 << 48) - 1;

/// What a live connection's context is made of, in the engine's numbers.
pub(crate) struct ConnectionState<'a> {
    /// The suite's number in the IANA registry.
    pub(crate) suite: u16,
    /// The client's random, then the server's.
    pub(crate) randoms: Zeroizing<[u8; 64]>,
    pub(crate) session_id: [u8; 32],
    pub(crate) session_id_length: usize,
    pub(crate) master_secret: &'a [u8; 48],
    pub(crate) epoch: u16,
    /// Number of the next record to send.
    pub(crate) next_number: u64,
    /// What is added to the number of a record for the explicit half of its nonce, modulo 2^64.
    pub(crate) nonce_offset: u64,
    /// Highest record number that was authenticated, and the window below it.
    pub(crate) replay_window: Option<(u64, u64)>,
    /// The number of a maximum fragment length (RFC 6066 section 4); 0 for no limit.
    pub(crate) max_fragment_length_code: u8,
    /// Whether records are encrypted before they are authenticated (RFC 7366).
    pub(crate) encrypt_then_mac: bool,
    /// Whether the master secret is an extended one (RFC 7627).
    pub(crate) extended_master_secret: bool,
    /// Ours and the peer's (RFC 9146); `None` where the hellos did not agree on any.
    pub(crate) connection_ids: Option<[Id; 2]>,
    /// Whether both sides answer return routability checks (RFC 9853).
    pub(crate) checks_routability: bool,
}

/// A connection ID: its bytes, of which so many count.
pub(crate) type Id = ([u8; 32], u8);

impl Ssl {
    /// Everything that the connection needs to go on elsewhere; `None` while there is a handshake.
    pub(crate) fn connection_state(&self) -> Option<ConnectionState<'_>> {
        let randoms = self.randoms()?;
        // `transform` itself is not yet set while the last flight is kept for a peer that may ask for it again.
        // SAFETY: null, or structs that the context owns.
        let (session, transform) = unsafe { (self.raw.session.as_ref()?, self.raw.transform_out.as_ref()?) };
        Some(ConnectionState {
            suite: u16::try_from(session.ciphersuite).ok()?,
            randoms,
            session_id: session.id,
            session_id_length: session.id_len,
            master_secret: &session.master,
            epoch: self.raw.in_epoch,
            next_number: u64::from_be_bytes(self.raw.cur_out_ctr) & NUMBER_MASK,
            nonce_offset: transform.nonce_offset,
            replay_window: Some(self.replay_window()),
            max_fragment_length_code: session.mfl_code,
            encrypt_then_mac: session.encrypt_then_mac != 0,
            extended_master_secret: self.extended_master_secret,
            connection_ids: self
                .has_connection_ids
                .then_some([(transform.in_cid, transform.in_cid_len), (transform.out_cid, transform.out_cid_len)]),
            checks_routability: self.checks_routability,
        })
    }

    /// The client's random, then the server's; `None` while there is a handshake.
    pub(crate) fn randoms(&self) -> Option<Zeroizing<[u8; 64]>> {
        if self.state() != sys::SSL_HANDSHAKE_OVER {
            return None;
        }
        // SAFETY: null, or a struct that the context owns.
        let transform = unsafe { self.raw.transform_out.as_ref()? };
        let mut randoms = Zeroizing::new([0; 64]);
        // The transform has the server's first (RFC 5246 section 6.3); the handshake, and node-mbed-dtls, the client's.
        randoms[..32].copy_from_slice(&transform.randbytes[32..]);
        randoms[32..].copy_from_slice(&transform.randbytes[..32]);
        Some(randoms)
    }

    /// The session id in the ClientHello.
    pub(crate) fn session_id_of_hello(&self) -> Vec<u8> {
        // SAFETY: null, or a session that the context owns.
        let session = unsafe { self.raw.session_negotiate.as_ref() };
        session.and_then(|session| session.id.get(..session.id_len)).unwrap_or_default().to_vec()
    }

    /// Lets the ServerHello that is about to be written resume a session; `false` when this handshake has negotiated
    /// other properties than the session has. `None` stands for a property that is not compared.
    pub(crate) fn resume(
        &mut self,
        suite: u16,
        master_secret: &[u8; 48],
        extended_master_secret: bool,
        encrypt_then_mac: Option<bool>,
    ) -> bool {
        // SAFETY: null, or structs that the context owns.
        let (session, handshake) = unsafe { (self.raw.session_negotiate.as_mut(), self.raw.handshake.as_mut()) };
        let (Some(session), Some(handshake)) = (session, handshake) else {
            return false;
        };
        let fits = session.ciphersuite == c_int::from(suite)
            && extended_master_secret == (handshake.extended_ms != 0)
            && encrypt_then_mac.is_none_or(|was| was == (session.encrypt_then_mac != 0));
        if fits {
            session.master = *master_secret;
            handshake.resume = 1;
        }
        fits
    }

    /// Puts a fresh context where a finished handshake would have left it.
    pub(crate) fn set_connection_state(&mut self, state: &ConnectionState<'_>) -> Result<(), c_int> {
        let raw = &mut *self.raw;
        // SAFETY: both exist from `ssl_setup` to the end of the handshake.
        let (session, handshake) = unsafe {
            (
                raw.session_negotiate.as_mut().ok_or(sys::ERR_SSL_BAD_INPUT_DATA)?,
                raw.handshake.as_mut().ok_or(sys::ERR_SSL_BAD_INPUT_DATA)?,
            )
        };
        let id = state.session_id.get(..state.session_id_length).ok_or(sys::ERR_SSL_BAD_INPUT_DATA)?;
        session.id.get_mut(..id.len()).ok_or(sys::ERR_SSL_BAD_INPUT_DATA)?.copy_from_slice(id);
        session.id_len = id.len();
        session.ciphersuite = c_int::from(state.suite);
        session.master = *state.master_secret;
        session.mfl_code = state.max_fragment_length_code;
        session.encrypt_then_mac = c_int::from(state.encrypt_then_mac);
        handshake.randbytes = *state.randoms;
        // The master secret is there: derive the keys from it, as a resumption does.
        handshake.resume = 1;
        if let Some([own, peer]) = state.connection_ids {
            (raw.own_cid, raw.own_cid_len) = own;
            (handshake.peer_cid, handshake.peer_cid_len) = peer;
            // The derivation of the keys puts both beside the keys.
            handshake.cid_in_use = sys::SSL_CID_ENABLED as u8;
        }
        raw.major_ver = sys::SSL_MAJOR_VERSION_3;
        raw.minor_ver = sys::SSL_MINOR_VERSION_3;
        // SAFETY: the constant table's entry, or null, which is checked.
        handshake.ciphersuite_info = unsafe { sys::ssl_ciphersuite_from_id(session.ciphersuite) };
        if handshake.ciphersuite_info.is_null() {
            return Err(sys::ERR_SSL_BAD_INPUT_DATA);
        }
        // SAFETY: version, suite, master secret and randoms are set; that is what the derivation reads.
        check(unsafe { sys::ssl_derive_keys(raw) })?;
        // SAFETY: the transform exists from `ssl_setup` on, and nobody else uses it.
        unsafe { raw.transform_negotiate.as_mut() }.ok_or(sys::ERR_SSL_BAD_INPUT_DATA)?.nonce_offset =
            state.nonce_offset;
        raw.transform_in = raw.transform_negotiate;
        raw.transform_out = raw.transform_negotiate;
        raw.session_in = raw.session_negotiate;
        raw.session_out = raw.session_negotiate;
        raw.in_epoch = state.epoch;
        raw.cur_out_ctr = (u64::from(state.epoch) << 48 | state.next_number).to_be_bytes();
        raw.state = sys::SSL_HANDSHAKE_WRAPUP as c_int;
        // SAFETY: no flight is kept, so the wrap-up frees the handshake and hands session and transform over.
        unsafe {
            sys::ssl_handshake_wrapup(raw);
            sys::ssl_update_out_pointers(raw, raw.transform);
            sys::ssl_update_in_pointers(raw);
        }
        self.extended_master_secret = state.extended_master_secret;
        self.has_connection_ids = state.connection_ids.is_some();
        self.checks_routability = state.checks_routability;
        if let Some((top, seen)) = state.replay_window {
            raw.in_window_top = top;
            raw.in_window = seen;
        }
        Ok(())
    }
}
