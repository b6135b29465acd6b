//! Records from addresses without a connection, held while the application is asked whose they are, and before that until
//! it may be asked.

use super::deadlines::Deadlines;
use super::limits::{HELD_BYTES_LIMIT, Limits};
use super::prefix::Prefix;
use super::questions::{Question, QuestionId};
use super::rate::Rate;
use super::route::Route;
use super::waiting::{Turn, Waiting};
use crate::wire::{OwnedRecord, Record};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

/// What is held for one address.
pub(super) struct Unplaced {
    pub(super) remote: SocketAddr,
    /// The address of ours that was asked.
    pub(super) local: Option<IpAddr>,
    /// The address that the connection had. It is `remote` as long as nobody says otherwise.
    pub(super) claimed: SocketAddr,
    pub(super) records: Vec<OwnedRecord>,
    deadline: Instant,
}

/// One question an address at most.
pub(super) struct UnplacedRecords {
    by_question: HashMap<QuestionId, Unplaced>,
    by_address: HashMap<SocketAddr, Place>,
    deadlines: Deadlines<QuestionId>,
    waiting: Waiting<(Unplaced, Question)>,
    /// How often the application is asked; `None` before the first time.
    rate: Option<Rate>,
}

/// Where the records of an address are.
#[derive(Clone, Copy)]
enum Place {
    Asked(QuestionId),
    Waiting(Turn),
}

impl Default for UnplacedRecords {
    fn default() -> UnplacedRecords {
        UnplacedRecords {
            by_question: HashMap::new(),
            by_address: HashMap::new(),
            deadlines: Deadlines::new(),
            waiting: Waiting::new(),
            rate: None,
        }
    }
}

impl Unplaced {
    pub(super) fn new(route: Route, record: &Record<'_>, deadline: Instant) -> Unplaced {
        let Route { remote, local } = route;
        Unplaced { remote, local, claimed: remote, records: vec![record.keep()], deadline }
    }

    fn hold(&mut self, record: &Record<'_>) -> bool {
        let held = self.records.iter().map(|held| held.borrow().weight()).sum::<usize>();
        let fits = held + record.weight() <= HELD_BYTES_LIMIT;
        if fits {
            self.records.push(record.keep());
        }
        fits
    }
}

impl UnplacedRecords {
    /// What waits for the answer to a question.
    pub(super) fn get(&self, question: QuestionId) -> Option<&Unplaced> {
        self.by_question.get(&question)
    }

    /// Everything that is kept, counted.
    #[cfg(test)]
    pub(super) fn footprint(&self) -> usize {
        self.by_question.len() + self.by_address.len() + self.deadlines.len() + self.waiting.len()
    }

    /// When a question expires, or the next may be asked.
    pub(super) fn next_deadline(&self, limits: &Limits) -> Option<Instant> {
        let is_waiting = self.waiting.len() > 0 && self.by_question.len() < limits.address_questions;
        let next = self.rate.filter(|_| is_waiting).map(|rate| rate.next(limits.address_question_pace()));
        self.deadlines.next().into_iter().chain(next).min()
    }

    /// Lets an address wait for a question. Answers who gives way to it, which may be itself.
    pub(super) fn wait(&mut self, unplaced: Unplaced, question: Question, limits: &Limits) -> Option<Unplaced> {
        let remote = unplaced.remote;
        let turn = self.waiting.push(Prefix::of(remote.ip()), (unplaced, question));
        self.by_address.insert(remote, Place::Waiting(turn));
        if self.waiting.len() <= limits.address_questions {
            return None;
        }
        let (displaced, _) = self.waiting.displace()?;
        self.by_address.remove(&displaced.remote);
        Some(displaced)
    }

    /// The next question that may be asked now.
    pub(super) fn next(&mut self, now: Instant, limits: &Limits) -> Option<(Unplaced, Question)> {
        if self.by_question.len() >= limits.address_questions || self.waiting.len() == 0 {
            return None;
        }
        let rate = self.rate.get_or_insert_with(|| Rate::new(now));
        if !rate.allows(now, limits.address_question_pace()) {
            return None;
        }
        loop {
            let (unplaced, question) = self.waiting.pop()?;
            self.by_address.remove(&unplaced.remote);
            // Who has waited too long gets no answer in time.
            if unplaced.deadline > now {
                return Some((unplaced, question));
            }
        }
    }

    pub(super) fn is_asked_about(&self, remote: SocketAddr) -> bool {
        self.by_address.contains_key(&remote)
    }

    /// The application is asked this about an address.
    pub(super) fn insert(&mut self, question: QuestionId, unplaced: Unplaced, limits: &Limits) {
        if let Some(rate) = &mut self.rate {
            rate.charge(limits.address_question_pace());
        }
        self.deadlines.change(question, None, Some(unplaced.deadline));
        self.by_address.insert(unplaced.remote, Place::Asked(question));
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
        let unplaced = match self.by_address.get(&remote) {
            Some(Place::Asked(question)) => self.by_question.get_mut(question),
            Some(Place::Waiting(turn)) => self.waiting.get_mut(*turn).map(|(unplaced, _)| unplaced),
            None => None,
        };
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
