//! What a handshake has agreed on beside its suite: the group of its keys, and the signatures that both sides accept.

/// Every signature algorithm that we accept, by IANA's numbers.
static KNOWN: [u16; 9] = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0603, 0x0806, 0x0601];

/// What a handshake that is over has agreed on. Nothing of it goes over to another process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Algorithms {
    /// IANA's number of the group of an ephemeral key exchange; 0 without one.
    pub(crate) group: u16,
    /// Empty where the handshake had no signature.
    pub(crate) signatures: SharedSignatures,
}

/// Signature algorithms that both sides accept, our favourite first.
///
/// Four bits for each, the first in the lowest: its place in [`KNOWN`], from 1 on. Each connection has such a list, and a list
/// with memory of its own would be several times as long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SharedSignatures(u64);

impl SharedSignatures {
    /// Those of `own` that the peer accepts as well.
    pub(crate) fn new(own: impl DoubleEndedIterator<Item = u16>, accepted: &[u16]) -> SharedSignatures {
        let place = |number: u16| KNOWN.iter().position(|&known| known == number);
        let shared = own.rev().filter(|number| accepted.contains(number));
        // What an application names more than once is in its configuration once, so that sixteen places are enough.
        let places = shared.filter_map(place);
        SharedSignatures(places.fold(0, |list, place| list << 4 | (place as u64 + 1)))
    }

    /// IANA's numbers.
    pub(crate) fn numbers(self) -> impl Iterator<Item = u16> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let place = (rest & 15).checked_sub(1)?;
            rest >>= 4;
            KNOWN.get(place as usize).copied()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(own: &[u16], accepted: &[u16]) -> Vec<u16> {
        SharedSignatures::new(own.iter().copied(), accepted).numbers().collect()
    }

    #[test]
    fn shared_signatures_are_in_our_order() {
        assert_eq!(shared(&[0x0503, 0x0401, 0x0403], &[0x0403, 0x0804, 0x0503]), [0x0503, 0x0403]);
        let backwards: Vec<u16> = KNOWN.iter().rev().copied().collect();
        assert_eq!(shared(&backwards, &KNOWN), backwards);
        assert_eq!(shared(&KNOWN, &backwards), KNOWN);
    }

    #[test]
    fn what_is_not_known_or_not_accepted_is_not_shared() {
        assert_eq!(shared(&KNOWN, &[]), []);
        assert_eq!(shared(&[], &KNOWN), []);
        assert_eq!(shared(&[0x0201, 0x0403], &[0x0201, 0x0403]), [0x0403]);
    }
}
