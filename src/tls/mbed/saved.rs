//! Live connections and resumable sessions, in and out of the engine.

use super::ffi::config::Role;
use super::ffi::saved::{ConnectionState, Id};
use super::ffi::ssl::Ssl;
use crate::tls::connection_ids::ConnectionIds;
use crate::tls::saved::{ReplayWindow, ResumableSession, SavedDtls12, SessionId};
use crate::tls::suites::Suite;
use crate::wire::{ConnectionId, MaxFragmentLength};

impl Ssl {
    /// Everything that the connection needs to go on elsewhere; `None` while there is a handshake.
    pub(crate) fn save(&self) -> Option<SavedDtls12> {
        Some(self.save_life()?.0)
    }

    /// The same, and what its life adds to the numbers of records for their nonces: what it needs to go on here.
    pub(crate) fn save_life(&self) -> Option<(SavedDtls12, u64)> {
        let state = self.connection_state()?;
        let saved = SavedDtls12 {
            suite: Suite::from_id(state.suite)?,
            is_client: self.role() == Role::Client,
            randoms: state.randoms,
            session_id: SessionId::new(state.session_id.get(..state.session_id_length)?)?,
            master_secret: state.master_secret.into(),
            epoch: state.epoch,
            next_number: state.next_number,
            replay_window: state.replay_window.map(|(top, seen)| ReplayWindow { top, seen }),
            max_fragment_length: MaxFragmentLength::from_code(state.max_fragment_length_code),
            encrypt_then_mac: state.encrypt_then_mac,
            extended_master_secret: Some(state.extended_master_secret),
            connection_ids: match state.connection_ids {
                None => None,
                Some([own, peer]) => {
                    Some(ConnectionIds::new(&from_raw(own)?, &from_raw(peer)?, state.checks_routability))
                }
            },
        };
        Some((saved, state.nonce_offset))
    }

    /// Puts a fresh context where a finished handshake would have left it, with `number` for its next record.
    pub(crate) fn restore(&mut self, saved: &SavedDtls12, number: u64, nonce_offset: u64) -> Result<(), i32> {
        let id = saved.session_id.as_bytes();
        let mut session_id = [0; SessionId::LIMIT];
        session_id[..id.len()].copy_from_slice(id);
        self.set_connection_state(&ConnectionState {
            suite: saved.suite.id(),
            randoms: saved.randoms.clone(),
            session_id,
            session_id_length: id.len(),
            master_secret: &saved.master_secret,
            epoch: saved.epoch,
            next_number: number,
            nonce_offset,
            replay_window: saved.replay_window.map(|window| (window.top, window.seen)),
            max_fragment_length_code: saved.max_fragment_length.map_or(0, MaxFragmentLength::code),
            encrypt_then_mac: saved.encrypt_then_mac,
            extended_master_secret: saved.extended_master_secret.unwrap_or(false),
            connection_ids: saved.connection_ids.as_ref().map(|ids| [to_raw(ids.own()), to_raw(ids.peer())]),
            checks_routability: saved.connection_ids.as_ref().is_some_and(ConnectionIds::checks_routability),
        })
    }

    /// Lets the ServerHello that is about to be written resume a session; `false` when the session does not fit what
    /// this hello has negotiated.
    pub(super) fn resume_session(&mut self, session: &ResumableSession) -> bool {
        // RFC 7627 section 5.3: both hellos agree about the extended master secret, or the handshake is a full one. A
        // session that does not say what its own hello was like agrees with none.
        let Some(extended_master_secret) = session.extended_master_secret else { return false };
        // RFC 7366 is about CBC suites alone.
        let encrypt_then_mac = session.encrypt_then_mac.filter(|_| session.suite.is_cbc());
        self.resume(session.suite.id(), &session.master_secret, extended_master_secret, encrypt_then_mac)
    }
}

fn from_raw((bytes, length): Id) -> Option<ConnectionId> {
    ConnectionId::new(bytes.get(..usize::from(length))?)
}

fn to_raw(id: &[u8]) -> Id {
    let mut bytes = [0; ConnectionId::LIMIT];
    // None is longer: `ConnectionId` has seen to it.
    let length = id.len().min(bytes.len());
    bytes[..length].copy_from_slice(&id[..length]);
    (bytes, length as u8)
}
