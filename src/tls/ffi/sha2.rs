//! The block functions of SHA-256 and SHA-512, and the pseudorandom function that is made of them: AWS-LC's, which uses the
//! processor's SHA instructions where it has some. A handshake with a pre-shared key is a hundred blocks, and little else.

use super::{c_int, sys};
use sys::types::raw_types::{c_char, c_uchar};

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

/// P_hash of RFC 5246 section 5, `label` and `seed` end to end; answers 0 where Mbed TLS is to do it itself.
///
/// # Safety
///
/// `secret`, `label` and `seed` are readable, and `output` is writable, for their lengths; nobody else uses `output` during
/// the call.
#[unsafe(no_mangle)]
unsafe extern "C" fn mbedtls_foreign_tls_prf(
    is_sha384: c_int,
    secret: *const c_uchar,
    secret_length: usize,
    label: *const c_char,
    label_length: usize,
    seed: *const c_uchar,
    seed_length: usize,
    output: *mut c_uchar,
    length: usize,
) -> c_int {
    // SAFETY: as the caller's.
    unsafe {
        foreign::tls_prf(
            is_sha384 != 0,
            (secret, secret_length),
            (label, label_length),
            (seed, seed_length),
            (output, length),
        )
    }
}

#[cfg(feature = "aws-lc")]
mod foreign {
    use super::{c_char, c_int, c_uchar};
    use aws_lc_sys::{CRYPTO_tls1_prf, EVP_sha256, EVP_sha384, SHA256_TransformBlocks, SHA512_CTX, SHA512_Transform};

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
        // SAFETY: the caller's; SHA512_Transform reads and writes nothing but the eight words of `h`, and reads a block.
        unsafe {
            context.h.as_mut_ptr().copy_from_nonoverlapping(state, WORDS);
            SHA512_Transform(&raw mut context, block);
            state.copy_from_nonoverlapping(context.h.as_ptr(), WORDS);
        }
        zeroize::Zeroize::zeroize(&mut context.h);
        1
    }

    /// # Safety
    ///
    /// As `mbedtls_foreign_tls_prf`, each pointer with its length.
    pub(super) unsafe fn tls_prf(
        is_sha384: bool,
        (secret, secret_length): (*const c_uchar, usize),
        (label, label_length): (*const c_char, usize),
        (seed, seed_length): (*const c_uchar, usize),
        (output, length): (*mut c_uchar, usize),
    ) -> c_int {
        // SAFETY: the caller's; of the two seeds that the function takes, the second is empty.
        unsafe {
            let digest = if is_sha384 { EVP_sha384() } else { EVP_sha256() };
            CRYPTO_tls1_prf(
                digest,
                output,
                length,
                secret,
                secret_length,
                label,
                label_length,
                seed,
                seed_length,
                std::ptr::null(),
                0,
            )
        }
    }
}

#[cfg(not(feature = "aws-lc"))]
mod foreign {
    use super::{c_char, c_int, c_uchar};

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

    /// # Safety
    ///
    /// None needed.
    pub(super) unsafe fn tls_prf(
        _: bool,
        _: (*const c_uchar, usize),
        _: (*const c_char, usize),
        _: (*const c_uchar, usize),
        _: (*mut c_uchar, usize),
    ) -> c_int {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::super::prf::prf;
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

    /// Vectors of the IETF's TLS list for P_SHA256 and P_SHA384, as Mbed TLS's own tests have them too.
    #[test]
    fn the_pseudorandom_function_is_that_of_the_standard() {
        let secret = bytes("9bbe436ba940f017b17652849a71db35");
        let seed = bytes("a0ba9f936cda311827a6f796ffd5198c");
        let output = prf(false, &secret, c"test label", &seed, 100).unwrap();
        let expected = "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa0\
                        22f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66";
        assert_eq!(hex(&output), expected);

        let secret = bytes("b80b733d6ceefcdc71566ea48e5567df");
        let seed = bytes("cd665cf6a8447dd6ff8b27555edb7465");
        let output = prf(true, &secret, c"test label", &seed, 148).unwrap();
        let expected = "7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cde9ca0faa60be9fe34f82b1233c9146a0e534\
                        cb400fed2700884f9dc236f80edd8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abfdad05d9184259b5bf8cd4d\
                        90fa0d31e2dec479e4f1a26066f2eea9a69236a3e52655c9e9aee691c8f3a26854308d5eaa3be85e0990703d73e56f";
        assert_eq!(hex(&output), expected);
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }
}
