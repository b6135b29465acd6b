//! A live connection on its way to another process, of either version.

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
