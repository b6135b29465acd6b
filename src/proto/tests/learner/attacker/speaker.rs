//! What both roles of the attacker have in common: how records are said, and how those of the peer are heard.

use super::association::{Association, alert_name};
use super::messages::{self, HEADER, message, name_of};
use super::secrets::{psk_premaster_secret, record};
use super::{ALERT, CHANGE_CIPHER_SPEC, HANDSHAKE, Proofs, Quality, Shown};
use crate::wire::Records;

/// What both roles of the attacker have in common: the connection at hand, the one before, and records outside of both.
pub(super) struct Speaker {
    pub(super) proofs: Proofs,
    pub(super) now: Association,
    pub(super) former: Option<Association>,
    /// Number of the next record in plaintext, which goes on across handshakes.
    pub(super) number: u64,
    /// Of the peer's message that has not come to its end.
    parts: Vec<u8>,
}

impl Speaker {
    pub(super) fn new(proofs: Proofs, now: Association) -> Speaker {
        Speaker { proofs, now, former: None, number: 0, parts: Vec::new() }
    }

    /// A new handshake begins; an established connection may live on beside it.
    pub(super) fn begin(&mut self, next: Association) {
        let last = std::mem::replace(&mut self.now, next);
        if last.is_open() {
            self.former = Some(last);
        }
    }

    pub(super) fn plain(&mut self, content_type: u8, content: &[u8]) -> Vec<u8> {
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

    pub(super) fn seal(&mut self, content_type: u8, epoch: u16, content: &[u8]) -> Vec<u8> {
        let premaster = self.premaster_without_exchange();
        self.now.seal(&premaster, content_type, epoch, content)
    }

    pub(super) fn finish(&mut self, quality: Quality) -> Option<Vec<u8>> {
        let premaster = self.premaster_without_exchange();
        self.now.finish(&premaster, quality)
    }

    /// The body of a Certificate message (RFC 5246 section 7.4.2, RFC 7250 section 3).
    pub(super) fn certificate(&self, shown: Shown) -> Vec<u8> {
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
    pub(super) fn sign(&self, content: &[u8], shown: Shown, quality: Quality) -> Vec<u8> {
        let Proofs::Ecdsa(signers) = &self.proofs else { return Vec::new() };
        let identity = if shown == Shown::Stranger { &signers.stranger } else { &signers.own };
        let mut content = content.to_vec();
        if quality == Quality::Wrong {
            content.push(0);
        }
        [&messages::SCHEME[..], &messages::vector(2, &identity.sign(&content))].concat()
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

    pub(super) fn change_cipher_spec(&mut self) -> Vec<u8> {
        self.now.has_changed_cipher |= self.now.has_exchanged;
        self.plain(CHANGE_CIPHER_SPEC, &[1])
    }
}

/// What one role of the attacker does with messages of its peer's.
pub(super) trait Listener {
    fn speaker(&mut self) -> &mut Speaker;

    /// Takes a whole handshake message in plaintext, which may be a repetition.
    fn take(&mut self, message_type: u8, sequence: u16, whole: &[u8]);
}

/// The names of what is in a datagram of the peer's, which the listener takes.
pub(super) fn hear(listener: &mut impl Listener, datagram: &[u8]) -> Vec<String> {
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
