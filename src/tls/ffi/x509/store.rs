//! The verdict on a chain: AWS-LC's `X509_verify_cert`, which is OpenSSL's, and so node:tls's.

use super::certificate::{Certificate, RevocationList, forget_errors};
use super::words::Purpose;
use aws_lc_sys as lc;
use std::ffi::{CStr, c_int, c_ulong, c_void};
use std::ptr::NonNull;

/// The index at which `X509_STORE_CTX` keeps what its owner wants to find in callbacks.
const OWNERS_DATA: c_int = 0;

/// Certificates that are trusted to vouch for others.
pub(crate) struct Store {
    raw: NonNull<lc::X509_STORE>,
}

// SAFETY: nothing is added after `new`, and AWS-LC guards look-ups with a lock.
unsafe impl Send for Store {}
// SAFETY: as for `Send`.
unsafe impl Sync for Store {}

/// Why a chain was refused: `X509_V_ERR_...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) c_int);

/// The numbers of refusals that have a meaning of their own.
pub(crate) mod numbers {
    pub(crate) use aws_lc_sys::{
        X509_V_ERR_CERT_CHAIN_TOO_LONG, X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID,
        X509_V_ERR_CERT_REJECTED, X509_V_ERR_CERT_REVOKED, X509_V_ERR_CERT_SIGNATURE_FAILURE,
        X509_V_ERR_CERT_UNTRUSTED, X509_V_ERR_CRL_HAS_EXPIRED, X509_V_ERR_CRL_NOT_YET_VALID,
        X509_V_ERR_CRL_SIGNATURE_FAILURE, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_EXCLUDED_VIOLATION,
        X509_V_ERR_INVALID_CA, X509_V_ERR_INVALID_PURPOSE, X509_V_ERR_NAME_CONSTRAINTS_WITHOUT_SANS,
        X509_V_ERR_PATH_LENGTH_EXCEEDED, X509_V_ERR_PERMITTED_VIOLATION, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
        X509_V_ERR_SUBTREE_MINMAX, X509_V_ERR_UNABLE_TO_GET_CRL, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
        X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
        X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX,
        X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE, X509_V_ERR_UNSUPPORTED_NAME_SYNTAX,
    };
}

impl Store {
    /// `None` when there is no memory.
    pub(crate) fn new<'a>(anchors: impl IntoIterator<Item = &'a Certificate>) -> Option<Store> {
        // SAFETY: a new store, or null.
        let store = Store { raw: NonNull::new(unsafe { lc::X509_STORE_new() })? };
        for anchor in anchors {
            // SAFETY: both are alive; the store takes a reference of its own, and passes over what it has already.
            let added = unsafe { lc::X509_STORE_add_cert(store.raw.as_ptr(), anchor.as_ptr()) };
            forget_errors();
            if added != 1 {
                return None;
            }
        }
        Some(store)
    }

    /// Looks for a path from the first certificate of `chain` to one that is trusted, and answers it, from the first to
    /// the last. `purpose`: what the first is used for.
    ///
    /// Of several things that are wrong, the last one that is found is named, as node:tls does.
    pub(crate) fn verify(
        &self,
        chain: &[&Certificate],
        lists: Option<&[RevocationList]>,
        purpose: Purpose,
    ) -> Result<Vec<Certificate>, Refusal> {
        let out_of_memory = Refusal(lc::X509_V_ERR_OUT_OF_MEM);
        let leaf = chain.first().ok_or(Refusal(lc::X509_V_ERR_UNSPECIFIED))?;
        let untrusted = Stack::of(chain.iter().map(|certificate| certificate.as_ptr().cast())).ok_or(out_of_memory)?;
        let lists = match lists {
            None => None,
            Some(lists) => Some(Stack::of(lists.iter().map(|list| list.as_ptr().cast())).ok_or(out_of_memory)?),
        };
        let is_self_signed = leaf.is_self_signed();
        let mut errors = Errors::default();
        // Declared last, it goes first: it points at everything above.
        let context = Context::new().ok_or(out_of_memory)?;
        let raw = context.0.as_ptr();
        // SAFETY: the context is new; store, certificates and stack outlive it.
        let set_up = unsafe { lc::X509_STORE_CTX_init(raw, self.raw.as_ptr(), leaf.as_ptr(), untrusted.as_ptr()) };
        // SAFETY: the context is set up, or was zeroed by the attempt; the name is a C string.
        if set_up != 1 || unsafe { lc::X509_STORE_CTX_set_default(raw, name_of(purpose).as_ptr()) } != 1 {
            return Err(out_of_memory);
        }
        // SAFETY: the context is set up; `errors` and lists outlive it.
        unsafe {
            let errors = (&raw mut errors).cast::<c_void>();
            if lc::X509_STORE_CTX_set_ex_data(raw, OWNERS_DATA, errors) != 1 {
                return Err(out_of_memory);
            }
            lc::X509_STORE_CTX_set_verify_cb(raw, Some(note_error));
            if is_self_signed {
                // One that is trusted need not be allowed to sign others.
                lc::X509_STORE_CTX_set_flags(raw, lc::X509_V_FLAG_PARTIAL_CHAIN as c_ulong);
            }
            if let Some(lists) = &lists {
                lc::X509_STORE_CTX_set0_crls(raw, lists.as_ptr());
                let check = lc::X509_V_FLAG_CRL_CHECK | lc::X509_V_FLAG_CRL_CHECK_ALL;
                lc::X509_STORE_CTX_set_flags(raw, check as c_ulong);
            }
        }
        // SAFETY: the context is set up.
        let (verified, last) = unsafe { (lc::X509_verify_cert(raw), lc::X509_STORE_CTX_get_error(raw)) };
        forget_errors();
        let untrusted_itself = Refusal(lc::X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
        match (verified, last, errors.last) {
            (1, lc::X509_V_OK, None) => {
                let path = context.path().ok_or(out_of_memory)?;
                // Nobody but itself vouches for what is self-signed.
                if is_self_signed && path.len() != 1 { Err(untrusted_itself) } else { Ok(path) }
            }
            (_, lc::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, _) if is_self_signed => Err(untrusted_itself),
            // OpenSSL looks at the dates of a certificate that nobody vouches for, and names them.
            (_, lc::X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, _) => Err(Refusal(leaf.time_error().unwrap_or(last))),
            (_, lc::X509_V_OK, error) => Err(Refusal(error.unwrap_or(lc::X509_V_ERR_UNSPECIFIED))),
            (_, error, _) => Err(Refusal(error)),
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: made in `new` and freed once.
        unsafe { lc::X509_STORE_free(self.raw.as_ptr()) };
    }
}

/// What is wrong with the chain that is being verified.
#[derive(Default)]
struct Errors {
    last: Option<c_int>,
}

/// Has the verification go on to the end, so that the last thing that is wrong is known.
unsafe extern "C" fn note_error(ok: c_int, context: *mut lc::X509_STORE_CTX) -> c_int {
    if ok != 1 {
        // SAFETY: the running context, at which `verify` has left its `Errors` and holds no reference to them.
        unsafe {
            let errors = lc::X509_STORE_CTX_get_ex_data(context, OWNERS_DATA).cast::<Errors>();
            if let Some(errors) = errors.as_mut() {
                errors.last = Some(lc::X509_STORE_CTX_get_error(context));
            }
        }
    }
    1
}

/// Purpose and trust, by OpenSSL's name.
fn name_of(purpose: Purpose) -> &'static CStr {
    match purpose {
        Purpose::ServerAuthentication => c"ssl_server",
        Purpose::ClientAuthentication => c"ssl_client",
    }
}

/// An `X509_STORE_CTX`.
struct Context(NonNull<lc::X509_STORE_CTX>);

impl Context {
    fn new() -> Option<Context> {
        // SAFETY: a new context, or null.
        NonNull::new(unsafe { lc::X509_STORE_CTX_new() }).map(Context)
    }

    /// The path that was found; `None` when there is none.
    fn path(&self) -> Option<Vec<Certificate>> {
        // SAFETY: the stack is the context's own, or null, which counts as empty.
        let stack = unsafe { lc::X509_STORE_CTX_get0_chain(self.0.as_ptr()) };
        // SAFETY: as above.
        let length = unsafe { lc::OPENSSL_sk_num(stack.cast()) };
        let certificate = |index| {
            // SAFETY: below its length the stack holds certificates.
            let raw = NonNull::new(unsafe { lc::OPENSSL_sk_value(stack.cast(), index) }.cast::<lc::X509>())?;
            Certificate::share(raw)
        };
        (0..length).map(certificate).collect()
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: made in `new` and freed once.
        unsafe { lc::X509_STORE_CTX_free(self.0.as_ptr()) };
    }
}

/// A stack that owns nothing of what is on it.
struct Stack(NonNull<lc::OPENSSL_STACK>);

impl Stack {
    fn of(items: impl Iterator<Item = *mut c_void>) -> Option<Stack> {
        // SAFETY: a new stack, or null.
        let stack = Stack(NonNull::new(unsafe { lc::OPENSSL_sk_new_null() })?);
        for item in items {
            // SAFETY: a stack; it takes any pointer.
            if unsafe { lc::OPENSSL_sk_push(stack.0.as_ptr(), item) } == 0 {
                return None;
            }
        }
        Some(stack)
    }

    /// The type of the stack follows from what is on it.
    fn as_ptr<T>(&self) -> *mut T {
        self.0.as_ptr().cast()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: made in `of` and freed once, without its items.
        unsafe { lc::OPENSSL_sk_free(self.0.as_ptr()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::ffi::has_errors;
    use rcgen::{CertificateParams, KeyPair, KeyUsagePurpose};

    #[test]
    fn nothing_that_goes_wrong_is_left_in_the_queue() {
        let certificate = || {
            let certificate = CertificateParams::default().self_signed(&KeyPair::generate().unwrap()).unwrap();
            Certificate::from_der(certificate.der()).unwrap()
        };
        let [known, other] = [certificate(), certificate()];
        let store = Store::new([&known, &known]).unwrap();
        assert!(!has_errors());
        assert!(store.verify(&[&known], None, Purpose::ServerAuthentication).is_ok() && !has_errors());
        let refused = store.verify(&[&other], None, Purpose::ServerAuthentication).err();
        assert_eq!((refused, has_errors()), (Some(Refusal(lc::X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT)), false));
        let refused = store.verify(&[&known], Some(&[]), Purpose::ClientAuthentication).err();
        assert_eq!((refused, has_errors()), (Some(Refusal(lc::X509_V_ERR_UNABLE_TO_GET_CRL)), false));
        assert!(store.verify(&[], None, Purpose::ServerAuthentication).is_err());
    }

    #[test]
    fn a_trusted_certificate_that_may_not_sign_others_vouches_for_itself() {
        let mut params = CertificateParams::default();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let own = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let own = Certificate::from_der(own.der()).unwrap();
        let store = Store::new([&own]).unwrap();
        assert!(store.verify(&[&own], None, Purpose::ServerAuthentication).is_ok());
    }
}
