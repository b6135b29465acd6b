//! What whoever drives an endpoint asks it and tells it: what is to be sent, what has happened, what waits.

use super::network::*;
use crate::proto::{CloseReason, ConnectionHandle, Endpoint, Event, Route};
use std::net::SocketAddr;

#[test]
fn what_is_to_be_sent_and_what_has_happened_can_be_looked_at_before_it_is_taken() {
    let mut client = Endpoint::client(limits(), 0);
    assert!(!client.has_transmit() && client.peek_transmit().is_none());
    let handle = client.connect(base_time(), SERVER, &psk_client(&[])).unwrap();
    assert!(client.has_transmit());
    let seen = client.peek_transmit().map(|transmit| transmit.datagram.to_vec());
    assert_eq!(client.poll_transmit().map(|transmit| transmit.datagram.to_vec()), seen);
    assert!(seen.is_some() && !client.has_transmit());
    assert!(!client.has_event() && client.peek_event().is_none());
    client.abort(handle);
    let is_end = |event: Option<&Event>| matches!(event, Some(Event::Closed { reason: CloseReason::Local, .. }));
    assert!(client.has_event() && is_end(client.peek_event()) && is_end(client.poll_event().as_ref()));
    assert!(!client.has_event());
}

#[test]
fn datagrams_that_go_another_way_leave_those_that_do_not_in_their_order() {
    let mut endpoint = Endpoint::client(limits(), 0);
    let peer = |number: u8| SocketAddr::from(([198, 51, 100, number], 5684));
    let routes = [1, 2, 1, 3].map(|number| Route { remote: peer(number), local: None });
    routes.into_iter().zip(0..).for_each(|(route, number)| endpoint.put_back(route, vec![number]));
    let mut taken = Vec::new();
    endpoint.divert_transmits(|transmit| {
        let takes = transmit.route.remote == peer(1);
        taken.extend(takes.then(|| transmit.datagram.to_vec()));
        takes
    });
    assert_eq!(taken, [[0], [2]]);
    let left = std::iter::from_fn(|| endpoint.poll_transmit()).map(|transmit| transmit.datagram.to_vec());
    assert_eq!(left.collect::<Vec<_>>(), [[1], [3]]);
}

#[test]
fn no_payload_overtakes_events_that_nobody_has_seen() {
    let mut network = Network::connected();
    let from = network.clients[0].address;
    for are_unseen in [true, false] {
        let record = network.seal(0, b"payload");
        let endpoint = &mut network.server.endpoint;
        endpoint.note_unseen_events(are_unseen);
        assert_eq!(endpoint.handle_datagram(network.now, from, &record).is_none(), are_unseen);
        assert_eq!(endpoint.has_waiting_payload(), are_unseen);
        assert_eq!(matches!(endpoint.poll_event(), Some(Event::Data { .. })), are_unseen);
    }
}

#[test]
fn what_has_come_through_another_node_is_counted() {
    let mut endpoint = Endpoint::client(limits(), 0);
    endpoint.note_injected();
    endpoint.note_injected();
    assert_eq!((endpoint.counters().datagrams_injected, endpoint.counters().datagrams_received), (2, 0));
}

#[test]
fn an_application_that_makes_connection_ids_is_asked_for_them_in_time() {
    let mut network = Network::new(psk_server());
    let server = &mut network.server.endpoint;
    assert_eq!(server.supply_connection_ids(&[1, 2]), 0, "it makes its own");
    server.use_connection_ids(Some(2));
    server.expect_connection_ids(2);
    assert!(!server.wants_connection_ids());
    assert_eq!(server.supply_connection_ids(&[1, 1, 2, 2, 1, 1]), 2);
    network.client_ids = Some(0);
    network.connect(&psk_client(&[]));
    network.settle();
    let server = &network.server.endpoint;
    let handle = network.server.secured()[0];
    assert_eq!(server.connection_ids(handle).map(|ids| ids.own().to_vec()), Some(vec![1, 1]));
    assert!(server.wants_connection_ids());
}

#[test]
fn how_long_a_payload_may_be_is_known_once_the_handshake_is_over() {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&[]));
    let handle = ConnectionHandle(1);
    assert_eq!(network.clients[0].endpoint.payload_limit(handle), None);
    network.settle();
    assert_eq!(network.clients[0].endpoint.payload_limit(handle), Some(16_384));
    assert_eq!(network.clients[0].endpoint.payload_limit(ConnectionHandle(2)), None);
}
