//! Signatures as TLS 1.3 has them in CertificateVerify (RFC 8446 section 4.2.3): ECDSA on the curves of NIST, and RSASSA-PSS.

use super::{Refused, check};
use aws_lc_sys as lc;
use std::ffi::c_long;
use std::ptr::{NonNull, null_mut};

/// RFC 8446 section 4.2.3: the salt is as long as the digest.
const SALT_LIKE_DIGEST: i32 = -1;

/// How something is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    EcdsaP256Sha256,
    EcdsaP384Sha384,
    EcdsaP521Sha512,
    RsaPssSha256,
    RsaPssSha384,
    RsaPssSha512,
}

impl Scheme {
    pub(crate) const ALL: [Scheme; 6] = [
        Scheme::EcdsaP256Sha256,
        Scheme::EcdsaP384Sha384,
        Scheme::EcdsaP521Sha512,
        Scheme::RsaPssSha256,
        Scheme::RsaPssSha384,
        Scheme::RsaPssSha512,
    ];

    /// IANA's number.
    pub(crate) fn id(self) -> u16 {
        match self {
            Scheme::EcdsaP256Sha256 => 0x0403,
            Scheme::EcdsaP384Sha384 => 0x0503,
            Scheme::EcdsaP521Sha512 => 0x0603,
            Scheme::RsaPssSha256 => 0x0804,
            Scheme::RsaPssSha384 => 0x0805,
            Scheme::RsaPssSha512 => 0x0806,
        }
    }

    pub(crate) fn from_id(id: u16) -> Option<Scheme> {
        Scheme::ALL.into_iter().find(|scheme| scheme.id() == id)
    }

    /// AWS-LC's number of the curve that the key is on; `None` for an RSA key.
    fn curve(self) -> Option<i32> {
        match self {
            Scheme::EcdsaP256Sha256 => Some(lc::NID_X9_62_prime256v1),
            Scheme::EcdsaP384Sha384 => Some(lc::NID_secp384r1),
            Scheme::EcdsaP521Sha512 => Some(lc::NID_secp521r1),
            Scheme::RsaPssSha256 | Scheme::RsaPssSha384 | Scheme::RsaPssSha512 => None,
        }
    }

    fn digest(self) -> *const lc::EVP_MD {
        // SAFETY: these functions take nothing, and answer with static objects.
        unsafe {
            match self {
                Scheme::EcdsaP256Sha256 | Scheme::RsaPssSha256 => lc::EVP_sha256(),
                Scheme::EcdsaP384Sha384 | Scheme::RsaPssSha384 => lc::EVP_sha384(),
                Scheme::EcdsaP521Sha512 | Scheme::RsaPssSha512 => lc::EVP_sha512(),
            }
        }
    }
}

/// A key, private or public.
struct Key(NonNull<lc::EVP_PKEY>);

// SAFETY: the key is owned and not written after it was made; AWS-LC guards what it caches with locks.
unsafe impl Send for Key {}
// SAFETY: as for `Send`.
unsafe impl Sync for Key {}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: owned, freed once; a private key is wiped.
        unsafe { lc::EVP_PKEY_free(self.0.as_ptr()) };
    }
}

impl Key {
    /// The key that `read` makes of bytes in DER, behind which nothing may follow.
    fn read(der: &[u8], read: impl FnOnce(*mut *const u8, c_long) -> *mut lc::EVP_PKEY) -> Result<Key, Refused> {
        let mut position = der.as_ptr();
        let key = read(&mut position, c_long::try_from(der.len()).map_err(|_| Refused)?);
        check(i32::from(!key.is_null()))?;
        let key = NonNull::new(key).map(Key).ok_or(Refused)?;
        if std::ptr::eq(position, der.as_ptr_range().end) { Ok(key) } else { Err(Refused) }
    }

    /// Whether the key is of the kind that the scheme is about (RFC 8446 section 4.2.3).
    fn suits(&self, scheme: Scheme) -> bool {
        // SAFETY: the key is alive; its parts are its own, or null for a key of another kind, which has no curve.
        unsafe {
            let key = self.0.as_ptr();
            match (scheme.curve(), lc::EVP_PKEY_id(key)) {
                (None, kind) => kind == lc::EVP_PKEY_RSA,
                (Some(curve), lc::EVP_PKEY_EC) => {
                    let group = lc::EC_KEY_get0_group(lc::EVP_PKEY_get0_EC_KEY(key));
                    !group.is_null() && lc::EC_GROUP_get_curve_name(group) == curve
                }
                _ => false,
            }
        }
    }
}

/// A private key.
pub(crate) struct SigningKey(Key);

impl SigningKey {
    /// From PKCS#1, SEC 1 or PKCS#8.
    pub(crate) fn from_der(der: &[u8]) -> Result<SigningKey, Refused> {
        // SAFETY: `position` walks the bytes for their length; a new key is made, or null.
        Key::read(der, |position, length| unsafe { lc::d2i_AutoPrivateKey(null_mut(), position, length) })
            .map(SigningKey)
    }

    /// Whether it can sign so.
    pub(crate) fn suits(&self, scheme: Scheme) -> bool {
        self.0.suits(scheme)
    }

    pub(crate) fn sign(&self, scheme: Scheme, message: &[u8]) -> Result<Vec<u8>, Refused> {
        if !self.suits(scheme) {
            return Err(Refused);
        }
        let context = Context::new()?;
        let mut of_key = null_mut();
        // SAFETY: context and key are alive, and the key outlives the context.
        check(unsafe {
            let key = self.0.0.as_ptr();
            lc::EVP_DigestSignInit(context.0.as_ptr(), &mut of_key, scheme.digest(), null_mut(), key)
        })?;
        // SAFETY: it was just set up, and belongs to the context.
        unsafe { set_padding(of_key, scheme) }?;
        // SAFETY: the key is alive.
        let room = usize::try_from(unsafe { lc::EVP_PKEY_size(self.0.0.as_ptr()) }).map_err(|_| Refused)?;
        let (mut signature, mut length) = (vec![0; room], room);
        // SAFETY: there is room for as many bytes as `length` says; the message is readable for its own.
        check(unsafe {
            let out = signature.as_mut_ptr();
            lc::EVP_DigestSign(context.0.as_ptr(), out, &mut length, message.as_ptr(), message.len())
        })?;
        signature.truncate(length);
        Ok(signature)
    }
}

/// A peer's public key.
pub(crate) struct VerifyingKey(Key);

impl VerifyingKey {
    /// From a SubjectPublicKeyInfo. `Refused` for a point that is not on its curve.
    pub(crate) fn from_der(der: &[u8]) -> Result<VerifyingKey, Refused> {
        // SAFETY: `position` walks the bytes for their length; a new key is made, or null.
        Key::read(der, |position, length| unsafe { lc::d2i_PUBKEY(null_mut(), position, length) }).map(VerifyingKey)
    }

    /// Whether it can have signed so.
    pub(crate) fn suits(&self, scheme: Scheme) -> bool {
        self.0.suits(scheme)
    }

    pub(crate) fn verify(&self, scheme: Scheme, message: &[u8], signature: &[u8]) -> Result<(), Refused> {
        if !self.suits(scheme) {
            return Err(Refused);
        }
        let context = Context::new()?;
        let mut of_key = null_mut();
        // SAFETY: context and key are alive, and the key outlives the context.
        check(unsafe {
            let key = self.0.0.as_ptr();
            lc::EVP_DigestVerifyInit(context.0.as_ptr(), &mut of_key, scheme.digest(), null_mut(), key)
        })?;
        // SAFETY: it was just set up, and belongs to the context.
        unsafe { set_padding(of_key, scheme) }?;
        // SAFETY: signature and message are readable for their lengths.
        check(unsafe {
            let (bytes, length) = (signature.as_ptr(), signature.len());
            lc::EVP_DigestVerify(context.0.as_ptr(), bytes, length, message.as_ptr(), message.len())
        })
    }
}

/// Has an RSA key sign with PSS.
///
/// # Safety
///
/// `of_key` belongs to a context that was set up with a key of the scheme's kind.
unsafe fn set_padding(of_key: *mut lc::EVP_PKEY_CTX, scheme: Scheme) -> Result<(), Refused> {
    if scheme.curve().is_some() {
        return Ok(());
    }
    // SAFETY: as the caller's. The hash of MGF1 is that of the signature unless another is set.
    check(unsafe { lc::EVP_PKEY_CTX_set_rsa_padding(of_key, lc::RSA_PKCS1_PSS_PADDING) })?;
    // SAFETY: as above.
    check(unsafe { lc::EVP_PKEY_CTX_set_rsa_pss_saltlen(of_key, SALT_LIKE_DIGEST) })
}

/// An `EVP_MD_CTX`.
struct Context(NonNull<lc::EVP_MD_CTX>);

impl Context {
    fn new() -> Result<Context, Refused> {
        // SAFETY: a new context, or null.
        NonNull::new(unsafe { lc::EVP_MD_CTX_new() }).map(Context).ok_or(Refused)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: made in `new`, freed once.
        unsafe { lc::EVP_MD_CTX_free(self.0.as_ptr()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PublicKeyData};

    fn pair(of: &'static rcgen::SignatureAlgorithm) -> (SigningKey, VerifyingKey) {
        let pair = KeyPair::generate_for(of).unwrap();
        let public = VerifyingKey::from_der(&pair.subject_public_key_info()).unwrap();
        (SigningKey::from_der(&pair.serialize_der()).unwrap(), public)
    }

    #[test]
    fn what_one_key_signs_its_other_half_verifies_and_nothing_else() {
        for (of, scheme) in
            [(&PKCS_ECDSA_P256_SHA256, Scheme::EcdsaP256Sha256), (&PKCS_ECDSA_P384_SHA384, Scheme::EcdsaP384Sha384)]
        {
            let (private, public) = pair(of);
            let signature = private.sign(scheme, b"message").unwrap();
            assert!(public.verify(scheme, b"message", &signature).is_ok());
            assert!(public.verify(scheme, b"another", &signature).is_err());
            assert!(pair(of).1.verify(scheme, b"message", &signature).is_err());
            for length in 0..signature.len() {
                assert!(public.verify(scheme, b"message", &signature[..length]).is_err());
            }
            for other in Scheme::ALL.into_iter().filter(|other| *other != scheme) {
                assert!(private.sign(other, b"message").is_err() && !public.suits(other), "{other:?}");
                assert!(public.verify(other, b"message", &signature).is_err(), "{other:?}");
            }
        }
    }

    #[test]
    fn a_key_of_rsa_signs_with_pss() {
        let key = KeyPair::from_pem(include_str!("../../proto/tests/keys/rsa-2048.key.pem")).unwrap();
        let public = VerifyingKey::from_der(&key.subject_public_key_info()).unwrap();
        let private = SigningKey::from_der(&key.serialize_der()).unwrap();
        for scheme in [Scheme::RsaPssSha256, Scheme::RsaPssSha384, Scheme::RsaPssSha512] {
            // PSS is the padding with a salt (RFC 8017 section 9.1).
            let signatures = [(); 2].map(|()| private.sign(scheme, b"message").unwrap());
            assert_ne!(signatures[0], signatures[1], "{scheme:?}");
            assert!(signatures.iter().all(|signature| public.verify(scheme, b"message", signature).is_ok()));
        }
        // The same message with the other padding.
        assert!(
            public
                .verify(Scheme::RsaPssSha256, b"message", &rcgen::SigningKey::sign(&key, b"message").unwrap())
                .is_err()
        );
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let key = KeyPair::generate().unwrap();
        let (private, public) = (key.serialize_der(), key.subject_public_key_info());
        let mut off_curve = public.clone();
        *off_curve.last_mut().unwrap() ^= 1;
        for der in [&b""[..], b"junk", &public[..public.len() - 1], &[&public[..], &[0]].concat(), &off_curve] {
            assert!(VerifyingKey::from_der(der).is_err());
        }
        for der in [&b""[..], b"junk", &public, &[&private[..], &[0]].concat()] {
            assert!(SigningKey::from_der(der).is_err());
        }
        let other = KeyPair::generate_for(&PKCS_ED25519).unwrap().subject_public_key_info();
        assert!(VerifyingKey::from_der(&other).is_ok_and(|key| Scheme::ALL.iter().all(|scheme| !key.suits(*scheme))));
    }

    #[test]
    fn schemes_are_found_by_their_numbers() {
        for scheme in Scheme::ALL {
            assert_eq!(Scheme::from_id(scheme.id()), Some(scheme));
        }
        // PKCS#1 is for certificates alone (RFC 8446 section 4.2.3), and nobody here has an Ed25519 key.
        for id in [0x0401, 0x0501, 0x0601, 0x0807, 0] {
            assert_eq!(Scheme::from_id(id), None);
        }
    }
}
