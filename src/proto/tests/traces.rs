//! What is kept for lines about what happens: names as long as there is somebody to write about, lines as long as there is room.

use super::network::*;
use crate::proto::Endpoint;
use std::net::SocketAddr;
use std::time::Duration;

/// A network whose server writes lines of this level.
fn traced(level: u8) -> Network {
    let mut network = Network::new(psk_server());
    network.server.endpoint = Endpoint::server(network.now, psk_server(), limits(), level).unwrap();
    network
}

#[test]
fn the_name_of_a_peer_is_forgotten_with_its_connection_however_it_ends() {
    for ending in 0..4 {
        let mut network = traced(2);
        let key: &[u8] = if ending == 0 { b"another key" } else { KEY };
        network.connect(&psk_client_with(&[], IDENTITY, key));
        network.settle();
        if ending > 0 {
            assert!(network.server.endpoint.footprint() > 0);
        }
        for handle in network.server.secured() {
            match ending {
                1 => network.server.endpoint.close(network.now, handle),
                2 => network.server.endpoint.abort(handle),
                _ => {
                    let client = network.clients[0].secured()[0];
                    network.clients[0].endpoint.close(network.now, client);
                }
            }
        }
        network.run_for(Duration::from_secs(1));
        assert_eq!(network.server.endpoint.footprint(), 0, "ending {ending}");
        assert!(network.server.endpoint.has_trace());
    }
}

#[test]
fn lines_that_nobody_takes_give_way_to_newer_ones() {
    let mut network = traced(4);
    for number in 0..5000_u16 {
        network.server.endpoint.handle_datagram(network.now, SocketAddr::from(([10, 9, 8, 7], number)), b"no record");
    }
    let lines: Vec<_> = std::iter::from_fn(|| network.server.endpoint.poll_trace()).collect();
    assert_eq!(lines.len(), 4096);
    assert!(lines.last().unwrap().contains("10.9.8.7:4999"), "{:?}", lines.last());
}
