//! A server's key exchange with a signature of another kind than its engine makes.

use super::*;
use crate::tls::config::PeerAuthentication;
use crate::tls::ffi::sign::{Scheme, SigningKey};
use crate::tls::mbed::{Credentials, Handshake, parse_public_key};
use crate::tls::session_policy::SessionPolicy;
use crate::wire::handshake::{CLIENT_KEY_EXCHANGE, SERVER_KEY_EXCHANGE};
use crate::wire::{HANDSHAKE_HEADER_LENGTH, RECORD_HEADER_LENGTH, Records};
use rcgen::KeyPair;

/// RFC 8446 section 4.2.3: whoever offers RSA-PSS for DTLS 1.3 has to take it in DTLS 1.2 as well.
#[test]
fn a_server_may_sign_its_key_exchange_with_rsa_pss_for_clients_that_offer_dtls_1_3_and_for_no_others() {
    assert!(takes_pss(true) && !takes_pss(false));
}

/// Whether a client goes on behind a key exchange that is signed so.
fn takes_pss(offers_dtls13: bool) -> bool {
    const KEY: &str = include_str!("../../../proto/tests/keys/rsa-2048.key.pem");
    const PUBLIC: &[u8] = include_bytes!("../../../proto/tests/keys/rsa-2048.pub.pem");
    const BODY: usize = RECORD_HEADER_LENGTH + HANDSHAKE_HEADER_LENGTH;
    let now = Instant::now();
    let settings = settings("ECDHE-RSA-AES128-GCM-SHA256");
    let credentials = Credentials::parse_raw(KEY.as_bytes(), None).unwrap();
    let server = ServerConfig::new(&settings, Some(credentials), false, None).unwrap();
    let known = vec![parse_public_key(PUBLIC, 0).unwrap()];
    let known = PeerAuthentication { public_keys: Some(known), ..PeerAuthentication::lenient() };
    let mut client = ClientConfig::new(&settings, None, Some(known), None).unwrap();
    if offers_dtls13 {
        client = client.beside_dtls13();
    }
    let mut client = Handshake::client(&client, now, None).unwrap();
    let mut server = Handshake::server(&server, now, SessionPolicy::none(), None, None).unwrap();
    let [mut hello, mut flight, mut answer] = std::array::from_fn(|_| Outbox::default());
    client.handle_timeout(now, &mut hello).unwrap();
    server.handle_record(now, hello.first().unwrap(), &mut flight).unwrap();
    // Version and random are the beginning of every hello.
    let random = |hello: &[u8]| hello[BODY + 2..][..32].to_vec();
    let randoms = [random(hello.first().unwrap()), random(flight.first().unwrap())].concat();
    let key = SigningKey::from_der(&KeyPair::from_pem(KEY).unwrap().serialize_der()).unwrap();
    let mut signed = 0;
    for record in flight.datagrams().flat_map(Records::new) {
        let mut bytes = record.bytes.to_vec();
        if bytes[RECORD_HEADER_LENGTH] == SERVER_KEY_EXCHANGE {
            // RFC 8422 section 5.4: the group, and a public value behind its length.
            let end = BODY + 4 + usize::from(bytes[BODY + 3]);
            let signature = key.sign(Scheme::RsaPssSha256, &[&randoms, &bytes[BODY..end]].concat()).unwrap();
            // Algorithm and length; a signature of either kind is as long as the key.
            bytes[end..end + 2].copy_from_slice(&[8, 4]);
            bytes[end + 4..].copy_from_slice(&signature);
            signed += 1;
        }
        if client.handle_record(now, &bytes, &mut answer).is_err() {
            return false;
        }
    }
    assert_eq!(signed, 1);
    answer.first().is_some_and(|datagram| datagram[RECORD_HEADER_LENGTH] == CLIENT_KEY_EXCHANGE)
}
