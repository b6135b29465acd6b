//! Which handshakes leave sessions behind, for how long, and where they are kept.

use super::saved::SessionId;
use super::session::Session;
use super::tickets::TicketKeys;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What one handshake is told about sessions.
#[derive(Clone)]
pub(crate) struct SessionPolicy {
    /// A server's keys of tickets; `None` issues and takes none.
    pub(crate) tickets: Option<Arc<TicketKeys>>,
    /// Where a server finds a session by its id.
    pub(crate) by_id: SessionsById,
    /// Whether handshakes with a pre-shared key are remembered as well.
    pub(crate) remembers_psk: bool,
    /// Seconds for which a server resumes a session.
    pub(crate) lifetime: u32,
    /// When the handshake began: seconds since 1970.
    pub(crate) started: u64,
}

/// Where a server finds a session by its id (RFC 5246 section 7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionsById {
    /// It does not look.
    Nowhere,
    /// In a store of sessions, which gets those that are made.
    Stored,
    /// Among connections that the application has saved.
    Saved,
}

/// A session that a handshake has made.
#[derive(Debug)]
pub(crate) struct NewSession {
    /// Under which a server stores it.
    pub(crate) id: SessionId,
    /// As [`super::session::Session::from_bytes`] reads it.
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// The one that it takes the place of.
    pub(crate) replaces: Option<SessionId>,
}

impl NewSession {
    /// `None` for one that is too long to be kept.
    pub(super) fn of(session: &Session) -> Option<NewSession> {
        Some(NewSession { id: session.id, bytes: session.to_bytes()?, replaces: None })
    }
}

impl SessionPolicy {
    /// A server that remembers nothing.
    pub(crate) fn none() -> SessionPolicy {
        SessionPolicy { tickets: None, by_id: SessionsById::Nowhere, remembers_psk: false, lifetime: 0, started: 0 }
    }
}
