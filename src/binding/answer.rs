//! JavaScript's answers to questions, read as the subject of the question asks for it.

use super::address::NativeAddress;
use super::context::ServerContext;
use super::error::{CodedError, internal};
use super::saved::{NativeSavedConnection, NativeSession};
use super::travel;
use super::wall_clock::unix_time;
use crate::proto::{
    Answer, Answered, HandshakeAnswer, HandshakeSubject, KnownSession, Restoration, ResumableSession, SaveClock,
    SavedConnection, ServerConfig, Subject, Traveller,
};
use napi::bindgen_prelude::{Buffer, ClassInstance, Either4};
use napi_derive::napi;
use std::net::SocketAddr;
use std::sync::Arc;

/// What JavaScript answers: bytes (psk, protocol, a session or a connection of a store), a boolean (peer), a context, or an object for everything else. `None`
/// when there is none.
pub(super) type Value<'a> = Option<Either4<&'a [u8], bool, ClassInstance<'a, ServerContext>, NativeAnswer>>;

/// An answer that needs an object. The subject of the question says which property is read.
#[napi(object, object_to_js = false)]
pub struct NativeAnswer {
    /// As whom a client appears.
    pub own_psk: Option<NativeOwnPsk>,
    /// The saved connection whose session a client wants to resume.
    pub session: Option<NativeSession>,
    /// The connection that was saved.
    pub restore: Option<NativeSavedConnection>,
    /// The address that a device had.
    pub r#move: Option<NativeAddress>,
}

/// As whom a client appears.
#[napi(object, object_to_js = false)]
pub struct NativeOwnPsk {
    /// Pre-shared key.
    pub psk: Buffer,
    /// Identity under which the server finds the key.
    pub identity: Buffer,
}

/// An answer in the types of the layers below.
#[cfg_attr(feature = "aws-lc", expect(clippy::large_enum_variant, reason = "it is used up at once"))]
pub(super) enum Parsed<'a> {
    Config(Option<Arc<ServerConfig>>),
    Protocol(Option<&'a [u8]>),
    Psk(Option<&'a [u8]>),
    OwnPsk(Option<NativeOwnPsk>),
    Session(Option<ResumableSession>),
    StoredSession(&'a [u8]),
    Peer(bool),
    Restore(Option<(SavedConnection, SaveClock, Option<SocketAddr>)>),
    Move(Option<SocketAddr>),
}

/// Reads a value as the subject of its question asks for it.
pub(super) fn about(subject: Subject, value: Value<'_>) -> Result<Parsed<'_>, CodedError> {
    use Either4::{A as Bytes, B as Boolean, C as Context, D as Object};
    Ok(match (subject, value) {
        (Subject::Handshake(HandshakeSubject::Psk), Some(Bytes(key))) => Parsed::Psk(Some(key)),
        (Subject::Handshake(HandshakeSubject::Psk), None) => Parsed::Psk(None),
        (Subject::Handshake(HandshakeSubject::Protocol), Some(Bytes(name))) => Parsed::Protocol(Some(name)),
        (Subject::Handshake(HandshakeSubject::Protocol), None) => Parsed::Protocol(None),
        (Subject::Handshake(HandshakeSubject::Config), Some(Context(context))) => {
            Parsed::Config(Some(context.config()))
        }
        (Subject::Handshake(HandshakeSubject::Config), None) => Parsed::Config(None),
        (Subject::Handshake(HandshakeSubject::Peer), Some(Boolean(accepted))) => Parsed::Peer(accepted),
        (Subject::Handshake(HandshakeSubject::OwnPsk), Some(Object(answer))) => Parsed::OwnPsk(answer.own_psk),
        (Subject::Handshake(HandshakeSubject::OwnPsk), None) => Parsed::OwnPsk(None),
        (Subject::Handshake(HandshakeSubject::Session), Some(Object(answer))) => {
            Parsed::Session(answer.session.map(|session| session.parse()).transpose()?)
        }
        (Subject::Handshake(HandshakeSubject::Session), Some(Bytes(session))) => Parsed::StoredSession(session),
        (Subject::Handshake(HandshakeSubject::Session), None) => Parsed::Session(None),
        (Subject::Restore, Some(Object(answer))) => {
            let saved = answer.restore.map(|saved| saved.parse_with_clock(unix_time())).transpose()?;
            Parsed::Restore(saved.map(|(saved, clock)| (saved, clock, None)))
        }
        (Subject::Restore, Some(Bytes(stored))) => {
            let (Traveller { remote, saved }, clock) = travel::unpack_stored(stored)?;
            Parsed::Restore(Some((saved, clock, Some(remote))))
        }
        (Subject::Restore, None) => Parsed::Restore(None),
        (Subject::Move, Some(Object(answer))) => Parsed::Move(answer.r#move.map(|old| old.parse()).transpose()?),
        (Subject::Move, None) => Parsed::Move(None),
        _ => return Err(internal("An answer does not have the type that its question asks for")),
    })
}

impl Parsed<'_> {
    pub(super) fn answer(&self) -> Answer<'_> {
        match self {
            Parsed::Config(config) => Answer::Handshake(HandshakeAnswer::Config(config.clone())),
            Parsed::Protocol(name) => Answer::Handshake(HandshakeAnswer::Protocol(*name)),
            Parsed::Psk(key) => Answer::Handshake(HandshakeAnswer::Psk(*key)),
            Parsed::OwnPsk(own) => Answer::Handshake(HandshakeAnswer::OwnPsk(
                own.as_ref().map(|own| (own.identity.as_ref(), own.psk.as_ref())),
            )),
            Parsed::Session(session) => {
                Answer::Handshake(HandshakeAnswer::Session(session.as_ref().map(KnownSession::Saved)))
            }
            Parsed::StoredSession(session) => {
                Answer::Handshake(HandshakeAnswer::Session(Some(KnownSession::Stored(session))))
            }
            Parsed::Peer(accepted) => Answer::Handshake(HandshakeAnswer::Peer(*accepted)),
            Parsed::Restore(None) => Answer::Restore(None, None),
            Parsed::Restore(Some((saved, clock, home))) => {
                Answer::Restore(Some(Restoration { saved, clock: *clock }), *home)
            }
            Parsed::Move(old) => Answer::Move(*old),
        }
    }
}

/// What an answer has led to, as one number.
pub(super) fn answered(answered: Answered) -> u32 {
    match answered {
        Answered::Unused => 0,
        Answered::Used => 1,
        Answered::Restored(connection) => connection.0,
    }
}
