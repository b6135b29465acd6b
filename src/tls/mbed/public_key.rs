//! Public keys of peers that the application expects, in PEM or DER.

use super::credentials::with_nul;
use super::errors::describe;
use crate::tls::config_error::ConfigError;
use crate::tls::pem::is_pem;
use crate::wire::PublicKey;
use mbedtls::pk::Pk;

/// `index` says which of the application's keys it is.
pub(crate) fn parse_public_key(bytes: &[u8], index: usize) -> Result<PublicKey, ConfigError> {
    let parsed = if is_pem(bytes) { Pk::from_public_key(&with_nul(bytes)) } else { Pk::from_public_key(bytes) };
    // Written anew, so that its bytes are the ones that a peer would send.
    let der = parsed
        .and_then(|mut key| key.write_public_der_vec())
        .map_err(|error| ConfigError::UnreadablePublicKey { index, reason: describe(error.to_int()) })?;
    PublicKey::recognise(&der).ok_or(ConfigError::UnacceptablePublicKey { index })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RSA_2048: &str = include_str!("../../proto/tests/keys/rsa-2048.pub.pem");
    const RSA_1024: &str = include_str!("../../proto/tests/keys/rsa-1024.pub.pem");

    #[test]
    fn a_key_in_pem_is_the_same_as_in_der_and_a_short_one_is_refused() {
        let key = parse_public_key(RSA_2048.as_bytes(), 0).unwrap();
        assert!(key.is_rsa());
        assert_eq!(parse_public_key(key.der(), 0).unwrap(), key);
        let short = parse_public_key(RSA_1024.as_bytes(), 3);
        assert_eq!(short, Err(ConfigError::UnacceptablePublicKey { index: 3 }));
    }
}
