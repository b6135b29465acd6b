//! Counters as a plain JavaScript object.

use crate::proto::Endpoint;
use napi_derive::napi;

/// What has happened at an endpoint, and what is there now.
#[napi(object, object_from_js = false)]
pub struct NativeStats {
    /// Total.
    pub datagrams_received: f64,
    /// Total.
    pub datagrams_sent: f64,
    /// Without any record that was used.
    pub datagrams_dropped: f64,
    /// Malformed, forged, replayed, or for nobody.
    pub records_dropped: f64,
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
    /// Which had been silent longest.
    pub connections_evicted: f64,
    /// Because too many waited.
    pub address_questions_displaced: f64,
    /// With a connection ID that no connection has.
    pub unknown_connection_ids: f64,
    /// With a connection ID, and without protection.
    pub unprotected_connection_ids: f64,
    /// Without the connection ID that their connection has given away.
    pub missing_connection_ids: f64,
    /// Refused by the connection that they name.
    pub refused_with_connection_id: f64,
    /// To another address, and back.
    pub moves: f64,
    /// Done by other threads.
    pub handshake_steps_offloaded: f64,
    /// Now, unfinished handshakes included.
    pub connections: u32,
    /// Unfinished, now.
    pub handshakes: u32,
    /// Open, now.
    pub lookups: u32,
}

impl NativeStats {
    /// Counters are exact up to 2^53.
    pub(super) fn of(endpoint: &Endpoint) -> NativeStats {
        let counters = endpoint.counters();
        NativeStats {
            datagrams_received: counters.datagrams_received as f64,
            datagrams_sent: counters.datagrams_sent as f64,
            datagrams_dropped: counters.datagrams_dropped as f64,
            records_dropped: counters.records_dropped as f64,
            hello_verify_requests_sent: counters.hello_verify_requests_sent as f64,
            handshakes_started: counters.handshakes_started as f64,
            handshakes_completed: counters.handshakes_completed as f64,
            handshakes_failed: counters.handshakes_failed as f64,
            handshakes_refused: counters.handshakes_refused as f64,
            handshakes_displaced: counters.handshakes_displaced as f64,
            connections_evicted: counters.connections_evicted as f64,
            address_questions_displaced: counters.address_questions_displaced as f64,
            unknown_connection_ids: counters.unknown_ids as f64,
            unprotected_connection_ids: counters.unprotected_ids as f64,
            missing_connection_ids: counters.missing_ids as f64,
            refused_with_connection_id: counters.refused_with_id as f64,
            moves: counters.moves as f64,
            handshake_steps_offloaded: counters.jobs_started as f64,
            connections: u32::try_from(endpoint.connection_count()).unwrap_or(u32::MAX),
            handshakes: u32::try_from(endpoint.handshake_count()).unwrap_or(u32::MAX),
            lookups: u32::try_from(endpoint.question_count()).unwrap_or(u32::MAX),
        }
    }
}
