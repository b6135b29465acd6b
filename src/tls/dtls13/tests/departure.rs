//! An association that leaves after its keys have been replaced, and while they are.

use super::*;
use crate::tls::dtls13::Saved;

const CIPHER: &str = "TLS_AES_128_GCM_SHA256";

/// The client's keys are worn, and it says so: what it writes.
fn update(pair: &mut Pair) -> Vec<Vec<u8>> {
    pair.client.link().wear_out(pair.server.link());
    let mut out = Outbox::default();
    pair.client.write(pair.now, b"message", &mut out).unwrap();
    deliver(&mut pair.server, pair.now, &datagrams(&out));
    let mut out = Outbox::default();
    pair.client.handle_timeout(pair.now, &mut out).unwrap();
    datagrams(&out)
}

fn client_config() -> ClientConfig {
    ClientConfig::new(&settings(Some(&[CIPHER])), Some(ClientPsk::new(b"device", KEY).unwrap()), None, None).unwrap()
}

/// The client leaves, and comes in again from its bytes.
fn move_client(pair: &mut Pair) {
    let mut bytes = Vec::new();
    pair.client.leave().unwrap().write_to(&mut bytes);
    let config = client_config();
    let ClientOf::Dtls13(config) = config.engine() else { panic!() };
    pair.client = Association::arrive_client(config, &Saved::read(&bytes).unwrap()).unwrap();
    assert!(pair.client.is_at_rest() && pair.client.take_key_log().is_none());
}

#[test]
fn replaced_keys_go_along_and_are_replaced_again() {
    let mut pair = Pair::open(CIPHER);
    for epoch in 4..8 {
        let update = update(&mut pair);
        pair.settle(update);
        assert_eq!(pair.server.link().peer_epoch(), epoch);
        move_client(&mut pair);
        pair.talk();
    }
}

#[test]
fn nothing_leaves_while_keys_are_replaced() {
    let mut pair = Pair::open(CIPHER);
    assert!(pair.client.leave().is_some());
    let update = update(&mut pair);
    assert!(pair.client.leave().is_none());
    pair.settle(update);
    assert!(pair.client.leave().is_some());
}

#[test]
fn forgeries_are_counted_on() {
    let mut pair = Pair::open(CIPHER);
    pair.client.link().suffer();
    move_client(&mut pair);
    let forged = [&[0x2f, 0, 9, 0, 30][..], &[7; 30]].concat();
    let (reactions, _) = deliver(&mut pair.client, pair.now, &[forged]);
    assert!(reactions[0].is_err());
}
