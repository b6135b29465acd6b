//! Proof, at compile time, that C and Rust agree about every struct that we touch, and that the overlay was used.
//!
//! `build.rs` has `layout.c` compiled against the installed headers and writes one assertion a line of `layout.h`.

use super::sys;

const _: () = assert!(sys::TLS_EXT_CID == 54, "Mbed TLS was not configured by mbedtls-overlay");

include!(concat!(env!("OUT_DIR"), "/layout.rs"));
