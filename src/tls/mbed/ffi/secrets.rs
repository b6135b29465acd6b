//! The secret that all keys of an association are made of, from the step on that derives them.

use super::ssl::Ssl;

/// What tells an association from others, and what its keys are derived from.
pub(crate) struct MasterSecret<'a> {
    pub(crate) client_random: [u8; 32],
    pub(crate) secret: &'a [u8; 48],
}

impl Ssl {
    /// `None` until this handshake has derived its keys.
    pub(crate) fn master_secret(&self) -> Option<MasterSecret<'_>> {
        let raw = &*self.raw;
        // SAFETY: null, or structs that the context owns.
        let (session, transform) = unsafe {
            (
                raw.session_negotiate.as_ref().or(raw.session.as_ref())?,
                raw.transform_negotiate.as_ref().or(raw.transform_out.as_ref())?,
            )
        };
        // The derivation sets the transform up. It has the server's random first (RFC 5246 section 6.3).
        let client_random = *transform.randbytes.last_chunk::<32>()?;
        (transform.minlen != 0).then_some(MasterSecret { client_random, secret: &session.master })
    }
}
