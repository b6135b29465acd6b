//! What waits until the application may be asked about it.
//!
//! Anybody can cause such a question, under any address, so few are open at a time, and only so many are asked a second. Who
//! came first is asked first. Where too many wait, one of the heaviest prefix goes, by lot: nobody can time a flood so that
//! it is always somebody else.

use super::crowd::{Crowd, Place};
use super::prefix::Prefix;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

/// A place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Turn(u64);

/// The queue.
pub(super) struct Waiting<T> {
    by_turn: BTreeMap<Turn, (T, Place)>,
    crowd: Crowd<Turn, u64>,
    last: u64,
    /// Draws lots: a keyed hash of the turn, which nobody can foresee.
    lots: RandomState,
}

impl<T> Waiting<T> {
    pub(super) fn new() -> Waiting<T> {
        Waiting { by_turn: BTreeMap::new(), crowd: Crowd::new(), last: 0, lots: RandomState::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.by_turn.len()
    }

    pub(super) fn push(&mut self, prefix: Prefix, item: T) -> Turn {
        self.last += 1;
        let turn = Turn(self.last);
        let place = self.crowd.insert(turn, prefix, self.lots.hash_one(turn));
        self.by_turn.insert(turn, (item, place));
        turn
    }

    /// The next whose turn it is.
    pub(super) fn pop(&mut self) -> Option<T> {
        let (_, (item, place)) = self.by_turn.pop_first()?;
        self.crowd.remove(place);
        Some(item)
    }

    /// One that gives way: of the heaviest prefix, by lot.
    pub(super) fn displace(&mut self) -> Option<T> {
        let turn = self.crowd.least_claim()?;
        let (item, place) = self.by_turn.remove(&turn)?;
        self.crowd.remove(place);
        Some(item)
    }

    pub(super) fn get_mut(&mut self, turn: Turn) -> Option<&mut T> {
        self.by_turn.get_mut(&turn).map(|(item, _)| item)
    }
}
