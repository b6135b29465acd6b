//! Several nodes that serve one address: which datagrams belong to another one.

use super::network::*;
use super::roaming::ELSEWHERE;
use crate::proto::Endpoint;
use crate::tls::DropReason;
use std::collections::HashMap;
use std::net::SocketAddr;

/// Bytes of a record's header before its connection ID.
const BEFORE_ID: usize = 11;

/// A node that reaches these others on one UDP socket.
fn dealing(own: u8, others: &[u8]) -> Endpoint {
    let mut endpoint = Network::new(psk_server()).server.endpoint;
    endpoint.use_connection_ids(Some(8));
    endpoint.become_node(own);
    endpoint.deal_peers();
    endpoint.forward_to(others);
    endpoint
}

fn peer(number: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, (number >> 8) as u8], 1024 + number))
}

/// A ClientHello.
fn hello() -> Vec<u8> {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&[]));
    network.take_next().unwrap().2
}

#[test]
fn a_record_of_another_node_leaves_for_it_and_is_dropped_where_there_is_no_way() {
    let mut network = Network::new(psk_server());
    let server = &mut network.server.endpoint;
    server.use_connection_ids(Some(8));
    server.become_node(7);
    network.client_ids = Some(0);
    network.connect(&psk_client(&[]));
    network.settle();
    let own = network.seal(0, b"ours");
    assert_eq!(own[BEFORE_ID], 7);
    let mut other = own.clone();
    other[BEFORE_ID] = 9;
    let mut unprotected = other.clone();
    unprotected[4] = 0;
    let footprint = network.server.endpoint.footprint();
    let endpoint = &mut network.server.endpoint;
    assert_eq!(endpoint.node_of(ELSEWHERE, &other), None, "nobody forwards");
    endpoint.forward_to(&[0, 9, 255]);
    let counters = endpoint.counters();
    let (received, bytes) = (counters.datagrams_received, counters.bytes_received);
    for length in 0..other.len() {
        assert_eq!(endpoint.node_of(ELSEWHERE, &other[..length]), None);
    }
    for bytes in [&own, &unprotected] {
        assert_eq!(endpoint.node_of(ELSEWHERE, bytes), None);
    }
    assert_eq!(endpoint.node_of(ELSEWHERE, &other), Some(9));
    let counters = endpoint.counters();
    assert_eq!((counters.datagrams_forwarded, counters.datagrams_received), (1, received + 1));
    assert_eq!(counters.bytes_received, bytes + other.len() as u64);
    for node in [0, 255] {
        other[BEFORE_ID] = node;
        assert_eq!(endpoint.node_of(ELSEWHERE, &other), Some(node));
    }
    for node in [1, 8, 127, 128, 254] {
        other[BEFORE_ID] = node;
        assert_eq!(endpoint.node_of(ELSEWHERE, &other), None, "{node}");
    }
    // What has come through another node, or has no way, ends here, and asks nobody.
    network.inject(ELSEWHERE, SERVER, &other);
    let endpoint = &network.server.endpoint;
    assert_eq!(endpoint.counters().drops(DropReason::OtherNode), 1);
    assert_eq!(endpoint.footprint(), footprint);
    let home = network.clients[0].address;
    network.inject(home, SERVER, &own);
    assert_eq!(network.server.payloads(), [b"ours"]);
}

#[test]
fn nodes_on_one_socket_agree_to_whom_a_peer_belongs() {
    let hello = hello();
    let mut nodes: HashMap<u8, Endpoint> =
        [(0, [1, 200]), (1, [0, 200]), (200, [0, 1])].map(|(own, others)| (own, dealing(own, &others))).into();
    let mut counts = HashMap::new();
    for number in 0..900 {
        let homes = nodes.iter_mut().map(|(own, node)| node.node_of(peer(number), &hello).unwrap_or(*own));
        let homes: Vec<_> = homes.collect();
        assert!(homes.iter().all(|home| *home == homes[0]), "{number}: {homes:?}");
        *counts.entry(homes[0]).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 3);
    assert!(counts.values().all(|count| (200..400).contains(count)), "{counts:?}");
}

#[test]
fn a_node_that_goes_leaves_the_peers_of_the_others_where_they_were() {
    let hello = hello();
    let mut node = dealing(0, &[1, 2]);
    let before: Vec<_> = (0..300).map(|number| node.node_of(peer(number), &hello)).collect();
    node.forward_to(&[2]);
    for (number, home) in (0..300).zip(before) {
        let now = node.node_of(peer(number), &hello);
        assert!(home == Some(1) || now == home, "{number}: {home:?} {now:?}");
    }
}

#[test]
fn only_nodes_on_one_socket_deal_peers_and_what_is_no_record_goes_nowhere() {
    let hello = hello();
    let mut alone = dealing(0, &[]);
    let mut on_own_socket = Network::new(psk_server()).server.endpoint;
    on_own_socket.become_node(0);
    on_own_socket.forward_to(&[1, 2]);
    let mut node = dealing(0, &[1, 2]);
    for number in 0..50 {
        assert_eq!(alone.node_of(peer(number), &hello), None);
        assert_eq!(on_own_socket.node_of(peer(number), &hello), None);
        assert_eq!(node.node_of(peer(number), b"no record"), None);
    }
}
