//! Who a peer says it is. Nobody has proved it.

/// What a peer has said of itself in a handshake that then failed. Anybody can say anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) psk_identity: Option<Vec<u8>>,
    /// SubjectPublicKeyInfo, DER; `None` where there is a certificate that was not read.
    pub(crate) public_key: Option<Vec<u8>>,
    /// The first of the peer's certificates, DER.
    pub(crate) certificate: Option<Vec<u8>>,
}

impl Claim {
    pub(super) fn is_empty(&self) -> bool {
        *self == Claim::default()
    }
}
