//! Before a valid cookie nothing is kept (RFC 9147 section 5.1), and a cookie is good for whom it was made.

use super::*;
use crate::wire::Records;
use std::time::Duration;

/// A client's two hellos, of which the second has not arrived, and the HelloRetryRequest between them.
fn two_hellos(network: &mut Network, address: SocketAddr, config: &ClientConfig) -> [Vec<u8>; 3] {
    let before = network.wire.len();
    network.connect_from(address, config);
    while network.wire.len() < before + 3 {
        assert!(network.step());
    }
    network.drop_in_flight();
    network.clients.pop();
    [0, 1, 2].map(|at| network.wire[before + at].2.clone())
}

fn address(host: u8) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, host], 5684))
}

fn started(network: &Network) -> u64 {
    network.server.endpoint.counters().handshakes_started
}

#[test]
fn the_first_hello_leaves_nothing_behind_and_gets_fewer_bytes_than_it_has() {
    for curves in [&[][..], &["P-256"]] {
        let mut network = Network::new(server_of(&settings_of(BOTH, &[], curves)));
        let [first, retry, _] = two_hellos(&mut network, address(1), &client());
        assert!(retry.len() < first.len(), "{} for {}", retry.len(), first.len());
        assert_eq!((network.server.endpoint.footprint(), network.server.log.len()), (0, 0));
        // It bears the hello's record number.
        assert_eq!(retry[3..11], first[3..11]);
    }
}

#[test]
fn a_second_hello_begins_a_handshake_where_it_was_made_for_and_in_its_time() {
    let mut network = Network::new(server());
    let [_, _, second] = two_hellos(&mut network, address(1), &client());
    // Elsewhere, and from another port.
    network.inject(address(2), SERVER, &second);
    network.inject(SocketAddr::new(address(1).ip(), 5685), SERVER, &second);
    assert_eq!(started(&network), 0);
    network.run_for(Duration::from_secs(61));
    network.inject(address(1), SERVER, &second);
    assert_eq!(started(&network), 0);
    let [_, _, second] = two_hellos(&mut network, address(1), &client());
    network.inject(address(1), SERVER, &second);
    assert_eq!(started(&network), 1);
}

#[test]
fn no_byte_of_a_cookie_may_differ() {
    let mut network = Network::new(server());
    let [_, retry, second] = two_hellos(&mut network, address(1), &client());
    let cookie = &retry[retry.len() - 56..];
    let at = second.windows(cookie.len()).position(|window| window == cookie).unwrap();
    for byte in at..at + cookie.len() {
        let mut forged = second.clone();
        forged[byte] ^= 1;
        network.inject(address(1), SERVER, &forged);
        assert_eq!(started(&network), 0, "byte {}", byte - at);
    }
    network.inject(address(1), SERVER, &second);
    assert_eq!(started(&network), 1);
}

#[test]
fn a_cookie_is_good_for_one_hello() {
    let mut network = Network::new(server());
    let [_, retry, second] = two_hellos(&mut network, address(1), &client());
    let [_, other_retry, other] = two_hellos(&mut network, address(1), &client());
    let exchange = |hello: &[u8], old: &[u8], new: &[u8]| {
        let (old, new) = (&old[old.len() - 56..], &new[new.len() - 56..]);
        let at = hello.windows(old.len()).position(|window| window == old).unwrap();
        [&hello[..at], new, &hello[at + old.len()..]].concat()
    };
    network.inject(address(1), SERVER, &exchange(&second, &retry, &other_retry));
    network.inject(address(1), SERVER, &exchange(&other, &other_retry, &retry));
    assert_eq!(started(&network), 0);
}

#[test]
fn a_second_hello_that_differs_otherwise_fails_at_the_proof_of_the_key() {
    let mut network = Network::new(server());
    let [_, _, mut second] = two_hellos(&mut network, address(1), &client());
    // The last bytes of the proof, and of the key exchange before it.
    let end = second.len();
    second[end - 1] ^= 1;
    network.inject(address(1), SERVER, &second);
    assert_eq!(network.server.error_kinds(), [ErrorKind::WrongPsk]);
}

#[test]
fn a_second_hello_in_fragments_is_put_together() {
    for length in [60, 130, 200, 400] {
        let mut network = Network::new(server());
        network.connect_from(address(1), &client());
        while network.wire.len() < 3 {
            assert!(network.step());
        }
        network.drop_in_flight();
        let second = network.wire[2].2.clone();
        let mut fragments = cut(&second, length);
        assert!(fragments.len() > 1 || length == 400);
        // The others may come in any order.
        fragments[1..].reverse();
        for fragment in fragments {
            network.inject(address(1), SERVER, &fragment);
        }
        network.settle();
        talk(&mut network);
    }
}

#[test]
fn a_hello_that_is_replayed_gets_no_more_flights_than_an_honest_client() {
    let mut network = Network::new(server());
    let [_, _, second] = two_hellos(&mut network, address(1), &client());
    let since = network.wire.len();
    for _ in 0..50 {
        network.inject(address(1), SERVER, &second);
        network.run_for(Duration::from_millis(10));
    }
    let answers = network.wire[since..].iter().filter(|(from, ..)| *from == SERVER).count();
    assert!(answers <= 2, "{answers}");
    assert_eq!(started(&network), 1);
}

#[test]
fn hellos_that_make_no_sense_get_an_alert_or_nothing() {
    let mut network = Network::new(server_of(&settings_of(ONLY, &[], &[])));
    let [first, ..] = two_hellos(&mut network, address(1), &client());
    let since = network.wire.len();
    for length in 0..first.len() {
        network.inject(address(1), SERVER, &first[..length]);
    }
    for byte in 13..first.len() {
        for bit in [1, 0x80] {
            let mut odd = first.clone();
            odd[byte] ^= bit;
            network.inject(address(1), SERVER, &odd);
        }
    }
    for (.., answer) in &network.wire[since..] {
        assert!(answer.len() <= first.len() && Records::new(answer).count() == 1);
    }
    // One that seems to be a fragment is kept for some seconds.
    network.run_for(Duration::from_secs(6));
    assert_eq!((network.server.endpoint.footprint(), started(&network)), (0, 0));
}

#[test]
fn a_second_hello_has_the_session_id_of_the_first() {
    let mut network = Network::new(server());
    let [_, _, second] = two_hellos(&mut network, address(1), &client());
    // Behind headers, version and random: empty, as RFC 9147 section 5.3 has it.
    let at = 13 + 12 + 2 + 32;
    assert_eq!(second[at], 0);
    let mut other = [&second[..at], &[1, 7], &second[at + 1..]].concat();
    // The record, the message and its only fragment are longer by one byte.
    for length in [11..13, 14..17, 22..25] {
        let value = other[length.clone()].iter().fold(0, |value, &byte| value << 8 | u32::from(byte)) + 1;
        let bytes = value.to_be_bytes();
        other[length.clone()].copy_from_slice(&bytes[4 - length.len()..]);
    }
    network.inject(address(1), SERVER, &other);
    assert_eq!(started(&network), 0);
    network.inject(address(1), SERVER, &second);
    assert_eq!(started(&network), 1);
}
