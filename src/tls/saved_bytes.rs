//! A saved connection as bytes, for those that travel by the thousand. Whoever reads them has authenticated them before, and
//! every length is checked all the same.

use super::connection_ids::ConnectionIds;
use super::master_secret::MasterSecret;
use super::saved::{ReplayWindow, SavedDtls12, SessionId};
use super::suites::Suite;
use crate::wire::{ConnectionId, MaxFragmentLength};
use zeroize::Zeroizing;

/// The bytes of a record number: 48 bits (RFC 6347 section 4.1).
const NUMBER_LENGTH: usize = 6;

const ENCRYPT_THEN_MAC: u8 = 1;
/// Whether it has an extended master secret is known.
const KNOWS_EXTENDED_MASTER_SECRET: u8 = 2;
const EXTENDED_MASTER_SECRET: u8 = 4;
const HAS_REPLAY_WINDOW: u8 = 8;
const HAS_CONNECTION_IDS: u8 = 16;
const CHECKS_ROUTABILITY: u8 = 32;
const IS_CLIENT: u8 = 64;
const FLAGS: u8 = (IS_CLIENT << 1) - 1;

impl SavedDtls12 {
    /// Writes it behind what is there. The epoch is the one that data flows in, which [`SavedDtls12::check`] sees to.
    pub(crate) fn write_to(&self, out: &mut Vec<u8>) {
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let flags = flag(self.encrypt_then_mac, ENCRYPT_THEN_MAC)
            | flag(self.extended_master_secret.is_some(), KNOWS_EXTENDED_MASTER_SECRET)
            | flag(self.extended_master_secret == Some(true), EXTENDED_MASTER_SECRET)
            | flag(self.replay_window.is_some(), HAS_REPLAY_WINDOW)
            | flag(self.connection_ids.is_some(), HAS_CONNECTION_IDS)
            | flag(self.connection_ids.as_ref().is_some_and(ConnectionIds::checks_routability), CHECKS_ROUTABILITY)
            | flag(self.is_client, IS_CLIENT);
        out.extend_from_slice(&self.suite.id().to_be_bytes());
        out.push(flags);
        out.push(self.max_fragment_length.map_or(0, MaxFragmentLength::code));
        write_number(self.next_number, out);
        if let Some(ReplayWindow { top, seen }) = self.replay_window {
            write_number(top, out);
            out.extend_from_slice(&seen.to_be_bytes());
        }
        write_short(self.session_id.as_bytes(), out);
        if let Some(ids) = &self.connection_ids {
            write_short(ids.own(), out);
            write_short(ids.peer(), out);
        }
        out.extend_from_slice(&*self.master_secret);
        out.extend_from_slice(&*self.randoms);
    }

    /// What [`SavedDtls12::write_to`] has written, and nothing behind it; `None` for anything else.
    pub(crate) fn read(bytes: &[u8]) -> Option<SavedDtls12> {
        let mut rest = Rest(bytes);
        let suite = Suite::from_id(u16::from_be_bytes(*rest.take()?))?;
        let &[flags, max_fragment_length] = rest.take()?;
        if flags & !FLAGS != 0 {
            return None;
        }
        let next_number = rest.number()?;
        let replay_window = match flags & HAS_REPLAY_WINDOW {
            0 => None,
            _ => Some(ReplayWindow { top: rest.number()?, seen: u64::from_be_bytes(*rest.take()?) }),
        };
        let session_id = SessionId::new(rest.short()?)?;
        let checks_routability = flags & CHECKS_ROUTABILITY != 0;
        let connection_ids = match flags & HAS_CONNECTION_IDS {
            0 => None,
            _ => {
                let (own, peer) = (ConnectionId::new(rest.short()?)?, ConnectionId::new(rest.short()?)?);
                Some(ConnectionIds::new(&own, &peer, checks_routability))
            }
        };
        let master_secret = MasterSecret::from(rest.take()?);
        let randoms = Zeroizing::new(*rest.take()?);
        let max_fragment_length = match max_fragment_length {
            0 => None,
            code => Some(MaxFragmentLength::from_code(code)?),
        };
        let extended_master_secret =
            (flags & KNOWS_EXTENDED_MASTER_SECRET != 0).then_some(flags & EXTENDED_MASTER_SECRET != 0);
        rest.0.is_empty().then_some(SavedDtls12 {
            suite,
            is_client: flags & IS_CLIENT != 0,
            randoms,
            session_id,
            master_secret,
            epoch: SavedDtls12::EPOCH,
            next_number,
            replay_window,
            max_fragment_length,
            encrypt_then_mac: flags & ENCRYPT_THEN_MAC != 0,
            extended_master_secret,
            connection_ids,
        })
    }
}

fn write_number(number: u64, out: &mut Vec<u8>) {
    let bytes = number.to_be_bytes();
    out.extend_from_slice(bytes.last_chunk::<NUMBER_LENGTH>().unwrap_or(&[0; NUMBER_LENGTH]));
}

/// A length that a byte holds, and so many bytes.
fn write_short(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(u8::try_from(bytes.len()).unwrap_or_default());
    out.extend_from_slice(bytes);
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn short(&mut self) -> Option<&'a [u8]> {
        let &[length] = self.take()?;
        self.bytes(length.into())
    }

    fn take<const LENGTH: usize>(&mut self) -> Option<&'a [u8; LENGTH]> {
        self.bytes(LENGTH)?.try_into().ok()
    }

    fn number(&mut self) -> Option<u64> {
        let bytes: &[u8; NUMBER_LENGTH] = self.take()?;
        Some(bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection_id(length: u8) -> ConnectionId {
        ConnectionId::new(&vec![3; length.into()]).unwrap()
    }

    fn saved() -> SavedDtls12 {
        SavedDtls12 {
            suite: Suite::from_name("PSK-AES128-CCM8").unwrap(),
            is_client: false,
            randoms: Zeroizing::new(std::array::from_fn(|index| index as u8)),
            session_id: SessionId::new(&[7; 32]).unwrap(),
            master_secret: MasterSecret::from(&[9; 48]),
            epoch: 1,
            next_number: 0x0102_0304_0506,
            replay_window: Some(ReplayWindow { top: 0xffff_ffff_ffff, seen: u64::MAX - 1 }),
            max_fragment_length: MaxFragmentLength::from_bytes(1024),
            encrypt_then_mac: true,
            extended_master_secret: Some(true),
            connection_ids: Some(ConnectionIds::new(&connection_id(8), &connection_id(0), true)),
        }
    }

    fn bytes(saved: &SavedDtls12) -> Vec<u8> {
        let mut bytes = Vec::new();
        saved.write_to(&mut bytes);
        bytes
    }

    #[test]
    fn what_was_written_is_read_again() {
        let plain = SavedDtls12 {
            session_id: SessionId::default(),
            replay_window: None,
            max_fragment_length: None,
            encrypt_then_mac: false,
            extended_master_secret: None,
            connection_ids: None,
            ..saved()
        };
        let known = SavedDtls12 { extended_master_secret: Some(false), is_client: true, ..plain.clone() };
        let unchecked = SavedDtls12 {
            connection_ids: Some(ConnectionIds::new(&connection_id(2), &connection_id(3), false)),
            ..saved()
        };
        for saved in [saved(), plain, known, unchecked] {
            let read = SavedDtls12::read(&bytes(&saved)).unwrap();
            assert_eq!(bytes(&read), bytes(&saved));
            assert_eq!((read.epoch, read.is_client), (saved.epoch, saved.is_client));
            assert_eq!(read.extended_master_secret, saved.extended_master_secret);
            assert_eq!(read.connection_ids, saved.connection_ids);
        }
    }

    /// Copies live longer than the program that has made them.
    #[test]
    fn the_form_is_that_of_the_copies_that_there_are() {
        let randoms: Vec<u8> = (0..64).collect();
        let expected = [
            &[0xc0, 0xa8, 1 | 2 | 4 | 8 | 16 | 32, 2][..],
            &[1, 2, 3, 4, 5, 6],
            &[0xff; 6],
            &(u64::MAX - 1).to_be_bytes(),
            &[32],
            &[7; 32],
            &[8],
            &[3; 8],
            &[0],
            &[9; 48],
            &randoms,
        ];
        assert_eq!(bytes(&saved()), expected.concat());
        let client = SavedDtls12 {
            is_client: true,
            session_id: SessionId::default(),
            replay_window: None,
            max_fragment_length: None,
            encrypt_then_mac: false,
            extended_master_secret: Some(false),
            connection_ids: None,
            ..saved()
        };
        let expected = [&[0xc0, 0xa8, 2 | 64, 0][..], &[1, 2, 3, 4, 5, 6], &[0], &[9; 48], &randoms];
        assert_eq!(bytes(&client), expected.concat());
    }

    #[test]
    fn other_lengths_flags_suites_and_codes_are_refused() {
        let whole = bytes(&saved());
        for length in 0..whole.len() {
            assert!(SavedDtls12::read(&whole[..length]).is_none(), "{length}");
        }
        assert!(SavedDtls12::read(&[&whole[..], &[0]].concat()).is_none());
        for (at, value) in [(0, 0xee), (2, 0xf0), (3, 5), (24, 33)] {
            let mut other = whole.clone();
            other[at] = value;
            assert!(SavedDtls12::read(&other).is_none(), "{at}");
        }
    }
}
