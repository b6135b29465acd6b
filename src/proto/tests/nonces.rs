//! No nonce twice under one key, whatever copies of a connection are restored, and under whatever clocks.

use super::network::*;
use super::roaming::{UNIX_TIME, later, saved};
use crate::proto::{ConnectionHandle, Event, SavedConnection};
use crate::tls::SaveClock;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

const YEAR: u64 = 31_557_600;

/// Clocks of four processes: one that is right, one of a gateway without one, one that was set back, one that is ahead.
const CLOCKS: [Duration; 4] = [
    UNIX_TIME,
    Duration::ZERO,
    Duration::from_secs(1_780_000_000 - 3_600),
    Duration::from_secs(1_780_000_000 + 10 * YEAR),
];

/// The explicit half of a nonce, or the beginning of a CBC record's initialization vector, as they are on the wire.
fn explicit_nonce(datagram: &[u8]) -> u64 {
    u64::from_be_bytes(datagram[13..21].try_into().unwrap())
}

fn restore(network: &mut Network, device: SocketAddr, copy: &SavedConnection, now: Duration) -> ConnectionHandle {
    network.restart_server(psk_server());
    let restoration = Restoration { saved: copy, clock: SaveClock { saved: Some(UNIX_TIME), now } };
    network.server.endpoint.restore(network.now, device, restoration).unwrap()
}

/// What the server has sent under its keys, Finished included.
fn sealed(network: &Network) -> Vec<Vec<u8>> {
    let ours = network.wire.iter().filter(|(from, ..)| *from == SERVER).map(|(.., datagram)| datagram);
    let mut records = Vec::new();
    for datagram in ours {
        let mut rest = datagram.as_slice();
        while rest.len() >= 13 {
            let (record, others) = rest.split_at(13 + usize::from(u16::from_be_bytes([rest[11], rest[12]])));
            if record[3..5] == [0, 1] {
                records.push(record.to_vec());
            }
            rest = others;
        }
    }
    records
}

#[test]
fn a_thousand_restores_of_one_copy_under_four_clocks_use_no_nonce_twice() {
    for suite in ["PSK-AES128-CCM8", "PSK-AES256-GCM-SHA384", "ECDHE-PSK-AES128-CCM8-SHA256", "PSK-AES128-CBC-SHA256"] {
        let mut network = Network::new(psk_server());
        network.connect(&psk_client(&[suite]));
        network.settle();
        let (device, live) = (network.clients[0].address, network.server.secured()[0]);
        let copy = saved(&network);
        for _ in 0..5 {
            network.send_from_server(live, device, b"first life");
        }
        // A life that was itself restored leaves a copy as well.
        let second = restore(&mut network, device, &copy, UNIX_TIME);
        let copies = [copy, network.server.endpoint.save(second).unwrap()];
        for time in 0..1_000 {
            let handle = restore(&mut network, device, &copies[time % 2], CLOCKS[time / 2 % 4]);
            for _ in 0..3 {
                network.send_from_server(handle, device, b"tick");
            }
        }
        let records = sealed(&network);
        assert_eq!(records.len(), 1 + 5 + 3 * 1_000, "{suite}");
        let nonces: HashSet<u64> = records.iter().map(|record| explicit_nonce(record)).collect();
        assert_eq!(nonces.len(), records.len(), "{suite}");
    }
}

#[test]
fn one_life_counts_on_through_its_sleep() {
    let mut network = Network::connected();
    let device = network.clients[0].address;
    let copy = saved(&network);
    let handle = restore(&mut network, device, &copy, UNIX_TIME);
    for _ in 0..5 {
        network.send_from_server(handle, device, b"tick");
        network.run_for(Duration::from_secs(6));
        assert_eq!(network.server.endpoint.sleepers(), 1);
    }
    let sealed = sealed(&network);
    let nonces: Vec<u64> = sealed[1..].iter().map(|record| explicit_nonce(record)).collect();
    assert_eq!(nonces.len(), 5);
    assert!(nonces.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "{nonces:x?}");
    // The peer opens records whose nonces are not their numbers.
    assert_eq!(network.clients[0].received.len(), 5);
}

#[test]
fn a_connection_whose_nonces_are_its_record_numbers_is_not_restored() {
    for suite in ["PSK-CHACHA20-POLY1305", "ECDHE-PSK-CHACHA20-POLY1305"] {
        let mut network = Network::new(psk_server());
        network.connect(&psk_client(&[suite]));
        network.settle();
        let device = network.clients[0].address;
        let copy = saved(&network);
        network.restart_server(psk_server());
        let restoration = Restoration { saved: &copy, clock: clock(UNIX_TIME) };
        assert_eq!(network.server.endpoint.restore(network.now, device, restoration), None);
        network.server.endpoint.ask(asks_about_addresses(true, false));
        network.send_from_client(0, b"is anybody there?");
        network.settle();
        let (question, _) = network.restore_questions.remove(0);
        let answer = reply_with_saved(&mut network.server.endpoint, network.now, UNIX_TIME, question, Some(&copy));
        assert_eq!(answer, None);
        assert_eq!(network.server.endpoint.footprint(), 0);
    }
}

#[test]
fn a_clock_that_was_set_back_is_no_secret() {
    let mut network = Network::connected();
    let device = network.clients[0].address;
    let copy = saved(&network);
    let says_so = |network: &mut Network, now: Duration| {
        restore(network, device, &copy, now);
        network.collect();
        network.server.log.iter().filter(|event| matches!(event, Event::ClockBehind { .. })).count()
    };
    assert_eq!(says_so(&mut network, UNIX_TIME), 0);
    assert_eq!(says_so(&mut network, later(60)), 0);
    assert_eq!(says_so(&mut network, UNIX_TIME - Duration::from_secs(3_600)), 1);
    assert_eq!(says_so(&mut network, Duration::ZERO), 1);
}
