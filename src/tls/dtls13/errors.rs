//! Errors of this engine, which has no numbers for them.

use super::link::Fault;
use crate::tls::error::{Error, ErrorKind};
use crate::tls::ffi::Refused;
use crate::wire::alert;
use crate::wire::certificate13::ProofFault;
use crate::wire::hello13::ChoiceFault;

impl From<Refused> for Error {
    /// Nothing that a peer does leads here: what it can do wrong is told apart where it is read.
    fn from(_: Refused) -> Error {
        Error::new(ErrorKind::Internal, "The keys of the connection could not be made, or are used up")
    }
}

impl From<ChoiceFault> for Error {
    fn from(fault: ChoiceFault) -> Error {
        match fault {
            ChoiceFault::Malformed => {
                Error::protocol(alert::DECODE_ERROR, "The server's hello, or one of its extensions, is malformed")
            }
            ChoiceFault::OtherVersion => {
                let message = "The server does not speak DTLS 1.3, and this client speaks no other version";
                Error::new(ErrorKind::WrongVersion, message)
            }
            ChoiceFault::Illegal => Error::protocol(
                alert::ILLEGAL_PARAMETER,
                "The server's hello has a session id or a compression method that was not offered",
            ),
            ChoiceFault::Unoffered(id) => Error::protocol(
                alert::UNSUPPORTED_EXTENSION,
                format!("The server's hello has the extension {id}, which does not belong there"),
            ),
            ChoiceFault::Extensions(fault) => fault.into(),
        }
    }
}

impl Fault {
    /// The error, where it was an authentic record. `what`: the name of its content.
    pub(super) fn of(self, what: &str) -> Error {
        match self {
            Fault::Malformed => malformed(&format!("The peer sent a malformed {what}")),
            Fault::TooLong(length) => Error::message_too_long(length),
        }
    }
}

impl From<ProofFault> for Error {
    fn from(fault: ProofFault) -> Error {
        match fault {
            ProofFault::Malformed => malformed(
                "A message by which the peer proves who it is, or asks for a proof, is malformed: Certificate, \
                 CertificateVerify or CertificateRequest",
            ),
            ProofFault::Context => illegal("The peer's Certificate or CertificateRequest message has a context"),
            // RFC 8446 section 4.4.2.
            ProofFault::Unoffered(id) => Error::protocol(
                alert::UNSUPPORTED_EXTENSION,
                format!("A certificate of the peer comes with the extension {id}, which was not asked for"),
            ),
            ProofFault::Extensions(fault) => fault.into(),
        }
    }
}

/// The peer said what cannot be meant at this point.
#[cold]
pub(super) fn unexpected(what: &str) -> Error {
    Error::protocol(alert::UNEXPECTED_MESSAGE, what)
}

/// The peer chose, or repeated, something that was not there to be chosen.
#[cold]
pub(super) fn illegal(what: &str) -> Error {
    Error::protocol(alert::ILLEGAL_PARAMETER, what)
}

#[cold]
pub(super) fn malformed(what: &str) -> Error {
    Error::protocol(alert::DECODE_ERROR, what)
}

/// The peer ended the connection.
pub(super) fn alert_received(description: u8, during_handshake: bool) -> Error {
    match (during_handshake, description) {
        (true, alert::NO_APPLICATION_PROTOCOL) => Error::no_application_protocol().with_alert(description),
        (true, alert::PROTOCOL_VERSION) => Error::wrong_version("DTLS 1.3"),
        (true, alert::CLOSE_NOTIFY | alert::USER_CANCELED) => {
            Error::new(ErrorKind::ClosedDuringHandshake, "The peer closed the connection during the handshake")
        }
        _ => Error::ended_by_alert(Some(description), during_handshake),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_in_a_handshake_that_say_what_is_wrong_are_errors_of_their_own() {
        for (description, kind) in [
            (alert::NO_APPLICATION_PROTOCOL, ErrorKind::NoApplicationProtocol),
            (alert::PROTOCOL_VERSION, ErrorKind::WrongVersion),
            (alert::CLOSE_NOTIFY, ErrorKind::ClosedDuringHandshake),
            (alert::USER_CANCELED, ErrorKind::ClosedDuringHandshake),
            (alert::HANDSHAKE_FAILURE, ErrorKind::AlertReceived),
        ] {
            assert_eq!(alert_received(description, true).kind, kind, "{description}");
            let later = alert_received(description, false);
            assert_eq!((later.kind, later.alert), (ErrorKind::AlertReceived, Some(description)));
        }
        assert_eq!(alert_received(alert::NO_APPLICATION_PROTOCOL, true).alert, Some(alert::NO_APPLICATION_PROTOCOL));
        assert!(alert_received(alert::PROTOCOL_VERSION, true).to_string().contains("DTLS 1.3"));
    }
}
