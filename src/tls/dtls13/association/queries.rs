//! What is known about an association.

use super::{Association, Stage};
use crate::tls::algorithms::Algorithms;
use crate::tls::connection_ids::ConnectionIds;
use crate::tls::dtls13::numbers::DATA_EPOCH;
use crate::tls::error::ExportError;
use crate::tls::finished::Finished;
use crate::tls::key_log::KeyLog;
use crate::tls::saved::SessionId;
use crate::wire::{ConnectionId, RECORD_LIMIT};
use zeroize::Zeroizing;

impl Association {
    /// The connection ID that the peer's records have, or that we have offered; empty without one.
    pub(crate) fn own_id(&self) -> &[u8] {
        match &self.stage {
            Stage::Choice(choice) => choice.own_id.as_ref().map_or(&[], ConnectionId::as_bytes),
            Stage::Server(server) if !self.link.has_keys() => server.own_id(),
            Stage::Client(client) if !self.link.has_keys() => client.own_id(),
            _ => self.link.ids().map_or(&[], ConnectionIds::own),
        }
    }

    /// What the hellos of an established association have agreed on.
    pub(crate) fn connection_ids(&self) -> Option<ConnectionIds> {
        self.link.ids().filter(|_| matches!(self.stage, Stage::Open(_))).cloned()
    }

    /// The highest record number that was authenticated, in the order of all epochs; `None` while there is a handshake.
    pub(crate) fn newest_heard(&self) -> Option<u64> {
        matches!(self.stage, Stage::Open(_)).then(|| self.link.newest_heard())
    }

    /// Bytes of payload that one record may carry.
    pub(crate) fn payload_limit(&self) -> usize {
        if matches!(self.stage, Stage::Open(_)) { RECORD_LIMIT } else { 0 }
    }

    /// The random of the ClientHello that an established association began with.
    pub(crate) fn client_random(&self) -> Option<[u8; 32]> {
        matches!(self.stage, Stage::Open(_)).then_some(self.client_random)
    }

    /// `None` while there is a handshake, and where it was in another process.
    pub(crate) fn finished(&self) -> Option<Finished> {
        match &self.stage {
            Stage::Open(open) => open.finished.clone(),
            _ => None,
        }
    }

    /// The id of the session that a server keeps of it; `None` without.
    pub(crate) fn session_id(&self) -> Option<SessionId> {
        match &self.stage {
            Stage::Open(open) => open.session_id.as_deref().copied(),
            _ => None,
        }
    }

    /// `None` while there is a handshake.
    pub(crate) fn algorithms(&self) -> Option<Algorithms> {
        match &self.stage {
            Stage::Open(open) => Some(open.algorithms),
            _ => None,
        }
    }

    /// Our own certificate, DER, if we have shown one.
    pub(crate) fn own_certificate(&self) -> Option<&[u8]> {
        match &self.stage {
            Stage::Open(open) => open.own_certificate(),
            _ => None,
        }
    }

    /// Keying material for another protocol (RFC 8446 section 7.5).
    pub(crate) fn export(
        &self,
        label: &[u8],
        context: Option<&[u8]>,
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, ExportError> {
        match &self.stage {
            Stage::Open(open) => open.export(label, context, length),
            _ => Err(ExportError::NotConnected),
        }
    }

    /// What reads a capture of the association: the secrets that have come since the last time, by NSS's names.
    pub(crate) fn take_key_log(&mut self) -> Option<KeyLog> {
        let is_client = match &self.stage {
            Stage::Choice(_) => return None,
            Stage::Server(_) => false,
            Stage::Client(_) => true,
            Stage::Open(open) => open.is_client,
        };
        let lines = self.link.take_secrets().into_iter().map(|(is_own, epoch, secret)| {
            let whose = if is_own == is_client { "CLIENT" } else { "SERVER" };
            let label = match epoch.checked_sub(DATA_EPOCH) {
                None => format!("{whose}_HANDSHAKE_TRAFFIC_SECRET"),
                Some(generation) => format!("{whose}_TRAFFIC_SECRET_{generation}"),
            };
            KeyLog::line(&label, &self.client_random, &secret)
        });
        lines.reduce(|log, line| log.and(&line))
    }
}
