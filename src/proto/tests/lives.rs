//! One association lives once, whatever copies of it there are.

use super::network::*;
use super::roaming::{ELSEWHERE, ONE_CONNECTION, UNIX_TIME, announcement, later, moves, saved};
use crate::proto::SavedConnection;
use crate::tls::DropReason;
use std::net::SocketAddr;

/// The application answers the oldest question about an address with this copy.
fn restore(network: &mut Network, copy: &SavedConnection) -> Option<crate::proto::ConnectionHandle> {
    let (question, _) = network.restore_questions.remove(0);
    let restored = reply_with_saved(&mut network.server.endpoint, network.now, UNIX_TIME, question, Some(copy));
    network.collect();
    restored
}

/// The application answers the oldest question about a device with this address.
fn move_from(network: &mut Network, old: SocketAddr) {
    let (question, _) = network.move_questions.remove(0);
    network.server.endpoint.handle_answer(network.now, question, Answer::Move(Some(old)));
    network.collect();
}

/// A device that has moved and sent a record from its new address, and the record.
fn moved(network: &mut Network) -> Vec<u8> {
    let old = network.clients[0].address;
    let record = network.seal(0, b"I have moved");
    network.inject(ELSEWHERE, SERVER, &announcement(record, b"device"));
    move_from(network, old);
    let record = network.seal(0, b"transfer 100");
    network.inject(ELSEWHERE, SERVER, &record);
    assert_eq!(network.server.payloads(), [b"I have moved".to_vec(), b"transfer 100".to_vec()]);
    record
}

fn assert_one_life(network: &mut Network) {
    assert_eq!(network.server.closes().count(), 0);
    assert_eq!(network.server.endpoint.connection_count(), 1);
    let record = network.seal(0, b"still here");
    network.inject(ELSEWHERE, SERVER, &record);
    assert_eq!(network.server.payloads().last().unwrap(), b"still here");
    assert_eq!(network.server.payloads().iter().filter(|payload| *payload == b"still here").count(), 1);
    assert_eq!(network.server.endpoint.footprint(), ONE_CONNECTION + 1);
}

#[test]
fn a_copy_does_not_let_an_attacker_replay_at_the_old_address_what_was_heard_from_the_new_one() {
    let mut network = Network::connected();
    network.server.endpoint.ask(asks_about_addresses(true, true));
    let (copy, old) = (saved(&network), network.clients[0].address);
    let record = moved(&mut network);
    network.inject(old, SERVER, &record);
    assert_eq!(restore(&mut network, &copy), None);
    assert_eq!(network.server.received.len(), 2);
    assert_one_life(&mut network);
}

#[test]
fn nor_when_the_connection_was_restored_itself() {
    let mut network = Network::connected();
    let (copy, old) = (saved(&network), network.clients[0].address);
    network.restart_server(psk_server());
    network.server.endpoint.ask(asks_about_addresses(true, true));
    network.server.endpoint.restore(network.now, old, Restoration { saved: &copy, clock: clock(UNIX_TIME) }).unwrap();
    let record = moved(&mut network);
    network.inject(old, SERVER, &record);
    assert_eq!(restore(&mut network, &copy), None);
    assert_eq!(network.server.received.len(), 2);
    assert_one_life(&mut network);
}

#[test]
fn nor_when_the_application_restores_the_copy_there_of_its_own_accord() {
    let mut network = Network::connected();
    let (copy, old) = (saved(&network), network.clients[0].address);
    network.server.endpoint.ask(asks_about_addresses(false, true));
    moved(&mut network);
    let restoration = Restoration { saved: &copy, clock: clock(later(10)) };
    assert!(network.server.endpoint.restore(network.now, old, restoration).is_none());
    assert_one_life(&mut network);
}

#[test]
fn who_copies_an_announcement_to_its_own_address_opens_no_second_connection() {
    let mut network = Network::connected();
    network.server.endpoint.ask(asks_about_addresses(true, true));
    let (copy, old) = (saved(&network), network.clients[0].address);
    let attacker = SocketAddr::from(([203, 0, 113, 66], 666));
    let datagram = announcement(network.seal(0, b"I have moved"), b"device");
    network.inject(ELSEWHERE, SERVER, &datagram);
    network.inject(attacker, SERVER, &datagram);
    move_from(&mut network, old);
    move_from(&mut network, old);
    while !network.restore_questions.is_empty() {
        assert_eq!(restore(&mut network, &copy), None);
    }
    assert_eq!(network.server.payloads(), [b"I have moved"]);
    assert_one_life(&mut network);
}

#[test]
fn a_newer_record_at_an_address_of_a_copy_moves_the_connection_that_lives() {
    let mut network = Network::connected();
    network.server.endpoint.ask(asks_about_addresses(true, false));
    let (copy, old) = (saved(&network), network.clients[0].address);
    let live = network.server.secured()[0];
    let record = network.seal(0, b"from elsewhere");
    network.inject(ELSEWHERE, SERVER, &record);
    assert_eq!(restore(&mut network, &copy), Some(live));
    assert_eq!(moves(&network), [(live, old, ELSEWHERE)]);
    assert_eq!(network.server.received, [(live, b"from elsewhere".to_vec())]);
    assert_one_life(&mut network);
}

#[test]
fn an_older_record_is_heard_once_and_moves_nothing() {
    let mut network = Network::connected();
    network.server.endpoint.ask(asks_about_addresses(true, false));
    let (copy, old) = (saved(&network), network.clients[0].address);
    let late = network.seal(0, b"late");
    let newer = network.seal(0, b"newer");
    network.inject(old, SERVER, &newer);
    for _ in 0..2 {
        network.inject(ELSEWHERE, SERVER, &late);
        restore(&mut network, &copy);
    }
    assert_eq!(network.server.payloads(), [b"newer".to_vec(), b"late".to_vec()]);
    assert!(moves(&network).is_empty());
    assert_eq!(network.server.endpoint.footprint(), ONE_CONNECTION);
}

#[test]
fn after_four_thousand_million_connections_none_has_the_number_of_one_that_lives() {
    let mut network = Network::connected();
    network.server.endpoint.grow_old(u32::MAX - 1);
    for _ in 0..2 {
        network.connect(&psk_client(&[]));
        network.settle();
    }
    let numbers: Vec<_> = network.server.secured().into_iter().map(|handle| handle.0).collect();
    assert_eq!(numbers, [1, u32::MAX, 2]);
}

#[test]
fn a_saved_connection_without_an_id_does_not_go_on_where_another_connection_lives() {
    let before = Network::connected();
    let copy = saved(&before);
    let mut network = Network::connected();
    let address = network.clients[0].address;
    let restore = |network: &mut Network| {
        let restoration = Restoration { saved: &copy, clock: clock(UNIX_TIME) };
        network.server.endpoint.restore(network.now, address, restoration)
    };
    assert!(restore(&mut network).is_none());
    let handle = network.server.secured()[0];
    network.server.endpoint.abort(handle);
    assert!(restore(&mut network).is_some());
}

#[test]
fn nor_where_another_one_has_begun_to_live_while_the_application_was_asked_for_it() {
    let mut before = Network::connected();
    let (copy, address) = (saved(&before), before.clients[0].address);
    let record = before.seal(0, b"for the one that was saved");
    let mut network = Network::new(psk_server());
    network.server.endpoint.ask(asks_about_addresses(true, false));
    network.inject(address, SERVER, &record);
    network.connect_from(address, &psk_client(&[]));
    network.settle();
    assert_eq!(restore(&mut network, &copy), None);
    assert!(network.server.received.is_empty());
    assert_eq!(network.server.endpoint.footprint(), ONE_CONNECTION);
}

#[test]
fn a_forged_announcement_of_a_connection_that_lives_has_no_copy_of_it_asked_for() {
    let mut network = Network::connected();
    network.server.endpoint.ask(asks_about_addresses(true, true));
    let old = network.clients[0].address;
    let mut forged = network.seal(0, b"I have moved");
    *forged.last_mut().unwrap() ^= 1;
    network.inject(ELSEWHERE, SERVER, &announcement(forged, b"device"));
    move_from(&mut network, old);
    assert!(network.restore_questions.is_empty());
    assert_eq!(network.server.endpoint.counters().drops(DropReason::Unauthentic), 1);
    assert_eq!(network.server.endpoint.footprint(), ONE_CONNECTION);
}
