//! The engine for DTLS 1.3 (RFC 9147): our own, in safe Rust on AWS-LC's primitives.
//!
//! It knows nothing of Mbed TLS. An [`Association`] is one side of one connection, and [`Retry`] what a server answers before it
//! keeps anything.

mod acknowledgments;
mod association;
mod beside;
mod client;
mod config;
mod departure;
mod errors;
mod finish;
mod flight;
mod hellos;
mod incoming;
mod link;
mod numbers;
mod open;
mod protection;
mod retry;
mod saved;
mod schedule;
mod server;
mod suite;
#[cfg(test)]
mod tests;
mod transcript;

pub(crate) use association::Association;
pub(crate) use config::{ClientConfig, ServerConfig};
pub(crate) use retry::Retry;
pub(crate) use saved::Saved;
