//! What hellos get out of a server: one answer a datagram, and no flight more often than an honest client asks for one.

use super::network::*;
use std::net::SocketAddr;
use std::time::Duration;

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

#[test]
fn a_hello_that_is_replayed_gets_two_flights_at_once_and_one_in_two_seconds() {
    for is_new_record in [false, true] {
        let mut network = Network::new(psk_server());
        let [_, mut hello] = two_hellos(&mut network, client());
        let since = network.wire.len();
        let mut replay = |network: &mut Network, number: u64| {
            if is_new_record {
                hello[3..11].copy_from_slice(&number.to_be_bytes());
            }
            network.inject(client(), SERVER, &hello);
        };
        replay(&mut network, 10);
        let flight = answers(&network, since);
        for number in 11..200 {
            replay(&mut network, number);
        }
        assert_eq!(answers(&network, since), (2 * flight.0, 2 * flight.1));
        network.run_for(Duration::from_millis(2_100));
        // The server's own timer repeats it, too.
        let timer = network.wire.len();
        for number in 200..300 {
            replay(&mut network, number);
        }
        assert_eq!(answers(&network, timer), flight);
    }
}

#[test]
fn two_hellos_that_are_replayed_in_turns_get_no_more_than_one() {
    let mut network = Network::new(psk_server());
    let hellos = [(); 2].map(|()| two_hellos(&mut network, client())[1].clone());
    let since = network.wire.len();
    network.inject(client(), SERVER, &hellos[0]);
    let flight = answers(&network, since);
    for turn in 1..200 {
        network.inject(client(), SERVER, &hellos[turn % 2]);
    }
    assert_eq!(network.server.endpoint.counters().handshakes_started, 2);
    let (bytes, _) = answers(&network, since);
    assert!(bytes < 3 * flight.0, "{bytes} bytes for flights of {}", flight.0);
}

// RFC 6347 section 4.2.4.1: after one second at first, and after twice as long each time.
#[test]
fn a_client_that_doubles_its_interval_is_answered_each_time() {
    let mut network = Network::new(psk_server());
    let [_, hello] = two_hellos(&mut network, client());
    for wait in [0, 1, 2, 4, 8, 16] {
        network.run_for(Duration::from_secs(wait));
        let since = network.wire.len();
        network.inject(client(), SERVER, &hello);
        assert!(answers(&network, since).1 > 0, "after {wait} s");
    }
}
