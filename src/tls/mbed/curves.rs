//! The groups that we offer for ECDHE, in our order of preference.

use mbedtls_sys as sys;

/// A group that we offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Curve {
    /// Mbed TLS's number.
    id: sys::ecp_group_id,
    /// IANA's number (RFC 8422 section 5.1.1).
    number: u16,
    /// NIST's or the RFC's spelling.
    name: &'static str,
    /// Other spellings, of OpenSSL and of SEC 2.
    aliases: &'static [&'static str],
}

/// The cheapest first.
static CURVES: [Curve; 4] = [
    Curve { id: sys::ECP_DP_SECP256R1, number: 23, name: "P-256", aliases: &["prime256v1", "secp256r1"] },
    Curve { id: sys::ECP_DP_CURVE25519, number: 29, name: "X25519", aliases: &[] },
    Curve { id: sys::ECP_DP_SECP384R1, number: 24, name: "P-384", aliases: &["secp384r1"] },
    Curve { id: sys::ECP_DP_SECP521R1, number: 25, name: "P-521", aliases: &["secp521r1"] },
];

/// IANA's name and number of the group that DTLS 1.3 alone has: this engine passes it over.
pub(super) const HYBRID: (&str, u16) = ("X25519MLKEM768", 4588);

/// Whether it is the name of that group, and there is an engine for it.
pub(super) fn is_hybrid(name: &str) -> bool {
    cfg!(feature = "aws-lc") && name.eq_ignore_ascii_case(HYBRID.0)
}

impl Curve {
    pub(super) fn id(self) -> sys::ecp_group_id {
        self.id
    }

    pub(crate) fn name(self) -> &'static str {
        self.name
    }

    /// IANA's number.
    pub(super) fn number(self) -> u16 {
        self.number
    }

    /// IANA's number of the group that has this number in Mbed TLS; 0 for none.
    pub(super) fn number_of(id: sys::ecp_group_id) -> u16 {
        CURVES.iter().find(|curve| curve.id == id).map_or(0, |curve| curve.number)
    }

    /// Best first.
    pub(crate) fn all() -> Vec<Curve> {
        CURVES.to_vec()
    }

    /// By any of its spellings.
    pub(crate) fn from_name(name: &str) -> Option<Curve> {
        let is_called = |spelling: &&str| spelling.eq_ignore_ascii_case(name);
        Curve::all().into_iter().find(|curve| is_called(&curve.name) || curve.aliases.iter().any(is_called))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::mbed::ffi::capabilities::has_curve;

    #[test]
    fn every_curve_is_compiled_in() {
        assert!(Curve::all().iter().all(|curve| has_curve(curve.id)));
        assert!(!has_curve(sys::ECP_DP_NONE));
    }

    #[test]
    fn a_curve_has_several_names() {
        for name in ["P-256", "prime256v1", "SECP256R1"] {
            assert_eq!(Curve::from_name(name).unwrap().id(), sys::ECP_DP_SECP256R1);
        }
        assert!(Curve::from_name("secp256k1").is_none());
    }

    #[test]
    fn a_curve_has_the_number_of_the_registry() {
        for (name, number) in [("P-256", 23), ("X25519", 29), ("P-384", 24), ("P-521", 25)] {
            let curve = Curve::from_name(name).unwrap();
            assert_eq!((curve.name(), curve.number(), Curve::number_of(curve.id())), (name, number, number));
        }
        assert_eq!(Curve::number_of(sys::ECP_DP_NONE), 0);
        assert!(Curve::from_name("").is_none() && !is_hybrid("X25519"));
        assert_eq!(is_hybrid("x25519mlkem768"), cfg!(feature = "aws-lc"));
    }
}
