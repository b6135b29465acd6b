//! Safe faces of the C engine. The only module with `unsafe` code.
//!
//! It imports nothing of ours from above: what it needs are numbers, bytes and types of its own.
//!
//! Callbacks that C calls compare, install and return: no waiting, no user code, no panic.

#![allow(unsafe_code)]

mod aead;
pub(crate) mod bio;
mod buffers;
pub(crate) mod capabilities;
pub(crate) mod carrier;
pub(crate) mod config;
mod elliptic;
mod hello;
pub(crate) mod hello_extensions;
pub(crate) mod hmac;
mod layout;
pub(crate) mod memory;
pub(crate) mod negotiation;
pub(crate) mod own_key;
pub(crate) mod prf;
mod psk;
mod raw_public_key;
mod records;
mod rng;
pub(crate) mod rsa;
pub(crate) mod saved;
pub(crate) mod sealing;
pub(crate) mod secrets;
pub(crate) mod session;
mod sha2;
pub(crate) mod shells;
pub(crate) mod ssl;
mod start_up;
#[cfg(test)]
pub(crate) mod suite;
#[cfg(test)]
mod tests;
pub(crate) mod wiped;
#[cfg(not(feature = "aws-lc"))]
pub(crate) mod x509;

use mbedtls_sys as sys;
use sys::types::raw_types::{c_int, c_uchar, c_void};

/// Turns Mbed TLS's result, zero or a negative number, into a `Result`.
fn check(code: c_int) -> Result<(), c_int> {
    if code == 0 { Ok(()) } else { Err(code) }
}

/// Bytes of C's, which may have none at null.
///
/// # Safety
///
/// `data` is readable for `length` as long as the answer is used, or `length` is 0.
unsafe fn bytes<'a>(data: *const c_uchar, length: usize) -> &'a [u8] {
    if length == 0 {
        return &[];
    }
    // SAFETY: the caller's.
    unsafe { std::slice::from_raw_parts(data, length) }
}
