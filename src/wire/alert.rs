//! Alert descriptions (RFC 5246 section 7.2, RFC 4279, RFC 6066).

pub(crate) const WARNING: u8 = 1;
pub(crate) const FATAL: u8 = 2;

pub(crate) const CLOSE_NOTIFY: u8 = 0;
pub(crate) const UNEXPECTED_MESSAGE: u8 = 10;
pub(crate) const BAD_RECORD_MAC: u8 = 20;
pub(crate) const RECORD_OVERFLOW: u8 = 22;
pub(crate) const HANDSHAKE_FAILURE: u8 = 40;
pub(crate) const BAD_CERTIFICATE: u8 = 42;
pub(crate) const UNSUPPORTED_CERTIFICATE: u8 = 43;
pub(crate) const CERTIFICATE_REVOKED: u8 = 44;
pub(crate) const CERTIFICATE_EXPIRED: u8 = 45;
pub(crate) const CERTIFICATE_UNKNOWN: u8 = 46;
pub(crate) const ILLEGAL_PARAMETER: u8 = 47;
pub(crate) const UNKNOWN_CA: u8 = 48;
pub(crate) const ACCESS_DENIED: u8 = 49;
pub(crate) const DECODE_ERROR: u8 = 50;
pub(crate) const DECRYPT_ERROR: u8 = 51;
pub(crate) const PROTOCOL_VERSION: u8 = 70;
pub(crate) const INTERNAL_ERROR: u8 = 80;
pub(crate) const USER_CANCELED: u8 = 90;
pub(crate) const MISSING_EXTENSION: u8 = 109;
pub(crate) const UNSUPPORTED_EXTENSION: u8 = 110;
pub(crate) const CERTIFICATE_REQUIRED: u8 = 116;
pub(crate) const NO_APPLICATION_PROTOCOL: u8 = 120;

/// A plaintext record with an alert. `number`: its record number in epoch 0.
pub(crate) fn plaintext(number: u64, level: u8, description: u8) -> [u8; 15] {
    let [_, _, n0, n1, n2, n3, n4, n5] = number.to_be_bytes();
    [21, 254, 253, 0, 0, n0, n1, n2, n3, n4, n5, 0, 2, level, description]
}

/// What stands in for the name of an alert without one.
pub(crate) const UNKNOWN: &str = "unknown alert";

/// The RFCs' name of an alert.
pub(crate) fn name(description: u8) -> &'static str {
    match description {
        CLOSE_NOTIFY => "close_notify",
        UNEXPECTED_MESSAGE => "unexpected_message",
        BAD_RECORD_MAC => "bad_record_mac",
        21 => "decryption_failed",
        RECORD_OVERFLOW => "record_overflow",
        30 => "decompression_failure",
        HANDSHAKE_FAILURE => "handshake_failure",
        BAD_CERTIFICATE => "bad_certificate",
        UNSUPPORTED_CERTIFICATE => "unsupported_certificate",
        CERTIFICATE_REVOKED => "certificate_revoked",
        CERTIFICATE_EXPIRED => "certificate_expired",
        CERTIFICATE_UNKNOWN => "certificate_unknown",
        ILLEGAL_PARAMETER => "illegal_parameter",
        UNKNOWN_CA => "unknown_ca",
        ACCESS_DENIED => "access_denied",
        DECODE_ERROR => "decode_error",
        DECRYPT_ERROR => "decrypt_error",
        PROTOCOL_VERSION => "protocol_version",
        71 => "insufficient_security",
        INTERNAL_ERROR => "internal_error",
        86 => "inappropriate_fallback",
        USER_CANCELED => "user_canceled",
        100 => "no_renegotiation",
        MISSING_EXTENSION => "missing_extension",
        UNSUPPORTED_EXTENSION => "unsupported_extension",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        115 => "unknown_psk_identity",
        CERTIFICATE_REQUIRED => "certificate_required",
        NO_APPLICATION_PROTOCOL => "no_application_protocol",
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_have_the_numbers_and_names_of_the_registry() {
        // IANA's "TLS Alerts", without those that are reserved or unassigned.
        let registry = "0 close_notify, 10 unexpected_message, 20 bad_record_mac, 21 decryption_failed, 22 record_overflow, \
            30 decompression_failure, 40 handshake_failure, 42 bad_certificate, 43 unsupported_certificate, \
            44 certificate_revoked, 45 certificate_expired, 46 certificate_unknown, 47 illegal_parameter, 48 unknown_ca, \
            49 access_denied, 50 decode_error, 51 decrypt_error, 70 protocol_version, 71 insufficient_security, \
            80 internal_error, 86 inappropriate_fallback, 90 user_canceled, 100 no_renegotiation, 109 missing_extension, \
            110 unsupported_extension, 112 unrecognized_name, 113 bad_certificate_status_response, \
            115 unknown_psk_identity, 116 certificate_required, 120 no_application_protocol";
        let known = (0..=u8::MAX).filter(|&description| name(description) != UNKNOWN);
        let known: Vec<_> = known.map(|description| format!("{description} {}", name(description))).collect();
        assert_eq!(known.join(", "), registry);
    }
}
