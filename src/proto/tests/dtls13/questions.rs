//! What the application is asked: the key, who we are, a context by name, a protocol.

use super::*;
use crate::proto::NamePattern;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn an_unknown_identity_and_a_wrong_key_look_alike_from_outside() {
    let mut seen = Vec::new();
    for (identity, key, kind) in
        [(IDENTITY, &b"another key"[..], ErrorKind::WrongPsk), (b"nobody", KEY, ErrorKind::UnknownPskIdentity)]
    {
        let mut network = Network::new(server());
        network.connect(&client_of(&settings_of(ONLY, &[], &[]), identity, key));
        network.settle();
        assert_eq!(network.server.error_kinds(), [kind]);
        assert_eq!(network.clients[0].error_kinds(), [ErrorKind::AlertReceived]);
        seen.push(sent_by(&network, SERVER).pop().unwrap());
    }
    assert_eq!(seen[0], seen[1]);
    // decrypt_error, in plaintext: there are no keys.
    assert_eq!((seen[0][0], &seen[0][13..]), (21, &[2, 51][..]));
}

#[test]
fn a_handshake_waits_for_the_key_as_long_as_it_takes() {
    let mut network = Network::new(server());
    network.answers_at_once = false;
    network.connect(&client());
    network.run_for(Duration::from_secs(20));
    let (question, identity) = network.open_lookups[0].clone();
    assert_eq!((identity.as_slice(), network.open_lookups.len()), (IDENTITY, 1));
    assert!(network.server.secured().is_empty());
    assert!(network.answer(question, Some(KEY)));
    assert!(!network.answer(question, Some(KEY)));
    network.settle();
    talk(&mut network);
}

#[test]
fn a_client_is_asked_who_it_is_before_it_says_anything() {
    let mut network = Network::new(server());
    network.answers_at_once = false;
    let asking = ClientConfig::asking_for_psk(&settings_of(ONLY, &[], &[]), None, None).unwrap();
    network.connect(&asking);
    network.settle();
    assert!(network.wire.is_empty());
    let (address, question, hint) = network.identity_questions[0].clone();
    assert_eq!(hint, None);
    network.answers_at_once = true;
    assert!(network.answer_identity(address, question, Some((IDENTITY, KEY))));
    network.settle();
    talk(&mut network);
}

#[test]
fn a_client_without_a_key_says_nothing() {
    let mut network = Network::new(server());
    network.own_psk = None;
    network.connect(&ClientConfig::asking_for_psk(&settings_of(ONLY, &[], &[]), None, None).unwrap());
    network.settle();
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::NoPsk]);
    assert!(network.wire.is_empty());
}

#[test]
fn an_empty_identity_is_an_error_of_the_configuration() {
    let mut network = Network::new(server());
    let settings = settings_of(ONLY, &[], &[]);
    network.connect(&client_of(&settings, b"", KEY));
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::Configuration]);
    assert!(network.wire.is_empty());
}

#[test]
fn an_application_that_never_says_who_we_are_is_named_when_the_time_is_over() {
    for versions in [ONLY, BOTH] {
        let mut network = Network::new(server());
        network.answers_at_once = false;
        network.connect(&ClientConfig::asking_for_psk(&settings_of(versions, &[], &[]), None, None).unwrap());
        network.run_for(Duration::from_secs(200));
        assert_eq!(network.clients[0].error_kinds(), [ErrorKind::HandshakeTimeout]);
    }
}

#[test]
fn an_answer_with_an_empty_identity_is_none() {
    let mut network = Network::new(server());
    network.own_psk = Some((Vec::new(), KEY.to_vec()));
    network.connect(&ClientConfig::asking_for_psk(&settings_of(ONLY, &[], &[]), None, None).unwrap());
    network.settle();
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::LookupFailed]);
    assert!(network.wire.is_empty());
}

fn with_protocols(versions: Versions, names: &[&str]) -> Settings {
    let settings = settings_of(versions, &[], &[]);
    let protocols = names.iter().map(|name| name.as_bytes().to_vec()).collect();
    Settings { wishes: Wishes { protocols, ..settings.wishes }, ..settings }
}

fn protocol(peer: &Peer) -> Option<Vec<u8>> {
    peer.log.iter().find_map(|event| match event {
        crate::proto::Event::Secure { terms, .. } => Some(terms.protocol.clone()),
        _ => None,
    })?
}

#[test]
fn the_servers_favourite_of_the_clients_protocols_is_chosen() {
    for (offered, expected) in [(&["coap", "h2"][..], Some(&b"h2"[..])), (&["coap"], Some(b"coap")), (&[], None)] {
        let mut network = Network::new(server_of(&with_protocols(ONLY, &["h2", "coap"])));
        network.connect(&client_of(&with_protocols(ONLY, offered), IDENTITY, KEY));
        network.settle();
        assert_eq!(protocol(&network.server).as_deref(), expected);
        assert_eq!(protocol(&network.clients[0]).as_deref(), expected);
    }
}

#[test]
fn sides_without_a_common_protocol_fail() {
    let mut network = Network::new(server_of(&with_protocols(ONLY, &["h2"])));
    network.connect(&client_of(&with_protocols(ONLY, &["coap"]), IDENTITY, KEY));
    network.settle();
    assert_eq!(network.server.error_kinds(), [ErrorKind::NoApplicationProtocol]);
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::NoApplicationProtocol]);
}

#[test]
fn the_application_chooses_context_and_protocol_by_the_hello() {
    let mut network = Network::new(server());
    network.server.endpoint.ask(asks_about_hellos(true, true));
    let client = client_of(&with_protocols(ONLY, &["coap", "h2"]), IDENTITY, KEY).sending_name("a.test");
    network.connect(&client);
    network.settle();
    assert_eq!(network.config_questions[0].1, "a.test");
    assert!(network.answer_config(Some(Arc::new(server()))));
    assert_eq!(network.protocol_questions[0].1, b"\x04coap\x02h2");
    assert!(network.answer_protocol(Some(b"h2")));
    network.settle();
    assert_eq!(protocol(&network.clients[0]).as_deref(), Some(&b"h2"[..]));
}

#[test]
fn a_connection_whose_context_was_asked_for_is_found_by_its_id() {
    let mut network = Network::new(server());
    network.server.endpoint.use_connection_ids(Some(8));
    network.client_ids = Some(0);
    network.server.endpoint.ask(asks_about_hellos(true, false));
    network.connect(&client().sending_name("a.test"));
    network.settle();
    assert!(network.answer_config(Some(Arc::new(server()))));
    network.settle();
    talk(&mut network);
    let handle = network.server.secured()[0];
    assert_eq!(network.server.endpoint.connection_ids(handle).unwrap().own().len(), 8);
    network.server.endpoint.abort(handle);
    network.collect();
    assert_eq!(network.server.endpoint.footprint(), 0);
}

#[test]
fn a_failed_look_up_ends_its_own_handshake_under_the_hellos_number() {
    let mut network = Network::new(server());
    network.server.endpoint.ask(asks_about_hellos(true, false));
    network.connect(&client().sending_name("a.test"));
    network.settle();
    let (lookup, _) = network.config_questions.remove(0);
    assert!(fail(&mut network.server.endpoint, network.now, lookup, "no such tenant"));
    network.settle();
    assert_eq!(network.server.error_kinds(), [ErrorKind::LookupFailed]);
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::AlertReceived]);
    // A fatal internal_error.
    let sent = sent_by(&network, SERVER).pop().unwrap();
    assert_eq!(sent, [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 2, 80]);
}

#[test]
fn the_context_of_the_name_chooses_the_suite() {
    let mut network = Network::new(server());
    let named = server_of(&settings_of(ONLY, &["TLS_AES_128_CCM_SHA256"], &[]));
    network.server.endpoint.add_context(NamePattern::new("a.test"), Arc::new(named));
    network.connect(&client().sending_name("a.test"));
    network.settle();
    assert_eq!(network.server.suite().unwrap().name(), "TLS_AES_128_CCM_SHA256");
}

#[test]
fn a_context_of_the_applications_that_lacks_the_version_or_the_suite_ends_the_handshake() {
    let answers = [
        (psk_server(), ErrorKind::Configuration),
        (server_of(&settings_of(ONLY, &["TLS_AES_128_CCM_SHA256"], &[])), ErrorKind::NoSharedCipher),
    ];
    for (answer, kind) in answers {
        let mut network = Network::new(server());
        network.server.endpoint.ask(asks_about_hellos(true, false));
        network.connect(&client().sending_name("a.test"));
        network.settle();
        assert!(network.answer_config(Some(Arc::new(answer))));
        network.settle();
        assert_eq!(network.server.error_kinds(), [kind]);
        assert_eq!(network.clients[0].error_kinds(), [ErrorKind::AlertReceived]);
    }
}

#[test]
fn the_application_fails_and_the_client_hears_of_it() {
    let mut network = Network::new(server());
    network.answers_at_once = false;
    network.connect(&client());
    network.settle();
    let (question, _) = network.open_lookups[0].clone();
    let now = network.now;
    assert!(fail(&mut network.server.endpoint, now, question, "the database is down"));
    network.settle();
    assert_eq!(network.server.error_kinds(), [ErrorKind::LookupFailed]);
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::AlertReceived]);
}
