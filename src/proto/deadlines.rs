//! The deadlines of all connections, ordered.

use super::connection::ConnectionHandle;
use std::collections::BTreeSet;
use std::time::Instant;

/// At most one deadline a connection; the connection remembers which, so that it can be moved.
#[derive(Default)]
pub(super) struct Deadlines {
    ordered: BTreeSet<(Instant, ConnectionHandle)>,
}

impl Deadlines {
    pub(super) fn next(&self) -> Option<Instant> {
        self.ordered.first().map(|&(at, _)| at)
    }

    /// Removes and returns a connection whose deadline has come.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<ConnectionHandle> {
        let &(at, connection) = self.ordered.first()?;
        (at <= now).then(|| {
            self.ordered.pop_first();
            connection
        })
    }

    pub(super) fn change(&mut self, connection: ConnectionHandle, from: Option<Instant>, to: Option<Instant>) {
        if from == to {
            return;
        }
        if let Some(from) = from {
            self.ordered.remove(&(from, connection));
        }
        if let Some(to) = to {
            self.ordered.insert((to, connection));
        }
    }
}
