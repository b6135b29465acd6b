//! TLS 1.2's pseudorandom function (RFC 5246 section 5).

use super::{c_int, check, sys};
use std::ffi::CStr;
use zeroize::Zeroizing;

/// `length` bytes from `secret`.
pub(crate) fn prf(
    sha384: bool,
    secret: &[u8],
    label: &CStr,
    seed: &[u8],
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, c_int> {
    let kind = if sha384 { sys::SSL_TLS_PRF_SHA384 } else { sys::SSL_TLS_PRF_SHA256 };
    let mut output = Zeroizing::new(vec![0; length]);
    // SAFETY: each slice is readable, and `output` writable, for its length; `label` ends with NUL.
    check(unsafe {
        sys::ssl_tls_prf(
            kind,
            secret.as_ptr(),
            secret.len(),
            label.as_ptr(),
            seed.as_ptr(),
            seed.len(),
            output.as_mut_ptr(),
            output.len(),
        )
    })?;
    Ok(output)
}
