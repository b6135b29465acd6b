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
