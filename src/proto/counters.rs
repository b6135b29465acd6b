//! What has happened at an endpoint, for operators and tests.

/// Totals since the endpoint was made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) datagrams_received: u64,
    pub(crate) datagrams_sent: u64,
    /// Datagrams without any record that was used.
    pub(crate) datagrams_dropped: u64,
    /// Malformed, forged, replayed, or for nobody.
    pub(crate) records_dropped: u64,
    pub(crate) hello_verify_requests_sent: u64,
    pub(crate) handshakes_started: u64,
    pub(crate) handshakes_completed: u64,
    pub(crate) handshakes_failed: u64,
    /// Steps of handshakes that left for other threads.
    pub(crate) jobs_started: u64,
    /// Verified ClientHellos beyond a limit, of number or, in fragments, of time.
    pub(crate) handshakes_refused: u64,
    /// Unfinished handshakes, hellos in fragments included, that gave way to others.
    pub(crate) handshakes_displaced: u64,
    /// Records with a connection ID that no connection has.
    pub(crate) unknown_ids: u64,
    /// Records with a connection ID and without protection.
    pub(crate) unprotected_ids: u64,
    /// Records without the connection ID that their connection has given away.
    pub(crate) missing_ids: u64,
    /// Records that the connection which they name has refused: forged, replayed, or of a type that it does not know.
    pub(crate) refused_with_id: u64,
    /// Moves to another address, and back.
    pub(crate) moves: u64,
    /// Connections that ended because there were too many, and they had been silent longest.
    pub(crate) connections_evicted: u64,
    /// Addresses about which the application was not asked, because too many others waited.
    pub(crate) address_questions_displaced: u64,
}
