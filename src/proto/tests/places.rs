//! Which handshake gives way, without any network.

use super::network::base_time;
use crate::proto::ConnectionHandle;
use crate::proto::handshakes::{Handshakes, Places, Unfinished};
use std::net::SocketAddr;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);
const PLACES: Places = Places { in_all: 3, each: 100 };

fn connection(number: u32) -> Unfinished {
    Unfinished::Connection(ConnectionHandle(number))
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn of_the_heaviest_prefix_the_one_longest_without_progress_gives_way() {
    let now = base_time();
    let at = |seconds| now + Duration::from_secs(seconds);
    let hello = address("[2001:db8::1]:1");
    let mut handshakes = Handshakes::default();
    handshakes.begin(at(0), address("192.0.2.1:1"), connection(1), PLACES);
    handshakes.begin(at(1), hello, Unfinished::Hello(hello), PLACES);
    handshakes.begin(at(2), address("[2001:db8::2]:1"), connection(2), PLACES);
    assert_eq!(handshakes.count_from(address("[2001:db8::3]:9")), 2);
    assert_eq!(handshakes.least_claim(address("192.0.2.9:1")), Some(Unfinished::Hello(hello)));
    handshakes.advance(at(3), Unfinished::Hello(hello));
    assert_eq!(handshakes.least_claim(address("192.0.2.9:1")), Some(connection(2)));
}

#[test]
fn among_equals_those_who_came_first_keep_half_of_the_places() {
    let now = base_time();
    let at = |number: u32| now + Duration::from_millis(number.into());
    for is_one_prefix in [false, true] {
        let places = Places { in_all: 10, each: 10 };
        let mut handshakes = Handshakes::default();
        let from = |number: u32| {
            let last = if is_one_prefix { 1 } else { number as u8 };
            SocketAddr::from(([192, 0, 2, last], 1000 + number as u16))
        };
        for number in 1..=10 {
            handshakes.begin(at(number), from(number), connection(number), places);
        }
        for number in 11..=200 {
            // Who came before the last five is gone, but for the first five.
            assert_eq!(handshakes.least_claim(from(number)), Some(connection(number - 5)));
            handshakes.end(connection(number - 5));
            handshakes.begin(at(number), from(number), connection(number), places);
        }
        for number in (1..=5).chain(196..=200) {
            handshakes.end(connection(number));
        }
        assert_eq!(handshakes.footprint(), 0);
    }
}

#[test]
fn a_single_place_is_kept_by_who_came_first() {
    let places = Places { in_all: 1, each: 100 };
    let mut handshakes = Handshakes::default();
    handshakes.begin(base_time(), address("192.0.2.1:1"), connection(1), places);
    assert_eq!(handshakes.least_claim(address("192.0.2.2:1")), None);
    assert_eq!(handshakes.least_claim(address("192.0.2.1:2")), None);
}

#[test]
fn who_makes_progress_is_not_stalled() {
    let now = base_time();
    let mut handshakes = Handshakes::default();
    handshakes.begin(now, address("192.0.2.1:1"), connection(1), PLACES);
    handshakes.advance(now + TIMEOUT / 2, connection(1));
    assert_eq!(handshakes.stalled(now + TIMEOUT, TIMEOUT), None);
    assert_eq!(handshakes.next_stalled(TIMEOUT), Some(now + TIMEOUT * 3 / 2));
    assert_eq!(handshakes.stalled(now + TIMEOUT * 3 / 2, TIMEOUT), Some(connection(1)));
    handshakes.end(connection(1));
    assert_eq!((handshakes.len(), handshakes.next_stalled(TIMEOUT)), (0, None));
}
