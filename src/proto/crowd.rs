//! Who shares a limited number of places, by prefix, and who has the least claim to one.

use super::prefix::Prefix;
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

/// Members by prefix. In each prefix the member of the lowest rank has the least claim; among prefixes, the heaviest has.
/// Every operation takes logarithmic time.
pub(super) struct Crowd<Key, Rank> {
    places: HashMap<Key, (Prefix, Rank)>,
    by_prefix: HashMap<Prefix, BTreeSet<(Rank, Key)>>,
    /// Prefixes by their number of members; of those that weigh the same, the one with the lowest rank comes last.
    by_weight: BTreeSet<Weight<Key, Rank>>,
}

/// A prefix's number of members, its member with the lowest rank, and its name.
type Weight<Key, Rank> = (usize, Reverse<(Rank, Key)>, Prefix);

impl<Key: Copy + Ord + Hash, Rank: Copy + Ord> Crowd<Key, Rank> {
    pub(super) fn new() -> Crowd<Key, Rank> {
        Crowd { places: HashMap::new(), by_prefix: HashMap::new(), by_weight: BTreeSet::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Members with this prefix.
    pub(super) fn count(&self, prefix: Prefix) -> usize {
        self.by_prefix.get(&prefix).map_or(0, BTreeSet::len)
    }

    /// Adds a member, or moves it.
    pub(super) fn insert(&mut self, key: Key, prefix: Prefix, rank: Rank) {
        self.remove(key);
        self.places.insert(key, (prefix, rank));
        self.change(prefix, |members| {
            members.insert((rank, key));
        });
    }

    /// Answers the prefix and the rank that it had.
    pub(super) fn remove(&mut self, key: Key) -> Option<(Prefix, Rank)> {
        let (prefix, rank) = self.places.remove(&key)?;
        self.change(prefix, |members| {
            members.remove(&(rank, key));
        });
        Some((prefix, rank))
    }

    pub(super) fn rank(&self, key: Key) -> Option<Rank> {
        self.places.get(&key).map(|&(_, rank)| rank)
    }

    /// Gives a member another rank, and answers the one that it had.
    pub(super) fn promote(&mut self, key: Key, rank: Rank) -> Option<Rank> {
        let place = self.places.get_mut(&key)?;
        let (prefix, old) = *place;
        if old != rank {
            place.1 = rank;
            self.change(prefix, |members| {
                members.remove(&(old, key));
                members.insert((rank, key));
            });
        }
        Some(old)
    }

    /// Members of the heaviest prefix.
    pub(super) fn heaviest(&self) -> usize {
        self.by_weight.last().map_or(0, |&(weight, ..)| weight)
    }

    /// Who has the least claim of all.
    pub(super) fn least_claim(&self) -> Option<Key> {
        self.by_weight.last().map(|&(_, Reverse((_, key)), _)| key)
    }

    /// Who has the least claim of those with this prefix.
    pub(super) fn least_claim_in(&self, prefix: Prefix) -> Option<Key> {
        self.by_prefix.get(&prefix)?.first().map(|&(_, key)| key)
    }

    fn change(&mut self, prefix: Prefix, act: impl FnOnce(&mut BTreeSet<(Rank, Key)>)) {
        let members = self.by_prefix.entry(prefix).or_default();
        if let Some(&first) = members.first() {
            self.by_weight.remove(&(members.len(), Reverse(first), prefix));
        }
        act(members);
        match members.first() {
            Some(&first) => {
                self.by_weight.insert((members.len(), Reverse(first), prefix));
            }
            None => {
                self.by_prefix.remove(&prefix);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn prefix(number: u32) -> Prefix {
        Prefix::V4(Ipv4Addr::from(number))
    }

    fn crowd(members: &[(u32, u32, u32)]) -> Crowd<u32, u32> {
        let mut crowd = Crowd::new();
        for &(key, of, rank) in members {
            crowd.insert(key, prefix(of), rank);
        }
        crowd
    }

    #[test]
    fn the_lowest_of_the_heaviest_prefix_gives_way() {
        let crowd = crowd(&[(1, 10, 0), (2, 20, 7), (3, 20, 5), (4, 20, 9)]);
        assert_eq!((crowd.least_claim(), crowd.heaviest()), (Some(3), 3));
        assert_eq!(crowd.least_claim_in(prefix(10)), Some(1));
        assert_eq!(crowd.least_claim_in(prefix(30)), None);
    }

    #[test]
    fn of_prefixes_that_weigh_the_same_the_one_with_the_lowest_gives_way() {
        let crowd = crowd(&[(1, 10, 4), (2, 20, 3), (3, 30, 5)]);
        assert_eq!(crowd.least_claim(), Some(2));
    }

    #[test]
    fn a_promoted_member_has_more_claim_than_before() {
        let mut crowd = crowd(&[(1, 10, 0), (2, 10, 1)]);
        assert_eq!(crowd.promote(1, 2), Some(0));
        assert_eq!(crowd.least_claim(), Some(2));
        assert_eq!(crowd.promote(9, 2), None);
    }

    #[test]
    fn whoever_comes_and_goes_the_answer_is_that_of_a_search_and_nothing_is_left_behind() {
        let mut crowd = Crowd::new();
        let mut members: Vec<(u32, u32, u32)> = Vec::new();
        let mut dice = 0x2545_f491_4f6c_dd1d_u64;
        for key in 0..4_000_u32 {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            let (of, rank) = ((dice % 7) as u32, (dice >> 32) as u32 % 1_000);
            if members.len() > 50 {
                let (gone, ..) = members.swap_remove((dice >> 8) as usize % members.len());
                assert!(crowd.remove(gone).is_some());
            }
            crowd.insert(key, prefix(of), rank);
            members.push((key, of, rank));
            let weight = |of: u32| members.iter().filter(|(_, other, _)| *other == of).count();
            let heaviest = (0..7).map(weight).max().unwrap();
            let expected = members.iter().filter(|(_, of, _)| weight(*of) == heaviest);
            let expected = expected.min_by_key(|&&(key, _, rank)| (rank, key)).map(|&(key, ..)| key);
            assert_eq!((crowd.least_claim(), crowd.heaviest()), (expected, heaviest));
            assert_eq!(crowd.len(), members.len());
        }
        for (key, ..) in members {
            crowd.remove(key);
        }
        assert!(crowd.places.is_empty() && crowd.by_prefix.is_empty() && crowd.by_weight.is_empty());
    }
}
