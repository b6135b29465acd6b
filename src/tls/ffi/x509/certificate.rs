//! X.509 in AWS-LC's hands: certificates and revocation lists, parsed.
//!
//! The engine sees none of it: a handshake gives it the public key of a certificate alone.

use super::words::{Hash, KeySize, Names, SignatureScheme};
use aws_lc_sys as lc;
use std::ffi::{c_int, c_long, c_void};
use std::ptr::{NonNull, null_mut};
use std::slice;

/// Bits of `X509_get_extended_key_usage` that allow a certificate to authenticate a server.
const SERVER_PURPOSES: u32 = (lc::XKU_SSL_SERVER | lc::XKU_ANYEKU) as u32;

/// Where the hash stands in an AlgorithmIdentifier of RSASSA-PSS.
const PSS_HASH_AT: usize = 2 + 11 + 2 + 2 + 2;

/// A certificate whose extensions can be read.
pub(crate) struct Certificate {
    raw: NonNull<lc::X509>,
}

// SAFETY: not written after `from_der`; AWS-LC counts references atomically and guards what it caches with a lock.
unsafe impl Send for Certificate {}
// SAFETY: as for `Send`.
unsafe impl Sync for Certificate {}

impl Certificate {
    /// `None` when these bytes are anything but one certificate, or its extensions are malformed.
    pub(crate) fn from_der(der: &[u8]) -> Option<Certificate> {
        let length = c_long::try_from(der.len()).ok()?;
        let mut position = der.as_ptr();
        // SAFETY: `position` walks `length` readable bytes; a new certificate is made, or null.
        let raw = NonNull::new(unsafe { lc::d2i_X509(null_mut(), &mut position, length) });
        forget_errors();
        let certificate = Certificate { raw: raw? };
        let is_whole = std::ptr::eq(position, der.as_ptr_range().end);
        // SAFETY: a certificate. This reads its extensions and keeps them.
        let flags = unsafe { lc::X509_get_extension_flags(certificate.as_ptr()) };
        forget_errors();
        (is_whole && flags & lc::EXFLAG_INVALID as u32 == 0).then_some(certificate)
    }

    /// One more reference to a certificate that somebody else has parsed.
    pub(super) fn share(raw: NonNull<lc::X509>) -> Option<Certificate> {
        // SAFETY: a certificate that is alive; the reference is given back in `drop`.
        (unsafe { lc::X509_up_ref(raw.as_ptr()) } == 1).then_some(Certificate { raw })
    }

    pub(super) fn as_ptr(&self) -> *mut lc::X509 {
        self.raw.as_ptr()
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        // SAFETY: writes a buffer of AWS-LC's, which `written` frees.
        written(|out| unsafe { lc::i2d_X509(self.as_ptr(), out) })
    }

    /// SubjectPublicKeyInfo, DER.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        // SAFETY: the key is the certificate's own; writes a buffer of AWS-LC's, which `written` frees.
        written(|out| unsafe { lc::i2d_X509_PUBKEY(lc::X509_get_X509_PUBKEY(self.as_ptr()), out) })
    }

    /// Name, DER.
    pub(crate) fn subject(&self) -> Vec<u8> {
        // SAFETY: the name is the certificate's own; writes a buffer of AWS-LC's, which `written` frees.
        written(|out| unsafe { lc::i2d_X509_NAME(lc::X509_get_subject_name(self.as_ptr()), out) })
    }

    /// Whether it names itself as its issuer. AWS-LC says so only of those that may sign others, OpenSSL of all.
    pub(super) fn is_self_signed(&self) -> bool {
        // SAFETY: a certificate whose extensions were read.
        let issued = unsafe { lc::X509_check_issued(self.as_ptr(), self.as_ptr()) };
        matches!(issued, lc::X509_V_OK | lc::X509_V_ERR_KEYUSAGE_NO_CERTSIGN)
    }

    /// Whether its key usage lets it sign handshakes (RFC 5280 section 4.2.1.3).
    pub(crate) fn may_sign(&self) -> bool {
        // SAFETY: as above. Without the extension every bit is set.
        unsafe { lc::X509_get_key_usage(self.as_ptr()) & lc::X509v3_KU_DIGITAL_SIGNATURE as u32 != 0 }
    }

    /// Whether its extended key usage lets it authenticate a server (RFC 5280 section 4.2.1.12).
    pub(crate) fn may_serve(&self) -> bool {
        // SAFETY: as above.
        unsafe { lc::X509_get_extended_key_usage(self.as_ptr()) & SERVER_PURPOSES != 0 }
    }

    pub(crate) fn key_size(&self) -> KeySize {
        // SAFETY: the key is the certificate's own, or null.
        let Some(key) = NonNull::new(unsafe { lc::X509_get0_pubkey(self.as_ptr()) }) else {
            forget_errors();
            return KeySize::Other;
        };
        // SAFETY: a key.
        let (kind, bits) = unsafe { (lc::EVP_PKEY_id(key.as_ptr()), lc::EVP_PKEY_bits(key.as_ptr())) };
        let bits = u32::try_from(bits).unwrap_or(0);
        match kind {
            lc::EVP_PKEY_RSA | lc::EVP_PKEY_RSA_PSS => KeySize::Rsa(bits),
            lc::EVP_PKEY_EC => KeySize::Ec(bits),
            lc::EVP_PKEY_ED25519 => KeySize::Ed25519,
            _ => KeySize::Other,
        }
    }

    pub(crate) fn signature_scheme(&self) -> SignatureScheme {
        // SAFETY: a certificate.
        if unsafe { lc::X509_get_signature_nid(self.as_ptr()) } == lc::NID_rsassaPss {
            return SignatureScheme::RsaPss(self.pss_hash());
        }
        let (mut digest, mut key, mut bits, mut flags) = (0, 0, 0, 0);
        // SAFETY: a certificate, and room for four numbers.
        let known = unsafe { lc::X509_get_signature_info(self.as_ptr(), &mut digest, &mut key, &mut bits, &mut flags) };
        forget_errors();
        if known != 1 {
            return SignatureScheme::Other;
        }
        let hash = match digest {
            lc::NID_sha256 => Hash::Sha256,
            lc::NID_sha384 => Hash::Sha384,
            lc::NID_sha512 => Hash::Sha512,
            _ => Hash::Other,
        };
        match key {
            lc::NID_rsaEncryption => SignatureScheme::RsaPkcs1(hash),
            lc::NID_X9_62_id_ecPublicKey => SignatureScheme::Ecdsa(hash),
            lc::NID_ED25519 => SignatureScheme::Ed25519,
            _ => SignatureScheme::Other,
        }
    }

    /// The hash in the parameters of RSASSA-PSS (RFC 4055 section 3.1).
    fn pss_hash(&self) -> Hash {
        // SAFETY: the algorithm is the certificate's own; writes a buffer of AWS-LC's, which `written` frees.
        let algorithm = written(|out| unsafe { lc::i2d_X509_ALGOR(lc::X509_get0_tbs_sigalg(self.as_ptr()), out) });
        // Both sequences, the OID of RSASSA-PSS, [0], and the sequence in it, all with lengths of one byte.
        match algorithm.get(PSS_HASH_AT..) {
            Some([0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, ..]) => Hash::Sha256,
            Some([0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2, ..]) => Hash::Sha384,
            Some([0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3, ..]) => Hash::Sha512,
            _ => Hash::Other,
        }
    }

    /// How many authorities may follow below this one (RFC 5280 section 4.2.1.9); `None` where it sets no bound.
    pub(crate) fn path_length(&self) -> Option<usize> {
        // SAFETY: a certificate whose extensions were read.
        usize::try_from(unsafe { lc::X509_get_pathlen(self.as_ptr()) }).ok()
    }

    pub(crate) fn is_self_issued(&self) -> bool {
        // SAFETY: as above.
        unsafe { lc::X509_get_extension_flags(self.as_ptr()) & lc::EXFLAG_SI as u32 != 0 }
    }

    /// What is wrong with its dates now, if anything.
    pub(super) fn time_error(&self) -> Option<c_int> {
        // SAFETY: the dates are the certificate's own.
        let (begins, ends) = unsafe {
            let (begins, ends) = (lc::X509_get0_notBefore(self.as_ptr()), lc::X509_get0_notAfter(self.as_ptr()));
            (lc::X509_cmp_current_time(begins), lc::X509_cmp_current_time(ends))
        };
        if begins >= 0 {
            Some(lc::X509_V_ERR_CERT_NOT_YET_VALID)
        } else {
            (ends <= 0).then_some(lc::X509_V_ERR_CERT_HAS_EXPIRED)
        }
    }

    pub(crate) fn names(&self) -> Names {
        let mut names = Names { common: self.common_names(), ..Names::default() };
        // SAFETY: a new list of this extension's type, or null; it is freed below.
        let list = unsafe { lc::X509_get_ext_d2i(self.as_ptr(), lc::NID_subject_alt_name, null_mut(), null_mut()) };
        forget_errors();
        let list = list.cast::<lc::GENERAL_NAMES>();
        if list.is_null() {
            return names;
        }
        // SAFETY: a stack.
        for index in 0..unsafe { lc::OPENSSL_sk_num(list.cast()) } {
            let mut kind = 0;
            // SAFETY: below its length the stack holds names.
            let name = unsafe { lc::OPENSSL_sk_value(list.cast(), index) }.cast::<lc::GENERAL_NAME>();
            // SAFETY: a name, whose value is its own.
            let value = unsafe { lc::GENERAL_NAME_get0_value(name, &mut kind) };
            match kind {
                // SAFETY: the value of these kinds is a string.
                lc::GEN_DNS => names.dns.push(unsafe { string(value.cast()) }),
                // SAFETY: as above.
                lc::GEN_IPADD => names.addresses.push(unsafe { string(value.cast()) }),
                _ => {}
            }
        }
        // SAFETY: the list was made above, and nothing of it is left in use.
        unsafe { lc::GENERAL_NAMES_free(list) };
        names
    }

    fn common_names(&self) -> Vec<Vec<u8>> {
        // SAFETY: the name is the certificate's own.
        let subject = unsafe { lc::X509_get_subject_name(self.as_ptr()) };
        let next = |after: c_int| {
            // SAFETY: a name.
            let index = unsafe { lc::X509_NAME_get_index_by_NID(subject, lc::NID_commonName, after) };
            (index >= 0).then_some(index)
        };
        std::iter::successors(next(-1), |&index| next(index))
            .map(|index| {
                // SAFETY: an index that was just found; entry and string are the name's own. The buffer that is written
                // is AWS-LC's, which `written` frees.
                written(|out| unsafe {
                    let entry = lc::X509_NAME_get_entry(subject, index);
                    lc::ASN1_STRING_to_UTF8(out, lc::X509_NAME_ENTRY_get_data(entry))
                })
            })
            .collect()
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        // SAFETY: the reference is ours and is given back once.
        unsafe { lc::X509_free(self.as_ptr()) };
    }
}

/// A list of certificates that their issuer has revoked.
pub(crate) struct RevocationList {
    raw: NonNull<lc::X509_CRL>,
}

// SAFETY: not written after `from_der`; AWS-LC counts references atomically and sorts the entries under a lock.
unsafe impl Send for RevocationList {}
// SAFETY: as for `Send`.
unsafe impl Sync for RevocationList {}

impl RevocationList {
    /// `None` when these bytes are anything but one list.
    pub(crate) fn from_der(der: &[u8]) -> Option<RevocationList> {
        let length = c_long::try_from(der.len()).ok()?;
        let mut position = der.as_ptr();
        // SAFETY: `position` walks `length` readable bytes; a new list is made, or null.
        let raw = NonNull::new(unsafe { lc::d2i_X509_CRL(null_mut(), &mut position, length) });
        forget_errors();
        let list = RevocationList { raw: raw? };
        std::ptr::eq(position, der.as_ptr_range().end).then_some(list)
    }

    pub(super) fn as_ptr(&self) -> *mut lc::X509_CRL {
        self.raw.as_ptr()
    }
}

impl Drop for RevocationList {
    fn drop(&mut self) {
        // SAFETY: the reference is ours and is given back once.
        unsafe { lc::X509_CRL_free(self.as_ptr()) };
    }
}

/// AWS-LC keeps a queue of what went wrong in each thread, and nobody reads it.
pub(super) fn forget_errors() {
    // SAFETY: touches the queue of this thread alone.
    unsafe { lc::ERR_clear_error() };
}

/// The bytes that `write` leaves in a buffer that it allocates; none where it fails.
fn written(write: impl FnOnce(&mut *mut u8) -> c_int) -> Vec<u8> {
    let mut buffer = null_mut::<u8>();
    let length = usize::try_from(write(&mut buffer)).unwrap_or(0);
    if buffer.is_null() {
        forget_errors();
        return Vec::new();
    }
    // SAFETY: `write` has answered how many bytes it has written there.
    let bytes = unsafe { slice::from_raw_parts(buffer, length) }.to_vec();
    // SAFETY: allocated by AWS-LC for its caller, and freed once.
    unsafe { lc::OPENSSL_free(buffer.cast::<c_void>()) };
    bytes
}

/// The bytes of a string.
///
/// # Safety
///
/// `value` is a string of AWS-LC's, or null.
unsafe fn string(value: *const lc::ASN1_STRING) -> Vec<u8> {
    if value.is_null() {
        return Vec::new();
    }
    // SAFETY: as the caller's.
    let (data, length) = unsafe { (lc::ASN1_STRING_get0_data(value), lc::ASN1_STRING_length(value)) };
    match usize::try_from(length) {
        // SAFETY: a string points at as many bytes as it says.
        Ok(length) if !data.is_null() => unsafe { slice::from_raw_parts(data, length) }.to_vec(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::ffi::has_errors;
    use rcgen::{CertificateParams, CustomExtension, DnType, KeyPair};

    fn der(key: &KeyPair, params: &CertificateParams) -> Vec<u8> {
        params.self_signed(key).unwrap().der().to_vec()
    }

    /// The same with other bytes wherever these stand.
    fn with(der: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
        let mut other = der.to_vec();
        while let Some(at) = other.windows(old.len()).position(|window| window == old) {
            other[at..at + old.len()].copy_from_slice(new);
        }
        assert_ne!(other, der);
        other
    }

    #[test]
    fn keys_and_signatures_are_told_apart() {
        for (algorithm, size, scheme) in [
            (&rcgen::PKCS_ECDSA_P256_SHA256, KeySize::Ec(256), SignatureScheme::Ecdsa(Hash::Sha256)),
            (&rcgen::PKCS_ECDSA_P384_SHA384, KeySize::Ec(384), SignatureScheme::Ecdsa(Hash::Sha384)),
            (&rcgen::PKCS_ED25519, KeySize::Ed25519, SignatureScheme::Ed25519),
        ] {
            let key = KeyPair::generate_for(algorithm).unwrap();
            let certificate = Certificate::from_der(&der(&key, &CertificateParams::default())).unwrap();
            assert_eq!((certificate.key_size(), certificate.signature_scheme()), (size, scheme));
        }
        // ecdsa-with-SHA512 (RFC 5758 section 3.2), SHA-1, and one that nobody has thought of.
        let params = CertificateParams::default();
        let certificate = der(&KeyPair::generate().unwrap(), &params);
        let ecdsa = |last: &[u8]| [&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4][..], last].concat();
        for (last, scheme) in [([3, 4], SignatureScheme::Ecdsa(Hash::Sha512)), ([3, 9], SignatureScheme::Other)] {
            let other = Certificate::from_der(&with(&certificate, &ecdsa(&[3, 2]), &ecdsa(&last))).unwrap();
            assert_eq!((other.signature_scheme(), has_errors()), (scheme, false));
        }
        // No key of a kind that is known.
        let other = with(&certificate, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1], &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 9]);
        if let Some(other) = Certificate::from_der(&other) {
            assert_eq!(other.key_size(), KeySize::Other);
        }
        assert!(!has_errors());
    }

    #[test]
    fn nothing_that_goes_wrong_is_left_in_the_queue() {
        let mut params = CertificateParams::default();
        let key = KeyPair::generate().unwrap();
        let good = der(&key, &params);
        params.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 19], vec![0x30, 3, 2, 1, 1])];
        let malformed = der(&key, &params);
        for bytes in [b"junk", &good[..good.len() - 1], &[&good[..], &[0]].concat(), &malformed] {
            assert!(Certificate::from_der(bytes).is_none() && !has_errors());
            assert!(RevocationList::from_der(bytes).is_none() && !has_errors());
        }
        let good = Certificate::from_der(&good).unwrap();
        assert!(good.names().dns.is_empty() && good.der() != good.subject() && !has_errors());
        assert!(written(|_| -1).is_empty());
    }

    #[test]
    fn every_common_name_is_found_wherever_it_stands() {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "server.test");
        params.distinguished_name.push(DnType::OrganizationName, "Test");
        let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
        let names = Certificate::from_der(&der).unwrap().names();
        assert_eq!((names.common, names.dns), (vec![b"server.test".to_vec()], Vec::new()));
    }

    #[test]
    fn the_hash_of_rsa_pss_is_in_its_parameters() {
        for (der, hash) in [
            (&include_bytes!("../../../proto/tests/keys/rsa-pss-sha256.der")[..], Hash::Sha256),
            (include_bytes!("../../../proto/tests/keys/rsa-pss-sha384.der"), Hash::Sha384),
            (include_bytes!("../../../proto/tests/keys/rsa-pss-sha512.der"), Hash::Sha512),
        ] {
            let certificate = Certificate::from_der(der).unwrap();
            assert_eq!(certificate.signature_scheme(), SignatureScheme::RsaPss(hash));
            assert_eq!(certificate.key_size(), KeySize::Rsa(2048));
            // With SHA-224 in place of it, in the certificate and beside its signature.
            let sha2 = |last: u8| [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, last];
            let last = match hash {
                Hash::Sha256 => 1,
                Hash::Sha384 => 2,
                _ => 3,
            };
            let other = Certificate::from_der(&with(der, &sha2(last), &sha2(4))).unwrap();
            assert_eq!(other.signature_scheme(), SignatureScheme::RsaPss(Hash::Other));
        }
    }
}
