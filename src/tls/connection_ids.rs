//! What an association has agreed on with its hellos' extension connection_id (RFC 9146).

use crate::wire::ConnectionId;

/// Bytes of both IDs that need no memory of their own. An association that sleeps has little else that is as long.
const FEW: usize = 21;

/// Bit beside the length of our own ID: both sides answer return routability checks (RFC 9853).
const CHECKS: u8 = 0x80;

/// The IDs of both sides: ours, and behind it the peer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionIds {
    Few { own: u8, length: u8, bytes: [u8; FEW] },
    Many { own: u8, bytes: Box<[u8]> },
}

impl ConnectionIds {
    /// `id`: what the peer's records to us have. `peer`: what ours to it have.
    pub(crate) fn new(id: &ConnectionId, peer: &ConnectionId, checks_routability: bool) -> ConnectionIds {
        let both = [id.as_bytes(), peer.as_bytes()].concat();
        // At most 32.
        let own = id.as_bytes().len() as u8 | if checks_routability { CHECKS } else { 0 };
        let mut bytes = [0; FEW];
        match bytes.get_mut(..both.len()) {
            Some(few) => {
                few.copy_from_slice(&both);
                ConnectionIds::Few { own, length: both.len() as u8, bytes }
            }
            None => ConnectionIds::Many { own, bytes: both.into() },
        }
    }

    /// The length of our own ID with the bit beside it, and both IDs.
    fn parts(&self) -> (u8, &[u8]) {
        match self {
            ConnectionIds::Few { own, length, bytes } => (*own, bytes.get(..usize::from(*length)).unwrap_or_default()),
            ConnectionIds::Many { own, bytes } => (*own, bytes),
        }
    }

    fn split(&self) -> (&[u8], &[u8]) {
        let (own, both) = self.parts();
        both.split_at_checked(usize::from(own & !CHECKS)).unwrap_or_default()
    }

    pub(crate) fn own(&self) -> &[u8] {
        self.split().0
    }

    pub(crate) fn peer(&self) -> &[u8] {
        self.split().1
    }

    /// Whether both sides answer return routability checks.
    pub(crate) fn checks_routability(&self) -> bool {
        self.parts().0 & CHECKS != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_the_usual_lengths_need_no_memory_of_their_own() {
        let [own, peer] = [8, 13].map(|length| ConnectionId::new(&vec![7; length]).unwrap());
        assert!(matches!(ConnectionIds::new(&own, &peer, true), ConnectionIds::Few { .. }));
        assert_eq!(size_of::<Option<ConnectionIds>>(), 24);
    }

    #[test]
    fn both_ids_come_out_as_they_went_in() {
        let ids = [0, 1, 8, 13, 14, 32].map(|length| ConnectionId::new(&vec![length; length.into()]).unwrap());
        for own in &ids {
            for peer in &ids {
                for checks in [false, true] {
                    let both = ConnectionIds::new(own, peer, checks);
                    assert_eq!((both.own(), both.peer()), (own.as_bytes(), peer.as_bytes()));
                    assert_eq!(both.checks_routability(), checks);
                }
            }
        }
    }
}
