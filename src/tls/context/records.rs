//! An association of DTLS 1.2 whose handshake is over: its records, what is known about it, and its sleep.

use super::{Context, Stage};
use crate::tls::algorithms::Algorithms;
use crate::tls::connection_ids::ConnectionIds;
use crate::tls::error::{Error, ErrorKind, ExportError};
use crate::tls::finished::Finished;
use crate::tls::inbound::{DISTURBANCES, DropReason, Inbound};
use crate::tls::key_log::KeyLog;
use crate::tls::mbed::{Asleep, LastFlight, Open, Ssl, export};
use crate::tls::outbox::Outbox;
use crate::tls::saved::{AssociationName, SavedDtls12};
use crate::wire::{ConnectionId, RoutabilityCheck, alert};
use std::sync::Arc;
use std::time::Instant;
use zeroize::Zeroizing;

impl Context {
    /// Fatal only if an authenticated record caused it.
    pub(super) fn read(
        &mut self,
        now: Instant,
        record: &[u8],
        plaintext: &mut [u8],
        out: &mut Outbox,
    ) -> Result<Inbound, Error> {
        match &mut self.stage {
            Stage::Open(open) => open.read(now, record, plaintext, out),
            Stage::Asleep(asleep) => {
                let mut open = Open::new(asleep.wake(now)?, asleep.take_last_flight());
                let inbound = open.read(now, record, plaintext, out);
                if matches!(inbound, Ok(Inbound::Dropped(_))) && asleep.disturbances < DISTURBANCES {
                    // What anybody can send does not wake it for longer than it takes to see that.
                    asleep.last_flight = open.last_flight;
                    asleep.disturbances += 1;
                } else {
                    self.stage = Stage::Open(open);
                }
                inbound
            }
            Stage::Choice(_) | Stage::Handshake(_) | Stage::Lent { .. } | Stage::Gone => {
                Ok(Inbound::Dropped(DropReason::Unexpected))
            }
        }
    }

    /// Seals one payload into one record, one datagram.
    pub(crate) fn write(&mut self, now: Instant, payload: &[u8], out: &mut Outbox) -> Result<(), Error> {
        self.awake(now)?
            .with(now, None, out, |ssl| ssl.write(payload))
            .map_err(|errno| Error::from_engine(errno, "The payload could not be sealed"))
    }

    /// Seals a message of a return routability check (RFC 9853).
    pub(crate) fn send_check(
        &mut self,
        now: Instant,
        message: RoutabilityCheck,
        out: &mut Outbox,
    ) -> Result<(), Error> {
        self.awake(now)?
            .with(now, None, out, |ssl| ssl.send_routability_check(&message.to_bytes()))
            .map_err(|errno| Error::from_engine(errno, "The return routability check could not be sealed"))
    }

    /// Bytes of payload that one record may carry.
    pub(crate) fn payload_limit(&self) -> usize {
        match &self.stage {
            Stage::Open(open) => open.payload_limit,
            Stage::Asleep(asleep) => asleep.payload_limit,
            Stage::Choice(_) | Stage::Handshake(_) | Stage::Lent { .. } | Stage::Gone => 0,
        }
    }

    /// RFC 5246 section 7.2.1: tells the peer that nothing more will come.
    pub(crate) fn close_notify(&mut self, now: Instant, out: &mut Outbox) {
        if let Ok(ssl) = self.awake(now) {
            // The connection ends with or without this alert.
            let _ = ssl.with(now, None, out, |ssl| ssl.send_alert(alert::WARNING, alert::CLOSE_NOTIFY));
        }
    }

    /// An authentic fatal alert, as a peer would send it.
    #[cfg(test)]
    pub(crate) fn break_off(&mut self, now: Instant, description: u8, out: &mut Outbox) {
        let ssl = self.awake(now).unwrap();
        ssl.with(now, None, out, |ssl| ssl.send_alert(alert::FATAL, description)).unwrap();
    }

    /// What the connection needs to go on elsewhere; `None` while there is a handshake.
    pub(crate) fn save(&self) -> Option<SavedDtls12> {
        match &self.stage {
            Stage::Open(open) => open.ssl.save(),
            Stage::Asleep(asleep) => Some(asleep.saved.clone()),
            Stage::Choice(_) | Stage::Handshake(_) | Stage::Lent { .. } | Stage::Gone => None,
        }
    }

    /// The name of an established association.
    pub(crate) fn association(&self) -> Option<AssociationName> {
        self.with_randoms(AssociationName::of)
    }

    /// The connection ID that the peer's records have, or that we have offered; empty without one.
    pub(crate) fn own_id(&self) -> &[u8] {
        match &self.stage {
            Stage::Choice(choice) => choice.own_id.as_ref().map_or(&[], ConnectionId::as_bytes),
            Stage::Handshake(handshake) => handshake.own_connection_id(),
            Stage::Open(open) => open.own_id(),
            Stage::Asleep(asleep) => asleep.saved.connection_ids.as_ref().map_or(&[], ConnectionIds::own),
            Stage::Lent { own_id, .. } => own_id.as_bytes(),
            Stage::Gone => &[],
        }
    }

    /// Whether both sides of an established association answer return routability checks (RFC 9853).
    pub(crate) fn checks_routability(&self) -> bool {
        match &self.stage {
            Stage::Open(open) => open.ssl.checks_routability,
            Stage::Asleep(asleep) => {
                asleep.saved.connection_ids.as_ref().is_some_and(ConnectionIds::checks_routability)
            }
            Stage::Choice(_) | Stage::Handshake(_) | Stage::Lent { .. } | Stage::Gone => false,
        }
    }

    /// What the hellos of an established association have agreed on; `None` without, and while there is a handshake.
    pub(crate) fn connection_ids(&self) -> Option<ConnectionIds> {
        self.save()?.connection_ids
    }

    /// The highest record number that was authenticated; `None` while there is a handshake.
    pub(crate) fn newest_heard(&self) -> Option<u64> {
        match &self.stage {
            Stage::Open(open) => Some(open.ssl.replay_window().0),
            Stage::Asleep(asleep) => asleep.saved.replay_window.map(|window| window.top),
            Stage::Choice(_) | Stage::Handshake(_) | Stage::Lent { .. } | Stage::Gone => None,
        }
    }

    /// The random of the ClientHello that an established association began with.
    pub(crate) fn client_random(&self) -> Option<[u8; 32]> {
        self.with_randoms(|randoms| randoms.first_chunk().copied().unwrap_or_default())
    }

    /// The two hellos' randoms, the client's first, of an established association.
    fn with_randoms<T>(&self, act: impl FnOnce(&[u8; 64]) -> T) -> Option<T> {
        match &self.stage {
            Stage::Open(open) => open.ssl.randoms().map(|randoms| act(&randoms)),
            Stage::Asleep(asleep) => Some(act(&asleep.saved.randoms)),
            Stage::Choice(_) | Stage::Handshake(_) | Stage::Lent { .. } | Stage::Gone => None,
        }
    }

    /// Our own certificate, DER, as the configuration has it; `None` while there is a handshake.
    pub(crate) fn own_certificate(&self) -> Option<&[u8]> {
        match &self.stage {
            Stage::Open(open) => open.ssl.own_certificate(),
            Stage::Asleep(asleep) => asleep.own_certificate(),
            Stage::Choice(_) | Stage::Handshake(_) | Stage::Lent { .. } | Stage::Gone => None,
        }
    }

    /// `None` while there is a handshake.
    pub(crate) fn algorithms(&self) -> Option<Algorithms> {
        matches!(self.stage, Stage::Open(_) | Stage::Asleep(_)).then_some(self.algorithms)
    }

    /// `None` while there is a handshake, and where it was in another process.
    pub(crate) fn finished(&self) -> Option<Finished> {
        self.finished.map(|[own, peer]| Finished::new(&own, &peer))
    }

    /// Keying material for another protocol (RFC 5705).
    pub(crate) fn export(
        &self,
        label: &[u8],
        context: Option<&[u8]>,
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, ExportError> {
        export(&self.save().ok_or(ExportError::NotConnected)?, label, context, length)
    }

    /// What reads a capture of the association, once: from the step on that derives the keys.
    pub(crate) fn take_key_log(&mut self) -> Option<KeyLog> {
        let key_log = match &self.stage {
            _ if self.has_logged_keys => None,
            Stage::Handshake(handshake) => handshake.key_log(),
            Stage::Open(open) => open.ssl.key_log(),
            Stage::Choice(_) | Stage::Asleep(_) | Stage::Lent { .. } | Stage::Gone => None,
        };
        self.has_logged_keys |= key_log.is_some();
        key_log
    }

    // --- rest --------------------------------------------------------------------------------------------------------

    pub(crate) fn is_asleep(&self) -> bool {
        matches!(self.stage, Stage::Asleep(_))
    }

    /// Gives the engine's memory back, some 4 KB; the next record or payload wakes it in some 20 microseconds.
    pub(crate) fn hibernate(&mut self) {
        if let Stage::Open(Open { ssl, last_flight, payload_limit, .. }) = &mut self.stage
            && let Some((saved, nonce_offset)) = ssl.save_life()
        {
            let last_flight = std::mem::replace(last_flight, LastFlight::Delivered);
            let config = Arc::clone(ssl.config());
            let payload_limit = *payload_limit;
            let asleep = Asleep { last_flight, saved, nonce_offset, config, payload_limit, disturbances: 0 };
            self.stage = Stage::Asleep(asleep);
        }
    }

    fn awake(&mut self, now: Instant) -> Result<&mut Ssl, Error> {
        if let Stage::Asleep(asleep) = &mut self.stage {
            self.stage = Stage::Open(Open::new(asleep.wake(now)?, asleep.take_last_flight()));
        }
        match &mut self.stage {
            Stage::Open(open) => Ok(&mut open.ssl),
            _ => Err(Error::new(ErrorKind::Internal, "A record was to be written before the handshake was over")),
        }
    }
}
