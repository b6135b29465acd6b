//! The extension connection_id (RFC 9146), and that of return routability checks (RFC 9853), which needs it.

use super::{ExtensionFault, Hello, find};

const CONNECTION_ID: u16 = 54;
const RRC: u16 = 61;

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
