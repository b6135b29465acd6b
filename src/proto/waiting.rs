//! Addresses that wait until the application may be asked about them.
//!
//! Anybody can cause such a question, under any address, so few are open at a time, and only so many are asked a second. Who
//! came first is asked first. Where too many wait, one of the heaviest prefix goes, by lot: nobody can time a flood so that
//! it is always somebody else.

use super::crowd::{Crowd, Place};
use super::prefix::Prefix;
use super::questions::Question;
use super::unplaced::Unplaced;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

/// A place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Turn(u64);

/// The queue.
pub(super) struct Waiting {
    by_turn: BTreeMap<Turn, (Unplaced, Question, Place)>,
    crowd: Crowd<Turn, u64>,
    last: u64,
    /// Draws lots: a keyed hash of the turn, which nobody can foresee.
    lots: RandomState,
}

impl Default for Waiting {
    fn default() -> Waiting {
        Waiting { by_turn: BTreeMap::new(), crowd: Crowd::new(), last: 0, lots: RandomState::new() }
    }
}

impl Waiting {
    pub(super) fn len(&self) -> usize {
        self.by_turn.len()
    }

    pub(super) fn push(&mut self, unplaced: Unplaced, question: Question) -> Turn {
        self.last += 1;
        let turn = Turn(self.last);
        let place = self.crowd.insert(turn, Prefix::of(unplaced.remote.ip()), self.lots.hash_one(turn));
        self.by_turn.insert(turn, (unplaced, question, place));
        turn
    }

    /// The next whose turn it is.
    pub(super) fn pop(&mut self) -> Option<(Unplaced, Question)> {
        let (_, (unplaced, question, place)) = self.by_turn.pop_first()?;
        self.crowd.remove(place);
        Some((unplaced, question))
    }

    /// One who gives way: of the heaviest prefix, by lot.
    pub(super) fn displace(&mut self) -> Option<Unplaced> {
        let turn = self.crowd.least_claim()?;
        let (unplaced, _, place) = self.by_turn.remove(&turn)?;
        self.crowd.remove(place);
        Some(unplaced)
    }

    pub(super) fn get_mut(&mut self, turn: Turn) -> Option<&mut Unplaced> {
        self.by_turn.get_mut(&turn).map(|(unplaced, ..)| unplaced)
    }
}
