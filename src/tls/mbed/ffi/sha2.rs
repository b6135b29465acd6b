//! The block functions of SHA-256 and SHA-512: AWS-LC's, which uses the processor's SHA instructions where it has some.

use super::wiped::Wiped;
use super::{c_int, sys};
use sys::types::raw_types::c_uchar;
use zeroize::{Zeroize, Zeroizing};

/// Takes one block of 64 bytes into the state; answers 0, with nothing done, where Mbed TLS is to do it itself.
///
/// # Safety
///
/// `state` has eight words that nobody else uses during the call, `block` 64 readable bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn mbedtls_foreign_sha256_process(state: *mut u32, block: *const c_uchar) -> c_int {
    // SAFETY: as the caller's.
    unsafe { foreign::sha256_process(state, block) }
}

/// The same for SHA-384 and SHA-512.
///
/// # Safety
///
/// `state` has eight words that nobody else uses during the call, `block` 128 readable bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn mbedtls_foreign_sha512_process(state: *mut u64, block: *const c_uchar) -> c_int {
    // SAFETY: as the caller's.
    unsafe { foreign::sha512_process(state, block) }
}

/// A SHA-256 that has taken so many blocks, and is worth keeping: everything behind them may begin here.
#[derive(Clone)]
pub(super) struct Sha256State(Zeroizing<[u32; 8]>);

pub(super) const SHA256_BLOCK: usize = 64;
pub(super) const SHA256_LENGTH: usize = 32;

impl Sha256State {
    /// FIPS 180-2 section 5.3.2.
    pub(super) fn initial() -> Sha256State {
        Sha256State(Zeroizing::new([
            0x6a09_e667,
            0xbb67_ae85,
            0x3c6e_f372,
            0xa54f_f53a,
            0x510e_527f,
            0x9b05_688c,
            0x1f83_d9ab,
            0x5be0_cd19,
        ]))
    }

    pub(super) fn take(&mut self, block: &[u8; SHA256_BLOCK]) {
        // SAFETY: eight words, and 64 bytes.
        if unsafe { foreign::sha256_process(self.0.as_mut_ptr(), block.as_ptr()) } == 0 {
            self.take_slowly(block);
        }
    }

    fn take_slowly(&mut self, block: &[u8; SHA256_BLOCK]) {
        // SAFETY: zeros are a valid context: integers and arrays of them.
        let mut context: sys::sha256_context = unsafe { std::mem::zeroed() };
        context.state = *self.0;
        // SAFETY: the context is whole, the block has 64 bytes. All that the function does is to change `state`.
        unsafe { sys::internal_sha256_process(&raw mut context, block.as_ptr()) };
        *self.0 = context.state;
        context.state.zeroize();
    }

    pub(super) fn bytes(&self) -> Wiped<SHA256_LENGTH> {
        let mut bytes = Wiped::zeros();
        for (chunk, word) in bytes.chunks_exact_mut(size_of::<u32>()).zip(self.0.iter()) {
            chunk.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }
}

#[cfg(feature = "aws-lc")]
mod foreign {
    use super::{c_int, c_uchar};
    use aws_lc_sys::{SHA256_TransformBlocks, SHA512_CTX, SHA512_Transform};

    const WORDS: usize = 8;

    /// # Safety
    ///
    /// As `mbedtls_foreign_sha256_process`.
    pub(super) unsafe fn sha256_process(state: *mut u32, block: *const c_uchar) -> c_int {
        // SAFETY: the caller's; one block is 64 bytes.
        unsafe { SHA256_TransformBlocks(state, block, 1) };
        1
    }

    /// # Safety
    ///
    /// As `mbedtls_foreign_sha512_process`.
    pub(super) unsafe fn sha512_process(state: *mut u64, block: *const c_uchar) -> c_int {
        // SAFETY: zeros are a valid context: integers and arrays of them.
        let mut context: SHA512_CTX = unsafe { std::mem::zeroed() };
        // SAFETY: the caller's; SHA512_Transform reads and writes nothing but the eight words of `h`, and reads a
        // block.
        unsafe {
            context.h.as_mut_ptr().copy_from_nonoverlapping(state, WORDS);
            SHA512_Transform(&raw mut context, block);
            state.copy_from_nonoverlapping(context.h.as_ptr(), WORDS);
        }
        super::Zeroize::zeroize(&mut context.h);
        1
    }
}

#[cfg(not(feature = "aws-lc"))]
mod foreign {
    use super::{c_int, c_uchar};

    /// # Safety
    ///
    /// None needed.
    pub(super) unsafe fn sha256_process(_: *mut u32, _: *const c_uchar) -> c_int {
        0
    }

    /// # Safety
    ///
    /// None needed.
    pub(super) unsafe fn sha512_process(_: *mut u64, _: *const c_uchar) -> c_int {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::Sha256State;
    use mbedtls::hash::{Md, Type};

    #[test]
    fn digests_are_those_of_the_standard() {
        // FIPS 180-2, appendix B: one block, two, and 15,626.
        let vectors: [(&[u8], &str); 3] = [
            (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
            (&[b'a'; 1_000_000], "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
        ];
        for (message, digest) in vectors {
            let mut output = [0; 32];
            Md::hash(Type::Sha256, message, &mut output).unwrap();
            assert_eq!(hex(&output), digest);
        }
        // FIPS 180-2, appendix D: two blocks of SHA-384.
        let message = b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
        let mut output = [0; 48];
        Md::hash(Type::Sha384, message, &mut output).unwrap();
        let digest = "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa91746039";
        assert_eq!(hex(&output), digest);
    }

    #[test]
    fn a_block_is_taken_slowly_as_it_is_quickly() {
        let (mut quick, mut slow) = (Sha256State::initial(), Sha256State::initial());
        for number in 0..5 {
            let block = std::array::from_fn(|at| (at as u8).wrapping_mul(7).wrapping_add(number));
            quick.take(&block);
            slow.take_slowly(&block);
            assert_eq!(hex(&*quick.bytes()), hex(&*slow.bytes()));
        }
        assert_ne!(hex(&*slow.bytes()), hex(&*Sha256State::initial().bytes()));
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
