//! What there is to know about a connection, without a change of its state.

use super::{Connection, Phase};
use crate::proto::limits::Limits;
use crate::proto::rate::Rate;
use crate::tls::{
    Algorithms, AssociationName, Bound, Claim, ConnectionIds, ExportError, Finished, SavedConnection, SessionId,
    StoredCopy,
};
use std::time::Instant;
use zeroize::Zeroizing;

impl Connection {
    pub(in crate::proto) fn is_established(&self) -> bool {
        matches!(self.phase, Phase::Established(_))
    }

    pub(in crate::proto) fn is_asleep(&self) -> bool {
        self.context.is_asleep()
    }

    /// Whether its engine has a message under way, or one that is due.
    pub(in crate::proto) fn is_pressed(&self) -> bool {
        self.context.deadline().is_some()
    }

    /// When [`Connection::handle_timeout`] is due.
    pub(in crate::proto) fn deadline(&self, limits: &Limits) -> Option<Instant> {
        match &self.phase {
            Phase::Handshaking(handshaking) => {
                let end = handshaking.started + limits.handshake_timeout;
                Some(self.context.deadline().map_or(end, |retransmission| retransmission.min(end)))
            }
            Phase::Established(activity) => {
                let end = activity.deadline(limits, self.context.is_asleep());
                self.context.deadline().into_iter().chain(end).min()
            }
        }
    }

    /// Whether its handshake began with the ClientHello that has this random.
    pub(in crate::proto) fn began_with(&self, random: &[u8; 32]) -> bool {
        match &self.phase {
            Phase::Handshaking(handshaking) => {
                handshaking.greeting.as_ref().is_some_and(|greeting| greeting.random == *random)
            }
            Phase::Established(_) => self.context.client_random().as_ref() == Some(random),
        }
    }

    /// Who the peer of a handshake that is not over says it is.
    pub(in crate::proto) fn claim(&self) -> Option<Claim> {
        self.context.claim()
    }

    /// How often a server may still answer this address, if it has a handshake.
    pub(in crate::proto) fn answers(&self) -> Option<Rate> {
        match &self.phase {
            Phase::Handshaking(handshaking) => handshaking.greeting.as_ref().map(|greeting| greeting.answers),
            Phase::Established(_) => None,
        }
    }

    /// Bytes of the longest payload; `None` before the handshake is over.
    pub(in crate::proto) fn payload_limit(&self) -> Option<usize> {
        self.is_established().then(|| self.context.payload_limit())
    }

    /// When the last authentic record came; `None` before the handshake is over.
    pub(in crate::proto) fn last_heard(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Handshaking(_) => None,
            Phase::Established(activity) => Some(activity.last_heard()),
        }
    }

    /// The name of its association; `None` while there is a handshake.
    pub(in crate::proto) fn association(&self) -> Option<AssociationName> {
        self.context.association()
    }

    /// The id of the session that a server keeps of it; `None` without.
    pub(in crate::proto) fn session_id(&self) -> Option<SessionId> {
        self.context.session_id()
    }

    /// The connection ID that the peer's records have, or that we have offered; empty without one.
    pub(in crate::proto) fn own_id(&self) -> &[u8] {
        self.context.own_id()
    }

    /// Whether its peer's records have a connection ID.
    pub(in crate::proto) fn has_id(&self) -> bool {
        !self.own_id().is_empty()
    }

    /// Whether its peer answers return routability checks.
    pub(in crate::proto) fn checks_routability(&self) -> bool {
        self.context.checks_routability()
    }

    /// What the hellos have agreed on; `None` without connection IDs, and while there is a handshake.
    pub(in crate::proto) fn connection_ids(&self) -> Option<ConnectionIds> {
        self.context.connection_ids()
    }

    /// The highest record number that was authenticated; `None` while there is a handshake.
    pub(in crate::proto) fn newest_heard(&self) -> Option<u64> {
        self.context.newest_heard()
    }

    /// A copy of what it needs to go on elsewhere; `None` while there is a handshake, and where there are no copies.
    pub(in crate::proto) fn save(&self) -> Option<SavedConnection> {
        self.context.save()
    }

    /// What it needs to go on elsewhere, and not here any more; `None` while it cannot leave.
    pub(in crate::proto) fn leave(&self) -> Option<SavedConnection> {
        self.context.leave()
    }

    /// A copy for a store; `None` when there cannot be one, or not yet.
    pub(in crate::proto) fn copy_for_store(&mut self) -> Option<StoredCopy> {
        self.context.copy_for_store()
    }

    /// The store has the copy with this bound.
    pub(in crate::proto) fn confirm_copy(&mut self, bound: Bound) {
        self.context.confirm_copy(bound);
    }

    /// Keying material for another protocol (RFC 5705).
    pub(in crate::proto) fn export(
        &self,
        label: &[u8],
        context: Option<&[u8]>,
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, ExportError> {
        self.context.export(label, context, length)
    }

    /// Our own certificate, DER; `None` while there is a handshake.
    pub(in crate::proto) fn own_certificate(&self) -> Option<&[u8]> {
        self.context.own_certificate()
    }

    /// What the handshake has agreed on beside its suite; `None` while there is one.
    pub(in crate::proto) fn algorithms(&self) -> Option<Algorithms> {
        self.context.algorithms()
    }

    /// The two Finished messages; `None` before, and where the handshake was in another process.
    pub(in crate::proto) fn finished(&self) -> Option<Finished> {
        self.context.finished()
    }
}
