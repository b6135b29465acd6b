//! Data and goodbyes on an established connection.

use super::network::*;
use crate::proto::{CloseReason, ConnectionHandle, Event, SendError};

#[test]
fn one_payload_is_one_message_up_to_the_record_limit() {
    let mut network = Network::connected();
    let handle = network.client_handle(0);
    for length in [0, 1, 0, 0, 0, 0, 64, 1_200, 1_500, 16_384] {
        network.send_from_client(0, &vec![42; length]);
        network.settle();
        assert_eq!(network.server.received.last().unwrap().1.len(), length);
    }
    let now = network.now;
    let refused = network.clients[0].endpoint.send(now, handle, &[0; 16_385]);
    assert!(matches!(refused, Err(SendError::TooLarge { length: 16_385, limit: 16_384 })));
    // A refused payload costs the connection nothing.
    network.send_from_client(0, b"next");
    network.settle();
    assert_eq!(network.server.received.last().unwrap().1, b"next");
}

#[test]
fn several_records_in_one_datagram_are_several_messages_in_order() {
    let mut network = Network::connected();
    let handle = network.client_handle(0);
    let now = network.now;
    let client = &mut network.clients[0];
    let mut datagram = Vec::new();
    for payload in [b"one", b"two", b"six"] {
        datagram.extend_from_slice(client.endpoint.send(now, handle, payload).unwrap().datagram);
    }
    let from = client.address;
    network.inject(from, SERVER, &datagram);
    let mut payloads = network.server.payloads();
    // The last is lent out directly only when nothing waits before it: here, two messages wait.
    payloads.sort();
    assert_eq!(payloads, [b"one", b"six", b"two"]);
    assert_eq!(network.server.payloads(), [b"one", b"two", b"six"]);
}

#[test]
fn a_payload_is_lent_without_an_event_unless_another_waits_before_it() {
    let mut network = Network::connected();
    let (from, handle) = (network.clients[0].address, network.server.secured()[0]);
    let [one, two] = [b"one", b"two"].map(|payload| network.seal(0, payload));
    let endpoint = &mut network.server.endpoint;
    let received = endpoint.handle_datagram(network.now, from, &one).unwrap();
    assert_eq!((received.connection, received.payload), (handle, &b"one"[..]));
    assert!(endpoint.poll_event().is_none());
    let three = network.seal(0, b"three");
    let endpoint = &mut network.server.endpoint;
    // The first of two in one datagram waits.
    assert!(!endpoint.has_waiting_payload());
    assert!(endpoint.handle_datagram(network.now, from, &[two, three].concat()).is_none());
    assert!(endpoint.has_waiting_payload());
    let Some(Event::Data { payload, .. }) = endpoint.poll_event() else { panic!() };
    assert!(payload == b"two" && endpoint.has_waiting_payload());
    network.collect();
    assert!(!network.server.endpoint.has_waiting_payload());
    assert_eq!(network.server.payloads(), [b"three"]);
    // All are counted, whichever way they came.
    assert_eq!(network.server.endpoint.counters().messages_received, 3);
    let tally = network.server.endpoint.tally(handle).unwrap();
    assert_eq!((tally.messages_received, tally.bytes_received), (3, 11));
}

#[test]
fn close_is_heard_and_answered_and_ends_both_sides_once() {
    let mut network = Network::connected();
    let handle = network.client_handle(0);
    let now = network.now;
    network.clients[0].endpoint.close(now, handle);
    network.clients[0].endpoint.close(now, handle);
    network.settle();
    assert!(matches!(network.clients[0].closes().collect::<Vec<_>>()[..], [(_, CloseReason::Local)]));
    assert!(matches!(network.server.closes().collect::<Vec<_>>()[..], [(_, CloseReason::Peer)]));
    assert_eq!(network.server.endpoint.footprint(), 0);
    assert!(matches!(
        network.server.endpoint.send(now, network.server.secured()[0], b"too late"),
        Err(SendError::NotConnected)
    ));
}

#[test]
fn a_client_that_gives_up_its_handshake_says_so() {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&[]));
    while network.server.endpoint.handshake_count() == 0 {
        network.step();
    }
    let now = network.now;
    network.clients[0].endpoint.close(now, ConnectionHandle(1));
    network.settle();
    assert_eq!(network.server.error_kinds(), [ErrorKind::ClosedDuringHandshake]);
    assert_eq!(network.server.endpoint.footprint(), 0);
}

#[test]
fn a_goodbye_during_a_look_up_is_heard_after_it() {
    let mut network = Network::new(psk_server());
    network.answers_at_once = false;
    network.connect(&psk_client(&[]));
    network.settle();
    let (lookup, _) = network.open_lookups.remove(0);
    let now = network.now;
    network.clients[0].endpoint.close(now, ConnectionHandle(1));
    network.settle();
    assert!(network.server.closes().next().is_none());
    network.answer(lookup, Some(KEY));
    // The client had sent its Finished before: the handshake ends, and so does the connection.
    assert_eq!(network.server.secured().len(), 1);
    assert!(matches!(network.server.closes().collect::<Vec<_>>()[..], [(_, CloseReason::Peer)]));
}

#[test]
fn what_was_sent_to_one_peer_is_not_sent_again_to_another() {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&[]));
    network.connect(&psk_client(&[]));
    network.settle();
    let (first, second) = (network.server.secured()[0], network.server.secured()[1]);
    let sealed = network.server.endpoint.send(network.now, first, b"for the first alone").unwrap().datagram.to_vec();
    network.server.endpoint.close(network.now, second);
    network.settle();
    assert!(network.wire.iter().all(|(.., datagram)| *datagram != sealed));
}

#[test]
fn abort_says_nothing() {
    let mut network = Network::connected();
    let sent = network.wire.len();
    let handle = network.server.secured()[0];
    network.server.endpoint.abort(handle);
    network.settle();
    assert_eq!(network.wire.len(), sent);
    assert_eq!(network.server.closes().count(), 1);
}
