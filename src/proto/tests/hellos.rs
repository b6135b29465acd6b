//! What a peer, or anybody who can forge its address, may put into its hellos, and what it gets out of us by them.

use super::network::*;
use crate::proto::CloseReason;
use crate::wire::alert::{HANDSHAKE_FAILURE, ILLEGAL_PARAMETER, UNSUPPORTED_EXTENSION};
use std::time::Duration;

const SERVER_HELLO: u8 = 2;
const HELLO_VERIFY_REQUEST: u8 = 3;

/// Where the length of a ClientHello's session id stands in a datagram.
const SESSION_ID: usize = 13 + 12 + 2 + 32;

/// A handshake message that fills a datagram.
fn datagram(kind: u8, sequence: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    let header = [&[kind][..], &length[1..], &[0, sequence, 0, 0, 0], &length[1..]].concat();
    let fragment_length = (12 + body.len() as u16).to_be_bytes();
    [&[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, sequence][..], &fragment_length, &header, body].concat()
}

fn hello_verify_request(sequence: u8, cookie: &[u8]) -> Vec<u8> {
    datagram(HELLO_VERIFY_REQUEST, sequence, &[&[254, 253, cookie.len() as u8][..], cookie].concat())
}

fn server_hello(extensions: &[u8]) -> Vec<u8> {
    let length = (extensions.len() as u16).to_be_bytes();
    // A suite that our client offers, and no session id.
    let body = [&[254, 253][..], &[7; 32], &[0, 0xc0, 0xa8, 0], &length, extensions].concat();
    datagram(SERVER_HELLO, 1, &body)
}

/// A client that nobody but the attacker answers.
fn lonely_client() -> Network {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&["PSK-AES128-CCM8"]));
    network.drop_in_flight();
    network
}

/// What the only client has sent.
fn sent(network: &Network) -> Vec<&[u8]> {
    let from_client = network.wire.iter().filter(|(from, ..)| *from == network.clients[0].address);
    from_client.map(|(.., datagram)| datagram.as_slice()).collect()
}

fn to_client(network: &mut Network, datagram: &[u8]) {
    let client = network.clients[0].address;
    network.inject(SERVER, client, datagram);
    network.drop_in_flight();
}

fn alert_of(peer: &Peer) -> Option<u8> {
    peer.closes().find_map(|(_, reason)| match reason {
        CloseReason::Error(error) => error.alert,
        _ => None,
    })
}

// --- HelloVerifyRequest ----------------------------------------------------------------------------------------------

#[test]
fn a_client_answers_three_cookies_and_gives_up_at_the_fourth() {
    let mut network = lonely_client();
    for sequence in 0..100 {
        to_client(&mut network, &hello_verify_request(sequence, &[sequence; 20]));
    }
    let hellos = sent(&network).iter().filter(|datagram| datagram[0] == 22).count();
    assert_eq!(hellos, 1 + 3);
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::TooManyCookies]);
    assert_eq!(alert_of(&network.clients[0]), Some(HANDSHAKE_FAILURE));
    assert_eq!(sent(&network).len(), hellos + 1);
}

#[test]
fn a_client_does_not_answer_a_cookie_that_it_has_just_sent() {
    let mut network = lonely_client();
    to_client(&mut network, &hello_verify_request(0, &[1; 20]));
    assert_eq!(sent(&network).len(), 2);
    to_client(&mut network, &hello_verify_request(1, &[1; 20]));
    assert_eq!(sent(&network).iter().filter(|datagram| datagram[0] == 22).count(), 2);
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::TooManyCookies]);
}

#[test]
fn a_server_that_changes_its_secret_during_the_handshake_is_answered() {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&[]));
    let client = network.clients[0].address;
    // The cookie of a server that is no more.
    network.inject(SERVER, client, &hello_verify_request(0, &[9; 32]));
    network.run_for(Duration::from_secs(10));
    assert_eq!(network.server.secured().len(), 1);
}

// --- extensions of a ServerHello -------------------------------------------------------------------------------------

/// How a client ends that is shown these extensions.
fn refusal(extensions: &[u8]) -> (Vec<ErrorKind>, Option<u8>) {
    let mut network = lonely_client();
    to_client(&mut network, &hello_verify_request(0, &[1; 20]));
    to_client(&mut network, &server_hello(extensions));
    (network.clients[0].error_kinds(), alert_of(&network.clients[0]))
}

#[test]
fn a_client_refuses_every_extension_that_it_has_not_offered() {
    let unoffered: [&[u8]; 9] = [
        &[0, 0, 0, 0],
        &[0, 1, 0, 1, 1],
        &[0, 14, 0, 5, 0, 2, 0, 1, 0],
        &[0, 16, 0, 5, 0, 3, 2, b'h', b'2'],
        &[0, 19, 0, 1, 2],
        &[0, 20, 0, 1, 2],
        &[0, 15, 0, 1, 1],
        &[0, 54, 0, 1, 0],
        &[0xfa, 0xfa, 0, 0],
    ];
    for extension in unoffered {
        assert_eq!(refusal(extension), (vec![ErrorKind::Protocol], Some(UNSUPPORTED_EXTENSION)), "{extension:?}");
    }
}

#[test]
fn a_client_refuses_every_extension_that_comes_twice() {
    for extension in [&[0, 23, 0, 0][..], &[0xff, 1, 0, 1, 0]] {
        assert_eq!(refusal(extension), (vec![], None), "{extension:?}");
        let twice = [extension, extension].concat();
        assert_eq!(refusal(&twice), (vec![ErrorKind::Protocol], Some(ILLEGAL_PARAMETER)), "{extension:?}");
    }
}

// --- extensions of a ClientHello -------------------------------------------------------------------------------------

/// The hello in a datagram with these extensions behind its own.
fn with_extensions(hello: &[u8], extensions: &[u8]) -> Vec<u8> {
    let mut body = hello[13 + 12..].to_vec();
    let session_id = SESSION_ID - (13 + 12);
    let cookie = session_id + 1 + usize::from(body[session_id]);
    let suites = cookie + 1 + usize::from(body[cookie]);
    let compression = suites + 2 + usize::from(u16::from_be_bytes([body[suites], body[suites + 1]]));
    let list = compression + 1 + usize::from(body[compression]);
    body.extend_from_slice(extensions);
    let length = (body.len() - list - 2) as u16;
    body[list..list + 2].copy_from_slice(&length.to_be_bytes());
    let mut changed = datagram(1, hello[13 + 5], &body);
    changed[3..11].copy_from_slice(&hello[3..11]);
    changed
}

/// How a server ends the handshake of a client whose hello has these extensions as well.
fn refusal_of_client(extensions: &[u8]) -> (Vec<ErrorKind>, Option<u8>) {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&[]));
    // The first hello, and the request for a cookie.
    network.step();
    network.step();
    let client = network.clients[0].address;
    let (.., hello) = network.wire.last().unwrap().clone();
    network.drop_in_flight();
    network.inject(client, SERVER, &with_extensions(&hello, extensions));
    (network.server.error_kinds(), alert_of(&network.server))
}

#[test]
fn a_server_refuses_every_extension_that_comes_twice() {
    let each: [&[u8]; 6] = [
        &[0, 0, 0, 6, 0, 4, 0, 0, 1, b'a'],
        &[0, 1, 0, 1, 1],
        &[0, 16, 0, 5, 0, 3, 2, b'h', b'2'],
        &[0, 19, 0, 2, 1, 2],
        &[0xfa, 0xfa, 0, 0],
        &[0xff, 1, 0, 1, 0],
    ];
    for extension in each {
        assert_eq!(refusal_of_client(extension), (vec![], None), "{extension:?}");
        let twice = [extension, extension].concat();
        assert_eq!(refusal_of_client(&twice), (vec![ErrorKind::Protocol], Some(ILLEGAL_PARAMETER)), "{extension:?}");
    }
    // Our client has this one in its hello already.
    assert_eq!(refusal_of_client(&[0, 23, 0, 0]), (vec![ErrorKind::Protocol], Some(ILLEGAL_PARAMETER)));
}
