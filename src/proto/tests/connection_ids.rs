//! Connection IDs (RFC 9146): records find their connection wherever they come from.

use super::network::*;
use super::roaming::{ELSEWHERE, ONE_CONNECTION, UNIX_TIME, moves, saved};
use crate::proto::{AddressValidation, CloseReason, ConnectionHandle, Endpoint, Event};
use crate::tls::{ClientConfig, ConnectionIds, DropReason};
use crate::wire::{ContentType, Records};
use std::net::SocketAddr;
use std::time::Duration;

/// Bytes of a record's header before its connection ID.
const BEFORE_ID: usize = 11;

const SUITES: [&str; 7] = [
    "PSK-AES128-CCM8",
    "PSK-AES128-CCM",
    "PSK-AES128-GCM-SHA256",
    "PSK-CHACHA20-POLY1305",
    "PSK-AES128-CBC-SHA256",
    "ECDHE-PSK-AES256-GCM-SHA384",
    "ECDHE-PSK-AES128-CBC-SHA256",
];

/// A server and one client with an open connection; what IDs each of them wants, in bytes.
pub(super) fn connected_with(server: Option<u8>, client: Option<u8>, config: &ClientConfig) -> Network {
    let mut network = Network::new(psk_server());
    network.server.endpoint.use_connection_ids(server);
    network.client_ids = client;
    network.connect(config);
    network.settle();
    assert_eq!(network.server.secured().len(), 1, "{server:?} {client:?}");
    network
}

/// Both sides want IDs, and the server believes where the client is.
fn connected() -> Network {
    let mut network = connected_with(Some(8), Some(6), &psk_client(&[]));
    network.server.endpoint.validate_addresses(AddressValidation::None);
    network
}

fn ids(endpoint: &Endpoint, connection: ConnectionHandle) -> Option<ConnectionIds> {
    endpoint.connection_ids(connection)
}

fn server_handle(network: &Network) -> ConnectionHandle {
    network.server.secured()[0]
}

/// What the two ends say about their IDs.
fn agreed(network: &Network) -> [Option<ConnectionIds>; 2] {
    [ids(&network.server.endpoint, server_handle(network)), ids(&network.clients[0].endpoint, network.client_handle(0))]
}

fn echo(network: &mut Network, payload: &[u8]) {
    network.send_from_client(0, payload);
    network.settle();
    assert_eq!(network.server.payloads().last().unwrap(), payload);
    let (handle, client) = (server_handle(network), network.clients[0].address);
    network.send_from_server(handle, client, payload);
    network.settle();
    assert_eq!(network.clients[0].payloads().last().unwrap(), payload);
}

fn answers_go_to(network: &mut Network) -> SocketAddr {
    let handle = server_handle(network);
    network.server.endpoint.send(network.now, handle, b"answer").unwrap().route.unwrap().remote
}

/// Has somebody at `from` send the client's next record.
fn says_from(network: &mut Network, from: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let record = network.seal(0, payload);
    network.inject(from, SERVER, &record);
    record
}

// --- what is agreed on -----------------------------------------------------------------------------------------------

#[test]
fn each_side_puts_the_id_that_the_other_wants_into_its_records() {
    for (server, client) in [(8, 6), (32, 32), (1, 0), (0, 1), (0, 0), (0, 32)] {
        let mut network = connected_with(Some(server), Some(client), &psk_client(&[]));
        let [of_server, of_client] = agreed(&network).map(Option::unwrap);
        assert_eq!((of_server.own(), of_server.peer()), (of_client.peer(), of_client.own()));
        assert_eq!([of_server.own().len(), of_client.own().len()], [server, client].map(usize::from));
        assert!(of_server.checks_routability() && of_client.checks_routability());
        let up = network.seal(0, b"up");
        assert_eq!(up[0], if server == 0 { 23 } else { 25 });
        assert!(up[BEFORE_ID..].starts_with(of_server.own()));
        network.inject(network.clients[0].address, SERVER, &up);
        assert_eq!(network.server.payloads(), [b"up"]);
        echo(&mut network, b"both ways");
    }
}

#[test]
fn nobody_uses_ids_whom_nobody_has_asked() {
    for (server, client) in [(None, None), (None, Some(8)), (Some(8), None)] {
        let mut network = connected_with(server, client, &psk_client(&[]));
        assert_eq!(agreed(&network), [None, None]);
        assert_eq!(network.seal(0, b"plain")[0], 23);
        echo(&mut network, b"both ways");
        // Not even in the hellos of those who want none.
        let has_extension = |datagram: &[u8]| datagram.windows(4).any(|bytes| bytes[..3] == [0, 54, 0]);
        let [from_client, from_server] = [false, true].map(|by_server| {
            let sent = network.wire.iter().filter(|(from, ..)| (*from == SERVER) == by_server);
            sent.filter(|(_, _, datagram)| datagram[0] == 22).any(|(_, _, datagram)| has_extension(datagram))
        });
        assert_eq!((from_client, from_server), (client.is_some(), false));
    }
}

#[test]
fn a_client_gives_its_id_back_when_the_server_uses_none() {
    let [without, with] =
        [None, Some(8)].map(|own| connected_with(None, own, &psk_client(&[])).clients[0].endpoint.footprint());
    assert_eq!(with, without);
}

#[test]
fn ids_work_with_every_kind_of_suite_asleep_and_awake() {
    for suite in SUITES {
        let mut network = connected_with(Some(8), Some(6), &psk_client(&[suite]));
        let before = agreed(&network);
        for round in 0..3 {
            echo(&mut network, format!("round {round}").as_bytes());
            echo(&mut network, b"");
            echo(&mut network, &[7; 1200]);
            network.run_for(Duration::from_secs(6));
            assert_eq!(network.server.endpoint.sleepers(), 1, "{suite}");
            assert_eq!(agreed(&network), before, "{suite}");
        }
    }
}

#[test]
fn the_longest_payload_fits_with_the_longest_ids() {
    for suite in SUITES {
        let mut network = connected_with(Some(32), Some(32), &psk_client(&[suite]));
        let limit = network.server.endpoint.payload_limit(server_handle(&network)).unwrap();
        assert_eq!(limit, 16_384);
        echo(&mut network, &vec![9; limit]);
    }
}

#[test]
fn handshakes_with_ids_survive_loss_reordering_and_jobs() {
    let mut network = Network::new(psk_server());
    network.server.endpoint.use_connection_ids(Some(8));
    network.client_ids = Some(6);
    network.weather = Weather { loss: 20, duplication: 20, jitter: Duration::from_millis(300) };
    for _ in 0..20 {
        network.connect(&psk_client(&[]));
    }
    network.run_for(Duration::from_secs(100));
    assert_eq!(network.server.secured().len(), 20);
    assert!(network.clients.iter().all(|client| client.secured().len() == 1));
}

/// RFC 6347 section 4.1: records of the next epoch may come early. With an ID, their type is hidden.
#[test]
fn records_with_ids_that_overtake_the_end_of_the_handshake_are_kept() {
    for suite in SUITES {
        // As long as a Finished message, and not.
        for payload in [&b"short"[..], &[5; 24]] {
            let mut network = Network::new(psk_server());
            network.server.endpoint.use_connection_ids(Some(8));
            network.client_ids = Some(6);
            network.connect(&psk_client(&[suite]));
            while network.server.secured().is_empty() {
                assert!(network.step());
            }
            // The server's ChangeCipherSpec and Finished are under way.
            let client = network.clients[0].address;
            let handle = server_handle(&network);
            let early = network.server.endpoint.send(network.now, handle, payload).unwrap().datagram.to_vec();
            network.inject(SERVER, client, &early);
            assert!(network.clients[0].secured().is_empty(), "{suite}");
            network.settle();
            assert_eq!(network.clients[0].secured().len(), 1, "{suite}");
            assert_eq!(network.clients[0].payloads(), [payload], "{suite}");
            echo(&mut network, b"and then");
        }
    }
}

/// The same with the Finished message alone, before the ChangeCipherSpec.
#[test]
fn a_finished_message_with_an_id_that_overtakes_change_cipher_spec_is_kept() {
    for suite in SUITES {
        let mut network = Network::new(psk_server());
        network.server.endpoint.use_connection_ids(Some(8));
        network.client_ids = Some(6);
        network.connect(&psk_client(&[suite]));
        overtake_change_cipher_spec(&mut network);
        assert_eq!(network.server.secured().len(), 1, "{suite}");
        echo(&mut network, b"open");
    }
}

/// What answers a handshake goes where that began, which the cookie has proved.
#[test]
fn the_end_of_a_handshake_is_not_heard_from_elsewhere() {
    let mut network = Network::new(psk_server());
    network.server.endpoint.use_connection_ids(Some(8));
    network.client_ids = Some(6);
    network.connect(&psk_client(&[]));
    let mut records = last_flight(&mut network);
    let (client, finished) = (network.clients[0].address, records.pop().unwrap());
    for record in records {
        network.inject(client, SERVER, &record);
    }
    network.inject(ELSEWHERE, SERVER, &finished);
    assert!(network.server.secured().is_empty());
    assert_eq!(network.server.endpoint.counters().drops(DropReason::Unexpected), 1);
    network.inject(client, SERVER, &finished);
    assert_eq!(network.server.secured().len(), 1);
    assert!(moves(&network).is_empty());
}

/// The client's Finished arrives before the ChangeCipherSpec that announces it.
fn overtake_change_cipher_spec(network: &mut Network) {
    let client = network.clients[0].address;
    let mut records = last_flight(network);
    let finished = records.pop().unwrap();
    let change_cipher_spec = records.pop().unwrap();
    for record in records.iter().chain([&finished, &change_cipher_spec]) {
        network.inject(client, SERVER, record);
    }
    network.settle();
}

/// The records of the client's last flight, which do not arrive; the last has an ID.
fn last_flight(network: &mut Network) -> Vec<Vec<u8>> {
    let is_last = |datagram: &[u8]| Records::with_ids(datagram, 8).any(|r| r.content_type == ContentType::Tls12Cid);
    while !network.wire.iter().any(|(from, _, datagram)| *from != SERVER && is_last(datagram)) {
        assert!(network.step());
    }
    network.drop_in_flight();
    let flight: Vec<_> =
        network.wire.iter().filter(|(from, _, datagram)| *from != SERVER && datagram[0] == 22).collect();
    let last = flight.last().unwrap().2.clone();
    let records: Vec<_> = Records::with_ids(&last, 8).map(|record| record.bytes.to_vec()).collect();
    assert_eq!(records.last().unwrap()[0], 25);
    records
}

// --- where records go ------------------------------------------------------------------------------------------------

#[test]
fn a_connection_is_found_by_its_id_and_moves_before_its_data_is_heard() {
    for asleep in [false, true] {
        let mut network = connected();
        echo(&mut network, b"here");
        if asleep {
            network.run_for(Duration::from_secs(6));
        }
        let home = network.clients[0].address;
        says_from(&mut network, ELSEWHERE, b"there");
        let connection = server_handle(&network);
        assert_eq!(moves(&network), [(connection, home, ELSEWHERE)]);
        assert_eq!(network.server.payloads(), [b"here".to_vec(), b"there".to_vec()]);
        assert_eq!(answers_go_to(&mut network), ELSEWHERE);
        says_from(&mut network, ELSEWHERE, b"still there");
        assert_eq!(moves(&network).len(), 1, "once");
        assert!(network.server.closes().next().is_none());
        assert_eq!(network.server.endpoint.counters().handshakes_started, 1);
    }
}

/// RFC 9146 section 6: only with a record that is newer than all before.
#[test]
fn a_late_or_repeated_record_from_elsewhere_moves_nothing() {
    let mut network = connected();
    let late = network.seal(0, b"late");
    let newest = network.seal(0, b"newest");
    let home = network.clients[0].address;
    network.inject(home, SERVER, &newest);
    network.inject(ELSEWHERE, SERVER, &newest);
    network.inject(ELSEWHERE, SERVER, &late);
    assert_eq!(answers_go_to(&mut network), home);
    assert!(moves(&network).is_empty());
    // What is late is still heard, once.
    assert_eq!(network.server.payloads(), [b"newest".to_vec(), b"late".to_vec()]);
    assert_eq!(network.server.endpoint.counters().drops(DropReason::Replayed), 1);
}

#[test]
fn a_record_without_the_id_that_its_connection_has_is_dropped_however_short_that_is() {
    for length in [1, 2, 8] {
        let mut network = connected_with(Some(length), Some(6), &psk_client(&[]));
        let address = network.clients[0].address;
        let record = network.seal(0, b"with an id");
        let without = [&[23], &record[1..11], &record[11 + usize::from(length)..]].concat();
        network.inject(address, SERVER, &without);
        assert_eq!(network.server.endpoint.counters().drops(DropReason::MissingId), 1, "{length}");
        network.inject(address, SERVER, &record);
        assert_eq!(network.server.payloads(), [b"with an id"]);
    }
}

// wolfSSL PR 11177
#[test]
fn a_record_whose_id_or_type_somebody_takes_away_is_not_read() {
    let mut network = connected();
    let address = network.clients[0].address;
    let record = network.seal(0, b"with an id");
    assert_eq!(record[0], 25);
    let id = ids(&network.clients[0].endpoint, network.client_handle(0)).unwrap().peer().to_vec();
    let without_id = [&record[..11], &record[11 + id.len()..]].concat();
    for bytes in [&record, &without_id] {
        for content_type in [20, 21, 22, 23, 24, 26] {
            network.inject(address, SERVER, &[&[content_type], &bytes[1..]].concat());
        }
    }
    network.inject(address, SERVER, &without_id);
    assert!(network.server.payloads().is_empty());
    network.inject(address, SERVER, &record);
    assert_eq!(network.server.payloads(), [b"with an id"]);
}

#[test]
fn a_known_address_with_the_id_of_another_connection_follows_the_id() {
    let mut network = connected();
    network.connect(&psk_client(&[]));
    network.settle();
    let (first, second) = (network.server.secured()[0], network.server.secured()[1]);
    let (home, other) = (network.clients[0].address, network.clients[1].address);
    says_from(&mut network, other, b"the first speaks");
    assert_eq!(network.server.received, [(first, b"the first speaks".to_vec())]);
    assert_eq!(moves(&network), [(first, home, other)]);
    // Who was there is found as before.
    let record = network.seal(1, b"the second speaks");
    network.inject(other, SERVER, &record);
    assert_eq!(network.server.received.last().unwrap().0, second);
    assert!(network.server.closes().next().is_none());
}

#[test]
fn another_peer_at_the_same_address_does_not_end_a_connection_that_has_an_id() {
    let mut network = connected();
    network.keys.insert(b"neighbour".to_vec(), b"another key of 16".to_vec());
    let home = network.clients[0].address;
    network.connect_from(home, &psk_client_with(&[], b"neighbour", b"another key of 16"));
    network.settle();
    assert_eq!(network.server.secured().len(), 2);
    assert!(network.server.closes().next().is_none());
    says_from(&mut network, ELSEWHERE, b"I was asleep when somebody else got my address");
    assert_eq!(network.server.received.last().unwrap().0, server_handle(&network));
    // The same peer once more: it has started anew.
    network.connect_from(home, &psk_client_with(&[], b"neighbour", b"another key of 16"));
    network.settle();
    let closes: Vec<_> = network.server.closes().collect();
    assert!(matches!(closes[..], [(connection, CloseReason::Replaced)] if connection == network.server.secured()[1]));
}

#[test]
fn peers_that_nobody_knows_share_an_address_and_are_not_taken_for_each_other() {
    for first_to_end in [0, 1] {
        let configs = super::modes::Mode::Certificate.configs(1400);
        let mut network = configs.network();
        network.server.endpoint.use_connection_ids(Some(8));
        network.client_ids = Some(6);
        configs.connect(&mut network, None);
        network.settle();
        let home = network.clients[0].address;
        network.connect_from(home, configs.client());
        network.settle();
        let connections = network.server.secured();
        assert_eq!(connections.len(), 2);
        assert!(network.server.closes().next().is_none());
        // Whoever ends first, nothing is left of either.
        for connection in [connections[first_to_end], connections[1 - first_to_end]] {
            network.server.endpoint.abort(connection);
            network.collect();
        }
        assert_eq!(network.server.endpoint.footprint(), 0, "{first_to_end}");
    }
}

#[test]
fn a_peer_that_starts_anew_at_its_address_replaces_its_connection() {
    let mut network = connected();
    network.connect_from(network.clients[0].address, &psk_client(&[]));
    network.settle();
    let closes: Vec<_> = network.server.closes().collect();
    assert!(matches!(closes[..], [(connection, CloseReason::Replaced)] if connection == server_handle(&network)));
}

#[test]
fn ids_are_given_back_with_their_connections() {
    let mut network = connected();
    let one = network.server.endpoint.footprint();
    assert_eq!(one, ONE_CONNECTION + 1);
    for _ in 0..300 {
        network.connect(&psk_client(&[]));
        network.settle();
        let newest = *network.server.secured().last().unwrap();
        network.server.endpoint.abort(newest);
        network.collect();
    }
    assert_eq!(network.server.endpoint.footprint(), one);
    // And those of handshakes that come to nothing.
    network.keys.clear();
    for _ in 0..10 {
        network.connect(&psk_client(&[]));
    }
    network.run_for(Duration::from_secs(130));
    assert_eq!(network.server.endpoint.footprint(), one);
}

#[test]
fn connections_go_without_ids_when_all_are_given_away() {
    let mut network = Network::new(psk_server());
    network.server.endpoint.use_connection_ids(Some(1));
    network.client_ids = Some(0);
    for _ in 0..270 {
        network.connect(&psk_client(&[]));
        network.settle();
    }
    let endpoint = &network.server.endpoint;
    let with_ids = network.server.secured().iter().filter(|&&handle| endpoint.connection_ids(handle).is_some()).count();
    assert_eq!(network.server.secured().len(), 270);
    assert!((200..=256).contains(&with_ids), "{with_ids}");
}

// --- strangers -------------------------------------------------------------------------------------------------------

#[test]
fn records_with_ids_that_are_nobodys_are_dropped_and_counted_by_reason() {
    let mut network = connected();
    let home = network.clients[0].address;
    let record = network.seal(0, b"genuine");
    let footprint = network.server.endpoint.footprint();
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = record.clone();
        change(&mut bytes);
        bytes
    };
    let unknown = changed(&|bytes| bytes[BEFORE_ID] ^= 1);
    let unprotected = changed(&|bytes| bytes[4] = 0);
    let next_epoch = changed(&|bytes| bytes[4] = 2);
    let forged = changed(&|bytes| *bytes.last_mut().unwrap() ^= 1);
    let renumbered = changed(&|bytes| bytes[10] ^= 0x40);
    let stripped = changed(&|bytes| {
        bytes[0] = 23;
        bytes.drain(BEFORE_ID..BEFORE_ID + 8);
    });
    let short = changed(&|bytes| drop(bytes.drain(BEFORE_ID..BEFORE_ID + 4)));
    let long = changed(&|bytes| drop(bytes.splice(BEFORE_ID..BEFORE_ID, [1, 2, 3, 4])));
    let empty = changed(&|bytes| {
        bytes.truncate(BEFORE_ID + 8 + 2);
        bytes[BEFORE_ID + 8..].fill(0);
    });
    for from in [home, ELSEWHERE] {
        for bytes in [&unknown, &unprotected, &next_epoch, &forged, &renumbered, &stripped, &short, &long, &empty] {
            for length in 0..=bytes.len() {
                network.inject(from, SERVER, &bytes[..length]);
            }
        }
    }
    let counters = network.server.endpoint.counters();
    assert!(counters.drops(DropReason::UnknownId) >= 2, "{counters:?}");
    assert!(counters.drops(DropReason::UnprotectedId) >= 4, "{counters:?}");
    assert!(counters.drops(DropReason::Unauthentic) >= 4, "{counters:?}");
    assert_eq!(counters.drops(DropReason::MissingId), 1, "{counters:?}");
    assert_eq!(network.server.endpoint.footprint(), footprint);
    assert!(moves(&network).is_empty() && network.server.payloads().is_empty());
    // None of them has moved the replay window.
    network.inject(home, SERVER, &record);
    assert_eq!(network.server.payloads(), [b"genuine"]);
    echo(&mut network, b"as if nothing had happened");
}

#[test]
fn a_flood_of_records_with_ids_keeps_nothing_and_is_not_answered() {
    let mut network = connected();
    echo(&mut network, b"before");
    network.run_for(Duration::from_secs(6));
    let footprint = network.server.endpoint.footprint();
    let record = network.seal(0, b"genuine");
    let sent = network.server.endpoint.counters().datagrams_sent;
    for number in 0..5000_u32 {
        let mut bytes = record.clone();
        if number % 2 == 0 {
            bytes[BEFORE_ID..BEFORE_ID + 4].copy_from_slice(&number.to_be_bytes());
        } else {
            bytes[20..24].copy_from_slice(&number.to_be_bytes());
        }
        network.inject(SocketAddr::from(([203, 0, 113, number as u8], 1000)), SERVER, &bytes);
    }
    assert_eq!(network.server.endpoint.footprint(), footprint);
    assert_eq!(network.server.endpoint.counters().datagrams_sent, sent);
    echo(&mut network, b"after");
}

#[test]
fn hellos_that_ask_for_impossible_ids_are_refused() {
    // The extension of a client that wants 6 bytes: its inner length, and its outer one, are wrong.
    for lengths in [[0, 54, 0, 7, 200], [0, 54, 0, 7, 5], [0, 54, 0, 7, 7]] {
        let mut network = Network::new(psk_server());
        network.server.endpoint.use_connection_ids(Some(8));
        network.client_ids = Some(6);
        network.rewrite = Some((vec![0, 54, 0, 7, 6], lengths.to_vec()));
        network.connect(&psk_client(&[]));
        network.run_for(Duration::from_secs(5));
        assert!(network.server.secured().is_empty());
        assert_eq!(network.server.error_kinds(), [ErrorKind::Protocol], "{lengths:?}");
        assert_eq!(network.server.endpoint.footprint(), 0);
    }
}

// --- saved connections -----------------------------------------------------------------------------------------------

#[test]
fn a_saved_connection_keeps_its_ids_and_is_found_by_them_from_a_new_address() {
    let mut network = connected_with(Some(8), Some(6), &psk_client(&["PSK-AES128-GCM-SHA256"]));
    echo(&mut network, b"before");
    let [of_server, _] = agreed(&network);
    let copy = saved(&network);
    assert_eq!(copy.connection_ids().cloned(), of_server);
    network.restart_server(psk_server());
    network.server.endpoint.use_connection_ids(Some(8));
    network.server.endpoint.validate_addresses(AddressValidation::None);
    network.server.endpoint.ask(asks_about_addresses(true, false));
    says_from(&mut network, ELSEWHERE, b"from a new address");
    let (question, claimed) = network.restore_questions.remove(0);
    assert_eq!(claimed, ELSEWHERE);
    let restored = reply_with_saved(&mut network.server.endpoint, network.now, UNIX_TIME, question, Some(&copy));
    network.collect();
    assert_eq!(network.server.payloads(), [b"from a new address"]);
    assert_eq!(ids(&network.server.endpoint, restored.unwrap()), of_server);
    let home = network.clients[0].address;
    says_from(&mut network, home, b"and from the old one");
    assert_eq!(moves(&network), [(restored.unwrap(), ELSEWHERE, home)]);
    network.send_from_server(restored.unwrap(), home, b"answer");
    network.settle();
    assert_eq!(network.clients[0].payloads().last().unwrap(), b"answer");
}

#[test]
fn the_question_for_a_saved_connection_names_the_id() {
    let mut network = connected();
    let [of_server, _] = agreed(&network).map(Option::unwrap);
    network.restart_server(psk_server());
    network.server.endpoint.use_connection_ids(Some(8));
    network.server.endpoint.ask(asks_about_addresses(true, false));
    let record = network.seal(0, b"hello");
    network.server.endpoint.handle_datagram(network.now, ELSEWHERE, &record);
    let asked = std::iter::from_fn(|| network.server.endpoint.poll_event()).find_map(|event| match event {
        Event::Question { about: crate::proto::Question::Restore { id, .. }, .. } => id,
        _ => None,
    });
    assert_eq!(asked.unwrap().as_bytes(), of_server.own());
}

#[test]
fn a_saved_connection_does_not_go_on_with_an_id_that_nobody_could_find() {
    let network = connected();
    let copy = saved(&network);
    for length in [None, Some(0), Some(7), Some(32)] {
        let mut server = Network::new(psk_server()).server.endpoint;
        server.use_connection_ids(length);
        let restoration = Restoration { saved: &copy, clock: clock(UNIX_TIME) };
        assert!(server.restore(network.now, ELSEWHERE, restoration).is_none(), "{length:?}");
        assert_eq!(server.footprint(), 0);
    }
}
