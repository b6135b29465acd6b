//! Corrections of the engine that only show from inside.

use super::bio::{Outbox, StagedPsk, install_psk};
use super::config::{Role, SslConfig, SslConfigParts};
use super::rng::random;
use super::ssl::Ssl;
use super::{check, sys};
use crate::tls::negotiation::{Negotiation, Wishes};
use crate::tls::suites::Suite;
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// A server's context for one suite.
fn psk_server() -> Ssl {
    let config = SslConfig::new(SslConfigParts {
        role: Role::Server,
        negotiation: &Negotiation::new(&Wishes::default()).unwrap(),
        suites: &[Suite::from_name("PSK-AES128-CCM8").unwrap()],
        credentials: None,
        authorities: None,
        asks_peer: false,
        client_psk: None,
        first_interval: Duration::from_secs(1),
    });
    let config = Arc::new(config.unwrap_or_else(|errno| panic!("-0x{:04x}", -errno)));
    Ssl::new(&config, Instant::now(), Duration::from_secs(60)).unwrap()
}

#[test]
fn a_reset_leaves_no_bad_mac_behind() {
    // CVE-2026-50585
    let mut ssl = psk_server();
    ssl.raw.badmac_seen = 7;
    // SAFETY: the context is set up.
    check(unsafe { sys::ssl_session_reset(&mut *ssl.raw) }).unwrap();
    assert_eq!(ssl.raw.badmac_seen, 0);
}

#[test]
fn a_context_has_record_buffers_only_during_calls_and_while_a_message_waits_in_them() {
    let mut ssl = psk_server();
    let (now, mut out) = (Instant::now(), Outbox::default());
    ssl.with(now, None, &mut out, |ssl| {
        assert!(!ssl.raw.in_buf.is_null() && !ssl.raw.out_buf.is_null());
        assert_eq!(ssl.handshake_step(), Ok(()));
        assert_eq!(ssl.handshake_step(), Err(sys::ERR_SSL_WANT_READ));
    });
    assert!(ssl.raw.in_buf.is_null() && ssl.raw.out_buf.is_null() && ssl.raw.in_msg.is_null());
    ssl.with(now, None, &mut out, |ssl| ssl.keep_peeked_message());
    assert!(!ssl.raw.in_buf.is_null());
    ssl.with(now, None, &mut out, |ssl| ssl.raw.keep_current_message = 0);
    assert!(ssl.raw.in_buf.is_null());
}

#[test]
fn a_key_is_installed_for_the_identity_that_it_was_looked_up_for_and_for_no_other() {
    let mut ssl = psk_server();
    ssl.stage_psk(StagedPsk { identity: b"bob".to_vec(), key: Zeroizing::new(vec![1; 16]) });
    for (identity, result) in [
        (&b"alice"[..], sys::ERR_SSL_UNKNOWN_IDENTITY),
        (b"bob\0", sys::ERR_SSL_UNKNOWN_IDENTITY),
        (b"bo", sys::ERR_SSL_UNKNOWN_IDENTITY),
        (b"", sys::ERR_SSL_UNKNOWN_IDENTITY),
        (b"bob", 0),
    ] {
        // SAFETY: what the engine passes: a context of ours in its handshake, and an identity with its length.
        let installed = unsafe { install_psk(null_mut(), &mut *ssl.raw, identity.as_ptr(), identity.len()) };
        assert_eq!(installed, result, "{identity:?}");
    }
}

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
            let shared = sys::ecdh_compute_shared(
                &mut curve.group,
                &mut curve.numbers[0],
                &curve.publics[0],
                &curve.secrets[0],
                rng,
                null_mut(),
            );
            assert_ne!(shared, 0, "off the curve");
            check(sys::ecp_set_zero(&mut curve.publics[1])).unwrap();
            let shared = sys::ecdh_compute_shared(
                &mut curve.group,
                &mut curve.numbers[0],
                &curve.publics[1],
                &curve.secrets[0],
                rng,
                null_mut(),
            );
            assert_ne!(shared, 0, "infinity");
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
