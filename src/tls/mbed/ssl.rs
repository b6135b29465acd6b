//! An engine's context in our own terms: what it writes goes to an [`Outbox`], its suite has a name.

use super::ffi::ssl::Ssl;
use crate::tls::outbox::Outbox;
use crate::tls::suites::Suite;
use std::time::Instant;

impl Ssl {
    /// Runs `act` with `record` on offer, the clock at `now`, and everything that is written going to `outbox`.
    pub(crate) fn with<R>(
        &mut self,
        now: Instant,
        record: Option<&[u8]>,
        outbox: &mut Outbox,
        act: impl FnOnce(&mut Ssl) -> R,
    ) -> R {
        self.exchange(now, record, outbox.parts_mut(), act)
    }

    /// The suite that the ServerHello names.
    pub(super) fn suite(&self) -> Option<Suite> {
        self.negotiated_suite().and_then(Suite::from_id)
    }

    /// Whether the negotiated suite authenticates with a pre-shared key.
    pub(super) fn uses_psk(&self) -> bool {
        self.suite().is_some_and(|suite| suite.key_exchange().uses_psk())
    }

    /// Whether the negotiated suite authenticates with Certificate messages (RFC 5246 section 7.4.2).
    pub(super) fn uses_certificates(&self) -> bool {
        self.suite().is_some_and(|suite| !suite.key_exchange().uses_psk())
    }
}
