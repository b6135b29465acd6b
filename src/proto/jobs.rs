//! Handshake steps that other threads take, and the queue in which they wait for a thread.

use super::table::ConnectionHandle;
use crate::tls::{Context, Error, Outbox, Progress, Reaction};
use crate::wire::OwnedRecord;
use std::collections::BTreeMap;
use std::time::Instant;

/// A place in the queue; first come, first served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// The queue of one endpoint.
#[derive(Default)]
pub(super) struct Jobs {
    /// Jobs that may be out at a time; none where steps are taken on the spot.
    pub(super) limit: usize,
    pub(super) out: usize,
    waiting: BTreeMap<Ticket, ConnectionHandle>,
    last_ticket: u64,
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
            match context.handle_record(now, &record.borrow(), &mut [], &mut outbox) {
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

    pub(super) fn line_up(&mut self, handle: ConnectionHandle) -> Ticket {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.waiting.insert(ticket, handle);
        ticket
    }

    /// The connection whose turn it is.
    pub(super) fn next(&mut self) -> Option<ConnectionHandle> {
        self.waiting.pop_first().map(|(_, handle)| handle)
    }

    /// The ticket's connection is gone. When its job has left already, that is found out when it comes back.
    pub(super) fn give_up(&mut self, ticket: Ticket) {
        self.waiting.remove(&ticket);
    }

    /// Jobs that wait to leave.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}
