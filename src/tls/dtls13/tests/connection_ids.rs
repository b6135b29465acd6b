//! Messages about connection IDs behind the handshake, as peers send them (RFC 9147 section 9).

use super::*;
use crate::tls::connection_ids::ConnectionIds;
use crate::tls::inbound::DropReason;
use crate::wire::ConnectionId;
use crate::wire::handshake::{NEW_CONNECTION_ID, REQUEST_CONNECTION_ID};

fn id(bytes: &[u8]) -> ConnectionId {
    ConnectionId::new(bytes).unwrap()
}

/// Both sides have agreed on these.
fn pair_with(client: &[u8], server: &[u8]) -> Pair {
    let mut pair = Pair::open("TLS_AES_128_GCM_SHA256");
    pair.client.link().use_ids(Some(ConnectionIds::new(&id(client), &id(server), true)));
    pair.server.link().use_ids(Some(ConnectionIds::new(&id(server), &id(client), true)));
    pair
}

/// The client's next message, which is its second behind its two hellos and Finished.
fn say(pair: &mut Pair, kind: u8, body: &[u8]) -> Result<Reaction, Error> {
    let mut out = Outbox::default();
    pair.client.say(kind::HANDSHAKE, &message(kind, 3, body), &mut out);
    let mut room = vec![0; 100];
    let datagram = out.first().unwrap();
    let record = Records::with_ids(datagram, pair.server.own_id().len() as u8).next().unwrap();
    pair.server.handle_record(pair.now, &record, &mut room, &mut Outbox::default())
}

/// The ID in the server's next record.
fn used(pair: &mut Pair, length: usize) -> Vec<u8> {
    let mut out = Outbox::default();
    pair.server.write(pair.now, b"payload", &mut out).unwrap();
    let record = out.first().unwrap();
    if record[0] & 0x10 == 0 { Vec::new() } else { record[1..1 + length].to_vec() }
}

#[test]
fn an_id_that_is_to_be_used_at_once_is_used_at_once_and_a_spare_one_is_not() {
    for (usage, expected) in [(0, [8, 8]), (1, [7, 7])] {
        let mut pair = pair_with(&[7, 7], &[9]);
        let taken = say(&mut pair, NEW_CONNECTION_ID, &[0, 6, 2, 8, 8, 2, 5, 5, usage]);
        assert!(matches!(taken, Ok(Reaction::Record(Inbound::Consumed))), "{taken:?}");
        assert_eq!(used(&mut pair, 2), expected);
    }
}

#[test]
fn a_request_for_ids_changes_nothing() {
    let mut pair = pair_with(&[7, 7], &[9]);
    let taken = say(&mut pair, REQUEST_CONNECTION_ID, &[5]);
    assert!(matches!(taken, Ok(Reaction::Record(Inbound::Consumed))), "{taken:?}");
    assert_eq!(used(&mut pair, 2), [7, 7]);
}

#[test]
fn messages_about_ids_that_make_no_sense_end_the_connection() {
    for (kind, body) in [
        (NEW_CONNECTION_ID, &[][..]),
        (NEW_CONNECTION_ID, &[0, 2, 2, 8, 0]),
        (NEW_CONNECTION_ID, &[0, 2, 1, 8, 2]),
        (REQUEST_CONNECTION_ID, &[]),
        (REQUEST_CONNECTION_ID, &[1, 1]),
    ] {
        assert!(say(&mut pair_with(&[7, 7], &[9]), kind, body).is_err(), "{kind} {body:?}");
    }
    // RFC 9147 section 9: whoever has agreed on none has no business with them.
    for (kind, body) in [(NEW_CONNECTION_ID, &[0, 2, 1, 8, 0][..]), (REQUEST_CONNECTION_ID, &[1])] {
        assert!(say(&mut pair_with(&[], &[]), kind, body).is_err(), "{kind}");
        assert!(say(&mut Pair::open("TLS_AES_128_GCM_SHA256"), kind, body).is_err(), "{kind}");
    }
}

/// RFC 9147 section 9: whoever has given an ID away receives no record without it.
#[test]
fn records_without_the_id_or_with_another_one_are_not_read_whoever_has_sealed_them() {
    let mut pair = pair_with(&[7, 7], &[9]);
    for (named, is_read) in [(Some(&[9][..]), true), (None, false), (Some(&[8]), false), (Some(&[9]), true)] {
        let ids = named.map(|named| ConnectionIds::new(&id(&[7, 7]), &id(named), true));
        pair.client.link().use_ids(ids);
        let mut out = Outbox::default();
        pair.client.write(pair.now, b"message", &mut out).unwrap();
        let record = Records::with_ids(out.first().unwrap(), 1).next().unwrap();
        let mut room = vec![0; record.bytes.len()];
        let heard = pair.server.handle_record(pair.now, &record, &mut room, &mut Outbox::default());
        match is_read {
            true => assert!(matches!(heard, Ok(Reaction::Record(Inbound::Data(7)))), "{named:?} {heard:?}"),
            false => {
                let is_dropped = matches!(heard, Ok(Reaction::Record(Inbound::Dropped(DropReason::Unexpected))));
                assert!(is_dropped, "{named:?} {heard:?}");
            }
        }
    }
}

#[test]
fn before_there_are_keys_records_are_kept_whatever_id_they_have() {
    let config = ClientConfig::new(&settings(None), Some(ClientPsk::new(b"device", KEY).unwrap()), None, None).unwrap();
    let ClientOf::Dtls13(config) = config.engine() else { panic!() };
    let mut client = Association::client(config, Some(id(&[7, 7]))).unwrap();
    client.handle_timeout(base_time(), &mut Outbox::default()).unwrap();
    for (record, length) in
        [([&[0x2e, 0, 9, 0, 30][..], &[7; 30]].concat(), 0), ([&[0x3e, 8, 8, 0, 9, 0, 30][..], &[7; 30]].concat(), 2)]
    {
        let record = Records::with_ids(&record, length).next().unwrap();
        let mut room = vec![0; record.bytes.len()];
        let heard = client.handle_record(base_time(), &record, &mut room, &mut Outbox::default());
        assert!(matches!(heard, Ok(Reaction::Handshake(Progress::Waiting))), "{heard:?}");
    }
}
