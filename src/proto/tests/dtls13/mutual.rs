//! Clients that prove who they are in the handshake, and raw public keys on either side (RFC 7250).

use super::certificates::{credentials, trusting};
use super::*;
use crate::proto::tests::certificates::{Issuer, issuer};
use crate::tls::{Authorization, CertificateFault, Credentials, PeerAuthentication};
use crate::wire::PublicKey;
use rcgen::{KeyPair, PublicKeyData};
use std::time::Duration;

fn only() -> Settings {
    settings_of(ONLY, &[], &[])
}

fn key() -> KeyPair {
    KeyPair::generate().unwrap()
}

fn raw(key: &KeyPair) -> Option<Credentials> {
    Some(Credentials::parse_raw(key.serialize_pem().as_bytes(), None).unwrap())
}

/// Who has one of these keys.
fn pinned(keys: &[&KeyPair]) -> PeerAuthentication {
    let public = |key: &&KeyPair| PublicKey::recognise(&key.subject_public_key_info()).unwrap();
    PeerAuthentication {
        public_keys: Some(keys.iter().map(public).collect()),
        required: true,
        ..PeerAuthentication::lenient()
    }
}

fn server_of_keys(own: Option<Credentials>, clients: Option<PeerAuthentication>) -> ServerConfig {
    ServerConfig::new(&only(), own, false, clients).unwrap()
}

fn client_of_keys(own: Option<Credentials>, server: PeerAuthentication) -> ClientConfig {
    ClientConfig::new(&only(), None, Some(server), own).unwrap()
}

fn run(server: ServerConfig, client: &ClientConfig) -> Network {
    let mut network = Network::new(server);
    network.connect(client);
    network.settle();
    network
}

fn mutual(issuer: &Issuer, clients: PeerAuthentication, own: Option<&KeyPair>) -> (ServerConfig, ClientConfig) {
    let server = server_of_keys(Some(credentials(&key(), issuer)), Some(clients));
    let own = own.map(|own| credentials(own, issuer));
    (server, client_of_keys(own, trusting(issuer, Some("localhost"))))
}

fn authorization(peer: &Peer) -> Vec<Authorization> {
    let of = |event: &crate::proto::Event| match event {
        crate::proto::Event::Secure { terms, .. } => Some(terms.authorization),
        _ => None,
    };
    peer.log.iter().filter_map(of).collect()
}

#[test]
fn both_sides_know_each_other_by_chains() {
    let (issuer, own) = (issuer(), key());
    let (server, client) = mutual(&issuer, trusting(&issuer, None), Some(&own));
    let mut network = run(server, &client);
    assert_eq!((network.server.error_kinds(), network.clients[0].error_kinds()), (vec![], vec![]));
    assert_eq!(network.server.peer_keys(), [Some(own.subject_public_key_info())]);
    assert_eq!(authorization(&network.server), [Authorization::Granted]);
    talk(&mut network);
}

#[test]
fn a_client_without_a_certificate_is_refused_where_one_is_required() {
    let issuer = issuer();
    let (server, client) = mutual(&issuer, trusting(&issuer, None), None);
    let network = run(server, &client);
    assert_eq!(network.server.error_kinds(), [ErrorKind::Certificate(CertificateFault::Missing)]);
    // The client was done: the server's last word reaches it as an alert (RFC 8446 section 6.2).
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::AlertReceived]);
    assert!(network.server.secured().is_empty());
}

#[test]
fn a_client_without_a_certificate_is_let_in_where_none_is_required() {
    let issuer = issuer();
    let clients = PeerAuthentication { required: false, ..trusting(&issuer, None) };
    let (server, client) = mutual(&issuer, clients, None);
    let mut network = run(server, &client);
    let missing = ErrorKind::Certificate(CertificateFault::Missing);
    assert_eq!(authorization(&network.server), [Authorization::Refused(missing)]);
    talk(&mut network);
}

#[test]
fn a_client_that_nobody_vouches_for_is_refused_or_let_in_and_told() {
    let (ours, theirs) = (issuer(), issuer());
    let server = |required| {
        let clients = PeerAuthentication { required, ..trusting(&ours, None) };
        server_of_keys(Some(credentials(&key(), &ours)), Some(clients))
    };
    let client = || client_of_keys(Some(credentials(&key(), &theirs)), trusting(&ours, Some("localhost")));
    let fault = ErrorKind::Certificate(CertificateFault::UnknownIssuer);
    assert_eq!(run(server(true), &client()).server.error_kinds(), [fault]);
    let mut network = run(server(false), &client());
    assert_eq!(authorization(&network.server), [Authorization::Refused(fault)]);
    talk(&mut network);
}

#[test]
fn the_question_about_the_client_comes_when_it_has_proved_its_key_and_the_timers_stand_still() {
    for accepted in [true, false] {
        let (issuer, own) = (issuer(), key());
        let clients = PeerAuthentication { asks: true, ..trusting(&issuer, None) };
        let (server, client) = mutual(&issuer, clients, Some(&own));
        let mut network = run(server, &client);
        let (address, question, presented) = network.open_verifications.remove(0);
        assert_eq!(presented.public_key, own.subject_public_key_info());
        network.run_for(Duration::from_secs(8));
        assert!(network.server.secured().is_empty());
        assert!(network.answer_peer(address, question, accepted));
        network.run_for(Duration::from_secs(8));
        if accepted {
            talk(&mut network);
        } else {
            assert_eq!(network.server.error_kinds(), [ErrorKind::PeerRefused]);
            assert_eq!(network.clients[0].error_kinds(), [ErrorKind::AlertReceived]);
        }
    }
}

/// RFC 9147 section 7.1: whoever cannot answer a flight soon acknowledges it.
#[test]
fn a_side_whose_application_is_asked_says_what_has_come_so_that_nothing_is_repeated() {
    for asks_about_client in [true, false] {
        let (issuer, own) = (issuer(), key());
        let asking = |asks, name| PeerAuthentication { asks, ..trusting(&issuer, name) };
        let server = server_of_keys(Some(credentials(&key(), &issuer)), Some(asking(asks_about_client, None)));
        let server_is_known_by = asking(!asks_about_client, Some("localhost"));
        let client = client_of_keys(Some(credentials(&own, &issuer)), server_is_known_by);
        let mut network = run(server, &client);
        let (address, question, _) = network.open_verifications.remove(0);
        let waiting = if asks_about_client { network.clients[0].address } else { SERVER };
        let before = sent_by(&network, waiting).len();
        network.run_for(Duration::from_secs(30));
        assert_eq!(sent_by(&network, waiting).len(), before);
        assert!(network.answer_peer(address, question, true));
        network.settle();
        assert_eq!((network.server.secured().len(), network.clients[0].secured().len()), (1, 1));
        talk(&mut network);
    }
}

#[test]
fn both_sides_know_each_other_by_pinned_keys() {
    let (ours, theirs) = (key(), key());
    let server = server_of_keys(raw(&ours), Some(pinned(&[&theirs])));
    let mut network = run(server, &client_of_keys(raw(&theirs), pinned(&[&ours])));
    assert_eq!((network.server.error_kinds(), network.clients[0].error_kinds()), (vec![], vec![]));
    assert_eq!(network.server.peer_keys(), [Some(theirs.subject_public_key_info())]);
    assert_eq!(network.clients[0].peer_keys(), [Some(ours.subject_public_key_info())]);
    talk(&mut network);
}

#[test]
fn another_key_than_the_pinned_one_is_refused_on_either_side() {
    let (ours, theirs, other) = (key(), key(), key());
    let network = run(server_of_keys(raw(&ours), None), &client_of_keys(None, pinned(&[&other])));
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::PeerKeyMismatch]);
    let server = server_of_keys(raw(&ours), Some(pinned(&[&other])));
    let network = run(server, &client_of_keys(raw(&theirs), pinned(&[&ours])));
    assert_eq!(network.server.error_kinds(), [ErrorKind::PeerKeyMismatch]);
}

#[test]
fn a_chain_on_one_side_and_a_raw_key_on_the_other() {
    let (issuer, theirs) = (issuer(), key());
    let server = server_of_keys(Some(credentials(&key(), &issuer)), Some(pinned(&[&theirs])));
    let mut network = run(server, &client_of_keys(raw(&theirs), trusting(&issuer, Some("localhost"))));
    assert_eq!(network.server.peer_keys(), [Some(theirs.subject_public_key_info())]);
    talk(&mut network);
}

#[test]
fn sides_that_show_one_kind_and_take_the_other_have_nothing_in_common() {
    let issuer = issuer();
    let network = run(server_of_keys(raw(&key()), None), &client_of_keys(None, trusting(&issuer, Some("localhost"))));
    assert_eq!(network.server.error_kinds(), [ErrorKind::NoSharedCertificateType]);
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::AlertReceived]);
}

#[test]
fn any_one_or_two_datagrams_of_a_mutual_handshake_may_be_lost() {
    let issuer = issuer();
    let losses = (0..9).flat_map(|first| (first..9).map(move |second| [first, second]));
    let own = key();
    for lost in losses {
        let (server, client) = mutual(&issuer, trusting(&issuer, None), Some(&own));
        let mut network = Network::new(server);
        network.connect(&client);
        connect_without(&mut network, lost);
    }
}

#[test]
fn steps_with_certificates_leave_for_another_thread_and_come_back() {
    let issuer = issuer();
    let (server, client) = mutual(&issuer, trusting(&issuer, None), Some(&key()));
    let mut network = Network::with_jobs(server, 4);
    network.runs_jobs_at_once = true;
    network.connect(&client);
    network.settle();
    talk(&mut network);
    assert_eq!(network.server.endpoint.counters().jobs_started, 2);
    assert_eq!(network.clients[0].endpoint.counters().jobs_started, 1);
}

#[test]
fn what_comes_while_a_thread_has_the_handshake_is_read_when_it_is_back() {
    let issuer = issuer();
    for id_length in [None, Some(8)] {
        let (server, client) = mutual(&issuer, trusting(&issuer, None), Some(&key()));
        let mut network = Network::with_jobs(server, 4);
        network.server.endpoint.use_connection_ids(id_length);
        network.client_ids = id_length;
        network.connect(&client);
        // The server's flight is signed, and the client's is; then the client is there, and its server reads its certificate.
        for _ in 0..2 {
            network.settle();
            network.run_job(0);
        }
        network.settle();
        assert_eq!((network.open_jobs.len(), network.server.secured().len()), (1, 0));
        network.send_from_client(0, b"right behind the handshake");
        network.settle();
        network.run_job(0);
        network.settle();
        assert_eq!(network.server.received.pop().unwrap().1, b"right behind the handshake");
        assert_eq!(network.server.endpoint.counters().records_dropped, 0);
    }
}

#[test]
fn a_thread_that_takes_long_costs_no_repetition() {
    let issuer = issuer();
    let (server, client) = mutual(&issuer, trusting(&issuer, None), Some(&key()));
    let mut network = Network::with_jobs(server, 4);
    network.connect(&client);
    for _ in 0..10 {
        network.run_for(Duration::from_millis(400));
        while !network.open_jobs.is_empty() {
            network.run_job(0);
        }
    }
    network.settle();
    talk(&mut network);
    assert_eq!(network.server.endpoint.counters().jobs_started, 2);
}

/// Whoever sees the traffic floods the client's name while a thread is at work: with what the handshake could mean, for all that
/// is known, and with what means nothing.
#[test]
fn a_flood_while_a_thread_has_the_handshake_keeps_nobody_out() {
    let issuer = issuer();
    let (server, client) = mutual(&issuer, trusting(&issuer, None), Some(&key()));
    let mut network = Network::with_jobs(server, 1);
    network.connect(&client);
    let address = network.clients[0].address;
    let flood = |network: &mut Network| {
        for number in 0..5_000_u32 {
            let [.., high, low] = number.to_be_bytes();
            // Ciphertexts of each epoch, as short as they can be, and long ones; plaintext of a handshake, empty and not.
            network.inject(address, SERVER, &[&[0x2c | high & 3, 0, 0, 16][..], &[low; 16]].concat());
            network.inject(address, SERVER, &[&[0x2e, high, low, 4, 0][..], &[7; 1024]].concat());
            network.inject(address, SERVER, &[22, 254, 253, 0, 0, 0, 0, 0, 0, high, low, 0, 0]);
            network.inject(address, SERVER, &[22, 254, 253, 0, 0, 0, 0, 0, 0, high, low, 0, 4, 11, 0, 0, 1]);
        }
    };
    for _ in 0..2 {
        network.settle();
        flood(&mut network);
        network.run_job(0);
    }
    network.settle();
    assert_eq!((network.open_jobs.len(), network.server.secured().len()), (1, 0));
    flood(&mut network);
    network.run_job(0);
    for _ in 0..20 {
        network.run_for(Duration::from_secs(1));
        while !network.open_jobs.is_empty() {
            network.run_job(0);
        }
    }
    assert_eq!((network.server.error_kinds(), network.clients[0].error_kinds()), (vec![], vec![]));
    talk(&mut network);
}
