//! An attacker's engine for DTLS 1.2, of either role: it says whatever a test asks for, in any order, with the right keys
//! and proofs where it has them.

pub(super) mod client;
mod messages;
mod secrets;
pub(super) mod server;

use super::credentials::Identity;
use crate::wire::Records;
use messages::{FINISHED, HEADER, HELLO_REQUEST, message, name_of};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::rand::{SecureRandom, SystemRandom};
use secrets::{Keys, VERIFY_DATA, prf, psk_premaster_secret, record, sha256};
use std::sync::Arc;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
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

/// Messages that no handshake has a place for, of either role: noise, alerts, data, and what belongs to other protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Noise {
    PlainWarning,
    PlainCloseNotify,
    PlainFatal,
    PlainHelloRequest,
    PlainData,
    PlainRoutabilityCheck,
    PlainAck,
    ForgedFinished,
    ForgedConnectionId,
    Heartbeat,
    AnnouncementOfMove,
    Ciphertext13,
    EmptyHandshake,
    SealedWarning,
    SealedFatal,
    SealedCloseNotify,
    SealedHelloRequest,
    SealedRenegotiation,
    SealedChangeCipherSpec,
    SealedKeyUpdate,
    SealedRoutabilityCheck,
    Data,
    DataAgain,
    DataOfNextEpoch,
    DataOfFormer,
}

impl Noise {
    /// Whether whoever has sent it has the keys of the connection at hand.
    pub(super) fn is_authentic(self) -> bool {
        use Noise::*;
        matches!(
            self,
            SealedWarning
                | SealedFatal
                | SealedCloseNotify
                | SealedHelloRequest
                | SealedRenegotiation
                | SealedChangeCipherSpec
                | SealedKeyUpdate
                | SealedRoutabilityCheck
                | Data
                | AnnouncementOfMove
        )
    }

    pub(super) const ALL: [(&'static str, Noise); 25] = [
        ("warning in the clear", Noise::PlainWarning),
        ("close_notify in the clear", Noise::PlainCloseNotify),
        ("fatal alert in the clear", Noise::PlainFatal),
        ("HelloRequest in the clear", Noise::PlainHelloRequest),
        ("data in the clear", Noise::PlainData),
        ("routability check in the clear", Noise::PlainRoutabilityCheck),
        ("ACK in the clear", Noise::PlainAck),
        ("Finished under a wrong key", Noise::ForgedFinished),
        ("record with a made-up connection ID", Noise::ForgedConnectionId),
        ("heartbeat", Noise::Heartbeat),
        ("announcement of a move", Noise::AnnouncementOfMove),
        ("ciphertext of DTLS 1.3", Noise::Ciphertext13),
        ("handshake record without content", Noise::EmptyHandshake),
        ("warning", Noise::SealedWarning),
        ("fatal alert", Noise::SealedFatal),
        ("close_notify", Noise::SealedCloseNotify),
        ("HelloRequest, sealed", Noise::SealedHelloRequest),
        ("ClientHello, sealed", Noise::SealedRenegotiation),
        ("ChangeCipherSpec, sealed", Noise::SealedChangeCipherSpec),
        ("KeyUpdate, sealed", Noise::SealedKeyUpdate),
        ("routability check, sealed", Noise::SealedRoutabilityCheck),
        ("data", Noise::Data),
        ("data, the same record again", Noise::DataAgain),
        ("data of the next epoch", Noise::DataOfNextEpoch),
        ("data of the former connection", Noise::DataOfFormer),
    ];
}

/// A private key of one key exchange, and its public half.
struct Ephemeral {
    private: EphemeralPrivateKey,
    public: Vec<u8>,
}

impl Ephemeral {
    fn generate() -> Ephemeral {
        let private = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).unwrap();
        let public = private.compute_public_key().unwrap().as_ref().to_vec();
        Ephemeral { private, public }
    }

    /// Nothing for a point that is none.
    fn agree(self, point: &[u8]) -> Vec<u8> {
        agree_ephemeral(self.private, &UnparsedPublicKey::new(&ECDH_P256, point), <[u8]>::to_vec).unwrap_or_default()
    }
}

/// One connection, as its attacker sees it.
struct Association {
    is_client: bool,
    client_random: [u8; 32],
    server_random: [u8; 32],
    /// All messages of the handshake, ours and the peer's (RFC 6347 section 4.2.6).
    transcript: Vec<u8>,
    /// message_seq of our next message, and of the peer's.
    sequence: u16,
    expected: u16,
    keys: Option<Keys>,
    /// Number of our next protected record.
    number: u64,
    /// A protected record of data that was sent.
    sent_data: Option<Vec<u8>>,
    /// Whether the keys are those of a key exchange.
    has_exchanged: bool,
    has_changed_cipher: bool,
    /// Our Finished, once it was sent.
    finished: Option<Vec<u8>>,
    /// Whether the peer has proved that it has the same keys and transcript.
    is_proved: bool,
}

impl Association {
    fn new(is_client: bool, client_random: [u8; 32], sequence: u16) -> Association {
        Association {
            is_client,
            client_random,
            server_random: [0; 32],
            transcript: Vec::new(),
            sequence,
            expected: sequence,
            keys: None,
            number: 0,
            sent_data: None,
            has_exchanged: false,
            has_changed_cipher: false,
            finished: None,
            is_proved: false,
        }
    }

    /// Whether both sides have said hello.
    fn has_begun(&self) -> bool {
        !self.transcript.is_empty()
    }

    /// Our next message, which the transcript has from now on. Outside of a handshake it counts for nothing.
    fn say(&mut self, message_type: u8, body: &[u8]) -> Vec<u8> {
        let whole = message(message_type, self.sequence, body);
        if !self.has_begun() {
            return whole;
        }
        self.sequence += 1;
        self.transcript.extend_from_slice(&whole);
        whole
    }

    /// Whether both sides have said Finished.
    fn is_open(&self) -> bool {
        self.is_proved && self.has_changed_cipher && self.finished.is_some()
    }

    /// Whether a message of the handshake would come behind our Finished, where no peer looks at it.
    fn is_finishing(&self) -> bool {
        self.finished.is_some() && !self.is_open()
    }

    /// The keys of a key exchange. An open connection keeps those that it has.
    fn exchange(&mut self, premaster: &[u8]) {
        if !self.has_begun() || self.is_open() {
            return;
        }
        self.derive(premaster);
        self.has_exchanged = true;
    }

    fn derive(&mut self, premaster: &[u8]) {
        let randoms = [&self.client_random[..], &self.server_random];
        self.keys = Some(Keys::derive(premaster, &self.transcript, randoms, self.is_client));
    }

    /// The keys; without a key exchange, those of an attacker who hopes that the peer takes `premaster` for its result.
    fn keys_or(&mut self, premaster: &[u8]) -> &Keys {
        if self.keys.is_none() {
            self.derive(premaster);
        }
        self.keys.as_ref().unwrap()
    }

    fn seal(&mut self, premaster: &[u8], content_type: u8, epoch: u16, content: &[u8]) -> Vec<u8> {
        let number = self.number;
        self.number += 1;
        self.keys_or(premaster).seal(content_type, epoch, number, content)
    }

    fn verify_data(&self, of_client: bool) -> Vec<u8> {
        let label = if of_client { "client finished" } else { "server finished" };
        let master = self.keys.as_ref().map_or(&[][..], |keys| &keys.master);
        prf(master, label, &sha256(&self.transcript), VERIFY_DATA)
    }

    /// The record with our Finished, which is repeated once the handshake is over, and not before. Without a key exchange, it
    /// counts for nothing.
    fn finish(&mut self, premaster: &[u8], quality: Quality) -> Option<Vec<u8>> {
        if self.is_finishing() {
            return None;
        }
        self.keys_or(premaster);
        let whole = match &self.finished {
            Some(whole) => whole.clone(),
            None => {
                let mut data = self.verify_data(self.is_client);
                if quality == Quality::Wrong {
                    data[0] ^= 1;
                }
                if self.has_exchanged {
                    let whole = self.say(FINISHED, &data);
                    self.finished = Some(whole.clone());
                    whole
                } else {
                    message(FINISHED, self.sequence, &data)
                }
            }
        };
        Some(self.seal(premaster, HANDSHAKE, 1, &whole))
    }

    /// A protected record of the peer's. What it holds, if it is authentic.
    fn open(&mut self, content_type: u8, counter: [u8; 8], fragment: &[u8]) -> Option<String> {
        let content = self.keys.as_ref()?.open(content_type, counter, fragment)?;
        Some(match content_type {
            ALERT => alert_name(&content),
            HANDSHAKE if content.first() == Some(&FINISHED) => {
                let is_right = content.get(HEADER..) == Some(&self.verify_data(!self.is_client));
                if is_right {
                    self.is_proved = true;
                    self.transcript.extend_from_slice(&content);
                }
                // A repetition is right under the transcript without itself.
                if self.is_proved { "Finished".to_owned() } else { "Finished (wrong)".to_owned() }
            }
            HANDSHAKE => format!("{}, sealed", content.first().map_or("nothing", |&kind| name_of(kind))),
            APPLICATION_DATA => "application data".to_owned(),
            ROUTABILITY_CHECK => "routability check".to_owned(),
            other => format!("record of type {other}"),
        })
    }
}

fn alert_name(content: &[u8]) -> String {
    match content {
        [WARNING, 0] => "close_notify".to_owned(),
        [WARNING, description] => format!("warning {description}"),
        [FATAL, description] => format!("alert {description}"),
        _ => "malformed alert".to_owned(),
    }
}

/// What both roles of the attacker have in common: the connection at hand, the one before, and records outside of both.
struct Speaker {
    proofs: Proofs,
    now: Association,
    former: Option<Association>,
    /// Number of the next record in plaintext, which goes on across handshakes.
    number: u64,
    /// Of the peer's message that has not come to its end.
    parts: Vec<u8>,
}

impl Speaker {
    fn new(proofs: Proofs, now: Association) -> Speaker {
        Speaker { proofs, now, former: None, number: 0, parts: Vec::new() }
    }

    /// A new handshake begins; an established connection may live on beside it.
    fn begin(&mut self, next: Association) {
        let last = std::mem::replace(&mut self.now, next);
        if last.is_open() {
            self.former = Some(last);
        }
    }

    fn plain(&mut self, content_type: u8, content: &[u8]) -> Vec<u8> {
        self.number += 1;
        record(content_type, 0, self.number - 1, content)
    }

    /// What an attacker hopes that the peer takes for the result of a key exchange that there was not: the key that both
    /// know, or nothing (CVE-2014-0224).
    fn premaster_without_exchange(&self) -> Vec<u8> {
        match &self.proofs {
            Proofs::Psk { key, .. } => psk_premaster_secret(key),
            Proofs::Ecdsa(_) => Vec::new(),
        }
    }

    fn seal(&mut self, content_type: u8, epoch: u16, content: &[u8]) -> Vec<u8> {
        let premaster = self.premaster_without_exchange();
        self.now.seal(&premaster, content_type, epoch, content)
    }

    fn finish(&mut self, quality: Quality) -> Option<Vec<u8>> {
        let premaster = self.premaster_without_exchange();
        self.now.finish(&premaster, quality)
    }

    /// The body of a Certificate message (RFC 5246 section 7.4.2, RFC 7250 section 3).
    fn certificate(&self, shown: Shown) -> Vec<u8> {
        let Proofs::Ecdsa(signers) = &self.proofs else { return vec![0; 3] };
        let identity = match shown {
            Shown::Own => &signers.own,
            Shown::Stranger => &signers.stranger,
            Shown::Nothing => return vec![0; 3],
        };
        if signers.raw {
            messages::vector(3, &identity.public_key)
        } else {
            messages::vector(3, &messages::vector(3, &identity.certificate))
        }
    }

    /// Scheme and signature, by the key that was shown; one byte off where it is to be wrong.
    fn sign(&self, content: &[u8], shown: Shown, quality: Quality) -> Vec<u8> {
        let Proofs::Ecdsa(signers) = &self.proofs else { return Vec::new() };
        let identity = if shown == Shown::Stranger { &signers.stranger } else { &signers.own };
        let mut content = content.to_vec();
        if quality == Quality::Wrong {
            content.push(0);
        }
        [&messages::SCHEME[..], &messages::vector(2, &identity.sign(&content))].concat()
    }

    /// Whoever has no keys yet keeps what comes under them, and how many such records of which kind have come would be a state
    /// each. So nothing but Finished is sealed before the end of a handshake.
    fn may_say(&self, noise: Noise) -> bool {
        let is_sealed = noise.is_authentic() || matches!(noise, Noise::DataAgain | Noise::DataOfNextEpoch);
        self.now.is_open() || !is_sealed
    }

    /// The whole message, when this is the last of its fragments, which come in order here.
    fn put_together(&mut self, fragment: &[u8]) -> Option<Vec<u8>> {
        let (header, body) = fragment.split_at(HEADER);
        if header[6..9] == [0; 3] {
            self.parts.clear();
        }
        self.parts.extend_from_slice(body);
        let length = u32::from_be_bytes([0, header[1], header[2], header[3]]) as usize;
        let sequence = u16::from_be_bytes([header[4], header[5]]);
        (self.parts.len() == length).then(|| message(header[0], sequence, &self.parts))
    }

    fn change_cipher_spec(&mut self) -> Vec<u8> {
        self.now.has_changed_cipher |= self.now.has_exchanged;
        self.plain(CHANGE_CIPHER_SPEC, &[1])
    }

    /// The datagram with it; `None` where it would lead to states without end.
    fn noise(&mut self, noise: Noise) -> Option<Vec<u8>> {
        self.may_say(noise).then(|| self.make_noise(noise))
    }

    fn make_noise(&mut self, noise: Noise) -> Vec<u8> {
        let hello_request = message(HELLO_REQUEST, self.now.sequence, &[]);
        match noise {
            Noise::PlainWarning => self.plain(ALERT, &[WARNING, 90]),
            Noise::PlainCloseNotify => self.plain(ALERT, &[WARNING, 0]),
            Noise::PlainFatal => self.plain(ALERT, &[FATAL, 40]),
            Noise::PlainHelloRequest => self.plain(HANDSHAKE, &hello_request),
            Noise::PlainData => self.plain(APPLICATION_DATA, b"in the clear"),
            Noise::PlainRoutabilityCheck => self.plain(ROUTABILITY_CHECK, &[0; 9]),
            Noise::PlainAck => self.plain(ACK, &[0, 0]),
            // Of the length that it would have: explicit nonce, message, tag.
            Noise::ForgedFinished => record(HANDSHAKE, 1, 0, &random::<{ 8 + HEADER + VERIFY_DATA + 16 }>()),
            Noise::ForgedConnectionId => {
                let header = [WITH_CONNECTION_ID, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9];
                [&header[..], &random::<4>(), &[0, 40], &random::<40>()].concat()
            }
            Noise::Heartbeat => self.plain(24, &[1, 0, 3, 1, 2, 3]),
            Noise::AnnouncementOfMove => {
                let inner = self.seal(APPLICATION_DATA, 1, b"announced");
                [&[ANNOUNCEMENT_OF_MOVE], &inner[1..], b"device", &[6]].concat()
            }
            Noise::Ciphertext13 => [&[0x2e, 0, 1, 0, 30][..], &random::<30>()].concat(),
            Noise::EmptyHandshake => self.plain(HANDSHAKE, &[]),
            Noise::SealedWarning => self.seal(ALERT, 1, &[WARNING, 90]),
            Noise::SealedFatal => self.seal(ALERT, 1, &[FATAL, 40]),
            Noise::SealedCloseNotify => self.seal(ALERT, 1, &[WARNING, 0]),
            Noise::SealedHelloRequest => self.seal(HANDSHAKE, 1, &hello_request),
            Noise::SealedRenegotiation => {
                let extensions =
                    messages::client_extensions(self.proofs.has_certificates(), self.proofs.has_raw_keys());
                let body = messages::client_hello(&random::<32>(), &[], self.proofs.suite(), &extensions);
                let whole = message(messages::CLIENT_HELLO, self.now.sequence, &body);
                self.seal(HANDSHAKE, 1, &whole)
            }
            Noise::SealedChangeCipherSpec => self.seal(CHANGE_CIPHER_SPEC, 1, &[1]),
            Noise::SealedKeyUpdate => {
                let whole = message(messages::KEY_UPDATE, self.now.sequence, &[0]);
                self.seal(HANDSHAKE, 1, &whole)
            }
            Noise::SealedRoutabilityCheck => self.seal(ROUTABILITY_CHECK, 1, &[0; 9]),
            Noise::Data => {
                let record = self.seal(APPLICATION_DATA, 1, b"sealed");
                self.now.sent_data = Some(record.clone());
                record
            }
            Noise::DataAgain => match &self.now.sent_data {
                Some(record) => record.clone(),
                None => record(APPLICATION_DATA, 1, 0, &random::<40>()),
            },
            Noise::DataOfNextEpoch => self.seal(APPLICATION_DATA, 2, b"of the next epoch"),
            Noise::DataOfFormer => match &mut self.former {
                Some(former) => former.seal(&[], APPLICATION_DATA, 1, b"of the former connection"),
                None => record(APPLICATION_DATA, 1, 0, &random::<40>()),
            },
        }
    }
}

/// What one role of the attacker does with messages of its peer's.
trait Listener {
    fn speaker(&mut self) -> &mut Speaker;

    /// Takes a whole handshake message in plaintext, which may be a repetition.
    fn take(&mut self, message_type: u8, sequence: u16, whole: &[u8]);
}

/// The names of what is in a datagram of the peer's, which the listener takes.
fn hear(listener: &mut impl Listener, datagram: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    for each in Records::new(datagram) {
        let (content_type, fragment) = (each.bytes[0], each.fragment());
        if each.epoch != 0 {
            let Speaker { now, former, .. } = listener.speaker();
            let opened = now.open(content_type, each.number(), fragment).or_else(|| {
                let name = former.as_mut()?.open(content_type, each.number(), fragment)?;
                Some(format!("{name} of the former connection"))
            });
            names.push(opened.unwrap_or_else(|| "something sealed".to_owned()));
            continue;
        }
        match content_type {
            CHANGE_CIPHER_SPEC => names.push("ChangeCipherSpec".to_owned()),
            ALERT => names.push(format!("{} in the clear", alert_name(fragment))),
            HANDSHAKE => {
                let Some(whole) = listener.speaker().put_together(fragment) else { continue };
                names.push(name_of(whole[0]).to_owned());
                listener.take(whole[0], u16::from_be_bytes([whole[4], whole[5]]), &whole);
            }
            other => names.push(format!("record of type {other} in the clear")),
        }
    }
    names
}
