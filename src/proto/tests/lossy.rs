//! Handshakes and data when the network loses, doubles and reorders datagrams.

use super::certificates::{ca_signed_server, verifying_client};
use super::network::*;
use crate::tls::ClientConfig;
use std::collections::HashSet;
use std::time::Duration;

const BAD: Weather = Weather { loss: 10, duplication: 0, jitter: Duration::ZERO };
const WORSE: Weather = Weather { loss: 10, duplication: 20, jitter: Duration::from_millis(50) };

fn all_connect_and_no_message_is_doubled(mut network: Network, config: &ClientConfig, weather: Weather) {
    network.weather = weather;
    for _ in 0..200 {
        network.connect(config);
    }
    network.run_for(Duration::from_secs(100));
    assert_eq!(network.server.secured().len(), 200);
    for index in 0..200 {
        assert_eq!(network.clients[index].secured().len(), 1, "client {index}");
        for number in 0..10 {
            network.send_from_client(index, format!("{index}/{number}").as_bytes());
        }
    }
    network.run_for(Duration::from_secs(1));
    let payloads = network.server.payloads();
    let distinct: HashSet<_> = payloads.iter().collect();
    assert_eq!(distinct.len(), payloads.len(), "a message was delivered twice");
    // 2,000 sent, about 10 % lost.
    assert!((1_700..=1_900).contains(&payloads.len()), "{} of 2000 messages", payloads.len());
    for payload in &payloads {
        let text = String::from_utf8(payload.clone()).unwrap();
        let (client, number) = text.split_once('/').unwrap();
        assert!(client.parse::<usize>().unwrap() < 200 && number.parse::<usize>().unwrap() < 10, "{text}");
    }
}

#[test]
fn with_every_tenth_datagram_lost_200_of_200_psk_handshakes_complete() {
    let config = psk_client(&[]);
    all_connect_and_no_message_is_doubled(Network::new(psk_server()), &config, BAD);
}

#[test]
fn with_duplication_and_reordering_as_well_200_of_200_complete() {
    let config = psk_client(&[]);
    all_connect_and_no_message_is_doubled(Network::new(psk_server()), &config, WORSE);
}

#[test]
fn certificate_handshakes_survive_the_same_in_small_fragments() {
    let (server, ca) = ca_signed_server("localhost");
    let mut network = Network::new(server);
    network.weather = WORSE;
    let config = verifying_client(&[], &ca, "localhost");
    for _ in 0..20 {
        network.connect(&config);
    }
    network.run_for(Duration::from_secs(100));
    assert_eq!(network.server.secured().len(), 20);
    assert!(network.clients.iter().all(|client| client.secured().len() == 1));
}

#[test]
fn data_that_overtakes_the_end_of_the_handshake_is_not_lost() {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&[]));
    while network.server.secured().is_empty() {
        network.run_for(Duration::from_micros(500));
    }
    let handle = network.server.secured()[0];
    let client = network.clients[0].address;
    let early = network.server.endpoint.send(network.now, handle, b"early").unwrap().datagram.to_vec();
    network.inject(SERVER, client, &early);
    assert!(network.clients[0].received.is_empty());
    network.settle();
    assert_eq!(network.clients[0].payloads(), [b"early"]);
}
