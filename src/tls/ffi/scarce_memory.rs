//! What AWS-LC does where it gets no memory: nothing, or what it does otherwise.

use super::groups::{Group, KeyShare, SharedSecret};
use super::scarcity::{allocations, without_allocation};
use super::sign::{Scheme, SigningKey, VerifyingKey};
use super::x509::{Certificate, Purpose, Store};
use rcgen::{CertificateParams, DnType, KeyPair, PublicKeyData};

/// Has each allocation fail in its turn, and looks at what comes of that.
fn without_each<T>(act: impl Fn() -> T, check: impl Fn(T)) {
    // What is made once and stays is made here.
    act();
    let (count, usual) = allocations(&act);
    check(usual);
    for nth in 0..count {
        check(without_allocation(nth, &act));
    }
}

fn certificates() -> [Certificate; 3] {
    std::array::from_fn(|number| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, format!("certificate {number}"));
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        Certificate::from_der(certificate.der()).unwrap()
    })
}

#[test]
fn a_store_has_all_of_its_certificates_or_there_was_no_memory_for_it() {
    let certificates = certificates();
    without_each(
        || Store::new(&certificates),
        |store| {
            let is_trusted =
                |store: &Store, certificate| store.verify(&[certificate], None, Purpose::ServerAuthentication).is_ok();
            assert!(store.is_none_or(|store| certificates.iter().all(|certificate| is_trusted(&store, certificate))));
        },
    );
}

#[test]
fn a_certificate_that_is_not_trusted_is_not_trusted_without_memory_either() {
    let [known, other, another] = certificates();
    let store = Store::new([&known, &another]).unwrap();
    let verify = |certificate, lists| store.verify(&[certificate], lists, Purpose::ServerAuthentication).is_ok();
    without_each(|| verify(&other, None), |is_trusted| assert!(!is_trusted));
    // Nobody has said that it is not revoked.
    without_each(|| verify(&known, Some(&[])), |is_trusted| assert!(!is_trusted));
}

#[test]
fn a_signature_that_is_wrong_is_wrong_without_memory_too_and_none_is_made_that_is() {
    let pair = KeyPair::generate().unwrap();
    let private = SigningKey::from_der(&pair.serialize_der()).unwrap();
    let public = VerifyingKey::from_der(&pair.subject_public_key_info()).unwrap();
    let scheme = Scheme::EcdsaP256Sha256;
    let signature = private.sign(scheme, b"message").unwrap();
    without_each(|| public.verify(scheme, b"another", &signature), |verified| assert!(verified.is_err()));
    let is_good = |signature: Vec<u8>| public.verify(scheme, b"message", &signature).is_ok();
    without_each(|| private.sign(scheme, b"message"), |signed| assert!(signed.is_err() || signed.is_ok_and(is_good)));
}

#[test]
fn both_sides_have_one_secret_or_one_of_them_has_no_memory_for_it() {
    for group in Group::ALL {
        let client = KeyShare::generate(group).unwrap();
        let is_shared = |(own, secret): (Vec<u8>, SharedSecret)| client.agree(&own).is_ok_and(|other| other == secret);
        let respond = || KeyShare::respond(group, client.public());
        without_each(respond, |answer| assert!(answer.is_err() || answer.is_ok_and(is_shared)));
        let (own, secret) = respond().unwrap();
        without_each(|| client.agree(&own), |agreed| assert!(agreed.is_err() || agreed.is_ok_and(|it| it == secret)));
    }
}

#[test]
fn what_is_read_without_memory_is_the_whole_key_or_certificate_or_none() {
    let pair = KeyPair::generate().unwrap();
    let own = CertificateParams::default().self_signed(&pair).unwrap();
    let (private, public) = (pair.serialize_der(), pair.subject_public_key_info());
    let scheme = Scheme::EcdsaP256Sha256;
    let signature = SigningKey::from_der(&private).unwrap().sign(scheme, b"message").unwrap();
    without_each(
        || VerifyingKey::from_der(&public),
        |key| assert!(key.is_err() || key.is_ok_and(|key| key.verify(scheme, b"message", &signature).is_ok())),
    );
    without_each(
        || SigningKey::from_der(&private),
        |key| assert!(key.is_err() || key.is_ok_and(|key| key.sign(scheme, b"message").is_ok())),
    );
    let trusted = Certificate::from_der(own.der()).unwrap();
    let store = Store::new([&trusted]).unwrap();
    let is_trusted = |read: Certificate| store.verify(&[&read], None, Purpose::ClientAuthentication).is_ok();
    without_each(|| Certificate::from_der(own.der()), |read| assert!(read.is_none_or(is_trusted)));
}

/// RSA keeps what hides its private key for the next signature.
#[test]
fn a_signature_with_rsa_is_right_without_memory_or_there_is_none() {
    let pair = KeyPair::from_pem(include_str!("../../proto/tests/keys/rsa-2048.key.pem")).unwrap();
    let public = VerifyingKey::from_der(&pair.subject_public_key_info()).unwrap();
    let scheme = Scheme::RsaPssSha256;
    let is_good = |signature: Vec<u8>| public.verify(scheme, b"message", &signature).is_ok();
    let der = pair.serialize_der();
    // A key of its own each time.
    without_each(
        || SigningKey::from_der(&der).and_then(|private| private.sign(scheme, b"message")),
        |signed| assert!(signed.is_err() || signed.is_ok_and(is_good)),
    );
    let signature = SigningKey::from_der(&der).unwrap().sign(scheme, b"message").unwrap();
    without_each(|| public.verify(scheme, b"another", &signature), |verified| assert!(verified.is_err()));
    without_each(
        || {
            VerifyingKey::from_der(&pair.subject_public_key_info())
                .and_then(|key| key.verify(scheme, b"another", &signature))
        },
        |verified| assert!(verified.is_err()),
    );
}
