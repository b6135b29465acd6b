//! A full server that ends the connections that have been silent longest.

use super::network::*;
use crate::proto::{CloseReason, Limits};
use std::time::Duration;

fn full(connections: usize) -> Network {
    let mut network = Network::with_limits(psk_server(), Limits { connections, evicts_idle: true, ..limits() });
    for _ in 0..connections {
        network.connect(&psk_client(&[]));
        network.settle();
        network.run_for(Duration::from_secs(1));
    }
    assert_eq!(network.server.endpoint.connection_count(), connections);
    network
}

fn evicted(network: &Network) -> Vec<crate::proto::ConnectionHandle> {
    let closes = network.server.closes();
    closes.filter(|(_, reason)| matches!(reason, CloseReason::Evicted)).map(|(handle, _)| handle).collect()
}

#[test]
fn whoever_has_been_silent_longest_gives_way_to_whoever_has_authenticated_itself() {
    let mut network = full(4);
    let before = network.server.secured();
    // The first one speaks.
    network.send_from_client(0, b"here");
    network.settle();
    for expected in [&before[1..2], &before[1..3]] {
        network.connect(&psk_client(&[]));
        network.settle();
        assert_eq!(evicted(&network), expected);
        assert_eq!(network.server.endpoint.connection_count(), 4);
    }
    assert_eq!(network.server.endpoint.counters().connections_evicted, 2);
    // They were told.
    let closes = |index: usize| network.clients[index].closes().count();
    assert_eq!([closes(0), closes(1), closes(2), closes(3)], [0, 1, 1, 0]);
}

#[test]
fn nobody_gives_way_to_whoever_has_not_authenticated_itself() {
    let mut network = full(4);
    for _ in 0..10 {
        network.connect(&psk_client_with(&[], IDENTITY, b"not the key at all"));
        network.settle();
    }
    assert_eq!(network.server.error_kinds(), vec![ErrorKind::WrongPsk; 10]);
    assert_eq!(evicted(&network), []);
    assert_eq!(network.server.endpoint.connection_count(), 4);
}

#[test]
fn without_evictions_a_full_server_has_no_room() {
    let mut network = Network::with_limits(psk_server(), Limits { connections: 1, ..limits() });
    for _ in 0..2 {
        network.connect(&psk_client(&[]));
        network.run_for(Duration::from_secs(2));
    }
    assert_eq!(network.server.secured().len(), 1);
}
