//! The product: every association of one UDP address, without sockets, clocks or threads.
//!
//! Inputs are the `handle_*` methods of [`Endpoint`] and the application's wishes (`connect`, `send`, `close`); each takes
//! the time. Outputs wait until they are polled: [`Endpoint::poll_transmit`], [`Endpoint::poll_event`],
//! [`Endpoint::poll_job`], [`Endpoint::poll_trace`], and one deadline, [`Endpoint::poll_timeout`]. Poll all of them after every input.

#![forbid(unsafe_code)]

mod address_hash;
mod associations;
mod connection;
mod connection_ids;
mod cookie_gate;
mod counters;
mod crowd;
mod deadlines;
mod doubts;
mod endpoint;
mod expected;
mod former_addresses;
mod gathering;
mod handshakes;
mod heap;
mod histogram;
mod id_supply;
mod jobs;
mod known_keys;
mod limits;
mod longest_idle;
mod prefix;
mod questions;
mod rate;
mod route;
mod routes;
mod secret_queue;
mod server_names;
mod sessions;
mod slab;
mod table;
#[cfg(test)]
mod tests;
// The part of the tests that fuzzers need.
#[cfg(fuzzing)]
#[path = "tests/fuzzing.rs"]
pub(crate) mod tests;
mod trace;
mod unplaced;
mod unproven_hellos;
mod vendor_move;
mod waiting;

pub(crate) use crate::tls::{
    Algorithms, Answer as HandshakeAnswer, Asks as HandshakeAsks, Authorization, Bound, CertificateFault, ClientConfig,
    ClientPsk, ConfigError, ConnectionIds, Credentials, DropReason, EXPORT_LIMIT, Error, ErrorKind, ExportError, Fence,
    Forbidden, KnownSession, PeerAuthentication, PskError, PskModes, Question as HandshakeQuestion, ReplayWindow,
    ResumableSession, RevocationLists, RngError, SaveClock, SavedConnection, SavedDtls12, ServerConfig, SessionId,
    Settings, Subject as HandshakeSubject, Suite, TicketKeys, TrustAnchors, Unrestorable, Version, Versions, WallClock,
    Wishes, capabilities, parse_public_key,
};
pub(crate) use crate::wire::{ConnectionId, MaxFragmentLength, PublicKey, RSA_BITS};
pub(crate) use connection::CloseReason;
pub(crate) use counters::{Counters, Ends, Tally};
pub(crate) use doubts::AddressValidation;
pub(crate) use endpoint::{Dropped, Endpoint, Event, NoCopy, SendError, Traveller};
pub(crate) use histogram::Histogram;
pub(crate) use jobs::{Job, JobDone};
pub(crate) use known_keys::KnownKeys;
pub(crate) use limits::Limits;
pub(crate) use questions::{Answer, Answered, Asks, Question, QuestionId, Restoration, Subject};
pub(crate) use route::Route;
pub(crate) use server_names::NamePattern;
pub(crate) use sessions::SessionSettings;
pub(crate) use table::ConnectionHandle;
