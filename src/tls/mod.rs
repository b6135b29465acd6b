//! The face of an engine: records and a virtual clock in, records and deadlines out.
//!
//! There are two engines: `mbed` for DTLS 1.2, and `dtls13`. What stands beside them in this room is for both, but for
//! `context`, which is the life of an association in DTLS 1.2.

mod addition;
mod algorithms;
mod bound;
mod certificate_fault;
mod choice;
mod claim;
mod config;
mod config_error;
mod connection_ids;
mod context;
#[cfg_attr(not(feature = "aws-lc"), path = "no_dtls13.rs")]
mod dtls13;
mod engines;
mod error;
mod ffi;
mod finished;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod greeting;
mod inbound;
#[cfg(all(any(test, fuzzing), feature = "aws-lc"))]
mod insider;
mod key_log;
mod master_secret;
mod mbed;
mod outbox;
mod own_credential;
mod peer;
mod pem;
mod progress;
mod psk;
mod question;
mod random;
mod saved;
mod saved_bytes;
mod saved_connection;
mod session;
mod session_policy;
mod suites;
mod tickets;
mod trust;
mod undecided;
mod version;
mod versions;
mod wall_clock;

pub(crate) use crate::wire::psk_offer::Modes as PskModes;
pub(crate) use algorithms::Algorithms;
pub(crate) use bound::Bound;
pub(crate) use certificate_fault::CertificateFault;
pub(crate) use claim::Claim;
pub(crate) use config::{PeerAuthentication, Settings, Wishes};
pub(crate) use config_error::{ConfigError, Forbidden};
pub(crate) use connection_ids::ConnectionIds;
pub(crate) use context::Reaction;
pub(crate) use engines::Context;
pub(crate) use error::{EXPORT_LIMIT, Error, ErrorKind, ExportError};
#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
pub(crate) use ffi::scarcity;
pub(crate) use finished::Finished;
#[cfg(all(test, feature = "aws-lc"))]
pub(crate) use greeting::UNPROVEN_HELLO_LIMIT;
pub(crate) use greeting::{Greeting, RetryRequest};
pub(crate) use inbound::{DropReason, Inbound};
#[cfg(all(any(test, fuzzing), feature = "aws-lc"))]
pub(crate) use insider::Insider;
pub(crate) use key_log::KeyLog;
#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
pub(crate) use mbed::allocated;
#[cfg(test)]
pub(crate) use mbed::derivations;
pub(crate) use mbed::{Credentials, HmacKey, capabilities, parse_public_key, release_free_memory};
pub(crate) use outbox::Outbox;
pub(crate) use peer::{Authorization, PeerCredential};
pub(crate) use progress::{Negotiated, Progress, Terms};
#[cfg(test)]
pub(crate) use psk::PSK_IDENTITY_LIMIT;
pub(crate) use psk::{ClientPsk, PskError};
pub(crate) use question::{Answer, Asks, KnownSession, Question, Subject};
pub(crate) use random::{RngError, fill_random, random_bytes};
pub(crate) use saved::{
    AssociationName, ReplayWindow, ResumableSession, SaveClock, SavedDtls12, SessionId, Unrestorable,
};
pub(crate) use saved_connection::{Fence, SavedConnection, StoredCopy};
pub(crate) use session_policy::{NewSession, SessionPolicy, SessionsById};
pub(crate) use suites::Suite;
pub(crate) use tickets::TicketKeys;
pub(crate) use trust::{RevocationLists, TrustAnchors};
pub(crate) use version::{Version, Versions};
pub(crate) use versions::{ClientConfig, ServerConfig};
pub(crate) use wall_clock::WallClock;
