//! Rust errors as JavaScript errors with a `code`.

use super::words;
use crate::proto::{ConfigError, EXPORT_LIMIT, ExportError, SendError, Unrestorable};

/// An error whose status becomes the JavaScript error's `code`.
pub(super) type CodedError = napi::Error<&'static str>;

pub(super) fn config_error(error: impl Into<ConfigError>) -> CodedError {
    let error = error.into();
    CodedError::new(words::code_of_config(&error), words::message_of_config(&error))
}

pub(super) fn send_error(error: SendError) -> CodedError {
    match error {
        SendError::NotConnected => CodedError::new(
            "ERR_DTLS_NOT_CONNECTED",
            "The connection is closed, or its handshake is not over".to_owned(),
        ),
        SendError::TooLarge { length, limit } => CodedError::new(
            "ERR_DTLS_PAYLOAD_TOO_LARGE",
            format!("Payload of {length} bytes exceeds the record limit of {limit}"),
        ),
        SendError::NoNumbers => CodedError::new(
            "ERR_DTLS_NO_RECORD_NUMBERS",
            "The message was not sent: the store of connections has yet to confirm further record numbers".to_owned(),
        ),
        SendError::Failed(error) => CodedError::new(words::code(error.kind), words::message(&error)),
    }
}

pub(super) fn export_error(error: ExportError) -> CodedError {
    match error {
        ExportError::NotConnected => {
            CodedError::new("ERR_TLS_INVALID_STATE", "There is no connection to export keys from".to_owned())
        }
        ExportError::Label => CodedError::new(
            "ERR_INVALID_ARG_VALUE",
            "The argument 'label' is empty, has a zero byte, or is reserved (RFC 5705)".to_owned(),
        ),
        ExportError::Length => CodedError::new(
            "ERR_OUT_OF_RANGE",
            format!("The length is not between 1 and {EXPORT_LIMIT} bytes, or the context has more than 65535"),
        ),
    }
}

pub(super) fn invalid_session(why: String) -> CodedError {
    CodedError::new("ERR_DTLS_INVALID_SESSION", format!("The saved session cannot be used: {why}"))
}

pub(super) fn unrestorable(why: Unrestorable) -> CodedError {
    match why {
        Unrestorable::Suite(_) => {
            CodedError::new("ERR_DTLS_UNRESTORABLE_CIPHER", format!("The saved connection cannot go on: {why}"))
        }
        Unrestorable::State(why) => invalid_session(why.to_owned()),
    }
}

pub(super) fn no_address(address: &str) -> CodedError {
    let message = match address.split_once('%') {
        Some((_, zone)) => format!("'{address}': this machine has no network interface '{zone}'"),
        None => format!("'{address}' is not an IP address"),
    };
    CodedError::new("ERR_INVALID_IP_ADDRESS", message)
}

pub(super) fn internal(message: impl std::fmt::Display) -> CodedError {
    CodedError::new("ERR_DTLS_INTERNAL", message.to_string())
}
