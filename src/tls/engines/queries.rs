//! What is known about an association, whichever engine it has.

use super::Context;
use crate::tls::algorithms::Algorithms;
use crate::tls::connection_ids::ConnectionIds;
use crate::tls::dtls13::Association;
use crate::tls::error::ExportError;
use crate::tls::finished::Finished;
use crate::tls::key_log::KeyLog;
use crate::tls::saved::{AssociationName, SessionId};
use crate::tls::saved_connection::SavedConnection;
use zeroize::Zeroizing;

impl Context {
    /// A copy of what the connection needs to go on elsewhere; `None` while there is a handshake, and with DTLS 1.3, whose
    /// connections have no copies.
    pub(crate) fn save(&self) -> Option<SavedConnection> {
        match self {
            Context::Dtls12(context) => context.save().map(SavedConnection::Dtls12),
            Context::Dtls13(_) | Context::Undecided(_) => None,
        }
    }

    /// What the connection needs to go on elsewhere, and not here any more; `None` while it cannot leave.
    pub(crate) fn leave(&self) -> Option<SavedConnection> {
        match self {
            Context::Dtls13(engine) => engine.ask(Association::leave).map(SavedConnection::Dtls13),
            Context::Dtls12(_) | Context::Undecided(_) => self.save(),
        }
    }

    /// The id of the session that a server keeps of an established association; `None` without.
    pub(crate) fn session_id(&self) -> Option<SessionId> {
        match self {
            Context::Dtls12(context) => context.save().map(|saved| saved.session_id),
            Context::Dtls13(engine) => engine.ask(Association::session_id),
            Context::Undecided(_) => None,
        }
    }

    /// The name of an established association.
    pub(crate) fn association(&self) -> Option<AssociationName> {
        match self {
            Context::Dtls12(context) => context.association(),
            Context::Dtls13(engine) => engine.ask(Association::name),
            Context::Undecided(_) => None,
        }
    }

    /// The connection ID that the peer's records have, or that we have offered; empty without one.
    pub(crate) fn own_id(&self) -> &[u8] {
        match self {
            Context::Dtls12(context) => context.own_id(),
            Context::Dtls13(engine) => engine.own_id(),
            Context::Undecided(undecided) => undecided.older.own_id(),
        }
    }

    /// What the hellos of an established association have agreed on; `None` without, and while there is a handshake.
    pub(crate) fn connection_ids(&self) -> Option<ConnectionIds> {
        match self {
            Context::Dtls12(context) => context.connection_ids(),
            Context::Dtls13(engine) => engine.ask(Association::connection_ids),
            Context::Undecided(_) => None,
        }
    }

    /// What the handshake has agreed on beside its suite; `None` while there is one. Nothing is known of one in another process.
    pub(crate) fn algorithms(&self) -> Option<Algorithms> {
        match self {
            Context::Dtls12(context) => context.algorithms(),
            Context::Dtls13(engine) => engine.ask(Association::algorithms),
            Context::Undecided(_) => None,
        }
    }

    /// Our own certificate, DER, as the configuration has it; `None` while there is a handshake, and where none is shown.
    pub(crate) fn own_certificate(&self) -> Option<&[u8]> {
        match self {
            Context::Dtls12(context) => context.own_certificate(),
            Context::Dtls13(engine) => engine.own_certificate(),
            Context::Undecided(_) => None,
        }
    }

    /// Whether both sides answer return routability checks (RFC 9853).
    pub(crate) fn checks_routability(&self) -> bool {
        match self {
            Context::Dtls12(context) => context.checks_routability(),
            Context::Dtls13(engine) => {
                engine.ask(Association::connection_ids).is_some_and(|ids| ids.checks_routability())
            }
            Context::Undecided(_) => false,
        }
    }

    /// The highest record number that was authenticated; `None` while there is a handshake.
    pub(crate) fn newest_heard(&self) -> Option<u64> {
        match self {
            Context::Dtls12(context) => context.newest_heard(),
            Context::Dtls13(engine) => engine.ask(Association::newest_heard),
            Context::Undecided(_) => None,
        }
    }

    /// The random of the ClientHello that an established association began with.
    pub(crate) fn client_random(&self) -> Option<[u8; 32]> {
        match self {
            Context::Dtls12(context) => context.client_random(),
            Context::Dtls13(engine) => engine.ask(Association::client_random),
            Context::Undecided(undecided) => undecided.older.client_random(),
        }
    }

    /// `None` while there is a handshake, and where it was in another process.
    pub(crate) fn finished(&self) -> Option<Finished> {
        match self {
            Context::Dtls12(context) => context.finished(),
            Context::Dtls13(engine) => engine.ask(Association::finished),
            Context::Undecided(undecided) => undecided.older.finished(),
        }
    }

    /// Keying material for another protocol (RFC 5705, RFC 8446 section 7.5).
    pub(crate) fn export(
        &self,
        label: &[u8],
        context: Option<&[u8]>,
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, ExportError> {
        match self {
            Context::Dtls12(engine) => engine.export(label, context, length),
            Context::Dtls13(engine) => engine.ask(|association| association.export(label, context, length)),
            Context::Undecided(undecided) => undecided.older.export(label, context, length),
        }
    }

    /// What reads a capture of the association: what has not been told of it yet.
    pub(crate) fn take_key_log(&mut self) -> Option<KeyLog> {
        match self {
            Context::Dtls12(context) => context.take_key_log(),
            Context::Dtls13(engine) => engine.awake().take_key_log(),
            Context::Undecided(undecided) => undecided.older.take_key_log(),
        }
    }
}
