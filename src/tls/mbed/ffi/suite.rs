//! Which cipher suites the engine was compiled with.

use super::{c_int, sys};
use std::ffi::CStr;

/// Mbed TLS's name (`TLS-PSK-WITH-AES-128-CCM-8`) of the suite with this IANA number, if the engine has it.
pub(crate) fn compiled_name(id: u16) -> Option<&'static str> {
    // SAFETY: a search in a constant table.
    let info = unsafe { sys::ssl_ciphersuite_from_id(c_int::from(id)).as_ref() }?;
    // SAFETY: the table's names are C string literals.
    unsafe { CStr::from_ptr(info.name) }.to_str().ok()
}
