//! What fuzzers feed: keys and certificates of applications.

use super::credentials::Credentials;
use super::parse_public_key;
use crate::tls::trust::{RevocationLists, TrustAnchors};
use crate::wire::fuzzing::Target;

pub(crate) const TARGETS: [Target; 1] = [("credentials", credentials)];

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
