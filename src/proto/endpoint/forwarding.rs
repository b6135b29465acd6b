//! Several nodes that serve one address. The first byte of a connection ID names its node, as Californium's does: whichever
//! node receives a record gives it to the one that can read it. A datagram takes one such hop at most.

use super::Endpoint;
use crate::wire::Records;

/// A set of nodes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Nodes([u128; 2]);

impl Nodes {
    fn is_empty(&self) -> bool {
        self.0 == [0; 2]
    }

    fn has(&self, node: u8) -> bool {
        self.0.get(usize::from(node >> 7)).is_some_and(|half| half >> (node & 127) & 1 == 1)
    }
}

impl FromIterator<u8> for Nodes {
    fn from_iter<I: IntoIterator<Item = u8>>(nodes: I) -> Nodes {
        let mut set = Nodes::default();
        for node in nodes {
            if let Some(half) = set.0.get_mut(usize::from(node >> 7)) {
                *half |= 1 << (node & 127);
            }
        }
        set
    }
}

impl Endpoint {
    /// Which of several nodes this is. Connection IDs need two bytes at least.
    pub(crate) fn become_node(&mut self, node: u8) {
        self.ids.set_node(node);
    }

    /// The nodes to which [`Endpoint::node_of`] may send datagrams from now on.
    pub(crate) fn forward_to(&mut self, nodes: &[u8]) {
        self.nodes = nodes.iter().copied().collect();
    }

    /// The other node that a datagram from the network belongs to, which then counts as received and forwarded. `None` for
    /// one that is to be handled here; so is one that nobody forwards, which leads to a drop.
    ///
    /// The first record decides: all records of a peer in one state have the same ID.
    pub(crate) fn node_of(&mut self, datagram: &[u8]) -> Option<u8> {
        if self.nodes.is_empty() {
            return None;
        }
        let record = Records::with_ids(datagram, self.ids.length()).next()?;
        let id = record.connection_id().filter(|_| record.may_be_protected())?;
        let node = self.ids.other_node(id).filter(|&node| self.nodes.has(node))?;
        self.counters.datagrams_received += 1;
        self.counters.bytes_received += datagram.len() as u64;
        self.counters.datagrams_forwarded += 1;
        Some(node)
    }

    /// The datagram that comes next has come through another node.
    pub(crate) fn note_injected(&mut self) {
        self.counters.datagrams_injected += 1;
    }
}
