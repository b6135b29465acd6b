//! Connection IDs (RFC 9146): names by which records find their connection, whatever address they come from.

/// What one side wants to see in the records that it receives; empty where it wants nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConnectionId {
    length: u8,
    bytes: [u8; ConnectionId::LIMIT],
}

impl ConnectionId {
    /// The engine has room for no more; an extension could have 255 bytes.
    pub(crate) const LIMIT: usize = 32;

    pub(crate) const EMPTY: ConnectionId = ConnectionId { length: 0, bytes: [0; ConnectionId::LIMIT] };

    /// `None` when it is too long.
    pub(crate) fn new(id: &[u8]) -> Option<ConnectionId> {
        let mut bytes = [0; ConnectionId::LIMIT];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        Some(ConnectionId { length: u8::try_from(id.len()).ok()?, bytes })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl std::fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_up_to_32_bytes() {
        for length in 0..=ConnectionId::LIMIT {
            let bytes = vec![7; length];
            let id = ConnectionId::new(&bytes).unwrap();
            assert_eq!(id.as_bytes(), bytes);
        }
        assert!(ConnectionId::new(&[0; ConnectionId::LIMIT + 1]).is_none());
        assert!(ConnectionId::new(&[0; 300]).is_none());
        assert_eq!(ConnectionId::new(&[]), Some(ConnectionId::EMPTY));
        assert_ne!(ConnectionId::new(&[0; 2]), ConnectionId::new(&[0; 3]));
        assert_eq!(format!("{:?}", ConnectionId::new(&[0, 0xab]).unwrap()), "00ab");
    }
}
