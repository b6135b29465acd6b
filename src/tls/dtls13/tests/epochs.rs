//! KeyUpdate: the two directions go from epoch to epoch, each by itself (RFC 9147 section 8).

use super::*;
use crate::wire::handshake::KEY_UPDATE;

const CIPHERS: [&str; 4] =
    ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256"];

/// The client's keys are worn, and it says so: what it writes.
fn wear_out(pair: &mut Pair) -> Vec<Vec<u8>> {
    pair.client.link().wear_out(pair.server.link());
    let mut out = Outbox::default();
    pair.client.write(pair.now, b"message", &mut out).unwrap();
    deliver(&mut pair.server, pair.now, &datagrams(&out));
    assert!(pair.client.deadline().is_some_and(|deadline| deadline <= pair.now));
    let mut out = Outbox::default();
    pair.client.handle_timeout(pair.now, &mut out).unwrap();
    datagrams(&out)
}

#[test]
fn nobody_keeps_the_sending_keys_of_a_handshake_that_is_over() {
    let mut pair = Pair::open(CIPHERS[0]);
    assert_eq!((pair.client.link().sealing_epochs(), pair.server.link().sealing_epochs()), (vec![3], vec![3]));
    // Those for late records of the peer's are made again when one comes.
    assert!([pair.client.link(), pair.server.link()].iter().all(|link| link.epochs_at_rest().contains(&2)));
}

#[test]
fn worn_keys_are_replaced_by_the_next_again_and_again() {
    for cipher in CIPHERS {
        let mut pair = Pair::open(cipher);
        for epoch in 3..9 {
            assert_eq!((pair.server.link().peer_epoch(), pair.client.link().peer_epoch()), (epoch, 3), "{cipher}");
            let update = wear_out(&mut pair);
            assert_eq!(update.len(), 1);
            pair.settle(update);
            assert_eq!(pair.client.deadline(), None);
            pair.talk();
        }
    }
}

/// Late records of the handshake may come, until two bits cannot tell their epoch from a newer one.
#[test]
fn the_receiving_keys_of_the_handshake_are_kept_until_epoch_six() {
    let mut pair = Pair::open(CIPHERS[0]);
    assert_eq!(pair.server.link().opening_epochs(), [2, 3]);
    for epochs in [&[2, 3, 4][..], &[2, 4, 5], &[5, 6], &[6, 7]] {
        let update = wear_out(&mut pair);
        pair.settle(update);
        assert_eq!(pair.server.link().opening_epochs(), epochs);
    }
}

#[test]
fn a_client_sends_under_its_old_keys_until_the_update_is_acknowledged() {
    let mut pair = Pair::open(CIPHERS[0]);
    let update = wear_out(&mut pair);
    let (_, acknowledgment) = deliver(&mut pair.server, pair.now, &update);
    // The acknowledgment is lost: old keys are good, and the update is repeated.
    pair.talk();
    pair.now += Duration::from_secs(1);
    let mut out = Outbox::default();
    pair.client.handle_timeout(pair.now, &mut out).unwrap();
    let repeated = datagrams(&out);
    assert!(repeated.len() == 1 && repeated != update);
    let (reactions, again) = deliver(&mut pair.server, pair.now, &repeated);
    assert!(matches!(reactions[0], Ok(Reaction::Record(Inbound::Consumed))));
    assert_eq!((acknowledgment.len(), again.len()), (1, 1));
    deliver(&mut pair.client, pair.now, &again);
    assert_eq!((pair.server.link().peer_epoch(), pair.client.deadline()), (4, None));
    pair.talk();
}

#[test]
fn late_records_of_the_old_epoch_are_read_and_none_of_the_one_before() {
    let mut pair = Pair::open(CIPHERS[0]);
    pair.client.link().wear_out(pair.server.link());
    let mut late = Outbox::default();
    pair.client.write(pair.now, b"late 1", &mut late).unwrap();
    pair.client.write(pair.now, b"late 2", &mut late).unwrap();
    let late = datagrams(&late);
    let update = wear_out(&mut pair);
    pair.settle(update);
    let (reactions, _) = deliver(&mut pair.server, pair.now, &late[..1]);
    assert!(matches!(reactions[0], Ok(Reaction::Record(Inbound::Data(6)))));
    let update = wear_out(&mut pair);
    pair.settle(update);
    let (reactions, _) = deliver(&mut pair.server, pair.now, &late[1..]);
    assert!(matches!(reactions[0], Ok(Reaction::Record(Inbound::Dropped(_)))));
}

#[test]
fn an_update_that_is_requested_is_made_once() {
    let mut pair = Pair::open(CIPHERS[0]);
    let (reaction, answers) = pair.client_says(kind::HANDSHAKE, &message(KEY_UPDATE, 3, &[1]));
    assert!(matches!(reaction, Ok(Reaction::Record(Inbound::Consumed))), "{reaction:?}");
    // An acknowledgment, and a KeyUpdate of its own.
    assert_eq!(answers.len(), 2);
    assert_eq!(pair.server.link().peer_epoch(), 4);
    let (reactions, acknowledgment) = deliver(&mut pair.client, pair.now, &answers);
    assert!(reactions.iter().all(Result::is_ok), "{reactions:?}");
    deliver(&mut pair.server, pair.now, &acknowledgment);
    assert_eq!((pair.client.link().peer_epoch(), pair.server.deadline()), (4, None));
}

#[test]
fn a_storm_of_requests_leads_to_one_update_at_a_time() {
    let mut pair = Pair::open(CIPHERS[0]);
    let mut updates = 0;
    for sequence in 3..103 {
        let (reaction, answers) = pair.client_says(kind::HANDSHAKE, &message(KEY_UPDATE, sequence, &[1]));
        assert!(reaction.is_ok(), "{reaction:?}");
        updates += answers.len() - 1;
        pair.client.link().update_sealer(pair.now).unwrap();
    }
    assert_eq!(updates, 1);
}

#[test]
fn an_update_without_meaning_or_in_an_old_epoch_ends_the_connection() {
    for body in [&[][..], &[2], &[0, 0]] {
        let (reaction, answers) = Pair::open(CIPHERS[0]).client_says(kind::HANDSHAKE, &message(KEY_UPDATE, 3, body));
        assert_eq!(reaction.err().and_then(|error| alert_of(&error)), Some(47), "{body:?}");
        assert_eq!(answers.len(), 1);
    }
    let mut pair = Pair::open(CIPHERS[0]);
    pair.client_says(kind::HANDSHAKE, &message(KEY_UPDATE, 3, &[0])).0.unwrap();
    // The client goes on in the epoch that it has just left.
    let (reaction, _) = pair.client_says(kind::HANDSHAKE, &message(KEY_UPDATE, 4, &[0]));
    assert_eq!(reaction.err().and_then(|error| alert_of(&error)), Some(10));
}

/// It may have been away for longer than a KeyUpdate is repeated.
#[test]
fn a_peer_that_comes_back_hears_of_the_next_keys_with_what_is_sent_then() {
    let mut pair = Pair::open(CIPHERS[0]);
    let mut sent = wear_out(&mut pair).len();
    while let Some(due) = pair.client.deadline() {
        pair.now = due;
        let mut out = Outbox::default();
        pair.client.handle_timeout(pair.now, &mut out).unwrap();
        sent += out.len();
    }
    assert_eq!((sent, pair.server.link().peer_epoch()), (9, 3));
    pair.now += Duration::from_secs(3600);
    for heard in [false, true] {
        let mut out = Outbox::default();
        pair.client.write(pair.now, b"message", &mut out).unwrap();
        assert_eq!(pair.client.deadline(), Some(pair.now));
        let mut update = Outbox::default();
        pair.client.handle_timeout(pair.now, &mut update).unwrap();
        assert_eq!(update.len(), 1);
        // Whatever else is sent at the same time, it is repeated no more often than it was.
        pair.client.write(pair.now, b"message", &mut out).unwrap();
        assert!(pair.client.deadline().is_some_and(|due| due > pair.now));
        if heard {
            pair.settle(datagrams(&update));
        }
        pair.now += Duration::from_secs(100);
        pair.client.handle_timeout(pair.now, &mut Outbox::default()).unwrap();
    }
    assert_eq!(pair.server.link().peer_epoch(), 4);
    pair.talk();
}

/// message_seq has 16 bits, and nothing comes behind the last (RFC 9147 section 5.2): the keys are used up then.
#[test]
fn when_messages_have_no_numbers_any_more_the_connection_keeps_its_keys() {
    let mut pair = Pair::open(CIPHERS[0]);
    pair.client.link().say_from(u16::MAX - 2, pair.server.link());
    for _ in 0..2 {
        let update = wear_out(&mut pair);
        pair.settle(update);
    }
    assert_eq!(pair.server.link().peer_epoch(), 5);
    for _ in 0..3 {
        assert!(wear_out(&mut pair).is_empty());
        pair.talk();
    }
    assert_eq!(pair.server.link().peer_epoch(), 5);
    // What the peer asks for is done as far as it goes.
    let mut out = Outbox::default();
    pair.server.say(kind::HANDSHAKE, &message(KEY_UPDATE, 1, &[1]), &mut out);
    let (reactions, acknowledgment) = deliver(&mut pair.client, pair.now, &datagrams(&out));
    assert!(reactions[0].is_ok() && acknowledgment.len() == 1, "{reactions:?}");
    assert_eq!(pair.client.deadline(), None);
}

#[test]
fn a_key_that_has_sealed_all_that_it_may_seals_no_more() {
    let mut pair = Pair::open(CIPHERS[3]);
    pair.client.link().use_up();
    let mut out = Outbox::default();
    assert!(pair.client.write(pair.now, b"message", &mut out).is_err());
    assert!(out.is_empty());
}

#[test]
fn a_connection_ends_when_more_was_forged_than_its_keys_bear() {
    let mut pair = Pair::open(CIPHERS[3]);
    let forged = vec![[&[0x2f, 0, 9, 0, 30][..], &[7; 30]].concat()];
    assert!(deliver(&mut pair.server, pair.now, &forged).0[0].is_ok());
    pair.server.link().suffer(8);
    let (reactions, alert) = deliver(&mut pair.server, pair.now, &forged);
    assert!(reactions[0].is_err() && alert.len() == 1);
}

/// RFC 9147 section 4.5.3. Anybody can forge, so that only a peer that does not answer is lost by it.
#[test]
fn a_side_that_suffers_forgeries_has_its_peer_replace_its_keys() {
    for cipher in CIPHERS {
        let mut pair = Pair::open(cipher);
        // What it says of its number may be that of a record which has come.
        let forged = |epoch: u8, dice: u8| vec![[&[0x2c | epoch & 3, 0, 9, 0, 30][..], &[dice; 30]].concat()];
        for epoch in 3..8_u8 {
            // The first that is one too many for half of what the keys bear, and the others before the next part is over.
            pair.server.link().suffer(4);
            deliver(&mut pair.server, pair.now, &forged(epoch, 0));
            assert_eq!(pair.server.deadline(), None, "{cipher}");
            pair.server.link().forge_until_strained();
            let needed = (1..5).take_while(|&dice| {
                let (reactions, answers) = deliver(&mut pair.server, pair.now, &forged(epoch, dice));
                assert!(matches!(reactions[0], Ok(Reaction::Record(Inbound::Dropped(_)))) && answers.is_empty());
                pair.server.deadline().is_none()
            });
            assert!(needed.count() < 4, "{cipher}");
            assert_eq!(pair.server.deadline(), Some(pair.now), "{cipher}");
            let mut out = Outbox::default();
            pair.server.handle_timeout(pair.now, &mut out).unwrap();
            std::mem::swap(&mut pair.client, &mut pair.server);
            pair.settle(datagrams(&out));
            std::mem::swap(&mut pair.client, &mut pair.server);
            let next = u64::from(epoch) + 1;
            assert_eq!((pair.server.link().peer_epoch(), pair.client.link().peer_epoch()), (next, next), "{cipher}");
            pair.talk();
            // Under the former keys anything may be forged now: they are given up.
            pair.server.link().suffer_before(8);
            for dice in 0..3 {
                let (reactions, _) = deliver(&mut pair.server, pair.now, &forged(epoch, dice));
                assert!(matches!(reactions[0], Ok(Reaction::Record(Inbound::Dropped(_)))), "{reactions:?}");
            }
            assert!(!pair.server.link().opening_epochs().contains(&u64::from(epoch)));
            pair.talk();
        }
    }
}
