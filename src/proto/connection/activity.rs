//! When something last happened on an open connection, and what follows from silence.

use crate::proto::limits::{FRESH_HIBERNATES_AFTER, Limits};
use std::time::Instant;

pub(super) struct Activity {
    /// The last authentic record.
    heard: Instant,
    /// The last record either way.
    last: Instant,
    /// Nothing has come or gone since the connection was opened.
    is_fresh: bool,
}

impl Activity {
    pub(super) fn begin(now: Instant) -> Activity {
        Activity { heard: now, last: now, is_fresh: true }
    }

    /// An authentic record came.
    pub(super) fn heard(&mut self, now: Instant) {
        *self = Activity { heard: now, last: now, is_fresh: false };
    }

    /// When the last authentic record came.
    pub(super) fn last_heard(&self) -> Instant {
        self.heard
    }

    /// Records that nobody authenticated have woken it.
    pub(super) fn disturbed(&mut self, now: Instant) {
        self.last = now;
    }

    /// A payload went.
    pub(super) fn sent(&mut self, now: Instant) {
        self.last = now;
        self.is_fresh = false;
    }

    /// Whether nothing authentic was heard for the idle timeout.
    pub(super) fn is_idle(&self, now: Instant, limits: &Limits) -> bool {
        limits.idle_timeout.is_some_and(|timeout| now >= self.heard + timeout)
    }

    /// When a connection that is awake goes to sleep; `None` when it never does.
    pub(super) fn bedtime(&self, limits: &Limits) -> Option<Instant> {
        let quiet = limits.hibernate_after?;
        // A connection that is silent from the start will be for longer: a crowd that only connects must not stay awake.
        Some(self.last + if self.is_fresh { quiet.min(FRESH_HIBERNATES_AFTER) } else { quiet })
    }

    /// When the connection is idle, or goes to sleep if it has not done so yet.
    pub(super) fn deadline(&self, limits: &Limits, is_asleep: bool) -> Option<Instant> {
        let idle = limits.idle_timeout.map(|timeout| self.heard + timeout);
        let bedtime = self.bedtime(limits).filter(|_| !is_asleep);
        idle.into_iter().chain(bedtime).min()
    }
}
