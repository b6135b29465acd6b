//! What happens to every connection, as numbers and bytes in memory that JavaScript reads after any call: an object with
//! its properties costs some microseconds, a call to ask for the next event half of one, and a handshake has four events.

use super::address;
use super::error::{CodedError, internal};
use super::words;
use crate::proto::{Authorization, CloseReason, Endpoint, Event};
use napi::bindgen_prelude::Buffer;
use std::ops::Range;

// Doubles, see `lib/brief.js`: two counters, ours and JavaScript's, then a slot for each event, then texts.
const WRITTEN: usize = 0;
const READ: usize = 1;
const SLOTS: usize = 2;

// Doubles of a slot.
const KIND: usize = 0;
const CONNECTION: usize = 1;
/// connection: UDP port; pskLookup: look-up; secure: IANA's number of the suite; closed: index of the reason.
const NUMBER: usize = 2;
const FLAGS: usize = 3;
/// Where in the memory the texts begin.
const TEXT: usize = 4;
/// Bytes of each text. connection: address, server name; pskLookup: nothing, identity; secure: the peer's public key, its
/// identity, its certificate, what is wrong with it.
const LENGTHS: [usize; TEXTS] = [5, 6, 7, 8];
const TEXTS: usize = 4;
/// secure: milliseconds.
const TIME: usize = 9;
const SLOT: usize = 10;

/// Bytes of texts: room for the longest address, server name and identity of one event, and so many for each slot. An event
/// with more, as with a long certificate, is an object.
const LONGEST_TEXTS: usize = 448;
const TEXTS_PER_SLOT: usize = 64;

const IS_CONNECTION: u32 = 1;
const IS_PSK_LOOKUP: u32 = 2;
const IS_SECURE: u32 = 3;
const IS_CLOSED: u32 = 4;

const AUTHORIZED: u32 = 1;
const RESUMED: u32 = 2;
/// There is a second text, though it may be empty.
const HAS_NAME: u32 = 4;
const HAS_PUBLIC_KEY: u32 = 8;
const HAS_CERTIFICATE: u32 = 16;
const IS_REFUSED: u32 = 32;

/// Events that JavaScript has yet to read.
pub(super) struct BriefEvents {
    memory: Buffer,
    slots: usize,
    written: usize,
    /// Where the next text goes.
    text: usize,
}

/// Whether an event could be written.
#[derive(PartialEq, Eq)]
enum Fit {
    Written,
    /// Not now: what is there has to be read before.
    Later,
    /// It needs an object.
    Never,
}

impl BriefEvents {
    /// In memory of JavaScript's, as `lib/brief.js` makes it.
    pub(super) fn new(memory: Buffer) -> Result<BriefEvents, CodedError> {
        let fixed = SLOTS * size_of::<f64>() + LONGEST_TEXTS;
        let slot = SLOT * size_of::<f64>() + TEXTS_PER_SLOT;
        let slots = memory.len().saturating_sub(fixed) / slot;
        if slots == 0 || memory.len() != fixed + slots * slot {
            return Err(internal(format!("{} bytes do not fit brief events", memory.len())));
        }
        Ok(BriefEvents { memory, slots, written: 0, text: 0 })
    }

    /// Moves here what fits of what the endpoint has to say, in its order. Answers whether there is something to read.
    pub(super) fn take_from(&mut self, endpoint: &mut Endpoint) -> bool {
        if !self.has_unread() {
            self.written = 0;
            self.text = self.texts().start;
            set(&mut self.memory, READ, 0.0);
        }
        while let Some(event) = endpoint.peek_event()
            && self.write(event) == Fit::Written
        {
            endpoint.poll_event();
        }
        set(&mut self.memory, WRITTEN, self.written as f64);
        self.has_unread()
    }

    /// Whether JavaScript has not read all yet.
    pub(super) fn has_unread(&self) -> bool {
        get(&self.memory, READ) < self.written as f64
    }

    fn texts(&self) -> Range<usize> {
        (SLOTS + SLOT * self.slots) * size_of::<f64>()..self.memory.len()
    }

    fn write(&mut self, event: &Event) -> Fit {
        let formatted;
        let brief = match event {
            Event::Connection { connection, remote, servername } => {
                formatted = address::format(remote);
                // A name is ASCII, or JavaScript must decode it.
                if servername.as_ref().is_some_and(|name| !name.is_ascii()) {
                    return Fit::Never;
                }
                Brief {
                    kind: IS_CONNECTION,
                    connection: connection.0,
                    number: remote.port().into(),
                    flags: if servername.is_some() { HAS_NAME } else { 0 },
                    texts: [formatted.as_bytes(), servername.as_deref().unwrap_or_default().as_bytes(), &[], &[]],
                    ..Brief::default()
                }
            }
            Event::PskLookup { connection, lookup, identity } => Brief {
                kind: IS_PSK_LOOKUP,
                connection: connection.0,
                number: lookup.0,
                flags: HAS_NAME,
                texts: [&[], identity, &[], &[]],
                ..Brief::default()
            },
            Event::Secure { connection, suite, resumed, psk_identity, peer, terms, handshake_time }
                if terms.protocol.is_none() && terms.issuers.is_empty() && terms.srtp_profile.is_none() =>
            {
                let certificate = peer.as_ref().and_then(|peer| peer.certificate.as_deref());
                let refusal = match terms.authorization {
                    Authorization::Refused(kind) => Some(words::code(kind)),
                    Authorization::Granted | Authorization::Unknown => None,
                };
                let flags = [
                    (terms.authorization == Authorization::Granted, AUTHORIZED),
                    (*resumed, RESUMED),
                    (psk_identity.is_some(), HAS_NAME),
                    (peer.is_some(), HAS_PUBLIC_KEY),
                    (certificate.is_some(), HAS_CERTIFICATE),
                    (refusal.is_some(), IS_REFUSED),
                ];
                Brief {
                    kind: IS_SECURE,
                    connection: connection.0,
                    number: suite.id().into(),
                    flags: flags.into_iter().filter(|(is, _)| *is).map(|(_, flag)| flag).sum(),
                    texts: [
                        peer.as_ref().map_or(&[], |peer| &*peer.public_key),
                        psk_identity.as_deref().unwrap_or_default(),
                        certificate.unwrap_or_default(),
                        refusal.unwrap_or_default().as_bytes(),
                    ],
                    time: handshake_time.as_secs_f64() * 1000.0,
                }
            }
            Event::Closed { connection, reason } => {
                let number = match reason {
                    CloseReason::Peer => 0,
                    CloseReason::Local => 1,
                    CloseReason::Idle => 2,
                    CloseReason::Replaced => 3,
                    CloseReason::Error(_) => return Fit::Never,
                };
                Brief { kind: IS_CLOSED, connection: connection.0, number, ..Brief::default() }
            }
            _ => return Fit::Never,
        };
        self.place(&brief)
    }

    fn place(&mut self, brief: &Brief<'_>) -> Fit {
        let length = brief.texts.iter().map(|text| text.len()).sum::<usize>();
        let texts = self.texts();
        if length > texts.len() {
            return Fit::Never;
        }
        if self.written == self.slots || self.text + length > texts.end {
            return Fit::Later;
        }
        let text = self.text;
        for part in brief.texts {
            if let Some(room) = self.memory.get_mut(self.text..self.text + part.len()) {
                room.copy_from_slice(part);
                self.text += part.len();
            }
        }
        let slot = SLOTS + SLOT * self.written;
        let mut set = |index: usize, value: f64| set(&mut self.memory, slot + index, value);
        set(KIND, brief.kind.into());
        set(CONNECTION, brief.connection.into());
        set(NUMBER, brief.number.into());
        set(FLAGS, brief.flags.into());
        set(TEXT, text as f64);
        for (index, text) in LENGTHS.into_iter().zip(brief.texts) {
            set(index, text.len() as f64);
        }
        set(TIME, brief.time);
        self.written += 1;
        Fit::Written
    }
}

/// What an event comes down to.
#[derive(Default)]
struct Brief<'a> {
    kind: u32,
    connection: u32,
    number: u32,
    flags: u32,
    texts: [&'a [u8]; TEXTS],
    time: f64,
}

fn get(from: &[u8], index: usize) -> f64 {
    let at = index * size_of::<f64>();
    from.get(at..).and_then(<[u8]>::first_chunk).map_or(0.0, |bytes| f64::from_ne_bytes(*bytes))
}

fn set(to: &mut [u8], index: usize, value: f64) {
    let at = index * size_of::<f64>();
    if let Some(double) = to.get_mut(at..at + size_of::<f64>()) {
        double.copy_from_slice(&value.to_ne_bytes());
    }
}
