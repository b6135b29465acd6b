//! Proofs of identity by somebody who has the keys of the handshake, and not the key of the certificate, or no manners.

use super::*;
use crate::tls::certificate_fault::CertificateFault;
use crate::tls::config::PeerAuthentication;
use crate::tls::dtls13::peer_proof::PeerProof;
use crate::tls::dtls13::proof::{Signer, signed};
use crate::tls::dtls13::transcript::Transcript;
use crate::tls::error::ErrorKind;
use crate::tls::ffi::hash::Hash;
use crate::tls::ffi::sign::{Scheme, SigningKey};
use crate::tls::trust::x509::Purpose;
use crate::tls::trust::{PeerRules, Signatures};
use crate::tls::{Credentials, TrustAnchors};
use crate::wire::CertificateType;
use crate::wire::certificate13::{certificate, verify};
use crate::wire::handshake::{
    CERTIFICATE, CERTIFICATE_REQUEST, CERTIFICATE_VERIFY, CLIENT_HELLO, ENCRYPTED_EXTENSIONS, FINISHED, SERVER_HELLO,
};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, PublicKeyData};

/// Types and bodies.
type Messages = Vec<(u8, Vec<u8>)>;

/// How a handshake ends, and by which alert.
type Verdict = (ErrorKind, Option<u8>);

/// A handshake of which the client has heard ServerHello, and nothing behind it.
struct Story {
    pair: Pair,
    /// Of the messages so far.
    transcript: Transcript,
    key: SigningKey,
    certificate: Vec<u8>,
}

fn body(datagram: &[u8]) -> Vec<u8> {
    let record = Records::new(datagram).next().unwrap();
    record.fragment()[12..].to_vec()
}

impl Story {
    /// `mutual`: whether the client has to prove who it is.
    fn begin(mutual: bool) -> Story {
        let now = base_time();
        let mut settings = settings(Some(&["TLS_AES_128_GCM_SHA256"]));
        settings.wishes.curves = Some(vec!["X25519".to_owned()]);
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let own = params.self_signed(&key).unwrap();
        let trusting = |servername: Option<&str>| PeerAuthentication {
            trust_anchors: Some(Arc::new(TrustAnchors::parse(&[own.pem()]).unwrap())),
            servername: servername.map(str::to_owned),
            required: true,
            ..PeerAuthentication::lenient()
        };
        let credentials = Credentials::parse(key.serialize_pem().as_bytes(), None, &[own.pem()]).unwrap();
        let clients = mutual.then(|| trusting(None));
        let config = Arc::new(ServerConfig::new(&settings, Some(credentials), false, clients).unwrap());
        let client = ClientConfig::new(&settings, None, Some(trusting(Some("localhost"))), None).unwrap();
        let ClientOf::Dtls13(client) = client.engine() else { panic!() };
        let mut client = Association::client(client, None).unwrap();
        let mut out = Outbox::default();
        assert!(matches!(client.handle_timeout(now, &mut out), Ok(Progress::Waiting)));
        let first = datagrams(&out).remove(0);
        let record = Records::new(&first).next().unwrap();
        let Greeting::Retry(request) = config.greet(&record, &HelloStart::parse(&record).unwrap()) else { panic!() };
        let retry = request.with_cookie(&[&request.memory()[..], &[0; 20]].concat()).unwrap();
        let (_, second) = deliver(&mut client, now, std::slice::from_ref(&retry));
        let mut server =
            Association::server(&config, config.dtls13().unwrap(), Asks::default(), SessionPolicy::none(), None);
        let (reactions, flight) = deliver(&mut server, now, &second);
        assert!(matches!(reactions[0], Ok(Reaction::Handshake(Progress::Waiting))), "{reactions:?}");
        let hello = Records::new(&flight[0]).next().unwrap().bytes.to_vec();
        let mut hash = Transcript::new(Hash::Sha256);
        hash.add(CLIENT_HELLO, &body(&first));
        let mut transcript = Transcript::after_retry(&hash.hash(), &body(&retry));
        transcript.add(CLIENT_HELLO, &body(&second[0]));
        transcript.add(SERVER_HELLO, &body(&hello));
        let (reactions, _) = deliver(&mut client, now, &[hello]);
        assert!(reactions[0].is_ok(), "{reactions:?}");
        let key = SigningKey::from_der(&key.serialize_der()).unwrap();
        Story { pair: Pair { now, client, server }, transcript, key, certificate: own.der().to_vec() }
    }

    /// Says these messages in the epoch of the handshake, one behind the other: how that ends, if it does.
    fn says(&mut self, is_server: bool, messages: &[(u8, Vec<u8>)]) -> Option<Verdict> {
        // HelloRetryRequest and ServerHello came before, or the two ClientHellos.
        let content = messages.iter().zip(2..).flat_map(|((kind, body), sequence)| message(*kind, sequence, body));
        let content: Vec<u8> = content.collect();
        let mut out = Outbox::default();
        let (speaker, hearer) = match is_server {
            true => (&mut self.pair.server, &mut self.pair.client),
            false => (&mut self.pair.client, &mut self.pair.server),
        };
        speaker.say_early(kind::HANDSHAKE, &content, &mut out);
        let (mut reactions, _) = deliver(hearer, self.pair.now, &datagrams(&out));
        let error = reactions.remove(0).err()?;
        Some((error.kind, error.alert))
    }

    /// EncryptedExtensions and Certificate, and what is signed behind them.
    fn shown(&mut self, signer: Signer) -> (Messages, Vec<u8>) {
        let messages =
            vec![(ENCRYPTED_EXTENSIONS, vec![0, 0]), (CERTIFICATE, certificate([self.certificate.as_slice()]))];
        messages.iter().for_each(|(kind, body)| self.transcript.add(*kind, body));
        (messages, signed(signer, &self.transcript.hash()))
    }
}

/// What a client says to this scheme and signature. `signer`: whose words are signed.
fn verdict(signer: Signer, scheme: u16, spoil: impl Fn(&mut Vec<u8>)) -> Option<Verdict> {
    let mut story = Story::begin(false);
    let (mut messages, signed) = story.shown(signer);
    let mut signature = story.key.sign(Scheme::EcdsaP256Sha256, &signed).unwrap();
    spoil(&mut signature);
    messages.push((CERTIFICATE_VERIFY, verify(scheme, &signature)));
    story.says(true, &messages)
}

#[test]
fn a_signature_is_good_for_its_signer_its_scheme_and_its_handshake_alone() {
    let wrong = Some((ErrorKind::WrongSignature, Some(51)));
    let illegal = Some((ErrorKind::Protocol, Some(47)));
    assert_eq!(verdict(Signer::Server, 0x0403, |_| {}), None);
    assert_eq!(verdict(Signer::Client, 0x0403, |_| {}), wrong);
    assert_eq!(verdict(Signer::Server, 0x0403, |signature| signature[20] ^= 1), wrong);
    assert_eq!(verdict(Signer::Server, 0x0403, |signature| signature.truncate(10)), wrong);
    assert_eq!(verdict(Signer::Server, 0x0403, Vec::clear), wrong);
    // Schemes of other keys, of certificates alone, and one that nobody knows.
    for scheme in [0x0503, 0x0804, 0x0401, 0x0203, 0xfafa] {
        assert_eq!(verdict(Signer::Server, scheme, |_| {}), illegal, "{scheme:04x}");
    }
}

#[test]
fn a_servers_proof_out_of_its_order_or_its_form_ends_the_clients_handshake() {
    let extensions = || (ENCRYPTED_EXTENSIONS, vec![0, 0]);
    // Stands for the server's own certificate.
    let shown = || (CERTIFICATE, Vec::new());
    let request = || (CERTIFICATE_REQUEST, vec![0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3]);
    let unexpected = (ErrorKind::Protocol, Some(10));
    let fault = |fault, alert| (ErrorKind::Certificate(fault), Some(alert));
    let many = (CERTIFICATE, certificate([&b"certificate"[..]; 17]));
    let cases: Vec<(&str, Messages, Verdict)> = vec![
        ("a certificate before the extensions", vec![shown()], unexpected),
        ("the extensions twice", vec![extensions(), extensions()], unexpected),
        ("the extensions again behind the certificate", vec![extensions(), shown(), extensions()], unexpected),
        ("a signature without a certificate", vec![extensions(), (CERTIFICATE_VERIFY, vec![4, 3, 0, 0])], unexpected),
        ("Finished without a certificate", vec![extensions(), (FINISHED, vec![0; 32])], unexpected),
        ("Finished without a signature", vec![extensions(), shown(), (FINISHED, vec![0; 32])], unexpected),
        ("two certificates", vec![extensions(), shown(), shown()], unexpected),
        ("two requests", vec![extensions(), request(), request()], unexpected),
        ("a request behind the certificate", vec![extensions(), shown(), request()], unexpected),
        (
            "a request without algorithms",
            vec![extensions(), (CERTIFICATE_REQUEST, vec![0, 0, 0])],
            (ErrorKind::Protocol, Some(109)),
        ),
        (
            "no certificate at all",
            vec![extensions(), (CERTIFICATE, certificate([]))],
            fault(CertificateFault::Missing, 50),
        ),
        ("a chain that is far too long", vec![extensions(), many], fault(CertificateFault::ChainTooLong, 42)),
        (
            "junk",
            vec![extensions(), (CERTIFICATE, certificate([&b"junk"[..]]))],
            fault(CertificateFault::Unreadable, 42),
        ),
        ("a context", vec![extensions(), (CERTIFICATE, vec![1, 9, 0, 0, 0])], (ErrorKind::Protocol, Some(47))),
        (
            "an extension of a certificate",
            vec![extensions(), (CERTIFICATE, vec![0, 0, 0, 10, 0, 0, 1, 9, 0, 4, 0, 5, 0, 0])],
            (ErrorKind::Protocol, Some(110)),
        ),
        (
            "a raw key that was not offered",
            vec![(ENCRYPTED_EXTENSIONS, vec![0, 5, 0, 20, 0, 1, 2])],
            (ErrorKind::Protocol, Some(110)),
        ),
    ];
    for (name, messages, expected) in cases {
        let mut story = Story::begin(false);
        let own = certificate([story.certificate.as_slice()]);
        let put_in = |(kind, body): (u8, Vec<u8>)| (kind, if body.is_empty() { own.clone() } else { body });
        let messages: Messages = messages.into_iter().map(put_in).collect();
        assert_eq!(story.says(true, &messages), Some(expected), "{name}");
    }
}

#[test]
fn a_clients_proof_out_of_its_order_or_its_form_ends_the_servers_handshake() {
    let unexpected = Some((ErrorKind::Protocol, Some(10)));
    let nothing = (CERTIFICATE, certificate([]));
    let finished = (FINISHED, vec![0; 32]);
    let mut story = Story::begin(true);
    assert_eq!(story.says(false, std::slice::from_ref(&finished)), unexpected);
    let missing = Some((ErrorKind::Certificate(CertificateFault::Missing), Some(116)));
    assert_eq!(Story::begin(true).says(false, &[nothing]), missing);
    assert_eq!(Story::begin(true).says(false, &[(CERTIFICATE_VERIFY, verify(0x0403, b"signature"))]), unexpected);
    let shown = |story: &Story| (CERTIFICATE, certificate([story.certificate.as_slice()]));
    let mut story = Story::begin(true);
    let messages = [shown(&story), (CERTIFICATE_VERIFY, verify(0x0403, b"signature"))];
    assert_eq!(story.says(false, &messages), Some((ErrorKind::WrongSignature, Some(51))));
    let mut story = Story::begin(true);
    let messages = [shown(&story), finished];
    assert_eq!(story.says(false, &messages), unexpected);
    // Nobody has asked this one for a certificate.
    let mut story = Story::begin(false);
    let messages = [shown(&story)];
    assert_eq!(story.says(false, &messages), unexpected);
}

/// RFC 8446 section 4.4.2.
#[test]
fn a_raw_public_key_comes_alone() {
    let authentication = PeerAuthentication { public_keys: Some(Vec::new()), ..PeerAuthentication::lenient() };
    let signatures = Signatures::wished(None).unwrap();
    let purpose = Purpose::ServerAuthentication;
    let rules = Arc::new(PeerRules::new(purpose, Some(&authentication), &settings(None), &signatures, None));
    let key = KeyPair::generate().unwrap().subject_public_key_info();
    for (entries, alert) in [(vec![&key[..]], None), (vec![&key, &key], Some(50)), (vec![&key; 3], Some(50))] {
        let mut peer = PeerProof::new(&rules, Signer::Server, CertificateType::RawPublicKey);
        assert!(peer.awaits(CERTIFICATE) && !peer.awaits(CERTIFICATE_VERIFY));
        let read = peer.read(&certificate(entries), &[]);
        assert_eq!(read.err().and_then(|error| alert_of(&error)), alert);
        assert_eq!(peer.awaits(CERTIFICATE_VERIFY), alert.is_none());
    }
}
