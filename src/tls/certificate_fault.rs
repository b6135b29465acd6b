//! What can be wrong with a peer's certificate, or with the chain that vouches for it.

use crate::wire::alert;

/// What is wrong with the peer's certificate, or with the chain that vouches for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(not(feature = "aws-lc"), expect(dead_code, reason = "Mbed TLS tells fewer things apart"))]
pub(crate) enum CertificateFault {
    SelfSigned,
    SelfSignedInChain,
    /// Nothing vouches for the peer's own certificate.
    UnknownIssuer,
    /// Nothing vouches for a certificate above it, which the peer has sent.
    UnknownIssuerOfIssuer,
    /// Nothing vouches for one of the trusted certificates, which is not a root.
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
    /// An extension is marked as critical, and unknown here.
    CriticalExtension,
    Untrusted,
    Rejected,
    Missing,
    Weak,
    /// A public key of a kind, on a curve or of a size that is not accepted.
    UnacceptableKey,
    /// It is not X.509, or of a form that is not accepted.
    Unreadable,
    Other,
}

impl CertificateFault {
    pub(super) fn message(self) -> &'static str {
        match self {
            CertificateFault::SelfSigned => "The peer's certificate is self-signed and not among the trusted ones",
            CertificateFault::SelfSignedInChain => {
                "The chain of the peer's certificate ends in a self-signed one that is not among the trusted ones"
            }
            CertificateFault::UnknownIssuer => "No trusted certificate vouches for the peer's certificate",
            CertificateFault::UnknownIssuerOfIssuer => {
                "No trusted certificate vouches for the last certificate of the peer's chain"
            }
            CertificateFault::UnknownIssuerOfAuthority => {
                "A trusted certificate that vouches for the peer's is not a root, and its own issuer is not trusted"
            }
            CertificateFault::BadSignature => {
                "The peer's certificate, or one that vouches for it, has a signature that does not verify"
            }
            CertificateFault::Revoked => "The peer's certificate, or one that vouches for it, is revoked",
            CertificateFault::Expired => "The peer's certificate, or one that vouches for it, has expired",
            CertificateFault::NotYetValid => "The peer's certificate, or one that vouches for it, is not yet valid",
            CertificateFault::NoCrl => {
                "No revocation list that an issuer of the peer's certificate has signed was found"
            }
            CertificateFault::CrlExpired => "The revocation list of an issuer is out of date",
            CertificateFault::CrlNotYetValid => "The revocation list of an issuer is not yet valid",
            CertificateFault::CrlBadSignature => {
                "The revocation list of an issuer has a signature that does not verify"
            }
            CertificateFault::WrongName => "The peer's certificate is for another name or address",
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
                 among the accepted ones"
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

#[cfg(all(test, feature = "aws-lc"))]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_alert() {
        use CertificateFault::*;
        for (faults, alert) in [
            (
                &[
                    SelfSigned,
                    SelfSignedInChain,
                    UnknownIssuer,
                    UnknownIssuerOfIssuer,
                    UnknownIssuerOfAuthority,
                    NoAuthority,
                ][..],
                48,
            ),
            (&[Revoked], 44),
            (&[Expired], 45),
            (&[NotYetValid], 46),
            (&[WrongPurpose], 43),
            (&[Missing], 40),
            (
                &[
                    BadSignature,
                    NoCrl,
                    CrlExpired,
                    CrlNotYetValid,
                    CrlBadSignature,
                    WrongName,
                    PathTooLong,
                    ChainTooLong,
                    NameConstraints,
                    CriticalExtension,
                    Untrusted,
                    Rejected,
                    Weak,
                    UnacceptableKey,
                    Unreadable,
                    Other,
                ],
                42,
            ),
        ] {
            for fault in faults {
                assert_eq!(fault.alert(), alert, "{fault:?}");
            }
        }
    }
}
