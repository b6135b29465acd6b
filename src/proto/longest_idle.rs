//! Who has been silent longest, without an order that every record would change.
//!
//! From time to time all connections are looked at, and those that have been silent longest are noted. Silence only grows:
//! whoever was not noted has been heard later than all who were, and one of these that has not been heard since is still
//! first in line. So the answer is exact, and a look at all connections serves many answers.

use super::table::ConnectionHandle;
use std::time::Instant;

/// Connections that are noted at a time.
pub(super) const NOTED: usize = 256;

#[derive(Default)]
pub(super) struct LongestIdle {
    /// When each was last heard; the one that has been silent longest is last.
    noted: Vec<(Instant, ConnectionHandle)>,
}

impl LongestIdle {
    /// The connection that has been silent longest. `heard`: when one of them was last heard, if it is there. `all`: when all
    /// were.
    pub(super) fn next(
        &mut self,
        heard: impl Fn(ConnectionHandle) -> Option<Instant>,
        all: impl FnOnce() -> Vec<(Instant, ConnectionHandle)>,
    ) -> Option<ConnectionHandle> {
        self.next_noted(&heard).or_else(|| {
            self.note(all());
            self.next_noted(&heard)
        })
    }

    fn next_noted(&mut self, heard: impl Fn(ConnectionHandle) -> Option<Instant>) -> Option<ConnectionHandle> {
        while let Some((at, handle)) = self.noted.pop() {
            if heard(handle) == Some(at) {
                return Some(handle);
            }
        }
        None
    }

    fn note(&mut self, mut all: Vec<(Instant, ConnectionHandle)>) {
        if all.len() > NOTED {
            all.select_nth_unstable(NOTED);
            all.truncate(NOTED);
        }
        all.sort_unstable_by(|one, other| other.cmp(one));
        self.noted = all;
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.noted.len()
    }
}
