//! Our own key and what vouches for it, as bytes: what every engine can make its own of.

use crate::wire::CertificateType;
use zeroize::Zeroizing;

pub(crate) struct OwnCredential {
    /// PKCS#1 or SEC 1, DER.
    pub(super) key: Zeroizing<Vec<u8>>,
    /// The certificates that vouch for it, DER each, the key's own first.
    pub(super) chain: Vec<Vec<u8>>,
    /// SubjectPublicKeyInfo; `None` for a key that may not be presented raw.
    pub(super) raw: Option<Vec<u8>>,
    /// What is presented, the best first.
    pub(super) presents: Vec<CertificateType>,
}
