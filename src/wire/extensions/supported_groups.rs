//! The extension supported_groups (RFC 8422 section 5.1.1): which groups a client has for ECDHE.

use super::{Hello, find};

const SUPPORTED_GROUPS: u16 = 10;

/// IANA's numbers of the groups in a ClientHello's extensions; `None` for a client that does not say, or that says it in
/// a way that makes no sense.
pub(crate) fn offered(extensions: &[u8]) -> Option<Vec<u16>> {
    let content = find(extensions, SUPPORTED_GROUPS, Hello::Client).ok()??;
    let (length, list) = content.split_first_chunk::<2>()?;
    let (groups, rest) = list.as_chunks::<2>();
    let is_whole = usize::from(u16::from_be_bytes(*length)) == list.len() && rest.is_empty();
    is_whole.then(|| groups.iter().map(|id| u16::from_be_bytes(*id)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_numbers_in_a_list() {
        assert_eq!(offered(&[0, 10, 0, 6, 0, 4, 0, 23, 0, 29]), Some(vec![23, 29]));
        assert_eq!(offered(&[0, 10, 0, 2, 0, 0]), Some(Vec::new()));
    }

    #[test]
    fn no_list_and_a_broken_list_are_none() {
        for extensions in [
            &[][..],
            &[0, 11, 0, 2, 0, 0],
            &[0, 10, 0, 0],
            &[0, 10, 0, 3, 0, 1, 9],
            &[0, 10, 0, 4, 0, 4, 0, 23],
            &[0, 10, 9],
        ] {
            assert_eq!(offered(extensions), None, "{extensions:?}");
        }
    }
}
