//! Copies of a connection that a store has, for whoever goes on with it when its owner cannot.

use super::Context;
use crate::tls::bound::Bound;
use crate::tls::dtls13::Association;
use crate::tls::saved_connection::{Fence, SavedConnection, StoredCopy};

impl Context {
    /// A copy for a store; `None` when there cannot be one, or not yet. Where it has a fence, the association's numbers are those that
    /// the store has confirmed, from the first copy on.
    pub(crate) fn copy_for_store(&mut self) -> Option<StoredCopy> {
        match self {
            Context::Dtls13(engine) => {
                let before = engine.ask(Association::bound);
                let saved = engine.disturb(Association::reserve)?;
                let fence = saved.bound().map(|bound| Fence { bound, before });
                Some(StoredCopy { saved: SavedConnection::Dtls13(saved), fence })
            }
            Context::Dtls12(_) | Context::Undecided(_) => Some(StoredCopy { saved: self.save()?, fence: None }),
        }
    }

    /// The store has the copy with this bound now, as that of the same owner.
    pub(crate) fn confirm_copy(&mut self, bound: Bound) {
        if let Context::Dtls13(engine) = self {
            engine.disturb(|association| association.confirm(bound));
        }
    }

    /// Whether the store needs another copy, once.
    pub(crate) fn take_copy_due(&mut self) -> bool {
        match self {
            Context::Dtls13(engine) => engine.take_copy_due(),
            Context::Dtls12(_) | Context::Undecided(_) => false,
        }
    }

    /// Whether payloads have to wait until the store has confirmed another copy.
    pub(crate) fn lacks_numbers(&self) -> bool {
        match self {
            Context::Dtls13(engine) => engine.lacks_numbers(),
            Context::Dtls12(_) | Context::Undecided(_) => false,
        }
    }
}
