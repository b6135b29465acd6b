//! Deadlines, ordered.

use std::collections::BTreeSet;
use std::time::Instant;

/// At most one deadline a key; its owner remembers which, so that it can be moved.
pub(super) struct Deadlines<Key> {
    ordered: BTreeSet<(Instant, Key)>,
}

impl<Key: Copy + Ord> Deadlines<Key> {
    pub(super) fn new() -> Deadlines<Key> {
        Deadlines { ordered: BTreeSet::new() }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.ordered.first().map(|&(at, _)| at)
    }

    /// The first deadline, and whose it is.
    pub(super) fn first(&self) -> Option<(Instant, Key)> {
        self.ordered.first().copied()
    }

    /// Removes and returns a key whose deadline has come.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Key> {
        let &(at, key) = self.ordered.first()?;
        (at <= now).then(|| {
            self.ordered.pop_first();
            key
        })
    }

    pub(super) fn change(&mut self, key: Key, from: Option<Instant>, to: Option<Instant>) {
        if from == to {
            return;
        }
        if let Some(from) = from {
            self.ordered.remove(&(from, key));
        }
        if let Some(to) = to {
            self.ordered.insert((to, key));
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.ordered.len()
    }
}
