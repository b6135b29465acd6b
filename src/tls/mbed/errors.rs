//! Failures of the engine, and errors by its numbers.

use super::numbers::kind_of;
use crate::tls::error::{CertificateFault, Error, ErrorKind};
use crate::wire::certificate::NoRawPublicKey;
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

impl From<NoRawPublicKey> for Failure {
    fn from(fault: NoRawPublicKey) -> Failure {
        Failure::Own(fault.into())
    }
}

impl Error {
    /// A certificate that the engine could not parse.
    pub(crate) fn unreadable_certificate(errno: i32) -> Error {
        let fault = CertificateFault::Unreadable;
        Error {
            kind: ErrorKind::Certificate(fault),
            errno,
            alert: Some(fault.alert()),
            message: format!("{}: {}", fault.message(), describe(errno)),
        }
    }

    /// A number of the engine that nobody expects.
    pub(crate) fn internal(errno: i32) -> Error {
        Error::from_engine(errno, "The TLS engine failed")
    }

    pub(crate) fn from_engine(errno: i32, what: &str) -> Error {
        let alert = (errno == sys::ERR_SSL_BAD_HS_PROTOCOL_VERSION).then_some(alert::PROTOCOL_VERSION);
        Error { kind: kind_of(errno), errno, alert, message: format!("{what}: {}", describe(errno)) }
    }

    pub(crate) fn alert_received(description: Option<u8>, during_handshake: bool) -> Error {
        let name = description.map_or(alert::UNKNOWN, alert::name);
        if let (true, Some(alert::NO_APPLICATION_PROTOCOL)) = (during_handshake, description) {
            return Error::no_application_protocol()
                .with_errno(sys::ERR_SSL_FATAL_ALERT_MESSAGE)
                .with_alert(alert::NO_APPLICATION_PROTOCOL);
        }
        let hint = match (during_handshake, description) {
            (true, Some(alert::BAD_RECORD_MAC)) => {
                ": with a pre-shared key, it has another one or does not know the identity"
            }
            (true, Some(alert::HANDSHAKE_FAILURE)) => ": it has no cipher suite or credential in common with us",
            (true, Some(alert::UNKNOWN_CA)) => ": it does not trust the issuer of our certificate",
            _ => "",
        };
        Error {
            kind: ErrorKind::AlertReceived,
            errno: sys::ERR_SSL_FATAL_ALERT_MESSAGE,
            alert: description,
            message: format!("The peer ended the connection with the alert {name}{hint}"),
        }
    }

    pub(crate) fn certificate(flags: u32, self_signed: bool) -> Error {
        Error::certificate_fault(CertificateFault::from_flags(flags, self_signed))
    }

    pub(crate) fn certificate_fault(fault: CertificateFault) -> Error {
        Error {
            kind: ErrorKind::Certificate(fault),
            errno: sys::ERR_X509_CERT_VERIFY_FAILED,
            alert: Some(fault.alert()),
            message: fault.message().to_owned(),
        }
    }
}

impl CertificateFault {
    fn from_flags(flags: u32, self_signed: bool) -> CertificateFault {
        let has = |flag: i32| flags & flag.unsigned_abs() != 0;
        if has(sys::X509_BADCERT_MISSING) {
            CertificateFault::Missing
        } else if has(sys::X509_BADCERT_NOT_TRUSTED) && self_signed {
            CertificateFault::SelfSigned
        } else if has(sys::X509_BADCERT_NOT_TRUSTED) {
            CertificateFault::UnknownIssuer
        } else if has(sys::X509_BADCERT_REVOKED) {
            CertificateFault::Revoked
        } else if has(sys::X509_BADCERT_EXPIRED) {
            CertificateFault::Expired
        } else if has(sys::X509_BADCERT_FUTURE) {
            CertificateFault::NotYetValid
        } else if has(sys::X509_BADCRL_NOT_TRUSTED) {
            CertificateFault::NoCrl
        } else if has(sys::X509_BADCRL_EXPIRED) {
            CertificateFault::CrlExpired
        } else if has(sys::X509_BADCRL_FUTURE) {
            CertificateFault::CrlNotYetValid
        } else if has(sys::X509_BADCERT_KEY_USAGE | sys::X509_BADCERT_EXT_KEY_USAGE | sys::X509_BADCERT_NS_CERT_TYPE) {
            CertificateFault::WrongPurpose
        } else if has(sys::X509_BADCERT_BAD_MD | sys::X509_BADCERT_BAD_PK | sys::X509_BADCERT_BAD_KEY) {
            CertificateFault::Weak
        } else if has(sys::X509_BADCERT_CN_MISMATCH) {
            CertificateFault::WrongName
        } else {
            CertificateFault::Other
        }
    }
}

/// Mbed TLS's words for one of its numbers.
pub(super) fn describe(errno: i32) -> String {
    format!("{} (-0x{:04x})", mbedtls::Error::from(errno).as_str(), errno.unsigned_abs())
}
