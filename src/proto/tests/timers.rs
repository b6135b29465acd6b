//! Retransmission, limits of time, and peers that vanish (RFC 6347 section 4.2.4).

use super::modes::Mode;
use super::network::*;
use crate::proto::{CloseReason, Limits};
use crate::tls::{ClientConfig, ClientPsk, Settings, Version};
use crate::wire::Records;
use std::time::Duration;

/// Seconds after its start at which a client without a server transmits.
fn client_transmissions(first: u64, longest: u64, total: u64) -> Vec<u64> {
    let settings = Settings {
        first_interval: Duration::from_secs(first),
        longest_interval: Duration::from_secs(longest),
        ..settings(&[])
    };
    let config = ClientConfig::new(&settings, Some(ClientPsk::new(IDENTITY, KEY).unwrap()), None, None).unwrap();
    let mut network = Network::new(psk_server());
    network.weather.loss = 100;
    network.connect(&config);
    let mut times = vec![0];
    let mut seen = network.wire.len();
    for second in 1..=total {
        network.run_for(Duration::from_secs(1));
        if network.wire.len() > seen {
            times.push(second);
            seen = network.wire.len();
        }
    }
    times
}

#[test]
fn retransmits_after_one_second_and_doubles_up_to_the_maximum() {
    assert_eq!(client_transmissions(1, 60, 119), [0, 1, 3, 7, 15, 31, 63]);
    assert_eq!(client_transmissions(1, 4, 20), [0, 1, 3, 7, 11, 15, 19]);
    // A maximum equal to the first interval: no doubling, and no giving up either.
    assert_eq!(client_transmissions(2, 2, 9), [0, 2, 4, 6, 8]);
}

/// Whoever was busy meanwhile has to see to both at once.
#[test]
fn a_record_that_comes_when_a_flight_is_to_be_repeated_is_read_all_the_same() {
    for newer in [false, cfg!(feature = "aws-lc")] {
        let version = if newer { Version::Dtls13 } else { Version::Dtls12 };
        for delayed in 0..10 {
            let configs = Mode::Certificate.configs_in(version, 1200);
            let mut network = configs.network();
            configs.connect(&mut network, None);
            for _ in 0..delayed {
                network.step();
            }
            network.now += Duration::from_millis(1500);
            network.settle();
            assert_eq!((network.server.secured().len(), network.clients[0].secured().len()), (1, 1), "{delayed}");
        }
    }
}

#[test]
fn a_client_without_an_answer_gives_up_after_the_handshake_timeout() {
    let mut network = Network::new(psk_server());
    network.weather.loss = 100;
    network.connect(&psk_client(&[]));
    network.run_for(Duration::from_secs(119));
    assert!(network.clients[0].error_kinds().is_empty());
    network.run_for(Duration::from_secs(2));
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::NoAnswer]);
}

#[test]
fn a_peer_that_vanishes_in_its_handshake_costs_nothing_for_ever() {
    let mut network = Network::new(psk_server());
    let empty = network.server.endpoint.footprint();
    network.connect(&psk_client(&[]));
    // Until the server has sent its first flight.
    while network.server.endpoint.handshake_count() == 0 {
        network.run_for(Duration::from_millis(1));
    }
    network.clients.clear();
    network.run_for(Duration::from_secs(121));
    assert_eq!(network.server.error_kinds(), [ErrorKind::HandshakeTimeout]);
    assert_eq!(network.server.endpoint.footprint(), empty);
    assert!(network.server.endpoint.poll_timeout().is_none());
}

#[test]
fn an_idle_connection_is_closed_with_a_goodbye() {
    let limits = Limits { idle_timeout: Some(Duration::from_secs(60)), ..limits() };
    let mut network = Network::with_limits(psk_server(), limits);
    network.connect(&psk_client(&[]));
    network.settle();
    for _ in 0..5 {
        network.run_for(Duration::from_secs(50));
        network.send_from_client(0, b"alive");
        network.settle();
    }
    assert!(network.server.closes().next().is_none());
    network.run_for(Duration::from_secs(61));
    assert!(matches!(network.server.closes().next(), Some((_, CloseReason::Idle))));
    assert!(matches!(network.clients[0].closes().next(), Some((_, CloseReason::Peer))));
}

#[test]
fn a_connection_that_goes_on_and_is_never_heard_is_closed_as_idle() {
    let mut network = Network::connected();
    let (saved, address) = (super::roaming::saved(&network), network.clients[0].address);
    network.restart_server(psk_server());
    let restoration = Restoration { saved: &saved, clock: clock(super::roaming::UNIX_TIME) };
    network.server.endpoint.restore(network.now, address, restoration).unwrap();
    network.clients.clear();
    network.run_for(Duration::from_secs(86_401));
    assert!(matches!(network.server.closes().next(), Some((_, CloseReason::Idle))));
}

#[test]
fn what_we_send_does_not_keep_a_silent_peer_alive() {
    let limits = Limits { idle_timeout: Some(Duration::from_secs(60)), ..limits() };
    let mut network = Network::with_limits(psk_server(), limits);
    network.connect(&psk_client(&[]));
    network.settle();
    let handle = network.server.secured()[0];
    let address = network.clients[0].address;
    for _ in 0..5 {
        network.run_for(Duration::from_secs(11));
        network.send_from_server(handle, address, b"are you there?");
    }
    network.run_for(Duration::from_secs(6));
    assert!(matches!(network.server.closes().next(), Some((_, CloseReason::Idle))));
}

#[test]
fn the_last_flight_is_resent_when_the_peer_repeats_its_own() {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&[]));
    // Lose whatever the server sends once it is done.
    while network.server.secured().is_empty() {
        network.run_for(Duration::from_micros(500));
    }
    network.drop_in_flight();
    assert!(network.clients[0].secured().is_empty());
    network.run_for(Duration::from_secs(2));
    assert_eq!(network.clients[0].secured().len(), 1);
    assert_eq!(network.server.secured().len(), 1);
}

/// The timer is for the network (RFC 6347 section 4.2.4.1).
#[test]
fn as_long_as_the_application_is_asked_the_timer_of_a_handshake_stands_still() {
    let mut network = Network::new(psk_server());
    network.answers_at_once = false;
    network.connect(&psk_client(&[]));
    // Of the client's last flight, the rest is lost.
    while network.open_lookups.is_empty() {
        let (from, to, datagram) = network.take_next().unwrap();
        let first = Records::new(&datagram).next().unwrap().bytes.len();
        network.inject(from, to, if from == SERVER { &datagram } else { &datagram[..first] });
    }
    network.clients.clear();
    network.run_for(Duration::from_secs(30));
    let (question, _) = network.open_lookups.remove(0);
    network.answer(question, Some(KEY));
    let repetitions = |network: &Network| network.server.endpoint.counters().retransmissions;
    network.run_for(Duration::from_millis(900));
    assert_eq!(repetitions(&network), 0);
    network.run_for(Duration::from_millis(200));
    assert_eq!(repetitions(&network), 1);
}
