//! What ends a connection for good, and what keeps one from exporting keys.

use super::certificate_fault::CertificateFault;
use super::claim::Claim;
use crate::wire::certificate::CertificateMessageFault;
use crate::wire::handshake::MESSAGE_LIMIT;
use crate::wire::{CertificateType, ExtensionFault, alert};
use std::fmt;

/// Why a connection failed. Every variant has a permanent code, which `binding` gives it (`docs/errors.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// A server asks a client for one cookie after another.
    TooManyCookies,
    /// Nothing came from a client's server.
    NoAnswer,
    /// A client's server speaks something else.
    NotDtls,
    /// The peer has no version of DTLS that we speak.
    WrongVersion,
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
    /// The peer sends a handshake message that is longer than there is room for.
    MessageTooLong,
    LookupFailed,
    /// Our own side's configuration does not allow the handshake.
    Configuration,
    Internal,
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
    /// Who the peer of a failed handshake says it is.
    pub(crate) claim: Option<Box<Claim>>,
}

impl Error {
    /// Cold, as most errors come through here: the code that leads to one is placed beside the way of those that succeed.
    #[cold]
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error { kind, errno: 0, alert: None, message: message.into(), claim: None }
    }

    /// An answer to a question that was not asked.
    pub(crate) fn unasked() -> Error {
        Error::new(ErrorKind::Internal, "The application's answer is to a question that no handshake has asked")
    }

    /// RFC 7301 section 3.2.
    pub(crate) fn no_application_protocol() -> Error {
        let message = "The two sides have no application protocol in common";
        Error::new(ErrorKind::NoApplicationProtocol, message)
    }

    /// The peer's raw public key is none of those that were expected.
    pub(crate) fn unexpected_key() -> Error {
        let message = "The peer's raw public key is none of the expected ones";
        Error::new(ErrorKind::PeerKeyMismatch, message)
    }

    /// A client accepts nothing of what this server can show (RFC 7250).
    pub(crate) fn shows_nothing_accepted(shown: &[CertificateType]) -> Error {
        let message = format!("This server shows {}, and the client accepts none", kinds(shown));
        Error::new(ErrorKind::NoSharedCertificateType, message)
    }

    /// The peer can show nothing of what this side accepts (RFC 7250). `peer`: "client" or "server".
    pub(crate) fn accepts_nothing_shown(accepted: &[CertificateType], peer: &str) -> Error {
        let message = format!("This side accepts {}, and the {peer} has none", kinds(accepted));
        Error::new(ErrorKind::NoSharedCertificateType, message)
    }

    /// A peer that was offered these versions said by its alert that it speaks none of them.
    pub(crate) fn wrong_version(offered: &str) -> Error {
        let message = format!("The peer does not speak {offered}, as its alert protocol_version says");
        Error::new(ErrorKind::WrongVersion, message).with_alert(alert::PROTOCOL_VERSION)
    }

    /// The peer ended the connection, or the handshake.
    pub(crate) fn ended_by_alert(description: Option<u8>, during_handshake: bool) -> Error {
        let name = description.map_or(alert::UNKNOWN, alert::name);
        let meaning = description.map_or("", |description| meaning(description, during_handshake));
        let message = format!("The peer ended the connection with the alert {name}{meaning}");
        Error { alert: description, ..Error::new(ErrorKind::AlertReceived, message) }
    }

    /// The peer has begun a handshake message of so many bytes, which it could only finish in vain.
    pub(crate) fn message_too_long(length: usize) -> Error {
        let message = format!(
            "The peer sends a handshake message of {length} bytes, and there is room for {MESSAGE_LIMIT}: its chain of \
             certificates, or its list of authorities, is too long"
        );
        Error::new(ErrorKind::MessageTooLong, message)
    }

    /// The peer broke the protocol in a way that has an alert of its own.
    #[cold]
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

    /// The same with a better message, if there is one.
    pub(super) fn saying(self, message: Option<String>) -> Error {
        Error { message: message.unwrap_or(self.message), ..self }
    }

    pub(crate) fn with_claim(mut self, claim: Option<Claim>) -> Error {
        self.claim = claim.map(Box::new);
        self
    }

    /// The fatal alert that tells the peer, when the engine did not send one itself.
    pub(crate) fn alert_to_send(&self) -> Option<u8> {
        match self.kind {
            ErrorKind::AlertReceived
            | ErrorKind::ClosedDuringHandshake
            | ErrorKind::HandshakeTimeout
            | ErrorKind::NoAnswer
            | ErrorKind::NotDtls => None,
            ErrorKind::WrongVersion => Some(alert::PROTOCOL_VERSION),
            // DTLS 1.3 has other alerts for a peer that shows nothing.
            ErrorKind::Certificate(fault) => Some(self.alert.unwrap_or(fault.alert())),
            ErrorKind::WrongSignature => Some(alert::DECRYPT_ERROR),
            ErrorKind::PeerKeyMismatch => Some(alert::BAD_CERTIFICATE),
            ErrorKind::PeerRefused => Some(alert::ACCESS_DENIED),
            ErrorKind::NoSharedCertificateType => Some(alert::UNSUPPORTED_CERTIFICATE),
            // DTLS 1.3 has another alert for it.
            ErrorKind::UnknownPskIdentity | ErrorKind::WrongPsk | ErrorKind::BadRecordMac => {
                Some(self.alert.unwrap_or(alert::BAD_RECORD_MAC))
            }
            ErrorKind::NoApplicationProtocol | ErrorKind::ProtocolsRefused => Some(alert::NO_APPLICATION_PROTOCOL),
            ErrorKind::NoSharedCipher
            | ErrorKind::NoExtendedMasterSecret
            | ErrorKind::NoPsk
            | ErrorKind::TooManyCookies => Some(alert::HANDSHAKE_FAILURE),
            ErrorKind::MessageTooLong => Some(alert::ILLEGAL_PARAMETER),
            ErrorKind::Protocol => Some(self.alert.unwrap_or(alert::DECODE_ERROR)),
            ErrorKind::Displaced | ErrorKind::LookupFailed | ErrorKind::Configuration | ErrorKind::Internal => {
                Some(alert::INTERNAL_ERROR)
            }
        }
    }
}

fn kinds(types: &[CertificateType]) -> &'static str {
    match types {
        [CertificateType::X509] => "certificates alone",
        [CertificateType::RawPublicKey] => "raw public keys alone",
        _ => "certificates and raw public keys",
    }
}

/// What a peer mostly means by an alert, to stand behind its name.
fn meaning(description: u8, during_handshake: bool) -> &'static str {
    match (during_handshake, description) {
        // RFC 5246 and RFC 8446 section 4.2.11: the first is of DTLS 1.2, and the second of DTLS 1.3.
        (true, alert::BAD_RECORD_MAC | alert::DECRYPT_ERROR) => {
            ": with a pre-shared key, it has another one or does not know the identity"
        }
        (true, alert::HANDSHAKE_FAILURE) => ": it has no cipher suite or credential in common with us",
        (_, alert::BAD_CERTIFICATE | alert::CERTIFICATE_UNKNOWN) => {
            ": it does not accept our certificate or raw public key"
        }
        (_, alert::UNSUPPORTED_CERTIFICATE) => {
            ": one side has certificates alone and the other raw public keys alone, or it does not know our kind of key"
        }
        (_, alert::CERTIFICATE_EXPIRED) => ": it says that our certificate is over",
        (_, alert::UNKNOWN_CA) => ": it does not trust the issuer of our certificate",
        (_, alert::ACCESS_DENIED) => ": it knows who we are, and does not let us in",
        (_, alert::CERTIFICATE_REQUIRED) => ": it asked for a client certificate, and got none",
        (true, alert::INTERNAL_ERROR) => ": it could not go on, for a reason of its own",
        _ => "",
    }
}

impl From<ExtensionFault> for Error {
    fn from(fault: ExtensionFault) -> Error {
        Error::protocol(fault.alert(), fault.to_string())
    }
}

impl From<CertificateMessageFault> for Error {
    fn from(fault: CertificateMessageFault) -> Error {
        match fault {
            CertificateMessageFault::OtherMessage => Error::protocol(
                alert::UNEXPECTED_MESSAGE,
                "The peer sent something else where its certificate or public key was due",
            ),
            CertificateMessageFault::Malformed => {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_have_a_meaning_where_a_peer_mostly_means_the_same() {
        let of_handshakes = [
            (20, ": with a pre-shared key, it has another one or does not know the identity"),
            (40, ": it has no cipher suite or credential in common with us"),
            (51, ": with a pre-shared key, it has another one or does not know the identity"),
            (80, ": it could not go on, for a reason of its own"),
        ];
        let of_both = [
            (42, ": it does not accept our certificate or raw public key"),
            (
                43,
                ": one side has certificates alone and the other raw public keys alone, or it does not know our kind of key",
            ),
            (45, ": it says that our certificate is over"),
            (46, ": it does not accept our certificate or raw public key"),
            (48, ": it does not trust the issuer of our certificate"),
            (49, ": it knows who we are, and does not let us in"),
            (116, ": it asked for a client certificate, and got none"),
        ];
        let find = |list: &[(u8, &'static str)], description| {
            list.iter().find(|(known, _)| *known == description).map(|(_, text)| *text)
        };
        for description in 0..=255 {
            let later = find(&of_both, description).unwrap_or_default();
            assert_eq!(meaning(description, false), later, "{description}");
            let in_handshake = find(&of_handshakes, description).unwrap_or(later);
            assert_eq!(meaning(description, true), in_handshake, "{description}");
        }
    }

    #[test]
    fn every_error_has_its_alert_or_none() {
        use ErrorKind::*;
        // What is sent, and what is sent where the error has an alert already.
        for (kind, alert, with_own) in [
            (AlertReceived, None, None),
            (ClosedDuringHandshake, None, None),
            (HandshakeTimeout, None, None),
            (NoAnswer, None, None),
            (NotDtls, None, None),
            (WrongVersion, Some(70), Some(70)),
            (Certificate(CertificateFault::Expired), Some(45), Some(99)),
            (WrongSignature, Some(51), Some(51)),
            (PeerKeyMismatch, Some(42), Some(42)),
            (PeerRefused, Some(49), Some(49)),
            (NoSharedCertificateType, Some(43), Some(43)),
            (UnknownPskIdentity, Some(20), Some(99)),
            (WrongPsk, Some(20), Some(99)),
            (BadRecordMac, Some(20), Some(99)),
            (NoApplicationProtocol, Some(120), Some(120)),
            (ProtocolsRefused, Some(120), Some(120)),
            (NoSharedCipher, Some(40), Some(40)),
            (NoExtendedMasterSecret, Some(40), Some(40)),
            (NoPsk, Some(40), Some(40)),
            (TooManyCookies, Some(40), Some(40)),
            (MessageTooLong, Some(47), Some(47)),
            (Protocol, Some(50), Some(99)),
            (Displaced, Some(80), Some(80)),
            (LookupFailed, Some(80), Some(80)),
            (Configuration, Some(80), Some(80)),
            (Internal, Some(80), Some(80)),
        ] {
            let error = Error::new(kind, "");
            assert_eq!((error.alert_to_send(), error.with_alert(99).alert_to_send()), (alert, with_own), "{kind:?}");
        }
    }

    #[test]
    fn what_either_side_can_show_is_named() {
        use CertificateType::{RawPublicKey, X509};
        for (types, name) in [
            (&[X509][..], "certificates alone"),
            (&[RawPublicKey], "raw public keys alone"),
            (&[X509, RawPublicKey], "certificates and raw public keys"),
        ] {
            let [shown, accepted] =
                [Error::shows_nothing_accepted(types), Error::accepts_nothing_shown(types, "client")];
            assert_eq!(shown.to_string(), format!("This server shows {name}, and the client accepts none"));
            assert_eq!(accepted.to_string(), format!("This side accepts {name}, and the client has none"));
        }
    }
}
