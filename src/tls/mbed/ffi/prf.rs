//! TLS 1.2's pseudorandom function (RFC 5246 section 5).

use super::hmac::HmacKey;
use super::{bytes, c_int, c_uchar, check, sys};
use std::ffi::CStr;
use std::slice;
use sys::types::raw_types::c_char;
use zeroize::Zeroizing;

/// `length` bytes from `secret`.
pub(crate) fn prf(
    sha384: bool,
    secret: &[u8],
    label: &CStr,
    seed: &[u8],
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, c_int> {
    let kind = if sha384 { sys::SSL_TLS_PRF_SHA384 } else { sys::SSL_TLS_PRF_SHA256 };
    let mut output = Zeroizing::new(vec![0; length]);
    // SAFETY: each slice is readable, and `output` writable, for its length; `label` ends with NUL.
    check(unsafe {
        sys::ssl_tls_prf(
            kind,
            secret.as_ptr(),
            secret.len(),
            label.as_ptr(),
            seed.as_ptr(),
            seed.len(),
            output.as_mut_ptr(),
            output.len(),
        )
    })?;
    Ok(output)
}

/// P_SHA256, which Mbed TLS calls in place of its own code. Its own code would hash the key anew for each block of
/// output.
///
/// # Safety
///
/// `secret`, `label` and `seed` are readable, and `output` is writable, for their lengths; nobody else uses `output`
/// during the call.
#[unsafe(no_mangle)]
unsafe extern "C" fn mbedtls_foreign_prf_sha256(
    secret: *const c_uchar,
    secret_length: usize,
    label: *const c_char,
    label_length: usize,
    seed: *const c_uchar,
    seed_length: usize,
    output: *mut c_uchar,
    length: usize,
) {
    #[cfg(test)]
    tests::DERIVATIONS.set(tests::DERIVATIONS.get() + 1);
    // SAFETY: as the caller's.
    unsafe {
        p_sha256(
            bytes(secret, secret_length),
            &[bytes(label.cast(), label_length), bytes(seed, seed_length)],
            slice::from_raw_parts_mut(output, length),
        );
    }
}

fn p_sha256(secret: &[u8], seed: &[&[u8]; 2], output: &mut [u8]) {
    let key = HmacKey::new(secret);
    let [label, seed] = *seed;
    let mut a = key.mac(&[label, seed]);
    for (index, chunk) in output.chunks_mut(a.len()).enumerate() {
        if index > 0 {
            a = key.mac(&[&*a]);
        }
        let block = key.mac(&[&*a, label, seed]);
        chunk.copy_from_slice(&block[..chunk.len()]);
    }
}

/// How often the engine has derived something from a secret, on this thread.
#[cfg(test)]
pub(crate) fn derivations() -> u32 {
    tests::DERIVATIONS.get()
}

#[cfg(test)]
mod tests {
    use super::prf;
    use std::cell::Cell;

    thread_local! {
        pub(super) static DERIVATIONS: Cell<u32> = const { Cell::new(0) };
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
