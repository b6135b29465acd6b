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
