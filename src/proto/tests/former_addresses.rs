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
