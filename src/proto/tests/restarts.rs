//! Clients that start anew from the same address and port (RFC 6347 section 4.2.8).

use super::network::*;
use crate::proto::CloseReason;
use std::time::Duration;

#[test]
fn a_restarted_client_replaces_its_old_association_once_it_has_proved_itself() {
    let mut network = Network::connected();
    let address = network.clients[0].address;
    let old = network.server.secured()[0];
    network.connect_from(address, &psk_client(&[]));
    network.settle();
    let secured = network.server.secured();
    assert_eq!(secured.len(), 2);
    let closes: Vec<_> = network.server.closes().map(|(handle, reason)| (handle, format!("{reason:?}"))).collect();
    assert_eq!(closes, [(old, "Replaced".to_owned())]);
    assert_eq!(network.server.endpoint.connection_count(), 1);
    network.send_from_client(1, b"again");
    network.settle();
    assert_eq!(network.server.received.last().unwrap(), &(secured[1], b"again".to_vec()));
}

#[test]
fn an_association_outlives_a_handshake_that_fails() {
    let mut network = Network::connected();
    let address = network.clients[0].address;
    // An impostor at the same address, without the key.
    network.connect_from(address, &psk_client_with(&[], IDENTITY, b"not the key at all"));
    network.settle();
    network.clients.truncate(1);
    network.send_from_client(0, b"still here");
    network.settle();
    assert_eq!(network.server.payloads(), [b"still here"]);
    assert_eq!(network.server.error_kinds(), [ErrorKind::WrongPsk]);
    assert_eq!(network.server.endpoint.connection_count(), 1);
}

#[test]
fn the_old_association_works_until_the_new_handshake_is_over() {
    let mut network = Network::connected();
    let address = network.clients[0].address;
    network.answers_at_once = false;
    network.connect_from(address, &psk_client(&[]));
    network.settle();
    assert_eq!(network.server.endpoint.handshake_count(), 1);
    // The old client is still alive, and not the one that started anew.
    network.send_from_client(0, b"old");
    network.settle();
    assert_eq!(network.server.payloads(), [b"old"]);
    let (lookup, _) = network.open_lookups.remove(0);
    network.answer(lookup, Some(KEY));
    network.settle();
    assert_eq!(network.server.secured().len(), 2);
    assert_eq!(network.server.endpoint.connection_count(), 1);
}

#[test]
fn records_of_the_old_association_do_not_disturb_the_new_handshake() {
    let mut network = Network::connected();
    let address = network.clients[0].address;
    network.send_from_client(0, b"0123456789ab");
    let old_record = network.wire.last().unwrap().2.clone();
    network.settle();
    network.connect_from(address, &psk_client(&[]));
    for _ in 0..30 {
        network.run_for(Duration::from_micros(500));
        network.inject(address, SERVER, &old_record);
    }
    network.run_for(Duration::from_secs(3));
    assert_eq!(network.server.secured().len(), 2);
    assert_eq!(network.clients[1].secured().len(), 1);
}

#[test]
fn a_client_that_restarts_in_the_middle_of_its_handshake_is_answered_at_once() {
    let mut network = Network::new(psk_server());
    let first = network.connect(&psk_client(&[]));
    let address = network.clients[first].address;
    while network.server.endpoint.handshake_count() == 0 {
        network.run_for(Duration::from_micros(500));
    }
    network.drop_in_flight();
    let before = network.now;
    network.connect_from(address, &psk_client(&[]));
    network.settle();
    assert_eq!(network.clients[1].secured().len(), 1);
    assert!(network.now - before < Duration::from_millis(100));
    assert!(matches!(network.server.closes().next(), Some((_, CloseReason::Replaced))));
}

#[test]
fn a_late_copy_of_the_first_hello_starts_nothing() {
    let mut network = Network::connected();
    let address = network.clients[0].address;
    let with_cookie = network.wire.iter().filter(|(from, ..)| *from == address).nth(1).unwrap().2.clone();
    network.inject(address, SERVER, &with_cookie);
    assert_eq!(network.server.endpoint.counters().handshakes_started, 1);
    network.send_from_client(0, b"undisturbed");
    network.settle();
    assert_eq!(network.server.payloads(), [b"undisturbed"]);
}
