//! The same story in DTLS 1.3: endpoints, a network, virtual time.

mod both;
mod certificates;
mod connection_ids;
mod cookies;
mod copies;
mod expiry;
mod fragmented_hellos;
mod handshakes;
mod hostile;
mod leaving;
mod life;
mod lossy;
mod modes;
mod mutual;
mod questions;
mod resumption;

use super::network::*;
use crate::tls::{ClientConfig, ClientPsk, ServerConfig, Settings, Suite, Version, Versions, Wishes};
use std::net::SocketAddr;
use std::time::Duration;

const ONLY: Versions = Versions { oldest: Version::Dtls13, newest: Version::Dtls13 };
const BOTH: Versions = Versions { oldest: Version::Dtls12, newest: Version::Dtls13 };

fn settings_of(versions: Versions, ciphers: &[&str], curves: &[&str]) -> Settings {
    let curves = (!curves.is_empty()).then(|| curves.iter().map(|&name| name.to_owned()).collect());
    Settings { wishes: Wishes { versions, curves, ..Wishes::default() }, ..settings(ciphers) }
}

fn server_of(settings: &Settings) -> ServerConfig {
    ServerConfig::new(settings, None, true, None).unwrap()
}

fn client_of(settings: &Settings, identity: &[u8], key: &[u8]) -> ClientConfig {
    ClientConfig::new(settings, Some(ClientPsk::new(identity, key).unwrap()), None, None).unwrap()
}

/// A server that takes either version.
fn server() -> ServerConfig {
    server_of(&settings_of(BOTH, &[], &[]))
}

fn client() -> ClientConfig {
    client_of(&settings_of(ONLY, &[], &[]), IDENTITY, KEY)
}

/// A server and one client that has finished its handshake.
fn connected() -> Network {
    let mut network = Network::new(server());
    network.connect(&client());
    network.settle();
    assert_eq!((network.server.secured().len(), network.clients[0].secured().len()), (1, 1));
    network
}

/// Sends a message each way, and sees both arrive.
fn talk(network: &mut Network) {
    let (sent, answered) = (network.server.received.len(), network.clients[0].received.len());
    network.send_from_client(0, b"ping");
    network.settle();
    assert_eq!(network.server.payloads()[sent..], [b"ping"]);
    let handle = *network.server.secured().last().unwrap();
    let address = network.clients[0].address;
    network.send_from_server(handle, address, b"pong");
    network.settle();
    assert_eq!(network.clients[0].payloads()[answered..], [b"pong"]);
}

/// Datagrams that have gone one way.
fn sent_by(network: &Network, address: SocketAddr) -> Vec<Vec<u8>> {
    network.wire.iter().filter(|(from, ..)| *from == address).map(|(.., datagram)| datagram.clone()).collect()
}

fn names(suites: &[Suite]) -> Vec<&'static str> {
    suites.iter().map(Suite::name).collect()
}

/// Loses the two datagrams with these numbers; the handshake that has begun completes all the same.
fn connect_without(network: &mut Network, lost: [usize; 2]) {
    let mut seen = 0;
    for _ in 0..40 {
        // Whatever has been put on the wire since is under way, one datagram after the other.
        while network.wire.len() > seen {
            if lost.contains(&seen) {
                network.drop_in_flight();
            }
            seen += 1;
        }
        if !network.step() {
            network.run_for(Duration::from_millis(250));
        }
    }
    network.run_for(Duration::from_secs(60));
    assert_eq!((network.server.secured().len(), network.clients[0].secured().len()), (1, 1), "{lost:?}");
    talk(network);
}
