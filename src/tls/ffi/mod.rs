//! Safe faces of AWS-LC's primitives, for whichever engine needs them. Beside an engine's own `ffi`, the only module with
//! `unsafe` code.
//!
//! It imports nothing of ours from above: what it needs are numbers, bytes and types of its own.

#![allow(unsafe_code)]

pub(crate) mod aead;
pub(crate) mod ccm;
pub(crate) mod groups;
pub(crate) mod hash;
pub(crate) mod mask;

/// AWS-LC did not do it: a record is not authentic, a point is not on its curve, or there is no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

/// Turns AWS-LC's 1 or 0 into a `Result`. What went wrong is in the thread's queue of errors, which nobody reads.
fn check(result: std::ffi::c_int) -> Result<(), Refused> {
    if result == 1 {
        return Ok(());
    }
    // SAFETY: takes nothing.
    unsafe { aws_lc_sys::ERR_clear_error() };
    Err(Refused)
}

/// Whether two strings of bytes are equal, in a time that depends on their lengths alone.
pub(crate) fn are_equal(left: &[u8], right: &[u8]) -> bool {
    // SAFETY: both are readable for the length, which is the same.
    left.len() == right.len()
        && unsafe { aws_lc_sys::CRYPTO_memcmp(left.as_ptr().cast(), right.as_ptr().cast(), left.len()) } == 0
}
