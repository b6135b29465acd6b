//! Datagrams on their way in: from Node, and from the socket itself when Node has said that there are some.

use super::udp::Udp;
use crate::proto::Route;
use std::cell::RefCell;
use std::collections::VecDeque;

/// Datagrams, and bytes of them, that are taken from the socket before their turn comes: what a thousand peers can have sent meanwhile.
/// Node hands over what is left in the socket, one by one, which takes twice as long as to answer it.
const BACKLOG_LIMIT: usize = 1024;
const BACKLOG_BYTES: usize = 1024 * 1024;

/// Bytes of memory that are kept for the next time.
const SPARE_BYTES: usize = 256 * 1024;

/// The longest datagram that UDP has.
const DATAGRAM_LIMIT: usize = 65_535;

thread_local! {
    /// Where datagrams arrive, one at a time: of all endpoints of the thread.
    static ARRIVAL: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What has been taken from the socket, and must be handled before anything else that comes from there.
#[derive(Default)]
pub(super) struct Backlog {
    /// Where each comes from, and how long it is.
    entries: VecDeque<(Route, usize)>,
    /// The datagrams end to end, from `start` on.
    bytes: Vec<u8>,
    start: usize,
}

impl Backlog {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn is_over_full(&self) -> bool {
        self.entries.len() > BACKLOG_LIMIT || self.length() > BACKLOG_BYTES
    }

    /// Bytes of the datagrams.
    fn length(&self) -> usize {
        self.bytes.len() - self.start
    }

    pub(super) fn push(&mut self, route: Route, datagram: &[u8]) {
        if self.entries.is_empty() && self.bytes.capacity() > SPARE_BYTES {
            self.clear();
        } else if self.entries.is_empty() || self.start > BACKLOG_BYTES {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(datagram);
        self.entries.push_back((route, datagram.len()));
    }

    pub(super) fn pop(&mut self) -> Option<(Route, &[u8])> {
        let (route, length) = self.entries.pop_front()?;
        let start = self.start;
        self.start += length;
        Some((route, self.bytes.get(start..self.start)?))
    }

    pub(super) fn clear(&mut self) {
        *self = Backlog::default();
    }

    /// Takes what has arrived from the socket, as far as there is room.
    pub(super) fn fill_from(&mut self, udp: &mut Udp) {
        with_arrival(|arrival| {
            while self.entries.len() < BACKLOG_LIMIT
                && self.length() < BACKLOG_BYTES
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
        assert_eq!((backlog.is_empty(), backlog.length()), (false, 8));
        assert_eq!(backlog.pop(), Some((route(1), &b"one"[..])));
        assert_eq!(backlog.pop(), Some((route(2), &b""[..])));
        assert_eq!(backlog.length(), 5);
        backlog.clear();
        assert_eq!((backlog.is_empty(), backlog.length(), backlog.pop()), (true, 0, None));
    }

    #[test]
    fn memory_is_used_again_and_given_back_when_it_was_much() {
        let mut backlog = Backlog::default();
        backlog.push(route(1), &[1; 1000]);
        let start = backlog.bytes.as_ptr();
        for round in 0..100 {
            assert!(backlog.pop().is_some() && backlog.is_empty());
            backlog.push(route(round), &[2; 900]);
            assert_eq!((backlog.bytes.as_ptr(), backlog.length()), (start, 900));
        }
        assert!(backlog.pop().is_some());
        backlog.push(route(1), &[4; SPARE_BYTES + 1]);
        while backlog.pop().is_some() {}
        backlog.push(route(1), b"next");
        assert!(backlog.bytes.capacity() < SPARE_BYTES);
        assert_eq!(backlog.pop(), Some((route(1), &b"next"[..])));
    }

    #[test]
    fn what_has_been_taken_out_does_not_stay_although_others_wait() {
        let mut backlog = Backlog::default();
        backlog.push(route(1), &[0; 1000]);
        for round in 0..5000_u32 {
            backlog.push(route(1), &[round as u8; 1000]);
            assert_eq!(backlog.pop().map(|(_, datagram)| datagram.len()), Some(1000));
            assert!(backlog.bytes.len() < BACKLOG_BYTES + 3000, "round {round}");
        }
        assert_eq!(backlog.pop(), Some((route(1), &[(4999 % 256) as u8; 1000][..])));
    }

    #[test]
    fn more_than_1024_are_too_many() {
        let mut backlog = Backlog::default();
        for number in 1..=1025 {
            assert!(!backlog.is_over_full());
            backlog.push(route(number), b"");
        }
        assert!(backlog.is_over_full());
    }

    #[test]
    fn more_than_a_mebibyte_is_too_much() {
        let mut backlog = Backlog::default();
        for _ in 0..16 {
            backlog.push(route(1), &[0; 65_536]);
            assert!(!backlog.is_over_full());
        }
        backlog.push(route(1), &[0]);
        assert!(backlog.is_over_full() && backlog.pop().is_some());
        assert!(!backlog.is_over_full());
    }

    #[test]
    fn no_more_than_1024_datagrams_are_taken_from_a_socket() {
        let (mut udp, peer) = sockets();
        let mut backlog = Backlog::default();
        for first in (0_u16..1100).step_by(100) {
            for number in first..first + 100 {
                peer.send(&number.to_be_bytes()).unwrap();
            }
            backlog.fill_from(&mut udp);
        }
        assert_eq!(backlog.entries.len(), 1024);
        for number in 0_u16..1024 {
            assert_eq!(backlog.pop().map(|(_, datagram)| datagram), Some(&number.to_be_bytes()[..]));
        }
        backlog.fill_from(&mut udp);
        assert_eq!(backlog.pop().map(|(_, datagram)| datagram), Some(&1024_u16.to_be_bytes()[..]));
    }

    #[test]
    fn no_more_than_a_mebibyte_is_taken_from_a_socket() {
        let (mut udp, peer) = sockets();
        let mut backlog = Backlog::default();
        for _ in 0..40 {
            peer.send(&[7; 32 * 1024]).unwrap();
            backlog.fill_from(&mut udp);
        }
        assert_eq!((backlog.entries.len(), backlog.length()), (32, 1024 * 1024));
        let (route, datagram) = backlog.pop().unwrap();
        assert_eq!((route.remote, datagram.len()), (peer.local_addr().unwrap(), 32 * 1024));
        backlog.fill_from(&mut udp);
        assert_eq!(backlog.entries.len(), 32);
    }

    #[test]
    fn there_is_room_for_the_longest_datagram() {
        assert_eq!(with_arrival(|arrival| arrival.len()), 65_535);
        let (mut udp, peer) = sockets();
        peer.send(&[9; 65_507]).unwrap();
        let mut backlog = Backlog::default();
        backlog.fill_from(&mut udp);
        assert_eq!(backlog.length(), 65_507);
    }
}
