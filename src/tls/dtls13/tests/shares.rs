//! The key exchange as the server's hello has it, against what the client has offered (RFC 8446 sections 4.2.8 and 4.2.9).

use super::*;
use crate::tls::config::PeerAuthentication;
use crate::wire::alert::{ILLEGAL_PARAMETER, MISSING_EXTENSION};
use crate::wire::psk_offer::Modes;

const KEY_SHARE: u16 = 51;

/// A ServerHello, the first record of a flight, without its public value; or with this one.
fn with_share(flight: &[Vec<u8>], share: Option<&[u8]>) -> Vec<u8> {
    let hello = Records::new(&flight[0]).next().unwrap().bytes.to_vec();
    // Headers, version, random, no session id, suite, no compression.
    let (before, list) = hello.split_at(13 + 12 + 2 + 32 + 1 + 2 + 1);
    let (mut rest, mut extensions) = (&list[2..], Vec::new());
    while let [kind @ .., high, low, _] = rest.get(..5).unwrap_or_default() {
        let length = 4 + usize::from(u16::from_be_bytes([*high, *low]));
        if u16::from_be_bytes([kind[0], kind[1]]) != KEY_SHARE {
            extensions.extend_from_slice(&rest[..length]);
        }
        rest = &rest[length..];
    }
    if let Some(share) = share {
        extensions.extend(KEY_SHARE.to_be_bytes());
        extensions.extend((share.len() as u16).to_be_bytes());
        extensions.extend_from_slice(share);
    }
    let mut record = [before, &(extensions.len() as u16).to_be_bytes(), &extensions].concat();
    let length = crate::wire::u24(record.len() - 25);
    record[14..17].copy_from_slice(&length);
    record[22..25].copy_from_slice(&length);
    let length = (record.len() - 13) as u16;
    record[11..13].copy_from_slice(&length.to_be_bytes());
    record
}

/// A public value of X25519: the base point.
fn base_point() -> Vec<u8> {
    [&[0, 29, 0, 32, 9][..], &[0; 31]].concat()
}

fn alert_for(pair: &mut Pair, record: Vec<u8>) -> Option<u8> {
    let (mut reactions, _) = deliver(&mut pair.client, pair.now, &[record]);
    alert_of(&reactions.remove(0).err()?)
}

#[test]
fn a_server_that_leaves_the_key_exchange_out_is_refused_where_it_was_wanted() {
    let (mut pair, flight) = Pair::greeted(None);
    assert_eq!(alert_for(&mut pair, with_share(&flight, None)), Some(MISSING_EXTENSION));
    // In another group than the client's.
    let (mut pair, flight) = Pair::greeted(None);
    let other = [&[0, 23, 0, 65, 4][..], &[1; 64]].concat();
    assert_eq!(alert_for(&mut pair, with_share(&flight, Some(&other))), Some(ILLEGAL_PARAMETER));
    let (mut pair, flight) = Pair::greeted(None);
    assert_eq!(alert_for(&mut pair, with_share(&flight, Some(&base_point()))), None, "nothing is wrong with this one");
}

#[test]
fn a_server_that_exchanges_keys_is_refused_where_only_the_key_itself_was_offered() {
    let modes = |names: &[&str]| Modes::of(names.iter().copied());
    let [mut of_server, mut of_client] = [settings(None), settings(None)];
    of_server.wishes.psk_modes = modes(&["psk_dhe_ke", "psk_ke"]);
    of_client.wishes.psk_modes = modes(&["psk_ke"]);
    // A client that takes certificates as well sends a public value all the same.
    let certificates = PeerAuthentication { public_keys: Some(Vec::new()), ..PeerAuthentication::lenient() };
    let psk = || ClientPsk::new(b"device", KEY).unwrap();
    let client = ClientConfig::new(&of_client, Some(psk()), Some(certificates), None).unwrap();
    let greeted = || {
        let server = ServerConfig::new(&of_server, None, true, None).unwrap();
        let (mut pair, hello) = Pair::meeting(base_time(), server, &client, &SessionPolicy::none());
        deliver(&mut pair.server, pair.now, &hello);
        let mut out = Outbox::default();
        pair.server.handle_answer(pair.now, Answer::Psk(Some(KEY)), &mut out).unwrap();
        (pair, datagrams(&out))
    };
    let (mut pair, flight) = greeted();
    assert_eq!(alert_for(&mut pair, with_share(&flight, Some(&base_point()))), Some(ILLEGAL_PARAMETER));
    // As it is, it is what was offered.
    let (mut pair, flight) = greeted();
    assert!(is_done(deliver(&mut pair.client, pair.now, &flight).0.last().unwrap()));
}
