//! X.509 in Mbed TLS's hands, for the verdict on a peer where AWS-LC does not build.

pub(in crate::tls) use super::ffi::x509::{Certificate, End, Refusal, RevocationList, Store};

/// The flags of a refusal.
pub(in crate::tls) mod flags {
    pub(in crate::tls) use mbedtls_sys::{
        X509_BADCERT_BAD_KEY, X509_BADCERT_BAD_MD, X509_BADCERT_BAD_PK, X509_BADCERT_EXPIRED,
        X509_BADCERT_EXT_KEY_USAGE, X509_BADCERT_FUTURE, X509_BADCERT_KEY_USAGE, X509_BADCERT_NOT_TRUSTED,
        X509_BADCERT_NS_CERT_TYPE, X509_BADCERT_REVOKED, X509_BADCRL_EXPIRED, X509_BADCRL_FUTURE,
        X509_BADCRL_NOT_TRUSTED,
    };
}
