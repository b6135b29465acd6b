//! Finished messages in fragments (RFC 6347 section 4.2.3): a sender that fills each datagram cuts the last message of its flight as
//! it cuts any other, so that some lengths of datagrams, or of what stands before it, leave room for a part of it alone.

use super::network::*;
use crate::tls::{ClientConfig, ClientPsk, ServerConfig, Settings};
use crate::wire::{ContentType, Records};
use std::net::SocketAddr;

/// A suite of each kind of record protection, as far as the lengths of records go, and the shortest datagrams of a server that have room
/// for a part of its Finished message.
const SUITES: [(&str, u16); 3] =
    [("PSK-AES128-GCM-SHA256", 64), ("PSK-CHACHA20-POLY1305", 56), ("PSK-AES128-CBC-SHA256", 96)];

/// So long that the message with it leaves little room in a short datagram.
const LONG_IDENTITY: [u8; 64] = [b'i'; 64];

/// A handshake, after which both sides are connected; returns how many records the Finished message of `from` took.
fn handshake(suite: &str, client_mtu: u16, server_mtu: u16, from_server: bool) -> usize {
    let with_mtu = |mtu| Settings { mtu, ..settings(&[suite]) };
    let mut network = Network::new(ServerConfig::new(&with_mtu(server_mtu), None, true, None).unwrap());
    network.keys.insert(LONG_IDENTITY.to_vec(), KEY.to_vec());
    let psk = ClientPsk::new(&LONG_IDENTITY, KEY).unwrap();
    network.connect(&ClientConfig::new(&with_mtu(client_mtu), Some(psk), None, None).unwrap());
    let began = network.now;
    network.settle();
    let sides = [&network.server, &network.clients[0]].map(|side| side.secured().len());
    assert_eq!(sides, [1, 1], "{suite}, datagrams of {client_mtu} and {server_mtu} bytes");
    assert!(network.now - began < settings(&[]).first_interval, "it took a repetition");
    let is_from = |from: &SocketAddr| (*from == SERVER) == from_server;
    let datagrams = network.wire.iter().filter(|(from, _, _)| is_from(from));
    let records = datagrams.flat_map(|(_, _, bytes)| Records::new(bytes).collect::<Vec<_>>());
    records.filter(|record| record.epoch == 1 && record.content_type == ContentType::Handshake).count()
}

#[test]
fn a_clients_finished_message_is_read_wherever_its_datagram_ends() {
    for (suite, _) in SUITES {
        let records = (128..224).map(|mtu| handshake(suite, mtu, 1200, false));
        assert!(records.filter(|&count| count == 2).count() > 4, "{suite}: hardly any was in fragments");
    }
}

#[test]
fn a_servers_finished_message_is_read_wherever_its_datagram_ends() {
    for (suite, shortest) in SUITES {
        let records = (shortest..shortest + 32).map(|mtu| handshake(suite, 1200, mtu, true));
        assert!(records.filter(|&count| count == 2).count() > 4, "{suite}: hardly any was in fragments");
    }
}
