//! Connections that leave as a whole for another process.

use super::*;
use crate::proto::{ConnectionHandle, SavedConnection, Traveller};
use crate::tls::SaveClock;
use std::collections::HashSet;
use std::time::Duration;

const CLOCK: SaveClock = SaveClock { saved: None, now: Duration::from_secs(1_780_000_000) };

fn hand_over(network: &mut Network) -> Traveller {
    let handle = *network.server.secured().last().unwrap();
    network.server.endpoint.take_out(handle).unwrap()
}

/// A new process with this configuration takes in what an old one has written.
fn take_in(network: &mut Network, config: ServerConfig, traveller: &Traveller) -> Option<ConnectionHandle> {
    network.restart_server(config);
    let mut bytes = Vec::new();
    traveller.saved.write_to(&mut bytes);
    let saved = SavedConnection::read(&bytes).unwrap();
    network.server.endpoint.restore(network.now, traveller.remote, Restoration { saved: &saved, clock: CLOCK })
}

/// What stands behind the headers of protected records. Of two that hold the same, only other nonces make other bytes.
fn sealed(network: &Network) -> Vec<Vec<u8>> {
    let records = sent_by(network, SERVER).into_iter().filter(|datagram| datagram[0] & 0xe3 == 0x23);
    records.map(|record| record[5..].to_vec()).collect()
}

#[test]
fn a_connection_goes_on_asleep_with_the_number_that_is_next_and_no_nonce_repeats() {
    for suite in names(Suite::all_of_dtls13()) {
        let mut network = Network::new(server());
        network.connect(&client_of(&settings_of(ONLY, &[suite], &[]), IDENTITY, KEY));
        network.settle();
        let device = network.clients[0].address;
        let mut handle = network.server.secured()[0];
        network.send_from_client(0, b"before");
        network.settle();
        let recorded = network.wire.last().unwrap().2.clone();
        let before = sealed(&network).len();
        for life in 0..20 {
            for _ in 0..10 {
                network.send_from_server(handle, device, b"the same each time");
            }
            network.settle();
            let traveller = network.server.endpoint.take_out(handle).unwrap();
            assert_eq!(network.server.endpoint.footprint(), 0);
            handle = take_in(&mut network, server(), &traveller).unwrap();
            assert_eq!(network.server.endpoint.sleepers(), 1);
            // What the life before has heard is old.
            network.inject(device, SERVER, &recorded);
            network.send_from_client(0, b"after");
            network.settle();
            assert_eq!(network.server.payloads(), [b"after"], "{suite}, life {life}");
        }
        assert_eq!(network.clients[0].received.len(), 200, "{suite}");
        let sealed = sealed(&network).split_off(before);
        assert_eq!((sealed.len(), sealed.iter().collect::<HashSet<_>>().len()), (200, 200), "{suite}");
    }
}

#[test]
fn an_association_lives_once() {
    let mut network = connected();
    let traveller = hand_over(&mut network);
    let handle = take_in(&mut network, server(), &traveller).unwrap();
    let restoration = Restoration { saved: &traveller.saved, clock: CLOCK };
    let elsewhere = SocketAddr::from(([198, 51, 100, 8], 1));
    for remote in [traveller.remote, elsewhere] {
        assert!(network.server.endpoint.restore(network.now, remote, restoration).is_none());
    }
    network.send_from_server(handle, traveller.remote, b"once");
    network.settle();
    assert_eq!(network.clients[0].payloads(), [b"once"]);
}

#[test]
fn what_is_not_spoken_or_is_the_other_sides_does_not_go_on() {
    let mut network = connected();
    let traveller = hand_over(&mut network);
    assert!(take_in(&mut network, psk_server(), &traveller).is_none());
    let (now, handle) = (network.now, network.client_handle(0));
    let of_client = network.clients[0].endpoint.take_out(handle).unwrap();
    assert!(take_in(&mut network, server(), &of_client).is_none());
    let go_on = |network: &mut Network, traveller: &Traveller, config: &ClientConfig| {
        let restoration = Restoration { saved: &traveller.saved, clock: CLOCK };
        network.clients[0].endpoint.go_on(now, SERVER, config, restoration)
    };
    assert!(go_on(&mut network, &traveller, &client()).is_err());
    assert!(go_on(&mut network, &of_client, &psk_client(&[])).is_err());
    assert!(go_on(&mut network, &of_client, &client()).is_ok());
}

#[test]
fn a_connection_with_something_under_way_stays() {
    let mut network = Network::new(server());
    network.connect(&client());
    // The client's Finished is not acknowledged.
    while network.clients[0].secured().is_empty() {
        assert!(network.step());
    }
    let handle = network.client_handle(0);
    assert!(network.clients[0].endpoint.take_out(handle).is_none());
    network.settle();
    assert!(network.clients[0].endpoint.take_out(handle).is_some());
}

#[test]
fn what_the_handshake_derived_goes_along_but_for_its_finished_messages() {
    let mut network = connected();
    let export = |network: &Network, handle| {
        network.server.endpoint.export_keying_material(handle, b"EXPERIMENTAL label", None, 32).unwrap()
    };
    let before = export(&network, network.server.secured()[0]);
    let traveller = hand_over(&mut network);
    let handle = take_in(&mut network, server(), &traveller).unwrap();
    assert_eq!(export(&network, handle), before);
    assert!(network.server.endpoint.finished(handle).is_none());
}
