//! Messages about connection IDs behind the handshake, as peers send them (RFC 9147 section 9).

use super::*;
use crate::tls::connection_ids::ConnectionIds;
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
