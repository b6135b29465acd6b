//! Records from addresses without a connection, held while the application is asked whose they are.

use super::deadlines::Deadlines;
use super::limits::HELD_BYTES_LIMIT;
use super::questions::QuestionId;
use crate::wire::{OwnedRecord, Record};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Instant;

/// What is held for one address.
pub(super) struct Unplaced {
    pub(super) remote: SocketAddr,
    /// The address that the connection had. It is `remote` as long as nobody says otherwise.
    pub(super) claimed: SocketAddr,
    pub(super) records: Vec<OwnedRecord>,
    deadline: Instant,
}

/// One question an address at most.
pub(super) struct UnplacedRecords {
    by_question: HashMap<QuestionId, Unplaced>,
    by_address: HashMap<SocketAddr, QuestionId>,
    deadlines: Deadlines<QuestionId>,
}

impl Default for UnplacedRecords {
    fn default() -> UnplacedRecords {
        UnplacedRecords { by_question: HashMap::new(), by_address: HashMap::new(), deadlines: Deadlines::new() }
    }
}

impl Unplaced {
    pub(super) fn new(remote: SocketAddr, record: &Record<'_>, deadline: Instant) -> Unplaced {
        Unplaced { remote, claimed: remote, records: vec![record.keep()], deadline }
    }

    fn hold(&mut self, record: &Record<'_>) -> bool {
        let held = self.records.iter().map(|held| held.bytes.len()).sum::<usize>();
        let fits = held + record.bytes.len() <= HELD_BYTES_LIMIT;
        if fits {
            self.records.push(record.keep());
        }
        fits
    }
}

impl UnplacedRecords {
    /// Addresses that are asked about.
    pub(super) fn len(&self) -> usize {
        self.by_question.len()
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    pub(super) fn is_asked_about(&self, remote: SocketAddr) -> bool {
        self.by_address.contains_key(&remote)
    }

    pub(super) fn insert(&mut self, question: QuestionId, unplaced: Unplaced) {
        self.deadlines.change(question, None, Some(unplaced.deadline));
        self.by_address.insert(unplaced.remote, question);
        self.by_question.insert(question, unplaced);
    }

    pub(super) fn remove(&mut self, question: QuestionId) -> Option<Unplaced> {
        let unplaced = self.by_question.remove(&question)?;
        self.deadlines.change(question, Some(unplaced.deadline), None);
        self.by_address.remove(&unplaced.remote);
        Some(unplaced)
    }

    /// Keeps one more record of an address that is asked about, as far as there is room.
    pub(super) fn hold(&mut self, remote: SocketAddr, record: &Record<'_>) -> bool {
        let question = self.by_address.get(&remote);
        let unplaced = question.and_then(|question| self.by_question.get_mut(question));
        unplaced.is_some_and(|unplaced| record.may_be_protected() && unplaced.hold(record))
    }

    /// A question whose time is over.
    pub(super) fn pop_expired(&mut self, now: Instant) -> Option<QuestionId> {
        let question = self.deadlines.pop_due(now)?;
        if let Some(unplaced) = self.by_question.remove(&question) {
            self.by_address.remove(&unplaced.remote);
        }
        Some(question)
    }
}
