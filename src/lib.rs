//! DTLS server and client for Node.js, through Rust and Node-API: DTLS 1.2 by Mbed TLS, and DTLS 1.3 by an engine of our own.
//!
//! Layers, each importing only the one below it (`scripts/check-layers.mjs` proves it):
//!
//! * [`binding`]: JavaScript values to Rust values and back; the only user of `napi`, and of the clock.
//! * [`proto`]: the product. Routing, cookie gate, look-ups, timers, limits; sans-I/O, time is an argument.
//! * [`wire`]: records, hellos, alerts, extensions; bytes that need no engine.
//! * [`tls`]: the face of the engines. `tls::mbed` is Mbed TLS made sans-I/O, for DTLS 1.2; `tls::dtls13` is our own, for DTLS
//!   1.3, on the primitives in `tls::ffi`. All `unsafe` is there and in `tls::mbed::ffi`.

#![deny(unsafe_code)]
#![warn(missing_docs, rust_2018_idioms, unreachable_pub)]

mod binding;
mod proto;
mod tls;
mod wire;
