//! X.509 of the library that has it: AWS-LC, or Mbed TLS where AWS-LC does not build.

#[cfg(feature = "aws-lc")]
pub(in crate::tls) use crate::tls::ffi::x509::{Certificate, Refusal, RevocationList, Store, numbers};
pub(in crate::tls) use crate::tls::ffi::x509::{Hash, KeySize, Names, Purpose, SignatureScheme};
#[cfg(not(feature = "aws-lc"))]
pub(in crate::tls) use crate::tls::mbed::x509::{Certificate, End, Refusal, RevocationList, Store, flags};
