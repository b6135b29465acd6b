//! Keys and certificates, parsed once, into types that cannot be wrong.

use super::certificate_type::CertificateType;
use super::error::{ConfigError, ConfigErrorKind};
use super::ffi::config::Role;
use super::ffi::raw_public_key::Carrier;
use super::ffi::rsa::ForeignRsaKey;
use super::ffi::shells::Shells;
use super::ffi::x509::{Certificate, RevocationList, Store};
use super::pem::{Label, is_pem, sections};
use super::public_key::PublicKey;
use mbedtls::pk::{Pk, Type};
use mbedtls_sys::{pk_context, x509_crt};
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// A private key and the chain of certificates that vouches for it, the key's own first; without one, the key is
/// presented as a raw public key.
pub(crate) struct Credentials {
    key: Pk,
    /// The same key in faster hands.
    foreign_key: Option<ForeignRsaKey>,
    /// There unless the chain is for a kind of key that is not presented raw.
    raw: Option<RawPublicKey>,
    chain: Option<OwnChain>,
    /// A server's raw public key is not sent: its clients know it.
    left_out: bool,
}

/// Certificates that are presented, and the first of them, which is the key's.
struct OwnChain {
    own: Certificate,
    shells: Shells,
}

/// The public half of a key, twice: as it is sent, and as the engine finds it.
pub(super) struct RawPublicKey {
    pub(super) key: PublicKey,
    pub(super) carrier: Carrier,
}

/// Certificates that are trusted to vouch for others.
pub(crate) struct TrustAnchors {
    store: Store,
    /// Their names, DER each.
    subjects: Vec<Vec<u8>>,
}

/// Lists of certificates that their issuers have revoked. Where there are any, each issuer of a chain must have one.
pub(crate) struct RevocationLists {
    lists: Vec<RevocationList>,
}

impl RevocationLists {
    /// Each entry is PEM or DER; a PEM text may hold several lists.
    pub(crate) fn parse(entries: &[impl AsRef<[u8]>]) -> Result<RevocationLists, ConfigError> {
        let mut lists = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let read: Option<Vec<_>> = sections(entry.as_ref(), Label::RevocationList)
                .iter()
                .map(|section| RevocationList::from_der(section.as_deref()?))
                .collect();
            let read = read.filter(|read| !read.is_empty()).ok_or_else(|| {
                ConfigError::new(
                    ConfigErrorKind::InvalidCrl,
                    format!(
                        "Entry {index} of the option 'crl' is not a revocation list that can be read, in PEM or DER"
                    ),
                )
            })?;
            lists.extend(read);
        }
        Ok(RevocationLists { lists })
    }

    pub(super) fn lists(&self) -> &[RevocationList] {
        &self.lists
    }
}

impl Credentials {
    /// Each of `key` and `certificates` is PEM or DER; a PEM text may hold several certificates.
    pub(crate) fn parse(
        key: &[u8],
        passphrase: Option<&[u8]>,
        certificates: &[impl AsRef<[u8]>],
    ) -> Result<Credentials, ConfigError> {
        let mut key = parse_key(key, passphrase)?;
        let chain = own_chain(&key, certificates)?;
        let raw = match raw_public_key(&mut key) {
            // A small RSA key may find a peer that takes it; an EC key on another curve does not.
            Err(error) if !key.can_do(Type::Rsa) => return Err(error),
            raw => raw.ok(),
        };
        let foreign_key = foreign_key(&mut key);
        Ok(Credentials { key, foreign_key, raw, chain: Some(chain), left_out: false })
    }

    /// Whether a server can show the certificate: no client would accept it.
    pub(crate) fn check_purpose_of_server(&self) -> Result<(), ConfigError> {
        let wrong = |what: &str| {
            let message = format!("The certificate in the option 'cert' is of no use to a server: {what}");
            Err(ConfigError::new(ConfigErrorKind::InvalidCert, message))
        };
        match &self.chain {
            Some(chain) if !chain.own.may_sign() => wrong("its key usage does not allow digital signatures"),
            Some(chain) if !chain.own.may_serve() => {
                wrong("its extended key usage does not allow to authenticate servers")
            }
            _ => Ok(()),
        }
    }

    /// A key without a certificate, PEM or DER.
    pub(crate) fn parse_raw(key: &[u8], passphrase: Option<&[u8]>) -> Result<Credentials, ConfigError> {
        let mut key = parse_key(key, passphrase)?;
        let raw = Some(raw_public_key(&mut key)?);
        let foreign_key = foreign_key(&mut key);
        Ok(Credentials { key, foreign_key, raw, chain: None, left_out: false })
    }

    /// Has a server leave its Certificate message out where it would be a raw public key, as node-mbed-dtls does.
    pub(crate) fn leave_out(self) -> Credentials {
        Credentials { left_out: true, ..self }
    }

    pub(super) fn is_left_out(&self) -> bool {
        self.left_out
    }

    /// How we can prove ourselves in this role. A client with a certificate presents that.
    pub(super) fn certificate_types(&self, role: Role) -> Vec<CertificateType> {
        let raw = self.raw.as_ref().filter(|_| role == Role::Server || self.chain.is_none());
        let raw = raw.map(|_| CertificateType::RawPublicKey);
        let chain = self.chain.as_ref().map(|_| CertificateType::X509);
        raw.into_iter().chain(chain).collect()
    }

    pub(super) fn raw(&self) -> Option<&RawPublicKey> {
        self.raw.as_ref()
    }

    pub(crate) fn is_rsa(&self) -> bool {
        self.key.can_do(Type::Rsa)
    }

    pub(super) fn key_ptr(&self) -> *const pk_context {
        match &self.foreign_key {
            Some(key) => key.as_ptr(),
            None => (&self.key).into(),
        }
    }

    pub(super) fn chain_ptr(&self) -> Option<*const x509_crt> {
        self.chain.as_ref().map(|chain| chain.shells.as_ptr())
    }
}

fn foreign_key(key: &mut Pk) -> Option<ForeignRsaKey> {
    if !key.can_do(Type::Rsa) {
        return None;
    }
    let der = Zeroizing::new(key.write_private_der_vec().ok()?);
    ForeignRsaKey::from_der(&der)
}

/// Trust anchors worth keeping parsed: Node's root certificates take longer to parse than a handshake.
const SHARED_FROM_BYTES: usize = 64 * 1024;

/// The last large set, and the bytes that it was parsed from.
static SHARED: Mutex<Option<SharedAnchors>> = Mutex::new(None);

struct SharedAnchors {
    parsed_from: Vec<Vec<u8>>,
    anchors: Arc<TrustAnchors>,
}

impl TrustAnchors {
    /// As `parse`; a large set that was parsed before is used again.
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
        let mut anchors = Vec::new();
        for (index, entry) in certificates.iter().enumerate() {
            let read = sections(entry.as_ref(), Label::Certificate).into_iter().flatten();
            let before = anchors.len();
            anchors.extend(read.filter_map(|der| Certificate::from_der(&der)));
            // Who trusts a whole bundle does not want to know what is wrong with one of them.
            if anchors.len() == before {
                return Err(unreadable(ConfigErrorKind::InvalidCa, index, "ca"));
            }
        }
        let store = Store::new(&anchors).filter(|_| !anchors.is_empty()).ok_or_else(|| {
            ConfigError::new(ConfigErrorKind::InvalidCa, "The option 'ca' holds no certificate".to_owned())
        })?;
        Ok(TrustAnchors { store, subjects: anchors.iter().map(Certificate::subject).collect() })
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Their names, as a server sends them to its clients.
    pub(super) fn authorities(&self) -> Shells {
        Shells::authorities(self.subjects.clone())
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

fn raw_public_key(key: &mut Pk) -> Result<RawPublicKey, ConfigError> {
    let unusable = |error| {
        ConfigError::engine(ConfigErrorKind::InvalidKey, "The public half of the option 'key' cannot be used", error)
    };
    let der = key.write_public_der_vec().map_err(unusable)?;
    let key = PublicKey::recognise(&der).ok_or_else(|| {
        ConfigError::new(
            ConfigErrorKind::InvalidKey,
            "The option 'key' is neither an EC key on P-256, P-384 or P-521 nor an RSA key of 2048 to 8192 bits"
                .to_owned(),
        )
    })?;
    let carrier = Carrier::new(&key).map_err(|errno| unusable(errno.into()))?;
    Ok(RawPublicKey { key, carrier })
}

fn parse_key(bytes: &[u8], passphrase: Option<&[u8]>) -> Result<Pk, ConfigError> {
    let parsed = if is_pem(bytes) {
        Pk::from_private_key(&with_nul(bytes), passphrase)
    } else {
        Pk::from_private_key(bytes, passphrase)
    };
    let key = parsed.map_err(|error| {
        ConfigError::engine(
            ConfigErrorKind::InvalidKey,
            "The option 'key' is no RSA or EC private key that can be read, in PEM or DER (one that is encrypted needs its \
             'passphrase')",
            error,
        )
    })?;
    if key.can_do(Type::Rsa) || key.can_do(Type::Ecdsa) {
        Ok(key)
    } else {
        Err(ConfigError::new(
            ConfigErrorKind::InvalidKey,
            "The option 'key' is neither an RSA key nor an EC key that can sign".to_owned(),
        ))
    }
}

/// The chain in the option `cert`, which must be readable to its end, and begin with the key's own certificate.
fn own_chain(key: &Pk, entries: &[impl AsRef<[u8]>]) -> Result<OwnChain, ConfigError> {
    let mut ders = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let read: Option<Vec<_>> = sections(entry.as_ref(), Label::Certificate).into_iter().collect();
        let read = read.filter(|read| !read.is_empty() && read.iter().all(|der| Certificate::from_der(der).is_some()));
        ders.extend(read.ok_or_else(|| unreadable(ConfigErrorKind::InvalidCert, index, "cert"))?);
    }
    let own = ders.first().and_then(|der| Certificate::from_der(der)).ok_or_else(|| {
        ConfigError::new(ConfigErrorKind::InvalidCert, "The option 'cert' holds no certificate".to_owned())
    })?;
    let public_key = own.public_key();
    if !Pk::from_public_key(&public_key).is_ok_and(|public| Pk::check_pair(&public, key)) {
        return Err(ConfigError::new(
            ConfigErrorKind::KeyMismatch,
            "The private key ('key') does not belong to the first certificate of 'cert'".to_owned(),
        ));
    }
    let shells = Shells::chain(ders, &public_key).map_err(|errno| {
        let what = "The public key of the first certificate in the option 'cert' cannot be used";
        ConfigError::engine(ConfigErrorKind::InvalidCert, what, errno.into())
    })?;
    Ok(OwnChain { own, shells })
}

fn unreadable(kind: ConfigErrorKind, index: usize, option: &str) -> ConfigError {
    let message =
        format!("Entry {index} of the option '{option}' is not a certificate that can be read, in PEM or DER");
    ConfigError::new(kind, message)
}
