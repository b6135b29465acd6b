//! A full house is not a closed one: beside attackers who prove their addresses and then stop, honest clients get in.

use super::network::*;
use crate::proto::{Endpoint, Limits};
use crate::tls::ClientConfig;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

const HONEST: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(203, 0, 113, 77)), 5000);

/// As lib/defaults.js has them.
fn default_limits() -> Limits {
    Limits { handshakes: 1000, handshakes_per_address: 100, ..limits() }
}

/// The n-th attacker of those who share so many IPv4 addresses.
fn by_address(addresses: u32) -> impl Fn(u32) -> SocketAddr {
    move |number| {
        let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 66, 0, 0)) + number % addresses);
        SocketAddr::from((address, 1024 + u16::try_from(number / addresses % 60_000).unwrap()))
    }
}

/// The n-th attacker of those who share so many prefixes of 64 bits, each under an address that was never seen.
fn by_prefix(prefixes: u32) -> impl Fn(u32) -> SocketAddr {
    move |number| {
        let prefix = u128::from(0x2001_0db8_0000_0000 + u64::from(number % prefixes));
        SocketAddr::from((Ipv6Addr::from(prefix << 64 | u128::from(number)), 5684))
    }
}

/// Proves an address to the server, gets the server's flight, and is not heard of again. What the server says to others
/// meanwhile goes its way.
fn stall(network: &mut Network, address: SocketAddr, config: &ClientConfig) {
    network.collect();
    let now = network.now;
    let mut client = Endpoint::client(limits(), 0);
    client.connect(now, SERVER, config).unwrap();
    // A hello without and a hello with a cookie.
    for _ in 0..2 {
        while let Some(hello) = client.poll_transmit() {
            network.server.endpoint.handle_datagram(now, address, &hello.datagram);
        }
        let before = network.wire.len();
        network.collect();
        for (.., answer) in network.wire[before..].iter().filter(|(_, to, _)| *to == address) {
            client.handle_datagram(now, SERVER, answer);
        }
    }
}

/// Whether a client gets in, whose server takes so long to look its key up, while every millisecond two attackers come.
fn gets_in(network: &mut Network, attackers: impl Fn(u32) -> SocketAddr, look_up: Duration) -> bool {
    let config = psk_client(&["PSK-AES128-CCM8"]);
    for number in 0..1_500 {
        stall(network, attackers(number), &config);
    }
    network.answers_at_once = false;
    let client = network.connect_from(HONEST, &config);
    let mut asked = None;
    for step in 0..3_000 {
        network.run_for(Duration::from_millis(1));
        if let Some((lookup, _)) = network.open_lookups.pop() {
            asked = Some((network.now, lookup));
        }
        if let Some((_, lookup)) = asked.filter(|(since, _)| network.now >= *since + look_up) {
            asked = None;
            network.answer(lookup, Some(KEY));
        }
        if !network.clients[client].secured().is_empty() {
            return true;
        }
        for number in [0, 1] {
            stall(network, attackers(1_500 + 2 * step + number), &config);
        }
    }
    false
}

#[test]
fn where_there_is_room_for_all_an_honest_client_gets_in_beside_stalled_ones() {
    let limits = Limits { handshakes: 100_000, handshakes_per_address: 100_000, ..limits() };
    let mut network = Network::with_limits(psk_server(), limits);
    assert!(gets_in(&mut network, by_address(64), Duration::from_millis(500)));
    assert!(network.server.endpoint.handshake_count() > 2_000);
}

#[test]
fn stalled_handshakes_of_ten_addresses_keep_no_honest_client_out() {
    let mut network = Network::with_limits(psk_server(), default_limits());
    assert!(gets_in(&mut network, by_address(10), Duration::ZERO));
}

#[test]
fn stalled_handshakes_of_sixty_four_addresses_keep_no_client_out_whose_key_is_looked_up() {
    let mut network = Network::with_limits(psk_server(), default_limits());
    assert!(gets_in(&mut network, by_address(64), Duration::from_millis(500)));
}

#[test]
fn stalled_handshakes_of_one_ipv6_prefix_keep_no_honest_client_out() {
    let mut network = Network::with_limits(psk_server(), default_limits());
    assert!(gets_in(&mut network, by_prefix(1), Duration::ZERO));
}

#[test]
fn stalled_handshakes_of_eight_ipv6_prefixes_keep_no_client_out_whose_key_is_looked_up() {
    let mut network = Network::with_limits(psk_server(), default_limits());
    assert!(gets_in(&mut network, by_prefix(8), Duration::from_millis(500)));
}

#[test]
fn a_full_house_displaces_nobody_who_has_authenticated() {
    let mut network = Network::with_limits(psk_server(), Limits { connections: 1001, ..default_limits() });
    network.connect(&psk_client(&[]));
    network.settle();
    let config = psk_client(&["PSK-AES128-CCM8"]);
    for number in 0..1_500 {
        stall(&mut network, by_address(64)(number), &config);
    }
    let honest = network.server.secured()[0];
    assert!(network.server.closes().all(|(closed, _)| closed != honest));
    network.send_from_client(0, b"still here");
    network.settle();
    assert_eq!(network.server.payloads(), [b"still here"]);
    assert!(network.server.endpoint.handshake_count() <= 1000);
}
