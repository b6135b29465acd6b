//! What fuzzers feed: certificates of peers, and keys and certificates of applications.

use super::chain::Chain;
use super::config::ClientConfig;
use super::credentials::{Credentials, RevocationLists, TrustAnchors};
use super::parse_public_key;
use super::rules::Rules;
use crate::tls::config::{PeerAuthentication, Settings, Wishes};
use crate::wire::fuzzing::Target;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

pub(crate) const TARGETS: [Target; 2] = [("chains", chains), ("credentials", credentials)];

const CA: &str = include_str!("../../proto/tests/keys/ca.pem");

/// Those of a client that trusts one authority and looks for one name.
static RULES: LazyLock<Arc<Rules>> = LazyLock::new(|| {
    let settings = Settings {
        ciphers: None,
        wishes: Wishes::default(),
        revocations: None,
        first_interval: Duration::from_secs(1),
        longest_interval: Duration::from_secs(60),
        mtu: 1200,
    };
    let trust_anchors = TrustAnchors::parse(&[CA]).expect("a fixed certificate");
    let server = PeerAuthentication {
        trust_anchors: Some(Arc::new(trust_anchors)),
        servername: Some("server.test".to_owned()),
        public_keys: None,
        leaves_name: false,
        required: true,
        asks: false,
        allows_omission: false,
    };
    ClientConfig::new(&settings, None, Some(server), None).expect("a fixed configuration").rules
});

/// A Certificate message.
fn chains(input: &[u8]) {
    let Ok(Some(chain)) = Chain::read(input) else { return };
    assert!((1..=16).contains(&chain.ders().count()));
    assert!(chain.ders().all(|der| !der.is_empty()));
    let _ = (chain.key(), RULES.chain.judge(&chain));
}

/// What an application may have read from a file: a key, certificates, lists of revoked ones, in PEM or DER.
fn credentials(input: &[u8]) {
    let middle = input.len() / 2;
    let (first, second) = input.split_at(middle);
    let _ = Credentials::parse(first, None, &[second]);
    let _ = Credentials::parse_raw(input, None);
    let _ = Credentials::parse_raw(input, Some(b"passphrase"));
    let _ = parse_public_key(input, 0);
    let _ = RevocationLists::parse(&[input]);
    if let Ok(anchors) = TrustAnchors::parse(&[input]) {
        assert!(!anchors.subjects().is_empty());
    }
}
