//! Whose former address an address stays, where it is one of too many connections.

use crate::proto::ConnectionHandle;
use crate::proto::former_addresses::{FormerAddresses, KEPT_FOR, PER_ADDRESS_LIMIT};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

#[test]
fn whose_time_is_over_has_the_least_claim_to_an_address() {
    let (begin, home) = (Instant::now(), SocketAddr::from(([192, 0, 2, 1], 1)));
    let elsewhere = |number: u32| SocketAddr::from(([198, 51, 100, 1], number as u16));
    let limit = PER_ADDRESS_LIMIT as u32;
    let mut addresses = FormerAddresses::default();
    // It was there from the start, and all others by a move.
    addresses.exchange(begin, ConnectionHandle(0), false, [home, elsewhere(0)]);
    let late = begin + KEPT_FOR;
    for number in 1..=limit {
        addresses.exchange(late, ConnectionHandle(number), true, [home, elsewhere(number)]);
    }
    let kept: Vec<_> = (0..).map_while(|rank| addresses.connection(late, home, rank)).collect();
    assert_eq!(kept, (1..=limit).map(ConnectionHandle).collect::<Vec<_>>());
    // Nothing is known any more of the one that had to go.
    assert_eq!((addresses.len(), addresses.connections()), (PER_ADDRESS_LIMIT, PER_ADDRESS_LIMIT));
    (1..=limit).for_each(|number| addresses.forget(ConnectionHandle(number)));
    assert_eq!((addresses.len(), addresses.connections()), (0, 0));
}

#[test]
fn among_those_whose_time_is_not_over_guests_have_the_least_claim() {
    let (now, home) = (Instant::now(), SocketAddr::from(([192, 0, 2, 1], 1)));
    let elsewhere = |number: u32| SocketAddr::from(([198, 51, 100, 1], number as u16));
    let limit = PER_ADDRESS_LIMIT as u32;
    let mut addresses = FormerAddresses::default();
    for number in 0..=limit {
        let at = now + Duration::from_secs(number.into());
        addresses.exchange(at, ConnectionHandle(number), number == 3, [home, elsewhere(number)]);
    }
    let last = now + Duration::from_secs(limit.into());
    let kept: Vec<_> = (0..).map_while(|rank| addresses.connection(last, home, rank)).collect();
    assert_eq!(kept, (0..=limit).filter(|&number| number != 3).map(ConnectionHandle).collect::<Vec<_>>());
}

#[test]
fn of_a_connections_own_addresses_the_one_where_it_stayed_for_the_shortest_time_gives_way() {
    let (begin, connection) = (Instant::now(), ConnectionHandle(1));
    let place = |number: u8| SocketAddr::from(([192, 0, 2, number], 1));
    let mut addresses = FormerAddresses::default();
    let mut is_guest = false;
    // It was at the first from the start, then for ten seconds, for one, and for five.
    for (number, seconds) in (1..).zip([100, 110, 111, 116]) {
        let now = begin + Duration::from_secs(seconds);
        is_guest = addresses.exchange(now, connection, is_guest, [place(number), place(number + 1)]);
    }
    let now = begin + Duration::from_secs(116);
    let kept = [1, 2, 3, 4].map(|number| addresses.connection(now, place(number), 0).is_some());
    assert_eq!(kept, [true, true, false, true]);
}
