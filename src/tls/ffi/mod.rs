//! Safe faces of AWS-LC's primitives, for whichever engine needs them. Beside an engine's own `ffi`, the only module with
//! `unsafe` code.
//!
//! It imports nothing of ours from above: what it needs are numbers, bytes and types of its own.

#![allow(unsafe_code)]

#[cfg(feature = "aws-lc")]
pub(crate) mod aead;
#[cfg(feature = "aws-lc")]
pub(crate) mod ccm;
#[cfg(feature = "aws-lc")]
pub(crate) mod groups;
#[cfg(feature = "aws-lc")]
pub(crate) mod hash;
#[cfg(feature = "aws-lc")]
mod kem;
#[cfg(feature = "aws-lc")]
pub(crate) mod mask;
#[cfg(all(test, feature = "aws-lc", target_os = "linux", target_env = "gnu"))]
mod scarce_memory;
#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
pub(crate) mod scarcity;
#[cfg(feature = "aws-lc")]
pub(crate) mod sign;
pub(crate) mod x509;

/// AWS-LC did not do it: a record is not authentic, a point is not on its curve, or there is no memory.
#[cfg(feature = "aws-lc")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

/// Turns AWS-LC's 1 or 0 into a `Result`. What went wrong is in the thread's queue of errors, which nobody reads.
#[cfg(feature = "aws-lc")]
fn check(result: std::ffi::c_int) -> Result<(), Refused> {
    if result == 1 {
        return Ok(());
    }
    // SAFETY: takes nothing.
    unsafe { aws_lc_sys::ERR_clear_error() };
    Err(Refused)
}

/// Makes zeros of a secret that is not needed any more.
#[cfg(feature = "aws-lc")]
pub(crate) fn wipe(bytes: &mut [u8]) {
    // SAFETY: they are writable for their length.
    unsafe { aws_lc_sys::OPENSSL_cleanse(bytes.as_mut_ptr().cast(), bytes.len()) };
}

/// The same of a value.
///
/// # Safety
///
/// Zeros are a valid value.
#[cfg(feature = "aws-lc")]
unsafe fn wipe_value<T: Copy>(value: &mut T) {
    // SAFETY: it is writable for its length; the rest is the caller's.
    unsafe { aws_lc_sys::OPENSSL_cleanse(std::ptr::from_mut(value).cast(), size_of::<T>()) };
}

/// Whether two strings of bytes are equal, in a time that depends on their lengths alone.
#[cfg(feature = "aws-lc")]
pub(crate) fn are_equal(left: &[u8], right: &[u8]) -> bool {
    // SAFETY: both are readable for the length, which is the same.
    left.len() == right.len()
        && unsafe { aws_lc_sys::CRYPTO_memcmp(left.as_ptr().cast(), right.as_ptr().cast(), left.len()) } == 0
}

/// What is in a value's place after it was dropped. Nobody reads that but whoever finds secrets in memory, and a test.
#[cfg(all(test, feature = "aws-lc"))]
pub(crate) fn left_by<T>(value: T) -> Vec<u8> {
    let mut place = Box::new(std::mem::MaybeUninit::zeroed());
    place.write(value);
    // SAFETY: it is initialised, and dropped once.
    unsafe { place.assume_init_drop() };
    let start = place.as_ptr().cast::<u8>();
    // SAFETY: the place is the box's still, and began with zeros.
    (0..size_of::<T>()).map(|at| unsafe { start.add(at).read_volatile() }).collect()
}

/// Whether something that went wrong on this thread is still in AWS-LC's queue.
#[cfg(all(test, feature = "aws-lc"))]
pub(crate) fn has_errors() -> bool {
    // SAFETY: touches the queue of this thread alone.
    unsafe { aws_lc_sys::ERR_peek_error() != 0 }
}
