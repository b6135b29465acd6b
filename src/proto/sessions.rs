//! What a server remembers of handshakes: sessions by their ids, and the keys of tickets.

use crate::tls::{RngError, SessionId, SessionPolicy, SessionsById, TicketKeys, WallClock};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// What a server is told about sessions.
pub(crate) struct SessionSettings {
    /// For which a session can be resumed.
    pub(crate) lifetime: Duration,
    /// Whether handshakes with a pre-shared key are remembered as well.
    pub(crate) remembers_psk: bool,
    /// Keys that the application has chosen, and changes; without, they are ours.
    pub(crate) ticket_keys: Option<TicketKeys>,
    /// Whether clients that take tickets get them.
    pub(crate) issues_tickets: bool,
    /// Sessions that are kept here at a time. `None` when the application keeps them.
    pub(crate) kept: Option<usize>,
    pub(crate) clock: WallClock,
}

/// A server's memory of handshakes.
pub(super) struct Sessions {
    settings: SessionSettings,
    tickets: Option<Tickets>,
    store: SessionStore,
}

struct Tickets {
    keys: Arc<TicketKeys>,
    /// When they give way to others; `None` for those that the application changes.
    rotation: Option<Instant>,
}

impl Sessions {
    pub(super) fn new(now: Instant, mut settings: SessionSettings) -> Result<Sessions, RngError> {
        let rotation = now + settings.lifetime;
        let tickets = match settings.ticket_keys.take() {
            Some(keys) => Some(Tickets { keys: Arc::new(keys), rotation: None }),
            None if settings.issues_tickets => {
                Some(Tickets { keys: Arc::new(TicketKeys::generate()?), rotation: Some(rotation) })
            }
            None => None,
        };
        Ok(Sessions { tickets, store: SessionStore::new(settings.kept.unwrap_or(0)), settings })
    }

    /// For a handshake that begins now.
    pub(super) fn policy(&mut self, now: Instant) -> SessionPolicy {
        self.rotate(now);
        SessionPolicy {
            tickets: self.tickets.as_ref().map(|tickets| Arc::clone(&tickets.keys)),
            by_id: SessionsById::Stored,
            remembers_psk: self.settings.remembers_psk,
            lifetime: u32::try_from(self.settings.lifetime.as_secs()).unwrap_or(u32::MAX),
            started: self.settings.clock.seconds(now),
        }
    }

    /// Keys of ours seal for as long as a session can be resumed, and open for as long again. Then nobody can read any more
    /// what was said under sessions of that time.
    fn rotate(&mut self, now: Instant) {
        let lifetime = self.settings.lifetime;
        let Some(Tickets { keys, rotation: Some(due) }) = &mut self.tickets else { return };
        if now < *due {
            return;
        }
        // Without randomness the old keys stay.
        let rotated = if now < *due + lifetime { keys.rotate() } else { TicketKeys::generate() };
        if let Ok(rotated) = rotated {
            *keys = Arc::new(rotated);
            *due = now + lifetime;
        }
    }

    /// `None` for a server without tickets.
    pub(super) fn ticket_keys(&mut self, now: Instant) -> Option<Arc<TicketKeys>> {
        self.rotate(now);
        self.tickets.as_ref().map(|tickets| Arc::clone(&tickets.keys))
    }

    /// From now on the application changes them.
    pub(super) fn set_ticket_keys(&mut self, keys: TicketKeys) {
        self.tickets = Some(Tickets { keys: Arc::new(keys), rotation: None });
    }

    /// Whether the application keeps sessions by their ids.
    pub(super) fn are_kept_elsewhere(&self) -> bool {
        self.settings.kept.is_none()
    }

    pub(super) fn find(&self, id: &[u8]) -> Option<&[u8]> {
        self.store.find(id)
    }

    pub(super) fn keep(&mut self, now: Instant, id: SessionId, session: Zeroizing<Vec<u8>>) {
        self.store.keep(now, now + self.settings.lifetime, id, session);
    }

    /// RFC 5246 section 7.2.2: a connection that ends with a fatal alert takes its session with it.
    pub(super) fn forget(&mut self, id: &SessionId) {
        self.store.forget(id);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.store.lengths().0
    }
}

/// Sessions by their ids, of which the oldest goes where there is no more room.
pub(super) struct SessionStore {
    limit: usize,
    sessions: HashMap<SessionId, Zeroizing<Vec<u8>>>,
    /// In the order in which they were made, and end. Some may have been forgotten.
    order: VecDeque<(Instant, SessionId)>,
}

impl SessionStore {
    pub(super) fn new(limit: usize) -> SessionStore {
        SessionStore { limit, sessions: HashMap::new(), order: VecDeque::new() }
    }

    pub(super) fn find(&self, id: &[u8]) -> Option<&[u8]> {
        self.sessions.get(&SessionId::new(id)?).map(|session| session.as_slice())
    }

    pub(super) fn keep(&mut self, now: Instant, end: Instant, id: SessionId, session: Zeroizing<Vec<u8>>) {
        if self.limit == 0 {
            return;
        }
        while self.order.front().is_some_and(|(end, _)| self.order.len() >= self.limit || *end <= now) {
            if let Some((_, oldest)) = self.order.pop_front() {
                self.sessions.remove(&oldest);
            }
        }
        self.order.push_back((end, id));
        self.sessions.insert(id, session);
    }

    pub(super) fn forget(&mut self, id: &SessionId) {
        self.sessions.remove(id);
    }

    /// Of sessions, and of places that they take.
    #[cfg(test)]
    pub(super) fn lengths(&self) -> (usize, usize) {
        (self.sessions.len(), self.order.len())
    }
}
