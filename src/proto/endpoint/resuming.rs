//! Sessions that handshakes leave behind, and those that they find.

use super::{Endpoint, Event, ServerSide};
use crate::proto::connection::CloseReason;
use crate::proto::questions::Asks;
use crate::proto::sessions::{SessionSettings, Sessions};
use crate::proto::table::ConnectionHandle;
use crate::tls::{KnownSession, NewSession, RngError, SessionPolicy, SessionsById, TicketKeys};
use std::sync::Arc;
use std::time::Instant;

impl Endpoint {
    // --- what a server is told ---------------------------------------------------------------------------------------

    /// From now on it remembers handshakes.
    pub(crate) fn remember_sessions(&mut self, now: Instant, settings: SessionSettings) -> Result<(), RngError> {
        if let Some(server) = &mut self.server {
            server.sessions = Some(Sessions::new(now, settings)?);
        }
        Ok(())
    }

    /// The keys of tickets; `None` where there are none.
    pub(crate) fn ticket_keys(&mut self, now: Instant) -> Option<Arc<TicketKeys>> {
        self.server.as_mut()?.sessions.as_mut()?.ticket_keys(now)
    }

    /// Answers whether there are tickets to seal with them.
    pub(crate) fn set_ticket_keys(&mut self, keys: TicketKeys) -> bool {
        let sessions = self.server.as_mut().and_then(|server| server.sessions.as_mut());
        sessions.map(|sessions| sessions.set_ticket_keys(keys)).is_some()
    }

    // --- handshakes --------------------------------------------------------------------------------------------------

    /// What a handshake that begins now is told about sessions.
    pub(super) fn session_policy(&mut self, now: Instant) -> SessionPolicy {
        let asks = self.asks.handshakes.for_sessions;
        let sessions = self.server.as_mut().and_then(|server| server.sessions.as_mut());
        match sessions {
            // An application that resumes saved connections is the only one that does.
            Some(sessions) if !asks || sessions.are_kept_elsewhere() => sessions.policy(now),
            _ if asks => SessionPolicy { by_id: SessionsById::Saved, ..SessionPolicy::none() },
            _ => SessionPolicy::none(),
        }
    }

    /// A handshake has left a session behind.
    pub(super) fn keep_session(&mut self, now: Instant, handle: ConnectionHandle, session: NewSession) {
        let Some(server) = &mut self.server else {
            self.own_sessions.insert(handle, session.bytes);
            return;
        };
        let Some(sessions) = &mut server.sessions else { return };
        if sessions.are_kept_elsewhere() {
            let former = session.replaces;
            self.outputs.push(Event::NewSession { connection: handle, session });
            if let Some(id) = former {
                self.outputs.push(Event::SessionEnded { id });
            }
        } else {
            if let Some(id) = &session.replaces {
                sessions.forget(id);
            }
            sessions.keep(now, session.id, &session.bytes);
        }
    }

    /// The server of a client's connection has given a session to it.
    pub(super) fn take_session(&mut self, handle: ConnectionHandle, session: NewSession) {
        self.own_sessions.insert(handle, session.bytes);
        self.outputs.push(Event::Session { connection: handle });
    }

    /// RFC 5246 section 7.2.2: a connection that ends with a fatal alert takes its session with it.
    pub(super) fn forget_session(&mut self, handle: ConnectionHandle, reason: &CloseReason) {
        if !matches!(reason, CloseReason::Error(_)) {
            return;
        }
        let Some(sessions) = self.server.as_mut().and_then(|server| server.sessions.as_mut()) else { return };
        let id = self.connections.get(&handle).and_then(|entry| entry.connection.session_id());
        let Some(id) = id.filter(|id| !id.as_bytes().is_empty()) else { return };
        if sessions.are_kept_elsewhere() {
            self.outputs.push(Event::SessionEnded { id });
        } else {
            sessions.forget(&id);
        }
    }

    /// The datagram with an authentic fatal alert, as a peer would send it.
    #[cfg(test)]
    pub(crate) fn fatal_alert(&mut self, now: Instant, handle: ConnectionHandle, description: u8) -> Vec<u8> {
        let mut out = crate::tls::Outbox::default();
        self.connections.get_mut(&handle).unwrap().connection.break_off(now, description, &mut out);
        out.first().unwrap().to_vec()
    }

    /// The session of a client's connection, as a later one can offer it.
    pub(crate) fn session(&self, handle: ConnectionHandle) -> Option<&[u8]> {
        self.own_sessions.get(&handle).map(|session| session.as_slice())
    }
}

impl ServerSide {
    /// The session with this id, where the server itself keeps them. The outer `None` when the application does.
    pub(super) fn own_session(&self, asks: Asks, id: &[u8]) -> Option<Option<KnownSession<'_>>> {
        let sessions = self.sessions.as_ref().filter(|sessions| !sessions.are_kept_elsewhere())?;
        (!asks.handshakes.for_sessions).then(|| sessions.find(id).map(KnownSession::Stored))
    }
}
