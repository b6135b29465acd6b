//! Questions about addresses, which anybody can cause under any address: they have a budget, and take nothing from others.

use super::network::*;
use crate::proto::Limits;
use crate::tls::DropReason;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// A server that asks about addresses, and a record that looks like data of some connection.
fn asking(limits: Limits) -> (Network, Vec<u8>) {
    let junk = Network::connected().seal(0, b"to nobody");
    let mut network = Network::with_limits(psk_server(), limits);
    network.server.endpoint.ask(asks_about_addresses(true, false));
    (network, junk)
}

fn stranger(number: u32) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::from(0x0a00_0000 + number), 5684))
}

/// Whether the application is asked about this address, while its store answers all questions that it has been asked for so
/// long, and every millisecond this many junk records come from addresses that `attacker` names.
fn asks_about(network: &mut Network, junk: &[u8], honest: SocketAddr, attacker: impl Fn(u32) -> SocketAddr) -> bool {
    const STORE_DELAY: u32 = 100;
    const JUNK_PER_MILLISECOND: u32 = 20;
    let mut asked = Vec::new();
    let mut is_asked = false;
    for millisecond in 0..3_000 {
        for number in 0..JUNK_PER_MILLISECOND {
            network.server.endpoint.handle_datagram(
                network.now,
                attacker(millisecond * JUNK_PER_MILLISECOND + number),
                junk,
            );
        }
        // The device says something ten times a second.
        if millisecond >= 1_000 && millisecond % 100 == 0 {
            network.server.endpoint.handle_datagram(network.now, honest, junk);
        }
        network.run_for(Duration::from_millis(1));
        for (question, address) in std::mem::take(&mut network.restore_questions) {
            is_asked |= address == honest;
            asked.push((millisecond + STORE_DELAY, question));
        }
        for (_, question) in asked.extract_if(.., |(due, _)| *due <= millisecond) {
            reply_with_saved(&mut network.server.endpoint, network.now, Duration::ZERO, question, None);
        }
        assert!(network.server.endpoint.question_count() <= limits().address_questions);
    }
    is_asked
}

#[test]
fn so_many_bytes_are_held_for_an_address_that_the_application_is_asked_about() {
    let (mut network, junk) = asking(limits());
    let mut long = junk;
    long.resize(13 + 1000, 0);
    long[11..13].copy_from_slice(&1000_u16.to_be_bytes());
    for _ in 0..100 {
        network.server.endpoint.handle_datagram(network.now, stranger(1), &long);
    }
    // The first fifteen have 16 KiB together, with what each needs beside its bytes.
    assert_eq!(network.server.endpoint.question_count(), 1);
    assert_eq!(network.server.endpoint.counters().datagrams_dropped, 100 - 15);
}

#[test]
fn a_full_server_asks_about_no_address() {
    let (mut network, junk) = asking(Limits { connections: 1, ..limits() });
    network.connect(&psk_client(&[]));
    network.settle();
    network.server.endpoint.handle_datagram(network.now, stranger(1), &junk);
    assert_eq!(network.server.endpoint.question_count(), 0);
}

#[test]
fn a_device_whose_connection_was_saved_is_asked_about_beside_a_flood_of_eight_addresses() {
    let (mut network, junk) = asking(limits());
    let flood = |number: u32| SocketAddr::new(stranger(number % 8).ip(), 1024 + (number / 8 % 60_000) as u16);
    assert!(asks_about(&mut network, &junk, stranger(1_000_000), flood));
}

#[test]
fn a_device_that_was_named_is_asked_about_beside_a_flood_under_any_address() {
    let (mut network, junk) = asking(limits());
    let device = stranger(1_000_000);
    network.server.endpoint.expect_addresses(Some(vec![device]));
    assert!(asks_about(&mut network, &junk, device, stranger));
    assert_eq!(network.server.endpoint.counters().address_questions_displaced, 0);
}

#[test]
fn a_store_is_asked_so_often_at_once_and_so_often_a_second_and_no_more() {
    let (mut network, junk) = asking(Limits { address_questions: 10, address_questions_per_second: 100, ..limits() });
    let mut asked = 0;
    for number in 0..20_000 {
        network.server.endpoint.handle_datagram(network.now, stranger(number), &junk);
        network.collect();
        // A store that answers at once.
        for (question, _) in std::mem::take(&mut network.restore_questions) {
            asked += 1;
            reply_with_saved(&mut network.server.endpoint, network.now, Duration::ZERO, question, None);
        }
        if number % 10 == 9 {
            network.run_for(Duration::from_millis(1));
        }
    }
    // Two seconds.
    assert!((205..=211).contains(&asked), "{asked}");
}

/// By lot, either the newcomer gives way or who waits already.
#[test]
fn whoever_gives_way_is_dropped_once_and_a_datagram_that_gives_way_itself_counts_as_dropped() {
    let (mut network, junk) = asking(Limits { address_questions: 1, ..limits() });
    for number in 0..102 {
        network.server.endpoint.handle_datagram(network.now, stranger(number), &junk);
    }
    let counters = network.server.endpoint.counters();
    // One has been asked about, and one waits.
    assert_eq!((counters.address_questions_displaced, counters.drops(DropReason::Limit)), (100, 100));
    assert!((1..=100).contains(&counters.datagrams_dropped));
}

#[test]
fn questions_about_addresses_take_no_place_from_handshakes() {
    let (mut network, junk) = asking(Limits { handshakes: 10, handshakes_per_address: 10, ..limits() });
    for number in 0..1_000 {
        network.server.endpoint.handle_datagram(network.now, stranger(number), &junk);
    }
    assert_eq!(network.server.endpoint.handshake_count(), 0);
    network.connect(&psk_client(&[]));
    network.settle();
    assert_eq!(network.server.secured().len(), 1);
    assert_eq!(network.server.endpoint.counters().handshakes_displaced, 0);
}

#[test]
fn a_record_that_waits_for_its_question_is_read_when_the_connection_goes_on() {
    let mut before = Network::connected();
    let saved = before.server.endpoint.save(before.server.secured()[0]).unwrap();
    let device = before.clients[0].address;
    let (first, second) = (before.seal(0, b"first"), before.seal(0, b"second"));
    let (mut network, junk) = asking(Limits { address_questions: 1, ..limits() });
    network.inject(stranger(1), SERVER, &junk);
    // Somebody else's question is open.
    network.inject(device, SERVER, &first);
    network.inject(device, SERVER, &second);
    assert_eq!(network.restore_questions.len(), 1);
    let (question, _) = network.restore_questions.remove(0);
    let unix_time = Duration::from_secs(1_800_000_000);
    reply_with_saved(&mut network.server.endpoint, network.now, unix_time, question, None);
    network.run_for(Duration::from_millis(10));
    let (question, claimed) = network.restore_questions.remove(0);
    assert_eq!(claimed, device);
    let restored = reply_with_saved(&mut network.server.endpoint, network.now, unix_time, question, Some(&saved));
    network.collect();
    assert_eq!(network.server.payloads(), [b"first".to_vec(), b"second".to_vec()]);
    assert_eq!(network.server.endpoint.counters().messages_received, 2);
    let tally = network.server.endpoint.tally(restored.unwrap()).unwrap();
    assert_eq!((tally.messages_received, tally.bytes_received), (2, 11));
}
