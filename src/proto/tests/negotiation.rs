//! What the two hellos negotiate beside the suite.

use super::certificates::{ca_signed_server_with, verifying_client_with};
use super::modes::Mode;
use super::network::*;
use crate::proto::Event;
use crate::tls::{ClientConfig, ClientPsk, ConfigError, ServerConfig, Settings, Wishes};

fn with(wishes: Wishes) -> Settings {
    Settings { wishes, ..settings(&[]) }
}

fn psk_network(server: Wishes, client: Wishes) -> Network {
    let mut network = Network::new(ServerConfig::new(&with(server), None, true, None).unwrap());
    let psk = ClientPsk::new(IDENTITY, KEY).unwrap();
    network.connect(&ClientConfig::new(&with(client), Some(psk), None, None).unwrap());
    network.settle();
    network
}

fn protocols(names: &[&str]) -> Wishes {
    Wishes { protocols: names.iter().map(|name| name.as_bytes().to_vec()).collect(), ..Wishes::default() }
}

fn names(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(|&name| name.to_owned()).collect())
}

fn protocol(peer: &Peer) -> Option<Vec<u8>> {
    peer.log.iter().find_map(|event| match event {
        Event::Secure { terms, .. } => terms.protocol.clone(),
        _ => None,
    })
}

// --- application protocols -------------------------------------------------------------------------------------------

#[test]
fn the_server_chooses_the_protocol_by_its_own_order() {
    let network = psk_network(protocols(&["coap", "lwm2m"]), protocols(&["lwm2m", "coap"]));
    assert_eq!(protocol(&network.server).unwrap(), b"coap");
    assert_eq!(protocol(&network.clients[0]).unwrap(), b"coap");
}

#[test]
fn a_side_that_says_nothing_about_protocols_accepts_the_other() {
    for (server, client) in [(Wishes::default(), protocols(&["coap"])), (protocols(&["coap"]), Wishes::default())] {
        let network = psk_network(server, client);
        assert_eq!(network.server.secured().len(), 1);
        assert_eq!(protocol(&network.server), None);
        assert_eq!(protocol(&network.clients[0]), None);
    }
}

#[test]
fn no_protocol_in_common_ends_the_handshake_with_an_alert_of_its_own() {
    let network = psk_network(protocols(&["coap"]), protocols(&["h3", "coa", "coapp"]));
    assert_eq!(network.server.error_kinds(), [ErrorKind::NoApplicationProtocol]);
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::NoApplicationProtocol]);
}

// --- extended master secret ------------------------------------------------------------------------------------------

#[test]
fn who_requires_an_extended_master_secret_gets_it_from_our_own() {
    let required = || Wishes { extended_master_secret: true, ..Wishes::default() };
    let network = psk_network(required(), required());
    assert_eq!(network.server.secured().len(), 1);
}

/// Somebody between the two renames the extension: to the peer it is not there.
#[test]
fn who_requires_an_extended_master_secret_refuses_a_peer_without() {
    let required = || Wishes { extended_master_secret: true, ..Wishes::default() };
    for (server, client) in [(required(), Wishes::default()), (Wishes::default(), required())] {
        let mut network = Network::new(ServerConfig::new(&with(server.clone()), None, true, None).unwrap());
        network.rewrite = Some((vec![0, 22, 0, 0, 0, 23, 0, 0], vec![0, 22, 0, 0, 0xab, 23, 0, 0]));
        let psk = ClientPsk::new(IDENTITY, KEY).unwrap();
        network.connect(&ClientConfig::new(&with(client), Some(psk), None, None).unwrap());
        network.settle();
        let refusing = if server.extended_master_secret { &network.server } else { &network.clients[0] };
        assert_eq!(refusing.error_kinds(), [ErrorKind::NoExtendedMasterSecret]);
        assert!(network.server.secured().is_empty() && network.clients[0].secured().is_empty());
    }
}

// --- lengths ---------------------------------------------------------------------------------------------------------

#[test]
fn a_clients_maximum_fragment_length_limits_both_sides() {
    let wish = Wishes { max_fragment_length: Some(512), ..Wishes::default() };
    let mut network = psk_network(Wishes::default(), wish);
    let (client, server) = (network.client_handle(0), network.server.secured()[0]);
    let now = network.now;
    for length in [512, 513] {
        let payload = vec![0; length];
        assert_eq!(network.clients[0].endpoint.send(now, client, &payload).is_ok(), length == 512);
        assert_eq!(network.server.endpoint.send(now, server, &payload).is_ok(), length == 512);
    }
}

#[test]
fn the_maximum_fragment_length_survives_sleep() {
    let wish = Wishes { max_fragment_length: Some(1024), ..Wishes::default() };
    let mut network = psk_network(Wishes::default(), wish);
    network.run_for(std::time::Duration::from_secs(60));
    let server = network.server.secured()[0];
    assert!(network.server.endpoint.send(network.now, server, &[0; 1025]).is_err());
    assert!(network.server.endpoint.send(network.now, server, &[0; 1024]).is_ok());
    assert!(network.server.endpoint.send(network.now, server, &[0; 1025]).is_err());
}

#[test]
fn the_maximum_fragment_length_survives_a_restart_of_the_server() {
    let wish = Wishes { max_fragment_length: Some(512), ..Wishes::default() };
    let mut network = psk_network(Wishes::default(), wish);
    let device = network.clients[0].address;
    let saved = network.server.endpoint.save(network.server.secured()[0]).unwrap();
    network.restart_server(psk_server());
    let unix_time = std::time::Duration::from_secs(1_780_000_000);
    let handle = network
        .server
        .endpoint
        .restore(network.now, device, Restoration { saved: &saved, clock: clock(unix_time) })
        .unwrap();
    assert!(network.server.endpoint.send(network.now, handle, &[0; 512]).is_ok());
    assert!(network.server.endpoint.send(network.now, handle, &[0; 513]).is_err());
}

#[test]
fn handshakes_get_through_in_the_smallest_fragments() {
    for side in [true, false] {
        let wish = |wanted: bool| Wishes { max_fragment_length: wanted.then_some(512), ..Wishes::default() };
        let (server, ca) = ca_signed_server_with(&with(wish(side)), "localhost");
        let mut network = Network::new(server);
        network.connect(&verifying_client_with(&with(wish(!side)), &ca, "localhost"));
        network.settle();
        assert_eq!(network.server.secured().len(), 1);
    }
}

// --- groups and signatures -------------------------------------------------------------------------------------------

/// The client's and the server's codes; both empty when they connected.
fn with_certificate(server: Wishes, client: Wishes) -> (Vec<ErrorKind>, Vec<ErrorKind>) {
    let (server, ca) = ca_signed_server_with(&with(server), "localhost");
    let mut network = Network::new(server);
    network.connect(&verifying_client_with(&with(client), &ca, "localhost"));
    network.settle();
    (network.clients[0].error_kinds(), network.server.error_kinds())
}

#[test]
fn one_group_in_common_is_enough() {
    let curves = |list: &[&str]| Wishes { curves: names(list), ..Wishes::default() };
    let (client, server) = with_certificate(curves(&["P-384", "X25519"]), curves(&["P-256", "x25519"]));
    assert_eq!((client.len(), server.len()), (0, 0));
}

#[test]
fn no_group_in_common_is_no_suite_in_common() {
    let curves = |list: &[&str]| Wishes { curves: names(list), ..Wishes::default() };
    let (_, server) = with_certificate(curves(&["P-384"]), curves(&["P-256"]));
    assert_eq!(server, [ErrorKind::NoSharedCipher]);
}

#[test]
fn signatures_are_limited_to_those_that_were_named() {
    let sigalgs = |list: &[&str]| Wishes { signature_algorithms: names(list), ..Wishes::default() };
    let (client, server) = with_certificate(sigalgs(&["ECDSA+SHA384"]), sigalgs(&["ECDSA+SHA384", "ECDSA+SHA256"]));
    assert_eq!((client.len(), server.len()), (0, 0));
    let (_, server) = with_certificate(Wishes::default(), sigalgs(&["RSA+SHA256"]));
    assert_eq!(server, [ErrorKind::NoSharedCipher]);
}

#[test]
fn unknown_curves_and_signature_algorithms_are_refused_by_name() {
    let error = |wishes| ServerConfig::new(&with(wishes), None, true, None).err().unwrap();
    let curves = error(Wishes { curves: names(&["P-255"]), ..Wishes::default() });
    assert_eq!(curves, ConfigError::UnknownCurve("P-255".to_owned()));
    let signatures = error(Wishes { signature_algorithms: names(&["ECDSA+MD5"]), ..Wishes::default() });
    assert_eq!(signatures, ConfigError::UnknownSignatureAlgorithm("ECDSA+MD5".to_owned()));
}

/// What each side says of a handshake of this kind: the group of the ephemeral keys, and signatures that both accept.
fn agreed(mode: Mode) -> [(u16, Vec<u16>); 2] {
    let configs = mode.configs(1400);
    let mut network = configs.network();
    let client = configs.connect(&mut network, None);
    network.settle();
    let (at_server, at_client) = (network.server.secured()[0], network.client_handle(client));
    let ends = [(&network.server, at_server), (&network.clients[client], at_client)];
    ends.map(|(peer, handle)| {
        let algorithms = peer.endpoint.algorithms(handle).unwrap();
        (algorithms.group, algorithms.signatures.numbers().collect())
    })
}

#[test]
fn both_sides_say_what_they_have_agreed_on_beside_the_suite() {
    const ECDSA_SHA256: u16 = 0x0403;
    for &mode in Mode::ALL {
        let [(group, of_server), (groups, of_client)] = agreed(mode);
        assert_eq!(group, groups, "{mode:?}");
        let (is_ephemeral, signs) = match mode {
            Mode::EcdhePsk => (true, [false, false]),
            // The server asks for nobody else's signature.
            Mode::Certificate => (true, [true, false]),
            Mode::Mutual | Mode::RawPublicKeys => (true, [true, true]),
            #[cfg(feature = "aws-lc")]
            Mode::Dtls13 => (true, [false, false]),
            #[cfg(feature = "aws-lc")]
            Mode::Dtls13Mutual => (true, [true, true]),
            _ => (false, [false, false]),
        };
        assert_eq!(group != 0, is_ephemeral, "{mode:?}");
        assert_eq!([&of_server, &of_client].map(|list| list.contains(&ECDSA_SHA256)), signs, "{mode:?}");
        assert_eq!([of_server, of_client].map(|list| !list.is_empty()), signs, "{mode:?}");
    }
}
