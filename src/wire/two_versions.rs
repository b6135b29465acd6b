//! One ClientHello for DTLS 1.2 and DTLS 1.3, and what the hellos of servers say of either.

use super::extensions::split_extension;
use super::handshake::{SERVER_HELLO, body_of};
use super::hello13::{DTLS_1_2, DTLS_1_3, extension};
use super::lengths::RANDOM_LENGTH;
use super::reader::Reader;
use super::vector::vector;

const SIGNATURE_ALGORITHMS: u16 = 13;

/// RFC 8446 section 4.1.3: the end of the random of a server that speaks a newer version than it has chosen.
const DOWNGRADES: [&[u8]; 2] = [b"DOWNGRD\x01", b"DOWNGRD\x00"];

/// A ClientHello without its header.
struct Body<'a> {
    /// Version, random, session id and cookie.
    start: &'a [u8],
    suites: &'a [u8],
    compression_methods: &'a [u8],
    extensions: Vec<(u16, &'a [u8])>,
}

impl<'a> Body<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Body<'a>> {
        let mut reader = Reader(bytes);
        reader.take(2 + RANDOM_LENGTH)?;
        let (_session_id, _cookie) = (reader.vector(1)?, reader.vector(1)?);
        let start = bytes.get(..bytes.len() - reader.0.len())?;
        let (suites, compression_methods) = (reader.vector(2)?, reader.vector(1)?);
        let mut list = if reader.is_empty() { &[][..] } else { reader.vector(2)? };
        reader.end()?;
        let mut extensions = Vec::new();
        while let Some((id, content, rest)) = split_extension(list) {
            extensions.push((id, content));
            list = rest;
        }
        list.is_empty().then_some(Body { start, suites, compression_methods, extensions })
    }

    fn find(&self, id: u16) -> Option<&'a [u8]> {
        self.extensions.iter().find(|(other, _)| *other == id).map(|(_, content)| *content)
    }
}

/// The body of a ClientHello that both versions can go on from: what DTLS 1.2 says in its own, and what DTLS 1.3 says beyond that.
/// The suites and groups of DTLS 1.3 come first, and its signatures behind the others. Its proofs of pre-shared keys come last, as it
/// has them, and are not good for this hello.
pub(crate) fn merge(older: &[u8], newer: &[u8]) -> Option<Vec<u8>> {
    let (older, newer) = (Body::parse(older)?, Body::parse(newer)?);
    let mut body = older.start.to_vec();
    vector(&mut body, 2, |body| {
        body.extend(newer.suites);
        body.extend(older.suites);
    });
    vector(&mut body, 1, |body| body.extend(older.compression_methods));
    vector(&mut body, 2, |body| {
        write(body, extension::SUPPORTED_VERSIONS, |body| {
            vector(body, 1, |body| [DTLS_1_3, DTLS_1_2].iter().for_each(|version| body.extend(version.to_be_bytes())));
        });
        for &(id, content) in &older.extensions {
            match newer.find(id) {
                // Many servers of DTLS 1.2 sign in the first way that they know, and RSA-PSS costs them more. In DTLS 1.3 no other
                // signature of an RSA key is allowed, so that it may stand behind. What the older engine lists beyond what is
                // accepted, because its suites leave it out, a server of DTLS 1.3 would take for an offer.
                Some(other) if id == SIGNATURE_ALGORITHMS => {
                    let accepted = numbers(other);
                    let older = numbers(content).filter(|number| accepted.clone().any(|other| other == *number));
                    write(body, id, |body| merge_lists(older, accepted.clone(), body));
                }
                Some(other) if id == extension::SUPPORTED_GROUPS => {
                    write(body, id, |body| merge_lists(numbers(other), numbers(content), body))
                }
                // A client that takes no signatures in DTLS 1.3 has a pre-shared key alone, and no suite of DTLS 1.2 with signatures. A
                // server that finds this extension would take it for one that accepts certificates (RFC 8446 section 4.2.3).
                None if id == SIGNATURE_ALGORITHMS => {}
                _ => write(body, id, |body| body.extend(content)),
            }
        }
        // RFC 8446 section 9.2: groups need public values, of which there may be none.
        if older.find(extension::SUPPORTED_GROUPS).is_some() && newer.find(extension::KEY_SHARE).is_none() {
            write(body, extension::KEY_SHARE, |body| body.extend([0, 0]));
        }
        // RFC 8446 section 4.2.11: pre_shared_key is the last one, and it is in the hello of DTLS 1.3.
        for &(id, content) in &newer.extensions {
            if id != extension::SUPPORTED_VERSIONS && older.find(id).is_none() {
                write(body, id, |body| body.extend(content));
            }
        }
    });
    Some(body)
}

/// The body of a ClientHello without its cookie, and where that stands: the number of bytes before it, and the cookie with its length.
pub(crate) fn without_cookie(body: &[u8]) -> Option<(Vec<u8>, usize, &[u8])> {
    let mut reader = Reader(body);
    reader.take(2 + RANDOM_LENGTH)?;
    let _session_id = reader.vector(1)?;
    let start = body.len() - reader.0.len();
    let length = 1 + reader.vector(1)?.len();
    let (before, cookie) = body.get(..start + length)?.split_at_checked(start)?;
    Some(([before, &[0], reader.0].concat(), start, cookie))
}

/// A list of numbers of two bytes, with its length before it.
fn numbers(list: &[u8]) -> impl Iterator<Item = [u8; 2]> + Clone + '_ {
    list.get(2..).unwrap_or_default().as_chunks::<2>().0.iter().copied()
}

/// What the second has beyond the first stands behind it.
fn merge_lists(first: impl Iterator<Item = [u8; 2]>, second: impl Iterator<Item = [u8; 2]>, body: &mut Vec<u8>) {
    let mut merged: Vec<_> = first.collect();
    for number in second {
        if !merged.contains(&number) {
            merged.push(number);
        }
    }
    vector(body, 2, |body| merged.iter().for_each(|number| body.extend(number)));
}

/// The body of the ClientHello that follows a HelloRetryRequest (RFC 8446 section 4.1.2): as the first, but with the cookie, and
/// with `shares` as the content of key_share where the server has asked for that. Its proofs are those of the first, and it offers
/// no pre-shared keys if it does not keep them.
pub(crate) fn after_retry(
    first: &[u8],
    cookie: Option<&[u8]>,
    shares: Option<&[u8]>,
    keeps_keys: bool,
) -> Option<Vec<u8>> {
    let first = Body::parse(first)?;
    let mut body = first.start.to_vec();
    vector(&mut body, 2, |body| body.extend(first.suites));
    vector(&mut body, 1, |body| body.extend(first.compression_methods));
    vector(&mut body, 2, |body| {
        // Before all that is long: a server that keeps nothing looks for it in the first fragment.
        if let Some(cookie) = cookie {
            write(body, extension::COOKIE, |body| vector(body, 2, |body| body.extend(cookie)));
        }
        let is_kept = |&&(id, _): &&(u16, &[u8])| keeps_keys || id != extension::PRE_SHARED_KEY;
        for &(id, content) in first.extensions.iter().filter(is_kept) {
            let content = shares.filter(|_| id == extension::KEY_SHARE).unwrap_or(content);
            write(body, id, |body| body.extend(content));
        }
    });
    Some(body)
}

fn write(body: &mut Vec<u8>, id: u16, content: impl FnOnce(&mut Vec<u8>)) {
    body.extend(id.to_be_bytes());
    vector(body, 2, content);
}

/// Whether a ServerHello without its header chooses DTLS 1.3, or is a HelloRetryRequest.
pub(crate) fn chooses_dtls13(body: &[u8]) -> bool {
    version_of(body) == Some(DTLS_1_3)
}

/// The version in a ServerHello's extension supported_versions (RFC 8446 section 4.2.1).
fn version_of(body: &[u8]) -> Option<u16> {
    let mut reader = Reader(body);
    reader.take(2 + RANDOM_LENGTH)?;
    let _session_id = reader.vector(1)?;
    let _suite_and_compression = reader.take(3)?;
    let mut list = reader.vector(2)?;
    while let Some((id, content, rest)) = split_extension(list) {
        if id == extension::SUPPORTED_VERSIONS {
            return Reader(content).u16();
        }
        list = rest;
    }
    None
}

/// Whether a whole message is a ServerHello that says that its server speaks a newer version.
pub(crate) fn tells_of_downgrade(message: &[u8]) -> bool {
    let random = body_of(SERVER_HELLO, message).and_then(|body| body.get(2..2 + RANDOM_LENGTH)).unwrap_or_default();
    DOWNGRADES.iter().any(|downgrade| random.ends_with(downgrade))
}

/// Whether a ServerHello of DTLS 1.2 has no business with an extension of this number, although our hello has it.
pub(crate) fn belongs_to_dtls13(id: u16) -> bool {
    use extension::{COOKIE, KEY_SHARE, PRE_SHARED_KEY, PSK_KEY_EXCHANGE_MODES, SUPPORTED_VERSIONS};
    matches!(id, COOKIE | KEY_SHARE | PRE_SHARED_KEY | PSK_KEY_EXCHANGE_MODES | SUPPORTED_VERSIONS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use extension::{COOKIE, KEY_SHARE, PRE_SHARED_KEY, SERVER_NAME, SUPPORTED_GROUPS, SUPPORTED_VERSIONS};

    fn hello(random: u8, suites: &[u8], extensions: Option<&[(u16, &[u8])]>) -> Vec<u8> {
        let mut body = vec![254, 253];
        body.extend([random; RANDOM_LENGTH]);
        body.extend([1, random, 0]);
        vector(&mut body, 2, |body| body.extend(suites));
        body.extend([1, 0]);
        if let Some(extensions) = extensions {
            vector(&mut body, 2, |body| {
                for (id, content) in extensions {
                    write(body, *id, |body| body.extend(*content));
                }
            });
        }
        body
    }

    fn newer() -> Vec<u8> {
        let extensions: [(u16, &[u8]); 4] = [
            (SUPPORTED_VERSIONS, &[2, 0xfe, 0xfc]),
            (SUPPORTED_GROUPS, &[0, 4, 0, 29, 0, 23]),
            (KEY_SHARE, &[7]),
            (PRE_SHARED_KEY, &[8]),
        ];
        hello(2, &[0x13, 1], Some(&extensions))
    }

    #[test]
    fn a_cookie_is_taken_out_and_can_be_put_back() {
        let plain = hello(1, &[0, 0xae], None);
        let start = 2 + RANDOM_LENGTH + 2;
        for cookie in [&[0][..], &[3, 7, 8, 9]] {
            let whole = [&plain[..start], cookie, &plain[start + 1..]].concat();
            assert_eq!(without_cookie(&whole), Some((plain.clone(), start, cookie)));
        }
        assert_eq!(without_cookie(&plain[..start]), None);
        assert_eq!(without_cookie(&[&plain[..start], &[3, 7][..]].concat()), None);
    }

    #[test]
    fn both_versions_find_what_they_need_in_one_hello() {
        let older = hello(1, &[0, 0xae], Some(&[(SUPPORTED_GROUPS, &[0, 4, 0, 23, 0, 24]), (SERVER_NAME, &[5])]));
        let expected: [(u16, &[u8]); 5] = [
            (SUPPORTED_VERSIONS, &[4, 0xfe, 0xfc, 0xfe, 0xfd]),
            (SUPPORTED_GROUPS, &[0, 6, 0, 29, 0, 23, 0, 24]),
            (SERVER_NAME, &[5]),
            (KEY_SHARE, &[7]),
            (PRE_SHARED_KEY, &[8]),
        ];
        assert_eq!(merge(&older, &newer()).unwrap(), hello(1, &[0x13, 1, 0, 0xae], Some(&expected)));
    }

    #[test]
    fn groups_of_the_older_version_come_with_public_values_though_there_are_none() {
        let older = hello(1, &[0, 0xae], Some(&[(SUPPORTED_GROUPS, &[0, 2, 0, 23])]));
        let newer = hello(2, &[0x13, 1], Some(&[(SUPPORTED_VERSIONS, &[2, 0xfe, 0xfc]), (PRE_SHARED_KEY, &[8])]));
        let merged = merge(&older, &newer).unwrap();
        let ids: Vec<_> = Body::parse(&merged).unwrap().extensions.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, [SUPPORTED_VERSIONS, SUPPORTED_GROUPS, KEY_SHARE, PRE_SHARED_KEY]);
    }

    #[test]
    fn a_server_of_the_older_version_finds_the_signatures_first_that_the_older_engine_verifies_and_none_that_is_not_accepted()
     {
        let [older, newer] = [&[0, 4, 4, 3, 4, 1][..], &[0, 4, 8, 4, 4, 1]].map(|list| {
            let extensions: [(u16, &[u8]); 1] = [(SIGNATURE_ALGORITHMS, list)];
            hello(1, &[0, 0xae], Some(&extensions))
        });
        let merged = merge(&older, &newer).unwrap();
        assert_eq!(Body::parse(&merged).unwrap().find(SIGNATURE_ALGORITHMS), Some(&[0, 4, 4, 1, 8, 4][..]));
    }

    #[test]
    fn a_client_that_takes_no_signatures_offers_none() {
        let older = hello(1, &[0, 0xae], Some(&[(SIGNATURE_ALGORITHMS, &[0, 2, 4, 1])]));
        let merged = merge(&older, &newer()).unwrap();
        assert_eq!(Body::parse(&merged).unwrap().find(SIGNATURE_ALGORITHMS), None);
    }

    #[test]
    fn a_hello_without_extensions_gets_them_all() {
        let merged = merge(&hello(1, &[0, 0xae], None), &newer()).unwrap();
        let ids: Vec<_> = Body::parse(&merged).unwrap().extensions.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, [SUPPORTED_VERSIONS, SUPPORTED_GROUPS, KEY_SHARE, PRE_SHARED_KEY]);
    }

    #[test]
    fn the_second_hello_differs_in_cookie_and_key_share_alone() {
        let first = newer();
        let second = after_retry(&first, Some(&[9]), Some(&[6, 6]), true).unwrap();
        let (first, second) = (Body::parse(&first).unwrap(), Body::parse(&second).unwrap());
        assert_eq!((first.start, first.suites), (second.start, second.suites));
        assert_eq!(second.extensions[0], (COOKIE, &[0, 1, 9][..]));
        assert_eq!(second.find(KEY_SHARE), Some(&[6, 6][..]));
        assert_eq!(second.extensions.last(), first.extensions.last());
        assert_eq!(after_retry(&newer(), None, None, true).unwrap(), newer());
        let without = after_retry(&newer(), None, None, false).unwrap();
        let (without, first) = (Body::parse(&without).unwrap(), newer());
        assert_eq!(without.extensions, Body::parse(&first).unwrap().extensions[..3]);
    }

    #[test]
    fn what_is_no_whole_hello_is_not_merged() {
        let (older, newer) = (hello(1, &[0, 0xae], Some(&[(SERVER_NAME, &[5])])), newer());
        for length in 0..older.len() {
            // Without its extensions, it is whole as well.
            if length != older.len() - 7 {
                assert_eq!(merge(&older[..length], &newer), None, "{length}");
            }
        }
    }

    #[test]
    fn servers_hellos_tell_their_version() {
        let server_hello = |extensions: &[u8]| {
            let mut body = [&[254, 253][..], &[1; RANDOM_LENGTH], &[0, 0x13, 1, 0]].concat();
            vector(&mut body, 2, |body| body.extend(extensions));
            body
        };
        let newer = server_hello(&[0, 23, 0, 0, 0, 43, 0, 2, 0xfe, 0xfc]);
        assert!(chooses_dtls13(&newer));
        for length in 0..newer.len() {
            assert!(!chooses_dtls13(&newer[..length]), "{length}");
        }
        for extensions in [&[][..], &[0, 43, 0, 2, 0xfe, 0xfd], &[0, 43, 0, 1, 0xfe], &[0, 23, 0, 0]] {
            assert!(!chooses_dtls13(&server_hello(extensions)), "{extensions:?}");
        }
    }

    #[test]
    fn a_downgrade_is_seen_by_the_end_of_the_random() {
        let message = |end: &[u8]| {
            let header = [&[2, 0, 0, 38, 0, 1, 0, 0, 0, 0, 0, 38][..], &[254, 253]].concat();
            [&header[..], &[7; RANDOM_LENGTH - 8], end, &[0, 0, 0xae, 0]].concat()
        };
        assert!(tells_of_downgrade(&message(b"DOWNGRD\x01")) && tells_of_downgrade(&message(b"DOWNGRD\x00")));
        assert!(!tells_of_downgrade(&message(b"DOWNGRD\x02")) && !tells_of_downgrade(&message(b"OWNGRD\x01\x01")));
        assert!(!tells_of_downgrade(&message(b"DOWNGRD\x01")[..40]));
    }
}
