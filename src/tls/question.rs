//! What a handshake asks the application, and what the application answers.
//!
//! A handshake that comes to a question stops there. The engine never waits and never calls back: the question leaves as
//! a value, and the answer comes back as one.

use super::peer::PeerCredential;
use super::psk::{PskError, check_psk, check_psk_identity};
use super::saved::ResumableSession;
use super::versions::ServerConfig;
use std::sync::Arc;

/// What only the application knows.
#[derive(Debug)]
pub(crate) enum Question {
    /// Which configuration answers a client that asks for this name (RFC 6066 section 3).
    Config(String),
    /// Which of these application protocols is used, each with its length before it (RFC 7301).
    Protocol(Vec<u8>),
    /// Which key belongs to this identity, which a client has claimed (RFC 4279).
    Psk(Vec<u8>),
    /// Which identity and key a client uses with a server that sent this hint. Nobody has proved the hint.
    OwnPsk(Option<Vec<u8>>),
    /// Which session has this id, which a client wants to resume (RFC 5246 section 7.3).
    Session(Vec<u8>),
    /// Whether this peer is accepted. In DTLS 1.2 it has yet to prove that the key is its own.
    Peer(PeerCredential),
}

/// What a question is about, without its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    Config,
    Protocol,
    Psk,
    OwnPsk,
    Session,
    Peer,
}

/// The application's answer to the question of the same name.
pub(crate) enum Answer<'a> {
    /// `None` keeps the configuration that the handshake began with.
    Config(Option<Arc<ServerConfig>>),
    /// One of the protocols that were offered; `None` refuses them all.
    Protocol(Option<&'a [u8]>),
    /// `None` when the identity is unknown. The client cannot tell that from a wrong key.
    Psk(Option<&'a [u8]>),
    /// Identity and key; `None` ends the handshake.
    OwnPsk(Option<(&'a [u8], &'a [u8])>),
    /// `None` when the session is unknown. A session that does not fit the hello leads to a full handshake.
    Session(Option<KnownSession<'a>>),
    /// Whether the peer is accepted.
    Peer(bool),
}

/// A session that was found by its id.
#[derive(Clone, Copy)]
pub(crate) enum KnownSession<'a> {
    /// Of a connection that was saved. Only the application knows whose it is.
    Saved(&'a ResumableSession),
    /// As [`super::session::Session`] was written, to a store.
    Stored(&'a [u8]),
}

/// Which questions the application wants to be asked. The others are answered from the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asks {
    /// [`Question::Config`].
    pub(crate) for_configs: bool,
    /// [`Question::Protocol`], where the configuration has no protocols of its own.
    pub(crate) for_protocols: bool,
    /// [`Question::Session`].
    pub(crate) for_sessions: bool,
}

impl Question {
    pub(crate) fn subject(&self) -> Subject {
        match self {
            Question::Config(_) => Subject::Config,
            Question::Protocol(_) => Subject::Protocol,
            Question::Psk(_) => Subject::Psk,
            Question::OwnPsk(_) => Subject::OwnPsk,
            Question::Session(_) => Subject::Session,
            Question::Peer(_) => Subject::Peer,
        }
    }
}

impl Subject {
    /// The subject in the middle of a sentence.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Subject::Config => "look-up of a context by name",
            Subject::Protocol => "choice of an application protocol",
            Subject::Psk => "look-up of a pre-shared key",
            Subject::OwnPsk => "look-up of our pre-shared key",
            Subject::Session => "look-up of a session",
            Subject::Peer => "verification of the peer",
        }
    }

    /// Whether the hello itself leads to the question. Then the client gets no other answer before this one.
    pub(crate) fn is_about_hello(self) -> bool {
        matches!(self, Subject::Config | Subject::Protocol)
    }
}

impl Answer<'_> {
    pub(crate) fn subject(&self) -> Subject {
        match self {
            Answer::Config(_) => Subject::Config,
            Answer::Protocol(_) => Subject::Protocol,
            Answer::Psk(_) => Subject::Psk,
            Answer::OwnPsk(_) => Subject::OwnPsk,
            Answer::Session(_) => Subject::Session,
            Answer::Peer(_) => Subject::Peer,
        }
    }

    /// Whether the engine can take it: keys and identities have lengths.
    pub(crate) fn check(&self) -> Result<(), PskError> {
        match self {
            Answer::Psk(Some(key)) => check_psk(key),
            Answer::OwnPsk(Some((identity, key))) => check_psk(key).and_then(|()| check_psk_identity(identity)),
            _ => Ok(()),
        }
    }
}

impl Asks {
    /// Whether something is to be decided before the engine reads the hello.
    pub(super) fn by_hello(self) -> bool {
        self.for_configs || self.for_protocols
    }
}
