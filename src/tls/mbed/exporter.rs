//! Keying material for other protocols (RFC 5705), from what a saved connection keeps too.

use super::ffi::prf::prf;
use crate::tls::error::{EXPORT_LIMIT, ExportError};
use crate::tls::saved::SavedDtls12;
use std::ffi::CString;
use zeroize::Zeroizing;

/// What the handshake itself derives keys with (RFC 5705 section 4, RFC 7627): exporting them would give the keys away.
const RESERVED: [&[u8]; 5] =
    [b"client finished", b"server finished", b"master secret", b"extended master secret", b"key expansion"];

/// Without a context the result differs from that with an empty one (RFC 5705 section 4).
pub(crate) fn export(
    connection: &SavedDtls12,
    label: &[u8],
    context: Option<&[u8]>,
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, ExportError> {
    if RESERVED.contains(&label) || label.is_empty() {
        return Err(ExportError::Label);
    }
    if !(1..=EXPORT_LIMIT).contains(&length) {
        return Err(ExportError::Length);
    }
    let label = CString::new(label).map_err(|_| ExportError::Label)?;
    let mut seed = connection.randoms.to_vec();
    if let Some(context) = context {
        let length = u16::try_from(context.len()).map_err(|_| ExportError::Length)?;
        seed.extend_from_slice(&length.to_be_bytes());
        seed.extend_from_slice(context);
    }
    let sha384 = connection.suite.uses_sha384();
    prf(sha384, &*connection.master_secret, &label, &seed, length).map_err(|_| ExportError::Length)
}
