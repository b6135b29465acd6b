//! Corrections of the engine that only show from inside.

mod elliptic;

use super::bio::{StagedPsk, install_psk};
use super::config::{Role, SslConfig, SslConfigParts};
use super::negotiation::Preferences;
use super::rng::random;
use super::ssl::Ssl;
use super::{bytes, check, sys};
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Zero of the virtual clock: an `Instant` cannot be made from nothing.
pub(super) fn base_time() -> Instant {
    Instant::now()
}

/// A server's context for one suite.
pub(super) fn psk_server() -> Ssl {
    let config = SslConfig::new(SslConfigParts {
        role: Role::Server,
        preferences: Preferences {
            curves: vec![sys::ECP_DP_SECP256R1],
            hashes: vec![sys::MD_SHA256],
            protocols: Vec::new(),
            max_fragment_length_code: 0,
            client_preference: false,
            psk_hint: Vec::new(),
        },
        // TLS_PSK_WITH_AES_128_CCM_8
        suites: vec![0xc0a8],
        own_keys: Vec::new(),
        authorities: None,
        asks_peer: false,
        client_psk: None,
        first_interval: Duration::from_secs(1),
    });
    let config = Arc::new(config.unwrap_or_else(|errno| panic!("-0x{:04x}", -errno)));
    Ssl::new(&config, Instant::now(), Duration::from_secs(60)).unwrap()
}

#[test]
fn no_bytes_may_stand_nowhere() {
    // SAFETY: none are read.
    assert!(unsafe { bytes(null(), 0) }.is_empty());
    // SAFETY: so many are there.
    assert_eq!(unsafe { bytes([1, 2, 3].as_ptr(), 2) }, [1, 2]);
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
fn a_shared_secret_that_begins_with_a_zero_is_not_written_past_the_end_of_a_shorter_buffer() {
    // CVE-2026-35336
    let rng = Some(random as _);
    let mut ecdh = MaybeUninit::<sys::ecdh_context>::uninit();
    // SAFETY: `ecdh_init` writes all of the context; the group is loaded before it is used; the buffer is as long as said.
    unsafe {
        sys::ecdh_init(ecdh.as_mut_ptr());
        let mut ecdh = ecdh.assume_init();
        check(sys::ecp_group_load(&mut ecdh.grp, sys::ECP_DP_SECP256R1)).unwrap();
        check(sys::ecp_copy(&mut ecdh.Qp, &ecdh.grp.G)).unwrap();
        let (mut secret, mut length) = ([0xff; 32], 0);
        for scalar in 1.. {
            check(sys::mpi_lset(&mut ecdh.d, scalar)).unwrap();
            check(sys::ecdh_calc_secret(&mut ecdh, &mut length, secret.as_mut_ptr(), 32, rng, null_mut())).unwrap();
            if secret[0] == 0 {
                break;
            }
        }
        let mut buffer = [0xa5; 32];
        let result = sys::ecdh_calc_secret(&mut ecdh, &mut length, buffer.as_mut_ptr(), 31, rng, null_mut());
        sys::ecdh_free(&mut ecdh);
        assert_eq!(result, sys::ERR_ECP_BUFFER_TOO_SMALL);
        assert_eq!(buffer, [0xa5; 32]);
    }
}

#[test]
fn chacha20_does_not_use_its_first_blocks_again() {
    // CVE-2026-50584
    let mut cipher = MaybeUninit::<sys::chacha20_context>::uninit();
    let (input, mut output) = ([0; 128], [0xa5; 128]);
    // SAFETY: `chacha20_init` writes all of the context; key and nonce have 32 and 12 bytes, the buffers what is said.
    unsafe {
        sys::chacha20_init(cipher.as_mut_ptr());
        let mut cipher = cipher.assume_init();
        check(sys::chacha20_setkey(&mut cipher, [7; 32].as_ptr())).unwrap();
        check(sys::chacha20_starts(&mut cipher, [9; 12].as_ptr(), 0xffff_fffe)).unwrap();
        let result = sys::chacha20_update(&mut cipher, 128, input.as_ptr(), output.as_mut_ptr());
        assert_eq!(result, sys::ERR_CHACHA20_BAD_INPUT_DATA);
        assert_eq!(output, [0xa5; 128], "nothing was written");
        check(sys::chacha20_update(&mut cipher, 60, input.as_ptr(), output.as_mut_ptr())).unwrap();
        check(sys::chacha20_update(&mut cipher, 4, input.as_ptr(), output.as_mut_ptr())).unwrap();
        let result = sys::chacha20_update(&mut cipher, 1, input.as_ptr(), output.as_mut_ptr());
        sys::chacha20_free(&mut cipher);
        assert_eq!(result, sys::ERR_CHACHA20_BAD_INPUT_DATA);
    }
}

#[test]
fn a_context_has_record_buffers_only_during_calls_and_while_a_message_waits_in_them() {
    let mut ssl = psk_server();
    let (now, mut bytes, mut ends) = (Instant::now(), Vec::new(), Vec::new());
    ssl.exchange(now, None, (&mut bytes, &mut ends), |ssl| {
        assert!(!ssl.raw.in_buf.is_null() && !ssl.raw.out_buf.is_null());
        assert_eq!(ssl.handshake_step(), Ok(()));
        assert_eq!(ssl.handshake_step(), Err(sys::ERR_SSL_WANT_READ));
    });
    assert!(ssl.raw.in_buf.is_null() && ssl.raw.out_buf.is_null() && ssl.raw.in_msg.is_null());
    ssl.exchange(now, None, (&mut bytes, &mut ends), |ssl| ssl.keep_peeked_message());
    assert!(!ssl.raw.in_buf.is_null());
    ssl.exchange(now, None, (&mut bytes, &mut ends), |ssl| ssl.raw.keep_current_message = 0);
    assert!(ssl.raw.in_buf.is_null());
}

#[test]
fn a_message_that_is_set_aside_is_there_again_when_its_context_goes_on() {
    let mut ssl = psk_server();
    let (now, mut bytes, mut ends) = (Instant::now(), Vec::new(), Vec::new());
    let message = [0xa5; 100];
    let record = [&[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100][..], &message].concat();
    let pointers = |raw: &sys::ssl_context| {
        [raw.in_hdr, raw.in_ctr, raw.in_cid, raw.in_len, raw.in_iv, raw.in_msg]
            .map(|pointer| pointer.addr().wrapping_sub(raw.in_buf.addr()))
    };
    let mut before = [0; 6];
    ssl.exchange(now, None, (&mut bytes, &mut ends), |ssl| {
        // SAFETY: the input buffer is longer.
        unsafe { ssl.raw.in_buf.copy_from_nonoverlapping(record.as_ptr(), record.len()) };
        (ssl.raw.in_left, ssl.raw.in_msglen, ssl.raw.in_hslen) = (record.len(), message.len(), message.len());
        ssl.keep_peeked_message();
        before = pointers(&ssl.raw);
    });
    for _ in 0..2 {
        ssl.rest();
        assert!(ssl.raw.in_buf.is_null() && ssl.raw.out_buf.is_null() && ssl.raw.in_msg.is_null());
        // Twice does no harm.
        ssl.rest();
        ssl.exchange(now, None, (&mut bytes, &mut ends), |ssl| {
            assert_eq!(pointers(&ssl.raw), before);
            // SAFETY: the input buffer is longer.
            assert_eq!(unsafe { std::slice::from_raw_parts(ssl.raw.in_buf, record.len()) }, record);
            // SAFETY: the message stands in the buffer.
            assert_eq!(unsafe { std::slice::from_raw_parts(ssl.raw.in_msg, message.len()) }, message);
        });
    }
    // It can end as it rests.
    ssl.rest();
}

#[test]
fn the_number_of_the_next_plaintext_record_is_known_until_there_are_keys() {
    let mut ssl = psk_server();
    for (number, expected) in [(0, Some(0)), (7, Some(7)), ((1 << 48) - 1, Some((1 << 48) - 1)), (1 << 48, None)] {
        ssl.raw.cur_out_ctr = u64::to_be_bytes(number);
        assert_eq!(ssl.next_plaintext_number(), expected);
    }
}

#[test]
fn the_last_record_was_an_alert_or_it_was_none() {
    let mut ssl = psk_server();
    for (kind, length, expected) in [
        (sys::SSL_MSG_ALERT, 2, Some(40)),
        (sys::SSL_MSG_ALERT, 1, None),
        (sys::SSL_MSG_ALERT, 3, None),
        (sys::SSL_MSG_HANDSHAKE, 2, None),
        (sys::SSL_MSG_ALERT, 2, Some(40)),
    ] {
        ssl.exchange(Instant::now(), None, (&mut Vec::new(), &mut Vec::new()), |ssl| {
            (ssl.raw.in_msgtype, ssl.raw.in_msglen) = (kind, length);
            // SAFETY: the input buffer is longer.
            unsafe { ssl.raw.in_msg.copy_from_nonoverlapping([2, 40].as_ptr(), 2) };
        });
        assert_eq!(ssl.received_alert(), expected, "{kind} {length}");
    }
}

#[test]
fn a_connection_id_is_offered_whole_or_not_at_all() {
    let mut ssl = psk_server();
    assert_eq!(ssl.own_connection_id(), b"");
    assert!(ssl.offer_connection_id(&[7; 33]).is_err());
    assert_eq!((ssl.own_connection_id(), ssl.raw.negotiate_cid), (&b""[..], sys::SSL_CID_DISABLED as u8));
    for id in [&[7; 32][..], &[9; 3], &[]] {
        ssl.offer_connection_id(id).unwrap();
        assert_eq!((ssl.own_connection_id(), ssl.raw.negotiate_cid), (id, sys::SSL_CID_ENABLED as u8));
        assert_eq!(ssl.incoming_connection_id(), b"");
    }
}

#[test]
fn a_name_with_a_zero_in_it_is_no_name() {
    let mut ssl = psk_server();
    assert!(ssl.set_server_name(Some("a\0b")).is_err());
    for name in [Some("a.test"), None] {
        ssl.set_server_name(name).unwrap();
        // SAFETY: a C string, which stands for no name when it is empty.
        assert_eq!(unsafe { CStr::from_ptr(ssl.raw.hostname) }.to_str(), Ok(name.unwrap_or_default()));
    }
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

#[test]
fn nobody_renegotiates() {
    let ssl = psk_server();
    // SAFETY: a context's configuration lives as long as itself.
    let config = unsafe { &*ssl.raw.conf };
    assert_eq!(config.disable_renegotiation, sys::SSL_RENEGOTIATION_DISABLED as _);
}

#[cfg(feature = "aws-lc")]
#[test]
fn ccm_agrees_with_the_engines_own() {
    use crate::tls::ffi::ccm::Ccm;
    use mbedtls::cipher::raw::{CipherId, CipherMode};
    use mbedtls::cipher::{Authenticated, Cipher, Decryption, Fresh};
    let (key, nonce) = ([0x42; 16], [7; 12]);
    let (mut record, mut tag) = (vec![0x5a; 64], vec![0; 8]);
    Ccm::new(&key).unwrap().seal(&nonce, &[1; 13], &mut record, &mut tag).unwrap();
    record.extend_from_slice(&tag);
    let cipher = Cipher::<Decryption, Authenticated, Fresh>::new(CipherId::Aes, CipherMode::CCM, 128);
    let cipher = cipher.unwrap().set_key_iv(&key, &nonce).unwrap();
    let mut plain = vec![0; 64];
    cipher.decrypt_auth(&[1; 13], &record, &mut plain, 8).unwrap();
    assert_eq!(plain, vec![0x5a; 64]);
}

#[test]
fn a_ticket_that_is_longer_than_a_record_is_not_written() {
    let mut ssl = psk_server();
    let most = sys::SSL_OUT_CONTENT_LEN as usize - 4;
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    let mut write = |length: usize| {
        let body = vec![0; length];
        ssl.exchange(Instant::now(), None, (&mut bytes, &mut ends), |ssl| ssl.write_new_session_ticket(&body))
    };
    assert_eq!(write(most + 1), Err(sys::ERR_SSL_BUFFER_TOO_SMALL));
    assert_ne!(write(most), Err(sys::ERR_SSL_BUFFER_TOO_SMALL));
}
