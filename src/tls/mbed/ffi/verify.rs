//! What the chain verification of Mbed TLS 2.28 lacks: IP addresses, and whether a refused certificate signed itself.

use super::bio::Bio;
use super::trust::{PeerName, SharedCrl};
use super::{c_int, c_void, sys};
use std::net::IpAddr;

/// `iPAddress` in a GeneralName: context-specific, primitive, 7 (RFC 5280 section 4.2.1.6).
const IP_ADDRESS: c_int = 0x87;

/// `f_vrfy`: called for each certificate of the chain, the peer's own with depth 0 and last.
pub(super) unsafe extern "C" fn verify(
    bio: *mut c_void,
    certificate: *mut sys::x509_crt,
    depth: c_int,
    flags: *mut u32,
) -> c_int {
    // SAFETY: `Ssl` registered a `Bio` that lives as long as the context, and holds no reference to it during calls.
    let bio = unsafe { &mut *bio.cast::<Bio>() };
    // SAFETY: Mbed TLS passes the parsed certificate, which nobody changes during the call.
    let certificate = unsafe { &*certificate };
    if let Some(lists) = &bio.revocations
        && !has_list(lists, certificate)
    {
        // SAFETY: `flags` is the result word of this certificate.
        unsafe { *flags |= sys::X509_BADCRL_NOT_TRUSTED as u32 };
    }
    if depth != 0 {
        return 0;
    }
    if bio.leaves_name {
        // SAFETY: `flags` is the result word of this certificate.
        unsafe { *flags &= !(sys::X509_BADCERT_CN_MISMATCH as u32) };
    }
    bio.self_signed = raw(&certificate.issuer_raw) == raw(&certificate.subject_raw);
    if let Some(PeerName::Ip(expected)) = bio.peer_name
        && !bio.leaves_name
        && !names_address(certificate, expected)
    {
        // SAFETY: `flags` is the result word of this certificate.
        unsafe { *flags |= sys::X509_BADCERT_CN_MISMATCH as u32 };
    }
    0
}

/// Whether one of the lists is from the certificate's issuer. Without such a list Mbed TLS would take nothing for
/// revoked; with one, it checks itself whether the list is genuine and valid. A certificate that signs itself needs no
/// list.
fn has_list(lists: &SharedCrl, certificate: &sys::x509_crt) -> bool {
    let issuer = raw(&certificate.issuer_raw);
    let mut list = lists.as_ptr();
    // SAFETY: the chain of lists lives as long as `lists`, and nobody changes it.
    while let Some(entry) = unsafe { list.as_ref() } {
        if raw(&entry.issuer_raw) == issuer {
            return true;
        }
        list = entry.next;
    }
    issuer == raw(&certificate.subject_raw)
}

fn names_address(certificate: &sys::x509_crt, expected: IpAddr) -> bool {
    if certificate.ext_types & sys::OID_X509_EXT_SUBJECT_ALT_NAME == 0 {
        return false;
    }
    let mut name: *const sys::x509_sequence = &certificate.subject_alt_names;
    // SAFETY: the list begins inside the certificate, and each `next` is null or the certificate's own.
    while let Some(entry) = unsafe { name.as_ref() } {
        if entry.buf.tag == IP_ADDRESS && raw(&entry.buf) == octets(&expected) {
            return true;
        }
        name = entry.next;
    }
    false
}

fn octets(address: &IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// The bytes of an ASN.1 element.
pub(super) fn raw(element: &sys::x509_buf) -> &[u8] {
    if element.p.is_null() {
        return &[];
    }
    // SAFETY: a parsed element points at `len` bytes of the certificate's own copy of its DER.
    unsafe { std::slice::from_raw_parts(element.p, element.len) }
}
