//! The time of day, for what outlives the process: saved connections, sessions, tickets.

use crate::proto::WallClock;
use std::time::{Duration, Instant, SystemTime};

/// Since 1970.
pub(super) fn unix_time() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// The time of day by the clock that the layers below are given, of which it is `now`.
pub(super) fn wall_clock(now: Instant) -> WallClock {
    WallClock::new(now, unix_time())
}
