//! What a session is bound to beside names: a digest of the configuration that it was made under.
//!
//! A session says that the peer has authenticated itself. That means something only under the same rules, to the side with
//! the same credentials. So processes that are configured alike share sessions, and whoever changes a certificate, an
//! authority or a revocation list ends those that were made before.

use super::credentials::Credentials;
use super::digest::Digest;
use crate::tls::config::{PeerAuthentication, Settings};
use crate::tls::session::{Scope, SessionOf};
use crate::wire::PublicKey;

/// `of`: whose it is. `identity`: as whom a client appears with its pre-shared key.
pub(crate) fn scope(
    of: SessionOf,
    credentials: Option<&Credentials>,
    peer: Option<&PeerAuthentication>,
    settings: &Settings,
    identity: Option<&[u8]>,
) -> Scope {
    let mut digest = Digest::new();
    digest.add(match of {
        SessionOf::Server => b"server",
        SessionOf::Client => b"client",
    });
    let mut own = credentials.into_iter().flat_map(Credentials::public_parts);
    digest.add_option(own.next().as_deref());
    own.for_each(|other| digest.add(&other));
    digest.add_option(identity);
    digest.add_option(settings.revocations.as_ref().map(|lists| &lists.digest()[..]));
    for names in [&settings.wishes.curves, &settings.wishes.signature_algorithms] {
        digest.add_option(names.as_ref().map(|names| names.join(":")).as_deref().map(str::as_bytes));
    }
    digest.add_option(peer.map(|_| &[][..]));
    if let Some(peer) = peer {
        digest.add(&[peer.required.into(), peer.asks.into(), peer.leaves_name.into(), peer.allows_omission.into()]);
        digest.add_option(peer.servername.as_deref().map(str::as_bytes));
        digest.add_option(peer.trust_anchors.as_ref().map(|anchors| &anchors.digest()[..]));
        digest.add_option(peer.public_keys.as_ref().map(|_| &[][..]));
        peer.public_keys.iter().flatten().map(PublicKey::der).for_each(|key| digest.add(key));
    }
    let mut scope = Scope::default();
    let length = scope.len();
    scope.copy_from_slice(&digest.finish()[..length]);
    scope
}
