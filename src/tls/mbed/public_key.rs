//! Public keys that the application gives as options, in PEM or DER.

use super::credentials::{is_pem, with_nul};
use crate::tls::error::{ConfigError, ConfigErrorKind};
use crate::wire::{PublicKey, RSA_BITS};
use mbedtls::pk::Pk;

/// `option` and `index` say where the key came from.
pub(crate) fn parse_public_key(bytes: &[u8], option: &str, index: usize) -> Result<PublicKey, ConfigError> {
    let parsed = if is_pem(bytes) { Pk::from_public_key(&with_nul(bytes)) } else { Pk::from_public_key(bytes) };
    // Written anew, so that its bytes are the ones that a peer would send.
    let der = parsed.and_then(|mut key| key.write_public_der_vec()).map_err(|error| {
        ConfigError::engine(
            ConfigErrorKind::InvalidPublicKey,
            &format!("Entry {index} of the option '{option}' is not a public key that can be read, in PEM or DER"),
            error,
        )
    })?;
    PublicKey::recognise(&der).ok_or_else(|| {
        ConfigError::new(
            ConfigErrorKind::InvalidPublicKey,
            format!(
                "Entry {index} of the option '{option}' is neither an EC key on P-256, P-384 or P-521 nor an RSA \
                 key of {} to {} bits",
                RSA_BITS.start(),
                RSA_BITS.end()
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RSA_2048: &str = include_str!("../../proto/tests/keys/rsa-2048.pub.pem");
    const RSA_1024: &str = include_str!("../../proto/tests/keys/rsa-1024.pub.pem");

    #[test]
    fn a_key_in_pem_is_the_same_as_in_der_and_a_short_one_is_refused() {
        let key = parse_public_key(RSA_2048.as_bytes(), "peerPublicKey", 0).unwrap();
        assert!(key.is_rsa());
        assert_eq!(parse_public_key(key.der(), "peerPublicKey", 0).unwrap(), key);
        let short = parse_public_key(RSA_1024.as_bytes(), "peerPublicKey", 0).unwrap_err();
        assert_eq!(short.code(), "ERR_DTLS_INVALID_PUBLIC_KEY");
    }
}
