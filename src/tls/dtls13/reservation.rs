//! Which numbers of records are its owner's alone, where others may go on from copies of an association.
//!
//! A nonce is made of the record's number and of nothing else (RFC 8446 section 5.3). So no two owners of an association may use one
//! number of one epoch, and none of them can know whether the others live. Two rules keep them apart:
//!
//! - In the epoch of a copy, its owner stays below the number that the copy names, and whoever takes it over begins there. An
//!   owner goes on beyond that number when a copy that names a higher one has taken the copy's place. The store lets this
//!   happen, or a take-over, and never both.
//! - In each later epoch, every owner has a share of the first numbers, by how many owners there have been before it. Nobody has to
//!   agree to that, so that a connection goes on without its store: with a KeyUpdate whenever its numbers come to an end.
//!   A copy of such an epoch names a number beyond the share of the one who makes it. Shares behind that belong to nobody, because
//!   who takes this copy over is the next, and nobody can take over an earlier one any more.

use std::time::{Duration, Instant};

/// Numbers of later epochs that each owner has.
const SHARE: u64 = 128;

/// Owners of an association, at most: those that have handed it over, and know of it nothing more, count with the one that came
/// after them. The first record of an epoch has a number that the peer reconstructs from 16 bits, which is below
/// 2^15 (RFC 9147 section 4.2.2).
const OWNERS: u8 = 128;

/// Numbers that a copy reserves for its owner: for the first owner at first, for one that has taken over at first, and as use grows. Who
/// takes over begins beyond all of them, and the peer must reconstruct that number as well: also when several have taken
/// over who were never heard.
const FIRST_BLOCK: u64 = 4096;
const TAKEN_BLOCK: u64 = 512;
const LONGEST_BLOCK: u64 = 8192;
const GROWTH: u64 = 4;

/// Numbers that payloads leave to alerts, acknowledgments, and the KeyUpdate that leads to other numbers.
const KEPT: u64 = 16;

/// What is noted of it in a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reserved {
    /// How many owners there have been before, of those that may live still.
    pub(super) owner: u8,
    /// The first number of the copy's epoch that is not its owner's.
    pub(super) limit: u64,
}

impl Reserved {
    /// `None` for what no owner has.
    pub(super) fn new(owner: u8, limit: u64) -> Option<Reserved> {
        (owner < OWNERS).then_some(Reserved { owner, limit })
    }

    /// That of the next owner; `None` when there have been too many.
    pub(super) fn next(self) -> Option<Reserved> {
        Reserved::new(self.owner + 1, self.limit + TAKEN_BLOCK)
    }
}

/// Between two copies that are due to what the peer says: to write one takes as long as to answer ten messages.
const REST: Duration = Duration::from_millis(100);

/// Where an owner stands.
pub(super) struct Reservation {
    owner: u8,
    /// Numbers that there were when the limit was set.
    granted: u64,
    /// Numbers that the next copy is to reserve.
    block: u64,
    /// A copy with a higher limit has been asked for.
    is_asked: bool,
    /// When a copy is due.
    due: Option<Instant>,
    /// When the peer can have the next one made.
    rested: Option<Instant>,
}

impl Reservation {
    /// When the first copy is made.
    pub(super) fn first() -> Reservation {
        Reservation { owner: 0, granted: FIRST_BLOCK, block: FIRST_BLOCK, is_asked: false, due: None, rested: None }
    }

    /// That of an owner whose copy names this number; `next`: its first.
    pub(super) fn going_on(reserved: Reserved, next: u64) -> Reservation {
        let granted = reserved.limit.saturating_sub(next);
        let owner = reserved.owner;
        Reservation { owner, granted, block: TAKEN_BLOCK, is_asked: false, due: None, rested: None }
    }

    pub(super) fn owner(&self) -> u8 {
        self.owner
    }

    /// How many numbers from the next one on a copy is to reserve.
    pub(super) fn ask(&mut self, left: u64) -> u64 {
        if self.is_low(left) {
            self.block = (GROWTH * self.block).min(LONGEST_BLOCK);
        }
        self.is_asked = true;
        self.block
    }

    /// So many numbers are there from now on.
    pub(super) fn grant(&mut self, granted: u64) {
        self.granted = granted;
        self.is_asked = false;
    }

    /// The first number of the next epoch that is the owner's, and the first behind it that is not.
    pub(super) fn share(&self) -> (u64, u64) {
        let start = u64::from(self.owner) * SHARE;
        (start, start + SHARE)
    }

    /// The association has gone over to the next epoch, where there is no copy yet.
    pub(super) fn begin_share(&mut self, now: Instant) {
        self.grant(SHARE);
        self.is_outdated(now);
    }

    fn is_low(&self, left: u64) -> bool {
        left <= self.granted / 2
    }

    /// Notes how many numbers are left: a copy with a higher limit may be due.
    pub(super) fn note_left(&mut self, now: Instant, left: u64) {
        if self.is_low(left) && !self.is_asked {
            self.is_asked = true;
            self.due = Some(now);
        }
    }

    /// The copy does not say any more how the association is. A peer can have that happen with each message.
    pub(super) fn is_outdated(&mut self, now: Instant) {
        if self.due.is_none() {
            let due = self.rested.map_or(now, |rested| rested.max(now));
            self.due = Some(due);
            self.rested = Some(due + REST);
        }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether a copy is due, once.
    pub(super) fn take_due(&mut self) -> bool {
        self.due.take().is_some()
    }

    /// Whether so few numbers are left that those of another epoch are needed.
    pub(super) fn is_short(&self, left: u64) -> bool {
        left <= (self.granted / 4).max(SHARE / 2)
    }
}

/// Whether a payload may have one of these.
pub(super) fn is_enough(left: u64) -> bool {
    left > KEPT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::dtls13::tests::base_time;

    #[test]
    fn shares_of_all_owners_are_apart_and_are_reconstructed_from_16_bits() {
        let mut end = 0;
        for owner in 0..OWNERS {
            let reservation = Reservation::going_on(Reserved::new(owner, 7).unwrap(), 7);
            assert_eq!(reservation.share().0, end);
            end = reservation.share().1;
        }
        assert!(end < 1 << 15);
        assert_eq!(Reserved::new(OWNERS, 7), None);
        assert_eq!(Reserved::new(OWNERS - 1, 7).unwrap().next(), None);
    }

    #[test]
    fn a_copy_is_due_once_when_half_of_the_numbers_are_used_and_asks_for_more() {
        let now = base_time();
        let mut reservation = Reservation::going_on(Reserved::new(1, 1000 + TAKEN_BLOCK).unwrap(), 1000);
        reservation.note_left(now, TAKEN_BLOCK / 2 + 1);
        assert!(!reservation.take_due());
        reservation.note_left(now, TAKEN_BLOCK / 2);
        assert!(reservation.take_due() && !reservation.take_due());
        reservation.note_left(now, 1);
        assert!(!reservation.take_due());
        let mut block = TAKEN_BLOCK;
        for _ in 0..4 {
            block = (4 * block).min(LONGEST_BLOCK);
            assert_eq!(reservation.ask(1), block);
            reservation.grant(block);
        }
        // One that is written for another reason does not.
        assert_eq!(reservation.ask(LONGEST_BLOCK), LONGEST_BLOCK);
    }

    #[test]
    fn no_other_copy_is_due_while_one_that_asks_for_more_is_on_its_way() {
        let now = base_time();
        let mut reservation = Reservation::going_on(Reserved::new(1, 1000 + TAKEN_BLOCK).unwrap(), 1000);
        // It is written for another reason, before numbers are low.
        let block = reservation.ask(TAKEN_BLOCK);
        reservation.note_left(now, 1);
        assert!(!reservation.take_due());
        // It has arrived, and its numbers are used.
        reservation.grant(block);
        reservation.note_left(now, 1);
        assert!(reservation.take_due());
    }

    /// With KeyUpdates, or with other connection IDs, in each of its messages.
    #[test]
    fn a_peer_that_changes_all_the_time_has_a_copy_made_ten_times_a_second_and_numbers_do_not_wait_for_that() {
        let start = base_time();
        let mut reservation = Reservation::first();
        let mut copies = 0;
        for passed in 0..1000 {
            let now = start + Duration::from_millis(passed);
            reservation.is_outdated(now);
            if reservation.due().is_some_and(|due| due <= now) {
                assert!(reservation.take_due());
                copies += 1;
            }
        }
        assert_eq!(copies, 10);
        let now = start + Duration::from_millis(999);
        assert!(reservation.due().is_some_and(|due| due > now));
        reservation.note_left(now, 1);
        assert_eq!(reservation.due(), Some(now));
    }

    #[test]
    fn many_who_take_over_without_a_word_are_understood() {
        let mut reserved = Reserved::new(0, LONGEST_BLOCK).unwrap();
        for _ in 0..40 {
            reserved = reserved.next().unwrap();
        }
        assert!(reserved.limit < 1 << 15);
    }

    #[test]
    fn what_is_left_in_the_end_is_for_the_association_itself() {
        let reservation = Reservation::first();
        assert!(reservation.is_short(FIRST_BLOCK / 4) && !reservation.is_short(FIRST_BLOCK / 4 + 1));
        assert!(is_enough(KEPT + 1) && !is_enough(KEPT));
    }
}
