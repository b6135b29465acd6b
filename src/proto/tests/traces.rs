//! What is kept for lines about what happens: names as long as there is somebody to write about, lines as long as there is room.

use super::connection_ids::connected_with;
use super::network::*;
use crate::proto::{Endpoint, Limits};
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
        lines(&mut network)
    });
    for (level, text) in [
        (1, "handshake fails: The client's pre-shared key is not the one of its identity (WrongPsk)"),
        (2, "handshake begins"),
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
        let first = told.iter().position(|lines| lines.iter().any(|line| line.ends_with(text)));
        assert_eq!(first, Some(level - 1), "{text}");
    }
    for pair in told.windows(2) {
        assert!(pair[0].iter().all(|line| pair[1].contains(line)));
    }
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
