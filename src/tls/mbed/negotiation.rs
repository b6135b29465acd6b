//! What the two hellos negotiate beside the suite: groups, signatures, application protocol, lengths.

use super::curves::Curve;
use super::ffi::negotiation::Preferences;
use super::ffi::x509::{Hash, SignatureScheme};
use crate::tls::config::Wishes;
use crate::tls::config_error::ConfigError;
use crate::tls::psk::PSK_HINT_LIMIT;
use crate::tls::suites::Means;
use crate::wire::{MaxFragmentLength, SrtpProfile};
use mbedtls_sys as sys;
use std::ffi::CString;

/// [`Wishes`], checked and parsed.
#[derive(Clone, Debug)]
pub(crate) struct Negotiation {
    pub(super) curves: Vec<Curve>,
    pub(super) signatures: Signatures,
    pub(super) protocols: Vec<CString>,
    pub(super) extended_master_secret: bool,
    pub(super) max_fragment_length: Option<MaxFragmentLength>,
    pub(super) srtp_profiles: Vec<SrtpProfile>,
    pub(super) client_preference: bool,
    pub(super) psk_hint: Vec<u8>,
}

/// Signatures that are made and accepted: each of the hashes by each of the kinds of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signatures {
    pub(super) hashes: Vec<sys::md_type_t>,
    pub(super) rsa: bool,
    pub(super) ecdsa: bool,
}

/// Each hash, OpenSSL's name for it, and the IANA registry's names for its signatures with EC and RSA keys. SHA-1 and
/// MD5 are left out.
static HASHES: [(sys::md_type_t, &str, &str, &str); 3] = [
    (sys::MD_SHA256, "SHA256", "ecdsa_secp256r1_sha256", "rsa_pkcs1_sha256"),
    (sys::MD_SHA384, "SHA384", "ecdsa_secp384r1_sha384", "rsa_pkcs1_sha384"),
    (sys::MD_SHA512, "SHA512", "ecdsa_secp521r1_sha512", "rsa_pkcs1_sha512"),
];

impl Negotiation {
    pub(super) fn new(wishes: &Wishes) -> Result<Negotiation, ConfigError> {
        Ok(Negotiation {
            curves: curves(wishes.curves.as_deref())?,
            signatures: wishes.signature_algorithms.as_deref().map_or(Ok(Signatures::all()), Signatures::parse)?,
            protocols: protocols(&wishes.protocols)?,
            extended_master_secret: wishes.extended_master_secret,
            srtp_profiles: srtp_profiles(&wishes.srtp_profiles)?,
            client_preference: wishes.client_preference,
            psk_hint: psk_hint(&wishes.psk_hint)?,
            max_fragment_length: wishes.max_fragment_length.map(max_fragment_length).transpose()?,
        })
    }

    /// The means that are left without the kinds of keys for which no signature algorithm was wished.
    pub(super) fn restrict(&self, means: Means) -> Means {
        let Signatures { ecdsa, rsa, .. } = self.signatures;
        Means { ecdsa: means.ecdsa && ecdsa, rsa: means.rsa && rsa, ..means }
    }

    /// What the engine's configuration needs of it, in the engine's numbers.
    pub(super) fn preferences(&self) -> Preferences {
        Preferences {
            curves: self.curves.iter().map(|curve| curve.id()).collect(),
            hashes: self.signatures.hashes.clone(),
            protocols: self.protocols.clone(),
            max_fragment_length_code: self.max_fragment_length.map_or(0, MaxFragmentLength::code),
            client_preference: self.client_preference,
            psk_hint: self.psk_hint.clone(),
        }
    }
}

/// IANA's numbers of the groups that are wished, best first; `None` for all.
pub(crate) fn group_numbers(wishes: &Wishes) -> Result<Option<Vec<u16>>, ConfigError> {
    let numbers = |curves: Vec<Curve>| curves.into_iter().map(Curve::number).collect();
    wishes.curves.as_deref().map(|names| curves(Some(names)).map(numbers)).transpose()
}

fn max_fragment_length(bytes: u16) -> Result<MaxFragmentLength, ConfigError> {
    MaxFragmentLength::from_bytes(bytes).ok_or(ConfigError::MaxFragmentLength(bytes))
}

impl Signatures {
    fn all() -> Signatures {
        Signatures { hashes: HASHES.iter().map(|&(hash, ..)| hash).collect(), rsa: true, ecdsa: true }
    }

    fn parse(names: &[String]) -> Result<Signatures, ConfigError> {
        let mut pairs = Vec::new();
        for name in names {
            let pair = signature(name).ok_or_else(|| ConfigError::UnknownSignatureAlgorithm(name.clone()))?;
            if !pairs.contains(&pair) {
                pairs.push(pair);
            }
        }
        let mut signatures = Signatures { hashes: Vec::new(), rsa: false, ecdsa: false };
        for &(hash, rsa) in &pairs {
            signatures.rsa |= rsa;
            signatures.ecdsa |= !rsa;
            if !signatures.hashes.contains(&hash) {
                signatures.hashes.push(hash);
            }
        }
        // The engine offers each hash with each kind of key: more than was asked for must not be accepted.
        let kinds = usize::from(signatures.rsa) + usize::from(signatures.ecdsa);
        if kinds == 2 && pairs.len() != 2 * signatures.hashes.len() {
            return Err(ConfigError::UnequalHashes);
        }
        Ok(signatures)
    }

    /// Whether a certificate of the peer's chain may be signed so (RFC 5246 sections 7.4.2 and 7.4.4).
    ///
    /// The engine can offer neither Ed25519 nor RSA-PSS, so `sigalgs` cannot name them: they are accepted as long as it
    /// names nothing.
    pub(super) fn accept_in_chain(&self, scheme: SignatureScheme) -> bool {
        match scheme {
            SignatureScheme::RsaPkcs1(hash) => self.rsa && self.accept_hash(hash),
            SignatureScheme::Ecdsa(hash) => self.ecdsa && self.accept_hash(hash),
            SignatureScheme::RsaPss(hash) => self.is_unrestricted() && self.accept_hash(hash),
            SignatureScheme::Ed25519 => self.is_unrestricted(),
            SignatureScheme::Other => false,
        }
    }

    fn accept_hash(&self, hash: Hash) -> bool {
        let hash = match hash {
            Hash::Sha256 => sys::MD_SHA256,
            Hash::Sha384 => sys::MD_SHA384,
            Hash::Sha512 => sys::MD_SHA512,
            Hash::Other => return false,
        };
        self.hashes.contains(&hash)
    }

    fn is_unrestricted(&self) -> bool {
        *self == Signatures::all()
    }

    /// Whether a peer may sign with a key of this kind.
    pub(super) fn accept(&self, is_rsa: bool) -> bool {
        if is_rsa { self.rsa } else { self.ecdsa }
    }
}

/// The hash, and whether it is signed with an RSA key.
fn signature(name: &str) -> Option<(sys::md_type_t, bool)> {
    HASHES.iter().find_map(|&(hash, short, ecdsa, rsa)| {
        let is = |spelling: &str| spelling.eq_ignore_ascii_case(name);
        let pair = name.split_once('+').filter(|(_, of)| of.eq_ignore_ascii_case(short)).map(|(key, _)| key);
        let is_pair = |key: &str| pair.is_some_and(|given| given.eq_ignore_ascii_case(key));
        (is(ecdsa) || is_pair("ECDSA"))
            .then_some((hash, false))
            .or_else(|| (is(rsa) || is_pair("RSA")).then_some((hash, true)))
    })
}

fn curves(names: Option<&[String]>) -> Result<Vec<Curve>, ConfigError> {
    let Some(names) = names else { return Ok(Curve::all()) };
    let mut curves = Vec::new();
    for name in names {
        let curve = Curve::from_name(name).ok_or_else(|| ConfigError::UnknownCurve(name.clone()))?;
        if !curves.contains(&curve) {
            curves.push(curve);
        }
    }
    Ok(curves)
}

fn srtp_profiles(names: &[String]) -> Result<Vec<SrtpProfile>, ConfigError> {
    let mut profiles = Vec::new();
    for name in names {
        let profile = SrtpProfile::from_name(name).ok_or_else(|| ConfigError::UnknownSrtpProfile(name.clone()))?;
        if !profiles.contains(&profile) {
            profiles.push(profile);
        }
    }
    Ok(profiles)
}

/// The engine takes application protocols as C strings.
fn protocols(names: &[Vec<u8>]) -> Result<Vec<CString>, ConfigError> {
    let fits = names.iter().all(|name| (1..=usize::from(u8::MAX)).contains(&name.len()))
        && names.iter().map(|name| name.len() + 1).sum::<usize>() <= PROTOCOLS_LIMIT;
    let strings = names.iter().map(|name| CString::new(name.as_slice())).collect::<Result<Vec<_>, _>>();
    strings.ok().filter(|_| fits).ok_or(ConfigError::ProtocolNames)
}

/// Bytes of protocol names in a hello, each with its length; more would leave no room for the rest.
const PROTOCOLS_LIMIT: usize = 4096;

fn psk_hint(hint: &[u8]) -> Result<Vec<u8>, ConfigError> {
    let fits = hint.len() <= PSK_HINT_LIMIT;
    fits.then(|| hint.to_vec()).ok_or(ConfigError::PskHintLength(hint.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(names: &[&str]) -> Result<Signatures, ConfigError> {
        Signatures::parse(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn signature_algorithms_have_two_spellings() {
        let both = parse(&["ECDSA+SHA384", "rsa_pkcs1_sha384"]).unwrap();
        assert_eq!(both, Signatures { hashes: vec![sys::MD_SHA384], rsa: true, ecdsa: true });
        let one = parse(&["ecdsa_secp521r1_sha512", "ecdsa+sha256", "ECDSA+SHA256"]).unwrap();
        assert_eq!(one, Signatures { hashes: vec![sys::MD_SHA512, sys::MD_SHA256], rsa: false, ecdsa: true });
    }

    #[test]
    fn what_the_engine_cannot_tell_apart_is_refused() {
        assert_eq!(parse(&["ECDSA+SHA256", "RSA+SHA512"]), Err(ConfigError::UnequalHashes));
        for name in ["RSA+SHA1", "RSA-PSS+SHA256", "SHA256", ""] {
            assert_eq!(parse(&[name]), Err(ConfigError::UnknownSignatureAlgorithm(name.to_owned())));
        }
    }

    #[test]
    fn protocol_names_that_do_not_fit_are_refused() {
        for name in [&b""[..], b"with\0nul", &[b'a'; 256]] {
            assert!(protocols(&[name.to_vec()]).is_err());
        }
        assert!(protocols(&vec![vec![b'a'; 200]; 30]).is_err());
        assert_eq!(protocols(&[b"coap".to_vec()]).unwrap().len(), 1);
    }
}
