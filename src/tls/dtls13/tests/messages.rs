//! Messages out of their order, their epoch or their form, by somebody who has the keys.

use super::*;
use crate::tls::error::ErrorKind;
use crate::tls::inbound::DropReason;
use crate::wire::alert::{self, ILLEGAL_PARAMETER, UNEXPECTED_MESSAGE};
use crate::wire::handshake::{
    CERTIFICATE, CLIENT_HELLO, ENCRYPTED_EXTENSIONS, FINISHED, NEW_SESSION_TICKET, SERVER_HELLO,
};

const CIPHER: &str = "TLS_AES_128_GCM_SHA256";

/// The body of a NewSessionTicket: a lifetime, what hides the age, a nonce and a ticket.
const TICKET: [u8; 16] = [0, 0, 1, 44, 1, 2, 3, 4, 1, 9, 0, 2, 7, 8, 0, 0];

fn alert_for(reaction: Result<Reaction, Error>) -> Option<u8> {
    alert_of(&reaction.err()?)
}

#[test]
fn what_does_not_belong_behind_the_handshake_ends_the_connection() {
    let certificate_request = 13;
    for kind_of_message in [CLIENT_HELLO, SERVER_HELLO, NEW_SESSION_TICKET, certificate_request, FINISHED, 99] {
        let mut pair = Pair::open(CIPHER);
        let (reaction, answers) = pair.client_says(kind::HANDSHAKE, &message(kind_of_message, 3, &TICKET));
        assert_eq!((alert_for(reaction), answers.len()), (Some(10), 1), "{kind_of_message}");
    }
}

#[test]
fn records_without_sense_end_the_connection() {
    let list = [&[0, 15][..], &[0; 15]].concat();
    for (content_type, content, alert) in [
        (kind::HANDSHAKE, &b""[..], 10),
        (kind::HANDSHAKE, &[20, 0, 0, 9, 0, 3, 0, 0, 0, 0, 0, 9, 1], 50),
        (kind::HANDSHAKE, &[20, 0, 0], 50),
        (kind::ACK, &list, 50),
        (kind::ACK, &[], 50),
        (kind::ALERT, &[2], 50),
        (kind::ALERT, &[], 50),
        (0, &[], 10),
        (20, &[1], 10),
        (24, &[1, 2, 3], 10),
    ] {
        let (reaction, answers) = Pair::open(CIPHER).client_says(content_type, content);
        assert_eq!((alert_for(reaction), answers.len()), (Some(alert), 1), "{content_type} {content:?}");
    }
}

#[test]
fn a_message_that_there_is_no_room_for_ends_the_handshake_as_in_dtls_1_2() {
    let (mut pair, flight) = Pair::greeted(Some(&[CIPHER]));
    let hello = Records::new(&flight[0]).next().unwrap().bytes.to_vec();
    deliver(&mut pair.client, pair.now, &[hello]);
    // The first 100 bytes of a Certificate message with 16373.
    let fragment = [&[CERTIFICATE, 0, 0x3f, 0xf5, 0, 2, 0, 0, 0, 0, 0, 100][..], &[0; 100]].concat();
    let (reaction, answers) = pair.client_says(kind::HANDSHAKE, &fragment);
    let error = reaction.unwrap_err();
    assert_eq!((error.kind, error.alert, answers.len()), (ErrorKind::MessageTooLong, Some(ILLEGAL_PARAMETER), 1));
    assert!(error.to_string().contains("16373") && error.to_string().contains("16372"), "{error}");
}

#[test]
fn a_message_that_there_is_no_room_for_means_nothing_in_plaintext() {
    let (mut pair, flight) = Pair::greeted(Some(&[CIPHER]));
    let fragment = [2, 0, 0x3f, 0xf5, 0, 1, 0, 0, 0, 0, 0, 1, 7];
    let record = [&[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 13][..], &fragment].concat();
    let (reactions, _) = deliver(&mut pair.client, pair.now, &[record]);
    assert!(matches!(reactions[0], Ok(Reaction::Record(Inbound::Dropped(_)))), "{reactions:?}");
    let (reactions, _) = deliver(&mut pair.client, pair.now, &flight);
    assert!(is_done(reactions.last().unwrap()), "{reactions:?}");
}

// CVE-2026-5264
#[test]
fn odd_acknowledgments_change_nothing() {
    let mut pair = Pair::open(CIPHER);
    let many = [&[0x3f, 0xf0][..], &[0xff; 0x3ff0]].concat();
    for content in [&[0, 0][..], &[&[0, 16][..], &[0; 16]].concat(), &many] {
        for _ in 0..100 {
            let (reaction, answers) = pair.client_says(kind::ACK, content);
            assert!(matches!(reaction, Ok(Reaction::Record(Inbound::Consumed))), "{reaction:?}");
            assert!(answers.is_empty());
        }
    }
    pair.talk();
}

/// An ACK in plaintext of the one record with this number.
fn plaintext_acknowledgment(number: u8) -> Vec<u8> {
    let content = [&[0, 16][..], &[0; 15], &[number]].concat();
    [&[26, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 18][..], &content].concat()
}

#[test]
fn an_acknowledgment_in_plaintext_does_not_have_a_client_give_its_hello_up() {
    let (mut pair, hello) = Pair::met(base_time(), Some(&[CIPHER]), &SessionPolicy::none(), None);
    for number in 0..3 {
        let (reactions, answers) = deliver(&mut pair.client, pair.now, &[plaintext_acknowledgment(number)]);
        assert!(reactions.iter().all(Result::is_ok) && answers.is_empty(), "{reactions:?}");
    }
    let mut out = Outbox::default();
    pair.client.handle_timeout(pair.client.deadline().unwrap(), &mut out).unwrap();
    let repeated = datagrams(&out);
    assert_eq!((repeated.len(), &repeated[0][13..]), (hello.len(), &hello[0][13..]));
}

#[test]
fn a_server_that_has_sent_its_flight_says_what_is_wrong_with_the_keys_of_the_data() {
    let (mut pair, flight) = Pair::greeted(Some(&[CIPHER]));
    // The whole flight has two epochs, each with one record.
    let records: Vec<u8> =
        flight.iter().flat_map(|datagram| Records::new(datagram)).map(|each| each.bytes[0]).collect();
    assert_eq!(records, [22, 0x2e]);
    let (reactions, _) = deliver(&mut pair.client, pair.now, &flight);
    assert!(is_done(reactions.last().unwrap()), "{reactions:?}");
    let mut out = Outbox::default();
    pair.client.say_early(kind::HANDSHAKE, &message(FINISHED, 2, &[0; 32]), &mut out);
    let (reactions, alert) = deliver(&mut pair.server, pair.now, &datagrams(&out));
    assert_eq!((reactions[0].as_ref().err().and_then(alert_of), alert[0][0]), (Some(51), 0x2f));
    let (reactions, _) = deliver(&mut pair.client, pair.now, &alert);
    assert_eq!(alert_for(reactions.into_iter().next().unwrap()), Some(51));
}

#[test]
fn a_part_of_a_servers_hello_is_acknowledged_by_its_whole_number() {
    let (mut pair, _) = Pair::met(base_time(), Some(&[CIPHER]), &SessionPolicy::none(), None);
    let part = [SERVER_HELLO, 0, 0, 90, 0, 1, 0, 0, 0, 0, 0, 1, 3];
    let number = [1, 2, 3, 4, 5, 6];
    let record = [&[22, 254, 253, 0, 0][..], &number, &[0, 13], &part].concat();
    let (reactions, _) = deliver(&mut pair.client, pair.now, &[record]);
    assert!(reactions[0].is_ok(), "{reactions:?}");
    let mut out = Outbox::default();
    pair.client.handle_timeout(pair.now + Duration::from_millis(250), &mut out).unwrap();
    let content = [&[0, 16][..], &[0; 10], &number].concat();
    assert_eq!(datagrams(&out)[0][13..], content);
}

#[test]
fn a_second_hello_without_the_suite_that_was_chosen_is_refused() {
    let (mut pair, mut hello) = Pair::met(base_time(), Some(&[CIPHER]), &SessionPolicy::none(), None);
    let suites = [0, 2, 0x13, 1];
    let at = hello[0].windows(4).position(|window| window == suites).unwrap();
    hello[0][at + 3] = 3;
    let (mut reactions, _) = deliver(&mut pair.server, pair.now, &hello);
    assert_eq!(alert_for(reactions.remove(0)), Some(ILLEGAL_PARAMETER));
}

#[test]
fn records_of_a_handshake_are_heard_while_it_waits_and_no_others() {
    let (mut pair, flight) = Pair::greeted(Some(&[CIPHER]));
    let record = |first: u8| [&[first, 0, 7, 0, 20][..], &[7; 20]].concat();
    let hears = |client: &Association, first: u8| {
        let record = record(first);
        client.hears_while_asking(&Records::new(&record).next().unwrap())
    };
    for (has_keys, waits) in [(false, false), (false, true), (true, false), (true, true)] {
        if has_keys && !pair.client.link().has_keys() {
            let hello = Records::new(&flight[0]).next().unwrap().bytes.to_vec();
            deliver(&mut pair.client, pair.now, &[hello]);
        }
        pair.client.is_suspended = waits;
        assert_eq!(hears(&pair.client, 0x2e), has_keys && waits);
        assert!(!hears(&pair.client, 0x2f), "it belongs behind the handshake");
        let plaintext = [22, 254, 253, 0, 2, 0, 0, 0, 0, 0, 9, 0, 1, 0];
        assert!(!pair.client.hears_while_asking(&Records::new(&plaintext).next().unwrap()));
    }
}

#[test]
fn alerts_end_the_connection_but_for_two() {
    for (content, is_fatal) in [([1, 90], false), ([2, 40], true), ([1, 80], true), ([2, 255], true)] {
        let (reaction, answers) = Pair::open(CIPHER).client_says(kind::ALERT, &content);
        assert_eq!((reaction.is_err(), answers.len()), (is_fatal, 0), "{content:?}");
    }
    // What would say something else of a handshake is one alert like another.
    let (reaction, _) = Pair::open(CIPHER).client_says(kind::ALERT, &[2, alert::PROTOCOL_VERSION]);
    assert_eq!(reaction.unwrap_err().kind, ErrorKind::AlertReceived);
    let (reaction, _) = Pair::open(CIPHER).client_says(kind::ALERT, &[1, 0]);
    assert!(matches!(reaction, Ok(Reaction::Record(Inbound::Closed))), "{reaction:?}");
}

#[test]
fn a_message_that_never_gets_whole_is_kept_and_no_more_than_that() {
    let mut pair = Pair::open(CIPHER);
    for sequence in 3..40_u16 {
        let mut part = message(NEW_SESSION_TICKET, sequence, &[7; 40]);
        part[3] = 41;
        let (reaction, _) = pair.client_says(kind::HANDSHAKE, &part);
        assert!(matches!(reaction, Ok(Reaction::Record(Inbound::Consumed))), "{reaction:?}");
    }
    pair.talk();
}

/// The server says something in the epoch of the handshake instead of its flight's end.
fn server_says_instead(content_type: u8, content: &[u8]) -> Option<u8> {
    let (mut pair, flight) = Pair::greeted(Some(&[CIPHER]));
    // ServerHello alone.
    let hello = Records::new(&flight[0]).next().unwrap().bytes.to_vec();
    let (reactions, _) = deliver(&mut pair.client, pair.now, &[hello]);
    assert!(reactions[0].is_ok());
    let mut out = Outbox::default();
    pair.server.say_early(content_type, content, &mut out);
    let (mut reactions, _) = deliver(&mut pair.client, pair.now, &datagrams(&out));
    alert_for(reactions.remove(0))
}

#[test]
fn a_server_that_says_the_wrong_thing_ends_the_clients_handshake() {
    let zeros = [0; 32];
    // HelloRetryRequest and ServerHello came as 0 and 1.
    for (name, content, alert) in [
        ("Finished before EncryptedExtensions", message(FINISHED, 2, &zeros), 10),
        ("ServerHello, protected", message(SERVER_HELLO, 2, &zeros), 10),
        ("Certificate", message(11, 2, &zeros), 10),
        ("extensions that are cut short", message(ENCRYPTED_EXTENSIONS, 2, &[0, 4, 0, 10]), 50),
        ("an extension that was not offered", message(ENCRYPTED_EXTENSIONS, 2, &[0, 4, 0, 1, 0, 0]), 110),
        ("the same extension twice", message(ENCRYPTED_EXTENSIONS, 2, &[0, 8, 0, 10, 0, 0, 0, 10, 0, 0]), 47),
        ("a protocol although none was offered", message(ENCRYPTED_EXTENSIONS, 2, b"\0\x07\0\x10\0\x03\0\x01a"), 110),
        ("a ticket before its time", message(NEW_SESSION_TICKET, 2, &TICKET), 10),
        ("nothing", Vec::new(), 10),
    ] {
        assert_eq!(server_says_instead(kind::HANDSHAKE, &content), Some(alert), "{name}");
    }
    let extensions = message(ENCRYPTED_EXTENSIONS, 2, &[0, 0]);
    let wrong_finished = [extensions.clone(), message(FINISHED, 3, &zeros)].concat();
    assert_eq!(server_says_instead(kind::HANDSHAKE, &wrong_finished), Some(51));
    assert_eq!(server_says_instead(kind::HANDSHAKE, &extensions), None);
    // RFC 8446 section 4.2.7: a server may say which groups it would rather have had.
    let groups = message(ENCRYPTED_EXTENSIONS, 2, &[0, 8, 0, 10, 0, 4, 0, 2, 0, 29]);
    assert_eq!(server_says_instead(kind::HANDSHAKE, &groups), None);
    assert_eq!(server_says_instead(kind::APPLICATION_DATA, b"early"), Some(10));
    assert_eq!(server_says_instead(kind::ALERT, &[2, 40]), Some(40));
    assert_eq!(server_says_instead(kind::ACK, &[0, 0]), None);
}

#[test]
fn a_client_that_says_the_wrong_thing_ends_the_servers_handshake() {
    for (name, content, alert) in [
        ("a Finished of zeros", message(FINISHED, 2, &[0; 32]), 51),
        ("a Finished that is too short", message(FINISHED, 2, &[0; 12]), 51),
        ("a certificate", message(11, 2, &[0; 4]), 10),
        ("a ticket", message(NEW_SESSION_TICKET, 2, &TICKET), 10),
        ("a hello, protected", message(CLIENT_HELLO, 2, &[0; 40]), 10),
    ] {
        let (mut pair, flight) = Pair::greeted(Some(&[CIPHER]));
        let hello = Records::new(&flight[0]).next().unwrap().bytes.to_vec();
        deliver(&mut pair.client, pair.now, &[hello]);
        let (reaction, answers) = pair.client_says(kind::HANDSHAKE, &content);
        assert_eq!((alert_for(reaction), answers.len()), (Some(alert), 1), "{name}");
    }
}

/// The client has the keys of the handshake, and has not read the rest of the server's flight.
fn with_keys_of_the_handshake() -> Pair {
    let (mut pair, flight) = Pair::greeted(Some(&[CIPHER]));
    let hello = Records::new(&flight[0]).next().unwrap().bytes.to_vec();
    deliver(&mut pair.client, pair.now, &[hello]);
    pair
}

#[test]
fn records_without_sense_end_the_handshake_and_alerts_say_that_it_has_ended() {
    for (content_type, content, kind, alert) in [
        (kind::HANDSHAKE, &b""[..], ErrorKind::Protocol, Some(10)),
        (kind::HANDSHAKE, &[20, 0, 0], ErrorKind::Protocol, Some(50)),
        (kind::ACK, &[], ErrorKind::Protocol, Some(50)),
        (kind::ALERT, &[2], ErrorKind::Protocol, Some(50)),
        (kind::APPLICATION_DATA, &[1], ErrorKind::Protocol, Some(10)),
        (0, &[], ErrorKind::Protocol, Some(10)),
        (kind::ALERT, &[2, 120], ErrorKind::NoApplicationProtocol, Some(120)),
        (kind::ALERT, &[1, 0], ErrorKind::ClosedDuringHandshake, None),
        (kind::ALERT, &[2, 40], ErrorKind::AlertReceived, Some(40)),
    ] {
        let (reaction, _) = with_keys_of_the_handshake().client_says(content_type, content);
        let error = reaction.unwrap_err();
        assert_eq!((error.kind, error.alert), (kind, alert), "{content_type} {content:?}");
    }
}

/// RFC 8446 appendix A: application data has keys of its own, also where it comes late.
#[test]
fn data_under_the_keys_of_the_handshake_ends_the_connection() {
    let (mut pair, flight) = Pair::greeted(Some(&[CIPHER]));
    let hello = Records::new(&flight[0]).next().unwrap().bytes.to_vec();
    deliver(&mut pair.client, pair.now, &[hello]);
    let mut early = Outbox::default();
    pair.client.say_early(kind::APPLICATION_DATA, b"data", &mut early);
    let (_, finished) = deliver(&mut pair.client, pair.now, &flight);
    let (reactions, _) = deliver(&mut pair.server, pair.now, &finished);
    assert!(is_done(&reactions[0]), "{reactions:?}");
    let (mut reactions, answers) = deliver(&mut pair.server, pair.now, &datagrams(&early));
    assert_eq!((alert_for(reactions.remove(0)), answers.len()), (Some(UNEXPECTED_MESSAGE), 1));
}

#[test]
fn what_means_nothing_in_plaintext_is_dropped_whoever_hears_it() {
    let plaintext = |content_type: u8, content: &[u8]| {
        let header = [&[content_type, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0][..], &[content.len() as u8]].concat();
        [header, content.to_vec()].concat()
    };
    let verify = [&[3, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 11, 254, 255, 8][..], &[7; 8]].concat();
    for (content_type, content) in [
        (kind::ALERT, &[2, 40][..]),
        (kind::ALERT, &[2]),
        (kind::HANDSHAKE, &verify),
        (kind::HANDSHAKE, &[20, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 1, 7]),
        (kind::HANDSHAKE, &[]),
        (kind::APPLICATION_DATA, b"plaintext"),
        (kind::ACK, &[]),
    ] {
        let mut pair = with_keys_of_the_handshake();
        for side in [&mut pair.client, &mut pair.server] {
            let (reactions, answers) = deliver(side, pair.now, &[plaintext(content_type, content)]);
            let is_dropped = matches!(reactions[0], Ok(Reaction::Record(Inbound::Dropped(DropReason::Unexpected))));
            assert!(is_dropped && answers.is_empty(), "{content_type} {content:?} {reactions:?}");
        }
    }
}

/// RFC 8446 section 4.1.2: the second hello is the first but for what the retry has asked for.
#[test]
fn a_second_hello_that_does_not_offer_the_chosen_suite_any_more_is_refused() {
    let (mut pair, mut hello) = Pair::met(base_time(), Some(&[CIPHER]), &SessionPolicy::none(), None);
    // Behind the headers of record and message, version, random, and an empty session id and cookie.
    let suite = 13 + 12 + 2 + 32 + 1 + 1 + 2;
    assert_eq!(hello[0][suite..suite + 2], [0x13, 1]);
    hello[0][suite + 1] = 2;
    let (reactions, _) = deliver(&mut pair.server, pair.now, &hello);
    assert_eq!(reactions[0].as_ref().err().and_then(alert_of), Some(ILLEGAL_PARAMETER), "{reactions:?}");
}
