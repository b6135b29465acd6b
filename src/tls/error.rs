//! What ends a connection for good, and what keeps one from exporting keys.

use crate::wire::certificate::NoRawPublicKey;
use crate::wire::{ExtensionFault, alert};
use std::fmt;

/// Why a connection failed. Every variant has a permanent code, which `binding` gives it (`docs/errors.md`).
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
    /// A server had too many handshakes, and this one had the least claim to its place.
    Displaced,
    /// The application knew no key for the identity. The peer cannot tell this from `WrongPsk`.
    UnknownPskIdentity,
    WrongPsk,
    /// A client's application has no pre-shared key for the server.
    NoPsk,
    BadRecordMac,
    NoSharedCipher,
    /// The two sides have no application protocol in common (RFC 7301).
    NoApplicationProtocol,
    /// The application chose none of the client's application protocols.
    ProtocolsRefused,
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
    /// The engine's negative number; 0 when the engine was not asked.
    pub(crate) errno: i32,
    /// The alert that was sent, or received.
    pub(crate) alert: Option<u8>,
    pub(super) message: String,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error { kind, errno: 0, alert: None, message: message.into() }
    }

    /// RFC 7301 section 3.2.
    /// An answer to a question that was not asked.
    pub(crate) fn unasked() -> Error {
        Error::new(ErrorKind::Internal, "The application's answer is to a question that no handshake has asked")
    }

    pub(crate) fn no_application_protocol() -> Error {
        let message = "The two sides have no application protocol in common";
        Error::new(ErrorKind::NoApplicationProtocol, message)
    }

    /// The peer's raw public key is none of those that were expected.
    pub(crate) fn unexpected_key() -> Error {
        let message = "The peer's raw public key is none of the expected ones";
        Error::new(ErrorKind::PeerKeyMismatch, message)
    }

    /// What one side can present, the other does not accept.
    pub(crate) fn no_shared_certificate_type(what: &str) -> Error {
        Error::new(ErrorKind::NoSharedCertificateType, format!("The two sides have no kind of {what} in common"))
    }

    /// The peer broke the protocol in a way that has an alert of its own.
    pub(crate) fn protocol(alert: u8, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Protocol, message).with_alert(alert)
    }

    pub(super) fn with_errno(mut self, errno: i32) -> Error {
        self.errno = errno;
        self
    }

    pub(crate) fn with_alert(mut self, description: u8) -> Error {
        self.alert = Some(description);
        self
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
            ErrorKind::NoApplicationProtocol | ErrorKind::ProtocolsRefused => Some(alert::NO_APPLICATION_PROTOCOL),
            ErrorKind::NoSharedCipher | ErrorKind::NoExtendedMasterSecret | ErrorKind::NoPsk => {
                Some(alert::HANDSHAKE_FAILURE)
            }
            ErrorKind::Protocol => Some(self.alert.unwrap_or(alert::DECODE_ERROR)),
            ErrorKind::Displaced | ErrorKind::LookupFailed | ErrorKind::Internal => Some(alert::INTERNAL_ERROR),
        }
    }
}

impl From<ExtensionFault> for Error {
    fn from(fault: ExtensionFault) -> Error {
        Error::protocol(fault.alert(), fault.to_string())
    }
}

impl From<NoRawPublicKey> for Error {
    fn from(fault: NoRawPublicKey) -> Error {
        match fault {
            NoRawPublicKey::OtherMessage => {
                Error::protocol(alert::UNEXPECTED_MESSAGE, "The peer sent something else where its public key was due")
            }
            NoRawPublicKey::Malformed => {
                Error::protocol(alert::DECODE_ERROR, "The peer's Certificate message is malformed")
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl CertificateFault {
    pub(super) fn message(self) -> &'static str {
        match self {
            CertificateFault::SelfSigned => "The peer's certificate is self-signed and not among the trusted ones",
            CertificateFault::UnknownIssuer => "No trusted certificate vouches for the peer's certificate",
            CertificateFault::Revoked => "The peer's certificate, or one that vouches for it, is revoked",
            CertificateFault::Expired => "The peer's certificate, or one that vouches for it, has expired",
            CertificateFault::NotYetValid => "The peer's certificate, or one that vouches for it, is not yet valid",
            CertificateFault::NoCrl => {
                "No revocation list that an issuer of the peer's certificate has signed was found"
            }
            CertificateFault::CrlExpired => "The revocation list of an issuer is out of date",
            CertificateFault::CrlNotYetValid => "The revocation list of an issuer is not yet valid",
            CertificateFault::WrongName => "The peer's certificate is for another name or address",
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

    pub(super) fn alert(self) -> u8 {
        match self {
            CertificateFault::SelfSigned | CertificateFault::UnknownIssuer => alert::UNKNOWN_CA,
            CertificateFault::Revoked => alert::CERTIFICATE_REVOKED,
            CertificateFault::Expired | CertificateFault::NotYetValid => alert::CERTIFICATE_EXPIRED,
            CertificateFault::Missing => alert::HANDSHAKE_FAILURE,
            _ => alert::BAD_CERTIFICATE,
        }
    }
}

/// Bytes of keying material that can be exported at a time (RFC 5705).
pub(crate) const EXPORT_LIMIT: usize = 65_536;

/// Why no keying material was exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExportError {
    NotConnected,
    /// The label is reserved, empty, or has a zero byte.
    Label,
    /// More bytes were asked for, or came as a context, than there is a length for.
    Length,
}
