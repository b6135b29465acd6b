//! Who has been silent longest, without an order that every record would change.
//!
//! From time to time all connections are looked at, and those that have been silent longest are noted. Silence only grows:
//! whoever was not noted has been heard later than all who were, and one of these that has not been heard since is still
//! first in line. So the answer is exact, and a look at all connections serves many answers.

use super::table::ConnectionHandle;
use std::time::Instant;

/// Connections that are noted at a time.
const NOTED: usize = 256;

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
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn all_come_in_the_order_of_their_silence_however_many_are_noted_at_a_time() {
        let begin = Instant::now();
        for count in [1, NOTED - 1, NOTED, NOTED + 1, 3 * NOTED] {
            // One in the middle was heard first.
            let heard_at = |index: usize| begin + Duration::from_millis((index + count / 2) as u64 % count as u64);
            let mut all: Vec<_> = (0..count).map(|index| (heard_at(index), ConnectionHandle(index as u32))).collect();
            let mut idle = LongestIdle::default();
            let mut taken = Vec::new();
            while !all.is_empty() {
                let heard = |handle| all.iter().find(|(_, other)| *other == handle).map(|(at, _)| *at);
                let next = idle.next(heard, || all.clone()).unwrap();
                taken.push(heard(next).unwrap());
                all.retain(|(_, handle)| *handle != next);
            }
            assert!(taken.is_sorted(), "{count}");
            assert_eq!(taken.len(), count);
            assert_eq!(idle.next(|_| None, Vec::new), None);
        }
    }

    #[test]
    fn who_has_been_heard_since_it_was_noted_is_passed_over() {
        let begin = Instant::now();
        let [first, second] = [1, 2].map(ConnectionHandle);
        let later = begin + Duration::from_secs(1);
        let mut idle = LongestIdle::default();
        let all = || vec![(begin, first), (later, second)];
        assert_eq!(idle.next(|handle| Some(if handle == first { begin } else { later }), all), Some(first));
        assert_eq!(idle.next(|_| Some(later + later.duration_since(begin)), Vec::new), None);
        assert_eq!(idle.next(|_| Some(begin), || vec![(begin, first)]), Some(first));
    }
}
