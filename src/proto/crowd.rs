//! Who shares a limited number of places, by prefix, and who has the least claim to one.

use super::address_hash::AddressMap;
use super::heap::Heap;
use super::prefix::Prefix;
use super::slab::Slab;
use std::cmp::Reverse;

/// Members by prefix. In each prefix the member of the lowest rank has the least claim; among prefixes, the heaviest has.
/// Every operation takes logarithmic time at most. Whoever comes last, with the highest rank, takes hardly any.
pub(super) struct Crowd<Key, Rank> {
    members: Slab<Member<Key, Rank>>,
    groups: Slab<Group<Key, Rank>>,
    by_prefix: AddressMap<Prefix, usize>,
    /// Groups, the heaviest first; of those that weigh the same, the one with the lowest rank.
    by_weight: Heap<Weight<Key, Rank>>,
}

/// Names a member as long as it is there.
#[derive(Clone, Copy)]
pub(super) struct Place(usize);

struct Member<Key, Rank> {
    key: Key,
    rank: Rank,
    group: usize,
    /// Where it stands in its group.
    at: usize,
}

/// Members of one prefix.
struct Group<Key, Rank> {
    prefix: Prefix,
    members: Heap<(Rank, Key)>,
    /// Where it stands among groups.
    at: usize,
}

/// A group's number of members, and its member with the lowest rank.
type Weight<Key, Rank> = (Reverse<usize>, Rank, Key);

impl<Key: Copy + Ord, Rank: Copy + Ord> Crowd<Key, Rank> {
    pub(super) fn new() -> Crowd<Key, Rank> {
        Crowd { members: Slab::new(), groups: Slab::new(), by_prefix: AddressMap::default(), by_weight: Heap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// Members with this prefix.
    pub(super) fn count(&self, prefix: Prefix) -> usize {
        self.group_of(prefix).map_or(0, |group| group.members.len())
    }

    /// The place is used up when it is given to [`Crowd::remove`].
    pub(super) fn insert(&mut self, key: Key, prefix: Prefix, rank: Rank) -> Place {
        let group = *self.by_prefix.entry(prefix).or_insert_with(|| {
            let group = self.groups.put(Group { prefix, members: Heap::new(), at: 0 });
            // It has no weight yet, whatever the rank: it is weighed below.
            self.by_weight.push((Reverse(0), rank, key), group, move_group(&mut self.groups));
            group
        });
        let member = self.members.put(Member { key, rank, group, at: 0 });
        self.change(group, |members, moved| members.push((rank, key), member, moved));
        Place(member)
    }

    pub(super) fn remove(&mut self, place: Place) {
        if let Some(Member { group, at, .. }) = self.members.take(place.0) {
            self.change(group, |members, moved| members.remove(at, moved));
        }
    }

    pub(super) fn rank(&self, place: Place) -> Option<Rank> {
        self.members.get(place.0).map(|member| member.rank)
    }

    /// Gives a member another rank.
    pub(super) fn promote(&mut self, place: Place, rank: Rank) {
        if let Some(member) = self.members.get_mut(place.0) {
            member.rank = rank;
            let &mut Member { key, group, at, .. } = member;
            self.change(group, |members, moved| members.change(at, (rank, key), moved));
        }
    }

    /// Members of the heaviest prefix.
    pub(super) fn heaviest(&self) -> usize {
        self.by_weight.first().map_or(0, |((Reverse(weight), ..), _)| weight)
    }

    /// Who has the least claim of all.
    pub(super) fn least_claim(&self) -> Option<Key> {
        self.by_weight.first().map(|((.., key), _)| key)
    }

    /// Who has the least claim of those with this prefix.
    pub(super) fn least_claim_in(&self, prefix: Prefix) -> Option<Key> {
        self.group_of(prefix)?.members.first().map(|((_, key), _)| key)
    }

    fn group_of(&self, prefix: Prefix) -> Option<&Group<Key, Rank>> {
        // Nobody is there, as a rule: then nothing is hashed.
        let groups = Some(&self.by_prefix).filter(|groups| !groups.is_empty())?;
        self.groups.get(*groups.get(&prefix)?)
    }

    /// Changes a group's members, and weighs it anew.
    fn change(&mut self, group: usize, act: impl FnOnce(&mut Heap<(Rank, Key)>, &mut dyn FnMut(usize, usize))) {
        let Crowd { members, groups, by_weight, by_prefix } = self;
        let Some(changed) = groups.get_mut(group) else { return };
        act(&mut changed.members, &mut |member, at| {
            if let Some(member) = members.get_mut(member) {
                member.at = at;
            }
        });
        let &mut Group { at, prefix, .. } = changed;
        match changed.members.first() {
            Some(((rank, key), _)) => {
                let weight = (Reverse(changed.members.len()), rank, key);
                by_weight.change(at, weight, move_group(groups));
            }
            None => {
                by_weight.remove(at, move_group(groups));
                by_prefix.remove(&prefix);
                groups.take(group);
            }
        }
    }
}

/// Notes where a group stands now.
fn move_group<Key, Rank>(groups: &mut Slab<Group<Key, Rank>>) -> impl FnMut(usize, usize) {
    |group, at| {
        if let Some(group) = groups.get_mut(group) {
            group.at = at;
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

    fn crowd(members: &[(u32, u32, u32)]) -> (Crowd<u32, u32>, Vec<Place>) {
        let mut crowd = Crowd::new();
        let places = members.iter().map(|&(key, of, rank)| crowd.insert(key, prefix(of), rank)).collect();
        (crowd, places)
    }

    #[test]
    fn the_lowest_of_the_heaviest_prefix_gives_way() {
        let (crowd, _) = crowd(&[(1, 10, 0), (2, 20, 7), (3, 20, 5), (4, 20, 9)]);
        assert_eq!((crowd.least_claim(), crowd.heaviest()), (Some(3), 3));
        assert_eq!(crowd.least_claim_in(prefix(10)), Some(1));
        assert_eq!(crowd.least_claim_in(prefix(30)), None);
    }

    #[test]
    fn of_prefixes_that_weigh_the_same_the_one_with_the_lowest_gives_way() {
        let (crowd, _) = crowd(&[(1, 10, 4), (2, 20, 3), (3, 30, 5)]);
        assert_eq!(crowd.least_claim(), Some(2));
    }

    #[test]
    fn a_promoted_member_has_more_claim_than_before() {
        let (mut crowd, places) = crowd(&[(1, 10, 0), (2, 10, 1)]);
        crowd.promote(places[0], 2);
        assert_eq!((crowd.rank(places[0]), crowd.least_claim()), (Some(2), Some(2)));
    }

    #[test]
    fn whoever_comes_and_goes_the_answer_is_that_of_a_search_and_nothing_is_left_behind() {
        let mut crowd = Crowd::new();
        let mut members: Vec<(u32, u32, u32, Place)> = Vec::new();
        let mut dice = 0x2545_f491_4f6c_dd1d_u64;
        for key in 0..4_000_u32 {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            let (of, rank) = ((dice % 7) as u32, (dice >> 32) as u32 % 1_000);
            if members.len() > 50 {
                let (.., place) = members.swap_remove((dice >> 8) as usize % members.len());
                crowd.remove(place);
                let at = (dice >> 16) as usize % members.len();
                members[at].2 = (dice >> 48) as u32 % 1_000;
                crowd.promote(members[at].3, members[at].2);
            }
            let place = crowd.insert(key, prefix(of), rank);
            members.push((key, of, rank, place));
            let in_group = |of: u32| members.iter().filter(move |(_, other, ..)| *other == of);
            let heaviest = (0..7).map(|of| in_group(of).count()).max().unwrap();
            let least = |members: Vec<&(u32, u32, u32, Place)>| {
                members.into_iter().min_by_key(|(key, _, rank, _)| (*rank, *key)).map(|&(key, ..)| key)
            };
            let of_heaviest = members.iter().filter(|(_, of, ..)| in_group(*of).count() == heaviest).collect();
            assert_eq!((crowd.least_claim(), crowd.heaviest()), (least(of_heaviest), heaviest));
            assert_eq!(crowd.least_claim_in(prefix(of)), least(in_group(of).collect()));
            assert_eq!(crowd.count(prefix(of)), in_group(of).count());
            assert_eq!(crowd.len(), members.len());
        }
        for (.., place) in members {
            crowd.remove(place);
        }
        assert_eq!((crowd.least_claim(), crowd.heaviest()), (None, 0));
        assert!(crowd.by_prefix.is_empty() && crowd.members.len() + crowd.groups.len() + crowd.by_weight.len() == 0);
    }
}
