//! Handshake steps for other threads: a connection's context is lent with the records that wait for it, and taken back.

use super::{Endpoint, Pending};
use crate::proto::connection::{CloseReason, Step};
use crate::proto::jobs::{Job, JobDone};
use crate::proto::prefix::Prefix;
use crate::proto::table::ConnectionHandle;
use crate::tls::{Error, ErrorKind};
use std::time::Instant;

impl Endpoint {
    /// From now on, steps of new handshakes that compute with public keys leave as jobs, at most so many at a time.
    pub(crate) fn offer_jobs(&mut self, limit: usize) {
        self.jobs.limit = limit;
    }

    /// The next step for another thread, which runs it and hands it to [`Endpoint::handle_job`]. Poll after every input.
    pub(crate) fn poll_job(&mut self, now: Instant) -> Option<Job> {
        while self.jobs.has_room() {
            let handle = self.jobs.next()?;
            let lent = self.connections.get_mut(&handle).and_then(|entry| entry.connection.lend());
            if let Some((context, records)) = lent {
                self.jobs.out += 1;
                self.counters.jobs_started += 1;
                return Some(Job { connection: handle, context, records, now });
            }
        }
        None
    }

    /// Goes on where a job has ended. It is of no effect when its connection is gone.
    pub(crate) fn handle_job(&mut self, now: Instant, done: JobDone) {
        let JobDone { connection: handle, context, progress, mut outbox, records, now: then } = done;
        self.jobs.out = self.jobs.out.saturating_sub(1);
        let Some(entry) = self.connections.get_mut(&handle) else {
            return;
        };
        let took = now.saturating_duration_since(then);
        std::mem::swap(&mut self.scratch.outbox, &mut outbox);
        let Some(step) = entry.connection.take_back(now, context, progress, records, took, &mut self.scratch) else {
            self.scratch.outbox.clear();
            return;
        };
        entry.pending = Pending::Nothing;
        self.apply(now, handle, step);
    }

    /// A job will not come back: the thread that ran it has failed.
    pub(crate) fn handle_lost_job(&mut self, now: Instant, handle: ConnectionHandle) {
        self.jobs.out = self.jobs.out.saturating_sub(1);
        if self.connections.get(&handle).is_some_and(|entry| entry.connection.is_lent()) {
            let error = Error::new(ErrorKind::Internal, "The thread that took the handshake's next step has failed");
            self.apply(now, handle, Step::Ended(CloseReason::Error(error)));
        }
    }

    /// A handshake has come to a step for another thread.
    pub(super) fn line_up(&mut self, handle: ConnectionHandle) {
        if let Some(entry) = self.connections.get_mut(&handle) {
            if !self.jobs.has_room() {
                entry.connection.rest();
            }
            entry.pending = Pending::Job(self.jobs.line_up(handle, Prefix::of(entry.remote.ip())));
        }
    }
}
