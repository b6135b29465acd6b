//! How often something may happen: so often at once, and so often in the long run.

use std::time::{Duration, Instant};

/// A token bucket, told by one moment: when it will be full again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    full_at: Instant,
}

/// What a [`Rate`] is measured by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// At once.
    pub(super) burst: u32,
    /// Between two, in the long run.
    pub(super) interval: Duration,
}

impl Rate {
    pub(super) fn new(now: Instant) -> Rate {
        Rate { full_at: now }
    }

    /// Whether it may happen now. Then it has.
    pub(super) fn take(&mut self, now: Instant, pace: Pace) -> bool {
        let may = self.allows(now, pace);
        if may {
            self.charge(pace);
        }
        may
    }

    /// Whether it may happen now.
    pub(super) fn allows(&mut self, now: Instant, pace: Pace) -> bool {
        self.full_at = self.full_at.max(now);
        self.next(pace) <= now
    }

    /// It has happened, whether it might or not.
    pub(super) fn charge(&mut self, pace: Pace) {
        self.full_at += pace.interval;
    }

    /// When it may happen next; this may be over.
    pub(super) fn next(&self, Pace { burst, interval }: Pace) -> Instant {
        let room = interval * burst.saturating_sub(1);
        self.full_at.checked_sub(room).unwrap_or(self.full_at)
    }
}
