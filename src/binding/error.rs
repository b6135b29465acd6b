//! Rust errors as JavaScript errors with a `code`.

use crate::proto::{ConfigError, SendError};

/// An error whose status becomes the JavaScript error's `code`.
pub(super) type CodedError = napi::Error<&'static str>;

pub(super) fn config_error(error: ConfigError) -> CodedError {
    CodedError::new(error.code(), error.to_string())
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
        SendError::Failed(error) => CodedError::new(error.code(), error.to_string()),
    }
}

pub(super) fn invalid_session(why: String) -> CodedError {
    CodedError::new("ERR_DTLS_INVALID_SESSION", format!("The saved session cannot be used: {why}"))
}

pub(super) fn no_address(address: &str) -> CodedError {
    internal(format!("'{address}' is not an IP address"))
}

pub(super) fn internal(message: impl std::fmt::Display) -> CodedError {
    CodedError::new("ERR_DTLS_INTERNAL", message.to_string())
}
