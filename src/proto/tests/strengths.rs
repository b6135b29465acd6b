//! Keys of authorities and of our own that are strong enough, and keys that are not; and each hash that an RSA key signs.
//!
//! What `rcgen` does not make was made with OpenSSL, and is in `keys/`: it is valid until 2126.

use super::certificates::{issuer, leaf, verifying_client};
use super::network::*;
use crate::tls::{ConfigError, Credentials, ServerConfig, Settings, Wishes};
use rcgen::KeyPair;

const LEAF: &str = include_str!("keys/leaf.key.pem");

fn server_with(certificate: &str) -> ServerConfig {
    let credentials = Credentials::parse(LEAF.as_bytes(), None, &[certificate]).unwrap();
    ServerConfig::new(&settings(&[]), Some(credentials), false, None).unwrap()
}

/// What a client says of a server whose certificate this authority has signed.
fn verdict(certificate: &str, authority: &str) -> Vec<ErrorKind> {
    let mut network = Network::new(server_with(certificate));
    network.connect(&verifying_client(&[], authority, "localhost"));
    network.settle();
    network.clients[0].error_kinds()
}

/// NIST SP 800-57: 224 bits are as strong as 2048 of RSA.
#[cfg(feature = "aws-lc")]
#[test]
fn an_authority_may_have_a_key_of_224_bits() {
    assert_eq!(verdict(include_str!("keys/p224-leaf.pem"), include_str!("keys/p224-ca.pem")), []);
}

#[test]
fn an_authority_must_not_have_a_key_of_192_bits() {
    let refusals = verdict(include_str!("keys/p192-leaf.pem"), include_str!("keys/p192-ca.pem"));
    assert!(matches!(refusals[..], [ErrorKind::Certificate(_)]), "{refusals:?}");
}

#[test]
fn an_own_key_is_on_a_curve_that_peers_take() {
    let key = include_bytes!("keys/secp256k1.key.pem");
    let refused = Credentials::parse(key, None, &[include_str!("keys/secp256k1.pem")]).err();
    assert_eq!(refused, Some(ConfigError::UnacceptableKey));
    assert_eq!(Credentials::parse_raw(key, None).err(), Some(ConfigError::UnacceptableKey));
}

/// Nothing but a certificate can say that it is good enough.
#[test]
fn an_own_rsa_key_that_is_short_is_presented_in_a_certificate_alone() {
    let key = include_bytes!("keys/rsa-1024.key.pem");
    assert!(Credentials::parse(key, None, &[include_str!("keys/rsa-1024.pem")]).is_ok());
    assert_eq!(Credentials::parse_raw(key, None).err(), Some(ConfigError::UnacceptableKey));
}

#[test]
fn an_rsa_key_signs_with_each_hash() {
    let (issuer, key) = (issuer(), KeyPair::from_pem(include_str!("keys/rsa-2048.key.pem")).unwrap());
    let certificate = leaf("localhost").signed_by(&key, &issuer).unwrap().pem();
    for (name, number) in [("RSA+SHA256", 0x0401), ("RSA+SHA384", 0x0501), ("RSA+SHA512", 0x0601)] {
        let credentials = Credentials::parse(key.serialize_pem().as_bytes(), None, &[&certificate]).unwrap();
        let wishes = Wishes { signature_algorithms: Some(vec![name.to_owned()]), ..Wishes::default() };
        let server = ServerConfig::new(&Settings { wishes, ..settings(&[]) }, Some(credentials), false, None).unwrap();
        let mut network = Network::new(server);
        network.connect(&verifying_client(&[], &issuer.pem(), "localhost"));
        network.settle();
        assert_eq!(network.clients[0].error_kinds(), [], "{name}");
        let algorithms = network.server.endpoint.algorithms(network.server.secured()[0]).unwrap();
        assert_eq!(algorithms.signatures.numbers().collect::<Vec<_>>(), [number], "{name}");
    }
}

#[cfg(feature = "aws-lc")]
#[test]
fn an_authority_may_have_a_key_on_ed25519_unless_other_signatures_are_named() {
    let issuer = super::certificates::issuer_with(KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap());
    let certificate = leaf("localhost").signed_by(&KeyPair::from_pem(LEAF).unwrap(), &issuer).unwrap().pem();
    assert_eq!(verdict(&certificate, &issuer.pem()), []);
    let names = Some(vec!["ECDSA+SHA256".to_owned()]);
    let wishes = Wishes { signature_algorithms: names, ..Wishes::default() };
    let mut network = Network::new(server_with(&certificate));
    let settings = Settings { wishes, ..settings(&[]) };
    network.connect(&super::certificates::verifying_client_with(&settings, &issuer.pem(), "localhost"));
    network.settle();
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::Certificate(CertificateFault::Weak)]);
}
