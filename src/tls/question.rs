//! What a handshake asks the application.

use super::peer::PeerCredential;

/// What only the application knows.
#[derive(Debug)]
pub(crate) enum Question {
    /// The configuration for this name, which a client asks for: [`super::Context::answer_config`].
    Config(String),
    /// Which of these application protocols, each with its length before it: [`super::Context::answer_protocol`].
    Protocol(Vec<u8>),
    /// The key of this identity: [`super::Context::answer_psk`].
    Psk(Vec<u8>),
    /// Under which identity to appear, and with which key, to a server with this hint:
    /// [`super::Context::answer_identity`].
    Identity(Option<Vec<u8>>),
    /// The session with this id, which a client wants to resume: [`super::Context::answer_resumption`].
    Resumption(Vec<u8>),
    /// Whether this peer is accepted: [`super::Context::answer_peer`]. It has yet to prove that the key is its own.
    Peer(PeerCredential),
}
