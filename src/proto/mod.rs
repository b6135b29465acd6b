//! The product: every association of one UDP address, without sockets, clocks or threads.
//!
//! Inputs are the `handle_*` methods of [`Endpoint`] and the application's wishes (`connect`, `send`, `close`); each takes
//! the time. Outputs wait until they are polled: [`Endpoint::poll_transmit`], [`Endpoint::poll_event`], and one deadline,
//! [`Endpoint::poll_timeout`]. Poll all three after every input.

#![forbid(unsafe_code)]

mod connection;
mod cookie_gate;
mod counters;
mod deadlines;
mod endpoint;
mod gathering;
mod jobs;
mod keying;
mod known_keys;
mod lifecycle;
mod limits;
mod lookups;
mod output;
mod roaming;
mod routes;
mod server_names;
mod server_side;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use crate::tls::{
    Authorization, CertificateFault, ClientConfig, ClientPsk, ConfigError, Credentials, EXPORT_LIMIT, Error, ErrorKind,
    ExportError, Forbidden, PeerAuthentication, PskError, ReplayWindow, ResumableSession, RevocationLists,
    SavedConnection, ServerConfig, SessionId, Settings, Suite, TrustAnchors, Wishes, capabilities, parse_public_key,
};
pub(crate) use crate::wire::{MaxFragmentLength, PublicKey, RSA_BITS};
pub(crate) use connection::ConnectionHandle;
pub(crate) use endpoint::{Endpoint, SendError};
pub(crate) use jobs::{Job, JobDone};
pub(crate) use known_keys::KnownKeys;
pub(crate) use limits::Limits;
pub(crate) use output::{CloseReason, Event, LookupId};
pub(crate) use server_names::NamePattern;
