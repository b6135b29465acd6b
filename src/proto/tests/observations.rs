//! What an endpoint counts: why records are dropped, how long answers take, and what was sent again.

use super::modes::Mode;
use super::network::*;
use crate::tls::DropReason;
use std::net::SocketAddr;
use std::time::Duration;

#[test]
fn a_replayed_record_and_a_forged_one_are_told_apart_whether_the_connection_sleeps_or_not() {
    let mut network = Network::connected();
    let record = network.seal(0, b"once");
    let mut forged = network.seal(0, b"forged");
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let from = network.clients[0].address;
    for (reasons, nap) in [([1, 1], Duration::ZERO), ([2, 2], Duration::from_secs(60))] {
        network.run_for(nap);
        for datagram in [&record, &record, &forged] {
            network.server.endpoint.handle_datagram(network.now, from, datagram);
        }
        let counters = network.server.endpoint.counters();
        let [replayed, unauthentic] = reasons;
        // The first time the record is new.
        assert_eq!(counters.drops(DropReason::Replayed), 2 * replayed - 1);
        assert_eq!(counters.drops(DropReason::Unauthentic), unauthentic);
    }
    let counters = network.server.endpoint.counters();
    assert_eq!(counters.records_dropped, 5);
    let handle = network.server.secured()[0];
    assert_eq!(network.server.endpoint.tally(handle).unwrap().records_dropped, 5);
}

#[test]
fn a_plaintext_record_means_nothing_to_an_open_connection_whether_it_sleeps_or_not() {
    let alert = [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2, 2, 40];
    for naps in [false, true] {
        let mut network = Network::connected();
        if naps {
            network.run_for(Duration::from_secs(60));
        }
        network.inject(network.clients[0].address, SERVER, &alert);
        assert_eq!(network.server.endpoint.counters().drops(DropReason::Unexpected), 1, "{naps}");
        network.send_from_client(0, b"still here");
        network.settle();
        assert_eq!(network.server.payloads(), [b"still here"]);
    }
}

#[test]
fn what_is_never_legal_in_a_handshake_is_malformed_and_what_comes_too_early_is_unexpected() {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&[]));
    let client = network.clients[0].address;
    let long_alert = [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 99, 0, 3, 2, 40, 0];
    let of_epoch_2 = [21, 254, 253, 0, 2, 0, 0, 0, 0, 0, 99, 0, 2, 2, 40];
    for (datagram, expected) in [(&long_alert[..], [1, 0]), (&of_epoch_2, [1, 1])] {
        network.inject(SERVER, client, datagram);
        let counters = network.clients[0].endpoint.counters();
        assert_eq!([DropReason::Malformed, DropReason::Unexpected].map(|reason| counters.drops(reason)), expected);
    }
    network.settle();
    assert_eq!(network.clients[0].secured().len(), 1);
}

#[test]
fn a_record_that_was_held_and_turns_out_to_be_forged_is_counted_then() {
    let mut network = Network::new(psk_server());
    network.answers_at_once = false;
    network.connect(&psk_client(&[]));
    network.settle();
    let forged = [&[23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 99, 0, 32][..], &[7; 32]].concat();
    network.inject(network.clients[0].address, SERVER, &forged);
    assert_eq!(network.server.endpoint.counters().records_dropped, 0);
    let (question, _) = network.open_lookups.remove(0);
    network.answer(question, Some(KEY));
    network.settle();
    let handle = network.server.secured()[0];
    assert_eq!(network.server.endpoint.counters().drops(DropReason::Unauthentic), 1);
    assert_eq!(network.server.endpoint.tally(handle).unwrap().records_dropped, 1);
}

#[test]
fn each_connection_counts_its_own_messages_in_both_directions() {
    let mut network = Network::connected();
    network.connect(&psk_client(&[]));
    network.settle();
    let (handle, client) = (network.server.secured()[1], network.clients[1].address);
    for payload in [&b"one"[..], b"eleven"] {
        network.send_from_client(1, payload);
        network.settle();
    }
    network.send_from_server(handle, client, b"three");
    network.settle();
    let counted = network.server.secured().into_iter().map(|handle| {
        let tally = network.server.endpoint.tally(handle).unwrap();
        [tally.messages_received, tally.bytes_received, tally.messages_sent, tally.bytes_sent]
    });
    assert_eq!(counted.collect::<Vec<_>>(), [[0, 0, 0, 0], [2, 9, 1, 5]]);
    let counters = network.server.endpoint.counters();
    assert_eq!((counters.messages_received, counters.messages_sent), (2, 1));
    assert_eq!((counters.handshakes_started, counters.handshakes_completed, counters.sessions_resumed), (2, 2, 0));
}

#[test]
fn a_round_trip_is_the_time_from_a_flight_to_the_answer_and_nothing_is_counted_as_sent_again() {
    let network = Network::connected();
    let handle = network.server.secured()[0];
    let tally = network.server.endpoint.tally(handle).unwrap();
    // A datagram takes a millisecond each way.
    assert_eq!(tally.round_trip(), Some(Duration::from_millis(2)));
    for endpoint in [&network.server.endpoint, &network.clients[0].endpoint] {
        assert_eq!(endpoint.counters().retransmissions, 0);
        let round_trips = &endpoint.counters().round_trips;
        assert_eq!(round_trips.sum(), Duration::from_millis(2) * round_trips.counts().iter().sum::<u64>() as u32);
        assert!(round_trips.sum() > Duration::ZERO);
    }
}

#[test]
fn flights_that_are_sent_again_are_counted_and_no_round_trip_is_taken_from_them() {
    let mut network = Network::new(psk_server());
    network.weather.loss = 100;
    network.connect(&psk_client(&[]));
    network.run_for(Duration::from_secs(4));
    network.weather.loss = 0;
    network.run_for(Duration::from_secs(4));
    assert_eq!(network.server.secured().len(), 1);
    let client = network.clients[0].endpoint.counters();
    // After one second, three, and seven.
    assert_eq!(client.retransmissions, 3);
    let longest = client.round_trips.counts().iter().rposition(|&count| count > 0).unwrap();
    assert!(longest <= 1, "a round trip of more than 2.5 ms was counted");
}

#[test]
fn a_flight_that_came_again_while_the_application_was_asked_is_answered_again_and_counted_at_once() {
    let mut network = Network::new(psk_server());
    network.answers_at_once = false;
    network.connect(&psk_client(&[]));
    // After a second, the client repeats its last flight.
    network.run_for(Duration::from_millis(1500));
    let (question, _) = network.open_lookups.remove(0);
    network.answer(question, Some(KEY));
    assert_eq!(network.server.endpoint.counters().retransmissions, 1);
    let handle = network.server.secured()[0];
    assert_eq!(network.server.endpoint.tally(handle).unwrap().retransmissions, 1);
}

#[test]
fn a_datagram_without_any_record_counts_as_one_that_was_dropped_for_that_reason() {
    let mut network = Network::connected();
    network.server.endpoint.watch_drops(true);
    for datagrams in 1..=3 {
        network.server.endpoint.handle_datagram(network.now, network.clients[0].address, b"no record");
        let counters = network.server.endpoint.counters();
        assert_eq!((counters.datagrams_dropped, counters.drops(DropReason::NoRecord)), (datagrams, datagrams));
        assert_eq!(network.server.endpoint.poll_drop().unwrap().count, 1);
    }
}

#[test]
fn what_strangers_send_is_shown_to_whoever_watches_and_to_nobody_else() {
    let mut network = Network::connected();
    let stranger = "203.0.113.9:1".parse().unwrap();
    let junk = network.seal(0, b"to nobody");
    for (watches, expected) in [(false, None), (true, Some(DropReason::NoConnection)), (false, None)] {
        let endpoint = &mut network.server.endpoint;
        endpoint.watch_drops(watches);
        endpoint.handle_datagram(network.now, stranger, &junk);
        assert_eq!(endpoint.has_drop(), watches);
        let dropped = endpoint.poll_drop();
        assert_eq!(dropped.as_ref().map(|dropped| dropped.reason), expected);
        assert!(dropped.is_none_or(|dropped| dropped.remote == stranger && dropped.count == 1));
    }
    let endpoint = &mut network.server.endpoint;
    endpoint.watch_drops(true);
    for _ in 0..5_000 {
        endpoint.handle_datagram(network.now, stranger, &junk);
    }
    let kept = std::iter::from_fn(|| endpoint.poll_drop()).count();
    assert_eq!(kept, 1024, "what waits is bounded");
}

#[test]
fn on_a_network_that_loses_nothing_all_that_is_sent_is_counted_once_and_nothing_is_dropped() {
    for &mode in Mode::ALL {
        let configs = mode.configs(1400);
        let mut network = configs.network();
        let client = configs.connect(&mut network, None);
        network.settle();
        network.send_from_client(client, b"hello");
        network.settle();
        let (handle, address) = (network.server.secured()[0], network.clients[client].address);
        network.send_from_server(handle, address, b"good day");
        network.settle();
        for peer in [&network.server, &network.clients[client]] {
            let counters = peer.endpoint.counters();
            assert_eq!((counters.datagrams_dropped, counters.records_dropped), (0, 0), "{mode:?}");
        }
        let own = network.client_handle(client);
        network.clients[client].endpoint.close(network.now, own);
        network.settle();
        for (peer, received, sent) in [(&network.server, 5, 8), (&network.clients[client], 8, 5)] {
            let counters = peer.endpoint.counters();
            let lengths = |wanted: fn(&(SocketAddr, SocketAddr, Vec<u8>)) -> SocketAddr| {
                let datagrams = network.wire.iter().filter(|datagram| wanted(datagram) == peer.address);
                datagrams.map(|(.., bytes)| bytes.len() as u64).collect::<Vec<_>>()
            };
            let (incoming, outgoing) = (lengths(|datagram| datagram.1), lengths(|datagram| datagram.0));
            let counted = |lengths: Vec<u64>| (lengths.len() as u64, lengths.iter().sum::<u64>());
            assert_eq!((counters.datagrams_received, counters.bytes_received), counted(incoming), "{mode:?}");
            assert_eq!((counters.datagrams_sent, counters.bytes_sent), counted(outgoing), "{mode:?}");
            assert_eq!((counters.messages_received, counters.messages_sent), (1, 1), "{mode:?}");
            let hellos = u64::from(peer.address == SERVER);
            assert_eq!(counters.hello_verify_requests_sent, hellos, "{mode:?}");
            assert_eq!((counters.handshakes_started, counters.handshakes_completed), (1, 1), "{mode:?}");
            assert_eq!(counters.handshake_times.counts().iter().sum::<u64>(), 1, "{mode:?}");
            assert_eq!((counters.retransmissions, counters.moves), (0, 0), "{mode:?}");
            assert!(counters.bytes_received > received && counters.bytes_sent > sent);
        }
    }
}

#[test]
fn a_connection_that_fails_is_no_handshake_that_has_failed() {
    let mut network = Network::connected();
    let client = network.client_handle(0);
    let alert = network.clients[0].endpoint.fatal_alert(network.now, client, 80);
    network.inject(network.clients[0].address, SERVER, &alert);
    network.settle();
    assert!(network.server.endpoint.save(network.server.secured()[0]).is_none());
    assert_eq!(network.server.endpoint.counters().handshakes_failed, 0);
    network.connect(&psk_client_with(&[], IDENTITY, b"another key"));
    network.settle();
    assert_eq!(network.server.endpoint.counters().handshakes_failed, 1);
}
