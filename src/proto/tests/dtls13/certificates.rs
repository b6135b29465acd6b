//! Servers that prove who they are with a certificate, or with a raw public key.

use super::*;
use crate::proto::tests::certificates::{Issuer, ca_signed_server_with, issuer, leaf, verifying_client_with};
use crate::tls::{CertificateFault, Credentials, PeerAuthentication, TrustAnchors};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384};
use std::sync::Arc;
use std::time::Duration;

pub(super) fn trusting(issuer: &Issuer, servername: Option<&str>) -> PeerAuthentication {
    PeerAuthentication {
        trust_anchors: Some(Arc::new(TrustAnchors::parse(&[issuer.pem()]).unwrap())),
        servername: servername.map(str::to_owned),
        required: true,
        ..PeerAuthentication::lenient()
    }
}

pub(super) fn credentials(key: &KeyPair, issuer: &Issuer) -> Credentials {
    crate::proto::tests::jobs::credentials(key, issuer)
}

fn only() -> Settings {
    settings_of(ONLY, &[], &[])
}

/// A server for `localhost`, and a client that trusts its issuer.
fn pair_of(settings: &Settings) -> (ServerConfig, ClientConfig) {
    let (server, ca) = ca_signed_server_with(settings, "localhost");
    (server, verifying_client_with(settings, &ca, "localhost"))
}

fn run(server: ServerConfig, client: &ClientConfig) -> Network {
    let mut network = Network::new(server);
    network.connect(client);
    network.settle();
    network
}

fn outcome(network: &Network) -> (Vec<ErrorKind>, Vec<ErrorKind>) {
    (network.server.error_kinds(), network.clients[0].error_kinds())
}

const NO_ERRORS: (Vec<ErrorKind>, Vec<ErrorKind>) = (Vec::new(), Vec::new());

#[test]
fn a_client_knows_its_server_by_a_chain_with_every_suite_and_group() {
    for suite in names(Suite::all_of_dtls13()) {
        let (server, client) = pair_of(&settings_of(ONLY, &[suite], &[]));
        let mut network = run(server, &client);
        assert_eq!(outcome(&network), NO_ERRORS, "{suite}");
        assert_eq!(network.server.suite().unwrap().name(), suite);
        talk(&mut network);
    }
    for curve in ["X25519", "P-256", "P-384"] {
        let (server, client) = pair_of(&settings_of(ONLY, &[], &[curve]));
        let mut network = run(server, &client);
        assert_eq!(outcome(&network), NO_ERRORS, "{curve}");
        talk(&mut network);
    }
}

#[test]
fn keys_of_every_kind_sign() {
    let issuer = issuer();
    let stored = |text: &str| KeyPair::from_pem(text).ok();
    let keys = [
        KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).ok(),
        KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).ok(),
        stored(include_str!("../keys/rsa-2048.key.pem")),
    ];
    for key in keys.into_iter().flatten() {
        let server = ServerConfig::new(&only(), Some(credentials(&key, &issuer)), false, None).unwrap();
        let client = ClientConfig::new(&only(), None, Some(trusting(&issuer, Some("localhost"))), None).unwrap();
        let mut network = run(server, &client);
        assert_eq!(outcome(&network), NO_ERRORS);
        talk(&mut network);
    }
}

#[test]
fn a_name_that_is_not_in_the_certificate_and_an_issuer_that_is_unknown_are_refused() {
    let (server, ca) = ca_signed_server_with(&only(), "localhost");
    let network = run(server, &verifying_client_with(&only(), &ca, "other.test"));
    let refused = ErrorKind::Certificate(CertificateFault::WrongName);
    assert_eq!(outcome(&network), (vec![ErrorKind::AlertReceived], vec![refused]));
    let (server, _) = ca_signed_server_with(&only(), "localhost");
    let network = run(server, &verifying_client_with(&only(), &issuer().pem(), "localhost"));
    let refused = ErrorKind::Certificate(CertificateFault::UnknownIssuer);
    assert_eq!(outcome(&network), (vec![ErrorKind::AlertReceived], vec![refused]));
}

#[test]
fn what_a_server_has_shown_is_told_with_the_error() {
    let (server, _) = ca_signed_server_with(&only(), "localhost");
    let network = run(server, &verifying_client_with(&only(), &issuer().pem(), "localhost"));
    let claims = network.clients[0].closes().filter_map(|(_, reason)| match reason {
        crate::proto::CloseReason::Error(error) => error.claim.as_ref()?.certificate.clone(),
        _ => None,
    });
    assert_eq!(claims.count(), 1);
}

#[test]
fn an_expired_certificate_is_refused_by_the_same_code_as_in_the_older_version() {
    let issuer = issuer();
    let mut params = leaf("localhost");
    params.not_after = rcgen::date_time_ymd(2001, 1, 1);
    params.not_before = rcgen::date_time_ymd(2000, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    for versions in [ONLY, Versions { oldest: Version::Dtls12, newest: Version::Dtls12 }] {
        let settings = settings_of(versions, &[], &[]);
        let own = Credentials::parse(key.serialize_pem().as_bytes(), None, &[certificate.pem()]).unwrap();
        let server = ServerConfig::new(&settings, Some(own), false, None).unwrap();
        let network = run(server, &verifying_client_with(&settings, &issuer.pem(), "localhost"));
        let refused = ErrorKind::Certificate(CertificateFault::Expired);
        assert_eq!(network.clients[0].error_kinds(), [refused]);
    }
}

#[test]
fn a_client_that_requires_nothing_is_told_what_is_wrong_with_the_server() {
    let (server, _) = ca_signed_server_with(&only(), "localhost");
    let anybody = PeerAuthentication { required: false, ..trusting(&issuer(), Some("localhost")) };
    let client = ClientConfig::new(&only(), None, Some(anybody), None).unwrap();
    let mut network = run(server, &client);
    assert_eq!(outcome(&network), NO_ERRORS);
    let authorization = network.clients[0].log.iter().find_map(|event| match event {
        crate::proto::Event::Secure { terms, .. } => Some(terms.authorization),
        _ => None,
    });
    let fault = ErrorKind::Certificate(CertificateFault::UnknownIssuer);
    assert_eq!(authorization, Some(crate::tls::Authorization::Refused(fault)));
    talk(&mut network);
}

#[test]
fn the_question_about_the_server_comes_when_it_has_proved_its_key() {
    for accepted in [true, false] {
        let (server, _) = ca_signed_server_with(&only(), "localhost");
        let asks = PeerAuthentication { asks: true, required: false, ..trusting(&issuer(), None) };
        let client = ClientConfig::new(&only(), None, Some(asks), None).unwrap();
        let mut network = run(server, &client);
        let (address, question, _) = network.open_verifications.remove(0);
        network.run_for(Duration::from_secs(5));
        assert!(network.clients[0].secured().is_empty());
        assert!(network.answer_peer(address, question, accepted));
        network.settle();
        if accepted {
            assert_eq!(outcome(&network), NO_ERRORS);
            talk(&mut network);
        } else {
            assert_eq!(outcome(&network), (vec![ErrorKind::AlertReceived], vec![ErrorKind::PeerRefused]));
        }
    }
}

#[test]
fn a_server_with_keys_of_both_kinds_serves_clients_of_both() {
    let issuer = issuer();
    let own = || Some(credentials(&KeyPair::generate().unwrap(), &issuer));
    let by_chain = ClientConfig::new(&only(), None, Some(trusting(&issuer, Some("localhost"))), None).unwrap();
    let psk = || Some(ClientPsk::new(IDENTITY, KEY).unwrap());
    let by_either = ClientConfig::new(&only(), psk(), Some(trusting(&issuer, Some("localhost"))), None).unwrap();
    for (client, identity) in [(by_chain, None), (client(), Some(IDENTITY)), (by_either, Some(IDENTITY))] {
        let mut network = run(ServerConfig::new(&only(), own(), true, None).unwrap(), &client);
        assert_eq!(outcome(&network), NO_ERRORS);
        assert_eq!(identities(&network), [identity]);
        talk(&mut network);
    }
}

/// By which keys clients have authenticated themselves, as the server says.
fn identities(network: &Network) -> Vec<Option<&[u8]>> {
    let log = network.server.log.iter();
    log.filter_map(|event| match event {
        crate::proto::Event::Secure { psk_identity, .. } => Some(psk_identity.as_deref()),
        _ => None,
    })
    .collect()
}

#[test]
fn a_client_whose_identity_nobody_knows_is_served_with_a_certificate_if_it_takes_one() {
    let issuer = issuer();
    let own = credentials(&KeyPair::generate().unwrap(), &issuer);
    let psk = Some(ClientPsk::new(b"nobody", KEY).unwrap());
    let client = ClientConfig::new(&only(), psk, Some(trusting(&issuer, Some("localhost"))), None).unwrap();
    let mut network = run(ServerConfig::new(&only(), Some(own), true, None).unwrap(), &client);
    assert_eq!(outcome(&network), NO_ERRORS);
    assert_eq!(identities(&network), [None]);
    talk(&mut network);
}

#[test]
fn a_client_that_trusts_a_key_alone_does_not_take_a_certificate_and_the_reverse() {
    let issuer = issuer();
    let own = credentials(&KeyPair::generate().unwrap(), &issuer);
    let network = run(ServerConfig::new(&only(), Some(own), false, None).unwrap(), &client());
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::AlertReceived]);
    let by_chain = ClientConfig::new(&only(), None, Some(trusting(&issuer, Some("localhost"))), None).unwrap();
    let network = run(ServerConfig::new(&only(), None, true, None).unwrap(), &by_chain);
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::AlertReceived]);
}

#[test]
fn the_context_of_the_name_proves_who_the_server_is() {
    let issuer = issuer();
    let named = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let certificate = leaf(name).signed_by(&key, &issuer).unwrap();
        let own = Credentials::parse(key.serialize_pem().as_bytes(), None, &[certificate.pem()]).unwrap();
        ServerConfig::new(&only(), Some(own), false, None).unwrap()
    };
    let mut network = Network::new(named("a.test"));
    let pattern = crate::proto::NamePattern::new("b.test");
    network.server.endpoint.add_context(pattern, Arc::new(named("b.test")));
    for name in ["a.test", "b.test"] {
        network.connect(&ClientConfig::new(&only(), None, Some(trusting(&issuer, Some(name))), None).unwrap());
    }
    network.settle();
    for client in &network.clients {
        assert_eq!(client.error_kinds(), []);
        assert_eq!(client.secured().len(), 1);
    }
}

#[test]
fn with_certificates_handshakes_complete_whatever_is_lost() {
    let weather = Weather { loss: 10, duplication: 20, jitter: Duration::from_millis(50) };
    let settings = only();
    let (server, client) = pair_of(&settings);
    let mut network = Network::new(server);
    network.weather = weather;
    for _ in 0..60 {
        network.connect(&client);
    }
    network.run_for(Duration::from_secs(100));
    assert_eq!(network.server.secured().len(), 60);
    assert!(network.clients.iter().all(|client| client.secured().len() == 1));
    let before = network.wire.len();
    network.run_for(Duration::from_secs(3600));
    assert!(network.wire.len() - before < 60, "something is repeated for ever");
}

#[test]
fn a_client_that_is_asked_who_it_is_and_has_no_key_goes_on_with_certificates() {
    let (server, ca) = ca_signed_server_with(&only(), "localhost");
    let by_chain = PeerAuthentication {
        trust_anchors: Some(Arc::new(TrustAnchors::parse(&[ca]).unwrap())),
        ..trusting(&issuer(), Some("localhost"))
    };
    let mut network = Network::new(server);
    network.own_psk = None;
    network.connect(&ClientConfig::asking_for_psk(&only(), Some(by_chain), None).unwrap());
    network.settle();
    assert_eq!(outcome(&network), NO_ERRORS);
    talk(&mut network);
}

/// Bytes of a client's hellos, each in as many datagrams as it needs.
fn hello_lengths(network: &Network) -> Vec<usize> {
    let address = network.clients[0].address;
    let hellos = sent_by(network, address).into_iter().filter(|datagram| datagram.starts_with(&[22, 254, 253, 0, 0]));
    hellos.map(|hello| hello.len()).collect()
}

#[test]
fn the_post_quantum_group_comes_first_with_certificates_and_with_a_key_only_by_its_name() {
    let (server, client_of_chain) = pair_of(&only());
    let network = run(server, &client_of_chain);
    let lengths = hello_lengths(&network);
    // The first is in one datagram; the second, with the public value of 1,216 bytes, is in two.
    assert_eq!(lengths.len(), 3, "{lengths:?}");
    assert!(lengths[0] < 400 && lengths[1] + lengths[2] > 1216, "{lengths:?}");
    assert_eq!(hello_lengths(&connected()).len(), 2);
    let named = settings_of(ONLY, &[], &["X25519MLKEM768"]);
    let network = run(server_of(&named), &client_of(&named, IDENTITY, KEY));
    assert_eq!((outcome(&network), hello_lengths(&network).len()), (NO_ERRORS, 3));
}

#[test]
fn the_answer_to_the_first_hello_has_fewer_bytes_than_that_with_certificates_too() {
    let (server, client) = pair_of(&only());
    let network = run(server, &client);
    let (first, retry) = (network.wire[0].2.len(), network.wire[1].2.len());
    assert!(retry < first, "{retry} for {first}");
}
