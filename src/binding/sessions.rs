//! What JavaScript says about sessions and tickets.

use super::error::{CodedError, internal};
use super::wall_clock::wall_clock;
use crate::proto::{SessionSettings, TicketKeys};
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use std::time::{Duration, Instant};

/// Which handshakes a server remembers.
#[napi(object, object_to_js = false)]
pub struct NativeSessions {
    /// Seconds for which a session can be resumed.
    pub lifetime: u32,
    /// Whether handshakes with a pre-shared key are remembered as well.
    pub psk: bool,
    /// Keys of tickets, one behind the other; without, they are made here and change by themselves.
    pub ticket_keys: Option<Buffer>,
    /// Whether clients that take tickets get them.
    pub tickets: bool,
    /// Sessions that are kept here; none when JavaScript keeps them: `newSession`.
    pub kept: Option<u32>,
}

impl NativeSessions {
    pub(super) fn settings(&self, now: Instant) -> Result<SessionSettings, CodedError> {
        Ok(SessionSettings {
            lifetime: Duration::from_secs(self.lifetime.into()),
            remembers_psk: self.psk,
            ticket_keys: self.ticket_keys.as_ref().map(|keys| ticket_keys(keys)).transpose()?,
            issues_tickets: self.tickets,
            kept: self.kept.map(|count| count as usize),
            clock: wall_clock(now),
        })
    }
}

/// Keys of a length that JavaScript has checked.
pub(super) fn ticket_keys(bytes: &[u8]) -> Result<TicketKeys, CodedError> {
    TicketKeys::parse(bytes).ok_or_else(|| internal(format!("{} bytes are no keys of tickets", bytes.len())))
}
