//! The engine for DTLS 1.2: Mbed TLS, made sans-I/O and steered step by step.
//!
//! `ffi` has all that is unsafe, and knows nothing of what stands above it. The rooms of the face import this module's
//! re-exports, and nothing of `ffi`.

pub(crate) mod capabilities;
mod certificates;
mod config;
mod cookies;
mod credentials;
mod curves;
pub(super) mod digest;
mod early;
mod errors;
mod exporter;
mod failure;
mod ffi;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;
mod handshake;
mod hellos;
#[cfg(all(any(test, fuzzing), feature = "aws-lc"))]
mod insider;
mod key_log;
mod last_flight;
mod negotiation;
mod no_shared_cipher;
mod numbers;
mod open;
mod psk;
mod public_key;
mod resumption;
mod room;
mod rules;
mod saved;
mod scope;
mod ssl;
mod steps;
#[cfg(test)]
mod tests;
mod work;
#[cfg(not(feature = "aws-lc"))]
pub(super) mod x509;

pub(crate) use config::{ClientConfig, ServerConfig};
pub(crate) use credentials::Credentials;
pub(crate) use exporter::export;
pub(crate) use ffi::config::SslConfig;
pub(crate) use ffi::hmac::HmacKey;
#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
pub(crate) use ffi::memory::allocated;
pub(crate) use ffi::memory::release_free_memory;
#[cfg(test)]
pub(crate) use ffi::prf::derivations;
pub(crate) use ffi::sealing::{SEALING_KEY_LENGTH, TAG_LENGTH, open_sealed, seal_once};
pub(crate) use ffi::ssl::Ssl;
pub(crate) use handshake::Handshake;
#[cfg(all(any(test, fuzzing), feature = "aws-lc"))]
pub(super) use insider::Insider;
pub(crate) use last_flight::LastFlight;
pub(crate) use negotiation::{group_numbers, has_group};
pub(crate) use open::{Asleep, Open};
pub(crate) use public_key::parse_public_key;
pub(crate) use scope::scope;

use super::psk::{PSK_HINT_LIMIT, PSK_LIMIT};
use crate::wire::RECORD_LIMIT;
use mbedtls_sys as sys;

// The overlay compiles our limits into the engine.
const _: () = assert!(sys::PSK_MAX_LEN as usize >= PSK_LIMIT);
const _: () = assert!(sys::PSK_HINT_MAX_LEN as usize == PSK_HINT_LIMIT);
const _: () = assert!(sys::SSL_IN_CONTENT_LEN as usize == RECORD_LIMIT);
const _: () = assert!(sys::SSL_OUT_CONTENT_LEN as usize == RECORD_LIMIT);
