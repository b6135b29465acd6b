//! Handshake steps that other threads take, and the queue in which they wait for a thread.

use super::prefix::Prefix;
use super::table::ConnectionHandle;
use crate::tls::{Context, Error, Outbox, Progress, Reaction};
use crate::wire::OwnedRecord;
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;
use zeroize::Zeroizing;

/// A place in the queue: each prefix has one in each round, and in a round who came first is served first. So nobody waits
/// behind all the handshakes of somebody who begins many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket {
    round: u64,
    number: u64,
}

/// What waits from one prefix.
#[derive(Default)]
struct Line {
    length: usize,
    last_round: u64,
}

/// The queue of one endpoint.
#[derive(Default)]
pub(super) struct Jobs {
    /// Jobs that may be out at a time; none where steps are taken on the spot.
    pub(super) limit: usize,
    pub(super) out: usize,
    waiting: BTreeMap<Ticket, (ConnectionHandle, Prefix)>,
    lines: HashMap<Prefix, Line>,
    /// The round that is being served.
    round: u64,
    last_number: u64,
}

/// One handshake's next step, and what there is for the steps behind it. May run on any thread.
pub(crate) struct Job {
    pub(super) connection: ConnectionHandle,
    pub(super) context: Context,
    pub(super) records: Vec<OwnedRecord>,
    pub(super) now: Instant,
}

/// A job that was run: for [`super::Endpoint::handle_job`].
pub(crate) struct JobDone {
    pub(super) connection: ConnectionHandle,
    pub(super) context: Context,
    pub(super) progress: Result<Progress, Error>,
    pub(super) outbox: Outbox,
    /// What the handshake has not read.
    pub(super) records: Vec<OwnedRecord>,
    /// The time as of which the steps were taken.
    pub(super) now: Instant,
}

impl Job {
    pub(crate) fn connection(&self) -> ConnectionHandle {
        self.connection
    }

    /// Takes the step, and goes on with the records as far as they lead.
    pub(crate) fn run(self) -> JobDone {
        let Job { connection, mut context, records, now } = self;
        let mut outbox = Outbox::default();
        let mut records = records.into_iter();
        // Two steps of one flight are one job.
        context.pause(false);
        let mut progress = context.compute(now, &mut outbox);
        while matches!(progress, Ok(Progress::Waiting))
            && let Some(record) = records.next()
        {
            let mut room = Zeroizing::new(vec![0; record.bytes.len()]);
            match context.handle_record(now, &record.borrow(), &mut room, &mut outbox) {
                Ok(Reaction::Handshake(further)) => progress = Ok(further),
                // Of no use to the handshake.
                Ok(Reaction::Record(_)) => {}
                Err(error) => progress = Err(error),
            }
        }
        context.pause(true);
        JobDone { connection, context, progress, outbox, records: records.collect(), now }
    }
}

impl Jobs {
    /// Whether handshakes are to pause before steps for other threads.
    pub(super) fn are_wanted(&self) -> bool {
        self.limit != 0
    }

    /// Whether one more may leave.
    pub(super) fn has_room(&self) -> bool {
        self.out < self.limit
    }

    pub(super) fn line_up(&mut self, handle: ConnectionHandle, prefix: Prefix) -> Ticket {
        self.last_number += 1;
        let line = self.lines.entry(prefix).or_default();
        let round = if line.length == 0 { self.round } else { self.round.max(line.last_round + 1) };
        line.length += 1;
        line.last_round = round;
        let ticket = Ticket { round, number: self.last_number };
        self.waiting.insert(ticket, (handle, prefix));
        ticket
    }

    /// The connection whose turn it is.
    pub(super) fn next(&mut self) -> Option<ConnectionHandle> {
        let (&ticket, _) = self.waiting.first_key_value()?;
        self.round = ticket.round;
        self.take(ticket)
    }

    /// The ticket's connection is gone. When its job has left already, that is found out when it comes back.
    pub(super) fn give_up(&mut self, ticket: Ticket) {
        self.take(ticket);
    }

    fn take(&mut self, ticket: Ticket) -> Option<ConnectionHandle> {
        let (handle, prefix) = self.waiting.remove(&ticket)?;
        if let Some(line) = self.lines.get_mut(&prefix) {
            line.length -= 1;
            if line.length == 0 {
                self.lines.remove(&prefix);
            }
        }
        Some(handle)
    }

    /// Jobs that wait to leave.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.lines.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn prefix(number: u32) -> Prefix {
        Prefix::V4(Ipv4Addr::from(number))
    }

    fn served(jobs: &mut Jobs) -> Vec<u32> {
        std::iter::from_fn(|| jobs.next().map(|ConnectionHandle(number)| number)).collect()
    }

    #[test]
    fn nobody_waits_behind_all_the_handshakes_of_one_prefix() {
        let mut jobs = Jobs::default();
        for number in 0..5 {
            jobs.line_up(ConnectionHandle(number), prefix(1));
        }
        jobs.line_up(ConnectionHandle(10), prefix(2));
        jobs.line_up(ConnectionHandle(11), prefix(2));
        jobs.line_up(ConnectionHandle(20), prefix(3));
        assert_eq!((jobs.next(), jobs.next()), (Some(ConnectionHandle(0)), Some(ConnectionHandle(10))));
        // Whoever comes in the middle of a round has a place in it.
        jobs.line_up(ConnectionHandle(30), prefix(4));
        assert_eq!(served(&mut jobs), [20, 30, 1, 11, 2, 3, 4]);
        assert_eq!(jobs.len(), 0);
    }

    #[test]
    fn whoever_has_been_served_has_its_next_place_behind_those_that_it_has_already() {
        let mut jobs = Jobs::default();
        for number in 0..3 {
            jobs.line_up(ConnectionHandle(number), prefix(1));
        }
        assert_eq!(jobs.next(), Some(ConnectionHandle(0)));
        jobs.line_up(ConnectionHandle(3), prefix(1));
        jobs.line_up(ConnectionHandle(10), prefix(2));
        assert_eq!(served(&mut jobs), [10, 1, 2, 3]);
    }

    #[test]
    fn within_a_prefix_who_came_first_is_served_first_and_who_gives_up_leaves_nothing_behind() {
        let mut jobs = Jobs::default();
        let tickets: Vec<_> = (0..6).map(|number| jobs.line_up(ConnectionHandle(number), prefix(number % 2))).collect();
        for ticket in [tickets[0], tickets[3], tickets[3]] {
            jobs.give_up(ticket);
        }
        assert_eq!(served(&mut jobs), [1, 2, 4, 5]);
        jobs.give_up(tickets[5]);
        assert_eq!(jobs.len(), 0);
        jobs.line_up(ConnectionHandle(7), prefix(0));
        assert_eq!(served(&mut jobs), [7]);
    }
}
