//! What one subscriber has of the address space: limits that count whole addresses do not hold somebody who has 2^64.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr};

/// An IPv4 address, or the 64 bits of an IPv6 address that name a network (RFC 4291 section 2.5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Prefix {
    V4(Ipv4Addr),
    V6(u64),
}

impl Hash for Prefix {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match *self {
            Prefix::V4(v4) => state.write_u64(v4.to_bits().into()),
            Prefix::V6(bits) => {
                state.write_u64(bits);
                // No IPv4 address has a second word.
                state.write_u64(1);
            }
        }
    }
}

impl Prefix {
    /// A socket for both families sees IPv4 addresses as IPv6 ones (RFC 4291 section 2.5.5.2), all in one prefix.
    pub(super) fn of(address: IpAddr) -> Prefix {
        match address.to_canonical() {
            IpAddr::V4(v4) => Prefix::V4(v4),
            IpAddr::V6(v6) => Prefix::V6((v6.to_bits() >> 64) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::address_hash::AddressHashes;
    use std::hash::BuildHasher;

    fn prefix(address: &str) -> Prefix {
        Prefix::of(address.parse().unwrap())
    }

    #[test]
    fn prefixes_that_differ_have_different_hashes() {
        let prefixes = ["192.0.2.1", "192.0.2.2", "2001:db8::", "2001:db8:0:1::", "::c000:201", "0:0:c000:201::"];
        let hashes = prefixes.map(|address| AddressHashes.hash_one(prefix(address)));
        for (index, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..index].contains(hash), "{}", prefixes[index]);
        }
    }

    #[test]
    fn an_ipv6_prefix_has_sixty_four_bits_and_an_ipv4_prefix_all() {
        assert_eq!(prefix("2001:db8:0:1::1"), prefix("2001:db8:0:1:ffff::2"));
        assert_ne!(prefix("2001:db8:0:1::1"), prefix("2001:db8:0:2::1"));
        assert_ne!(prefix("192.0.2.1"), prefix("192.0.2.2"));
    }

    #[test]
    fn an_ipv4_address_is_the_same_in_ipv6_form() {
        assert_eq!(prefix("::ffff:192.0.2.1"), prefix("192.0.2.1"));
        assert_ne!(prefix("::ffff:192.0.2.1"), prefix("::ffff:192.0.2.2"));
    }
}
