//! An attacker's engine for DTLS 1.2, of either role: it says whatever a test asks for, in any order, with the right keys
//! and proofs where it has them.

mod association;
pub(super) mod client;
mod messages;
mod noise;
mod secrets;
pub(super) mod server;
mod speaker;

pub(super) use noise::Noise;

use super::credentials::Identity;
use ring::rand::{SecureRandom, SystemRandom};
use std::sync::Arc;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const HEARTBEAT: u8 = 24;
const WITH_CONNECTION_ID: u8 = 25;
const ACK: u8 = 26;
const ROUTABILITY_CHECK: u8 = 27;
const ANNOUNCEMENT_OF_MOVE: u8 = 254;

const WARNING: u8 = 1;
const FATAL: u8 = 2;

pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).unwrap();
    bytes
}

/// How the two sides prove themselves.
#[derive(Clone)]
pub(super) enum Proofs {
    /// TLS_PSK_WITH_AES_128_GCM_SHA256, with this identity and key.
    Psk { identity: Vec<u8>, key: Vec<u8> },
    /// TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256.
    Ecdsa(Arc<Signers>),
}

/// Keys, and what shows them.
pub(super) struct Signers {
    /// The attacker's own, which the product trusts.
    pub(super) own: Identity,
    /// One that nobody vouches for.
    pub(super) stranger: Identity,
    /// Raw public keys stand in place of certificates (RFC 7250).
    pub(super) raw: bool,
    /// Both sides prove themselves.
    pub(super) mutual: bool,
}

impl Proofs {
    fn suite(&self) -> u16 {
        match self {
            Proofs::Psk { .. } => 0x00a8,
            Proofs::Ecdsa(_) => 0xc02b,
        }
    }

    pub(super) fn has_certificates(&self) -> bool {
        matches!(self, Proofs::Ecdsa(_))
    }

    fn has_raw_keys(&self) -> bool {
        matches!(self, Proofs::Ecdsa(signers) if signers.raw)
    }

    pub(super) fn are_mutual(&self) -> bool {
        matches!(self, Proofs::Ecdsa(signers) if signers.mutual)
    }
}

/// What a Certificate message shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Shown {
    Own,
    Stranger,
    Nothing,
}

/// Whether a message is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Quality {
    Right,
    Wrong,
}
