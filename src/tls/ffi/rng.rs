//! Randomness: the operating system's generator, which survives forks, snapshots and threads.

use super::{c_int, c_void, sys};
use sys::types::raw_types::c_uchar;

/// The operating system gave no randomness.
#[derive(Debug)]
pub(crate) struct RngError;

/// Fills `bytes` with random bytes of the operating system.
pub(crate) fn fill_random(bytes: &mut [u8]) -> Result<(), RngError> {
    getrandom::fill(bytes).map_err(|_| RngError)
}

/// `f_rng` of every configuration.
pub(super) unsafe extern "C" fn random(_context: *mut c_void, output: *mut c_uchar, length: usize) -> c_int {
    // SAFETY: Mbed TLS passes a buffer of `length` writable bytes, and nobody else holds it meanwhile.
    let bytes = unsafe { std::slice::from_raw_parts_mut(output, length) };
    match fill_random(bytes) {
        Ok(()) => 0,
        Err(RngError) => sys::ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED,
    }
}
