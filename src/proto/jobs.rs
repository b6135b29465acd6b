//! Handshake steps for other threads: a context leaves with the records that wait for it, and comes back.

use super::connection::{Connection, ConnectionHandle, HeldRecords, Phase, Stint, WaitingFor};
use super::endpoint::Endpoint;
use super::output::CloseReason;
use crate::tls::{Context, Error, ErrorKind, Outbox, Progress};
use crate::wire::{OwnedRecord, Record};
use std::collections::BTreeMap;
use std::time::Instant;

/// A place in the queue of steps; first come, first served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// The steps of an endpoint's handshakes that other threads take.
#[derive(Default)]
pub(super) struct Jobs {
    /// That may be out at a time; none for steps that are taken on the spot.
    limit: usize,
    out: usize,
    waiting: BTreeMap<Ticket, ConnectionHandle>,
    last_ticket: u64,
}

/// One handshake's next step, and what there is for the steps behind it. May run on any thread.
pub(crate) struct Job {
    connection: ConnectionHandle,
    context: Context,
    records: Vec<OwnedRecord>,
    now: Instant,
}

/// A job that was run: for [`Endpoint::handle_job`].
pub(crate) struct JobDone {
    connection: ConnectionHandle,
    context: Context,
    progress: Result<Progress, Error>,
    outbox: Outbox,
    /// What the handshake has not read.
    records: Vec<OwnedRecord>,
    /// As of which the steps were taken.
    now: Instant,
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
            progress = drive(&mut context, now, &record.borrow(), &mut outbox);
        }
        context.pause(true);
        JobDone { connection, context, progress, outbox, records: records.collect(), now }
    }
}

/// Gives a handshake a record of epoch 0, which is well-formed, or 1.
pub(super) fn drive(
    context: &mut Context,
    now: Instant,
    record: &Record<'_>,
    out: &mut Outbox,
) -> Result<Progress, Error> {
    match record.epoch {
        0 => context.handle_record(now, record.bytes, out),
        _ => context.handle_early_record(now, record, out),
    }
}

impl Jobs {
    pub(super) fn are_wanted(&self) -> bool {
        self.limit != 0
    }

    /// That wait to leave.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Its connection is gone. When it has left already, it will find that out when it comes back.
    pub(super) fn give_up(&mut self, ticket: Ticket) {
        self.waiting.remove(&ticket);
    }
}

impl Endpoint {
    /// From now on, steps of new handshakes that compute with public keys leave as jobs, at most so many at a time.
    pub(crate) fn offer_jobs(&mut self, limit: usize) {
        self.jobs.limit = limit;
    }

    /// The next step for another thread, which runs it and hands it to [`Endpoint::handle_job`]. Poll after every input.
    pub(crate) fn poll_job(&mut self, now: Instant) -> Option<Job> {
        while self.jobs.out < self.jobs.limit {
            let (_, handle) = self.jobs.waiting.pop_first()?;
            if let Some(job) = self.lend(now, handle) {
                self.jobs.out += 1;
                self.counters.jobs_started += 1;
                return Some(job);
            }
        }
        None
    }

    /// Goes on where a job has ended. It is of no effect when its connection is gone.
    pub(crate) fn handle_job(&mut self, now: Instant, done: JobDone) {
        let JobDone { connection: handle, context, progress, mut outbox, records, now: then } = done;
        self.jobs.out = self.jobs.out.saturating_sub(1);
        let Some(held) = self.take_back(handle, context) else {
            return;
        };
        if let Some(connection) = self.connections.get_mut(&handle) {
            connection.context.delay(now.saturating_duration_since(then));
        }
        std::mem::swap(&mut self.outbox, &mut outbox);
        self.advance(now, handle, progress);
        self.release(now, handle, records);
        self.release(now, handle, held.into_records());
    }

    /// A job will not come back: the thread that ran it has failed.
    pub(crate) fn handle_lost_job(&mut self, handle: ConnectionHandle) {
        self.jobs.out = self.jobs.out.saturating_sub(1);
        let is_lent = self.connections.get_mut(&handle).and_then(lent_stint).is_some();
        if is_lent {
            let error = Error::new(ErrorKind::Internal, "The thread that took the handshake's next step has failed");
            self.remove(handle, CloseReason::Error(error));
        }
    }

    /// A handshake has come to a step for another thread.
    pub(super) fn line_up(&mut self, handle: ConnectionHandle) {
        self.jobs.last_ticket += 1;
        let ticket = Ticket(self.jobs.last_ticket);
        if let Some(Phase::Handshaking { waiting_for, .. }) = self.connections.get_mut(&handle).map(|it| &mut it.phase)
        {
            *waiting_for = WaitingFor::Worker(Stint { ticket, is_lent: false, held: HeldRecords::default() });
            self.jobs.waiting.insert(ticket, handle);
        }
    }

    fn lend(&mut self, now: Instant, handle: ConnectionHandle) -> Option<Job> {
        let connection = self.connections.get_mut(&handle)?;
        let Phase::Handshaking { waiting_for: WaitingFor::Worker(stint), .. } = &mut connection.phase else {
            return None;
        };
        stint.is_lent = true;
        let records = std::mem::take(&mut stint.held).into_records();
        Some(Job { connection: handle, context: connection.context.lend(), records, now })
    }

    /// Puts a context back where it was. `None` when its place is gone.
    fn take_back(&mut self, handle: ConnectionHandle, context: Context) -> Option<HeldRecords> {
        let connection = self.connections.get_mut(&handle)?;
        let held = std::mem::take(&mut lent_stint(connection)?.held);
        connection.context = context;
        if let Phase::Handshaking { waiting_for, .. } = &mut connection.phase {
            *waiting_for = WaitingFor::Peer;
        }
        Some(held)
    }
}

fn lent_stint(connection: &mut Connection) -> Option<&mut Stint> {
    match &mut connection.phase {
        Phase::Handshaking { waiting_for: WaitingFor::Worker(stint), .. } if stint.is_lent => Some(stint),
        _ => None,
    }
}
