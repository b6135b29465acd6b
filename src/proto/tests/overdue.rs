//! Handshakes that take too long: what each says it has waited for.

use super::certificates::{ca_signed_server, verifying_client};
use super::jobs::run_to_job;
use super::network::*;
use super::psk_attacks::{forged_end, withheld_flight};
use crate::tls::{ClientConfig, ServerConfig};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(121);

fn with_psk() -> (ServerConfig, ClientConfig) {
    (psk_server(), psk_client(&["PSK-AES128-CCM8"]))
}

fn with_certificates() -> (ServerConfig, ClientConfig) {
    let (server, ca) = ca_signed_server("localhost");
    (server, verifying_client(&["ECDHE-ECDSA-AES128-GCM-SHA256"], &ca, "localhost"))
}

/// A network in which the server has the ClientKeyExchange of a client that has fallen silent, and of the rest of its flight
/// what somebody has made up.
fn forged((server, client): (ServerConfig, ClientConfig)) -> Network {
    let mut network = Network::new(server);
    let (address, records) = withheld_flight(&mut network, &client);
    network.inject(address, SERVER, &records[0]);
    network.inject(address, SERVER, &forged_end());
    network.clients.clear();
    network.run_for(TIMEOUT);
    network
}

/// A network in which the client has sent all that it has to say, and gets no answer.
fn unanswered((server, client): (ServerConfig, ClientConfig)) -> Network {
    let mut network = Network::new(server);
    withheld_flight(&mut network, &client);
    network.weather.loss = 100;
    network.run_for(TIMEOUT);
    network
}

fn assert_message(peer: &Peer, message: &str) {
    assert_eq!(peer.error_kinds(), [ErrorKind::HandshakeTimeout]);
    assert_eq!(peer.error_message(), message);
}

#[test]
fn a_server_has_waited_for_the_end_of_a_handshake() {
    for modes in [with_psk(), with_certificates()] {
        assert_message(&unanswered(modes).server, "The peer did not finish the handshake within 120000 ms");
    }
}

#[test]
fn a_server_has_waited_for_a_finished_message_that_is_authentic() {
    let message =
        "The client did not finish the handshake in time, as if its pre-shared key were not the one of its identity";
    assert_message(&forged(with_psk()).server, message);
    let message = "No Finished message that came in time could be authenticated";
    assert_message(&forged(with_certificates()).server, message);
}

#[test]
fn a_client_has_waited_for_the_end_of_a_handshake_which_some_servers_do_not_answer_when_keys_differ() {
    let message = "The server did not answer the end of the handshake, as if it had another pre-shared key than ours";
    assert_message(&unanswered(with_psk()).clients[0], message);
    let message = "The peer did not finish the handshake within 120000 ms";
    assert_message(&unanswered(with_certificates()).clients[0], message);
}

#[test]
fn an_application_or_a_thread_has_been_waited_for() {
    let mut network = Network::new(psk_server());
    network.answers_at_once = false;
    network.connect(&psk_client(&[]));
    network.run_for(TIMEOUT);
    let message = "The application did not answer the look-up of a pre-shared key within 120000 ms";
    assert_message(&network.server, message);

    let (server, client) = with_certificates();
    let mut network = Network::with_jobs(server, 4);
    network.connect(&client);
    run_to_job(&mut network);
    network.run_for(TIMEOUT);
    assert_message(&network.server, "No thread had done the handshake's next step within 120000 ms");
}
