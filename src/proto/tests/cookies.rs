//! Before the cookie nothing is kept (RFC 6347 section 4.2.1).

use super::network::*;
use crate::proto::Endpoint;
use std::net::SocketAddr;
use std::time::Duration;

/// The first ClientHello of a client, and the second, with its cookie.
fn hellos() -> (Vec<u8>, Vec<u8>, Network) {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&[]));
    network.settle();
    let hello = |nth: usize| {
        let mut sent = network.wire.iter().filter(|(from, ..)| *from != SERVER);
        sent.nth(nth).unwrap().2.clone()
    };
    (hello(0), hello(1), network)
}

fn address(number: u32) -> SocketAddr {
    SocketAddr::from((
        [10, (number >> 24) as u8, (number >> 16) as u8, (number >> 8) as u8],
        number as u8 as u16 + 1024,
    ))
}

fn count_transmits(endpoint: &mut Endpoint) -> usize {
    std::iter::from_fn(|| endpoint.poll_transmit()).count()
}

// CVE-2026-115215
#[test]
fn a_hundred_thousand_hellos_without_cookie_leave_nothing_behind() {
    let (hello, _, mut network) = hellos();
    let before = network.server.endpoint.footprint();
    for number in 0..100_000 {
        assert!(network.server.endpoint.handle_datagram(network.now, address(number), &hello).is_none());
        assert_eq!(count_transmits(&mut network.server.endpoint), 1);
    }
    assert!(network.server.endpoint.poll_event().is_none());
    assert_eq!(network.server.endpoint.footprint(), before);
}

#[test]
fn the_answer_is_shorter_than_the_question_and_bears_its_number() {
    let (mut hello, _, mut network) = hellos();
    hello[10] = 42;
    network.server.endpoint.handle_datagram(network.now, address(1), &hello);
    let answer = network.server.endpoint.poll_transmit().unwrap();
    assert!(answer.datagram.len() < hello.len());
    assert_eq!(answer.datagram[3..11], hello[3..11]);
    assert_eq!(answer.route.remote, address(1));
}

#[test]
fn a_cookie_is_good_for_one_address_one_port_and_one_hello() {
    let (_, with_cookie, mut network) = hellos();
    let owner = network.clients[0].address;
    let stolen_by = [SocketAddr::from(([10, 9, 8, 7], owner.port())), SocketAddr::new(owner.ip(), owner.port() + 1)];
    for thief in stolen_by {
        network.inject(thief, SERVER, &with_cookie);
    }
    let mut changed = with_cookie;
    // A byte of the client's random.
    changed[13 + 12 + 2 + 31] ^= 1;
    network.inject(owner, SERVER, &changed);
    assert_eq!(network.server.endpoint.counters().handshakes_started, 1);
}

// Mbed TLS 2.28's client has a session id of its own making in each hello with a ticket.
#[test]
fn a_cookie_is_good_for_a_hello_with_another_session_id() {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&[]));
    // The hello without a cookie, and the answer to it.
    network.step();
    network.step();
    let (owner, _, hello) = network.take_next().unwrap();
    let session_id = 13 + 12 + 2 + 32;
    assert_eq!(hello[session_id], 0);
    let mut changed = hello;
    changed[session_id] = 32;
    changed.splice(session_id + 1..=session_id, [0xa5; 32]);
    // The low bytes of the lengths of record, message and fragment.
    for at in [11, 13 + 2, 13 + 10] {
        let length = u16::from_be_bytes([changed[at], changed[at + 1]]) + 32;
        changed[at..at + 2].copy_from_slice(&length.to_be_bytes());
    }
    let mut foreign = changed.clone();
    foreign[session_id - 1] ^= 1;
    let mut again = changed.clone();
    again[session_id + 1] ^= 1;
    for (hello, handshakes) in [(foreign, 0), (changed, 1), (again, 1)] {
        network.inject(owner, SERVER, &hello);
        assert_eq!(network.server.endpoint.counters().handshakes_started, handshakes);
    }
}

#[test]
fn a_cookie_has_128_bits_that_nobody_can_guess() {
    let (hello, _, mut network) = hellos();
    let mut seen = vec![std::collections::HashSet::new(); 255];
    for number in 0..64 {
        network.server.endpoint.handle_datagram(network.now, address(number), &hello);
        let answer = network.server.endpoint.poll_transmit().unwrap().datagram;
        // Behind the headers of record and message, the version, and the length.
        for (at, byte) in answer[13 + 12 + 2 + 1..].iter().enumerate() {
            seen[at].insert(*byte);
        }
    }
    let unforeseeable = seen.iter().filter(|values| values.len() > 32).count();
    assert!(unforeseeable >= 16, "{unforeseeable} bytes");
}

#[test]
fn a_cookie_grows_old() {
    let (_, with_cookie, _) = hellos();
    let (_, _, mut network) = hellos();
    // The same secret cannot be had twice: what matters is that the second network's own cookie ends.
    let own = network.wire.iter().filter(|(from, ..)| *from != SERVER).nth(1).unwrap().2.clone();
    let owner = network.clients[0].address;
    let handle = network.server.secured()[0];
    network.server.endpoint.abort(handle);
    network.run_for(Duration::from_secs(61));
    network.inject(owner, SERVER, &own);
    network.inject(owner, SERVER, &with_cookie);
    assert_eq!(network.server.endpoint.counters().handshakes_started, 1);
}

#[test]
fn hellos_that_make_no_sense_are_not_answered() {
    let (hello, _, mut network) = hellos();
    let (deflate_only, truncated, later_fragment, too_long) = {
        let session_id = 13 + 12 + 2 + 32;
        let cookie = session_id + 1 + usize::from(hello[session_id]);
        let suites = cookie + 1 + usize::from(hello[cookie]);
        let compression = suites + 2 + usize::from(u16::from_be_bytes([hello[suites], hello[suites + 1]]));
        let mut deflate_only = hello.clone();
        assert_eq!(deflate_only[compression..compression + 2], [1, 0]);
        deflate_only[compression + 1] = 1;
        let mut later_fragment = hello.clone();
        // Message length above fragment length, and an offset.
        later_fragment[13 + 3] += 1;
        later_fragment[13 + 8] = 1;
        let mut too_long = hello.clone();
        too_long[13 + 1] = 1;
        (deflate_only, hello[..hello.len() - 1].to_vec(), later_fragment, too_long)
    };
    for datagram in [deflate_only, truncated, later_fragment, too_long, Vec::new()] {
        network.server.endpoint.handle_datagram(network.now, address(1), &datagram);
        assert_eq!(count_transmits(&mut network.server.endpoint), 0);
    }
}

#[test]
fn handshakes_are_bounded_in_total_and_by_address() {
    for (handshakes, per_address, expected) in [(3, 100, 3), (100, 2, 2)] {
        let limits = crate::proto::Limits { handshakes, handshakes_per_address: per_address, ..limits() };
        let mut network = Network::with_limits(psk_server(), limits);
        network.answers_at_once = false;
        for _ in 0..5 {
            network.connect(&psk_client(&[]));
        }
        network.settle();
        assert_eq!(network.server.endpoint.handshake_count(), expected);
        assert_eq!(network.server.endpoint.counters().handshakes_displaced, 5 - expected as u64);
        assert_eq!(network.server.error_kinds(), vec![ErrorKind::Displaced; 5 - expected]);
    }
}

#[test]
fn a_refused_client_gets_in_when_there_is_room_again() {
    let limits = crate::proto::Limits { handshakes: 1, ..limits() };
    let mut network = Network::with_limits(psk_server(), limits);
    for _ in 0..5 {
        network.connect(&psk_client(&[]));
    }
    network.run_for(Duration::from_secs(30));
    assert_eq!(network.server.secured().len(), 5);
}
