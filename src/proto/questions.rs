//! Questions to the application, and which connection or address each is about.

use super::table::ConnectionHandle;
use crate::tls::{self, SaveClock};
use crate::wire::ConnectionId;
use std::collections::HashMap;
use std::net::SocketAddr;

/// Names a question. It is answered once, at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct QuestionId(pub(crate) u32);

/// What only the application knows.
#[derive(Debug)]
pub(crate) enum Question {
    /// What a handshake has to know to go on.
    Handshake(tls::Question),
    /// Which saved connection goes on at this address: application data came from an address without a connection.
    Restore {
        /// The address that the connection had, as far as is known.
        claimed: SocketAddr,
        /// The ID that its peer names it by (RFC 9146), wherever it was.
        id: Option<ConnectionId>,
    },
    /// Which address a device had that says that its address has changed.
    Move {
        /// Where it is now.
        remote: SocketAddr,
        /// Its name for itself. Nobody has proved it.
        device_id: Vec<u8>,
    },
}

/// The application's answer to the question of the same name.
pub(crate) enum Answer<'a> {
    Handshake(tls::Answer<'a>),
    /// `None` when there is no such connection. It goes on if a record that has come meanwhile authenticates. The address
    /// is where its peer was known to receive, if anybody knows.
    Restore(Option<Restoration<'a>>, Option<SocketAddr>),
    /// `None` when the device is unknown. The connection moves if the device's record authenticates.
    Move(Option<SocketAddr>),
}

/// A saved connection that is to go on.
#[derive(Clone, Copy)]
pub(crate) struct Restoration<'a> {
    pub(crate) saved: &'a tls::SavedConnection,
    /// Record numbers jump ahead by the clock.
    pub(crate) clock: SaveClock,
}

/// What an answer has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// Nothing: it came too late, or twice, or was no answer to that question, or no record proves what it says.
    Unused,
    Used,
    /// A saved connection goes on under this handle, or has never stopped and has heard what has come.
    Restored(ConnectionHandle),
}

/// What a question is about, without its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Handshake(tls::Subject),
    Restore,
    Move,
}

/// Which questions the application wants to be asked. Nobody else is asked anything.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asks {
    pub(crate) handshakes: tls::Asks,
    /// [`Question::Restore`]. Without, records from addresses without a connection are dropped.
    pub(crate) for_restores: bool,
    /// [`Question::Move`]. Without, an announcement is a record like any other.
    pub(crate) for_moves: bool,
}

impl Question {
    pub(super) fn subject(&self) -> Subject {
        match self {
            Question::Handshake(question) => Subject::Handshake(question.subject()),
            Question::Restore { .. } => Subject::Restore,
            Question::Move { .. } => Subject::Move,
        }
    }
}

impl Answer<'_> {
    pub(super) fn subject(&self) -> Subject {
        match self {
            Answer::Handshake(answer) => Subject::Handshake(answer.subject()),
            Answer::Restore(..) => Subject::Restore,
            Answer::Move(_) => Subject::Move,
        }
    }
}

/// The questions that are open.
#[derive(Default)]
pub(super) struct Questions {
    open: HashMap<QuestionId, Open>,
    last: u32,
}

/// An open question.
#[derive(Clone, Copy)]
struct Open {
    subject: Subject,
    /// Whose handshake waits; `None` for questions about an address.
    connection: Option<ConnectionHandle>,
}

impl Questions {
    /// Opens a question about a connection's handshake, or about an address.
    pub(super) fn open(&mut self, subject: Subject, connection: Option<ConnectionHandle>) -> QuestionId {
        self.last = self.last.wrapping_add(1);
        let id = QuestionId(self.last);
        self.open.insert(id, Open { subject, connection });
        id
    }

    /// Closes a question of this subject. `None` when there is none, or no more.
    pub(super) fn close(&mut self, id: QuestionId, subject: Subject) -> Option<Option<ConnectionHandle>> {
        let open = self.open.get(&id).filter(|open| open.subject == subject).copied()?;
        self.open.remove(&id);
        Some(open.connection)
    }

    /// Nobody waits for the answer any more.
    pub(super) fn withdraw(&mut self, id: QuestionId) {
        self.open.remove(&id);
    }

    pub(super) fn subject(&self, id: QuestionId) -> Option<Subject> {
        Some(self.open.get(&id)?.subject)
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }
}
