//! What must happen once, before a second thread can use the engine.

use super::sys;
use std::sync::Once;

static ONCE: Once = Once::new();

/// Lets Mbed TLS detect AES-NI and fill its tables while nobody else can see them (CVE-2025-52496).
pub(super) fn start_up() {
    ONCE.call_once(|| {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        // SAFETY: a read of CPUID that caches its answer in a static; `Once` keeps other threads out.
        unsafe {
            sys::aesni_has_support(sys::AESNI_AES as u32);
        }
        // SAFETY: each fills a static list with the first call; `Once` keeps other threads out.
        unsafe {
            sys::ssl_list_ciphersuites();
            sys::ecp_grp_id_list();
        }
        let mut context = std::mem::MaybeUninit::<sys::aes_context>::uninit();
        // SAFETY: `aes_init` initialises all of the context, and `aes_free` ends its use.
        unsafe {
            sys::aes_init(context.as_mut_ptr());
            let result = sys::aes_setkey_enc(context.as_mut_ptr(), [0u8; 16].as_ptr(), 128);
            debug_assert_eq!(result, 0);
            sys::aes_free(context.as_mut_ptr());
        }
    });
}
