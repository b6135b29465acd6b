//! The extension connection_id (RFC 9146), and that of return routability checks (RFC 9853), which needs it.

use super::{ExtensionFault, Hello, find};
#[cfg(feature = "aws-lc")]
use crate::wire::{connection_id::ConnectionId, reader::Reader, vector::vector};

const CONNECTION_ID: u16 = 54;
const RRC: u16 = 61;

/// Whether a hello with these extensions has the one for connection IDs. What is wrong with its content, the engine finds.
pub(crate) fn has_connection_id(extensions: &[u8], hello: Hello) -> Result<bool, ExtensionFault> {
    find(extensions, CONNECTION_ID, hello).map(|content| content.is_some())
}

/// The ID that the sender of a hello with these extensions wants to see; the inner `None` for one that is longer than any that we
/// could send. The outer `None` for a hello without the extension.
#[cfg(feature = "aws-lc")]
pub(crate) fn wanted(extensions: &[u8], hello: Hello) -> Result<Option<Option<ConnectionId>>, ExtensionFault> {
    let Some(content) = find(extensions, CONNECTION_ID, hello)? else { return Ok(None) };
    let mut reader = Reader(content);
    let id = reader.vector(1).filter(|_| reader.is_empty());
    id.map(|id| Some(ConnectionId::new(id))).ok_or(ExtensionFault::Malformed(hello, "connection_id"))
}

/// The extension that says what we want to see.
#[cfg(feature = "aws-lc")]
pub(crate) fn extension(id: &ConnectionId) -> Vec<u8> {
    let mut bytes = CONNECTION_ID.to_be_bytes().to_vec();
    vector(&mut bytes, 2, |bytes| vector(bytes, 1, |bytes| bytes.extend(id.as_bytes())));
    bytes
}

/// The first ID of a NewConnectionId message, if there is one that we could send, and whether it is to be used at once (RFC 9147
/// section 9). `None` for what is no such message.
#[cfg(feature = "aws-lc")]
pub(crate) fn read_new(body: &[u8]) -> Option<(Option<ConnectionId>, bool)> {
    let mut reader = Reader(body);
    let mut list = Reader(reader.vector(2)?);
    let is_immediate = match reader.u8()? {
        0 => true,
        1 => false,
        _ => return None,
    };
    reader.end()?;
    let mut first = None;
    while !list.is_empty() {
        let id = list.vector(1)?;
        first = first.or(Some(id));
    }
    Some((first.and_then(ConnectionId::new), is_immediate))
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

    #[cfg(feature = "aws-lc")]
    #[test]
    fn ids_are_read_as_they_are_written() {
        for length in [0, 1, 8, 32] {
            let id = ConnectionId::new(&vec![7; length]).unwrap();
            assert_eq!(wanted(&extension(&id), Hello::Client), Ok(Some(Some(id))));
        }
        let long = [&[0, 54, 0, 34, 33][..], &[7; 33]].concat();
        assert_eq!(wanted(&long, Hello::Client), Ok(Some(None)));
        assert_eq!(wanted(&[], Hello::Client), Ok(None));
        for list in [&[0, 54, 0, 0][..], &[0, 54, 0, 2, 2, 7], &[0, 54, 0, 2, 0, 7]] {
            assert!(wanted(list, Hello::Server).is_err());
        }
    }

    #[cfg(feature = "aws-lc")]
    #[test]
    fn new_ids_are_read_to_their_end() {
        let id = |bytes| ConnectionId::new(bytes);
        assert_eq!(read_new(&[0, 5, 1, 7, 2, 8, 9, 0]), Some((id(&[7]), true)));
        assert_eq!(read_new(&[0, 2, 1, 7, 1]), Some((id(&[7]), false)));
        assert_eq!(read_new(&[0, 0, 0]), Some((None, true)));
        for body in [&[][..], &[0, 0], &[0, 0, 2], &[0, 0, 0, 0], &[0, 2, 2, 7, 0], &[0, 5, 1, 7, 3, 8, 9, 0]] {
            assert_eq!(read_new(body), None, "{body:?}");
        }
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
