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
// Without AWS-LC there is no DTLS 1.3: nobody uses what `wire` knows of its messages, and no association of it can be made.
#![cfg_attr(not(feature = "aws-lc"), allow(dead_code, unreachable_code))]
// The room that uses most of the rest is not there for fuzzers.
#![cfg_attr(fuzzing, allow(dead_code, unused_imports))]

#[cfg(not(fuzzing))]
mod binding;
mod proto;
mod tls;
mod wire;

/// What `fuzz/` feeds, by name. Nothing of it is compiled into the product.
#[cfg(fuzzing)]
pub mod fuzzing {
    /// All of them.
    pub fn targets() -> impl Iterator<Item = (&'static str, fn(&[u8]))> {
        crate::wire::fuzzing::TARGETS
            .into_iter()
            .chain(crate::tls::fuzzing::targets())
            .chain(crate::proto::tests::TARGETS)
    }
}
