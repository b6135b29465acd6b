//! SHA-256 (FIPS 180-4) over AWS-LC's block function. A key schedule hashes many messages of a block or two: around each, AWS-LC's own
//! bookkeeping takes as many instructions as the processor needs for the block.

use super::{Digest, Hash, wipe};
use aws_lc_sys as lc;
use zeroize::Zeroize;

const BLOCK: usize = 64;

/// Where a block's length in bits stands, if it is the last one.
const LENGTH_AT: usize = BLOCK - size_of::<u64>();

/// FIPS 180-4 section 5.3.3.
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

#[derive(Clone)]
pub(crate) struct Sha256 {
    state: [u32; 8],
    /// Bytes that have come.
    length: usize,
    /// Those of them that are no whole block.
    rest: [u8; BLOCK],
}

impl Sha256 {
    pub(super) fn new() -> Sha256 {
        Sha256 { state: INITIAL, length: 0, rest: [0; BLOCK] }
    }

    pub(super) fn update(&mut self, mut data: &[u8]) {
        let filled = self.length % BLOCK;
        self.length += data.len();
        if filled > 0 {
            let (now, later) = data.split_at(data.len().min(BLOCK - filled));
            self.rest[filled..filled + now.len()].copy_from_slice(now);
            if filled + now.len() < BLOCK {
                return;
            }
            take(&mut self.state, &self.rest);
            data = later;
        }
        let (blocks, rest) = data.split_at(data.len() - data.len() % BLOCK);
        take(&mut self.state, blocks);
        self.rest[..rest.len()].copy_from_slice(rest);
    }

    /// FIPS 180-4 section 5.1.1: a bit, zeros, and the length in bits.
    pub(super) fn finish(&self) -> Digest {
        let (mut state, mut block) = (self.state, self.rest);
        let filled = self.length % BLOCK;
        block[filled] = 0x80;
        block[filled + 1..].fill(0);
        if filled >= LENGTH_AT {
            take(&mut state, &block);
            block.fill(0);
        }
        block[LENGTH_AT..].copy_from_slice(&(self.length as u64 * 8).to_be_bytes());
        take(&mut state, &block);
        let mut digest = Digest::zeros(Hash::Sha256);
        for (bytes, word) in digest.as_mut().chunks_exact_mut(size_of::<u32>()).zip(state) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        wipe(&mut block);
        state.zeroize();
        digest
    }

    pub(super) fn wipe(&mut self) {
        self.state.zeroize();
        wipe(&mut self.rest);
    }
}

/// Takes whole blocks.
fn take(state: &mut [u32; 8], blocks: &[u8]) {
    let count = blocks.len() / BLOCK;
    if count > 0 {
        // SAFETY: eight words, and as many blocks as are readable.
        unsafe { lc::SHA256_TransformBlocks(state.as_mut_ptr(), blocks.as_ptr(), count) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AWS-LC's whole function, as an authority.
    fn expected(data: &[u8]) -> [u8; 32] {
        let mut digest = [0; 32];
        // SAFETY: the data is readable for its length, and there is room for the digest.
        unsafe { lc::SHA256(data.as_ptr(), data.len(), digest.as_mut_ptr()) };
        digest
    }

    #[test]
    fn it_is_sha256_whatever_the_lengths_and_however_it_comes() {
        let data: Vec<u8> = (0..300_u32).map(|number| (number * 7) as u8).collect();
        for length in 0..data.len() {
            let data = &data[..length];
            for step in [1, 13, 63, 64, 65, 129, 300] {
                let mut running = Sha256::new();
                data.chunks(step).for_each(|chunk| running.update(chunk));
                assert!(running.finish()[..] == expected(data), "{length} bytes by {step}");
            }
        }
    }

    #[test]
    fn a_hash_that_is_wiped_keeps_nothing_of_what_has_come() {
        let mut running = Sha256::new();
        running.update(&[0x61; 100]);
        running.wipe();
        assert_eq!((running.state, running.rest), ([0; 8], [0; BLOCK]));
    }
}
