//! X.509: certificates, revocation lists, and the verdict on a chain, in AWS-LC's hands. Where AWS-LC does not build, they are
//! in Mbed TLS's, and only the words for what they find stand here.

#[cfg(feature = "aws-lc")]
mod certificate;
#[cfg(feature = "aws-lc")]
mod store;
mod words;

#[cfg(feature = "aws-lc")]
pub(crate) use self::certificate::{Certificate, RevocationList};
#[cfg(feature = "aws-lc")]
pub(crate) use self::store::{Refusal, Store, numbers};
pub(crate) use self::words::{Hash, KeySize, Names, Purpose, SignatureScheme};
