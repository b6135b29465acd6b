//! What hellos get out of a server: one answer a datagram.

use super::network::*;
use std::net::SocketAddr;

/// A client's first hello, and the one with a cookie, which never arrived.
fn two_hellos(network: &mut Network, address: SocketAddr) -> [Vec<u8>; 2] {
    let before = network.wire.len();
    network.connect_from(address, &psk_client(&[]));
    while network.wire.len() < before + 3 {
        assert!(network.step());
    }
    network.drop_in_flight();
    network.clients.pop();
    [network.wire[before].2.clone(), network.wire[before + 2].2.clone()]
}

fn client() -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 5], 5684))
}

/// Bytes that the server has sent since, in how many datagrams.
fn answers(network: &Network, since: usize) -> (usize, usize) {
    let sent = network.wire[since..].iter().filter(|(from, ..)| *from == SERVER);
    sent.fold((0, 0), |(bytes, count), (.., datagram)| (bytes + datagram.len(), count + 1))
}

#[test]
fn sixty_four_hellos_in_one_datagram_get_one_answer() {
    let mut network = Network::new(psk_server());
    let [first, _] = two_hellos(&mut network, client());
    let (since, dropped) = (network.wire.len(), network.server.endpoint.counters().records_dropped);
    network.inject(client(), SERVER, &first.repeat(64));
    assert_eq!(answers(&network, since).1, 1);
    assert_eq!(network.server.endpoint.counters().records_dropped - dropped, 63);
}

#[test]
fn twenty_hellos_with_a_cookie_in_one_datagram_begin_one_handshake() {
    let mut network = Network::new(psk_server());
    let hellos: Vec<_> = (0..20).map(|_| two_hellos(&mut network, client())[1].clone()).collect();
    network.inject(client(), SERVER, &hellos.concat());
    assert_eq!(network.server.endpoint.counters().handshakes_started, 1);
}

#[test]
fn all_fragments_of_a_hello_may_come_in_one_datagram() {
    let mut network = Network::new(psk_server());
    network.hello_fragments = Some(60);
    network.connect_from(client(), &psk_client(&[]));
    while network.hellos.len() < 2 {
        assert!(network.step());
    }
    network.drop_in_flight();
    network.inject(client(), SERVER, &cut(&network.hellos[1], 60).concat());
    assert_eq!(network.server.endpoint.counters().handshakes_started, 1);
}
