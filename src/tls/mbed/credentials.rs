//! Keys and certificates, parsed once, into types that cannot be wrong.

use super::errors::describe;
use super::ffi::carrier::Carrier;
use super::ffi::config::Role;
use super::ffi::own_key::{KeyKind, OwnKey};
use super::ffi::shells::Shells;
use super::room;
use crate::tls::config_error::{ConfigError, Forbidden, Reason};
use crate::tls::own_credential::OwnCredential;
use crate::tls::pem::{Label, is_pem, sections};
use crate::tls::trust::x509::Certificate;
use crate::wire::{CertificateType, PublicKey};
use mbedtls::pk::{Pk, Type};
use std::sync::Arc;

/// A private key and the chain of certificates that vouches for it, the key's own first; without one, the key is
/// presented as a raw public key. A server may have one key of each kind.
pub(crate) struct Credentials {
    key: Arc<OwnKey>,
    /// The key's own certificate.
    certificate: Option<Certificate>,
    /// Whether a server does not send its raw public key, because its clients know it.
    left_out: bool,
    /// What a server has beside: an RSA key where this is an EC key, or an EC key where this is an RSA key.
    other: Option<Box<Credentials>>,
}

impl Credentials {
    /// Each of `key` and `certificates` is PEM or DER; a PEM text may hold several certificates.
    pub(crate) fn parse(
        key: &[u8],
        passphrase: Option<&[u8]>,
        certificates: &[impl AsRef<[u8]>],
    ) -> Result<Credentials, ConfigError> {
        let mut key = parse_key(key, passphrase)?;
        let (certificate, chain) = parse_chain(&key, certificates)?;
        let raw = match raw_public_key(&mut key) {
            // A small RSA key may find a peer that takes it; an EC key on another curve does not.
            Err(error) if !key.can_do(Type::Rsa) => return Err(error),
            raw => raw.ok(),
        };
        let key = Arc::new(OwnKey::new(key, raw, Some(chain)));
        Ok(Credentials { key, certificate: Some(certificate), left_out: false, other: None })
    }

    /// A server's keys, one of each kind. Each has an entry of `chains`, in any order: a PEM text with its certificate and those
    /// that vouch for it, or its certificate in DER. Without `chains`, they are presented as raw public keys.
    pub(crate) fn parse_several(
        keys: &[impl AsRef<[u8]>],
        chains: Option<&[impl AsRef<[u8]>]>,
    ) -> Result<Credentials, ConfigError> {
        let parse = |(index, key): (usize, &_)| match chains {
            None => Credentials::parse_raw(AsRef::as_ref(key), None),
            Some(chains) => Credentials::parse_with_one_of(AsRef::as_ref(key), chains, index),
        };
        let own = keys.iter().enumerate().map(parse).collect::<Result<Vec<_>, _>>()?;
        let beside = |first: Result<Credentials, ConfigError>, other| first?.beside(other);
        let mut own = own.into_iter();
        let first = own.next().ok_or(ConfigError::NoCertificate)?;
        own.fold(Ok(first), beside)
    }

    /// A key with that entry of `chains` which is its own.
    fn parse_with_one_of(key: &[u8], chains: &[impl AsRef<[u8]>], index: usize) -> Result<Credentials, ConfigError> {
        for (entry, chain) in chains.iter().enumerate() {
            match Credentials::parse(key, None, &[chain]) {
                Err(ConfigError::KeyMismatch) => {}
                Err(ConfigError::UnreadableCertificate { .. }) => {
                    return Err(ConfigError::UnreadableCertificate { index: entry });
                }
                parsed => return parsed,
            }
        }
        Err(ConfigError::KeyWithoutCertificate { index })
    }

    /// A server's two keys, each with its certificate, or both without. The suite decides which of them is shown.
    pub(crate) fn beside(self, other: Credentials) -> Result<Credentials, ConfigError> {
        if self.other.is_some() || self.key.kind() == other.key.kind() {
            return Err(ConfigError::KeysOfOneKind);
        }
        Ok(Credentials { other: Some(Box::new(other)), ..self })
    }

    fn all(&self) -> impl Iterator<Item = &Credentials> {
        std::iter::once(self).chain(self.other.as_deref())
    }

    /// Whether the certificates may be used by a server. No client would accept one that may not.
    pub(crate) fn check_purpose_of_server(&self) -> Result<(), ConfigError> {
        self.all().filter_map(|own| own.certificate.as_ref()).try_for_each(|own| match () {
            () if !own.may_sign() => Err(ConfigError::NotForServers(Forbidden::Signing)),
            () if !own.may_serve() => Err(ConfigError::NotForServers(Forbidden::ServerAuthentication)),
            () => Ok(()),
        })
    }

    /// Parses a key without a certificate, in PEM or DER.
    pub(crate) fn parse_raw(key: &[u8], passphrase: Option<&[u8]>) -> Result<Credentials, ConfigError> {
        let mut key = parse_key(key, passphrase)?;
        let raw = raw_public_key(&mut key)?;
        let key = Arc::new(OwnKey::new(key, Some(raw), None));
        Ok(Credentials { key, certificate: None, left_out: false, other: None })
    }

    /// Has a server leave its Certificate message out where it would be a raw public key, as node-mbed-dtls does.
    pub(crate) fn leave_out(self) -> Credentials {
        Credentials { left_out: true, ..self }
    }

    pub(super) fn is_left_out(&self) -> bool {
        self.left_out
    }

    /// What we can present in this role, whichever key it is. A client that has a certificate presents that.
    pub(super) fn certificate_types(&self, role: Role) -> Vec<CertificateType> {
        let chain = self.certificate.as_ref().map(|_| CertificateType::X509);
        let raw = self.all().all(|own| own.key.carrier().is_some()) && (role == Role::Server || chain.is_none());
        raw.then_some(CertificateType::RawPublicKey).into_iter().chain(chain).collect()
    }

    /// What is shown to the peer: the own certificate of each key, or else the public key.
    pub(super) fn public_parts(&self) -> impl Iterator<Item = Vec<u8>> {
        self.all().map(|own| {
            let raw = || own.key.carrier().map(|carrier| carrier.der().to_vec()).unwrap_or_default();
            own.certificate.as_ref().map_or_else(raw, Certificate::der)
        })
    }

    pub(super) fn into_keys(self) -> Vec<Arc<OwnKey>> {
        self.all().map(|own| Arc::clone(&own.key)).collect()
    }

    pub(crate) fn has_kind(&self, kind: KeyKind) -> bool {
        self.all().any(|own| own.key.kind() == kind)
    }

    /// The same for an engine that is not this one: what a server shows of each key that can be written.
    pub(crate) fn of_server(&mut self) -> Vec<OwnCredential> {
        self.for_others(Role::Server)
    }

    /// What a client shows.
    pub(crate) fn of_client(&mut self) -> Vec<OwnCredential> {
        self.for_others(Role::Client)
    }

    fn for_others(&mut self, role: Role) -> Vec<OwnCredential> {
        let presents = self.certificate_types(role);
        let keys = [Some(&mut self.key), self.other.as_mut().map(|other| &mut other.key)].into_iter().flatten();
        let for_others = |key: &mut Arc<OwnKey>| {
            // Nobody else has the key until there is a configuration.
            let own = Arc::get_mut(key)?;
            let raw = own.carrier().map(|carrier| carrier.der().to_vec());
            Some(OwnCredential {
                key: own.private_der()?,
                chain: own.certificates().to_vec(),
                raw,
                presents: presents.clone(),
            })
        };
        keys.filter_map(for_others).collect()
    }
}

/// Mbed TLS wants its PEM texts to end with a NUL.
pub(super) fn with_nul(bytes: &[u8]) -> zeroize::Zeroizing<Vec<u8>> {
    let mut text = zeroize::Zeroizing::new(Vec::with_capacity(bytes.len() + 1));
    text.extend_from_slice(bytes);
    if text.last() != Some(&0) {
        text.push(0);
    }
    text
}

/// The public half of the key, if it is one that may be presented raw.
fn raw_public_key(key: &mut Pk) -> Result<Carrier, ConfigError> {
    let der = key.write_public_der_vec().map_err(|error| ConfigError::UnusablePublicHalf(reason(error)))?;
    let key = PublicKey::recognise(&der).ok_or(ConfigError::UnacceptableKey)?;
    Carrier::new(key.der().to_vec()).map_err(|errno| ConfigError::UnusablePublicHalf(describe(errno)))
}

fn parse_key(bytes: &[u8], passphrase: Option<&[u8]>) -> Result<Pk, ConfigError> {
    let parsed = if is_pem(bytes) {
        Pk::from_private_key(&with_nul(bytes), passphrase)
    } else {
        Pk::from_private_key(bytes, passphrase)
    };
    let key = parsed.map_err(|error| ConfigError::UnreadableKey(reason(error)))?;
    if key.can_do(Type::Rsa) || key.can_do(Type::Ecdsa) { Ok(key) } else { Err(ConfigError::KeyCannotSign) }
}

fn reason(error: mbedtls::Error) -> Reason {
    describe(error.to_int())
}

/// The chain in the option `cert`, which must be readable to its end and begin with the key's own certificate.
fn parse_chain(key: &Pk, entries: &[impl AsRef<[u8]>]) -> Result<(Certificate, Shells), ConfigError> {
    let mut ders = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let read: Option<Vec<_>> = sections(entry.as_ref(), Label::Certificate).into_iter().collect();
        let read = read.filter(|read| !read.is_empty() && read.iter().all(|der| Certificate::from_der(der).is_some()));
        ders.extend(read.ok_or(ConfigError::UnreadableCertificate { index })?);
    }
    room::check_chain(&ders)?;
    let own = ders.first().and_then(|der| Certificate::from_der(der)).ok_or(ConfigError::NoCertificate)?;
    let public_key = own.public_key();
    if !Pk::from_public_key(&public_key).is_ok_and(|public| Pk::check_pair(&public, key)) {
        return Err(ConfigError::KeyMismatch);
    }
    let shells = Shells::chain(ders, &public_key);
    Ok((own, shells.map_err(|errno| ConfigError::UnusableCertificateKey(describe(errno)))?))
}
