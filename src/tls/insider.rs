//! Somebody who has the keys of associations, for tests and fuzzers: a peer that has authenticated itself may say anything.
//!
//! The keys come from key logs. Only suites with AES-128-GCM and SHA-256 can be read.

use super::{dtls13, mbed};
use crate::wire::{ContentType, RECORD_HEADER_LENGTH, Record};

/// What is known of the keys of one association.
#[derive(Default)]
pub(crate) struct Insider {
    dtls12: Option<mbed::Insider>,
    dtls13: dtls13::Insider,
}

/// What a protected record holds.
pub(crate) struct Inside {
    pub(crate) kind: u8,
    pub(crate) content: Vec<u8>,
}

impl Insider {
    /// Takes the lines of a key log. `randoms`: the client's, then the server's.
    pub(crate) fn learn(&mut self, lines: &[u8], randoms: &[[u8; 32]; 2]) {
        for line in lines.split(|byte| *byte == b'\n') {
            let mut words = line.split(|byte| *byte == b' ');
            let (Some(label), Some(_random), Some(secret)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            let secret = bytes(secret);
            let is_server = label.starts_with(b"SERVER");
            match label.strip_prefix(b"CLIENT_").or(label.strip_prefix(b"SERVER_")) {
                Some(b"RANDOM") => self.dtls12 = mbed::Insider::new(&secret, randoms),
                Some(b"HANDSHAKE_TRAFFIC_SECRET") => self.dtls13.learn(is_server, 2, &secret),
                Some(b"TRAFFIC_SECRET_0") => self.dtls13.learn(is_server, 3, &secret),
                _ => {}
            }
        }
    }

    /// The record with something else in it, under the same number. `None` when its keys are not known.
    pub(crate) fn rewrite(
        &self,
        is_from_server: bool,
        record: &Record<'_>,
        edit: impl FnOnce(&mut Inside),
    ) -> Option<Vec<u8>> {
        if record.is_ciphertext() {
            let (kind, content, number) = self.dtls13.open(is_from_server, record)?;
            let mut inside = Inside { kind, content };
            edit(&mut inside);
            return self.dtls13.seal(is_from_server, record, number, inside.kind, &inside.content);
        }
        let keys = self.dtls12.as_ref().filter(|_| record.epoch == 1)?;
        let header = record.bytes.len() - record.fragment().len();
        let plaintext = keys.open(is_from_server, record.bytes, header)?;
        if record.content_type == ContentType::Tls12Cid {
            // RFC 9146 section 4: the content, its type, and zeros.
            let at = plaintext.iter().rposition(|byte| *byte != 0)?;
            let (content, kind) = plaintext.split_at_checked(at)?;
            let mut inside = Inside { kind: *kind.first()?, content: content.to_vec() };
            edit(&mut inside);
            let plaintext = [&inside.content[..], &[inside.kind]].concat();
            return keys.seal(is_from_server, record.bytes, header, &plaintext);
        }
        debug_assert_eq!(header, RECORD_HEADER_LENGTH);
        let mut inside = Inside { kind: *record.bytes.first()?, content: plaintext };
        edit(&mut inside);
        let mut renamed = record.bytes.to_vec();
        *renamed.first_mut()? = inside.kind;
        keys.seal(is_from_server, &renamed, header, &inside.content)
    }
}

/// From hexadecimal digits.
fn bytes(digits: &[u8]) -> Vec<u8> {
    let value = |digit: &u8| char::from(*digit).to_digit(16).unwrap_or_default() as u8;
    digits.chunks(2).map(|pair| pair.iter().fold(0, |sum, digit| sum << 4 | value(digit))).collect()
}
