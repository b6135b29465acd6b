//! What the two hellos negotiate beside the suite: groups, signatures, application protocol, lengths.

use super::curves::{Curve, HYBRID, is_hybrid};
use super::ffi::negotiation::Preferences;
use crate::tls::config::Wishes;
use crate::tls::config_error::ConfigError;
use crate::tls::psk::PSK_HINT_LIMIT;
use crate::tls::suites::Means;
use crate::tls::trust::Signatures;
use crate::tls::trust::x509::Hash;
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

impl Negotiation {
    pub(super) fn new(wishes: &Wishes) -> Result<Negotiation, ConfigError> {
        Ok(Negotiation {
            curves: curves(wishes.curves.as_deref())?,
            signatures: Signatures::wished(wishes.signature_algorithms.as_deref())?,
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
            hashes: self.signatures.hashes.iter().copied().map(number_of).collect(),
            protocols: self.protocols.clone(),
            max_fragment_length_code: self.max_fragment_length.map_or(0, MaxFragmentLength::code),
            client_preference: self.client_preference,
            psk_hint: self.psk_hint.clone(),
        }
    }
}

/// IANA's numbers of the groups that are wished, best first; `None` for all.
pub(crate) fn group_numbers(wishes: &Wishes) -> Result<Option<Vec<u16>>, ConfigError> {
    let number = |name: &String| if is_hybrid(name) { Ok(HYBRID.1) } else { curve(name).map(Curve::number) };
    wishes.curves.as_ref().map(|names| names.iter().map(number).collect()).transpose()
}

/// Whether one of these groups is one of this engine's.
pub(crate) fn has_group(numbers: &[u16]) -> bool {
    numbers.iter().any(|&number| number != HYBRID.1)
}

/// The engine's number of a hash.
fn number_of(hash: Hash) -> sys::md_type_t {
    match hash {
        Hash::Sha256 => sys::MD_SHA256,
        Hash::Sha384 => sys::MD_SHA384,
        Hash::Sha512 => sys::MD_SHA512,
        Hash::Other => sys::MD_NONE,
    }
}

fn max_fragment_length(bytes: u16) -> Result<MaxFragmentLength, ConfigError> {
    MaxFragmentLength::from_bytes(bytes).ok_or(ConfigError::MaxFragmentLength(bytes))
}

fn curves(names: Option<&[String]>) -> Result<Vec<Curve>, ConfigError> {
    let Some(names) = names else { return Ok(Curve::all()) };
    let mut curves = Vec::new();
    for name in names.iter().filter(|name| !is_hybrid(name)) {
        let curve = curve(name)?;
        if !curves.contains(&curve) {
            curves.push(curve);
        }
    }
    Ok(curves)
}

fn curve(name: &str) -> Result<Curve, ConfigError> {
    Curve::from_name(name).ok_or_else(|| ConfigError::UnknownCurve(name.to_owned()))
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

    #[test]
    fn what_is_named_twice_is_offered_once() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let groups = curves(Some(&names(&["P-384", "P-256", "secp384r1", "prime256v1"]))).unwrap();
        assert_eq!(groups.iter().map(|curve| curve.name()).collect::<Vec<_>>(), ["P-384", "P-256"]);
        let [first, second] = ["SRTP_AES128_CM_SHA1_80", "SRTP_AEAD_AES_128_GCM"];
        let profiles = srtp_profiles(&names(&[second, first, second])).unwrap();
        assert_eq!(profiles.iter().map(|profile| profile.name()).collect::<Vec<_>>(), [second, first]);
        assert!(curves(Some(&names(&["P-999"]))).is_err() && srtp_profiles(&names(&["SRTP"])).is_err());
    }

    #[test]
    fn protocol_names_that_do_not_fit_are_refused() {
        for name in [&b""[..], b"with\0nul", &[b'a'; 256]] {
            assert!(protocols(&[name.to_vec()]).is_err());
        }
        assert!(protocols(&vec![vec![b'a'; 200]; 30]).is_err());
        // Each with its length before it.
        let mut names = vec![vec![b'a'; 255]; PROTOCOLS_LIMIT / 256];
        assert_eq!(protocols(&names).unwrap().len(), PROTOCOLS_LIMIT / 256);
        names[0].pop();
        names.push(vec![b'b']);
        assert!(protocols(&names).is_err());
        assert_eq!(protocols(&[b"coap".to_vec()]).unwrap().len(), 1);
    }

    #[test]
    fn groups_have_the_numbers_of_the_registry_and_one_is_of_the_newer_version_alone() {
        let numbers = |names: &[&str]| {
            let curves = Some(names.iter().map(|&name| name.to_owned()).collect());
            group_numbers(&Wishes { curves, ..Wishes::default() })
        };
        assert_eq!(group_numbers(&Wishes::default()), Ok(None));
        assert_eq!(numbers(&["P-384", "prime256v1"]), Ok(Some(vec![24, 23])));
        assert_eq!(numbers(&["P-385"]), Err(ConfigError::UnknownCurve("P-385".to_owned())));
        if cfg!(feature = "aws-lc") {
            assert_eq!(numbers(&["X25519MLKEM768", "X25519"]), Ok(Some(vec![4588, 29])));
            assert_eq!(curves(Some(&["X25519MLKEM768".to_owned()])), Ok(Vec::new()));
        }
        assert!(has_group(&[4588, 29]) && !has_group(&[4588]) && !has_group(&[]));
    }

    #[test]
    fn what_is_wished_is_what_the_engine_is_told() {
        let names = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect());
        let wishes = Wishes {
            curves: names(&["P-521", "P-256"]),
            signature_algorithms: names(&["ECDSA+SHA512", "ECDSA+SHA256", "ECDSA+SHA384"]),
            protocols: vec![b"coap".to_vec()],
            max_fragment_length: Some(1024),
            client_preference: true,
            psk_hint: b"hint".to_vec(),
            extended_master_secret: true,
            ..Wishes::default()
        };
        let negotiation = Negotiation::new(&wishes).unwrap();
        let told = negotiation.preferences();
        assert_eq!(told.curves, [sys::ECP_DP_SECP521R1, sys::ECP_DP_SECP256R1]);
        assert_eq!(told.hashes, [sys::MD_SHA512, sys::MD_SHA256, sys::MD_SHA384]);
        assert_eq!((told.max_fragment_length_code, told.client_preference, told.psk_hint), (2, true, b"hint".to_vec()));
        assert_eq!((told.protocols.len(), negotiation.extended_master_secret), (1, true));
        let plain = Negotiation::new(&Wishes::default()).unwrap();
        let told = plain.preferences();
        assert_eq!((told.max_fragment_length_code, told.client_preference, told.psk_hint), (0, false, Vec::new()));
        assert_eq!(told.hashes, [sys::MD_SHA256, sys::MD_SHA384, sys::MD_SHA512]);
        let means = |psk, rsa, ecdsa| Means { psk, rsa, ecdsa };
        let left = |of: &Negotiation, means| {
            let Means { psk, rsa, ecdsa } = of.restrict(means);
            [psk, rsa, ecdsa]
        };
        assert_eq!(left(&negotiation, means(true, true, true)), [true, false, true]);
        assert_eq!(left(&plain, means(false, true, false)), [false, true, false]);
        assert_eq!(left(&plain, means(true, false, true)), [true, false, true]);
    }

    #[test]
    fn a_hint_and_a_length_that_cannot_be_are_refused() {
        assert_eq!(psk_hint(&[b'h'; PSK_HINT_LIMIT]).map(|hint| hint.len()), Ok(PSK_HINT_LIMIT));
        assert_eq!(psk_hint(&[b'h'; PSK_HINT_LIMIT + 1]), Err(ConfigError::PskHintLength(PSK_HINT_LIMIT + 1)));
        let of = |max_fragment_length| {
            Negotiation::new(&Wishes { max_fragment_length, ..Wishes::default() }).map(|told| told.max_fragment_length)
        };
        assert_eq!(of(Some(513)).err(), Some(ConfigError::MaxFragmentLength(513)));
        assert_eq!(of(Some(4096)).unwrap().map(MaxFragmentLength::bytes), Some(4096));
    }
}
