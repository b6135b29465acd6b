//! A private key of ours and what shows its public half. Contexts point at all of it, so it is owned in one place.

use super::carrier::Carrier;
use super::rsa::ForeignRsaKey;
use super::shells::Shells;
use mbedtls::pk::{Pk, Type};
use mbedtls_sys::{pk_context, x509_crt};
use zeroize::Zeroizing;

/// What a key can sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Ec,
    Rsa,
}

/// A private key, with the chain of certificates that vouches for it, or as a raw public key, or both.
pub(crate) struct OwnKey {
    key: Pk,
    /// The same key in AWS-LC's hands, where AWS-LC serves it.
    foreign: Option<ForeignRsaKey>,
    carrier: Option<Carrier>,
    chain: Option<Shells>,
}

impl OwnKey {
    /// `carrier` has the public half of `key`, where the key may be presented raw.
    pub(crate) fn new(mut key: Pk, carrier: Option<Carrier>, chain: Option<Shells>) -> OwnKey {
        let foreign = foreign_key(&mut key);
        OwnKey { key, foreign, carrier, chain }
    }

    pub(crate) fn kind(&self) -> KeyKind {
        if self.key.can_do(Type::Rsa) { KeyKind::Rsa } else { KeyKind::Ec }
    }

    pub(crate) fn carrier(&self) -> Option<&Carrier> {
        self.carrier.as_ref()
    }

    /// PKCS#1 or SEC 1, DER; `None` when it cannot be written.
    pub(crate) fn private_der(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        self.key.write_private_der_vec().ok().map(Zeroizing::new)
    }

    /// All of the chain, DER each.
    pub(crate) fn certificates(&self) -> &[Vec<u8>] {
        self.chain.as_ref().map(Shells::all).unwrap_or_default()
    }

    /// The certificate of the key, DER.
    pub(crate) fn certificate(&self) -> Option<&[u8]> {
        self.chain.as_ref().and_then(Shells::first)
    }

    pub(super) fn key_ptr(&self) -> *const pk_context {
        match &self.foreign {
            Some(key) => key.as_ptr(),
            None => (&self.key).into(),
        }
    }

    pub(super) fn chain_ptr(&self) -> Option<*const x509_crt> {
        self.chain.as_ref().map(Shells::as_ptr)
    }
}

fn foreign_key(key: &mut Pk) -> Option<ForeignRsaKey> {
    if !key.can_do(Type::Rsa) {
        return None;
    }
    let der = Zeroizing::new(key.write_private_der_vec().ok()?);
    ForeignRsaKey::from_der(&der)
}
