//! ClientHellos in several fragments, which the engine cannot read (RFC 6347 section 4.2.3).

use super::network::*;
use crate::proto::{CloseReason, Limits};
use crate::tls::{ClientConfig, ClientPsk, DropReason, Settings, Wishes};
use std::net::SocketAddr;
use std::time::Duration;

const RECORD_HEADER: usize = 13;
const HEADERS: usize = RECORD_HEADER + 12;
const SERVER_HELLO: u8 = 2;
const HELLO_VERIFY_REQUEST: u8 = 3;

/// Bytes of a hello up to the end of its session id, without one, and of a cookie of ours with its length.
const BEFORE_COOKIE: usize = 2 + 32 + 1;
const COOKIE: usize = 1 + 20;

/// A client with a hello of some 2,000 bytes.
fn talkative_client() -> ClientConfig {
    let protocols = (0..20).map(|number| format!("{number:0>100}").into_bytes()).collect();
    let settings = Settings { wishes: Wishes { protocols, ..Wishes::default() }, ..settings(&[]) };
    ClientConfig::new(&settings, Some(ClientPsk::new(IDENTITY, KEY).unwrap()), None, None).unwrap()
}

/// A server and clients that fragment as for the smallest MTU that there is.
fn fragmenting_network(limits: Limits) -> Network {
    let mut network = Network::with_limits(psk_server(), limits);
    network.hello_fragments = Some(200);
    network
}

/// A network whose only client has sent its second hello, with a cookie, which is lost; and that hello, in one piece.
fn second_hello(first_fragmented: bool) -> (Network, SocketAddr, Vec<u8>) {
    let mut network = Network::new(psk_server());
    network.hello_fragments = Some(if first_fragmented { 60 } else { 1_000 });
    network.connect(&psk_client(&[]));
    while network.hellos.len() < 2 {
        assert!(network.step());
    }
    network.hello_fragments = None;
    network.drop_in_flight();
    let hello = network.hellos[1].clone();
    assert_eq!(hello[HEADERS + BEFORE_COOKIE], 20);
    let address = network.clients[0].address;
    (network, address, hello)
}

fn u24(value: usize) -> [u8; 3] {
    let [_, bytes @ ..] = (value as u32).to_be_bytes();
    bytes
}

/// Appends an extension of zeros that makes the body this long.
fn padded(hello: &[u8], length: usize) -> Vec<u8> {
    let mut hello = hello.to_vec();
    let body = hello.len() - HEADERS;
    let suites = HEADERS + BEFORE_COOKIE + COOKIE;
    let compression = suites + 2 + usize::from(u16::from_be_bytes([hello[suites], hello[suites + 1]]));
    let extensions = compression + 1 + usize::from(hello[compression]);
    let padding = length - body - 4;
    hello.extend_from_slice(&[0, 21]);
    hello.extend_from_slice(&(padding as u16).to_be_bytes());
    hello.resize(hello.len() + padding, 0);
    let block = (hello.len() - extensions - 2) as u16;
    hello[extensions..extensions + 2].copy_from_slice(&block.to_be_bytes());
    hello[14..17].copy_from_slice(&u24(length));
    hello[22..25].copy_from_slice(&u24(length));
    hello
}

fn sent_by_server(network: &Network, message: u8) -> Vec<Vec<u8>> {
    let from_server = network.wire.iter().filter(|(from, ..)| *from == SERVER).map(|(.., datagram)| datagram);
    from_server.filter(|datagram| datagram[0] == 22 && datagram[RECORD_HEADER] == message).cloned().collect()
}

fn number(datagram: &[u8]) -> u64 {
    u64::from_be_bytes(datagram[3..11].try_into().unwrap())
}

#[test]
fn a_client_that_fragments_its_hello_connects_after_one_cookie() {
    let mut network = fragmenting_network(limits());
    network.connect(&talkative_client());
    network.settle();
    assert_eq!((network.server.secured().len(), network.clients[0].secured().len()), (1, 1));
    assert_eq!(network.server.endpoint.counters().hello_verify_requests_sent, 1);
    let hellos: Vec<_> =
        network.wire.iter().filter(|(from, _, datagram)| *from != SERVER && datagram[13] == 1).collect();
    assert!(hellos.len() > 16, "{} fragments are no fragmented hello", hellos.len());
    assert!(hellos.iter().all(|(.., datagram)| datagram.len() <= 256));
    network.send_from_client(0, b"through");
    network.settle();
    assert_eq!(network.server.payloads(), [b"through"]);
}

/// RFC 6347 section 4.2.1 and 4.2.2: the ServerHello bears the number of the hello, which no HelloVerifyRequest had.
#[test]
fn answers_bear_numbers_of_the_hello_and_continue_its_message_sequence() {
    let mut network = fragmenting_network(limits());
    network.connect(&talkative_client());
    network.settle();
    let fragments: Vec<u64> = network
        .wire
        .iter()
        .filter(|(from, _, datagram)| *from != SERVER && datagram[13] == 1 && datagram[18] == 1)
        .map(|(.., datagram)| number(datagram))
        .collect();
    let request = &sent_by_server(&network, HELLO_VERIFY_REQUEST)[0];
    let hello = &sent_by_server(&network, SERVER_HELLO)[0];
    assert_eq!(number(request), 0);
    assert_eq!(request[17..19], [0, 0]);
    assert_eq!(number(hello), fragments[0]);
    assert_eq!(hello[17..19], [0, 1]);
}

#[test]
fn fragmented_hellos_get_through_loss_duplication_and_reordering() {
    let mut network = fragmenting_network(limits());
    network.weather = Weather { loss: 3, duplication: 20, jitter: Duration::from_millis(5) };
    let config = talkative_client();
    for _ in 0..50 {
        network.connect(&config);
    }
    network.run_for(Duration::from_secs(119));
    assert_eq!(network.server.secured().len(), 50);
    assert_eq!(network.server.endpoint.handshake_count(), 0);
}

#[test]
fn fragments_may_come_in_any_order_behind_the_first() {
    let (mut network, address, hello) = second_hello(true);
    let fragments = cut(&hello, 60);
    assert!(fragments.len() > 2);
    // Before the first, they are lost.
    let (first, rest) = fragments.split_first().unwrap();
    let footprint = network.server.endpoint.footprint();
    for datagram in rest {
        network.inject(address, SERVER, datagram);
    }
    assert_eq!(network.server.endpoint.footprint(), footprint);
    network.inject(address, SERVER, first);
    assert_eq!(network.server.endpoint.handshake_count(), 1);
    assert!(network.server.log.is_empty(), "the application heard of a hello that is not whole");
    for datagram in rest.iter().rev() {
        network.inject(address, SERVER, datagram);
    }
    network.settle();
    assert_eq!((network.server.secured().len(), network.clients[0].secured().len()), (1, 1));
}

#[test]
fn overlapping_and_repeated_fragments_do_no_harm() {
    let (mut network, address, hello) = second_hello(true);
    let end = hello.len() - HEADERS;
    for (number, range) in [(1, 0..70), (2, 50..end - 10), (1, 0..70), (3, 40..90), (3, 60..60), (4, end - 30..end)] {
        network.inject(address, SERVER, &fragment(&hello, number, range));
    }
    network.settle();
    assert_eq!((network.server.secured().len(), network.clients[0].secured().len()), (1, 1));
    assert_eq!(network.server.endpoint.counters().handshakes_started, 1);
}

#[test]
fn fragments_without_a_cookie_are_answered_at_most_once_each_and_leave_nothing_behind() {
    let mut network = fragmenting_network(limits());
    network.connect(&talkative_client());
    network.drop_in_flight();
    let fragments: Vec<_> = network.wire.drain(..).map(|(.., datagram)| datagram).collect();
    assert!(fragments.len() > 8);
    let before = network.server.endpoint.footprint();
    for port in 1..1_000 {
        for datagram in &fragments {
            let stranger = SocketAddr::from(([203, 0, 113, 9], port));
            network.server.endpoint.handle_datagram(network.now, stranger, datagram);
            if let Some(answer) = network.server.endpoint.poll_transmit() {
                assert_eq!(answer.datagram[RECORD_HEADER], HELLO_VERIFY_REQUEST);
                assert!(answer.datagram.len() < datagram.len());
            }
        }
    }
    assert_eq!(network.server.endpoint.counters().hello_verify_requests_sent, 999);
    assert_eq!(network.server.endpoint.counters().datagrams_dropped, 999 * (fragments.len() as u64 - 1));
    assert_eq!(network.server.endpoint.footprint(), before);
    assert!(network.server.endpoint.poll_event().is_none());
}

#[test]
fn a_first_fragment_that_ends_within_its_cookie_is_no_beginning() {
    let (mut network, address, hello) = second_hello(true);
    let before = network.server.endpoint.footprint();
    for end in 0..BEFORE_COOKIE + COOKIE {
        network.inject(address, SERVER, &fragment(&hello, 1, 0..end));
    }
    assert_eq!(network.server.endpoint.footprint(), before);
    assert_eq!(network.server.endpoint.counters().hello_verify_requests_sent, 1);
}

#[test]
fn the_cookie_of_a_fragmented_hello_is_good_for_one_address_and_one_hello() {
    let mut network = fragmenting_network(limits());
    network.connect(&talkative_client());
    network.settle();
    let owner = network.clients[0].address;
    let is_second = |datagram: &[u8]| datagram[13] == 1 && datagram[18] == 1 && datagram[19..22] == [0; 3];
    let mut sent = network.wire.iter().filter(|(from, ..)| *from == owner);
    let first_fragment = sent.find(|(.., datagram)| is_second(datagram)).unwrap().2.clone();
    let requests = network.server.endpoint.counters().hello_verify_requests_sent;
    let mut changed = first_fragment.clone();
    changed[HEADERS + 2 + 31] ^= 1;
    let mut other_coverage = first_fragment.clone();
    other_coverage[HEADERS + BEFORE_COOKIE + 1] ^= 0x80;
    network.inject(SocketAddr::from(([10, 9, 8, 7], owner.port())), SERVER, &first_fragment);
    network.inject(owner, SERVER, &changed);
    network.inject(owner, SERVER, &other_coverage);
    // As good as none: each gets a cookie of its own.
    assert_eq!(network.server.endpoint.counters().hello_verify_requests_sent, requests + 3);
    assert_eq!(network.server.endpoint.handshake_count(), 0);
}

#[test]
fn a_repeated_first_fragment_with_another_cookie_does_not_disturb_the_hello() {
    let (mut network, address, hello) = second_hello(true);
    let fragments = cut(&hello, 60);
    network.inject(address, SERVER, &fragments[0]);
    let mut other_cookie = fragments[0].clone();
    other_cookie[HEADERS + BEFORE_COOKIE + COOKIE - 1] ^= 1;
    network.inject(address, SERVER, &other_cookie);
    network.drop_in_flight();
    for datagram in &fragments[1..] {
        network.inject(address, SERVER, datagram);
    }
    network.settle();
    assert_eq!(network.server.secured().len(), 1);
}

/// The cookie lets the first hello's parameters be compared; the second's may lie in its second fragment.
#[test]
fn a_hello_that_is_fragmented_for_its_cookie_gets_one_that_fits() {
    let (mut network, address, hello) = second_hello(false);
    network.inject(address, SERVER, &fragment(&hello, 1, 0..BEFORE_COOKIE + COOKIE));
    assert_eq!(network.server.endpoint.handshake_count(), 0);
    assert_eq!(network.server.endpoint.counters().hello_verify_requests_sent, 2);
    network.settle();
    assert_eq!((network.server.secured().len(), network.clients[0].secured().len()), (1, 1));
}

#[test]
fn fragments_of_other_messages_are_dropped() {
    let (mut network, address, hello) = second_hello(true);
    let fragments = cut(&hello, 60);
    network.inject(address, SERVER, &fragments[0]);
    let dropped = network.server.endpoint.counters().records_dropped;
    let second = &fragments[1];
    for (at, value) in [
        // Length of the message, message_seq, offset beyond the end, length of the fragment.
        (16, second[16] + 1),
        (14, 0xff),
        (18, 2),
        (19, 0xff),
        (24, second[24] + 1),
    ] {
        let mut foreign = second.clone();
        foreign[at] = value;
        network.inject(address, SERVER, &foreign);
    }
    assert_eq!(network.server.endpoint.counters().records_dropped, dropped + 5);
    for datagram in &fragments[1..] {
        network.inject(address, SERVER, datagram);
    }
    network.settle();
    assert_eq!(network.server.secured().len(), 1);
}

#[test]
fn hellos_of_16372_bytes_are_answered_and_longer_ones_are_not() {
    for (length, is_answered) in [(16_372, true), (16_373, false)] {
        let (mut network, address, hello) = second_hello(true);
        for datagram in cut(&padded(&hello, length), 1_000) {
            network.inject(address, SERVER, &datagram);
        }
        assert_eq!(sent_by_server(&network, SERVER_HELLO).len(), usize::from(is_answered), "{length}");
        assert_eq!(network.server.endpoint.handshake_count(), usize::from(is_answered), "{length}");
    }
}

#[test]
fn a_whole_message_of_fragments_that_is_no_hello_is_dropped() {
    let (mut network, address, hello) = second_hello(true);
    let before = network.server.endpoint.footprint();
    let mut nonsense = padded(&hello, 600);
    // The length of the extensions.
    let end = nonsense.len() - 1;
    nonsense.truncate(end);
    nonsense[14..17].copy_from_slice(&u24(599));
    for datagram in cut(&nonsense, 200) {
        network.inject(address, SERVER, &datagram);
    }
    assert_eq!(network.server.endpoint.footprint(), before);
    assert!(network.server.log.is_empty());
}

// --- limits ----------------------------------------------------------------------------------------------------------

#[test]
fn half_hellos_count_as_handshakes_in_total_and_by_address() {
    for (handshakes, per_address, expected) in [(3, 100, 3), (100, 2, 2)] {
        let limits = Limits { handshakes, handshakes_per_address: per_address, ..limits() };
        let mut network = fragmenting_network(limits);
        for _ in 0..5 {
            network.connect(&talkative_client());
        }
        while network.hellos.len() < 10 {
            assert!(network.step());
        }
        // Of each second hello, only the first fragment arrives.
        network.drop_in_flight();
        let mut footprints = Vec::new();
        for index in 0..5 {
            let hello = network.hellos[5 + index].clone();
            network.inject(network.clients[index].address, SERVER, &cut(&hello, 200)[0]);
            footprints.push(network.server.endpoint.footprint());
        }
        assert_eq!(footprints[4], footprints[expected - 1], "who gives way leaves nothing behind");
        assert_eq!(network.server.endpoint.counters().handshakes_started, 0);
        assert_eq!(network.server.endpoint.handshake_count(), expected);
        assert_eq!(network.server.endpoint.counters().handshakes_displaced, 5 - expected as u64);
    }
}

#[test]
fn a_hello_that_never_becomes_whole_is_given_up_in_silence() {
    let (mut network, address, hello) = second_hello(true);
    let before = network.server.endpoint.footprint();
    let now = network.now;
    // The client itself goes away.
    network.clients.clear();
    let fragments = cut(&hello, 60);
    network.inject(address, SERVER, &fragments[0]);
    assert_eq!(network.server.endpoint.poll_timeout(), Some(now + Duration::from_secs(120)));
    network.run_for(Duration::from_secs(119));
    assert_eq!(network.server.endpoint.handshake_count(), 1);
    network.run_for(Duration::from_secs(2));
    assert_eq!(network.server.endpoint.handshake_count(), 0);
    assert_eq!(network.server.endpoint.counters().handshakes_refused, 1);
    assert_eq!(network.server.endpoint.footprint(), before);
    assert!(network.server.log.is_empty());
    for datagram in &fragments[1..] {
        network.inject(address, SERVER, datagram);
    }
    assert_eq!(network.server.endpoint.footprint(), before);
}

// --- clients that start anew -----------------------------------------------------------------------------------------

#[test]
fn repeated_fragments_repeat_the_answer_once() {
    let (mut network, address, hello) = second_hello(true);
    let fragments = cut(&hello, 60);
    for datagram in fragments.iter().chain(&fragments) {
        network.inject(address, SERVER, datagram);
    }
    assert_eq!(network.server.endpoint.counters().handshakes_started, 1);
    assert_eq!(sent_by_server(&network, SERVER_HELLO).len(), 2);
    network.settle();
    assert_eq!(network.server.secured().len(), 1);
}

#[test]
fn a_handshake_is_replaced_when_the_new_hello_is_whole_and_not_before() {
    let mut network = Network::new(psk_server());
    let first = network.connect(&psk_client(&[]));
    let address = network.clients[first].address;
    network.answers_at_once = false;
    network.settle();
    assert_eq!(network.open_lookups.len(), 1);
    network.hello_fragments = Some(200);
    network.connect_from(address, &talkative_client());
    let mut closes = 0;
    while closes == 0 && network.step() {
        closes = network.server.closes().count();
        let started = network.server.endpoint.counters().handshakes_started;
        assert_eq!(closes as u64, started - 1);
    }
    network.answers_at_once = true;
    network.settle();
    assert!(matches!(network.server.closes().next(), Some((_, CloseReason::Replaced))));
    assert_eq!(network.clients[1].secured().len(), 1);
    assert_eq!(network.server.endpoint.handshake_count(), 0);
}

#[test]
fn another_hello_from_the_same_address_takes_the_place_of_a_half_one() {
    let (mut network, address, hello) = second_hello(true);
    network.inject(address, SERVER, &cut(&hello, 60)[0]);
    network.connect_from(address, &talkative_client());
    network.settle();
    assert_eq!(network.clients[1].secured().len(), 1);
    assert_eq!(network.server.endpoint.handshake_count(), 0);
    // A whole one, too.
    let (mut network, address, hello) = second_hello(true);
    network.inject(address, SERVER, &cut(&hello, 60)[0]);
    network.connect_from(address, &psk_client(&[]));
    network.settle();
    assert_eq!(network.clients[1].secured().len(), 1);
    assert_eq!(network.server.endpoint.handshake_count(), 0);
}

#[test]
fn where_there_are_no_places_at_all_hellos_are_refused_whole_and_in_fragments() {
    for fragments in [None, Some(200)] {
        for limits in [Limits { handshakes: 0, ..limits() }, Limits { handshakes_per_address: 0, ..limits() }] {
            let mut network = Network::with_limits(psk_server(), limits);
            network.hello_fragments = fragments;
            network.connect(&talkative_client());
            network.settle();
            let counters = network.server.endpoint.counters();
            assert!(counters.handshakes_refused >= 1, "{fragments:?}");
            assert_eq!((counters.handshakes_started, network.server.endpoint.handshake_count()), (0, 0));
            assert!(counters.drops(DropReason::Limit) >= 1);
        }
    }
}
