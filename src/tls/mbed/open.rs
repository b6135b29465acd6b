//! The engine of a finished handshake: awake, or asleep in a tenth of the memory.

use super::ffi::config::SslConfig;
use super::ffi::ssl::Ssl;
use super::last_flight::LastFlight;
use super::ssl::key_kind;
use crate::tls::error::Error;
use crate::tls::inbound::{DropReason, Inbound};
use crate::tls::outbox::Outbox;
use crate::tls::saved::SavedDtls12;
use crate::wire::{MaxFragmentLength, RECORD_LIMIT, RoutabilityCheck, alert};
use mbedtls_sys as sys;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// 48 bits below the epoch in the eight bytes of a record number.
const NUMBER_MASK: u64 = (1 << 48) - 1;

/// A finished handshake's engine.
pub(crate) struct Open {
    pub(crate) ssl: Ssl,
    pub(crate) last_flight: LastFlight,
    /// Bytes of payload that one record may carry. Kept here, as the next one, because each record is asked about it, and the engine
    /// has it where nothing else is that the record needs by then.
    pub(crate) payload_limit: usize,
    /// Whether the peer's records have a connection ID.
    has_own_id: bool,
}

/// What an association needs to wake up.
pub(crate) struct Asleep {
    pub(crate) last_flight: LastFlight,
    pub(crate) saved: SavedDtls12,
    /// It wakes to the life that it had.
    pub(crate) nonce_offset: u64,
    pub(crate) config: Arc<SslConfig>,
    pub(crate) payload_limit: usize,
    /// Records of no use that it has heard in its sleep.
    pub(crate) disturbances: u8,
}

impl Asleep {
    /// A saved connection that nobody has heard from here.
    pub(crate) fn in_new_life(config: &Arc<SslConfig>, saved: SavedDtls12, nonce_offset: u64) -> Asleep {
        let own_limit = MaxFragmentLength::from_code(config.max_fragment_length_code());
        let limits = saved.max_fragment_length.into_iter().chain(own_limit);
        let payload_limit = limits.map(|limit| usize::from(limit.bytes())).min().unwrap_or(RECORD_LIMIT);
        let config = Arc::clone(config);
        Asleep { last_flight: LastFlight::Delivered, saved, nonce_offset, config, payload_limit, disturbances: 0 }
    }

    pub(crate) fn wake(&self, now: Instant) -> Result<Ssl, Error> {
        let mut ssl = Ssl::new(&self.config, now, Duration::MAX).map_err(Error::internal)?;
        // Exactly where it was: nothing has been sent meanwhile.
        ssl.restore(&self.saved, self.saved.next_number, self.nonce_offset).map_err(Error::internal)?;
        Ok(ssl)
    }

    /// Our own certificate, DER, as the configuration has it.
    pub(crate) fn own_certificate(&self) -> Option<&[u8]> {
        self.config.own_certificate(key_kind(self.saved.suite))
    }

    pub(crate) fn take_last_flight(&mut self) -> LastFlight {
        std::mem::replace(&mut self.last_flight, LastFlight::Delivered)
    }
}

impl Open {
    pub(crate) fn new(ssl: Ssl, last_flight: LastFlight) -> Open {
        let (payload_limit, has_own_id) = (ssl.payload_limit(), !ssl.incoming_connection_id().is_empty());
        Open { ssl, last_flight, payload_limit, has_own_id }
    }

    /// The connection ID that the peer's records have; empty without one.
    pub(crate) fn own_id(&self) -> &[u8] {
        if self.has_own_id { self.ssl.incoming_connection_id() } else { &[] }
    }

    pub(crate) fn read(
        &mut self,
        now: Instant,
        record: &[u8],
        plaintext: &mut [u8],
        out: &mut Outbox,
    ) -> Result<Inbound, Error> {
        let Open { ssl, last_flight, .. } = self;
        let before = ssl.replay_window();
        let (result, check) = ssl.with(now, Some(record), out, |ssl| (ssl.read(plaintext), ssl.routability_check()));
        let authenticated = ssl.replay_window() != before;
        match result {
            Ok(length) => {
                // The peer has our last flight, or it could not have sent this.
                *last_flight = LastFlight::Delivered;
                Ok(Inbound::Data(length))
            }
            Err(sys::ERR_SSL_WANT_READ) if authenticated && ssl.last_record_was_application_data() => {
                // The engine skips an empty record; to an application it is a message, as an empty datagram is.
                Ok(Inbound::Data(0))
            }
            Err(sys::ERR_SSL_WANT_READ) if authenticated => {
                // RFC 6347 section 4.2.4: the peer repeats its flight because ours was lost.
                let written = out.len();
                if ssl.last_record_was_handshake() {
                    last_flight.repeat(out);
                }
                Ok(if out.len() > written { Inbound::Repeated } else { Inbound::Consumed })
            }
            Err(sys::ERR_SSL_UNEXPECTED_MESSAGE) if authenticated && ssl.last_record_was_routability_check() => {
                if !ssl.checks_routability {
                    // RFC 9853 section 3: nobody has said that there would be such records.
                    ssl.set_replay_window(before);
                    return Ok(Inbound::Dropped(DropReason::Unexpected));
                }
                *last_flight = LastFlight::Delivered;
                Ok(RoutabilityCheck::parse(check).map_or(Inbound::Consumed, Inbound::Check))
            }
            Err(_) if !authenticated => Ok(Inbound::Dropped(reason(record, before))),
            Err(sys::ERR_SSL_PEER_CLOSE_NOTIFY) => Ok(Inbound::Closed),
            Err(sys::ERR_SSL_FATAL_ALERT_MESSAGE) => Err(Error::alert_received(ssl.received_alert(), false)),
            Err(errno) => {
                let error = Error::from_engine(errno, "The peer sent an authenticated record that breaks the protocol");
                let description = error.alert_to_send().unwrap_or(alert::DECODE_ERROR);
                // The connection ends with or without this alert.
                let _ = ssl.with(now, None, out, |ssl| ssl.send_alert(alert::FATAL, description));
                Err(error.with_alert(description))
            }
        }
    }
}

/// Why the engine has not taken a record, by the highest number that was heard and the window below it.
fn reason(record: &[u8], (top, seen): (u64, u64)) -> DropReason {
    // Epoch and number stand at the same place with and without a connection ID.
    let number = record.get(3..11).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes);
    match top.checked_sub(number & NUMBER_MASK) {
        Some(age) if age >= 64 || seen >> age & 1 == 1 => DropReason::Replayed,
        _ => DropReason::Unauthentic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::config::{Settings, Wishes};
    use crate::tls::mbed::ClientConfig;
    use crate::tls::psk::ClientPsk;

    #[test]
    fn a_record_that_is_not_taken_is_a_repetition_or_a_forgery() {
        let record = |epoch: u16, number: u64| {
            let mut bytes = vec![23, 254, 253];
            bytes.extend(epoch.to_be_bytes());
            bytes.extend(&number.to_be_bytes()[2..]);
            bytes
        };
        let seen = 1 | 1 << 3 | 1 << 63;
        for (number, is_replay) in [
            (1000, true),
            (999, false),
            (997, true),
            (1000 - 62, false),
            (1000 - 63, true),
            (1000 - 64, true),
            (1, true),
            (1001, false),
            (NUMBER_MASK, false),
        ] {
            let expected = if is_replay { DropReason::Replayed } else { DropReason::Unauthentic };
            for epoch in [1, 0xffff] {
                assert_eq!(reason(&record(epoch, number), (1000, seen)), expected, "{number}");
            }
        }
        // One without a number could have any.
        assert_eq!(reason(&record(1, 5)[..10], (0, 1)), DropReason::Replayed);
        assert_eq!(reason(&record(1, 0), (63, 1 << 62)), DropReason::Unauthentic);
    }

    #[test]
    fn payloads_are_as_long_as_both_lives_allow() {
        let of_config = |max_fragment_length| {
            let settings = Settings {
                ciphers: None,
                wishes: Wishes { max_fragment_length, ..Wishes::default() },
                revocations: None,
                first_interval: Duration::from_secs(1),
                longest_interval: Duration::from_secs(60),
                mtu: 1200,
            };
            let psk = ClientPsk::new(b"device", b"0123456789abcdef").unwrap();
            ClientConfig::new(&settings, Some(psk), None, None).unwrap().ssl
        };
        let saved = |limit: Option<u16>| SavedDtls12 {
            max_fragment_length: limit.and_then(MaxFragmentLength::from_bytes),
            ..crate::tls::mbed::tests::saved_for_psk()
        };
        for (own, agreed, limit) in [
            (None, None, RECORD_LIMIT),
            (None, Some(512), 512),
            (Some(1024), None, 1024),
            (Some(1024), Some(2048), 1024),
            (Some(4096), Some(512), 512),
        ] {
            let asleep = Asleep::in_new_life(&of_config(own), saved(agreed), 7);
            assert_eq!((asleep.payload_limit, asleep.nonce_offset, asleep.disturbances), (limit, 7, 0));
        }
    }
}
