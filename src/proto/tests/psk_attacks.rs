//! What somebody gets who owns one pre-shared key, or none: never another's name, and no word about who is known.

use super::network::*;
use crate::proto::Event;
use crate::tls::{ClientConfig, Suite};
use crate::wire::Records;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Two identities of one length, so that one can stand in the other's place.
const OWN: &[u8] = b"bobby";
const OTHER: &[u8] = b"alice";

const OWN_KEY: &[u8] = b"the key of bobby";
const OTHER_KEY: &[u8] = b"the key of alice";

/// Handshake type of ClientKeyExchange (RFC 5246 section 7.4).
const CLIENT_KEY_EXCHANGE: u8 = 16;

/// Where message_seq stands in a record with a handshake message (RFC 6347 section 4.2.2).
const MESSAGE_SEQ: usize = 13 + 5;

/// Shortest time of one handshake in so many: what disturbs a machine only ever adds.
const ROUNDS: usize = 40;
/// Attempts until it was quiet enough for a comparison.
const ATTEMPTS: usize = 12;
/// Between an unknown identity and a wrong key, of the time of a handshake.
const TOLERANCE: f64 = 0.03;

fn knowing_both() -> Network {
    let mut network = Network::new(psk_server());
    network.keys = [(OWN.to_vec(), OWN_KEY.to_vec()), (OTHER.to_vec(), OTHER_KEY.to_vec())].into();
    network
}

fn confirmed(network: &Network) -> Vec<Vec<u8>> {
    let identity = |event: &Event| match event {
        Event::Secure { psk_identity, .. } => psk_identity.clone(),
        _ => None,
    };
    network.server.log.iter().filter_map(identity).collect()
}

/// The records of the client's last flight, none of which the server has got.
pub(super) fn withheld_flight(network: &mut Network, config: &ClientConfig) -> (SocketAddr, Vec<Vec<u8>>) {
    network.connect(config);
    let address = network.clients[0].address;
    loop {
        let before = network.wire.len();
        assert!(network.step(), "the client never came to its last flight");
        let sent = network.wire[before..].iter().filter(|(from, ..)| *from == address);
        let records: Vec<_> = sent
            .flat_map(|(.., datagram)| Records::new(datagram).map(|record| record.bytes.to_vec()).collect::<Vec<_>>())
            .collect();
        if records.iter().any(|record| record[13] == CLIENT_KEY_EXCHANGE) {
            network.drop_in_flight();
            return (address, records);
        }
    }
}

/// A ClientKeyExchange with the other of the two names.
fn renamed(record: &[u8]) -> Vec<u8> {
    let name = |at: usize| record.get(at..at + OWN.len());
    let at = (0..record.len()).find(|&at| name(at) == Some(OWN) || name(at) == Some(OTHER)).unwrap();
    let other = if name(at) == Some(OWN) { OTHER } else { OWN };
    [&record[..at], other, &record[at + OWN.len()..]].concat()
}

fn with_next_message_seq(mut record: Vec<u8>) -> Vec<u8> {
    record[MESSAGE_SEQ] += 1;
    record
}

fn permutations(items: &[Vec<u8>]) -> Vec<Vec<Vec<u8>>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (index, first) in items.iter().enumerate() {
        let mut rest = items.to_vec();
        rest.remove(index);
        for mut order in permutations(&rest) {
            order.insert(0, first.clone());
            all.push(order);
        }
    }
    all
}

/// Whom the server takes the owner of `OWN_KEY` for, who signs its transcript as `identity` and sends both names, in each
/// possible order, before and after the application's answers.
fn outcomes(identity: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let config = psk_client_with(&["PSK-AES128-CCM8"], identity, OWN_KEY);
    let mut outcomes = Vec::new();
    for order in 0..120 {
        for answers_at_once in [true, false] {
            let mut network = knowing_both();
            network.answers_at_once = answers_at_once;
            let (address, mut records) = withheld_flight(&mut network, &config);
            assert_eq!(records.len(), 3, "ClientKeyExchange, ChangeCipherSpec, Finished");
            let forged = renamed(&records[0]);
            records.push(with_next_message_seq(forged.clone()));
            records.push(forged);
            for record in &permutations(&records)[order] {
                network.inject(address, SERVER, record);
            }
            while let Some((lookup, identity)) = network.open_lookups.pop() {
                let key = network.keys[&identity].clone();
                network.answer(lookup, Some(&key));
            }
            network.settle();
            outcomes.push(confirmed(&network));
        }
    }
    outcomes
}

#[test]
fn in_no_order_of_messages_the_owner_of_one_key_appears_as_another() {
    // Who proves to have the key of its own name may get in under it, and often does.
    let honest = outcomes(OWN);
    assert!(honest.iter().flatten().all(|identity| identity == OWN));
    assert!(honest.iter().filter(|identities| !identities.is_empty()).count() >= 20);
    // Who claims the other's name never gets in, not even under its own: the transcript says otherwise.
    assert!(outcomes(OTHER).iter().all(Vec::is_empty));
}

/// What an observer sees of the server's side: when, and of each record type, epoch, length, and an alert's content.
fn observed(suite: &str, identity: &[u8], key: &[u8]) -> (Vec<(Duration, Vec<Shape>)>, ErrorKind) {
    let mut network = Network::new(psk_server());
    network.answers_at_once = false;
    let start = network.now;
    network.connect(&psk_client_with(&[suite], identity, key));
    let mut timeline = Vec::new();
    for millisecond in 0..4_000 {
        let before = network.wire.len();
        network.run_for(Duration::from_millis(1));
        // The application takes its time.
        if millisecond == 1_500 {
            let (lookup, asked) = network.open_lookups.pop().unwrap();
            let key = network.keys.get(&asked).cloned();
            network.answer(lookup, key.as_deref());
        }
        for (from, _, datagram) in &network.wire[before..] {
            if *from == SERVER {
                timeline
                    .push((network.now - start, Records::new(datagram).map(|record| shape(record.bytes)).collect()));
            }
        }
    }
    assert!(network.open_lookups.is_empty());
    (timeline, network.server.error_kinds()[0])
}

/// Type, epoch, length, content.
type Shape = (u8, [u8; 2], usize, Vec<u8>);

fn shape(record: &[u8]) -> Shape {
    let content = if record[0] == 21 { record[13..].to_vec() } else { Vec::new() };
    (record[0], [record[3], record[4]], record.len(), content)
}

#[test]
fn with_no_suite_an_observer_tells_an_unknown_identity_from_a_wrong_key() {
    for suite in Suite::all().iter().filter(|suite| suite.key_exchange().uses_psk()) {
        let unknown = observed(suite.name(), b"nobody-1", KEY);
        let wrong = observed(suite.name(), IDENTITY, b"fedcba9876543210");
        assert_eq!(unknown.0, wrong.0, "{}", suite.name());
        assert_eq!((unknown.1, wrong.1), (ErrorKind::UnknownPskIdentity, ErrorKind::WrongPsk));
        // HelloVerifyRequest, ServerHello and what follows it, alert.
        assert!(unknown.0.len() >= 3);
        assert_eq!(unknown.0.last().unwrap().1, [(21, [0, 0], 15, vec![2, 20])]);
    }
}

#[test]
fn an_identity_that_is_too_long_to_ask_about_fails_where_a_wrong_key_fails() {
    let mut network = knowing_both();
    let (address, records) = withheld_flight(&mut network, &psk_client_with(&["PSK-AES128-CCM8"], OWN, b"wrong"));
    let long = [&300_u16.to_be_bytes()[..], &[b'x'; 300]].concat();
    let mut forged = records[0][..25].to_vec();
    forged[11..13].copy_from_slice(&(12 + 302_u16).to_be_bytes());
    forged[14..17].copy_from_slice(&302_u32.to_be_bytes()[1..]);
    forged[22..25].copy_from_slice(&302_u32.to_be_bytes()[1..]);
    forged.extend_from_slice(&long);
    network.inject(address, SERVER, &[&forged, &records[1..].concat()[..]].concat());
    assert_eq!(network.server.error_kinds(), [ErrorKind::UnknownPskIdentity]);
    let (.., alert) = network.wire.last().unwrap();
    assert_eq!(shape(alert), (21, [0, 0], 15, vec![2, 20]));
}

/// How long the server takes from the client's last flight to its alert.
fn time_to_refuse(identity: &[u8], key: &[u8]) -> Duration {
    let mut network = Network::new(psk_server());
    // As long as the key that an unknown identity is given: what is hashed is as long as twice the key (RFC 4279 section 2).
    network.keys.insert(IDENTITY.to_vec(), vec![7; 32]);
    let (address, records) = withheld_flight(&mut network, &psk_client_with(&["PSK-AES128-GCM-SHA256"], identity, key));
    let flight = records.concat();
    let began = Instant::now();
    network.inject(address, SERVER, &flight);
    let time = began.elapsed();
    assert_eq!(network.server.closes().count(), 1);
    time
}

#[test]
fn an_unknown_identity_takes_the_time_of_a_wrong_key() {
    let mut seen = Vec::new();
    for _ in 0..ATTEMPTS {
        let mut best = [Duration::MAX; 2];
        for round in 0..2 * ROUNDS {
            // By turns, and each as often the first: what one leaves in the caches may serve the other.
            let which = usize::from(round % 4 == 1 || round % 4 == 2);
            let (identity, key) = [(&b"nobody-1"[..], KEY), (IDENTITY, b"fedcba9876543210")][which];
            best[which] = best[which].min(time_to_refuse(identity, key));
        }
        let [unknown, wrong] = best.map(|time| time.as_secs_f64());
        if (unknown / wrong - 1.0).abs() <= TOLERANCE {
            return;
        }
        seen.push(best);
    }
    panic!("an unknown identity can be told by its time from a wrong key: {seen:?}");
}

// --- a forged end of the handshake -----------------------------------------------------------------------------------

/// A ChangeCipherSpec, and behind it what could be a Finished message under PSK-AES128-CCM8.
pub(super) fn forged_end() -> Vec<u8> {
    let change_cipher_spec = [20, 254, 253, 0, 0, 0, 0, 0, 0, 3, 132, 0, 1, 1];
    let header = [22, 254, 253, 0, 1, 0, 0, 0, 0, 0, 0, 0, 40];
    [&change_cipher_spec[..], &header, &[0xa5; 40]].concat()
}

#[test]
fn a_forged_end_of_the_handshake_makes_no_key_a_wrong_one() {
    for before_the_key_exchange in [true, false] {
        for times in [1, 20] {
            let mut network = Network::new(psk_server());
            let (client, records) = withheld_flight(&mut network, &psk_client(&["PSK-AES128-CCM8"]));
            if !before_the_key_exchange {
                network.inject(client, SERVER, &records[0]);
            }
            for _ in 0..times {
                network.inject(client, SERVER, &forged_end());
            }
            network.inject(client, SERVER, &records.concat());
            assert_eq!((network.server.error_kinds(), network.server.secured().len()), (vec![], 1));
        }
    }
}

/// Whoever sees the handshake can do this, and nothing tells it from a client with a wrong key: docs/errors.md says so.
#[test]
fn a_forged_whole_flight_looks_like_that_of_a_client_with_another_key_and_like_nothing_else() {
    for is_forged in [false, true] {
        let mut network = Network::new(psk_server());
        let key = if is_forged { KEY } else { b"fedcba9876543210" };
        let config = psk_client_with(&["PSK-AES128-CCM8"], IDENTITY, key);
        let (client, records) = withheld_flight(&mut network, &config);
        let end = if is_forged { forged_end() } else { records[1..].concat() };
        network.inject(client, SERVER, &[&records[0], &end[..]].concat());
        assert_eq!(network.server.error_kinds(), [ErrorKind::WrongPsk]);
        let (.., alert) = network.wire.last().unwrap();
        assert_eq!(shape(alert), (21, [0, 0], 15, vec![2, 20]));
        // Whoever has the key can begin anew at once.
        network.drop_in_flight();
        network.clients.clear();
        network.connect(&psk_client(&["PSK-AES128-CCM8"]));
        network.settle();
        assert_eq!(network.server.secured().len(), 1);
    }
}

#[test]
fn a_client_that_falls_silent_after_a_forged_end_has_not_shown_a_wrong_key() {
    let mut network = Network::new(psk_server());
    let (client, records) = withheld_flight(&mut network, &psk_client(&["PSK-AES128-CCM8"]));
    network.inject(client, SERVER, &records[0]);
    network.inject(client, SERVER, &forged_end());
    network.clients.clear();
    network.run_for(Duration::from_secs(300));
    assert_eq!(network.server.error_kinds(), [ErrorKind::HandshakeTimeout]);
}

#[test]
fn a_server_that_seems_to_have_another_key_does_not_end_its_clients_handshake() {
    let mut network = Network::new(psk_server());
    let (client, records) = withheld_flight(&mut network, &psk_client(&["PSK-AES128-CCM8"]));
    network.inject(SERVER, client, &forged_end());
    assert_eq!(network.clients[0].error_kinds(), []);
    network.inject(client, SERVER, &records.concat());
    network.settle();
    assert_eq!(network.clients[0].secured().len(), 1);
}
