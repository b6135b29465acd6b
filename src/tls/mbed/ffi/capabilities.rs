//! What the engine was compiled with.

use super::sys;
use std::ffi::CStr;
use sys::types::raw_types::c_char;

/// Bytes that `version_get_string` writes at most (version.h).
const VERSION_ROOM: usize = 9;

/// Whether the engine was compiled with this group.
#[cfg(test)]
pub(crate) fn has_curve(id: sys::ecp_group_id) -> bool {
    // SAFETY: a search in a constant table.
    !unsafe { sys::ecp_curve_info_from_grp_id(id) }.is_null()
}

/// Version of the Mbed TLS that was linked.
pub(crate) fn engine_version() -> String {
    let mut text = [0 as c_char; VERSION_ROOM + 1];
    // SAFETY: the function writes at most `VERSION_ROOM` bytes, and a NUL is behind them.
    unsafe {
        sys::version_get_string(text.as_mut_ptr());
        CStr::from_ptr(text.as_ptr())
    }
    .to_string_lossy()
    .into_owned()
}

/// Version of the AWS-LC that was linked.
#[cfg(feature = "aws-lc")]
pub(crate) fn aws_lc_version() -> Option<String> {
    // SAFETY: answers a string constant for this selector.
    let text = unsafe { CStr::from_ptr(aws_lc_sys::OpenSSL_version(0)) }.to_string_lossy();
    // "AWS-LC 1.2.3", as OpenSSL would say "OpenSSL 3.0.0 7 sep 2021".
    text.split_whitespace().nth(1).map(str::to_owned)
}

/// Without AWS-LC.
#[cfg(not(feature = "aws-lc"))]
pub(crate) fn aws_lc_version() -> Option<String> {
    None
}
