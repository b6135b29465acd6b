//! One connection, as its attacker sees it: its transcript, its keys, and how far it has come.

use super::messages::{FINISHED, HEADER, message, name_of};
use super::secrets::{Keys, VERIFY_DATA, prf, sha256};
use super::{ALERT, APPLICATION_DATA, FATAL, HANDSHAKE, Quality, ROUTABILITY_CHECK, WARNING};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::rand::SystemRandom;

/// A private key of one key exchange, and its public half.
pub(super) struct Ephemeral {
    private: EphemeralPrivateKey,
    pub(super) public: Vec<u8>,
}

impl Ephemeral {
    pub(super) fn generate() -> Ephemeral {
        let private = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).unwrap();
        let public = private.compute_public_key().unwrap().as_ref().to_vec();
        Ephemeral { private, public }
    }

    /// Nothing for a point that is none.
    pub(super) fn agree(self, point: &[u8]) -> Vec<u8> {
        agree_ephemeral(self.private, &UnparsedPublicKey::new(&ECDH_P256, point), <[u8]>::to_vec).unwrap_or_default()
    }
}

/// One connection, as its attacker sees it.
pub(super) struct Association {
    is_client: bool,
    pub(super) client_random: [u8; 32],
    pub(super) server_random: [u8; 32],
    /// All messages of the handshake, ours and the peer's (RFC 6347 section 4.2.6).
    pub(super) transcript: Vec<u8>,
    /// message_seq of our next message, and of the peer's.
    pub(super) sequence: u16,
    pub(super) expected: u16,
    keys: Option<Keys>,
    /// Number of our next protected record.
    number: u64,
    /// A protected record of data that was sent.
    pub(super) sent_data: Option<Vec<u8>>,
    /// Whether the keys are those of a key exchange.
    pub(super) has_exchanged: bool,
    pub(super) has_changed_cipher: bool,
    /// Our Finished, once it was sent.
    finished: Option<Vec<u8>>,
    /// Whether the peer has proved that it has the same keys and transcript.
    is_proved: bool,
}

impl Association {
    pub(super) fn new(is_client: bool, client_random: [u8; 32], sequence: u16) -> Association {
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

    /// Whether both sides have said hello, and not both Finished.
    pub(super) fn is_under_way(&self) -> bool {
        !self.transcript.is_empty() && !self.is_open()
    }

    /// Our next message, which the transcript has from now on. Before a handshake and behind it, it counts for nothing: its
    /// number would be a state of its own each time.
    pub(super) fn say(&mut self, message_type: u8, body: &[u8]) -> Vec<u8> {
        let whole = message(message_type, self.sequence, body);
        if !self.is_under_way() {
            return whole;
        }
        self.sequence += 1;
        self.transcript.extend_from_slice(&whole);
        whole
    }

    /// Whether both sides have said Finished.
    pub(super) fn is_open(&self) -> bool {
        self.is_proved && self.has_changed_cipher && self.finished.is_some()
    }

    /// Whether a message of the handshake would come behind our Finished, where no peer looks at it.
    pub(super) fn is_finishing(&self) -> bool {
        self.finished.is_some() && !self.is_open()
    }

    /// The keys of a key exchange. An open connection keeps those that it has.
    pub(super) fn exchange(&mut self, premaster: &[u8]) {
        if !self.is_under_way() {
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

    pub(super) fn seal(&mut self, premaster: &[u8], content_type: u8, epoch: u16, content: &[u8]) -> Vec<u8> {
        let number = self.number;
        self.number += 1;
        self.keys_or(premaster).seal(content_type, epoch, number, content)
    }

    pub(super) fn verify_data(&self, of_client: bool) -> Vec<u8> {
        let label = if of_client { "client finished" } else { "server finished" };
        let master = self.keys.as_ref().map_or(&[][..], |keys| &keys.master);
        prf(master, label, &sha256(&self.transcript), VERIFY_DATA)
    }

    /// The record with our Finished, which is repeated once the handshake is over, and not before. Without a key exchange, it
    /// counts for nothing.
    pub(super) fn finish(&mut self, premaster: &[u8], quality: Quality) -> Option<Vec<u8>> {
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
    pub(super) fn open(&mut self, content_type: u8, counter: [u8; 8], fragment: &[u8]) -> Option<String> {
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

pub(super) fn alert_name(content: &[u8]) -> String {
    match content {
        [WARNING, 0] => "close_notify".to_owned(),
        [WARNING, description] => format!("warning {description}"),
        [FATAL, description] => format!("alert {description}"),
        _ => "malformed alert".to_owned(),
    }
}
