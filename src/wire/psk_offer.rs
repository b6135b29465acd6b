//! The pre-shared keys that a ClientHello of DTLS 1.3 offers, sessions among them, and how it would use them (RFC 8446 sections
//! 4.2.9 and 4.2.11): clear text from anybody.

use super::extension_numbers::{PRE_SHARED_KEY, PSK_KEY_EXCHANGE_MODES};
use super::extensions::{ExtensionFault, Hello, find};
use super::reader::Reader;

/// RFC 8446 section 4.2.9: a pre-shared key together with a key exchange.
pub(crate) const PSK_DHE_KE: u8 = 1;

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
    pub(crate) keys: Vec<OfferedKey<'a>>,
    /// Bytes at the end of the hello that the proofs do not cover: the proofs themselves, with their length.
    pub(crate) uncovered: usize,
}

/// How a client uses pre-shared keys, those of sessions to come included; in no way where it says nothing of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Modes {
    /// Together with a key exchange.
    pub(crate) with_key_exchange: bool,
}

impl Modes {
    /// `None` without the extension.
    pub(super) fn parse(extensions: &[u8]) -> Result<Option<Modes>, ExtensionFault> {
        let Some(content) = find(extensions, PSK_KEY_EXCHANGE_MODES, Hello::Client)? else { return Ok(None) };
        let mut reader = Reader(content);
        let modes = reader.vector(1).filter(|modes| !modes.is_empty() && reader.is_empty());
        let modes = modes.ok_or(ExtensionFault::Malformed(Hello::Client, "psk_key_exchange_modes"))?;
        Ok(Some(Modes { with_key_exchange: modes.contains(&PSK_DHE_KE) }))
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
    let mut keys = Vec::new();
    while !identities.is_empty() {
        let identity = identities.vector(2).filter(|identity| !identity.is_empty())?;
        let obfuscated_age = identities.u32()?;
        // RFC 8446 section 4.2.11: 32 to 255 bytes.
        let proof = proofs.vector(1).filter(|proof| proof.len() >= 32)?;
        if keys.len() < IDENTITIES_LIMIT {
            keys.push(OfferedKey { identity, obfuscated_age, proof });
        }
    }
    (proofs.is_empty() && !keys.is_empty()).then_some(PskOffer { keys, uncovered })
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
        assert_eq!((&offer.keys[..], offer.uncovered), (&expected[..], 2 + 33 + 49));
        for length in 0..content.len() {
            assert!(read_keys(&content[..length]).is_none(), "{length}");
        }
    }

    #[test]
    fn thousands_of_identities_are_counted_and_not_kept() {
        let identities = [0, 1, b'b', 0, 0, 0, 0].repeat(1800);
        let proofs = [&[32][..], &[5; 32]].concat().repeat(1800);
        let mut content = Vec::new();
        vector(&mut content, 2, |content| content.extend(&identities));
        vector(&mut content, 2, |content| content.extend(&proofs));
        let offer = read_keys(&content).unwrap();
        assert_eq!((offer.keys.len(), offer.uncovered), (IDENTITIES_LIMIT, 2 + proofs.len()));
    }
}
