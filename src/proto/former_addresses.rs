//! Addresses that connections have moved away from. A move can be taken back: whoever saw a record of a device and sent it
//! first, from another address, has the connection until the device is heard again from where it is.

use super::table::ConnectionHandle;
use rustc_hash::FxHashMap;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// For so long after a move, a newer record from the former address takes it back: a device that speaks once a day is heard.
pub(super) const KEPT_FOR: Duration = Duration::from_secs(86_400);

/// Former addresses that one connection may have.
const PER_CONNECTION_LIMIT: usize = 3;

/// Connections that one address may be the former address of. Each record that comes from there without a connection of its
/// own may have to be tried with every one of them.
pub(super) const PER_ADDRESS_LIMIT: usize = 16;

/// Where a connection was.
#[derive(Clone, Copy)]
struct Former {
    address: SocketAddr,
    /// When the connection moved away.
    left: Instant,
    /// How long it had been there; for ever, where it was from the start.
    stayed: Duration,
    /// It had come there by a move, too.
    as_guest: bool,
}

/// Only connections that have moved are known here. Nothing is timed: what is out of date is dropped when it is met, and
/// the limits bound what is kept until then.
#[derive(Default)]
pub(super) struct FormerAddresses {
    /// The oldest first.
    by_connection: FxHashMap<ConnectionHandle, Vec<Former>>,
    by_address: HashMap<SocketAddr, Vec<ConnectionHandle>>,
}

impl FormerAddresses {
    /// A connection that was at this address, by rank.
    pub(super) fn connection(&self, now: Instant, address: SocketAddr, rank: usize) -> Option<ConnectionHandle> {
        let kept = |&&connection: &&ConnectionHandle| {
            self.find(connection, address).is_some_and(|former| now < former.left + KEPT_FOR)
        };
        self.by_address.get(&address)?.iter().filter(kept).nth(rank).copied()
    }

    fn find(&self, connection: ConnectionHandle, address: SocketAddr) -> Option<Former> {
        let formers = self.by_connection.get(&connection)?;
        formers.iter().find(|former| former.address == address).copied()
    }

    /// Keeps the address that a connection has just left for another one; answers whether it is a guest there, `as_guest`
    /// being whether it was one at the old address.
    pub(super) fn exchange(
        &mut self,
        now: Instant,
        connection: ConnectionHandle,
        as_guest: bool,
        [old, new]: [SocketAddr; 2],
    ) -> bool {
        let formers = self.by_connection.entry(connection).or_default();
        let stayed = formers.last().map_or(Duration::MAX, |last| now.saturating_duration_since(last.left));
        formers.push(Former { address: old, left: now, stayed, as_guest });
        let is_guest = self.take(connection, new).is_none_or(|former| former.as_guest);
        if let Some(surplus) = self.surplus(connection) {
            self.take(connection, surplus);
        }
        if let Some(least) = self.least_at(now, old) {
            self.take(least, old);
        }
        self.by_address.entry(old).or_default().push(connection);
        is_guest
    }

    /// The address that a connection has least claim to, when it has too many. The one that it has just left stays: it may
    /// have been moved by somebody who is not its peer. Before that, it belongs where it was from the start, or for long.
    fn surplus(&self, connection: ConnectionHandle) -> Option<SocketAddr> {
        let (_, others) = self.by_connection.get(&connection)?.split_last()?;
        let least = others.iter().min_by_key(|former| (!former.as_guest, former.stayed))?;
        (others.len() >= PER_CONNECTION_LIMIT).then_some(least.address)
    }

    /// The connection that has least claim to an address, when there are too many: one whose time is over, or that had come
    /// there by a move, or that was there longest ago.
    fn least_at(&self, now: Instant, address: SocketAddr) -> Option<ConnectionHandle> {
        let others = self.by_address.get(&address).filter(|others| others.len() >= PER_ADDRESS_LIMIT)?;
        let by_claim = |&connection: &ConnectionHandle| {
            self.find(connection, address).map(|former| (now < former.left + KEPT_FOR, !former.as_guest, former.left))
        };
        others.iter().copied().min_by_key(by_claim)
    }

    fn take(&mut self, connection: ConnectionHandle, address: SocketAddr) -> Option<Former> {
        let formers = self.by_connection.get_mut(&connection)?;
        let at = formers.iter().position(|former| former.address == address)?;
        let former = formers.remove(at);
        if formers.is_empty() {
            self.by_connection.remove(&connection);
        }
        self.remove_from_address(connection, address);
        Some(former)
    }

    /// The connection is gone.
    pub(super) fn forget(&mut self, connection: ConnectionHandle) {
        for former in self.by_connection.remove(&connection).unwrap_or_default() {
            self.remove_from_address(connection, former.address);
        }
    }

    fn remove_from_address(&mut self, connection: ConnectionHandle, address: SocketAddr) {
        if let Some(connections) = self.by_address.get_mut(&address) {
            connections.retain(|&other| other != connection);
            if connections.is_empty() {
                self.by_address.remove(&address);
            }
        }
    }

    /// Former addresses that are kept, whosever they are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_address.values().map(Vec::len).sum()
    }

    /// Connections that have any.
    #[cfg(test)]
    pub(super) fn connections(&self) -> usize {
        self.by_connection.len()
    }
}
