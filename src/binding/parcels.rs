//! Datagrams on their way between nodes that serve one address, many in one parcel.
//!
//! A parcel is a row of datagrams, each behind its route: 4 or 6, with a bit beside it where the address that the peer has asked is
//! known; the peer's address in 4 or 16 bytes, for IPv6 its scope in 4, and the peer's port in 2; the address that it has asked, in 4
//! or 16 bytes; the length of the datagram in 2. Numbers are big-endian.

use super::registers::BATCH_LIMIT;
use crate::proto::Route;
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// Peers at a time that are answered through other nodes. The oldest gives way, and is answered directly.
const RELAYS_LIMIT: usize = 262_144;

/// First byte of a record of DTLS 1.2 with a connection ID.
const TLS12_CID: u8 = 25;

/// The same of DTLS 1.3: the bits that such a byte has, of those that count (RFC 9147 section 4).
const DTLS13_CID: u8 = 0b0011_0000;
const DTLS13_MASK: u8 = 0b1111_0000;

/// Bit beside the address family: the address of ours follows that the peer has asked.
const WITH_LOCAL: u8 = 0x10;

/// Bytes before a datagram: the longest form.
const LONGEST_HEADER: usize = 1 + 16 + 4 + 2 + 16 + 2;

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

    pub(super) fn put(&mut self, node: u8, purpose: Purpose, route: Route, datagram: &[u8]) {
        let length = datagram.len() + LONGEST_HEADER;
        let is_open = |parcel: &&mut Parcel| parcel.node == node && parcel.purpose == purpose;
        let open = self.waiting.iter_mut().rev().find(is_open).filter(|parcel| parcel.has_room(length, self.limit));
        match open {
            Some(parcel) => {
                parcel.count += 1;
                pack(&mut parcel.bytes, route, datagram);
            }
            None => {
                let mut bytes = Vec::with_capacity(length);
                pack(&mut bytes, route, datagram);
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
    /// With the address of that node which they have asked.
    nodes: HashMap<SocketAddr, (u8, Option<IpAddr>)>,
    /// In the order in which they were noted; some are forgotten by now, and some have been noted again since.
    order: VecDeque<SocketAddr>,
}

impl Relays {
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// An authentic record has come through this node, on this route.
    pub(super) fn note(&mut self, route: Route, node: u8) {
        if self.nodes.insert(route.remote, (node, route.local)).is_some() {
            return;
        }
        self.order.push_back(route.remote);
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
        let Some(&(node, local)) = self.nodes.get(&remote) else {
            return false;
        };
        parcels.put(node, Purpose::Reply, Route { remote, local }, datagram);
        true
    }
}

/// Whether a datagram begins with a record that names its connection.
pub(super) fn has_id(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|&first| first == TLS12_CID || first & DTLS13_MASK == DTLS13_CID)
}

fn pack(bytes: &mut Vec<u8>, Route { remote, local }: Route, datagram: &[u8]) {
    let local = local.filter(|local| local.is_ipv4() == remote.is_ipv4());
    bytes.push(if remote.is_ipv4() { 4 } else { 6 } | if local.is_some() { WITH_LOCAL } else { 0 });
    pack_ip(bytes, remote.ip());
    if let SocketAddr::V6(v6) = remote {
        bytes.extend_from_slice(&v6.scope_id().to_be_bytes());
    }
    bytes.extend_from_slice(&remote.port().to_be_bytes());
    if let Some(local) = local {
        pack_ip(bytes, local);
    }
    // UDP has no longer ones.
    let length = u16::try_from(datagram.len()).unwrap_or(u16::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(datagram.get(..length.into()).unwrap_or_default());
}

fn pack_ip(bytes: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        IpAddr::V4(v4) => bytes.extend_from_slice(&v4.octets()),
        IpAddr::V6(v6) => bytes.extend_from_slice(&v6.octets()),
    }
}

/// The datagrams of a parcel, up to the first that is not whole.
pub(super) fn unpack(mut parcel: &[u8]) -> impl Iterator<Item = (Route, &[u8])> {
    std::iter::from_fn(move || {
        let (route, datagram, rest) = unpack_one(parcel)?;
        parcel = rest;
        Some((route, datagram))
    })
}

fn unpack_one(bytes: &[u8]) -> Option<(Route, &[u8], &[u8])> {
    let (&kind, bytes) = bytes.split_first()?;
    let family = kind & !WITH_LOCAL;
    let (ip, bytes) = unpack_ip(family, bytes)?;
    let (scope, bytes) = if family == 6 { bytes.split_first_chunk::<4>()? } else { (&[0; 4], bytes) };
    let (port, bytes) = bytes.split_first_chunk::<2>()?;
    let (local, bytes) = if kind == family { (None, bytes) } else { unpack_ip(family, bytes).map(known)? };
    let (length, bytes) = bytes.split_first_chunk::<2>()?;
    let (datagram, rest) = bytes.split_at_checked(u16::from_be_bytes(*length).into())?;
    let port = u16::from_be_bytes(*port);
    let remote = match ip {
        IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, u32::from_be_bytes(*scope)).into(),
        ip => SocketAddr::new(ip, port),
    };
    Some((Route { remote, local }, datagram, rest))
}

fn known((ip, rest): (IpAddr, &[u8])) -> (Option<IpAddr>, &[u8]) {
    (Some(ip), rest)
}

fn unpack_ip(family: u8, bytes: &[u8]) -> Option<(IpAddr, &[u8])> {
    match family {
        4 => bytes.split_first_chunk::<4>().map(|(octets, rest)| (Ipv4Addr::from(*octets).into(), rest)),
        6 => bytes.split_first_chunk::<16>().map(|(octets, rest)| (Ipv6Addr::from(*octets).to_canonical(), rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> [Route; 5] {
        let local = SocketAddrV6::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1), 5, 0, 3);
        let remotes: [SocketAddr; 3] =
            ["192.0.2.1:5684".parse().unwrap(), "[2001:db8::1]:1".parse().unwrap(), local.into()];
        let asked = ["203.0.113.7", "2001:db8::7"].map(|ip| Some(ip.parse().unwrap()));
        [
            remotes[0].into(),
            remotes[1].into(),
            remotes[2].into(),
            Route { remote: remotes[0], local: asked[0] },
            Route { remote: remotes[2], local: asked[1] },
        ]
    }

    #[test]
    fn datagrams_come_out_of_a_parcel_as_they_went_in() {
        let mut bytes = Vec::new();
        for route in routes() {
            let before = bytes.len();
            pack(&mut bytes, route, route.remote.to_string().as_bytes());
            assert!(bytes.len() - before <= LONGEST_HEADER + route.remote.to_string().len());
        }
        let unpacked: Vec<_> = unpack(&bytes).map(|(route, datagram)| (route, datagram.to_vec())).collect();
        assert_eq!(unpacked, routes().map(|route| (route, route.remote.to_string().into_bytes())));
    }

    #[test]
    fn a_damaged_parcel_ends_where_the_damage_is() {
        let mut bytes = Vec::new();
        for route in routes() {
            pack(&mut bytes, route, b"datagram");
        }
        for length in 0..bytes.len() {
            assert!(unpack(&bytes[..length]).count() < routes().len());
        }
        for kind in [5, 0x24, 0xff] {
            bytes[0] = kind;
            assert_eq!(unpack(&bytes).count(), 0);
        }
    }

    #[test]
    fn records_of_both_versions_are_known_by_their_first_byte() {
        for (first, names_connection) in
            [(25, true), (0b0011_1111, true), (0b0010_1111, false), (22, false), (23, false)]
        {
            assert_eq!(has_id(&[first, 0, 0]), names_connection, "{first:#b}");
        }
        assert!(!has_id(&[]));
    }

    #[test]
    fn a_parcel_holds_no_more_than_a_batch_and_no_more_than_it_may() {
        let mut parcels = Parcels::default();
        parcels.limit(15_000);
        for _ in 0..BATCH_LIMIT + 1 {
            parcels.put(1, Purpose::Forward, routes()[0], b"short");
        }
        for _ in 0..11 {
            parcels.put(2, Purpose::Reply, routes()[1], &[0; 1400]);
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
            relays.note(remote(number).into(), 1);
        }
        assert_eq!((relays.nodes.len(), relays.order.len()), (RELAYS_LIMIT, RELAYS_LIMIT));
        assert!(!relays.take(&mut Parcels::default(), remote(0), b""));
        assert!(relays.take(&mut Parcels::default(), remote(1), b""));
    }

    /// What is in a parcel that waits: its node, and its datagrams.
    fn contents(parcel: &Parcel) -> (u8, Vec<(Route, Vec<u8>)>) {
        (parcel.node, unpack(&parcel.bytes).map(|(route, datagram)| (route, datagram.to_vec())).collect())
    }

    #[test]
    fn what_is_for_one_node_and_purpose_goes_together() {
        let mut parcels = Parcels::default();
        parcels.limit(1_400);
        assert!(!parcels.has_some());
        for (node, purpose, datagram) in [
            (1, Purpose::Forward, "one"),
            (2, Purpose::Forward, "two"),
            (1, Purpose::Reply, "three"),
            (1, Purpose::Forward, "four"),
        ] {
            parcels.put(node, purpose, routes()[0], datagram.as_bytes());
        }
        assert!(parcels.has_some());
        let of = |texts: &[&str]| texts.iter().map(|text| (routes()[0], text.as_bytes().to_vec())).collect::<Vec<_>>();
        let expected = [(1, of(&["one", "four"])), (2, of(&["two"])), (1, of(&["three"]))];
        assert!(parcels.waiting.iter().map(contents).eq(expected));
        let are_replies = parcels.waiting.iter().map(|parcel| parcel.purpose == Purpose::Reply);
        assert!(are_replies.eq([false, false, true]));
    }

    #[test]
    fn a_parcel_may_be_as_long_as_its_limit_and_no_longer() {
        let datagram = [7; 100];
        // Behind the header of IPv4, which is short, the second one is reckoned with the longest.
        let both = 9 + datagram.len() + LONGEST_HEADER + datagram.len();
        for (limit, count) in [(both + 1, 1), (both, 1), (both - 1, 2)] {
            let mut parcels = Parcels::default();
            parcels.limit(limit);
            for _ in 0..2 {
                parcels.put(1, Purpose::Forward, routes()[0], &datagram);
            }
            assert_eq!(parcels.waiting.len(), count, "{limit}");
        }
    }

    #[test]
    fn a_relay_is_known_until_its_peer_is_heard_directly() {
        let [peer, other, ..] = routes();
        let with_local = routes()[3];
        let mut relays = Relays::default();
        relays.forget(peer.remote);
        assert!(relays.is_empty());
        relays.note(peer, 1);
        relays.note(with_local, 2);
        relays.note(other, 3);
        assert_eq!((relays.is_empty(), relays.order.len()), (false, 2));
        let mut parcels = Parcels::default();
        assert!(relays.take(&mut parcels, peer.remote, b"datagram"));
        assert_eq!(contents(&parcels.waiting[0]), (2, vec![(with_local, b"datagram".to_vec())]));
        assert!(parcels.waiting.pop_front().unwrap().purpose == Purpose::Reply);
        relays.forget(peer.remote);
        assert!(!relays.take(&mut parcels, peer.remote, b"datagram"));
        assert!(!parcels.has_some());
        assert!(relays.take(&mut parcels, other.remote, b"datagram"));
    }
}
