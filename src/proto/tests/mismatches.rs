//! What two sides that have nothing in common are told, and what they are not to stumble over.

use super::certificates::{ca_signed_server_with, verifying_client, verifying_client_with};
use super::jobs::mutual_configs_with;
use super::network::*;
use crate::tls::{ClientConfig, ClientPsk, ServerConfig, Settings, Wishes};
use rcgen::KeyPair;

fn groups(names: &[&str]) -> Settings {
    let curves = Some(names.iter().map(|&name| name.to_owned()).collect());
    Settings { wishes: Wishes { curves, ..Wishes::default() }, ..settings(&[]) }
}

#[test]
fn both_offers_of_cipher_suites_are_named_when_they_have_nothing_in_common() {
    let server = ServerConfig::new(&settings(&["PSK-AES128-GCM-SHA256"]), None, true, None).unwrap();
    let mut network = Network::new(server);
    network.connect(&psk_client(&["PSK-AES128-CCM8", "PSK-AES256-CCM8"]));
    network.settle();
    assert_eq!(network.server.error_kinds(), [ErrorKind::NoSharedCipher]);
    assert_eq!(
        network.server.error_message(),
        "The client offers no cipher suite that this server can use: the client has PSK-AES128-CCM8, PSK-AES256-CCM8, \
         this server has PSK-AES128-GCM-SHA256"
    );
}

#[test]
fn both_offers_of_groups_are_named_when_they_have_nothing_in_common() {
    let (server, ca) = ca_signed_server_with(&groups(&["P-256", "X25519"]), "localhost");
    let mut network = Network::new(server);
    network.connect(&verifying_client_with(&groups(&["P-384"]), &ca, "localhost"));
    network.settle();
    assert_eq!(network.server.error_kinds(), [ErrorKind::NoSharedCipher]);
    let message = network.server.error_message();
    assert!(message.contains("the client has P-384, this server has P-256, X25519"), "{message}");
}

#[test]
fn suites_in_common_that_nothing_can_sign_are_named() {
    let wishes = |name: &str| Wishes { signature_algorithms: Some(vec![name.to_owned()]), ..Wishes::default() };
    let with = |name| Settings { wishes: wishes(name), ..settings(&["ECDHE-ECDSA-AES128-GCM-SHA256"]) };
    let (server, ca) = ca_signed_server_with(&with("ECDSA+SHA512"), "localhost");
    let mut network = Network::new(server);
    network.connect(&verifying_client_with(&with("ECDSA+SHA256"), &ca, "localhost"));
    network.settle();
    assert_eq!(network.server.error_kinds(), [ErrorKind::NoSharedCipher]);
    let message = network.server.error_message();
    assert!(message.ends_with("both can use: ECDHE-ECDSA-AES128-GCM-SHA256"), "{message}");
}

/// Somebody between the two renames the extension: to the server it is not there. The two then disagree about what the
/// client said, and the end of the handshake shows that; the server has chosen suite and group by then.
#[test]
fn a_server_chooses_the_group_for_a_client_that_does_not_say_which_it_has() {
    let mut network = Network::new(psk_server());
    network.rewrite = Some((vec![0, 10, 0, 10, 0, 8], vec![0xab, 10, 0, 10, 0, 8]));
    network.connect(&psk_client(&["ECDHE-PSK-CHACHA20-POLY1305"]));
    network.settle();
    assert_eq!(network.server.error_kinds(), [ErrorKind::WrongPsk]);
    let asked = network.wire.iter().any(|(_, _, datagram)| datagram.windows(3).any(|bytes| bytes == [3, 0, 23]));
    assert!(asked, "no ServerKeyExchange with named_curve secp256r1");
}

#[test]
fn an_identity_may_be_empty() {
    for suite in ["PSK-AES128-CCM8", "ECDHE-PSK-CHACHA20-POLY1305"] {
        for asks in [false, true] {
            let mut network = Network::new(psk_server());
            network.keys.insert(Vec::new(), KEY.to_vec());
            network.own_psk = Some((Vec::new(), KEY.to_vec()));
            let psk = ClientPsk::new(b"", KEY).unwrap();
            let with_key = ClientConfig::new(&settings(&[suite]), Some(psk), None, None).unwrap();
            let config = if asks { asking_client(&[suite]) } else { with_key };
            network.connect(&config);
            network.settle();
            assert_eq!(network.server.error_kinds(), []);
            assert_eq!(network.server.secured().len(), 1);
        }
    }
}

#[test]
fn a_client_without_the_certificate_that_it_is_asked_for_is_told_so() {
    let key = || KeyPair::generate().unwrap();
    let issuer = super::certificates::issuer();
    let (server, _) = mutual_configs_with(&key(), &key(), &issuer, false);
    let mut network = Network::new(server);
    network.connect(&verifying_client(&[], &issuer.pem(), "localhost"));
    network.settle();
    assert_eq!(network.server.error_kinds(), [ErrorKind::Certificate(CertificateFault::Missing)]);
    assert_eq!(
        network.clients[0].error_message(),
        "The server asked for a client certificate, and when it got none it sent the alert handshake_failure"
    );
}
