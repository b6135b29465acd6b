//! What the failure of a step means, by how far the handshake has come.

use super::errors::Failure;
use super::ffi::config::Role;
use super::ffi::ssl::Ssl;
use super::steps::Steps;
use crate::tls::error::{Error, ErrorKind};
use crate::wire::alert;
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
            sys::ERR_SSL_FATAL_ALERT_MESSAGE => {
                Error::alert_received(ssl.received_alert(), true).saying(self.missed_certificate(ssl))
            }
            sys::ERR_SSL_PEER_CLOSE_NOTIFY => {
                Error::new(ErrorKind::ClosedDuringHandshake, "The peer closed the connection during the handshake")
            }
            sys::ERR_SSL_INVALID_MAC => self.wrong_keys(),
            sys::ERR_SSL_BAD_HS_PROTOCOL_VERSION => {
                let message = "The peer speaks neither DTLS 1.2 nor a newer version";
                Error::from_engine(errno, "").saying(Some(message.to_owned()))
            }
            sys::ERR_SSL_NO_CIPHER_CHOSEN | sys::ERR_SSL_NO_USABLE_CIPHERSUITE
                if self.hellos.has_nothing_to_present() =>
            {
                Error::shows_nothing_accepted(&self.rules.abilities.presents)
            }
            sys::ERR_SSL_NO_CIPHER_CHOSEN => {
                Error::from_engine(errno, "The client offers no cipher suite that this server can use")
            }
            sys::ERR_SSL_CERTIFICATE_TOO_LARGE | sys::ERR_SSL_BUFFER_TOO_SMALL => {
                Error::from_engine(errno, "A handshake message of this side would be longer than there is room for")
            }
            _ => Error::from_engine(errno, "The handshake failed"),
        }
    }

    /// A server need not say that the alert is about the certificate that it asked for in vain.
    fn missed_certificate(&self, ssl: &Ssl) -> Option<String> {
        let number = ssl.received_alert()?;
        let may_mean_it = matches!(number, alert::HANDSHAKE_FAILURE | alert::BAD_CERTIFICATE);
        let has_none = self.rules.abilities.presents.is_empty();
        let is_asked = ssl.role() == Role::Client && ssl.is_asked_for_certificate();
        (may_mean_it && has_none && is_asked).then(|| {
            let name = alert::name(number);
            format!("The server asked for a client certificate, and when it got none it sent the alert {name}")
        })
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

    /// Records came that could have been the client's Finished message, and none was authentic.
    fn unauthentic_finished(&self) -> Error {
        match self.psk.is_known() {
            Some(false) => self.wrong_keys(),
            Some(true) => {
                let message = "The client did not finish the handshake in time, as if its pre-shared key were not the \
                               one of its identity";
                Error::new(ErrorKind::HandshakeTimeout, message)
            }
            None => {
                let message = "No Finished message that came in time could be authenticated";
                Error::new(ErrorKind::HandshakeTimeout, message)
            }
        }
    }

    /// What is known about a handshake that has taken too long.
    pub(super) fn timeout_error(&self, ssl: &Ssl) -> Option<Error> {
        if self.bad_finished && ssl.role() == Role::Server {
            return Some(self.unauthentic_finished());
        }
        // Some servers (OpenSSL) have nothing to say to a client whose Finished they cannot read.
        let awaits_the_end = matches!(
            ssl.state(),
            sys::SSL_SERVER_NEW_SESSION_TICKET | sys::SSL_SERVER_CHANGE_CIPHER_SPEC | sys::SSL_SERVER_FINISHED
        );
        let unanswered = ssl.role() == Role::Client && awaits_the_end && ssl.uses_psk();
        let message =
            "The server did not answer the end of the handshake, as if it had another pre-shared key than ours";
        unanswered.then(|| Error::new(ErrorKind::HandshakeTimeout, message))
    }
}
