//! An association that leaves after its keys have been replaced, and while they are.

use super::*;
use crate::tls::connection_ids::ConnectionIds;
use crate::tls::dtls13::Saved;
use crate::wire::ConnectionId;
use crate::wire::handshake::{KEY_UPDATE, NEW_CONNECTION_ID};

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

/// What is due is done, and arrives.
fn pass_time(pair: &mut Pair) {
    let mut out = Outbox::default();
    pair.client.handle_timeout(pair.now, &mut out).unwrap();
    pair.settle(datagrams(&out));
}

#[test]
fn a_key_update_under_way_is_made_again_whether_the_peer_has_it_or_not() {
    for has_arrived in [false, true] {
        let mut pair = Pair::open(CIPHER);
        let update = update(&mut pair);
        if has_arrived {
            // Its acknowledgment is lost.
            assert_eq!(deliver(&mut pair.server, pair.now, &update).1.len(), 1);
        }
        let mut bytes = Vec::new();
        pair.client.leave().unwrap().write_to(&mut bytes);
        let config = client_config();
        let ClientOf::Dtls13(config) = config.engine() else { panic!() };
        pair.client = Association::arrive_client(config, &Saved::read(&bytes).unwrap()).unwrap();
        pair.talk();
        assert!(pair.client.deadline().is_some_and(|deadline| deadline <= pair.now));
        pass_time(&mut pair);
        assert_eq!((pair.server.link().peer_epoch(), pair.client.deadline()), (4, None), "{has_arrived}");
        pair.talk();
        // What comes from the process before is old, or of old keys.
        let (reactions, _) = deliver(&mut pair.server, pair.now, &update);
        assert!(reactions.iter().all(Result::is_ok), "{reactions:?}");
        pair.talk();
        // There is a next time.
        for epoch in 5..8 {
            let update = self::update(&mut pair);
            pair.settle(update);
            assert_eq!(pair.server.link().peer_epoch(), epoch);
            pair.talk();
        }
    }
}

#[test]
fn a_key_update_that_was_asked_for_is_made_elsewhere() {
    let mut pair = Pair::open(CIPHER);
    // The server asks for it, and the answer is lost but for its acknowledgment.
    let mut out = Outbox::default();
    pair.server.say(kind::HANDSHAKE, &message(KEY_UPDATE, 4, &[1]), &mut out);
    let (reactions, answers) = deliver(&mut pair.client, pair.now, &datagrams(&out));
    assert!(matches!(reactions[0], Ok(Reaction::Record(Inbound::Consumed))), "{reactions:?}");
    assert_eq!(answers.len(), 2);
    pair.server.link().update_sealer(pair.now).unwrap();
    let saved = pair.client.leave().unwrap();
    let config = client_config();
    let ClientOf::Dtls13(config) = config.engine() else { panic!() };
    pair.client = Association::arrive_client(config, &saved).unwrap();
    pair.talk();
    pass_time(&mut pair);
    assert_eq!((pair.server.link().peer_epoch(), pair.client.link().peer_epoch()), (4, 4));
    pair.talk();
}

#[test]
fn a_message_that_has_come_in_part_keeps_an_association_here_and_gives_no_copy() {
    let mut pair = Pair::open(CIPHER);
    let whole = message(NEW_CONNECTION_ID, 3, &[0; 40]);
    // The first half of its body.
    let part = [&whole[..9], &[0, 0, 20], &whole[12..32]].concat();
    let (reaction, _) = pair.client_says(kind::HANDSHAKE, &part);
    assert!(matches!(reaction, Ok(Reaction::Record(Inbound::Consumed))), "{reaction:?}");
    assert!(pair.server.leave().is_none() && pair.server.reserve().is_none());
    assert_eq!(pair.server.bound(), None);
}

#[test]
fn an_id_that_the_peer_has_changed_goes_along() {
    let id = |bytes: &[u8]| ConnectionId::new(bytes).unwrap();
    let mut pair = Pair::open(CIPHER);
    pair.client.link().use_ids(Some(ConnectionIds::new(&id(&[9]), &id(&[7, 7]), true)));
    pair.server.link().use_ids(Some(ConnectionIds::new(&id(&[7, 7]), &id(&[9]), true)));
    let mut out = Outbox::default();
    pair.server.say(kind::HANDSHAKE, &message(NEW_CONNECTION_ID, 4, &[0, 3, 2, 8, 8, 0]), &mut out);
    let record = Records::with_ids(out.first().unwrap(), 1).next().unwrap();
    let told = pair.client.handle_record(pair.now, &record, &mut [0; 100], &mut Outbox::default());
    assert!(matches!(told, Ok(Reaction::Record(Inbound::Consumed))), "{told:?}");
    move_client(&mut pair);
    let mut out = Outbox::default();
    pair.client.write(pair.now, b"payload", &mut out).unwrap();
    assert_eq!(out.first().unwrap()[1..3], [8, 8]);
    assert_eq!(pair.client.own_id(), [9]);
}

#[test]
fn forgeries_are_counted_on() {
    let mut pair = Pair::open(CIPHER);
    pair.client.link().suffer(8);
    move_client(&mut pair);
    let forged = [&[0x2f, 0, 9, 0, 30][..], &[7; 30]].concat();
    let (reactions, _) = deliver(&mut pair.client, pair.now, &[forged]);
    assert!(reactions[0].is_err());
}
