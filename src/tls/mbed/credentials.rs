//! Keys and certificates, parsed once, into types that cannot be wrong.

use super::errors::describe;
use super::ffi::carrier::Carrier;
use super::ffi::config::Role;
use super::ffi::own_key::OwnKey;
use super::ffi::trust::SharedCrl;
use super::room;
use crate::tls::config_error::{ConfigError, Forbidden, Reason};
use crate::wire::{CertificateType, PublicKey};
use mbedtls::alloc::List;
use mbedtls::pk::{Pk, Type};
use mbedtls::x509::{Certificate, Crl, KeyUsage};
use std::ffi::c_char;
use std::sync::{Arc, Mutex, PoisonError};

/// A private key and the chain of certificates that vouches for it, the key's own first; without one, the key is
/// presented as a raw public key.
pub(crate) struct Credentials {
    key: Arc<OwnKey>,
    /// Whether a server does not send its raw public key, because its clients know it.
    left_out: bool,
}

/// Certificates that are trusted to vouch for others.
pub(crate) struct TrustAnchors {
    certificates: Arc<List<Certificate>>,
}

/// Lists of certificates that their issuers have revoked. Where lists are given, each issuer in a chain must have one.
pub(crate) struct RevocationLists {
    lists: Arc<SharedCrl>,
}

impl RevocationLists {
    /// Each entry is PEM or DER; a PEM text may hold several lists.
    pub(crate) fn parse(entries: &[impl AsRef<[u8]>]) -> Result<RevocationLists, ConfigError> {
        let mut lists = Crl::new();
        for (index, entry) in entries.iter().enumerate() {
            let bytes = entry.as_ref();
            let parsed = if is_pem(bytes) { lists.push_from_pem(&with_nul(bytes)) } else { lists.push_from_der(bytes) };
            parsed.map_err(|error| ConfigError::UnreadableRevocationList { index, reason: reason(error) })?;
        }
        Ok(RevocationLists { lists: Arc::new(SharedCrl::new(lists)) })
    }

    pub(super) fn list(&self) -> Arc<SharedCrl> {
        Arc::clone(&self.lists)
    }
}

impl Credentials {
    /// Each of `key` and `certificates` is PEM or DER; a PEM text may hold several certificates.
    pub(crate) fn parse(
        key: &[u8],
        passphrase: Option<&[u8]>,
        certificates: &[impl AsRef<[u8]>],
    ) -> Result<Credentials, ConfigError> {
        let key = parse_key(key, passphrase)?;
        let chain = parse_certificates(certificates)
            .map_err(|Unreadable { index, reason }| ConfigError::UnreadableCertificate { index, reason })?;
        // The engine passes over what it cannot read as long as it can read one: in `ca` that is welcome.
        let (announced, read) = (announced(certificates), chain.iter().count());
        if read < announced {
            return Err(ConfigError::SkippedCertificates { announced, read });
        }
        room::check_chain(&chain)?;
        let own = chain.iter().next().ok_or(ConfigError::NoCertificate)?;
        if !Pk::check_pair(own.public_key(), &key) {
            return Err(ConfigError::KeyMismatch);
        }
        let mut key = key;
        let raw = match raw_public_key(&mut key) {
            // A small RSA key may find a peer that takes it; an EC key on another curve does not.
            Err(error) if !key.can_do(Type::Rsa) => return Err(error),
            raw => raw.ok(),
        };
        Ok(Credentials { key: Arc::new(OwnKey::new(key, raw, Some(chain))), left_out: false })
    }

    /// Whether the certificate may be used by a server. The engine would not present one that may not, and no client
    /// would accept it.
    pub(crate) fn check_purpose_of_server(&self) -> Result<(), ConfigError> {
        let Some(own) = self.key.certificate() else { return Ok(()) };
        if !own.check_key_usage(KeyUsage::DIGITAL_SIGNATURE) {
            return Err(ConfigError::NotForServers(Forbidden::Signing));
        }
        if !own.check_extended_key_usage(&SERVER_AUTH.map(|byte| c_char::from_ne_bytes([byte]))) {
            return Err(ConfigError::NotForServers(Forbidden::ServerAuthentication));
        }
        Ok(())
    }

    /// Parses a key without a certificate, in PEM or DER.
    pub(crate) fn parse_raw(key: &[u8], passphrase: Option<&[u8]>) -> Result<Credentials, ConfigError> {
        let mut key = parse_key(key, passphrase)?;
        let raw = raw_public_key(&mut key)?;
        Ok(Credentials { key: Arc::new(OwnKey::new(key, Some(raw), None)), left_out: false })
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
        let chain = self.key.certificate().map(|_| CertificateType::X509);
        let raw = self.key.carrier().filter(|_| role == Role::Server || chain.is_none());
        raw.map(|_| CertificateType::RawPublicKey).into_iter().chain(chain).collect()
    }

    pub(super) fn into_key(self) -> Arc<OwnKey> {
        self.key
    }

    pub(crate) fn is_rsa(&self) -> bool {
        self.key.is_rsa()
    }
}

/// Bytes from which trust anchors are kept parsed: parsing Node's root certificates takes longer than a handshake.
const SHARED_FROM_BYTES: usize = 64 * 1024;

/// The last large set, and the bytes that it was parsed from.
static SHARED: Mutex<Option<SharedAnchors>> = Mutex::new(None);

struct SharedAnchors {
    parsed_from: Vec<Vec<u8>>,
    anchors: Arc<TrustAnchors>,
}

impl TrustAnchors {
    /// Parses as `parse` does, but uses a large set again that was parsed before.
    pub(crate) fn shared(certificates: &[impl AsRef<[u8]>]) -> Result<Arc<TrustAnchors>, ConfigError> {
        let bytes = || certificates.iter().map(AsRef::as_ref);
        if bytes().map(<[u8]>::len).sum::<usize>() < SHARED_FROM_BYTES {
            return TrustAnchors::parse(certificates).map(Arc::new);
        }
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = &*shared
            && shared.parsed_from.iter().map(Vec::as_slice).eq(bytes())
        {
            return Ok(Arc::clone(&shared.anchors));
        }
        let anchors = Arc::new(TrustAnchors::parse(certificates)?);
        let parsed_from = bytes().map(<[u8]>::to_vec).collect();
        *shared = Some(SharedAnchors { parsed_from, anchors: Arc::clone(&anchors) });
        Ok(anchors)
    }

    /// Each entry is PEM or DER; a PEM text may hold several certificates.
    pub(crate) fn parse(certificates: &[impl AsRef<[u8]>]) -> Result<TrustAnchors, ConfigError> {
        let certificates = parse_certificates(certificates)
            .map_err(|Unreadable { index, reason }| ConfigError::UnreadableTrustAnchor { index, reason })?;
        if certificates.is_empty() {
            return Err(ConfigError::NoTrustAnchor);
        }
        Ok(TrustAnchors { certificates: Arc::new(certificates) })
    }

    pub(super) fn list(&self) -> Arc<List<Certificate>> {
        Arc::clone(&self.certificates)
    }
}

/// id-kp-serverAuth, 1.3.6.1.5.5.7.3.1 (RFC 5280 section 4.2.1.12).
const SERVER_AUTH: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 3, 1];

const PEM_MARK: &[u8] = b"-----BEGIN ";

const CERTIFICATE_MARK: &[u8] = b"-----BEGIN CERTIFICATE-----";

pub(super) fn is_pem(bytes: &[u8]) -> bool {
    bytes.windows(PEM_MARK.len()).any(|window| window == PEM_MARK)
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

/// Which of several certificates could not be read, and why.
struct Unreadable {
    index: usize,
    reason: Reason,
}

/// How many certificates there are to be read.
fn announced(entries: &[impl AsRef<[u8]>]) -> usize {
    let beginnings = |bytes: &[u8]| bytes.windows(CERTIFICATE_MARK.len()).filter(|at| *at == CERTIFICATE_MARK).count();
    entries.iter().map(AsRef::as_ref).map(|bytes| if is_pem(bytes) { beginnings(bytes) } else { 1 }).sum()
}

fn parse_certificates(entries: &[impl AsRef<[u8]>]) -> Result<List<Certificate>, Unreadable> {
    let mut list = List::new();
    for (index, entry) in entries.iter().enumerate() {
        let bytes = entry.as_ref();
        let unreadable = |error| Unreadable { index, reason: reason(error) };
        if is_pem(bytes) {
            list.append(Certificate::from_pem_multiple(&with_nul(bytes)).map_err(unreadable)?);
        } else {
            list.push(Certificate::from_der(bytes).map_err(unreadable)?);
        }
    }
    Ok(list)
}
