//! Datagrams that nobody honest sends: forged, repeated, out of their epoch or their time.

use super::certificates::{credentials, trusting};
use super::*;
use crate::proto::tests::certificates::issuer;
use rcgen::KeyPair;
use std::time::Duration;

/// Every datagram of a handshake and of some data, with where it went.
fn everything() -> (Network, Vec<(SocketAddr, SocketAddr, Vec<u8>)>) {
    let mut network = connected();
    talk(&mut network);
    let wire = network.wire.clone();
    (network, wire)
}

#[test]
fn nothing_that_was_recorded_means_anything_a_second_time() {
    let (mut network, wire) = everything();
    let before = (network.server.log.len(), network.clients[0].log.len());
    for _ in 0..3 {
        for (from, to, datagram) in &wire {
            network.inject(*from, *to, datagram);
        }
        network.run_for(Duration::from_secs(2));
    }
    assert_eq!((network.server.log.len(), network.clients[0].log.len()), before);
    assert_eq!((network.server.received.len(), network.clients[0].received.len()), (1, 1));
    talk(&mut network);
}

#[test]
fn no_spoilt_datagram_ends_an_established_connection_or_is_delivered() {
    let (mut network, wire) = everything();
    for (from, to, datagram) in wire {
        for byte in 0..datagram.len() {
            let mut spoilt = datagram.clone();
            spoilt[byte] ^= 0x10;
            network.inject(from, to, &spoilt);
        }
        for length in 0..datagram.len() {
            network.inject(from, to, &datagram[..length]);
        }
    }
    assert_eq!((network.server.received.len(), network.clients[0].received.len()), (1, 1));
    assert_eq!((network.server.closes().count(), network.clients[0].closes().count()), (0, 0));
    talk(&mut network);
}

/// Runs a handshake, and spoils one bit of one protected datagram on its way, once.
#[test]
fn a_spoilt_protected_datagram_of_the_handshake_counts_as_if_it_were_lost() {
    for at in [3, 4, 5] {
        let mut network = Network::new(server());
        network.connect(&client());
        while network.wire.len() <= at {
            assert!(network.step());
        }
        let (from, to, mut datagram) = network.wire[at].clone();
        network.drop_in_flight();
        let last = datagram.len() - 1;
        datagram[last] ^= 1;
        network.inject(from, to, &datagram);
        network.run_for(Duration::from_secs(10));
        assert_eq!((network.server.secured().len(), network.clients[0].secured().len()), (1, 1), "{at}");
        talk(&mut network);
    }
}

fn plaintext(content_type: u8, number: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16).to_be_bytes();
    [&[content_type, 254, 253, 0, 0, 0, 0, 0, 0, 0, number][..], &length, content].concat()
}

/// What anybody can send at any time.
fn noise() -> Vec<Vec<u8>> {
    let mut noise = vec![
        // Alerts, in plaintext.
        plaintext(21, 9, &[2, 40]),
        plaintext(21, 9, &[1, 0]),
        plaintext(21, 9, &[2]),
        // ACKs: empty, cut short, of records that were never sent, by the thousand.
        plaintext(26, 9, &[0, 0]),
        plaintext(26, 9, &[0, 8, 0, 0, 0, 0, 0, 0, 0, 0]),
        plaintext(26, 9, &[&[0, 16][..], &[0xff; 16]].concat()),
        plaintext(26, 9, &[&[0x3f, 0xf0][..], &[0; 16_368]].concat()),
        plaintext(26, 9, &[]),
        // Finished, EncryptedExtensions, KeyUpdate and a message that nobody knows, in plaintext.
        plaintext(22, 9, &[20, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 1, 7]),
        plaintext(22, 9, &[8, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0]),
        plaintext(22, 9, &[24, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 1, 1]),
        // A ticket, in plaintext, where one could be expected.
        plaintext(22, 9, &[4, 0, 0, 16, 0, 4, 0, 0, 0, 0, 0, 16, 0, 0, 1, 44, 1, 2, 3, 4, 1, 9, 0, 2, 7, 8, 0, 0]),
        plaintext(22, 9, &[99, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 1, 1]),
        // Fragments that lie about their length, and of messages far ahead.
        plaintext(22, 9, &[2, 0xff, 0xff, 0xff, 0, 1, 0, 0, 0, 0, 0, 1, 7]),
        plaintext(22, 9, &[2, 0, 0, 4, 0, 1, 0, 0, 3, 0, 0, 2, 7, 7]),
        plaintext(22, 9, &[1, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0, 0, 1, 7]),
        plaintext(22, 9, &[]),
        // Application data in plaintext, and a record of DTLS 1.2 with epoch 1.
        plaintext(23, 9, b"plaintext"),
        [&[23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9, 0, 24][..], &[7; 24]].concat(),
    ];
    // Ciphertexts of every form and epoch, made of nothing.
    noise.extend((0x20..0x40_u8).map(|first| [&[first, 0, 1, 0, 30][..], &[0x5a; 30]].concat()));
    noise
}

#[test]
fn noise_disturbs_neither_a_connection_nor_a_handshake_that_has_its_keys() {
    let mut network = Network::new(server());
    network.connect(&client());
    let address = network.clients[0].address;
    // After the server has its keys, and after the client has.
    for count in [4, 5, 6] {
        while network.wire.len() < count && network.step() {}
        for datagram in noise() {
            network.inject(address, SERVER, &datagram);
            if count > 4 {
                network.inject(SERVER, address, &datagram);
            }
        }
    }
    network.run_for(Duration::from_secs(30));
    assert_eq!((network.server.secured().len(), network.clients[0].secured().len()), (1, 1));
    talk(&mut network);
    assert_eq!((network.server.closes().count(), network.clients[0].closes().count()), (0, 0));
}

#[test]
fn forged_acknowledgments_do_not_keep_the_server_hello_from_being_repeated() {
    let mut network = Network::new(server());
    network.connect(&client());
    while network.wire.len() < 4 {
        assert!(network.step());
    }
    network.drop_in_flight();
    let address = network.clients[0].address;
    for number in 0..20 {
        let mut content = vec![0, 16];
        content.extend([0; 15]);
        content.push(number);
        network.inject(address, SERVER, &plaintext(26, 9, &content));
    }
    network.run_for(Duration::from_secs(5));
    assert_eq!(network.server.secured().len(), 1);
}

/// A part of a handshake message in plaintext, whole where it has `length` bytes.
fn message_in_plaintext(message: u8, sequence: u8, length: u8, part: &[u8]) -> Vec<u8> {
    let header = [message, 0, 0, length, 0, sequence, 0, 0, 0, 0, 0, part.len() as u8];
    plaintext(22, 9, &[&header[..], part].concat())
}

/// A server and a client with certificates in so many fragments that no message of theirs but the last is whole in one record.
fn mutual_in_fragments() -> (ServerConfig, ClientConfig) {
    let (issuer, keys) = (issuer(), [KeyPair::generate().unwrap(), KeyPair::generate().unwrap()]);
    let settings = Settings { mtu: 300, ..settings_of(ONLY, &[], &["X25519"]) };
    let [own, peer] = keys.each_ref().map(|key| Some(credentials(key, &issuer)));
    let server = ServerConfig::new(&settings, own, false, Some(trusting(&issuer, None))).unwrap();
    let client = ClientConfig::new(&settings, None, Some(trusting(&issuer, Some("localhost"))), peer).unwrap();
    (server, client)
}

/// Only hellos are in plaintext (RFC 9147 section 6.1), and each of them is the next message of its sender.
#[test]
fn nothing_in_plaintext_takes_the_place_of_a_message_that_is_to_be_protected() {
    for jobs in [0, 4] {
        let (server, client) = mutual_in_fragments();
        let mut network = Network::with_jobs(server, jobs);
        network.connect(&client);
        let address = network.clients[0].address;
        for _ in 0..60 {
            let hellos: Vec<_> = sent_by(&network, address).into_iter().filter(|sent| sent[0] == 22).collect();
            for sequence in 2..9 {
                for part in [&[7; 4][..], &[7; 40]] {
                    // To the client, a part of a server's hello or the whole of it, and the same behind one that has come.
                    let forged = message_in_plaintext(2, sequence, 40, part);
                    network.inject(SERVER, address, &forged);
                }
                // To the server, the client's own hello, under another number.
                if let [_, second, ..] = &hellos[..] {
                    let mut again = second.clone();
                    again[13 + 5] = sequence;
                    network.inject(address, SERVER, &again);
                    let mut behind = second.clone();
                    behind.extend(&message_in_plaintext(11, sequence, 40, &[7; 4])[13..]);
                    let length = (behind.len() - 13) as u16;
                    behind[11..13].copy_from_slice(&length.to_be_bytes());
                    network.inject(address, SERVER, &behind);
                }
            }
            if !network.open_jobs.is_empty() {
                network.run_job(0);
            } else if !network.step() {
                network.run_for(Duration::from_millis(250));
            }
        }
        assert_eq!((network.server.error_kinds(), network.clients[0].error_kinds()), (vec![], vec![]));
        talk(&mut network);
    }
}

/// A network in which a client has just sent its second hello, which does not fit into one datagram. The client's address.
fn with_a_hello_in_two_datagrams() -> (Network, SocketAddr) {
    let named = settings_of(ONLY, &[], &["X25519MLKEM768"]);
    let mut network = Network::new(server_of(&named));
    network.connect(&client_of(&named, IDENTITY, KEY));
    let address = network.clients[0].address;
    while sent_by(&network, address).len() < 3 {
        assert!(network.step());
    }
    (network, address)
}

#[test]
fn forged_acknowledgments_do_not_keep_a_part_of_a_hello_from_being_repeated() {
    let (mut network, address) = with_a_hello_in_two_datagrams();
    // Both datagrams of the second hello are lost, and somebody says that one has come.
    network.drop_in_flight();
    network.inject(SERVER, address, &plaintext(26, 9, &[&[0, 16][..], &[0; 15], &[1]].concat()));
    network.drop_in_flight();
    network.run_for(Duration::from_secs(30));
    assert_eq!((network.server.secured().len(), network.clients[0].secured().len()), (1, 1));
    talk(&mut network);
}

/// Whoever forges them does not have a client flood its server.
#[test]
fn forged_acknowledgments_have_no_hello_repeated_each_time() {
    let (mut network, address) = with_a_hello_in_two_datagrams();
    for number in [1, 2].repeat(50) {
        network.drop_in_flight();
        network.inject(SERVER, address, &plaintext(26, 9, &[&[0, 16][..], &[0; 15], &[number]].concat()));
    }
    assert_eq!(sent_by(&network, address).len(), 3);
}

#[test]
fn a_cookie_with_which_the_second_hello_would_be_too_long_ends_the_clients_handshake() {
    // The longest that leaves room for the second hello, and the longest that a HelloRetryRequest has room for.
    for (cookie, ends) in [(15_500_usize, false), (16_300, true)] {
        let (errors, network) = answer_to_first_hello(|retry| {
            let version: Vec<u8> = retry[EXTENSIONS..EXTENSIONS + 6].to_vec();
            let u16 = |length: usize| (length as u16).to_be_bytes();
            let u24 = |length: usize| (length as u32).to_be_bytes()[1..].to_vec();
            retry.truncate(EXTENSIONS - 2);
            retry.extend(u16(6 + 6 + cookie));
            retry.extend(version);
            retry.extend([&[0, 44][..], &u16(2 + cookie), &u16(cookie)].concat());
            retry.resize(retry.len() + cookie, 7);
            let length = retry.len() - 13;
            retry[11..13].copy_from_slice(&u16(length));
            retry[14..17].copy_from_slice(&u24(length - 12));
            retry[22..25].copy_from_slice(&u24(length - 12));
        });
        assert_eq!(errors, vec![ErrorKind::Protocol; usize::from(ends)], "{cookie}");
        let said = sent_by(&network, network.clients[0].address);
        assert!(said.iter().all(|datagram| datagram.len() <= 1200) && (said.len() > 10) != ends, "{}", said.len());
    }
}

#[test]
fn a_server_repeats_its_flight_no_more_often_than_its_timer_for_whoever_cannot_read_it() {
    let mut network = Network::new(server());
    network.connect(&client());
    while network.wire.len() < 4 {
        assert!(network.step());
    }
    network.drop_in_flight();
    let (address, since) = (network.clients[0].address, network.wire.len());
    for _ in 0..100 {
        network.inject(address, SERVER, &plaintext(26, 9, &[0, 0]));
        network.drop_in_flight();
    }
    let sent = network.wire[since..].iter().filter(|(from, ..)| *from == SERVER).count();
    assert!(sent <= 1, "{sent}");
}

#[test]
fn an_alert_in_plaintext_ends_a_client_that_has_heard_nothing_better() {
    let mut network = Network::new(server());
    network.connect(&client());
    network.drop_in_flight();
    let address = network.clients[0].address;
    network.inject(SERVER, address, &plaintext(21, 0, &[2, 40]));
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::AlertReceived]);
}

/// The server's answer to the first hello is replaced by another one.
fn answer_to_first_hello(rewrite: impl Fn(&mut Vec<u8>)) -> (Vec<ErrorKind>, Network) {
    let mut network = Network::new(server());
    network.connect(&client());
    while network.wire.len() < 2 {
        assert!(network.step());
    }
    network.drop_in_flight();
    let (_, to, mut retry) = network.wire[1].clone();
    rewrite(&mut retry);
    network.inject(SERVER, to, &retry);
    (network.clients[0].error_kinds(), network)
}

type Rewrite = &'static dyn Fn(&mut Vec<u8>);

/// Where a HelloRetryRequest has its suite: behind headers, version, random and session id.
const SUITE: usize = 13 + 12 + 2 + 32 + 1;

/// Where its first extension begins, of which the second is the cookie.
const EXTENSIONS: usize = SUITE + 2 + 1 + 2;

#[test]
fn a_retry_that_is_not_legal_ends_the_clients_handshake() {
    let cases: [(&str, Rewrite); 6] = [
        ("another suite", &|retry| retry[SUITE + 1] = 0x09),
        ("a compression method", &|retry| retry[SUITE + 2] = 1),
        ("another version", &|retry| retry[EXTENSIONS + 5] = 0xfd),
        ("an extension that does not belong there", &|retry| retry[EXTENSIONS + 6 + 1] = 45),
        ("the same extension twice", &|retry| retry[EXTENSIONS + 6 + 1] = 43),
        ("an empty cookie", &|retry| {
            let at = EXTENSIONS + 6 + 4;
            retry[at..at + 2].fill(0);
        }),
    ];
    for (name, rewrite) in cases {
        let (errors, _) = answer_to_first_hello(rewrite);
        assert_eq!(errors.len(), 1, "{name}");
        assert!(matches!(errors[0], ErrorKind::Protocol | ErrorKind::WrongVersion), "{name}: {errors:?}");
    }
}

// CVE-2026-25832
#[test]
fn a_retry_for_a_group_that_was_not_offered_or_has_been_sent_already_ends_the_clients_handshake() {
    let with_group = |retry: &mut Vec<u8>, group: u8| {
        retry.splice(EXTENSIONS..EXTENSIONS, [0, 51, 0, 2, 0, group]);
        // The lengths of record, message, fragment and extensions.
        for at in [12, 13 + 3, 13 + 11, EXTENSIONS - 1] {
            retry[at] += 6;
        }
    };
    for (group, ends) in [(23, false), (25, true), (29, true)] {
        let (errors, _) = answer_to_first_hello(|retry| with_group(retry, group));
        assert_eq!(errors, vec![ErrorKind::Protocol; usize::from(ends)], "{group}");
    }
}

#[test]
fn a_second_retry_ends_the_clients_handshake() {
    let (errors, mut network) = answer_to_first_hello(|_| {});
    assert_eq!(errors, []);
    network.drop_in_flight();
    let (_, to, mut again) = network.wire[1].clone();
    // Its message_seq is that of a ServerHello behind a retry.
    again[13 + 5] = 1;
    network.inject(SERVER, to, &again);
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::Protocol]);
}

#[test]
fn records_of_the_newer_version_mean_nothing_to_a_connection_of_the_older() {
    let mut network = Network::new(server());
    network.connect(&psk_client(&[]));
    network.settle();
    let address = network.clients[0].address;
    for datagram in noise() {
        network.inject(address, SERVER, &datagram);
        network.inject(SERVER, address, &datagram);
    }
    // An ACK in the epoch of the older version's data.
    network.inject(address, SERVER, &[&[26, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9, 0, 24][..], &[7; 24]].concat());
    talk(&mut network);
    assert_eq!((network.server.closes().count(), network.clients[0].closes().count()), (0, 0));
}
