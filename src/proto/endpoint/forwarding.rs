//! Several nodes that serve one address. The first byte of a connection ID names its node, as Californium's does: whichever
//! node receives a record gives it to the one that can read it. A datagram takes one such hop at most.
//!
//! Nodes may even share one UDP socket, where the system cannot give each peer to one of several: then any of them gets any
//! datagram, and what names no connection goes to the node that its peer's address belongs to.

use super::Endpoint;
use crate::wire::Records;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;

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

    fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        (0..=u8::MAX).filter(|&node| self.has(node))
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

    /// Says that all nodes receive on one UDP socket.
    pub(crate) fn deal_peers(&mut self) {
        self.deals_peers = true;
    }

    /// The nodes to which [`Endpoint::node_of`] may send datagrams from now on.
    pub(crate) fn forward_to(&mut self, nodes: &[u8]) {
        self.nodes = nodes.iter().copied().collect();
    }

    /// The other node that a datagram from the network belongs to, which then counts as received and forwarded. `None` for
    /// one that is to be handled here; so is one that nobody forwards, which leads to a drop.
    ///
    /// The first record decides: all records of a peer in one state have the same ID.
    pub(crate) fn node_of(&mut self, remote: SocketAddr, datagram: &[u8]) -> Option<u8> {
        if self.nodes.is_empty() {
            return None;
        }
        let record = Records::with_ids(datagram, self.ids.length()).next()?;
        let node = match record.connection_id().filter(|_| record.may_be_protected()) {
            Some(id) => self.ids.other_node(id).filter(|&node| self.nodes.has(node))?,
            None => self.home_of(remote)?,
        };
        self.counters.datagrams_received += 1;
        self.counters.bytes_received += datagram.len() as u64;
        self.counters.datagrams_forwarded += 1;
        Some(node)
    }

    /// The other node that a peer belongs to, if its address decides: the one with the highest number by lot, so that no other
    /// node's peers are dealt anew when one comes or goes. All nodes draw the same lots.
    fn home_of(&self, remote: SocketAddr) -> Option<u8> {
        let own = self.ids.node().filter(|_| self.deals_peers)?;
        let nodes = self.nodes.iter().chain([own]);
        nodes.max_by_key(|&node| lot(node, remote)).filter(|&node| node != own)
    }

    /// The datagram that comes next has come through another node.
    pub(crate) fn note_injected(&mut self) {
        self.counters.datagrams_injected += 1;
    }
}

fn lot(node: u8, remote: SocketAddr) -> u64 {
    // Its keys are not random, unlike those of a hash map.
    let mut hasher = DefaultHasher::new();
    (node, remote.ip(), remote.port()).hash(&mut hasher);
    hasher.finish()
}
