//! Failures of the engine, and errors by its numbers.

use super::numbers::kind_of;
use crate::tls::certificate_fault::CertificateFault;
use crate::tls::error::{Error, ErrorKind};
use crate::wire::certificate::CertificateMessageFault;
use crate::wire::{ExtensionFault, alert};
use mbedtls_sys as sys;

/// Why a step of a handshake failed.
pub(super) enum Failure {
    /// The engine failed, with this number.
    Engine(i32),
    /// We have a reason of our own.
    Own(Error),
}

impl From<i32> for Failure {
    fn from(errno: i32) -> Failure {
        Failure::Engine(errno)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Own(error)
    }
}

impl From<ExtensionFault> for Failure {
    fn from(fault: ExtensionFault) -> Failure {
        Failure::Own(fault.into())
    }
}

impl From<CertificateMessageFault> for Failure {
    fn from(fault: CertificateMessageFault) -> Failure {
        Failure::Own(fault.into())
    }
}

impl Error {
    /// A number of the engine that nobody expects.
    pub(crate) fn internal(errno: i32) -> Error {
        Error::from_engine(errno, "The TLS engine failed")
    }

    pub(crate) fn from_engine(errno: i32, what: &str) -> Error {
        let alert = (errno == sys::ERR_SSL_BAD_HS_PROTOCOL_VERSION).then_some(alert::PROTOCOL_VERSION);
        let error = Error::new(kind_of(errno), format!("{what}: {}", describe(errno)));
        Error { errno, alert, ..error }
    }

    pub(crate) fn alert_received(description: Option<u8>, during_handshake: bool) -> Error {
        if let (true, Some(alert::NO_APPLICATION_PROTOCOL)) = (during_handshake, description) {
            return Error::no_application_protocol()
                .with_errno(sys::ERR_SSL_FATAL_ALERT_MESSAGE)
                .with_alert(alert::NO_APPLICATION_PROTOCOL);
        }
        if let (true, Some(alert::PROTOCOL_VERSION)) = (during_handshake, description) {
            return Error::wrong_version("DTLS 1.2").with_errno(sys::ERR_SSL_FATAL_ALERT_MESSAGE);
        }
        Error::ended_by_alert(description, during_handshake).with_errno(sys::ERR_SSL_FATAL_ALERT_MESSAGE)
    }

    pub(crate) fn certificate_fault(fault: CertificateFault) -> Error {
        Error::new(ErrorKind::Certificate(fault), fault.message())
            .with_errno(sys::ERR_X509_CERT_VERIFY_FAILED)
            .with_alert(fault.alert())
    }
}

/// Mbed TLS's words for one of its numbers.
pub(super) fn describe(errno: i32) -> String {
    // The crate writes 'mbedTLS error HiError :: PkPasswordRequired', and the last word is the one that helps.
    let name = mbedtls::Error::from(errno).as_str();
    let name = name.rsplit_once(":: ").map_or(name, |(_, last)| last);
    format!("{name} (-0x{:04x})", errno.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_that_end_a_handshake_are_explained_and_of_those_that_end_a_connection_the_ones_about_certificates() {
        let bad_mac = "bad_record_mac: with a pre-shared key, it has another one or does not know the identity";
        let failure = "handshake_failure: it has no cipher suite or credential in common with us";
        let issuer = "unknown_ca: it does not trust the issuer of our certificate";
        for (description, in_handshake, later) in [
            (Some(alert::BAD_RECORD_MAC), bad_mac, "bad_record_mac"),
            (Some(alert::HANDSHAKE_FAILURE), failure, "handshake_failure"),
            // A server of DTLS 1.3 may judge a client that is connected already.
            (Some(alert::UNKNOWN_CA), issuer, issuer),
            (Some(alert::DECODE_ERROR), "decode_error", "decode_error"),
            (None, alert::UNKNOWN, alert::UNKNOWN),
        ] {
            for (during_handshake, text) in [(true, in_handshake), (false, later)] {
                let error = Error::alert_received(description, during_handshake);
                assert_eq!(error.to_string(), format!("The peer ended the connection with the alert {text}"));
                assert_eq!((error.kind, error.alert), (ErrorKind::AlertReceived, description));
                assert_eq!(error.errno, sys::ERR_SSL_FATAL_ALERT_MESSAGE);
            }
        }
    }

    #[test]
    fn two_alerts_that_end_a_handshake_are_errors_of_their_own() {
        for (description, kind) in [
            (alert::NO_APPLICATION_PROTOCOL, ErrorKind::NoApplicationProtocol),
            (alert::PROTOCOL_VERSION, ErrorKind::WrongVersion),
        ] {
            let error = Error::alert_received(Some(description), true);
            assert_eq!(
                (error.kind, error.alert, error.errno),
                (kind, Some(description), sys::ERR_SSL_FATAL_ALERT_MESSAGE)
            );
            assert_eq!(Error::alert_received(Some(description), false).kind, ErrorKind::AlertReceived);
        }
    }
}
