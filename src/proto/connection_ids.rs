//! Connection IDs that we have given away (RFC 9146), and whose they are.

use super::id_supply::IdSupply;
use super::table::ConnectionHandle;
use crate::tls::fill_random;
use crate::wire::ConnectionId;
use rustc_hash::FxHashMap;
use std::hash::{BuildHasher, RandomState};

/// Tries to find an ID that nobody has. With one byte, and half of all taken, one in two hundred million looks in vain.
const TRIES: usize = 24;

/// What differs between any two of our IDs: their last eight bytes, or all where there are fewer. Two words rather than one
/// long one, so that a handle fits beside them without a gap.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Name([u32; 2]);

impl Name {
    fn of(id: &[u8]) -> Name {
        let last = match id.last_chunk::<8>() {
            Some(last) => u64::from_be_bytes(*last),
            None => id.iter().fold(0, |name, &byte| name << 8 | u64::from(byte)),
        };
        Name([(last >> 32) as u32, last as u32])
    }
}

/// IDs of one endpoint. All have one length: a record does not say how long its ID is.
#[derive(Default)]
pub(super) struct ConnectionIds {
    /// `None`: we neither give IDs away nor use those of others. 0: we use those of others.
    length: Option<u8>,
    /// The first byte of our IDs, where several nodes serve one address: others find us by it.
    node: Option<u8>,
    /// IDs that the application has made, where it makes them.
    supply: Option<IdSupply>,
    /// IDs are our own random numbers, or the application's: no peer can choose them so that they collide.
    owners: FxHashMap<Name, Owner>,
    /// Of peers: they choose who they are.
    hasher: RandomState,
}

#[derive(Clone, Copy)]
struct Owner {
    connection: ConnectionHandle,
    /// Tells peers with different credentials apart, as far as 31 bits can; 0 when it is not known who the peer is.
    peer: u32,
}

impl ConnectionIds {
    /// At most [`ConnectionId::LIMIT`] bytes; `None` for no IDs at all.
    pub(super) fn set_length(&mut self, length: Option<u8>) {
        self.length = length;
    }

    /// Which node of several we are; IDs have two bytes at least then.
    pub(super) fn set_node(&mut self, node: u8) {
        self.node = Some(node);
    }

    /// Which node of several we are, if there are several.
    pub(super) fn node(&self) -> Option<u8> {
        self.node
    }

    /// Has IDs come from [`ConnectionIds::supply`] alone. `low`: how many of them are few.
    pub(super) fn expect_supply(&mut self, low: usize) {
        self.supply = Some(IdSupply::new(low));
    }

    /// Takes IDs of the application's, which lie end to end. Answers how many of them nobody has, and those alone are used.
    pub(super) fn supply(&mut self, ids: &[u8]) -> usize {
        let Some(mut supply) = self.supply.take() else { return 0 };
        let of_length = ids.chunks_exact(self.length().max(1).into());
        let new = of_length.filter(|id| self.is_for_us(id) && self.is_free(id)).filter_map(ConnectionId::new);
        let taken = new.filter(|id| supply.add(*id, |other| Name::of(other) == Name::of(id.as_bytes()))).count();
        supply.is_asked_for = false;
        self.supply = Some(supply);
        taken
    }

    fn is_for_us(&self, id: &[u8]) -> bool {
        self.node.is_none_or(|node| id.first() == Some(&node))
    }

    /// Whether the application is to make IDs: since the last one was taken there are few.
    pub(super) fn wants_supply(&self) -> bool {
        self.supply.as_ref().is_some_and(|supply| supply.is_asked_for)
    }

    /// The node whose ID this is, if that is another one. An ID of ours may have come with its connection from there.
    pub(super) fn other_node(&self, id: &[u8]) -> Option<u8> {
        let (own, &named) = (self.node?, id.first()?);
        (named != own && self.is_free(id)).then_some(named)
    }

    /// Bytes of the ID in a record to us; 0 when there is none.
    pub(super) fn length(&self) -> u8 {
        self.length.unwrap_or(0)
    }

    /// An ID for a new connection, which nobody has, and, unless the application has made it, nobody can guess or link to another.
    /// `None` when there are to be no IDs, or hardly any is left.
    pub(super) fn generate(&mut self) -> Option<ConnectionId> {
        let length = self.length?;
        if length == 0 {
            return Some(ConnectionId::EMPTY);
        }
        let ConnectionIds { supply, owners, .. } = self;
        if let Some(supply) = supply {
            return supply.take(|id| !owners.contains_key(&Name::of(id.as_bytes())));
        }
        let mut bytes = [0; ConnectionId::LIMIT];
        let bytes = bytes.get_mut(..length.into())?;
        for _ in 0..TRIES {
            fill_random(bytes).ok()?;
            if let (Some(node), Some(first)) = (self.node, bytes.first_mut()) {
                *first = node;
            }
            if !self.owners.contains_key(&Name::of(bytes)) {
                return ConnectionId::new(bytes);
            }
        }
        None
    }

    /// Whose an ID is, at most; the connection knows all of its bytes.
    pub(super) fn owner(&self, id: &[u8]) -> Option<ConnectionHandle> {
        self.owners.get(&Name::of(id)).map(|owner| owner.connection)
    }

    pub(super) fn is_free(&self, id: &[u8]) -> bool {
        id.is_empty() || !self.owners.contains_key(&Name::of(id))
    }

    /// Gives a free ID to a connection.
    pub(super) fn give(&mut self, id: &[u8], connection: ConnectionHandle) {
        if !id.is_empty() {
            self.owners.insert(Name::of(id), Owner { connection, peer: 0 });
        }
    }

    /// Notes who the peer of a connection has proved to be, if it has.
    pub(super) fn know_peer(&mut self, id: &[u8], psk_identity: Option<&[u8]>, public_key: Option<&[u8]>) {
        let is_known = psk_identity.is_some() || public_key.is_some();
        let peer = self.hasher.hash_one((psk_identity, public_key)) as u32 | 1;
        if let Some(owner) = self.owners.get_mut(&Name::of(id)).filter(|_| is_known) {
            owner.peer = peer;
        }
    }

    /// Who the peer is; `None` when it is not known.
    pub(super) fn peer(&self, id: &[u8]) -> Option<u32> {
        self.owners.get(&Name::of(id)).map(|owner| owner.peer).filter(|&peer| peer != 0)
    }

    /// Takes an ID back from a connection that is gone.
    pub(super) fn take_back(&mut self, id: &[u8], connection: ConnectionHandle) {
        let name = Name::of(id);
        if self.owners.get(&name).is_some_and(|owner| owner.connection == connection) {
            self.owners.remove(&name);
        }
    }

    /// Takes back whatever a connection has. It looks at all, of which a client has one.
    pub(super) fn take_back_all(&mut self, connection: ConnectionHandle) {
        self.owners.retain(|_, owner| owner.connection != connection);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.owners.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_length(length: u8) -> ConnectionIds {
        let mut ids = ConnectionIds::default();
        ids.set_length(Some(length));
        ids
    }

    #[test]
    fn ids_that_differ_in_one_bit_have_different_names() {
        for length in [1, 7, 8, 12, 32] {
            let id = vec![0x5a; length];
            for bit in 8 * length.saturating_sub(8)..8 * length {
                let mut other = id.clone();
                other[bit / 8] ^= 1 << (bit % 8);
                assert!(Name::of(&id) != Name::of(&other), "bit {bit} of {length} bytes");
            }
        }
    }

    #[test]
    fn no_id_is_given_away_twice_and_all_can_be_used_again() {
        let mut ids = of_length(1);
        let mut given = Vec::new();
        for number in 1..=128 {
            let id = ids.generate().unwrap();
            assert!(!given.contains(&id));
            ids.give(id.as_bytes(), ConnectionHandle(number));
            given.push(id);
        }
        for (number, id) in (1..).zip(&given) {
            assert_eq!(ids.owner(id.as_bytes()), Some(ConnectionHandle(number)));
            ids.take_back(id.as_bytes(), ConnectionHandle(number + 1));
            assert!(!ids.is_free(id.as_bytes()), "somebody else's");
            ids.take_back(id.as_bytes(), ConnectionHandle(number));
        }
        assert_eq!(ids.len(), 0);
    }

    #[test]
    fn a_connection_goes_without_when_no_id_is_left() {
        let mut ids = of_length(1);
        for byte in 0..=255 {
            ids.give(&[byte], ConnectionHandle(1));
        }
        assert!(ids.generate().is_none());
        assert!(ConnectionIds::default().generate().is_none());
        let mut empty = of_length(0);
        empty.expect_supply(1);
        assert_eq!((empty.generate(), empty.wants_supply()), (Some(ConnectionId::EMPTY), false));
    }

    #[test]
    // Hardly any is left where two bytes are all, and more than half of them are given: a hundred of 256 are found for certain.
    fn ids_of_a_node_begin_with_it_and_none_is_given_away_twice() {
        for length in [2, 8, 9, ConnectionId::LIMIT as u8] {
            let mut ids = of_length(length);
            ids.set_node(7);
            for number in 1..=100 {
                let id = ids.generate().unwrap();
                assert_eq!(id.as_bytes()[0], 7);
                assert!(ids.is_free(id.as_bytes()));
                assert_eq!(ids.other_node(id.as_bytes()), None);
                ids.give(id.as_bytes(), ConnectionHandle(number));
            }
            assert_eq!(ids.len(), 100);
        }
    }

    #[test]
    fn an_id_of_another_node_is_ours_once_its_connection_is() {
        let mut ids = of_length(2);
        assert_eq!(ids.other_node(&[9, 1]), None, "there are no nodes");
        ids.set_node(7);
        assert_eq!(ids.other_node(&[9, 1]), Some(9));
        ids.give(&[9, 1], ConnectionHandle(1));
        assert_eq!(ids.other_node(&[9, 1]), None);
    }

    #[test]
    fn an_application_may_make_the_ids_and_none_is_used_twice() {
        let mut ids = of_length(2);
        ids.expect_supply(3);
        assert!(!ids.wants_supply(), "it has not begun");
        assert_eq!(ids.generate(), None);
        assert!(ids.wants_supply());
        ids.give(&[7, 1], ConnectionHandle(1));
        // Somebody has the first, the third is the second once more, and the last is cut short.
        assert_eq!(ids.supply(&[7, 1, 7, 2, 7, 2, 7, 3, 7, 4, 9]), 3);
        assert!(!ids.wants_supply());
        ids.give(&[7, 3], ConnectionHandle(2));
        assert_eq!(ids.generate().unwrap().as_bytes(), [7, 2]);
        assert!(ids.wants_supply(), "two are left");
        assert_eq!(ids.generate().unwrap().as_bytes(), [7, 4], "somebody has got the one between them");
        assert_eq!(ids.generate(), None);
        assert_eq!(ids.supply(&[]), 0);
        assert!(!ids.wants_supply(), "it is asked once for each that was needed");
    }

    #[test]
    fn ids_that_an_application_makes_for_a_node_begin_with_it() {
        let mut ids = of_length(2);
        ids.set_node(7);
        ids.expect_supply(1);
        assert_eq!(ids.supply(&[7, 1, 9, 1]), 1);
        assert_eq!(ids.generate().unwrap().as_bytes(), [7, 1]);
    }

    #[test]
    fn ids_have_the_length_that_was_asked_for_and_are_not_alike() {
        for length in 4..=ConnectionId::LIMIT as u8 {
            let mut ids = of_length(length);
            let [first, second] = [ids.generate().unwrap(), ids.generate().unwrap()];
            assert_eq!(first.as_bytes().len(), usize::from(length));
            assert_ne!(first, second);
        }
    }
}
