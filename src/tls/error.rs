//! What can go wrong: with a configuration, at the call; with a connection, for good.

use super::alert;
use super::certificate_fault::CertificateFault;
use super::ffi::config::Role;
use mbedtls_sys as sys;
use std::fmt;

/// Why a connection failed. Every variant has a permanent code (`docs/errors.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// The peer's certificate was refused, for the first of the reasons that apply.
    Certificate(CertificateFault),
    /// The peer shows a certificate or public key, and does not prove that it has the private one.
    WrongSignature,
    /// The peer's raw public key is none of those that were expected.
    PeerKeyMismatch,
    /// The application refused the peer.
    PeerRefused,
    /// One side proves itself with certificates alone, the other accepts raw public keys alone, or the reverse.
    NoSharedCertificateType,
    HandshakeTimeout,
    /// The application knew no key for the identity. The peer cannot tell this from `WrongPsk`.
    UnknownPskIdentity,
    WrongPsk,
    /// A client's application has no pre-shared key for the server.
    NoPsk,
    BadRecordMac,
    NoSharedCipher,
    /// RFC 7301: no application protocol in common.
    NoApplicationProtocol,
    /// RFC 7627: this side insists, the other cannot.
    NoExtendedMasterSecret,
    AlertReceived,
    ClosedDuringHandshake,
    /// The peer broke the protocol.
    Protocol,
    LookupFailed,
    Internal,
}

/// A fatal error of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Error {
    pub(crate) kind: ErrorKind,
    /// Mbed TLS's negative number; 0 when the engine was not asked.
    pub(crate) errno: i32,
    /// The alert that was sent, or received.
    pub(crate) alert: Option<u8>,
    message: String,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error { kind, errno: 0, alert: None, message: message.into() }
    }

    /// A number of the engine that nobody expects.
    pub(crate) fn internal(errno: i32) -> Error {
        Error::from_engine(errno, "The TLS engine failed")
    }

    pub(crate) fn from_engine(errno: i32, what: &str) -> Error {
        Error { kind: kind_of(errno), errno, alert: None, message: format!("{what}: {}", describe(errno)) }
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

    /// RFC 7301 section 3.2.
    pub(crate) fn no_application_protocol() -> Error {
        let message = "The two sides have no application protocol in common ('ALPNProtocols')";
        Error::new(ErrorKind::NoApplicationProtocol, message)
    }

    /// The peer broke the protocol in a way that has an alert of its own.
    pub(crate) fn protocol(alert: u8, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Protocol, message).with_alert(alert)
    }

    pub(crate) fn certificate_fault(fault: CertificateFault) -> Error {
        Error {
            kind: ErrorKind::Certificate(fault),
            errno: sys::ERR_X509_CERT_VERIFY_FAILED,
            alert: Some(fault.alert()),
            message: fault.message().to_owned(),
        }
    }

    pub(super) fn with_errno(mut self, errno: i32) -> Error {
        self.errno = errno;
        self
    }

    pub(crate) fn with_alert(mut self, description: u8) -> Error {
        self.alert = Some(description);
        self
    }

    /// Permanent, and node:tls's own where it has one.
    pub(crate) fn code(&self) -> &'static str {
        match self.kind {
            ErrorKind::Certificate(fault) => fault.code(),
            ErrorKind::WrongSignature => "ERR_DTLS_WRONG_SIGNATURE",
            ErrorKind::PeerKeyMismatch => "ERR_DTLS_PEER_KEY_MISMATCH",
            ErrorKind::PeerRefused => "ERR_DTLS_PEER_REFUSED",
            ErrorKind::NoSharedCertificateType => "ERR_DTLS_NO_SHARED_CERTIFICATE_TYPE",
            ErrorKind::HandshakeTimeout => "ERR_DTLS_HANDSHAKE_TIMEOUT",
            ErrorKind::UnknownPskIdentity => "ERR_DTLS_UNKNOWN_PSK_IDENTITY",
            ErrorKind::WrongPsk => "ERR_DTLS_WRONG_PSK",
            ErrorKind::NoPsk => "ERR_DTLS_NO_PSK",
            ErrorKind::BadRecordMac => "ERR_DTLS_BAD_RECORD_MAC",
            ErrorKind::NoSharedCipher => "ERR_DTLS_NO_SHARED_CIPHER",
            ErrorKind::NoApplicationProtocol => "ERR_DTLS_NO_APPLICATION_PROTOCOL",
            ErrorKind::NoExtendedMasterSecret => "ERR_DTLS_NO_EXTENDED_MASTER_SECRET",
            ErrorKind::AlertReceived => "ERR_DTLS_ALERT_RECEIVED",
            ErrorKind::ClosedDuringHandshake => "ERR_DTLS_CLOSED_DURING_HANDSHAKE",
            ErrorKind::Protocol => "ERR_DTLS_PROTOCOL",
            ErrorKind::LookupFailed => "ERR_DTLS_LOOKUP_FAILED",
            ErrorKind::Internal => "ERR_DTLS_INTERNAL",
        }
    }

    /// The fatal alert that tells the peer, when the engine did not send one itself.
    pub(crate) fn alert_to_send(&self) -> Option<u8> {
        match self.kind {
            ErrorKind::AlertReceived | ErrorKind::ClosedDuringHandshake | ErrorKind::HandshakeTimeout => None,
            ErrorKind::Certificate(fault) => Some(fault.alert()),
            ErrorKind::WrongSignature => Some(alert::DECRYPT_ERROR),
            ErrorKind::PeerKeyMismatch => Some(alert::BAD_CERTIFICATE),
            ErrorKind::PeerRefused => Some(alert::ACCESS_DENIED),
            ErrorKind::NoSharedCertificateType => Some(alert::UNSUPPORTED_CERTIFICATE),
            ErrorKind::UnknownPskIdentity | ErrorKind::WrongPsk | ErrorKind::BadRecordMac => {
                Some(alert::BAD_RECORD_MAC)
            }
            ErrorKind::NoApplicationProtocol => Some(alert::NO_APPLICATION_PROTOCOL),
            ErrorKind::NoSharedCipher | ErrorKind::NoExtendedMasterSecret | ErrorKind::NoPsk => {
                Some(alert::HANDSHAKE_FAILURE)
            }
            ErrorKind::Protocol if self.errno == sys::ERR_SSL_BAD_HS_PROTOCOL_VERSION => Some(alert::PROTOCOL_VERSION),
            ErrorKind::Protocol => Some(self.alert.unwrap_or(alert::DECODE_ERROR)),
            ErrorKind::LookupFailed | ErrorKind::Internal => Some(alert::INTERNAL_ERROR),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

fn kind_of(errno: i32) -> ErrorKind {
    match errno {
        sys::ERR_SSL_NO_CIPHER_CHOSEN => ErrorKind::NoSharedCipher,
        sys::ERR_ECP_VERIFY_FAILED | sys::ERR_RSA_VERIFY_FAILED => ErrorKind::WrongSignature,
        sys::ERR_SSL_TIMEOUT => ErrorKind::HandshakeTimeout,
        sys::ERR_SSL_INVALID_MAC => ErrorKind::BadRecordMac,
        sys::ERR_SSL_PEER_CLOSE_NOTIFY => ErrorKind::ClosedDuringHandshake,
        sys::ERR_SSL_ALLOC_FAILED | sys::ERR_SSL_INTERNAL_ERROR | sys::ERR_SSL_HW_ACCEL_FAILED => ErrorKind::Internal,
        sys::ERR_SSL_NO_USABLE_CIPHERSUITE => ErrorKind::NoSharedCipher,
        _ => ErrorKind::Protocol,
    }
}

/// Mbed TLS's words for one of its numbers.
fn describe(errno: i32) -> String {
    format!("{} (-0x{:04x})", mbedtls::Error::from(errno).as_str(), errno.unsigned_abs())
}

/// Why a configuration was refused. Every variant has a permanent code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConfigErrorKind {
    InvalidKey,
    InvalidCert,
    InvalidCa,
    InvalidCrl,
    InvalidPublicKey,
    KeyMismatch,
    InvalidCurve,
    InvalidSigalg,
    InvalidSrtpProfile,
    InvalidCipher,
    NoUsableCipher,
    InvalidPsk,
    InvalidPskIdentity,
    Internal,
}

/// A configuration that cannot work.
#[derive(Clone, Debug)]
pub(crate) struct ConfigError {
    kind: ConfigErrorKind,
    message: String,
}

impl ConfigError {
    pub(crate) fn new(kind: ConfigErrorKind, message: String) -> ConfigError {
        ConfigError { kind, message }
    }

    pub(crate) fn engine(kind: ConfigErrorKind, what: &str, error: mbedtls::Error) -> ConfigError {
        ConfigError { kind, message: format!("{what}: {}", describe(error.to_int())) }
    }

    pub(crate) fn internal(errno: i32, role: Role) -> ConfigError {
        let message = format!("The TLS engine refused the configuration of a {role:?}: {}", describe(errno));
        ConfigError { kind: ConfigErrorKind::Internal, message }
    }

    /// Permanent.
    pub(crate) fn code(&self) -> &'static str {
        match self.kind {
            ConfigErrorKind::InvalidKey => "ERR_DTLS_INVALID_KEY",
            ConfigErrorKind::InvalidCert => "ERR_DTLS_INVALID_CERT",
            ConfigErrorKind::InvalidCa => "ERR_DTLS_INVALID_CA",
            ConfigErrorKind::InvalidCrl => "ERR_DTLS_INVALID_CRL",
            ConfigErrorKind::InvalidPublicKey => "ERR_DTLS_INVALID_PUBLIC_KEY",
            ConfigErrorKind::KeyMismatch => "ERR_DTLS_KEY_MISMATCH",
            ConfigErrorKind::InvalidCurve => "ERR_DTLS_INVALID_CURVE",
            ConfigErrorKind::InvalidSigalg => "ERR_DTLS_INVALID_SIGALG",
            ConfigErrorKind::InvalidSrtpProfile => "ERR_DTLS_INVALID_SRTP_PROFILE",
            ConfigErrorKind::InvalidCipher => "ERR_DTLS_INVALID_CIPHER",
            ConfigErrorKind::NoUsableCipher => "ERR_DTLS_NO_USABLE_CIPHER",
            ConfigErrorKind::InvalidPsk => "ERR_DTLS_INVALID_PSK",
            ConfigErrorKind::InvalidPskIdentity => "ERR_DTLS_INVALID_PSK_IDENTITY",
            ConfigErrorKind::Internal => "ERR_DTLS_INTERNAL",
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
