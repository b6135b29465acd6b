//! Keys and certificates, parsed once, into types that cannot be wrong.

use super::errors::describe;
use super::ffi::carrier::Carrier;
use super::ffi::config::Role;
use super::ffi::own_key::OwnKey;
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
/// presented as a raw public key.
pub(crate) struct Credentials {
    key: Arc<OwnKey>,
    /// The key's own certificate.
    certificate: Option<Certificate>,
    /// Whether a server does not send its raw public key, because its clients know it.
    left_out: bool,
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
        Ok(Credentials { key, certificate: Some(certificate), left_out: false })
    }

    /// Whether the certificate may be used by a server. No client would accept one that may not.
    pub(crate) fn check_purpose_of_server(&self) -> Result<(), ConfigError> {
        match &self.certificate {
            Some(own) if !own.may_sign() => Err(ConfigError::NotForServers(Forbidden::Signing)),
            Some(own) if !own.may_serve() => Err(ConfigError::NotForServers(Forbidden::ServerAuthentication)),
            _ => Ok(()),
        }
    }

    /// Parses a key without a certificate, in PEM or DER.
    pub(crate) fn parse_raw(key: &[u8], passphrase: Option<&[u8]>) -> Result<Credentials, ConfigError> {
        let mut key = parse_key(key, passphrase)?;
        let raw = raw_public_key(&mut key)?;
        let key = Arc::new(OwnKey::new(key, Some(raw), None));
        Ok(Credentials { key, certificate: None, left_out: false })
    }

    /// Has a server leave its Certificate message out where it would be a raw public key, as node-mbed-dtls does.
    pub(crate) fn leave_out(self) -> Credentials {
        Credentials { left_out: true, ..self }
    }

    pub(super) fn is_left_out(&self) -> bool {
        self.left_out
    }

    /// What we can present in this role. A client that has a certificate presents that.
    pub(super) fn certificate_types(&self, role: Role) -> Vec<CertificateType> {
        let chain = self.certificate.as_ref().map(|_| CertificateType::X509);
        let raw = self.key.carrier().filter(|_| role == Role::Server || chain.is_none());
        raw.map(|_| CertificateType::RawPublicKey).into_iter().chain(chain).collect()
    }

    /// What is shown to the peer: the key's own certificate, or else the public key.
    pub(super) fn public_part(&self) -> Vec<u8> {
        let raw = || self.key.carrier().map(|carrier| carrier.der().to_vec()).unwrap_or_default();
        self.certificate.as_ref().map_or_else(raw, Certificate::der)
    }

    pub(super) fn into_key(self) -> Arc<OwnKey> {
        self.key
    }

    /// The same for an engine that is not this one: what a server shows. `None` when the key cannot be written.
    pub(crate) fn of_server(&mut self) -> Option<OwnCredential> {
        self.for_others(Role::Server)
    }

    /// What a client shows.
    pub(crate) fn of_client(&mut self) -> Option<OwnCredential> {
        self.for_others(Role::Client)
    }

    fn for_others(&mut self, role: Role) -> Option<OwnCredential> {
        let presents = self.certificate_types(role);
        // Nobody else has the key until there is a configuration.
        let own = Arc::get_mut(&mut self.key)?;
        let raw = own.carrier().map(|carrier| carrier.der().to_vec());
        Some(OwnCredential { key: own.private_der()?, chain: own.certificates().to_vec(), raw, presents })
    }

    pub(crate) fn is_rsa(&self) -> bool {
        self.key.is_rsa()
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
