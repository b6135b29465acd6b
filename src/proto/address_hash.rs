//! Hashes of addresses. Several are made for each datagram, of a few words each, and strangers choose the addresses.
//!
//! The hash is universal: whichever two addresses somebody chooses who does not know the multipliers, they share a bit pattern of
//! their hashes no more often than random numbers would (M. Dietzfelbinger, "Universal hashing and k-wise independent random
//! variables via integer arithmetic without primes", 1996). So nobody can fill one place of a table, which is what the standard library's
//! SipHash is there for; that takes twenty times as many instructions for a word.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

/// A map whose keys are addresses, or parts of them. All maps of a process hash alike, which spares each the drawing and the keeping of
/// random numbers: a client has a map for its one address.
pub(super) type AddressMap<Key, Value> = HashMap<Key, Value, AddressHashes>;

/// Words that a key has at most: an IPv6 address, and its port with its zone.
const WORDS: usize = 3;

static NUMBERS: LazyLock<Numbers> = LazyLock::new(Numbers::draw);

/// What tells the hashes of one process from those of another.
struct Numbers {
    multipliers: [u128; WORDS],
    addend: u128,
}

#[derive(Clone, Copy, Default)]
pub(super) struct AddressHashes;

impl BuildHasher for AddressHashes {
    type Hasher = AddressHasher;

    fn build_hasher(&self) -> AddressHasher {
        NUMBERS.hasher()
    }
}

impl Numbers {
    fn draw() -> Numbers {
        let random = RandomState::new();
        let word =
            |index: usize| u128::from(random.hash_one((index, 0))) << 64 | u128::from(random.hash_one((index, 1)));
        Numbers { multipliers: std::array::from_fn(word), addend: word(WORDS) }
    }

    fn hasher(&self) -> AddressHasher {
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

    fn hash(numbers: &Numbers, words: [u64; 2]) -> u64 {
        let mut hasher = numbers.hasher();
        words.iter().for_each(|&word| hasher.write_u64(word));
        hasher.finish()
    }

    /// Random numbers share eight bits with one draw of 256: here with 78, with a standard deviation of 9.
    #[test]
    fn two_addresses_that_somebody_chooses_share_bits_of_their_hashes_no_more_often_than_random_numbers() {
        const DRAWS: usize = 20_000;
        let pairs = [
            ([1, 0], [2, 0]),
            ([5684, 0], [1 << 16 | 5684, 0]),
            ([0, 1 << 63], [0, 0]),
            ([7, u64::MAX], [u64::MAX, 7]),
        ];
        let mut counts = [[0; 3]; 4];
        for _ in 0..DRAWS {
            let numbers = Numbers::draw();
            for ((one, other), counts) in pairs.into_iter().zip(&mut counts) {
                let differing = hash(&numbers, one) ^ hash(&numbers, other);
                for (shift, count) in [0, 20, 56].into_iter().zip(counts) {
                    *count += usize::from(differing >> shift & 0xff == 0);
                }
            }
        }
        assert!(counts.as_flattened().iter().all(|&count| count < 2 * DRAWS / 256), "{counts:?}");
    }

    #[test]
    fn each_process_has_hashes_of_its_own_and_its_maps_have_the_same() {
        assert_ne!(hash(&Numbers::draw(), [1, 2]), hash(&Numbers::draw(), [1, 2]));
        assert_eq!(AddressHashes.hash_one(1_u128 << 64 | 2), hash(&NUMBERS, [1, 2]));
    }

    #[test]
    fn each_word_counts_where_it_stands() {
        let numbers = Numbers::draw();
        assert_ne!(hash(&numbers, [1, 2]), hash(&numbers, [2, 1]));
    }

    #[test]
    fn bytes_are_hashed_as_the_words_that_they_make() {
        let numbers = Numbers::draw();
        let of_bytes = |bytes: &[u8]| {
            let mut hasher = numbers.hasher();
            hasher.write(bytes);
            hasher.finish()
        };
        assert_eq!(
            of_bytes(&[0x0102_0304_0506_0708_u64, 9].map(u64::to_be_bytes).concat()),
            hash(&numbers, [0x0102_0304_0506_0708, 9])
        );
        assert_eq!(of_bytes(&[0, 0, 0, 0, 0, 0, 0, 1, 2, 3]), hash(&numbers, [1, 0x0203]));
    }
}
