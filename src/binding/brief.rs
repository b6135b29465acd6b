//! What happens to every connection, as numbers and bytes in memory that JavaScript reads after any call: an object with
//! its properties costs some microseconds, a call to ask for the next event half of one, and a handshake has four events.

use super::address;
use super::error::{CodedError, internal};
use super::stats;
use super::words;
use crate::proto::{Authorization, CloseReason, Endpoint, Event, HandshakeQuestion, Question};
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;

// Doubles: two counters, ours and JavaScript's, then a slot for each event, then texts.
const WRITTEN: usize = 0;
const READ: usize = 1;
const SLOTS: usize = 2;

// Doubles of a slot.
const KIND: usize = 0;
const CONNECTION: usize = 1;
/// connection: UDP port; psk: question; secure: IANA's number of the suite; closed: index of the reason.
const NUMBER: usize = 2;
const FLAGS: usize = 3;
/// Where in the memory the texts begin.
const TEXT: usize = 4;
/// Bytes of the first text; those of the others follow.
const LENGTHS: usize = 5;
const TEXTS: usize = 4;
/// secure: milliseconds.
const TIME: usize = 9;
const SLOT: usize = 10;

/// Bytes of texts: room for the longest address, server name and identity of one event, and so many for each slot. An event
/// with more, as with a long certificate, is an object.
const LONGEST_TEXTS: usize = 448;
const TEXTS_PER_SLOT: usize = 64;

const IS_CONNECTION: u32 = 1;
const IS_PSK_QUESTION: u32 = 2;
const IS_SECURE: u32 = 3;
const IS_CLOSED: u32 = 4;

const AUTHORIZED: u32 = 1;
const RESUMED: u32 = 2;
/// There is a second text, though it may be empty.
const HAS_NAME: u32 = 4;
const HAS_PUBLIC_KEY: u32 = 8;
const HAS_CERTIFICATE: u32 = 16;
const IS_REFUSED: u32 = 32;

// Texts of an event.
const ADDRESS: usize = 0;
const PUBLIC_KEY: usize = 0;
/// Numbers, as `stats.rs` has them.
const TALLY: usize = 0;
/// The server's name, or the identity.
const NAME: usize = 1;
const CERTIFICATE: usize = 2;
/// What is wrong with a peer that was let in nevertheless.
const REFUSAL: usize = 3;

/// Where what stands. JavaScript reads it once, and keeps no copy of its own.
#[napi(object, object_from_js = false)]
pub struct NativeBriefLayout {
    /// Double: how many events have been written.
    pub written: u32,
    /// Double: how many events JavaScript has read.
    pub read: u32,
    /// The first double of the first slot.
    pub slots: u32,
    /// Doubles of a slot.
    pub slot_length: u32,
    /// Bytes of texts beside those of the slots.
    pub longest_texts: u32,
    /// Bytes of texts for each slot.
    pub texts_per_slot: u32,
    /// Double of a slot: one of `isConnection`, `isPskQuestion`, `isSecure`, `isClosed`.
    pub kind: u32,
    /// Double of a slot: the connection.
    pub connection: u32,
    /// Double of a slot: UDP port, question, suite, or index of `reasons`, by kind.
    pub number: u32,
    /// Double of a slot: bits.
    pub flags: u32,
    /// Double of a slot: where in the memory its texts begin, in bytes.
    pub text: u32,
    /// Double of a slot: bytes of its first text; those of the others follow.
    pub lengths: u32,
    /// Double of a slot: milliseconds that the handshake has taken.
    pub time: u32,
    /// Kind: a client has proved its address.
    pub is_connection: u32,
    /// Kind: a question for a pre-shared key.
    pub is_psk_question: u32,
    /// Kind: a handshake is over.
    pub is_secure: u32,
    /// Kind: a connection is gone.
    pub is_closed: u32,
    /// Bit of `flags`.
    pub authorized: u32,
    /// Bit of `flags`.
    pub resumed: u32,
    /// Bit of `flags`: there is a name, though it may be empty.
    pub has_name: u32,
    /// Bit of `flags`.
    pub has_public_key: u32,
    /// Bit of `flags`.
    pub has_certificate: u32,
    /// Bit of `flags`: there is a refusal.
    pub is_refused: u32,
    /// Text of a connection.
    pub address: u32,
    /// Text of a finished handshake.
    pub public_key: u32,
    /// Text of a connection that is gone: its counters.
    pub tally: u32,
    /// Text: the server's name that a client asks for, or the identity.
    pub name: u32,
    /// Text of a finished handshake.
    pub certificate: u32,
    /// Text of a finished handshake: what is wrong with a peer that was let in nevertheless.
    pub refusal: u32,
    /// Why a connection has ended.
    pub reasons: Vec<&'static str>,
}

pub(super) fn layout() -> NativeBriefLayout {
    NativeBriefLayout {
        written: WRITTEN as u32,
        read: READ as u32,
        slots: SLOTS as u32,
        slot_length: SLOT as u32,
        longest_texts: LONGEST_TEXTS as u32,
        texts_per_slot: TEXTS_PER_SLOT as u32,
        kind: KIND as u32,
        connection: CONNECTION as u32,
        number: NUMBER as u32,
        flags: FLAGS as u32,
        text: TEXT as u32,
        lengths: LENGTHS as u32,
        time: TIME as u32,
        is_connection: IS_CONNECTION,
        is_psk_question: IS_PSK_QUESTION,
        is_secure: IS_SECURE,
        is_closed: IS_CLOSED,
        authorized: AUTHORIZED,
        resumed: RESUMED,
        has_name: HAS_NAME,
        has_public_key: HAS_PUBLIC_KEY,
        has_certificate: HAS_CERTIFICATE,
        is_refused: IS_REFUSED,
        address: ADDRESS as u32,
        public_key: PUBLIC_KEY as u32,
        tally: TALLY as u32,
        name: NAME as u32,
        certificate: CERTIFICATE as u32,
        refusal: REFUSAL as u32,
        reasons: words::REASONS.to_vec(),
    }
}

/// Events that JavaScript has yet to read.
pub(super) struct BriefEvents {
    memory: Buffer,
    slots: usize,
    /// Where texts begin.
    texts: usize,
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
    /// In memory of JavaScript's, as long as the layout asks for.
    pub(super) fn new(memory: Buffer) -> Result<BriefEvents, CodedError> {
        let fixed = SLOTS * size_of::<f64>() + LONGEST_TEXTS;
        let slot = SLOT * size_of::<f64>() + TEXTS_PER_SLOT;
        let slots = memory.len().saturating_sub(fixed) / slot;
        if slots == 0 || memory.len() != fixed + slots * slot {
            return Err(internal(format!("{} bytes do not fit brief events", memory.len())));
        }
        let texts = (SLOTS + SLOT * slots) * size_of::<f64>();
        Ok(BriefEvents { memory, slots, texts, written: 0, text: texts })
    }

    /// Moves here what fits of what the endpoint has to say, in its order. Answers whether there is something to read.
    pub(super) fn take_from(&mut self, endpoint: &mut Endpoint) -> bool {
        if !self.has_unread() {
            self.written = 0;
            self.text = self.texts;
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

    fn write(&mut self, event: &Event) -> Fit {
        let formatted;
        let tally;
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
            Event::Question {
                question,
                connection: Some(connection),
                about: Question::Handshake(HandshakeQuestion::Psk(identity)),
            } => Brief {
                kind: IS_PSK_QUESTION,
                connection: connection.0,
                number: question.0,
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
            Event::Closed { connection, reason, tally: counts } => {
                let number = match reason {
                    CloseReason::Peer => 0,
                    CloseReason::Local => 1,
                    CloseReason::Idle => 2,
                    CloseReason::Replaced => 3,
                    CloseReason::Evicted => 4,
                    CloseReason::Error(_) => return Fit::Never,
                };
                tally = stats::tally_bytes(counts);
                let texts = [&tally[..], &[], &[], &[]];
                Brief { kind: IS_CLOSED, connection: connection.0, number, texts, ..Brief::default() }
            }
            _ => return Fit::Never,
        };
        self.place(&brief)
    }

    fn place(&mut self, brief: &Brief<'_>) -> Fit {
        let length = brief.texts.iter().map(|text| text.len()).sum::<usize>();
        let end = self.memory.len();
        if self.texts + length > end {
            return Fit::Never;
        }
        if self.written == self.slots || self.text + length > end {
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
        for (index, text) in (LENGTHS..).zip(brief.texts) {
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
