//! Raw public keys (RFC 7250): both roles, mutual, pinned, decided by the application, and under attack.

use super::certificates::{Issuer, ca_signed_server, issuer, leaf, verifying_client};
use super::network::*;
use crate::proto::QuestionId;
use crate::tls::{ClientConfig, Credentials, PeerAuthentication, ServerConfig, TrustAnchors, parse_public_key};
use crate::wire::PublicKey;
use rcgen::{ExtendedKeyUsagePurpose, KeyPair, PublicKeyData};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A private key in PEM, and its public half.
struct Keys {
    private: String,
    public: PublicKey,
}

impl Keys {
    fn p256() -> Keys {
        Keys::of(&KeyPair::generate().unwrap())
    }

    fn p384() -> Keys {
        Keys::of(&KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap())
    }

    fn of(pair: &KeyPair) -> Keys {
        let public = PublicKey::recognise(&pair.subject_public_key_info()).unwrap();
        Keys { private: pair.serialize_pem(), public }
    }

    /// Kinds that the tests cannot make in a moment.
    fn stored(private: &str, public: &str) -> Keys {
        Keys { private: private.to_owned(), public: parse_public_key(public.as_bytes(), 0).unwrap() }
    }

    fn p521() -> Keys {
        Keys::stored(include_str!("keys/p521.key.pem"), include_str!("keys/p521.pub.pem"))
    }

    fn rsa() -> Keys {
        Keys::stored(include_str!("keys/rsa-2048.key.pem"), include_str!("keys/rsa-2048.pub.pem"))
    }

    fn credentials(&self) -> Option<Credentials> {
        Some(Credentials::parse_raw(self.private.as_bytes(), None).unwrap())
    }
}

fn pinned(keys: &[&Keys]) -> PeerAuthentication {
    PeerAuthentication {
        public_keys: Some(keys.iter().map(|keys| keys.public.clone()).collect()),
        required: true,
        ..PeerAuthentication::lenient()
    }
}

fn asking() -> PeerAuthentication {
    PeerAuthentication { asks: true, ..pinned(&[]) }
}

fn server(own: &Keys, clients: Option<PeerAuthentication>) -> ServerConfig {
    ServerConfig::new(&settings(&[]), own.credentials(), false, clients).unwrap()
}

fn client(own: Option<&Keys>, server: PeerAuthentication) -> ClientConfig {
    ClientConfig::new(&settings(&[]), None, Some(server), own.and_then(Keys::credentials)).unwrap()
}

/// Codes of server and client, after everything has been said.
fn outcome(server: ServerConfig, client: &ClientConfig) -> (Vec<ErrorKind>, Vec<ErrorKind>) {
    let network = run(server, client);
    (network.server.error_kinds(), network.clients[0].error_kinds())
}

fn run(server: ServerConfig, client: &ClientConfig) -> Network {
    let mut network = Network::new(server);
    network.connect(client);
    network.settle();
    network
}

const NO_ERROR: Vec<ErrorKind> = Vec::new();

#[test]
fn a_client_knows_its_server_by_a_pinned_key_of_any_kind() {
    for keys in [Keys::p256(), Keys::p384(), Keys::p521(), Keys::rsa()] {
        let network = run(server(&keys, None), &client(None, pinned(&[&Keys::p256(), &keys])));
        assert_eq!(network.clients[0].error_kinds(), NO_ERROR);
        assert_eq!(network.clients[0].peer_keys(), [Some(keys.public.der().to_vec())]);
        assert_eq!(network.server.peer_keys(), [None]);
    }
}

#[test]
fn both_sides_authenticate_by_pinned_keys_of_any_kind() {
    for (ours, theirs) in [
        (Keys::p256(), Keys::p256()),
        (Keys::p384(), Keys::rsa()),
        (Keys::rsa(), Keys::p521()),
        (Keys::p521(), Keys::p384()),
    ] {
        let mut network = run(server(&ours, Some(pinned(&[&theirs]))), &client(Some(&theirs), pinned(&[&ours])));
        assert_eq!((network.server.error_kinds(), network.clients[0].error_kinds()), (NO_ERROR, NO_ERROR));
        assert_eq!(network.server.peer_keys(), [Some(theirs.public.der().to_vec())]);
        assert_eq!(network.clients[0].peer_keys(), [Some(ours.public.der().to_vec())]);
        network.send_from_client(0, b"hello");
        network.settle();
        assert_eq!(network.server.payloads(), [b"hello"]);
    }
}

#[test]
fn another_key_than_the_pinned_one_is_refused_on_either_side() {
    let (ours, theirs, other) = (Keys::p256(), Keys::p256(), Keys::p256());
    assert_eq!(
        outcome(server(&ours, None), &client(None, pinned(&[&other]))),
        (vec![ErrorKind::AlertReceived], vec![ErrorKind::PeerKeyMismatch])
    );
    assert_eq!(
        outcome(server(&ours, Some(pinned(&[&other]))), &client(Some(&theirs), pinned(&[&ours]))),
        (vec![ErrorKind::PeerKeyMismatch], vec![ErrorKind::AlertReceived])
    );
}

#[test]
fn a_client_without_a_key_is_refused_where_one_is_required() {
    let ours = Keys::p256();
    let (at_server, at_client) =
        outcome(server(&ours, Some(pinned(&[&Keys::p256()]))), &client(None, pinned(&[&ours])));
    assert_eq!((at_server, at_client), (vec![ErrorKind::NoSharedCertificateType], vec![ErrorKind::AlertReceived]));
}

#[test]
fn a_server_that_requires_nothing_takes_any_key_and_none() {
    let ours = Keys::p256();
    let optional = || PeerAuthentication { required: false, ..pinned(&[]) };
    let network = run(server(&ours, Some(optional())), &client(None, pinned(&[&ours])));
    assert_eq!(network.server.peer_keys(), [None]);
    let theirs = Keys::p384();
    let network = run(server(&ours, Some(optional())), &client(Some(&theirs), pinned(&[&ours])));
    assert_eq!(network.server.peer_keys(), [Some(theirs.public.der().to_vec())]);
}

// --- certificates beside raw public keys -----------------------------------------------------------------------------

fn trusting(issuer: &Issuer) -> PeerAuthentication {
    PeerAuthentication {
        trust_anchors: Some(Arc::new(TrustAnchors::parse(&[issuer.pem()]).unwrap())),
        public_keys: None,
        ..pinned(&[])
    }
}

/// A key with a certificate that is good for both roles.
fn certified(issuer: &Issuer) -> (Keys, Credentials) {
    let pair = KeyPair::generate().unwrap();
    let mut params = leaf("localhost");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.signed_by(&pair, issuer).unwrap();
    let credentials = Credentials::parse(pair.serialize_pem().as_bytes(), None, &[certificate.pem()]).unwrap();
    (Keys::of(&pair), credentials)
}

#[test]
fn a_server_with_both_serves_clients_of_both_kinds() {
    let issuer = issuer();
    let (keys, credentials) = certified(&issuer);
    let mut network = Network::new(ServerConfig::new(&settings(&[]), Some(credentials), false, None).unwrap());
    let by_chain = PeerAuthentication { servername: Some("localhost".to_owned()), ..trusting(&issuer) };
    let by_either = PeerAuthentication { trust_anchors: trusting(&issuer).trust_anchors, ..pinned(&[&keys]) };
    for authentication in [by_chain, pinned(&[&keys]), by_either] {
        network.connect(&client(None, authentication));
    }
    network.settle();
    for connected in &network.clients {
        assert_eq!(connected.error_kinds(), NO_ERROR);
        assert_eq!(connected.peer_keys(), [Some(keys.public.der().to_vec())]);
    }
    // A certificate is some 300 bytes longer than its key.
    let longest = |client: &Peer| {
        network
            .wire
            .iter()
            .filter(|(_, to, _)| *to == client.address)
            .map(|(.., datagram)| datagram.len())
            .sum::<usize>()
    };
    let [by_chain, by_key, by_either] = [0, 1, 2].map(|index| longest(&network.clients[index]));
    assert!(by_chain > by_key + 200 && by_either < by_chain - 200, "{by_chain} {by_key} {by_either}");
}

#[test]
fn a_client_that_has_a_ca_takes_a_certificate_where_there_is_no_raw_key() {
    let (server, ca) = ca_signed_server("localhost");
    let authentication = PeerAuthentication {
        trust_anchors: Some(Arc::new(TrustAnchors::parse(&[ca]).unwrap())),
        servername: Some("localhost".to_owned()),
        ..pinned(&[&Keys::p256()])
    };
    // The server could show its key as well, and the client does not know it: no second chance.
    let codes = outcome(server, &client(None, authentication));
    assert_eq!(codes.1, [ErrorKind::PeerKeyMismatch]);
}

#[test]
fn one_side_with_certificates_alone_and_the_other_with_raw_keys_alone_have_nothing_in_common() {
    let (_, ca) = ca_signed_server("localhost");
    let (at_server, at_client) = outcome(server(&Keys::p256(), None), &verifying_client(&[], &ca, "localhost"));
    assert_eq!((at_server, at_client), (vec![ErrorKind::NoSharedCertificateType], vec![ErrorKind::AlertReceived]));
}

#[test]
fn both_sides_authenticate_with_certificates() {
    let issuer = issuer();
    let (keys, own) = certified(&issuer);
    let server = ServerConfig::new(&settings(&[]), Some(own), false, Some(trusting(&issuer))).unwrap();
    let (client_keys, own) = certified(&issuer);
    let config = ClientConfig::new(&settings(&[]), None, Some(trusting(&issuer)), Some(own)).unwrap();
    let network = run(server, &config);
    assert_eq!((network.server.error_kinds(), network.clients[0].error_kinds()), (NO_ERROR, NO_ERROR));
    assert_eq!(network.server.peer_keys(), [Some(client_keys.public.der().to_vec())]);
    assert_eq!(network.clients[0].peer_keys(), [Some(keys.public.der().to_vec())]);
}

#[test]
fn a_client_whose_certificate_nobody_vouches_for_is_refused_and_so_is_one_without() {
    let issuer = issuer();
    for (credentials, expected) in [
        (Some(certified(&super::certificates::issuer()).1), ErrorKind::Certificate(CertificateFault::UnknownIssuer)),
        (None, ErrorKind::Certificate(CertificateFault::Missing)),
    ] {
        let server =
            ServerConfig::new(&settings(&[]), Some(certified(&issuer).1), false, Some(trusting(&issuer))).unwrap();
        let config = ClientConfig::new(&settings(&[]), None, Some(trusting(&issuer)), credentials).unwrap();
        let codes = outcome(server, &config);
        assert_eq!(codes, (vec![expected], vec![ErrorKind::AlertReceived]));
    }
}

// --- the application decides -----------------------------------------------------------------------------------------

/// The only open question whether a peer is accepted.
fn question(network: &mut Network) -> (SocketAddr, QuestionId, Vec<u8>) {
    assert_eq!(network.open_verifications.len(), 1);
    let (asked, lookup, peer) = network.open_verifications.remove(0);
    (asked, lookup, peer.public_key)
}

#[test]
fn the_application_decides_on_both_sides_before_the_handshake_is_over() {
    let (ours, theirs) = (Keys::p256(), Keys::p384());
    let mut network = run(server(&ours, Some(asking())), &client(Some(&theirs), asking()));
    let (asked, lookup, key) = question(&mut network);
    assert_eq!((asked, key.as_slice()), (network.clients[0].address, ours.public.der()));
    assert!(network.answer_peer(asked, lookup, true));
    network.settle();
    assert!(network.clients[0].secured().is_empty());
    let (asked, lookup, key) = question(&mut network);
    assert_eq!((asked, key.as_slice()), (SERVER, theirs.public.der()));
    assert!(network.answer_peer(asked, lookup, true));
    network.settle();
    assert_eq!((network.server.secured().len(), network.clients[0].secured().len()), (1, 1));
}

#[test]
fn a_pinned_key_is_no_question() {
    let ours = Keys::p256();
    let authentication = PeerAuthentication { asks: true, ..pinned(&[&ours]) };
    let network = run(server(&ours, None), &client(None, authentication));
    assert!(network.open_verifications.is_empty());
    assert_eq!(network.clients[0].secured().len(), 1);
}

#[test]
fn a_refused_peer_gets_an_alert_and_the_refusal_a_code() {
    let (ours, theirs) = (Keys::p256(), Keys::p256());
    let mut network = run(server(&ours, Some(asking())), &client(Some(&theirs), pinned(&[&ours])));
    let (asked, lookup, _) = question(&mut network);
    assert!(network.answer_peer(asked, lookup, false));
    network.settle();
    assert_eq!(network.server.error_kinds(), [ErrorKind::PeerRefused]);
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::AlertReceived]);
    assert!(!network.answer_peer(asked, lookup, true));
}

#[test]
fn chains_are_verified_before_the_application_is_asked() {
    let issuer = issuer();
    for (anchors, asked) in [(&issuer, 1), (&super::certificates::issuer(), 0)] {
        let (keys, own) = certified(&issuer);
        let server = ServerConfig::new(&settings(&[]), Some(own), false, None).unwrap();
        let config = client(None, PeerAuthentication { asks: true, ..trusting(anchors) });
        let mut network = run(server, &config);
        assert_eq!(network.open_verifications.len(), asked);
        if asked == 1 {
            let (at, lookup, peer) = network.open_verifications.remove(0);
            assert_eq!(peer.public_key, keys.public.der());
            assert!(peer.certificate.unwrap().len() > peer.public_key.len());
            assert!(network.answer_peer(at, lookup, true));
            network.settle();
            assert_eq!(network.server.secured().len(), 1);
        } else {
            assert_eq!(network.clients[0].error_kinds(), [ErrorKind::Certificate(CertificateFault::UnknownIssuer)]);
        }
    }
}

#[test]
fn a_late_decision_finds_everything_held_and_a_double_one_has_no_effect() {
    let (ours, theirs) = (Keys::p256(), Keys::p256());
    let mut network = run(server(&ours, Some(asking())), &client(Some(&theirs), pinned(&[&ours])));
    let address = network.clients[0].address;
    let answered = |network: &Network| network.wire.iter().filter(|(_, to, _)| *to == address).count();
    let before = answered(&network);
    network.run_for(Duration::from_secs(20));
    assert_eq!(answered(&network), before, "the timer did not stand still");
    let (asked, lookup, _) = question(&mut network);
    assert!(network.answer_peer(asked, lookup, true));
    assert!(!network.answer_peer(asked, lookup, false));
    // One answer was enough for the flight and all its repetitions.
    network.settle();
    assert_eq!((network.server.secured().len(), network.clients[0].secured().len()), (1, 1));
    assert!(!network.answer_peer(asked, lookup, false));
    assert_eq!(network.server.endpoint.question_count(), 0);
}

#[test]
fn a_decision_that_never_comes_costs_one_handshake_timeout() {
    let (ours, theirs) = (Keys::p256(), Keys::p256());
    let mut network = run(server(&ours, Some(asking())), &client(Some(&theirs), pinned(&[&ours])));
    network.run_for(Duration::from_secs(130));
    assert_eq!(network.server.error_kinds(), [ErrorKind::HandshakeTimeout]);
    let (asked, lookup, _) = question(&mut network);
    assert!(!network.answer_peer(asked, lookup, true));
    assert_eq!(network.server.endpoint.question_count(), 0);
}

#[test]
fn a_failed_verification_ends_its_own_handshake_and_a_key_answers_no_question_about_a_peer() {
    let ours = Keys::p256();
    let mut network = run(server(&ours, Some(asking())), &client(Some(&Keys::p256()), pinned(&[&ours])));
    let (_, lookup, _) = question(&mut network);
    assert!(!network.answer(lookup, Some(KEY)));
    assert!(fail(&mut network.server.endpoint, network.now, lookup, "database is down"));
    network.settle();
    assert_eq!(network.server.error_kinds(), [ErrorKind::LookupFailed]);
}

#[test]
fn an_accepted_key_is_not_enough_without_its_private_half() {
    // The client shows a key that is accepted, and signs with another.
    let (ours, theirs, stolen) = (Keys::p256(), Keys::p256(), Keys::p256());
    let mut network = Network::new(server(&ours, Some(pinned(&[&stolen]))));
    network.connect(&client(Some(&theirs), pinned(&[&ours])));
    network.rewrite = Some((theirs.public.der().to_vec(), stolen.public.der().to_vec()));
    network.settle();
    assert!(network.server.secured().is_empty());
    assert_eq!(network.server.error_kinds(), [ErrorKind::WrongSignature]);
}

// --- weather and attacks ---------------------------------------------------------------------------------------------

#[test]
fn mutual_handshakes_survive_loss_duplication_and_reordering_in_small_fragments() {
    for (theirs, mtu) in [(Keys::p256(), 1200), (Keys::rsa(), 256)] {
        let ours = Keys::p256();
        // With the usual doubling there are too few repetitions for this weather.
        let longest_interval = Duration::from_secs(4);
        let settings = crate::tls::Settings { mtu, longest_interval, ..settings(&[]) };
        let clients = Some(pinned(&[&theirs]));
        let mut network = Network::new(ServerConfig::new(&settings, ours.credentials(), false, clients).unwrap());
        network.weather = Weather { loss: 33, duplication: 20, jitter: Duration::from_millis(50) };
        let config = ClientConfig::new(&settings, None, Some(pinned(&[&ours])), theirs.credentials()).unwrap();
        for _ in 0..20 {
            network.connect(&config);
        }
        network.run_for(Duration::from_secs(119));
        assert_eq!(network.server.secured().len(), 20);
        assert!(network.clients.iter().all(|client| client.secured().len() == 1));
    }
}

#[test]
fn decisions_survive_the_same() {
    let (ours, theirs) = (Keys::p256(), Keys::p256());
    let mut network = Network::new(server(&ours, Some(asking())));
    network.weather = Weather { loss: 20, duplication: 20, jitter: Duration::from_millis(50) };
    let config = client(Some(&theirs), asking());
    for _ in 0..20 {
        network.connect(&config);
    }
    for _ in 0..200 {
        network.run_for(Duration::from_millis(500));
        for (asked, lookup, _) in std::mem::take(&mut network.open_verifications) {
            network.answer_peer(asked, lookup, true);
        }
    }
    assert!(network.clients.iter().all(|client| client.secured().len() == 1));
}

#[test]
fn changed_and_truncated_handshake_datagrams_never_panic() {
    let (ours, theirs) = (Keys::p256(), Keys::p256());
    let start = || {
        let mut network = Network::new(server(&ours, Some(pinned(&[&theirs]))));
        network.connect(&client(Some(&theirs), pinned(&[&ours])));
        network
    };
    let mut clean = start();
    clean.settle();
    for round in 0..clean.wire.len() {
        for variant in 0..80 {
            let mut network = start();
            while network.wire.len() <= round && network.step() {}
            let Some((from, to, original)) = network.wire.get(round).cloned() else {
                continue;
            };
            let at = variant * 37 % original.len();
            let mut changed = original;
            if variant % 4 == 0 {
                changed.truncate(at);
            } else {
                changed[at] = changed[at].wrapping_add(variant as u8 + 1);
            }
            network.inject(from, to, &changed);
            network.settle();
            let gone = network.server.closes().count();
            let started = network.server.endpoint.counters().handshakes_started as usize;
            assert_eq!(started - gone, network.server.endpoint.connection_count());
        }
    }
}

/// What becomes of a handshake in which every occurrence of these bytes is replaced on its way, to and from.
fn with_rewritten(server: ServerConfig, client: &ClientConfig, from: &[u8], to: &[u8]) -> [Vec<ErrorKind>; 2] {
    assert_eq!(from.len(), to.len());
    let mut network = Network::new(server);
    network.rewrite = Some((from.to_vec(), to.to_vec()));
    network.connect(client);
    network.settle();
    assert!(network.server.secured().is_empty() && network.clients[0].secured().is_empty());
    [network.server.error_kinds(), network.clients[0].error_kinds()]
}

#[test]
fn a_malformed_offer_ends_its_own_handshake() {
    let keys = Keys::p256();
    let offer = [0, 20, 0, 2, 1, 2];
    for malformed in [[0, 20, 0, 2, 2, 2], [0, 20, 0, 2, 0, 2], [0, 20, 0, 9, 1, 2]] {
        let [at_server, at_client] =
            with_rewritten(server(&keys, None), &client(None, pinned(&[&keys])), &offer, &malformed);
        // An extension longer than its block makes the whole no ClientHello.
        if malformed[3] == 2 {
            assert_eq!((at_server, at_client), (vec![ErrorKind::Protocol], vec![ErrorKind::AlertReceived]));
        }
    }
}

#[test]
fn a_type_that_nobody_offered_ends_the_handshake() {
    let keys = Keys::p256();
    for choice in [0, 1, 255] {
        let [at_server, at_client] = with_rewritten(
            server(&keys, None),
            &client(None, pinned(&[&keys])),
            &[0, 20, 0, 1, 2],
            &[0, 20, 0, 1, choice],
        );
        assert_eq!((at_server, at_client), (vec![ErrorKind::AlertReceived], vec![ErrorKind::Protocol]));
    }
}

#[test]
fn keys_that_are_no_keys_end_the_handshake() {
    let keys = Keys::p256();
    let good = keys.public.der();
    let mut other_curve = good.to_vec();
    other_curve[22] = 0x0a;
    let mut off_the_curve = good.to_vec();
    *off_the_curve.last_mut().unwrap() ^= 1;
    for bad in [other_curve, off_the_curve, vec![0; good.len()], vec![0xff; good.len()]] {
        let open = PeerAuthentication { required: false, ..pinned(&[]) };
        let [at_server, at_client] = with_rewritten(server(&keys, None), &client(None, open), good, &bad);
        assert_eq!(
            (at_server, at_client),
            (vec![ErrorKind::AlertReceived], vec![ErrorKind::Certificate(CertificateFault::UnacceptableKey)])
        );
    }
}

/// A server that sends no Certificate message, as node-mbed-dtls's do.
fn server_without_certificate(own: &Keys) -> ServerConfig {
    ServerConfig::new(&settings(&[]), own.credentials().map(Credentials::leave_out), false, None).unwrap()
}

fn without_certificate(keys: &[&Keys]) -> PeerAuthentication {
    PeerAuthentication { allows_omission: true, ..pinned(keys) }
}

#[test]
fn a_client_of_the_old_library_needs_no_certificate_message() {
    for keys in [Keys::p256(), Keys::rsa()] {
        let mut network = run(server_without_certificate(&keys), &client(None, without_certificate(&[&keys])));
        assert_eq!((network.server.error_kinds(), network.clients[0].error_kinds()), (NO_ERROR, NO_ERROR));
        assert_eq!(network.clients[0].peer_keys(), [Some(keys.public.der().to_vec())]);
        network.send_from_client(0, b"hello");
        network.settle();
        assert_eq!(network.server.payloads(), [b"hello"]);
    }
}

#[test]
fn a_server_without_certificate_message_proves_its_key_all_the_same() {
    let (ours, other) = (Keys::p256(), Keys::p256());
    let (at_server, at_client) =
        outcome(server_without_certificate(&ours), &client(None, without_certificate(&[&other])));
    assert_eq!(at_server, [ErrorKind::AlertReceived]);
    assert_eq!(at_client, [ErrorKind::WrongSignature]);
}

#[test]
fn who_does_not_know_of_the_omission_refuses_it() {
    let (ours, other) = (Keys::p256(), Keys::p256());
    for client_side in [pinned(&[&ours]), without_certificate(&[&ours, &other])] {
        let (_, at_client) = outcome(server_without_certificate(&ours), &client(None, client_side));
        assert_eq!(at_client, [ErrorKind::Protocol]);
    }
}

#[test]
fn a_client_that_allows_the_omission_takes_a_certificate_message_too() {
    let ours = Keys::p256();
    let (at_server, at_client) = outcome(server(&ours, None), &client(None, without_certificate(&[&ours])));
    assert_eq!((at_server, at_client), (NO_ERROR, NO_ERROR));
}
