//! Counters as a plain JavaScript object.

use super::words::{self, REASONS};
use crate::proto::{Counters, DropReason, Endpoint, Ends, Histogram, Tally};
use napi_derive::napi;
use std::collections::BTreeMap;

/// What has happened at an endpoint, and what is there now.
#[napi(object, object_from_js = false)]
pub struct NativeStats {
    /// Total.
    pub datagrams_received: f64,
    /// Total.
    pub datagrams_sent: f64,
    /// Without any record that was used.
    pub datagrams_dropped: f64,
    /// To the nodes that they belong to.
    pub datagrams_forwarded: f64,
    /// Received through other nodes.
    pub datagrams_injected: f64,
    /// Malformed, forged, replayed, or for nobody.
    pub records_dropped: f64,
    /// UDP payload.
    pub datagram_bytes_received: f64,
    /// UDP payload.
    pub datagram_bytes_sent: f64,
    /// Payloads of the application.
    pub messages_received: f64,
    /// Payloads of the application.
    pub messages_sent: f64,
    /// Records, and datagrams without any, by the reason.
    pub drops: BTreeMap<&'static str, f64>,
    /// Flights that were sent again.
    pub retransmissions: f64,
    /// Answers to hellos without a valid cookie.
    pub hello_verify_requests_sent: f64,
    /// Total.
    pub handshakes_started: f64,
    /// Total.
    pub handshakes_completed: f64,
    /// Total.
    pub handshakes_failed: f64,
    /// Beyond a limit.
    pub handshakes_refused: f64,
    /// Whose place others needed.
    pub handshakes_displaced: f64,
    /// Completed handshakes.
    pub sessions_resumed: f64,
    /// From saved sessions.
    pub connections_restored: f64,
    /// Changes of address.
    pub moves: f64,
    /// Handshakes and connections that ended without an error, by the reason.
    pub ends: BTreeMap<&'static str, f64>,
    /// Handshakes and connections that ended with one, by its code.
    pub errors: BTreeMap<&'static str, f64>,
    /// Of completed handshakes.
    pub handshake_times: NativeHistogram,
    /// From a flight to its answer.
    pub round_trips: NativeHistogram,
    /// Because too many waited.
    pub address_questions_displaced: f64,
    /// Return routability checks that have begun.
    pub address_checks: f64,
    /// Of those, the ones after which the connection went back.
    pub address_checks_failed: f64,
    /// To an address that nobody has proved.
    pub datagrams_withheld: f64,
    /// Done by other threads.
    pub handshake_steps_offloaded: f64,
    /// Now, unfinished handshakes included.
    pub connections: u32,
    /// Unfinished, now.
    pub handshakes: u32,
    /// Open, now.
    pub lookups: u32,
}

/// How often something has taken how long.
#[napi(object, object_from_js = false)]
pub struct NativeHistogram {
    /// Upper bounds of the buckets but the last, which has none; ms.
    pub bounds: Vec<f64>,
    /// How often each bucket was hit.
    pub counts: Vec<f64>,
    /// Of all durations, ms.
    pub sum: f64,
}

impl NativeHistogram {
    fn of(histogram: &Histogram) -> NativeHistogram {
        NativeHistogram {
            bounds: Histogram::bounds().collect(),
            counts: histogram.counts().iter().map(|&count| count as f64).collect(),
            sum: histogram.sum().as_secs_f64() * 1000.0,
        }
    }
}

fn ends(counters: &Counters) -> BTreeMap<&'static str, f64> {
    let Ends { by_peer, by_us, by_idleness, by_replacement, by_eviction } = counters.ends;
    let counts = [by_peer, by_us, by_idleness, by_replacement, by_eviction];
    REASONS.into_iter().zip(counts.map(|count| count as f64)).collect()
}

/// Several kinds of errors may have one code.
fn errors(counters: &Counters) -> BTreeMap<&'static str, f64> {
    let mut codes = BTreeMap::new();
    for (&kind, &count) in &counters.errors {
        *codes.entry(words::code(kind)).or_default() += count as f64;
    }
    codes
}

/// What `tally_bytes` has, in order; each is a double, little-endian.
pub(super) const TALLY: [&str; 7] = [
    "messagesReceived",
    "messagesSent",
    "bytesReceived",
    "bytesSent",
    "recordsDropped",
    "retransmissions",
    "roundTripTime",
];

/// What has happened on one connection, in as many bytes for each. Milliseconds for the time, NaN where there is none.
pub(super) fn tally_bytes(tally: &Tally) -> [u8; 8 * TALLY.len()] {
    let values = [
        tally.messages_received as f64,
        tally.messages_sent as f64,
        tally.bytes_received as f64,
        tally.bytes_sent as f64,
        f64::from(tally.records_dropped),
        f64::from(tally.retransmissions),
        tally.round_trip().map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0),
    ];
    let mut bytes = [0; 8 * TALLY.len()];
    for (room, value) in bytes.chunks_exact_mut(8).zip(values) {
        room.copy_from_slice(&value.to_le_bytes());
    }
    bytes
}

impl NativeStats {
    /// Counters are exact up to 2^53.
    pub(super) fn of(endpoint: &Endpoint) -> NativeStats {
        let counters = endpoint.counters();
        NativeStats {
            datagrams_received: counters.datagrams_received as f64,
            datagrams_sent: counters.datagrams_sent as f64,
            datagrams_dropped: counters.datagrams_dropped as f64,
            datagrams_forwarded: counters.datagrams_forwarded as f64,
            datagrams_injected: counters.datagrams_injected as f64,
            records_dropped: counters.records_dropped as f64,
            datagram_bytes_received: counters.bytes_received as f64,
            datagram_bytes_sent: counters.bytes_sent as f64,
            messages_received: counters.messages_received as f64,
            messages_sent: counters.messages_sent as f64,
            drops: DropReason::ALL.iter().map(|&reason| (reason.name(), counters.drops(reason) as f64)).collect(),
            retransmissions: counters.retransmissions as f64,
            sessions_resumed: counters.sessions_resumed as f64,
            connections_restored: counters.connections_restored as f64,
            moves: counters.moves as f64,
            ends: ends(counters),
            errors: errors(counters),
            handshake_times: NativeHistogram::of(&counters.handshake_times),
            round_trips: NativeHistogram::of(&counters.round_trips),
            hello_verify_requests_sent: counters.hello_verify_requests_sent as f64,
            handshakes_started: counters.handshakes_started as f64,
            handshakes_completed: counters.handshakes_completed as f64,
            handshakes_failed: counters.handshakes_failed as f64,
            handshakes_refused: counters.handshakes_refused as f64,
            handshakes_displaced: counters.handshakes_displaced as f64,
            address_questions_displaced: counters.address_questions_displaced as f64,
            address_checks: counters.address_checks as f64,
            address_checks_failed: counters.address_checks_failed as f64,
            datagrams_withheld: counters.datagrams_withheld as f64,
            handshake_steps_offloaded: counters.jobs_started as f64,
            connections: u32::try_from(endpoint.connection_count()).unwrap_or(u32::MAX),
            handshakes: u32::try_from(endpoint.handshake_count()).unwrap_or(u32::MAX),
            lookups: u32::try_from(endpoint.question_count()).unwrap_or(u32::MAX),
        }
    }
}
