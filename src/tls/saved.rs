//! A live connection, saved to go on in another process: node-mbed-dtls's six fields, and what they lacked.

use super::suites::Suite;
use crate::wire::MaxFragmentLength;
use std::time::Duration;
use zeroize::Zeroizing;

/// The only epoch that application data flows in: there is no renegotiation.
const DATA_EPOCH: u16 = 1;

/// Record numbers have 48 bits (RFC 6347 section 4.1).
const RECORD_NUMBER_LIMIT: u64 = 1 << 48;

/// Record numbers that a restored connection is ahead of its copy at least.
const JUMP: u64 = 1 << 20;

/// Record numbers that pass in a second: more than any connection sends. They last until 2043.
const NUMBERS_PER_SECOND: u64 = 500_000;

/// 2026-01-01T00:00:00Z in Unix time.
const NUMBERING_BEGINS: Duration = Duration::from_secs(1_767_225_600);

/// What a connection needs to go on with the same keys.
#[derive(Clone)]
pub(crate) struct SavedConnection {
    pub(crate) suite: Suite,
    /// The client's, then the server's.
    pub(crate) randoms: Zeroizing<[u8; 64]>,
    pub(crate) session_id: SessionId,
    pub(crate) master_secret: Zeroizing<[u8; 48]>,
    pub(crate) epoch: u16,
    /// Number of the next record to send.
    pub(crate) next_number: u64,
    /// node-mbed-dtls had none: then a record from before the restart passes once more.
    pub(crate) replay_window: Option<ReplayWindow>,
    /// node-mbed-dtls kept none.
    pub(crate) max_fragment_length: Option<MaxFragmentLength>,
    /// RFC 7366; means something to CBC suites only.
    pub(crate) encrypt_then_mac: bool,
    /// RFC 7627; unknown of connections that node-mbed-dtls saved.
    pub(crate) extended_master_secret: Option<bool>,
}

/// At most 32 bytes (RFC 5246 section 7.4.1.3).
#[derive(Clone, Copy, Default)]
pub(crate) struct SessionId {
    length: u8,
    bytes: [u8; SessionId::LIMIT],
}

impl SessionId {
    pub(crate) const LIMIT: usize = 32;

    /// `None` when it is too long.
    pub(crate) fn new(id: &[u8]) -> Option<SessionId> {
        let mut bytes = [0; SessionId::LIMIT];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        Some(SessionId { length: u8::try_from(id.len()).ok()?, bytes })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

/// What a session needs to be resumed by its id (RFC 5246 section 7.3).
pub(crate) struct ResumableSession {
    pub(crate) suite: Suite,
    pub(crate) master_secret: Zeroizing<[u8; 48]>,
    /// RFC 7366; means something to CBC suites only.
    pub(crate) encrypt_then_mac: Option<bool>,
    /// RFC 7627 section 5.3: a session goes on as it began, and not at all when that is unknown.
    pub(crate) extended_master_secret: Option<bool>,
}

/// RFC 6347 section 4.1.2.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReplayWindow {
    /// Highest number that was authenticated.
    pub(crate) top: u64,
    /// Bit n: `top - n` was seen.
    pub(crate) seen: u64,
}

/// A saved connection that cannot go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unrestorable(pub(crate) &'static str);

/// Names an association by what only we chose about it: the server's random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AssociationName([u8; 32]);

impl SavedConnection {
    pub(crate) fn association(&self) -> AssociationName {
        AssociationName(self.randoms.last_chunk().copied().unwrap_or_default())
    }

    /// The random of the ClientHello that the association began with.
    pub(super) fn client_random(&self) -> [u8; 32] {
        self.randoms.first_chunk().copied().unwrap_or_default()
    }

    pub(super) fn check(&self) -> Result<(), Unrestorable> {
        if self.epoch != DATA_EPOCH {
            return Err(Unrestorable("its epoch is not the one that data flows in"));
        }
        if self.next_number >= RECORD_NUMBER_LIMIT {
            return Err(Unrestorable("its record number has more than 48 bits"));
        }
        Ok(())
    }

    /// The number of the first record after the restore: beyond anything that can have been sent since the copy was
    /// made, by us or by an earlier restore of the same copy. A nonce that repeats gives the key away.
    pub(super) fn number_after_restore(&self, unix_time: Duration) -> Result<u64, Unrestorable> {
        let since = unix_time.saturating_sub(NUMBERING_BEGINS);
        let clock = u64::try_from(since.as_micros()).unwrap_or(u64::MAX) / (1_000_000 / NUMBERS_PER_SECOND);
        let number = clock.max(self.next_number + JUMP);
        if number < RECORD_NUMBER_LIMIT - JUMP {
            Ok(number)
        } else {
            Err(Unrestorable("its record numbers are used up"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(next_number: u64) -> SavedConnection {
        SavedConnection {
            suite: Suite::from_name("PSK-AES128-CCM8").unwrap(),
            randoms: Zeroizing::new([0; 64]),
            session_id: SessionId::default(),
            master_secret: Zeroizing::new([0; 48]),
            epoch: 1,
            next_number,
            replay_window: None,
            max_fragment_length: None,
            encrypt_then_mac: false,
            extended_master_secret: None,
        }
    }

    #[test]
    fn numbers_follow_the_clock_and_never_fall_back() {
        let at = |seconds| NUMBERING_BEGINS + Duration::from_secs(seconds);
        assert_eq!(saved(5).number_after_restore(at(1_000)), Ok(500_000_000));
        assert_eq!(saved(5).number_after_restore(at(1_001)), Ok(500_500_000));
        // A clock that was set back, and one from before the numbering began.
        assert_eq!(saved(600_000_000).number_after_restore(at(1_000)), Ok(600_000_000 + JUMP));
        assert_eq!(saved(5).number_after_restore(Duration::ZERO), Ok(5 + JUMP));
    }

    #[test]
    fn used_up_numbers_are_an_error_and_no_wrap() {
        assert!(saved(RECORD_NUMBER_LIMIT - JUMP).number_after_restore(Duration::ZERO).is_err());
        assert!(saved(0).number_after_restore(Duration::MAX).is_err());
        assert!(saved(RECORD_NUMBER_LIMIT).check().is_err());
    }
}
