//! What fuzzers feed: certificates of peers.

use super::{Chain, PeerRules, Signatures, TrustAnchors};
use crate::tls::config::{PeerAuthentication, Settings, Wishes};
use crate::tls::trust::x509::Purpose;
use crate::wire::certificate;
use crate::wire::fuzzing::Target;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

pub(crate) const TARGETS: [Target; 1] = [("chains", chains)];

const CA: &str = include_str!("../../proto/tests/keys/ca.pem");

/// Those of a client that trusts one authority and looks for one name.
static RULES: LazyLock<PeerRules> = LazyLock::new(|| {
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
        required: true,
        ..PeerAuthentication::lenient()
    };
    let signatures = Signatures::wished(None).expect("the default signatures");
    PeerRules::new(Purpose::ServerAuthentication, Some(&server), &settings, &signatures, None)
});

/// A Certificate message.
fn chains(input: &[u8]) {
    let Ok(ders) = certificate::chain(input) else { return };
    let Ok(Some(chain)) = Chain::read(ders) else { return };
    assert!((1..=16).contains(&chain.ders().count()));
    assert!(chain.ders().all(|der| !der.is_empty()));
    let _ = (chain.key(), RULES.chain.judge(&chain));
}
