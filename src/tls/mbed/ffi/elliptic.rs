//! The four operations on elliptic curves of the engine: AWS-LC's where it serves the group, Mbed TLS's own elsewhere.
//!
//! AWS-LC is some twenty times as fast, and constant-time where Mbed TLS 2.28 is not (CVE-2026-54435).

use super::{c_int, c_void, sys};
use sys::types::raw_types::c_uchar;

type Rng = Option<unsafe extern "C" fn(*mut c_void, *mut c_uchar, usize) -> c_int>;

/// `mbedtls_ecdh_gen_public`: an ephemeral key pair.
///
/// # Safety
///
/// As Mbed TLS calls it: initialised arguments, `group` loaded.
#[unsafe(no_mangle)]
unsafe extern "C" fn mbedtls_ecdh_gen_public(
    group: *mut sys::ecp_group,
    secret: *mut sys::mpi,
    public: *mut sys::ecp_point,
    rng: Rng,
    rng_context: *mut c_void,
) -> c_int {
    #[cfg(feature = "aws-lc")]
    // SAFETY: as the caller's.
    if let Some(curve) = unsafe { aws_lc::Curve::of(group) } {
        // SAFETY: as the caller's.
        let result = unsafe { sys::ecp_gen_privkey(group, secret, rng, rng_context) };
        // SAFETY: as the caller's.
        return if result == 0 { unsafe { aws_lc::public_key(curve, group, secret, public) } } else { result };
    }
    // SAFETY: as the caller's.
    unsafe { sys::stock_ecdh_gen_public(group, secret, public, rng, rng_context) }
}

/// `mbedtls_ecdh_compute_shared`: the x coordinate of `secret` times `peer`.
///
/// # Safety
///
/// As Mbed TLS calls it: initialised arguments, `group` loaded.
#[unsafe(no_mangle)]
unsafe extern "C" fn mbedtls_ecdh_compute_shared(
    group: *mut sys::ecp_group,
    shared: *mut sys::mpi,
    peer: *const sys::ecp_point,
    secret: *const sys::mpi,
    rng: Rng,
    rng_context: *mut c_void,
) -> c_int {
    #[cfg(feature = "aws-lc")]
    // SAFETY: as the caller's.
    if let Some(curve) = unsafe { aws_lc::Curve::of(group) } {
        // SAFETY: as the caller's.
        return unsafe { aws_lc::shared_secret(curve, shared, peer, secret) };
    }
    // SAFETY: as the caller's.
    unsafe { sys::stock_ecdh_compute_shared(group, shared, peer, secret, rng, rng_context) }
}

/// `mbedtls_ecdsa_sign`, of a hash.
///
/// # Safety
///
/// As Mbed TLS calls it: initialised arguments, `group` loaded, `hash` readable for `length`.
#[unsafe(no_mangle)]
unsafe extern "C" fn mbedtls_ecdsa_sign(
    group: *mut sys::ecp_group,
    r: *mut sys::mpi,
    s: *mut sys::mpi,
    secret: *const sys::mpi,
    hash: *const c_uchar,
    length: usize,
    rng: Rng,
    rng_context: *mut c_void,
) -> c_int {
    #[cfg(feature = "aws-lc")]
    // SAFETY: as the caller's.
    if let Some(aws_lc::Curve::Weierstrass(curve)) = unsafe { aws_lc::Curve::of(group) } {
        // SAFETY: as the caller's.
        return unsafe { aws_lc::sign(curve, r, s, secret, hash, length) };
    }
    // SAFETY: as the caller's.
    unsafe { sys::stock_ecdsa_sign(group, r, s, secret, hash, length, rng, rng_context) }
}

/// `mbedtls_ecdsa_verify`, of a hash.
///
/// # Safety
///
/// As Mbed TLS calls it: initialised arguments, `group` loaded, `hash` readable for `length`.
#[unsafe(no_mangle)]
unsafe extern "C" fn mbedtls_ecdsa_verify(
    group: *mut sys::ecp_group,
    hash: *const c_uchar,
    length: usize,
    public: *const sys::ecp_point,
    r: *const sys::mpi,
    s: *const sys::mpi,
) -> c_int {
    #[cfg(feature = "aws-lc")]
    // SAFETY: as the caller's.
    if let Some(aws_lc::Curve::Weierstrass(curve)) = unsafe { aws_lc::Curve::of(group) } {
        // SAFETY: as the caller's.
        return unsafe { aws_lc::verify(curve, hash, length, public, r, s) };
    }
    // SAFETY: as the caller's.
    unsafe { sys::stock_ecdsa_verify(group, hash, length, public, r, s) }
}

/// The same operations on AWS-LC: numbers go over as bytes of a fixed length, which tells nothing about their value.
#[cfg(feature = "aws-lc")]
mod aws_lc {
    use super::{c_int, c_uchar, sys};
    use aws_lc_sys as lc;
    use std::ptr::{null, null_mut};
    use zeroize::Zeroizing;

    /// Bytes of a coordinate of P-521.
    const LONGEST: usize = 66;

    /// Room for the bytes of a number. They are wiped by words: byte by byte there would be 66 instructions at each place where such a
    /// number ends, and a handshake would have to bring them all into the processor's cache.
    type Bytes = Zeroizing<[u64; LONGEST.div_ceil(8)]>;

    const X25519_LENGTH: usize = 32;

    /// A group that AWS-LC serves.
    #[derive(Clone, Copy)]
    pub(super) enum Curve {
        Weierstrass(Weierstrass),
        X25519,
    }

    #[derive(Clone, Copy)]
    pub(super) struct Weierstrass {
        /// One of AWS-LC's static groups.
        group: *const lc::EC_GROUP,
        /// Bytes of a coordinate, and of a scalar.
        length: usize,
    }

    /// Frees an AWS-LC object at the end of its scope.
    struct Owned<T>(*mut T, unsafe extern "C" fn(*mut T));

    impl<T> Owned<T> {
        /// `None` when AWS-LC had no memory for it, or refused.
        fn new(pointer: *mut T, free: unsafe extern "C" fn(*mut T)) -> Option<Owned<T>> {
            (!pointer.is_null()).then_some(Owned(pointer, free))
        }
    }

    impl<T> Drop for Owned<T> {
        fn drop(&mut self) {
            // SAFETY: `new` took a valid pointer with the function that frees its kind; it is freed once.
            unsafe { (self.1)(self.0) };
        }
    }

    impl Curve {
        /// # Safety
        ///
        /// `group` is initialised.
        pub(super) unsafe fn of(group: *const sys::ecp_group) -> Option<Curve> {
            // SAFETY: the caller's.
            let id = unsafe { (*group).id };
            // SAFETY: these functions take nothing, and answer with static objects.
            let (group, length) = unsafe {
                match id {
                    sys::ECP_DP_SECP256R1 => (lc::EC_group_p256(), 32),
                    sys::ECP_DP_SECP384R1 => (lc::EC_group_p384(), 48),
                    sys::ECP_DP_SECP521R1 => (lc::EC_group_p521(), 66),
                    sys::ECP_DP_CURVE25519 => return Some(Curve::X25519),
                    _ => return None,
                }
            };
            Some(Curve::Weierstrass(Weierstrass { group, length }))
        }
    }

    /// A number of up to `length` bytes; secret for all we know.
    ///
    /// # Safety
    ///
    /// `number` is initialised, and `length` that of a curve.
    unsafe fn bignum(number: *const sys::mpi, length: usize) -> Option<Owned<lc::BIGNUM>> {
        let mut bytes = Bytes::default();
        // SAFETY: the caller's, and there is room; a number that does not fit is an error.
        if unsafe { sys::mpi_write_binary(number, bytes.as_mut_ptr().cast(), length) } != 0 {
            return None;
        }
        // SAFETY: `length` bytes are there; a new number is made.
        Owned::new(unsafe { lc::BN_bin2bn(bytes.as_ptr().cast(), length, null_mut()) }, lc::BN_clear_free)
    }

    /// # Safety
    ///
    /// `number` is initialised; `from` is valid.
    unsafe fn store(number: *mut sys::mpi, from: *const lc::BIGNUM, length: usize) -> Option<()> {
        let mut bytes = [0; LONGEST];
        let field = bytes.get_mut(..length)?;
        // SAFETY: the caller's, and `field` has `length` bytes.
        let done = unsafe {
            lc::BN_bn2bin_padded(field.as_mut_ptr(), length, from) == 1
                && sys::mpi_read_binary(number, field.as_ptr(), length) == 0
        };
        done.then_some(())
    }

    /// A point of the peer's: AWS-LC checks that it is on the curve.
    ///
    /// # Safety
    ///
    /// `point` is initialised.
    unsafe fn point(curve: Weierstrass, point: *const sys::ecp_point) -> Option<Owned<lc::EC_POINT>> {
        let Weierstrass { group, length } = curve;
        let mut encoded = [0; 1 + 2 * LONGEST];
        encoded[0] = 4;
        // SAFETY: the caller's; both coordinates fit behind the first byte. An affine point has Z = 1, infinity has 0.
        let done = unsafe {
            sys::mpi_cmp_int(&(*point).Z, 1) == 0
                && sys::mpi_write_binary(&(*point).X, encoded.as_mut_ptr().add(1), length) == 0
                && sys::mpi_write_binary(&(*point).Y, encoded.as_mut_ptr().add(1 + length), length) == 0
        };
        if !done {
            return None;
        }
        // SAFETY: `group` is static.
        let made = Owned::new(unsafe { lc::EC_POINT_new(group) }, lc::EC_POINT_free)?;
        // SAFETY: 1 + 2 * length bytes are initialised.
        let on_curve = unsafe { lc::EC_POINT_oct2point(group, made.0, encoded.as_ptr(), 1 + 2 * length, null_mut()) };
        (on_curve == 1).then_some(made)
    }

    fn result(done: Option<()>, otherwise: c_int) -> c_int {
        if done.is_some() { 0 } else { otherwise }
    }

    /// # Safety
    ///
    /// As `mbedtls_ecdh_gen_public`; `secret` is set.
    pub(super) unsafe fn public_key(
        curve: Curve,
        group: *const sys::ecp_group,
        secret: *const sys::mpi,
        public: *mut sys::ecp_point,
    ) -> c_int {
        // SAFETY: the caller's.
        let done = unsafe {
            match curve {
                Curve::Weierstrass(curve) => weierstrass_public_key(curve, group, secret, public),
                Curve::X25519 => x25519_public_key(secret, public),
            }
        };
        result(done, sys::ERR_ECP_BAD_INPUT_DATA)
    }

    /// # Safety
    ///
    /// As `public_key`.
    unsafe fn weierstrass_public_key(
        curve: Weierstrass,
        mbedtls_group: *const sys::ecp_group,
        secret: *const sys::mpi,
        public: *mut sys::ecp_point,
    ) -> Option<()> {
        let Weierstrass { group, length } = curve;
        // SAFETY: the caller's.
        let scalar = unsafe { bignum(secret, length) }?;
        // SAFETY: `group` is static.
        let point = Owned::new(unsafe { lc::EC_POINT_new(group) }, lc::EC_POINT_free)?;
        let mut encoded = [0; 1 + 2 * LONGEST];
        let form = lc::point_conversion_form_t::POINT_CONVERSION_UNCOMPRESSED;
        let encoded_length = 1 + 2 * length;
        // SAFETY: all objects are valid; `encoded` has room for the longest point.
        let done = unsafe {
            lc::EC_POINT_mul(group, point.0, scalar.0, null(), null(), null_mut()) == 1
                && lc::EC_POINT_point2oct(group, point.0, form, encoded.as_mut_ptr(), encoded.len(), null_mut())
                    == encoded_length
                && sys::ecp_point_read_binary(mbedtls_group, public, encoded.as_ptr(), encoded_length) == 0
        };
        done.then_some(())
    }

    /// # Safety
    ///
    /// As `public_key`.
    unsafe fn x25519_public_key(secret: *const sys::mpi, public: *mut sys::ecp_point) -> Option<()> {
        let mut private = Zeroizing::new([0; X25519_LENGTH]);
        let mut encoded = [0; X25519_LENGTH];
        // SAFETY: the caller's; RFC 7748 has all numbers little-endian in 32 bytes.
        let done = unsafe {
            sys::mpi_write_binary_le(secret, private.as_mut_ptr(), X25519_LENGTH) == 0 && {
                lc::X25519_public_from_private(encoded.as_mut_ptr(), private.as_ptr());
                sys::mpi_read_binary_le(&mut (*public).X, encoded.as_ptr(), X25519_LENGTH) == 0
                    && sys::mpi_lset(&mut (*public).Z, 1) == 0
            }
        };
        done.then_some(())
    }

    /// # Safety
    ///
    /// As `mbedtls_ecdh_compute_shared`.
    pub(super) unsafe fn shared_secret(
        curve: Curve,
        shared: *mut sys::mpi,
        peer: *const sys::ecp_point,
        secret: *const sys::mpi,
    ) -> c_int {
        // SAFETY: the caller's.
        let done = unsafe {
            match curve {
                Curve::Weierstrass(curve) => weierstrass_shared_secret(curve, shared, peer, secret),
                Curve::X25519 => x25519_shared_secret(shared, peer, secret),
            }
        };
        result(done, sys::ERR_ECP_BAD_INPUT_DATA)
    }

    /// # Safety
    ///
    /// As `shared_secret`.
    unsafe fn weierstrass_shared_secret(
        curve: Weierstrass,
        shared: *mut sys::mpi,
        peer: *const sys::ecp_point,
        secret: *const sys::mpi,
    ) -> Option<()> {
        let Weierstrass { group, length } = curve;
        // SAFETY: the caller's.
        let (peer, scalar) = unsafe { (point(curve, peer)?, bignum(secret, length)?) };
        // SAFETY: `group` is static.
        let product = Owned::new(unsafe { lc::EC_POINT_new(group) }, lc::EC_POINT_free)?;
        // SAFETY: takes nothing.
        let x = Owned::new(unsafe { lc::BN_new() }, lc::BN_clear_free)?;
        // SAFETY: all objects are valid; infinity has no coordinates and fails.
        let done = unsafe {
            lc::EC_POINT_mul(group, product.0, null(), peer.0, scalar.0, null_mut()) == 1
                && lc::EC_POINT_get_affine_coordinates_GFp(group, product.0, x.0, null_mut(), null_mut()) == 1
        };
        if !done {
            return None;
        }
        let mut bytes = Bytes::default();
        // SAFETY: `bytes` has room for a coordinate of any of these curves; the caller's.
        let done = unsafe {
            lc::BN_bn2bin_padded(bytes.as_mut_ptr().cast(), length, x.0) == 1
                && sys::mpi_read_binary(shared, bytes.as_ptr().cast(), length) == 0
        };
        done.then_some(())
    }

    /// # Safety
    ///
    /// As `shared_secret`.
    unsafe fn x25519_shared_secret(
        shared: *mut sys::mpi,
        peer: *const sys::ecp_point,
        secret: *const sys::mpi,
    ) -> Option<()> {
        let mut private = Zeroizing::new([0; X25519_LENGTH]);
        let mut public = [0; X25519_LENGTH];
        let mut product = Zeroizing::new([0; X25519_LENGTH]);
        // SAFETY: the caller's. X25519 fails on points of small order (RFC 7748 section 6.1).
        let done = unsafe {
            sys::mpi_write_binary_le(secret, private.as_mut_ptr(), X25519_LENGTH) == 0
                && sys::mpi_write_binary_le(&(*peer).X, public.as_mut_ptr(), X25519_LENGTH) == 0
                && lc::X25519(product.as_mut_ptr(), private.as_ptr(), public.as_ptr()) == 1
                && sys::mpi_read_binary_le(shared, product.as_ptr(), X25519_LENGTH) == 0
        };
        done.then_some(())
    }

    /// # Safety
    ///
    /// As `mbedtls_ecdsa_sign`.
    pub(super) unsafe fn sign(
        curve: Weierstrass,
        r: *mut sys::mpi,
        s: *mut sys::mpi,
        secret: *const sys::mpi,
        hash: *const c_uchar,
        length: usize,
    ) -> c_int {
        let sign = || -> Option<()> {
            // SAFETY: takes nothing.
            let key = Owned::new(unsafe { lc::EC_KEY_new() }, lc::EC_KEY_free)?;
            // SAFETY: the caller's.
            let scalar = unsafe { bignum(secret, curve.length) }?;
            // SAFETY: both objects are valid; group and number are copied, and the number's range is checked.
            let set = unsafe {
                lc::EC_KEY_set_group(key.0, curve.group) == 1 && lc::EC_KEY_set_private_key(key.0, scalar.0) == 1
            };
            if !set {
                return None;
            }
            // SAFETY: the key is complete for signing; the caller's for the hash.
            let signature = Owned::new(unsafe { lc::ECDSA_do_sign(hash, length, key.0) }, lc::ECDSA_SIG_free)?;
            // SAFETY: both numbers belong to the signature, which outlives their use; the caller's.
            unsafe {
                store(r, lc::ECDSA_SIG_get0_r(signature.0), curve.length)?;
                store(s, lc::ECDSA_SIG_get0_s(signature.0), curve.length)
            }
        };
        result(sign(), sys::ERR_ECP_BAD_INPUT_DATA)
    }

    /// # Safety
    ///
    /// As `mbedtls_ecdsa_verify`.
    pub(super) unsafe fn verify(
        curve: Weierstrass,
        hash: *const c_uchar,
        length: usize,
        public: *const sys::ecp_point,
        r: *const sys::mpi,
        s: *const sys::mpi,
    ) -> c_int {
        let verify = || -> Option<()> {
            // SAFETY: the caller's.
            let (public, r, s) = unsafe { (point(curve, public)?, bignum(r, curve.length)?, bignum(s, curve.length)?) };
            // SAFETY: take nothing.
            let (key, signature) = unsafe {
                (Owned::new(lc::EC_KEY_new(), lc::EC_KEY_free)?, Owned::new(lc::ECDSA_SIG_new(), lc::ECDSA_SIG_free)?)
            };
            // SAFETY: all objects are valid; group and point are copied.
            let set = unsafe {
                lc::EC_KEY_set_group(key.0, curve.group) == 1 && lc::EC_KEY_set_public_key(key.0, public.0) == 1
            };
            // SAFETY: on success the signature owns both numbers, which are then let go of.
            if !set || unsafe { lc::ECDSA_SIG_set0(signature.0, r.0, s.0) } != 1 {
                return None;
            }
            std::mem::forget((r, s));
            // SAFETY: key and signature are complete; the caller's for the hash.
            (unsafe { lc::ECDSA_do_verify(hash, length, signature.0, key.0) } == 1).then_some(())
        };
        result(verify(), sys::ERR_ECP_VERIFY_FAILED)
    }
}
