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
}

impl EarlyRecords {
    pub(super) fn keep(&mut self, record: &Record<'_>) {
        self.records.push_back(record.keep());
        while self.records.len() > RECORD_LIMIT || self.bytes() > BYTES_LIMIT {
            self.records.pop_front();
        }
    }

    fn bytes(&self) -> usize {
        self.records.iter().map(|record| record.bytes.len()).sum()
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
            record.content_type == ContentType::Handshake && lengths.contains(&record.fragment().len())
        };
        self.records.remove(self.records.iter().position(can_be_finished)?)
    }

    pub(super) fn into_records(self) -> VecDeque<OwnedRecord> {
        self.records
    }
}
