//! Addresses whose connections the application has saved, as far as it says so. Records from others lead to no question.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, RandomState};
use std::net::SocketAddr;

/// All addresses, until some are named. A named address takes 8 bytes, and no more than some 20 with the room in the set.
#[derive(Default)]
pub(super) struct ExpectedAddresses {
    /// Keyed, so that nobody finds an address that counts as another.
    hasher: RandomState,
    named: Option<HashSet<u64, BuildHasherDefault<rustc_hash::FxHasher>>>,
}

impl ExpectedAddresses {
    /// Expects these as well, and of all others only those that were named before.
    pub(super) fn add(&mut self, addresses: impl IntoIterator<Item = SocketAddr>) {
        let named = self.named.get_or_insert_default();
        named.extend(addresses.into_iter().map(|address| hash(&self.hasher, address)));
    }

    /// Expects everybody again.
    pub(super) fn clear(&mut self) {
        self.named = None;
    }

    pub(super) fn includes(&self, address: SocketAddr) -> bool {
        self.named.as_ref().is_none_or(|named| named.contains(&hash(&self.hasher, address)))
    }
}

/// An IPv4 address is the same in IPv6 form, and a zone is no part of an address.
fn hash(hasher: &RandomState, address: SocketAddr) -> u64 {
    hasher.hash_one((address.ip().to_canonical(), address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn all_are_expected_until_some_are_named() {
        let mut expected = ExpectedAddresses::default();
        assert!(expected.includes(address("192.0.2.1:1")));
        expected.add([]);
        assert!(!expected.includes(address("192.0.2.1:1")));
        expected.add([address("192.0.2.1:1"), address("[2001:db8::1]:7")]);
        assert!(expected.includes(address("192.0.2.1:1")));
        assert!(expected.includes(address("[::ffff:192.0.2.1]:1")));
        assert!(expected.includes(address("[2001:db8::1]:7")));
        assert!(!expected.includes(address("192.0.2.1:2")));
        assert!(!expected.includes(address("192.0.2.2:1")));
        expected.clear();
        assert!(expected.includes(address("192.0.2.2:1")));
    }
}
