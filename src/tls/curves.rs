//! The groups that we offer for ECDHE, in our order of preference.

use super::ffi::capabilities::has_curve;
use mbedtls_sys as sys;

/// A group that we offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Curve {
    /// Mbed TLS's number.
    id: sys::ecp_group_id,
    /// NIST's or the RFC's spelling.
    name: &'static str,
}

/// The cheapest first.
static CURVES: [Curve; 4] = [
    Curve { id: sys::ECP_DP_SECP256R1, name: "P-256" },
    Curve { id: sys::ECP_DP_CURVE25519, name: "X25519" },
    Curve { id: sys::ECP_DP_SECP384R1, name: "P-384" },
    Curve { id: sys::ECP_DP_SECP521R1, name: "P-521" },
];

impl Curve {
    pub(crate) fn name(self) -> &'static str {
        self.name
    }

    /// Every group that the engine was compiled with, best first.
    pub(crate) fn all() -> Vec<Curve> {
        CURVES.iter().copied().filter(|curve| has_curve(curve.id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_curve_is_compiled_in() {
        assert_eq!(Curve::all(), CURVES);
    }
}
