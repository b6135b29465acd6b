//! What can go wrong: with a configuration, at the call; with a connection, for good.

use super::ffi::config::Role;
use crate::wire::{ExtensionFault, alert};
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

/// What is wrong with the peer's certificate, most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateFault {
    SelfSigned,
    UnknownIssuer,
    Revoked,
    Expired,
    NotYetValid,
    /// Revocation lists were given, and none that an issuer of the chain has signed.
    NoCrl,
    CrlExpired,
    CrlNotYetValid,
    WrongName,
    WrongPurpose,
    Missing,
    Weak,
    /// A raw public key of a kind, on a curve or of a size that is not accepted.
    UnacceptableKey,
    /// No X.509, or of a form that is not accepted.
    Unreadable,
    Other,
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

    /// What one side can present, the other does not accept.
    pub(crate) fn no_shared_certificate_type(what: &str) -> Error {
        Error::new(ErrorKind::NoSharedCertificateType, format!("The two sides have no kind of {what} in common"))
    }

    /// The peer broke the protocol in a way that has an alert of its own.
    pub(crate) fn protocol(alert: u8, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Protocol, message).with_alert(alert)
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

impl From<ExtensionFault> for Error {
    fn from(fault: ExtensionFault) -> Error {
        Error::protocol(fault.alert(), fault.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
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

    fn code(self) -> &'static str {
        match self {
            CertificateFault::SelfSigned => "DEPTH_ZERO_SELF_SIGNED_CERT",
            CertificateFault::UnknownIssuer => "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
            CertificateFault::Revoked => "CERT_REVOKED",
            CertificateFault::Expired => "CERT_HAS_EXPIRED",
            CertificateFault::NotYetValid => "CERT_NOT_YET_VALID",
            CertificateFault::NoCrl => "UNABLE_TO_GET_CRL",
            CertificateFault::CrlExpired => "CRL_HAS_EXPIRED",
            CertificateFault::CrlNotYetValid => "CRL_NOT_YET_VALID",
            CertificateFault::WrongName => "ERR_TLS_CERT_ALTNAME_INVALID",
            CertificateFault::WrongPurpose => "INVALID_PURPOSE",
            CertificateFault::Missing => "ERR_DTLS_NO_PEER_CERTIFICATE",
            CertificateFault::Weak | CertificateFault::UnacceptableKey => "ERR_DTLS_WEAK_CERTIFICATE",
            CertificateFault::Unreadable => "ERR_DTLS_INVALID_PEER_CERTIFICATE",
            CertificateFault::Other => "CERT_UNTRUSTED",
        }
    }

    fn message(self) -> &'static str {
        match self {
            CertificateFault::SelfSigned => {
                "The peer's certificate is self-signed and not among the trusted ones ('ca')"
            }
            CertificateFault::UnknownIssuer => "No trusted certificate ('ca') vouches for the peer's certificate",
            CertificateFault::Revoked => "The peer's certificate, or one that vouches for it, is revoked",
            CertificateFault::Expired => "The peer's certificate, or one that vouches for it, has expired",
            CertificateFault::NotYetValid => "The peer's certificate, or one that vouches for it, is not yet valid",
            CertificateFault::NoCrl => {
                "No revocation list ('crl') that an issuer of the peer's certificate has signed was found"
            }
            CertificateFault::CrlExpired => "The revocation list ('crl') of an issuer is out of date",
            CertificateFault::CrlNotYetValid => "The revocation list ('crl') of an issuer is not yet valid",
            CertificateFault::WrongName => "The peer's certificate is for another name or address ('servername')",
            CertificateFault::WrongPurpose => "The peer's certificate must not be used for this purpose (key usage)",
            CertificateFault::Missing => "The peer sent no certificate",
            CertificateFault::Weak => "The peer's certificate has a key or a signature that is too weak",
            CertificateFault::UnacceptableKey => {
                "The peer's raw public key is neither an EC key on P-256, P-384 or P-521 nor an RSA key of 2048 to 8192 bits"
            }
            CertificateFault::Unreadable => "The peer's certificate, or one that came with it, cannot be read",
            CertificateFault::Other => "The peer's certificate could not be verified",
        }
    }

    fn alert(self) -> u8 {
        match self {
            CertificateFault::SelfSigned | CertificateFault::UnknownIssuer => alert::UNKNOWN_CA,
            CertificateFault::Revoked => alert::CERTIFICATE_REVOKED,
            CertificateFault::Expired | CertificateFault::NotYetValid => alert::CERTIFICATE_EXPIRED,
            CertificateFault::Missing => alert::HANDSHAKE_FAILURE,
            _ => alert::BAD_CERTIFICATE,
        }
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
