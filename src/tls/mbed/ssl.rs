//! An engine's context in our own terms: what it writes goes to an [`Outbox`], its suite has a name.

use super::ffi::own_key::KeyKind;
use super::ffi::ssl::Ssl;
use crate::tls::outbox::Outbox;
use crate::tls::suites::{KeyExchange, Suite};
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

    /// Which of its keys a server shows; `None` with a suite that says nothing of it.
    pub(super) fn key_kind(&self) -> Option<KeyKind> {
        self.suite().and_then(key_kind)
    }

    /// Our own certificate in this handshake, DER.
    pub(crate) fn own_certificate(&self) -> Option<&[u8]> {
        self.config().own_certificate(self.key_kind())
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

/// The kind of key that a server of this suite signs with.
pub(super) fn key_kind(suite: Suite) -> Option<KeyKind> {
    match suite.key_exchange() {
        KeyExchange::EcdheEcdsa => Some(KeyKind::Ec),
        KeyExchange::EcdheRsa => Some(KeyKind::Rsa),
        KeyExchange::EcdhePsk | KeyExchange::Psk | KeyExchange::Apart => None,
    }
}
