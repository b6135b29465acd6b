//! HMAC-SHA256 (RFC 2104) of many messages under one key, whose blocks are hashed once.

use super::sha2::{SHA256_BLOCK, SHA256_LENGTH, Sha256State};
use super::wiped::Wiped;

/// What the bytes of a key are combined with (RFC 2104 section 2).
const INNER_PAD: u8 = 0x36;
const OUTER_PAD: u8 = 0x5c;

/// A key, kept as the two hash states that have taken it.
pub(crate) struct HmacKey {
    inner: Sha256State,
    outer: Sha256State,
}

impl HmacKey {
    pub(crate) fn new(key: &[u8]) -> HmacKey {
        let mut block = Wiped::<SHA256_BLOCK>::zeros();
        if let Some(room) = block.get_mut(..key.len()) {
            room.copy_from_slice(key);
        } else {
            block[..SHA256_LENGTH].copy_from_slice(&*finish(Sha256State::initial(), 0, &[key]));
        }
        let mut take = |pad: u8| {
            block.iter_mut().for_each(|byte| *byte ^= pad);
            let mut state = Sha256State::initial();
            state.take(&block);
            state
        };
        // The second pad takes the first one back.
        HmacKey { inner: take(INNER_PAD), outer: take(INNER_PAD ^ OUTER_PAD) }
    }

    /// The MAC of the concatenation of `parts`.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> Wiped<SHA256_LENGTH> {
        let digest = finish(self.inner.clone(), SHA256_BLOCK, parts);
        finish_with_digest(self.outer.clone(), &digest)
    }
}

/// [`finish`] for what every MAC ends with: a digest behind one block.
fn finish_with_digest(mut state: Sha256State, digest: &[u8; SHA256_LENGTH]) -> Wiped<SHA256_LENGTH> {
    let mut block = Wiped::<SHA256_BLOCK>::zeros();
    block[..SHA256_LENGTH].copy_from_slice(digest);
    block[SHA256_LENGTH] = 0x80;
    let bits = (SHA256_BLOCK + SHA256_LENGTH) as u64 * 8;
    block[SHA256_BLOCK - size_of::<u64>()..].copy_from_slice(&bits.to_be_bytes());
    state.take(&block);
    state.bytes()
}

/// The digest of what `state` has taken, `taken` bytes in whole blocks, and `parts` behind it.
fn finish(mut state: Sha256State, taken: usize, parts: &[&[u8]]) -> Wiped<SHA256_LENGTH> {
    let mut block = Wiped::<SHA256_BLOCK>::zeros();
    let mut filled = 0;
    for mut part in parts.iter().copied() {
        while !part.is_empty() {
            let (now, later) = part.split_at(part.len().min(SHA256_BLOCK - filled));
            block[filled..filled + now.len()].copy_from_slice(now);
            filled += now.len();
            part = later;
            if filled == SHA256_BLOCK {
                state.take(&block);
                filled = 0;
            }
        }
    }
    // FIPS 180-2 section 5.1.1: a bit, zeros, and the length in bits, which has the last eight bytes of a block.
    let length = taken + parts.iter().map(|part| part.len()).sum::<usize>();
    block[filled] = 0x80;
    block[filled + 1..].fill(0);
    if filled >= SHA256_BLOCK - size_of::<u64>() {
        state.take(&block);
        block.fill(0);
    }
    block[SHA256_BLOCK - size_of::<u64>()..].copy_from_slice(&(length as u64 * 8).to_be_bytes());
    state.take(&block);
    state.bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mbedtls::hash::{Hmac, Type};

    #[test]
    fn it_is_hmac_sha256_whatever_the_lengths() {
        let bytes: Vec<u8> = (0..=255).collect();
        for key_length in [0, 1, 32, 63, 64, 65, 132, 200] {
            let key = &bytes[..key_length];
            let hmac = HmacKey::new(key);
            for length in 0..200 {
                let message = &bytes[..length];
                let mut expected = [0; SHA256_LENGTH];
                Hmac::hmac(Type::Sha256, key, message, &mut expected).unwrap();
                let (first, second) = message.split_at(length / 3);
                assert_eq!(
                    *hmac.mac(&[first, &[], second]),
                    expected,
                    "{key_length} bytes of key, {length} of message"
                );
            }
        }
    }
}
