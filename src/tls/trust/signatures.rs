//! Signatures that are made and accepted: in handshakes, and in the chains of certificates.

use super::x509::{Hash, SignatureScheme};
use crate::tls::config_error::ConfigError;

/// Each of the hashes by each of the kinds of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signatures {
    /// Best first.
    pub(crate) hashes: Vec<Hash>,
    pub(crate) rsa: bool,
    pub(crate) ecdsa: bool,
}

/// Each hash, OpenSSL's name for it, and the IANA registry's names for its signatures with EC and RSA keys. SHA-1 and
/// MD5 are left out.
static HASHES: [(Hash, &str, &str, &str); 3] = [
    (Hash::Sha256, "SHA256", "ecdsa_secp256r1_sha256", "rsa_pkcs1_sha256"),
    (Hash::Sha384, "SHA384", "ecdsa_secp384r1_sha384", "rsa_pkcs1_sha384"),
    (Hash::Sha512, "SHA512", "ecdsa_secp521r1_sha512", "rsa_pkcs1_sha512"),
];

impl Signatures {
    /// By their names, best first; `None` for all.
    pub(crate) fn wished(names: Option<&[String]>) -> Result<Signatures, ConfigError> {
        names.map_or_else(|| Ok(Signatures::all()), Signatures::parse)
    }

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

    /// IANA's numbers, our favourite first, of those with which a side of DTLS 1.2 signs its messages.
    pub(crate) fn numbers_of_dtls12(&self) -> Vec<u16> {
        let numbers = self.hashes.iter().filter_map(|hash| match hash {
            Hash::Sha256 => Some((0x0403, 0x0401)),
            Hash::Sha384 => Some((0x0503, 0x0501)),
            Hash::Sha512 => Some((0x0603, 0x0601)),
            Hash::Other => None,
        });
        numbers.flat_map(|(ecdsa, rsa)| [self.ecdsa.then_some(ecdsa), self.rsa.then_some(rsa)]).flatten().collect()
    }

    /// Whether a certificate of the peer's chain may be signed so (RFC 5246 sections 7.4.2 and 7.4.4).
    ///
    /// The engine can offer neither Ed25519 nor RSA-PSS, so `sigalgs` cannot name them: they are accepted as long as it
    /// names nothing.
    pub(crate) fn accept_in_chain(&self, scheme: SignatureScheme) -> bool {
        match scheme {
            SignatureScheme::RsaPkcs1(hash) => self.rsa && self.accept_hash(hash),
            SignatureScheme::Ecdsa(hash) => self.ecdsa && self.accept_hash(hash),
            SignatureScheme::RsaPss(hash) => self.is_unrestricted() && self.accept_hash(hash),
            SignatureScheme::Ed25519 => self.is_unrestricted(),
            SignatureScheme::Other => false,
        }
    }

    fn accept_hash(&self, hash: Hash) -> bool {
        self.hashes.contains(&hash)
    }

    fn is_unrestricted(&self) -> bool {
        *self == Signatures::all()
    }

    /// Whether a peer may sign with a key of this kind.
    pub(crate) fn accept(&self, is_rsa: bool) -> bool {
        if is_rsa { self.rsa } else { self.ecdsa }
    }
}

/// The hash, and whether it is signed with an RSA key.
fn signature(name: &str) -> Option<(Hash, bool)> {
    HASHES.iter().find_map(|&(hash, short, ecdsa, rsa)| {
        let is = |spelling: &str| spelling.eq_ignore_ascii_case(name);
        let pair = name.split_once('+').filter(|(_, of)| of.eq_ignore_ascii_case(short)).map(|(key, _)| key);
        let is_pair = |key: &str| pair.is_some_and(|given| given.eq_ignore_ascii_case(key));
        (is(ecdsa) || is_pair("ECDSA"))
            .then_some((hash, false))
            .or_else(|| (is(rsa) || is_pair("RSA")).then_some((hash, true)))
    })
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
        assert_eq!(both, Signatures { hashes: vec![Hash::Sha384], rsa: true, ecdsa: true });
        let one = parse(&["ecdsa_secp521r1_sha512", "ecdsa+sha256", "ECDSA+SHA256"]).unwrap();
        assert_eq!(one, Signatures { hashes: vec![Hash::Sha512, Hash::Sha256], rsa: false, ecdsa: true });
    }

    #[test]
    fn what_the_engine_cannot_tell_apart_is_refused() {
        assert_eq!(parse(&["ECDSA+SHA256", "RSA+SHA512"]), Err(ConfigError::UnequalHashes));
        for name in ["RSA+SHA1", "RSA-PSS+SHA256", "SHA256", ""] {
            assert_eq!(parse(&[name]), Err(ConfigError::UnknownSignatureAlgorithm(name.to_owned())));
        }
    }

    /// Which of these are accepted in a chain.
    fn accepted(signatures: &Signatures) -> Vec<SignatureScheme> {
        let of_hash =
            |hash| [SignatureScheme::RsaPkcs1(hash), SignatureScheme::Ecdsa(hash), SignatureScheme::RsaPss(hash)];
        let hashes = [Hash::Sha256, Hash::Sha384, Hash::Sha512, Hash::Other];
        let others = [SignatureScheme::Ed25519, SignatureScheme::Other];
        hashes
            .into_iter()
            .flat_map(of_hash)
            .chain(others)
            .filter(|&scheme| signatures.accept_in_chain(scheme))
            .collect()
    }

    #[test]
    fn what_is_named_is_accepted_in_chains_and_where_nothing_is_named_more_than_has_a_name() {
        use SignatureScheme::*;
        let all = [Hash::Sha256, Hash::Sha384, Hash::Sha512].map(|hash| [RsaPkcs1(hash), Ecdsa(hash), RsaPss(hash)]);
        assert_eq!(accepted(&Signatures::wished(None).unwrap()), [all.as_flattened(), &[Ed25519]].concat());
        let of = |names: &[&str]| accepted(&parse(names).unwrap());
        assert_eq!(of(&["ECDSA+SHA256"]), [Ecdsa(Hash::Sha256)]);
        assert_eq!(of(&["RSA+SHA512", "RSA+SHA384"]), [RsaPkcs1(Hash::Sha384), RsaPkcs1(Hash::Sha512)]);
        assert_eq!(of(&["RSA+SHA384", "ECDSA+SHA384"]), [RsaPkcs1(Hash::Sha384), Ecdsa(Hash::Sha384)]);
    }

    #[test]
    fn what_is_named_is_offered_in_its_order() {
        let numbers = |names: &[&str]| parse(names).unwrap().numbers_of_dtls12();
        let all = Signatures::wished(None).unwrap();
        assert_eq!(all.numbers_of_dtls12(), [0x0403, 0x0401, 0x0503, 0x0501, 0x0603, 0x0601]);
        assert_eq!(numbers(&["RSA+SHA512", "RSA+SHA256"]), [0x0601, 0x0401]);
        assert_eq!(numbers(&["ECDSA+SHA384"]), [0x0503]);
        let kinds = |names: &[&str]| [true, false].map(|is_rsa| parse(names).unwrap().accept(is_rsa));
        assert_eq!([kinds(&["RSA+SHA512"]), kinds(&["ECDSA+SHA384"])], [[true, false], [false, true]]);
    }
}
