//! Pre-shared keys: look-ups that suspend, and identities that are confirmed.

use super::network::*;
use crate::proto::{Event, KnownKeys, Subject};
use crate::tls::{self, ClientPsk, DropReason, PskError};
use std::collections::HashMap;
use std::time::Duration;
use zeroize::Zeroizing;

fn confirmed_identity(network: &Network) -> Option<Vec<u8>> {
    network.server.log.iter().find_map(|event| match event {
        Event::Secure { psk_identity, .. } => psk_identity.clone(),
        _ => None,
    })
}

#[test]
fn the_confirmed_identity_is_reported() {
    let network = Network::connected();
    assert_eq!(confirmed_identity(&network).as_deref(), Some(IDENTITY));
}

#[test]
fn a_look_up_suspends_one_handshake_and_nobody_else() {
    let mut network = Network::new(psk_server());
    network.answers_at_once = false;
    network.connect(&psk_client(&[]));
    network.settle();
    network.answers_at_once = true;
    network.connect(&psk_client(&[]));
    network.settle();
    assert_eq!(network.server.secured().len(), 1);

    let (lookup, identity) = network.open_lookups.remove(0);
    assert_eq!(identity, IDENTITY);
    assert!(network.answer(lookup, Some(KEY)));
    network.settle();
    assert_eq!(network.server.secured().len(), 2);
}

#[test]
fn retransmission_timers_stand_still_during_a_look_up() {
    let mut network = Network::new(psk_server());
    network.answers_at_once = false;
    network.connect(&psk_client(&[]));
    network.settle();
    let client = network.clients[0].address;
    let sent_before = network.wire.iter().filter(|(_, to, _)| *to == client).count();
    network.run_for(Duration::from_secs(20));
    assert_eq!(network.wire.iter().filter(|(_, to, _)| *to == client).count(), sent_before);

    // The client repeated its flight meanwhile; one answer is enough for all of it.
    let (lookup, _) = network.open_lookups.remove(0);
    assert!(network.open_lookups.is_empty());
    network.answer(lookup, Some(KEY));
    network.settle();
    assert_eq!((network.server.secured().len(), network.clients[0].secured().len()), (1, 1));
}

#[test]
fn late_and_double_answers_have_no_effect() {
    let mut network = Network::new(psk_server());
    network.answers_at_once = false;
    network.connect(&psk_client(&[]));
    network.settle();
    let (lookup, _) = network.open_lookups.remove(0);
    assert_eq!(network.server.endpoint.subject(lookup), Some(Subject::Handshake(tls::Subject::Psk)));
    assert!(network.answer(lookup, Some(KEY)));
    assert_eq!(network.server.endpoint.subject(lookup), None);
    assert!(!network.answer(lookup, None));
    network.settle();
    assert_eq!(network.clients[0].secured().len(), 1);
    assert!(!network.answer(lookup, Some(b"another key")));
    assert_eq!(network.server.endpoint.question_count(), 0);
}

#[test]
fn an_answer_after_the_handshake_has_timed_out_is_late() {
    let mut network = Network::new(psk_server());
    network.answers_at_once = false;
    network.connect(&psk_client(&[]));
    network.run_for(Duration::from_secs(121));
    assert_eq!(network.server.error_kinds(), [ErrorKind::HandshakeTimeout]);
    let (lookup, _) = network.open_lookups.remove(0);
    assert!(!network.answer(lookup, Some(KEY)));
}

#[test]
fn a_failed_look_up_ends_its_own_handshake() {
    let mut network = Network::new(psk_server());
    network.answers_at_once = false;
    network.connect(&psk_client(&[]));
    network.settle();
    let (lookup, _) = network.open_lookups.remove(0);
    assert!(fail(&mut network.server.endpoint, network.now, lookup, "database is down"));
    network.settle();
    assert_eq!(network.server.error_kinds(), [ErrorKind::LookupFailed]);
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::AlertReceived]);
}

#[test]
fn a_key_of_impossible_length_ends_its_own_handshake() {
    for key in [vec![], vec![1; 65]] {
        let mut network = Network::new(psk_server());
        network.keys.insert(IDENTITY.to_vec(), key);
        network.connect(&psk_client(&[]));
        network.settle();
        assert_eq!(network.server.error_kinds(), [ErrorKind::LookupFailed]);
    }
}

#[test]
fn identities_are_bounded() {
    // CVE-2026-50580
    assert!(ClientPsk::new(&[b'x'; 256], KEY).is_ok());
    assert_eq!(ClientPsk::new(&[b'x'; 257], KEY).err(), Some(PskError::IdentityLength(257)));
    for key in [&[] as &[u8], &[1; 65]] {
        assert_eq!(ClientPsk::new(IDENTITY, key).err(), Some(PskError::KeyLength(key.len())));
    }
}

#[test]
fn keys_of_64_bytes_work() {
    let key = [7; 64];
    let mut network = Network::new(psk_server());
    network.keys.insert(b"long".to_vec(), key.to_vec());
    network.connect(&psk_client_with(&[], b"long", &key));
    network.settle();
    assert_eq!(network.server.secured().len(), 1);
}

/// What the server put on the wire to the only client: times, types and lengths of all datagrams.
fn server_side_of(identity: &[u8], key: &[u8]) -> (Vec<Vec<u8>>, Vec<ErrorKind>, Vec<ErrorKind>) {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client_with(&["PSK-AES128-CCM8"], identity, key));
    network.settle();
    let shapes = network
        .wire
        .iter()
        .filter(|(from, ..)| *from == SERVER)
        .map(|(.., datagram)| vec![datagram[0], datagram.len() as u8, *datagram.last().unwrap()])
        .map(|mut shape| {
            if shape[0] == 22 {
                shape.pop();
            }
            shape
        })
        .collect();
    (shapes, network.server.error_kinds(), network.clients[0].error_kinds())
}

#[test]
fn unknown_identity_and_wrong_key_look_alike_from_outside() {
    let unknown = server_side_of(b"nobody-1", KEY);
    let wrong = server_side_of(IDENTITY, b"fedcba9876543210");
    assert_eq!(unknown.0, wrong.0);
    assert_eq!((unknown.1, wrong.1), (vec![ErrorKind::UnknownPskIdentity], vec![ErrorKind::WrongPsk]));
    assert_eq!((unknown.2, wrong.2), (vec![ErrorKind::AlertReceived], vec![ErrorKind::AlertReceived]));
}

#[test]
fn zeros_are_no_key_of_an_identity_that_nobody_knows() {
    for length in [1, 16, 32, 64] {
        let mut network = Network::new(psk_server());
        network.connect(&psk_client_with(&[], b"nobody", &vec![0; length]));
        network.settle();
        assert_eq!(network.server.error_kinds(), [ErrorKind::UnknownPskIdentity], "{length}");
        assert!(network.clients[0].secured().is_empty());
    }
}

#[test]
fn identities_are_bytes() {
    let mut network = Network::new(psk_server());
    network.keys = [(b"bob".to_vec(), b"bob's key".to_vec()), (b"alice".to_vec(), b"alice's key".to_vec())].into();
    network.connect(&psk_client_with(&[], b"bob\0alice", b"alice's key"));
    network.connect(&psk_client_with(&[], b"bob\0alice", b"bob's key"));
    network.settle();
    assert_eq!(network.server.error_kinds(), [ErrorKind::UnknownPskIdentity; 2]);
}

#[test]
fn the_owner_of_one_key_cannot_appear_as_another() {
    let mut network = Network::new(psk_server());
    network.keys = [(b"bob".to_vec(), b"bob's key".to_vec()), (b"alice".to_vec(), b"alice's key".to_vec())].into();
    network.connect(&psk_client_with(&[], b"alice", b"bob's key"));
    network.settle();
    assert!(network.server.secured().is_empty());
    assert_eq!(network.server.error_kinds(), [ErrorKind::WrongPsk]);
}

#[test]
fn known_keys_are_found_without_asking() {
    let everybody = KnownKeys::ForEverybody(Zeroizing::new(KEY.to_vec()));
    let one = KnownKeys::ByIdentity([(IDENTITY.to_vec(), Zeroizing::new(KEY.to_vec()))].into());
    for keys in [everybody, one] {
        let mut network = Network::new(psk_server());
        network.answers_at_once = false;
        network.server.endpoint.know_keys(keys);
        network.connect(&psk_client(&[]));
        network.settle();
        assert_eq!(confirmed_identity(&network).as_deref(), Some(IDENTITY));
        assert!(network.open_lookups.is_empty());
    }
}

#[test]
fn an_identity_without_a_known_key_fails_like_one_that_the_application_does_not_know() {
    let asked = |known: bool| {
        let mut network = Network::new(psk_server());
        network.keys.clear();
        if known {
            network.server.endpoint.know_keys(KnownKeys::ByIdentity(HashMap::new()));
        }
        network.connect(&psk_client(&[]));
        network.run_for(Duration::from_secs(300));
        let reasons: Vec<String> =
            network.server.closes().chain(network.clients[0].closes()).map(|reason| format!("{reason:?}")).collect();
        (reasons, network.wire.len())
    };
    assert_eq!(asked(true), asked(false));
}

#[test]
fn records_of_the_newer_version_are_not_kept_for_a_handshake_of_the_older_one_that_waits() {
    let mut network = Network::new(psk_server());
    network.answers_at_once = false;
    network.connect(&psk_client(&[]));
    network.settle();
    let client = network.clients[0].address;
    let dropped = |network: &Network| network.server.endpoint.counters().drops(DropReason::Unexpected);
    for start in [&[0x2e, 0, 9, 0, 30][..], &[26, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 30]] {
        let before = dropped(&network);
        network.inject(client, SERVER, &[start, &[7; 30]].concat());
        assert_eq!(dropped(&network), before + 1, "{start:?}");
    }
    let (question, _) = network.open_lookups.remove(0);
    assert!(network.answer(question, Some(KEY)));
    network.settle();
    assert_eq!(network.server.secured().len(), 1);
}
