//! A client whose hello is one of both versions, until the server's hello has chosen.
//!
//! The engine for DTLS 1.2 sends the hello and repeats it; that of DTLS 1.3 has its say in it. Nothing that a stranger could have
//! sent has the client offer less: a HelloVerifyRequest is answered with a second hello of both versions, and the server may
//! choose DTLS 1.3 all the same, by an answer to the first.

use super::context::{Context as Dtls12, Reaction};
use super::dtls13::Association;
use super::error::{Error, ErrorKind};
use super::inbound::{DropReason, Inbound};
use super::outbox::Outbox;
use super::progress::Progress;
use super::question::Answer;
use super::version::Version;
use crate::wire::handshake::{HandshakeFragment, SERVER_HELLO};
use crate::wire::two_versions::chooses_dtls13;
use crate::wire::{OwnedRecord, Record};
use std::time::Instant;

/// Records of a server's hello that are kept until it is whole; the oldest gives way.
const PARTS_LIMIT: usize = 8;

/// What goes on.
#[expect(clippy::large_enum_variant, reason = "it is unpacked at once")]
pub(super) enum Chosen {
    Dtls12(Dtls12),
    Dtls13(Box<Association>),
}

pub(crate) struct Undecided {
    pub(super) older: Dtls12,
    newer: Box<Association>,
    /// Records with parts of a server's hello.
    parts: Vec<OwnedRecord>,
}

impl Undecided {
    /// Call [`Undecided::handle_timeout`] to send the first flight.
    pub(super) fn new(older: Dtls12, newer: Association) -> Undecided {
        Undecided { older, newer: Box::new(newer), parts: Vec::new() }
    }

    pub(super) fn pause(&mut self, pauses: bool) {
        self.older.pause(pauses);
        self.newer.pause(pauses);
    }

    /// When [`Undecided::handle_timeout`] is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.older.deadline().into_iter().chain(self.newer.deadline()).min()
    }

    /// Sends the hello, or asks first who we are; later, repeats it when the time has come.
    pub(super) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> Result<Progress, Error> {
        if self.is_at_start() {
            return match self.newer.begin_beside(now)? {
                Some(question) => Ok(Progress::Asks(question)),
                None => self.greet(now, out),
            };
        }
        if self.newer.deadline().is_some_and(|due| due <= now) {
            self.newer.handle_timeout(now, out)?;
        }
        self.older.handle_timeout(now, out)
    }

    /// Whether this answer to the question who we are leaves DTLS 1.2 alone. A server of that version may give a hint, by which the
    /// application knows more; one of DTLS 1.3 has none.
    pub(super) fn is_left_to_older(&self, answer: &Answer<'_>) -> bool {
        self.is_at_start() && !self.newer.can_go_on_with(answer)
    }

    /// Whether no hello has been sent.
    pub(super) fn is_at_start(&self) -> bool {
        self.older.first_hello().is_empty()
    }

    /// Goes on with who we are. A server that chooses DTLS 1.2 has the application asked once more, with its hint.
    pub(super) fn handle_answer(
        &mut self,
        now: Instant,
        answer: Answer<'_>,
        out: &mut Outbox,
    ) -> Result<Progress, Error> {
        self.newer.answer_beside(now, answer)?;
        self.greet(now, out)
    }

    fn greet(&mut self, now: Instant, out: &mut Outbox) -> Result<Progress, Error> {
        self.older.add_to_hello(self.newer.addition()?);
        let progress = self.older.handle_timeout(now, out)?;
        self.newer.greeted(self.older.first_hello())?;
        Ok(progress)
    }

    /// Takes a record that chooses no version.
    pub(super) fn handle_record(
        &mut self,
        now: Instant,
        record: &Record<'_>,
        plaintext: &mut [u8],
        out: &mut Outbox,
    ) -> Result<Reaction, Error> {
        if is_of_servers_hello(record) {
            // It waits in `parts`.
            return Ok(Reaction::Handshake(Progress::Waiting));
        }
        if record.is_of_dtls13() {
            // What follows a server's hello of DTLS 1.3 may come before it. Nobody repeats a flight because of an ACK here.
            return match record.is_ciphertext() {
                true => self.newer.handle_record(now, record, plaintext, out),
                false => Ok(Reaction::Record(Inbound::Dropped(DropReason::Unexpected))),
            };
        }
        self.older.handle_record(now, record, plaintext, out).map_err(|error| match error.kind {
            ErrorKind::WrongVersion => Error::wrong_version("DTLS 1.3 or DTLS 1.2"),
            _ => error,
        })
    }

    pub(super) fn expects(&self, record: &Record<'_>) -> bool {
        record.is_ciphertext() || !record.is_of_dtls13() && self.older.expects(record)
    }

    /// The version that a server's hello has chosen, if it is whole with this record.
    pub(super) fn hear(&mut self, record: &Record<'_>) -> Option<Version> {
        if self.is_at_start() || !is_of_servers_hello(record) {
            return None;
        }
        if self.parts.len() == PARTS_LIMIT {
            self.parts.remove(0);
        }
        self.parts.push(record.keep());
        let newer = chooses_dtls13(&self.whole_hello()?);
        self.parts.retain(|part| is_of_one_message(&part.borrow(), record));
        Some(if newer { Version::Dtls13 } else { Version::Dtls12 })
    }

    /// What goes on with this version, and the records with the server's hello for it: nobody else's parts, or an engine that had
    /// begun with another message of this number would not take the hello.
    pub(super) fn decide(self, version: Version) -> (Chosen, Vec<OwnedRecord>) {
        let Undecided { older, mut newer, parts } = self;
        let chosen = match version {
            Version::Dtls12 => Chosen::Dtls12(older),
            Version::Dtls13 => {
                newer.go_on_from(older.next_plaintext_number().unwrap_or_default());
                Chosen::Dtls13(newer)
            }
        };
        (chosen, parts)
    }

    /// The body of the hello that the newest record belongs to, if nothing of it is missing.
    fn whole_hello(&self) -> Option<Vec<u8>> {
        let records: Vec<_> = self.parts.iter().map(OwnedRecord::borrow).collect();
        let newest = records.last()?;
        let of_one = records.iter().filter(|record| is_of_one_message(record, newest));
        let mut fragments: Vec<_> = of_one.filter_map(fragment).collect();
        let length = fragments.last()?.length;
        fragments.sort_by_key(|fragment| fragment.fragment_offset);
        let mut body = Vec::new();
        for fragment in fragments {
            let known = body.len().checked_sub(fragment.fragment_offset);
            body.extend(known.and_then(|known| fragment.body.get(known..)).unwrap_or_default());
        }
        (body.len() == length).then_some(body)
    }
}

fn fragment<'a>(record: &Record<'a>) -> Option<HandshakeFragment<'a>> {
    HandshakeFragment::split(record.fragment()).map(|(fragment, _)| fragment)
}

/// Whether two records may have parts of the same message.
fn is_of_one_message(one: &Record<'_>, other: &Record<'_>) -> bool {
    let message = |record| fragment(record).map(|fragment| (fragment.sequence, fragment.length));
    message(one) == message(other)
}

fn is_of_servers_hello(record: &Record<'_>) -> bool {
    let is_plaintext = record.is_handshake() && record.epoch == 0;
    is_plaintext && fragment(record).is_some_and(|fragment| fragment.message_type == SERVER_HELLO)
}
