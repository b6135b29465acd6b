//! What can be wrong with a configuration, seen when it is made.

use super::psk::PskError;
use super::version::Version;

/// Why an engine did not take something, in its own words.
pub(crate) type Reason = String;

/// A configuration that cannot work, with the facts. `index` counts the entries of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConfigError {
    // --- our own key and certificates --------------------------------------------------------------------------------
    /// The private key cannot be read, perhaps because it is encrypted.
    UnreadableKey(Reason),
    /// The private key is neither an RSA key nor an EC key that can sign.
    KeyCannotSign,
    /// The public half of the private key cannot be used.
    UnusablePublicHalf(Reason),
    /// The private key is on a curve or of a size that no peer would accept.
    UnacceptableKey,
    /// The private key does not belong to the first certificate.
    KeyMismatch,
    /// One of several private keys has no certificate, though others have.
    KeyWithoutCertificate {
        index: usize,
    },
    /// A server has several private keys of one kind.
    KeysOfOneKind,
    UnreadableCertificate {
        index: usize,
    },
    NoCertificate,
    /// The engine cannot use the public key of the first certificate.
    UnusableCertificateKey(Reason),
    /// Our certificates take so many bytes in a handshake message, which has room for fewer.
    ChainTooLong {
        length: usize,
        limit: usize,
    },
    /// The certificate must not be used by a server.
    NotForServers(Forbidden),

    // --- what a peer is verified with --------------------------------------------------------------------------------
    UnreadableTrustAnchor {
        index: usize,
    },
    NoTrustAnchor,
    /// The names of all trust anchors take so many bytes in a handshake message, which has room for fewer.
    TooManyAuthorities {
        length: usize,
        limit: usize,
    },
    UnreadableRevocationList {
        index: usize,
    },
    /// An expected raw public key of a peer cannot be read.
    UnreadablePublicKey {
        index: usize,
        reason: Reason,
    },
    /// An expected raw public key of a peer is on a curve or of a size that we do not accept.
    UnacceptablePublicKey {
        index: usize,
    },

    // --- what is negotiated ------------------------------------------------------------------------------------------
    UnknownSuite(String),
    /// Neither a pre-shared key nor a certificate serves any of the suites.
    NoUsableSuite,
    /// All suites that are named are of this version, which is not spoken.
    SuitesOfOtherVersion(Version),
    UnknownCurve(String),
    /// None of the groups is one of a version that is spoken.
    NoUsableGroup,
    UnknownSignatureAlgorithm(String),
    /// The engine cannot offer one hash with EC keys and another with RSA keys.
    UnequalHashes,
    UnknownSrtpProfile(String),
    /// This build has no engine for DTLS 1.3.
    #[cfg_attr(feature = "aws-lc", expect(dead_code, reason = "it has one with AWS-LC"))]
    NoDtls13,
    Psk(PskError),

    // --- what should have been refused before, or never happens ------------------------------------------------------
    /// RFC 6066 has no such length of fragments.
    MaxFragmentLength(u16),
    /// A name of an application protocol is empty or too long, or all of them together are.
    ProtocolNames,
    /// A hint of so many bytes is longer than clients take.
    PskHintLength(usize),
    /// The engine refused what it was given.
    Refused(Reason),
}

/// What a certificate does not allow its holder to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forbidden {
    /// Its key usage does not allow digital signatures.
    Signing,
    /// Its extended key usage does not allow the authentication of servers.
    ServerAuthentication,
}

impl From<PskError> for ConfigError {
    fn from(error: PskError) -> ConfigError {
        ConfigError::Psk(error)
    }
}
