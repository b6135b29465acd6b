//! Clients that are asked as whom they appear, and servers that give them a hint (RFC 4279).

use super::certificates::{ca_signed_server, verifying_client};
use super::network::*;
use crate::proto::Event;
use crate::tls::{ClientConfig, Credentials, PeerAuthentication, ServerConfig, Settings, TrustAnchors, Wishes};
use crate::wire::Records;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Handshake types (RFC 5246 section 7.4).
const SERVER_HELLO: u8 = 2;
const SERVER_KEY_EXCHANGE: u8 = 12;
const SERVER_HELLO_DONE: u8 = 14;
const CLIENT_KEY_EXCHANGE: u8 = 16;

const PLAIN: &[&str] = &["PSK-AES128-CCM8"];
const EPHEMERAL: &[&str] = &["ECDHE-PSK-CHACHA20-POLY1305"];

pub(super) fn hinting_server(hint: &[u8]) -> ServerConfig {
    hinting_server_with(hint, settings(&[]))
}

fn hinting_server_with(hint: &[u8], settings: Settings) -> ServerConfig {
    let wishes = Wishes { psk_hint: hint.to_vec(), ..Wishes::default() };
    ServerConfig::new(&Settings { wishes, ..settings }, None, true, None).unwrap()
}

/// Types of the plaintext handshake messages, or fragments, that this address was sent.
fn messages_to(network: &Network, address: SocketAddr) -> Vec<u8> {
    let datagrams = network.wire.iter().filter(|(_, to, _)| *to == address);
    datagrams
        .flat_map(|(.., datagram)| Records::new(datagram).filter(|record| record.bytes[0] == 22 && record.epoch == 0))
        .map(|record| record.fragment()[0])
        .collect()
}

fn confirmed(network: &Network) -> Vec<Vec<u8>> {
    let identity = |event: &Event| match event {
        Event::Secure { psk_identity, .. } => psk_identity.clone(),
        _ => None,
    };
    network.server.log.iter().filter_map(identity).collect()
}

fn hints(network: &Network) -> Vec<Option<&[u8]>> {
    network.identity_questions.iter().map(|(.., hint)| hint.as_deref()).collect()
}

/// A handshake up to the client's question.
fn asked(config: &ClientConfig) -> Network {
    let mut network = Network::new(hinting_server(b"hint"));
    network.answers_at_once = false;
    network.connect(config);
    network.settle();
    assert_eq!(hints(&network), [Some(&b"hint"[..])]);
    network
}

fn answer(network: &mut Network, own: Option<(&[u8], &[u8])>) -> bool {
    let &(asked, lookup, _) = network.identity_questions.first().unwrap();
    network.answers_at_once = true;
    let answered = network.answer_identity(asked, lookup, own);
    network.settle();
    answered
}

#[test]
fn the_hint_reaches_the_client_that_is_asked_with_it_once() {
    let longest = [b'h'; 128];
    for suites in [PLAIN, EPHEMERAL, &["PSK-AES256-CBC-SHA384"]] {
        for hint in [&b"x"[..], b"any \0 bytes \xff", &longest] {
            let mut network = Network::new(hinting_server(hint));
            network.connect(&asking_client(suites));
            network.settle();
            assert_eq!(hints(&network), [Some(hint)]);
            assert_eq!(confirmed(&network), [IDENTITY]);
            assert_eq!(network.clients[0].suite().unwrap().openssl_name(), suites[0]);
        }
    }
}

#[test]
fn without_a_hint_the_client_is_asked_all_the_same() {
    for suites in [PLAIN, EPHEMERAL] {
        let mut network = Network::new(psk_server());
        network.connect(&asking_client(suites));
        network.settle();
        assert_eq!(hints(&network), [None]);
        assert_eq!(confirmed(&network), [IDENTITY]);
    }
}

#[test]
fn a_client_with_one_key_does_not_mind_a_hint() {
    for suites in [PLAIN, EPHEMERAL] {
        let mut network = Network::new(hinting_server(b"hint"));
        network.connect(&psk_client(suites));
        network.settle();
        assert_eq!(confirmed(&network), [IDENTITY]);
        assert!(network.identity_questions.is_empty());
    }
}

#[test]
fn a_hint_adds_one_message_and_without_it_nothing_changes() {
    // RFC 4279 section 2: without a hint there is no ServerKeyExchange.
    for (hint, suites, expected) in [
        (&b""[..], PLAIN, &[SERVER_HELLO, SERVER_HELLO_DONE][..]),
        (b"hint", PLAIN, &[SERVER_HELLO, SERVER_KEY_EXCHANGE, SERVER_HELLO_DONE]),
        (b"", EPHEMERAL, &[SERVER_HELLO, SERVER_KEY_EXCHANGE, SERVER_HELLO_DONE]),
        (b"hint", EPHEMERAL, &[SERVER_HELLO, SERVER_KEY_EXCHANGE, SERVER_HELLO_DONE]),
    ] {
        let mut network = Network::new(hinting_server(hint));
        network.connect(&psk_client(suites));
        network.settle();
        let messages = messages_to(&network, network.clients[0].address);
        // Behind the HelloVerifyRequest.
        assert_eq!(messages[1..], *expected);
    }
}

#[test]
fn a_hint_survives_small_datagrams_and_a_bad_network() {
    let server = hinting_server_with(&[b'h'; 128], Settings { mtu: 128, ..settings(&[]) });
    let mut network = Network::new(server);
    network.weather = Weather { loss: 20, duplication: 20, jitter: Duration::from_millis(50) };
    for _ in 0..50 {
        network.connect(&asking_client(EPHEMERAL));
    }
    network.run_for(Duration::from_secs(115));
    assert_eq!(network.server.secured().len(), 50);
    assert!(network.clients.iter().all(|client| client.secured().len() == 1));
    assert_eq!(hints(&network), [Some(&[b'h'; 128][..]); 50]);
    let address = network.clients[0].address;
    let parts = messages_to(&network, address).iter().filter(|&&message| message == SERVER_KEY_EXCHANGE).count();
    assert!(parts > 1, "the message was to be sent in fragments");
}

#[test]
fn one_client_appears_as_whom_it_says_each_time() {
    let mut network = Network::new(hinting_server(b"hint"));
    let longest = [0xff; 256];
    network.keys = [(b"a".to_vec(), vec![1]), (longest.to_vec(), vec![2; 64])].into();
    let config = asking_client(&[]);
    for (identity, key) in network.keys.clone() {
        network.own_psk = Some((identity.clone(), key));
        network.connect(&config);
        network.settle();
        assert_eq!(confirmed(&network).last(), Some(&identity));
    }
    assert_eq!(network.server.secured().len(), 2);
}

#[test]
fn a_question_suspends_the_clients_handshake_and_its_timers() {
    let mut network = asked(&asking_client(&[]));
    let sent = |network: &Network| network.wire.iter().filter(|(from, ..)| *from != SERVER).count();
    let before = sent(&network);
    // The server repeats its flight meanwhile.
    network.run_for(Duration::from_secs(20));
    assert_eq!(sent(&network), before);
    assert_eq!(network.clients[0].endpoint.question_count(), 1);

    assert!(answer(&mut network, Some((IDENTITY, KEY))));
    assert_eq!(confirmed(&network), [IDENTITY]);
    assert_eq!(network.clients[0].secured().len(), 1);
    let exchanges = messages_to(&network, SERVER).iter().filter(|&&message| message == CLIENT_KEY_EXCHANGE).count();
    assert_eq!(exchanges, 1, "an answer leads to one flight, however often the server has asked for it");
    assert_eq!(network.identity_questions.len(), 1);
}

#[test]
fn the_flight_after_the_answer_is_repeated_until_it_arrives() {
    let mut network = asked(&asking_client(&[]));
    network.run_for(Duration::from_secs(5));
    network.weather.loss = 100;
    assert!(answer(&mut network, Some((IDENTITY, KEY))));
    network.run_for(Duration::from_secs(2));
    assert!(network.server.secured().is_empty());
    network.weather.loss = 0;
    network.run_for(Duration::from_secs(10));
    assert_eq!(confirmed(&network), [IDENTITY]);
}

#[test]
fn a_client_without_a_key_for_this_server_stops_there() {
    let mut network = asked(&asking_client(&[]));
    assert!(answer(&mut network, None));
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::NoPsk]);
    assert_eq!(network.server.error_kinds(), [ErrorKind::AlertReceived]);
    assert!(!messages_to(&network, SERVER).contains(&CLIENT_KEY_EXCHANGE));
}

#[test]
fn impossible_identities_and_keys_end_their_own_handshake() {
    for own in [(&[b'x'; 257][..], KEY), (IDENTITY, &[]), (IDENTITY, &[1; 65])] {
        let mut network = asked(&asking_client(&[]));
        assert!(answer(&mut network, Some(own)));
        assert_eq!(network.clients[0].error_kinds(), [ErrorKind::LookupFailed]);
        assert_eq!(network.server.error_kinds(), [ErrorKind::AlertReceived]);
    }
}

#[test]
fn a_failed_question_ends_the_handshake() {
    let mut network = asked(&asking_client(&[]));
    let (_, lookup, _) = network.identity_questions[0];
    assert!(fail(&mut network.clients[0].endpoint, network.now, lookup, "the key store is locked"));
    network.settle();
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::LookupFailed]);
    assert_eq!(network.server.error_kinds(), [ErrorKind::AlertReceived]);
}

#[test]
fn late_double_and_mistaken_answers_have_no_effect() {
    let mut network = asked(&asking_client(&[]));
    let (_, lookup, _) = network.identity_questions[0];
    let now = network.now;
    assert!(!reply(&mut network.clients[0].endpoint, now, lookup, HandshakeAnswer::Psk(Some(KEY))));
    assert!(!reply(&mut network.clients[0].endpoint, now, lookup, HandshakeAnswer::Peer(true)));
    assert!(answer(&mut network, Some((IDENTITY, KEY))));
    assert!(!answer(&mut network, Some((b"somebody else", KEY))));
    assert_eq!(confirmed(&network), [IDENTITY]);

    let mut network = asked(&asking_client(&[]));
    network.run_for(Duration::from_secs(121));
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::HandshakeTimeout]);
    assert!(!answer(&mut network, Some((IDENTITY, KEY))));
}

#[test]
fn a_connection_that_is_closed_while_it_is_asked_ends_once() {
    let mut network = asked(&asking_client(&[]));
    let now = network.now;
    let (_, lookup, _) = network.identity_questions[0];
    // A client's only connection is its first.
    network.clients[0].endpoint.close(now, crate::proto::ConnectionHandle(1));
    network.collect();
    assert_eq!(network.clients[0].closes().count(), 1);
    assert!(!network.answer_identity(network.clients[0].address, lookup, Some((IDENTITY, KEY))));
    assert_eq!(network.clients[0].endpoint.question_count(), 0);
}

#[test]
fn a_wrong_answer_fails_as_any_wrong_key() {
    let mut network = Network::new(psk_server());
    network.own_psk = Some((IDENTITY.to_vec(), b"another key".to_vec()));
    network.connect(&asking_client(&[]));
    network.settle();
    assert_eq!(network.server.error_kinds(), [ErrorKind::WrongPsk]);
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::AlertReceived]);
}

#[test]
fn a_hint_that_is_longer_than_its_message_is_refused() {
    let mut network = Network::new(hinting_server(b"hint"));
    network.rewrite = Some((b"\0\x04hint".to_vec(), b"\0\x40hint".to_vec()));
    network.connect(&asking_client(PLAIN));
    network.settle();
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::Protocol]);
    assert!(network.identity_questions.is_empty());
}

/// A client that takes either: a verified certificate, or a pre-shared key that it is asked for.
fn either(ca: &str) -> ClientConfig {
    let server = PeerAuthentication {
        trust_anchors: Some(Arc::new(TrustAnchors::parse(&[ca]).unwrap())),
        servername: Some("localhost".to_owned()),
        required: true,
        ..PeerAuthentication::lenient()
    };
    ClientConfig::asking_for_psk(&settings(&[]), Some(server), None::<Credentials>).unwrap()
}

#[test]
fn who_meets_a_server_with_a_certificate_is_not_asked() {
    let (server, ca) = ca_signed_server("localhost");
    let mut network = Network::new(server);
    network.connect(&either(&ca));
    network.settle();
    assert_eq!(network.clients[0].secured().len(), 1);
    assert!(network.identity_questions.is_empty());

    let mut network = Network::new(psk_server());
    network.connect(&either(&ca));
    network.settle();
    assert_eq!(confirmed(&network), [IDENTITY]);
    assert_eq!(network.identity_questions.len(), 1);
}

#[test]
fn a_client_that_is_asked_offers_the_suites_that_its_answer_can_serve_and_no_others() {
    let uses_psk =
        |config: &ClientConfig| config.suites().iter().map(|suite| suite.key_exchange().uses_psk()).collect();
    let uses: Vec<bool> = uses_psk(&asking_client(&[]));
    assert!(!uses.is_empty() && uses.iter().all(|&psk| psk));
    let (_, ca) = ca_signed_server("localhost");
    let uses: Vec<bool> = uses_psk(&either(&ca));
    assert!(uses.contains(&true) && uses.contains(&false));
}

#[test]
fn a_client_that_verifies_certificates_alone_offers_no_suite_with_a_pre_shared_key() {
    let (_, ca) = ca_signed_server("localhost");
    let mut network = Network::new(psk_server());
    network.connect(&verifying_client(&[], &ca, "localhost"));
    network.settle();
    assert_eq!(network.server.error_kinds(), [ErrorKind::NoSharedCipher]);
}
