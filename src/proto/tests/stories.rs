//! What holds of every network, whatever has happened on it.

use super::network::Network;
use crate::proto::Event;
use std::collections::HashSet;

/// Every connection ends once at most, and no event of it comes before it exists or after its end.
pub(super) fn check_stories(network: &Network) {
    let mut open = HashSet::new();
    let mut closed = HashSet::new();
    for event in &network.server.log {
        match event {
            Event::Connection { connection, .. } => assert!(open.insert(*connection)),
            Event::Secure { connection, .. } => assert!(open.contains(connection)),
            Event::Closed { connection, .. } => {
                assert!(open.remove(connection), "closed without having been there");
                assert!(closed.insert(*connection), "closed twice");
            }
            _ => {}
        }
    }
    assert_eq!(open.len(), network.server.endpoint.connection_count());
    for client in &network.clients {
        assert!(client.closes().count() <= 1);
    }
}

/// Some time after everything, no handshake and no question is left.
pub(super) fn check_ends(network: &Network) {
    let endpoints = network.clients.iter().chain([&network.server]).map(|peer| &peer.endpoint);
    assert!(endpoints.clone().all(|endpoint| endpoint.handshake_count() == 0), "a handshake that never ends");
    assert!(endpoints.clone().all(|endpoint| endpoint.question_count() == 0), "a question that never ends");
}
