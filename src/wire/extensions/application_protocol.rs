//! The extension application_layer_protocol_negotiation (RFC 7301), where the application chooses for each client.

use super::{ExtensionFault, Hello, find};

const ALPN: u16 = 16;
const NAME: &str = "application_layer_protocol_negotiation";

/// The names that a client offers, each with its length before it; `None` when its ClientHello says nothing about them.
pub(crate) fn offered(extensions: &[u8]) -> Result<Option<&[u8]>, ExtensionFault> {
    let Some(content) = find(extensions, ALPN, Hello::Client)? else { return Ok(None) };
    let list = content.split_first_chunk::<2>().filter(|(length, list)| {
        usize::from(u16::from_be_bytes(**length)) == list.len()
            && !list.is_empty()
            && names(list).all(|name| name.is_some())
    });
    list.map(|(_, list)| Some(list)).ok_or(ExtensionFault::Malformed(Hello::Client, NAME))
}

/// The one name that a server has chosen (RFC 7301 section 3.1); `None` when it says nothing about it.
pub(crate) fn chosen(extensions: &[u8]) -> Result<Option<&[u8]>, ExtensionFault> {
    let Some(content) = find(extensions, ALPN, Hello::Server)? else { return Ok(None) };
    let list = content
        .split_first_chunk::<2>()
        .filter(|(length, list)| usize::from(u16::from_be_bytes(**length)) == list.len());
    let mut chosen = list.into_iter().flat_map(|(_, list)| names(list));
    match (chosen.next().flatten(), chosen.next()) {
        (Some(name), None) => Ok(Some(name)),
        _ => Err(ExtensionFault::Malformed(Hello::Server, NAME)),
    }
}

/// Whether the client offers this name.
pub(crate) fn contains(list: &[u8], name: &[u8]) -> bool {
    names(list).any(|offered| offered == Some(name))
}

/// RFC 7301 section 3.1: a server answers with the one name that it has chosen, of 1 to 255 bytes.
pub(crate) fn server_extension(name: &[u8]) -> Vec<u8> {
    let length = name.len() as u8;
    let [id_high, id_low] = ALPN.to_be_bytes();
    let [content_high, content_low] = (u16::from(length) + 3).to_be_bytes();
    let [list_high, list_low] = (u16::from(length) + 1).to_be_bytes();
    [&[id_high, id_low, content_high, content_low, list_high, list_low, length], name].concat()
}

/// Yields each name. It yields `None`, and ends there, when a name is empty or cut off.
fn names(list: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = Some(list);
    std::iter::from_fn(move || {
        let (&length, after) = rest.filter(|rest| !rest.is_empty())?.split_first()?;
        let split = if length == 0 { None } else { after.split_at_checked(length.into()) };
        rest = split.map(|(_, after)| after);
        Some(split.map(|(name, _)| name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::alert;

    fn extension(content: &[u8]) -> Vec<u8> {
        [&[0, 16, 0, content.len() as u8], content].concat()
    }

    #[test]
    fn a_clients_names_are_found() {
        let extensions = [vec![0, 23, 0, 0], extension(b"\x00\x09\x04coap\x03a\0b")].concat();
        let list = offered(&extensions).unwrap().unwrap();
        assert_eq!(list, b"\x04coap\x03a\0b");
        assert!(contains(list, b"coap") && contains(list, b"a\0b"));
        assert!(!contains(list, b"coa") && !contains(list, b""));
        assert_eq!(offered(&[0, 23, 0, 0]).unwrap(), None);
    }

    #[test]
    fn malformed_offers_are_refused() {
        for content in
            [&b""[..], b"\0", b"\0\0", b"\0\x01\0", b"\0\x02\x02a", b"\0\x03\x01a", b"\0\x03\x01a\0", b"\0\x05\x01a"]
        {
            assert_eq!(offered(&extension(content)).unwrap_err().alert(), alert::DECODE_ERROR, "{content:?}");
        }
        let twice = [extension(b"\0\x02\x01a"), extension(b"\0\x02\x01a")].concat();
        assert_eq!(offered(&twice).unwrap_err().alert(), alert::ILLEGAL_PARAMETER);
    }

    #[test]
    fn a_server_answers_with_one_name() {
        assert_eq!(server_extension(b"coap"), b"\0\x10\0\x07\0\x05\x04coap");
        let longest = server_extension(&[b'a'; 255]);
        assert_eq!(offered(&longest).unwrap().unwrap().len(), 256);
    }
}
