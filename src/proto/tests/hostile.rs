//! What a stranger can send: dropped and counted, with every connection undisturbed.

use super::network::*;
use std::net::SocketAddr;
use std::time::Duration;

const STRANGER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9)), 4242);

fn record(content_type: u8, epoch: u16, number: u64, fragment: &[u8]) -> Vec<u8> {
    let mut bytes = vec![content_type, 254, 253];
    bytes.extend_from_slice(&((u64::from(epoch) << 48) | number).to_be_bytes());
    bytes.extend_from_slice(&(fragment.len() as u16).to_be_bytes());
    bytes.extend_from_slice(fragment);
    bytes
}

/// One of each kind, as an attacker would send them who sees nothing of the traffic but knows its addresses.
pub(super) fn spoofed_datagrams() -> Vec<Vec<u8>> {
    let mut datagrams = vec![
        Vec::new(),
        vec![0],
        vec![22],
        vec![0xfe],
        vec![0xff; 12],
        vec![0; 65_507],
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        // Plaintext alerts: fatal, close_notify, warning, of wrong length.
        record(21, 0, 77, &[2, 40]),
        record(21, 0, 78, &[1, 0]),
        record(21, 0, 79, &[1, 90]),
        record(21, 0, 80, &[2, 40, 0]),
        // Plaintext application data, ChangeCipherSpec, HelloRequest.
        record(23, 0, 81, b"plaintext"),
        record(20, 0, 82, &[1]),
        record(20, 0, 83, &[2]),
        record(22, 0, 84, &[0; 12]),
        // The malformed HelloRequest that some servers send.
        vec![0x16, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0],
        // A type of another fork's.
        record(254, 1, 1, &[7; 30]),
        record(25, 1, 1, &[7; 30]),
        record(24, 1, 1, &[7; 30]),
    ];
    for epoch in [1, 2, 0xffff] {
        for length in [0, 1, 7, 8, 15, 16, 17, 23, 24, 25, 32, 40, 64, 1_000, 16_384, 18_000, 65_000] {
            for content_type in [20, 21, 22, 23] {
                datagrams.push(record(content_type, epoch, 5_000, &vec![0xa5; length]));
            }
        }
    }
    // A skipped record and a tail: the engine alone ends the association over it (engine note 9).
    for tail in 1..=12 {
        datagrams.push([record(23, 0, 90, b"skipped"), vec![0xee; tail]].concat());
        datagrams.push([record(23, 1, 90, &[0xa5; 40]), vec![0x17; tail]].concat());
    }
    datagrams
}

fn assert_alive(network: &mut Network) {
    network.send_from_client(0, b"alive");
    network.settle();
    assert_eq!(network.server.received.last().unwrap().1, b"alive");
    let handle = network.server.secured()[0];
    let address = network.clients[0].address;
    network.send_from_server(handle, address, b"alive too");
    network.settle();
    assert_eq!(network.clients[0].received.last().unwrap().1, b"alive too");
}

#[test]
fn nothing_that_is_not_authentic_disturbs_an_established_connection() {
    let mut network = Network::connected();
    let client = network.clients[0].address;
    for (index, datagram) in spoofed_datagrams().iter().enumerate() {
        network.inject(client, SERVER, datagram);
        network.inject(SERVER, client, datagram);
        assert!(network.server.closes().next().is_none(), "server, datagram {index}");
        assert!(network.clients[0].closes().next().is_none(), "client, datagram {index}");
    }
    assert!(network.server.received.is_empty() && network.clients[0].received.is_empty());
    assert_alive(&mut network);
    assert!(network.server.endpoint.counters().records_dropped > 200);
}

#[test]
fn strangers_get_no_connection_and_no_answer() {
    let mut network = Network::connected();
    let sent = network.wire.len();
    for datagram in spoofed_datagrams() {
        network.inject(STRANGER, SERVER, &datagram);
    }
    assert_eq!(network.wire.len(), sent);
    assert_eq!(network.server.endpoint.connection_count(), 1);
}

#[test]
fn junk_in_the_middle_of_a_handshake_does_not_end_it() {
    let junk: Vec<_> = spoofed_datagrams()
        .into_iter()
        // An alert in plaintext is a peer's right while there are no keys; it may end a handshake.
        .filter(|datagram| !(datagram.first() == Some(&21) && datagram.get(4) == Some(&0)))
        .collect();
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&["PSK-AES128-CCM8"]));
    let client = network.clients[0].address;
    for _ in 0..20 {
        network.run_for(Duration::from_micros(500));
        for datagram in &junk {
            network.inject(client, SERVER, datagram);
            network.inject(SERVER, client, datagram);
        }
    }
    network.run_for(Duration::from_secs(10));
    assert_eq!(network.server.error_kinds(), Vec::<ErrorKind>::new());
    assert_eq!(network.clients[0].error_kinds(), Vec::<ErrorKind>::new());
    assert_alive(&mut network);
}

#[test]
fn replayed_datagrams_are_delivered_once() {
    let mut network = Network::connected();
    let client = network.clients[0].address;
    for number in 0..5 {
        network.send_from_client(0, &[number]);
    }
    network.settle();
    let recorded: Vec<_> = network.wire.iter().filter(|(from, ..)| *from == client).map(|(.., d)| d.clone()).collect();
    for datagram in recorded.iter().chain(&recorded) {
        network.inject(client, SERVER, datagram);
    }
    assert_eq!(network.server.payloads(), [[0], [1], [2], [3], [4]]);
    assert_alive(&mut network);
}

#[test]
fn changed_datagrams_are_dropped_bit_by_bit() {
    let mut network = Network::connected();
    let client = network.clients[0].address;
    let handle = network.client_handle(0);
    let now = network.now;
    let datagram = network.clients[0].endpoint.send(now, handle, b"precious").unwrap().datagram.to_vec();
    for position in 0..datagram.len() {
        for bit in 0..8 {
            let mut changed = datagram.clone();
            changed[position] ^= 1 << bit;
            // DTLS carries the version in the clear and authenticates it with the rest.
            network.inject(client, SERVER, &changed);
            assert!(network.server.received.is_empty(), "byte {position}, bit {bit}");
        }
    }
    for length in 0..datagram.len() {
        network.inject(client, SERVER, &datagram[..length]);
    }
    assert!(network.server.received.is_empty());
    network.inject(client, SERVER, &datagram);
    assert_eq!(network.server.payloads(), [b"precious"]);
}

#[test]
fn truncated_and_changed_handshake_datagrams_never_panic() {
    // Every datagram of a handshake, cut and changed everywhere, at the moment when its original would arrive.
    let clean = Network::connected();
    let rounds = clean.wire.len();
    for round in 0..rounds {
        for variant in 0..60 {
            let mut network = Network::new(psk_server());
            network.connect(&psk_client(&[]));
            while network.wire.len() <= round && network.step() {}
            let Some((from, to, original)) = network.wire.get(round).cloned() else {
                continue;
            };
            let at = variant * 37 % original.len().max(1);
            let mut changed = original.clone();
            if variant % 3 == 0 {
                changed.truncate(at);
            } else {
                changed[at] = changed[at].wrapping_add(variant as u8 + 1);
            }
            network.inject(from, to, &changed);
            network.run_for(Duration::from_secs(130));
            // Whatever became of it: exactly one end for each connection that is gone.
            let gone = network.server.closes().count();
            let counters = network.server.endpoint.counters();
            assert_eq!(counters.handshakes_started as usize - gone, network.server.endpoint.connection_count());
        }
    }
}

#[test]
fn of_a_datagram_with_five_thousand_useless_records_sixty_four_are_looked_at_and_all_counted() {
    let mut network = Network::connected();
    let client = network.clients[0].address;
    for (useless, is_read) in [(63, true), (64, false), (4_999, false)] {
        let genuine = network.seal(0, b"genuine");
        let datagram = [record(23, 1, 1, &[]).repeat(useless), genuine].concat();
        let before = (network.server.received.len(), network.server.endpoint.counters().records_dropped);
        network.inject(client, SERVER, &datagram);
        let heard = network.server.received.len() - before.0;
        let dropped = network.server.endpoint.counters().records_dropped - before.1;
        assert_eq!((heard, dropped), (usize::from(is_read), (useless + usize::from(!is_read)) as u64));
    }
    assert_alive(&mut network);
}

#[test]
fn two_hundred_small_records_in_one_datagram_are_all_read() {
    let mut network = Network::connected();
    let client = network.clients[0].address;
    let records: Vec<_> = (0..200_u8).map(|number| network.seal(0, &[number])).collect();
    network.inject(client, SERVER, &records.concat());
    let expected: Vec<_> = (0..200_u8).map(|number| vec![number]).collect();
    assert_eq!(network.server.payloads(), expected);
}

#[test]
fn twenty_thousand_garbage_datagrams_change_nothing() {
    let mut network = Network::new(psk_server());
    let before = network.server.endpoint.footprint();
    let mut byte = 1u8;
    for number in 0..20_000u32 {
        let garbage: Vec<u8> = (0..number % 200)
            .map(|_| {
                byte = byte.wrapping_mul(73).wrapping_add(41);
                byte
            })
            .collect();
        let from = SocketAddr::from(([10, 0, (number >> 8) as u8, number as u8], 9_999));
        network.server.endpoint.handle_datagram(network.now, from, &garbage);
    }
    assert_eq!(network.server.endpoint.footprint(), before);
    assert_eq!(network.server.endpoint.counters().datagrams_dropped, 20_000);
    for _ in 0..50 {
        network.connect(&psk_client(&[]));
    }
    network.settle();
    assert_eq!(network.server.secured().len(), 50);
}
