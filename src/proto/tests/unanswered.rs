//! Clients whose server is not there, is deaf, or speaks something else: each hears which of these it was.

use super::network::*;
use crate::proto::{CloseReason, Error};
use crate::wire::alert;
use std::time::Duration;

/// The error of a client that receives these datagrams from its server, and nothing else.
fn error_of(datagrams: &[&[u8]]) -> Error {
    let mut network = Network::new(psk_server());
    network.weather.loss = 100;
    network.connect(&psk_client(&[]));
    let now = network.now;
    for datagram in datagrams {
        network.clients[0].endpoint.handle_datagram(now, SERVER, datagram);
    }
    network.run_for(Duration::from_secs(121));
    let mut closes = network.clients[0].closes();
    match closes.next() {
        Some((_, CloseReason::Error(error))) => error.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_that_says_nothing_is_no_answer() {
    assert_eq!(error_of(&[]).kind, ErrorKind::NoAnswer);
}

#[test]
fn a_server_that_speaks_something_else_is_not_dtls() {
    assert_eq!(error_of(&[b"HTTP/1.1 400 Bad Request", b"\x60\x00\x00\x01", b""]).kind, ErrorKind::NotDtls);
    // A record of TLS.
    assert_eq!(error_of(&[b"\x15\x03\x03\x00\x02\x02\x28"]).kind, ErrorKind::NotDtls);
}

#[test]
fn a_server_that_sends_warnings_alone_is_quoted() {
    let error = error_of(&[b"noise", &alert::plaintext(0, alert::WARNING, alert::USER_CANCELED)]);
    assert_eq!(error.kind, ErrorKind::AlertReceived);
    assert_eq!(error.alert, Some(alert::USER_CANCELED));
}

#[test]
fn a_server_without_dtls_1_2_says_so_in_an_alert() {
    let error = error_of(&[&alert::plaintext(0, alert::FATAL, alert::PROTOCOL_VERSION)]);
    assert_eq!(error.kind, ErrorKind::WrongVersion);
    assert_eq!(error.alert, Some(alert::PROTOCOL_VERSION));
}

#[test]
fn a_server_hello_of_dtls_1_0_is_another_version() {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&[]));
    let hello = loop {
        network.run_for(Duration::from_micros(500));
        if let Some((_, _, datagram)) = network.wire.iter().find(|(_, _, datagram)| datagram.get(13) == Some(&2)) {
            break datagram.clone();
        }
    };
    let mut old = hello;
    // Behind the headers of the record and of the message stands the version.
    assert_eq!(old[25..27], [0xfe, 0xfd]);
    old[26] = 0xff;
    network.drop_in_flight();
    let now = network.now;
    network.clients[0].endpoint.handle_datagram(now, SERVER, &old);
    network.run_for(Duration::from_secs(121));
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::WrongVersion]);
}

#[test]
fn a_handshake_that_had_begun_is_a_timeout() {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&[]));
    while network.server.endpoint.handshake_count() == 0 {
        network.run_for(Duration::from_micros(500));
    }
    network.weather.loss = 100;
    network.drop_in_flight();
    network.run_for(Duration::from_secs(121));
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::HandshakeTimeout]);
}
