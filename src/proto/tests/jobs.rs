//! Handshake steps that other threads take: at once, later, out of order, or never.

use super::certificates::{Issuer, ca_signed_server, issuer, leaf, verifying_client};
use super::hostile::spoofed_datagrams;
use super::modes::Mode;
use super::network::*;
use crate::proto::{CloseReason, Limits};
use crate::tls::{ClientConfig, Credentials, PeerAuthentication, ServerConfig, TrustAnchors, Version};
use crate::wire::Records;
use rcgen::{ExtendedKeyUsagePurpose, KeyPair};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Those that this build speaks.
const VERSIONS: &[Version] = &[
    Version::Dtls12,
    #[cfg(feature = "aws-lc")]
    Version::Dtls13,
];

fn certificate_network(limit: usize) -> (Network, ClientConfig) {
    let (server, ca) = ca_signed_server("localhost");
    (Network::with_jobs(server, limit), verifying_client(&[], &ca, "localhost"))
}

/// A credential that the issuer vouches for, for either side.
pub(super) fn credentials(key: &KeyPair, issuer: &Issuer) -> Credentials {
    let mut params = leaf("localhost");
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
    let certificate = params.signed_by(key, issuer).unwrap();
    Credentials::parse(key.serialize_pem().as_bytes(), None, &[certificate.pem()]).unwrap()
}

fn mutual_configs(asks: bool) -> (ServerConfig, ClientConfig) {
    let key = || KeyPair::generate().unwrap();
    mutual_configs_with(&key(), &key(), &issuer(), asks)
}

/// `asks`: the server's application has the last word.
pub(super) fn mutual_configs_with(
    server: &KeyPair,
    client: &KeyPair,
    issuer: &Issuer,
    asks: bool,
) -> (ServerConfig, ClientConfig) {
    let authentication = |servername: Option<&str>, asks| PeerAuthentication {
        trust_anchors: Some(Arc::new(TrustAnchors::parse(&[issuer.pem()]).unwrap())),
        servername: servername.map(str::to_owned),
        required: true,
        asks,
        ..PeerAuthentication::lenient()
    };
    let settings = settings(&[]);
    let verifies = authentication(Some("localhost"), false);
    let client = ClientConfig::new(&settings, None, Some(verifies), Some(credentials(client, issuer)));
    let verifies = authentication(None, asks);
    let server = ServerConfig::new(&settings, Some(credentials(server, issuer)), false, Some(verifies));
    (server.unwrap(), client.unwrap())
}

fn assert_echo(network: &mut Network, client: usize) {
    network.send_from_client(client, b"ping");
    network.settle();
    assert_eq!(network.server.received.pop().unwrap().1, b"ping");
}

/// Runs until this client's handshake waits for a thread at the server.
pub(super) fn run_to_job(network: &mut Network) {
    while !network.open_jobs.iter().any(|(client, _)| client.is_none()) {
        while let Some(index) = network.open_jobs.iter().position(|(client, _)| client.is_some()) {
            network.run_job(index);
        }
        assert!(network.step(), "the server never had a job");
    }
}

fn finish(network: &mut Network) {
    network.runs_jobs_at_once = true;
    while !network.open_jobs.is_empty() {
        network.run_job(0);
    }
    network.settle();
}

#[test]
fn one_handshake_is_two_jobs_for_a_server_and_one_for_a_client() {
    let (mut network, client) = certificate_network(4);
    network.runs_jobs_at_once = true;
    network.connect(&client);
    network.settle();
    assert_echo(&mut network, 0);
    assert_eq!(network.server.endpoint.counters().jobs_started, 2);
    assert_eq!(network.clients[0].endpoint.counters().jobs_started, 1);
    assert_eq!(network.server.endpoint.counters().records_dropped, 0);
}

#[test]
fn a_flight_with_a_certificate_is_no_more_jobs() {
    let (server, client) = mutual_configs(false);
    let mut network = Network::with_jobs(server, 4);
    network.connect(&client);
    for _ in 0..10 {
        network.settle();
        // Whoever waits for a thread does so until the whole flight of its peer is there.
        while !network.open_jobs.is_empty() {
            network.run_job(0);
        }
    }
    assert_echo(&mut network, 0);
    assert_eq!(network.server.endpoint.counters().jobs_started, 2);
    assert_eq!(network.clients[0].endpoint.counters().jobs_started, 1);
}

#[test]
fn a_signature_that_comes_late_is_a_job_of_its_own() {
    const CERTIFICATE_VERIFY: u8 = 15;
    let configs = Mode::Mutual.configs(1200);
    let mut network = Network::with_jobs(Arc::clone(&configs.server), 4);
    network.runs_jobs_at_once = true;
    network.connect(configs.client());
    let mut late = Vec::new();
    while let Some((from, to, datagram)) = network.take_next() {
        for record in Records::new(&datagram) {
            let is_signature = record.epoch == 0 && record.fragment().first() == Some(&CERTIFICATE_VERIFY);
            match is_signature && from != SERVER {
                true => late = record.bytes.to_vec(),
                false => network.inject(from, to, record.bytes),
            }
        }
    }
    // Our own key exchange, and each message of the client's that came alone.
    assert_eq!((network.server.endpoint.counters().jobs_started, network.server.secured().len()), (3, 0));
    let address = network.clients[0].address;
    network.inject(address, SERVER, &late);
    network.settle();
    assert_echo(&mut network, 0);
    assert_eq!(network.server.endpoint.counters().jobs_started, 4);
}

#[test]
fn a_question_to_the_application_in_the_middle_of_a_job_brings_it_back() {
    let (server, client) = mutual_configs(true);
    let mut network = Network::with_jobs(server, 4);
    network.runs_jobs_at_once = true;
    network.connect(&client);
    network.settle();
    let (asked, lookup, _) = network.open_verifications.remove(0);
    assert!(network.server.secured().is_empty());
    assert!(network.answer_peer(asked, lookup, true));
    network.settle();
    assert_echo(&mut network, 0);
}

#[test]
fn a_handshake_that_waits_for_its_configuration_first_is_as_many_jobs() {
    let (mut network, client) = certificate_network(4);
    network.server.endpoint.ask(asks_about_hellos(true, false));
    network.runs_jobs_at_once = true;
    network.connect(&client);
    network.settle();
    assert!(network.answer_config(None));
    network.settle();
    assert_echo(&mut network, 0);
    assert_eq!(network.server.endpoint.counters().jobs_started, 2);
}

#[test]
fn a_pre_shared_key_needs_no_thread() {
    for suite in ["PSK-AES128-CCM8", "ECDHE-PSK-AES128-CBC-SHA256"] {
        let mut network = Network::with_jobs(psk_server(), 4);
        network.connect(&psk_client(&[suite]));
        network.settle();
        finish(&mut network);
        assert_echo(&mut network, 0);
        // ECDHE costs as much as a certificate where it is Mbed TLS's own.
        let needs_one = suite.starts_with("ECDHE") && !cfg!(feature = "aws-lc");
        assert_eq!(network.server.endpoint.counters().jobs_started > 0, needs_one, "{suite}");
        assert_eq!(network.clients[0].endpoint.counters().jobs_started > 0, needs_one, "{suite}");
    }
}

#[cfg(feature = "aws-lc")]
#[test]
fn a_pre_shared_key_needs_no_thread_in_dtls_1_3_either() {
    let configs = Mode::Psk.configs_in(Version::Dtls13, 1400);
    let mut network = Network::with_jobs(Arc::clone(&configs.server), 4);
    network.connect(configs.client());
    network.settle();
    assert_echo(&mut network, 0);
    assert_eq!(network.server.endpoint.counters().jobs_started, 0);
    assert_eq!(network.clients[0].endpoint.counters().jobs_started, 0);
}

#[test]
fn jobs_that_come_back_in_another_order_are_put_where_they_belong() {
    let (mut network, client) = certificate_network(100);
    for _ in 0..10 {
        network.connect(&client);
    }
    for _ in 0..10 {
        network.settle();
        while !network.open_jobs.is_empty() {
            let last = network.open_jobs.len() - 1;
            network.run_job(last);
        }
    }
    assert_eq!(network.server.secured().len(), 10);
    for index in 0..10 {
        assert_echo(&mut network, index);
    }
    assert_eq!(network.server.endpoint.counters().records_dropped, 0);
}

#[test]
fn no_more_jobs_are_out_than_allowed_and_the_first_come_leave_first() {
    let (mut network, client) = certificate_network(3);
    for _ in 0..10 {
        network.connect(&client);
    }
    network.settle();
    let servers = |network: &Network| network.open_jobs.iter().filter(|(client, _)| client.is_none()).count();
    assert_eq!(servers(&network), 3);
    // Two connections go before it is their turn, one while its job is out.
    let handles: Vec<_> = (1..=10).map(crate::proto::ConnectionHandle).collect();
    for index in [0, 5, 6] {
        network.server.endpoint.abort(handles[index]);
    }
    network.collect();
    network.run_job(0);
    assert_eq!(servers(&network), 3);
    let out: Vec<_> = network.open_jobs.iter().map(|(_, job)| job.connection()).collect();
    assert_eq!(out, [handles[1], handles[2], handles[3]]);
    finish(&mut network);
    assert_eq!(network.server.secured().len(), 7);
    assert_eq!(network.server.endpoint.connection_count(), 7);
}

#[test]
fn a_client_that_waits_longer_for_a_slow_server_repeats_itself_and_connects() {
    let (mut network, client) = certificate_network(4);
    network.connect(&client);
    run_to_job(&mut network);
    network.run_for(Duration::from_secs(8));
    // The server has nothing to repeat; the client has its hello.
    assert!(network.wire.iter().filter(|(from, ..)| *from == SERVER).count() == 1);
    finish(&mut network);
    assert_echo(&mut network, 0);
    assert_eq!(network.server.secured().len(), 1);
}

#[test]
fn the_timer_of_a_flight_begins_when_it_leaves() {
    for &version in VERSIONS {
        let configs = Mode::Certificate.configs_in(version, 1400);
        let mut network = Network::with_jobs(Arc::clone(&configs.server), 4);
        network.connect(configs.client());
        run_to_job(&mut network);
        network.now += Duration::from_millis(900);
        network.run_job(0);
        network.drop_in_flight();
        network.clients.clear();
        let sent = network.server.endpoint.counters().datagrams_sent;
        network.run_for(Duration::from_millis(990));
        assert_eq!(network.server.endpoint.counters().datagrams_sent, sent, "{version:?}");
        network.run_for(Duration::from_millis(20));
        assert!(network.server.endpoint.counters().datagrams_sent > sent, "{version:?}");
    }
}

#[test]
fn a_job_that_never_comes_back_ends_with_the_handshake_timeout() {
    let (mut network, client) = certificate_network(4);
    let empty = network.server.endpoint.footprint();
    network.connect(&client);
    run_to_job(&mut network);
    network.run_for(Duration::from_secs(121));
    assert_eq!(network.server.error_kinds(), [ErrorKind::HandshakeTimeout]);
    assert_eq!(network.server.endpoint.footprint(), empty);
    let sent = network.server.endpoint.counters().datagrams_sent;
    network.run_job(0);
    assert_eq!(network.server.endpoint.counters().datagrams_sent, sent);
    assert_eq!(network.server.closes().count(), 1);
}

#[test]
fn a_job_that_is_lost_leaves_its_place_to_the_next() {
    let (mut network, client) = certificate_network(2);
    network.job_limit = 0;
    for _ in 0..4 {
        network.connect(&client);
    }
    network.settle();
    assert_eq!(network.open_jobs.len(), 2);
    let (_, lost) = network.open_jobs.remove(0);
    network.server.endpoint.handle_lost_job(network.now, lost.connection());
    network.collect();
    assert_eq!(network.open_jobs.len(), 2);
}

#[test]
fn a_job_of_a_failed_thread_ends_its_connection_once() {
    let (mut network, client) = certificate_network(4);
    network.connect(&client);
    run_to_job(&mut network);
    let (_, job) = network.open_jobs.remove(0);
    for _ in 0..2 {
        network.server.endpoint.handle_lost_job(network.now, job.connection());
        network.collect();
    }
    assert_eq!(network.server.error_kinds(), [ErrorKind::Internal]);
    network.server.endpoint.handle_job(network.now, job.run());
    network.collect();
    assert_eq!(network.server.closes().count(), 1);
    // The next is served as if nothing had been.
    network.runs_jobs_at_once = true;
    let next = network.connect(&client);
    network.settle();
    assert_echo(&mut network, next);
}

#[test]
fn closing_while_a_job_is_out_tells_the_peer_and_the_job_finds_nobody() {
    let (mut network, client) = certificate_network(4);
    network.connect(&client);
    run_to_job(&mut network);
    let handle = network.open_jobs[0].1.connection();
    network.server.endpoint.close(network.now, handle);
    network.settle();
    assert!(matches!(network.server.closes().next(), Some((_, CloseReason::Local))));
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::ClosedDuringHandshake]);
    finish(&mut network);
    assert_eq!((network.server.closes().count(), network.server.endpoint.connection_count()), (1, 0));
    assert!(network.server.secured().is_empty());
}

#[test]
fn a_client_that_restarts_while_its_job_is_out_gets_a_new_handshake() {
    let (mut network, client) = certificate_network(4);
    network.connect(&client);
    run_to_job(&mut network);
    let address = network.clients[0].address;
    network.connect_from(address, &client);
    network.settle();
    assert!(matches!(network.server.closes().next(), Some((_, CloseReason::Replaced))));
    finish(&mut network);
    assert_eq!(network.server.secured().len(), 1);
    assert_eq!(network.server.endpoint.connection_count(), 1);
    assert_echo(&mut network, 1);
}

#[test]
fn junk_while_a_job_is_out_changes_nothing_and_is_counted() {
    let (mut network, client) = certificate_network(4);
    network.connect(&client);
    let mut injected = 0;
    // At the first job and at the second.
    for _ in 0..2 {
        run_to_job(&mut network);
        let address = network.clients[0].address;
        for datagram in spoofed_datagrams() {
            // A plaintext alert may end a handshake, whoever sends it.
            if datagram.first() != Some(&21) || datagram.get(4) != Some(&0) {
                network.inject(address, SERVER, &datagram);
                injected += 1;
            }
        }
        network.run_job(0);
    }
    assert!(injected > 400);
    finish(&mut network);
    // What was held and displaced is repeated.
    network.run_for(Duration::from_secs(5));
    assert_echo(&mut network, 0);
    let counters = network.server.endpoint.counters();
    assert!(counters.records_dropped > 300, "{counters:?}");
    assert_eq!((counters.handshakes_completed, counters.handshakes_failed), (1, 0));
}

#[test]
fn of_ten_thousand_verified_hellos_no_more_than_the_limit_wait_for_a_thread() {
    let (server, ca) = ca_signed_server("localhost");
    let limits = Limits { handshakes: 1_000, ..limits() };
    let mut network = Network::with_limits(server, limits);
    network.server.endpoint.offer_jobs(2);
    network.runs_jobs_at_once = false;
    let empty = network.server.endpoint.footprint();
    let client = verifying_client(&[], &ca, "localhost");
    for number in 0..10_000_u16 {
        let [high, low] = number.to_be_bytes();
        network.connect_from(SocketAddr::from(([10, 0, high, low], 5684)), &client);
        network.settle();
        network.clients.clear();
    }
    let counters = network.server.endpoint.counters();
    assert_eq!((counters.handshakes_started, counters.handshakes_displaced), (10_000, 9_000));
    assert_eq!(network.server.endpoint.handshake_count(), 1_000);
    assert_eq!(network.open_jobs.len(), 2);
    network.run_for(Duration::from_secs(121));
    assert_eq!(network.server.endpoint.footprint(), empty);
    let kinds = [vec![ErrorKind::Displaced; 9_000], vec![ErrorKind::HandshakeTimeout; 1_000]].concat();
    assert_eq!(network.server.error_kinds(), kinds);
}

#[test]
fn in_bad_weather_with_slow_threads_every_handshake_completes() {
    let (mut network, client) = certificate_network(3);
    network.weather = Weather { loss: 10, duplication: 20, jitter: Duration::from_millis(50) };
    for _ in 0..20 {
        network.connect(&client);
    }
    for round in 0..20_000 {
        network.run_for(Duration::from_millis(5));
        if !network.open_jobs.is_empty() && round % 3 == 0 {
            let index = round % network.open_jobs.len();
            network.run_job(index);
        }
    }
    assert_eq!(network.server.secured().len(), 20);
    assert!(network.clients.iter().all(|client| client.secured().len() == 1));
}

#[test]
fn a_result_for_a_connection_that_waits_for_none_is_thrown_away_with_all_that_it_would_send() {
    let (mut network, client) = certificate_network(4);
    network.runs_jobs_at_once = true;
    network.connect(&client);
    network.settle();
    assert_echo(&mut network, 0);
    network.runs_jobs_at_once = false;
    network.connect(&client);
    run_to_job(&mut network);
    let index = network.open_jobs.iter().position(|(client, _)| client.is_none()).unwrap();
    let mut done = network.open_jobs.remove(index).1.run();
    done.connection = network.server.secured()[0];
    assert!(!done.outbox.is_empty());
    let sent = network.server.endpoint.counters().datagrams_sent;
    network.server.endpoint.handle_job(network.now, done);
    network.collect();
    assert_echo(&mut network, 0);
    assert_eq!(network.server.endpoint.counters().datagrams_sent, sent);
    // Nor does it leave with what is sent next.
    network.server.endpoint.close(network.now, network.server.secured()[0]);
    assert_eq!(network.server.endpoint.counters().datagrams_sent, sent + 1);
}

#[cfg(feature = "aws-lc")]
#[test]
fn while_a_handshake_of_the_newer_version_is_away_what_could_belong_to_it_is_held_and_nothing_else() {
    let configs = Mode::Certificate.configs_in(Version::Dtls13, 1400);
    let mut network = Network::with_jobs(Arc::clone(&configs.server), 4);
    network.connect(configs.client());
    run_to_job(&mut network);
    let client = network.clients[0].address;
    let unexpected = |network: &Network| network.server.endpoint.counters().drops(crate::tls::DropReason::Unexpected);
    for (start, is_dropped) in [
        // An ACK in plaintext, a ciphertext, and data of DTLS 1.2.
        (&[26, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 30][..], false),
        (&[0x2e, 0, 9, 0, 30], false),
        (&[23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9, 0, 30], true),
    ] {
        let before = unexpected(&network);
        network.inject(client, SERVER, &[start, &[7; 30]].concat());
        assert_eq!(unexpected(&network) - before, u64::from(is_dropped), "{start:?}");
    }
    finish(&mut network);
    assert_echo(&mut network, 0);
}
