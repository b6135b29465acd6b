//! A full server that ends the connections that have been silent longest.

use super::network::*;
use crate::proto::longest_idle::LongestIdle;
use crate::proto::{CloseReason, ConnectionHandle, Limits};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

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

fn evicted(network: &Network) -> Vec<ConnectionHandle> {
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
    assert_eq!(network.server.endpoint.counters().ends.by_eviction, 2);
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

#[test]
fn it_is_always_the_one_that_has_been_silent_longest() {
    let start = base_time();
    let at = |second: u64| start + Duration::from_secs(second);
    let mut heard: BTreeMap<ConnectionHandle, Instant> =
        (0..1000).map(|number| (ConnectionHandle(number), at(u64::from(number) * 7 % 1000))).collect();
    let mut longest_idle = LongestIdle::default();
    let mut looks = 0;
    for round in 0..900 {
        // One is heard now, which may have been noted, and a new one comes.
        heard.insert(ConnectionHandle(round * 13 % 1000), at(1000 + u64::from(round)));
        heard.insert(ConnectionHandle(1000 + round), at(1000 + u64::from(round)));
        let expected = *heard.iter().min_by_key(|&(handle, at)| (*at, *handle)).unwrap().0;
        let next = longest_idle.next(
            |handle| heard.get(&handle).copied(),
            || {
                looks += 1;
                heard.iter().map(|(&handle, &at)| (at, handle)).collect()
            },
        );
        assert_eq!(next, Some(expected), "{round}");
        heard.remove(&expected);
    }
    assert!(looks < 12, "{looks}");
}
