//! What the application decides by the ClientHello: the configuration by its name, and the application protocol.

use super::certificates::{ca_signed_server, ca_signed_server_with, verifying_client, verifying_client_with};
use super::network::*;
use crate::proto::server_names::ServerNames;
use crate::proto::{CloseReason, Event, Limits, NamePattern};
use crate::tls::{ClientConfig, ClientPsk, ServerConfig, Settings, Wishes};
use std::sync::Arc;
use std::time::Duration;

const FATAL: u8 = 2;
const NO_APPLICATION_PROTOCOL: u8 = 120;
const INTERNAL_ERROR: u8 = 80;

fn asking(config: ServerConfig, for_configs: bool, for_protocols: bool) -> Network {
    asking_within(config, for_configs, for_protocols, limits())
}

fn asking_within(config: ServerConfig, for_configs: bool, for_protocols: bool, limits: Limits) -> Network {
    let mut network = Network::with_limits(config, limits);
    network.server.endpoint.ask(asks_about_hellos(for_configs, for_protocols));
    network
}

fn offering(names: &[&str]) -> Settings {
    let protocols = names.iter().map(|name| name.as_bytes().to_vec()).collect();
    Settings { wishes: Wishes { protocols, ..Wishes::default() }, ..settings(&[]) }
}

fn psk_client_offering(names: &[&str]) -> ClientConfig {
    ClientConfig::new(&offering(names), Some(ClientPsk::new(IDENTITY, KEY).unwrap()), None, None).unwrap()
}

/// A client that has asked for `name`, and waits; the authority that it trusts has signed the second value for the name.
fn waiting_for(name: &str) -> (Network, Arc<ServerConfig>) {
    let (default, _) = ca_signed_server("default.test");
    let (named, ca) = ca_signed_server(name);
    let mut network = asking(default, true, false);
    network.connect(&verifying_client(&[], &ca, name));
    network.settle();
    (network, Arc::new(named))
}

fn protocols_of(peer: &Peer) -> Vec<Option<Vec<u8>>> {
    peer.log
        .iter()
        .filter_map(|event| match event {
            Event::Secure { terms, .. } => Some(terms.protocol.clone()),
            _ => None,
        })
        .collect()
}

/// Alerts in plaintext that the server has sent: record number, level, description.
fn alerts(network: &Network) -> Vec<(u64, u8, u8)> {
    let from_server = network.wire.iter().filter(|(from, _, datagram)| *from == SERVER && datagram[0] == 21);
    from_server.map(|(.., sent)| (u64::from_be_bytes(sent[3..11].try_into().unwrap()), sent[13], sent[14])).collect()
}

// --- the configuration by name ---------------------------------------------------------------------------------------

#[test]
fn a_client_is_shown_the_certificate_that_the_application_finds_for_its_name() {
    let (mut network, named) = waiting_for("a.test");
    assert_eq!(network.config_questions[0].1, "a.test");
    assert!(network.answer_config(Some(named)));
    network.settle();
    assert_eq!((network.server.secured().len(), network.clients[0].secured().len()), (1, 1));
}

#[test]
fn a_name_without_an_answer_gets_the_servers_own_certificate_whatever_the_table_says() {
    let (mut network, named) = waiting_for("a.test");
    network.server.endpoint.add_context(NamePattern::new("a.test"), named);
    assert!(network.answer_config(None));
    network.settle();
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::Certificate(CertificateFault::UnknownIssuer)]);
}

#[test]
fn a_client_without_a_name_raises_no_question() {
    let mut network = asking(psk_server(), true, true);
    network.connect(&psk_client(&[]));
    network.settle();
    assert_eq!(network.server.secured().len(), 1);
    assert!(network.config_questions.is_empty() && network.protocol_questions.is_empty());
}

#[test]
fn a_hello_that_is_repeated_meanwhile_raises_no_second_question() {
    let (mut network, named) = waiting_for("a.test");
    let client = network.clients[0].address;
    let sent = network.wire.iter().filter(|(_, to, _)| *to == client).count();
    network.run_for(Duration::from_secs(20));
    assert!(network.wire.iter().filter(|(from, ..)| *from == client).count() > 4, "the client repeated nothing");
    assert_eq!(network.config_questions.len(), 1);
    assert_eq!(network.wire.iter().filter(|(_, to, _)| *to == client).count(), sent);
    network.answer_config(Some(named));
    network.settle();
    assert_eq!((network.server.secured().len(), network.clients[0].secured().len()), (1, 1));
    // Nor was it held, to be answered once more.
    let hellos = network.wire.iter().filter(|(from, _, sent)| *from == SERVER && sent[0] == 22 && sent[13] == 2);
    assert_eq!(hellos.count(), 1);
}

#[test]
fn a_question_suspends_one_handshake_and_nobody_else() {
    let (mut network, named) = waiting_for("a.test");
    let (_, ca) = ca_signed_server("b.test");
    network.connect(&verifying_client(&[], &ca, "b.test"));
    network.settle();
    assert_eq!(network.config_questions.len(), 2);
    let second = network.config_questions.remove(1).0;
    assert!(reply(&mut network.server.endpoint, network.now, second, HandshakeAnswer::Config(None)));
    network.settle();
    assert_eq!(network.clients[1].error_kinds().len(), 1);
    assert!(network.clients[0].error_kinds().is_empty());
    network.answer_config(Some(named));
    network.settle();
    assert_eq!(network.clients[0].secured().len(), 1);
}

#[test]
fn a_failed_look_up_ends_its_own_handshake_under_the_hellos_number() {
    let (mut network, _) = waiting_for("a.test");
    let (lookup, _) = network.config_questions.remove(0);
    assert!(fail(&mut network.server.endpoint, network.now, lookup, "no such tenant"));
    network.settle();
    assert_eq!(network.server.error_kinds(), [ErrorKind::LookupFailed]);
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::AlertReceived]);
    assert_eq!(alerts(&network), [(1, FATAL, INTERNAL_ERROR)]);
    assert_eq!(network.server.endpoint.question_count(), 0);
}

#[test]
fn late_and_double_answers_have_no_effect() {
    let (mut network, named) = waiting_for("a.test");
    let (lookup, _) = network.config_questions[0];
    // An answer to another question.
    assert!(!reply(&mut network.server.endpoint, network.now, lookup, HandshakeAnswer::Protocol(None)));
    assert!(!reply(&mut network.server.endpoint, network.now, lookup, HandshakeAnswer::Psk(None)));
    assert!(network.answer_config(Some(Arc::clone(&named))));
    assert!(!reply(&mut network.server.endpoint, network.now, lookup, HandshakeAnswer::Config(None)));
    network.settle();
    assert_eq!(network.clients[0].secured().len(), 1);
    assert!(!reply(&mut network.server.endpoint, network.now, lookup, HandshakeAnswer::Config(Some(named))));
}

#[test]
fn an_application_that_never_answers_is_named_when_the_time_is_up() {
    let (mut network, named) = waiting_for("a.test");
    network.run_for(Duration::from_secs(121));
    let (_, reason) = network.server.closes().next().unwrap();
    let CloseReason::Error(error) = reason else { panic!("{reason:?}") };
    assert_eq!(error.kind, ErrorKind::HandshakeTimeout);
    assert!(error.to_string().contains("did not answer the look-up of a context"), "{error}");
    assert!(!network.answer_config(Some(named)));
    assert_eq!(network.server.endpoint.handshake_count(), 0);
}

#[test]
fn waiting_clients_count_as_handshakes() {
    let (default, ca) = ca_signed_server("default.test");
    let limits = Limits { handshakes: 2, ..limits() };
    let mut network = asking_within(default, true, false, limits);
    for _ in 0..4 {
        network.connect(&verifying_client(&[], &ca, "a.test"));
    }
    network.settle();
    assert_eq!(network.server.endpoint.question_count(), 2);
    assert_eq!(network.server.endpoint.handshake_count(), 2);
    assert_eq!(network.server.endpoint.counters().handshakes_displaced, 2);
}

#[test]
fn who_is_closed_while_it_waits_is_told() {
    let (mut network, _) = waiting_for("a.test");
    let Some(&Event::Connection { connection, .. }) = network.server.log.first() else { panic!("no connection") };
    network.server.endpoint.close(network.now, connection);
    network.settle();
    // user_canceled, then close_notify: warnings, each under a number of its own.
    assert_eq!(alerts(&network), [(1, 1, 90), (2, 1, 0)]);
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::ClosedDuringHandshake]);
    assert_eq!((network.server.endpoint.connection_count(), network.server.endpoint.question_count()), (0, 0));
}

#[test]
fn a_client_that_starts_anew_is_asked_about_anew() {
    let (mut network, named) = waiting_for("a.test");
    let address = network.clients[0].address;
    let (_, ca) = ca_signed_server("b.test");
    network.connect_from(address, &verifying_client(&[], &ca, "b.test"));
    network.settle();
    assert!(matches!(network.server.closes().next(), Some((_, CloseReason::Replaced))));
    assert_eq!(network.config_questions.len(), 2);
    assert!(!network.answer_config(Some(named)));
    assert_eq!(network.config_questions[0].1, "b.test");
    assert_eq!(network.server.endpoint.handshake_count(), 1);
}

#[test]
fn junk_that_comes_meanwhile_is_dropped() {
    let (mut network, named) = waiting_for("a.test");
    let address = network.clients[0].address;
    for datagram in [
        // A plaintext alert, ChangeCipherSpec, and a record of the next epoch.
        &[21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40][..],
        &[20, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 1],
        &[22, 254, 253, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4],
    ] {
        network.inject(address, SERVER, datagram);
    }
    network.answer_config(Some(named));
    network.settle();
    assert_eq!(network.clients[0].secured().len(), 1);
}

// --- the application protocol ----------------------------------------------------------------------------------------

#[test]
fn the_application_chooses_among_the_clients_protocols() {
    let mut network = asking(psk_server(), false, true);
    network.connect(&psk_client_offering(&["coap", "lwm2m"]));
    network.settle();
    assert_eq!(network.protocol_questions[0].1, b"\x04coap\x05lwm2m");
    assert!(network.answer_protocol(Some(b"lwm2m")));
    network.settle();
    assert_eq!(protocols_of(&network.server), [Some(b"lwm2m".to_vec())]);
    assert_eq!(protocols_of(&network.clients[0]), [Some(b"lwm2m".to_vec())]);
}

#[test]
fn none_of_them_ends_the_handshake_with_an_alert_of_its_own() {
    let mut network = asking(psk_server(), false, true);
    network.connect(&psk_client_offering(&["coap"]));
    network.settle();
    assert!(network.answer_protocol(None));
    network.settle();
    assert_eq!(network.server.error_kinds(), [ErrorKind::ProtocolsRefused]);
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::NoApplicationProtocol]);
    assert_eq!(alerts(&network), [(1, FATAL, NO_APPLICATION_PROTOCOL)]);
}

#[test]
fn one_that_the_client_does_not_offer_is_not_sent() {
    let mut network = asking(psk_server(), false, true);
    network.connect(&psk_client_offering(&["coap"]));
    network.settle();
    network.answer_protocol(Some(b"coapp"));
    network.settle();
    assert_eq!(network.server.error_kinds(), [ErrorKind::LookupFailed]);
    assert_eq!(alerts(&network), [(1, FATAL, INTERNAL_ERROR)]);
}

#[test]
fn the_name_is_asked_for_first_and_a_context_with_protocols_needs_no_second_question() {
    for (names, asked) in [(&[][..], true), (&["coap"], false)] {
        let (default, _) = ca_signed_server("default.test");
        let (named, ca) = ca_signed_server_with(&offering(names), "a.test");
        let mut network = asking(default, true, true);
        network.connect(&verifying_client_with(&offering(&["lwm2m", "coap"]), &ca, "a.test"));
        network.settle();
        assert!(network.protocol_questions.is_empty());
        network.answer_config(Some(Arc::new(named)));
        assert_eq!(network.protocol_questions.len(), usize::from(asked));
        if asked {
            network.answer_protocol(Some(b"coap"));
        }
        network.settle();
        assert_eq!(protocols_of(&network.clients[0]), [Some(b"coap".to_vec())]);
        assert_eq!(protocols_of(&network.server), [Some(b"coap".to_vec())]);
    }
}

#[test]
fn a_protocol_goes_beside_an_srtp_profile() {
    let with_profiles = |settings: Settings| {
        let srtp_profiles = vec!["SRTP_AES128_CM_SHA1_80".to_owned()];
        Settings { wishes: Wishes { srtp_profiles, ..settings.wishes.clone() }, ..settings }
    };
    let server = ServerConfig::new(&with_profiles(settings(&[])), None, true, None).unwrap();
    let mut network = asking(server, false, true);
    let psk = ClientPsk::new(IDENTITY, KEY).unwrap();
    network.connect(&ClientConfig::new(&with_profiles(offering(&["webrtc"])), Some(psk), None, None).unwrap());
    network.settle();
    network.answer_protocol(Some(b"webrtc"));
    network.settle();
    assert_eq!(protocols_of(&network.clients[0]), [Some(b"webrtc".to_vec())]);
    let profiles = network.clients[0].log.iter().filter_map(|event| match event {
        Event::Secure { terms, .. } => terms.srtp_profile,
        _ => None,
    });
    assert_eq!(profiles.collect::<Vec<_>>(), ["SRTP_AES128_CM_SHA1_80"]);
}

#[test]
fn malformed_offers_end_the_handshake_before_anybody_is_asked() {
    let mut network = asking(psk_server(), false, true);
    // A name of 5 bytes in a list of 5.
    network.rewrite = Some((b"\x00\x05\x04coap".to_vec(), b"\x00\x05\x05coap".to_vec()));
    network.connect(&psk_client_offering(&["coap"]));
    network.settle();
    assert!(network.protocol_questions.is_empty());
    assert_eq!(network.server.error_kinds(), [ErrorKind::Protocol]);
    assert_eq!(alerts(&network), [(1, FATAL, 50)]);
}

#[test]
fn a_fragmented_hello_raises_its_questions_once_it_is_whole() {
    let mut network = asking(psk_server(), true, true);
    network.hello_fragments = Some(100);
    let names: Vec<String> = (0..20).map(|number| format!("{number:0>100}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    network.connect(&psk_client_offering(&names));
    network.run_for(Duration::from_secs(10));
    assert_eq!(network.protocol_questions.len(), 1);
    network.answer_protocol(Some(names[19].as_bytes()));
    network.run_for(Duration::from_secs(10));
    assert_eq!(protocols_of(&network.clients[0]), [Some(names[19].as_bytes().to_vec())]);
}

#[test]
fn what_was_added_last_answers_and_takes_the_place_of_nothing_but_the_same_pattern() {
    let configs: Vec<_> = (0..4).map(|_| Arc::new(psk_server())).collect();
    let mut names = ServerNames::default();
    assert!(names.is_empty() && names.find("a.test").is_none());
    for (pattern, config) in ["a.test", "*.test", "b.test", "a.test"].into_iter().zip(&configs) {
        names.add(NamePattern::new(pattern), Arc::clone(config));
    }
    let index =
        |name: &str| names.find(name).and_then(|found| configs.iter().position(|config| Arc::ptr_eq(config, found)));
    let found = ["a.test", "b.test", "c.test", "test"].map(index);
    assert_eq!((found, names.is_empty()), ([Some(3), Some(2), Some(1), None], false));
}
