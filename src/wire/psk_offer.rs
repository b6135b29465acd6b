//! The pre-shared keys that a ClientHello of DTLS 1.3 offers, sessions among them, and how it would use them (RFC 8446 sections
//! 4.2.9 and 4.2.11): clear text from anybody.

use super::extension_numbers::{PRE_SHARED_KEY, PSK_KEY_EXCHANGE_MODES};
use super::extensions::{ExtensionFault, Hello, find};
use super::reader::Reader;

// RFC 8446 section 4.2.9.
const PSK_KE: u8 = 0;
const PSK_DHE_KE: u8 = 1;

/// Identities that are looked at; a client has few.
const IDENTITIES_LIMIT: usize = 16;

/// A pre-shared key of the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OfferedKey<'a> {
    /// What an external key is known by, or a ticket.
    pub(crate) identity: &'a [u8],
    /// Milliseconds since the ticket has come, and its `ticket_age_add`, modulo 2^32; 0 for external keys.
    pub(crate) obfuscated_age: u32,
    /// That the client has the key: a binder.
    pub(crate) proof: &'a [u8],
}

/// Pre-shared keys that a client has.
#[derive(Debug)]
pub(crate) struct PskOffer<'a> {
    pub(crate) keys: OfferedKeys<'a>,
    /// Bytes at the end of the hello that the proofs do not cover: the proofs themselves, with their length.
    pub(crate) uncovered: usize,
}

/// At least one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OfferedKeys<'a> {
    identities: Reader<'a>,
    proofs: Reader<'a>,
}

/// How a side uses pre-shared keys, those of sessions to come included; in no way where it says nothing of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Modes {
    /// Together with a key exchange.
    pub(crate) with_key_exchange: bool,
    /// By themselves: whoever gets hold of the key can read what was recorded.
    pub(crate) alone: bool,
}

impl Modes {
    /// What is safe.
    pub(crate) const WITH_KEY_EXCHANGE: Modes = Modes { with_key_exchange: true, alone: false };

    /// By their names; `None` for others, and without any.
    pub(crate) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Option<Modes> {
        let mut modes = Modes::default();
        for name in names {
            match name {
                "psk_dhe_ke" => modes.with_key_exchange = true,
                "psk_ke" => modes.alone = true,
                _ => return None,
            }
        }
        (modes != Modes::default()).then_some(modes)
    }

    /// Those of both sides.
    #[cfg(feature = "aws-lc")]
    pub(crate) fn and(self, other: Modes) -> Modes {
        Modes { with_key_exchange: self.with_key_exchange && other.with_key_exchange, alone: self.alone && other.alone }
    }

    /// Their numbers, the better one first.
    #[cfg(feature = "aws-lc")]
    pub(crate) fn ids(self) -> impl Iterator<Item = u8> {
        let with_key_exchange = self.with_key_exchange.then_some(PSK_DHE_KE);
        with_key_exchange.into_iter().chain(self.alone.then_some(PSK_KE))
    }

    /// `None` without the extension.
    pub(super) fn parse(extensions: &[u8]) -> Result<Option<Modes>, ExtensionFault> {
        let Some(content) = find(extensions, PSK_KEY_EXCHANGE_MODES, Hello::Client)? else { return Ok(None) };
        let mut reader = Reader(content);
        let modes = reader.vector(1).filter(|modes| !modes.is_empty() && reader.is_empty());
        let modes = modes.ok_or(ExtensionFault::Malformed(Hello::Client, "psk_key_exchange_modes"))?;
        Ok(Some(Modes { with_key_exchange: modes.contains(&PSK_DHE_KE), alone: modes.contains(&PSK_KE) }))
    }
}

impl<'a> PskOffer<'a> {
    /// `None` without the extension.
    pub(super) fn parse(extensions: &'a [u8]) -> Result<Option<PskOffer<'a>>, ExtensionFault> {
        let Some(content) = find(extensions, PRE_SHARED_KEY, Hello::Client)? else { return Ok(None) };
        // RFC 8446 section 4.2.11: it is the last, for its proofs cover what stands before them.
        if !extensions.as_ptr_range().end.eq(&content.as_ptr_range().end) {
            return Err(ExtensionFault::NotLast);
        }
        read_keys(content).map(Some).ok_or(ExtensionFault::Malformed(Hello::Client, "pre_shared_key"))
    }
}

/// Identities with their proofs, of which there are as many.
fn read_keys(content: &[u8]) -> Option<PskOffer<'_>> {
    let mut reader = Reader(content);
    let mut identities = Reader(reader.vector(2)?);
    let uncovered = reader.0.len();
    let mut proofs = Reader(reader.vector(2)?);
    reader.end()?;
    let keys = OfferedKeys { identities, proofs };
    while !identities.is_empty() {
        let key = OfferedKey::read(&mut identities, &mut proofs)?;
        // RFC 8446 section 4.2.11: 32 to 255 bytes.
        if key.identity.is_empty() || key.proof.len() < 32 {
            return None;
        }
    }
    (proofs.is_empty() && !keys.identities.is_empty()).then_some(PskOffer { keys, uncovered })
}

impl<'a> OfferedKey<'a> {
    fn read(identities: &mut Reader<'a>, proofs: &mut Reader<'a>) -> Option<OfferedKey<'a>> {
        let (identity, obfuscated_age) = (identities.vector(2)?, identities.u32()?);
        Some(OfferedKey { identity, obfuscated_age, proof: proofs.vector(1)? })
    }
}

impl<'a> OfferedKeys<'a> {
    /// The first of them, best first.
    pub(crate) fn iter(self) -> impl Iterator<Item = OfferedKey<'a>> {
        let OfferedKeys { mut identities, mut proofs } = self;
        std::iter::from_fn(move || OfferedKey::read(&mut identities, &mut proofs)).take(IDENTITIES_LIMIT)
    }

    pub(crate) fn get(self, index: usize) -> Option<OfferedKey<'a>> {
        self.iter().nth(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::vector::vector;

    #[test]
    fn identities_ages_and_proofs_are_read() {
        let identities = [&[0, 2, 7, 8, 1, 2, 3, 4][..], &[0, 1, 9, 0, 0, 0, 0]].concat();
        let (first, second) = ([5; 32], [6; 48]);
        let mut content = Vec::new();
        vector(&mut content, 2, |content| content.extend(&identities));
        vector(&mut content, 2, |content| {
            vector(content, 1, |content| content.extend(first));
            vector(content, 1, |content| content.extend(second));
        });
        let offer = read_keys(&content).unwrap();
        let expected = [
            OfferedKey { identity: &[7, 8], obfuscated_age: 0x0102_0304, proof: &first },
            OfferedKey { identity: &[9], obfuscated_age: 0, proof: &second },
        ];
        assert_eq!((offer.keys.iter().collect::<Vec<_>>(), offer.uncovered), (expected.to_vec(), 2 + 33 + 49));
        assert_eq!((offer.keys.get(1), offer.keys.get(2)), (Some(expected[1]), None));
        for length in 0..content.len() {
            assert!(read_keys(&content[..length]).is_none(), "{length}");
        }
    }

    #[cfg(feature = "aws-lc")]
    #[test]
    fn modes_are_known_by_their_names_and_numbers() {
        let both = Modes::of(["psk_ke", "psk_dhe_ke"].into_iter()).unwrap();
        assert_eq!(both.ids().collect::<Vec<_>>(), [1, 0]);
        assert_eq!(both.and(Modes::WITH_KEY_EXCHANGE), Modes::WITH_KEY_EXCHANGE);
        assert_eq!(Modes::of(["psk_ke"].into_iter()).unwrap().and(Modes::WITH_KEY_EXCHANGE), Modes::default());
        assert!(Modes::of([].into_iter()).is_none() && Modes::of(["PSK_KE"].into_iter()).is_none());
    }

    #[test]
    fn thousands_of_identities_are_counted_and_not_kept() {
        let identities = [0, 1, b'b', 0, 0, 0, 0].repeat(1800);
        let proofs = [&[32][..], &[5; 32]].concat().repeat(1800);
        let mut content = Vec::new();
        vector(&mut content, 2, |content| content.extend(&identities));
        vector(&mut content, 2, |content| content.extend(&proofs));
        let offer = read_keys(&content).unwrap();
        assert_eq!((offer.keys.iter().count(), offer.uncovered), (IDENTITIES_LIMIT, 2 + proofs.len()));
    }
}
