//! What this build can do, for applications that ask.

use super::curves::{Curve, HYBRID, is_hybrid};
pub(crate) use super::ffi::capabilities::{aws_lc_version, engine_version};
use crate::tls::psk::{PSK_HINT_LIMIT, PSK_IDENTITY_LIMIT, PSK_LIMIT};
use crate::tls::suites::Suite;
use crate::wire::{RECORD_LIMIT, alert};
use mbedtls_sys as sys;

/// A named number.
pub(crate) type Constant = (String, i32);

macro_rules! engine_errors {
    ($($name:ident),* $(,)?) => { &[$((concat!("MBEDTLS_", stringify!($name)), sys::$name)),*] };
}

/// Numbers that an error's `errno` may hold.
static ERRNOS: &[(&str, i32)] = engine_errors![
    ERR_SSL_ALLOC_FAILED,
    ERR_SSL_BAD_HS_CERTIFICATE,
    ERR_SSL_BAD_HS_CERTIFICATE_REQUEST,
    ERR_SSL_BAD_HS_CERTIFICATE_VERIFY,
    ERR_SSL_BAD_HS_CHANGE_CIPHER_SPEC,
    ERR_SSL_BAD_HS_CLIENT_HELLO,
    ERR_SSL_BAD_HS_CLIENT_KEY_EXCHANGE,
    ERR_SSL_BAD_HS_FINISHED,
    ERR_SSL_BAD_HS_PROTOCOL_VERSION,
    ERR_SSL_BAD_HS_SERVER_HELLO,
    ERR_SSL_BAD_HS_SERVER_HELLO_DONE,
    ERR_SSL_BAD_HS_SERVER_KEY_EXCHANGE,
    ERR_SSL_BAD_INPUT_DATA,
    ERR_SSL_CA_CHAIN_REQUIRED,
    ERR_SSL_COUNTER_WRAPPING,
    ERR_SSL_FATAL_ALERT_MESSAGE,
    ERR_SSL_FEATURE_UNAVAILABLE,
    ERR_SSL_INTERNAL_ERROR,
    ERR_SSL_INVALID_MAC,
    ERR_SSL_INVALID_RECORD,
    ERR_SSL_NO_CIPHER_CHOSEN,
    ERR_SSL_NO_CLIENT_CERTIFICATE,
    ERR_SSL_NO_USABLE_CIPHERSUITE,
    ERR_SSL_PEER_CLOSE_NOTIFY,
    ERR_SSL_PK_TYPE_MISMATCH,
    ERR_SSL_TIMEOUT,
    ERR_SSL_UNEXPECTED_MESSAGE,
    ERR_SSL_UNEXPECTED_RECORD,
    ERR_SSL_UNKNOWN_IDENTITY,
    ERR_X509_CERT_VERIFY_FAILED,
];

/// Every suite that there is, those of the newer version first, and the best of each first.
pub(crate) fn suites() -> Vec<Suite> {
    let newer = if cfg!(feature = "aws-lc") { Suite::all_of_dtls13() } else { &[] };
    [newer, Suite::all()].concat()
}

/// Names of every group on offer, best first.
pub(crate) fn curves() -> Vec<&'static str> {
    let newer = Some(HYBRID.0).filter(|name| is_hybrid(name));
    Curve::all().into_iter().map(Curve::name).chain(newer).collect()
}

/// Limits, alerts and the engine's error numbers.
pub(crate) fn constants() -> Vec<Constant> {
    let limits = [
        ("MAX_MESSAGE_LENGTH", RECORD_LIMIT),
        ("MAX_PSK_LENGTH", PSK_LIMIT),
        ("MAX_PSK_IDENTITY_LENGTH", PSK_IDENTITY_LIMIT),
        ("MAX_PSK_IDENTITY_HINT_LENGTH", PSK_HINT_LIMIT),
    ];
    // Each is below 2^15.
    let limits = limits.into_iter().map(|(name, limit)| (name.to_owned(), limit as i32));
    let alerts = (0..=u8::MAX)
        .filter(|&number| alert::name(number) != alert::UNKNOWN)
        .map(|number| (format!("ALERT_{}", alert::name(number).to_uppercase()), i32::from(number)));
    let errnos = ERRNOS.iter().map(|&(name, value)| (name.to_owned(), value));
    limits.chain(alerts).chain(errnos).collect()
}

#[cfg(test)]
mod tests {
    use super::super::ffi::suite::compiled_name;
    use super::*;

    #[test]
    fn versions_are_those_that_were_linked() {
        assert!(engine_version().starts_with("2.28."));
        assert_eq!(aws_lc_version().is_some(), cfg!(feature = "aws-lc"));
    }

    #[test]
    fn every_suite_is_compiled_in_under_the_name_that_we_give_it() {
        for suite in Suite::all() {
            let compiled = compiled_name(suite.id()).unwrap_or_else(|| panic!("{} is missing", suite.name()));
            assert_eq!(compiled.replace('-', "_"), suite.name());
        }
    }

    #[test]
    fn weak_key_exchanges_are_compiled_out() {
        // RSA, DHE_RSA, DHE_PSK, RSA_PSK, ECDH_ECDSA, with AES_128_CBC_SHA256 or AES_128_GCM_SHA256; NULL ciphers.
        for id in [0x003c, 0x009c, 0x009e, 0x00aa, 0x00ac, 0xc025, 0xc02d, 0x00b0, 0x0001] {
            assert!(compiled_name(id).is_none(), "suite {id:#06x}");
        }
    }

    #[test]
    fn constants_have_the_numbers_of_the_rfc() {
        let value = |wanted: &str| constants().into_iter().find(|(name, _)| name == wanted).unwrap().1;
        assert_eq!(value("ALERT_NO_APPLICATION_PROTOCOL"), 120);
        assert_eq!(value("ALERT_CLOSE_NOTIFY"), 0);
        assert_eq!(value("MBEDTLS_ERR_SSL_INVALID_MAC"), -0x7180);
    }
}
