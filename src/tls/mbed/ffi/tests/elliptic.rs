//! Elliptic curves: AWS-LC's beside the engine's own, and what neither may take.

use super::super::rng::random;
use super::super::{check, sys};
use std::mem::MaybeUninit;
use std::ptr::null_mut;

/// A group with two key pairs and room for results.
struct Curve {
    group: sys::ecp_group,
    secrets: [sys::mpi; 2],
    publics: [sys::ecp_point; 2],
    numbers: [sys::mpi; 2],
}

impl Curve {
    fn new(id: sys::ecp_group_id) -> Curve {
        // SAFETY: each `init` writes all of its struct.
        unsafe {
            let mut group = MaybeUninit::uninit();
            sys::ecp_group_init(group.as_mut_ptr());
            let mut group = group.assume_init();
            assert_eq!(sys::ecp_group_load(&mut group, id), 0);
            Curve { group, secrets: [number(), number()], publics: [point(), point()], numbers: [number(), number()] }
        }
    }
}

fn number() -> sys::mpi {
    let mut number = MaybeUninit::uninit();
    // SAFETY: `mpi_init` writes all of the struct.
    unsafe {
        sys::mpi_init(number.as_mut_ptr());
        number.assume_init()
    }
}

fn point() -> sys::ecp_point {
    let mut point = MaybeUninit::uninit();
    // SAFETY: `ecp_point_init` writes all of the struct.
    unsafe {
        sys::ecp_point_init(point.as_mut_ptr());
        point.assume_init()
    }
}

impl Drop for Curve {
    fn drop(&mut self) {
        // SAFETY: everything was initialised in `new`.
        unsafe {
            sys::ecp_group_free(&mut self.group);
            self.secrets.iter_mut().chain(&mut self.numbers).for_each(|number| sys::mpi_free(number));
            self.publics.iter_mut().for_each(|point| sys::ecp_point_free(point));
        }
    }
}

#[test]
fn shared_secrets_agree_with_the_engines_own_on_every_curve() {
    for id in [sys::ECP_DP_SECP256R1, sys::ECP_DP_SECP384R1, sys::ECP_DP_SECP521R1, sys::ECP_DP_CURVE25519] {
        for _ in 0..10 {
            let mut curve = Curve::new(id);
            let Curve { group, secrets, publics, numbers } = &mut curve;
            let rng = Some(random as _);
            // SAFETY: all arguments are initialised, and the group is loaded.
            unsafe {
                // One key pair of either library, one shared secret of either.
                check(sys::ecdh_gen_public(group, &mut secrets[0], &mut publics[0], rng, null_mut())).unwrap();
                check(sys::stock_ecdh_gen_public(group, &mut secrets[1], &mut publics[1], rng, null_mut())).unwrap();
                check(sys::ecdh_compute_shared(group, &mut numbers[0], &publics[1], &secrets[0], rng, null_mut()))
                    .unwrap();
                check(sys::stock_ecdh_compute_shared(
                    group,
                    &mut numbers[1],
                    &publics[0],
                    &secrets[1],
                    rng,
                    null_mut(),
                ))
                .unwrap();
                assert_eq!(sys::mpi_cmp_mpi(&numbers[0], &numbers[1]), 0, "curve {id}");
            }
        }
    }
}

#[test]
fn points_off_the_curve_are_refused() {
    // By AWS-LC, where it is there: Mbed TLS's own error is another.
    let refusal = if cfg!(feature = "aws-lc") { sys::ERR_ECP_BAD_INPUT_DATA } else { sys::ERR_ECP_INVALID_KEY };
    for id in [sys::ECP_DP_SECP256R1, sys::ECP_DP_SECP384R1, sys::ECP_DP_SECP521R1] {
        let mut curve = Curve::new(id);
        let rng = Some(random as _);
        // SAFETY: all arguments are initialised, and the group is loaded.
        unsafe {
            check(sys::ecdh_gen_public(
                &mut curve.group,
                &mut curve.secrets[0],
                &mut curve.publics[0],
                rng,
                null_mut(),
            ))
            .unwrap();
            check(sys::mpi_add_int(&mut curve.publics[0].Y, &curve.publics[0].Y, 1)).unwrap();
            check(sys::ecp_set_zero(&mut curve.publics[1])).unwrap();
            for (what, point) in ["off the curve", "infinity"].into_iter().zip(&curve.publics) {
                let (group, secret, shared) = (&mut curve.group, &curve.secrets[0], &mut curve.numbers[0]);
                assert_eq!(sys::ecdh_compute_shared(group, shared, point, secret, rng, null_mut()), refusal, "{what}");
            }
        }
    }
}

/// Neither engine has a shared secret that anybody could know.
#[test]
fn a_product_at_infinity_is_no_shared_secret() {
    for id in [sys::ECP_DP_SECP256R1, sys::ECP_DP_SECP384R1, sys::ECP_DP_SECP521R1] {
        let mut curve = Curve::new(id);
        let Curve { group, secrets, publics, numbers } = &mut curve;
        let rng = Some(random as _);
        // SAFETY: all arguments are initialised, and the group is loaded.
        unsafe {
            check(sys::ecdh_gen_public(group, &mut secrets[0], &mut publics[0], rng, null_mut())).unwrap();
            check(sys::mpi_lset(&mut secrets[1], 0)).unwrap();
            for multiple in [&raw const secrets[1], &raw const group.N] {
                let (group, shared) = (&raw mut *group, &raw mut numbers[0]);
                assert_ne!(sys::ecdh_compute_shared(group, shared, &publics[0], multiple, rng, null_mut()), 0);
                assert_ne!(sys::stock_ecdh_compute_shared(group, shared, &publics[0], multiple, rng, null_mut()), 0);
            }
        }
    }
}

#[test]
fn points_of_small_order_are_refused() {
    // RFC 7748 section 6.1: 0 and 1, two of order 8, and the same beyond the field's size.
    for point in [
        "00".repeat(32),
        format!("01{}", "00".repeat(31)),
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800".to_owned(),
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157".to_owned(),
        format!("ec{}7f", "ff".repeat(30)),
        format!("ed{}7f", "ff".repeat(30)),
        format!("ee{}7f", "ff".repeat(30)),
    ] {
        let bytes = |index| u8::from_str_radix(&point[2 * index..2 * index + 2], 16).unwrap();
        let bytes: [u8; 32] = std::array::from_fn(bytes);
        let mut curve = Curve::new(sys::ECP_DP_CURVE25519);
        let Curve { group, secrets: [secret, _], publics: [own, peer], numbers: [shared, _] } = &mut curve;
        let rng = Some(random as _);
        // SAFETY: all arguments are initialised, the group is loaded, and the bytes are readable.
        unsafe {
            check(sys::ecdh_gen_public(group, secret, own, rng, null_mut())).unwrap();
            check(sys::mpi_read_binary_le(&mut peer.X, bytes.as_ptr(), bytes.len())).unwrap();
            check(sys::mpi_lset(&mut peer.Z, 1)).unwrap();
            assert_ne!(sys::ecdh_compute_shared(group, shared, peer, secret, rng, null_mut()), 0, "{point}");
        }
    }
}

#[test]
fn signatures_agree_with_the_engines_own_on_every_curve() {
    for id in [sys::ECP_DP_SECP256R1, sys::ECP_DP_SECP384R1, sys::ECP_DP_SECP521R1] {
        for length in [20, 32, 48, 64] {
            let mut curve = Curve::new(id);
            let Curve { group, secrets: [secret, _], publics: [public, _], numbers: [r, s] } = &mut curve;
            let hash = vec![0xa7; length];
            let rng = Some(random as _);
            // SAFETY: all arguments are initialised, the group is loaded, the hash is readable.
            unsafe {
                check(sys::stock_ecdh_gen_public(group, secret, public, rng, null_mut())).unwrap();
                check(sys::ecdsa_sign(group, r, s, secret, hash.as_ptr(), length, rng, null_mut())).unwrap();
                check(sys::stock_ecdsa_verify(group, hash.as_ptr(), length, public, r, s)).unwrap();
                check(sys::stock_ecdsa_sign(group, r, s, secret, hash.as_ptr(), length, rng, null_mut())).unwrap();
                check(sys::ecdsa_verify(group, hash.as_ptr(), length, public, r, s)).unwrap();
                check(sys::mpi_add_int(r, r, 1)).unwrap();
                let verified = sys::ecdsa_verify(group, hash.as_ptr(), length, public, r, s);
                assert_eq!(verified, sys::ERR_ECP_VERIFY_FAILED, "a changed signature");
            }
        }
    }
}
