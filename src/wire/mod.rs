//! What stands in datagrams: records, hellos, extensions, alerts, public keys. Bytes in, borrowed values out.
//!
//! This room knows no engine. What comes from a peer is read here first, whoever reads it afterwards. A parser answers
//! with an `Option`, or with a small enum where the peer is told what was wrong; the callers make errors of that.

#![forbid(unsafe_code)]

pub(crate) mod alert;
pub(crate) mod certificate;
pub(crate) mod certificate13;
mod certificate_request;
mod connection_id;
mod describe;
pub(crate) mod extension_numbers;
pub(crate) mod extensions;
mod fragments;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub(crate) mod handshake;
mod hello;
pub(crate) mod hello13;
pub(crate) mod key_exchange;
mod lengths;
#[cfg(feature = "aws-lc")]
mod new_session_ticket;
pub(crate) mod psk_offer;
mod public_key;
mod reader;
mod record;
mod routability_check;
pub(crate) mod two_versions;
mod unified_header;
mod validity;
mod vector;

pub(crate) use certificate_request::requested_signatures;
pub(crate) use connection_id::ConnectionId;
pub(crate) use describe::describe;
pub(crate) use extensions::ExtensionFault;
pub(crate) use extensions::application_protocol;
pub(crate) use extensions::certificate_type::{self, CertificateType};
pub(crate) use extensions::connection_id as connection_id_extension;
pub(crate) use extensions::max_fragment_length::MaxFragmentLength;
pub(crate) use extensions::server_name::server_name;
pub(crate) use extensions::session_ticket;
pub(crate) use extensions::srtp::{self, SrtpProfile};
pub(crate) use extensions::supported_groups;
pub(crate) use fragments::HelloFragments;
#[cfg(feature = "aws-lc")]
pub(crate) use hello::extensions_of_body;
pub(crate) use hello::{ClientHello, HelloStart, version_and_suite};
#[cfg(feature = "aws-lc")]
pub(crate) use lengths::CIPHERTEXT_LIMIT;
pub(crate) use lengths::{HANDSHAKE_HEADER_LENGTH, RECORD_HEADER_LENGTH, RECORD_LIMIT};
#[cfg(feature = "aws-lc")]
pub(crate) use new_session_ticket::NewSessionTicket;
pub(crate) use public_key::{PublicKey, RSA_BITS};
#[cfg(feature = "aws-lc")]
pub(crate) use reader::Reader;
pub(crate) use record::{ContentType, OwnedRecord, Record, Records};
pub(crate) use routability_check::{Cookie, RoutabilityCheck};
#[cfg(feature = "aws-lc")]
pub(crate) use unified_header::UnifiedHeader;
pub(crate) use validity::end_of as certificate_end;
#[cfg(feature = "aws-lc")]
pub(crate) use vector::{u24, vector};
