//! Which connections live at a peer's address, and which handshakes are under way between it and an address of ours.

use super::address_hash::AddressMap;
use super::prefix::Prefix;
use super::route::Route;
use super::table::ConnectionHandle;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;

/// Connections that one address may have. Each record may have to be tried with every one of them.
const ESTABLISHED_LIMIT: usize = 16;

/// The connections at one address and port.
#[derive(Clone, Debug, Default)]
struct Residents {
    /// The one that was heard most recently.
    first: Option<ConnectionHandle>,
    /// The others, in that order: devices whose address somebody else has taken over, which have not been heard of
    /// since. Usually none, so that it costs no memory.
    others: Vec<ConnectionHandle>,
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

/// A route, of which the peer's address alone is hashed: the peers are many, and our addresses are few.
#[derive(PartialEq, Eq)]
struct RouteKey(Route);

impl Hash for RouteKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Key(self.0.remote).hash(state);
    }
}

/// From address to connections. A record shows by its keys which of an address's connections it is for, whichever of our
/// addresses it was sent to. A handshake has no keys yet.
pub(super) struct Routes {
    residents: AddressMap<Key, Residents>,
    /// Clients that start, or start anew (RFC 6347 section 4.2.8).
    handshaking: AddressMap<RouteKey, ConnectionHandle>,
    /// Finished connections by prefix; `None` where nobody wants to know.
    established: Option<AddressMap<Prefix, u32>>,
}

impl Routes {
    pub(super) fn new(counts_prefixes: bool) -> Routes {
        Routes {
            residents: AddressMap::default(),
            handshaking: AddressMap::default(),
            established: counts_prefixes.then(AddressMap::default),
        }
    }

    pub(super) fn handshaking(&self, route: Route) -> Option<ConnectionHandle> {
        self.handshaking.get(&RouteKey(route)).copied()
    }

    /// The connection at this address, by rank; 0 is the one that was heard last.
    pub(super) fn established(&self, remote: SocketAddr, rank: usize) -> Option<ConnectionHandle> {
        let residents = self.residents.get(&Key(remote))?;
        if rank == 0 { residents.first } else { residents.others.get(rank - 1).copied() }
    }

    /// Finished connections with the prefix of this address; 0 where they are not counted.
    pub(super) fn established_from(&self, remote: SocketAddr) -> u32 {
        let count = self.established.as_ref().and_then(|counts| counts.get(&Prefix::of(remote.ip())));
        count.copied().unwrap_or(0)
    }

    pub(super) fn begin_handshake(&mut self, route: Route, connection: ConnectionHandle) {
        self.handshaking.insert(RouteKey(route), connection);
    }

    fn end_handshake(&mut self, route: Route, connection: ConnectionHandle) {
        if self.handshaking(route) == Some(connection) {
            self.handshaking.remove(&RouteKey(route));
        }
    }

    /// Makes a finished handshake the address's first connection.
    pub(super) fn establish(&mut self, route: Route, connection: ConnectionHandle) {
        self.end_handshake(route, connection);
        let remote = route.remote;
        let residents = self.residents.entry(Key(remote)).or_default();
        if let Some(second) = residents.first.replace(connection) {
            residents.others.insert(0, second);
        }
        if let Some(counts) = &mut self.established {
            *counts.entry(Prefix::of(remote.ip())).or_default() += 1;
        }
    }

    /// The connection has just been heard from this address.
    pub(super) fn prefer(&mut self, remote: SocketAddr, connection: ConnectionHandle) {
        if let Some(residents) = self.residents.get_mut(&Key(remote))
            && let Some(at) = residents.others.iter().position(|&other| other == connection)
        {
            residents.others.remove(at);
            if let Some(second) = residents.first.replace(connection) {
                residents.others.insert(0, second);
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
        let others = &self.residents.get(&Key(remote))?.others;
        let longest = others.get(ESTABLISHED_LIMIT - 1..)?.last()?;
        Some(*others.iter().rev().find(|other| is_guest(other)).unwrap_or(longest))
    }

    pub(super) fn remove(&mut self, route: Route, connection: ConnectionHandle) {
        self.end_handshake(route, connection);
        let remote = route.remote;
        let Some(residents) = self.residents.get_mut(&Key(remote)) else {
            return;
        };
        let is_established = residents.first == Some(connection) || residents.others.contains(&connection);
        residents.others.retain(|&other| other != connection);
        if residents.first == Some(connection) {
            residents.first = (!residents.others.is_empty()).then(|| residents.others.remove(0));
        }
        if residents.first.is_none() {
            self.residents.remove(&Key(remote));
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
        self.residents.len() + self.handshaking.len() + self.established.as_ref().map_or(0, AddressMap::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::address_hash::AddressHashes;
    use std::hash::BuildHasher;
    use std::net::{Ipv6Addr, SocketAddrV6};

    #[test]
    fn addresses_that_differ_in_any_part_have_different_hashes() {
        let v6 =
            |ip: &str, port, scope| SocketAddr::V6(SocketAddrV6::new(ip.parse::<Ipv6Addr>().unwrap(), port, 0, scope));
        let addresses = [
            "192.0.2.1:5684".parse().unwrap(),
            "192.0.2.1:5685".parse().unwrap(),
            "192.0.2.2:5684".parse().unwrap(),
            v6("2001:db8::1", 5684, 0),
            v6("2001:db8::1", 5685, 0),
            v6("2001:db8::2", 5684, 0),
            v6("fe80::1", 5684, 1),
            v6("fe80::1", 5684, 2),
            v6("fe80::1", 1, 2),
        ];
        let hashes: Vec<_> = addresses.map(|address| AddressHashes.hash_one(Key(address))).to_vec();
        for (index, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..index].contains(hash), "{}", addresses[index]);
        }
        let route = |local: Option<std::net::IpAddr>| RouteKey(Route { remote: addresses[0], local });
        let local = Some(addresses[1].ip());
        assert!(route(None) != route(local));
        assert_eq!([None, local].map(|local| AddressHashes.hash_one(route(local))), [hashes[0]; 2]);
    }
}
