//! A move can be taken back.

use super::network::*;
use super::roaming::{ELSEWHERE, ONE_CONNECTION, UNIX_TIME, announcement, moves, saved};
use crate::proto::ConnectionHandle;
use std::net::SocketAddr;
use std::time::Duration;

/// The address number `number` of those that an attacker has.
fn attackers(number: u8) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 100 + number], 666))
}

/// A server that is told where each device is, and one device with an open connection.
fn network_with_moves() -> (Network, ConnectionHandle, SocketAddr) {
    let mut network = Network::connected();
    network.server.endpoint.ask(asks_about_addresses(false, true));
    let (connection, home) = (network.server.secured()[0], network.clients[0].address);
    (network, connection, home)
}

/// A record of a device is heard first from `remote`, with the device's name behind it; it was last heard from `old`.
fn announce(network: &mut Network, device: usize, old: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    let record = network.seal(device, b"seen on its way");
    network.inject(remote, SERVER, &announcement(record.clone(), b"device"));
    for (question, _) in std::mem::take(&mut network.move_questions) {
        network.server.endpoint.handle_answer(network.now, question, Answer::Move(Some(old)));
        network.collect();
    }
    record
}

fn says(network: &mut Network, device: usize, from: SocketAddr, payload: &[u8]) {
    let record = network.seal(device, payload);
    network.inject(from, SERVER, &record);
}

/// Where the server's answers go.
fn answers_go_to(network: &mut Network, connection: ConnectionHandle) -> SocketAddr {
    network.server.endpoint.send(network.now, connection, b"answer").unwrap().route.unwrap().remote
}

#[test]
fn an_announcement_of_a_connection_that_nobody_has_counts_as_dropped() {
    let mut network = Network::connected();
    let record = network.seal(0, b"is anybody there?");
    network.restart_server(psk_server());
    network.inject(ELSEWHERE, SERVER, &announcement(record, b"device"));
    assert_eq!(network.server.endpoint.counters().datagrams_dropped, 1);
    assert_eq!(network.server.endpoint.footprint(), 0);
}

#[test]
fn whoever_sends_a_record_first_has_the_connection_only_until_the_device_is_heard_again() {
    let (mut network, connection, home) = network_with_moves();
    let thief = attackers(0);
    let record = announce(&mut network, 0, home, thief);
    assert_eq!(answers_go_to(&mut network, connection), thief);
    // The device's own copy of that record is a replay by now.
    network.inject(home, SERVER, &record);
    assert_eq!(answers_go_to(&mut network, connection), thief);
    says(&mut network, 0, home, b"I am here");
    assert_eq!(answers_go_to(&mut network, connection), home);
    assert_eq!(moves(&network), [(connection, home, thief), (connection, thief, home)]);
    assert_eq!(network.server.payloads(), [b"seen on its way".to_vec(), b"I am here".to_vec()]);
}

#[test]
fn whoever_sends_many_records_first_has_it_only_until_then_as_well() {
    let (mut network, connection, home) = network_with_moves();
    for round in 0..10 {
        let mut at = home;
        for theft in 0..10 {
            announce(&mut network, 0, at, attackers(10 * round + theft));
            at = attackers(10 * round + theft);
            // The application is asked so often a second, and no more.
            network.run_for(Duration::from_millis(200));
        }
        assert_eq!(answers_go_to(&mut network, connection), at);
        says(&mut network, 0, home, b"I am here");
        assert_eq!(answers_go_to(&mut network, connection), home);
        assert!(network.server.endpoint.footprint() <= ONE_CONNECTION + 3, "three former addresses at most");
    }
}

#[test]
fn whoever_sends_a_record_first_while_the_server_is_down_has_it_only_until_then_as_well() {
    let (mut network, _, home) = network_with_moves();
    let (copy, thief) = (saved(&network), attackers(0));
    network.restart_server(psk_server());
    network.server.endpoint.ask(asks_about_addresses(true, true));
    announce(&mut network, 0, home, thief);
    let (question, _) = network.restore_questions.remove(0);
    let restored = reply_with_saved(&mut network.server.endpoint, network.now, UNIX_TIME, question, Some(&copy));
    network.collect();
    let connection = restored.unwrap();
    assert_eq!(answers_go_to(&mut network, connection), thief);
    says(&mut network, 0, home, b"I am here");
    assert_eq!(answers_go_to(&mut network, connection), home);
    assert_eq!(moves(&network), [(connection, home, thief), (connection, thief, home)]);
    assert!(network.restore_questions.is_empty(), "nobody need be asked");
}

#[test]
fn an_old_record_from_an_old_address_takes_nothing_back() {
    let (mut network, connection, home) = network_with_moves();
    let late = network.seal(0, b"late");
    let heard = network.seal(0, b"heard");
    network.inject(home, SERVER, &heard);
    announce(&mut network, 0, home, ELSEWHERE);
    for _ in 0..2 {
        network.inject(home, SERVER, &heard);
        network.inject(home, SERVER, &late);
    }
    assert_eq!(answers_go_to(&mut network, connection), ELSEWHERE);
    // What was under way when the device moved is still heard, once.
    assert_eq!(network.server.payloads(), [b"heard".to_vec(), b"seen on its way".to_vec(), b"late".to_vec()]);
}

#[test]
fn a_stranger_at_an_old_address_takes_nothing_back() {
    let (mut network, connection, home) = network_with_moves();
    announce(&mut network, 0, home, ELSEWHERE);
    let mut forged = network.seal(0, b"forged");
    *forged.last_mut().unwrap() ^= 1;
    network.inject(home, SERVER, &forged);
    assert_eq!(answers_go_to(&mut network, connection), ELSEWHERE);
    // Not even by a handshake with another key of its own.
    network.keys.insert(b"stranger".to_vec(), b"its own key".to_vec());
    network.connect_from(home, &psk_client_with(&[], b"stranger", b"its own key"));
    network.settle();
    assert_eq!(network.server.secured().len(), 2);
    says(&mut network, 0, ELSEWHERE, b"I am here");
    assert_eq!(network.server.received.last().unwrap(), &(connection, b"I am here".to_vec()));
    assert_eq!(network.server.closes().count(), 0);
}

#[test]
fn a_former_address_is_forgotten_after_a_day_and_with_its_connection() {
    let (mut network, connection, home) = network_with_moves();
    announce(&mut network, 0, home, ELSEWHERE);
    network.run_for(Duration::from_secs(86_399));
    says(&mut network, 0, home, b"after a day less a second");
    assert_eq!(answers_go_to(&mut network, connection), home);
    network.send_from_server(connection, home, b"answer");
    network.settle();

    announce(&mut network, 0, home, ELSEWHERE);
    network.run_for(Duration::from_secs(80_000));
    says(&mut network, 0, ELSEWHERE, b"still here");
    network.run_for(Duration::from_secs(6_399));
    network.run_for(Duration::from_millis(999));
    let record = network.seal(0, b"after a day");
    network.run_for(Duration::from_millis(1));
    network.inject(home, SERVER, &record);
    assert_eq!(answers_go_to(&mut network, connection), ELSEWHERE);

    network.server.endpoint.abort(connection);
    network.collect();
    assert_eq!(network.server.endpoint.footprint(), 0);
}

#[test]
fn insiders_who_move_to_the_address_of_a_silent_device_do_not_push_it_out() {
    const INSIDERS: usize = 18;
    let (mut network, connection, home) = network_with_moves();
    for insider in 1..=INSIDERS {
        network.connect(&psk_client(&[]));
        network.settle();
        let own = network.clients[insider].address;
        announce(&mut network, insider, own, home);
    }
    assert_eq!(network.server.endpoint.connection_count(), 16);
    assert!(network.server.closes().all(|(closed, _)| closed != connection));
    says(&mut network, 0, home, b"I was silent");
    assert_eq!(network.server.received.last().unwrap(), &(connection, b"I was silent".to_vec()));
}

#[test]
fn insiders_who_come_and_go_do_not_push_out_who_was_there_before() {
    const INSIDERS: usize = 40;
    let (mut network, connection, home) = network_with_moves();
    let thief = attackers(0);
    announce(&mut network, 0, home, thief);
    for insider in 1..=INSIDERS {
        network.connect(&psk_client(&[]));
        network.settle();
        let own = network.clients[insider].address;
        announce(&mut network, insider, own, home);
        announce(&mut network, insider, home, own);
    }
    says(&mut network, 0, home, b"I am here");
    assert_eq!(network.server.received.last().unwrap(), &(connection, b"I am here".to_vec()));
    assert_eq!(answers_go_to(&mut network, connection), home);
}

/// RFC 6347 section 4.2.8, where several connections have come to one address.
#[test]
fn a_client_that_starts_anew_takes_the_place_of_the_connection_that_was_heard_last_at_its_address() {
    let (mut network, first, home) = network_with_moves();
    network.connect(&psk_client(&[]));
    network.settle();
    let own = network.clients[1].address;
    announce(&mut network, 1, own, home);
    says(&mut network, 0, home, b"I am here");
    network.connect_from(home, &psk_client(&[]));
    network.settle();
    assert_eq!(network.server.secured().len(), 3);
    assert_eq!(network.server.closes().map(|(closed, _)| closed).collect::<Vec<_>>(), [first]);
}
