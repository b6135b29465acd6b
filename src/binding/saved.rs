//! Saved connections and sessions as JavaScript keeps them: node-mbed-dtls's fields, and what they lacked.

use super::error::{CodedError, invalid_session, unrestorable};
use crate::proto::{
    Algorithms, ConnectionId, ConnectionIds, MaxFragmentLength, ReplayWindow, ResumableSession, SaveClock,
    SavedConnection, SavedDtls12, SessionId, Suite,
};
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use std::time::Duration;

/// Contents of the two Finished messages: 12 bytes each, and as many as a hash has in DTLS 1.3.
#[napi(object, object_from_js = false)]
pub struct NativeFinished {
    /// Ours.
    pub own: Buffer,
    /// The peer's.
    pub peer: Buffer,
}

/// What a handshake has agreed on beside its suite, in IANA's numbers.
#[napi(object, object_from_js = false)]
pub struct NativeAlgorithms {
    /// The group of an ephemeral key exchange; 0 without one.
    pub group: u32,
    /// Signature algorithms that both sides accept, our favourite first.
    pub signatures: Vec<u32>,
}

impl NativeAlgorithms {
    pub(super) fn new(algorithms: Algorithms) -> NativeAlgorithms {
        NativeAlgorithms {
            group: algorithms.group.into(),
            signatures: algorithms.signatures.numbers().map(u32::from).collect(),
        }
    }
}

/// Connection IDs (RFC 9146); empty for a side that wants none.
#[napi(object, object_from_js = false)]
pub struct NativeConnectionIds {
    /// What the peer's records to us have.
    pub own: Buffer,
    /// What our records to the peer have.
    pub peer: Buffer,
    /// Both sides answer return routability checks (RFC 9853).
    pub checks_routability: bool,
}

impl NativeConnectionIds {
    pub(super) fn new(ids: &ConnectionIds) -> NativeConnectionIds {
        NativeConnectionIds {
            own: ids.own().to_vec().into(),
            peer: ids.peer().to_vec().into(),
            checks_routability: ids.checks_routability(),
        }
    }
}

/// A live connection, saved. Secret: whoever has it can read and write in the connection's name.
#[napi(object)]
pub struct NativeSavedConnection {
    /// IANA's number.
    pub ciphersuite: u16,
    /// 64 bytes: the client's random, then the server's.
    pub randbytes: Buffer,
    /// Session id, at most 32 bytes.
    pub id: Buffer,
    /// 48 bytes.
    pub master: Buffer,
    /// Epoch of the records.
    pub epoch: u16,
    /// 8 bytes: epoch and number of the next record to send.
    pub counter: Buffer,
    /// 8 bytes each: highest record number that was authenticated, and the window below it.
    pub window_top: Option<Buffer>,
    /// See `windowTop`.
    pub window: Option<Buffer>,
    /// RFC 7366.
    pub encrypt_then_mac: Option<bool>,
    /// RFC 7627.
    pub extended_master_secret: Option<bool>,
    /// RFC 6066, bytes.
    pub max_fragment_length: Option<u16>,
    /// RFC 9146: what the peer's records to us have; there with `peer_connection_id` or not at all.
    pub connection_id: Option<Buffer>,
    /// RFC 9146: what our records to the peer have.
    pub peer_connection_id: Option<Buffer>,
    /// RFC 9853: both sides answer return routability checks.
    pub checks_routability: Option<bool>,
    /// When it was saved: milliseconds, Unix time.
    pub saved_at: Option<f64>,
    /// False when a connection with this suite cannot go on from a copy; not looked at when it is to.
    pub restorable: Option<bool>,
}

impl NativeSavedConnection {
    /// `None` for a connection of DTLS 1.3, which has no copies.
    pub(super) fn new(saved: SavedConnection, saved_at: Duration) -> Option<NativeSavedConnection> {
        match saved {
            SavedConnection::Dtls12(saved) => Some(NativeSavedConnection::of(saved, saved_at)),
            SavedConnection::Dtls13(_) => None,
        }
    }

    fn of(saved: SavedDtls12, saved_at: Duration) -> NativeSavedConnection {
        let number = |value: u64| Buffer::from(value.to_be_bytes().to_vec());
        NativeSavedConnection {
            ciphersuite: saved.suite.id(),
            randbytes: saved.randoms.to_vec().into(),
            id: saved.session_id.as_bytes().to_vec().into(),
            master: saved.master_secret.to_vec().into(),
            epoch: saved.epoch,
            counter: number(u64::from(saved.epoch) << 48 | saved.next_number),
            window_top: saved.replay_window.map(|window| number(window.top)),
            window: saved.replay_window.map(|window| number(window.seen)),
            encrypt_then_mac: Some(saved.encrypt_then_mac),
            extended_master_secret: saved.extended_master_secret,
            max_fragment_length: saved.max_fragment_length.map(MaxFragmentLength::bytes),
            connection_id: saved.connection_ids.as_ref().map(|ids| ids.own().to_vec().into()),
            peer_connection_id: saved.connection_ids.as_ref().map(|ids| ids.peer().to_vec().into()),
            checks_routability: saved.connection_ids.as_ref().map(ConnectionIds::checks_routability),
            saved_at: Some(saved_at.as_millis() as f64),
            restorable: Some(saved.check().is_ok()),
        }
    }

    /// A connection that is to go on, with the clock at which it was saved, and the clock now.
    pub(super) fn parse_with_clock(&self, now: Duration) -> Result<(SavedConnection, SaveClock), CodedError> {
        let saved = self.saved_at.and_then(|milliseconds| Duration::try_from_secs_f64(milliseconds / 1000.0).ok());
        Ok((self.parse()?, SaveClock { saved, now }))
    }

    /// Every length is checked here; nothing of it reaches the engine unparsed.
    fn parse(&self) -> Result<SavedConnection, CodedError> {
        let counter = u64::from_be_bytes(*exactly("out_ctr", &self.counter)?);
        let replay_window = match (&self.window_top, &self.window) {
            (Some(top), Some(seen)) => Some(ReplayWindow {
                top: u64::from_be_bytes(*exactly("in_window_top", top)?),
                seen: u64::from_be_bytes(*exactly("in_window", seen)?),
            }),
            _ => None,
        };
        let saved = SavedDtls12 {
            suite: suite(self.ciphersuite)?,
            // node-mbed-dtls saved the connections of servers alone, and `session` is theirs here, too.
            is_client: false,
            randoms: (*exactly("randbytes", &self.randbytes)?).into(),
            session_id: session_id(&self.id)?,
            master_secret: exactly("master", &self.master)?.into(),
            epoch: self.epoch,
            next_number: counter & 0xffff_ffff_ffff,
            replay_window,
            max_fragment_length: self.max_fragment_length.map(max_fragment_length).transpose()?,
            encrypt_then_mac: self.encrypt_then_mac.unwrap_or(false),
            extended_master_secret: self.extended_master_secret,
            connection_ids: self.connection_ids()?,
        };
        saved.check().map_err(unrestorable)?;
        Ok(SavedConnection::Dtls12(saved))
    }
}

impl NativeSavedConnection {
    fn connection_ids(&self) -> Result<Option<ConnectionIds>, CodedError> {
        match (&self.connection_id, &self.peer_connection_id) {
            (None, None) => Ok(None),
            (Some(own), Some(peer)) => {
                let own = connection_id("connection_id", own)?;
                let peer = connection_id("peer_connection_id", peer)?;
                Ok(Some(ConnectionIds::new(&own, &peer, self.checks_routability.unwrap_or(false))))
            }
            _ => Err(invalid_session(
                "it has one of 'connection_id' and 'peer_connection_id' without the other".to_owned(),
            )),
        }
    }
}

/// What a session needs to be resumed. Secret, like the connection that it came from.
#[napi(object, object_to_js = false)]
pub struct NativeSession {
    /// IANA's number.
    pub ciphersuite: u16,
    /// 48 bytes.
    pub master: Buffer,
    /// RFC 7366.
    pub encrypt_then_mac: Option<bool>,
    /// RFC 7627.
    pub extended_master_secret: Option<bool>,
}

impl NativeSession {
    pub(super) fn parse(&self) -> Result<ResumableSession, CodedError> {
        Ok(ResumableSession {
            suite: suite(self.ciphersuite)?,
            master_secret: exactly("master", &self.master)?.into(),
            encrypt_then_mac: self.encrypt_then_mac,
            extended_master_secret: self.extended_master_secret,
        })
    }
}

fn suite(id: u16) -> Result<Suite, CodedError> {
    Suite::from_id(id).ok_or_else(|| invalid_session(format!("its cipher suite {id:#06x} is not one of ours")))
}

fn session_id(bytes: &[u8]) -> Result<SessionId, CodedError> {
    SessionId::new(bytes).ok_or_else(|| {
        let limit = SessionId::LIMIT;
        invalid_session(format!("its 'id' has {} bytes, more than {limit}", bytes.len()))
    })
}

fn connection_id(name: &str, bytes: &[u8]) -> Result<ConnectionId, CodedError> {
    let limit = ConnectionId::LIMIT;
    ConnectionId::new(bytes)
        .ok_or_else(|| invalid_session(format!("its '{name}' has {} bytes, more than {limit}", bytes.len())))
}

fn max_fragment_length(bytes: u16) -> Result<MaxFragmentLength, CodedError> {
    MaxFragmentLength::from_bytes(bytes)
        .ok_or_else(|| invalid_session(format!("its 'max_fragment_length' of {bytes} bytes is none of RFC 6066")))
}

fn exactly<'a, const LENGTH: usize>(name: &str, bytes: &'a [u8]) -> Result<&'a [u8; LENGTH], CodedError> {
    bytes.try_into().map_err(|_| invalid_session(format!("its '{name}' has {} bytes, not {LENGTH}", bytes.len())))
}
