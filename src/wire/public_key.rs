//! Public keys as RFC 7250 has them: a SubjectPublicKeyInfo in DER, of the kinds that we accept and no other.
//!
//! A peer's bytes are recognised here, before an engine parses them: named curves and RSA alone, in the one encoding
//! that DER allows. So two keys are the same exactly when their bytes are.

/// Bits that an RSA modulus may have: the least is that of NIST SP 800-131A, the most is the engine's own limit.
pub(crate) const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Bytes that an RSA exponent may have: with a large one, verifying a peer's signature costs as much as making one.
const RSA_EXPONENT_LIMIT: usize = 4;

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const INTEGER: u8 = 0x02;

/// AlgorithmIdentifier of rsaEncryption (RFC 3279 section 2.3.1).
const RSA_ENCRYPTION: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

/// An EC key on a named curve as an uncompressed point (RFC 5480): NIST's name of the curve, what is before the
/// coordinates, and their length.
const EC_FORMS: [(&str, &[u8], usize); 3] = [
    (
        "P-256",
        b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04",
        2 * 32,
    ),
    (
        "P-384",
        b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00\x04",
        2 * 48,
    ),
    (
        "P-521",
        b"\x30\x81\x9b\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23\x03\x81\x86\x00\x04",
        2 * 66,
    ),
];

/// An EC key on P-256, P-384 or P-521, or an RSA key of an acceptable size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicKey {
    der: Vec<u8>,
    /// `None` with RSA.
    curve: Option<&'static str>,
}

impl PublicKey {
    /// A peer's SubjectPublicKeyInfo; `None` for whatever is not acceptable. That a point is on its curve is for the
    /// engine to see.
    pub(crate) fn recognise(der: &[u8]) -> Option<PublicKey> {
        let is_on = |(_, prefix, coordinates): &&(&str, &[u8], usize)| {
            der.strip_prefix(*prefix).is_some_and(|point| point.len() == *coordinates)
        };
        let curve = EC_FORMS.iter().find(is_on).map(|&(curve, ..)| curve);
        (curve.is_some() || is_rsa(der).is_some()).then(|| PublicKey { der: der.to_vec(), curve })
    }

    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    pub(crate) fn is_rsa(&self) -> bool {
        self.curve.is_none()
    }

    /// NIST's name of the curve; `None` with RSA.
    pub(crate) fn curve(&self) -> Option<&'static str> {
        self.curve
    }
}

/// `Some` when these bytes are an RSA key of acceptable size.
fn is_rsa(der: &[u8]) -> Option<()> {
    let (info, []) = element(der, SEQUENCE)? else { return None };
    let (algorithm, info) = element(info, SEQUENCE)?;
    let (bits, []) = element(info, BIT_STRING)? else { return None };
    let (&unused_bits, key) = bits.split_first()?;
    let (key, []) = element(key, SEQUENCE)? else { return None };
    let (modulus, key) = positive_integer(key)?;
    let (exponent, []) = positive_integer(key)? else { return None };
    let modulus_bits = modulus.len() * 8 - modulus.first()?.leading_zeros() as usize;
    let acceptable = algorithm == RSA_ENCRYPTION
        && unused_bits == 0
        && RSA_BITS.contains(&modulus_bits)
        && exponent.len() <= RSA_EXPONENT_LIMIT;
    acceptable.then_some(())
}

/// The digits of an INTEGER above zero, without the sign, and what follows it.
fn positive_integer(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (integer, rest) = element(der, INTEGER)?;
    let digits = match integer {
        [0, digits @ ..] if digits.first()? & 0x80 != 0 => digits,
        [first, ..] if (1..0x80).contains(first) => integer,
        _ => return None,
    };
    Some((digits, rest))
}

/// The content of the element that begins here, if it has this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der {
        [first, length @ 0..=0x7f, rest @ ..] if *first == tag => (usize::from(*length), rest),
        [first, 0x81, length @ 0x80..=0xff, rest @ ..] if *first == tag => (usize::from(*length), rest),
        [first, 0x82, high @ 1..=0xff, low, rest @ ..] if *first == tag => {
            (usize::from(u16::from_be_bytes([*high, *low])), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::PublicKeyData;

    const RSA_2048: &[u8] = include_bytes!("tests/keys/rsa-2048.pub.der");
    const RSA_1024: &[u8] = include_bytes!("tests/keys/rsa-1024.pub.der");

    fn p256() -> Vec<u8> {
        rcgen::KeyPair::generate().unwrap().subject_public_key_info()
    }

    fn p384() -> Vec<u8> {
        rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap().subject_public_key_info()
    }

    #[test]
    fn the_curves_of_nist_are_recognised() {
        for key in [p256(), p384()] {
            assert_eq!(PublicKey::recognise(&key).unwrap().der(), key);
        }
    }

    #[test]
    fn an_rsa_key_is_recognised_by_its_size() {
        assert!(PublicKey::recognise(RSA_2048).unwrap().is_rsa());
        assert_eq!(PublicKey::recognise(RSA_1024), None);
    }

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let [high, low] = (content.len() as u16).to_be_bytes();
        let length = match content.len() {
            0..0x80 => vec![low],
            0x80..0x100 => vec![0x81, low],
            _ => vec![0x82, high, low],
        };
        [&[tag], &length[..], content].concat()
    }

    /// A key with these integers and this number of unused bits.
    fn rsa(modulus: &[u8], exponent: &[u8], unused_bits: u8) -> Vec<u8> {
        let key = der(SEQUENCE, &[der(INTEGER, modulus), der(INTEGER, exponent)].concat());
        let bits = der(BIT_STRING, &[&[unused_bits][..], &key].concat());
        der(SEQUENCE, &[&der(SEQUENCE, RSA_ENCRYPTION)[..], &bits].concat())
    }

    /// A modulus of so many bits.
    fn modulus(bits: usize) -> Vec<u8> {
        let mut digits = vec![0xff; bits.div_ceil(8)];
        digits[0] = 0xff >> (digits.len() * 8 - bits);
        if digits[0] & 0x80 != 0 {
            digits.insert(0, 0);
        }
        digits
    }

    #[test]
    fn an_rsa_key_has_2048_to_8192_bits_and_an_exponent_of_four_bytes_at_most() {
        let exponent = [1, 0, 1];
        for (bits, is_one) in [(2047, false), (2048, true), (2049, true), (8191, true), (8192, true), (8193, false)] {
            assert_eq!(PublicKey::recognise(&rsa(&modulus(bits), &exponent, 0)).is_some(), is_one, "{bits}");
        }
        let modulus = modulus(2048);
        for (exponent, is_one) in [
            (&[3][..], true),
            (&[0x7f, 1, 1, 1], true),
            (&[0, 0x80, 0, 0, 1], true),
            (&[1, 0, 0, 0, 1], false),
            // Zero, a negative number, and numbers with more zeros than they need.
            (&[0], false),
            (&[0x80], false),
            (&[0, 3], false),
            (&[], false),
        ] {
            assert_eq!(PublicKey::recognise(&rsa(&modulus, exponent, 0)).is_some(), is_one, "{exponent:?}");
        }
        assert!(PublicKey::recognise(&rsa(&modulus, &exponent, 1)).is_none());
    }

    #[test]
    fn an_element_has_its_tag_and_the_shortest_length() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff] {
            let whole = [&der(SEQUENCE, &vec![7; length])[..], &[9]].concat();
            assert_eq!(element(&whole, SEQUENCE), Some((&vec![7; length][..], &[9][..])), "{length}");
            assert_eq!(element(&whole, INTEGER), None, "{length}");
            assert_eq!(element(&whole[..whole.len() - 2], SEQUENCE), None, "{length}");
        }
        for longer in [&[SEQUENCE, 0x81, 1, 7][..], &[SEQUENCE, 0x82, 0, 1, 7], &[SEQUENCE, 0x83, 0, 0, 1, 7]] {
            assert_eq!(element(longer, SEQUENCE), None, "{longer:?}");
        }
    }

    #[test]
    fn an_enormous_exponent_is_refused() {
        let body = RSA_2048.strip_suffix(&[2, 3, 1, 0, 1]).unwrap();
        let mut long = body.to_vec();
        long.extend_from_slice(&[2, 6, 1, 0, 0, 0, 0, 1]);
        // The three lengths around it: outer sequence, bit string, inner sequence.
        for at in [3, 22, 27] {
            long[at] += 3;
        }
        assert!(PublicKey::recognise(&long).is_none());
    }

    #[test]
    fn other_curves_other_kinds_and_trailing_bytes_are_refused() {
        let key = p256();
        let mut secp256k1 = key.clone();
        secp256k1.splice(13..23, *b"\x06\x08\x2b\x81\x04\x00\x0a\x00\x00\x00");
        let trailing = [key.as_slice(), &[0]].concat();
        let ed25519 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().subject_public_key_info();
        for refused in [secp256k1, trailing, ed25519, Vec::new(), vec![0x30; 5000], vec![0x30, 0x82, 0xff, 0xff]] {
            assert!(PublicKey::recognise(&refused).is_none());
        }
    }

    #[test]
    fn truncated_and_changed_keys_never_panic() {
        for key in [p256(), RSA_2048.to_vec()] {
            for length in 0..key.len() {
                assert!(PublicKey::recognise(&key[..length]).is_none());
            }
            for at in 0..key.len() {
                for value in [0, 1, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xff] {
                    let mut changed = key.clone();
                    changed[at] = value;
                    let _ = PublicKey::recognise(&changed);
                }
            }
        }
    }
}
