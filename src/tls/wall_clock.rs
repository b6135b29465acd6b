//! The time of day, for what goes from process to process: sessions and tickets.

use std::time::{Duration, Instant};

/// Reads Unix time off a clock that only counts: both were read once, at the same moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WallClock {
    at: Instant,
    unix: Duration,
}

impl WallClock {
    /// `unix`: what the time of day is `at` this moment.
    pub(crate) fn new(at: Instant, unix: Duration) -> WallClock {
        WallClock { at, unix }
    }

    /// Seconds since 1970.
    pub(crate) fn seconds(&self, now: Instant) -> u64 {
        (self.unix + now.saturating_duration_since(self.at)).as_secs()
    }
}
