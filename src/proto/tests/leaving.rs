//! Connections that leave one process for another.

use super::network::*;
use super::roaming::{ONE_CONNECTION, UNIX_TIME};
use crate::proto::{ConnectionHandle, SavedConnection, SendError, Traveller};
use std::collections::HashSet;

/// What a server has sent to a device, as explicit halves of nonces.
fn nonces(network: &Network) -> Vec<Vec<u8>> {
    let ours = network.wire.iter().filter(|(from, ..)| *from == SERVER).map(|(.., datagram)| datagram);
    ours.filter(|datagram| datagram[0] == 23).map(|datagram| datagram[13..21].to_vec()).collect()
}

fn take_out(network: &mut Network, handle: ConnectionHandle) -> Traveller {
    network.server.endpoint.take_out(handle).unwrap()
}

/// A new process takes in what an old one has written.
fn take_in(network: &mut Network, traveller: &Traveller) -> ConnectionHandle {
    network.restart_server(psk_server());
    let mut bytes = Vec::new();
    traveller.saved.write_to(&mut bytes);
    let saved = SavedConnection::read(&bytes).unwrap();
    let restoration = Restoration { saved: &saved, clock: clock(UNIX_TIME) };
    network.server.endpoint.restore(network.now, traveller.remote, restoration).unwrap()
}

#[test]
fn a_connection_that_has_left_leaves_nothing_behind_and_has_not_been_closed() {
    let mut network = Network::connected();
    let handle = network.server.secured()[0];
    let traveller = take_out(&mut network, handle);
    assert_eq!(traveller.remote, network.clients[0].address);
    network.collect();
    assert_eq!(network.server.endpoint.footprint(), 0);
    assert_eq!(network.server.closes().count(), 0);
    assert!(network.server.endpoint.take_out(handle).is_none());
    assert!(matches!(network.server.endpoint.send(network.now, handle, b"late"), Err(SendError::NotConnected)));
    network.send_from_client(0, b"for the next one");
    network.settle();
    assert_eq!(network.server.payloads(), [] as [&[u8]; 0]);
}

#[test]
fn it_goes_on_elsewhere_asleep_and_takes_no_record_twice() {
    for suite in ["PSK-AES128-CCM8", "PSK-AES256-GCM-SHA384", "PSK-AES128-CBC-SHA256"] {
        let mut network = Network::new(psk_server());
        network.connect(&psk_client(&[suite]));
        network.settle();
        let (device, handle) = (network.clients[0].address, network.server.secured()[0]);
        network.send_from_client(0, b"before");
        network.settle();
        let recorded = network.wire.last().unwrap().2.clone();
        let traveller = take_out(&mut network, handle);
        let handle = take_in(&mut network, &traveller);
        assert_eq!(network.server.endpoint.sleepers(), 1);
        assert_eq!(network.server.endpoint.payload_limit(handle), Some(16_384));
        network.inject(device, SERVER, &recorded);
        network.send_from_client(0, b"after");
        network.settle();
        assert_eq!(network.server.payloads(), [b"after"], "{suite}");
        network.send_from_server(handle, device, b"welcome back");
        network.settle();
        assert_eq!(network.clients[0].payloads(), [b"welcome back"]);
        assert_eq!(network.server.endpoint.footprint(), ONE_CONNECTION);
    }
}

#[test]
fn connections_with_ids_go_on_elsewhere_although_their_peers_had_one_address() {
    let mut network = Network::new(psk_server());
    network.server.endpoint.use_connection_ids(Some(8));
    network.client_ids = Some(0);
    network.keys.insert(b"neighbour".to_vec(), b"another key of 16".to_vec());
    network.connect(&psk_client(&[]));
    network.settle();
    // A NAT has given its address to somebody else.
    let home = network.clients[0].address;
    network.connect_from(home, &psk_client_with(&[], b"neighbour", b"another key of 16"));
    network.settle();
    let travellers: Vec<_> =
        network.server.secured().into_iter().map(|handle| take_out(&mut network, handle)).collect();
    assert!(travellers.iter().all(|traveller| traveller.remote == home));
    network.restart_server(psk_server());
    network.server.endpoint.use_connection_ids(Some(8));
    for Traveller { saved, .. } in &travellers {
        let restoration = Restoration { saved, clock: clock(UNIX_TIME) };
        assert!(network.server.endpoint.restore(network.now, home, restoration).is_some());
    }
    for (client, payload) in [(0, b"first"), (1, b"other")] {
        network.send_from_client(client, payload);
        network.settle();
        assert_eq!(network.server.payloads().last().unwrap(), payload);
    }
}

#[test]
fn however_often_it_is_taken_in_no_nonce_repeats_on_the_wire() {
    let mut network = Network::connected();
    let (device, handle) = (network.clients[0].address, network.server.secured()[0]);
    network.send_from_server(handle, device, b"first life");
    let traveller = take_out(&mut network, handle);
    for _ in 0..100 {
        let handle = take_in(&mut network, &traveller);
        network.send_from_server(handle, device, b"one");
        network.send_from_server(handle, device, b"two");
    }
    let nonces = nonces(&network);
    assert_eq!(nonces.len(), 201);
    assert_eq!(nonces.iter().collect::<HashSet<_>>().len(), nonces.len());
}

#[test]
fn the_other_sides_connection_does_not_go_on() {
    let mut network = Network::connected();
    let handle = network.server.secured()[0];
    let of_server = take_out(&mut network, handle);
    let handle = network.client_handle(0);
    let of_client = network.clients[0].endpoint.take_out(handle).unwrap();
    network.restart_server(psk_server());
    let now = network.now;
    let restoration = |saved| Restoration { saved, clock: clock(UNIX_TIME) };
    let device = of_server.remote;
    assert!(network.server.endpoint.restore(now, device, restoration(&of_client.saved)).is_none());
    let config = psk_client(&[]);
    let client = &mut network.clients[0].endpoint;
    let refused = client.go_on(now, SERVER, &config, restoration(&of_server.saved));
    assert_eq!(refused.unwrap_err().to_string(), "it is the other side of the connection");
    assert!(client.go_on(now, SERVER, &config, restoration(&of_client.saved)).is_ok());
    assert!(network.server.endpoint.restore(now, device, restoration(&of_server.saved)).is_some());
}

#[test]
fn what_cannot_go_on_elsewhere_stays() {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&["PSK-CHACHA20-POLY1305"]));
    network.settle();
    let handle = network.server.secured()[0];
    assert!(network.server.endpoint.take_out(handle).is_none());
    network.send_from_client(0, b"still here");
    network.settle();
    assert_eq!(network.server.payloads(), [b"still here"]);

    network.answers_at_once = false;
    network.connect(&psk_client(&[]));
    network.settle();
    assert_eq!(network.server.endpoint.handshake_count(), 1);
    for handle in 1..4 {
        assert!(network.server.endpoint.take_out(ConnectionHandle(handle)).is_none());
    }
}

#[test]
fn a_client_goes_on_elsewhere() {
    let mut network = Network::connected();
    let handle = network.client_handle(0);
    let Traveller { remote, saved } = network.clients[0].endpoint.take_out(handle).unwrap();
    assert_eq!(remote, SERVER);
    assert_eq!(network.clients[0].endpoint.footprint(), 0);
    let now = network.now;
    let restoration = Restoration { saved: &saved, clock: clock(UNIX_TIME) };
    let handle = network.clients[0].endpoint.go_on(now, remote, &psk_client(&[]), restoration).unwrap();
    let datagram = network.clients[0].endpoint.send(now, handle, b"from elsewhere").unwrap().datagram.to_vec();
    let device = network.clients[0].address;
    network.inject(device, SERVER, &datagram);
    network.settle();
    assert_eq!(network.server.payloads(), [b"from elsewhere"]);
    let server = network.server.secured()[0];
    network.send_from_server(server, device, b"heard");
    network.settle();
    assert_eq!(network.clients[0].payloads(), [b"heard"]);
}

#[test]
fn a_copy_is_proved_by_what_its_peer_has_sent_and_by_nothing_else() {
    let mut network = Network::connected();
    let (device, handle) = (network.clients[0].address, network.server.secured()[0]);
    let old = network.seal(0, b"old");
    network.inject(device, SERVER, &old);
    let Ok((Traveller { saved, .. }, None)) = network.server.endpoint.copy_for_store(handle) else {
        panic!("any number of copies can go on")
    };
    let restoration = Restoration { saved: &saved, clock: clock(UNIX_TIME) };
    let mut forged = network.seal(0, b"new");
    let new = forged.clone();
    *forged.last_mut().unwrap() ^= 1;
    for (record, proves) in [(old, false), (forged, false), (new, true)] {
        network.restart_server(psk_server());
        network.server.endpoint.ask(asks_about_addresses(true, false));
        network.restore_questions.clear();
        network.inject(device, SERVER, &record);
        let (question, _) = network.restore_questions[0];
        let before = network.server.endpoint.footprint();
        // It can be asked again and again: nothing changes.
        for _ in 0..2 {
            assert_eq!(network.server.endpoint.proves(network.now, question, restoration), proves);
        }
        assert_eq!(network.server.endpoint.footprint(), before);
        let restored = reply_with_saved(&mut network.server.endpoint, network.now, UNIX_TIME, question, Some(&saved));
        assert_eq!(restored.is_some(), proves);
        assert!(!network.server.endpoint.proves(network.now, question, restoration), "the question is closed");
    }
    let (now, question) = (network.now, network.restore_questions[0].0);
    assert!(!network.clients[0].endpoint.proves(now, question, restoration), "a client restores nobody");
}

#[test]
fn a_copy_of_a_clients_side_is_proved_by_nothing() {
    let mut network = Network::connected();
    let (device, handle) = (network.clients[0].address, network.client_handle(0));
    let saved = network.clients[0].endpoint.save(handle).unwrap();
    network.restart_server(psk_server());
    network.server.endpoint.ask(asks_about_addresses(true, false));
    network.send_from_client(0, b"for the server");
    network.settle();
    let (question, remote) = network.restore_questions[0];
    assert_eq!(remote, device);
    let restoration = Restoration { saved: &saved, clock: clock(UNIX_TIME) };
    assert!(!network.server.endpoint.proves(network.now, question, restoration));
}

#[test]
fn a_connection_whose_peer_says_goodbye_while_the_application_is_asked_does_not_go_on() {
    let mut network = Network::connected();
    let (handle, saved) = (network.client_handle(0), super::roaming::saved(&network));
    network.restart_server(psk_server());
    network.server.endpoint.ask(asks_about_addresses(true, false));
    network.send_from_client(0, b"one more, and goodbye");
    network.settle();
    network.clients[0].endpoint.close(network.now, handle);
    network.settle();
    let (question, _) = network.restore_questions.remove(0);
    let restored = reply_with_saved(&mut network.server.endpoint, network.now, UNIX_TIME, question, Some(&saved));
    network.settle();
    assert_eq!((restored, network.server.endpoint.footprint()), (None, 0));
    assert!(network.server.payloads().is_empty());
}
