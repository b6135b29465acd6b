//! The engine's random numbers: the operating system's generator, which survives forks, snapshots and threads.

use super::{c_int, c_void, sys};
use sys::types::raw_types::c_uchar;

/// `f_rng` of every configuration.
pub(super) unsafe extern "C" fn random(_context: *mut c_void, output: *mut c_uchar, length: usize) -> c_int {
    // SAFETY: Mbed TLS passes a buffer of `length` writable bytes, and nobody else holds it meanwhile.
    let bytes = unsafe { std::slice::from_raw_parts_mut(output, length) };
    match getrandom::fill(bytes) {
        Ok(()) => 0,
        Err(_) => sys::ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED,
    }
}
