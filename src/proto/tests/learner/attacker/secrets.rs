//! What TLS 1.2 derives from secrets, and the protection of records: by another library than the product's, so that both
//! cannot be wrong in the same way.

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::{digest, hmac};

pub(super) const MASTER_SECRET: usize = 48;
pub(super) const VERIFY_DATA: usize = 12;

/// Of AES-128-GCM (RFC 5288 section 3).
const KEY: usize = 16;
const SALT: usize = 4;
const EXPLICIT_NONCE: usize = 8;
const TAG: usize = 16;

pub(super) fn sha256(data: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, data).as_ref().to_vec()
}

/// RFC 5246 section 5, with SHA-256.
pub(super) fn prf(secret: &[u8], label: &str, seed: &[u8], length: usize) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let seed = [label.as_bytes(), seed].concat();
    let mut output = Vec::new();
    let mut chained = seed.clone();
    while output.len() < length {
        chained = hmac::sign(&key, &chained).as_ref().to_vec();
        output.extend_from_slice(hmac::sign(&key, &[&chained[..], &seed].concat()).as_ref());
    }
    output.truncate(length);
    output
}

/// RFC 4279 section 2.
pub(super) fn psk_premaster_secret(key: &[u8]) -> Vec<u8> {
    let length = (key.len() as u16).to_be_bytes();
    [&length[..], &vec![0; key.len()], &length, key].concat()
}

/// One direction of a connection.
struct Direction {
    key: LessSafeKey,
    salt: [u8; SALT],
}

impl Direction {
    fn new(key: &[u8], salt: &[u8]) -> Direction {
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).unwrap());
        Direction { key, salt: salt.try_into().unwrap() }
    }

    fn nonce(&self, explicit: &[u8]) -> Nonce {
        Nonce::try_assume_unique_for_key(&[&self.salt, explicit].concat()).unwrap()
    }
}

/// What a connection is protected with.
pub(super) struct Keys {
    pub(super) master: Vec<u8>,
    write: Direction,
    read: Direction,
}

impl Keys {
    /// RFC 7627 section 4 for the master secret, RFC 5246 section 6.3 for the rest.
    pub(super) fn derive(premaster: &[u8], transcript: &[u8], randoms: [&[u8]; 2], writes_as_client: bool) -> Keys {
        let master = prf(premaster, "extended master secret", &sha256(transcript), MASTER_SECRET);
        let [client_random, server_random] = randoms;
        let block = prf(&master, "key expansion", &[server_random, client_random].concat(), 2 * (KEY + SALT));
        let salts = 2 * KEY;
        let client = Direction::new(&block[..KEY], &block[salts..salts + SALT]);
        let server = Direction::new(&block[KEY..salts], &block[salts + SALT..]);
        let (write, read) = if writes_as_client { (client, server) } else { (server, client) };
        Keys { master, write, read }
    }

    /// A record, protected.
    pub(super) fn seal(&self, content_type: u8, epoch: u16, number: u64, content: &[u8]) -> Vec<u8> {
        let counter = counter(epoch, number);
        let mut sealed = content.to_vec();
        let aad = Aad::from(additional_data(content_type, counter, content.len()));
        self.write.key.seal_in_place_append_tag(self.write.nonce(&counter), aad, &mut sealed).unwrap();
        record(content_type, epoch, number, &[&counter[..], &sealed].concat())
    }

    /// The content of a record, if it is authentic.
    pub(super) fn open(&self, content_type: u8, counter: [u8; 8], fragment: &[u8]) -> Option<Vec<u8>> {
        let (explicit, sealed) = fragment.split_at_checked(EXPLICIT_NONCE)?;
        let length = sealed.len().checked_sub(TAG)?;
        let aad = Aad::from(additional_data(content_type, counter, length));
        let mut content = sealed.to_vec();
        self.read.key.open_in_place(self.read.nonce(explicit), aad, &mut content).ok()?;
        content.truncate(length);
        Some(content)
    }
}

/// Epoch and number, as they stand in a header.
fn counter(epoch: u16, number: u64) -> [u8; 8] {
    (u64::from(epoch) << 48 | number).to_be_bytes()
}

/// RFC 5246 section 6.2.3.3.
fn additional_data(content_type: u8, counter: [u8; 8], length: usize) -> Vec<u8> {
    [&counter[..], &[content_type, 254, 253], &(length as u16).to_be_bytes()].concat()
}

/// A record of DTLS 1.2, whatever stands in it.
pub(super) fn record(content_type: u8, epoch: u16, number: u64, fragment: &[u8]) -> Vec<u8> {
    let length = (fragment.len() as u16).to_be_bytes();
    [&[content_type, 254, 253][..], &counter(epoch, number), &length, fragment].concat()
}
