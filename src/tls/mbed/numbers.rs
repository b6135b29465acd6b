//! What each of the engine's numbers says about who is to blame. The engine counts in two levels: a number may be a sum of
//! one from a module above and one from a module below, such as a certificate's parser and that of ASN.1.

use crate::tls::certificate_fault::CertificateFault;
use crate::tls::error::ErrorKind;
use mbedtls_sys as sys;

/// Bits of a number that belong to the upper level.
const UPPER: u32 = 0xff80;

/// The kind of failure behind a number. One that nobody has thought of is ours to explain, not the peer's.
pub(super) fn kind_of(errno: i32) -> ErrorKind {
    listed(errno).unwrap_or(ErrorKind::Internal)
}

/// `None` for a number that this table does not have.
fn listed(errno: i32) -> Option<ErrorKind> {
    let number = errno.unsigned_abs();
    // Neither part has more than 16 bits.
    let (upper, lower) = (-((number & UPPER & 0xffff) as i32), -((number & !UPPER & 0xffff) as i32));
    if number > 0xffff || errno >= 0 {
        return None;
    }
    match (upper, lower) {
        (_, sys::ERR_MPI_ALLOC_FAILED | sys::ERR_ASN1_ALLOC_FAILED) => Some(ErrorKind::Internal),
        (0, lower) => of_lower_level(lower),
        (upper, _) => of_handshake(upper).or_else(|| of_cryptography(upper)),
    }
}

/// Numbers of the handshake and of its records.
fn of_handshake(upper: i32) -> Option<ErrorKind> {
    Some(match upper {
        // --- the peer has broken the protocol ------------------------------------------------------------------------
        sys::ERR_SSL_INVALID_RECORD
        | sys::ERR_SSL_UNEXPECTED_RECORD
        | sys::ERR_SSL_UNEXPECTED_CID
        | sys::ERR_SSL_UNEXPECTED_MESSAGE
        | sys::ERR_SSL_UNKNOWN_CIPHER
        | sys::ERR_SSL_UNKNOWN_IDENTITY
        | sys::ERR_SSL_PEER_VERIFY_FAILED
        | sys::ERR_SSL_PK_TYPE_MISMATCH
        | sys::ERR_SSL_INVALID_VERIFY_HASH
        | sys::ERR_SSL_VERSION_MISMATCH
        | sys::ERR_SSL_CLIENT_RECONNECT
        | sys::ERR_SSL_BAD_HS_CLIENT_HELLO
        | sys::ERR_SSL_BAD_HS_SERVER_HELLO
        | sys::ERR_SSL_BAD_HS_CERTIFICATE
        | sys::ERR_SSL_BAD_HS_CERTIFICATE_REQUEST
        | sys::ERR_SSL_BAD_HS_SERVER_KEY_EXCHANGE
        | sys::ERR_SSL_BAD_HS_SERVER_HELLO_DONE
        | sys::ERR_SSL_BAD_HS_CLIENT_KEY_EXCHANGE
        | sys::ERR_SSL_BAD_HS_CLIENT_KEY_EXCHANGE_RP
        | sys::ERR_SSL_BAD_HS_CLIENT_KEY_EXCHANGE_CS
        | sys::ERR_SSL_BAD_HS_CERTIFICATE_VERIFY
        | sys::ERR_SSL_BAD_HS_CHANGE_CIPHER_SPEC
        | sys::ERR_SSL_BAD_HS_FINISHED
        | sys::ERR_SSL_BAD_HS_NEW_SESSION_TICKET => ErrorKind::Protocol,
        sys::ERR_SSL_BAD_HS_PROTOCOL_VERSION => ErrorKind::WrongVersion,
        sys::ERR_SSL_FATAL_ALERT_MESSAGE => ErrorKind::AlertReceived,
        sys::ERR_SSL_PEER_CLOSE_NOTIFY => ErrorKind::ClosedDuringHandshake,
        sys::ERR_SSL_NO_CLIENT_CERTIFICATE => ErrorKind::Certificate(CertificateFault::Missing),
        sys::ERR_SSL_INVALID_MAC => ErrorKind::BadRecordMac,

        // --- nobody, or both -----------------------------------------------------------------------------------------
        sys::ERR_SSL_NO_CIPHER_CHOSEN | sys::ERR_SSL_NO_USABLE_CIPHERSUITE => ErrorKind::NoSharedCipher,
        sys::ERR_SSL_TIMEOUT => ErrorKind::HandshakeTimeout,

        // --- our side's configuration --------------------------------------------------------------------------------
        // A message of ours has no room for what it is to say; or something is missing.
        sys::ERR_SSL_CERTIFICATE_TOO_LARGE
        | sys::ERR_SSL_BUFFER_TOO_SMALL
        | sys::ERR_SSL_CERTIFICATE_REQUIRED
        | sys::ERR_SSL_PRIVATE_KEY_REQUIRED
        | sys::ERR_SSL_CA_CHAIN_REQUIRED => ErrorKind::Configuration,

        // --- this module ---------------------------------------------------------------------------------------------
        // We steer the engine wrongly, it lacks memory, or a number got out that is a word between its own parts.
        sys::ERR_SSL_ALLOC_FAILED
        | sys::ERR_SSL_INTERNAL_ERROR
        | sys::ERR_SSL_HW_ACCEL_FAILED
        | sys::ERR_SSL_HW_ACCEL_FALLTHROUGH
        | sys::ERR_SSL_FEATURE_UNAVAILABLE
        | sys::ERR_SSL_BAD_INPUT_DATA
        | sys::ERR_SSL_BAD_CONFIG
        | sys::ERR_SSL_NO_RNG
        | sys::ERR_SSL_CONN_EOF
        | sys::ERR_SSL_COMPRESSION_FAILED
        | sys::ERR_SSL_COUNTER_WRAPPING
        | sys::ERR_SSL_SESSION_TICKET_EXPIRED
        | sys::ERR_SSL_CACHE_ENTRY_NOT_FOUND
        | sys::ERR_SSL_CERTIFICATE_VERIFICATION_WITHOUT_HOSTNAME
        | sys::ERR_SSL_WAITING_SERVER_HELLO_RENEGO
        | sys::ERR_SSL_HELLO_VERIFY_REQUIRED
        | sys::ERR_SSL_WANT_READ
        | sys::ERR_SSL_WANT_WRITE
        | sys::ERR_SSL_NON_FATAL
        | sys::ERR_SSL_CONTINUE_PROCESSING
        | sys::ERR_SSL_ASYNC_IN_PROGRESS
        | sys::ERR_SSL_CRYPTO_IN_PROGRESS
        | sys::ERR_SSL_EARLY_MESSAGE => ErrorKind::Internal,
        _ => return None,
    })
}

/// Numbers of the modules that read the peer's certificates, points and signatures.
fn of_cryptography(upper: i32) -> Option<ErrorKind> {
    Some(match upper {
        sys::ERR_ECP_VERIFY_FAILED | sys::ERR_RSA_VERIFY_FAILED => ErrorKind::WrongSignature,
        sys::ERR_X509_CERT_VERIFY_FAILED => ErrorKind::Certificate(CertificateFault::Other),
        sys::ERR_X509_FEATURE_UNAVAILABLE
        | sys::ERR_X509_UNKNOWN_OID
        | sys::ERR_X509_INVALID_FORMAT
        | sys::ERR_X509_INVALID_VERSION
        | sys::ERR_X509_INVALID_SERIAL
        | sys::ERR_X509_INVALID_ALG
        | sys::ERR_X509_INVALID_NAME
        | sys::ERR_X509_INVALID_DATE
        | sys::ERR_X509_INVALID_SIGNATURE
        | sys::ERR_X509_INVALID_EXTENSIONS
        | sys::ERR_X509_UNKNOWN_VERSION
        | sys::ERR_X509_UNKNOWN_SIG_ALG
        | sys::ERR_X509_SIG_MISMATCH
        | sys::ERR_X509_CERT_UNKNOWN_FORMAT
        | sys::ERR_PK_TYPE_MISMATCH
        | sys::ERR_PK_KEY_INVALID_VERSION
        | sys::ERR_PK_KEY_INVALID_FORMAT
        | sys::ERR_PK_UNKNOWN_PK_ALG
        | sys::ERR_PK_INVALID_PUBKEY
        | sys::ERR_PK_INVALID_ALG
        | sys::ERR_PK_UNKNOWN_NAMED_CURVE
        | sys::ERR_PK_FEATURE_UNAVAILABLE
        | sys::ERR_PK_SIG_LEN_MISMATCH
        | sys::ERR_ECP_BAD_INPUT_DATA
        | sys::ERR_ECP_FEATURE_UNAVAILABLE
        | sys::ERR_ECP_INVALID_KEY
        | sys::ERR_ECP_SIG_LEN_MISMATCH
        | sys::ERR_RSA_INVALID_PADDING
        | sys::ERR_RSA_PUBLIC_FAILED => ErrorKind::Protocol,
        _ => return None,
    })
}

/// Numbers that come alone, from the modules at the bottom.
fn of_lower_level(lower: i32) -> Option<ErrorKind> {
    Some(match lower {
        sys::ERR_ASN1_OUT_OF_DATA
        | sys::ERR_ASN1_UNEXPECTED_TAG
        | sys::ERR_ASN1_INVALID_LENGTH
        | sys::ERR_ASN1_LENGTH_MISMATCH
        | sys::ERR_ASN1_INVALID_DATA => ErrorKind::Protocol,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mbedtls::Error;

    /// The engine's name for a number, if there is one.
    fn name(number: i32) -> Option<String> {
        let name = format!("{:?}", Error::from(-number));
        (!name.contains("Unknown(") && !name.contains("Other(")).then_some(name)
    }

    #[test]
    fn every_number_of_the_handshake_has_its_place() {
        let is_of_handshake = |number: &i32| name(*number).is_some_and(|name| name.starts_with("HighLevel(Ssl"));
        let numbers: Vec<_> = (1..0x8000).filter(is_of_handshake).collect();
        assert!(numbers.len() >= 50, "{}", numbers.len());
        for number in numbers {
            assert!(of_handshake(-number).is_some(), "-0x{number:04x}");
        }
    }

    #[test]
    fn a_number_without_a_name_never_blames_the_peer() {
        for number in 1..0x2_0000 {
            if kind_of(-number) != ErrorKind::Internal {
                let upper = number & UPPER as i32;
                let is_named = name(number).is_some() || (upper != 0 && listed(-upper).is_some());
                assert!(is_named, "-0x{number:04x}");
            }
        }
        for number in [i32::MIN, i32::MAX, 0, 1, 0x7180, -0x1_7980] {
            assert_eq!(kind_of(number), ErrorKind::Internal);
        }
    }

    #[test]
    fn who_is_to_blame_is_who_can_mend_it() {
        for (errno, kind) in [
            (sys::ERR_SSL_CERTIFICATE_TOO_LARGE, ErrorKind::Configuration),
            (sys::ERR_SSL_BUFFER_TOO_SMALL, ErrorKind::Configuration),
            (sys::ERR_SSL_PRIVATE_KEY_REQUIRED, ErrorKind::Configuration),
            (sys::ERR_SSL_ALLOC_FAILED, ErrorKind::Internal),
            (sys::ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED, ErrorKind::Internal),
            (sys::ERR_CIPHER_ALLOC_FAILED, ErrorKind::Internal),
            (sys::ERR_RSA_PRIVATE_FAILED, ErrorKind::Internal),
            (sys::ERR_PK_ALLOC_FAILED, ErrorKind::Internal),
            (sys::ERR_X509_INVALID_FORMAT + sys::ERR_ASN1_ALLOC_FAILED, ErrorKind::Internal),
            (sys::ERR_X509_INVALID_FORMAT + sys::ERR_ASN1_OUT_OF_DATA, ErrorKind::Protocol),
            (sys::ERR_SSL_BAD_HS_SERVER_KEY_EXCHANGE, ErrorKind::Protocol),
            (0, ErrorKind::Internal),
        ] {
            assert_eq!(kind_of(errno), kind, "{errno}");
        }
    }

    /// How many numbers of the upper level, and of the lower, there are of each kind: one that is put elsewhere changes two of them.
    #[test]
    fn each_kind_has_so_many_numbers() {
        let upper: Vec<_> = (1..0x200).map(|number| kind_of(-(number << 7))).collect();
        let count = |kind: ErrorKind| upper.iter().filter(|other| **other == kind).count();
        for (kind, expected) in [
            (ErrorKind::WrongVersion, 1),
            (ErrorKind::AlertReceived, 1),
            (ErrorKind::ClosedDuringHandshake, 1),
            (ErrorKind::Certificate(CertificateFault::Missing), 1),
            (ErrorKind::Certificate(CertificateFault::Other), 1),
            (ErrorKind::BadRecordMac, 1),
            (ErrorKind::NoSharedCipher, 2),
            (ErrorKind::HandshakeTimeout, 1),
            (ErrorKind::Configuration, 5),
            (ErrorKind::WrongSignature, 2),
            // Of the handshake, and of the modules that read what the peer shows.
            (ErrorKind::Protocol, 24 + 29),
        ] {
            assert_eq!(count(kind), expected, "{kind:?}");
        }
        assert_eq!((1..0x80).filter(|&number| kind_of(-number) == ErrorKind::Protocol).count(), 5);
    }

    #[test]
    fn the_upper_part_of_a_number_decides_unless_there_was_no_memory() {
        for (errno, kind) in [
            (sys::ERR_SSL_FATAL_ALERT_MESSAGE, ErrorKind::AlertReceived),
            (sys::ERR_SSL_PEER_CLOSE_NOTIFY, ErrorKind::ClosedDuringHandshake),
            (sys::ERR_SSL_BAD_HS_PROTOCOL_VERSION, ErrorKind::WrongVersion),
            (sys::ERR_SSL_NO_CLIENT_CERTIFICATE, ErrorKind::Certificate(CertificateFault::Missing)),
            (sys::ERR_SSL_INVALID_MAC, ErrorKind::BadRecordMac),
            (sys::ERR_SSL_NO_CIPHER_CHOSEN, ErrorKind::NoSharedCipher),
            (sys::ERR_SSL_TIMEOUT, ErrorKind::HandshakeTimeout),
            (sys::ERR_ECP_VERIFY_FAILED, ErrorKind::WrongSignature),
            (sys::ERR_RSA_VERIFY_FAILED, ErrorKind::WrongSignature),
            (sys::ERR_RSA_VERIFY_FAILED + sys::ERR_ASN1_OUT_OF_DATA, ErrorKind::WrongSignature),
            (sys::ERR_RSA_VERIFY_FAILED + sys::ERR_MPI_ALLOC_FAILED, ErrorKind::Internal),
            (sys::ERR_X509_CERT_VERIFY_FAILED, ErrorKind::Certificate(CertificateFault::Other)),
            (sys::ERR_PK_INVALID_PUBKEY + sys::ERR_ASN1_UNEXPECTED_TAG, ErrorKind::Protocol),
            (sys::ERR_ASN1_UNEXPECTED_TAG, ErrorKind::Protocol),
            (sys::ERR_ASN1_ALLOC_FAILED, ErrorKind::Internal),
            (-0x1_0000 + sys::ERR_SSL_TIMEOUT, ErrorKind::Internal),
            (-sys::ERR_SSL_TIMEOUT, ErrorKind::Internal),
        ] {
            assert_eq!(kind_of(errno), kind, "-0x{:04x}", -errno);
        }
    }
}
