//! Somebody who has the keys of an association, for tests: what is behind the MAC is theirs to write.
//!
//! For suites with AES-128-GCM and SHA-256 (RFC 5288), which is enough to reach whatever reads plaintext.

use super::ffi::prf::prf;
use crate::tls::ffi::aead::{Aead, Algorithm, NONCE_LENGTH, TAG_LENGTH};

const KEY: usize = 16;
const IMPLICIT: usize = 4;
const EXPLICIT: usize = 8;

/// First byte of a record with a connection ID (RFC 9146 section 4).
const TLS12_CID: u8 = 25;

/// The keys of one side.
struct Direction {
    aead: Aead,
    implicit: [u8; IMPLICIT],
}

/// The keys of both.
pub(crate) struct Insider {
    client: Direction,
    server: Direction,
}

impl Insider {
    /// `randoms`: the client's, then the server's.
    pub(crate) fn new(master_secret: &[u8], randoms: &[[u8; 32]; 2]) -> Option<Insider> {
        let [client, server] = randoms;
        let block = prf(false, master_secret, c"key expansion", &[*server, *client].concat(), 2 * (KEY + IMPLICIT));
        let block = block.ok()?;
        let direction = |index: usize| {
            let key = block.get(index * KEY..(index + 1) * KEY)?;
            let implicit = block.get(2 * KEY + index * IMPLICIT..)?.first_chunk()?;
            Some(Direction { aead: Aead::new(Algorithm::Aes128Gcm, key).ok()?, implicit: *implicit })
        };
        Some(Insider { client: direction(0)?, server: direction(1)? })
    }

    fn direction(&self, is_from_server: bool) -> &Direction {
        if is_from_server { &self.server } else { &self.client }
    }

    /// What is in a record: its plaintext, behind which stands its true type if it has a connection ID.
    pub(crate) fn open(&self, is_from_server: bool, record: &[u8], header_length: usize) -> Option<Vec<u8>> {
        let direction = self.direction(is_from_server);
        let (header, fragment) = record.split_at_checked(header_length)?;
        let (explicit, sealed) = fragment.split_first_chunk::<EXPLICIT>()?;
        let length = sealed.len().checked_sub(TAG_LENGTH)?;
        let mut buffer = sealed.to_vec();
        direction.aead.open(&direction.nonce(explicit), &additional(header, length), &mut buffer).ok()?;
        buffer.truncate(length);
        Some(buffer)
    }

    /// The record with other plaintext in it, under the same number.
    pub(crate) fn seal(
        &self,
        is_from_server: bool,
        record: &[u8],
        header_length: usize,
        plaintext: &[u8],
    ) -> Option<Vec<u8>> {
        let direction = self.direction(is_from_server);
        let header = record.get(..header_length)?;
        let explicit = *header.get(3..11)?.first_chunk::<EXPLICIT>()?;
        let mut sealed = plaintext.to_vec();
        sealed.resize(plaintext.len() + TAG_LENGTH, 0);
        let additional = additional(header, plaintext.len());
        direction.aead.seal(&direction.nonce(&explicit), &additional, &mut sealed).ok()?;
        let length = u16::try_from(EXPLICIT + sealed.len()).ok()?;
        Some([header.get(..header_length - 2)?, &length.to_be_bytes(), &explicit, &sealed].concat())
    }
}

impl Direction {
    fn nonce(&self, explicit: &[u8; EXPLICIT]) -> [u8; NONCE_LENGTH] {
        let mut nonce = [0; NONCE_LENGTH];
        nonce[..IMPLICIT].copy_from_slice(&self.implicit);
        nonce[IMPLICIT..].copy_from_slice(explicit);
        nonce
    }
}

/// What is authenticated beside the plaintext (RFC 5246 section 6.2.3.3, RFC 9146 section 5.3).
fn additional(header: &[u8], length: usize) -> Vec<u8> {
    let length = (length as u16).to_be_bytes();
    let (kind, version, number) = (&header[..1], &header[1..3], &header[3..11]);
    if kind != [TLS12_CID] {
        return [number, kind, version, &length].concat();
    }
    let id = &header[11..header.len() - 2];
    [&[0xff; 8], kind, &[id.len() as u8], kind, version, number, id, &length].concat()
}
