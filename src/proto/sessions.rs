//! What a server remembers of handshakes: sessions by their ids, and the keys of tickets.

use super::secret_queue::{Place, SecretQueue};
use crate::tls::{RngError, SessionId, SessionPolicy, SessionsById, TicketKeys, WallClock};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

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

    pub(super) fn keep(&mut self, now: Instant, id: SessionId, session: &[u8]) {
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
    /// Numbers of sessions by the beginnings of their ids, which are random numbers of ours: nobody can choose them so that they
    /// collide.
    numbers: FxHashMap<u64, usize>,
    /// In the order in which they were made, and end. Some may have been forgotten.
    kept: VecDeque<Kept>,
    /// The number of the first of them.
    first: usize,
    secrets: SecretQueue,
}

struct Kept {
    end: Instant,
    id: SessionId,
    place: Place,
}

impl SessionStore {
    pub(super) fn new(limit: usize) -> SessionStore {
        let (numbers, kept, secrets) = (FxHashMap::default(), VecDeque::new(), SecretQueue::default());
        SessionStore { limit, numbers, kept, first: 0, secrets }
    }

    pub(super) fn find(&self, id: &[u8]) -> Option<&[u8]> {
        self.secrets.get(self.kept_as(&SessionId::new(id)?)?.place)
    }

    pub(super) fn keep(&mut self, now: Instant, end: Instant, id: SessionId, session: &[u8]) {
        if self.limit == 0 {
            return;
        }
        self.forget(&id);
        while self.kept.front().is_some_and(|oldest| self.kept.len() >= self.limit || oldest.end <= now) {
            self.drop_oldest();
        }
        self.numbers.insert(beginning(&id), self.first + self.kept.len());
        self.kept.push_back(Kept { end, id, place: self.secrets.push(session) });
    }

    fn drop_oldest(&mut self) {
        let Some(oldest) = self.kept.pop_front() else { return };
        if self.numbers.get(&beginning(&oldest.id)) == Some(&self.first) {
            self.numbers.remove(&beginning(&oldest.id));
        }
        self.secrets.pop(oldest.place);
        self.first += 1;
    }

    pub(super) fn forget(&mut self, id: &SessionId) {
        if let Some(place) = self.kept_as(id).map(|kept| kept.place) {
            self.secrets.wipe(place);
            self.numbers.remove(&beginning(id));
        }
    }

    fn kept_as(&self, id: &SessionId) -> Option<&Kept> {
        let number = self.numbers.get(&beginning(id))?;
        self.kept.get(number.checked_sub(self.first)?).filter(|kept| kept.id == *id)
    }

    /// Of sessions, and of places that they take.
    #[cfg(test)]
    pub(super) fn lengths(&self) -> (usize, usize) {
        (self.numbers.len(), self.kept.len())
    }
}

fn beginning(id: &SessionId) -> u64 {
    id.as_bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
