//! What has room in one handshake message of ours. It is counted when a configuration is made: the engine would notice in
//! the handshake, or name some authorities and leave the others out.

use crate::tls::config_error::ConfigError;
use crate::wire::handshake::MESSAGE_LIMIT;
use mbedtls::alloc::List;
use mbedtls::x509::Certificate;

/// Bytes of a CertificateRequest beside the authorities, at most: certificate types, signature algorithms, lengths (RFC 5246
/// section 7.4.4).
const BESIDE_AUTHORITIES: usize = 64;

/// Whether a chain of our own has room in a Certificate message (RFC 5246 section 7.4.2).
pub(super) fn check_chain(chain: &List<Certificate>) -> Result<(), ConfigError> {
    let length = 3 + chain.iter().map(|certificate| 3 + certificate.as_der().len()).sum::<usize>();
    if length <= MESSAGE_LIMIT { Ok(()) } else { Err(ConfigError::ChainTooLong { length, limit: MESSAGE_LIMIT }) }
}

/// Whether the names of all authorities have room in a CertificateRequest message.
pub(super) fn has_room_for_authorities(authorities: &List<Certificate>) -> bool {
    let names = authorities.iter().map(|authority| authority.subject_raw().map_or(usize::MAX, |name| 2 + name.len()));
    let length = names.fold(BESIDE_AUTHORITIES, usize::saturating_add);
    length <= MESSAGE_LIMIT
}
