//! Words for JavaScript: the code of every error, its message, and the option that it is about. Codes are permanent.

use crate::proto::{CertificateFault, ConfigError, Error, ErrorKind, Forbidden, PskError, RSA_BITS, Version};

/// The one suite of DTLS 1.3 (RFC 8446 appendix B.4) that is not offered.
const SHORT_TAGS_OF_DTLS13: &str = "TLS_AES_128_CCM_8_SHA256";

/// Why a connection has ended without an error.
pub(super) const REASONS: [&str; 5] = ["peer", "local", "idle", "replaced", "evicted"];

/// The code of what ended a connection: node:tls's own where it has one.
pub(super) fn code(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Certificate(fault) => code_of_certificate(fault),
        ErrorKind::WrongSignature => "ERR_DTLS_WRONG_SIGNATURE",
        ErrorKind::PeerKeyMismatch => "ERR_DTLS_PEER_KEY_MISMATCH",
        ErrorKind::PeerRefused => "ERR_DTLS_PEER_REFUSED",
        ErrorKind::NoSharedCertificateType => "ERR_DTLS_NO_SHARED_CERTIFICATE_TYPE",
        ErrorKind::HandshakeTimeout => "ERR_DTLS_HANDSHAKE_TIMEOUT",
        ErrorKind::TooManyCookies => "ERR_DTLS_TOO_MANY_COOKIES",
        ErrorKind::NoAnswer => "ERR_DTLS_NO_ANSWER",
        ErrorKind::NotDtls => "ERR_DTLS_NOT_DTLS",
        ErrorKind::WrongVersion => "ERR_DTLS_WRONG_VERSION",
        ErrorKind::Displaced => "ERR_DTLS_HANDSHAKE_DISPLACED",
        ErrorKind::UnknownPskIdentity => "ERR_DTLS_UNKNOWN_PSK_IDENTITY",
        ErrorKind::WrongPsk => "ERR_DTLS_WRONG_PSK",
        ErrorKind::NoPsk => "ERR_DTLS_NO_PSK",
        ErrorKind::BadRecordMac => "ERR_DTLS_BAD_RECORD_MAC",
        ErrorKind::NoSharedCipher => "ERR_DTLS_NO_SHARED_CIPHER",
        ErrorKind::NoApplicationProtocol | ErrorKind::ProtocolsRefused => "ERR_DTLS_NO_APPLICATION_PROTOCOL",
        ErrorKind::NoExtendedMasterSecret => "ERR_DTLS_NO_EXTENDED_MASTER_SECRET",
        ErrorKind::AlertReceived => "ERR_DTLS_ALERT_RECEIVED",
        ErrorKind::ClosedDuringHandshake => "ERR_DTLS_CLOSED_DURING_HANDSHAKE",
        ErrorKind::Protocol => "ERR_DTLS_PROTOCOL",
        ErrorKind::MessageTooLong => "ERR_DTLS_MESSAGE_TOO_LONG",
        ErrorKind::LookupFailed => "ERR_DTLS_LOOKUP_FAILED",
        ErrorKind::Configuration => "ERR_DTLS_CONFIGURATION",
        ErrorKind::Internal => "ERR_DTLS_INTERNAL",
    }
}

fn code_of_certificate(fault: CertificateFault) -> &'static str {
    match fault {
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
        // node:tls has one code for everything that it has no name for.
        CertificateFault::NameConstraints | CertificateFault::CriticalExtension | CertificateFault::Other => {
            "UNSPECIFIED"
        }
    }
}

/// What ended a connection, and the option that decided about it.
pub(super) fn message(error: &Error) -> String {
    match option(error.kind) {
        Some(option) => format!("{error} ({option})"),
        None => error.to_string(),
    }
}

fn option(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::Certificate(fault) => option_of_certificate(fault),
        ErrorKind::PeerKeyMismatch => Some("'peerPublicKey'"),
        ErrorKind::WrongVersion => Some("'minVersion', 'maxVersion'"),
        ErrorKind::Displaced => Some("'maxHandshakes'"),
        ErrorKind::PeerRefused => Some("'verifyPeer'"),
        ErrorKind::NoPsk => Some("'pskCallback'"),
        ErrorKind::NoApplicationProtocol => Some("'ALPNProtocols'"),
        ErrorKind::ProtocolsRefused => Some("'ALPNCallback'"),
        ErrorKind::NoExtendedMasterSecret => Some("'requireExtendedMasterSecret'"),
        _ => None,
    }
}

fn option_of_certificate(fault: CertificateFault) -> Option<&'static str> {
    match fault {
        CertificateFault::SelfSigned
        | CertificateFault::SelfSignedInChain
        | CertificateFault::UnknownIssuer
        | CertificateFault::UnknownIssuerOfIssuer
        | CertificateFault::UnknownIssuerOfAuthority => Some("'ca'"),
        CertificateFault::NoCrl
        | CertificateFault::CrlExpired
        | CertificateFault::CrlNotYetValid
        | CertificateFault::CrlBadSignature => Some("'crl'"),
        CertificateFault::WrongName => Some("'servername'"),
        CertificateFault::Weak => Some("'sigalgs'"),
        _ => None,
    }
}

/// The code of a configuration that cannot work.
pub(super) fn code_of_config(error: &ConfigError) -> &'static str {
    use ConfigError::*;
    match error {
        UnreadableKey(_) | KeyCannotSign | UnusablePublicHalf(_) | UnacceptableKey | KeysOfOneKind => {
            "ERR_DTLS_INVALID_KEY"
        }
        KeyMismatch | KeyWithoutCertificate { .. } => "ERR_DTLS_KEY_MISMATCH",
        UnreadableCertificate { .. }
        | NoCertificate
        | UnusableCertificateKey(_)
        | ChainTooLong { .. }
        | NotForServers(_) => "ERR_DTLS_INVALID_CERT",
        UnreadableTrustAnchor { .. } | NoTrustAnchor | TooManyAuthorities { .. } => "ERR_DTLS_INVALID_CA",
        UnreadableRevocationList { .. } => "ERR_DTLS_INVALID_CRL",
        UnreadablePublicKey { .. } | UnacceptablePublicKey { .. } => "ERR_DTLS_INVALID_PUBLIC_KEY",
        UnknownSuite(_) => "ERR_DTLS_INVALID_CIPHER",
        NoUsableSuite | SuitesOfOtherVersion(_) => "ERR_DTLS_NO_USABLE_CIPHER",
        UnknownCurve(_) | NoUsableGroup => "ERR_DTLS_INVALID_CURVE",
        UnknownSignatureAlgorithm(_) | UnequalHashes => "ERR_DTLS_INVALID_SIGALG",
        UnknownSrtpProfile(_) => "ERR_DTLS_INVALID_SRTP_PROFILE",
        NoDtls13 => "ERR_DTLS_INVALID_VERSION",
        Psk(PskError::KeyLength(_)) => "ERR_DTLS_INVALID_PSK",
        Psk(PskError::IdentityLength(_)) => "ERR_DTLS_INVALID_PSK_IDENTITY",
        MaxFragmentLength(_) | ProtocolNames | PskHintLength(_) | Refused(_) => "ERR_DTLS_INTERNAL",
    }
}

/// What is wrong with which option.
pub(super) fn message_of_config(error: &ConfigError) -> String {
    use ConfigError::*;
    let kinds = || {
        let (least, most) = (RSA_BITS.start(), RSA_BITS.end());
        format!("neither an EC key on P-256, P-384 or P-521 nor an RSA key of {least} to {most} bits")
    };
    match error {
        UnreadableKey(reason) => format!(
            "The option 'key' is no RSA or EC private key that can be read, in PEM or DER (one that is encrypted needs \
             its 'passphrase'): {reason}"
        ),
        KeyCannotSign => "The option 'key' is neither an RSA key nor an EC key that can sign".to_owned(),
        UnusablePublicHalf(reason) => format!("The public half of the option 'key' cannot be used: {reason}"),
        UnacceptableKey => format!("The option 'key' is {}", kinds()),
        KeyMismatch => "The private key ('key') does not belong to the first certificate of 'cert'".to_owned(),
        KeyWithoutCertificate { index } => {
            format!("Entry {index} of the option 'key' has no certificate of its own in the option 'cert'")
        }
        KeysOfOneKind => {
            "The option 'key' holds several keys of one kind: a server takes one RSA key and one EC key".to_owned()
        }
        UnreadableCertificate { index } => unreadable(*index, "cert", "certificate"),
        NoCertificate => "The option 'cert' holds no certificate".to_owned(),
        UnusableCertificateKey(reason) => {
            format!("The public key of the first certificate in the option 'cert' cannot be used: {reason}")
        }
        ChainTooLong { length, limit } => format!(
            "The certificates in the option 'cert' take {length} bytes in a handshake message, which has room for {limit}"
        ),
        NotForServers(forbidden) => {
            let why = match forbidden {
                Forbidden::Signing => "its key usage does not allow digital signatures",
                Forbidden::ServerAuthentication => "its extended key usage does not allow to authenticate servers",
            };
            format!("The certificate in the option 'cert' is of no use to a server: {why}")
        }
        UnreadableTrustAnchor { index } => unreadable(*index, "ca", "certificate"),
        NoTrustAnchor => "The option 'ca' holds no certificate".to_owned(),
        TooManyAuthorities { length, limit } => format!(
            "The names of all authorities in the option 'ca' take {length} bytes in a handshake message, which has room for \
             {limit}: 'nameAuthorities' must not be true"
        ),
        UnreadableRevocationList { index } => unreadable(*index, "crl", "revocation list"),
        UnreadablePublicKey { index, reason } => {
            format!("{}: {reason}", unreadable(*index, "peerPublicKey", "public key"))
        }
        UnacceptablePublicKey { index } => format!("Entry {index} of the option 'peerPublicKey' is {}", kinds()),
        UnknownSuite(name) if name.eq_ignore_ascii_case(SHORT_TAGS_OF_DTLS13) => format!(
            "The option 'ciphers' names '{name}', which is left out: RFC 9147 (section 4.5.3) forbids it without further \
             safeguards against forgeries. TLS_AES_128_CCM_SHA256 takes its place"
        ),
        UnknownSuite(name) => {
            format!("The option 'ciphers' names '{name}', which is no cipher suite of this build: getCiphers() lists them")
        }
        NoUsableSuite => {
            "No cipher suite is left that could be used: suites with PSK need a pre-shared key, with ECDSA an EC key, and \
             with RSA an RSA key; those of DTLS 1.3 need a key that may sign, on P-256 by SHA256 alone, on P-384 by SHA384 \
             ('ciphers', 'sigalgs')"
                .to_owned()
        }
        SuitesOfOtherVersion(Version::Dtls12) => {
            "The option 'ciphers' names suites of DTLS 1.2 alone, and 'minVersion' or 'ecdhCurve' leaves that version out"
                .to_owned()
        }
        SuitesOfOtherVersion(Version::Dtls13) => {
            "The option 'ciphers' names suites of DTLS 1.3 alone, and that version is left out: by 'maxVersion' or \
             'ecdhCurve' or, without 'maxVersion', by 'srtpProfiles', 'maxFragmentLength' or 'compat'"
                .to_owned()
        }
        UnknownCurve(name) => {
            format!("The option 'ecdhCurve' names '{name}', which is no group of this build: getCurves() lists them")
        }
        NoUsableGroup => {
            "The option 'ecdhCurve' names no group of a version between 'minVersion' and 'maxVersion': X25519MLKEM768 is for \
             DTLS 1.3 alone, and P-521 for DTLS 1.2"
                .to_owned()
        }
        UnknownSignatureAlgorithm(name) => format!(
            "The option 'sigalgs' names '{name}', which is not known here: ECDSA and RSA with SHA256, SHA384 or SHA512 are, and \
             with DTLS 1.3 'RSA+SHA256' stands for RSA-PSS, too"
        ),
        UnequalHashes => {
            "The option 'sigalgs' must name the same hashes for ECDSA as for RSA, or one of the two alone".to_owned()
        }
        UnknownSrtpProfile(name) => format!("The option 'srtpProfiles' names '{name}', which is not known here"),
        NoDtls13 => {
            "The options 'minVersion' and 'maxVersion' name DTLS 1.3, which this build does not have: it is without AWS-LC"
                .to_owned()
        }
        Psk(error) => error.to_string(),
        MaxFragmentLength(bytes) => format!("RFC 6066 has no fragments of {bytes} bytes"),
        ProtocolNames => "A protocol name that does not fit got this far".to_owned(),
        PskHintLength(bytes) => format!("A hint of {bytes} bytes got this far"),
        Refused(reason) => format!("The TLS engine refused the configuration: {reason}"),
    }
}

fn unreadable(index: usize, option: &str, what: &str) -> String {
    format!("Entry {index} of the option '{option}' is not a {what} that can be read, in PEM or DER")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_option_that_decided() {
        let refused = Error::new(ErrorKind::PeerRefused, "The application refused the peer");
        assert_eq!(message(&refused), "The application refused the peer ('verifyPeer')");
        let closed = Error::new(ErrorKind::ClosedDuringHandshake, "The peer closed the connection");
        assert_eq!(message(&closed), "The peer closed the connection");
    }

    #[test]
    fn the_option_that_decided_is_the_one_of_the_error() {
        use CertificateFault::*;
        for (faults, option) in [
            (
                &[SelfSigned, SelfSignedInChain, UnknownIssuer, UnknownIssuerOfIssuer, UnknownIssuerOfAuthority][..],
                Some("'ca'"),
            ),
            (&[NoCrl, CrlExpired, CrlNotYetValid, CrlBadSignature], Some("'crl'")),
            (&[WrongName], Some("'servername'")),
            (&[Weak], Some("'sigalgs'")),
            (&[Expired, NotYetValid, Revoked, Missing, UnacceptableKey, Other], None),
        ] {
            for &fault in faults {
                assert_eq!(super::option(ErrorKind::Certificate(fault)), option, "{fault:?}");
            }
        }
        for (kind, option) in [
            (ErrorKind::PeerKeyMismatch, Some("'peerPublicKey'")),
            (ErrorKind::WrongVersion, Some("'minVersion', 'maxVersion'")),
            (ErrorKind::Displaced, Some("'maxHandshakes'")),
            (ErrorKind::PeerRefused, Some("'verifyPeer'")),
            (ErrorKind::NoPsk, Some("'pskCallback'")),
            (ErrorKind::NoApplicationProtocol, Some("'ALPNProtocols'")),
            (ErrorKind::ProtocolsRefused, Some("'ALPNCallback'")),
            (ErrorKind::NoExtendedMasterSecret, Some("'requireExtendedMasterSecret'")),
            (ErrorKind::HandshakeTimeout, None),
            (ErrorKind::Internal, None),
        ] {
            assert_eq!(super::option(kind), option, "{kind:?}");
        }
    }

    #[test]
    fn an_error_has_the_code_of_its_kind() {
        for (kind, expected) in [
            (ErrorKind::HandshakeTimeout, "ERR_DTLS_HANDSHAKE_TIMEOUT"),
            (ErrorKind::ProtocolsRefused, "ERR_DTLS_NO_APPLICATION_PROTOCOL"),
            (ErrorKind::Certificate(CertificateFault::Expired), "CERT_HAS_EXPIRED"),
            (ErrorKind::Certificate(CertificateFault::CriticalExtension), "UNSPECIFIED"),
        ] {
            assert_eq!(code(kind), expected);
        }
    }

    #[test]
    fn a_suite_that_is_left_out_is_another_matter_than_one_that_is_not_known() {
        let message = |name: &str| message_of_config(&ConfigError::UnknownSuite(name.to_owned()));
        for name in [SHORT_TAGS_OF_DTLS13, "tls_aes_128_ccm_8_sha256"] {
            assert!(message(name).contains("RFC 9147 (section 4.5.3)"), "{}", message(name));
        }
        assert_eq!(
            message("NULL"),
            "The option 'ciphers' names 'NULL', which is no cipher suite of this build: getCiphers() lists them"
        );
    }

    #[test]
    fn a_list_is_to_blame_with_its_entry() {
        let error = ConfigError::UnacceptablePublicKey { index: 2 };
        assert_eq!(code_of_config(&error), "ERR_DTLS_INVALID_PUBLIC_KEY");
        assert_eq!(
            message_of_config(&error),
            "Entry 2 of the option 'peerPublicKey' is neither an EC key on P-256, P-384 or P-521 nor an RSA key of 2048 \
             to 8192 bits"
        );
        let error = ConfigError::UnreadableTrustAnchor { index: 0 };
        assert_eq!(
            message_of_config(&error),
            "Entry 0 of the option 'ca' is not a certificate that can be read, in PEM or DER"
        );
    }
}
