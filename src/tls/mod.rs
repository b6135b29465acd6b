//! One Mbed TLS context made sans-I/O: records and a virtual clock in, records and deadlines out.
//!
//! Everything above this module is free of Mbed TLS: the engine can be replaced here one day.

mod alert;
mod application_protocol;
pub(crate) mod capabilities;
mod certificate_fault;
mod certificate_type;
mod chain;
mod choice;
mod client_hello;
mod config;
mod context;
mod credentials;
mod curves;
mod error;
mod exporter;
mod ffi;
mod handshake;
mod hello_fragments;
mod last_flight;
mod negotiation;
mod peer;
mod pem;
mod psk;
mod public_key;
mod record;
mod refusal;
mod saved;
mod server_identity;
mod server_name;
mod srtp;
mod suites;
mod work;

pub(crate) use choice::Asks;
pub(crate) use client_hello::{ClientHello, HelloStart};
pub(crate) use config::{ClientConfig, ClientPsk, ServerConfig, Settings, check_psk};
pub(crate) use context::{Context, Finished, Inbound};
pub(crate) use credentials::{Credentials, RevocationLists, TrustAnchors};
pub(crate) use error::{ConfigError, Error, ErrorKind};
pub(crate) use exporter::{EXPORT_LIMIT, ExportError};
pub(crate) use ffi::bio::Outbox;
pub(crate) use ffi::hmac::HmacKey;
pub(crate) use ffi::memory::release_free_memory;
pub(crate) use ffi::rng::{RngError, fill_random};
pub(crate) use handshake::{Negotiated, Progress, Question, Terms};
pub(crate) use hello_fragments::HelloFragments;
pub(crate) use negotiation::{MaxFragmentLength, Wishes};
pub(crate) use peer::{Authorization, PeerAuthentication, PeerCredential};
pub(crate) use public_key::PublicKey;
pub(crate) use record::{ContentType, OwnedRecord, RECORD_HEADER_LENGTH, Record, Records};
pub(crate) use saved::{ReplayWindow, ResumableSession, SavedConnection, SessionId, Unrestorable};
pub(crate) use server_name::server_name;
pub(crate) use suites::Suite;

/// Bytes of plaintext in one record (RFC 5246 section 6.2.1).
pub(crate) const RECORD_LIMIT: usize = 16384;

/// Bytes in a pre-shared key, at most (`MBEDTLS_PSK_MAX_LEN` in the overlay).
pub(crate) const PSK_LIMIT: usize = 64;

/// Bytes in a PSK identity, at most; longer ones have overflowed an engine's buffers before (CVE-2026-50580).
pub(crate) const PSK_IDENTITY_LIMIT: usize = 256;

/// Bytes in a hint that a server sends, at most: what RFC 4279 section 5.3 has clients take.
pub(crate) const PSK_HINT_LIMIT: usize = 128;
