//! Records that somebody forged who sees the traffic, or knows at least where it goes: what they cost, and what they change.

use super::network::*;
use std::time::{Duration, Instant};

/// Shortest time in so many: what disturbs a machine only ever adds.
const ROUNDS: usize = 3;
/// Attempts until it was quiet enough for a comparison.
const ATTEMPTS: usize = 10;
/// Forged records a round.
const FORGERIES: u64 = 1_000;
/// Where a connection sleeps, they may cost so many times what they cost where it is awake.
const TIMES: f64 = 2.0;

/// A record of application data that is not authentic.
fn forged(number: u64) -> Vec<u8> {
    let mut bytes = vec![23, 254, 253];
    bytes.extend_from_slice(&(1 << 48 | number).to_be_bytes());
    bytes.extend_from_slice(&40_u16.to_be_bytes());
    bytes.extend_from_slice(&[0xa5; 40]);
    bytes
}

/// What forged records cost that come to a connection of which nobody has heard for so long.
fn cost_of_forgeries(quiet: Duration) -> Duration {
    let mut network = Network::connected();
    network.send_from_client(0, b"before");
    network.settle();
    network.run_for(quiet);
    let address = network.clients[0].address;
    let records: Vec<_> = (100..100 + FORGERIES).map(forged).collect();
    let began = Instant::now();
    for record in &records {
        assert!(network.server.endpoint.handle_datagram(network.now, address, record).is_none());
    }
    let cost = began.elapsed();
    // The connection has taken no harm.
    network.send_from_client(0, b"after");
    network.settle();
    assert_eq!(network.server.payloads(), [b"before".to_vec(), b"after".to_vec()]);
    cost
}

#[test]
fn forged_records_cost_little_more_where_the_connection_sleeps() {
    let mut seen = Vec::new();
    for _ in 0..ATTEMPTS {
        let mut best = [Duration::MAX; 2];
        for _ in 0..ROUNDS {
            best[0] = best[0].min(cost_of_forgeries(Duration::ZERO));
            best[1] = best[1].min(cost_of_forgeries(Duration::from_secs(60)));
        }
        let [awake, asleep] = best.map(|time| time.as_secs_f64());
        if asleep <= TIMES * awake {
            return;
        }
        seen.push(format!("{:.1} times", asleep / awake));
    }
    panic!("{FORGERIES} forged records to a connection that sleeps cost more: {seen:?}");
}

// wolfSSL PR 11521: the window of what was heard moves by authentic records alone.
#[test]
fn a_forged_record_with_a_high_number_keeps_no_genuine_one_out() {
    for quiet in [Duration::ZERO, Duration::from_secs(60)] {
        let mut network = Network::connected();
        let address = network.clients[0].address;
        network.run_for(quiet);
        for number in [5_000, 0xffff_ffff_ffff, 64, 65] {
            network.inject(address, SERVER, &forged(number));
            network.inject(SERVER, address, &forged(number));
        }
        network.send_from_client(0, b"genuine");
        network.settle();
        assert_eq!(network.server.payloads(), [b"genuine"]);
        let handle = network.server.secured()[0];
        network.send_from_server(handle, address, b"genuine too");
        network.settle();
        assert_eq!(network.clients[0].payloads(), [b"genuine too"]);
    }
}

// A record of an insider's is authentic under the insider's keys, and forged on any other connection.
#[test]
fn a_record_of_another_connection_moves_no_window() {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&[]));
    network.connect(&psk_client(&[]));
    network.settle();
    let victim = network.clients[0].address;
    for _ in 0..100 {
        let record = network.seal(1, b"of another connection");
        network.inject(victim, SERVER, &record);
    }
    network.send_from_client(0, b"genuine");
    network.settle();
    assert_eq!(network.server.payloads(), [b"genuine"]);
}

// RFC 6347 section 4.1.2.6: below the window nothing is heard, above it everything authentic is, once.
#[test]
fn what_is_older_than_the_window_is_not_heard_and_what_is_in_it_is_heard_once() {
    let mut network = Network::connected();
    let address = network.clients[0].address;
    let records: Vec<_> = (0..200_u8).map(|number| network.seal(0, &[number])).collect();
    // The newest first.
    for record in records.iter().rev().chain(&records) {
        network.inject(address, SERVER, record);
    }
    let expected: Vec<_> = (136..200_u8).rev().map(|number| vec![number]).collect();
    assert_eq!(network.server.payloads(), expected);
}
