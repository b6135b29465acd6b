//! What happens to every connection, as numbers and bytes in memory that JavaScript reads: an object with its properties
//! costs some microseconds, and a handshake has four of these.

use super::address;
use crate::proto::{Authorization, CloseReason, Event};

// Doubles, see `lib/brief.js`.
const KIND: usize = 0;
const CONNECTION: usize = 1;
/// connection: UDP port; pskLookup: look-up; secure: IANA's number of the suite; closed: index of the reason.
const NUMBER: usize = 2;
const FLAGS: usize = 3;
/// Bytes of each of the two texts: address and server name, or identity.
const LENGTHS: [usize; 2] = [4, 5];
/// secure: milliseconds.
const TIME: usize = 6;
/// The texts begin here.
const TEXTS: usize = 7 * size_of::<f64>();

/// Bytes in all: room for the longest address, server name and identity.
pub(super) const LENGTH: usize = TEXTS + 512;

const SAYS_NOTHING: u32 = 0;
const IS_CONNECTION: u32 = 1;
const IS_PSK_LOOKUP: u32 = 2;
const IS_SECURE: u32 = 3;
const IS_CLOSED: u32 = 4;

const AUTHORIZED: u32 = 1;
const RESUMED: u32 = 2;
/// There is a second text, though it may be empty.
const HAS_NAME: u32 = 4;

/// What an event comes down to.
#[derive(Default)]
struct Brief<'a> {
    kind: u32,
    connection: u32,
    number: u32,
    flags: u32,
    texts: [&'a [u8]; 2],
    time: f64,
}

/// Writes the event; `false` when it needs an object, and what was written says nothing.
pub(super) fn write(event: &Event, to: &mut [u8]) -> bool {
    let formatted;
    let brief = match event {
        Event::Connection { connection, remote, servername } => {
            formatted = address::format(remote);
            Brief {
                kind: IS_CONNECTION,
                connection: connection.0,
                number: remote.port().into(),
                flags: if servername.is_some() { HAS_NAME } else { 0 },
                texts: [formatted.as_bytes(), servername.as_deref().unwrap_or_default().as_bytes()],
                ..Brief::default()
            }
        }
        Event::PskLookup { connection, lookup, identity } => Brief {
            kind: IS_PSK_LOOKUP,
            connection: connection.0,
            number: lookup.0,
            flags: HAS_NAME,
            texts: [&[], identity],
            ..Brief::default()
        },
        Event::Secure { connection, suite, resumed, psk_identity, peer: None, terms, handshake_time }
            if terms.protocol.is_none()
                && terms.issuers.is_empty()
                && terms.srtp_profile.is_none()
                && !matches!(terms.authorization, Authorization::Refused(_)) =>
        {
            let granted = terms.authorization == Authorization::Granted;
            let flag = |is: bool, flag: u32| if is { flag } else { 0 };
            Brief {
                kind: IS_SECURE,
                connection: connection.0,
                number: suite.id().into(),
                flags: flag(granted, AUTHORIZED) | flag(*resumed, RESUMED) | flag(psk_identity.is_some(), HAS_NAME),
                texts: [&[], psk_identity.as_deref().unwrap_or_default()],
                time: handshake_time.as_secs_f64() * 1000.0,
            }
        }
        Event::Closed { connection, reason } => {
            let number = match reason {
                CloseReason::Peer => 0,
                CloseReason::Local => 1,
                CloseReason::Idle => 2,
                CloseReason::Replaced => 3,
                CloseReason::Error(_) => return say_nothing(to),
            };
            Brief { kind: IS_CLOSED, connection: connection.0, number, ..Brief::default() }
        }
        _ => return say_nothing(to),
    };
    // A name is ASCII, or JavaScript must decode it.
    if brief.kind == IS_CONNECTION && !brief.texts[1].is_ascii() {
        return say_nothing(to);
    }
    brief.write(to).is_some() || say_nothing(to)
}

/// For a reader that comes though nothing has been written.
pub(super) fn say_nothing(to: &mut [u8]) -> bool {
    set(to, KIND, SAYS_NOTHING.into());
    false
}

impl Brief<'_> {
    fn write(&self, to: &mut [u8]) -> Option<()> {
        let [first, second] = self.texts;
        let room = to.get_mut(TEXTS..)?.get_mut(..first.len() + second.len())?;
        let (front, back) = room.split_at_mut(first.len());
        front.copy_from_slice(first);
        back.copy_from_slice(second);
        for (index, text) in LENGTHS.into_iter().zip(self.texts) {
            set(to, index, u32::try_from(text.len()).ok()?.into());
        }
        set(to, KIND, self.kind.into());
        set(to, CONNECTION, self.connection.into());
        set(to, NUMBER, self.number.into());
        set(to, FLAGS, self.flags.into());
        set(to, TIME, self.time);
        Some(())
    }
}

fn set(to: &mut [u8], index: usize, value: f64) {
    let at = index * size_of::<f64>();
    if let Some(double) = to.get_mut(at..at + size_of::<f64>()) {
        double.copy_from_slice(&value.to_ne_bytes());
    }
}
