//! What a peer can make us keep, and how long. Defaults are in `lib/options/defaults.js`, where the user meets them.

use super::rate::Pace;
use std::time::{Duration, Instant};

/// Limits of an endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// From the start of a handshake to its end.
    pub(crate) handshake_timeout: Duration,
    /// From a handshake's last progress to its end, while more than half of `handshakes` are there.
    pub(crate) stalled_handshake_timeout: Duration,
    /// From the last authentic record to the close; `None` for ever.
    pub(crate) idle_timeout: Option<Duration>,
    /// From the last record, either way, until the engine's memory is given back; `None` for never.
    pub(crate) hibernate_after: Option<Duration>,
    /// Unfinished handshakes at a time.
    pub(crate) handshakes: usize,
    /// Unfinished handshakes at a time from one prefix.
    pub(crate) handshakes_per_address: u32,
    /// Connections at a time, unfinished handshakes included.
    pub(crate) connections: usize,
    /// Whether a connection that is one too many ends the one that has been silent longest, in place of finding no room.
    /// Handshakes then have their own limit alone.
    pub(crate) evicts_idle: bool,
    /// The same from one prefix; `None` for no limit.
    pub(crate) connections_per_address: Option<u32>,
    /// Open questions about addresses at a time.
    pub(crate) address_questions: usize,
    /// Questions about addresses a second, in the long run.
    pub(crate) address_questions_per_second: u32,
}

impl Limits {
    /// How often the application is asked about addresses.
    pub(super) fn address_question_pace(&self) -> Pace {
        let interval = Duration::from_secs(1) / self.address_questions_per_second.max(1);
        Pace { burst: u32::try_from(self.address_questions).unwrap_or(u32::MAX), interval }
    }

    /// Whether so many handshakes are so many that each gets less time.
    pub(super) fn are_pressing(&self, handshakes: usize) -> bool {
        handshakes > self.handshakes / 2
    }
}

/// Connections whose timers are looked at in one go; the others come next, after whatever else has happened.
pub(super) const TIMEOUTS_PER_CALL: usize = 256;

/// Quiet time after which an open connection goes to sleep, at most, as long as nothing has come or gone on it.
pub(super) const FRESH_HIBERNATES_AFTER: Duration = Duration::from_millis(500);

/// Connections that have gone to sleep since memory was last given back to the system: some 1 MB.
const SLEEPERS_PER_RELEASE: usize = 256;

/// The same, when nobody else is about to.
const SLEEPERS_PER_QUIET_RELEASE: usize = 32;

/// Nothing is due for as long: then the endpoint is quiet.
pub(super) const QUIET: Duration = Duration::from_secs(1);

/// Whether so many are enough to give memory back. `next`: what is due next, if anything is.
pub(super) fn are_worth_a_release(sleepers: usize, now: Instant, next: Option<Instant>) -> bool {
    let is_quiet = next.is_none_or(|next| next > now + QUIET);
    sleepers >= if is_quiet { SLEEPERS_PER_QUIET_RELEASE } else { SLEEPERS_PER_RELEASE }
}

/// Bytes of memory for records that are held for an address whose connection the application is asked about.
pub(super) const HELD_BYTES_LIMIT: usize = 16 * 1024;

/// Hellos in fragments that are kept for addresses which have not proved themselves, at a time: some 1 MiB, because each has 8192
/// bytes at most (`UNPROVEN_HELLO_LIMIT`).
pub(super) const UNPROVEN_HELLOS: usize = 128;

/// How long each of them may lack a fragment: a client that has lost one repeats them all before.
pub(super) const UNPROVEN_HELLO_LIFETIME: Duration = Duration::from_secs(5);

/// Bytes of memory for records that a handshake holds while it waits for the application, or for a thread: a server's flight with two
/// messages of the longest kind, its chain and its list of authorities, in fragments.
pub(super) const FLIGHT_BYTES_LIMIT: usize = 40 * 1024;

/// Records of one datagram that were of no use, after which its others are not looked at.
pub(super) const USELESS_RECORDS_PER_DATAGRAM: usize = 64;

/// How often a server sends a flight because a hello comes again: as often as an honest client asks for it, who doubles
/// its interval (RFC 6347 section 4.2.4.1), and no more often for somebody who replays one.
pub(super) const REPEATED_HELLOS: Pace = Pace { burst: 2, interval: Duration::from_secs(2) };
