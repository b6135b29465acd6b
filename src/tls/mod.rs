//! The face of an engine: records and a virtual clock in, records and deadlines out.
//!
//! What stands beside `mbed` in this room names no engine, so that another one can stand beside it one day.

mod certificate_fault;
mod choice;
mod claim;
mod config;
mod config_error;
mod connection_ids;
mod context;
mod error;
mod inbound;
mod key_log;
mod mbed;
mod outbox;
mod peer;
mod progress;
mod psk;
mod question;
mod random;
mod saved;
mod saved_bytes;
mod session;
mod session_policy;
mod suites;
mod tickets;
mod wall_clock;

pub(crate) use certificate_fault::CertificateFault;
pub(crate) use claim::Claim;
pub(crate) use config::{PeerAuthentication, Settings, Wishes};
pub(crate) use config_error::{ConfigError, Forbidden};
pub(crate) use connection_ids::ConnectionIds;
pub(crate) use context::{Context, Finished, Reaction};
pub(crate) use error::{EXPORT_LIMIT, Error, ErrorKind, ExportError};
pub(crate) use inbound::{DropReason, Inbound};
pub(crate) use key_log::KeyLog;
pub(crate) use mbed::{
    ClientConfig, Credentials, HmacKey, RevocationLists, ServerConfig, TrustAnchors, capabilities, parse_public_key,
    release_free_memory,
};
pub(crate) use outbox::Outbox;
pub(crate) use peer::{Authorization, PeerCredential};
pub(crate) use progress::{Negotiated, Progress, Terms};
pub(crate) use psk::{ClientPsk, PskError};
pub(crate) use question::{Answer, Asks, KnownSession, Question, Subject};
pub(crate) use random::{RngError, fill_random};
pub(crate) use saved::{
    AssociationName, ReplayWindow, ResumableSession, SaveClock, SavedConnection, SessionId, Unrestorable,
};
pub(crate) use session_policy::{NewSession, SessionPolicy, SessionsById};
pub(crate) use suites::Suite;
pub(crate) use tickets::TicketKeys;
pub(crate) use wall_clock::WallClock;
