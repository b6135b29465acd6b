//! Connections that outlive their server's process, and their own address.

use super::network::*;
use crate::proto::{ConnectionHandle, Event, SavedConnection};
use crate::tls::DropReason;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

/// Some moment in 2026.
pub(super) const UNIX_TIME: Duration = Duration::from_secs(1_780_000_000);

/// Beyond `UNIX_TIME`: the wall clock goes on between two restores.
pub(super) fn later(seconds: u64) -> Duration {
    UNIX_TIME + Duration::from_secs(seconds)
}

pub(super) fn saved(network: &Network) -> SavedConnection {
    let handle = *network.server.secured().last().unwrap();
    network.server.endpoint.save(handle).unwrap()
}

/// node-mbed-dtls's announcement: the record under another type, the device's name, and its length.
pub(super) fn announcement(mut datagram: Vec<u8>, device_id: &[u8]) -> Vec<u8> {
    datagram[0] = 254;
    datagram.extend_from_slice(device_id);
    datagram.push(device_id.len() as u8);
    datagram
}

/// The moves that the server has told of, as many as it has counted.
pub(super) fn moves(network: &Network) -> Vec<(ConnectionHandle, SocketAddr, SocketAddr)> {
    let log = network.server.log.iter();
    let moves: Vec<_> = log
        .filter_map(|event| match event {
            Event::Moved { connection, remote, old } => Some((*connection, *old, *remote)),
            _ => None,
        })
        .collect();
    assert_eq!(network.server.endpoint.counters().moves, moves.len() as u64);
    moves
}

pub(super) fn record_number(datagram: &[u8]) -> u64 {
    u64::from_be_bytes(datagram[3..11].try_into().unwrap()) & 0xffff_ffff_ffff
}

pub(super) const ELSEWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 50)), 7000);

/// What an endpoint keeps for one: the connection, its route, its deadline, and its association's name.
pub(super) const ONE_CONNECTION: usize = 4;

#[test]
fn a_device_goes_on_after_the_server_was_restarted() {
    for suite in [
        "PSK-AES128-CCM8",
        "PSK-AES256-GCM-SHA384",
        "PSK-AES128-CBC-SHA256",
        "ECDHE-PSK-AES256-GCM-SHA384",
        "ECDHE-PSK-AES128-CCM8-SHA256",
    ] {
        let mut network = Network::new(psk_server());
        network.connect(&psk_client(&[suite]));
        network.settle();
        let device = network.clients[0].address;
        network.send_from_client(0, b"before");
        network.settle();
        let recorded = network.wire.last().unwrap().2.clone();
        let saved = saved(&network);

        network.restart_server(psk_server());
        network.server.endpoint.ask(asks_about_addresses(true, false));
        network.send_from_client(0, b"after");
        network.settle();
        let (lookup, claimed) = network.restore_questions.remove(0);
        assert_eq!(claimed, device);
        let handle =
            reply_with_saved(&mut network.server.endpoint, network.now, UNIX_TIME, lookup, Some(&saved)).unwrap();
        network.settle();
        assert_eq!(network.server.received, [(handle, b"after".to_vec())], "{suite}");
        assert_eq!(network.server.endpoint.counters().connections_restored, 1, "{suite}");

        network.send_from_server(handle, device, b"welcome back");
        network.settle();
        assert_eq!(network.clients[0].payloads(), [b"welcome back"]);
        // What was heard before the restart is not heard again.
        network.inject(device, SERVER, &recorded);
        assert_eq!(network.server.received.len(), 1);
    }
}

#[test]
fn a_recorded_datagram_restores_nothing() {
    let mut network = Network::connected();
    let device = network.clients[0].address;
    network.send_from_client(0, b"before");
    network.settle();
    let recorded = network.wire.last().unwrap().2.clone();
    let saved = saved(&network);
    network.restart_server(psk_server());
    network.server.endpoint.ask(asks_about_addresses(true, false));
    network.inject(device, SERVER, &recorded);
    let (lookup, _) = network.restore_questions.remove(0);
    assert!(reply_with_saved(&mut network.server.endpoint, network.now, UNIX_TIME, lookup, Some(&saved)).is_none());
    assert_eq!(network.server.endpoint.counters().drops(DropReason::Replayed), 1);
    assert_eq!(network.server.endpoint.footprint(), 0);
}

#[test]
fn record_numbers_never_repeat_whichever_copy_is_restored() {
    let mut network = Network::connected();
    let device = network.clients[0].address;
    let stale = saved(&network);
    let mut highest = 0;
    for restart in 0..5 {
        let handle = if restart == 0 {
            network.server.secured()[0]
        } else {
            network.restart_server(psk_server());
            network
                .server
                .endpoint
                .restore(network.now, device, Restoration { saved: &stale, clock: clock(later(restart)) })
                .unwrap()
        };
        for _ in 0..100 {
            network.send_from_server(handle, device, b"tick");
            let number = record_number(&network.wire.last().unwrap().2);
            assert!(number > highest, "{number} after {highest}");
            highest = number;
        }
    }
    network.settle();
    assert_eq!(network.clients[0].received.len(), 500);
}

#[test]
fn the_same_copy_does_not_live_twice() {
    let mut network = Network::connected();
    let device = network.clients[0].address;
    let copy = saved(&network);
    network.restart_server(psk_server());
    let first = network
        .server
        .endpoint
        .restore(network.now, device, Restoration { saved: &copy, clock: clock(UNIX_TIME) })
        .unwrap();
    assert!(
        network
            .server
            .endpoint
            .restore(network.now, device, Restoration { saved: &copy, clock: clock(UNIX_TIME) })
            .is_none()
    );
    assert!(
        network
            .server
            .endpoint
            .restore(network.now, ELSEWHERE, Restoration { saved: &copy, clock: clock(later(1)) })
            .is_none()
    );
    network.collect();
    assert_eq!(network.server.closes().count(), 0);
    assert_eq!(network.server.endpoint.connection_count(), 1);
    network.server.endpoint.abort(first);
    network.collect();
    assert_eq!(network.server.endpoint.footprint(), 0);
}

#[test]
fn questions_about_unknown_addresses_are_bounded_and_end() {
    let mut network = Network::connected();
    let limits = crate::proto::Limits { address_questions: 10, ..limits() };
    let record = network.seal(0, b"to nobody");
    let mut network = Network::with_limits(psk_server(), limits);
    network.inject(ELSEWHERE, SERVER, &record);
    assert!(network.restore_questions.is_empty(), "nobody asked to be asked");
    network.server.endpoint.ask(asks_about_addresses(true, true));
    for number in 0..100 {
        network.inject(SocketAddr::from(([10, 0, 0, 1], 1000 + number)), SERVER, &record);
        network.inject(SocketAddr::from(([10, 0, number as u8, 2], 1000)), SERVER, &record);
    }
    assert_eq!(network.restore_questions.len(), 10);
    assert_eq!(network.server.endpoint.question_count(), 10);
    // As many again wait for their turn, which never comes: nobody answers. All have their addresses, and questions their deadlines.
    assert_eq!(network.server.endpoint.footprint(), 10 + 10 + 10 + 20 + 10);
    assert_eq!(network.server.endpoint.counters().address_questions_displaced, 180);
    network.run_for(Duration::from_secs(121));
    assert_eq!(network.server.endpoint.question_count(), 0);
    assert_eq!(network.server.log.iter().filter(|event| matches!(event, Event::QuestionExpired { .. })).count(), 10);
    let (lookup, _) = network.restore_questions[0];
    assert!(reply_with_saved(&mut network.server.endpoint, network.now, UNIX_TIME, lookup, None).is_none());
    assert_eq!(network.server.endpoint.footprint(), 0);
}

#[test]
fn a_device_moves_when_its_record_authenticates_and_not_before() {
    let mut network = Network::connected();
    network.server.endpoint.ask(asks_about_addresses(false, true));
    let old = network.clients[0].address;
    let handle = network.server.secured()[0];
    let record = network.seal(0, b"from elsewhere");

    // A thief who knows the device's name, but not its keys.
    let mut forged = record.clone();
    *forged.last_mut().unwrap() ^= 1;
    network.inject(ELSEWHERE, SERVER, &announcement(forged, b"device"));
    let (lookup, device_id) = network.move_questions.remove(0);
    assert_eq!(device_id, b"device");
    network.server.endpoint.handle_answer(network.now, lookup, Answer::Move(Some(old)));
    network.settle();
    assert!(moves(&network).is_empty());

    network.inject(ELSEWHERE, SERVER, &announcement(record, b"device"));
    assert!(moves(&network).is_empty());
    let (lookup, _) = network.move_questions.remove(0);
    network.server.endpoint.handle_answer(network.now, lookup, Answer::Move(Some(old)));
    network.settle();
    assert_eq!(moves(&network), [(handle, old, ELSEWHERE)]);
    assert_eq!(network.server.received, [(handle, b"from elsewhere".to_vec())]);
    assert_eq!(network.server.endpoint.footprint(), ONE_CONNECTION + 1, "and where it was");

    // Plain records from the new address need no announcement.
    let plain = network.seal(0, b"plain");
    network.inject(ELSEWHERE, SERVER, &plain);
    assert_eq!(network.server.received[1], (handle, b"plain".to_vec()));
}

#[test]
fn a_device_that_has_not_moved_needs_nobody_to_be_asked() {
    let mut network = Network::connected();
    network.server.endpoint.ask(asks_about_addresses(true, true));
    let address = network.clients[0].address;
    let record = network.seal(0, b"same place");
    network.inject(address, SERVER, &announcement(record, b"device"));
    assert!(network.move_questions.is_empty());
    assert_eq!(network.server.payloads(), [b"same place"]);
    assert!(moves(&network).is_empty());
}

#[test]
fn a_device_moves_while_its_server_is_down() {
    let mut network = Network::connected();
    let old = network.clients[0].address;
    let copy = saved(&network);
    network.restart_server(psk_server());
    network.server.endpoint.ask(asks_about_addresses(true, true));
    let record = network.seal(0, b"both at once");
    network.inject(ELSEWHERE, SERVER, &announcement(record, b"device"));
    let (lookup, _) = network.move_questions.remove(0);
    network.server.endpoint.handle_answer(network.now, lookup, Answer::Move(Some(old)));
    network.collect();
    let (lookup, claimed) = network.restore_questions.remove(0);
    assert_eq!(claimed, old);
    let handle = reply_with_saved(&mut network.server.endpoint, network.now, UNIX_TIME, lookup, Some(&copy)).unwrap();
    network.collect();
    assert_eq!(moves(&network), [(handle, old, ELSEWHERE)]);
    assert_eq!(network.server.received, [(handle, b"both at once".to_vec())]);
}

#[test]
fn two_devices_swap_addresses() {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&[]));
    network.connect(&psk_client(&[]));
    network.settle();
    network.server.endpoint.ask(asks_about_addresses(false, true));
    let addresses = [network.clients[0].address, network.clients[1].address];
    let handles = network.server.secured();
    for (device, new) in [(0, addresses[1]), (1, addresses[0])] {
        let record = network.seal(device, &[device as u8]);
        network.inject(new, SERVER, &announcement(record, &[device as u8]));
        let (lookup, _) = network.move_questions.remove(0);
        network.server.endpoint.handle_answer(network.now, lookup, Answer::Move(Some(addresses[device])));
        network.settle();
    }
    for (device, new) in [(0, addresses[1]), (1, addresses[0])] {
        let record = network.seal(device, b"settled");
        network.inject(new, SERVER, &record);
        assert_eq!(network.server.received.last().unwrap(), &(handles[device], b"settled".to_vec()));
    }
    assert_eq!(network.server.endpoint.footprint(), 2 * (ONE_CONNECTION + 1), "and where each was");
}

#[test]
fn a_thousand_devices_move_at_random_and_every_message_reaches_the_right_connection() {
    const DEVICES: usize = 1_000;
    let mut network = Network::new(psk_server());
    let config = psk_client(&["PSK-AES128-CCM8"]);
    for _ in 0..DEVICES {
        network.connect(&config);
    }
    network.settle();
    network.server.endpoint.ask(asks_about_addresses(false, true));
    let mut places: Vec<SocketAddr> = network.clients.iter().map(|client| client.address).collect();
    let mut connections = HashMap::new();
    for event in &network.server.log {
        if let Event::Connection { connection, remote, .. } = event {
            connections.insert(places.iter().position(|place| place == remote).unwrap(), *connection);
        }
    }
    let mut dice = 88_172_645_463_325_252u64;
    let mut roll = |sides: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        (dice >> 11) as usize % sides
    };
    for step in 0..5_000 {
        // As often as the application may be asked.
        network.now += Duration::from_millis(1);
        let device = roll(DEVICES);
        let payload = format!("{device}/{step}").into_bytes();
        let record = network.seal(device, &payload);
        // A third stays, a third goes where nobody was, a third where another one is or was.
        let new = match roll(3) {
            0 => places[device],
            1 => SocketAddr::from(([10, 1, (step >> 8) as u8, step as u8], 5000)),
            _ => places[roll(DEVICES)],
        };
        network.inject(new, SERVER, &announcement(record, &(device as u16).to_be_bytes()));
        if let Some((lookup, name)) = network.move_questions.pop() {
            let device = usize::from(u16::from_be_bytes(name.try_into().unwrap()));
            network.server.endpoint.handle_answer(network.now, lookup, Answer::Move(Some(places[device])));
            network.collect();
        }
        let gone = network.server.closes().count();
        if gone == 0 {
            places[device] = new;
            let expected = (connections[&device], payload);
            assert_eq!(network.server.received.last(), Some(&expected), "step {step}");
        } else {
            panic!("step {step}: a device lost its connection");
        }
    }
    let distinct: std::collections::HashSet<_> = places.iter().collect();
    let each = network.server.endpoint.footprint() - distinct.len();
    assert!(
        (3 * DEVICES..=6 * DEVICES).contains(&each),
        "{each}: a connection, a deadline, a name, three former addresses"
    );
}

#[test]
fn malformed_announcements_do_nothing() {
    let mut network = Network::connected();
    network.server.endpoint.ask(asks_about_addresses(true, true));
    let record = network.seal(0, b"real");
    let whole = announcement(record, b"device");
    let mut malformed: Vec<Vec<u8>> = (0..whole.len()).map(|length| whole[..length].to_vec()).collect();
    malformed.extend([
        vec![0xfe],
        vec![0xfe, 0],
        vec![0xfe, 0xff],
        vec![0xfe; 300],
        announcement(Vec::from([254]), b"x"),
    ]);
    for length in [0, 1, 5, 7, 255] {
        let mut lying = whole.clone();
        *lying.last_mut().unwrap() = length;
        malformed.push(lying);
    }
    for datagram in &malformed {
        network.inject(ELSEWHERE, SERVER, datagram);
    }
    assert!(network.move_questions.is_empty() && network.restore_questions.is_empty());
    assert_eq!(network.server.endpoint.footprint(), ONE_CONNECTION);
}
