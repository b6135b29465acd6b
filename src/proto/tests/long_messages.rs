//! Handshake messages at the limit of what there is room for, and beyond.

use super::certificates::{Issuer, issuer, leaf, verifying_client};
use super::network::*;
use crate::proto::CloseReason;
use crate::tls::{
    ClientConfig, ConfigError, Credentials, PeerAuthentication, ServerConfig, Settings, TrustAnchors, Wishes,
};
use crate::wire::Records;
use crate::wire::alert::ILLEGAL_PARAMETER;
use rcgen::{BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use std::sync::Arc;

/// Bytes of a message behind its header.
const LIMIT: usize = 16_384 - 12;

const CERTIFICATE: u8 = 11;
const CERTIFICATE_REQUEST: u8 = 13;

/// Credentials whose Certificate message has about so many bytes: 16 fewer at most, and never more.
fn credentials(issuer: &Issuer, length: usize) -> Result<Credentials, ConfigError> {
    let key = KeyPair::generate().unwrap();
    let certificate = |filling: usize| {
        let mut params = leaf("localhost");
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
        params.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 99], vec![5; filling])];
        params.signed_by(&key, issuer).unwrap()
    };
    // A signature has up to eight bytes more or less.
    let beside = certificate(10_000).der().len() - 10_000 + 8;
    let certificate = certificate(length - 6 - beside);
    Credentials::parse(key.serialize_pem().as_bytes(), None, &[certificate.pem()])
}

/// Authorities of the client's, as many as told, among them its issuer.
fn authorities(issuer: &Issuer, count: usize) -> Vec<String> {
    let other = |number: usize| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("An authority of many, and this is number {number}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    };
    (1..count).map(other).chain([issuer.pem()]).collect()
}

fn asking_server(own: Credentials, authorities: &[String]) -> ServerConfig {
    naming_server(own, authorities, None).unwrap()
}

/// `wish`: whether the authorities are named.
fn naming_server(own: Credentials, authorities: &[String], wish: Option<bool>) -> Result<ServerConfig, ConfigError> {
    let clients = PeerAuthentication {
        trust_anchors: Some(Arc::new(TrustAnchors::parse(authorities).unwrap())),
        required: true,
        ..PeerAuthentication::lenient()
    };
    let wishes = Wishes { name_authorities: wish, ..Wishes::default() };
    ServerConfig::new(&Settings { wishes, ..settings(&[]) }, Some(own), false, Some(clients))
}

fn client_with(own: Credentials, issuer: &Issuer) -> ClientConfig {
    let server = PeerAuthentication {
        trust_anchors: Some(Arc::new(TrustAnchors::parse(&[issuer.pem()]).unwrap())),
        servername: Some("localhost".to_owned()),
        required: true,
        ..PeerAuthentication::lenient()
    };
    ClientConfig::new(&settings(&[]), None, Some(server), Some(own)).unwrap()
}

/// The body of the first message of this type that the server has sent, put together from its fragments.
fn sent_by_server(network: &Network, kind: u8) -> Vec<u8> {
    let from_server = network.wire.iter().filter(|(from, ..)| *from == SERVER);
    let records: Vec<_> = from_server.flat_map(|(.., datagram)| Records::new(datagram)).collect();
    let fragments = records.iter().filter(|record| record.epoch == 0 && record.fragment().first() == Some(&kind));
    let mut body = Vec::new();
    for fragment in fragments.map(|record| record.fragment()) {
        let offset = usize::from(fragment[6]) << 16 | usize::from(fragment[7]) << 8 | usize::from(fragment[8]);
        if offset == body.len() {
            body.extend_from_slice(&fragment[12..]);
        }
    }
    body
}

/// How many authorities a CertificateRequest names (RFC 5246 section 7.4.4).
fn named(request: &[u8]) -> usize {
    let types = 1 + usize::from(request[0]);
    let algorithms = types + 2 + usize::from(u16::from_be_bytes([request[types], request[types + 1]]));
    let mut list = &request[algorithms + 2..];
    let mut count = 0;
    while let [high, low, rest @ ..] = list {
        list = &rest[usize::from(u16::from_be_bytes([*high, *low]))..];
        count += 1;
    }
    count
}

#[test]
fn chains_that_fill_a_message_get_through_on_both_sides_and_beside_as_many_authorities() {
    for jobs in [0, 4] {
        let issuer = issuer();
        let server = asking_server(credentials(&issuer, LIMIT).unwrap(), &authorities(&issuer, 278));
        let mut network = Network::with_jobs(server, jobs);
        network.runs_jobs_at_once = jobs == 0;
        network.connect(&client_with(credentials(&issuer, LIMIT).unwrap(), &issuer));
        // Whole flights arrive while a thread is at work.
        loop {
            network.settle();
            if network.open_jobs.is_empty() {
                break;
            }
            network.run_job(0);
        }
        assert_eq!(network.server.secured().len(), 1, "{:?} {:?}", network.server.log, network.clients[0].log);
        assert!(sent_by_server(&network, CERTIFICATE).len() > LIMIT - 32);
        let request = sent_by_server(&network, CERTIFICATE_REQUEST);
        assert!(request.len() > LIMIT - 256, "{}", request.len());
        assert_eq!(network.clients[0].endpoint.counters().records_dropped, 0);
        // No flight had to be repeated.
        let hellos = network.wire.iter().filter(|(from, _, sent)| *from == SERVER && sent[13] == 2);
        assert_eq!(hellos.count(), 1);
    }
}

#[test]
fn a_chain_that_no_message_has_room_for_is_refused_at_the_call() {
    let error = credentials(&issuer(), LIMIT + 40).err().unwrap();
    let ConfigError::ChainTooLong { length, limit } = error else { panic!("{error:?}") };
    assert_eq!(limit, LIMIT);
    assert!((LIMIT + 1..=LIMIT + 40).contains(&length));
}

#[test]
fn a_server_names_all_authorities_or_none() {
    let issuer = issuer();
    for (count, expected) in [(1, 1), (150, 150), (301, 0)] {
        let server = asking_server(credentials(&issuer, 12_000).unwrap(), &authorities(&issuer, count));
        let mut network = Network::new(server);
        network.connect(&client_with(credentials(&issuer, 12_000).unwrap(), &issuer));
        network.settle();
        assert_eq!(network.server.secured().len(), 1);
        assert_eq!(named(&sent_by_server(&network, CERTIFICATE_REQUEST)), expected);
    }
}

#[test]
fn a_server_that_was_told_to_names_none_of_its_authorities_and_asks_for_certificates_all_the_same() {
    let issuer = issuer();
    for (wish, expected) in [(Some(true), 2), (Some(false), 0)] {
        let own = credentials(&issuer, 12_000).unwrap();
        let mut network = Network::new(naming_server(own, &authorities(&issuer, 2), wish).unwrap());
        network.connect(&client_with(credentials(&issuer, 12_000).unwrap(), &issuer));
        network.settle();
        assert_eq!(network.server.secured().len(), 1);
        assert_eq!(named(&sent_by_server(&network, CERTIFICATE_REQUEST)), expected);
    }
}

#[test]
fn a_server_that_must_name_all_authorities_is_refused_where_a_message_has_no_room_for_them() {
    let issuer = issuer();
    let own = credentials(&issuer, 12_000).unwrap();
    let error = naming_server(own, &authorities(&issuer, 301), Some(true)).err().unwrap();
    let ConfigError::TooManyAuthorities { length, limit } = error else { panic!("{error:?}") };
    assert_eq!(limit, LIMIT);
    assert!(length > LIMIT, "{length}");
}

#[test]
fn a_message_that_there_is_no_room_for_ends_the_handshake_at_its_first_fragment() {
    let mut network = Network::new(psk_server());
    network.connect(&verifying_client(&[], &issuer().pem(), "localhost"));
    network.drop_in_flight();
    let client = network.clients[0].address;
    // The first 100 bytes of a Certificate message with 16373.
    let mut fragment =
        vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 112, CERTIFICATE, 0, 0x3f, 0xf5, 0, 2, 0, 0, 0, 0, 0, 100];
    fragment.extend_from_slice(&[0; 100]);
    network.inject(SERVER, client, &fragment);
    let closes: Vec<_> = network.clients[0].closes().collect();
    let [(_, CloseReason::Error(error))] = closes.as_slice() else { panic!("{closes:?}") };
    assert_eq!((error.kind, error.alert), (ErrorKind::MessageTooLong, Some(ILLEGAL_PARAMETER)));
    assert!(error.to_string().contains("16373") && error.to_string().contains("16372"), "{error}");
}

#[test]
fn a_message_that_there_is_no_room_for_does_not_disturb_an_established_connection() {
    let mut network = Network::connected();
    let client = network.clients[0].address;
    let fragment =
        [&[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 13, CERTIFICATE, 0, 0x7f, 0xff, 0, 2, 0, 0, 0, 0, 0, 1, 0][..]];
    network.inject(SERVER, client, &fragment.concat());
    network.inject(client, SERVER, &fragment.concat());
    network.send_from_client(0, b"alive");
    network.settle();
    assert_eq!(network.server.payloads(), [b"alive"]);
}
