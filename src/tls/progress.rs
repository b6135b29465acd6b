//! How far a handshake has come, and what it has agreed on when it is over.

use super::peer::{Authorization, PeerCredential};
use super::question::Question;
use super::session_policy::NewSession;
use super::suites::Suite;
use crate::wire::OwnedRecord;
use std::collections::VecDeque;

/// How far a handshake has come.
#[derive(Debug)]
pub(crate) enum Progress {
    /// It waits for the peer's next flight, or for the timer.
    Waiting,
    /// It waits for the application's answer. Nothing may be fed to it meanwhile.
    Asks(Question),
    /// It waits for a step with public keys: [`super::Context::compute`]. Nothing may be fed to it meanwhile.
    Computes,
    /// It is over, and application data can flow.
    Done(Box<Negotiated>),
}

/// What a finished handshake agreed on.
#[derive(Debug)]
pub(crate) struct Negotiated {
    pub(crate) suite: Suite,
    /// An earlier session's master secret was used (RFC 5246 section 7.3).
    pub(crate) resumed: bool,
    /// The identity whose key the peer proved to have. Servers only.
    pub(crate) psk_identity: Option<Vec<u8>>,
    /// What the peer presented, and proved to have the private key of.
    pub(crate) peer: Option<PeerCredential>,
    pub(crate) terms: Terms,
    /// What a client, or a server's store, may keep of it.
    pub(crate) session: Option<NewSession>,
    /// Records that came before the handshake was over and may hold application data.
    pub(crate) early: VecDeque<OwnedRecord>,
}

/// What else a finished handshake agreed on.
#[derive(Debug)]
pub(crate) struct Terms {
    /// The application protocol (RFC 7301).
    pub(crate) protocol: Option<Vec<u8>>,
    pub(crate) authorization: Authorization,
    /// Certificates that the peer has sent behind its own, DER.
    pub(crate) issuers: Vec<Vec<u8>>,
    /// OpenSSL's name of the SRTP profile (RFC 5764).
    pub(crate) srtp_profile: Option<&'static str>,
}
