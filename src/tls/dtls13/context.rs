//! One association's engine in DTLS 1.3, awake or asleep.

use super::asleep::Asleep;
use super::association::Association;
use crate::tls::context::Reaction;
use crate::tls::error::Error;
use crate::tls::inbound::{DISTURBANCES, Inbound};
use crate::tls::outbox::Outbox;
use crate::tls::progress::Progress;
use crate::wire::Record;
use std::time::Instant;

#[expect(clippy::large_enum_variant, reason = "memory of its own would pin a page for each connection that is asleep")]
pub(crate) enum Context {
    Awake(Box<Association>),
    /// Open, in a third of the memory.
    Asleep(Asleep),
}

impl Context {
    pub(crate) fn new(association: impl Into<Box<Association>>) -> Context {
        Context::Awake(association.into())
    }

    /// An association that comes in from elsewhere. It wakes when it is heard from: a crowd that comes at once is not.
    pub(crate) fn at_rest(association: Association) -> Context {
        Asleep::of(&association).map_or_else(|| Context::new(association), Context::Asleep)
    }

    /// Something that is known about the association.
    pub(crate) fn ask<Answer>(&self, question: impl FnOnce(&Association) -> Answer) -> Answer {
        match self {
            Context::Awake(association) => question(association),
            Context::Asleep(asleep) => question(&asleep.wake()),
        }
    }

    /// For what wakes it.
    pub(crate) fn awake(&mut self) -> &mut Association {
        let association = match self {
            Context::Awake(association) => return association,
            Context::Asleep(asleep) => asleep.wake(),
        };
        *self = Context::new(association);
        self.awake()
    }

    /// For what does not wake it for longer than it takes.
    pub(crate) fn disturb<Answer>(&mut self, act: impl FnOnce(&mut Association) -> Answer) -> Answer {
        let slept = self.is_asleep();
        let answer = act(self.awake());
        if slept {
            self.hibernate();
        }
        answer
    }

    /// See [`Association::take_copy_due`]. With a copy that is due it does not sleep.
    pub(crate) fn take_copy_due(&mut self) -> bool {
        match self {
            Context::Awake(association) => association.take_copy_due(),
            Context::Asleep(_) => false,
        }
    }

    /// See [`Association::lacks_numbers`].
    pub(crate) fn lacks_numbers(&self) -> bool {
        match self {
            Context::Awake(association) => association.lacks_numbers(),
            Context::Asleep(asleep) => asleep.lacks_numbers(),
        }
    }

    /// When [`Context::handle_timeout`] is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self {
            Context::Awake(association) => association.deadline(),
            Context::Asleep(_) => None,
        }
    }

    /// See [`Association::expects`].
    pub(crate) fn expects(&self, record: &Record<'_>) -> bool {
        match self {
            Context::Awake(association) => association.expects(record),
            Context::Asleep(asleep) => record.is_ciphertext() && record.is_for(asleep.own_id()),
        }
    }

    /// See [`Association::hears_while_asking`].
    pub(crate) fn hears_while_asking(&self, record: &Record<'_>) -> bool {
        matches!(self, Context::Awake(association) if association.hears_while_asking(record))
    }

    /// See [`Association::handle_record`].
    pub(crate) fn handle_record(
        &mut self,
        now: Instant,
        record: &Record<'_>,
        room: &mut [u8],
        out: &mut Outbox,
    ) -> Result<Reaction, Error> {
        let disturbances = match self {
            Context::Awake(association) => return association.handle_record(now, record, room, out),
            Context::Asleep(asleep) => asleep.disturbances,
        };
        let reaction = self.awake().handle_record(now, record, room, out);
        // What anybody can send does not wake it for longer than it takes to see that.
        if matches!(reaction, Ok(Reaction::Record(Inbound::Dropped(_)))) && disturbances < DISTURBANCES {
            self.hibernate();
            if let Context::Asleep(asleep) = self {
                asleep.disturbances = disturbances + 1;
            }
        }
        reaction
    }

    /// See [`Association::handle_timeout`].
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> Result<Progress, Error> {
        // What was under way may be over then.
        self.disturb(|association| association.handle_timeout(now, out))
    }

    /// The connection ID that the peer's records have, or that we have offered; empty without one.
    pub(crate) fn own_id(&self) -> &[u8] {
        match self {
            Context::Awake(association) => association.own_id(),
            Context::Asleep(asleep) => asleep.own_id(),
        }
    }

    /// Our own certificate, DER, if we have shown one.
    pub(crate) fn own_certificate(&self) -> Option<&[u8]> {
        match self {
            Context::Awake(association) => association.own_certificate(),
            Context::Asleep(asleep) => asleep.own_certificate(),
        }
    }

    /// Whether it needs little memory until it is needed.
    pub(crate) fn is_asleep(&self) -> bool {
        match self {
            Context::Awake(association) => association.is_at_rest(),
            Context::Asleep(_) => true,
        }
    }

    /// Gives its memory back; the next record or payload wakes it in a few microseconds. While something is under way, it is the memory
    /// of its keys alone.
    pub(crate) fn hibernate(&mut self) {
        if let Context::Awake(association) = self {
            match Asleep::of(association) {
                Some(asleep) => *self = Context::Asleep(asleep),
                None => association.rest(),
            }
        }
    }
}
