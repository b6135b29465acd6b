//! Connection IDs that an application makes ahead of the handshakes that use them: none of these waits for it.

use crate::wire::ConnectionId;
use std::collections::VecDeque;

pub(super) struct IdSupply {
    ids: VecDeque<ConnectionId>,
    /// Fewer of them are few.
    low: usize,
    /// Whether there have been few of them since one was taken: an application that makes none is asked once for each.
    pub(super) is_asked_for: bool,
}

impl IdSupply {
    pub(super) fn new(low: usize) -> IdSupply {
        IdSupply { ids: VecDeque::new(), low, is_asked_for: false }
    }

    /// Keeps an ID, unless it `is_like` another one; answers whether it has.
    pub(super) fn add(&mut self, id: ConnectionId, is_like: impl Fn(&[u8]) -> bool) -> bool {
        let is_new = !self.ids.iter().any(|other| is_like(other.as_bytes()));
        if is_new {
            self.ids.push_back(id);
        }
        is_new
    }

    /// The next ID that is still `free`.
    pub(super) fn take(&mut self, is_free: impl Fn(&ConnectionId) -> bool) -> Option<ConnectionId> {
        let id = std::iter::from_fn(|| self.ids.pop_front()).find(is_free);
        self.is_asked_for |= self.ids.len() < self.low;
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_ids_are_asked_for_when_there_are_fewer_than_few() {
        let mut supply = IdSupply::new(2);
        for number in 0..4 {
            assert!(supply.add(ConnectionId::new(&[number]).unwrap(), |other| other == [number]));
            assert!(!supply.add(ConnectionId::new(&[number]).unwrap(), |other| other == [number]));
        }
        // Somebody has the first.
        assert_eq!(supply.take(|id| id.as_bytes() != [0]).unwrap().as_bytes(), [1]);
        assert!(!supply.is_asked_for);
        assert_eq!(supply.take(|_| true).unwrap().as_bytes(), [2]);
        assert!(supply.is_asked_for);
    }
}
