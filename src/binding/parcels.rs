//! Datagrams on their way between nodes that serve one address, many in one parcel.
//!
//! A parcel is a row of datagrams, each behind its peer's address: 4 or 6, the address in 4 or 16 bytes, for IPv6 its scope
//! in 4, the port and the length of the datagram in 2 each. Numbers are big-endian.

use super::registers::BATCH_LIMIT;
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// Peers at a time that are answered through other nodes. The oldest gives way, and is answered directly.
const RELAYS_LIMIT: usize = 262_144;

/// First byte of a record with a connection ID.
const TLS12_CID: u8 = 25;

/// What the other node is to do with datagrams.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It has the connection.
    Forward,
    /// It has the way to the peer.
    Reply,
}

/// Datagrams for another node.
#[napi(object, object_from_js = false)]
pub struct NativeParcel {
    /// 0 to 255.
    pub node: u8,
    /// Whether they are to be sent to their peers, rather than handled.
    pub is_reply: bool,
    /// As `injectParcel` and `sendParcel` take them.
    pub datagrams: Buffer,
}

struct Parcel {
    node: u8,
    purpose: Purpose,
    count: usize,
    bytes: Vec<u8>,
}

impl Parcel {
    fn has_room(&self, length: usize, limit: usize) -> bool {
        self.count < BATCH_LIMIT && self.bytes.len() + length <= limit
    }
}

/// Parcels that wait to be polled, which happens after every native call.
#[derive(Default)]
pub(super) struct Parcels {
    waiting: VecDeque<Parcel>,
    /// Bytes that a parcel does not exceed, unless one datagram does.
    limit: usize,
}

impl Parcels {
    pub(super) fn has_some(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn limit(&mut self, bytes: usize) {
        self.limit = bytes;
    }

    pub(super) fn put(&mut self, node: u8, purpose: Purpose, remote: SocketAddr, datagram: &[u8]) {
        let length = datagram.len() + 25;
        let is_open = |parcel: &&mut Parcel| parcel.node == node && parcel.purpose == purpose;
        let open = self.waiting.iter_mut().rev().find(is_open).filter(|parcel| parcel.has_room(length, self.limit));
        match open {
            Some(parcel) => {
                parcel.count += 1;
                pack(&mut parcel.bytes, remote, datagram);
            }
            None => {
                let mut bytes = Vec::with_capacity(length);
                pack(&mut bytes, remote, datagram);
                self.waiting.push_back(Parcel { node, purpose, count: 1, bytes });
            }
        }
    }

    pub(super) fn poll(&mut self) -> Option<NativeParcel> {
        let Parcel { node, purpose, bytes, .. } = self.waiting.pop_front()?;
        Some(NativeParcel { node, is_reply: purpose == Purpose::Reply, datagrams: bytes.into() })
    }
}

/// Peers that have been heard through another node, and are to be answered through it: their NATs let nobody else in.
#[derive(Default)]
pub(super) struct Relays {
    nodes: HashMap<SocketAddr, u8>,
    /// In the order in which they were noted; some are forgotten by now, and some have been noted again since.
    order: VecDeque<SocketAddr>,
}

impl Relays {
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// An authentic record has come through this node.
    pub(super) fn note(&mut self, remote: SocketAddr, node: u8) {
        if self.nodes.insert(remote, node).is_some() {
            return;
        }
        self.order.push_back(remote);
        while self.order.len() > RELAYS_LIMIT
            && let Some(oldest) = self.order.pop_front()
        {
            self.nodes.remove(&oldest);
        }
    }

    /// Something of use has come directly.
    pub(super) fn forget(&mut self, remote: SocketAddr) {
        if !self.nodes.is_empty() {
            self.nodes.remove(&remote);
        }
    }

    /// Packs a datagram for the node that its peer is answered through. Answers false when there is none.
    pub(super) fn take(&self, parcels: &mut Parcels, remote: SocketAddr, datagram: &[u8]) -> bool {
        if self.nodes.is_empty() {
            return false;
        }
        let Some(&node) = self.nodes.get(&remote) else {
            return false;
        };
        parcels.put(node, Purpose::Reply, remote, datagram);
        true
    }
}

/// Whether a datagram begins with a record that names its connection.
pub(super) fn has_id(datagram: &[u8]) -> bool {
    datagram.first() == Some(&TLS12_CID)
}

fn pack(bytes: &mut Vec<u8>, remote: SocketAddr, datagram: &[u8]) {
    match remote {
        SocketAddr::V4(v4) => {
            bytes.push(4);
            bytes.extend_from_slice(&v4.ip().octets());
        }
        SocketAddr::V6(v6) => {
            bytes.push(6);
            bytes.extend_from_slice(&v6.ip().octets());
            bytes.extend_from_slice(&v6.scope_id().to_be_bytes());
        }
    }
    // UDP has no longer ones.
    let length = u16::try_from(datagram.len()).unwrap_or(u16::MAX);
    bytes.extend_from_slice(&remote.port().to_be_bytes());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(datagram.get(..length.into()).unwrap_or_default());
}

/// The datagrams of a parcel, up to the first that is not whole.
pub(super) fn unpack(mut parcel: &[u8]) -> impl Iterator<Item = (SocketAddr, &[u8])> {
    std::iter::from_fn(move || {
        let (remote, datagram, rest) = unpack_one(parcel)?;
        parcel = rest;
        Some((remote, datagram))
    })
}

fn unpack_one(bytes: &[u8]) -> Option<(SocketAddr, &[u8], &[u8])> {
    let (&family, bytes) = bytes.split_first()?;
    let (ip, scope, bytes) = match family {
        4 => {
            let (octets, bytes) = bytes.split_first_chunk::<4>()?;
            (IpAddr::from(Ipv4Addr::from(*octets)), 0, bytes)
        }
        6 => {
            let (octets, bytes) = bytes.split_first_chunk::<16>()?;
            let (scope, bytes) = bytes.split_first_chunk::<4>()?;
            (Ipv6Addr::from(*octets).to_canonical(), u32::from_be_bytes(*scope), bytes)
        }
        _ => return None,
    };
    let (port, bytes) = bytes.split_first_chunk::<2>()?;
    let (length, bytes) = bytes.split_first_chunk::<2>()?;
    let (datagram, rest) = bytes.split_at_checked(u16::from_be_bytes(*length).into())?;
    let port = u16::from_be_bytes(*port);
    let remote = match ip {
        IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, scope).into(),
        ip => SocketAddr::new(ip, port),
    };
    Some((remote, datagram, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remotes() -> [SocketAddr; 3] {
        let local = SocketAddrV6::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1), 5, 0, 3);
        ["192.0.2.1:5684".parse().unwrap(), "[2001:db8::1]:1".parse().unwrap(), local.into()]
    }

    #[test]
    fn datagrams_come_out_of_a_parcel_as_they_went_in() {
        let mut bytes = Vec::new();
        for remote in remotes() {
            pack(&mut bytes, remote, remote.to_string().as_bytes());
        }
        let unpacked: Vec<_> = unpack(&bytes).map(|(remote, datagram)| (remote, datagram.to_vec())).collect();
        assert_eq!(unpacked, remotes().map(|remote| (remote, remote.to_string().into_bytes())));
    }

    #[test]
    fn a_damaged_parcel_ends_where_the_damage_is() {
        let mut bytes = Vec::new();
        for remote in remotes() {
            pack(&mut bytes, remote, b"datagram");
        }
        for length in 0..bytes.len() {
            assert!(unpack(&bytes[..length]).count() < 3);
        }
        bytes[0] = 5;
        assert_eq!(unpack(&bytes).count(), 0);
    }

    #[test]
    fn a_parcel_holds_no_more_than_a_batch_and_no_more_than_it_may() {
        let mut parcels = Parcels::default();
        parcels.limit(15_000);
        for _ in 0..BATCH_LIMIT + 1 {
            parcels.put(1, Purpose::Forward, remotes()[0], b"short");
        }
        for _ in 0..11 {
            parcels.put(2, Purpose::Reply, remotes()[1], &[0; 1400]);
        }
        let sizes: Vec<_> = parcels.waiting.iter().map(|parcel| (parcel.node, parcel.count)).collect();
        assert_eq!(sizes, [(1, BATCH_LIMIT), (1, 1), (2, 10), (2, 1)]);
        assert!(parcels.waiting.iter().all(|parcel| parcel.bytes.len() <= 15_000));
    }

    #[test]
    fn the_oldest_relay_gives_way() {
        let mut relays = Relays::default();
        let remote =
            |number: usize| SocketAddr::from(([10, (number >> 16) as u8, (number >> 8) as u8, number as u8], 1));
        for number in 0..=RELAYS_LIMIT {
            relays.note(remote(number), 1);
        }
        assert_eq!((relays.nodes.len(), relays.order.len()), (RELAYS_LIMIT, RELAYS_LIMIT));
        assert!(!relays.take(&mut Parcels::default(), remote(0), b""));
        assert!(relays.take(&mut Parcels::default(), remote(1), b""));
    }
}
