//! A live connection on its way to another process, of either version.

use super::bound::Bound;
use super::connection_ids::ConnectionIds;
use super::dtls13::Saved as SavedDtls13;
use super::saved::{AssociationName, SaveClock, SavedDtls12, Unrestorable};
use super::suites::Suite;

/// What a connection needs to go on with the same keys.
#[derive(Clone)]
#[cfg_attr(
    not(feature = "aws-lc"),
    expect(clippy::large_enum_variant, reason = "without the engine there is one variant")
)]
pub(crate) enum SavedConnection {
    Dtls12(SavedDtls12),
    /// Good for one life: see [`SavedDtls13`].
    Dtls13(SavedDtls13),
}

/// A copy of a connection that stays, for a store from which others can take it over.
pub(crate) struct StoredCopy {
    pub(crate) saved: SavedConnection,
    /// `None` where any number of copies can go on.
    pub(crate) fence: Option<Fence>,
}

/// What keeps the owner of a connection apart from whoever takes it over.
#[derive(Clone, Copy)]
pub(crate) struct Fence {
    /// How far the owner's numbers reach once the store has the copy, and has said so.
    pub(crate) bound: Bound,
    /// How far they have reached before, by what the store has; `None` for the first copy.
    pub(crate) before: Option<Bound>,
}

impl SavedConnection {
    pub(crate) fn suite(&self) -> Suite {
        match self {
            SavedConnection::Dtls12(saved) => saved.suite,
            SavedConnection::Dtls13(saved) => saved.suite(),
        }
    }

    pub(crate) fn association(&self) -> AssociationName {
        match self {
            SavedConnection::Dtls12(saved) => saved.association(),
            SavedConnection::Dtls13(saved) => saved.association(),
        }
    }

    /// What both sides have agreed on about connection IDs.
    pub(crate) fn connection_ids(&self) -> Option<&ConnectionIds> {
        match self {
            SavedConnection::Dtls12(saved) => saved.connection_ids.as_ref(),
            SavedConnection::Dtls13(saved) => saved.connection_ids(),
        }
    }

    /// Whether a connection like this one can go on.
    pub(crate) fn check(&self) -> Result<(), Unrestorable> {
        match self {
            SavedConnection::Dtls12(saved) => saved.check(),
            SavedConnection::Dtls13(_) => Ok(()),
        }
    }

    /// Whether it is good for one life alone: whoever lets it go on has to know that nobody else does.
    pub(crate) fn has_one_life(&self) -> bool {
        matches!(self, SavedConnection::Dtls13(_))
    }

    /// How far its owner's numbers reach; `None` where any number of copies can go on, and where there are none.
    pub(crate) fn bound(&self) -> Option<Bound> {
        match self {
            SavedConnection::Dtls12(_) => None,
            SavedConnection::Dtls13(saved) => saved.bound(),
        }
    }

    /// What has to take this copy's place in its store before somebody goes on from it, and how far the numbers of that one reach;
    /// itself where any number of copies can go on.
    pub(crate) fn succeed(&self) -> Result<(SavedConnection, Option<Bound>), Unrestorable> {
        match self {
            SavedConnection::Dtls12(_) => Ok((self.clone(), None)),
            SavedConnection::Dtls13(saved) => {
                let next = saved.succeed()?;
                let bound = next.bound();
                Ok((SavedConnection::Dtls13(next), bound))
            }
        }
    }

    /// Whether the clock cannot be right, where numbers of records follow it.
    pub(crate) fn is_ahead_of(&self, clock: SaveClock) -> bool {
        match self {
            SavedConnection::Dtls12(saved) => saved.is_ahead_of(clock),
            SavedConnection::Dtls13(_) => false,
        }
    }

    /// Writes it behind what is there.
    pub(crate) fn write_to(&self, out: &mut Vec<u8>) {
        match self {
            SavedConnection::Dtls12(saved) => saved.write_to(out),
            SavedConnection::Dtls13(saved) => saved.write_to(out),
        }
    }

    /// What [`SavedConnection::write_to`] has written, and nothing behind it; `None` for anything else. Each version begins with
    /// the number of a suite of its own.
    pub(crate) fn read(bytes: &[u8]) -> Option<SavedConnection> {
        match SavedDtls12::read(bytes) {
            Some(saved) => Some(SavedConnection::Dtls12(saved)),
            None => SavedDtls13::read(bytes).map(SavedConnection::Dtls13),
        }
    }
}
