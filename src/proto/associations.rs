//! Which associations live. A saved copy of one that does is no second life of it.

use super::table::ConnectionHandle;
use crate::tls::AssociationName;
use rustc_hash::FxHashMap;

/// A server's established connections by what is their own, however they came to be.
#[derive(Default)]
pub(super) struct Associations {
    /// Names are our own random numbers: nobody can choose them so that they collide.
    by_name: FxHashMap<AssociationName, ConnectionHandle>,
}

impl Associations {
    pub(super) fn get(&self, name: AssociationName) -> Option<ConnectionHandle> {
        self.by_name.get(&name).copied()
    }

    pub(super) fn insert(&mut self, name: AssociationName, connection: ConnectionHandle) {
        self.by_name.insert(name, connection);
    }

    pub(super) fn remove(&mut self, name: AssociationName) {
        self.by_name.remove(&name);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }
}
