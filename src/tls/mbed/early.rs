//! Records of the epoch that a handshake is about to begin, which came before it was ready for them.

use super::ffi::config::Role;
use super::ffi::ssl::Ssl;
use crate::wire::{ContentType, OwnedRecord, Record};
use mbedtls_sys as sys;
use std::collections::VecDeque;

/// Records that are kept at most; the oldest gives way.
const RECORD_LIMIT: usize = 8;

/// Bytes in all these records together, at most.
const BYTES_LIMIT: usize = 16 * 1024;

/// The peer's Finished, and application data behind it, in the order in which they came.
#[derive(Default)]
pub(super) struct EarlyRecords {
    records: VecDeque<OwnedRecord>,
    /// Those of them that have turned out to be authentic, and something else than Finished.
    others: Vec<OwnedRecord>,
}

impl EarlyRecords {
    pub(super) fn keep(&mut self, record: &Record<'_>) {
        self.records.push_back(record.keep());
        while self.records.len() + self.others.len() > RECORD_LIMIT || self.bytes() > BYTES_LIMIT {
            if self.records.pop_front().is_none() {
                self.others.clear();
            }
        }
    }

    fn bytes(&self) -> usize {
        self.records.iter().chain(&self.others).map(|record| record.bytes.len()).sum()
    }

    /// The first record that can be the Finished message which the engine waits for; most that cannot need not be
    /// tried.
    pub(super) fn take_finished(&mut self, ssl: &Ssl) -> Option<OwnedRecord> {
        let awaited = match ssl.role() {
            Role::Server => sys::SSL_CLIENT_FINISHED,
            Role::Client => sys::SSL_SERVER_FINISHED,
        };
        if ssl.state() != awaited {
            return None;
        }
        let lengths = ssl.finished_lengths()?;
        let can_be_finished = |record: &OwnedRecord| {
            let record = record.borrow();
            // What a record with a connection ID is, only its plaintext says.
            let may_be = matches!(record.content_type, ContentType::Handshake | ContentType::Tls12Cid);
            may_be && lengths.contains(&record.fragment().len())
        };
        self.records.remove(self.records.iter().position(can_be_finished)?)
    }

    /// Keeps a record that was taken, and was not Finished, for the time after the handshake.
    pub(super) fn put_aside(&mut self, record: Option<OwnedRecord>) {
        self.others.extend(record);
    }

    pub(super) fn into_records(self) -> VecDeque<OwnedRecord> {
        self.others.into_iter().chain(self.records).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Records;

    fn record(number: u8, length: u16) -> OwnedRecord {
        let [high, low] = length.to_be_bytes();
        let mut bytes = vec![23, 254, 253, 0, 1, 0, 0, 0, 0, 0, number, high, low];
        bytes.resize(13 + usize::from(length), number);
        Records::new(&bytes).next().unwrap().keep()
    }

    /// Numbers of the records that are kept when so many of this length have come.
    fn kept(count: u8, length: u16) -> Vec<u8> {
        let mut early = EarlyRecords::default();
        (0..count).for_each(|number| early.keep(&record(number, length).borrow()));
        early.into_records().iter().map(|record| record.bytes[10]).collect()
    }

    #[test]
    fn few_are_kept_and_the_oldest_give_way() {
        assert_eq!(kept(3, 10), [0, 1, 2]);
        assert_eq!(kept(100, 10), [92, 93, 94, 95, 96, 97, 98, 99]);
        assert_eq!(kept(5, 6000), [3, 4]);
        let half = (BYTES_LIMIT / 2 - 13) as u16;
        assert_eq!((kept(2, half), kept(2, half + 1)), (vec![0, 1], vec![1]));
    }

    #[test]
    fn those_that_were_put_aside_count_as_well() {
        let mut early = EarlyRecords::default();
        (0..7).for_each(|number| early.put_aside(Some(record(number, 10))));
        (7..20).for_each(|number| early.keep(&record(number, 10).borrow()));
        assert_eq!(early.into_records().len(), RECORD_LIMIT);
    }

    #[test]
    fn what_was_put_aside_gives_way_last_and_all_at_once() {
        let mut early = EarlyRecords::default();
        (0..3).for_each(|number| early.put_aside(Some(record(number, 6000))));
        early.put_aside(None);
        early.keep(&record(3, 10).borrow());
        assert!(early.into_records().is_empty());
    }
}
