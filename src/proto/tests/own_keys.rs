//! A server with an RSA key and an EC key: the suite decides which of them a client is shown.

use super::certificates::{Issuer, issuer, leaf, verifying_client};
use super::network::*;
use crate::tls::{ClientConfig, ConfigError, Credentials, PeerAuthentication, ServerConfig};
use crate::wire::PublicKey;
use rcgen::{KeyPair, PublicKeyData};
use std::time::Duration;

const SUITE_OF_EC: &str = "ECDHE-ECDSA-AES128-GCM-SHA256";
const SUITE_OF_RSA: &str = "ECDHE-RSA-AES128-GCM-SHA256";

fn ec() -> KeyPair {
    KeyPair::generate().unwrap()
}

fn rsa() -> KeyPair {
    KeyPair::from_pem(include_str!("keys/rsa-2048.key.pem")).unwrap()
}

fn pems(keys: &[&KeyPair]) -> Vec<String> {
    keys.iter().map(|key| key.serialize_pem()).collect()
}

/// DER.
fn certificates(keys: &[&KeyPair], issuer: &Issuer) -> Vec<Vec<u8>> {
    keys.iter().map(|key| leaf("localhost").signed_by(*key, issuer).unwrap().der().to_vec()).collect()
}

fn server(keys: &[&KeyPair], certificates: Option<&[Vec<u8>]>) -> ServerConfig {
    let credentials = Credentials::parse_several(&pems(keys), certificates).unwrap();
    ServerConfig::new(&settings(&[]), Some(credentials), false, None).unwrap()
}

fn refusal(keys: &[&KeyPair], certificates: &[Vec<u8>]) -> Option<ConfigError> {
    Credentials::parse_several(&pems(keys), Some(certificates)).err()
}

#[test]
fn each_client_is_shown_the_certificate_of_its_suite_awake_and_asleep() {
    let (issuer, ec, rsa) = (issuer(), ec(), rsa());
    let chains = certificates(&[&rsa, &ec], &issuer);
    for (suite, key, index) in [(SUITE_OF_EC, &ec, 1), (SUITE_OF_RSA, &rsa, 0)] {
        // The certificates are in another order than their keys.
        let mut network = Network::new(server(&[&ec, &rsa], Some(&chains)));
        network.connect(&verifying_client(&[suite], &issuer.pem(), "localhost"));
        network.settle();
        assert_eq!(network.clients[0].peer_keys(), [Some(key.subject_public_key_info())], "{suite}");
        let shown = Some(chains[index].as_slice());
        let handle = network.server.secured()[0];
        assert_eq!(network.server.endpoint.own_certificate(handle), shown, "{suite}");
        network.run_for(Duration::from_secs(6));
        assert_eq!(network.server.endpoint.sleepers(), 1);
        assert_eq!(network.server.endpoint.own_certificate(handle), shown, "{suite}");
    }
}

#[test]
fn each_client_is_shown_the_raw_public_key_of_its_suite() {
    let (ec, rsa) = (ec(), rsa());
    for (suite, key) in [(SUITE_OF_EC, &ec), (SUITE_OF_RSA, &rsa)] {
        let der = key.subject_public_key_info();
        let pinned = PeerAuthentication {
            public_keys: Some(vec![PublicKey::recognise(&der).unwrap()]),
            required: true,
            ..PeerAuthentication::lenient()
        };
        let mut network = Network::new(server(&[&ec, &rsa], None));
        network.connect(&ClientConfig::new(&settings(&[suite]), None, Some(pinned), None).unwrap());
        network.settle();
        assert_eq!(network.clients[0].error_kinds(), [], "{suite}");
        assert_eq!(network.clients[0].peer_keys(), [Some(der)], "{suite}");
    }
}

#[test]
fn keys_that_are_of_one_kind_or_have_no_certificate_are_refused() {
    let (issuer, one, other, rsa) = (issuer(), ec(), ec(), rsa());
    let chains = certificates(&[&one, &other], &issuer);
    assert_eq!(refusal(&[&one, &other], &chains), Some(ConfigError::KeysOfOneKind));
    assert_eq!(refusal(&[&one, &rsa], &chains), Some(ConfigError::KeyWithoutCertificate { index: 1 }));
    let unreadable = [chains[0].clone(), b"garbage".to_vec()];
    assert_eq!(refusal(&[&one, &rsa], &unreadable), Some(ConfigError::UnreadableCertificate { index: 1 }));
}

/// As in DTLS 1.2, whose suites have this order.
#[cfg(feature = "aws-lc")]
#[test]
fn in_the_newer_version_a_client_that_takes_both_keys_is_shown_the_one_that_costs_less() {
    use super::certificates::verifying_client_with;
    use crate::tls::{Settings, Version, Versions, Wishes};
    let versions = Versions { oldest: Version::Dtls13, newest: Version::Dtls13 };
    let only = |names: Option<&str>| {
        let signature_algorithms = names.map(|name| vec![name.to_owned()]);
        Settings { wishes: Wishes { versions, signature_algorithms, ..Wishes::default() }, ..settings(&[]) }
    };
    let (issuer, ec, rsa) = (issuer(), ec(), rsa());
    let chains = certificates(&[&rsa, &ec], &issuer);
    for keys in [[&rsa, &ec], [&ec, &rsa]] {
        for (accepts, shown) in [(None, &ec), (Some("ECDSA+SHA256"), &ec)] {
            let credentials = Credentials::parse_several(&pems(&keys), Some(&chains)).unwrap();
            let mut network = Network::new(ServerConfig::new(&only(None), Some(credentials), false, None).unwrap());
            network.connect(&verifying_client_with(&only(accepts), &issuer.pem(), "localhost"));
            network.settle();
            assert_eq!(network.clients[0].error_kinds(), [], "{accepts:?}");
            assert_eq!(network.clients[0].peer_keys(), [Some(shown.subject_public_key_info())], "{accepts:?}");
        }
    }
}
