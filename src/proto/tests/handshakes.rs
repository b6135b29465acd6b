//! Handshakes on a good network: every suite, in both credentials.

use super::certificates::{ca_signed_server, verifying_client};
use super::network::*;
use crate::tls::{ServerConfig, Suite, derivations};

fn assert_echo(network: &mut Network) {
    network.send_from_client(0, b"hello");
    network.settle();
    let handle = network.server.secured()[0];
    assert_eq!(network.server.payloads(), [b"hello"]);
    let address = network.clients[0].address;
    network.send_from_server(handle, address, b"hello yourself");
    network.settle();
    assert_eq!(network.clients[0].payloads(), [b"hello yourself"]);
}

/// The master secret, the keys, and the two Finished messages, on either side. Each record comes by itself.
#[test]
fn nothing_is_derived_twice_in_a_handshake() {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&["TLS_PSK_WITH_AES_128_CCM_8"]));
    network.settle();
    assert_eq!(network.server.secured().len(), 1);
    assert_eq!(derivations(), 2 * 4);
}

#[test]
fn a_handshake_is_counted_on_either_side_until_it_is_over() {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&[]));
    let counts = |network: &Network| [&network.clients[0], &network.server].map(|peer| peer.endpoint.handshake_count());
    assert_eq!(counts(&network), [1, 0]);
    while network.server.endpoint.connection_count() == 0 {
        network.step();
    }
    assert_eq!(counts(&network), [1, 1]);
    network.settle();
    assert_eq!(counts(&network), [0, 0]);
    assert_eq!(network.clients[0].endpoint.connection_count(), 1);
}

#[test]
fn every_psk_suite_carries_data_both_ways() {
    for name in [
        "TLS_PSK_WITH_AES_128_GCM_SHA256",
        "TLS_PSK_WITH_AES_256_GCM_SHA384",
        "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_PSK_WITH_AES_128_CCM",
        "TLS_PSK_WITH_AES_256_CCM",
        "TLS_PSK_WITH_AES_128_CCM_8",
        "TLS_PSK_WITH_AES_256_CCM_8",
        "TLS_PSK_WITH_AES_128_CBC_SHA256",
        "TLS_PSK_WITH_AES_256_CBC_SHA384",
        "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256",
        "TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256",
        "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256",
        "TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA384",
    ] {
        let mut network = Network::new(psk_server());
        network.connect(&psk_client(&[name]));
        network.settle();
        assert_eq!(network.clients[0].suite().map(|suite| suite.name()), Some(name));
        assert_eq!(network.server.suite().map(|suite| suite.name()), Some(name));
        assert_echo(&mut network);
    }
}

#[test]
fn every_certificate_suite_carries_data_both_ways() {
    for name in [
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
        "TLS_ECDHE_ECDSA_WITH_AES_256_CCM",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
        "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
    ] {
        let (server, ca) = ca_signed_server("localhost");
        let mut network = Network::new(server);
        network.connect(&verifying_client(&[name], &ca, "localhost"));
        network.settle();
        assert_eq!(network.clients[0].suite().map(|suite| suite.name()), Some(name));
        assert_echo(&mut network);
    }
}

#[test]
fn a_handshake_tells_its_story_in_order() {
    let network = Network::connected();
    let story: Vec<String> =
        network.server.log.iter().map(|event| format!("{event:?}").split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(story, ["Connection", "Secure"]);
}

#[test]
fn without_a_common_suite_both_sides_say_so() {
    let server = ServerConfig::new(&settings(&["PSK-AES128-CCM8"]), None, true, None).unwrap();
    let mut network = Network::new(server);
    network.connect(&psk_client(&["PSK-AES256-GCM-SHA384"]));
    network.settle();
    assert_eq!(network.server.error_kinds(), [ErrorKind::NoSharedCipher]);
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::AlertReceived]);
}

#[test]
fn a_suite_is_known_by_both_spellings() {
    assert_eq!(Suite::from_name("PSK-AES128-CCM8"), Suite::from_name("TLS_PSK_WITH_AES_128_CCM_8"));
    assert!(Suite::from_name("TLS_RSA_WITH_AES_128_CBC_SHA").is_none());
}
