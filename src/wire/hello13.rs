//! What the two hellos of DTLS 1.3 say in their extensions (RFC 8446 section 4.2): clear text from anybody.

use super::extensions::{ExtensionFault, Hello, check, find, numbers};
use super::psk_offer::{Modes, PskOffer};
use super::reader::Reader;

/// Numbers of extensions.
pub(crate) use super::extension_numbers as extension;

use extension::{CONNECTION_ID, COOKIE, KEY_SHARE, PRE_SHARED_KEY, RRC, SUPPORTED_GROUPS, SUPPORTED_VERSIONS};

/// RFC 9147 section 5.3.
pub(crate) const DTLS_1_3: u16 = 0xfefc;

/// What stands in the version of every hello, and of every plaintext record.
pub(crate) const DTLS_1_2: u16 = 0xfefd;

/// RFC 8446 section 4.1.3: the random of a ServerHello that is a HelloRetryRequest.
pub(crate) const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// What a client offers.
#[derive(Debug)]
pub(crate) struct Offer<'a> {
    pub(crate) cookie: Option<&'a [u8]>,
    pub(crate) groups: Groups<'a>,
    shares: Shares<'a>,
    /// How it uses pre-shared keys.
    pub(crate) modes: Modes,
    pub(crate) psk: Option<PskOffer<'a>>,
}

/// IANA's numbers of groups, best first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Groups<'a>(&'a [u8]);

/// Numbers of groups, and the client's public values in them.
#[derive(Clone, Copy, Debug, Default)]
struct Shares<'a>(&'a [u8]);

/// What a ServerHello or HelloRetryRequest chooses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Choice<'a> {
    pub(crate) random: [u8; 32],
    pub(crate) suite: u16,
    /// The server's public value; empty in a HelloRetryRequest, which asks for the client's.
    pub(crate) share: Option<(u16, &'a [u8])>,
    /// Which of the client's identities.
    pub(crate) psk: Option<u16>,
    pub(crate) cookie: Option<&'a [u8]>,
    /// Its extensions about connection IDs, if there are any.
    pub(crate) ids: Option<&'a [u8]>,
}

/// Why a hello of a server is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChoiceFault {
    Malformed,
    /// It is another version's.
    OtherVersion,
    /// What is to repeat the client's hello, or to be zero, is something else.
    Illegal,
    /// An extension that does not belong there.
    Unoffered(u16),
    Extensions(ExtensionFault),
}

/// Whether the list of a ClientHello's extensions offers this version (RFC 8446 section 4.2.1).
pub(crate) fn offers_version(extensions: &[u8], version: u16) -> bool {
    find(extensions, SUPPORTED_VERSIONS, Hello::Client)
        .is_ok_and(|found| found.is_some_and(|list| lists(list, version)))
}

/// The same of the first extensions of a ClientHello, of which the rest may be cut off; `None` when they do not tell.
pub(crate) fn offers_version_at_start(extensions: &[u8], version: u16) -> Option<bool> {
    find_at_start(extensions, SUPPORTED_VERSIONS).map(|content| lists(content, version))
}

fn lists(versions: &[u8], version: u16) -> bool {
    let mut reader = Reader(versions);
    let Some(list) = reader.vector(1) else { return false };
    reader.end().is_some()
        && list.len().is_multiple_of(2)
        && list.chunks_exact(2).any(|pair| pair == version.to_be_bytes())
}

/// The cookie in the first extensions of a ClientHello, of which the rest may be cut off.
pub(crate) fn cookie_at_start(extensions: &[u8]) -> Option<&[u8]> {
    find_at_start(extensions, COOKIE).and_then(read_cookie)
}

fn find_at_start(mut extensions: &[u8], wanted: u16) -> Option<&[u8]> {
    while let Some((id, content, rest)) = super::extensions::split_extension(extensions) {
        if id == wanted {
            return Some(content);
        }
        extensions = rest;
    }
    None
}

fn read_cookie(content: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader(content);
    let cookie = reader.vector(2).filter(|cookie| !cookie.is_empty())?;
    reader.end().map(|()| cookie)
}

impl<'a> Offer<'a> {
    /// `extensions`: the list in a whole ClientHello. No extension may stand there twice.
    pub(crate) fn parse(extensions: &'a [u8]) -> Result<Offer<'a>, ExtensionFault> {
        check(extensions, Hello::Client)?;
        let groups = read(extensions, SUPPORTED_GROUPS, "supported_groups", Groups::read)?;
        let cookie = read(extensions, COOKIE, "cookie", read_cookie)?;
        let shares = read(extensions, KEY_SHARE, "key_share", Shares::read)?;
        let (psk, modes) = (PskOffer::parse(extensions)?, Modes::parse(extensions)?);
        // RFC 8446 section 4.2.9.
        if psk.is_some() && modes.is_none() {
            return Err(ExtensionFault::Missing("psk_key_exchange_modes"));
        }
        // RFC 8446 section 9.2: both or none.
        if groups.is_some() != shares.is_some() {
            let missing = if groups.is_some() { "key_share" } else { "supported_groups" };
            return Err(ExtensionFault::Missing(missing));
        }
        let (groups, shares) = (groups.unwrap_or_default(), shares.unwrap_or_default());
        Ok(Offer { cookie, groups, shares, modes: modes.unwrap_or_default(), psk })
    }

    /// The client's public value in this group.
    pub(crate) fn share(&self, group: u16) -> Option<&'a [u8]> {
        self.shares.iter().find(|(id, _)| *id == group).map(|(_, share)| share)
    }
}

/// An extension of a ClientHello, if it is there.
fn read<'a, Value>(
    extensions: &'a [u8],
    id: u16,
    name: &'static str,
    read: fn(&'a [u8]) -> Option<Value>,
) -> Result<Option<Value>, ExtensionFault> {
    let content = find(extensions, id, Hello::Client)?;
    content.map(|content| read(content).ok_or(ExtensionFault::Malformed(Hello::Client, name))).transpose()
}

impl<'a> Groups<'a> {
    fn read(content: &'a [u8]) -> Option<Groups<'a>> {
        let mut reader = Reader(content);
        let list = reader.vector(2).filter(|list| list.len().is_multiple_of(2) && !list.is_empty())?;
        reader.end().map(|()| Groups(list))
    }

    pub(crate) fn contains(self, id: u16) -> bool {
        self.0.as_chunks::<2>().0.contains(&id.to_be_bytes())
    }
}

impl<'a> Shares<'a> {
    /// RFC 8446 section 4.2.8: no group may stand there twice.
    fn read(content: &'a [u8]) -> Option<Shares<'a>> {
        let mut reader = Reader(content);
        let mut list = Reader(reader.vector(2)?);
        reader.end()?;
        let shares = Shares(list.0);
        let mut count = 0;
        while !list.is_empty() {
            let (group, share) = share_of(&mut list)?;
            let is_twice = shares.iter().take(count).any(|(other, _)| other == group);
            if count == SHARES_LIMIT || is_twice || share.is_empty() {
                return None;
            }
            count += 1;
        }
        Some(shares)
    }

    fn iter(self) -> impl Iterator<Item = (u16, &'a [u8])> {
        let mut list = Reader(self.0);
        std::iter::from_fn(move || share_of(&mut list))
    }
}

fn share_of<'a>(list: &mut Reader<'a>) -> Option<(u16, &'a [u8])> {
    Some((list.u16()?, list.vector(2)?))
}

/// Public values in one hello; there are fewer groups.
const SHARES_LIMIT: usize = 16;

impl<'a> Choice<'a> {
    /// `body`: of a whole ServerHello message.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Choice<'a>, ChoiceFault> {
        let (mut choice, session_id, compression, extensions) = Choice::split(body).ok_or(ChoiceFault::Malformed)?;
        for id in numbers(extensions, Hello::Server).map_err(ChoiceFault::Extensions)? {
            let content = find(extensions, id, Hello::Server).map_err(ChoiceFault::Extensions)?.unwrap_or_default();
            choice.read(id, content)?;
        }
        if choice.ids.is_some() {
            choice.ids = Some(extensions);
        }
        // RFC 8446 section 4.2.1: without the extension, the version is an older one.
        match find(extensions, SUPPORTED_VERSIONS, Hello::Server) {
            Ok(Some(version)) if version == DTLS_1_3.to_be_bytes() => {}
            _ => return Err(ChoiceFault::OtherVersion),
        }
        // We send no session id.
        if session_id.is_empty() && compression == 0 { Ok(choice) } else { Err(ChoiceFault::Illegal) }
    }

    /// Its extensions unread; and session id, compression method and list of extensions.
    fn split(body: &'a [u8]) -> Option<(Choice<'a>, &'a [u8], u8, &'a [u8])> {
        let mut reader = Reader(body);
        let _legacy_version = reader.u16()?;
        let random = *reader.take(32)?.first_chunk()?;
        let session_id = reader.vector(1)?;
        let (suite, compression) = (reader.u16()?, reader.u8()?);
        let extensions = if reader.is_empty() { &[][..] } else { reader.vector(2)? };
        reader.end()?;
        Some((
            Choice { random, suite, share: None, psk: None, cookie: None, ids: None },
            session_id,
            compression,
            extensions,
        ))
    }

    fn read(&mut self, id: u16, content: &'a [u8]) -> Result<(), ChoiceFault> {
        let mut reader = Reader(content);
        let is_read = match (id, self.is_retry()) {
            (SUPPORTED_VERSIONS, _) => reader.take(2).is_some(),
            (KEY_SHARE, is_retry) => {
                let group = reader.u16();
                let share = if is_retry { Some(&[][..]) } else { reader.vector(2) };
                self.share = group.zip(share);
                self.share.is_some()
            }
            (COOKIE, true) => {
                self.cookie = read_cookie(content);
                reader = Reader(&[]);
                self.cookie.is_some()
            }
            // What is in them is read with the others.
            (CONNECTION_ID | RRC, false) => {
                self.ids = Some(content);
                reader = Reader(&[]);
                true
            }
            (PRE_SHARED_KEY, false) => {
                self.psk = reader.u16();
                self.psk.is_some()
            }
            _ => return Err(ChoiceFault::Unoffered(id)),
        };
        if is_read && reader.is_empty() { Ok(()) } else { Err(ChoiceFault::Malformed) }
    }

    /// Whether it is a HelloRetryRequest.
    pub(crate) fn is_retry(&self) -> bool {
        self.random == RETRY_RANDOM
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::alert;
    use crate::wire::psk_offer::OfferedKey;
    use crate::wire::vector::vector;
    use extension::PSK_KEY_EXCHANGE_MODES;

    fn extension(id: u16, content: &[u8]) -> Vec<u8> {
        let mut bytes = id.to_be_bytes().to_vec();
        vector(&mut bytes, 2, |bytes| bytes.extend(content));
        bytes
    }

    fn groups() -> Vec<u8> {
        extension(SUPPORTED_GROUPS, &[0, 4, 0, 29, 0, 23])
    }

    fn shares() -> Vec<u8> {
        extension(KEY_SHARE, &[0, 6, 0, 29, 0, 2, 7, 8])
    }

    fn modes() -> Vec<u8> {
        extension(PSK_KEY_EXCHANGE_MODES, &[2, 0, 1])
    }

    /// One identity, and its proof of 32 bytes.
    fn keys() -> Vec<u8> {
        let content = [&[0, 9, 0, 3, b'b', b'o', b'b', 0, 0, 0, 0, 0, 33, 32][..], &[5; 32]].concat();
        extension(PRE_SHARED_KEY, &content)
    }

    fn alert_for(parts: &[Vec<u8>]) -> Option<u8> {
        Offer::parse(&parts.concat()).err().map(ExtensionFault::alert)
    }

    #[test]
    fn an_offer_is_read() {
        let cookie = extension(COOKIE, &[0, 2, 1, 2]);
        let list = [cookie, groups(), shares(), modes(), keys()].concat();
        let offer = Offer::parse(&list).unwrap();
        assert_eq!(offer.cookie, Some(&[1, 2][..]));
        assert_eq!([29, 23, 0, 0x1d00].map(|id| offer.groups.contains(id)), [true, true, false, false]);
        assert_eq!((offer.share(29), offer.share(23)), (Some(&[7, 8][..]), None));
        let psk = offer.psk.unwrap();
        let key = OfferedKey { identity: b"bob", obfuscated_age: 0, proof: &[5; 32] };
        assert_eq!((psk.keys.iter().collect::<Vec<_>>(), psk.uncovered), (vec![key], 35));
        assert!(offer.modes.with_key_exchange);
        assert!(Offer::parse(&[]).unwrap().psk.is_none());
    }

    #[test]
    fn an_offer_that_lacks_what_belongs_to_it_is_refused() {
        for parts in [&[groups()][..], &[shares()], &[groups(), shares(), keys()]] {
            assert_eq!(alert_for(parts), Some(alert::MISSING_EXTENSION), "{parts:?}");
        }
    }

    #[test]
    fn an_offer_out_of_order_or_with_something_twice_is_refused() {
        for parts in [
            &[modes(), keys(), groups(), shares()][..],
            &[groups(), groups(), shares()],
            &[modes(), keys(), keys()],
            &[extension(0xfafa, &[]), extension(0xfafa, &[])],
        ] {
            assert_eq!(alert_for(parts), Some(alert::ILLEGAL_PARAMETER), "{parts:?}");
        }
    }

    #[test]
    fn an_offer_whose_lengths_disagree_is_refused() {
        let binders = |bytes: &[u8]| extension(PRE_SHARED_KEY, &[&[0, 7, 0, 1, b'b', 0, 0, 0, 0][..], bytes].concat());
        let long = [&[0, 33, 32][..], &[5; 32]].concat();
        for parts in [
            &[extension(SUPPORTED_GROUPS, &[0, 3, 0, 29, 0]), shares()][..],
            &[extension(SUPPORTED_GROUPS, &[0, 0]), shares()],
            &[extension(SUPPORTED_GROUPS, &[0, 2, 0, 29, 0]), shares()],
            &[groups(), extension(KEY_SHARE, &[0, 5, 0, 29, 0, 1, 7, 0])],
            &[extension(COOKIE, &[0, 1, 1, 0])],
            &[extension(PSK_KEY_EXCHANGE_MODES, &[1, 1, 0]), keys()],
            &[groups(), extension(KEY_SHARE, &[0, 5, 0, 29, 0, 2, 7])],
            &[groups(), extension(KEY_SHARE, &[0, 4, 0, 29, 0, 0])],
            // The same group twice.
            &[groups(), extension(KEY_SHARE, &[0, 10, 0, 29, 0, 1, 7, 0, 29, 0, 1, 7])],
            &[extension(COOKIE, &[0, 0])],
            &[extension(COOKIE, &[0, 2, 1])],
            &[extension(PSK_KEY_EXCHANGE_MODES, &[0]), keys()],
            &[extension(PSK_KEY_EXCHANGE_MODES, &[2, 1]), keys()],
            // No proof, one that is too short, and one too many.
            &[modes(), binders(&[0, 0])],
            &[modes(), binders(&[&[0, 32, 31][..], &[5; 31]].concat())],
            &[modes(), binders(&[&[0, 66][..], &long[2..], &long[2..]].concat())],
            // No identity, and an empty one.
            &[modes(), extension(PRE_SHARED_KEY, &[&[0, 0][..], &long].concat())],
            &[modes(), extension(PRE_SHARED_KEY, &[&[0, 6, 0, 0, 0, 0, 0, 0][..], &long].concat())],
            &[vec![0, 1, 0]],
        ] {
            assert_eq!(alert_for(parts), Some(alert::DECODE_ERROR), "{parts:?}");
        }
        let whole = [groups(), shares(), modes(), keys()].concat();
        for length in 0..whole.len() {
            // What is cut short is another offer at most, and never the whole.
            assert!(
                Offer::parse(&whole[..length]).is_ok_and(|offer| offer.psk.is_none())
                    || alert_for(&[whole[..length].to_vec()]).is_some()
            );
        }
    }

    #[test]
    fn versions_and_cookies_are_found() {
        let versions = |content: &[u8]| extension(SUPPORTED_VERSIONS, content);
        assert!(offers_version(&versions(&[4, 0xfe, 0xfd, 0xfe, 0xfc]), DTLS_1_3));
        for content in [&[2, 0xfe, 0xfd][..], &[3, 0xfe, 0xfc, 0], &[2, 0xfe, 0xfc, 0], &[0], &[]] {
            assert!(!offers_version(&versions(content), DTLS_1_3), "{content:?}");
        }
        let list = [versions(&[2, 0xfe, 0xfc]), extension(COOKIE, &[0, 2, 1, 2]), shares()].concat();
        // As much as there is of it.
        assert_eq!(cookie_at_start(&list[..list.len() - 5]), Some(&[1, 2][..]));
        assert_eq!(cookie_at_start(&list[..11]), None);
        assert_eq!(offers_version_at_start(&list[..11], DTLS_1_3), Some(true));
        assert_eq!(offers_version_at_start(&list[..11], DTLS_1_2), Some(false));
        assert_eq!(offers_version_at_start(&list[..6], DTLS_1_3), None);
    }

    /// The body of a ServerHello.
    fn hello(random: [u8; 32], extensions: &[Vec<u8>]) -> Vec<u8> {
        let mut body = [&[0xfe, 0xfd][..], &random, &[0, 0x13, 0x01, 0]].concat();
        vector(&mut body, 2, |body| body.extend(extensions.concat()));
        body
    }

    #[test]
    fn a_choice_is_read() {
        let version = || extension(SUPPORTED_VERSIONS, &[0xfe, 0xfc]);
        let share = extension(KEY_SHARE, &[0, 29, 0, 2, 7, 8]);
        let body = hello([1; 32], &[version(), share, extension(PRE_SHARED_KEY, &[0, 0])]);
        let choice = Choice::parse(&body).unwrap();
        assert_eq!((choice.suite, choice.share, choice.psk), (0x1301, Some((29, &[7, 8][..])), Some(0)));
        assert!(!choice.is_retry());
        let retry = [version(), extension(KEY_SHARE, &[0, 23]), extension(COOKIE, &[0, 1, 9])];
        let body = hello(RETRY_RANDOM, &retry);
        let choice = Choice::parse(&body).unwrap();
        assert_eq!((choice.share, choice.cookie), (Some((23, &[][..])), Some(&[9][..])));
        assert!(choice.is_retry());
        for length in 0..body.len() {
            assert!(Choice::parse(&body[..length]).is_err(), "{length}");
        }
        assert_eq!(Choice::parse(&[&body[..], &[0]].concat()), Err(ChoiceFault::Malformed));
    }

    #[test]
    fn a_choice_of_what_does_not_belong_there_is_refused() {
        let version = || extension(SUPPORTED_VERSIONS, &[0xfe, 0xfc]);
        for (extensions, fault) in [
            (vec![], ChoiceFault::OtherVersion),
            (vec![extension(SUPPORTED_VERSIONS, &[0xfe, 0xfd])], ChoiceFault::OtherVersion),
            (vec![version(), extension(COOKIE, &[0, 1, 9])], ChoiceFault::Unoffered(COOKIE)),
            (vec![version(), extension(16, &[])], ChoiceFault::Unoffered(16)),
            (vec![version(), extension(PRE_SHARED_KEY, &[0])], ChoiceFault::Malformed),
            (vec![version(), extension(KEY_SHARE, &[0, 29])], ChoiceFault::Malformed),
            (vec![version(), extension(KEY_SHARE, &[0, 29, 0, 1, 7, 7])], ChoiceFault::Malformed),
        ] {
            assert_eq!(Choice::parse(&hello([1; 32], &extensions)), Err(fault), "{extensions:?}");
        }
        let twice = hello([1; 32], &[version(), version()]);
        let fault = ExtensionFault::Twice(Hello::Server, SUPPORTED_VERSIONS);
        assert_eq!(Choice::parse(&twice), Err(ChoiceFault::Extensions(fault)));
        // No list of extensions at all, as servers of older versions may have it.
        assert_eq!(Choice::parse(&hello([1; 32], &[])[..38]), Err(ChoiceFault::OtherVersion));
        // A session id that we have not sent.
        let mut other = hello([1; 32], &[version()]);
        other.splice(34..35, [1, 9]);
        assert_eq!(Choice::parse(&other), Err(ChoiceFault::Illegal));
    }
}
