//! X.509 in Mbed TLS's hands, where AWS-LC does not build.
//!
//! Mbed TLS 2.28 does not enforce all that authorities can say. What it does not enforce is refused here.

use super::{c_int, c_void, check, sys};
use crate::tls::ffi::x509::{Hash, KeySize, Names, Purpose, SignatureScheme};
use std::ptr::null;
use std::slice;

/// `id-ce-nameConstraints` (RFC 5280 section 4.2.1.10), DER.
const NAME_CONSTRAINTS: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x1e];

/// id-kp-serverAuth and id-kp-clientAuth (RFC 5280 section 4.2.1.12).
const SERVER_AUTH: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 3, 1];
const CLIENT_AUTH: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 3, 2];

/// `commonName` (RFC 5280 appendix A.1).
const COMMON_NAME: &[u8] = &[0x55, 4, 3];

/// Tags of a GeneralName: context-specific, primitive (RFC 5280 section 4.2.1.6).
const DNS_NAME: c_int = 0x82;
const IP_ADDRESS: c_int = 0x87;

/// Whether a signature or a key is good enough is judged by the path, for both libraries alike.
static PROFILE: sys::x509_crt_profile =
    sys::x509_crt_profile { allowed_mds: u32::MAX, allowed_pks: u32::MAX, allowed_curves: u32::MAX, rsa_min_bitlen: 0 };

/// A list of certificates as the engine has them: each parsed, one behind the other.
struct List {
    raw: Box<sys::x509_crt>,
}

// SAFETY: not written after it was made; the engine guards what it changes in RSA keys with their mutex.
unsafe impl Send for List {}
// SAFETY: as for `Send`.
unsafe impl Sync for List {}

impl List {
    fn parse<'a>(ders: impl IntoIterator<Item = &'a [u8]>) -> Result<List, c_int> {
        let mut raw = Box::<sys::x509_crt>::new_uninit();
        // SAFETY: `x509_crt_init` writes every byte of the struct.
        let raw = unsafe {
            sys::x509_crt_init(raw.as_mut_ptr());
            raw.assume_init()
        };
        let mut list = List { raw };
        for der in ders {
            // SAFETY: an initialised list, to which one more is appended; the bytes are copied.
            check(unsafe { sys::x509_crt_parse_der(&mut *list.raw, der.as_ptr(), der.len()) })?;
        }
        Ok(list)
    }
}

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: initialised in `parse`, freed once.
        unsafe { sys::x509_crt_free(&mut *self.raw) };
    }
}

/// A certificate in which there is nothing that would have to be enforced and is not.
pub(crate) struct Certificate {
    der: Vec<u8>,
    parsed: List,
}

impl Certificate {
    /// `None` when these bytes are anything but one certificate, or it cannot be enforced.
    pub(crate) fn from_der(der: &[u8]) -> Option<Certificate> {
        let parsed = List::parse([der]).ok()?;
        let is_whole = raw(&parsed.raw.raw).len() == der.len();
        let constrains = raw(&parsed.raw.v3_ext).windows(NAME_CONSTRAINTS.len()).any(|oid| oid == NAME_CONSTRAINTS);
        (is_whole && !constrains).then(|| Certificate { der: der.to_vec(), parsed })
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        self.der.clone()
    }

    /// SubjectPublicKeyInfo, DER.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        raw(&self.parsed.raw.pk_raw).to_vec()
    }

    /// Name, DER.
    pub(crate) fn subject(&self) -> Vec<u8> {
        raw(&self.parsed.raw.subject_raw).to_vec()
    }

    /// How many authorities may follow below this one (RFC 5280 section 4.2.1.9); `None` where it sets no bound.
    pub(crate) fn path_length(&self) -> Option<usize> {
        // The engine's number is one more, and 0 for none.
        usize::try_from(self.parsed.raw.max_pathlen).ok()?.checked_sub(1)
    }

    pub(crate) fn is_self_issued(&self) -> bool {
        raw(&self.parsed.raw.subject_raw) == raw(&self.parsed.raw.issuer_raw)
    }

    /// Whether its key usage lets it sign handshakes (RFC 5280 section 4.2.1.3).
    pub(crate) fn may_sign(&self) -> bool {
        // SAFETY: a parsed certificate.
        unsafe { sys::x509_crt_check_key_usage(&*self.parsed.raw, sys::X509_KU_DIGITAL_SIGNATURE as u32) == 0 }
    }

    /// Whether its extended key usage lets it authenticate a server (RFC 5280 section 4.2.1.12).
    pub(crate) fn may_serve(&self) -> bool {
        let (purpose, length) = (SERVER_AUTH.as_ptr().cast(), SERVER_AUTH.len());
        // SAFETY: a parsed certificate, and an OID with its length.
        unsafe { sys::x509_crt_check_extended_key_usage(&*self.parsed.raw, purpose, length) == 0 }
    }

    pub(crate) fn key_size(&self) -> KeySize {
        // SAFETY: the key of a parsed certificate.
        let (kind, bits) = unsafe { (sys::pk_get_type(&self.parsed.raw.pk), sys::pk_get_bitlen(&self.parsed.raw.pk)) };
        let bits = u32::try_from(bits).unwrap_or(u32::MAX);
        match kind {
            sys::PK_RSA => KeySize::Rsa(bits),
            sys::PK_ECKEY => KeySize::Ec(bits),
            _ => KeySize::Other,
        }
    }

    pub(crate) fn signature_scheme(&self) -> SignatureScheme {
        let hash = match self.parsed.raw.sig_md {
            sys::MD_SHA256 => Hash::Sha256,
            sys::MD_SHA384 => Hash::Sha384,
            sys::MD_SHA512 => Hash::Sha512,
            _ => Hash::Other,
        };
        match self.parsed.raw.sig_pk {
            sys::PK_RSA => SignatureScheme::RsaPkcs1(hash),
            sys::PK_RSASSA_PSS => SignatureScheme::RsaPss(hash),
            sys::PK_ECDSA => SignatureScheme::Ecdsa(hash),
            _ => SignatureScheme::Other,
        }
    }

    pub(crate) fn names(&self) -> Names {
        let mut names = Names::default();
        let mut next: *const sys::x509_sequence = &self.parsed.raw.subject_alt_names;
        // SAFETY: the list begins inside the certificate, and each `next` is null or the certificate's own.
        while let Some(name) = unsafe { next.as_ref() } {
            match name.buf.tag {
                DNS_NAME => names.dns.push(raw(&name.buf).to_vec()),
                IP_ADDRESS => names.addresses.push(raw(&name.buf).to_vec()),
                _ => {}
            }
            next = name.next;
        }
        let mut next: *const sys::x509_name = &self.parsed.raw.subject;
        // SAFETY: as above.
        while let Some(attribute) = unsafe { next.as_ref() } {
            if raw(&attribute.oid) == COMMON_NAME {
                names.common.push(raw(&attribute.val).to_vec());
            }
            next = attribute.next;
        }
        names
    }
}

/// A list of certificates that their issuer has revoked.
pub(crate) struct RevocationList {
    der: Vec<u8>,
}

impl RevocationList {
    /// `None` when these bytes are anything but one list.
    pub(crate) fn from_der(der: &[u8]) -> Option<RevocationList> {
        Lists::parse(&[RevocationList { der: der.to_vec() }]).ok()?;
        Some(RevocationList { der: der.to_vec() })
    }
}

/// Revocation lists as the engine has them.
struct Lists {
    raw: Box<sys::x509_crl>,
}

impl Lists {
    fn parse(lists: &[RevocationList]) -> Result<Lists, c_int> {
        let mut raw = Box::<sys::x509_crl>::new_uninit();
        // SAFETY: `x509_crl_init` writes every byte of the struct.
        let raw = unsafe {
            sys::x509_crl_init(raw.as_mut_ptr());
            raw.assume_init()
        };
        let mut parsed = Lists { raw };
        for list in lists {
            // SAFETY: an initialised list, to which one more is appended; the bytes are copied.
            check(unsafe { sys::x509_crl_parse_der(&mut *parsed.raw, list.der.as_ptr(), list.der.len()) })?;
        }
        Ok(parsed)
    }

    /// Whether one of them is from the certificate's issuer: Mbed TLS takes no list for nothing revoked. Whether it is
    /// genuine and valid, Mbed TLS sees. Nobody revokes what signs itself.
    fn cover(&self, certificate: &sys::x509_crt) -> bool {
        let issuer = raw(&certificate.issuer_raw);
        let mut next: *const sys::x509_crl = &*self.raw;
        // SAFETY: each `next` is null or the list's own.
        while let Some(list) = unsafe { next.as_ref() } {
            if raw(&list.issuer_raw) == issuer {
                return true;
            }
            next = list.next;
        }
        issuer == raw(&certificate.subject_raw)
    }
}

impl Drop for Lists {
    fn drop(&mut self) {
        // SAFETY: initialised in `parse`, freed once.
        unsafe { sys::x509_crl_free(&mut *self.raw) };
    }
}

/// Certificates that are trusted to vouch for others.
pub(crate) struct Store {
    anchors: List,
}

/// Why a chain was refused: `X509_BADCERT_...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) flags: u32,
    /// How many certificates were found to vouch for each other.
    pub(crate) length: usize,
    pub(crate) end: End,
}

/// What the last certificate of a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Names itself as its issuer, and is trusted.
    TrustedRoot,
    /// Names itself as its issuer.
    SelfSigned,
    /// Has another issuer.
    Issued,
}

impl Store {
    /// `None` when there is no memory.
    pub(crate) fn new<'a>(anchors: impl IntoIterator<Item = &'a Certificate>) -> Option<Store> {
        let ders = anchors.into_iter().map(|anchor| anchor.der.as_slice());
        List::parse(ders).ok().map(|anchors| Store { anchors })
    }

    /// Looks for a path from the first certificate of `chain` to one that is trusted, and answers it, from the first to
    /// the last. `purpose`: what the first is used for.
    pub(crate) fn verify(
        &self,
        chain: &[&Certificate],
        lists: Option<&[RevocationList]>,
        purpose: Purpose,
    ) -> Result<Vec<Certificate>, Refusal> {
        let other = |_: c_int| Refusal { flags: sys::X509_BADCERT_OTHER as u32, length: 0, end: End::Issued };
        let mut presented = List::parse(chain.iter().map(|certificate| certificate.der.as_slice())).map_err(other)?;
        let mut walk = Walk {
            lists: lists.map(Lists::parse).transpose().map_err(other)?,
            purpose: match purpose {
                Purpose::ServerAuthentication => SERVER_AUTH,
                Purpose::ClientAuthentication => CLIENT_AUTH,
            },
            path: Vec::new(),
        };
        let crl = walk.lists.as_ref().map_or(null(), |lists| &raw const *lists.raw);
        let mut flags = 0;
        // SAFETY: all lists are parsed and outlive the call, which only reads them; the callback alone sees `walk`.
        let result = unsafe {
            sys::x509_crt_verify_with_profile(
                &mut *presented.raw,
                (&raw const *self.anchors.raw).cast_mut(),
                crl.cast_mut(),
                &raw const PROFILE,
                null(),
                &mut flags,
                Some(note),
                (&raw mut walk).cast::<c_void>(),
            )
        };
        walk.path.reverse();
        let path: Option<Vec<Certificate>> = walk.path.iter().map(|der| Certificate::from_der(der)).collect();
        let path = path.ok_or_else(|| other(0))?;
        let end = match path.last() {
            Some(last) if last.is_self_issued() && self.holds(last) => End::TrustedRoot,
            Some(last) if last.is_self_issued() => End::SelfSigned,
            _ => End::Issued,
        };
        if result == 0 && flags == 0 && end == End::Issued {
            // What is trusted and no root needs a root above it, as with node:tls.
            flags = sys::X509_BADCERT_NOT_TRUSTED as u32;
        }
        match (result, flags) {
            (0, 0) => Ok(path),
            (_, 0) => Err(other(result)),
            (_, flags) => Err(Refusal { flags, length: path.len(), end }),
        }
    }

    /// Whether this certificate is one of those that are trusted.
    fn holds(&self, certificate: &Certificate) -> bool {
        let mut next: *const sys::x509_crt = &*self.anchors.raw;
        // SAFETY: each `next` is null or the list's own.
        while let Some(anchor) = unsafe { next.as_ref() } {
            if raw(&anchor.raw) == certificate.der {
                return true;
            }
            next = anchor.next;
        }
        false
    }
}

/// One verification, as its callback sees it.
struct Walk {
    lists: Option<Lists>,
    purpose: [u8; 8],
    /// DER, the trusted one first.
    path: Vec<Vec<u8>>,
}

/// `f_vrfy`: called for each certificate of the path, the peer's own with depth 0 and last.
unsafe extern "C" fn note(walk: *mut c_void, certificate: *mut sys::x509_crt, _depth: c_int, flags: *mut u32) -> c_int {
    // SAFETY: `verify` passes its `Walk`, and holds no reference to it during the call.
    let walk = unsafe { &mut *walk.cast::<Walk>() };
    // SAFETY: Mbed TLS passes the parsed certificate, which nobody changes, and its result word.
    let (certificate, flags) = unsafe { (&*certificate, &mut *flags) };
    walk.path.push(raw(&certificate.raw).to_vec());
    if walk.lists.as_ref().is_some_and(|lists| !lists.cover(certificate)) {
        *flags |= sys::X509_BADCRL_NOT_TRUSTED as u32;
    }
    if !has_purpose(certificate, &walk.purpose) {
        *flags |= sys::X509_BADCERT_EXT_KEY_USAGE as u32;
    }
    0
}

/// Whether the extended key usage names this purpose, or is not there. As with node:tls, that every purpose is allowed
/// is not enough.
fn has_purpose(certificate: &sys::x509_crt, purpose: &[u8; 8]) -> bool {
    if certificate.ext_types & sys::OID_X509_EXT_EXTENDED_KEY_USAGE == 0 {
        return true;
    }
    let mut next: *const sys::x509_sequence = &certificate.ext_key_usage;
    // SAFETY: the list begins inside the certificate, and each `next` is null or the certificate's own.
    while let Some(usage) = unsafe { next.as_ref() } {
        if raw(&usage.buf) == purpose {
            return true;
        }
        next = usage.next;
    }
    false
}

/// The bytes of an ASN.1 element.
fn raw(element: &sys::x509_buf) -> &[u8] {
    if element.p.is_null() {
        return &[];
    }
    // SAFETY: a parsed element points at `len` bytes of the certificate's own copy of its DER.
    unsafe { slice::from_raw_parts(element.p, element.len) }
}
