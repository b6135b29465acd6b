//! What is kept for lines about what happens: names as long as there is somebody to write about, lines as long as there is room.

use super::connection_ids::connected_with;
use super::modes::Mode;
use super::network::*;
use super::resumption::session_of;
use super::roaming::{UNIX_TIME, saved};
use crate::proto::{AddressValidation, Endpoint, Event, Limits};
use std::net::SocketAddr;
use std::time::Duration;

/// A network whose server writes lines of this level.
fn traced(level: u8) -> Network {
    let mut network = Network::new(psk_server());
    network.server.endpoint = Endpoint::server(network.now, psk_server(), limits(), level).unwrap();
    network
}

#[test]
fn the_name_of_a_peer_is_forgotten_with_its_connection_however_it_ends() {
    for ending in 0..5 {
        let mut network = traced(2);
        let key: &[u8] = if ending == 0 { b"another key" } else { KEY };
        network.connect(&psk_client_with(&[], IDENTITY, key));
        network.settle();
        if ending > 0 {
            assert!(network.server.endpoint.footprint() > 0);
        }
        for handle in network.server.secured() {
            match ending {
                1 => network.server.endpoint.close(network.now, handle),
                2 => network.server.endpoint.abort(handle),
                3 => assert!(network.server.endpoint.take_out(handle).is_some()),
                _ => {
                    let client = network.clients[0].secured()[0];
                    network.clients[0].endpoint.close(network.now, client);
                }
            }
        }
        network.run_for(Duration::from_secs(1));
        assert_eq!(network.server.endpoint.footprint(), 0, "ending {ending}");
        assert!(network.server.endpoint.has_trace());
        lines(&mut network);
        assert!(!network.server.endpoint.has_trace());
    }
}

#[test]
fn each_level_tells_what_those_before_it_tell_and_more() {
    let told = [1, 2, 3, 4].map(|level| {
        let mut network = Network::new(psk_server());
        let limits = Limits { connections: 1, evicts_idle: false, ..limits() };
        network.server.endpoint = Endpoint::server(network.now, psk_server(), limits, level).unwrap();
        network.connect(&psk_client_with(&[], IDENTITY, b"another key"));
        network.settle();
        network.connect(&psk_client(&[]));
        let client = network.clients[1].address;
        let is_server_hello = |(from, to, sent): &(SocketAddr, SocketAddr, Vec<u8>)| {
            (*from, *to, sent[0], sent[13]) == (SERVER, client, 22, 2)
        };
        while !network.wire.iter().any(is_server_hello) {
            assert!(network.step());
        }
        // The server's flight gets lost, and is sent again.
        network.drop_in_flight();
        network.run_for(Duration::from_secs(3));
        let forged = [&[23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 99, 0, 32][..], &[7; 32]].concat();
        network.inject(client, SERVER, &forged);
        network.inject(client, SERVER, b"no record");
        network.send_from_client(1, b"hello");
        network.settle();
        let handle = network.server.secured()[0];
        network.send_from_server(handle, client, b"good day");
        // There is no room for one more.
        network.connect(&psk_client(&[]));
        network.run_for(Duration::from_millis(500));
        network.server.endpoint.close(network.now, handle);
        network.settle();
        let lines = lines(&mut network);
        let repeated = lines.iter().filter(|line| line.contains("the last flight, again")).count();
        assert!(level < 2 || repeated as u64 == network.server.endpoint.counters().retransmissions);
        assert!(lines.iter().all(|line| !line.contains(" 0 records")), "{lines:?}");
        lines
    });
    for (level, text) in [
        (1, "handshake fails: The client's pre-shared key is not the one of its identity (WrongPsk)"),
        (2, "handshake begins"),
        (2, "handshake ends after "),
        (2, "<- alert bad_record_mac"),
        (2, "<- the last flight, again"),
        (2, "refused: too many handshakes or connections"),
        (2, "<- alert close_notify"),
        (2, "connection ends: Local"),
        (3, "-> ClientHello"),
        (3, "<- ServerHello"),
        (3, "-> application data, 5 bytes"),
        (3, "<- application data, 8 bytes"),
        (4, "-> a datagram, 9 bytes"),
        (4, "-> datagram dropped: 9 bytes are no records"),
        (4, "-> dropped (unauthentic): record 99 of epoch 1, encrypted application data, 32 bytes"),
    ] {
        let first = told.iter().position(|lines| lines.iter().any(|line| line.contains(text)));
        assert_eq!(first, Some(level - 1), "{text}");
    }
    for pair in told.windows(2) {
        assert!(pair[0].iter().all(|line| pair[1].contains(line)));
    }
}

#[test]
fn a_client_that_resumes_its_session_is_called_by_its_identity_again() {
    let configs = Mode::SessionId.configs(1400);
    let mut network = configs.network();
    let client = configs.connect(&mut network, None);
    network.settle();
    let session = session_of(&network, client);
    let client = configs.connect(&mut network, session.as_deref());
    let address = network.clients[client].address;
    network.server.endpoint.trace_peer(address);
    network.settle();
    let line = lines(&mut network).into_iter().find(|line| line.contains("handshake ends")).unwrap();
    let identity = IDENTITY.escape_ascii();
    assert!(line.starts_with(&format!("server {address} \"{identity}\" handshake ends after ")), "{line}");
}

#[test]
fn it_is_a_failure_when_a_saved_connection_cannot_go_on() {
    let mut network = connected_with(Some(8), Some(6), &psk_client(&[]));
    let (copy, address) = (saved(&network), network.clients[0].address);
    for length in [Some(7), None] {
        network.server.endpoint = Endpoint::server(network.now, psk_server(), limits(), 1).unwrap();
        network.server.endpoint.use_connection_ids(length);
        let restoration = Restoration { saved: &copy, clock: clock(UNIX_TIME) };
        assert!(network.server.endpoint.restore(network.now, address, restoration).is_none());
        let lines = lines(&mut network);
        assert!(
            lines.len() == 1 && lines[0].contains("cannot go on") && lines[0].contains("connection ID"),
            "{lines:?}"
        );
    }
}

#[test]
fn it_is_a_failure_when_a_copy_is_of_the_other_side() {
    let mut network = Network::connected();
    let client = network.client_handle(0);
    let copy = network.clients[0].endpoint.save(client).unwrap();
    network.server.endpoint = Endpoint::server(network.now, psk_server(), limits(), 1).unwrap();
    let restoration = Restoration { saved: &copy, clock: clock(UNIX_TIME) };
    assert!(network.server.endpoint.restore(network.now, network.clients[0].address, restoration).is_none());
    let lines = lines(&mut network);
    assert!(lines.len() == 1 && lines[0].contains("a saved connection cannot go on"), "{lines:?}");
}

#[test]
fn a_goodbye_is_told_in_both_directions_and_the_answer_to_ours_comes_too_late() {
    for (says, heard) in [("client", 1), ("server", 0)] {
        let mut network = traced(2);
        network.connect(&psk_client(&[]));
        network.settle();
        lines(&mut network);
        if says == "client" {
            let client = network.client_handle(0);
            network.clients[0].endpoint.close(network.now, client);
        } else {
            network.server.endpoint.close(network.now, network.server.secured()[0]);
        }
        network.settle();
        let lines = lines(&mut network);
        let count =
            |arrow: &str| lines.iter().filter(|line| line.ends_with(&format!("{arrow} alert close_notify"))).count();
        assert_eq!((count("<-"), count("->")), (1, heard), "{says}: {lines:?}");
    }
}

#[test]
fn a_handshake_that_the_application_ends_is_told_with_the_alert_that_its_peer_gets() {
    let mut network = traced(2);
    network.answers_at_once = false;
    network.connect(&psk_client(&[]));
    network.settle();
    let handle = network.server.log.iter().find_map(|event| match event {
        Event::Connection { connection, .. } => Some(*connection),
        _ => None,
    });
    network.server.endpoint.close(network.now, handle.unwrap());
    let lines = lines(&mut network);
    assert!(lines.iter().any(|line| line.ends_with("<- alert user_canceled")), "{lines:?}");
    assert!(lines.iter().any(|line| line.ends_with("handshake ends: Local")), "{lines:?}");
}

#[test]
fn a_connection_that_was_idle_for_too_long_is_told_goodbye_and_has_said_none() {
    let mut network = traced(2);
    network.connect(&psk_client(&[]));
    network.settle();
    lines(&mut network);
    network.run_for(2 * limits().idle_timeout.unwrap());
    let lines = lines(&mut network);
    assert!(lines.iter().any(|line| line.ends_with("<- alert close_notify")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.ends_with("-> alert close_notify")), "{lines:?}");
}

#[test]
fn a_demand_for_a_cookie_is_told_with_the_messages_of_handshakes() {
    let greets = |network: &mut Network| {
        network.connect(&psk_client(&[]));
        network.settle();
    };
    assert_eq!(level_of("<- HelloVerifyRequest", greets), Some(3));
}

#[test]
fn records_that_nobody_has_looked_at_are_told_with_what_was_dropped() {
    let floods = |network: &mut Network| {
        let client = network.clients[0].address;
        let forged = [&[23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 99, 0, 32][..], &[7; 32]].concat();
        network.inject(client, SERVER, &forged.repeat(100));
        network.settle();
    };
    assert_eq!(level_of("records dropped (surplus)", floods), Some(4));
}

#[test]
fn a_peer_that_has_moved_keeps_its_name() {
    let mut network = connected_with(Some(8), Some(6), &psk_client(&[]));
    network.server.endpoint = Endpoint::server(network.now, psk_server(), limits(), 2).unwrap();
    network.server.endpoint.use_connection_ids(Some(8));
    network.connect(&psk_client(&[]));
    network.settle();
    let moved = network.clients.len() - 1;
    network.clients[moved].address = elsewhere();
    network.send_from_client(moved, b"I have moved");
    network.run_for(Duration::from_secs(5));
    network.server.endpoint.close(network.now, network.server.secured()[0]);
    let ends = format!("server {} \"{}\" connection ends: Local", elsewhere(), IDENTITY.escape_ascii());
    let lines = lines(&mut network);
    assert!(lines.contains(&ends), "{lines:?}");
}

#[test]
fn lines_that_nobody_takes_give_way_to_newer_ones() {
    let mut network = traced(4);
    for number in 0..5000_u16 {
        network.server.endpoint.handle_datagram(network.now, SocketAddr::from(([10, 9, 8, 7], number)), b"no record");
    }
    let lines: Vec<_> = std::iter::from_fn(|| network.server.endpoint.poll_trace()).collect();
    assert_eq!(lines.len(), 4096);
    assert!(lines.last().unwrap().contains("10.9.8.7:4999"), "{:?}", lines.last());
}

#[test]
fn a_peer_that_is_watched_is_shown_wherever_it_moves_and_forgotten_with_its_connection() {
    let mut network = connected_with(Some(8), Some(6), &psk_client(&[]));
    network.connect(&psk_client(&[]));
    network.settle();
    let watched = network.clients[0].address;
    network.server.endpoint.trace_peer(watched);
    for number in 0..2 {
        network.send_from_client(number, b"shown or not");
    }
    network.settle();
    let line = |address: SocketAddr| format!("server {address} -> application data, 12 bytes");
    assert_eq!(lines(&mut network), [line(watched)]);
    let elsewhere = SocketAddr::from(([203, 0, 113, 50], 7000));
    network.clients[0].address = elsewhere;
    for _ in 0..2 {
        network.send_from_client(0, b"shown or not");
        network.run_for(Duration::from_secs(5));
    }
    assert!(lines(&mut network).contains(&line(elsewhere)));
    for client in 0..2 {
        let handle = network.client_handle(client);
        network.clients[client].endpoint.close(network.now, handle);
    }
    network.run_for(Duration::from_secs(1));
    assert!(lines(&mut network).iter().any(|line| line.ends_with("connection ends: Peer")));
    assert_eq!(network.server.endpoint.footprint(), 0);
}

fn lines(network: &mut Network) -> Vec<String> {
    std::iter::from_fn(|| network.server.endpoint.poll_trace()).collect()
}

/// At which level a line is first written that holds this text, when this happens.
fn level_of(text: &str, happens: impl Fn(&mut Network)) -> Option<u8> {
    (1..=4).find(|&level| {
        let mut network = traced(level);
        network.server.endpoint.use_connection_ids(Some(8));
        network.server.endpoint.validate_addresses(AddressValidation::Basic);
        network.client_ids = Some(6);
        network.connect(&psk_client(&[]));
        network.settle();
        lines(&mut network);
        happens(&mut network);
        lines(&mut network).iter().any(|line| line.contains(text))
    })
}

fn elsewhere() -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 50], 7000))
}

fn move_client(network: &mut Network, answers: bool) {
    let home = network.clients[0].address;
    network.clients[0].address = elsewhere();
    network.send_from_client(0, b"I have moved");
    network.clients[0].address = if answers { elsewhere() } else { home };
    network.run_for(Duration::from_secs(5));
}

#[test]
fn what_becomes_of_an_address_is_told_with_the_life_of_its_connection_and_what_fails_before_that() {
    let moves = |network: &mut Network| move_client(network, true);
    assert_eq!(level_of("has moved here from", moves), Some(2));
    assert_eq!(level_of("has answered, and is the address of a connection now", moves), Some(2));
    let vanishes = |network: &mut Network| move_client(network, false);
    assert_eq!(level_of("is no longer the address of a connection: its peer has not answered", vanishes), Some(1));
}

#[test]
fn what_leaves_and_comes_back_is_told_with_the_life_of_its_connection() {
    let leaves = |network: &mut Network| {
        let handle = network.server.secured()[0];
        assert!(network.server.endpoint.take_out(handle).is_some());
    };
    assert_eq!(level_of("goes on elsewhere", leaves), Some(2));
    let comes_back = |network: &mut Network| {
        let (copy, address) = (saved(network), network.clients[0].address);
        network.server.endpoint.abort(network.server.secured()[0]);
        let restoration = Restoration { saved: &copy, clock: clock(UNIX_TIME) };
        assert!(network.server.endpoint.restore(network.now, address, restoration).is_some());
    };
    assert_eq!(level_of("goes on where it was saved", comes_back), Some(2));
}

#[test]
fn a_hello_in_fragments_is_told_with_the_life_of_connections_and_what_becomes_of_it_with_failures() {
    let begins = |network: &mut Network| {
        network.hello_fragments = Some(60);
        let client = network.connect(&psk_client(&[]));
        let address = network.clients[client].address;
        // The last of them is lost.
        while network.hellos.len() < 2 {
            assert!(network.step());
        }
        let last = network.in_flight_to(SERVER);
        for _ in 1..last {
            network.step();
        }
        network.clients.retain(|client| client.address != address);
        network.drop_in_flight();
        network.run_for(Duration::from_secs(200));
    };
    assert_eq!(level_of("hello begins, in fragments", begins), Some(2));
    assert_eq!(level_of("refused: fragments of its ClientHello did not come in time", begins), Some(1));
}
