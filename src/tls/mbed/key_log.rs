//! The key log of DTLS 1.2: one line, with the master secret.

use super::ffi::ssl::Ssl;
use crate::tls::key_log::KeyLog;

impl Ssl {
    /// `None` until the handshake has derived its keys.
    pub(crate) fn key_log(&self) -> Option<KeyLog> {
        let secrets = self.master_secret()?;
        Some(KeyLog::line("CLIENT_RANDOM", &secrets.client_random, secrets.secret))
    }
}
