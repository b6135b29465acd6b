//! SHA-256's block function: AWS-LC's, which uses the processor's SHA instructions where it has some. A handshake with a
//! pre-shared key is a hundred blocks, and little else.

use super::{c_int, sys};
use sys::types::raw_types::c_uchar;

/// Takes one block of 64 bytes into the state; answers 0, with nothing done, where Mbed TLS is to do it itself.
///
/// # Safety
///
/// `state` has eight words that nobody else uses during the call, `block` 64 readable bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn mbedtls_foreign_sha256_process(state: *mut u32, block: *const c_uchar) -> c_int {
    // SAFETY: as the caller's.
    unsafe { process(state, block) }
}

/// # Safety
///
/// As `mbedtls_foreign_sha256_process`.
#[cfg(feature = "aws-lc")]
unsafe fn process(state: *mut u32, block: *const c_uchar) -> c_int {
    // SAFETY: the caller's; one block is 64 bytes.
    unsafe { aws_lc_sys::SHA256_TransformBlocks(state, block, 1) };
    1
}

/// # Safety
///
/// None needed.
#[cfg(not(feature = "aws-lc"))]
unsafe fn process(_: *mut u32, _: *const c_uchar) -> c_int {
    0
}

#[cfg(test)]
mod tests {
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
            assert_eq!(output.map(|byte| format!("{byte:02x}")).concat(), digest);
        }
    }
}
