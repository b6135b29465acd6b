//! Datagrams on their way in: from Node, and from the socket itself when Node has said that there are some.

use super::udp::Udp;
use crate::proto::Route;
use std::cell::RefCell;
use std::collections::VecDeque;

/// Datagrams, and bytes of them, that are taken from the socket before their turn comes.
const BACKLOG_LIMIT: usize = 256;
const BACKLOG_BYTES: usize = 1024 * 1024;

/// The longest datagram that UDP has.
const DATAGRAM_LIMIT: usize = 65_535;

thread_local! {
    /// Where datagrams arrive, one at a time: of all endpoints of the thread.
    static ARRIVAL: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What has been taken from the socket, and must be handled before anything else that comes from there.
#[derive(Default)]
pub(super) struct Backlog {
    datagrams: VecDeque<(Route, Box<[u8]>)>,
    bytes: usize,
}

impl Backlog {
    pub(super) fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    pub(super) fn is_over_full(&self) -> bool {
        self.datagrams.len() > BACKLOG_LIMIT
    }

    pub(super) fn push(&mut self, route: Route, datagram: &[u8]) {
        self.bytes += datagram.len();
        self.datagrams.push_back((route, datagram.into()));
    }

    pub(super) fn pop(&mut self) -> Option<(Route, Box<[u8]>)> {
        let (route, datagram) = self.datagrams.pop_front()?;
        self.bytes -= datagram.len();
        Some((route, datagram))
    }

    pub(super) fn clear(&mut self) {
        *self = Backlog::default();
    }

    /// Takes what has arrived from the socket, as far as there is room.
    pub(super) fn fill_from(&mut self, udp: &mut Udp) {
        with_arrival(|arrival| {
            while self.datagrams.len() < BACKLOG_LIMIT
                && self.bytes < BACKLOG_BYTES
                && let Some((length, route)) = udp.receive(arrival)
            {
                self.push(route, arrival.get(..length).unwrap_or_default());
            }
        });
    }
}

/// Lends the memory in which datagrams arrive.
pub(super) fn with_arrival<R>(act: impl FnOnce(&mut [u8]) -> R) -> R {
    ARRIVAL.with_borrow_mut(|arrival| {
        arrival.resize(DATAGRAM_LIMIT, 0);
        act(arrival)
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::binding::udp::Sharing;
    use std::net::{SocketAddr, UdpSocket};

    fn route(port: u16) -> Route {
        SocketAddr::from(([192, 0, 2, 1], port)).into()
    }

    /// A socket of ours, and one that sends to it.
    fn sockets() -> (Udp, UdpSocket) {
        let own = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (udp, descriptor) = Udp::bind(own, Sharing { ipv6_only: false, by_peer: false }).unwrap();
        nix::unistd::close(descriptor).unwrap();
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        peer.connect(own).unwrap();
        (udp, peer)
    }

    #[test]
    fn what_was_held_first_comes_first() {
        let mut backlog = Backlog::default();
        assert!(backlog.is_empty() && backlog.pop().is_none());
        for (port, datagram) in [(1, "one"), (2, ""), (3, "three")] {
            backlog.push(route(port), datagram.as_bytes());
        }
        assert_eq!((backlog.is_empty(), backlog.bytes), (false, 8));
        assert_eq!(backlog.pop(), Some((route(1), b"one"[..].into())));
        assert_eq!(backlog.pop(), Some((route(2), b""[..].into())));
        assert_eq!(backlog.bytes, 5);
        backlog.clear();
        assert_eq!((backlog.is_empty(), backlog.bytes, backlog.pop()), (true, 0, None));
    }

    #[test]
    fn more_than_256_are_too_many() {
        let mut backlog = Backlog::default();
        for number in 1..=257 {
            assert!(!backlog.is_over_full());
            backlog.push(route(number), b"");
        }
        assert!(backlog.is_over_full());
    }

    #[test]
    fn no_more_than_256_datagrams_are_taken_from_a_socket() {
        let (mut udp, peer) = sockets();
        let mut backlog = Backlog::default();
        for first in [0_u16, 100, 200] {
            for number in first..first + 100 {
                peer.send(&number.to_be_bytes()).unwrap();
            }
            backlog.fill_from(&mut udp);
        }
        assert_eq!(backlog.datagrams.len(), 256);
        let held = std::iter::from_fn(|| backlog.pop()).map(|(_, datagram)| datagram);
        assert!(held.eq((0_u16..256).map(|number| number.to_be_bytes().into())));
        backlog.fill_from(&mut udp);
        assert_eq!(backlog.pop().map(|(_, datagram)| datagram), Some(256_u16.to_be_bytes().into()));
    }

    #[test]
    fn no_more_than_a_mebibyte_is_taken_from_a_socket() {
        let (mut udp, peer) = sockets();
        let mut backlog = Backlog::default();
        for _ in 0..40 {
            peer.send(&[7; 32 * 1024]).unwrap();
            backlog.fill_from(&mut udp);
        }
        assert_eq!((backlog.datagrams.len(), backlog.bytes), (32, 1024 * 1024));
        let (route, datagram) = backlog.pop().unwrap();
        assert_eq!((route.remote, datagram.len()), (peer.local_addr().unwrap(), 32 * 1024));
        backlog.fill_from(&mut udp);
        assert_eq!(backlog.datagrams.len(), 32);
    }

    #[test]
    fn there_is_room_for_the_longest_datagram() {
        assert_eq!(with_arrival(|arrival| arrival.len()), 65_535);
        let (mut udp, peer) = sockets();
        peer.send(&[9; 65_507]).unwrap();
        let mut backlog = Backlog::default();
        backlog.fill_from(&mut udp);
        assert_eq!(backlog.bytes, 65_507);
    }
}
