//! Corrections of the engine that only show from inside.

use super::config::{Role, SslConfig, SslConfigParts, Verification};
use super::ssl::Ssl;
use super::{check, sys};
use crate::tls::suites::Suite;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[test]
fn a_reset_leaves_no_bad_mac_behind() {
    // CVE-2026-50585
    let config = SslConfig::new(SslConfigParts {
        role: Role::Server,
        suites: &[Suite::from_name("PSK-AES128-CCM8").unwrap()],
        credentials: None,
        trust_anchors: None,
        verification: Verification::None,
        client_psk: None,
        first_interval: Duration::from_secs(1),
    });
    let config = Arc::new(config.unwrap_or_else(|errno| panic!("-0x{:04x}", -errno)));
    let mut ssl = Ssl::new(&config, Instant::now(), Duration::from_secs(60)).unwrap();
    ssl.raw.badmac_seen = 7;
    // SAFETY: the context is set up.
    check(unsafe { sys::ssl_session_reset(&mut *ssl.raw) }).unwrap();
    assert_eq!(ssl.raw.badmac_seen, 0);
}
