//! What has happened at an endpoint and on each of its connections, for operators and tests.

use super::connection::CloseReason;
use super::histogram::Histogram;
use crate::tls::{DropReason, ErrorKind};
use rustc_hash::FxHashMap;
use std::time::Duration;

/// Totals since the endpoint was made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) datagrams_received: u64,
    pub(crate) datagrams_sent: u64,
    /// Of those received, the ones that belong to other nodes.
    pub(crate) datagrams_forwarded: u64,
    /// Of those received, the ones that came through other nodes.
    pub(crate) datagrams_injected: u64,
    /// UDP payload.
    pub(crate) bytes_received: u64,
    pub(crate) bytes_sent: u64,
    /// Datagrams without any record that was used.
    pub(crate) datagrams_dropped: u64,
    pub(crate) records_dropped: u64,
    drops: [u64; DropReason::ALL.len()],
    /// Payloads of the application.
    pub(crate) messages_received: u64,
    pub(crate) messages_sent: u64,
    /// Flights that were sent again.
    pub(crate) retransmissions: u64,
    pub(crate) hello_verify_requests_sent: u64,
    pub(crate) handshakes_started: u64,
    pub(crate) handshakes_completed: u64,
    pub(crate) handshakes_failed: u64,
    /// Completed handshakes that resumed a session.
    pub(crate) sessions_resumed: u64,
    /// Steps of handshakes that left for other threads.
    pub(crate) jobs_started: u64,
    /// Verified ClientHellos beyond a limit, of number or, in fragments, of time.
    pub(crate) handshakes_refused: u64,
    /// Unfinished handshakes, hellos in fragments included, that gave way to others.
    pub(crate) handshakes_displaced: u64,
    /// Return routability checks that have begun.
    pub(crate) address_checks: u64,
    /// Of those, the ones after which the connection went back to its address.
    pub(crate) address_checks_failed: u64,
    /// Datagrams that were not sent to an address which nobody has proved.
    pub(crate) datagrams_withheld: u64,
    /// Addresses about which the application was not asked, because too many others waited.
    pub(crate) address_questions_displaced: u64,
    /// Connections that went on from a saved session.
    pub(crate) connections_restored: u64,
    /// Changes of address.
    pub(crate) moves: u64,
    /// Ends of connections and handshakes without an error.
    pub(crate) ends: Ends,
    /// Errors that ended handshakes and connections, by kind. There are no more than kinds.
    pub(crate) errors: FxHashMap<ErrorKind, u64>,
    pub(crate) handshake_times: Histogram,
    pub(crate) round_trips: Histogram,
}

/// How connections and handshakes have ended without an error.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ends {
    pub(crate) by_peer: u64,
    pub(crate) by_us: u64,
    pub(crate) by_idleness: u64,
    pub(crate) by_replacement: u64,
    /// There were too many, and these had been silent longest.
    pub(crate) by_eviction: u64,
}

impl Counters {
    pub(crate) fn drops(&self, reason: DropReason) -> u64 {
        self.drops.get(reason as usize).copied().unwrap_or_default()
    }

    pub(super) fn count_drops(&mut self, reason: DropReason, count: usize) {
        if let Some(drops) = self.drops.get_mut(reason as usize) {
            *drops += count as u64;
        }
        if reason != DropReason::NoRecord {
            self.records_dropped += count as u64;
        }
    }

    pub(super) fn count_end(&mut self, reason: &CloseReason) {
        match reason {
            CloseReason::Peer => self.ends.by_peer += 1,
            CloseReason::Local => self.ends.by_us += 1,
            CloseReason::Idle => self.ends.by_idleness += 1,
            CloseReason::Replaced => self.ends.by_replacement += 1,
            CloseReason::Evicted => self.ends.by_eviction += 1,
            CloseReason::Error(error) => *self.errors.entry(error.kind).or_default() += 1,
        }
    }
}

/// What has happened on one connection, its handshake included.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) messages_received: u64,
    pub(crate) messages_sent: u64,
    pub(crate) bytes_received: u64,
    pub(crate) bytes_sent: u64,
    /// Records that it could not use.
    pub(crate) records_dropped: u32,
    /// Flights that were sent again.
    pub(crate) retransmissions: u32,
    /// The shortest that was seen: from a flight of ours to the answer, where that was sent once.
    round_trip_micros: Option<std::num::NonZeroU32>,
}

impl Tally {
    pub(super) fn received(&mut self, length: usize) {
        self.messages_received += 1;
        self.bytes_received += length as u64;
    }

    pub(super) fn sent(&mut self, length: usize) {
        self.messages_sent += 1;
        self.bytes_sent += length as u64;
    }

    pub(super) fn dropped(&mut self) {
        self.records_dropped = self.records_dropped.saturating_add(1);
    }

    pub(super) fn note_round_trip(&mut self, round_trip: Duration) {
        let micros = u32::try_from(round_trip.as_micros()).unwrap_or(u32::MAX).max(1);
        let shortest = self.round_trip_micros.map_or(micros, |known| micros.min(known.get()));
        self.round_trip_micros = std::num::NonZeroU32::new(shortest);
    }

    /// `None` where each flight was sent more than once, or the handshake was elsewhere.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.round_trip_micros.map(|micros| Duration::from_micros(micros.get().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Error;

    #[test]
    fn the_shortest_round_trip_counts() {
        let mut tally = Tally::default();
        for (micros, shortest) in [(500, 500), (700, 500), (300, 300), (0, 1), (u64::MAX / 2, 1)] {
            tally.note_round_trip(Duration::from_micros(micros));
            assert_eq!(tally.round_trip(), Some(Duration::from_micros(shortest)));
        }
    }

    #[test]
    fn each_end_is_counted_once_and_by_its_reason() {
        let mut counters = Counters::default();
        let reasons = [
            CloseReason::Peer,
            CloseReason::Local,
            CloseReason::Idle,
            CloseReason::Replaced,
            CloseReason::Evicted,
            CloseReason::Error(Error::new(ErrorKind::Internal, "")),
        ];
        for (index, reason) in reasons.iter().enumerate() {
            (0..=index).for_each(|_| counters.count_end(reason));
        }
        let Ends { by_peer, by_us, by_idleness, by_replacement, by_eviction } = counters.ends;
        assert_eq!([by_peer, by_us, by_idleness, by_replacement, by_eviction], [1, 2, 3, 4, 5]);
        assert_eq!(counters.errors.into_iter().collect::<Vec<_>>(), [(ErrorKind::Internal, 6)]);
    }
}
