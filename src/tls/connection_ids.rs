//! What an association has agreed on with its hellos' extension connection_id (RFC 9146).

use crate::wire::ConnectionId;

/// The IDs of both sides, in as few bytes as they take: an association that sleeps has nothing else that is as long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionIds(Box<[u8]>);

/// Bit beside the length of our own ID: both sides answer return routability checks (RFC 9853).
const CHECKS: u8 = 0x80;

impl ConnectionIds {
    /// `own`: what the peer's records to us have. `peer`: what ours to it have.
    pub(crate) fn new(own: &ConnectionId, peer: &ConnectionId, checks_routability: bool) -> ConnectionIds {
        // At most 32.
        let length = own.as_bytes().len() as u8 | if checks_routability { CHECKS } else { 0 };
        ConnectionIds([&[length], own.as_bytes(), peer.as_bytes()].concat().into())
    }

    fn split(&self) -> (&[u8], &[u8]) {
        let (length, ids) = self.0.split_first().unwrap_or((&0, &[]));
        ids.split_at_checked(usize::from(length & !CHECKS)).unwrap_or_default()
    }

    pub(crate) fn own(&self) -> &[u8] {
        self.split().0
    }

    pub(crate) fn peer(&self) -> &[u8] {
        self.split().1
    }

    /// Whether both sides answer return routability checks.
    pub(crate) fn checks_routability(&self) -> bool {
        self.0.first().is_some_and(|length| length & CHECKS != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ids_come_out_as_they_went_in() {
        let ids = [0, 1, 8, 32].map(|length| ConnectionId::new(&vec![length; length.into()]).unwrap());
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
