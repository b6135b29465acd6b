//! What a handshake has found out about the peer.

use super::error::ErrorKind;

/// What a peer has presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeerCredential {
    /// SubjectPublicKeyInfo, DER.
    pub(crate) public_key: Vec<u8>,
    /// X.509, DER; `None` with a raw public key.
    pub(crate) certificate: Option<Vec<u8>>,
}

/// Whether the peer has proved to be one that the configuration accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authorization {
    Granted,
    /// The peer was let in although this is wrong.
    Refused(ErrorKind),
    /// The peer was not asked to prove anything.
    Unknown,
}
