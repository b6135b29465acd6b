//! HMAC-SHA256 of the engine.

use mbedtls::hash::{Hmac, Type};

/// HMAC-SHA256 over the concatenation of `parts`; `None` when the engine is out of memory.
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Option<[u8; 32]> {
    let mut hmac = Hmac::new(Type::Sha256, key).ok()?;
    for part in parts {
        hmac.update(part).ok()?;
    }
    let mut output = [0; 32];
    hmac.finish(&mut output).ok()?;
    Some(output)
}
