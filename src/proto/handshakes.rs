//! Unfinished handshakes, and which of them gives way to a newcomer.
//!
//! All of them count alike, whatever they wait for: a hello of which fragments are missing, one whose peer has stopped, and
//! one whose application or thread has yet to answer. Progress is what a handshake cannot make twice.
//!
//! A newcomer from a prefix that has fewer takes a place from the heaviest prefix. Among equals nobody can tell attackers from
//! a crowd of honest clients that is too large. Then half of the places are kept by those who came first, so that a crowd is
//! served at a steady rate however many come; the other half goes to those who come last, so that nobody can hold them all.

use super::crowd::{Crowd, Place};
use super::deadlines::Deadlines;
use super::prefix::Prefix;
use super::table::ConnectionHandle;
use rustc_hash::FxHashMap;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Steps that follow each other more closely count as one. A handshake over a fast network is never moved.
pub(super) const RESOLUTION: Duration = Duration::from_millis(50);

/// One handshake that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Unfinished {
    /// A hello of which fragments are missing, by its address.
    Hello(SocketAddr),
    Connection(ConnectionHandle),
}

/// How many places there are.
#[derive(Clone, Copy)]
pub(super) struct Places {
    pub(super) in_all: usize,
    /// For each prefix.
    pub(super) each: usize,
}

/// All handshakes of an endpoint, by prefix, in the order of their last progress.
pub(super) struct Handshakes {
    all: Crowd<Unfinished, Instant>,
    /// Those that do not keep their place among equals.
    guests: Crowd<Unfinished, Instant>,
    /// When each has last made progress.
    progress: Deadlines<Unfinished>,
    /// Handles are ours: nobody can choose them so that they collide.
    connections: FxHashMap<ConnectionHandle, Standing>,
    hellos: HashMap<SocketAddr, Standing>,
}

/// Where a handshake stands in the crowds.
#[derive(Clone, Copy)]
struct Standing {
    in_all: Place,
    /// `None` for one that keeps its place.
    among_guests: Option<Place>,
}

impl Default for Handshakes {
    fn default() -> Handshakes {
        Handshakes {
            all: Crowd::new(),
            guests: Crowd::new(),
            progress: Deadlines::new(),
            connections: FxHashMap::default(),
            hellos: HashMap::new(),
        }
    }
}

impl Handshakes {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Handshakes from the prefix of this address.
    pub(super) fn count_from(&self, remote: SocketAddr) -> usize {
        self.all.count(Prefix::of(remote.ip()))
    }

    pub(super) fn begin(&mut self, now: Instant, remote: SocketAddr, handshake: Unfinished, places: Places) {
        self.end(handshake);
        let prefix = Prefix::of(remote.ip());
        let residents = self.all.len() - self.guests.len();
        let residents_beside = || self.all.count(prefix) - self.guests.count(prefix);
        let is_guest = residents >= half(places.in_all) || residents_beside() >= half(places.each);
        let standing = Standing {
            in_all: self.all.insert(handshake, prefix, now),
            among_guests: is_guest.then(|| self.guests.insert(handshake, prefix, now)),
        };
        self.progress.change(handshake, None, Some(now));
        match handshake {
            Unfinished::Connection(handle) => self.connections.insert(handle, standing),
            Unfinished::Hello(remote) => self.hellos.insert(remote, standing),
        };
    }

    /// The handshake has gone a step ahead.
    pub(super) fn advance(&mut self, now: Instant, handshake: Unfinished) {
        let Some(Standing { in_all, among_guests }) = self.standing(handshake) else { return };
        let Some(before) = self.all.rank(in_all) else { return };
        if now.saturating_duration_since(before) < RESOLUTION {
            return;
        }
        self.all.promote(in_all, now);
        if let Some(place) = among_guests {
            self.guests.promote(place, now);
        }
        self.progress.change(handshake, Some(before), Some(now));
    }

    /// The handshake is over, or given up. Does no harm where there is none.
    pub(super) fn end(&mut self, handshake: Unfinished) {
        let standing = match handshake {
            Unfinished::Connection(handle) => self.connections.remove(&handle),
            // There are none, as a rule: then nothing is hashed.
            Unfinished::Hello(_) if self.hellos.is_empty() => None,
            Unfinished::Hello(remote) => self.hellos.remove(&remote),
        };
        let Some(Standing { in_all, among_guests }) = standing else { return };
        self.progress.change(handshake, self.all.rank(in_all), None);
        self.all.remove(in_all);
        if let Some(place) = among_guests {
            self.guests.remove(place);
        }
    }

    fn standing(&self, handshake: Unfinished) -> Option<Standing> {
        match handshake {
            Unfinished::Connection(handle) => self.connections.get(&handle).copied(),
            Unfinished::Hello(remote) => self.hellos.get(&remote).copied(),
        }
    }

    /// Who gives way where there are too many: of the heaviest prefix, the one longest without progress. `None` when the
    /// newcomer has no more claim than anybody.
    pub(super) fn least_claim(&self, newcomer: SocketAddr) -> Option<Unfinished> {
        let own = self.count_from(newcomer);
        let heaviest = self.all.heaviest();
        if heaviest > own + 1 {
            self.all.least_claim()
        } else if own == heaviest {
            self.least_claim_beside(newcomer)
        } else {
            self.guests.least_claim()
        }
    }

    /// Who gives way where there are too many from the newcomer's prefix. `None` when all of them keep their places.
    pub(super) fn least_claim_beside(&self, newcomer: SocketAddr) -> Option<Unfinished> {
        self.guests.least_claim_in(Prefix::of(newcomer.ip()))
    }

    /// Everything that is kept, counted.
    #[cfg(test)]
    pub(super) fn footprint(&self) -> usize {
        self.all.len() + self.guests.len() + self.connections.len() + self.hellos.len() + self.progress.len()
    }

    /// When the first of them will have made no progress for so long.
    pub(super) fn next_stalled(&self, timeout: Duration) -> Option<Instant> {
        self.progress.next().map(|progress| progress + timeout)
    }

    /// The one longest without progress, if it is so long.
    pub(super) fn stalled(&self, now: Instant, timeout: Duration) -> Option<Unfinished> {
        let (progress, handshake) = self.progress.first()?;
        (progress + timeout <= now).then_some(handshake)
    }
}

/// The places of those who came first: all there is, if that is one.
fn half(places: usize) -> usize {
    places.div_ceil(2)
}
