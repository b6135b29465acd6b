//! Connection IDs in DTLS 1.3 (RFC 9147 section 9): the one mechanism of moves, under other headers.

use super::certificates::{credentials, trusting};
use super::*;
use crate::proto::tests::certificates::issuer;
use crate::proto::{AddressValidation, Event};
use crate::tls::ConnectionIds;
use crate::wire::RoutabilityCheck;
use rcgen::{KeyPair, PublicKeyData};
use std::time::Duration;

const ELSEWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9)), 7000);

/// What IDs each side wants, in bytes.
fn connected_with(server: Option<u8>, client: Option<u8>, config: &ClientConfig) -> Network {
    connected_to(super::server(), server, client, config)
}

fn connected_to(config: ServerConfig, server: Option<u8>, client: Option<u8>, peer: &ClientConfig) -> Network {
    let mut network = Network::new(config);
    network.server.endpoint.use_connection_ids(server);
    network.client_ids = client;
    network.connect(peer);
    network.settle();
    assert_eq!((network.server.secured().len(), network.clients[0].secured().len()), (1, 1), "{server:?} {client:?}");
    network
}

/// What the two ends say about their IDs.
fn agreed(network: &Network) -> [Option<ConnectionIds>; 2] {
    let (server, client) = (network.server.secured()[0], network.client_handle(0));
    [network.server.endpoint.connection_ids(server), network.clients[0].endpoint.connection_ids(client)]
}

fn moves(network: &Network) -> usize {
    network.server.log.iter().filter(|event| matches!(event, Event::Moved { .. })).count()
}

#[test]
fn each_side_puts_the_id_that_the_other_wants_into_its_protected_records() {
    for config in [client(), client_of(&settings_of(BOTH, &[], &[]), IDENTITY, KEY)] {
        for (server, client) in [(8, 6), (32, 32), (1, 0), (0, 1), (0, 0), (0, 32)] {
            let mut network = connected_with(Some(server), Some(client), &config);
            let [of_server, of_client] = agreed(&network).map(Option::unwrap);
            assert_eq!((of_server.own(), of_server.peer()), (of_client.peer(), of_client.own()));
            assert_eq!([of_server.own().len(), of_client.own().len()], [server, client].map(usize::from));
            assert!(of_server.checks_routability() && of_client.checks_routability());
            for (from, id) in [(network.clients[0].address, of_server.own()), (SERVER, of_client.own())] {
                let sent = sent_by(&network, from);
                let protected: Vec<_> = sent.iter().filter(|datagram| datagram[0] & 0xe0 == 0x20).collect();
                assert!(!protected.is_empty());
                assert!(protected.iter().all(|record| (record[0] & 0x10 != 0) != id.is_empty()));
                assert!(protected.iter().all(|record| record[1..].starts_with(id)));
            }
            talk(&mut network);
        }
    }
}

/// The hello of a client of both versions is one of DTLS 1.2 as well.
#[test]
fn handshakes_with_certificates_have_ids_and_their_connections_move() {
    let (issuer, keys) = (issuer(), [KeyPair::generate().unwrap(), KeyPair::generate().unwrap()]);
    for versions in [ONLY, BOTH] {
        let settings = settings_of(versions, &[], &[]);
        let [own, peer] = keys.each_ref().map(|key| Some(credentials(key, &issuer)));
        let server = ServerConfig::new(&settings, own, false, Some(trusting(&issuer, None))).unwrap();
        let client = ClientConfig::new(&settings, None, Some(trusting(&issuer, Some("localhost"))), peer).unwrap();
        let mut network = connected_to(server, Some(8), Some(6), &client);
        assert!(network.server.suite().unwrap().is_of_dtls13());
        assert_eq!(network.server.peer_keys(), [Some(keys[1].subject_public_key_info())]);
        let [of_server, of_client] = agreed(&network).map(Option::unwrap);
        assert_eq!((of_server.own(), of_server.peer()), (of_client.peer(), of_client.own()));
        assert_eq!((of_server.own().len(), of_client.own().len()), (8, 6));
        for (from, id) in [(network.clients[0].address, of_server.own()), (SERVER, of_client.own())] {
            let sent = sent_by(&network, from);
            let protected: Vec<_> = sent.iter().filter(|datagram| datagram[0] & 0xe0 == 0x20).collect();
            assert!(!protected.is_empty() && protected.iter().all(|record| record[1..].starts_with(id)));
        }
        network.clients[0].address = ELSEWHERE;
        talk(&mut network);
        assert_eq!(moves(&network), 1);
    }
}

#[test]
fn nobody_uses_ids_whom_nobody_has_asked() {
    for (server, client) in [(None, None), (None, Some(8)), (Some(8), None)] {
        let mut network = connected_with(server, client, &super::client());
        assert_eq!(agreed(&network), [None, None]);
        talk(&mut network);
    }
}

#[test]
fn the_peer_goes_on_from_another_address_with_every_suite_asleep_or_awake() {
    for suite in names(Suite::all_of_dtls13()) {
        for rest in [Duration::ZERO, Duration::from_secs(6)] {
            let config = client_of(&settings_of(ONLY, &[suite], &[]), IDENTITY, KEY);
            let mut network = connected_with(Some(8), Some(6), &config);
            network.server.endpoint.validate_addresses(AddressValidation::Basic);
            network.run_for(rest);
            network.clients[0].address = ELSEWHERE;
            talk(&mut network);
            network.run_for(Duration::from_millis(20));
            assert_eq!(moves(&network), 1, "{suite}");
            assert!(network.server.endpoint.is_address_confirmed(network.server.secured()[0]), "{suite}");
            talk(&mut network);
            assert_eq!(network.server.endpoint.connection_count(), 1);
        }
    }
}

#[test]
fn what_is_old_or_forged_moves_nothing() {
    let mut network = connected_with(Some(8), Some(6), &super::client());
    network.server.endpoint.validate_addresses(AddressValidation::None);
    let home = network.clients[0].address;
    let late = network.seal(0, b"late");
    talk(&mut network);
    network.inject(ELSEWHERE, SERVER, &late);
    let mut forged = network.seal(0, b"forged");
    *forged.last_mut().unwrap() ^= 1;
    network.inject(ELSEWHERE, SERVER, &forged);
    network.inject(ELSEWHERE, SERVER, &late);
    assert_eq!(network.server.payloads(), [&b"ping"[..], b"late"]);
    assert_eq!(moves(&network), 0);
    let handle = network.server.secured()[0];
    assert_eq!(network.server.endpoint.send(network.now, handle, b"x").unwrap().route.unwrap().remote, home);
}

#[test]
fn records_without_their_id_or_with_another_one_mean_nothing() {
    let mut network = connected_with(Some(8), Some(6), &super::client());
    let address = network.clients[0].address;
    let record = network.seal(0, b"payload");
    // Without it, with another one, cut in its middle, and with none where one is announced.
    let without = [&[record[0] & !0x10], &record[9..]].concat();
    let mut other = record.clone();
    other[3] ^= 1;
    for wrong in [without, other, record[..5].to_vec(), [&record[..1], &record[9..]].concat()] {
        network.inject(address, SERVER, &wrong);
        network.inject(ELSEWHERE, SERVER, &wrong);
    }
    assert!(network.server.received.is_empty() && network.server.closes().count() == 0);
    network.inject(address, SERVER, &record);
    assert_eq!(network.server.payloads(), [b"payload"]);
}

#[test]
fn ids_go_along_into_another_process() {
    let mut network = connected_with(Some(8), Some(6), &super::client());
    let before = agreed(&network);
    let handle = network.server.secured()[0];
    let traveller = network.server.endpoint.take_out(handle).unwrap();
    network.restart_server(super::server());
    network.server.endpoint.use_connection_ids(Some(8));
    let restoration = Restoration { saved: &traveller.saved, clock: clock(Duration::from_secs(1_780_000_000)) };
    let handle = network.server.endpoint.restore(network.now, traveller.remote, restoration).unwrap();
    assert_eq!(network.server.endpoint.connection_ids(handle), before[0]);
    network.clients[0].address = ELSEWHERE;
    network.send_from_client(0, b"from elsewhere");
    network.settle();
    assert_eq!(network.server.payloads(), [b"from elsewhere"]);
    assert_eq!(moves(&network), 1);
}

#[test]
fn a_check_under_way_is_not_continued_in_another_process_where_the_next_record_leads_to_another() {
    let mut network = connected_with(Some(8), Some(6), &super::client());
    network.server.endpoint.validate_addresses(AddressValidation::Basic);
    let (home, handle) = (network.clients[0].address, network.server.secured()[0]);
    network.clients[0].address = ELSEWHERE;
    network.send_from_client(0, b"I have moved");
    while network.server.received.is_empty() {
        assert!(network.step());
    }
    assert!(!network.server.endpoint.is_address_confirmed(handle));
    let traveller = network.server.endpoint.take_out(handle).unwrap();
    assert_eq!(traveller.remote, home);
    network.restart_server(super::server());
    network.server.endpoint.use_connection_ids(Some(8));
    network.server.endpoint.validate_addresses(AddressValidation::Basic);
    let restoration = Restoration { saved: &traveller.saved, clock: clock(Duration::from_secs(1_780_000_000)) };
    let handle = network.server.endpoint.restore(network.now, traveller.remote, restoration).unwrap();
    // The answer to the question of the process before confirms nothing here, and is heard from elsewhere like any other record.
    assert!(network.step());
    assert_eq!(network.server.closes().count(), 0);
    network.send_from_client(0, b"I have moved, and said so");
    network.run_for(Duration::from_millis(20));
    assert_eq!(network.server.payloads(), [b"I have moved, and said so"]);
    assert!(network.server.endpoint.is_address_confirmed(handle));
    assert_eq!(network.server.endpoint.counters().address_checks, 1);
    network.send_from_server(handle, ELSEWHERE, b"welcome");
    network.settle();
    assert_eq!(network.clients[0].payloads().last(), Some(&b"welcome".to_vec()));
}

#[test]
fn handshakes_with_ids_survive_loss() {
    let mut network = Network::new(super::server());
    network.server.endpoint.use_connection_ids(Some(8));
    network.client_ids = Some(4);
    network.weather = Weather { loss: 10, duplication: 10, jitter: Duration::from_millis(50) };
    let config = super::client();
    for _ in 0..60 {
        network.connect(&config);
    }
    network.run_for(Duration::from_secs(100));
    assert!(network.clients.iter().all(|client| client.secured().len() == 1));
}

/// Its repetition comes from elsewhere, as with a NAT that has forgotten its client in between.
#[test]
fn a_client_that_has_moved_before_its_last_flight_arrives_gets_in_by_its_id() {
    let (issuer, keys) = (issuer(), [KeyPair::generate().unwrap(), KeyPair::generate().unwrap()]);
    let settings = settings_of(ONLY, &[], &[]);
    let [own, peer] = keys.each_ref().map(|key| Some(credentials(key, &issuer)));
    let mutual = ServerConfig::new(&settings, own, false, Some(trusting(&issuer, None))).unwrap();
    let certified = ClientConfig::new(&settings, None, Some(trusting(&issuer, Some("localhost"))), peer).unwrap();
    for (config, client) in [(super::server(), super::client()), (mutual, certified)] {
        let mut network = Network::new(config);
        network.server.endpoint.use_connection_ids(Some(8));
        network.client_ids = Some(4);
        network.connect(&client);
        while network.clients[0].secured().is_empty() {
            assert!(network.step());
        }
        network.drop_in_flight();
        network.clients[0].address = ELSEWHERE;
        network.run_for(Duration::from_secs(10));
        assert_eq!((network.server.secured().len(), moves(&network)), (1, 1));
        let place = |is_it: fn(&Event) -> bool| network.server.log.iter().position(is_it);
        let moved = place(|event| matches!(event, Event::Moved { .. }));
        assert!(place(|event| matches!(event, Event::Secure { .. })) < moved);
        talk(&mut network);
        assert!(network.server.endpoint.is_address_confirmed(network.server.secured()[0]));
        // Nothing went to the new address that was not asked for there: three times the bytes at most.
        let bytes = |from: SocketAddr, to: SocketAddr| -> usize {
            let wire = network.wire.iter().filter(|(source, target, _)| (*source, *target) == (from, to));
            wire.map(|(.., datagram)| datagram.len()).sum()
        };
        assert!(bytes(SERVER, ELSEWHERE) <= 3 * bytes(ELSEWHERE, SERVER));
    }
}

/// The client is through before the server, whose application is asked about it: what it says by then has to wait.
#[test]
fn a_check_that_comes_before_its_server_is_through_is_answered_when_it_is() {
    let answers = |asks: bool| {
        let (issuer, own) = (issuer(), KeyPair::generate().unwrap());
        let settings = settings_of(ONLY, &[], &[]);
        let clients = crate::tls::PeerAuthentication { asks: true, ..trusting(&issuer, None) };
        let at_server = Some(credentials(&KeyPair::generate().unwrap(), &issuer));
        let at_client = Some(credentials(&own, &issuer));
        let servers = Some(trusting(&issuer, Some("localhost")));
        let mut network = Network::new(ServerConfig::new(&settings, at_server, false, Some(clients)).unwrap());
        network.server.endpoint.use_connection_ids(Some(8));
        network.client_ids = Some(6);
        network.connect(&ClientConfig::new(&settings, None, servers, at_client).unwrap());
        network.settle();
        assert_eq!((network.server.secured().len(), network.clients[0].secured().len()), (0, 1));
        if asks {
            let (now, handle) = (network.now, network.client_handle(0));
            network.clients[0].endpoint.say_check(now, handle, RoutabilityCheck::Challenge([7; 8]));
            network.settle();
        }
        let before = sent_by(&network, SERVER).len();
        let (address, question, _) = network.open_verifications.remove(0);
        assert!(network.answer_peer(address, question, true));
        network.settle();
        assert_eq!(network.server.secured().len(), 1);
        let answers = sent_by(&network, SERVER).len() - before;
        talk(&mut network);
        answers
    };
    assert_eq!(answers(true), answers(false) + 1);
}
