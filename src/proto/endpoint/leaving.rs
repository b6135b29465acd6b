//! Connections that leave for another process, and come in from one, by the hundred.
//!
//! One that has left is not over: it gets no `Closed` event, because whoever takes it out has it in hand. No engine works
//! until one of those that came in is heard or used.

use super::{Endpoint, Entry};
use crate::proto::connection::Connection;
use crate::proto::questions::{QuestionId, Restoration};
use crate::proto::table::ConnectionHandle;
use crate::tls::{Bound, ClientConfig, Context, Fence, SavedConnection, StoredCopy, Unrestorable};
use std::net::SocketAddr;
use std::time::Instant;

/// Why there is no copy for a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoCopy {
    /// It has a handshake, or something under way that a copy would not know.
    NotYet,
    /// It cannot go on from a copy, or is not there.
    Never,
}

/// A connection on its way: where its peer is, and what it needs to go on.
pub(crate) struct Traveller {
    pub(crate) remote: SocketAddr,
    pub(crate) saved: SavedConnection,
}

impl Endpoint {
    /// Takes a connection out, to go on elsewhere. `None` when it cannot, has not ended its handshake, or has something under way
    /// that cannot go along: then it stays.
    pub(crate) fn take_out(&mut self, handle: ConnectionHandle) -> Option<Traveller> {
        let entry = self.connections.get(&handle)?;
        let saved = entry.connection.leave().filter(|saved| saved.check().is_ok())?;
        let traveller = Traveller { remote: self.known_home(handle, entry), saved };
        Some(self.let_go(handle, traveller))
    }

    /// Where its peer is known to receive. A check of where it seems to be does not go along: whoever goes on begins another, when the
    /// peer's next record comes from there. Without an ID, that record would lead to no connection.
    fn known_home(&self, handle: ConnectionHandle, entry: &Entry) -> SocketAddr {
        let doubt = self.doubts.get(handle).filter(|_| entry.connection.has_id());
        doubt.map_or(entry.remote, |doubt| doubt.trusted)
    }

    fn let_go(&mut self, handle: ConnectionHandle, traveller: Traveller) -> Traveller {
        self.forget(handle);
        self.outputs.trace.line(2, traveller.remote, || "goes on elsewhere");
        self.outputs.trace.forget(traveller.remote);
        traveller
    }

    /// A copy of a connection that stays, for a store from which others can take it over; without a fence, where any number of copies can
    /// go on.
    pub(crate) fn copy_for_store(&mut self, handle: ConnectionHandle) -> Result<(Traveller, Option<Fence>), NoCopy> {
        let entry = self.connections.get_mut(&handle).ok_or(NoCopy::Never)?;
        let StoredCopy { saved, fence } = entry.connection.copy_for_store().ok_or(NoCopy::NotYet)?;
        saved.check().map_err(|_| NoCopy::Never)?;
        self.schedule(handle);
        let entry = self.connections.get(&handle).ok_or(NoCopy::Never)?;
        let traveller = Traveller { remote: self.known_home(handle, entry), saved };
        Ok((traveller, fence))
    }

    /// The store has the copy with this bound now, as that of the same owner.
    pub(crate) fn confirm_copy(&mut self, handle: ConnectionHandle, bound: Bound) {
        if let Some(entry) = self.connections.get_mut(&handle) {
            entry.connection.confirm_copy(bound);
            self.schedule(handle);
        }
    }

    /// Whether one of the records that wait for the answer to this question is authentic under a copy, which it does not
    /// use: nothing of the question changes, and nothing is sent.
    pub(crate) fn proves(&self, now: Instant, question: QuestionId, restoration: Restoration<'_>) -> bool {
        let Some(server) = &self.server else { return false };
        let Some(unplaced) = self.unplaced.get(question) else { return false };
        let Ok(context) = Context::restore(&server.config, restoration.saved, restoration.clock) else { return false };
        Connection::restored(now, context).authenticates(now, &unplaced.records)
    }

    /// Lets a client's connection go on with the server at `remote`.
    pub(crate) fn go_on(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        config: &ClientConfig,
        restoration: Restoration<'_>,
    ) -> Result<ConnectionHandle, Unrestorable> {
        let context = Context::restore_client(config, restoration.saved, restoration.clock)?;
        Ok(self.adopt(now, remote.into(), Connection::restored(now, context), restoration))
    }
}
