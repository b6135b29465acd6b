//! Addresses as node:dgram writes them: `192.0.2.1`, `2001:db8::1`, and `fe80::1%eth0`, whose zone is part of the address.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::{Mutex, PoisonError};

/// Zones that have been seen; a scope id is a place in this list plus one. Names of network interfaces: few, and ours.
static ZONES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// More interfaces than any machine has.
const ZONES_LIMIT: usize = 4096;

pub(super) fn parse(address: &str, port: u16) -> Option<SocketAddr> {
    match address.split_once('%') {
        None => address.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port)),
        Some((literal, zone)) => literal
            .parse::<Ipv6Addr>()
            .ok()
            .and_then(|ip| Some(SocketAddr::V6(SocketAddrV6::new(ip, port, 0, scope_id(zone)?)))),
    }
}

pub(super) fn format(remote: &SocketAddr) -> String {
    match remote {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => match zone(v6.scope_id()) {
            Some(zone) => format!("{}%{zone}", v6.ip()),
            None => v6.ip().to_string(),
        },
        _ => remote.ip().to_string(),
    }
}

fn scope_id(zone: &str) -> Option<u32> {
    let mut zones = ZONES.lock().unwrap_or_else(PoisonError::into_inner);
    let index = match zones.iter().position(|known| known == zone) {
        Some(index) => index,
        None if zones.len() < ZONES_LIMIT => {
            zones.push(zone.to_owned());
            zones.len() - 1
        }
        None => return None,
    };
    u32::try_from(index + 1).ok()
}

fn zone(scope_id: u32) -> Option<String> {
    let zones = ZONES.lock().unwrap_or_else(PoisonError::into_inner);
    zones.get(usize::try_from(scope_id).ok()?.checked_sub(1)?).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_out_as_they_went_in() {
        for address in ["192.0.2.1", "::1", "2001:db8::1", "::ffff:192.0.2.1", "fe80::1%eth0", "fe80::1%eth1"] {
            assert_eq!(format(&parse(address, 5684).unwrap()), address);
        }
    }

    #[test]
    fn the_same_address_on_two_interfaces_is_two_addresses() {
        assert_ne!(parse("fe80::1%eth0", 1).unwrap(), parse("fe80::1%eth1", 1).unwrap());
    }

    #[test]
    fn names_are_no_addresses() {
        for address in ["", "localhost", "192.0.2", "192.0.2.1%eth0", "%eth0"] {
            assert!(parse(address, 1).is_none(), "{address}");
        }
    }
}
