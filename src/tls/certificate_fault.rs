//! What can be wrong with a peer's certificate: codes, most of them node:tls's, messages, and alerts.

use super::alert;

/// What is wrong with the peer's certificate, or with the chain that vouches for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "aws-lc"), expect(dead_code, reason = "Mbed TLS tells fewer things apart"))]
pub(crate) enum CertificateFault {
    SelfSigned,
    SelfSignedInChain,
    /// Nothing vouches for the peer's own certificate.
    UnknownIssuer,
    /// Nothing vouches for a certificate above it, which the peer has sent.
    UnknownIssuerOfIssuer,
    /// Nothing vouches for one of the trusted certificates, which is no root.
    UnknownIssuerOfAuthority,
    BadSignature,
    Revoked,
    Expired,
    NotYetValid,
    /// Revocation lists were given, and none that an issuer of the chain has signed.
    NoCrl,
    CrlExpired,
    CrlNotYetValid,
    CrlBadSignature,
    WrongName,
    WrongPurpose,
    NoAuthority,
    PathTooLong,
    /// Far more certificates than a chain needs.
    ChainTooLong,
    /// The name is not one that an authority of the chain may vouch for.
    NameConstraints,
    /// Marked as critical, and unknown.
    CriticalExtension,
    Untrusted,
    Rejected,
    Missing,
    Weak,
    /// A public key of a kind, on a curve or of a size that is not accepted.
    UnacceptableKey,
    /// No X.509, or of a form that is not accepted.
    Unreadable,
    Other,
}

impl CertificateFault {
    /// Permanent: node:tls's, where it has one for the same.
    pub(super) fn code(self) -> &'static str {
        match self {
            CertificateFault::SelfSigned => "DEPTH_ZERO_SELF_SIGNED_CERT",
            CertificateFault::SelfSignedInChain => "SELF_SIGNED_CERT_IN_CHAIN",
            CertificateFault::UnknownIssuer => "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
            CertificateFault::UnknownIssuerOfIssuer => "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
            CertificateFault::UnknownIssuerOfAuthority => "UNABLE_TO_GET_ISSUER_CERT",
            CertificateFault::BadSignature => "CERT_SIGNATURE_FAILURE",
            CertificateFault::Revoked => "CERT_REVOKED",
            CertificateFault::Expired => "CERT_HAS_EXPIRED",
            CertificateFault::NotYetValid => "CERT_NOT_YET_VALID",
            CertificateFault::NoCrl => "UNABLE_TO_GET_CRL",
            CertificateFault::CrlExpired => "CRL_HAS_EXPIRED",
            CertificateFault::CrlNotYetValid => "CRL_NOT_YET_VALID",
            CertificateFault::CrlBadSignature => "CRL_SIGNATURE_FAILURE",
            CertificateFault::WrongName => "ERR_TLS_CERT_ALTNAME_INVALID",
            CertificateFault::WrongPurpose => "INVALID_PURPOSE",
            CertificateFault::NoAuthority => "INVALID_CA",
            CertificateFault::PathTooLong => "PATH_LENGTH_EXCEEDED",
            CertificateFault::ChainTooLong => "CERT_CHAIN_TOO_LONG",
            CertificateFault::Untrusted => "CERT_UNTRUSTED",
            CertificateFault::Rejected => "CERT_REJECTED",
            CertificateFault::Missing => "ERR_DTLS_NO_PEER_CERTIFICATE",
            CertificateFault::Weak | CertificateFault::UnacceptableKey => "ERR_DTLS_WEAK_CERTIFICATE",
            CertificateFault::Unreadable => "ERR_DTLS_INVALID_PEER_CERTIFICATE",
            // node:tls has one code for all that it has no name for.
            CertificateFault::NameConstraints | CertificateFault::CriticalExtension | CertificateFault::Other => {
                "UNSPECIFIED"
            }
        }
    }

    pub(super) fn message(self) -> &'static str {
        match self {
            CertificateFault::SelfSigned => {
                "The peer's certificate is self-signed and not among the trusted ones ('ca')"
            }
            CertificateFault::SelfSignedInChain => {
                "The chain of the peer's certificate ends in a self-signed one that is not among the trusted ones ('ca')"
            }
            CertificateFault::UnknownIssuer => "No trusted certificate ('ca') vouches for the peer's certificate",
            CertificateFault::UnknownIssuerOfIssuer => {
                "No trusted certificate ('ca') vouches for the last certificate of the peer's chain"
            }
            CertificateFault::UnknownIssuerOfAuthority => {
                "A trusted certificate ('ca') that vouches for the peer's is no root, and its own issuer is not trusted"
            }
            CertificateFault::BadSignature => {
                "The peer's certificate, or one that vouches for it, has a signature that does not verify"
            }
            CertificateFault::Revoked => "The peer's certificate, or one that vouches for it, is revoked",
            CertificateFault::Expired => "The peer's certificate, or one that vouches for it, has expired",
            CertificateFault::NotYetValid => "The peer's certificate, or one that vouches for it, is not yet valid",
            CertificateFault::NoCrl => {
                "No revocation list ('crl') that an issuer of the peer's certificate has signed was found"
            }
            CertificateFault::CrlExpired => "The revocation list ('crl') of an issuer is out of date",
            CertificateFault::CrlNotYetValid => "The revocation list ('crl') of an issuer is not yet valid",
            CertificateFault::CrlBadSignature => {
                "The revocation list ('crl') of an issuer has a signature that does not verify"
            }
            CertificateFault::WrongName => "The peer's certificate is for another name or address ('servername')",
            CertificateFault::WrongPurpose => {
                "The peer's certificate, or one that vouches for it, must not be used for this purpose (key usage)"
            }
            CertificateFault::NoAuthority => {
                "A certificate that vouches for the peer's must not do so (it is not a certificate authority's)"
            }
            CertificateFault::PathTooLong => {
                "An authority in the chain of the peer's certificate allows fewer authorities below it (path length)"
            }
            CertificateFault::ChainTooLong => "The peer sent more certificates than a chain may have",
            CertificateFault::NameConstraints => {
                "An authority in the chain of the peer's certificate must not vouch for this name (name constraints)"
            }
            CertificateFault::CriticalExtension => {
                "The peer's certificate, or one that vouches for it, has a critical extension that is not known here"
            }
            CertificateFault::Untrusted => "A certificate in the peer's chain is not trusted for this purpose",
            CertificateFault::Rejected => "A certificate in the peer's chain is rejected for this purpose",
            CertificateFault::Missing => "The peer sent no certificate",
            CertificateFault::Weak => {
                "The peer's certificate, or one that vouches for it, has a key or a signature that is too weak or not \
                 among the accepted ones ('sigalgs')"
            }
            CertificateFault::UnacceptableKey => {
                "The peer's key is neither an EC key on P-256, P-384 or P-521 nor an RSA key of 2048 to 8192 bits"
            }
            CertificateFault::Unreadable => "The peer's certificate, or one that came with it, cannot be read",
            CertificateFault::Other => "The peer's certificate could not be verified",
        }
    }

    /// RFC 5246 section 7.2.2.
    pub(super) fn alert(self) -> u8 {
        match self {
            CertificateFault::SelfSigned
            | CertificateFault::SelfSignedInChain
            | CertificateFault::UnknownIssuer
            | CertificateFault::UnknownIssuerOfIssuer
            | CertificateFault::UnknownIssuerOfAuthority
            | CertificateFault::NoAuthority => alert::UNKNOWN_CA,
            CertificateFault::Revoked => alert::CERTIFICATE_REVOKED,
            CertificateFault::Expired => alert::CERTIFICATE_EXPIRED,
            CertificateFault::NotYetValid => alert::CERTIFICATE_UNKNOWN,
            CertificateFault::WrongPurpose => alert::UNSUPPORTED_CERTIFICATE,
            CertificateFault::Missing => alert::HANDSHAKE_FAILURE,
            _ => alert::BAD_CERTIFICATE,
        }
    }
}
