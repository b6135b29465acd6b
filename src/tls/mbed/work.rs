//! Which steps of a handshake compute with public keys, and are worth another thread.

use super::ffi::config::Role;
use super::ffi::ssl::Ssl;
use crate::tls::suites::KeyExchange;
use mbedtls_sys as sys;

/// What the next step computes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// It needs nothing more from the peer.
    Ready,
    /// It needs the peer's next message.
    Message,
    /// It needs the peer's CertificateVerify. That message signs the ones before it, and is not hashed with them yet.
    CertificateVerify,
}

impl Work {
    /// The work of the next step, if it has any.
    pub(super) fn ahead(ssl: &Ssl) -> Option<Work> {
        use Role::{Client, Server};
        let work = match (ssl.role(), ssl.state()) {
            (Server, sys::SSL_SERVER_KEY_EXCHANGE) | (Client, sys::SSL_CLIENT_KEY_EXCHANGE) => Work::Ready,
            (Server, sys::SSL_CLIENT_CERTIFICATE) if ssl.config().asks_peer() => Work::Message,
            (Server, sys::SSL_CLIENT_KEY_EXCHANGE) => Work::Message,
            (Server, sys::SSL_CERTIFICATE_VERIFY) if ssl.has_peer_certificate() => Work::CertificateVerify,
            (Client, sys::SSL_SERVER_CERTIFICATE | sys::SSL_SERVER_KEY_EXCHANGE) => Work::Message,
            _ => return None,
        };
        let suite = ssl.suite()?;
        suite.key_exchange().is_worth_a_thread().then_some(work)
    }

    /// Sees that everything is there. Fails with `ERR_SSL_WANT_READ` when the peer's message is not.
    pub(super) fn prepare(self, ssl: &mut Ssl) -> Result<(), i32> {
        match self {
            Work::Ready => Ok(()),
            Work::Message => ssl.await_message(true),
            Work::CertificateVerify => ssl.await_message(false),
        }
    }
}

impl KeyExchange {
    /// Whether it costs far more than handing a context to another thread, which takes some 20 microseconds. A
    /// pre-shared key does not, and neither does ECDHE alone where AWS-LC computes it.
    fn is_worth_a_thread(self) -> bool {
        match self {
            KeyExchange::Psk | KeyExchange::Apart => false,
            KeyExchange::EcdhePsk => !cfg!(feature = "aws-lc"),
            KeyExchange::EcdheEcdsa | KeyExchange::EcdheRsa => true,
        }
    }
}
