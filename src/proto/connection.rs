//! One DTLS association with one peer, from its first verified ClientHello to its close.

use super::jobs::Ticket;
use super::limits::{FRESH_HIBERNATES_AFTER, HELD_BYTES_LIMIT, Limits};
use super::output::LookupId;
use crate::tls::Context;
use crate::wire::{ContentType, OwnedRecord, Record};
use std::net::SocketAddr;
use std::time::Instant;

/// Names a connection for as long as its endpoint lives; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ConnectionHandle(pub(crate) u32);

/// A connection's state.
pub(super) struct Connection {
    pub(super) remote: SocketAddr,
    pub(super) context: Context,
    pub(super) phase: Phase,
    /// Tells a repeated ClientHello from one of a client that starts anew. Servers only.
    pub(super) client_random: Option<[u8; 32]>,
    /// Names the association of a restored connection: its copy must not live twice.
    pub(super) restored: Option<AssociationName>,
    /// The deadline under which `Deadlines` knows it.
    pub(super) scheduled: Option<Instant>,
}

/// The server's random: nobody but us chose it.
pub(super) type AssociationName = [u8; 32];

pub(super) enum Phase {
    Handshaking { started: Instant, waiting_for: WaitingFor },
    Established(Activity),
}

/// When something last happened on an open connection.
pub(super) struct Activity {
    /// The last authentic record.
    pub(super) heard: Instant,
    /// The last record either way.
    pub(super) last: Instant,
    /// Nothing has come or gone since it was opened.
    is_fresh: bool,
}

impl Activity {
    pub(super) fn begin(now: Instant) -> Activity {
        Activity { heard: now, last: now, is_fresh: true }
    }
}

/// What a handshake waits for.
pub(super) enum WaitingFor {
    Peer,
    /// The application's answer.
    Application(OpenLookup),
    /// A thread for its next step, or that thread's result.
    Worker(Stint),
}

/// A question that the application has not answered yet; what comes meanwhile is held.
pub(super) struct OpenLookup {
    pub(super) id: LookupId,
    pub(super) subject: Subject,
    pub(super) held: HeldRecords,
}

/// A step that is another thread's; what comes meanwhile is held.
pub(super) struct Stint {
    pub(super) ticket: Ticket,
    /// The context has left.
    pub(super) is_lent: bool,
    pub(super) held: HeldRecords,
}

impl OpenLookup {
    /// Whether the record is kept until there is an answer.
    pub(super) fn hold(&mut self, record: &Record<'_>) -> bool {
        // Before it hears who we are, a server has said all; what comes of its handshake repeats that.
        let is_repetition = self.subject == Subject::Identity && record.content_type == ContentType::Handshake;
        !is_repetition && self.held.hold(record)
    }
}

/// What the application was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The configuration that answers a name.
    Config,
    /// One of a client's application protocols.
    Protocol,
    /// The key of an identity.
    Psk,
    /// Whether a peer is accepted.
    Peer,
    /// The session of an id.
    Session,
    /// As whom a client appears.
    Identity,
}

impl Subject {
    pub(super) fn name(self) -> &'static str {
        match self {
            Subject::Config => "look-up of a context by name",
            Subject::Protocol => "choice of an application protocol",
            Subject::Psk => "look-up of a pre-shared key",
            Subject::Peer => "verification of the peer",
            Subject::Session => "look-up of a session",
            Subject::Identity => "look-up of our pre-shared key",
        }
    }

    /// Whether the hello itself leads to the question: the client then gets no other answer before this one.
    pub(super) fn is_by_hello(self) -> bool {
        matches!(self, Subject::Config | Subject::Protocol)
    }
}

/// Records that wait for a handshake to go on, bounded.
#[derive(Default)]
pub(super) struct HeldRecords {
    records: Vec<OwnedRecord>,
    bytes: usize,
}

impl HeldRecords {
    /// Keeps the first that fit: they are the flight that the handshake needs; what follows are its repetitions.
    pub(super) fn hold(&mut self, record: &Record<'_>) -> bool {
        let fits = self.bytes + record.bytes.len() <= HELD_BYTES_LIMIT;
        if fits {
            self.bytes += record.bytes.len();
            self.records.push(record.keep());
        }
        fits
    }

    pub(super) fn into_records(self) -> Vec<OwnedRecord> {
        self.records
    }
}

impl Connection {
    pub(super) fn is_established(&self) -> bool {
        matches!(self.phase, Phase::Established(_))
    }

    /// An authentic record came.
    pub(super) fn heard(&mut self, now: Instant) {
        if let Phase::Established(activity) = &mut self.phase {
            *activity = Activity { heard: now, last: now, is_fresh: false };
        }
    }

    /// A payload went.
    pub(super) fn sent(&mut self, now: Instant) {
        if let Phase::Established(activity) = &mut self.phase {
            activity.last = now;
            activity.is_fresh = false;
        }
    }

    /// When `Endpoint::handle_timeout` has something to do for this connection.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<Instant> {
        match &self.phase {
            Phase::Handshaking { started, .. } => {
                let end = *started + limits.handshake_timeout;
                Some(self.context.deadline().map_or(end, |retransmission| retransmission.min(end)))
            }
            Phase::Established(activity) => {
                let idle = limits.idle_timeout.map(|timeout| activity.heard + timeout);
                idle.into_iter().chain(self.bedtime(limits)).min()
            }
        }
    }

    /// When an open connection goes to sleep; `None` when it does not, or does already.
    pub(super) fn bedtime(&self, limits: &Limits) -> Option<Instant> {
        let Phase::Established(activity) = &self.phase else {
            return None;
        };
        let quiet = limits.hibernate_after.filter(|_| !self.context.is_asleep())?;
        // Who has nothing to say at once will say it later: a crowd that only connects must not be awake all together.
        Some(activity.last + if activity.is_fresh { quiet.min(FRESH_HIBERNATES_AFTER) } else { quiet })
    }
}
