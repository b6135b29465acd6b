//! Addresses as node:dgram writes them: `192.0.2.1`, `2001:db8::1`, and `fe80::1%eth0`, whose zone is part of the address.
//!
//! An IPv4 peer of a dual-stack socket is `192.0.2.1` here; only the socket itself writes `::ffff:192.0.2.1`.

use super::error::{CodedError, no_address};
use napi_derive::napi;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// Where a peer is, or was.
#[napi(object, object_to_js = false)]
pub struct NativeAddress {
    /// IP literal.
    pub address: String,
    /// UDP port.
    pub port: u16,
}

impl NativeAddress {
    pub(super) fn parse(&self) -> Result<SocketAddr, CodedError> {
        parse(&self.address, self.port).ok_or_else(|| no_address(&self.address))
    }
}

pub(super) fn parse(address: &str, port: u16) -> Option<SocketAddr> {
    match address.split_once('%') {
        None => address.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip.to_canonical(), port)),
        Some((literal, zone)) => literal
            .parse::<Ipv6Addr>()
            .ok()
            .and_then(|ip| Some(SocketAddr::V6(SocketAddrV6::new(ip, port, 0, scope_id(zone)?)))),
    }
}

pub(super) fn format(remote: &SocketAddr) -> String {
    match remote {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), zone(v6.scope_id())),
        _ => remote.ip().to_string(),
    }
}

/// The number of a network interface, by its name or by itself, as Windows has it; never 0, which stands for none.
fn scope_id(zone: &str) -> Option<u32> {
    zone.parse().ok().or_else(|| interface_index(zone)).filter(|&index| index != 0)
}

/// The name of a network interface, or its number when it has none, any more.
fn zone(scope_id: u32) -> String {
    interface_name(scope_id).unwrap_or_else(|| scope_id.to_string())
}

#[cfg(unix)]
fn interface_index(name: &str) -> Option<u32> {
    nix::net::if_::if_nametoindex(name).ok()
}

#[cfg(unix)]
fn interface_name(index: u32) -> Option<String> {
    // Without such an interface nix answers with an empty name.
    nix::net::if_::if_indextoname(index).ok()?.into_string().ok().filter(|name| !name.is_empty())
}

#[cfg(not(unix))]
fn interface_index(_: &str) -> Option<u32> {
    None
}

#[cfg(not(unix))]
fn interface_name(_: u32) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_out_as_they_went_in() {
        for address in ["192.0.2.1", "::1", "2001:db8::1", "fe80::1%4294967295"] {
            assert_eq!(format(&parse(address, 5684).unwrap()), address);
        }
    }

    #[test]
    fn a_zone_is_all_that_an_address_has_beside_its_literal() {
        let parsed = parse("fe80::1%3", 5684).unwrap();
        assert_eq!(parsed, SocketAddrV6::new("fe80::1".parse().unwrap(), 5684, 0, 3).into());
    }

    #[test]
    fn an_ipv4_peer_of_a_dual_stack_socket_has_its_ipv4_address() {
        let mapped = parse("::ffff:192.0.2.1", 5684).unwrap();
        assert_eq!(mapped, parse("192.0.2.1", 5684).unwrap());
        assert_eq!(format(&mapped), "192.0.2.1");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn zones_are_names_of_interfaces() {
        let by_name = parse("fe80::1%lo", 5684).unwrap();
        assert_eq!(format(&by_name), "fe80::1%lo");
        assert_eq!(parse("fe80::1%1", 5684).unwrap(), by_name);
    }

    #[test]
    fn the_same_address_on_two_interfaces_is_two_addresses() {
        assert_ne!(parse("fe80::1%1", 1).unwrap(), parse("fe80::1%2", 1).unwrap());
    }

    #[test]
    fn names_are_no_addresses() {
        for address in ["", "localhost", "192.0.2", "192.0.2.1%1", "%1", "fe80::1%", "fe80::1%0", "fe80::1%no-such-one"]
        {
            assert!(parse(address, 1).is_none(), "{address}");
        }
    }
}
