//! The verdict on a peer, for either engine: what its certificate is worth, whether its public key is expected, and what the
//! application says of it.

mod anchors;
mod chain;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;
mod peer;
mod presented;
mod refusal;
mod rules;
mod server_identity;
mod signatures;
pub(super) mod x509;

pub(crate) use anchors::{RevocationLists, TrustAnchors};
pub(super) use chain::Chain;
pub(super) use peer::Peer;
pub(super) use rules::PeerRules;
pub(super) use server_identity::PeerName;
pub(super) use signatures::Signatures;
