//! Two links without a handshake: what they put into datagrams, and when they repeat, acknowledge and drop what.

use super::*;
use crate::tls::dtls13::numbers::{DATA_EPOCH, HANDSHAKE_EPOCH};
use crate::tls::dtls13::suite::{algorithm, hash};
use crate::tls::dtls13::tests::base_time;
use crate::tls::suites::Suite;
use crate::wire::handshake::{CERTIFICATE, CLIENT_HELLO, KEY_UPDATE, NEW_SESSION_TICKET, SERVER_HELLO};
use crate::wire::{HANDSHAKE_HEADER_LENGTH, Records};

const MTU: usize = 300;
const FIRST_INTERVAL: Duration = Duration::from_secs(1);
/// As long as an acknowledgment waits in a handshake (RFC 9147 section 7.1), and a flight before it is repeated for what the peer says.
const QUARTER: Duration = Duration::from_millis(250);

fn link() -> Link {
    let pace = Pace { first_interval: FIRST_INTERVAL, longest_interval: Duration::from_secs(60), mtu: MTU as u16 };
    Link::new(&Arc::new(pace), 0, 0)
}

/// Both sides with the keys of an epoch, under which they have connection IDs of these lengths.
fn begin_epoch(sides: [&mut Link; 2], epoch: u64, ids: [usize; 2]) {
    let suite = Suite::from_name("TLS_AES_128_GCM_SHA256").unwrap();
    let ids = ids.map(|length| ConnectionId::new(&vec![7; length]).unwrap());
    let secrets = [b"one", b"two"].map(|name| hash(suite).of(name));
    for (index, side) in sides.into_iter().enumerate() {
        side.use_ids(Some(ConnectionIds::new(&ids[index], &ids[1 - index], true)));
        let [own, peer] = [index, 1 - index].map(|index| secrets[index].clone());
        side.begin_epoch(algorithm(suite).unwrap(), epoch, own, peer);
    }
}

fn pair() -> [Link; 2] {
    let [mut one, mut other] = [link(), link()];
    begin_epoch([&mut one, &mut other], HANDSHAKE_EPOCH, [0, 0]);
    [one, other]
}

fn open_pair() -> [Link; 2] {
    let [mut one, mut other] = pair();
    begin_epoch([&mut one, &mut other], DATA_EPOCH, [0, 0]);
    [one, other].map(|mut side| {
        side.open();
        side
    })
}

fn datagrams(out: &Outbox) -> Vec<Vec<u8>> {
    out.datagrams().map(<[u8]>::to_vec).collect()
}

/// The datagrams of a flight with messages of these lengths, each in its epoch.
fn flight(link: &mut Link, now: Instant, messages: &[(u64, usize)]) -> Vec<Vec<u8>> {
    let mut out = Outbox::default();
    link.begin_flight();
    for &(epoch, length) in messages {
        link.push(epoch, CERTIFICATE, &vec![1; length]);
    }
    link.transmit(now, &mut out).unwrap();
    datagrams(&out)
}

/// What a protected record is to a link. Its content, where it is opened.
fn read(link: &mut Link, now: Instant, datagram: &[u8], id_length: u8) -> (Ciphertext, Vec<u8>) {
    let record = Records::with_ids(datagram, id_length).next().unwrap();
    let mut room = vec![0; record.bytes.len()];
    let read = link.read(now, &record, &mut room);
    let content = match &read {
        Ciphertext::Opened(opened) => room[opened.content.clone()].to_vec(),
        _ => Vec::new(),
    };
    (read, content)
}

/// Gives handshake records to a link: whether each had it repeat its own flight, and what it has written.
fn take(link: &mut Link, now: Instant, datagrams: &[Vec<u8>]) -> (Vec<bool>, Vec<Vec<u8>>) {
    let (mut out, mut repeated) = (Outbox::default(), Vec::new());
    for datagram in datagrams {
        let (read, content) = read(link, now, datagram, 0);
        let Ciphertext::Opened(opened) = read else { panic!("not opened") };
        repeated.push(link.take_handshake(now, opened.number, &content, &mut out).unwrap());
    }
    (repeated, self::datagrams(&out))
}

fn handle_timeout(link: &mut Link, now: Instant) -> Vec<Vec<u8>> {
    let mut out = Outbox::default();
    link.handle_timeout(now, &mut out).unwrap();
    datagrams(&out)
}

fn lengths(datagrams: &[Vec<u8>]) -> Vec<usize> {
    datagrams.iter().map(Vec::len).collect()
}

// --- out -------------------------------------------------------------------------------------------------------------

/// Bytes of a plaintext record with one message without a body.
const PLAINTEXT: usize = RECORD_HEADER_LENGTH + HANDSHAKE_HEADER_LENGTH;

#[test]
fn a_datagram_is_filled_to_its_last_byte_and_no_further() {
    let now = base_time();
    for (messages, expected) in [
        // One message that fits, and one that does not.
        (&[(PLAINTEXT_EPOCH, MTU - PLAINTEXT)][..], &[MTU][..]),
        (&[(PLAINTEXT_EPOCH, MTU - PLAINTEXT + 1)], &[MTU, PLAINTEXT + 1]),
        // Two that share a record.
        (&[(PLAINTEXT_EPOCH, 100), (PLAINTEXT_EPOCH, MTU - 100 - PLAINTEXT - HANDSHAKE_HEADER_LENGTH)], &[MTU]),
        (
            &[(PLAINTEXT_EPOCH, 100), (PLAINTEXT_EPOCH, MTU - 99 - PLAINTEXT - HANDSHAKE_HEADER_LENGTH)],
            &[PLAINTEXT + 100, MTU - 99 - HANDSHAKE_HEADER_LENGTH],
        ),
        // Two of different epochs, which share a datagram.
        (&[(PLAINTEXT_EPOCH, 100), (HANDSHAKE_EPOCH, MTU - 2 * HANDSHAKE_HEADER_LENGTH - 113 - OVERHEAD)], &[MTU]),
        (
            &[(PLAINTEXT_EPOCH, 100), (HANDSHAKE_EPOCH, MTU - 2 * HANDSHAKE_HEADER_LENGTH - 112 - OVERHEAD)],
            &[PLAINTEXT + 100, MTU - HANDSHAKE_HEADER_LENGTH - 112],
        ),
        // Protected ones alone.
        (&[(HANDSHAKE_EPOCH, MTU - OVERHEAD - HANDSHAKE_HEADER_LENGTH)], &[MTU]),
        (
            &[(HANDSHAKE_EPOCH, MTU - OVERHEAD - HANDSHAKE_HEADER_LENGTH + 1)],
            &[MTU, OVERHEAD + HANDSHAKE_HEADER_LENGTH + 1],
        ),
    ] {
        let [mut one, _] = pair();
        assert_eq!(lengths(&flight(&mut one, now, messages)), expected, "{messages:?}");
    }
}

#[test]
fn connection_ids_of_the_peer_take_their_room() {
    let [mut one, mut other] = [link(), link()];
    begin_epoch([&mut one, &mut other], HANDSHAKE_EPOCH, [3, 5]);
    let now = base_time();
    let room = MTU - OVERHEAD - HANDSHAKE_HEADER_LENGTH - 5;
    for (length, expected) in [(room, vec![MTU]), (room + 1, vec![MTU, OVERHEAD + HANDSHAKE_HEADER_LENGTH + 1 + 5])] {
        assert_eq!(lengths(&flight(&mut one, now, &[(HANDSHAKE_EPOCH, length)])), expected);
    }
    // From now on it is a longer one; what we have asked for stays.
    one.change_peer_id(&ConnectionId::new(&[9; 6]).unwrap());
    assert_eq!(lengths(&flight(&mut one, now, &[(HANDSHAKE_EPOCH, room)])).len(), 2);
    let ids = one.ids().unwrap();
    assert_eq!((ids.own(), ids.peer(), ids.checks_routability()), (&[7; 3][..], &[9; 6][..], true));
}

#[test]
fn plaintext_records_have_their_numbers_one_after_the_other() {
    let mut link = link();
    link.go_on_from(0x0102_0304_0506);
    let datagrams = flight(&mut link, base_time(), &[(PLAINTEXT_EPOCH, MTU), (PLAINTEXT_EPOCH, 1)]);
    for (datagram, last) in datagrams.iter().zip(6..) {
        assert_eq!(datagram[..11], [22, 254, 253, 0, 0, 1, 2, 3, 4, 5, last]);
        assert_eq!(usize::from(u16::from_be_bytes([datagram[11], datagram[12]])), datagram.len() - 13);
    }
    // Message 0 was the hello of the other engine.
    assert_eq!((datagrams.len(), datagrams[0][17..19].to_vec(), link.messages_written()), (2, vec![0, 1], 3));
}

#[test]
fn nothing_is_sealed_in_an_epoch_without_keys() {
    let mut out = Outbox::default();
    for epoch in [1, HANDSHAKE_EPOCH, DATA_EPOCH] {
        assert!(link().send_in(epoch, kind::ALERT, &[2, 40], &mut out).is_err(), "{epoch}");
    }
    assert!(link().send_in(PLAINTEXT_EPOCH, kind::ALERT, &[2, 40], &mut out).is_ok());
    let [mut one, _] = pair();
    assert!(one.send_in(DATA_EPOCH, kind::ALERT, &[2, 40], &mut out).is_err());
    assert!(one.send(kind::ALERT, &[2, 40], &mut out).is_ok());
    assert_eq!(lengths(&datagrams(&out)), [15, OVERHEAD + 2]);
}

#[test]
fn there_is_a_number_for_every_message_but_the_last() {
    let [mut one, mut other] = pair();
    one.say_from(u16::MAX - 1, &mut other);
    assert!(one.has_message_number());
    one.say_from(u16::MAX, &mut other);
    assert!(!one.has_message_number());
}

// --- time ------------------------------------------------------------------------------------------------------------

#[test]
fn what_is_not_acknowledged_is_repeated_by_the_timer() {
    let [mut one, mut other] = pair();
    let now = base_time();
    let sent = flight(&mut one, now, &[(HANDSHAKE_EPOCH, 2 * MTU)]);
    assert_eq!((sent.len(), one.deadline()), (3, Some(now + FIRST_INTERVAL)));
    assert_eq!(lengths(&handle_timeout(&mut one, now + FIRST_INTERVAL)), lengths(&sent));
    one.postpone(FIRST_INTERVAL);
    assert_eq!(one.deadline(), Some(now + 4 * FIRST_INTERVAL));
    // The peer has the first and the last part, and says so after a while.
    take(&mut other, now, &[sent[0].clone(), sent[2].clone()]);
    assert_eq!((other.acknowledgment_deadline(), other.deadline()), (Some(now + QUARTER), Some(now + QUARTER)));
    assert!(handle_timeout(&mut other, now + QUARTER - Duration::from_millis(1)).is_empty());
    let acknowledgment = handle_timeout(&mut other, now + QUARTER);
    assert_eq!((acknowledgment.len(), other.deadline()), (1, None));
    let (read, content) = read(&mut one, now, &acknowledgment[0], 0);
    assert!(matches!(read, Ciphertext::Opened(Opened { kind: kind::ACK, .. })));
    // The rest leaves at once.
    let mut out = Outbox::default();
    assert!(!one.take_acknowledgment(now, HANDSHAKE_EPOCH, &content, &mut out).unwrap());
    assert_eq!(lengths(&datagrams(&out)), [sent[1].len()]);
    assert!(one.is_sending());
}

#[test]
fn a_flight_that_has_arrived_is_not_under_way() {
    let [mut one, mut other] = pair();
    let now = base_time();
    let sent = flight(&mut one, now, &[(HANDSHAKE_EPOCH, 10)]);
    take(&mut other, now, &sent);
    let acknowledgment = handle_timeout(&mut other, now + QUARTER);
    let (_, content) = read(&mut one, now, &acknowledgment[0], 0);
    let mut out = Outbox::default();
    assert!(one.take_acknowledgment(now, HANDSHAKE_EPOCH, &content, &mut out).unwrap());
    assert_eq!((one.is_sending(), one.deadline(), out.len()), (false, None, 0));
    // It has nothing to say any more.
    assert!(!one.take_acknowledgment(now, HANDSHAKE_EPOCH, &content, &mut out).unwrap());
}

#[test]
fn who_could_read_nothing_has_the_flight_repeated_and_not_too_often() {
    let [mut one, _] = pair();
    let now = base_time();
    let sent = flight(&mut one, now, &[(HANDSHAKE_EPOCH, 10)]);
    for (later, expected) in [(QUARTER - Duration::from_millis(1), 0), (QUARTER, 1), (QUARTER, 0), (2 * QUARTER, 1)] {
        let mut out = Outbox::default();
        assert!(!one.take_acknowledgment(now + later, HANDSHAKE_EPOCH, &[0, 0], &mut out).unwrap());
        assert_eq!(lengths(&datagrams(&out)), vec![sent[0].len(); expected], "{later:?}");
    }
    assert!(one.take_acknowledgment(now, HANDSHAKE_EPOCH, &[0, 1], &mut Outbox::default()).is_err());
}

#[test]
fn in_plaintext_nobody_can_acknowledge_what_is_protected_or_end_a_flight() {
    let now = base_time();
    let number = |epoch: u64, number: u64| [&[0, 16][..], &epoch.to_be_bytes(), &number.to_be_bytes()].concat();
    // A hello in two parts, before there are keys: the rest is repeated, once the flight has rested.
    let mut hello = link();
    let sent = flight(&mut hello, now, &[(PLAINTEXT_EPOCH, MTU)]);
    for (later, expected) in [(Duration::ZERO, 0), (QUARTER, 0)] {
        let mut out = Outbox::default();
        assert!(!hello.take_acknowledgment(now + later, PLAINTEXT_EPOCH, &number(0, 0), &mut out).unwrap());
        assert_eq!(out.len(), expected, "{later:?}");
    }
    let mut out = Outbox::default();
    assert!(!hello.take_acknowledgment(now + QUARTER, PLAINTEXT_EPOCH, &number(0, 1), &mut out).unwrap());
    assert_eq!((out.len(), hello.is_sending()), (0, true));
    // All of it counts as lost again: by the timer, and by whoever has said that it has come.
    assert_eq!(lengths(&handle_timeout(&mut hello, now + FIRST_INTERVAL)), lengths(&sent));
    let mut hello = link();
    flight(&mut hello, now, &[(PLAINTEXT_EPOCH, MTU)]);
    let mut out = Outbox::default();
    hello.take_acknowledgment(now + QUARTER, PLAINTEXT_EPOCH, &number(0, 1), &mut out).unwrap();
    assert_eq!(lengths(&datagrams(&out)), [sent[0].len()]);
    assert_eq!(lengths(&handle_timeout(&mut hello, now + 2 * FIRST_INTERVAL)), lengths(&sent));
    // With keys, it means nothing at all.
    let [mut one, _] = pair();
    let sent = flight(&mut one, now, &[(PLAINTEXT_EPOCH, 10), (HANDSHAKE_EPOCH, 10)]);
    for claim in [number(0, 0), number(2, 0)] {
        let mut out = Outbox::default();
        assert!(!one.take_acknowledgment(now + QUARTER, PLAINTEXT_EPOCH, &claim, &mut out).unwrap());
        assert_eq!(out.len(), 0);
    }
    assert_eq!(lengths(&handle_timeout(&mut one, now + FIRST_INTERVAL)), lengths(&sent));
}

// --- in --------------------------------------------------------------------------------------------------------------

#[test]
fn records_before_their_keys_are_kept_as_long_as_there_is_room() {
    let [mut one, _] = pair();
    let mut stranger = link();
    let now = base_time();
    let mut out = Outbox::default();
    one.send(kind::HANDSHAKE, &[1; 10], &mut out).unwrap();
    let record = datagrams(&out).remove(0);
    for count in 0..=EARLY_LIMIT {
        let (read, _) = read(&mut stranger, now + count as u32 * QUARTER, &record, 0);
        assert!(if count < EARLY_LIMIT {
            matches!(read, Ciphertext::Kept)
        } else {
            matches!(read, Ciphertext::Dropped(DropReason::Limit))
        });
    }
    // The peer learns soon that nothing can be read.
    assert_eq!(stranger.deadline(), Some(now + QUARTER));
    assert_eq!(handle_timeout(&mut stranger, now + QUARTER).concat()[13..], [0, 0]);
    assert_eq!((stranger.take_early().len(), stranger.take_early().len()), (EARLY_LIMIT, 0));
    // By their bytes: so many that no other one fits, and one more.
    let record = |length: usize| {
        let mut record = vec![0x2e, 1, 2, 0, 0];
        record[3..].copy_from_slice(&((length - 5) as u16).to_be_bytes());
        record.resize(length, 7);
        record
    };
    let half = EARLY_BYTES_LIMIT / 2;
    for (lengths, is_kept) in [([half, half], true), ([half, half + 1], false)] {
        let mut stranger = link();
        let kept = lengths.map(|length| matches!(read(&mut stranger, now, &record(length), 0).0, Ciphertext::Kept));
        assert_eq!(kept, [true, is_kept]);
    }
    // Once the handshake is over, nothing is early.
    let [mut open, _] = open_pair();
    open.openers.clear();
    assert!(matches!(read(&mut open, now, &record(50), 0).0, Ciphertext::Dropped(DropReason::Unexpected)));
    assert_eq!(open.deadline(), None);
}

#[test]
fn a_record_is_acknowledged_soon_in_a_handshake_and_at_once_behind_it() {
    let now = base_time();
    let [mut one, mut other] = pair();
    take(&mut other, now, &flight(&mut one, now, &[(HANDSHAKE_EPOCH, 10)]));
    assert_eq!(other.acknowledgment_deadline(), Some(now + QUARTER));
    // What comes again is acknowledged again.
    let again = handle_timeout(&mut one, now + FIRST_INTERVAL);
    assert!(other.next_message().is_some());
    take(&mut other, now, &again);
    let acknowledgment = handle_timeout(&mut other, now + QUARTER);
    assert_eq!(read(&mut one, now, &acknowledgment[0], 0).1.len(), 2 + 2 * 16);

    let [mut one, mut other] = open_pair();
    let mut out = Outbox::default();
    one.send_message(now, NEW_SESSION_TICKET, &[1; 20], &mut out).unwrap();
    take(&mut other, now, &datagrams(&out));
    assert_eq!(other.acknowledgment_deadline(), Some(now));
    let acknowledgment = handle_timeout(&mut other, now);
    assert_eq!(read(&mut one, now, &acknowledgment[0], 0).1.len(), 2 + 16);
    // Behind a handshake, what was said once is not said again.
    let mut out = Outbox::default();
    other.acknowledge(&mut out).unwrap();
    assert_eq!(read(&mut one, now, &datagrams(&out)[0], 0).1, [0, 0]);
}

#[test]
fn what_there_is_no_room_for_is_not_acknowledged() {
    let now = base_time();
    let [mut one, mut other] = pair();
    // Far ahead of all that is expected, alone and beside what is expected.
    for messages in [vec![9], vec![0, 9]] {
        let content: Vec<u8> =
            messages.iter().flat_map(|&sequence| [CERTIFICATE, 0, 0, 0, 0, sequence, 0, 0, 0, 0, 0, 0]).collect();
        let mut out = Outbox::default();
        one.send(kind::HANDSHAKE, &content, &mut out).unwrap();
        take(&mut other, now, &datagrams(&out));
        assert_eq!(other.acknowledgment_deadline(), None, "{messages:?}");
    }
    // Nor is a record without anything in it.
    let number = RecordNumber { epoch: HANDSHAKE_EPOCH, number: 7 };
    assert!(!other.take_handshake(now, number, &[], &mut Outbox::default()).unwrap());
    assert_eq!(other.acknowledgment_deadline(), None);
}

#[test]
fn a_hello_that_comes_again_is_answered_with_the_flight_and_not_too_often() {
    let now = base_time();
    let [mut one, _] = pair();
    one.incoming = Incoming::new(1);
    let sent = flight(&mut one, now, &[(PLAINTEXT_EPOCH, 10), (HANDSHAKE_EPOCH, 10)]);
    let hello = [CLIENT_HELLO, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7];
    let number = RecordNumber { epoch: PLAINTEXT_EPOCH, number: 0 };
    for (later, repeats) in [(Duration::ZERO, false), (QUARTER, true), (QUARTER, false), (2 * QUARTER, true)] {
        let mut out = Outbox::default();
        assert_eq!(one.take_handshake(now + later, number, &hello, &mut out).unwrap(), repeats, "{later:?}");
        assert_eq!(lengths(&datagrams(&out)), if repeats { lengths(&sent) } else { vec![] });
    }
    // In plaintext nobody hears what came twice.
    assert_eq!(one.acknowledgment_deadline(), None);
    // Without a flight of the handshake, there is nothing to repeat, and what is protected is acknowledged.
    let [mut one, mut other] = open_pair();
    one.incoming = Incoming::new(1);
    let mut out = Outbox::default();
    one.send_message(now, KEY_UPDATE, &[0], &mut out).unwrap();
    other.send_in(DATA_EPOCH, kind::HANDSHAKE, &hello, &mut out).unwrap();
    let (repeated, answers) = take(&mut one, now + QUARTER, &datagrams(&out)[1..]);
    assert_eq!((repeated, answers.len(), one.acknowledgment_deadline()), (vec![false], 0, Some(now + QUARTER)));
}

#[test]
fn before_there_are_keys_a_hello_in_parts_is_acknowledged() {
    let now = base_time();
    let mut link = link();
    let part = [SERVER_HELLO, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 7];
    let number = RecordNumber { epoch: PLAINTEXT_EPOCH, number: 3 };
    assert!(!link.take_handshake(now, number, &part, &mut Outbox::default()).unwrap());
    assert_eq!(link.acknowledgment_deadline(), Some(now + QUARTER));
    let said = handle_timeout(&mut link, now + QUARTER).concat();
    assert_eq!(said, [&[26, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 18, 0, 16][..], &[0; 15], &[3]].concat());
    // The beginning of a flight says that all before it has come.
    link.take_handshake(now, number, &part, &mut Outbox::default()).unwrap();
    link.begin_flight();
    assert_eq!((link.deadline(), link.has_messages(1), link.next_message().is_none()), (None, false, true));
}

#[test]
fn the_keys_of_what_is_under_way_are_kept() {
    let now = base_time();
    let [mut one, mut other] = pair();
    let sent = flight(&mut one, now, &[(HANDSHAKE_EPOCH, 10)]);
    begin_epoch([&mut one, &mut other], DATA_EPOCH, [0, 0]);
    one.open();
    assert_eq!(one.sealing_epochs(), [HANDSHAKE_EPOCH, DATA_EPOCH]);
    assert_eq!(lengths(&handle_timeout(&mut one, now + FIRST_INTERVAL)), lengths(&sent));
    one.end_flight();
    assert_eq!(one.sealing_epochs(), [DATA_EPOCH]);
    assert_eq!(one.opening_epochs(), [HANDSHAKE_EPOCH, DATA_EPOCH]);
}

#[test]
fn a_ticket_that_nobody_acknowledges_is_given_up_with_the_keys_of_before() {
    let now = base_time();
    let [mut one, _] = open_pair();
    let mut out = Outbox::default();
    one.send_message(now, NEW_SESSION_TICKET, &[1; 20], &mut out).unwrap();
    let mut repeated = 0;
    while let Some(due) = one.deadline() {
        repeated += handle_timeout(&mut one, due).len();
        assert!(repeated < 100);
    }
    assert_eq!((repeated, one.is_sending()), (8, false));
    // A KeyUpdate stays under way: only it leads to other keys.
    let mut out = Outbox::default();
    one.send_message(now, KEY_UPDATE, &[0], &mut out).unwrap();
    let mut last = now;
    while let Some(due) = one.deadline() {
        last = due;
        handle_timeout(&mut one, due);
    }
    // Sent last a minute before, it may be sent once more a quarter of that later.
    let rested = last - Duration::from_secs(45);
    assert!(one.is_sending() && one.has_given_up(rested) && !one.has_given_up(rested - Duration::from_millis(1)));
    assert!(!open_pair()[0].has_given_up(now));
}

#[test]
fn a_link_at_rest_has_no_keys_but_their_secrets() {
    let now = base_time();
    let [mut one, mut other] = pair();
    begin_epoch([&mut one, &mut other], DATA_EPOCH, [0, 0]);
    assert!(one.is_at_rest());
    let mut out = Outbox::default();
    for epoch in [HANDSHAKE_EPOCH, DATA_EPOCH] {
        one.send_in(epoch, kind::ALERT, &[1, 0], &mut out).unwrap();
        assert!(!one.is_at_rest(), "{epoch}");
        one.rest();
        assert!(one.is_at_rest());
    }
    for datagram in datagrams(&out) {
        assert!(matches!(read(&mut other, now, &datagram, 0).0, Ciphertext::Opened(_)));
        assert!(!other.is_at_rest());
        other.rest();
        assert!(other.is_at_rest());
    }
    assert_eq!((one.sealers.capacity(), one.openers.capacity()), (2, 2));
}

#[test]
fn the_newest_record_that_was_heard_is_the_highest_and_not_the_last() {
    let now = base_time();
    let [mut one, mut other] = open_pair();
    let mut out = Outbox::default();
    for _ in 0..3 {
        one.send(kind::APPLICATION_DATA, b"x", &mut out).unwrap();
    }
    one.begin_flight();
    let sent = datagrams(&out);
    let rank = |number: u64| RecordNumber { epoch: DATA_EPOCH, number }.rank();
    for (index, newest) in [(1, 1), (0, 1), (2, 2)] {
        assert!(matches!(read(&mut other, now, &sent[index], 0).0, Ciphertext::Opened(_)));
        assert_eq!(other.newest_heard(), rank(newest));
    }
    assert!(matches!(read(&mut other, now, &sent[0], 0).0, Ciphertext::Dropped(DropReason::Replayed)));
}
