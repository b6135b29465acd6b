//! Hellos in fragments before the cookie, as those with a post-quantum public value are: they are put together in places of a fixed
//! number, and nothing else is kept for whoever has not proved its address.

use super::*;
use crate::proto::limits::UNPROVEN_HELLOS;
use crate::tls::UNPROVEN_HELLO_LIMIT;
use std::time::Duration;

/// Each place counts in three ways.
const PLACES: usize = 3 * UNPROVEN_HELLOS;

const HELLO_VERIFY_REQUEST: u8 = 3;

fn fragmenting(config: ServerConfig, length: usize) -> Network {
    let mut network = Network::new(config);
    network.hello_fragments = Some(length);
    network
}

fn only() -> ServerConfig {
    server_of(&settings_of(ONLY, &[], &[]))
}

/// A client's first hello in fragments, of which none has arrived.
fn first_hello(network: &mut Network, host: u8) -> (SocketAddr, Vec<Vec<u8>>) {
    let address = SocketAddr::from(([203, 0, 113, host], 5684));
    let before = network.wire.len();
    network.connect_from(address, &client());
    network.drop_in_flight();
    (address, network.wire[before..].iter().map(|(.., datagram)| datagram.clone()).collect())
}

fn footprint(network: &Network) -> usize {
    network.server.endpoint.footprint()
}

fn answers_to(network: &Network, address: SocketAddr) -> usize {
    network.wire.iter().filter(|(from, to, _)| (*from, *to) == (SERVER, address)).count()
}

/// A stranger's, of whom there are many.
fn stranger(number: u32) -> SocketAddr {
    SocketAddr::from((std::net::Ipv4Addr::from(0x0a00_0000 + number), 5684))
}

#[test]
fn a_handshake_of_either_kind_of_client_completes_in_the_newer_version() {
    for length in [40, 60, 150] {
        for both in [true, false] {
            let versions = if both { BOTH } else { ONLY };
            for config in [server(), only()] {
                let mut network = fragmenting(config, length);
                network.connect(&client_of(&settings_of(versions, &[], &[]), IDENTITY, KEY));
                network.settle();
                assert_eq!(network.clients[0].suite().map(|suite| suite.is_of_dtls13()), Some(true), "{length}");
                talk(&mut network);
            }
        }
    }
}

#[test]
fn an_older_client_gets_its_cookie_from_a_server_of_both_versions() {
    for length in [60, 80] {
        let mut network = fragmenting(server(), length);
        network.connect(&psk_client(&[]));
        network.settle();
        let requests = sent_by(&network, SERVER).into_iter().filter(|sent| sent[13] == HELLO_VERIFY_REQUEST);
        assert_eq!(requests.count(), 1);
        talk(&mut network);
    }
}

#[test]
fn nothing_is_answered_before_the_whole_has_come_and_nothing_is_left_behind() {
    let mut network = fragmenting(server(), 60);
    let (address, fragments) = first_hello(&mut network, 1);
    let (last, others) = fragments.split_last().unwrap();
    for fragment in others {
        network.inject(address, SERVER, fragment);
        // Again and again.
        network.inject(address, SERVER, fragment);
        assert_eq!((answers_to(&network, address), footprint(&network)), (0, 3));
    }
    network.inject(address, SERVER, last);
    assert_eq!((answers_to(&network, address), footprint(&network)), (1, 0));
    // What comes again then is the last fragment of nothing.
    network.inject(address, SERVER, last);
    assert_eq!((answers_to(&network, address), footprint(&network)), (1, 0));
    let request = network.wire.iter().rev().find(|(from, ..)| *from == SERVER).unwrap();
    let came: usize = fragments.iter().map(Vec::len).sum();
    assert!(request.2.len() < came, "{} for {came}", request.2.len());
}

#[test]
fn a_client_that_starts_anew_takes_the_place_of_its_own_hello() {
    let mut network = fragmenting(server(), 60);
    let (address, fragments) = first_hello(&mut network, 1);
    network.inject(address, SERVER, &fragments[0]);
    let (same, others) = first_hello(&mut network, 1);
    assert_eq!(address, same);
    for fragment in &others {
        network.inject(address, SERVER, fragment);
    }
    assert_eq!((answers_to(&network, address), footprint(&network)), (1, 0));
}

#[test]
fn what_does_not_become_whole_is_forgotten() {
    let mut network = fragmenting(server(), 60);
    let (address, fragments) = first_hello(&mut network, 1);
    network.clients.clear();
    network.inject(address, SERVER, &fragments[0]);
    assert_eq!(footprint(&network), 3);
    network.run_for(Duration::from_secs(6));
    assert_eq!((footprint(&network), answers_to(&network, address)), (0, 0));
    assert_eq!(network.server.endpoint.counters().handshakes_refused, 0);
}

#[test]
fn a_flood_from_many_addresses_takes_the_places_that_there_are_and_honest_clients_go_on() {
    let mut network = fragmenting(server(), 100);
    let (_, fragments) = first_hello(&mut network, 1);
    for number in 0..5_000 {
        network.inject(stranger(number), SERVER, &fragments[0]);
        assert!(footprint(&network) <= PLACES);
    }
    assert_eq!((footprint(&network), sent_by(&network, SERVER).len()), (PLACES, 0));
    // A hundred strangers between two fragments of a client that greets.
    let (address, fragments) = first_hello(&mut network, 2);
    for fragment in &fragments {
        network.inject(address, SERVER, fragment);
        (6_000..6_100).for_each(|number| network.inject(stranger(number), SERVER, &fragments[0]));
    }
    assert_eq!(answers_to(&network, address), 1);
    network.settle();
    assert_eq!(network.server.secured().len(), 1);
}

#[test]
fn a_flood_from_one_prefix_takes_nobodys_place_but_its_own() {
    let mut network = fragmenting(server(), 100);
    let (address, fragments) = first_hello(&mut network, 2);
    for fragment in &fragments {
        network.inject(address, SERVER, fragment);
        for port in 1..2_000 {
            network.inject(SocketAddr::new(stranger(1).ip(), port), SERVER, &fragments[0]);
        }
        network.drop_in_flight();
        assert!(footprint(&network) <= PLACES);
    }
    assert_eq!(answers_to(&network, address), 1);
}

#[test]
fn what_is_too_long_to_be_kept_gets_an_alert_or_the_cookie_of_the_older_version() {
    for (config, answer) in [(only(), vec![2, 40]), (server(), vec![HELLO_VERIFY_REQUEST])] {
        let mut network = fragmenting(config, 60);
        let (address, mut fragments) = first_hello(&mut network, 1);
        let longer = u16::try_from(UNPROVEN_HELLO_LIMIT + 1).unwrap().to_be_bytes();
        fragments[0][15..17].copy_from_slice(&longer);
        let before = network.wire.len();
        network.inject(address, SERVER, &fragments[0]);
        let answers: Vec<_> = network.wire[before..].iter().map(|(.., sent)| sent[13..].to_vec()).collect();
        assert!(matches!(answers.as_slice(), [only] if only.starts_with(&answer)), "{answers:?}");
        assert_eq!(footprint(&network), 0);
        // As long as it may be, it waits for the rest.
        let longest = u16::try_from(UNPROVEN_HELLO_LIMIT).unwrap().to_be_bytes();
        fragments[0][15..17].copy_from_slice(&longest);
        let before = network.wire.len();
        network.inject(address, SERVER, &fragments[0]);
        assert_eq!((network.wire.len(), footprint(&network) > 0), (before, true));
    }
}

#[test]
fn handshakes_survive_loss_and_disorder() {
    let mut network = fragmenting(server(), 150);
    network.weather = Weather { loss: 5, duplication: 20, jitter: Duration::from_millis(5) };
    let config = client();
    for _ in 0..50 {
        network.connect(&config);
    }
    network.run_for(Duration::from_secs(100));
    assert_eq!(network.server.secured().len(), 50);
    network.run_for(Duration::from_secs(100));
    assert_eq!(network.server.endpoint.handshake_count(), 0);
}

/// A client of both versions whose first hello was too long to be kept has the older version's cookie, and goes on with that.
#[test]
fn a_hello_with_a_cookie_of_the_older_version_leads_there_whatever_it_offers() {
    let mut network = fragmenting(server(), 60);
    let address = SocketAddr::from(([203, 0, 113, 1], 5684));
    network.connect_from(address, &client_of(&settings_of(BOTH, &[], &[]), IDENTITY, KEY));
    network.drop_in_flight();
    let mut fragment = network.wire[0].2.clone();
    fragment[15..17].copy_from_slice(&u16::try_from(UNPROVEN_HELLO_LIMIT + 1).unwrap().to_be_bytes());
    network.inject(address, SERVER, &fragment);
    let verify = sent_by(&network, SERVER).pop().unwrap();
    assert_eq!(verify[13], HELLO_VERIFY_REQUEST);
    network.drop_in_flight();
    // The whole hello again, with the cookie behind its session id, which is empty.
    let cookie = verify[13 + 12 + 2 + 1..].to_vec();
    let mut hello = network.hellos[0].clone();
    let at = 13 + 12 + 2 + 32 + 1;
    assert_eq!((hello[at - 1], hello[at]), (0, 0));
    hello[at] = cookie.len() as u8;
    hello.splice(at + 1..at + 1, cookie.iter().copied());
    let message = u16::try_from(hello.len() - 13 - 12).unwrap().to_be_bytes();
    let record = u16::try_from(hello.len() - 13).unwrap().to_be_bytes();
    hello[11..13].copy_from_slice(&record);
    hello[15..17].copy_from_slice(&message);
    hello[23..25].copy_from_slice(&message);
    (hello[10], hello[18]) = (1, 1);
    network.inject(address, SERVER, &hello);
    assert_eq!((network.server.error_kinds(), network.server.endpoint.handshake_count()), (vec![], 1));
    assert_eq!(sent_by(&network, SERVER).last().unwrap()[13], 2, "a ServerHello");
}

/// An engine that had begun with a stranger's message would not take the parts of the server's own.
#[test]
fn a_forged_part_of_a_servers_hello_is_given_to_the_engine_of_neither_version() {
    // In DTLS 1.2, a HelloVerifyRequest comes first. In DTLS 1.3, what asks for another hello is a hello itself.
    for (config, nth) in [(psk_server(), 2), (server(), 1)] {
        let mut network = Network::new(config);
        network.connect(&client_of(&settings_of(BOTH, &[], &[]), IDENTITY, KEY));
        while sent_by(&network, SERVER).len() < nth {
            assert!(network.step());
        }
        network.drop_in_flight();
        let flight = sent_by(&network, SERVER).pop().unwrap();
        let client = network.clients[0].address;
        let (hello, rest) = flight.split_at(13 + usize::from(u16::from_be_bytes([flight[11], flight[12]])));
        // The first byte of one that is longer.
        let mut forged = fragment(hello, 900, 0..1);
        forged[16] += 1;
        for datagram in std::iter::once(forged).chain(cut(hello, 40)).chain([rest.to_vec()]) {
            network.inject(SERVER, client, &datagram);
        }
        network.settle();
        assert_eq!(network.clients[0].secured().len(), 1);
        talk(&mut network);
    }
}
