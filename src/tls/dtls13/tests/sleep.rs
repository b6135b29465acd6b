//! Associations that sleep, and wake as they were.

use super::*;
use crate::tls::dtls13::Context;
use crate::tls::dtls13::asleep::Asleep;
use crate::tls::inbound::{DISTURBANCES, DropReason};
use crate::wire::handshake::KEY_UPDATE;

const CIPHERS: [&str; 4] =
    ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256"];

/// A record that nobody has sealed.
const FORGED: [u8; 35] = {
    let mut forged = [7; 35];
    forged[0] = 0x2f;
    forged[3] = 0;
    forged[4] = 30;
    forged
};

fn nap(association: &mut Association) {
    *association = Asleep::of(association).unwrap().wake();
}

/// The server of a pair, asleep.
fn sleeper() -> (Context, Association, Instant) {
    let Pair { now, client, server } = Pair::open(CIPHERS[0]);
    let mut server = Context::new(server);
    server.hibernate();
    assert!(matches!(server, Context::Asleep(_)));
    (server, client, now)
}

fn hear(context: &mut Context, now: Instant, datagram: &[u8]) -> Result<Reaction, Error> {
    let record = Records::new(datagram).next().unwrap();
    context.handle_record(now, &record, &mut vec![0; record.bytes.len()], &mut Outbox::default())
}

fn sealed(association: &mut Association, now: Instant, payload: &[u8]) -> Vec<u8> {
    let mut out = Outbox::default();
    association.write(now, payload, &mut out).unwrap();
    datagrams(&out).remove(0)
}

#[test]
fn no_record_is_heard_twice_and_no_number_used_twice_over_many_sleeps() {
    for cipher in CIPHERS {
        let mut pair = Pair::open(cipher);
        let mut seen = Vec::new();
        for _ in 0..5 {
            let record = sealed(&mut pair.client, pair.now, b"message");
            let (reactions, _) = deliver(&mut pair.server, pair.now, std::slice::from_ref(&record));
            assert!(matches!(reactions[0], Ok(Reaction::Record(Inbound::Data(7)))), "{cipher}: {reactions:?}");
            seen.push(record);
            nap(&mut pair.client);
            nap(&mut pair.server);
            for record in &seen {
                let (reactions, _) = deliver(&mut pair.server, pair.now, std::slice::from_ref(record));
                let dropped = &reactions[0];
                assert!(matches!(dropped, Ok(Reaction::Record(Inbound::Dropped(DropReason::Replayed)))), "{dropped:?}");
            }
        }
        pair.talk();
    }
}

#[test]
fn whatever_is_known_is_known_after_a_sleep() {
    for cipher in CIPHERS {
        let mut pair = Pair::open(cipher);
        for side in [&mut pair.client, &mut pair.server] {
            let facts = |side: &Association| {
                let mut saved = Vec::new();
                side.leave().unwrap().write_to(&mut saved);
                let hellos = (side.client_random(), side.connection_ids(), side.algorithms(), side.own_id().to_vec());
                let finished = (side.finished().unwrap(), side.export(b"label", None, 32).unwrap());
                (hellos, finished, side.name(), side.session_id(), side.newest_heard(), side.payload_limit(), saved)
            };
            let before = facts(side);
            nap(side);
            assert_eq!(facts(side), before, "{cipher}");
            assert!(side.is_at_rest());
        }
    }
}

#[test]
fn keys_that_were_logged_are_not_logged_again_and_the_others_are() {
    let mut pair = Pair::open(CIPHERS[0]);
    nap(&mut pair.client);
    assert!(pair.client.take_key_log().is_some() && pair.client.take_key_log().is_none());
    nap(&mut pair.client);
    assert!(pair.client.take_key_log().is_none());
}

#[test]
fn replaced_keys_are_there_after_a_sleep_and_are_replaced_again() {
    let mut pair = Pair::open(CIPHERS[0]);
    for sequence in 3..9 {
        pair.client_says(kind::HANDSHAKE, &message(KEY_UPDATE, sequence, &[0])).0.unwrap();
        pair.client.link().update_sealer(pair.now).unwrap();
        nap(&mut pair.client);
        nap(&mut pair.server);
        assert_eq!(pair.server.link().peer_epoch(), u64::from(sequence) + 1);
        pair.talk();
    }
}

#[test]
fn nobody_sleeps_while_something_is_under_way() {
    let mut pair = Pair::open(CIPHERS[0]);
    // The update that is asked for has not been acknowledged.
    let (_, answers) = pair.client_says(kind::HANDSHAKE, &message(KEY_UPDATE, 3, &[1]));
    assert!(Asleep::of(&pair.server).is_none());
    let mut server = Context::new(pair.server);
    server.hibernate();
    assert!(matches!(server, Context::Awake(_)) && server.is_asleep());
    assert!(server.deadline().is_some());
    // Nobody acknowledges it for as long as it is repeated.
    let mut out = Outbox::default();
    for _ in 0..3 {
        server.handle_timeout(server.deadline().unwrap(), &mut out).unwrap();
        assert!(matches!(server, Context::Awake(_)) && server.is_asleep());
    }
    assert_eq!(out.len(), 3);
    let (_, acknowledgment) = deliver(&mut pair.client, pair.now, &answers);
    hear(&mut server, pair.now, &acknowledgment[0]).unwrap();
    server.hibernate();
    assert!(matches!(server, Context::Asleep(_)));
}

#[test]
fn who_repeats_its_finished_has_it_acknowledged_from_sleep() {
    let (mut pair, flight) = Pair::greeted(Some(&CIPHERS[..1]));
    deliver(&mut pair.client, pair.now, &flight);
    // Its Finished is lost, and so is the acknowledgment of the second one.
    let repeat = |pair: &mut Pair| {
        let mut out = Outbox::default();
        pair.now = pair.client.deadline().unwrap();
        pair.client.handle_timeout(pair.now, &mut out).unwrap();
        datagrams(&out)
    };
    let finished = repeat(&mut pair);
    assert!(is_done(&deliver(&mut pair.server, pair.now, &finished).0[0]));
    nap(&mut pair.server);
    let finished = repeat(&mut pair);
    let (reactions, acknowledgment) = deliver(&mut pair.server, pair.now, &finished);
    assert!(matches!(reactions[0], Ok(Reaction::Record(Inbound::Consumed))), "{reactions:?}");
    deliver(&mut pair.client, pair.now, &acknowledgment);
    assert_eq!(pair.client.deadline(), None);
    pair.talk();
}

#[test]
fn what_is_forged_wakes_nobody_until_it_comes_often() {
    let (mut server, mut client, now) = sleeper();
    for _ in 0..2 {
        for _ in 0..DISTURBANCES {
            let reaction = hear(&mut server, now, &FORGED);
            assert!(matches!(reaction, Ok(Reaction::Record(Inbound::Dropped(DropReason::Unauthentic)))));
            assert!(matches!(server, Context::Asleep(_)));
        }
        assert!(matches!(hear(&mut server, now, &FORGED), Ok(Reaction::Record(Inbound::Dropped(_)))));
        assert!(!server.is_asleep());
        server.hibernate();
        assert!(server.is_asleep());
    }
    let record = sealed(&mut client, now, b"message");
    assert!(matches!(hear(&mut server, now, &record), Ok(Reaction::Record(Inbound::Data(7)))));
    assert!(!server.is_asleep());
}

#[test]
fn forgeries_are_counted_in_sleep() {
    let Pair { now, mut server, .. } = Pair::open(CIPHERS[3]);
    server.link().suffer(8);
    let mut server = Context::new(server);
    server.hibernate();
    assert!(server.is_asleep() && hear(&mut server, now, &FORGED).is_err());
}

#[test]
fn one_that_sleeps_is_called_by_the_id_that_it_has_given_away() {
    let (server, mut client, now) = sleeper();
    let record = sealed(&mut client, now, b"message");
    let mut named = record.clone();
    named[0] |= 0x10;
    let record = Records::new(&record).next().unwrap();
    assert!(server.expects(&record) && server.own_id().is_empty());
    let plaintext = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0];
    assert!(!server.expects(&Records::new(&plaintext).next().unwrap()));
}
