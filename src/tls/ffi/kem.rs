//! ML-KEM-768 (FIPS 203).

use super::{Refused, check};
use aws_lc_sys as lc;
use std::ptr::{NonNull, null_mut};
use zeroize::Zeroizing;

/// Bytes of a public key.
pub(super) const PUBLIC_LENGTH: usize = 1184;

/// Bytes of a secret that is sealed for somebody.
pub(super) const SEALED_LENGTH: usize = 1088;

/// Bytes of a secret.
const SECRET_LENGTH: usize = 32;

/// A key, or its public half alone.
struct Key(NonNull<lc::EVP_PKEY>);

// SAFETY: the key is owned, and not written after it was made.
unsafe impl Send for Key {}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: owned, freed once; a private key is wiped.
        unsafe { lc::EVP_PKEY_free(self.0.as_ptr()) };
    }
}

/// What is done with a key.
struct Context(NonNull<lc::EVP_PKEY_CTX>);

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: owned, freed once.
        unsafe { lc::EVP_PKEY_CTX_free(self.0.as_ptr()) };
    }
}

impl Context {
    fn of(key: &Key) -> Result<Context, Refused> {
        // SAFETY: the key is alive, and the context takes a reference of its own.
        NonNull::new(unsafe { lc::EVP_PKEY_CTX_new(key.0.as_ptr(), null_mut()) }).map(Context).ok_or(Refused)
    }
}

/// A key pair of ours.
pub(super) struct DecapsulationKey(Key);

impl DecapsulationKey {
    /// A new one, and its public half.
    pub(super) fn generate() -> Result<(DecapsulationKey, Vec<u8>), Refused> {
        // SAFETY: a new context, or null.
        let context = NonNull::new(unsafe { lc::EVP_PKEY_CTX_new_id(lc::EVP_PKEY_KEM, null_mut()) });
        let context = context.map(Context).ok_or(Refused)?;
        let mut key = null_mut();
        // SAFETY: the context is alive.
        check(unsafe { lc::EVP_PKEY_CTX_kem_set_params(context.0.as_ptr(), lc::NID_MLKEM768) })?;
        // SAFETY: as above.
        check(unsafe { lc::EVP_PKEY_keygen_init(context.0.as_ptr()) })?;
        // SAFETY: as above; a new key is made where `key` is null.
        check(unsafe { lc::EVP_PKEY_keygen(context.0.as_ptr(), &mut key) })?;
        let key = NonNull::new(key).map(Key).ok_or(Refused)?;
        let (mut public, mut length) = (vec![0; PUBLIC_LENGTH], PUBLIC_LENGTH);
        // SAFETY: the key is alive; there is room for as many bytes as `length` says.
        check(unsafe { lc::EVP_PKEY_get_raw_public_key(key.0.as_ptr(), public.as_mut_ptr(), &mut length) })?;
        if length == PUBLIC_LENGTH { Ok((DecapsulationKey(key), public)) } else { Err(Refused) }
    }

    /// The secret that was sealed for us. One that was sealed for nobody leads to a secret that nobody has.
    pub(super) fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refused> {
        if sealed.len() != SEALED_LENGTH {
            return Err(Refused);
        }
        let context = Context::of(&self.0)?;
        let (mut secret, mut length) = (Zeroizing::new(vec![0; SECRET_LENGTH]), SECRET_LENGTH);
        let (raw, out) = (context.0.as_ptr(), secret.as_mut_ptr());
        // SAFETY: the lengths say how many bytes are readable and writable.
        check(unsafe { lc::EVP_PKEY_decapsulate(raw, out, &mut length, sealed.as_ptr(), sealed.len()) })?;
        Ok(secret)
    }
}

/// A new secret, sealed for the owner of a public key, and the secret. `Refused` for bytes that are no public key (FIPS 203
/// section 7.2).
pub(super) fn seal(public: &[u8]) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>), Refused> {
    // SAFETY: the bytes are readable for their length; a new key, or null, as for any other length than a public key's.
    let key = unsafe { lc::EVP_PKEY_kem_new_raw_public_key(lc::NID_MLKEM768, public.as_ptr(), public.len()) };
    check(i32::from(!key.is_null()))?;
    let context = Context::of(&NonNull::new(key).map(Key).ok_or(Refused)?)?;
    let (mut sealed, mut sealed_length) = (vec![0; SEALED_LENGTH], SEALED_LENGTH);
    let (mut secret, mut length) = (Zeroizing::new(vec![0; SECRET_LENGTH]), SECRET_LENGTH);
    // SAFETY: there is room for as many bytes as the lengths say.
    check(unsafe {
        let (sealed, secret) = (sealed.as_mut_ptr(), secret.as_mut_ptr());
        lc::EVP_PKEY_encapsulate(context.0.as_ptr(), sealed, &mut sealed_length, secret, &mut length)
    })?;
    Ok((sealed, secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::ffi::has_errors;

    #[test]
    fn who_has_the_key_and_nobody_else_opens_what_is_sealed() {
        let (key, public) = DecapsulationKey::generate().unwrap();
        let (sealed, secret) = seal(&public).unwrap();
        assert_eq!((sealed.len(), secret.len()), (SEALED_LENGTH, SECRET_LENGTH));
        assert_eq!(*key.open(&sealed).unwrap(), *secret);
        let (other, _) = DecapsulationKey::generate().unwrap();
        assert_ne!(*other.open(&sealed).unwrap(), *secret);
        let mut spoilt = sealed;
        spoilt[7] ^= 1;
        assert_ne!(*key.open(&spoilt).unwrap(), *secret);
    }

    #[test]
    fn what_has_another_length_or_is_no_key_is_refused() {
        let (key, public) = DecapsulationKey::generate().unwrap();
        for length in [0, 32, SEALED_LENGTH - 1, SEALED_LENGTH + 1] {
            assert!(key.open(&vec![7; length]).is_err());
        }
        // Numbers that are not below the modulus.
        for bytes in [&public[1..], &[0xff; PUBLIC_LENGTH], &[]] {
            assert!(seal(bytes).is_err() && !has_errors());
        }
    }
}
