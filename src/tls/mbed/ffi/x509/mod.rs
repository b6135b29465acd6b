//! X.509: certificates, revocation lists, and the verdict on a chain. AWS-LC's where it builds, else Mbed TLS's.

#[cfg(feature = "aws-lc")]
mod certificate;
#[cfg(not(feature = "aws-lc"))]
mod mbed;
#[cfg(feature = "aws-lc")]
mod store;
mod words;

#[cfg(feature = "aws-lc")]
pub(crate) use self::certificate::{Certificate, RevocationList};
#[cfg(not(feature = "aws-lc"))]
pub(crate) use self::mbed::{Certificate, End, Refusal, RevocationList, Store};
#[cfg(feature = "aws-lc")]
pub(crate) use self::store::{Refusal, Store, numbers};
pub(crate) use self::words::{Hash, KeySize, Names, SignatureScheme};
