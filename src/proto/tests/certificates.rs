//! What a client refuses, and why.

use super::network::*;
use crate::tls::{
    ClientConfig, ConfigError, Credentials, Forbidden, PeerAuthentication, RevocationLists, ServerConfig, Settings,
    TrustAnchors,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, CustomExtension,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, date_time_ymd,
};
use std::sync::Arc;

pub(super) type Issuer = CertifiedIssuer<'static, KeyPair>;

pub(super) fn issuer() -> Issuer {
    issuer_with(KeyPair::generate().unwrap())
}

pub(super) fn issuer_with(key: KeyPair) -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    // Each has a name of its own: issuers are looked for by name.
    let name = format!("Test CA {:02x?}", key.public_key_raw().get(..8));
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, key).unwrap()
}

pub(super) fn leaf(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "server");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

fn server_with(params: &CertificateParams, issuer: &Issuer) -> ServerConfig {
    configured_server(&settings(&[]), params, issuer)
}

fn configured_server(settings: &Settings, params: &CertificateParams, issuer: &Issuer) -> ServerConfig {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    let credentials = Credentials::parse(key.serialize_pem().as_bytes(), None, &[certificate.pem()]).unwrap();
    ServerConfig::new(settings, Some(credentials), false, None).unwrap()
}

/// A server for `name`, and the PEM of the CA that vouches for it.
pub(super) fn ca_signed_server(name: &str) -> (ServerConfig, String) {
    ca_signed_server_with(&settings(&[]), name)
}

pub(super) fn ca_signed_server_with(settings: &Settings, name: &str) -> (ServerConfig, String) {
    let issuer = issuer();
    (configured_server(settings, &leaf(name), &issuer), issuer.pem())
}

pub(super) fn verifying_client(ciphers: &[&str], ca: &str, servername: &str) -> ClientConfig {
    verifying_client_with(&settings(ciphers), ca, servername)
}

pub(super) fn verifying_client_with(settings: &Settings, ca: &str, servername: &str) -> ClientConfig {
    let server = PeerAuthentication {
        trust_anchors: Some(Arc::new(TrustAnchors::parse(&[ca]).unwrap())),
        servername: Some(servername.to_owned()),
        required: true,
        ..PeerAuthentication::lenient()
    };
    ClientConfig::new(settings, None, Some(server), None).unwrap()
}

/// The client's error code, or `None` when it connected.
fn outcome(server: ServerConfig, ca: &str, servername: &str) -> Option<ErrorKind> {
    let mut network = Network::new(server);
    network.connect(&verifying_client(&[], ca, servername));
    network.settle();
    let codes = network.clients[0].error_kinds();
    assert_eq!(codes.is_empty(), !network.clients[0].secured().is_empty());
    // The server hears of it by an alert, and reports that.
    assert_eq!(codes.is_empty(), network.server.error_kinds().is_empty());
    codes.first().copied()
}

#[test]
fn names_and_addresses_are_verified() {
    let issuer = issuer();
    let params = {
        let mut params = leaf("*.example.test");
        params.subject_alt_names.push(SanType::IpAddress("192.0.2.1".parse().unwrap()));
        params.subject_alt_names.push(SanType::IpAddress("2001:db8::1".parse().unwrap()));
        params
    };
    for (servername, expected) in [
        ("a.example.test", None),
        ("192.0.2.1", None),
        ("2001:db8::1", None),
        ("example.test", Some(ErrorKind::Certificate(CertificateFault::WrongName))),
        ("a.b.example.test", Some(ErrorKind::Certificate(CertificateFault::WrongName))),
        ("192.0.2.2", Some(ErrorKind::Certificate(CertificateFault::WrongName))),
        ("2001:db8::2", Some(ErrorKind::Certificate(CertificateFault::WrongName))),
        // The common name does not count where there are alternative names.
        ("server", Some(ErrorKind::Certificate(CertificateFault::WrongName))),
    ] {
        assert_eq!(outcome(server_with(&params, &issuer), &issuer.pem(), servername), expected, "{servername}");
    }
}

/// The issuer's list with the certificates of these serial numbers.
pub(super) fn revocation_list(issuer: &Issuer, serials: &[u64]) -> String {
    let revoked = |&serial: &u64| RevokedCertParams {
        serial_number: serial.into(),
        revocation_time: date_time_ymd(2024, 1, 1),
        reason_code: None,
        invalidity_date: None,
    };
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2024, 1, 1),
        next_update: date_time_ymd(2124, 1, 1),
        crl_number: 1.into(),
        issuing_distribution_point: None,
        revoked_certs: serials.iter().map(revoked).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(issuer).unwrap().pem().unwrap()
}

#[test]
fn a_certificate_is_looked_for_in_the_list_of_its_issuer_which_has_to_be_there() {
    let (issuer, another) = (issuer(), issuer());
    let mut params = leaf("server.test");
    params.serial_number = Some(7.into());
    for (list, expected) in [
        (revocation_list(&issuer, &[6, 8]), None),
        (revocation_list(&issuer, &[6, 7, 8]), Some(CertificateFault::Revoked)),
        (revocation_list(&another, &[6, 8]), Some(CertificateFault::NoCrl)),
    ] {
        let revocations = Some(Arc::new(RevocationLists::parse(&[list]).unwrap()));
        let client = verifying_client_with(&Settings { revocations, ..settings(&[]) }, &issuer.pem(), "server.test");
        let mut network = Network::new(server_with(&params, &issuer));
        network.connect(&client);
        network.settle();
        let fault = expected.map(ErrorKind::Certificate);
        assert_eq!(network.clients[0].error_kinds().first().copied(), fault);
        assert_eq!(network.clients[0].secured().len(), usize::from(fault.is_none()));
    }
}

#[test]
fn an_ip_address_in_a_dns_name_does_not_count() {
    let issuer = issuer();
    let mut params = leaf("x.test");
    params.subject_alt_names = vec![SanType::DnsName("192.0.2.1".try_into().unwrap())];
    let code = outcome(server_with(&params, &issuer), &issuer.pem(), "192.0.2.1");
    assert_eq!(code, Some(ErrorKind::Certificate(CertificateFault::WrongName)));
}

#[test]
fn an_unknown_issuer_is_refused() {
    let (server, _) = ca_signed_server("localhost");
    assert_eq!(
        outcome(server, &issuer().pem(), "localhost"),
        Some(ErrorKind::Certificate(CertificateFault::UnknownIssuer))
    );
}

#[test]
fn a_self_signed_certificate_is_refused_by_its_own_code() {
    let key = KeyPair::generate().unwrap();
    let certificate = leaf("localhost").self_signed(&key).unwrap();
    let credentials = Credentials::parse(key.serialize_pem().as_bytes(), None, &[certificate.pem()]).unwrap();
    let server = ServerConfig::new(&settings(&[]), Some(credentials), false, None).unwrap();
    assert_eq!(
        outcome(server, &issuer().pem(), "localhost"),
        Some(ErrorKind::Certificate(CertificateFault::SelfSigned))
    );
}

#[test]
fn certificates_are_good_between_two_dates() {
    let issuer = issuer();
    for (from, to, expected) in [
        (2010, 2011, ErrorKind::Certificate(CertificateFault::Expired)),
        (2090, 2091, ErrorKind::Certificate(CertificateFault::NotYetValid)),
    ] {
        let mut params = leaf("localhost");
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        assert_eq!(outcome(server_with(&params, &issuer), &issuer.pem(), "localhost"), Some(expected));
        // As OpenSSL does it, the dates come first where nobody vouches for them either.
        #[cfg(feature = "aws-lc")]
        assert_eq!(
            outcome(server_with(&params, &issuer), &super::certificates::issuer().pem(), "localhost"),
            Some(expected)
        );
    }
}

#[test]
fn a_certificate_for_something_else_does_not_make_a_server() {
    let issuer = issuer();
    for (extended, usage, forbidden) in [
        (ExtendedKeyUsagePurpose::ServerAuth, KeyUsagePurpose::DigitalSignature, None),
        (ExtendedKeyUsagePurpose::Any, KeyUsagePurpose::DigitalSignature, None),
        (ExtendedKeyUsagePurpose::ClientAuth, KeyUsagePurpose::DigitalSignature, Some(Forbidden::ServerAuthentication)),
        (ExtendedKeyUsagePurpose::ServerAuth, KeyUsagePurpose::KeyAgreement, Some(Forbidden::Signing)),
    ] {
        let mut params = leaf("localhost");
        params.extended_key_usages = vec![extended];
        params.key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let credentials = Credentials::parse(key.serialize_pem().as_bytes(), None, &[certificate.pem()]).unwrap();
        // Clients are not refused: what their servers make of it is for them to say.
        let error = ServerConfig::new(&settings(&[]), Some(credentials), false, None).err();
        assert_eq!(error, forbidden.map(ConfigError::NotForServers));
    }
}

#[test]
fn forged_basic_constraints_make_no_ca() {
    // CVE-2026-49300: an INTEGER as cA flag, and trailing bytes after an empty sequence.
    for content in [vec![0x30, 0x03, 0x02, 0x01, 0x01], vec![0x30, 0x00, 0x01, 0x01, 0xff]] {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 19], content)];
        let pem = params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
        let error = TrustAnchors::parse(&[pem]).err().unwrap();
        assert!(matches!(error, ConfigError::UnreadableTrustAnchor { index: 0, .. }), "{error:?}");
    }
    assert!(TrustAnchors::parse(&[issuer().pem()]).is_ok());
}

#[test]
fn a_key_that_is_not_the_certificates_is_refused_at_the_call() {
    let certificate = leaf("localhost").self_signed(&KeyPair::generate().unwrap()).unwrap();
    let other = KeyPair::generate().unwrap().serialize_pem();
    let error = Credentials::parse(other.as_bytes(), None, &[certificate.pem()]).err().unwrap();
    assert_eq!(error, ConfigError::KeyMismatch);
}

#[test]
fn a_chain_with_a_certificate_that_cannot_be_read_is_refused_at_the_call() {
    let key = KeyPair::generate().unwrap();
    let good = leaf("localhost").self_signed(&key).unwrap().pem();
    let mut forged = leaf("localhost");
    forged.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 19], vec![0x30, 3, 2, 1, 1])];
    let forged = forged.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
    for chain in [[good.as_str(), &forged].concat(), [forged.as_str(), &good].concat()] {
        let error = Credentials::parse(key.serialize_pem().as_bytes(), None, &[&chain]).err().unwrap();
        assert_eq!(error, ConfigError::UnreadableCertificate { index: 0 });
        // Who trusts a whole bundle does not want to know what is wrong with one of them.
        assert!(TrustAnchors::parse(&[&chain]).is_ok());
    }
}

#[test]
fn key_and_certificate_may_be_der() {
    let key = KeyPair::generate().unwrap();
    let certificate = leaf("localhost").self_signed(&key).unwrap();
    assert!(Credentials::parse(&key.serialize_der(), None, &[certificate.der().as_ref()]).is_ok());
}

#[test]
fn garbage_is_no_key_and_no_certificate() {
    let key = Credentials::parse(b"garbage", None, &["garbage"]).err().unwrap();
    let ConfigError::UnreadableKey(reason) = key else { panic!("{key:?}") };
    assert!(!reason.contains("garbage"));
    let key = KeyPair::generate().unwrap().serialize_pem();
    let certificate = Credentials::parse(key.as_bytes(), None, &["garbage"]).err().unwrap();
    assert!(matches!(certificate, ConfigError::UnreadableCertificate { index: 0, .. }), "{certificate:?}");
    let anchors = TrustAnchors::parse(&["garbage"]).err().unwrap();
    assert!(matches!(anchors, ConfigError::UnreadableTrustAnchor { index: 0, .. }), "{anchors:?}");
}

/// An authority below which so many others may follow.
fn authority(name: &str, path: Option<u8>) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(path.map_or(BasicConstraints::Unconstrained, BasicConstraints::Constrained));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

/// RFC 5280 section 6.1.4 (l) and (m).
#[test]
fn no_more_authorities_may_follow_below_one_than_it_says_the_trusted_one_included() {
    let too_long = Some(ErrorKind::Certificate(CertificateFault::PathTooLong));
    for (paths, expected) in [
        ([None, None, None], None),
        ([Some(2), None, None], None),
        ([Some(2), Some(1), Some(0)], None),
        ([Some(1), None, None], too_long),
        ([Some(0), None, None], too_long),
        ([None, Some(0), None], too_long),
        ([None, None, Some(0)], None),
    ] {
        let mut authorities: Vec<Issuer> = Vec::new();
        for (number, path) in paths.into_iter().enumerate() {
            let (params, key) = (authority(&format!("Authority {number}"), path), KeyPair::generate().unwrap());
            let made = match authorities.last() {
                None => CertifiedIssuer::self_signed(params, key),
                Some(above) => CertifiedIssuer::signed_by(params, key, above),
            };
            authorities.push(made.unwrap());
        }
        let key = KeyPair::generate().unwrap();
        let own = leaf("localhost").signed_by(&key, authorities.last().unwrap()).unwrap();
        let chain = [own.pem(), authorities[2].pem(), authorities[1].pem()];
        let credentials = Credentials::parse(key.serialize_pem().as_bytes(), None, &chain).unwrap();
        let server = ServerConfig::new(&settings(&[]), Some(credentials), false, None).unwrap();
        assert_eq!(outcome(server, &authorities[0].pem(), "localhost"), expected, "{paths:?}");
    }
}
