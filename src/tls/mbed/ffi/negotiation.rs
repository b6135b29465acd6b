//! What the engine negotiates, as a configuration has it.

use super::{c_int, check, sys};
use std::ffi::CString;
use sys::types::raw_types::c_char;

/// What a configuration prefers, in the engine's numbers, best first.
pub(crate) struct Preferences {
    pub(crate) curves: Vec<sys::ecp_group_id>,
    /// Hashes of signatures.
    pub(crate) hashes: Vec<sys::md_type_t>,
    /// Application protocols (RFC 7301); none for no such extension.
    pub(crate) protocols: Vec<CString>,
    /// The number of a maximum fragment length (RFC 6066 section 4); 0 for no limit.
    pub(crate) max_fragment_length_code: u8,
    /// Whether a server chooses the suite that its client likes best.
    pub(crate) client_preference: bool,
    /// The PSK identity hint of a server (RFC 4279 section 2); empty for none.
    pub(crate) psk_hint: Vec<u8>,
}

/// Lists that an `ssl_config` points at, each with its end mark.
pub(super) struct Lists {
    curves: Box<[sys::ecp_group_id]>,
    hashes: Box<[c_int]>,
    /// These point into `_protocols`.
    protocol_pointers: Box<[*const c_char]>,
    _protocols: Box<[CString]>,
    max_fragment_length_code: u8,
    client_preference: bool,
    psk_hint: Box<[u8]>,
}

impl Lists {
    pub(super) fn new(preferences: Preferences) -> Lists {
        let protocols: Box<[CString]> = preferences.protocols.into();
        Lists {
            curves: preferences.curves.into_iter().chain([sys::ECP_DP_NONE]).collect(),
            hashes: preferences.hashes.into_iter().chain([sys::MD_NONE]).map(|hash| hash as c_int).collect(),
            protocol_pointers: protocols.iter().map(|name| name.as_ptr()).chain([std::ptr::null()]).collect(),
            _protocols: protocols,
            max_fragment_length_code: preferences.max_fragment_length_code,
            client_preference: preferences.client_preference,
            psk_hint: preferences.psk_hint.into(),
        }
    }

    /// The configuration must not outlive the lists.
    pub(super) fn install(&mut self, raw: &mut sys::ssl_config) -> Result<(), c_int> {
        // SAFETY: the lists end with their marks and live as long as the configuration; it only reads them.
        unsafe {
            sys::ssl_conf_curves(raw, self.curves.as_ptr());
            sys::ssl_conf_sig_hashes(raw, self.hashes.as_ptr());
        }
        if self.protocol_pointers.len() > 1 {
            // SAFETY: as above; each pointer is a C string of `_protocols`.
            check(unsafe { sys::ssl_conf_alpn_protocols(raw, self.protocol_pointers.as_mut_ptr()) })?;
        }
        raw.client_preference = self.client_preference.into();
        // The engine only reads the hint, as long as the configuration lives, and does not look at an empty one.
        raw.psk_hint = self.psk_hint.as_ptr();
        raw.psk_hint_len = self.psk_hint.len();
        // SAFETY: a number.
        check(unsafe { sys::ssl_conf_max_frag_len(raw, self.max_fragment_length_code) })
    }
}
