//! What a handshake leaves behind when it is over.

use super::client_sessions::Remembering;
use super::hkdf::MacKey;
use super::proof::OwnProof;
use super::schedule::{LABEL_LIMIT, derive, expand_label};
use crate::tls::algorithms::Algorithms;
use crate::tls::error::{EXPORT_LIMIT, ExportError};
use crate::tls::ffi::hash::Digest;
use crate::tls::finished::Finished;
use crate::tls::peer::Authorization;
use crate::tls::progress::{Negotiated, Terms};
use crate::tls::question::Question;
use crate::tls::session_policy::NewSession;
use crate::tls::suites::Suite;
use crate::tls::trust::Peer;
use crate::wire::CertificateType;
use std::collections::VecDeque;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What a message has led to.
pub(super) enum Read {
    /// More of them have to come.
    More,
    Asks(Question),
    Over(Box<Outcome>),
}

/// A handshake that is over.
pub(super) struct Outcome {
    pub(super) suite: Suite,
    pub(super) exporter: Digest,
    pub(super) finished: Finished,
    pub(super) algorithms: Algorithms,
    /// The identity whose key the peer proved to have. Servers only.
    pub(super) psk_identity: Option<Vec<u8>>,
    /// The application protocol (RFC 7301).
    pub(super) protocol: Option<Vec<u8>>,
    /// Whether the two sides have proved to have a pre-shared key that is no session's.
    pub(super) uses_psk: bool,
    /// Whether they have resumed a session.
    pub(super) resumed: bool,
    /// What the peer has presented, in this handshake or in the one that made the session; `None` when it was not asked to.
    pub(super) peer: Option<Peer>,
    /// What we have shown, and as what.
    pub(super) own: Option<(Arc<OwnProof>, CertificateType)>,
    /// A server's: the message that gives a session to the client.
    pub(super) ticket: Option<Vec<u8>>,
    /// A server's: the session, where it is kept and not sealed in the ticket. A client's: the one that it has resumed.
    pub(super) session: Option<NewSession>,
    /// A client's, for tickets that come.
    pub(super) remembering: Option<Arc<Remembering>>,
}

impl Outcome {
    pub(super) fn authorization(&self) -> Authorization {
        match &self.peer {
            _ if self.uses_psk => Authorization::Granted,
            Some(peer) => peer.authorization(false, self.resumed),
            None => Authorization::Unknown,
        }
    }

    pub(super) fn negotiated(&mut self) -> Box<Negotiated> {
        let authorization = self.authorization();
        let mut peer = self.peer.take();
        Box::new(Negotiated {
            suite: self.suite,
            resumed: self.resumed,
            psk_identity: self.psk_identity.take(),
            peer: peer.as_mut().and_then(Peer::take_credential),
            terms: Terms {
                protocol: self.protocol.take(),
                authorization,
                issuers: peer.as_mut().map(Peer::take_issuers).unwrap_or_default(),
                srtp_profile: None,
            },
            session: self.session.take(),
            early: VecDeque::new(),
        })
    }
}

/// Keying material for other protocols (RFC 8446 section 7.5). No context is the same as an empty one. No label is reserved:
/// nothing else is derived from the exporter's secret.
pub(super) fn export(
    secret: &Digest,
    label: &[u8],
    context: Option<&[u8]>,
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, ExportError> {
    if label.is_empty() || label.len() > LABEL_LIMIT || label.contains(&0) {
        return Err(ExportError::Label);
    }
    if !(1..=EXPORT_LIMIT).contains(&length) {
        return Err(ExportError::Length);
    }
    let hash = secret.hash();
    let context = hash.of(context.unwrap_or_default());
    let mut material = Zeroizing::new(vec![0; length]);
    derive(secret, label, &hash.of(&[]))
        .and_then(|secret| expand_label(&MacKey::of(&secret), b"exporter", &context, &mut material))
        // HKDF has no more than 255 digests.
        .map_err(|_| ExportError::Length)?;
    Ok(material)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::ffi::hash::Hash;

    #[test]
    fn what_is_exported_depends_on_label_context_and_length() {
        let secret = Hash::Sha256.of(b"exporter secret");
        let export = |label: &[u8], context, length| export(&secret, label, context, length);
        let material = export(b"EXPERIMENTAL", None, 32).unwrap();
        assert_eq!(export(b"EXPERIMENTAL", Some(b""), 32).unwrap(), material);
        assert_ne!(export(b"EXPERIMENTAL", Some(b"c"), 32).unwrap(), material);
        assert_ne!(export(b"EXPERIMENTAM", None, 32).unwrap(), material);
        assert_ne!(export(b"EXPERIMENTAL", None, 33).unwrap()[..32], material[..]);
    }

    #[test]
    fn what_cannot_be_exported_is_refused() {
        let secret = Hash::Sha256.of(b"exporter secret");
        for label in [&b""[..], b"with\0nul", &[b'a'; LABEL_LIMIT + 1]] {
            assert_eq!(export(&secret, label, None, 32), Err(ExportError::Label));
        }
        for length in [0, 255 * 32 + 1, EXPORT_LIMIT + 1] {
            assert_eq!(export(&secret, b"label", None, length), Err(ExportError::Length));
        }
    }
}
