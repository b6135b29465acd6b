//! A client's pre-shared key in an engine that knows one for each configuration.

use super::ssl::Ssl;
use super::{c_int, sys};

impl Ssl {
    /// The step that writes a ClientKeyExchange with this identity, and makes the premaster secret of this key.
    pub(crate) fn write_psk_key_exchange(&mut self, identity: &[u8], key: &[u8]) -> Result<(), c_int> {
        let shared = self.raw.conf;
        // SAFETY: the configuration that the context was set up with, which outlives it; nobody writes it.
        let mut own: sys::ssl_config = unsafe { *shared };
        // The engine only reads these four, and frees nothing of a configuration in a handshake step.
        own.psk = key.as_ptr().cast_mut();
        own.psk_len = key.len();
        own.psk_identity = identity.as_ptr().cast_mut();
        own.psk_identity_len = identity.len();
        // `own` lives until the shared configuration is back in its place, and no callback asks for the context's.
        self.raw.conf = &raw const own;
        let result = self.handshake_step();
        self.raw.conf = shared;
        result
    }
}
