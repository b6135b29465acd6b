//! The keys of both directions, epoch by epoch (RFC 9147 sections 6.1 and 8).

use super::Link;
#[cfg(test)]
use crate::tls::dtls13::incoming::Incoming;
use crate::tls::dtls13::numbers::{HANDSHAKE_EPOCH, PLAINTEXT_EPOCH};
use crate::tls::dtls13::protection::{Opener, Sealer};
use crate::tls::ffi::Refused;
use crate::tls::ffi::aead::Algorithm;
use crate::tls::ffi::hash::Digest;
use crate::wire::OwnedRecord;
use std::collections::VecDeque;
use std::time::Instant;

impl Link {
    /// Whether there are keys, with which the hellos have agreed on connection IDs.
    pub(in super::super) fn has_keys(&self) -> bool {
        !self.sealers.is_empty()
    }

    /// Both directions of a new epoch.
    pub(in super::super) fn begin_epoch(&mut self, algorithm: Algorithm, epoch: u64, own: Digest, peer: Digest) {
        self.begin_sending(algorithm, epoch, own);
        self.begin_reading(algorithm, epoch, peer);
    }

    pub(in super::super) fn begin_sending(&mut self, algorithm: Algorithm, epoch: u64, own: Digest) {
        self.sealers.push(Sealer::new(algorithm, own, epoch));
    }

    pub(in super::super) fn begin_reading(&mut self, algorithm: Algorithm, epoch: u64, peer: Digest) {
        self.openers.push(Opener::new(algorithm, peer, epoch));
    }

    /// The handshake is over. Its reading keys stay: the peer may not know yet (RFC 9147 section 5.8.1).
    pub(in super::super) fn open(&mut self) -> VecDeque<OwnedRecord> {
        self.is_open = true;
        self.acknowledgments.clear();
        self.forget_old_sealers();
        for opener in self.openers.iter_mut().filter(|opener| opener.epoch() == HANDSHAKE_EPOCH) {
            opener.rest();
        }
        std::mem::take(&mut self.early)
    }

    /// Keeps the keys of what is under way, and the newest.
    pub(super) fn forget_old_sealers(&mut self) {
        if !self.flight.is_under_way()
            && let Some(newest) = self.sealers.pop()
        {
            self.sealers.clear();
            self.sealers.push(newest);
        }
    }

    /// From now on we send in the next epoch. The peer has acknowledged our KeyUpdate.
    pub(in super::super) fn update_sealer(&mut self, now: Instant) -> Result<(), Refused> {
        let next = self.sealers.last().ok_or(Refused)?.next()?;
        self.sealers = vec![next];
        self.begin_share(now);
        Ok(())
    }

    /// From now on the peer may send in the next epoch. Records of this one may be late.
    pub(in super::super) fn update_opener(&mut self) -> Result<(), Refused> {
        let newest = self.openers.last().ok_or(Refused)?;
        let (epoch, next) = (newest.epoch(), newest.next()?);
        // Two bits tell epochs apart: 6 looks like 2.
        let is_kept = |old: u64| old == epoch || old == HANDSHAKE_EPOCH && next.epoch() < HANDSHAKE_EPOCH + 4;
        self.openers.retain(|opener| is_kept(opener.epoch()));
        self.openers.push(next);
        Ok(())
    }

    /// Whether our KeyUpdate was given up, and may be sent once more: a peer that was away may have come back.
    pub(in super::super) fn has_given_up(&self, now: Instant) -> bool {
        self.flight.is_given_up() && self.flight.is_key_update() && self.flight.has_rested(now)
    }

    /// The newest epoch that the peer may send in.
    pub(in super::super) fn peer_epoch(&self) -> u64 {
        self.openers.last().map_or(PLAINTEXT_EPOCH, Opener::epoch)
    }

    /// Whether the keys have sealed so much that others are due.
    pub(in super::super) fn is_worn(&self) -> bool {
        self.sealers.last().is_some_and(Sealer::is_worn)
    }

    /// Whether so much was forged that the association cannot go on. Keys that have been replaced are given up instead (RFC 9147
    /// section 4.5.3).
    pub(in super::super) fn has_suffered(&mut self) -> bool {
        let newest = self.peer_epoch();
        self.openers.retain(|opener| opener.epoch() == newest || !opener.is_worn());
        self.openers.iter().any(Opener::is_worn)
    }

    /// Whether so much was forged that the peer should have other keys.
    pub(in super::super) fn is_strained(&self) -> bool {
        self.openers.last().is_some_and(Opener::is_strained)
    }

    /// Whether the newest forged record is one at which to ask for them.
    pub(in super::super) fn has_just_been_strained(&self) -> bool {
        self.openers.last().is_some_and(Opener::has_just_been_strained)
    }

    /// The epochs that it has keys of its own for.
    #[cfg(test)]
    pub(in super::super) fn sealing_epochs(&self) -> Vec<u64> {
        self.sealers.iter().map(Sealer::epoch).collect()
    }

    /// The epochs that it has keys of its peer for.
    #[cfg(test)]
    pub(in super::super) fn opening_epochs(&self) -> Vec<u64> {
        self.openers.iter().map(Opener::epoch).collect()
    }

    /// The epochs whose keys of its peer are not made.
    #[cfg(test)]
    pub(in super::super) fn epochs_at_rest(&self) -> Vec<u64> {
        self.openers.iter().filter(|opener| opener.is_at_rest()).map(Opener::epoch).collect()
    }

    /// The keys of both sides have sealed half of what they may.
    #[cfg(test)]
    pub(in super::super) fn wear_out(&mut self, peer: &mut Link) {
        self.sealers.iter_mut().for_each(|sealer| sealer.skip_to_limit(2));
        peer.openers.iter_mut().for_each(Opener::skip_to_limit);
    }

    /// The secrets that have come since the last time, each with its epoch, and whether it is our own.
    pub(in super::super) fn take_secrets(&mut self) -> Vec<(bool, u64, Digest)> {
        let [own, peer] = self.logged;
        let sealers = self.sealers.iter().map(|sealer| (true, sealer.epoch(), sealer.secret()));
        let openers = self.openers.iter().map(|opener| (false, opener.epoch(), opener.secret()));
        let is_new = |(is_own, epoch, _): &(bool, u64, &Digest)| *epoch > if *is_own { own } else { peer };
        let new = sealers.chain(openers).filter(is_new);
        let secrets = new.map(|(is_own, epoch, secret)| (is_own, epoch, secret.clone())).collect();
        self.logged = [self.epoch(), self.peer_epoch()];
        secrets
    }

    /// Messages of ours have had all numbers below this one.
    #[cfg(test)]
    pub(in super::super) fn say_from(&mut self, sequence: u16, peer: &mut Link) {
        self.next_sequence = sequence;
        peer.incoming = Incoming::new(sequence);
    }

    /// Our keys have sealed all that they may.
    #[cfg(test)]
    pub(in super::super) fn use_up(&mut self) {
        self.sealers.iter_mut().for_each(|sealer| sealer.skip_to_limit(1));
    }

    /// So many eighths of the forged records have come that the keys bear; behind the last, one more is too much.
    #[cfg(test)]
    pub(in super::super) fn suffer(&mut self, strains: u64) {
        self.openers.iter_mut().for_each(|opener| opener.suffer(strains));
    }

    /// The next record that is forged is one at which to ask for other keys.
    #[cfg(test)]
    pub(in super::super) fn forge_until_strained(&mut self) {
        self.openers.iter_mut().for_each(Opener::suffer_until_strained);
    }

    /// [`Link::suffer`], for all keys but the newest.
    #[cfg(test)]
    pub(in super::super) fn suffer_before(&mut self, strains: u64) {
        self.openers.iter_mut().rev().skip(1).for_each(|opener| opener.suffer(strains));
    }

    /// Gives the memory of all keys back, until they are needed, and what the handshake has needed beyond that.
    pub(in super::super) fn rest(&mut self) {
        self.sealers.iter_mut().for_each(Sealer::rest);
        self.openers.iter_mut().for_each(Opener::rest);
        self.sealers.shrink_to_fit();
        self.openers.shrink_to_fit();
        self.incoming.rest();
    }

    pub(in super::super) fn is_at_rest(&self) -> bool {
        self.sealers.iter().all(Sealer::is_at_rest) && self.openers.iter().all(Opener::is_at_rest)
    }
}
