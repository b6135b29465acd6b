//! Tickets (RFC 5077, RFC 8446 section 4.6.1): sessions that a server seals and gives to its clients, so that it need not keep
//! them.
//!
//! A ticket is the name of its key, a random salt, and the session under AES-256-GCM with a key of its own, which comes of
//! the secret, the salt and the version of DTLS. So any number of processes can seal with one secret for any time, no nonce
//! repeats, and no ticket of one version opens in the other.

use super::mbed::{HmacKey, SEALING_KEY_LENGTH, TAG_LENGTH, open_sealed, seal_once};
use super::random::{RngError, fill_random};
use super::version::Version;
use zeroize::Zeroizing;

/// Bytes of a key, as in node:tls: 16 of its name, which can be seen in tickets, and 32 of its secret.
pub(crate) const TICKET_KEY_LENGTH: usize = NAME_LENGTH + 32;

/// Keys that can be there at a time.
pub(crate) const TICKET_KEYS_LIMIT: usize = 16;

/// Bytes of a ticket that we seal, at most: a ClientHello with it has room in a datagram of 1200 bytes.
pub(crate) const TICKET_LIMIT: usize = 800;

const NAME_LENGTH: usize = 16;
const SALT_LENGTH: usize = 16;

/// Keeps the keys of one version's tickets apart from the other's, and from whatever else the secret may be used for.
fn purpose(version: Version) -> &'static [u8] {
    match version {
        Version::Dtls12 => b"mbed-dtls ticket",
        Version::Dtls13 => b"mbed-dtls ticket of DTLS 1.3",
    }
}

/// Keys of tickets, none of which changes: the first seals, and each opens what it has sealed.
pub(crate) struct TicketKeys {
    keys: Vec<TicketKey>,
}

struct TicketKey {
    name: [u8; NAME_LENGTH],
    secret: HmacKey,
    /// Name and secret.
    bytes: Zeroizing<[u8; TICKET_KEY_LENGTH]>,
}

impl TicketKeys {
    /// Reads keys that stand one behind the other. `None` for bytes of another length.
    pub(crate) fn parse(bytes: &[u8]) -> Option<TicketKeys> {
        let (chunks, rest) = bytes.as_chunks::<TICKET_KEY_LENGTH>();
        let fits = rest.is_empty() && (1..=TICKET_KEYS_LIMIT).contains(&chunks.len());
        fits.then(|| TicketKeys { keys: chunks.iter().map(TicketKey::new).collect() })
    }

    /// A random key.
    pub(crate) fn generate() -> Result<TicketKeys, RngError> {
        Ok(TicketKeys { keys: vec![TicketKey::generate()?] })
    }

    /// A random key, and behind it the one that has sealed until now.
    pub(crate) fn rotate(&self) -> Result<TicketKeys, RngError> {
        let former = self.keys.first().map(|key| TicketKey::new(&key.bytes));
        Ok(TicketKeys { keys: std::iter::once(TicketKey::generate()?).chain(former).collect() })
    }

    /// As `parse` reads them.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.keys.len() * TICKET_KEY_LENGTH));
        self.keys.iter().for_each(|key| bytes.extend_from_slice(&*key.bytes));
        bytes
    }

    /// `None` when the ticket would be too long, or there is no randomness.
    pub(crate) fn seal(&self, version: Version, session: &[u8]) -> Option<Vec<u8>> {
        if NAME_LENGTH + SALT_LENGTH + session.len() + TAG_LENGTH > TICKET_LIMIT {
            return None;
        }
        let key = self.keys.first()?;
        let mut header = [0; NAME_LENGTH + SALT_LENGTH];
        let (name, salt) = header.split_at_mut(NAME_LENGTH);
        name.copy_from_slice(&key.name);
        fill_random(salt).ok()?;
        let sealed = seal_once(&key.of_ticket(version, salt), &header, session)?;
        Some([&header[..], &sealed].concat())
    }

    /// `None` for a ticket of which no key here knows anything. To find that out costs a comparison where the name is
    /// unknown, and a hash and a decryption of at most [`TICKET_LIMIT`] bytes where it is known.
    pub(crate) fn open(&self, version: Version, ticket: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        if ticket.len() > TICKET_LIMIT {
            return None;
        }
        let (header, sealed) = ticket.split_at_checked(NAME_LENGTH + SALT_LENGTH)?;
        let (name, salt) = header.split_at_checked(NAME_LENGTH)?;
        let key = self.keys.iter().find(|key| key.name == name)?;
        open_sealed(&key.of_ticket(version, salt), header, sealed)
    }
}

impl TicketKey {
    fn new(bytes: &[u8; TICKET_KEY_LENGTH]) -> TicketKey {
        let mut name = [0; NAME_LENGTH];
        let (start, secret) = bytes.split_at(NAME_LENGTH);
        name.copy_from_slice(start);
        TicketKey { name, secret: HmacKey::new(secret), bytes: Zeroizing::new(*bytes) }
    }

    fn generate() -> Result<TicketKey, RngError> {
        let mut bytes = Zeroizing::new([0; TICKET_KEY_LENGTH]);
        fill_random(&mut *bytes)?;
        Ok(TicketKey::new(&bytes))
    }

    /// The key of the ticket with this salt.
    fn of_ticket(&self, version: Version, salt: &[u8]) -> Zeroizing<[u8; SEALING_KEY_LENGTH]> {
        Zeroizing::new(*self.secret.mac(&[purpose(version), salt]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Version = Version::Dtls12;

    #[test]
    fn a_ticket_opens_under_its_key_and_under_no_other() {
        let keys = TicketKeys::generate().unwrap();
        let ticket = keys.seal(OLD, b"a session").unwrap();
        assert_eq!(ticket.len(), 16 + 16 + 9 + 16);
        assert_eq!(keys.open(OLD, &ticket).unwrap()[..], b"a session"[..]);
        assert!(TicketKeys::generate().unwrap().open(OLD, &ticket).is_none());
        let same = TicketKeys::parse(&keys.to_bytes()).unwrap();
        assert_eq!(same.open(OLD, &ticket).unwrap()[..], b"a session"[..]);
    }

    #[test]
    fn a_ticket_of_one_version_does_not_open_in_the_other() {
        let keys = TicketKeys::generate().unwrap();
        for (version, other) in [(Version::Dtls12, Version::Dtls13), (Version::Dtls13, Version::Dtls12)] {
            let ticket = keys.seal(version, b"a session").unwrap();
            assert!(keys.open(version, &ticket).is_some() && keys.open(other, &ticket).is_none());
        }
    }

    #[test]
    fn no_two_tickets_are_the_same() {
        let keys = TicketKeys::generate().unwrap();
        assert_ne!(keys.seal(OLD, b"a session"), keys.seal(OLD, b"a session"));
    }

    #[test]
    fn a_key_opens_for_one_rotation_more() {
        let first = TicketKeys::generate().unwrap();
        let ticket = first.seal(OLD, b"a session").unwrap();
        let second = first.rotate().unwrap();
        assert!(second.open(OLD, &ticket).is_some());
        assert_eq!(second.to_bytes().len(), 2 * TICKET_KEY_LENGTH);
        let third = second.rotate().unwrap();
        assert!(third.open(OLD, &ticket).is_none());
        assert_eq!(third.to_bytes().len(), 2 * TICKET_KEY_LENGTH);
        assert!(third.open(OLD, &second.seal(OLD, b"a session").unwrap()).is_some());
    }

    #[test]
    fn what_is_forged_cut_or_too_long_does_not_open() {
        let keys = TicketKeys::generate().unwrap();
        let ticket = keys.seal(OLD, b"a session").unwrap();
        for at in 0..ticket.len() {
            assert!(keys.open(OLD, &ticket[..at]).is_none());
            let mut forged = ticket.clone();
            forged[at] ^= 0x20;
            assert!(keys.open(OLD, &forged).is_none(), "{at}");
        }
        assert!(keys.open(OLD, &[&ticket[..], &[0; TICKET_LIMIT]].concat()).is_none());
        assert!(keys.seal(OLD, &[0; TICKET_LIMIT - 48]).is_some());
        assert!(keys.seal(OLD, &[0; TICKET_LIMIT - 47]).is_none());
    }

    #[test]
    fn keys_have_48_bytes_each_and_there_are_no_more_than_16() {
        for (length, fits) in [(0, false), (47, false), (48, true), (49, false), (96, true), (768, true), (816, false)]
        {
            assert_eq!(TicketKeys::parse(&vec![1; length]).is_some(), fits, "{length}");
        }
    }
}
