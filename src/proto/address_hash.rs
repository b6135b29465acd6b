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

    /// Of 2^16 numbers of 16 bits, 63 % of the values occur.
    fn values(hashes: &AddressHashes, words: impl Fn(u64) -> [u64; 2], shift: u32) -> usize {
        let all = (0..1 << 16).map(|number| hash(hashes, words(number)) >> shift & 0xffff);
        all.collect::<std::collections::HashSet<_>>().len()
    }

    #[test]
    fn addresses_that_somebody_chooses_are_spread_as_others_are() {
        let kinds: [fn(u64) -> [u64; 2]; 4] = [
            |number| [number, 0],
            |number| [number << 16 | 5684, 0],
            |number| [0, number << 48],
            |number| [number << 32, !(number << 32)],
        ];
        for words in kinds {
            for shift in [0, 20, 48] {
                // One map may be unlucky; the median of five is not.
                let mut counts: Vec<_> = (0..5).map(|_| values(&AddressHashes::default(), words, shift)).collect();
                counts.sort_unstable();
                assert!(counts[2] > 30_000, "{counts:?} values at bit {shift}");
            }
        }
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
}
