//! Datagrams that are short: what has room in them, and that a handshake ends where they have room for nothing.

use super::modes::{Configs, Mode};
use super::network::*;
use crate::tls::{ClientConfig, ClientPsk, ServerConfig, Settings};
use crate::wire::Records;
use std::time::Duration;

/// Bytes of the shortest datagrams that the options allow.
const LEAST_MTU: u16 = 256;

/// The longest connection ID that any stack is known to ask for, and that the engine for DTLS 1.2 takes, in bytes.
const LONGEST_ID: u8 = 32;

/// Longer than a handshake may take.
const PATIENCE: Duration = Duration::from_secs(130);

/// The suites whose records have the most bytes beside their content, and the fewest.
const SUITES: [&str; 3] = ["ECDHE-PSK-AES256-CBC-SHA384", "PSK-AES256-CBC-SHA384", "PSK-CHACHA20-POLY1305"];

/// A network with a client that has begun its handshake.
fn network(suite: &str, [client_mtu, server_mtu]: [u16; 2], id: Option<u8>) -> Network {
    let with_mtu = |mtu| Settings { mtu, ..settings(&[suite]) };
    let mut network = Network::new(ServerConfig::new(&with_mtu(server_mtu), None, true, None).unwrap());
    network.server.endpoint.use_connection_ids(id);
    network.client_ids = id;
    let psk = ClientPsk::new(IDENTITY, KEY).unwrap();
    network.connect(&ClientConfig::new(&with_mtu(client_mtu), Some(psk), None, None).unwrap());
    network
}

/// Whether both sides are connected; those that are not have given up.
fn gets_there(network: &mut Network, what: &str) -> bool {
    network.settle();
    network.run_for(PATIENCE);
    let client = &network.clients[0];
    let is_secure = !client.secured().is_empty();
    assert!(is_secure || client.closes().next().is_some(), "{what}: the client waits for ever");
    is_secure && !network.server.secured().is_empty()
}

#[test]
fn a_handshake_ends_however_short_the_datagrams_are() {
    for suite in SUITES {
        for mtu in 1..160 {
            for mtus in [[mtu, 1200], [1200, mtu]] {
                gets_there(&mut network(suite, mtus, None), &format!("{suite}, {mtus:?} bytes"));
            }
        }
    }
    for &mode in Mode::ALL {
        for mtu in (1..LEAST_MTU).step_by(40) {
            let configs: Configs = mode.configs(mtu);
            let mut network = configs.network();
            configs.connect(&mut network, None);
            gets_there(&mut network, &format!("{mode:?}, {mtu} bytes"));
        }
    }
}

#[test]
fn the_shortest_datagrams_have_room_for_every_message_with_the_longest_connection_id() {
    for suite in SUITES {
        let mut network = network(suite, [LEAST_MTU, LEAST_MTU], Some(LONGEST_ID));
        assert!(gets_there(&mut network, suite), "{suite}");
        assert!(network.wire.iter().all(|(.., bytes)| bytes.len() <= LEAST_MTU.into()), "{suite}");
        let has_id = |bytes: &[u8]| Records::with_ids(bytes, LONGEST_ID).any(|record| record.connection_id().is_some());
        assert!(network.wire.iter().any(|(.., bytes)| has_id(bytes)), "{suite}: no record had an ID");
    }
    for &mode in Mode::ALL {
        let configs = mode.configs(LEAST_MTU);
        let mut network = configs.network();
        configs.connect(&mut network, None);
        assert!(gets_there(&mut network, &format!("{mode:?}")), "{mode:?}");
    }
}
