//! What an endpoint counts: why records are dropped, how long answers take, and what was sent again.

use super::network::*;
use crate::tls::DropReason;
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
