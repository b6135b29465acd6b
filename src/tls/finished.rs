//! The Finished messages of a handshake.

/// Contents of a handshake's two Finished messages (RFC 5246 section 7.4.9, RFC 8446 section 4.4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finished {
    pub(crate) own: Vec<u8>,
    pub(crate) peer: Vec<u8>,
}

impl Finished {
    pub(crate) fn new(own: &[u8], peer: &[u8]) -> Finished {
        Finished { own: own.to_vec(), peer: peer.to_vec() }
    }
}
