//! A client's hello, and what it proves: that the client has the keys of the sessions and identities that it offers.

use super::client_sessions::Offered;
use super::config::ClientConfig;
use super::hellos::{ClientHello, Identity};
use super::schedule::{Origin, binder};
use super::session_key::key_of;
use super::suite::hash;
use super::transcript::Transcript;
use crate::tls::error::{Error, ErrorKind};
use crate::tls::ffi::Refused;
use crate::tls::ffi::groups::{Group, KeyShare};
use crate::tls::ffi::hash::Hash;
use crate::tls::psk::ClientPsk;
use crate::wire::certificate_type::client_extensions;
use crate::wire::{ConnectionId, HANDSHAKE_HEADER_LENGTH, RECORD_HEADER_LENGTH};
use std::time::Instant;
use zeroize::Zeroizing;

/// Bytes by which a second hello may be longer than the first one, for its cookie.
const COOKIE_ROOM: usize = 120;

pub(super) const NO_EMPTY_IDENTITY: &str = "DTLS 1.3 has no empty PSK identity, and the pre-shared key has one";

pub(super) struct Greeting {
    /// What it resumes.
    pub(super) session: Option<Offered>,
    /// `None` when it is the configuration's, or there is none.
    asked_psk: Option<ClientPsk>,
    /// Those that it offers.
    pub(super) groups: Vec<Group>,
    pub(super) share: Option<KeyShare>,
    /// The body of the last ClientHello.
    pub(super) hello: Vec<u8>,
    /// Bytes at its end that its proofs do not cover: the proofs.
    pub(super) uncovered: usize,
    /// The messages before it; `None` when it is the first.
    pub(super) transcript: Option<Transcript>,
    /// The suite that a HelloRetryRequest has chosen.
    pub(super) retried: Option<u16>,
    /// The same hello without the session; `None` where there is none.
    plain: Option<(Vec<u8>, usize)>,
}

/// What a hello proves.
#[derive(Clone)]
pub(super) struct Proof {
    origin: Origin,
    key: Zeroizing<Vec<u8>>,
    /// The messages before the hello.
    transcript: Transcript,
}

impl Greeting {
    /// With a first hello that proves nothing yet. `own_id`: the connection ID that it offers. `asked_psk`: what the application has
    /// answered.
    pub(super) fn new(
        config: &ClientConfig,
        random: &[u8; 32],
        own_id: Option<ConnectionId>,
        now: Instant,
        asked_psk: Option<ClientPsk>,
    ) -> Result<Greeting, Error> {
        let psk = asked_psk.as_ref().or(config.psk.as_ref());
        // Without certificates, a pre-shared key may do all by itself.
        let exchanges = config.takes_certificates || config.offers.modes.with_key_exchange;
        let groups: Vec<Group> = config.offers.groups(psk.is_some()).filter(|_| exchanges).collect();
        // A public value that is long would not fit: the server asks for it together with the cookie (RFC 9147 section 5.1).
        let group = groups.iter().copied().find(|group| !group.is_long());
        let share = group.map(KeyShare::generate).transpose()?;
        if psk.is_some_and(|psk| psk.identity.is_empty()) {
            return Err(Error::new(ErrorKind::Configuration, NO_EMPTY_IDENTITY));
        }
        let session = Offered::of(config, now, psk.map(|psk| &*psk.identity));
        let mut keys = Vec::new();
        // A session comes first: it saves whatever the other key would cost.
        if let Some(Offered { session, hash, obfuscated_age }) = &session {
            let (bytes, obfuscated_age) = (&*session.ticket, *obfuscated_age);
            keys.push(Identity { bytes, obfuscated_age, proof_length: hash.length() });
        }
        if let Some(psk) = psk {
            keys.push(Identity {
                bytes: &psk.identity,
                obfuscated_age: 0,
                proof_length: hash_of_psk(config)?.length(),
            });
        }
        let certificate_types = client_extensions(&config.offers.abilities);
        let write = |keys: &[Identity<'_>]| {
            let hello = ClientHello {
                random,
                suites: &config.offers.suites,
                groups: &groups,
                share: share.as_ref(),
                servername: config.servername.as_deref(),
                protocols: &config.offers.protocols,
                schemes: if config.takes_certificates { &config.offers.schemes } else { &[] },
                certificate_types: &certificate_types,
                own_id: own_id.as_ref(),
                modes: config.offers.modes,
                takes_sessions: config.clock.is_some() && config.offers.modes.with_key_exchange,
                keys,
            };
            (hello.write(), hello.uncovered())
        };
        let (hello, uncovered) = write(&keys);
        let plain = session.as_ref().map(|_| write(keys.get(1..).unwrap_or_default()));
        Ok(Greeting { session, asked_psk, groups, share, hello, uncovered, transcript: None, retried: None, plain })
    }

    /// The external pre-shared key, if there is one.
    pub(super) fn psk<'a>(&'a self, config: &'a ClientConfig) -> Option<&'a ClientPsk> {
        self.asked_psk.as_ref().or(config.psk.as_ref())
    }

    /// The same hello without the session: its body, and bytes at its end that its proofs do not cover.
    pub(super) fn plain(&self) -> Option<&(Vec<u8>, usize)> {
        self.plain.as_ref()
    }

    /// Offers no session where the first hello would not have room for it.
    pub(super) fn keep_short(&mut self, config: &ClientConfig) {
        let plain = self.plain.take();
        if self.hello.len() > room_for_hello(config)
            && let Some((hello, uncovered)) = plain
        {
            (self.session, self.hello, self.uncovered) = (None, hello, uncovered);
        }
    }

    /// Writes the proofs that we have the keys into the hello.
    pub(super) fn prove(&mut self, config: &ClientConfig) -> Result<(), Error> {
        let proofs = self.proofs(config)?;
        write_proofs(&proofs, self.uncovered, &mut self.hello).map_err(Error::from)
    }

    /// What the hello proves: each of the pre-shared keys in it, in their order.
    pub(super) fn proofs(&self, config: &ClientConfig) -> Result<Vec<Proof>, Error> {
        let transcript = |hash| self.transcript.clone().unwrap_or_else(|| Transcript::new(hash));
        let mut proofs = Vec::new();
        if let Some(Offered { session, hash, .. }) = &self.session {
            let key = Zeroizing::new(key_of(session).to_vec());
            proofs.push(Proof { origin: Origin::Session, key, transcript: transcript(*hash) });
        }
        if let Some(psk) = self.psk(config) {
            let transcript = transcript(hash_of_psk(config)?);
            proofs.push(Proof { origin: Origin::External, key: psk.key.clone(), transcript });
        }
        Ok(proofs)
    }
}

/// Bytes of a first hello that leaves in one datagram, and so does the second one but for a public value that it may have to hold. A
/// server does not look for a cookie in fragments of a first hello, and may take it for one of DTLS 1.2.
pub(super) fn room_for_hello(config: &ClientConfig) -> usize {
    usize::from(config.offers.pace.mtu).saturating_sub(RECORD_HEADER_LENGTH + HANDSHAKE_HEADER_LENGTH + COOKIE_ROOM)
}

/// The hash of an external pre-shared key, which all our suites have.
fn hash_of_psk(config: &ClientConfig) -> Result<Hash, Error> {
    let no_suite = || Error::new(ErrorKind::Configuration, "The configuration has no cipher suite for DTLS 1.3");
    config.offers.suites.first().map(|&suite| hash(suite)).ok_or_else(no_suite)
}

/// Writes proofs, each behind its length, which are the last bytes of a hello. `uncovered`: how many these are, with their own length
/// before them.
pub(super) fn write_proofs(proofs: &[Proof], uncovered: usize, hello: &mut [u8]) -> Result<(), Refused> {
    let mut at = hello.len().checked_sub(uncovered).ok_or(Refused)? + 2;
    for Proof { origin, key, transcript } in proofs {
        let proof = binder(*origin, key, &transcript.hash_for_binder(hello, uncovered))?;
        hello.get_mut(at + 1..at + 1 + proof.len()).ok_or(Refused)?.copy_from_slice(&proof);
        at += 1 + proof.len();
    }
    Ok(())
}
