//! Connections that have been quiet for a while sleep, and nobody notices.

use super::network::*;
use crate::proto::limits::are_worth_a_release;
use crate::proto::{Limits, SavedConnection, SendError};
use std::time::Duration;

fn sleeping(network: &Network) -> usize {
    network.server.endpoint.sleepers()
}

/// A connection whose server sleeps.
fn asleep(suite: &str) -> Network {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&[suite]));
    network.settle();
    network.send_from_client(0, b"before");
    network.run_for(Duration::from_secs(6));
    assert_eq!(sleeping(&network), 1, "{suite}");
    network
}

#[test]
fn a_sleeping_connection_hears_and_speaks_as_if_it_were_awake() {
    for suite in [
        "PSK-AES128-CCM8",
        "PSK-AES256-GCM-SHA384",
        "PSK-CHACHA20-POLY1305",
        "PSK-AES128-CBC-SHA256",
        "ECDHE-PSK-AES256-GCM-SHA384",
        "ECDHE-PSK-AES128-CCM8-SHA256",
    ] {
        let mut network = asleep(suite);
        network.send_from_client(0, b"hello");
        network.settle();
        assert_eq!(network.server.payloads(), [b"before".to_vec(), b"hello".to_vec()], "{suite}");
        assert_eq!(sleeping(&network), 0);
        network.run_for(Duration::from_secs(6));
        assert_eq!(sleeping(&network), 1);
        let handle = network.server.secured()[0];
        let address = network.clients[0].address;
        network.send_from_server(handle, address, b"good morning");
        network.settle();
        assert_eq!(network.clients[0].payloads(), [b"good morning"], "{suite}");
    }
}

#[test]
fn sleep_forgets_nothing_that_was_negotiated() {
    for suite in ["PSK-AES128-CCM8", "PSK-AES128-CBC-SHA256"] {
        let mut network = Network::new(psk_server());
        network.connect(&psk_client(&[suite]));
        network.settle();
        let terms = |network: &Network| {
            let saved = network.server.endpoint.save(network.server.secured()[0]);
            let Some(SavedConnection::Dtls12(saved)) = saved else { panic!() };
            (saved.suite, *saved.master_secret, saved.extended_master_secret, saved.encrypt_then_mac)
        };
        let before = terms(&network);
        assert_eq!(before.2, Some(true));
        for _ in 0..2 {
            network.run_for(Duration::from_secs(6));
            assert_eq!((sleeping(&network), terms(&network)), (1, before), "{suite}");
            network.send_from_client(0, b"good morning");
            network.settle();
            assert_eq!((sleeping(&network), terms(&network)), (0, before), "{suite}");
        }
    }
}

#[test]
fn what_was_heard_before_the_sleep_is_not_heard_again() {
    let mut network = asleep("PSK-AES128-CCM8");
    let address = network.clients[0].address;
    let recorded = network.wire.iter().rfind(|(from, ..)| *from == address).unwrap().2.clone();
    network.inject(address, SERVER, &recorded);
    assert_eq!(network.server.payloads(), [b"before"]);
    assert_eq!(sleeping(&network), 1, "and nobody is woken by it");
}

#[test]
fn no_record_number_is_used_twice() {
    let mut network = asleep("PSK-AES128-CCM8");
    let handle = network.server.secured()[0];
    let address = network.clients[0].address;
    for _ in 0..5 {
        network.send_from_server(handle, address, b"tick");
        network.run_for(Duration::from_secs(6));
        assert_eq!(sleeping(&network), 1);
    }
    let sent = network.wire.iter().filter(|(from, _, datagram)| *from == SERVER && datagram[0] == 23);
    let numbers: std::collections::HashSet<_> = sent.map(|(.., datagram)| datagram[3..11].to_vec()).collect();
    assert_eq!(numbers.len(), 5);
    assert_eq!(network.clients[0].received.len(), 5);
}

#[test]
fn a_sleeping_connection_says_goodbye_and_hears_one() {
    let mut network = asleep("PSK-AES128-CCM8");
    let handle = network.server.secured()[0];
    let now = network.now;
    network.server.endpoint.close(now, handle);
    network.settle();
    assert_eq!(network.clients[0].closes().count(), 1);

    let mut network = asleep("PSK-AES128-CCM8");
    let handle = network.client_handle(0);
    let now = network.now;
    network.clients[0].endpoint.close(now, handle);
    network.settle();
    assert_eq!(network.server.closes().count(), 1);
    assert_eq!(network.server.endpoint.footprint(), 0);
}

#[test]
fn the_last_flight_is_repeated_from_sleep() {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&[]));
    while network.server.secured().is_empty() {
        network.step();
    }
    // Three times the server's last flight is lost; the client repeats its own after 1, 2, 4 and 8 seconds.
    for _ in 0..3 {
        network.drop_in_flight();
        while network.in_flight_to(network.clients[0].address) == 0 {
            network.run_for(Duration::from_millis(1));
        }
    }
    network.drop_in_flight();
    assert!(network.clients[0].secured().is_empty());
    network.run_for(Duration::from_secs(7));
    assert_eq!(sleeping(&network), 1);
    network.run_for(Duration::from_secs(2));
    assert_eq!(network.clients[0].secured().len(), 1);
    network.send_from_client(0, b"at last");
    network.settle();
    assert_eq!(network.server.payloads(), [b"at last"]);
}

#[test]
fn who_has_nothing_to_say_at_first_sleeps_at_once_and_who_has_spoken_later() {
    for speaks in ["server", "client"] {
        let mut network = Network::new(psk_server());
        network.connect(&psk_client(&[]));
        network.run_for(Duration::from_secs(1));
        assert_eq!(sleeping(&network), 1);
        let (handle, client) = (network.server.secured()[0], network.clients[0].address);
        match speaks {
            "server" => network.send_from_server(handle, client, b"hello"),
            _ => network.send_from_client(0, b"hello"),
        }
        network.run_for(Duration::from_secs(4));
        assert_eq!(sleeping(&network), 0, "{speaks}");
        network.run_for(Duration::from_secs(2));
        assert_eq!(sleeping(&network), 1, "{speaks}");
    }
}

#[test]
fn who_does_not_want_to_sleep_stays_awake() {
    let mut network = Network::with_limits(psk_server(), Limits { hibernate_after: None, ..limits() });
    network.connect(&psk_client(&[]));
    network.settle();
    network.send_from_client(0, b"hello");
    network.run_for(Duration::from_secs(3_600));
    assert_eq!(sleeping(&network), 0);
}

#[test]
fn an_idle_connection_ends_in_its_sleep() {
    let limits = Limits { idle_timeout: Some(Duration::from_secs(60)), ..limits() };
    let mut network = Network::with_limits(psk_server(), limits);
    network.connect(&psk_client(&[]));
    network.settle();
    network.send_from_client(0, b"hello");
    network.run_for(Duration::from_secs(61));
    assert_eq!(network.server.closes().count(), 1);
    assert_eq!(network.clients[0].closes().count(), 1, "with a goodbye");
    let handle = network.server.secured()[0];
    let now = network.now;
    assert!(matches!(network.server.endpoint.send(now, handle, b"late"), Err(SendError::NotConnected)));
}

#[test]
fn a_payload_that_does_not_fit_does_not_fit_asleep_either() {
    let mut network = asleep("PSK-AES128-CCM8");
    let handle = network.server.secured()[0];
    let now = network.now;
    let refused = network.server.endpoint.send(now, handle, &[0; 16_385]);
    assert!(matches!(refused, Err(SendError::TooLarge { limit: 16_384, .. })));
}

#[test]
fn whoever_is_woken_by_forgeries_in_the_end_stays_awake_for_as_long_as_others() {
    let mut network = Network::connected();
    let mut forged = network.seal(0, b"forged");
    *forged.last_mut().unwrap() ^= 1;
    network.run_for(Duration::from_secs(60));
    let (client, quiet) = (network.clients[0].address, limits().hibernate_after.unwrap());
    // It is not worth while to stay awake for the first few.
    for sleepers in [1, 1, 0] {
        network.inject(client, SERVER, &forged);
        assert_eq!(sleeping(&network), sleepers);
    }
    let quiet = quiet.min(Duration::from_millis(500));
    network.run_for(quiet - Duration::from_millis(1));
    assert_eq!(sleeping(&network), 0);
    network.run_for(Duration::from_millis(1));
    assert_eq!(sleeping(&network), 1);
}

#[test]
fn memory_is_given_back_sooner_when_nothing_is_due() {
    let now = base_time();
    let milliseconds = |count| Some(now + Duration::from_millis(count));
    for (next, enough) in [(None, 32), (milliseconds(1001), 32), (milliseconds(1000), 256), (milliseconds(0), 256)] {
        assert!(!are_worth_a_release(enough - 1, now, next), "{next:?}");
        assert!(are_worth_a_release(enough, now, next), "{next:?}");
    }
}
