//! The engine for DTLS 1.3 (RFC 9147): our own, in safe Rust on AWS-LC's primitives.
//!
//! It knows nothing of Mbed TLS. An [`Association`] is one side of one connection, and [`Retry`] what a server answers before it
//! keeps anything.

mod acknowledgments;
mod asleep;
mod association;
mod beside;
mod client;
mod client_reading;
mod client_sessions;
mod config;
mod context;
mod departure;
mod errors;
mod finish;
mod flight;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;
mod greeting;
mod hellos;
mod hkdf;
mod incoming;
#[cfg(any(test, fuzzing))]
mod insider;
mod link;
mod numbers;
mod open;
mod peer_proof;
mod proof;
mod protection;
mod reservation;
mod retry;
mod saved;
mod schedule;
mod server;
mod server_choices;
mod server_flight;
mod server_sessions;
mod session_key;
mod steps;
mod suite;
#[cfg(test)]
mod tests;
mod transcript;

/// Whether the version is spoken at all.
pub(crate) const IS_BUILT: bool = true;

pub(crate) use association::Association;
pub(crate) use config::{ClientConfig, ServerConfig, has_group};
pub(crate) use context::Context;
#[cfg(any(test, fuzzing))]
pub(super) use insider::Insider;
pub(crate) use retry::Retry;
pub(crate) use saved::Saved;
