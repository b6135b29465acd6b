//! A link that goes on in another process, and one with copies: which numbers are ours then.

use super::Link;
use crate::tls::bound::Bound;
use crate::tls::dtls13::flight::Pace;
use crate::tls::dtls13::numbers::{HANDSHAKE_EPOCH, RecordNumber};
use crate::tls::dtls13::protection::{Opener, Sealer};
use crate::tls::dtls13::reservation::{Reservation, Reserved, is_enough};
use crate::tls::dtls13::saved::{SavedLink, SavedOpener};
use crate::tls::ffi::aead::Algorithm;
use std::sync::Arc;
use std::time::Instant;

impl Link {
    /// That of an association which goes on here. `before`: for the peer's records in the handshake, if that was here.
    pub(in super::super) fn going_on(
        pace: &Arc<Pace>,
        algorithm: Algorithm,
        saved: SavedLink,
        before: Option<SavedOpener>,
    ) -> Link {
        let SavedLink { own, peer, own_message, peer_message, ids, reserved } = saved;
        let next = own.next;
        let mut sealer = Sealer::going_on(algorithm, own);
        let reservation = reserved.map(|reserved| {
            sealer.stay_within(next, reserved.limit);
            Box::new(Reservation::going_on(reserved, next))
        });
        let openers: Vec<_> =
            before.into_iter().chain([peer]).map(|opener| Opener::going_on(algorithm, opener)).collect();
        let newest = openers.iter().filter_map(Opener::newest).max();
        // The first record of this epoch is newer than whatever has been heard.
        let newest = newest.unwrap_or(RecordNumber { epoch: HANDSHAKE_EPOCH, number: 0 });
        let new = Link::new(pace, own_message, peer_message);
        let mut link = Link { ids, sealers: vec![sealer], openers, is_open: true, newest, reservation, ..new };
        link.logged = [link.epoch(), link.peer_epoch()];
        link
    }

    /// What goes on elsewhere, and not here any more; `None` while something is under way, but for a KeyUpdate. Records of older keys
    /// are not understood there.
    pub(in super::super) fn save(&self) -> Option<SavedLink> {
        if !self.can_go_on_elsewhere() || self.acknowledgments.deadline().is_some() {
            return None;
        }
        let owned = self.reservation.as_ref().zip(self.bound());
        self.with(owned.and_then(|(reservation, bound)| Reserved::new(reservation.owner(), bound.number)))
    }

    /// A KeyUpdate can be made again elsewhere, as the same message. A peer that has it already acknowledges it once more.
    fn can_go_on_elsewhere(&self) -> bool {
        self.is_open && (!self.flight.is_under_way() || self.flight.is_key_update())
    }

    fn with(&self, reserved: Option<Reserved>) -> Option<SavedLink> {
        Some(SavedLink {
            own: self.sealers.last()?.save(),
            peer: self.openers.last()?.save(),
            own_message: self.flight.first_sequence().unwrap_or(self.next_sequence),
            peer_message: self.incoming.next_sequence()?,
            ids: self.ids.clone(),
            reserved,
        })
    }

    /// A copy for a store, which names more numbers as ours than the one before. They are ours when it is
    /// there: [`Link::confirm`]. What the handshake has under way must have arrived before there is the first copy, and no message may
    /// have come in part.
    pub(in super::super) fn reserve(&mut self) -> Option<SavedLink> {
        if !self.can_go_on_elsewhere() || self.incoming.next_sequence().is_none() {
            return None;
        }
        let sealer = self.sealers.last_mut()?;
        let (next, left) = (sealer.next_number(), sealer.left());
        let limit = match &mut self.reservation {
            Some(reservation) => sealer.limit_of((next + reservation.ask(left)).max(sealer.limit())),
            None => {
                let mut reservation = Box::new(Reservation::first());
                // Somebody may begin there as soon as it has left this process.
                sealer.stay_within(next, next + reservation.ask(u64::MAX));
                reservation.grant(sealer.left());
                self.reservation = Some(reservation);
                sealer.limit()
            }
        };
        let owner = self.reservation.as_ref().map_or(0, |reservation| reservation.owner());
        self.with(Reserved::new(owner, limit))
    }

    /// The first number that is not ours by what the store has; `None` where it has no copy.
    pub(in super::super) fn bound(&self) -> Option<Bound> {
        let sealer = self.sealers.last().filter(|_| self.reservation.is_some())?;
        Some(Bound { epoch: sealer.epoch(), number: sealer.limit() })
    }

    /// The copy that names this number has taken the place of all others in the store, as that of the same owner.
    pub(in super::super) fn confirm(&mut self, bound: Bound) {
        let (Some(reservation), Some(sealer)) = (&mut self.reservation, self.sealers.last_mut()) else { return };
        if bound.epoch == sealer.epoch() && bound.number >= sealer.limit() {
            sealer.stay_within(0, bound.number);
            reservation.grant(sealer.left());
        }
    }

    /// In a new epoch, there is no copy yet.
    pub(super) fn begin_share(&mut self, now: Instant) {
        let (Some(reservation), Some(sealer)) = (&mut self.reservation, self.sealers.last_mut()) else { return };
        let (start, limit) = reservation.share();
        sealer.stay_within(start, limit);
        reservation.begin_share(now);
    }

    /// A copy does not say any more how the link is.
    pub(in super::super) fn is_outdated(&mut self, now: Instant) {
        if let Some(reservation) = &mut self.reservation {
            reservation.is_outdated(now);
        }
    }

    /// Notes how many numbers are left.
    pub(in super::super) fn note_left(&mut self, now: Instant) {
        if let (Some(reservation), Some(sealer)) = (&mut self.reservation, self.sealers.last()) {
            reservation.note_left(now, sealer.left());
        }
    }

    /// When a copy was found to be due.
    pub(in super::super) fn copy_due(&self) -> Option<Instant> {
        self.reservation.as_ref()?.due()
    }

    /// Whether a copy is due, once.
    pub(in super::super) fn take_copy_due(&mut self) -> bool {
        self.reservation.as_mut().is_some_and(|reservation| reservation.take_due())
    }

    /// Whether so few numbers are left that those of another epoch are needed.
    pub(in super::super) fn is_short(&self) -> bool {
        let short = |(reservation, sealer): (&Reservation, &Sealer)| reservation.is_short(sealer.left());
        self.reservation.as_deref().zip(self.sealers.last()).is_some_and(short)
    }

    /// Whether payloads have to wait for numbers.
    pub(in super::super) fn lacks_numbers(&self) -> bool {
        self.reservation.is_some() && self.sealers.last().is_some_and(|sealer| !is_enough(sealer.left()))
    }

    /// Whether there is a number for one record more, or no store that could give others.
    pub(super) fn has_number(&self) -> bool {
        self.reservation.is_none() || self.sealers.last().is_none_or(|sealer| sealer.left() > 0)
    }
}
