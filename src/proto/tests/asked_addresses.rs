//! A server with several addresses answers from the one that was asked (RFC 1122 section 4.1.3.5).

use super::network::*;
use super::roaming::{ELSEWHERE, UNIX_TIME, announcement};
use crate::proto::{CloseReason, ConnectionHandle, Route};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const SECOND: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), 5684);
const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)), 10_000);

fn at_two_addresses() -> Network {
    let mut network = Network::new(psk_server());
    network.also_at.push(SECOND);
    network
}

/// Where a payload from the server comes from.
fn source_of(network: &mut Network, connection: ConnectionHandle) -> Option<IpAddr> {
    network.server.endpoint.send(network.now, connection, b"payload").unwrap().route.unwrap().local
}

/// What has a connection already asks for no other one.
#[test]
fn a_forged_record_at_the_address_of_a_connection_is_no_question() {
    let mut network = Network::connected();
    network.server.endpoint.ask(asks_about_addresses(true, false));
    let forged = [&[23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 99, 0, 30][..], &[7; 30]].concat();
    let address = network.clients[0].address;
    network.inject(address, SERVER, &forged);
    assert!(network.restore_questions.is_empty());
    let stranger = SocketAddr::from(([203, 0, 113, 7], 1));
    network.inject(stranger, SERVER, &forged);
    assert_eq!(network.restore_questions.len(), 1);
}

#[test]
fn every_datagram_of_a_handshake_leaves_from_the_address_that_was_asked() {
    let mut network = at_two_addresses();
    network.connect_between(CLIENT, SECOND, &psk_client(&[]));
    network.settle();
    assert_eq!(network.server.secured().len(), 1);
    let sources: Vec<_> = network.wire.iter().filter(|(_, to, _)| *to == CLIENT).map(|(from, ..)| *from).collect();
    assert!(sources.len() > 2, "{sources:?}");
    assert!(sources.iter().all(|source| *source == SECOND), "{sources:?}");
}

#[test]
fn payloads_and_the_goodbye_leave_from_there_too() {
    let mut network = at_two_addresses();
    network.connect_between(CLIENT, SECOND, &psk_client(&[]));
    network.settle();
    let connection = network.server.secured()[0];
    assert_eq!(source_of(&mut network, connection), Some(SECOND.ip()));
    network.server.endpoint.close(network.now, connection);
    assert_eq!(
        network.server.endpoint.poll_transmit().unwrap().route,
        Route { remote: CLIENT, local: Some(SECOND.ip()) }
    );
}

#[test]
fn a_peer_has_a_connection_with_each_address_and_neither_ends_the_other() {
    let mut network = at_two_addresses();
    // Both begin before either is through.
    for server in [SERVER, SECOND] {
        network.connect_between(CLIENT, server, &psk_client(&[]));
    }
    // The clients have one address, and each takes what comes from its server.
    for _ in 0..20 {
        let datagrams = std::mem::take(&mut network.wire);
        network.drop_in_flight();
        for (from, to, datagram) in datagrams {
            if to != CLIENT {
                network.inject(from, to, &datagram);
                continue;
            }
            for client in 0..2 {
                network.clients[client].endpoint.handle_datagram(network.now, from, &datagram);
            }
            network.collect();
        }
    }
    let connections = network.server.secured();
    assert_eq!(connections.len(), 2, "{:?}", network.server.log);
    assert_eq!(network.server.closes().count(), 0);
    let sources = connections.iter().map(|&connection| source_of(&mut network, connection));
    let mut sources: Vec<_> = sources.collect();
    sources.sort();
    assert_eq!(sources, [Some(SERVER.ip()), Some(SECOND.ip())]);
}

#[test]
fn a_new_handshake_with_the_same_address_still_takes_the_place_of_the_connection_there() {
    let mut network = at_two_addresses();
    for server in [SECOND, SERVER, SECOND] {
        network.connect_between(CLIENT, server, &psk_client(&[]));
        network.settle();
    }
    let connections = network.server.secured();
    let closes: Vec<_> = network.server.closes().collect();
    let [(closed, CloseReason::Replaced)] = closes[..] else { panic!("{closes:?}") };
    assert_eq!(closed, connections[0]);
}

#[test]
fn answers_follow_a_peer_that_asks_another_address_and_an_older_record_does_not_turn_them_back() {
    let mut network = at_two_addresses();
    network.connect(&psk_client(&[]));
    network.settle();
    let connection = network.server.secured()[0];
    let older = network.seal(0, b"older");
    let newer = network.seal(0, b"newer");
    network.inject(CLIENT, SECOND, &newer);
    assert_eq!(source_of(&mut network, connection), Some(SECOND.ip()));
    network.inject(CLIENT, SERVER, &older);
    network.inject(CLIENT, SERVER, &newer);
    assert_eq!(network.server.payloads(), [b"newer", b"older"]);
    assert_eq!(source_of(&mut network, connection), Some(SECOND.ip()));
}

#[test]
fn a_connection_that_goes_on_learns_the_address_from_its_first_record() {
    let mut network = at_two_addresses();
    network.connect_between(CLIENT, SECOND, &psk_client(&[]));
    network.settle();
    let saved = network.server.endpoint.save(network.server.secured()[0]).unwrap();
    network.restart_server(psk_server());
    let restoration = Restoration { saved: &saved, clock: clock(UNIX_TIME) };
    let connection = network.server.endpoint.restore(network.now, CLIENT, restoration).unwrap();
    assert_eq!(source_of(&mut network, connection), None);
    assert_eq!(network.server.endpoint.local_address(connection), None);
    let record = network.seal(0, b"here I am");
    network.inject(CLIENT, SECOND, &record);
    assert_eq!(source_of(&mut network, connection), Some(SECOND.ip()));
    assert_eq!(network.server.endpoint.local_address(connection), Some(SECOND.ip()));
}

#[test]
fn a_connection_that_is_asked_for_answers_from_the_address_that_led_to_the_question() {
    let mut network = at_two_addresses();
    network.connect_between(CLIENT, SECOND, &psk_client(&[]));
    network.settle();
    let saved = network.server.endpoint.save(network.server.secured()[0]).unwrap();
    network.restart_server(psk_server());
    network.server.endpoint.ask(asks_about_addresses(true, false));
    let record = network.seal(0, b"here I am");
    network.inject(CLIENT, SECOND, &record);
    let (question, _) = network.restore_questions[0];
    let server = &mut network.server.endpoint;
    let connection = reply_with_saved(server, network.now, UNIX_TIME, question, Some(&saved)).unwrap();
    assert_eq!(source_of(&mut network, connection), Some(SECOND.ip()));
}

#[test]
fn a_connection_that_has_never_stopped_answers_from_there_as_well() {
    let mut network = at_two_addresses();
    network.connect_between(CLIENT, SECOND, &psk_client(&[]));
    network.settle();
    let connection = network.server.secured()[0];
    let copy = network.server.endpoint.save(connection).unwrap();
    network.server.endpoint.ask(asks_about_addresses(true, false));
    let record = network.seal(0, b"from elsewhere");
    network.inject(ELSEWHERE, SERVER, &record);
    let (question, _) = network.restore_questions[0];
    network.inject(SocketAddr::from(([203, 0, 113, 7], 1)), SECOND, b"no record");
    let server = &mut network.server.endpoint;
    assert_eq!(reply_with_saved(server, network.now, UNIX_TIME, question, Some(&copy)), Some(connection));
    assert_eq!(source_of(&mut network, connection), Some(SERVER.ip()));
}

#[test]
fn a_device_that_has_moved_is_answered_from_the_address_that_it_asks() {
    let mut network = at_two_addresses();
    network.connect_between(CLIENT, SECOND, &psk_client(&[]));
    network.settle();
    let connection = network.server.secured()[0];
    network.server.endpoint.ask(asks_about_addresses(false, true));
    let record = network.seal(0, b"from elsewhere");
    network.inject(ELSEWHERE, SERVER, &announcement(record, b"device"));
    let (question, _) = network.move_questions[0];
    // Meanwhile, somebody else asks the other address.
    network.inject(SocketAddr::from(([203, 0, 113, 7], 1)), SECOND, b"no record");
    network.server.endpoint.handle_answer(network.now, question, Answer::Move(Some(CLIENT)));
    let sent = network.server.endpoint.send(network.now, connection, b"answer").unwrap();
    assert_eq!(sent.route, Some(Route { remote: ELSEWHERE, local: Some(SERVER.ip()) }));
}
