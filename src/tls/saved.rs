//! A live connection, saved to go on in another process: node-mbed-dtls's six fields, and what they lacked.

use super::connection_ids::ConnectionIds;
use super::master_secret::MasterSecret;
use super::random::random_bytes;
use super::suites::Suite;
use crate::wire::MaxFragmentLength;
use std::fmt;
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
pub(crate) struct SavedDtls12 {
    pub(crate) suite: Suite,
    /// Whose side it is. Both have the same keys, and each seals with one of them alone.
    pub(crate) is_client: bool,
    /// The client's, then the server's.
    pub(crate) randoms: Zeroizing<[u8; 64]>,
    pub(crate) session_id: SessionId,
    pub(crate) master_secret: MasterSecret,
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
    /// RFC 9146; `None` where the hellos did not agree on any.
    pub(crate) connection_ids: Option<ConnectionIds>,
}

/// At most 32 bytes (RFC 5246 section 7.4.1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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
    pub(crate) master_secret: MasterSecret,
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

/// Wall clocks around a restore, in Unix time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SaveClock {
    /// When the copy was made, by the clock there; `None` when nobody has noted it.
    pub(crate) saved: Option<Duration>,
    /// Now, by the clock here.
    pub(crate) now: Duration,
}

/// A saved connection that cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unrestorable {
    /// Two lives of its keys could use one nonce.
    Suite(Suite),
    State(&'static str),
}

impl Unrestorable {
    /// A server has a client's side, or a client a server's.
    pub(super) const OTHER_SIDE: Unrestorable = Unrestorable::State("it is the other side of the connection");

    /// It is of a version that the configuration does not speak.
    pub(super) const NOT_SPOKEN: Unrestorable = Unrestorable::State("its version of DTLS is not spoken here");
}

impl fmt::Display for Unrestorable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unrestorable::Suite(suite) => write!(
                f,
                "{} takes its nonces from record numbers alone, and two lives of the connection could use one twice",
                suite.name()
            ),
            Unrestorable::State(why) => f.write_str(why),
        }
    }
}

/// Names an association by what only the server chose about it: 64 bits of its random. Two words rather than one long one, so
/// that a handle fits beside them without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AssociationName([u32; 2]);

impl AssociationName {
    /// `randoms`: the client's, then the server's. The end of the server's may say which versions it speaks (RFC 8446 section
    /// 4.1.3), and the beginning may be a time.
    pub(super) fn of(randoms: &[u8; 64]) -> AssociationName {
        let middle = randoms.get(48..56).and_then(|middle| middle.try_into().ok());
        AssociationName::from_bytes(middle.unwrap_or_default())
    }

    pub(super) fn from_bytes(bytes: [u8; 8]) -> AssociationName {
        let name = u64::from_be_bytes(bytes);
        AssociationName([(name >> 32) as u32, name as u32])
    }

    pub(crate) fn to_bytes(self) -> [u8; 8] {
        let AssociationName([high, low]) = self;
        (u64::from(high) << 32 | u64::from(low)).to_be_bytes()
    }
}

impl SavedDtls12 {
    /// The epoch of every connection that can go on.
    pub(super) const EPOCH: u16 = DATA_EPOCH;

    pub(crate) fn association(&self) -> AssociationName {
        AssociationName::of(&self.randoms)
    }

    /// Whether a connection like this one can go on from a copy.
    pub(crate) fn check(&self) -> Result<(), Unrestorable> {
        if self.suite.has_implicit_nonces() {
            return Err(Unrestorable::Suite(self.suite));
        }
        if self.epoch != DATA_EPOCH {
            return Err(Unrestorable::State("its epoch is not the one that data flows in"));
        }
        if self.next_number >= RECORD_NUMBER_LIMIT {
            return Err(Unrestorable::State("its record number has more than 48 bits"));
        }
        Ok(())
    }

    /// The number of the first record after the restore: beyond what the peer has heard since the copy was made, from us or
    /// from an earlier restore of the same copy, or it would take our records for old ones. As far as clocks can be trusted;
    /// no nonce depends on them ([`nonce_offset_of_new_life`]).
    pub(super) fn number_after_restore(&self, clock: SaveClock) -> Result<u64, Unrestorable> {
        let saved = clock.saved.map_or(0, number_at);
        let number = number_at(clock.now).max(saved).max(self.next_number.saturating_add(JUMP));
        if number < RECORD_NUMBER_LIMIT - JUMP {
            Ok(number)
        } else {
            Err(Unrestorable::State("its record numbers are used up"))
        }
    }

    /// Whether the clock cannot be right: it is before the numbering, or before the copy was made. Then the peer may have
    /// heard higher numbers than those of the restored connection, and drop its records. The jump makes good for less.
    pub(crate) fn is_ahead_of(&self, clock: SaveClock) -> bool {
        let copy = clock.saved.map_or(self.next_number, number_at);
        clock.now < NUMBERING_BEGINS || number_at(clock.now).saturating_add(JUMP) < copy
    }
}

/// The record number that belongs to a time.
fn number_at(unix_time: Duration) -> u64 {
    let since = unix_time.saturating_sub(NUMBERING_BEGINS);
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX) / (1_000_000 / NUMBERS_PER_SECOND)
}

/// What a new life of a connection adds to the numbers of its records, modulo 2^64, for their nonces. A nonce that repeats
/// gives the key away. The offset is random, so that two lives with n records each share a nonce with a probability below
/// 2n / 2^64, whatever their clocks and their copies.
pub(super) fn nonce_offset_of_new_life() -> Result<u64, Unrestorable> {
    let offset = random_bytes().map_err(|_| Unrestorable::State("the operating system gives no random numbers"))?;
    Ok(u64::from_be_bytes(offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(next_number: u64) -> SavedDtls12 {
        SavedDtls12 {
            suite: Suite::from_name("PSK-AES128-CCM8").unwrap(),
            is_client: false,
            randoms: Zeroizing::new([0; 64]),
            session_id: SessionId::default(),
            master_secret: MasterSecret::from(&[0; 48]),
            epoch: 1,
            next_number,
            replay_window: None,
            max_fragment_length: None,
            encrypt_then_mac: false,
            extended_master_secret: None,
            connection_ids: None,
        }
    }

    fn copy_made_at(saved: Option<Duration>, now: Duration) -> SaveClock {
        SaveClock { saved, now }
    }

    fn at(seconds: u64) -> Duration {
        NUMBERING_BEGINS + Duration::from_secs(seconds)
    }

    #[test]
    fn a_session_id_has_32_bytes_at_most_and_an_empty_one_is_none() {
        assert_eq!(SessionId::new(&[]), Some(SessionId::default()));
        for length in [0, 1, SessionId::LIMIT] {
            let id = vec![7; length];
            assert_eq!(SessionId::new(&id).unwrap().as_bytes(), id);
        }
        assert_eq!(SessionId::new(&[7; SessionId::LIMIT + 1]), None);
    }

    #[test]
    fn the_name_of_an_association_has_all_of_its_bytes() {
        assert_eq!(AssociationName::from_bytes([1, 2, 3, 4, 5, 6, 7, 8]).to_bytes(), [1, 2, 3, 4, 5, 6, 7, 8]);
        let names = (0..8).map(|at| AssociationName::from_bytes(std::array::from_fn(|index| u8::from(index == at))));
        let AssociationName(words) = AssociationName::from_bytes([1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!((words, names.collect::<std::collections::HashSet<_>>().len()), ([0x0102_0304, 0x0506_0708], 8));
    }

    #[test]
    fn numbers_follow_the_clock_and_never_fall_back() {
        let unknown = |now| copy_made_at(None, now);
        assert_eq!(saved(5).number_after_restore(unknown(at(1_000))), Ok(500_000_000));
        assert_eq!(saved(5).number_after_restore(unknown(at(1_001))), Ok(500_500_000));
        // A clock that was set back, and one from before the numbering began.
        assert_eq!(saved(600_000_000).number_after_restore(unknown(at(1_000))), Ok(600_000_000 + JUMP));
        assert_eq!(saved(5).number_after_restore(unknown(Duration::ZERO)), Ok(5 + JUMP));
        // The clock of whoever made the copy counts as well.
        assert_eq!(saved(5).number_after_restore(copy_made_at(Some(at(2_000)), at(1_000))), Ok(1_000_000_000));
    }

    #[test]
    fn a_clock_that_is_behind_the_copy_is_noticed() {
        for (next_number, saved_at, now, is_behind) in [
            (5, Some(at(1_000)), at(1_000), false),
            (5, Some(at(1_000)), at(5_000), false),
            // The jump makes good for two seconds.
            (5, Some(at(1_000)), at(998), false),
            (5, Some(at(1_000)), at(997), true),
            (5, Some(at(1_000)), Duration::ZERO, true),
            // Restored again and again within a moment: numbers run ahead of the clock, but nothing is wrong with it.
            (550_000_000, Some(at(1_000)), at(1_000), false),
            (5, None, at(1_000), false),
            (5, None, Duration::ZERO, true),
            // The numbering begins with this very moment.
            (5, None, at(0), false),
            (5, None, NUMBERING_BEGINS - Duration::from_nanos(1), true),
            (600_000_000, None, at(1_000), true),
        ] {
            let clock = copy_made_at(saved_at, now);
            assert_eq!(saved(next_number).is_ahead_of(clock), is_behind, "{next_number} {clock:?}");
        }
    }

    #[test]
    fn the_end_of_the_servers_random_is_no_part_of_the_name() {
        let name = |at: usize| {
            let mut randoms = [7; 64];
            randoms[at] = 8;
            AssociationName::of(&randoms)
        };
        // Every server of both versions has the same end: RFC 8446 section 4.1.3.
        assert!((56..64).all(|at| name(at) == AssociationName::of(&[7; 64])));
        assert!((48..56).all(|at| name(at) != AssociationName::of(&[7; 64])));
    }

    #[test]
    fn used_up_numbers_are_an_error_and_no_wrap() {
        let never = copy_made_at(None, Duration::ZERO);
        assert!(saved(RECORD_NUMBER_LIMIT - JUMP).number_after_restore(never).is_err());
        assert!(saved(0).number_after_restore(copy_made_at(None, Duration::MAX)).is_err());
        assert!(saved(0).number_after_restore(copy_made_at(Some(Duration::MAX), at(0))).is_err());
        assert!(saved(u64::MAX).number_after_restore(never).is_err());
        assert!(saved(RECORD_NUMBER_LIMIT).check().is_err());
    }

    #[test]
    fn only_suites_whose_nonces_are_the_record_numbers_cannot_go_on() {
        for &suite in Suite::all() {
            let result = SavedDtls12 { suite, ..saved(5) }.check();
            let is_chacha = suite.openssl_name().ends_with("CHACHA20-POLY1305");
            assert_eq!(result, if is_chacha { Err(Unrestorable::Suite(suite)) } else { Ok(()) }, "{}", suite.name());
        }
    }
}
