//! The extension server_name (RFC 6066 section 3): the name that a client asks for.

use super::{Hello, find};

const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;

/// Bytes of a DNS name (RFC 1035 section 2.3.4).
const NAME_LIMIT: usize = 255;

/// The name in lower case; `None` for a hello without a name, or with one that cannot be a DNS name.
pub(crate) fn server_name(extensions: &[u8]) -> Option<String> {
    let content = find(extensions, SERVER_NAME, Hello::Client).ok()??;
    let (length, list) = content.split_first_chunk::<2>()?;
    if usize::from(u16::from_be_bytes(*length)) != list.len() {
        return None;
    }
    // RFC 6066 section 3: a list has one name of each type, and only one type is defined.
    let (&kind, rest) = list.split_first()?;
    let (length, name) = rest.split_first_chunk::<2>()?;
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let valid = kind == HOST_NAME
        && usize::from(u16::from_be_bytes(*length)) == name.len()
        && (1..=NAME_LIMIT).contains(&name.len())
        && name.iter().all(is_name);
    let name = std::str::from_utf8(name).ok().filter(|_| valid)?;
    Some(name.trim_end_matches('.').to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extension(name: &[u8]) -> Vec<u8> {
        let length = name.len() as u8;
        [&[0, 0, 0, length + 5, 0, length + 3, 0, 0, length][..], name].concat()
    }

    #[test]
    fn a_name_is_read_in_lower_case() {
        let extensions = [&[0, 23, 0, 0][..], &extension(b"Sensor.Example.TEST")].concat();
        assert_eq!(server_name(&extensions).unwrap(), "sensor.example.test");
        assert_eq!(server_name(&extension(b"a-1_b.test.")).unwrap(), "a-1_b.test");
        let longest = |length: usize| {
            let [high, low] = (length as u16).to_be_bytes();
            let [outer, list] = [5, 3].map(|more| (length as u16 + more).to_be_bytes());
            [&[0, 0][..], &outer, &list, &[0, high, low], &vec![b'a'; length]].concat()
        };
        assert_eq!(server_name(&longest(255)).map(|name| name.len()), Some(255));
        assert_eq!(server_name(&longest(256)), None);
    }

    #[test]
    fn what_is_no_name_is_none() {
        let good = extension(b"a.test");
        for length in 0..good.len() {
            assert_eq!(server_name(&good[..length]), None);
        }
        for name in [&b""[..], b"a\0b", b"a b", "ä".as_bytes(), &[0xff]] {
            assert_eq!(server_name(&extension(name)), None);
        }
        // Another kind of name, and one that is longer or shorter than it says.
        for (at, value) in [(6, 1), (8, good[8] + 1), (8, good[8] - 1)] {
            let mut changed = good.clone();
            changed[at] = value;
            assert_eq!(server_name(&changed), None, "{at}: {value}");
        }
        assert_eq!(server_name(&[good.clone(), good].concat()), None);
    }
}
