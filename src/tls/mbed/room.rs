//! What has room in one handshake message of ours. It is counted when a configuration is made: the engine would notice in
//! the handshake, or name some authorities and leave the others out.

use crate::tls::config_error::ConfigError;
use crate::wire::handshake::MESSAGE_LIMIT;

/// Bytes of a CertificateRequest beside the authorities, at most: certificate types, signature algorithms, lengths (RFC 5246
/// section 7.4.4).
const BESIDE_AUTHORITIES: usize = 64;

/// Whether a chain of our own, in DER, has room in a Certificate message (RFC 5246 section 7.4.2).
pub(super) fn check_chain(chain: &[Vec<u8>]) -> Result<(), ConfigError> {
    let length = 3 + chain.iter().map(|certificate| 3 + certificate.len()).sum::<usize>();
    if length <= MESSAGE_LIMIT { Ok(()) } else { Err(ConfigError::ChainTooLong { length, limit: MESSAGE_LIMIT }) }
}

/// Whether all these names of authorities, in DER, have room in a CertificateRequest message.
pub(super) fn check_authorities(names: &[Vec<u8>]) -> Result<(), ConfigError> {
    let length = BESIDE_AUTHORITIES + names.iter().map(|name| 2 + name.len()).sum::<usize>();
    if length <= MESSAGE_LIMIT { Ok(()) } else { Err(ConfigError::TooManyAuthorities { length, limit: MESSAGE_LIMIT }) }
}
