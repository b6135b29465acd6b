//! What the arguments of the program say.

use std::collections::HashMap;

use dimpl::NamedGroup;
use dimpl::crypto::{Dtls12CipherSuite, Dtls13CipherSuite};

#[derive(Clone)]
pub struct Given {
    pub is_server: bool,
    /// Whether it speaks DTLS 1.3, and no other version.
    pub is_newer: bool,
    /// Of DTLS 1.2, by OpenSSL's name.
    pub suites: Vec<Dtls12CipherSuite>,
    /// Of DTLS 1.3.
    pub newer_suites: Vec<Dtls13CipherSuite>,
    /// The only one for the key exchange; none for all.
    pub group: Option<NamedGroup>,
    pub psk: Option<Psk>,
    /// Files in PEM: the authority that is trusted, and what is shown.
    pub ca: Option<String>,
    pub cert: Option<String>,
    pub key: Option<String>,
    /// Whether it replaces its keys again and again.
    pub updates: bool,
}

#[derive(Clone)]
pub struct Psk {
    pub identity: Vec<u8>,
    pub key: Vec<u8>,
}

impl Given {
    pub fn parse(is_server: bool, arguments: &[String]) -> Self {
        let values: HashMap<&str, &str> = arguments.iter().filter_map(|each| each.split_once('=')).collect();
        let text = |name: &str| values.get(name).map(|value| (*value).to_owned());
        let suite = values.get("suite").copied().unwrap_or_default();
        let psk = values
            .get("psk")
            .map(|digits| Psk { identity: text("identity").unwrap_or_default().into_bytes(), key: bytes(digits) });
        Self {
            is_server,
            is_newer: values.get("version") == Some(&"DTLSv1.3"),
            suites: suite_of(suite).into_iter().collect(),
            newer_suites: newer_suite_of(suite).into_iter().collect(),
            group: values.get("group").map(|name| group_of(name)),
            psk,
            ca: text("ca"),
            cert: text("cert"),
            key: text("key"),
            updates: values.contains_key("updates"),
        }
    }
}

fn suite_of(name: &str) -> Option<Dtls12CipherSuite> {
    match name {
        "ECDHE-ECDSA-AES128-GCM-SHA256" => Some(Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256),
        "ECDHE-ECDSA-AES256-GCM-SHA384" => Some(Dtls12CipherSuite::ECDHE_ECDSA_AES256_GCM_SHA384),
        "ECDHE-ECDSA-CHACHA20-POLY1305" => Some(Dtls12CipherSuite::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256),
        "PSK-AES128-CCM8" => Some(Dtls12CipherSuite::PSK_AES128_CCM_8),
        _ => None,
    }
}

fn newer_suite_of(name: &str) -> Option<Dtls13CipherSuite> {
    match name {
        "TLS_AES_128_GCM_SHA256" => Some(Dtls13CipherSuite::AES_128_GCM_SHA256),
        "TLS_AES_256_GCM_SHA384" => Some(Dtls13CipherSuite::AES_256_GCM_SHA384),
        "TLS_CHACHA20_POLY1305_SHA256" => Some(Dtls13CipherSuite::CHACHA20_POLY1305_SHA256),
        _ => None,
    }
}

fn group_of(name: &str) -> NamedGroup {
    match name {
        "P-256" => NamedGroup::Secp256r1,
        "P-384" => NamedGroup::Secp384r1,
        "X25519" => NamedGroup::X25519,
        _ => panic!("dimpl has no group {name}"),
    }
}

fn bytes(digits: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}
