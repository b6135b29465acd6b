//! Return routability checks (RFC 9853), and what is sent to an address that nobody has proved.

use super::connection_ids::connected_with;
use super::network::*;
use super::roaming::{UNIX_TIME, moves};
use crate::proto::{AddressValidation, Answered, ConnectionHandle, SavedConnection, Traveller};
use crate::tls::DropReason;
use crate::wire::RoutabilityCheck;
use std::net::SocketAddr;
use std::time::Duration;

fn elsewhere(number: u8) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, number], 7000))
}

const ELSEWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 50)), 7000);

fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A server with this kind of validation, and a client that answers checks.
fn network_with(validation: AddressValidation) -> (Network, ConnectionHandle, SocketAddr) {
    let mut network = connected_with(Some(8), Some(6), &psk_client(&[]));
    network.server.endpoint.validate_addresses(validation);
    let (connection, home) = (network.server.secured()[0], network.clients[0].address);
    network.wire.clear();
    (network, connection, home)
}

/// A server whose client answers no checks: its hello does not offer them.
fn network_with_plain_peer() -> (Network, ConnectionHandle, SocketAddr) {
    let mut network = Network::new(psk_server());
    network.server.endpoint.use_connection_ids(Some(8));
    network.client_ids = Some(6);
    network.connect(&psk_client(&[]));
    network.settle();
    let (connection, home) = (network.server.secured()[0], network.clients[0].address);
    // As if the hellos had not agreed on checks.
    let Some(SavedConnection::Dtls12(mut copy)) = network.server.endpoint.save(connection) else { panic!() };
    let ids = copy.connection_ids.unwrap();
    let [own, peer] = [ids.own(), ids.peer()].map(|id| crate::wire::ConnectionId::new(id).unwrap());
    copy.connection_ids = Some(crate::tls::ConnectionIds::new(&own, &peer, false));
    let copy = SavedConnection::Dtls12(copy);
    network.restart_server(psk_server());
    network.server.endpoint.use_connection_ids(Some(8));
    let restoration = Restoration { saved: &copy, clock: clock(UNIX_TIME) };
    let restored = network.server.endpoint.restore(network.now, home, restoration).unwrap();
    network.wire.clear();
    (network, restored, home)
}

/// The device is at another address from now on.
fn rebind(network: &mut Network, address: SocketAddr) {
    network.clients[0].address = address;
}

/// Somebody at `from` sends the device's next record.
fn says_from(network: &mut Network, from: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let record = network.seal(0, payload);
    network.inject(from, SERVER, &record);
    record
}

/// Has the server send a payload. Where its datagrams go, in order.
fn answer(network: &mut Network, connection: ConnectionHandle, payload: &[u8]) -> Vec<SocketAddr> {
    let before = network.wire.len();
    let counted = |network: &Network| {
        let counters = network.server.endpoint.counters();
        (counters.datagrams_sent, counters.bytes_sent)
    };
    let (datagrams, bytes) = counted(network);
    let sealed = network.server.endpoint.send(network.now, connection, payload).unwrap();
    let (direct, datagram) = (sealed.route.map(|route| route.remote), sealed.datagram.to_vec());
    network.collect();
    let lengths = network.wire[before..].iter().map(|(_, _, datagram)| datagram.len());
    let lengths: Vec<_> = lengths.chain(direct.map(|_| datagram.len())).map(|length| length as u64).collect();
    assert_eq!(counted(network), (datagrams + lengths.len() as u64, bytes + lengths.iter().sum::<u64>()));
    if let Some(remote) = direct {
        network.inject(SERVER, remote, &datagram);
    }
    direct.into_iter().chain(network.wire[before..].iter().map(|(_, to, _)| *to)).collect()
}

/// Bytes that the server has sent to an address.
fn sent_to(network: &Network, address: SocketAddr) -> usize {
    let wire = network.wire.iter();
    wire.filter(|(from, to, _)| *from == SERVER && *to == address).map(|(_, _, datagram)| datagram.len()).sum()
}

// --- a peer that has moved -------------------------------------------------------------------------------------------

#[test]
fn a_basic_check_takes_one_round_trip() {
    let (mut network, connection, home) = network_with(AddressValidation::Basic);
    rebind(&mut network, ELSEWHERE);
    network.send_from_client(0, b"I have moved");
    network.run_for(milliseconds(10));
    assert!(network.server.endpoint.is_address_confirmed(connection));
    assert_eq!(moves(&network), [(connection, home, ELSEWHERE)]);
    assert_eq!(network.server.payloads(), [b"I have moved"]);
    assert_eq!(answer(&mut network, connection, b"welcome"), [ELSEWHERE]);
    assert_eq!(sent_to(&network, home), 0);
    let counters = network.server.endpoint.counters();
    assert_eq!((counters.address_checks, counters.address_checks_failed, counters.datagrams_dropped), (1, 0, 0));
}

#[test]
fn an_enhanced_check_first_asks_at_the_old_address() {
    let (mut network, connection, home) = network_with(AddressValidation::Enhanced);
    rebind(&mut network, ELSEWHERE);
    network.send_from_client(0, b"I have moved");
    network.run_for(milliseconds(900));
    assert!(!network.server.endpoint.is_address_confirmed(connection));
    assert!(sent_to(&network, home) > 0 && sent_to(&network, ELSEWHERE) == 0);
    network.run_for(milliseconds(200));
    assert!(network.server.endpoint.is_address_confirmed(connection));
    assert_eq!(moves(&network), [(connection, home, ELSEWHERE)], "once");
    assert_eq!(answer(&mut network, connection, b"welcome"), [ELSEWHERE]);
}

/// A server, and a client that answers checks, 400 ms away.
fn slow_network_with(validation: AddressValidation) -> (Network, ConnectionHandle) {
    let mut network = Network::new(psk_server());
    network.delay = milliseconds(400);
    network.server.endpoint.use_connection_ids(Some(8));
    network.server.endpoint.validate_addresses(validation);
    network.client_ids = Some(6);
    network.connect(&psk_client(&[]));
    network.run_for(Duration::from_secs(5));
    let connection = network.server.secured()[0];
    assert_eq!(network.server.endpoint.tally(connection).unwrap().round_trip(), Some(milliseconds(800)));
    network.wire.clear();
    (network, connection)
}

#[test]
fn an_answer_is_waited_for_as_long_as_three_round_trips_of_the_handshake_take() {
    let (mut network, connection) = slow_network_with(AddressValidation::Enhanced);
    rebind(&mut network, ELSEWHERE);
    network.send_from_client(0, b"I have moved");
    network.run_for(milliseconds(400 + 2350));
    assert_eq!(sent_to(&network, ELSEWHERE), 0, "the old address has 2.4 seconds to answer");
    network.run_for(milliseconds(50 + 900));
    assert!(network.server.endpoint.is_address_confirmed(connection));
}

#[test]
fn a_path_that_has_become_slower_than_a_second_can_still_be_checked() {
    let (mut network, connection) = slow_network_with(AddressValidation::Basic);
    network.delay = milliseconds(1100);
    rebind(&mut network, ELSEWHERE);
    network.send_from_client(0, b"I have moved");
    network.run_for(milliseconds(1100 + 2200 + 10));
    assert!(network.server.endpoint.is_address_confirmed(connection));
    assert_eq!(network.server.endpoint.counters().address_checks_failed, 0);
}

#[test]
fn answers_reach_a_peer_that_has_moved_while_it_is_checked() {
    let (mut network, connection, home) = network_with(AddressValidation::Enhanced);
    rebind(&mut network, ELSEWHERE);
    for round in 0..8_u8 {
        network.send_from_client(0, &[round; 20]);
        network.settle();
        assert_eq!(answer(&mut network, connection, &[round; 20]), [ELSEWHERE, home]);
        network.settle();
        assert_eq!(network.clients[0].payloads().last().unwrap(), &[round; 20]);
        network.run_for(milliseconds(50));
    }
}

#[test]
fn checks_survive_loss() {
    for validation in [AddressValidation::Basic, AddressValidation::Enhanced] {
        let (mut network, connection, _) = network_with(validation);
        network.weather.loss = 25;
        for number in 1..=30 {
            rebind(&mut network, elsewhere(number));
            while network.server.payloads().last().is_none_or(|last| last[..] != [number]) {
                network.send_from_client(0, &[number]);
                network.run_for(milliseconds(100));
            }
            network.run_for(milliseconds(2500));
        }
        // One challenge in four gets through both ways at least: 3 of them fail in 9 of 100 checks.
        let counters = network.server.endpoint.counters();
        assert!(counters.address_checks_failed <= 8, "{counters:?}");
        assert!(network.server.endpoint.is_address_confirmed(connection), "every check ends");
    }
}

#[test]
fn a_peer_that_moves_in_the_middle_of_a_check_is_checked_anew() {
    for validation in [AddressValidation::Basic, AddressValidation::Enhanced] {
        let (mut network, connection, home) = network_with(validation);
        for number in 1..=5 {
            rebind(&mut network, elsewhere(number));
            network.send_from_client(0, &[number]);
            // Not even the challenge has arrived when it moves on.
            network.step();
            assert!(!network.server.endpoint.is_address_confirmed(connection));
        }
        network.run_for(milliseconds(2100));
        assert!(network.server.endpoint.is_address_confirmed(connection));
        assert_eq!(answer(&mut network, connection, b"there"), [elsewhere(5)]);
        let (first, last) = (moves(&network)[0], *moves(&network).last().unwrap());
        assert_eq!((first.1, last.2), (home, elsewhere(5)));
        assert_eq!(network.server.payloads().len(), 5);
    }
}

#[test]
fn a_peer_that_comes_back_needs_no_check() {
    let (mut network, connection, home) = network_with(AddressValidation::Enhanced);
    rebind(&mut network, ELSEWHERE);
    network.send_from_client(0, b"there");
    network.step();
    network.drop_in_flight();
    rebind(&mut network, home);
    network.send_from_client(0, b"and back");
    network.step();
    assert!(network.server.endpoint.is_address_confirmed(connection));
    assert_eq!(answer(&mut network, connection, b"welcome"), [home]);
}

#[test]
fn a_saved_connection_that_is_found_elsewhere_than_its_peer_was_is_checked() {
    let (mut network, connection, home) = network_with(AddressValidation::Enhanced);
    let Traveller { remote, saved } = network.server.endpoint.take_out(connection).unwrap();
    network.restart_server(psk_server());
    network.server.endpoint.use_connection_ids(Some(8));
    network.server.endpoint.ask(asks_about_addresses(true, false));
    rebind(&mut network, ELSEWHERE);
    let record = says_from(&mut network, ELSEWHERE, b"from elsewhere");
    let (question, _) = network.restore_questions.remove(0);
    let restoration = Restoration { saved: &saved, clock: clock(UNIX_TIME) };
    let answer_of =
        network.server.endpoint.handle_answer(network.now, question, Answer::Restore(Some(restoration), Some(remote)));
    let Answered::Restored(connection) = answer_of else { panic!("{answer_of:?}") };
    network.collect();
    assert!(!network.server.endpoint.is_address_confirmed(connection));
    assert_eq!(moves(&network), [(connection, home, ELSEWHERE)]);
    // No more than three times what has come from there.
    let mut sent = 0;
    for _ in 0..20 {
        let before = sent_to(&network, ELSEWHERE);
        answer(&mut network, connection, &[0; 40]);
        sent += sent_to(&network, ELSEWHERE) - before;
    }
    assert!(sent > 0 && sent <= 3 * record.len(), "{sent} bytes for {}", record.len());
    network.run_for(milliseconds(2100));
    assert!(network.server.endpoint.is_address_confirmed(connection));
}

#[test]
fn a_connection_that_leaves_while_it_is_checked_goes_on_where_its_peer_was() {
    for validation in [AddressValidation::Basic, AddressValidation::Enhanced] {
        let (mut network, connection, home) = network_with(validation);
        says_from(&mut network, ELSEWHERE, b"replayed, and faster");
        assert!(!network.server.endpoint.is_address_confirmed(connection));
        let copy = network.server.endpoint.copy_for_store(connection).unwrap_or_else(|why| panic!("{why:?}")).0;
        let traveller = network.server.endpoint.take_out(connection).unwrap();
        assert_eq!([copy.remote, traveller.remote], [home, home]);
        network.restart_server(psk_server());
        network.server.endpoint.use_connection_ids(Some(8));
        network.server.endpoint.validate_addresses(validation);
        let restoration = Restoration { saved: &traveller.saved, clock: clock(UNIX_TIME) };
        let restored = network.server.endpoint.restore(network.now, traveller.remote, restoration).unwrap();
        network.wire.clear();
        assert_eq!(answer(&mut network, restored, b"nobody else hears this"), [home]);
        // Where it really has moved, its next record says so.
        rebind(&mut network, ELSEWHERE);
        network.send_from_client(0, b"I have moved");
        network.run_for(Duration::from_secs(3));
        assert!(network.server.endpoint.is_address_confirmed(restored));
        assert_eq!(answer(&mut network, restored, b"welcome"), [ELSEWHERE]);
    }
}

#[test]
fn a_check_wakes_a_connection_that_sleeps() {
    let (mut network, connection, _) = network_with(AddressValidation::Basic);
    network.run_for(Duration::from_secs(20));
    assert_eq!(network.server.endpoint.sleepers(), 1);
    rebind(&mut network, ELSEWHERE);
    network.send_from_client(0, b"good morning");
    network.run_for(milliseconds(10));
    assert!(network.server.endpoint.is_address_confirmed(connection));
}

#[test]
fn a_server_that_has_moved_is_checked_by_its_client() {
    let (mut network, _, home) = network_with(AddressValidation::Enhanced);
    let handle = network.client_handle(0);
    network.clients[0].endpoint.validate_addresses(AddressValidation::Basic);
    let connection = network.server.secured()[0];
    let record = network.server.endpoint.send(network.now, connection, b"from elsewhere").unwrap().datagram.to_vec();
    network.inject(ELSEWHERE, home, &record);
    assert!(!network.clients[0].endpoint.is_address_confirmed(handle));
    // Nobody is there.
    network.run_for(milliseconds(1100));
    assert!(network.clients[0].endpoint.is_address_confirmed(handle));
    network.send_from_client(0, b"still at the old address");
    network.settle();
    assert_eq!(network.server.payloads(), [b"still at the old address"]);
}

// --- somebody else ---------------------------------------------------------------------------------------------------

/// RFC 9853 section 8.1.2: an attacker who sees each record, and has a faster way to the server.
#[test]
fn whoever_wins_every_race_gets_three_times_its_bytes_and_never_the_connection_for_longer_than_the_check() {
    let (mut network, connection, home) = network_with(AddressValidation::Enhanced);
    let racer = ELSEWHERE;
    let mut given = 0;
    for round in 0..20_u8 {
        let record = says_from(&mut network, racer, &[round; 10]);
        given += record.len();
        network.inject(home, SERVER, &record);
        // The device is answered all the time.
        assert!(answer(&mut network, connection, &[round; 300]).contains(&home));
        // The racer is first with the device's answers to challenges, too.
        for _ in 0..6 {
            let from_device = network.wire.len();
            network.step();
            for (from, _, datagram) in network.wire.split_off(from_device) {
                if from == home {
                    given += datagram.len();
                    network.inject(racer, SERVER, &datagram);
                }
                network.wire.push((from, if from == home { SERVER } else { home }, datagram));
            }
        }
        network.run_for(milliseconds(50));
        assert!(network.server.endpoint.is_address_confirmed(connection), "round {round}");
        assert_eq!(answer(&mut network, connection, b"yours"), [home]);
        assert_eq!(
            network.clients[0].payloads().iter().filter(|payload| payload.len() == 300).count(),
            usize::from(round) + 1
        );
    }
    assert!(sent_to(&network, racer) <= 3 * given, "{} of {given}", sent_to(&network, racer));
    // It has been found out once, and is not followed again for a while.
    assert_eq!(moves(&network).len(), 2 * network.server.endpoint.counters().address_checks as usize);
    assert!(network.server.endpoint.counters().address_checks <= 2);
    assert_eq!(network.server.payloads().len(), 20);
    // With the connection, the address that was found out is forgotten.
    network.server.endpoint.abort(connection);
    network.collect();
    assert_eq!(network.server.endpoint.footprint(), 0);
}

#[test]
fn a_goodbye_while_the_address_is_in_doubt_goes_where_payloads_go() {
    let (mut network, connection, home) = network_with(AddressValidation::Basic);
    rebind(&mut network, elsewhere(99));
    says_from(&mut network, ELSEWHERE, b"I have moved");
    let before = network.wire.len();
    network.server.endpoint.close(network.now, connection);
    network.collect();
    let goodbyes: Vec<_> = network.wire[before..].iter().map(|(_, to, _)| *to).collect();
    assert_eq!(goodbyes, [ELSEWHERE, home]);
}

#[test]
fn an_address_that_does_not_answer_gets_three_times_its_bytes_at_most() {
    for validation in [AddressValidation::Basic, AddressValidation::Enhanced] {
        let (mut network, connection, home) = network_with(validation);
        // The device's NAT has forgotten it as well: nobody answers anywhere.
        rebind(&mut network, elsewhere(99));
        let record = says_from(&mut network, ELSEWHERE, b"spoofed");
        for _ in 0..50 {
            let sent = answer(&mut network, connection, &[7; 40]);
            assert!(sent.iter().all(|to| [home, ELSEWHERE].contains(to)));
            network.run_for(milliseconds(30));
        }
        network.run_for(milliseconds(2100));
        let sent = sent_to(&network, ELSEWHERE);
        assert!(sent > 0 && sent <= 3 * record.len(), "{sent} for {}", record.len());
        assert!(network.server.endpoint.counters().datagrams_withheld > 0);
        assert_eq!(network.server.endpoint.counters().address_checks_failed, 1);
        assert_eq!(moves(&network), [(connection, home, ELSEWHERE), (connection, ELSEWHERE, home)]);
        assert_eq!(answer(&mut network, connection, b"back"), [home]);
        network.server.endpoint.abort(connection);
        network.collect();
        assert_eq!(network.server.endpoint.footprint(), 0);
    }
}

#[test]
fn forged_and_repeated_bytes_from_an_address_allow_nothing_to_be_sent_there() {
    let (mut network, connection, _) = network_with(AddressValidation::Basic);
    rebind(&mut network, elsewhere(99));
    let record = says_from(&mut network, ELSEWHERE, b"spoofed");
    let mut forged = network.seal(0, &[7; 1000]);
    *forged.last_mut().unwrap() ^= 1;
    for datagram in [&forged, &record].into_iter().cycle().take(20) {
        network.inject(ELSEWHERE, SERVER, datagram);
        answer(&mut network, connection, &[7; 40]);
    }
    let sent = sent_to(&network, ELSEWHERE);
    assert!(sent > 0 && sent <= 3 * record.len(), "{sent} for {}", record.len());
}

#[test]
fn answers_that_are_forged_repeated_late_or_from_elsewhere_confirm_nothing() {
    let (mut network, connection, home) = network_with(AddressValidation::Basic);
    rebind(&mut network, ELSEWHERE);
    network.send_from_client(0, b"moved");
    network.step();
    // The challenge arrives, and the answer is caught.
    network.step();
    let (_, _, response) = network.wire.last().unwrap().clone();
    network.drop_in_flight();
    assert_eq!(response[0], 25);
    let mut forged = response.clone();
    *forged.last_mut().unwrap() ^= 1;
    network.inject(ELSEWHERE, SERVER, &forged);
    assert!(!network.server.endpoint.is_address_confirmed(connection));
    // From elsewhere it is the newest record, and begins another check.
    network.inject(elsewhere(1), SERVER, &response);
    assert!(!network.server.endpoint.is_address_confirmed(connection));
    assert_eq!(moves(&network).last().unwrap().2, elsewhere(1));
    // By now it is a replay.
    network.inject(ELSEWHERE, SERVER, &response);
    assert!(!network.server.endpoint.is_address_confirmed(connection));
    network.run_for(milliseconds(1100));
    assert_eq!(answer(&mut network, connection, b"back"), [home]);
    // Late: the check is over.
    network.inject(ELSEWHERE, SERVER, &response);
    assert_eq!(answer(&mut network, connection, b"back"), [home]);
}

#[test]
fn an_answer_that_comes_after_the_check_confirms_nothing() {
    let (mut network, connection, home) = network_with(AddressValidation::Basic);
    rebind(&mut network, ELSEWHERE);
    network.send_from_client(0, b"moved");
    network.step();
    network.step();
    let (_, _, response) = network.wire.last().unwrap().clone();
    network.drop_in_flight();
    rebind(&mut network, elsewhere(9));
    network.run_for(milliseconds(1100));
    assert_eq!(answer(&mut network, connection, b"back"), [home]);
    // It is a newer record all the same, and begins another check.
    network.inject(ELSEWHERE, SERVER, &response);
    assert!(!network.server.endpoint.is_address_confirmed(connection));
}

/// Ours has one path, and prefers it. Other implementations have several (RFC 9853 section 5.4).
#[test]
fn a_peer_that_says_that_it_has_left_is_asked_where_it_seems_to_be_at_once() {
    let (mut network, connection, home) = network_with(AddressValidation::Enhanced);
    rebind(&mut network, ELSEWHERE);
    says_from(&mut network, ELSEWHERE, b"I have moved");
    network.drop_in_flight();
    assert!(sent_to(&network, home) > 0 && sent_to(&network, ELSEWHERE) == 0);
    let cookie = network.server.endpoint.newest_cookie(connection).unwrap();
    let (now, handle) = (network.now, network.client_handle(0));
    network.clients[0].endpoint.say_check(now, handle, RoutabilityCheck::Drop(cookie));
    network.run_for(milliseconds(10));
    assert!(network.server.endpoint.is_address_confirmed(connection));
    assert_eq!(moves(&network), [(connection, home, ELSEWHERE)]);
}

#[test]
fn a_challenge_is_answered_once_where_it_came_from() {
    let (mut network, _, home) = network_with(AddressValidation::Basic);
    // The server challenges the device at an address where somebody passes its datagrams on.
    says_from(&mut network, ELSEWHERE, b"passed on");
    let challenges: Vec<_> = network.wire.iter().filter(|(_, to, _)| *to == ELSEWHERE).cloned().collect();
    assert_eq!(challenges.len(), 1);
    network.wire.clear();
    for _ in 0..3 {
        network.inject(SERVER, home, &challenges[0].2);
    }
    let answers: Vec<_> = network.wire.iter().filter(|(from, ..)| *from == home).collect();
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].1, SERVER);
}

#[test]
fn checks_leave_nothing_behind() {
    let (mut network, connection, _) = network_with(AddressValidation::Enhanced);
    let footprint = network.server.endpoint.footprint();
    for number in 1..=20 {
        rebind(&mut network, elsewhere(number));
        network.send_from_client(0, &[number]);
        network.run_for(milliseconds(2500));
    }
    assert_eq!(network.server.endpoint.footprint(), footprint);
    rebind(&mut network, elsewhere(21));
    network.send_from_client(0, b"on its way");
    network.step();
    network.server.endpoint.abort(connection);
    network.collect();
    assert_eq!(network.server.endpoint.footprint(), 0);
    assert!(network.server.endpoint.poll_timeout().is_none());
}

// --- peers that answer no checks -------------------------------------------------------------------------------------

#[test]
fn without_checks_the_application_confirms_an_address() {
    let (mut network, connection, home) = network_with_plain_peer();
    rebind(&mut network, ELSEWHERE);
    network.send_from_client(0, b"moved");
    network.settle();
    assert_eq!(moves(&network), [(connection, home, ELSEWHERE)]);
    assert!(!network.server.endpoint.is_address_confirmed(connection));
    assert_eq!(answer(&mut network, connection, b"short"), [ELSEWHERE, home]);
    // More than three times what has come: only whoever may still be there gets it.
    assert_eq!(answer(&mut network, connection, &[7; 1000]), [home]);
    assert!(network.server.endpoint.confirm_address(connection));
    assert!(!network.server.endpoint.confirm_address(connection));
    assert!(network.server.endpoint.is_address_confirmed(connection));
    assert_eq!(answer(&mut network, connection, &[7; 1000]), [ELSEWHERE]);
    network.run_for(Duration::from_secs(10));
    assert_eq!(network.server.endpoint.counters().address_checks, 0);
}

#[test]
fn without_checks_the_limit_grows_with_what_comes_and_copies_end() {
    let (mut network, connection, home) = network_with_plain_peer();
    rebind(&mut network, ELSEWHERE);
    let mut copies = 0;
    for round in 0..100_u8 {
        network.send_from_client(0, &[round; 30]);
        network.settle();
        let sent = answer(&mut network, connection, &[round; 60]);
        assert_eq!(sent[0], ELSEWHERE);
        copies += usize::from(sent.contains(&home));
    }
    assert_eq!(copies, 32);
    // Whoever is at the old address has the connection back at once.
    says_from(&mut network, home, b"I am here");
    assert_eq!(answer(&mut network, connection, &[7; 1000]), [home]);
}

#[test]
fn without_validation_a_move_is_believed_at_once() {
    let (mut network, connection, _) = network_with(AddressValidation::None);
    says_from(&mut network, ELSEWHERE, b"moved");
    assert!(network.server.endpoint.is_address_confirmed(connection));
    assert_eq!(answer(&mut network, connection, &[7; 1000]), [ELSEWHERE]);
    network.run_for(Duration::from_secs(5));
    assert_eq!(network.server.endpoint.counters().address_checks, 0);
}

/// RFC 9853 section 3: who has not agreed on checks gets none, and takes none.
#[test]
fn a_check_that_was_not_agreed_on_is_dropped_and_moves_no_window() {
    let (mut network, connection, home) = network_with_plain_peer();
    // The client believes that they were agreed on.
    let handle = network.client_handle(0);
    network.clients[0].endpoint.validate_addresses(AddressValidation::Basic);
    let record = network.server.endpoint.send(network.now, connection, b"from elsewhere").unwrap().datagram.to_vec();
    network.inject(ELSEWHERE, home, &record);
    let (_, _, challenge) = network.wire.iter().find(|(from, ..)| *from == home).unwrap().clone();
    assert_eq!(network.clients[0].endpoint.connection_ids(handle).map(|ids| ids.checks_routability()), Some(true));
    let unexpected = |network: &Network| network.server.endpoint.counters().drops(DropReason::Unexpected);
    let before = unexpected(&network);
    for _ in 0..2 {
        network.inject(home, SERVER, &challenge);
    }
    assert_eq!(unexpected(&network), before + 2);
    assert!(network.server.closes().next().is_none());
}

/// Where there are too many at an address, guests give way: those who have come by a move and have proved nothing.
#[test]
fn whoever_has_proved_its_address_is_no_guest_there() {
    let (mut network, proved, _) = network_with(AddressValidation::Basic);
    rebind(&mut network, ELSEWHERE);
    network.send_from_client(0, b"I have moved");
    network.run_for(milliseconds(100));
    assert!(network.server.endpoint.is_address_confirmed(proved));
    let mut guests = Vec::new();
    while network.server.closes().count() == 0 {
        let client = network.connect(&psk_client(&[]));
        network.settle();
        let record = network.seal(client, b"I have moved, too");
        network.inject(ELSEWHERE, SERVER, &record);
        // Whoever is asked whether it is there does not hear it.
        network.drop_in_flight();
        guests.push(*network.server.secured().last().unwrap());
        assert!(guests.len() < 100, "nobody gives way");
    }
    let gone: Vec<_> = network.server.closes().map(|(handle, _)| handle).collect();
    assert_eq!(gone, guests[..1], "the one that has been silent longest, of the guests");
}
