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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_filled_to_its_last_byte_and_no_further() {
        let chain = |length: usize| [vec![0; 100], vec![0; length - 3 - (3 + 100) - 3]];
        let names = |length: usize| [vec![0; 100], vec![0; length - BESIDE_AUTHORITIES - (2 + 100) - 2]];
        assert!(check_chain(&chain(MESSAGE_LIMIT)).is_ok() && check_authorities(&names(MESSAGE_LIMIT)).is_ok());
        let (length, limit) = (MESSAGE_LIMIT + 1, MESSAGE_LIMIT);
        assert_eq!(check_chain(&chain(length)), Err(ConfigError::ChainTooLong { length, limit }));
        assert_eq!(check_authorities(&names(length)), Err(ConfigError::TooManyAuthorities { length, limit }));
    }
}
