//! DTLS 1.2 server and client for Node.js: Mbed TLS through Rust and Node-API.
//!
//! Layers, each importing only the one below it (`scripts/check-layers.mjs` proves it):
//!
//! * [`binding`]: JavaScript values to Rust values and back; the only user of `napi`, and of the clock.
//! * [`proto`]: the product. Routing, cookie gate, look-ups, timers, limits; sans-I/O, time is an argument.
//! * [`wire`]: records, hellos, alerts, extensions; bytes that need no engine.
//! * [`tls`]: the face of an engine; `tls::mbed` is Mbed TLS made sans-I/O, with all `unsafe` in `tls::mbed::ffi`.

#![deny(unsafe_code)]
#![warn(missing_docs, rust_2018_idioms, unreachable_pub)]

mod binding;
mod proto;
mod tls;
mod wire;
