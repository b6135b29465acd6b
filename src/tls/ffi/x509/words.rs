//! What is read from a certificate, whichever library reads it.

/// What a certificate calls its owner.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) dns: Vec<Vec<u8>>,
    /// Four or sixteen bytes each, unless somebody has made a mistake.
    pub(crate) addresses: Vec<Vec<u8>>,
    /// Common names of the subject, in UTF-8.
    pub(crate) common: Vec<Vec<u8>>,
}

/// How a certificate was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(any(feature = "aws-lc", test)), expect(dead_code, reason = "Mbed TLS tells fewer things apart"))]
pub(crate) enum SignatureScheme {
    RsaPkcs1(Hash),
    RsaPss(Hash),
    Ecdsa(Hash),
    Ed25519,
    /// Whatever else there is.
    Other,
}

/// What was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
    /// MD5, SHA-1, SHA-224 and whatever else there is.
    Other,
}

/// What the owner of a certificate uses it for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    ServerAuthentication,
    ClientAuthentication,
}

/// How large a public key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "aws-lc"), expect(dead_code, reason = "Mbed TLS tells fewer things apart"))]
pub(crate) enum KeySize {
    Rsa(u32),
    Ec(u32),
    Ed25519,
    /// Whatever else there is, and what cannot be read.
    Other,
}
