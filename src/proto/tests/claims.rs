//! Who a peer whose handshake has failed says it is, so that somebody can look for it.

use super::certificates::issuer;
use super::jobs::{credentials, mutual_configs_with};
use super::network::*;
use crate::proto::CloseReason;
use crate::tls::{Claim, ClientConfig, PeerAuthentication, ServerConfig};
use crate::wire::PublicKey;
use rcgen::{KeyPair, PublicKeyData};
use std::time::Duration;

fn claim(peer: &Peer) -> Option<Claim> {
    peer.closes().find_map(|(_, reason)| match reason {
        CloseReason::Error(error) => error.claim.as_deref().cloned(),
        _ => None,
    })
}

fn identity(name: &[u8]) -> Option<Claim> {
    Some(Claim { psk_identity: Some(name.to_vec()), ..Claim::default() })
}

#[test]
fn an_unknown_identity_and_one_with_a_wrong_key_are_named() {
    for (name, key, kind) in
        [(&b"stranger"[..], KEY, ErrorKind::UnknownPskIdentity), (IDENTITY, b"not the key", ErrorKind::WrongPsk)]
    {
        let mut network = Network::new(psk_server());
        network.connect(&psk_client_with(&[], name, key));
        network.settle();
        assert_eq!(network.server.error_kinds(), [kind]);
        assert_eq!(claim(&network.server), identity(name));
        // A client hears nothing of its server's identity, for there is none.
        assert_eq!(claim(&network.clients[0]), None);
    }
}

#[test]
fn an_identity_is_named_when_its_look_up_fails_and_when_it_takes_too_long() {
    let mut network = Network::new(psk_server());
    network.answers_at_once = false;
    network.connect(&psk_client(&[]));
    network.settle();
    let (lookup, _) = network.open_lookups.remove(0);
    fail(&mut network.server.endpoint, network.now, lookup, "database is down");
    network.settle();
    assert_eq!(claim(&network.server), identity(IDENTITY));

    let mut network = Network::new(psk_server());
    network.answers_at_once = false;
    network.connect(&psk_client(&[]));
    network.run_for(Duration::from_secs(121));
    assert_eq!(network.server.error_kinds(), [ErrorKind::HandshakeTimeout]);
    assert_eq!(claim(&network.server), identity(IDENTITY));
}

#[test]
fn certificates_that_are_refused_are_shown_on_either_side() {
    let (own, theirs) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let (ours, others) = (issuer(), issuer());
    let (trusting_server, foreign_client) = (mutual_configs_with(&own, &theirs, &ours, false).0, {
        let server = PeerAuthentication { leaves_name: true, ..PeerAuthentication::lenient() };
        ClientConfig::new(&settings(&[]), None, Some(server), Some(credentials(&theirs, &others))).unwrap()
    });
    let mut network = Network::new(trusting_server);
    network.connect(&foreign_client);
    network.settle();
    let refused = ErrorKind::Certificate(CertificateFault::UnknownIssuer);
    assert_eq!(network.server.error_kinds(), [refused]);
    assert!(claim(&network.server).unwrap().certificate.unwrap().starts_with(&[0x30, 0x82]));

    let (server, _) = mutual_configs_with(&own, &theirs, &ours, false);
    let (_, client) = mutual_configs_with(&own, &theirs, &others, false);
    let mut network = Network::new(server);
    network.connect(&client);
    network.settle();
    assert_eq!(network.clients[0].error_kinds(), [refused]);
    assert!(claim(&network.clients[0]).unwrap().certificate.is_some());
}

#[test]
fn a_raw_public_key_that_is_refused_is_shown() {
    let (own, theirs) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let raw = |pair: &KeyPair| PublicKey::recognise(&pair.subject_public_key_info()).unwrap();
    let pinned = |key: PublicKey| PeerAuthentication {
        public_keys: Some(vec![key]),
        required: true,
        ..PeerAuthentication::lenient()
    };
    let credential = crate::tls::Credentials::parse_raw(own.serialize_pem().as_bytes(), None).unwrap();
    let server = ServerConfig::new(&settings(&[]), Some(credential), false, None).unwrap();
    let client = ClientConfig::new(&settings(&[]), None, Some(pinned(raw(&theirs))), None).unwrap();
    let mut network = Network::new(server);
    network.connect(&client);
    network.settle();
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::PeerKeyMismatch]);
    let key = Some(raw(&own).der().to_vec());
    assert_eq!(claim(&network.clients[0]), Some(Claim { public_key: key, ..Claim::default() }));
}
