//! Which connections live at a peer's address.

use super::prefix::Prefix;
use super::table::ConnectionHandle;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;

/// Connections that one address may have. Each record may have to be tried with every one of them.
const ESTABLISHED_LIMIT: usize = 16;

/// The connections at one address and port.
#[derive(Clone, Debug, Default)]
pub(super) struct Route {
    /// The one that was heard most recently.
    first: Option<ConnectionHandle>,
    /// The others, in that order: devices whose address somebody else has taken over, which have not been heard of
    /// since. Usually none, so that it costs no memory.
    others: Vec<ConnectionHandle>,
    /// A client that starts, or starts anew (RFC 6347 section 4.2.8).
    handshaking: Option<ConnectionHandle>,
}

/// An address, which is hashed in one piece: several times for each datagram.
#[derive(PartialEq, Eq)]
struct Key(SocketAddr);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let port = u64::from(self.0.port());
        match self.0 {
            SocketAddr::V4(v4) => state.write_u64(u64::from(v4.ip().to_bits()) << 16 | port),
            SocketAddr::V6(v6) => {
                state.write_u128(v6.ip().to_bits());
                state.write_u64(u64::from(v6.scope_id()) << 16 | port);
            }
        }
    }
}

/// From address to connections.
pub(super) struct Routes {
    routes: HashMap<Key, Route>,
    /// Finished connections by prefix; `None` where nobody wants to know.
    established: Option<HashMap<Prefix, u32>>,
}

impl Routes {
    pub(super) fn new(counts_prefixes: bool) -> Routes {
        Routes { routes: HashMap::new(), established: counts_prefixes.then(HashMap::new) }
    }

    pub(super) fn handshaking(&self, remote: SocketAddr) -> Option<ConnectionHandle> {
        self.routes.get(&Key(remote))?.handshaking
    }

    /// The connection at this address, by rank; 0 is the one that was heard last.
    pub(super) fn established(&self, remote: SocketAddr, rank: usize) -> Option<ConnectionHandle> {
        let route = self.routes.get(&Key(remote))?;
        if rank == 0 { route.first } else { route.others.get(rank - 1).copied() }
    }

    /// Finished connections with the prefix of this address; 0 where they are not counted.
    pub(super) fn established_from(&self, remote: SocketAddr) -> u32 {
        let count = self.established.as_ref().and_then(|counts| counts.get(&Prefix::of(remote.ip())));
        count.copied().unwrap_or(0)
    }

    pub(super) fn begin_handshake(&mut self, remote: SocketAddr, connection: ConnectionHandle) {
        self.routes.entry(Key(remote)).or_default().handshaking = Some(connection);
    }

    /// Makes a finished handshake the address's first connection.
    pub(super) fn establish(&mut self, remote: SocketAddr, connection: ConnectionHandle) {
        let route = self.routes.entry(Key(remote)).or_default();
        if route.handshaking == Some(connection) {
            route.handshaking = None;
        }
        if let Some(second) = route.first.replace(connection) {
            route.others.insert(0, second);
        }
        if let Some(counts) = &mut self.established {
            *counts.entry(Prefix::of(remote.ip())).or_default() += 1;
        }
    }

    /// The connection has just been heard from this address.
    pub(super) fn prefer(&mut self, remote: SocketAddr, connection: ConnectionHandle) {
        if let Some(route) = self.routes.get_mut(&Key(remote))
            && let Some(at) = route.others.iter().position(|&other| other == connection)
        {
            route.others.remove(at);
            if let Some(second) = route.first.replace(connection) {
                route.others.insert(0, second);
            }
        }
    }

    /// The connection that is one too many at an address: of the guests, or else of all, the one that has been silent
    /// longest. Never the one that was heard last.
    pub(super) fn surplus(
        &self,
        remote: SocketAddr,
        is_guest: impl Fn(&ConnectionHandle) -> bool,
    ) -> Option<ConnectionHandle> {
        let others = &self.routes.get(&Key(remote))?.others;
        let longest = others.get(ESTABLISHED_LIMIT - 1..)?.last()?;
        Some(*others.iter().rev().find(|other| is_guest(other)).unwrap_or(longest))
    }

    pub(super) fn remove(&mut self, remote: SocketAddr, connection: ConnectionHandle) {
        let Some(route) = self.routes.get_mut(&Key(remote)) else {
            return;
        };
        let is_established = route.first == Some(connection) || route.others.contains(&connection);
        route.others.retain(|&other| other != connection);
        if route.first == Some(connection) {
            route.first = (!route.others.is_empty()).then(|| route.others.remove(0));
        }
        if route.handshaking == Some(connection) {
            route.handshaking = None;
        }
        if route.first.is_none() && route.handshaking.is_none() {
            self.routes.remove(&Key(remote));
        }
        if is_established {
            self.discount(Prefix::of(remote.ip()));
        }
    }

    fn discount(&mut self, prefix: Prefix) {
        if let Some(counts) = &mut self.established
            && let Some(count) = counts.get_mut(&prefix)
        {
            *count -= 1;
            if *count == 0 {
                counts.remove(&prefix);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.routes.len() + self.established.as_ref().map_or(0, HashMap::len)
    }
}
