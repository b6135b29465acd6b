//! What the verification of a chain answers, in our words.

use super::x509::Refusal;
use crate::tls::certificate_fault::CertificateFault;

#[cfg(feature = "aws-lc")]
impl Refusal {
    /// What is wrong with the chain. node:tls has codes for some of OpenSSL's numbers.
    pub(super) fn fault(self) -> CertificateFault {
        use super::x509::numbers;
        match self.0 {
            numbers::X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT => CertificateFault::SelfSigned,
            numbers::X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN => CertificateFault::SelfSignedInChain,
            numbers::X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE => CertificateFault::UnknownIssuer,
            numbers::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY => CertificateFault::UnknownIssuerOfIssuer,
            numbers::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT => CertificateFault::UnknownIssuerOfAuthority,
            numbers::X509_V_ERR_CERT_SIGNATURE_FAILURE => CertificateFault::BadSignature,
            numbers::X509_V_ERR_CERT_REVOKED => CertificateFault::Revoked,
            numbers::X509_V_ERR_CERT_HAS_EXPIRED => CertificateFault::Expired,
            numbers::X509_V_ERR_CERT_NOT_YET_VALID => CertificateFault::NotYetValid,
            numbers::X509_V_ERR_UNABLE_TO_GET_CRL => CertificateFault::NoCrl,
            numbers::X509_V_ERR_CRL_HAS_EXPIRED => CertificateFault::CrlExpired,
            numbers::X509_V_ERR_CRL_NOT_YET_VALID => CertificateFault::CrlNotYetValid,
            numbers::X509_V_ERR_CRL_SIGNATURE_FAILURE => CertificateFault::CrlBadSignature,
            numbers::X509_V_ERR_INVALID_PURPOSE => CertificateFault::WrongPurpose,
            numbers::X509_V_ERR_INVALID_CA => CertificateFault::NoAuthority,
            numbers::X509_V_ERR_PATH_LENGTH_EXCEEDED => CertificateFault::PathTooLong,
            numbers::X509_V_ERR_CERT_CHAIN_TOO_LONG => CertificateFault::ChainTooLong,
            numbers::X509_V_ERR_CERT_UNTRUSTED => CertificateFault::Untrusted,
            numbers::X509_V_ERR_CERT_REJECTED => CertificateFault::Rejected,
            numbers::X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION => CertificateFault::CriticalExtension,
            numbers::X509_V_ERR_PERMITTED_VIOLATION
            | numbers::X509_V_ERR_EXCLUDED_VIOLATION
            | numbers::X509_V_ERR_SUBTREE_MINMAX
            | numbers::X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE
            | numbers::X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX
            | numbers::X509_V_ERR_UNSUPPORTED_NAME_SYNTAX
            | numbers::X509_V_ERR_NAME_CONSTRAINTS_WITHOUT_SANS => CertificateFault::NameConstraints,
            _ => CertificateFault::Other,
        }
    }
}

#[cfg(not(feature = "aws-lc"))]
impl Refusal {
    /// What is wrong with the chain; of several things, the most telling.
    pub(super) fn fault(self) -> CertificateFault {
        use super::x509::End;
        use super::x509::flags;
        let has = |flag: i32| self.flags & flag.unsigned_abs() != 0;
        if has(flags::X509_BADCERT_NOT_TRUSTED) {
            match (self.length, self.end) {
                // Mbed TLS also says "not trusted" of a path to a root that it trusts, for a signature below it.
                (_, End::TrustedRoot) => CertificateFault::BadSignature,
                (0 | 1, End::SelfSigned) => CertificateFault::SelfSigned,
                (0 | 1, End::Issued) => CertificateFault::UnknownIssuer,
                (_, End::SelfSigned) => CertificateFault::SelfSignedInChain,
                (_, End::Issued) => CertificateFault::UnknownIssuerOfIssuer,
            }
        } else if has(flags::X509_BADCERT_REVOKED) {
            CertificateFault::Revoked
        } else if has(flags::X509_BADCERT_EXPIRED) {
            CertificateFault::Expired
        } else if has(flags::X509_BADCERT_FUTURE) {
            CertificateFault::NotYetValid
        } else if has(flags::X509_BADCRL_NOT_TRUSTED) {
            CertificateFault::NoCrl
        } else if has(flags::X509_BADCRL_EXPIRED) {
            CertificateFault::CrlExpired
        } else if has(flags::X509_BADCRL_FUTURE) {
            CertificateFault::CrlNotYetValid
        } else if has(flags::X509_BADCERT_KEY_USAGE
            | flags::X509_BADCERT_EXT_KEY_USAGE
            | flags::X509_BADCERT_NS_CERT_TYPE)
        {
            CertificateFault::WrongPurpose
        } else if has(flags::X509_BADCERT_BAD_MD | flags::X509_BADCERT_BAD_PK | flags::X509_BADCERT_BAD_KEY) {
            CertificateFault::Weak
        } else {
            CertificateFault::Other
        }
    }
}

#[cfg(all(test, feature = "aws-lc"))]
mod tests {
    use super::*;

    /// OpenSSL's numbers, as its x509_vfy.h has them.
    #[test]
    fn every_number_of_openssls_that_has_a_meaning_of_its_own_has_it_here() {
        use CertificateFault::*;
        let known = [
            (2, UnknownIssuerOfAuthority),
            (3, NoCrl),
            (7, BadSignature),
            (8, CrlBadSignature),
            (9, NotYetValid),
            (10, Expired),
            (11, CrlNotYetValid),
            (12, CrlExpired),
            (18, SelfSigned),
            (19, SelfSignedInChain),
            (20, UnknownIssuerOfIssuer),
            (21, UnknownIssuer),
            (22, ChainTooLong),
            (23, Revoked),
            (24, NoAuthority),
            (25, PathTooLong),
            (26, WrongPurpose),
            (27, Untrusted),
            (28, Rejected),
            (34, CriticalExtension),
            (47, NameConstraints),
            (48, NameConstraints),
            (49, NameConstraints),
            (51, NameConstraints),
            (52, NameConstraints),
            (53, NameConstraints),
            (67, NameConstraints),
        ];
        for number in 0..100 {
            let fault = known.iter().find(|(known, _)| *known == number).map_or(Other, |(_, fault)| *fault);
            assert_eq!(Refusal(number).fault(), fault, "{number}");
        }
    }
}
