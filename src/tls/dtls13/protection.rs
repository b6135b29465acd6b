//! Protected records (RFC 9147 section 4.2): sealed, and opened.

use super::hkdf::MacKey;
use super::numbers::{RecordNumber, ReplayWindow};
use super::saved::{SavedOpener, SavedSealer};
use super::schedule::{expand_label, next_generation};
use super::suite::{forgery_limit, seal_limit};
use crate::tls::ffi::Refused;
use crate::tls::ffi::aead::{Aead, Algorithm, KEY_LIMIT, NONCE_LENGTH, TAG_LENGTH};
use crate::tls::ffi::hash::Digest;
use crate::tls::ffi::mask::{Mask, SAMPLE_LENGTH};
use crate::tls::inbound::DropReason;
use crate::wire::{CIPHERTEXT_LIMIT, RECORD_LIMIT, UnifiedHeader};
use std::ops::Range;
use zeroize::Zeroizing;

/// Bytes that a record has beyond its content and its connection ID: header, type and tag.
pub(super) const OVERHEAD: usize = UnifiedHeader::WRITTEN_LENGTH + 1 + TAG_LENGTH;

/// In how many parts the forged records are counted that a key bears.
const STRAINS: u64 = 8;

/// Keys of one direction in one epoch. They are made of their secret when they are needed, and a connection at rest has none.
struct Protection {
    algorithm: Algorithm,
    secret: Digest,
    keys: Option<Keys>,
}

struct Keys {
    aead: Aead,
    iv: Zeroizing<[u8; NONCE_LENGTH]>,
    mask: Mask,
}

impl Protection {
    fn keys(&mut self) -> Result<&Keys, Refused> {
        if self.keys.is_none() {
            self.keys = Some(Keys::new(self.algorithm, &self.secret)?);
        }
        self.keys.as_ref().ok_or(Refused)
    }

    fn next(&self) -> Result<Protection, Refused> {
        Ok(Protection { algorithm: self.algorithm, secret: next_generation(&self.secret)?, keys: None })
    }
}

impl Keys {
    /// RFC 8446 section 7.3, RFC 9147 section 4.2.3.
    fn new(algorithm: Algorithm, secret: &Digest) -> Result<Keys, Refused> {
        let secret = MacKey::of(secret);
        let (mut room, mut iv) = (Zeroizing::new([0; KEY_LIMIT]), Zeroizing::new([0; NONCE_LENGTH]));
        let key = &mut room[..algorithm.key_length()];
        expand_label(&secret, b"key", &[], key)?;
        expand_label(&secret, b"iv", &[], &mut *iv)?;
        let aead = Aead::new(algorithm, key)?;
        expand_label(&secret, b"sn", &[], key)?;
        Ok(Keys { aead, iv, mask: Mask::new(algorithm, key)? })
    }

    /// RFC 8446 section 5.3; other than in DTLS 1.2, the epoch is no part of it.
    fn nonce(&self, number: u64) -> [u8; NONCE_LENGTH] {
        let mut nonce = *self.iv;
        for (byte, number) in nonce.iter_mut().rev().zip(number.to_le_bytes()) {
            *byte ^= number;
        }
        nonce
    }

    /// Hides or reveals a record's number, whose bytes these are (RFC 9147 section 4.2.3).
    fn mask(&self, number: &mut [u8], ciphertext: &[u8]) -> Result<(), Refused> {
        let sample = ciphertext.first_chunk::<SAMPLE_LENGTH>().ok_or(Refused)?;
        for (byte, mask) in number.iter_mut().zip(self.mask.of(sample)) {
            *byte ^= mask;
        }
        Ok(())
    }
}

/// Seals records of one epoch.
pub(super) struct Sealer {
    protection: Protection,
    epoch: u64,
    next: u64,
    /// The first number that is not to be used.
    limit: u64,
}

impl Sealer {
    pub(super) fn new(algorithm: Algorithm, secret: Digest, epoch: u64) -> Sealer {
        let limit = seal_limit(algorithm);
        Sealer { protection: Protection { algorithm, secret, keys: None }, epoch, next: 0, limit }
    }

    /// That of an association which goes on here.
    pub(super) fn going_on(algorithm: Algorithm, saved: SavedSealer) -> Sealer {
        let SavedSealer { secret, epoch, next } = saved;
        Sealer { next, ..Sealer::new(algorithm, secret, epoch) }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// What [`Sealer::going_on`] takes.
    pub(super) fn save(&self) -> SavedSealer {
        SavedSealer { secret: self.protection.secret.clone(), epoch: self.epoch, next: self.next }
    }

    /// Number of the next record.
    pub(super) fn next_number(&self) -> u64 {
        self.next
    }

    /// The first number that is not to be used.
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// How many numbers there are.
    pub(super) fn left(&self) -> u64 {
        self.limit.saturating_sub(self.next)
    }

    /// Numbers are used from `start` on, and below `limit`.
    pub(super) fn stay_within(&mut self, start: u64, limit: u64) {
        self.next = self.next.max(start);
        self.limit = self.limit_of(limit);
    }

    /// The first number that is not to be used, if it may be this one.
    pub(super) fn limit_of(&self, limit: u64) -> u64 {
        limit.min(seal_limit(self.protection.algorithm))
    }

    pub(super) fn secret(&self) -> &Digest {
        &self.protection.secret
    }

    /// Appends one record with this connection ID. `Refused` when the key has sealed as many as it may (RFC 9147 section 4.5.3),
    /// when there is no number left, and for contents that are too long.
    pub(super) fn seal(
        &mut self,
        id: &[u8],
        kind: u8,
        content: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<RecordNumber, Refused> {
        let number = self.next;
        if number >= self.limit || content.len() > RECORD_LIMIT {
            return Err(Refused);
        }
        let keys = self.protection.keys()?;
        // Whatever fails from here on, no other record has this number.
        self.next += 1;
        let start = out.len();
        UnifiedHeader::write(self.epoch, id, number, content.len() + 1 + TAG_LENGTH, out);
        out.extend_from_slice(content);
        out.push(kind);
        out.resize(out.len() + TAG_LENGTH, 0);
        let (header, sealed) = out[start..].split_at_mut(UnifiedHeader::WRITTEN_LENGTH + id.len());
        // The header is authenticated as it was before its number is hidden.
        keys.aead.seal(&keys.nonce(number), header, sealed)?;
        keys.mask(&mut header[1 + id.len()..][..2], sealed)?;
        Ok(RecordNumber { epoch: self.epoch, number })
    }

    /// Whether so many records are sealed that the next keys are due.
    pub(super) fn is_worn(&self) -> bool {
        self.next >= seal_limit(self.protection.algorithm) / 2
    }

    /// The sealer of the next epoch.
    pub(super) fn next(&self) -> Result<Sealer, Refused> {
        let limit = seal_limit(self.protection.algorithm);
        Ok(Sealer { protection: self.protection.next()?, epoch: self.epoch + 1, next: 0, limit })
    }

    /// Gives the memory of the keys back.
    pub(super) fn rest(&mut self) {
        self.protection.keys = None;
    }

    pub(super) fn is_at_rest(&self) -> bool {
        self.protection.keys.is_none()
    }

    /// The number of the next record.
    #[cfg(any(test, fuzzing))]
    pub(super) fn go_on_with(&mut self, number: u64) {
        self.next = number;
    }

    #[cfg(test)]
    pub(super) fn skip_to_limit(&mut self, part: u64) {
        self.next = self.next.max(seal_limit(self.protection.algorithm) / part);
    }
}

/// Opens records of one epoch.
pub(super) struct Opener {
    protection: Protection,
    epoch: u64,
    window: ReplayWindow,
    forgeries: u64,
}

/// An authentic record that has not come before.
pub(super) struct Opened {
    /// 0 for a record that holds nothing but padding.
    pub(super) kind: u8,
    /// Where its content is.
    pub(super) content: Range<usize>,
    pub(super) number: RecordNumber,
}

impl Opener {
    pub(super) fn new(algorithm: Algorithm, secret: Digest, epoch: u64) -> Opener {
        let protection = Protection { algorithm, secret, keys: None };
        Opener { protection, epoch, window: ReplayWindow::default(), forgeries: 0 }
    }

    /// That of an association which goes on here.
    pub(super) fn going_on(algorithm: Algorithm, saved: SavedOpener) -> Opener {
        let SavedOpener { secret, epoch, window, forgeries } = saved;
        Opener { window, forgeries, ..Opener::new(algorithm, secret, epoch) }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The newest record that was authentic.
    pub(super) fn newest(&self) -> Option<RecordNumber> {
        let (next, _) = self.window.parts();
        Some(RecordNumber { epoch: self.epoch, number: next.checked_sub(1)? })
    }

    /// What [`Opener::going_on`] takes.
    pub(super) fn save(&self) -> SavedOpener {
        let Opener { protection, epoch, window, forgeries } = self;
        SavedOpener { secret: protection.secret.clone(), epoch: *epoch, window: *window, forgeries: *forgeries }
    }

    pub(super) fn secret(&self) -> &Digest {
        &self.protection.secret
    }

    /// Opens a record in place. One that is refused has been spoilt, and counts as if it had never come. `id_length`: of the
    /// connection IDs that we have given away.
    pub(super) fn open(&mut self, id_length: usize, record: &mut [u8]) -> Result<Opened, DropReason> {
        let header = UnifiedHeader::parse(record, id_length).ok_or(DropReason::Malformed)?;
        // RFC 8446 section 5.2, RFC 9147 section 4.5.2: no peer may seal so much, and nothing is computed for it.
        if record.len().saturating_sub(header.ciphertext) > CIPHERTEXT_LIMIT {
            return Err(DropReason::Malformed);
        }
        let keys = self.protection.keys().map_err(|_| DropReason::Unauthentic)?;
        let (head, ciphertext) = record.split_at_mut_checked(header.ciphertext).ok_or(DropReason::Malformed)?;
        let digits = head.get_mut(header.number.clone()).ok_or(DropReason::Malformed)?;
        keys.mask(digits, ciphertext).map_err(|_| DropReason::Malformed)?;
        let low = digits.iter().fold(0, |value, &byte| value << 8 | u64::from(byte));
        let bits = if header.number.len() == 1 { 8 } else { 16 };
        let number = self.window.reconstruct(low, bits);
        if !self.window.is_new(number) {
            return Err(DropReason::Replayed);
        }
        let Ok(length) = keys.aead.open(&keys.nonce(number), head, ciphertext) else {
            self.forgeries += 1;
            return Err(DropReason::Unauthentic);
        };
        self.window.mark(number);
        // RFC 8446 section 5.4: the last byte that is not zero is the type.
        let inner = ciphertext.get(..length).unwrap_or_default();
        let end = inner.iter().rposition(|byte| *byte != 0);
        Ok(Opened {
            kind: end.and_then(|end| inner.get(end)).copied().unwrap_or(0),
            content: header.ciphertext..header.ciphertext + end.unwrap_or(0),
            number: RecordNumber { epoch: self.epoch, number },
        })
    }

    /// Whether so many forged records have come that one of the next might be taken for authentic.
    pub(super) fn is_worn(&self) -> bool {
        self.forgeries > forgery_limit(self.protection.algorithm)
    }

    /// Whether half of that has come, so that other keys are due.
    pub(super) fn is_strained(&self) -> bool {
        self.forgeries > forgery_limit(self.protection.algorithm) / 2
    }

    /// Whether the newest forged record is one at which to say so. There are few of them.
    pub(super) fn has_just_been_strained(&self) -> bool {
        self.is_strained() && self.forgeries.is_multiple_of(forgery_limit(self.protection.algorithm) / STRAINS)
    }

    /// The opener of the next epoch.
    pub(super) fn next(&self) -> Result<Opener, Refused> {
        let protection = self.protection.next()?;
        Ok(Opener { protection, epoch: self.epoch + 1, window: ReplayWindow::default(), forgeries: 0 })
    }

    /// Gives the memory of the keys back.
    pub(super) fn rest(&mut self) {
        self.protection.keys = None;
    }

    pub(super) fn is_at_rest(&self) -> bool {
        self.protection.keys.is_none()
    }

    /// Half of what the key may seal has come. The last bytes of a number say nothing of so long a jump.
    #[cfg(test)]
    pub(super) fn skip_to_limit(&mut self) {
        self.window.mark(seal_limit(self.protection.algorithm) / 2 - 1);
    }

    /// Whichever record comes next, it has this number or a higher one.
    #[cfg(test)]
    pub(super) fn forget(&mut self, next: u64) {
        self.window = ReplayWindow::from_parts(next, 0);
    }

    #[cfg(test)]
    pub(super) fn suffer_until_strained(&mut self) {
        let limit = forgery_limit(self.protection.algorithm);
        self.forgeries = limit / STRAINS * (STRAINS / 2 + 1) - 1;
    }

    /// So many eighths of what it bears have been forged.
    #[cfg(test)]
    pub(super) fn suffer(&mut self, strains: u64) {
        self.forgeries = forgery_limit(self.protection.algorithm) * strains / STRAINS;
    }
}

#[cfg(test)]
mod tests;
