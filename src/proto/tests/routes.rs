//! Who lives at an address, beside a model that is a list.

use super::mutations::Dice;
use crate::proto::prefix::Prefix;
use crate::proto::route::Route;
use crate::proto::routes::Routes;
use crate::proto::table::ConnectionHandle;
use std::net::SocketAddr;

/// Of two prefixes, two addresses each.
fn addresses() -> [SocketAddr; 4] {
    ["192.0.2.1:1", "192.0.2.1:2", "[2001:db8::1]:1", "[2001:db8::2]:1"].map(|text| text.parse().unwrap())
}

#[test]
fn connections_stand_at_their_address_in_the_order_in_which_they_were_heard() {
    for counts in [false, true] {
        let mut dice = Dice::new(7);
        let mut routes = Routes::new(counts);
        // At each address, who was heard last stands first.
        let mut model = addresses().map(|_| Vec::<ConnectionHandle>::new());
        for number in 1..3000 {
            let at = dice.roll(4);
            let (remote, residents) = (addresses()[at], &mut model[at]);
            let known = residents.get(dice.roll(20)).copied();
            match (dice.roll(5), known) {
                (0 | 1, _) => {
                    routes.establish(remote.into(), ConnectionHandle(number));
                    residents.insert(0, ConnectionHandle(number));
                }
                (2 | 3, Some(known)) => {
                    routes.prefer(remote, known);
                    residents.retain(|&other| other != known);
                    residents.insert(0, known);
                }
                (4, Some(known)) => {
                    routes.remove(remote.into(), known);
                    residents.retain(|&other| other != known);
                }
                // Nobody of whom anything is known.
                _ => {
                    routes.prefer(remote, ConnectionHandle(0));
                    routes.remove(remote.into(), ConnectionHandle(0));
                }
            }
            for (remote, residents) in addresses().into_iter().zip(&model) {
                for rank in 0..=residents.len() {
                    assert_eq!(routes.established(remote, rank), residents.get(rank).copied());
                }
                let beside = |other: &SocketAddr| Prefix::of(other.ip()) == Prefix::of(remote.ip());
                let all = addresses().into_iter().zip(&model).filter(|(other, _)| beside(other));
                let count = if counts { all.map(|(_, residents)| residents.len()).sum() } else { 0 };
                assert_eq!(routes.established_from(remote) as usize, count);
                // Sixteen beside the one that was heard last are one too many: the last guest, or else the last.
                let is_guest = |handle: &ConnectionHandle| handle.0.is_multiple_of(3);
                let others = residents.get(1..).filter(|others| others.len() >= 16);
                let guest = others.and_then(|others| others.iter().rev().find(|other| is_guest(other)));
                let surplus = guest.or_else(|| others.map(|others| &others[15..]).and_then(<[_]>::last));
                assert_eq!(routes.surplus(remote, is_guest), surplus.copied());
            }
        }
        assert!(model.iter().any(|residents| residents.len() > 17), "nobody was one too many");
        for (remote, residents) in addresses().into_iter().zip(model) {
            residents.into_iter().for_each(|handle| routes.remove(remote.into(), handle));
        }
        assert_eq!(routes.len(), 0);
    }
}

#[test]
fn a_handshake_is_known_by_both_addresses_until_it_ends() {
    let mut routes = Routes::new(false);
    let route = |ours: &str| Route { remote: addresses()[0], local: Some(ours.parse().unwrap()) };
    let (one, other) = (route("198.51.100.1"), route("198.51.100.2"));
    routes.begin_handshake(one, ConnectionHandle(1));
    routes.begin_handshake(other, ConnectionHandle(2));
    assert_eq!(
        [one, other].map(|route| routes.handshaking(route)),
        [1, 2].map(|number| Some(ConnectionHandle(number)))
    );
    // A newer one has taken its place.
    routes.begin_handshake(one, ConnectionHandle(3));
    routes.remove(one, ConnectionHandle(1));
    assert_eq!(routes.handshaking(one), Some(ConnectionHandle(3)));
    routes.establish(one, ConnectionHandle(3));
    assert_eq!([one, other].map(|route| routes.handshaking(route)), [None, Some(ConnectionHandle(2))]);
}
