//! The cipher suites that we offer, in our order of preference.

/// What a suite needs from the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyExchange {
    EcdheEcdsa,
    EcdheRsa,
    EcdhePsk,
    Psk,
    /// DTLS 1.3 negotiates it apart from the suite (RFC 8446 section 4.1.1).
    Apart,
}

impl KeyExchange {
    pub(crate) fn uses_psk(self) -> bool {
        matches!(self, KeyExchange::Psk | KeyExchange::EcdhePsk)
    }
}

/// A cipher suite that we offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Suite {
    id: u16,
    /// The name in the IANA registry.
    name: &'static str,
    /// OpenSSL's name.
    openssl_name: &'static str,
    key_exchange: KeyExchange,
}

const fn suite(id: u16, key_exchange: KeyExchange, name: &'static str, openssl_name: &'static str) -> Suite {
    Suite { id, name, openssl_name, key_exchange }
}

use KeyExchange::{Apart, EcdheEcdsa, EcdhePsk, EcdheRsa, Psk};

/// Best first: AEAD before CBC, forward secrecy before none, and short tags (CCM_8) last among their kind.
#[rustfmt::skip]
static SUITES: &[Suite] = &[
    suite(0xc02b, EcdheEcdsa, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    suite(0xc02c, EcdheEcdsa, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
    suite(0xcca9, EcdheEcdsa, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    suite(0xc0ac, EcdheEcdsa, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", "ECDHE-ECDSA-AES128-CCM"),
    suite(0xc0ad, EcdheEcdsa, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM", "ECDHE-ECDSA-AES256-CCM"),
    suite(0xc0ae, EcdheEcdsa, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", "ECDHE-ECDSA-AES128-CCM8"),
    suite(0xc0af, EcdheEcdsa, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8", "ECDHE-ECDSA-AES256-CCM8"),
    suite(0xc02f, EcdheRsa, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
    suite(0xc030, EcdheRsa, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
    suite(0xcca8, EcdheRsa, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
    suite(0xd001, EcdhePsk, "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256", "ECDHE-PSK-AES128-GCM-SHA256"),
    suite(0xd002, EcdhePsk, "TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384", "ECDHE-PSK-AES256-GCM-SHA384"),
    suite(0xccac, EcdhePsk, "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-PSK-CHACHA20-POLY1305"),
    suite(0xd005, EcdhePsk, "TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256", "ECDHE-PSK-AES128-CCM-SHA256"),
    suite(0xd003, EcdhePsk, "TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256", "ECDHE-PSK-AES128-CCM8-SHA256"),
    suite(0x00a8, Psk, "TLS_PSK_WITH_AES_128_GCM_SHA256", "PSK-AES128-GCM-SHA256"),
    suite(0x00a9, Psk, "TLS_PSK_WITH_AES_256_GCM_SHA384", "PSK-AES256-GCM-SHA384"),
    suite(0xccab, Psk, "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256", "PSK-CHACHA20-POLY1305"),
    suite(0xc0a4, Psk, "TLS_PSK_WITH_AES_128_CCM", "PSK-AES128-CCM"),
    suite(0xc0a5, Psk, "TLS_PSK_WITH_AES_256_CCM", "PSK-AES256-CCM"),
    suite(0xc0a8, Psk, "TLS_PSK_WITH_AES_128_CCM_8", "PSK-AES128-CCM8"),
    suite(0xc0a9, Psk, "TLS_PSK_WITH_AES_256_CCM_8", "PSK-AES256-CCM8"),
    suite(0xc023, EcdheEcdsa, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256"),
    suite(0xc024, EcdheEcdsa, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", "ECDHE-ECDSA-AES256-SHA384"),
    suite(0xc027, EcdheRsa, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256"),
    suite(0xc028, EcdheRsa, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", "ECDHE-RSA-AES256-SHA384"),
    suite(0xc037, EcdhePsk, "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256", "ECDHE-PSK-AES128-CBC-SHA256"),
    suite(0xc038, EcdhePsk, "TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA384", "ECDHE-PSK-AES256-CBC-SHA384"),
    suite(0x00ae, Psk, "TLS_PSK_WITH_AES_128_CBC_SHA256", "PSK-AES128-CBC-SHA256"),
    suite(0x00af, Psk, "TLS_PSK_WITH_AES_256_CBC_SHA384", "PSK-AES256-CBC-SHA384"),
];

/// Those of DTLS 1.3 (RFC 8446 appendix B.4), best first. CCM_8 is left out: its limits are too low (RFC 9147 section 4.5.3).
#[rustfmt::skip]
static SUITES_OF_DTLS13: &[Suite] = &[
    suite(0x1301, Apart, "TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"),
    suite(0x1302, Apart, "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"),
    suite(0x1303, Apart, "TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"),
    suite(0x1304, Apart, "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_SHA256"),
];

/// What one side has to authenticate with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Means {
    pub(crate) psk: bool,
    /// Server: has an EC key. Client: can verify a certificate.
    pub(crate) ecdsa: bool,
    /// Server: has an RSA key. Client: can verify a certificate.
    pub(crate) rsa: bool,
}

impl Means {
    fn suffice(self, key_exchange: KeyExchange) -> bool {
        match key_exchange {
            Psk | EcdhePsk => self.psk,
            EcdheEcdsa => self.ecdsa,
            EcdheRsa => self.rsa,
            // Not in DTLS 1.2, which this is about.
            Apart => false,
        }
    }
}

impl Suite {
    pub(crate) fn id(&self) -> u16 {
        self.id
    }

    /// The name in the IANA registry.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Whether RFC 7366 (encrypt-then-MAC) is about this suite.
    pub(crate) fn is_cbc(&self) -> bool {
        self.name.contains("_CBC_")
    }

    /// Whether its nonces are the numbers of its records and nothing else (RFC 7905 section 2).
    pub(crate) fn has_implicit_nonces(&self) -> bool {
        self.name.contains("_CHACHA20_POLY1305_")
    }

    /// Which hash its pseudorandom function has (RFC 5289, RFC 5487): SHA-384, or else SHA-256.
    pub(crate) fn uses_sha384(&self) -> bool {
        self.name.ends_with("_SHA384")
    }

    /// OpenSSL's name.
    pub(crate) fn openssl_name(&self) -> &'static str {
        self.openssl_name
    }

    pub(crate) fn key_exchange(&self) -> KeyExchange {
        self.key_exchange
    }

    /// Finds a suite of DTLS 1.2.
    pub(crate) fn from_id(id: u16) -> Option<Suite> {
        SUITES.iter().find(|suite| suite.id == id).copied()
    }

    /// Finds a suite of either version.
    pub(crate) fn of_any_version(id: u16) -> Option<Suite> {
        SUITES.iter().chain(SUITES_OF_DTLS13).find(|suite| suite.id == id).copied()
    }

    /// Finds a suite of either version by IANA's or OpenSSL's name.
    pub(crate) fn from_name(name: &str) -> Option<Suite> {
        SUITES
            .iter()
            .chain(SUITES_OF_DTLS13)
            .find(|suite| suite.name.eq_ignore_ascii_case(name) || suite.openssl_name.eq_ignore_ascii_case(name))
            .copied()
    }

    /// Every suite that we offer in DTLS 1.2, best first.
    pub(crate) fn all() -> &'static [Suite] {
        SUITES
    }

    /// Every suite that we offer in DTLS 1.3, best first.
    pub(crate) fn all_of_dtls13() -> &'static [Suite] {
        SUITES_OF_DTLS13
    }

    /// Whether it is one of DTLS 1.3.
    pub(crate) fn is_of_dtls13(&self) -> bool {
        self.key_exchange == Apart
    }

    /// Every suite that the means suffice for, best first.
    pub(crate) fn usable(means: Means) -> Vec<Suite> {
        Suite::wished(SUITES, means)
    }

    /// The wished suites that the means suffice for, in the order of the wish.
    pub(crate) fn wished(wish: &[Suite], means: Means) -> Vec<Suite> {
        wish.iter().copied().filter(|suite| means.suffice(suite.key_exchange)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gcm_comes_first_among_the_suites_with_ecdhe_psk() {
        let ours: Vec<&str> = Suite::all()
            .iter()
            .filter(|suite| suite.key_exchange == EcdhePsk)
            .map(|suite| suite.openssl_name)
            .collect();
        let expected = [
            "ECDHE-PSK-AES128-GCM-SHA256",
            "ECDHE-PSK-AES256-GCM-SHA384",
            "ECDHE-PSK-CHACHA20-POLY1305",
            "ECDHE-PSK-AES128-CCM-SHA256",
            "ECDHE-PSK-AES128-CCM8-SHA256",
            "ECDHE-PSK-AES128-CBC-SHA256",
            "ECDHE-PSK-AES256-CBC-SHA384",
        ];
        assert_eq!(ours, expected);
    }

    #[test]
    fn a_server_with_nothing_but_psk_offers_no_certificate_suite() {
        let means = Means { psk: true, ecdsa: false, rsa: false };
        assert!(Suite::usable(means).iter().all(|suite| suite.key_exchange.uses_psk()));
    }

    #[test]
    fn each_means_suffices_for_the_suites_of_its_own() {
        let none = Means { psk: false, ecdsa: false, rsa: false };
        let usable = |means| {
            let suites = Suite::usable(means);
            [EcdheEcdsa, EcdheRsa, EcdhePsk, Psk]
                .map(|exchange| suites.iter().any(|suite| suite.key_exchange == exchange))
        };
        assert_eq!(usable(none), [false; 4]);
        assert_eq!(usable(Means { psk: true, ..none }), [false, false, true, true]);
        assert_eq!(usable(Means { ecdsa: true, ..none }), [true, false, false, false]);
        assert_eq!(usable(Means { rsa: true, ..none }), [false, true, false, false]);
        // Those of the newer version are chosen elsewhere.
        let all = Means { psk: true, ecdsa: true, rsa: true };
        assert!(Suite::wished(Suite::all_of_dtls13(), all).is_empty());
    }

    #[test]
    fn what_a_suite_is_made_of_is_in_its_name() {
        let suite = |name: &str| Suite::from_name(name).unwrap();
        for (name, is_cbc, has_implicit_nonces, uses_sha384) in [
            ("PSK-AES128-CBC-SHA256", true, false, false),
            ("ECDHE-PSK-AES256-CBC-SHA384", true, false, true),
            ("ECDHE-PSK-CHACHA20-POLY1305", false, true, false),
            ("ECDHE-ECDSA-AES256-GCM-SHA384", false, false, true),
            ("TLS_AES_256_GCM_SHA384", false, false, true),
            ("TLS_AES_128_CCM_SHA256", false, false, false),
        ] {
            let suite = suite(name);
            let parts = (suite.is_cbc(), suite.has_implicit_nonces(), suite.uses_sha384());
            assert_eq!(parts, (is_cbc, has_implicit_nonces, uses_sha384), "{name}");
            assert_eq!(Suite::of_any_version(suite.id()), Some(suite));
            assert_eq!(Suite::from_id(suite.id()).is_some(), !suite.is_of_dtls13(), "{name}");
            assert_eq!(Suite::from_name(&suite.name().to_lowercase()), Some(suite));
        }
        assert!(Suite::of_any_version(0).is_none() && Suite::from_name("").is_none());
    }
}
