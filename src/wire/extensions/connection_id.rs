//! The extension connection_id (RFC 9146), and that of return routability checks (RFC 9853), which needs it.

use super::{ExtensionFault, Hello, find};

const CONNECTION_ID: u16 = 54;
const RRC: u16 = 61;

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

/// Whether a hello with these extensions has the one for connection IDs. What is wrong with its content, the engine finds.
pub(crate) fn has_connection_id(extensions: &[u8], hello: Hello) -> Result<bool, ExtensionFault> {
    find(extensions, CONNECTION_ID, hello).map(|content| content.is_some())
}

/// The extension for return routability checks. It has no content (RFC 9853 section 3).
pub(crate) fn routability_extension() -> Vec<u8> {
    [RRC.to_be_bytes(), [0, 0]].concat()
}

/// Whether a hello with these extensions allows return routability checks. They need connection IDs (RFC 9853 section 3).
pub(crate) fn allows_routability_checks(extensions: &[u8], hello: Hello) -> Result<bool, ExtensionFault> {
    match find(extensions, RRC, hello)? {
        None => Ok(false),
        Some(&[]) => has_connection_id(extensions, hello),
        Some(_) => Err(ExtensionFault::Malformed(hello, "rrc")),
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
        assert_ne!(ConnectionId::new(&[0; 2]), ConnectionId::new(&[0; 3]));
        assert_eq!(format!("{:?}", ConnectionId::new(&[0, 0xab]).unwrap()), "00ab");
    }

    #[test]
    fn routability_checks_need_connection_ids() {
        let allows = |list: &[u8]| allows_routability_checks(list, Hello::Client);
        assert_eq!(allows(&[]), Ok(false));
        assert_eq!(allows(&routability_extension()), Ok(false));
        assert_eq!(allows(&[0, 54, 0, 1, 0]), Ok(false));
        assert_eq!(allows(&[0, 61, 0, 0, 0, 54, 0, 1, 0]), Ok(true));
        assert_eq!(allows(&[0, 61, 0, 1, 0, 0, 54, 0, 1, 0]), Err(ExtensionFault::Malformed(Hello::Client, "rrc")));
        assert!(allows(&[0, 61, 0, 0, 0, 61, 0, 0]).is_err());
        assert_eq!(has_connection_id(&[0, 53, 0, 1, 0, 254, 0, 0, 0], Hello::Server), Ok(false));
    }
}
