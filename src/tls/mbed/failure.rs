//! What the failure of a step means, by how far the handshake has come.

use super::errors::Failure;
use super::ffi::config::Role;
use super::ffi::ssl::Ssl;
use super::steps::Steps;
use crate::tls::error::{Error, ErrorKind};
use mbedtls_sys as sys;

impl Steps {
    /// What went wrong. A fault of the ClientHello counts before anything else that the engine did not like.
    pub(super) fn error(&mut self, ssl: &Ssl, failure: Failure) -> Error {
        match failure {
            Failure::Engine(errno) => self.hellos.take_fault().unwrap_or_else(|| self.error_of_engine(ssl, errno)),
            Failure::Own(error) => error,
        }
    }

    fn error_of_engine(&self, ssl: &Ssl, errno: i32) -> Error {
        match errno {
            sys::ERR_ECP_VERIFY_FAILED | sys::ERR_RSA_VERIFY_FAILED => Error::from_engine(
                errno,
                "The peer has not proved to have the private key of the certificate or public key that it shows",
            ),
            sys::ERR_SSL_FATAL_ALERT_MESSAGE => Error::alert_received(ssl.received_alert(), true),
            sys::ERR_SSL_PEER_CLOSE_NOTIFY => {
                Error::new(ErrorKind::ClosedDuringHandshake, "The peer closed the connection during the handshake")
            }
            sys::ERR_SSL_INVALID_MAC => self.wrong_keys(),
            sys::ERR_SSL_NO_CIPHER_CHOSEN | sys::ERR_SSL_NO_USABLE_CIPHERSUITE
                if self.hellos.has_nothing_to_present() =>
            {
                Error::no_shared_certificate_type("server certificate")
            }
            sys::ERR_SSL_NO_CIPHER_CHOSEN => {
                Error::from_engine(errno, "The client offers no cipher suite that this server can use")
            }
            _ => Error::from_engine(errno, "The handshake failed"),
        }
    }

    /// The peer's Finished message was made with other keys than ours.
    fn wrong_keys(&self) -> Error {
        match self.psk.is_known() {
            Some(false) => {
                Error::new(ErrorKind::UnknownPskIdentity, "The application knows no key for the client's PSK identity")
            }
            Some(true) => Error::new(ErrorKind::WrongPsk, "The client's pre-shared key is not the one of its identity"),
            None => {
                Error::from_engine(sys::ERR_SSL_INVALID_MAC, "The peer's Finished message could not be authenticated")
            }
        }
    }

    /// What is known about a handshake that has taken too long.
    pub(super) fn timeout_error(&self, ssl: &Ssl) -> Option<Error> {
        if self.bad_finished {
            return Some(self.wrong_keys());
        }
        // Some servers (OpenSSL) have nothing to say to a client whose Finished they cannot read.
        let unanswered = ssl.role() == Role::Client
            && matches!(ssl.state(), sys::SSL_SERVER_CHANGE_CIPHER_SPEC | sys::SSL_SERVER_FINISHED)
            && ssl.uses_psk();
        let message =
            "The server did not answer the end of the handshake, as if it had another pre-shared key than ours";
        unanswered.then(|| Error::new(ErrorKind::HandshakeTimeout, message))
    }
}
