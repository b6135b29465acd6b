//! Room for handshakes: who gets in where many stall, who gives way, and who never does.

use super::network::*;
use crate::proto::{Endpoint, Limits};
use crate::tls::ClientConfig;
use crate::wire::Records;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

/// Where an attacker stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    HalfAHello,
    ServersFlight,
    HalfAMessage,
    ClientKeyExchange,
    ChangeCipherSpec,
    UnansweredLookUp,
}

const STAGES: [Stage; 6] = [
    Stage::HalfAHello,
    Stage::ServersFlight,
    Stage::HalfAMessage,
    Stage::ClientKeyExchange,
    Stage::ChangeCipherSpec,
    Stage::UnansweredLookUp,
];

const HONEST: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(203, 0, 113, 77)), 5000);
/// Bytes of a fragment that holds a cookie.
const FRAGMENT: usize = 60;

/// As many places as attackers take in a twentieth of a second.
fn few_places() -> Limits {
    Limits { handshakes: 100, handshakes_per_address: 20, ..limits() }
}

/// One of sixty-four IPv4 addresses, or of eight IPv6 prefixes under a new address each time.
fn attacker(is_ipv6: bool, number: u32) -> SocketAddr {
    if is_ipv6 {
        let prefix = u128::from(0x2001_0db8_0000_0000 + u64::from(number % 8));
        return SocketAddr::from((Ipv6Addr::from(prefix << 64 | u128::from(number)), 5684));
    }
    SocketAddr::from(([10, 66, 0, (number % 64) as u8], 1024 + (number / 64) as u16))
}

fn config(identity: &[u8]) -> ClientConfig {
    psk_client_with(&["PSK-AES128-CCM8"], identity, KEY)
}

/// Gives datagrams to the server, and its answers to a client; answers what that says next.
fn exchange(network: &mut Network, client: &mut Endpoint, from: SocketAddr, datagrams: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let before = network.wire.len();
    for datagram in datagrams {
        network.server.endpoint.handle_datagram(network.now, from, datagram);
    }
    network.collect();
    for (_, to, answer) in &network.wire[before..] {
        if *to == from {
            client.handle_datagram(network.now, SERVER, answer);
        }
    }
    std::iter::from_fn(|| client.poll_transmit()).map(|transmit| transmit.datagram).collect()
}

/// Proves an address, goes as far as this stage, and is not heard of again.
fn stall(network: &mut Network, from: SocketAddr, stage: Stage, config: &ClientConfig) {
    let mut client = Endpoint::client(limits(), 0);
    client.connect(network.now, SERVER, config).unwrap();
    let hello: Vec<_> = std::iter::from_fn(|| client.poll_transmit()).map(|transmit| transmit.datagram).collect();
    let half = |hello: &[Vec<u8>]| vec![cut(&hello[0], FRAGMENT)[0].clone()];
    if stage == Stage::HalfAHello {
        let second = exchange(network, &mut client, from, &half(&hello));
        exchange(network, &mut client, from, &half(&second));
        return;
    }
    let second = exchange(network, &mut client, from, &hello);
    let flight = exchange(network, &mut client, from, &second).concat();
    let records: Vec<_> = Records::new(&flight).map(|record| record.bytes.to_vec()).collect();
    let last = match stage {
        Stage::HalfAHello | Stage::ServersFlight => return,
        Stage::HalfAMessage => fragment(&records[0], 2, 0..2),
        Stage::ClientKeyExchange | Stage::UnansweredLookUp => records[0].clone(),
        Stage::ChangeCipherSpec => records[..2].concat(),
    };
    network.server.endpoint.handle_datagram(network.now, from, &last);
}

/// Runs the network for a while, in which an honest application answers after so long, and attackers' questions never.
struct SlowStore {
    delay: Duration,
    asked: Vec<(Instant, crate::proto::QuestionId)>,
}

impl SlowStore {
    fn new(delay: Duration) -> SlowStore {
        SlowStore { delay, asked: Vec::new() }
    }

    fn run(&mut self, network: &mut Network, duration: Duration) {
        network.run_for(duration);
        let now = network.now;
        for (question, identity) in std::mem::take(&mut network.open_lookups) {
            if identity == IDENTITY {
                self.asked.push((now + self.delay, question));
            }
        }
        for (_, question) in self.asked.extract_if(.., |(due, _)| *due <= now) {
            network.answer(question, Some(KEY));
        }
    }
}

// --- who gets in -----------------------------------------------------------------------------------------------------

#[test]
fn at_each_stage_honest_clients_get_in_at_once_beside_two_thousand_attackers_a_second() {
    for is_ipv6 in [false, true] {
        for stage in STAGES {
            let identity = if stage == Stage::UnansweredLookUp { b"nobody answers".as_slice() } else { IDENTITY };
            let attackers = config(identity);
            let mut network = Network::with_limits(psk_server(), few_places());
            network.answers_at_once = false;
            let mut store = SlowStore::new(Duration::from_millis(150));
            let mut number = 0;
            let mut attack = |network: &mut Network, count: u32| {
                for _ in 0..count {
                    stall(network, attacker(is_ipv6, number), stage, &attackers);
                    number += 1;
                }
            };
            attack(&mut network, 200);
            assert_eq!(network.server.endpoint.handshake_count(), 100, "{stage:?}");
            for index in 0..2 {
                let client = network.connect_from(HONEST, &config(IDENTITY));
                let began = network.now;
                while network.clients[client].secured().is_empty() {
                    store.run(&mut network, Duration::from_millis(1));
                    attack(&mut network, 2);
                    let waited = network.now - began;
                    assert!(waited < Duration::from_millis(200), "{stage:?}, client {index}: {waited:?}");
                }
            }
        }
    }
}

#[test]
fn a_crowd_of_honest_clients_that_is_too_large_is_served_at_a_steady_rate() {
    // Twenty places, each for half a second: forty clients a second, of whom half may lose theirs.
    for is_one_prefix in [false, true] {
        let places = if is_one_prefix { (1_000, 20) } else { (20, 1_000) };
        let limits = Limits { handshakes: places.0, handshakes_per_address: places.1, ..limits() };
        let mut network = Network::with_limits(psk_server(), limits);
        network.answers_at_once = false;
        let mut store = SlowStore::new(Duration::from_millis(500));
        for number in 0..500_u16 {
            let [high, low] = number.to_be_bytes();
            let ip = if is_one_prefix { [10, 0, 0, 1] } else { [10, 0, high, low] };
            network.connect_from(SocketAddr::from((ip, 1024 + number)), &config(IDENTITY));
            store.run(&mut network, Duration::from_millis(5));
        }
        let served = network.server.secured().len();
        assert!(served >= 35, "{served} in two and a half seconds");
    }
}

// --- who gives way ---------------------------------------------------------------------------------------------------

#[test]
fn who_gives_way_is_told_and_counted_and_can_try_again() {
    let limits = Limits { handshakes: 2, ..limits() };
    let mut network = Network::with_limits(psk_server(), limits);
    network.answers_at_once = false;
    for last in 1..=3_u8 {
        network.connect_from(SocketAddr::from(([198, 51, 100, last], 5684)), &psk_client(&[]));
        network.settle();
    }
    // The first keeps its place, and the second was the last of the others.
    assert_eq!(network.server.error_kinds(), [ErrorKind::Displaced]);
    assert_eq!(network.clients[1].error_kinds(), [ErrorKind::AlertReceived]);
    assert_eq!(network.server.endpoint.counters().handshakes_displaced, 1);
    assert_eq!(network.server.endpoint.handshake_count(), 2);
    network.answers_at_once = true;
    for (question, _) in std::mem::take(&mut network.open_lookups) {
        network.answer(question, Some(KEY));
    }
    network.connect_from(network.clients[1].address, &psk_client(&[]));
    network.settle();
    assert_eq!(network.server.secured().len(), 3);
}

#[test]
fn repetitions_are_no_progress() {
    let limits = Limits { handshakes: 4, ..limits() };
    let mut network = Network::with_limits(psk_server(), limits);
    let stalled = psk_client(&["PSK-AES128-CCM8"]);
    // Two of one prefix, the first of which goes on repeating its hello.
    let [busy, idle] = [1, 2].map(|port| SocketAddr::from(([10, 0, 0, 1], port)));
    stall(&mut network, busy, Stage::ServersFlight, &stalled);
    let sent = |(_, to, _): &&(SocketAddr, SocketAddr, Vec<u8>)| *to == busy;
    assert_eq!(network.wire.iter().filter(sent).count(), 2);
    network.run_for(Duration::from_millis(10));
    stall(&mut network, idle, Stage::ServersFlight, &stalled);
    for last in [2, 3] {
        stall(&mut network, SocketAddr::from(([10, 0, 0, last], 1)), Stage::ServersFlight, &stalled);
    }
    let first = network.server.log.iter().find_map(|event| match event {
        crate::proto::Event::Connection { connection, remote, .. } if *remote == busy => Some(*connection),
        _ => None,
    });
    network.run_for(Duration::from_secs(4));
    network.connect_from(HONEST, &psk_client(&[]));
    network.settle();
    let displaced: Vec<_> = network.server.closes().map(|(connection, _)| connection).collect();
    assert_eq!(displaced, [first.unwrap()]);
}

// --- less time under pressure ----------------------------------------------------------------------------------------

#[test]
fn a_stalled_handshake_gets_less_time_while_there_are_many() {
    for (stalled, is_pressed) in [(5, false), (6, true)] {
        for stage in STAGES {
            let mut network = Network::with_limits(psk_server(), Limits { handshakes: 10, ..limits() });
            network.answers_at_once = false;
            for number in 0..stalled {
                stall(&mut network, attacker(false, number), stage, &config(IDENTITY));
            }
            network.run_for(Duration::from_millis(9_990));
            assert_eq!(network.server.endpoint.handshake_count(), stalled as usize, "{stage:?}");
            network.run_for(Duration::from_millis(20));
            // The others are no longer too many.
            assert_eq!(network.server.endpoint.handshake_count(), 5, "{stage:?}, {is_pressed}");
            network.run_for(Duration::from_secs(111));
            assert_eq!(network.server.endpoint.handshake_count(), 0, "{stage:?}");
        }
    }
}

#[test]
fn a_handshake_that_goes_ahead_has_that_time_anew() {
    let mut network = Network::with_limits(psk_server(), Limits { handshakes: 10, ..limits() });
    let mut client = Endpoint::client(limits(), 0);
    client.connect(network.now, SERVER, &config(IDENTITY)).unwrap();
    let hello: Vec<_> = std::iter::from_fn(|| client.poll_transmit()).map(|transmit| transmit.datagram).collect();
    let second = exchange(&mut network, &mut client, HONEST, &hello);
    let flight = exchange(&mut network, &mut client, HONEST, &second).concat();
    let records: Vec<_> = Records::new(&flight).map(|record| record.bytes.to_vec()).collect();
    network.run_for(Duration::from_secs(5));
    for number in 0..6 {
        stall(&mut network, attacker(false, number), Stage::ServersFlight, &config(IDENTITY));
    }
    // Its ClientKeyExchange comes after eight seconds, and the rest after three more.
    network.run_for(Duration::from_secs(3));
    network.server.endpoint.handle_datagram(network.now, HONEST, &records[0]);
    network.run_for(Duration::from_secs(3));
    network.server.endpoint.handle_datagram(network.now, HONEST, &records[1..].concat());
    network.collect();
    assert_eq!(network.server.secured().len(), 1);
}

// --- finished connections by prefix ----------------------------------------------------------------------------------

#[test]
fn finished_connections_of_one_prefix_are_bounded_where_that_is_wanted() {
    let limits = Limits { connections_per_address: Some(2), ..limits() };
    let mut network = Network::with_limits(psk_server(), limits);
    let address = |last: u16| SocketAddr::from((Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last), 5684));
    for last in 1..=3 {
        network.connect_from(address(last), &psk_client(&[]));
        network.settle();
    }
    assert_eq!(network.server.secured().len(), 2);
    assert_eq!(network.server.endpoint.counters().handshakes_refused, 1);
    // Another prefix has room, and a client that starts anew takes its own place.
    network.connect_from(HONEST, &psk_client(&[]));
    network.settle();
    network.connect_from(address(1), &psk_client(&[]));
    network.settle();
    assert_eq!(network.server.secured().len(), 4);
    assert_eq!(network.server.endpoint.connection_count(), 3);
    // Who says goodbye leaves its place, which the third has been asking for.
    let second = network.client_handle(1);
    network.clients[1].endpoint.close(network.now, second);
    network.run_for(Duration::from_secs(5));
    assert_eq!(network.server.endpoint.connection_count(), 3);
    assert_eq!(network.clients[2].secured().len(), 1);
}

#[test]
fn who_finds_no_room_among_the_connections_of_its_prefix_takes_no_place_from_those_who_start_anew() {
    let limits = Limits { connections_per_address: Some(2), handshakes_per_address: 2, ..limits() };
    let mut network = Network::with_limits(psk_server(), limits);
    let address = |port| SocketAddr::from(([10, 0, 0, 1], port));
    for port in [1, 2] {
        network.connect_from(address(port), &psk_client(&[]));
        network.settle();
    }
    network.answers_at_once = false;
    for port in [1, 2, 3] {
        network.connect_from(address(port), &psk_client(&[]));
        network.settle();
    }
    let counters = network.server.endpoint.counters();
    assert_eq!((counters.handshakes_refused, counters.handshakes_displaced), (1, 0));
    for (question, _) in std::mem::take(&mut network.open_lookups) {
        network.answer(question, Some(KEY));
    }
    network.settle();
    assert_eq!(network.server.secured().len(), 4);
    assert_eq!(network.server.endpoint.connection_count(), 2);
}

#[test]
fn who_finds_no_room_among_all_connections_takes_no_place_from_hellos_that_are_not_whole() {
    let mut network = Network::with_limits(psk_server(), Limits { connections: 2, ..limits() });
    for last in [1, 2] {
        let from = SocketAddr::from(([10, 0, 0, last], 5684));
        stall(&mut network, from, Stage::HalfAHello, &config(IDENTITY));
    }
    // Both places are taken meanwhile.
    for last in [3, 4] {
        let saved = super::roaming::saved(&Network::connected());
        let restoration = Restoration { saved: &saved, clock: clock(super::roaming::UNIX_TIME) };
        let remote = SocketAddr::from(([10, 0, 0, last], 5684));
        assert!(network.server.endpoint.restore(network.now, remote, restoration).is_some());
    }
    network.connect_from(HONEST, &psk_client(&[]));
    network.settle();
    let counters = network.server.endpoint.counters();
    assert_eq!((counters.handshakes_refused, counters.handshakes_displaced), (1, 0));
    assert_eq!(network.server.endpoint.handshake_count(), 2);
}

#[test]
fn stalled_handshakes_take_no_connection_from_their_prefix() {
    let limits = Limits { connections_per_address: Some(4), ..limits() };
    let mut network = Network::with_limits(psk_server(), limits);
    let address = |port| SocketAddr::from(([10, 0, 0, 1], port));
    for port in 1..=20 {
        stall(&mut network, address(port), Stage::ServersFlight, &config(IDENTITY));
    }
    assert_eq!(network.server.endpoint.handshake_count(), 4);
    network.connect_from(address(21), &psk_client(&[]));
    network.settle();
    assert_eq!(network.server.secured().len(), 1);
    assert!(network.server.endpoint.connection_count() <= 4);
}
