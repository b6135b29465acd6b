//! Connections on their way between processes, as bytes: each its length, its peer's address, and its saved state.

use super::address;
use super::error::{CodedError, invalid_session, unrestorable};
use super::wall_clock::unix_time;
use crate::proto::{Endpoint, Fence, NoCopy, SaveClock, SavedConnection, Traveller};
use napi::bindgen_prelude::{Buffer, Uint32Array};
use napi_derive::napi;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;
use zeroize::Zeroizing;

/// Bytes that are enough for most: no secret is left behind by a vector that grows.
const ROOM: usize = 256;

const IPV4: u8 = 4;
const IPV6: u8 = 6;

/// Connections that have come in.
#[napi(object, object_from_js = false)]
pub struct NativeArrivals {
    /// Three for each: the connection, 0 when it could not come in; its peer's UDP port; IANA's number of its suite.
    pub numbers: Uint32Array,
    /// IP literals of the peers.
    pub addresses: Vec<String>,
    /// How many could not come in because nobody has claimed them, which those with one life need.
    pub unclaimed: u32,
    /// Why a client's could not come in; null when it has come in or was not claimed, and for a server, whose trace says it.
    pub refusal: Option<String>,
}

/// One connection as its store has it.
#[napi(object, object_from_js = false)]
pub struct NativeTraveller {
    /// IP literal of the peer.
    pub address: String,
    /// UDP port of the peer.
    pub port: u16,
    /// The name of the association.
    pub association: Buffer,
    /// IANA's number of the suite.
    pub ciphersuite: u16,
    /// RFC 9146: what the peer's records have; empty without.
    pub connection_id: Buffer,
    /// How far its owner's record numbers reach, as digits that are in order; null where any number of copies can go on.
    pub bound: Option<String>,
}

/// A copy of a connection, for its store.
#[napi(object, object_from_js = false)]
pub struct NativeStoreCopy {
    /// What `readTraveller` reads; null when there cannot be a copy yet.
    pub traveller: Option<Buffer>,
    /// How far the owner's record numbers reach with this copy, as digits that are in order; null where any number of copies can go on.
    pub bound: Option<String>,
    /// How far they have reached before; null for the first copy.
    pub before: Option<String>,
}

/// What takes the place of a copy when another owner goes on from it.
#[napi(object, object_from_js = false)]
pub struct NativeSuccessor {
    /// What goes on.
    pub traveller: Buffer,
    /// As that of a copy.
    pub bound: Option<String>,
}

/// `travellers` one behind the other; a length of 0 stands for one that stays.
pub(super) fn pack(travellers: impl ExactSizeIterator<Item = Option<Traveller>>) -> Buffer {
    let mut bytes = Zeroizing::new(Vec::with_capacity(travellers.len() * ROOM));
    for traveller in travellers {
        let start = bytes.len();
        bytes.extend_from_slice(&[0, 0]);
        let Some(traveller) = traveller else { continue };
        write_address(traveller.remote, &mut bytes);
        traveller.saved.write_to(&mut bytes);
        let length = u16::try_from(bytes.len() - start - 2).unwrap_or_default();
        if let Some(place) = bytes.get_mut(start..start + 2) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }
    // Whoever gets them wipes them.
    std::mem::take(&mut *bytes).into()
}

/// What [`pack`] has written. Nothing of it is used unless all of it is as it should be.
pub(super) fn unpack(mut bytes: &[u8]) -> Result<Vec<Traveller>, CodedError> {
    let mut travellers = Vec::new();
    while !bytes.is_empty() {
        let (traveller, rest) = read(bytes).ok_or_else(|| invalid_session("it is not one of ours".to_owned()))?;
        travellers.push(traveller);
        bytes = rest;
    }
    Ok(travellers)
}

fn read(bytes: &[u8]) -> Option<(Traveller, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (mut traveller, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    let remote = read_address(&mut traveller)?;
    Some((Traveller { remote, saved: SavedConnection::read(traveller)? }, rest))
}

/// As node:dgram has it: an IPv4 peer of a dual-stack socket is an IPv4 peer, and a zone is a number of an interface.
fn write_address(remote: SocketAddr, out: &mut Vec<u8>) {
    match remote {
        SocketAddr::V4(v4) => {
            out.push(IPV4);
            out.extend_from_slice(&v4.ip().octets());
        }
        SocketAddr::V6(v6) => {
            out.push(IPV6);
            out.extend_from_slice(&v6.ip().octets());
            out.extend_from_slice(&v6.scope_id().to_be_bytes());
        }
    }
    out.extend_from_slice(&remote.port().to_be_bytes());
}

fn read_address(bytes: &mut &[u8]) -> Option<SocketAddr> {
    match take(bytes)? {
        [IPV4] => {
            let ip = IpAddr::from(take::<4>(bytes)?);
            Some(SocketAddr::new(ip, u16::from_be_bytes(take(bytes)?)))
        }
        [IPV6] => {
            let ip = Ipv6Addr::from(take::<16>(bytes)?);
            let scope_id = u32::from_be_bytes(take(bytes)?);
            Some(SocketAddrV6::new(ip, u16::from_be_bytes(take(bytes)?), 0, scope_id).into())
        }
        _ => None,
    }
}

fn take<const LENGTH: usize>(bytes: &mut &[u8]) -> Option<[u8; LENGTH]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

/// One connection as a store has it, with the time at which it was saved: what an answer to the question for it is.
pub(super) fn unpack_stored(bytes: &[u8]) -> Result<(Traveller, SaveClock), CodedError> {
    let damaged = || invalid_session("it is not one of ours".to_owned());
    let (saved_at, travellers) = bytes.split_first_chunk().ok_or_else(damaged)?;
    let traveller = unpack(travellers)?.into_iter().next().ok_or_else(damaged)?;
    Ok((traveller, clock(f64::from_be_bytes(*saved_at))))
}

/// The clock around an import of what was saved at some time, in milliseconds.
pub(super) fn clock(saved_at: f64) -> SaveClock {
    SaveClock { saved: Duration::try_from_secs_f64(saved_at / 1000.0).ok(), now: unix_time() }
}

impl NativeArrivals {
    /// Lets each come in by `admit`, which answers the connection, or 0. `are_claimed`: whether nobody else does the same.
    pub(super) fn of(
        travellers: &[Traveller],
        are_claimed: bool,
        endpoint: &mut Endpoint,
        mut admit: impl FnMut(&mut Endpoint, &Traveller) -> u32,
    ) -> NativeArrivals {
        let mut unclaimed = 0;
        let numbers = travellers.iter().flat_map(|traveller| {
            let may_come = are_claimed || !traveller.saved.has_one_life();
            unclaimed += u32::from(!may_come);
            let connection = if may_come { admit(endpoint, traveller) } else { 0 };
            [connection, traveller.remote.port().into(), traveller.saved.suite().id().into()]
        });
        let numbers = numbers.collect::<Vec<_>>().into();
        let addresses = travellers.iter().map(|traveller| address::format(&traveller.remote)).collect();
        NativeArrivals { numbers, addresses, unclaimed, refusal: None }
    }
}

impl NativeTraveller {
    pub(super) fn new(traveller: &Traveller) -> NativeTraveller {
        let Traveller { remote, saved } = traveller;
        NativeTraveller {
            address: address::format(remote),
            port: remote.port(),
            association: saved.association().to_bytes().to_vec().into(),
            ciphersuite: saved.suite().id(),
            connection_id: saved.connection_ids().map_or(&[][..], |ids| ids.own()).to_vec().into(),
            bound: saved.bound().map(|bound| bound.to_string()),
        }
    }
}

impl NativeStoreCopy {
    /// `None` for a connection that no store can have.
    pub(super) fn new(copy: Result<(Traveller, Option<Fence>), NoCopy>) -> Option<NativeStoreCopy> {
        match copy {
            Ok((traveller, fence)) => Some(NativeStoreCopy {
                traveller: Some(pack(std::iter::once(Some(traveller)))),
                bound: fence.map(|fence| fence.bound.to_string()),
                before: fence.and_then(|fence| fence.before).map(|before| before.to_string()),
            }),
            Err(NoCopy::NotYet) => Some(NativeStoreCopy { traveller: None, bound: None, before: None }),
            Err(NoCopy::Never) => None,
        }
    }
}

impl NativeSuccessor {
    /// Of the one connection that these are.
    pub(super) fn of(traveller: &[u8]) -> Result<NativeSuccessor, CodedError> {
        let traveller = unpack(traveller)?.into_iter().next();
        let Traveller { remote, saved } =
            traveller.ok_or_else(|| invalid_session("it is not one of ours".to_owned()))?;
        let (saved, bound) = saved.succeed().map_err(unrestorable)?;
        let traveller = pack(std::iter::once(Some(Traveller { remote, saved })));
        Ok(NativeSuccessor { traveller, bound: bound.map(|bound| bound.to_string()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_out_as_they_went_in() {
        for address in ["192.0.2.1", "2001:db8::1", "fe80::1%3"] {
            let remote = address::parse(address, 5684).unwrap();
            let mut bytes = Vec::new();
            write_address(remote, &mut bytes);
            for length in 0..bytes.len() {
                assert_eq!(read_address(&mut &bytes[..length]), None);
            }
            let mut rest = &bytes[..];
            assert_eq!(read_address(&mut rest), Some(remote));
            assert!(rest.is_empty());
        }
        assert_eq!(read_address(&mut &[5, 0, 0, 0, 0, 0, 0][..]), None);
    }
}
