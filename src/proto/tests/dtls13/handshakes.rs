//! Handshakes with pre-shared keys, and which version comes of them.

use super::*;
use crate::proto::{Endpoint, SendError};
use std::sync::Arc;

#[test]
fn every_suite_and_group_leads_to_a_connection() {
    for suite in names(Suite::all_of_dtls13()) {
        for group in ["X25519", "P-256"] {
            let mut network = Network::new(server());
            network.connect(&client_of(&settings_of(ONLY, &[suite], &[group]), IDENTITY, KEY));
            network.settle();
            assert_eq!(network.server.suite().map(|suite| suite.name()), Some(suite), "{group}");
            assert_eq!(network.clients[0].suite().map(|suite| suite.name()), Some(suite), "{group}");
            talk(&mut network);
        }
    }
}

#[test]
fn a_handshake_takes_three_datagrams_of_the_client_and_three_of_the_server() {
    let network = connected();
    let client = network.clients[0].address;
    // Two hellos and Finished; HelloRetryRequest, the flight, and an ACK.
    assert_eq!((sent_by(&network, client).len(), sent_by(&network, SERVER).len()), (3, 3));
    assert!(network.server.endpoint.counters().handshakes_completed == 1 && network.server.closes().count() == 0);
}

/// A server keeps nothing of what it has answered before the cookie, and repeats no number all the same.
#[test]
fn the_hellos_of_a_server_have_the_numbers_of_those_that_they_answer() {
    let network = connected();
    let numbers = |address| {
        let hellos = sent_by(&network, address).into_iter().filter(|datagram| datagram[0] == 22);
        hellos.map(|hello| u64::from_be_bytes(hello[3..11].try_into().unwrap())).collect::<Vec<_>>()
    };
    assert_eq!((numbers(network.clients[0].address), numbers(SERVER)), (vec![0, 1], vec![0, 1]));
}

#[test]
fn both_sides_export_the_same_and_name_the_same_finished_messages() {
    let network = connected();
    let (server, client) = (network.server.secured()[0], network.client_handle(0));
    let export = |peer: &Peer, handle, context| {
        peer.endpoint.export_keying_material(handle, b"EXPERIMENTAL label", context, 40).unwrap()
    };
    let material = export(&network.server, server, Some(&b"context"[..]));
    assert_eq!(material, export(&network.clients[0], client, Some(&b"context"[..])));
    assert_ne!(material, export(&network.server, server, None));
    let of_server = network.server.endpoint.finished(server).unwrap();
    let of_client = network.clients[0].endpoint.finished(client).unwrap();
    assert_eq!((of_server.own.len(), of_server.peer.len()), (32, 32));
    assert_eq!((of_server.own, of_server.peer), (of_client.peer, of_client.own));
}

#[test]
fn a_server_answers_each_client_in_its_version() {
    let mut network = Network::new(server());
    network.connect(&client());
    network.connect(&psk_client(&[]));
    network.settle();
    assert_eq!(network.server.secured().len(), 2);
    assert!(network.clients[0].suite().unwrap().is_of_dtls13());
    assert!(!network.clients[1].suite().unwrap().is_of_dtls13());
}

#[test]
fn sides_without_a_common_version_learn_it_at_once() {
    // A server of DTLS 1.3 alone, and one of DTLS 1.2 alone.
    let config = Arc::new(server_of(&settings_of(ONLY, &[], &[])));
    let mut network = Network::new(Arc::clone(&config));
    network.server.endpoint = Endpoint::server(network.now, config, limits(), 1).unwrap();
    network.connect(&psk_client(&[]));
    network.settle();
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::WrongVersion]);
    assert!(network.server.endpoint.poll_trace().unwrap().ends_with(" refused: protocol_version"));
    let counters = network.server.endpoint.counters();
    assert_eq!((counters.handshakes_started, counters.handshakes_refused), (0, 1));
    let alerts = network.wire.iter().filter(|(from, ..)| *from == SERVER).map(|(.., bytes)| bytes.len() as u64);
    assert_eq!((counters.datagrams_sent, counters.bytes_sent), (alerts.clone().count() as u64, alerts.sum()));
    let mut network = Network::new(psk_server());
    network.connect(&client());
    network.settle();
    // It answers with HelloVerifyRequest.
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::WrongVersion]);
    assert_eq!(network.server.endpoint.counters().handshakes_started, 0);
}

#[test]
fn the_best_suite_of_the_server_that_the_client_has_is_chosen() {
    let order = ["TLS_AES_128_CCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"];
    let mut network = Network::new(server_of(&settings_of(ONLY, &order, &[])));
    network.connect(&client_of(&settings_of(ONLY, &order[1..], &[]), IDENTITY, KEY));
    network.settle();
    assert_eq!(network.server.suite().unwrap().name(), order[1]);
}

#[test]
fn the_application_hears_of_a_client_with_nothing_in_common_when_that_has_proved_its_address() {
    for (ciphers, curves) in [(&["TLS_AES_128_CCM_SHA256"][..], &[][..]), (&[], &["P-256"])] {
        let settings = settings_of(ONLY, &["TLS_AES_128_GCM_SHA256"], &["X25519"]);
        let mut network = Network::new(server_of(&settings));
        network.connect(&client_of(&settings_of(ONLY, ciphers, curves), IDENTITY, KEY));
        let first = network.wire[0].2.clone();
        network.inject(SocketAddr::from(([203, 0, 113, 1], 5684)), SERVER, &first);
        assert_eq!((network.server.endpoint.footprint(), network.server.log.len()), (0, 0));
        network.settle();
        assert_eq!(network.clients[0].error_kinds(), [ErrorKind::AlertReceived]);
        assert_eq!(network.server.error_kinds(), [ErrorKind::NoSharedCipher]);
        // handshake_failure
        assert_eq!(sent_by(&network, SERVER).pop().unwrap()[13..], [2, 40]);
        let (started, footprint) =
            (network.server.endpoint.counters().handshakes_started, network.server.endpoint.footprint());
        assert_eq!((started, footprint), (1, 0));
    }
}

#[test]
fn a_client_without_a_suite_that_is_known_here_is_refused_at_once() {
    let mut network = Network::new(server());
    // TLS_AES_128_CCM_8_SHA256, which no side of ours has.
    network.rewrite = Some((vec![0, 2, 0x13, 0x01], vec![0, 2, 0x13, 0x05]));
    network.connect(&client_of(&settings_of(ONLY, &["TLS_AES_128_GCM_SHA256"], &[]), IDENTITY, KEY));
    network.settle();
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::AlertReceived]);
    assert_eq!((network.server.endpoint.footprint(), network.server.log.len()), (0, 0));
}

#[test]
fn a_client_sends_its_public_value_in_the_group_that_the_server_asks_for() {
    let mut network = Network::new(server_of(&settings_of(BOTH, &[], &["P-256"])));
    network.connect(&client());
    network.settle();
    talk(&mut network);
    let hellos = sent_by(&network, network.clients[0].address);
    // A point of P-256 has 65 bytes, a value of X25519 32.
    assert!(hellos[1].windows(6).any(|window| window == [0, 23, 0, 65, 4, window[5]]));
}

#[test]
fn names_of_suites_choose_the_versions_too() {
    let config = |versions, ciphers: &[&str]| ServerConfig::new(&settings_of(versions, ciphers, &[]), None, true, None);
    let newer = |config: &ServerConfig| config.suites().iter().filter(|suite| suite.is_of_dtls13()).count();
    assert_eq!(newer(&config(BOTH, &[]).unwrap()), 4);
    let old = config(BOTH, &["PSK-AES128-CCM8"]).unwrap();
    assert_eq!((newer(&old), old.suites().len()), (0, 1));
    let new = config(BOTH, &["TLS_AES_128_GCM_SHA256"]).unwrap();
    assert_eq!((newer(&new), new.suites().len()), (1, 1));
    assert!(config(ONLY, &["PSK-AES128-CCM8"]).is_err());
    assert!(config(Versions::default(), &["TLS_AES_128_GCM_SHA256"]).is_err());
    assert!(config(ONLY, &["TLS_AES_128_GCM_SHA256", "NO_SUCH_SUITE"]).is_err());
}

#[test]
fn payloads_have_the_length_of_a_record_at_most() {
    let mut network = connected();
    let longest = vec![7; 16_384];
    network.send_from_client(0, &longest);
    network.settle();
    assert_eq!(network.server.payloads(), [longest]);
    let (handle, now) = (network.client_handle(0), network.now);
    let error = network.clients[0].endpoint.send(now, handle, &[7; 16_385]).unwrap_err();
    assert!(matches!(error, SendError::TooLarge { length: 16_385, limit: 16_384 }), "{error:?}");
    network.send_from_client(0, b"");
    network.settle();
    assert_eq!(network.server.payloads()[1], b"");
}

#[test]
fn a_close_reaches_the_peer() {
    let mut network = connected();
    let (handle, now) = (network.client_handle(0), network.now);
    network.clients[0].endpoint.close(now, handle);
    network.settle();
    assert!(matches!(network.server.closes().next(), Some((_, crate::proto::CloseReason::Peer))));
    assert_eq!(network.server.endpoint.footprint(), 0);
}

#[test]
fn a_new_handshake_from_the_same_address_takes_the_place_of_the_old_connection() {
    let mut network = connected();
    let address = network.clients[0].address;
    network.connect_from(address, &client());
    network.settle();
    assert_eq!(network.server.secured().len(), 2);
    assert_eq!(network.server.endpoint.connection_count(), 1);
}

#[test]
fn of_many_handshakes_the_one_longest_without_progress_is_given_up_first() {
    let limits = crate::proto::Limits { handshakes: 4, ..limits() };
    let mut network = Network::with_limits(server(), limits);
    network.answers_at_once = false;
    for _ in 0..3 {
        network.connect(&client());
        network.settle();
    }
    network.run_for(Duration::from_secs(8));
    assert_eq!(network.server.endpoint.handshake_count(), 3);
    network.weather.loss = 100;
    let (lookup, _) = network.open_lookups.remove(0);
    assert!(network.answer(lookup, Some(KEY)));
    network.run_for(Duration::from_secs(3));
    // The others waited for their keys all the time, and one is enough to give way.
    let closed: Vec<_> = network.server.closes().map(|(handle, _)| handle.0).collect();
    assert_eq!(closed, [2]);
    assert_eq!(network.server.error_kinds(), [ErrorKind::HandshakeTimeout]);
    let message = "The application did not answer the look-up of a pre-shared key within 10000 ms";
    assert_eq!(network.server.error_message(), message);
}
