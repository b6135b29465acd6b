//! Hashes of addresses. Several are made for each datagram, of a few words each, and strangers choose the addresses.
//!
//! The hash is universal: whichever two addresses somebody chooses who does not know the multipliers, they share a bit pattern of
//! their hashes no more often than random numbers would (M. Dietzfelbinger, "Universal hashing and k-wise independent random
//! variables via integer arithmetic without primes", 1996). So nobody can fill one place of a table, which is what the standard library's
//! SipHash is there for; that takes twenty times as many instructions for a word.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

/// A map whose keys are addresses, or parts of them.
pub(super) type AddressMap<Key, Value> = HashMap<Key, Value, AddressHashes>;

/// Words that a key has at most: an IPv6 address, and its port with its zone.
const WORDS: usize = 3;

/// Multipliers of one map, drawn at random.
#[derive(Clone)]
pub(super) struct AddressHashes {
    multipliers: [u128; WORDS],
    addend: u128,
}

impl Default for AddressHashes {
    fn default() -> AddressHashes {
        let random = RandomState::new();
        let word =
            |index: usize| u128::from(random.hash_one((index, 0))) << 64 | u128::from(random.hash_one((index, 1)));
        AddressHashes { multipliers: std::array::from_fn(word), addend: word(WORDS) }
    }
}

impl BuildHasher for AddressHashes {
    type Hasher = AddressHasher;

    fn build_hasher(&self) -> AddressHasher {
        AddressHasher { multipliers: self.multipliers, sum: self.addend, written: 0 }
    }
}

/// Takes words, of which each has a multiplier of its own.
pub(super) struct AddressHasher {
    multipliers: [u128; WORDS],
    sum: u128,
    written: usize,
}

impl Hasher for AddressHasher {
    fn write_u64(&mut self, word: u64) {
        debug_assert!(self.written < WORDS, "longer keys need more multipliers");
        if let Some(multiplier) = self.multipliers.get(self.written) {
            self.sum = self.sum.wrapping_add(multiplier.wrapping_mul(u128::from(word)));
        }
        self.written += 1;
    }

    fn write_u128(&mut self, words: u128) {
        self.write_u64((words >> 64) as u64);
        self.write_u64(words as u64);
    }

    /// Nothing but words is written.
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(size_of::<u64>()) {
            self.write_u64(chunk.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)));
        }
    }

    fn finish(&self) -> u64 {
        (self.sum >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(hashes: &AddressHashes, words: [u64; 2]) -> u64 {
        let mut hasher = hashes.build_hasher();
        words.iter().for_each(|&word| hasher.write_u64(word));
        hasher.finish()
    }

    /// Random numbers share eight bits in one map of 256: here in 78 maps, with a standard deviation of 9.
    #[test]
    fn two_addresses_that_somebody_chooses_share_bits_of_their_hashes_no_more_often_than_random_numbers() {
        const MAPS: usize = 20_000;
        let pairs = [
            ([1, 0], [2, 0]),
            ([5684, 0], [1 << 16 | 5684, 0]),
            ([0, 1 << 63], [0, 0]),
            ([7, u64::MAX], [u64::MAX, 7]),
        ];
        let mut counts = [[0; 3]; 4];
        for _ in 0..MAPS {
            let hashes = AddressHashes::default();
            for ((one, other), counts) in pairs.into_iter().zip(&mut counts) {
                let differing = hash(&hashes, one) ^ hash(&hashes, other);
                for (shift, count) in [0, 20, 56].into_iter().zip(counts) {
                    *count += usize::from(differing >> shift & 0xff == 0);
                }
            }
        }
        assert!(counts.as_flattened().iter().all(|&count| count < 2 * MAPS / 256), "{counts:?}");
    }

    #[test]
    fn each_map_has_its_own_hashes() {
        let (one, other) = (AddressHashes::default(), AddressHashes::default());
        assert_ne!(hash(&one, [1, 2]), hash(&other, [1, 2]));
        assert_eq!(hash(&one, [1, 2]), hash(&one.clone(), [1, 2]));
    }

    #[test]
    fn each_word_counts_where_it_stands() {
        let hashes = AddressHashes::default();
        assert_ne!(hash(&hashes, [1, 2]), hash(&hashes, [2, 1]));
        assert_eq!(hashes.hash_one(1_u128 << 64 | 2), hash(&hashes, [1, 2]));
    }

    #[test]
    fn bytes_are_hashed_as_the_words_that_they_make() {
        let hashes = AddressHashes::default();
        let of_bytes = |bytes: &[u8]| {
            let mut hasher = hashes.build_hasher();
            hasher.write(bytes);
            hasher.finish()
        };
        assert_eq!(
            of_bytes(&[0x0102_0304_0506_0708_u64, 9].map(u64::to_be_bytes).concat()),
            hash(&hashes, [0x0102_0304_0506_0708, 9])
        );
        assert_eq!(of_bytes(&[0, 0, 0, 0, 0, 0, 0, 1, 2, 3]), hash(&hashes, [1, 0x0203]));
    }
}
