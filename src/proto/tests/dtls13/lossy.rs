//! Handshakes and data when the network loses, doubles and reorders datagrams.

use super::*;
use std::collections::HashSet;
use std::time::Duration;

const BAD: Weather = Weather { loss: 10, duplication: 0, jitter: Duration::ZERO };
const WORSE: Weather = Weather { loss: 10, duplication: 20, jitter: Duration::from_millis(50) };

#[test]
fn with_every_tenth_datagram_lost_200_of_200_handshakes_complete() {
    for weather in [BAD, WORSE] {
        let mut network = Network::new(server());
        network.weather = weather;
        let config = client();
        for _ in 0..200 {
            network.connect(&config);
        }
        network.run_for(Duration::from_secs(100));
        assert_eq!(network.server.secured().len(), 200);
        for index in 0..200 {
            assert_eq!(network.clients[index].secured().len(), 1, "client {index}");
            for number in 0..10 {
                network.send_from_client(index, format!("{index}/{number}").as_bytes());
            }
        }
        network.run_for(Duration::from_secs(1));
        let payloads = network.server.payloads();
        let distinct: HashSet<_> = payloads.iter().collect();
        assert_eq!(distinct.len(), payloads.len(), "a message was delivered twice");
        assert!((1_700..=1_900).contains(&payloads.len()), "{} of 2000 messages", payloads.len());
        // Nothing is repeated for ever.
        let before = network.wire.len();
        network.run_for(Duration::from_secs(300));
        let after = network.wire.len();
        network.run_for(Duration::from_secs(3600));
        assert_eq!((network.wire.len(), after - before), (after, 0));
    }
}

#[test]
fn any_one_or_two_datagrams_may_be_lost() {
    let losses = (0..8).flat_map(|first| (first..8).map(move |second| [first, second]));
    for lost in losses {
        let mut network = Network::new(server());
        network.connect(&client());
        connect_without(&mut network, lost);
    }
}

/// RFC 9147 section 7.1: so that its peer repeats the hello, without which nothing can be read. A server need not ask for a second hello.
#[test]
fn a_client_of_both_versions_says_soon_that_it_has_heard_what_it_has_no_keys_for() {
    let mut network = Network::new(server());
    network.connect(&client_of(&settings_of(BOTH, &[], &[]), IDENTITY, KEY));
    network.drop_in_flight();
    let client = network.clients[0].address;
    // A record of epoch 2, with a number of two bytes and a length.
    network.inject(SERVER, client, &[&[0x2e, 7, 7, 0, 32][..], &[9; 32]].concat());
    network.run_for(Duration::from_millis(240));
    assert_eq!(sent_by(&network, client).len(), 1, "nothing but the hello");
    network.run_for(Duration::from_millis(20));
    let [_, acknowledgment] = sent_by(&network, client).try_into().unwrap();
    // It names no record.
    assert_eq!((acknowledgment[0], &acknowledgment[11..]), (26, &[0, 2, 0, 0][..]));
    network.run_for(Duration::from_secs(3));
    talk(&mut network);
}

#[test]
fn a_client_that_gets_no_answer_repeats_its_hello_in_doubling_intervals_and_gives_up() {
    let mut network = Network::new(server());
    network.weather.loss = 100;
    network.connect(&client());
    network.run_for(Duration::from_secs(119));
    // At 0, 1, 3, 7, 15, 31 and 63 seconds.
    assert_eq!(network.wire.len(), 7);
    network.run_for(Duration::from_secs(2));
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::NoAnswer]);
    let hellos = sent_by(&network, network.clients[0].address);
    assert!(hellos.windows(2).all(|pair| pair[0][13..] == pair[1][13..] && pair[0][3..11] != pair[1][3..11]));
}

#[test]
fn a_client_that_misses_the_server_hello_says_that_it_can_read_nothing() {
    let settings = Settings { mtu: 130, ..settings_of(BOTH, &[], &[]) };
    let mut network = Network::new(server_of(&settings));
    network.connect(&client());
    while network.wire.len() < 4 {
        assert!(network.step());
    }
    // ServerHello is lost, and the rest of its flight is not.
    let flight: Vec<_> = network.wire[3..].iter().map(|(.., datagram)| datagram.clone()).collect();
    assert_eq!((flight[0][0], flight.len()), (22, 2));
    network.drop_in_flight();
    let address = network.clients[0].address;
    network.inject(SERVER, address, &flight[1]);
    let before = network.now;
    while network.server.secured().is_empty() {
        network.run_for(Duration::from_millis(10));
    }
    let took = network.now - before;
    assert!((240..320).contains(&took.as_millis()), "{took:?}");
    // An empty ACK, in plaintext.
    assert!(sent_by(&network, address).iter().any(|datagram| datagram[0] == 26 && datagram[13..] == [0, 0]));
    talk(&mut network);
}

#[test]
fn finished_is_repeated_until_it_is_acknowledged_and_acknowledged_as_often() {
    let mut network = Network::new(server());
    network.connect(&client());
    while network.clients[0].secured().is_empty() {
        assert!(network.step());
    }
    // Finished is lost, and then its acknowledgment.
    network.drop_in_flight();
    let count = network.wire.len();
    network.run_for(Duration::from_millis(1001));
    assert_eq!(network.server.secured().len(), 1);
    network.drop_in_flight();
    network.run_for(Duration::from_secs(60));
    let client = network.clients[0].address;
    let later = &network.wire[count..];
    let repeated = || later.iter().filter(|(from, ..)| *from == client);
    assert_eq!(repeated().count(), 2);
    // Nothing of its first flights: those were in plaintext (RFC 9147 section 4).
    assert!(repeated().all(|(.., datagram)| datagram[0] & 0xe0 == 0x20));
    // The server repeats its own flight once, too.
    assert_eq!(later.iter().filter(|(from, ..)| *from == SERVER).count(), 3);
    talk(&mut network);
}

#[test]
fn data_that_overtakes_the_end_of_the_handshake_is_not_lost() {
    let mut network = Network::new(server());
    network.connect(&client());
    while network.clients[0].secured().is_empty() {
        assert!(network.step());
    }
    let finished = network.wire.last().unwrap().2.clone();
    network.drop_in_flight();
    let (early, address) = (network.seal(0, b"early"), network.clients[0].address);
    network.inject(address, SERVER, &early);
    assert!(network.server.received.is_empty());
    network.inject(address, SERVER, &finished);
    assert_eq!(network.server.payloads(), [b"early"]);
}
