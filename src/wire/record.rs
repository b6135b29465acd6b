//! The record layer seen from outside: cutting a datagram into records, and dropping what cannot be one.
//!
//! An engine is given whole records only. A datagram that ends in a few stray bytes would make Mbed TLS end its
//! association, and some malformed records would end a handshake, although anybody can send either.

use super::handshake::{CLIENT_HELLO, CLIENT_KEY_EXCHANGE, HandshakeFragment};
use super::lengths::RECORD_HEADER_LENGTH;

/// RFC 6347 section 4.1: version 254.253 is DTLS 1.2; a ClientHello may come under 254.255.
const MAJOR_VERSION: u8 = 254;

/// The only epoch in which DTLS 1.2 sends application data, as there is no renegotiation.
const EPOCH_OF_DATA: u16 = 1;

/// Types of records (RFC 5246 section 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentType {
    ChangeCipherSpec,
    Alert,
    Handshake,
    ApplicationData,
}

/// One whole record of a datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    pub(crate) content_type: ContentType,
    pub(crate) epoch: u16,
    /// Whether a client's key exchange and its ChangeCipherSpec came before this record in the same datagram.
    pub(crate) after_key_exchange: bool,
    /// Header and fragment.
    pub(crate) bytes: &'a [u8],
}

/// A record that has to wait.
#[derive(Debug)]
pub(crate) struct OwnedRecord {
    content_type: ContentType,
    epoch: u16,
    pub(crate) after_key_exchange: bool,
    pub(crate) bytes: Vec<u8>,
}

impl OwnedRecord {
    pub(crate) fn borrow(&self) -> Record<'_> {
        let OwnedRecord { content_type, epoch, after_key_exchange, ref bytes } = *self;
        Record { content_type, epoch, after_key_exchange, bytes }
    }
}

impl<'a> Record<'a> {
    pub(crate) fn keep(self) -> OwnedRecord {
        let Record { content_type, epoch, after_key_exchange, bytes } = self;
        OwnedRecord { content_type, epoch, after_key_exchange, bytes: bytes.to_vec() }
    }

    /// The record at the beginning of `bytes`, and the rest.
    fn parse(bytes: &'a [u8]) -> Option<(Record<'a>, &'a [u8])> {
        let header = bytes.first_chunk::<RECORD_HEADER_LENGTH>()?;
        let content_type = match header[0] {
            20 => ContentType::ChangeCipherSpec,
            21 => ContentType::Alert,
            22 => ContentType::Handshake,
            23 => ContentType::ApplicationData,
            _ => return None,
        };
        if header[1] != MAJOR_VERSION {
            return None;
        }
        let epoch = u16::from_be_bytes([header[3], header[4]]);
        let length = RECORD_HEADER_LENGTH + usize::from(u16::from_be_bytes([header[11], header[12]]));
        let (bytes, rest) = bytes.split_at_checked(length)?;
        Some((Record { content_type, epoch, after_key_exchange: false, bytes }, rest))
    }

    pub(crate) fn fragment(&self) -> &'a [u8] {
        self.bytes.get(RECORD_HEADER_LENGTH..).unwrap_or_default()
    }

    /// Epoch and number, as they stand in the header.
    pub(crate) fn number(&self) -> [u8; 8] {
        self.bytes.get(3..11).and_then(|number| number.try_into().ok()).unwrap_or_default()
    }

    /// Whether a plaintext record is what its type promises. The engine ends the handshake over one that is not.
    pub(crate) fn is_well_formed(&self) -> bool {
        let fragment = self.fragment();
        match self.content_type {
            ContentType::ChangeCipherSpec => fragment == [1],
            ContentType::Alert => fragment.len() == 2,
            ContentType::Handshake => HandshakeFragment::parse(fragment)
                .is_some_and(|fragment| fragment.is_consistent() && !fragment.is_hello_request()),
            // Application data is never legal in epoch 0.
            ContentType::ApplicationData => false,
        }
    }

    pub(crate) fn is_alert(&self) -> bool {
        self.content_type == ContentType::Alert
    }

    /// The length of the handshake message of which this plaintext record has a fragment, if it is longer than an engine
    /// has room for.
    pub(crate) fn length_beyond_room(&self) -> Option<usize> {
        let fragment = HandshakeFragment::parse(self.fragment()).filter(|_| self.is_handshake() && self.epoch == 0)?;
        fragment.is_too_long().then_some(fragment.length)
    }

    pub(crate) fn is_handshake(&self) -> bool {
        self.content_type == ContentType::Handshake
    }

    /// Whether this record is protected with an association's keys, provided that it is authentic.
    pub(crate) fn may_be_protected(&self) -> bool {
        self.epoch == EPOCH_OF_DATA
    }

    /// Whether this record carries application data of an association, provided that it is authentic.
    pub(crate) fn is_application_data(&self) -> bool {
        self.content_type == ContentType::ApplicationData && self.epoch == EPOCH_OF_DATA
    }

    fn is_key_exchange(&self) -> bool {
        let first = self.fragment().first();
        self.content_type == ContentType::Handshake && self.epoch == 0 && first == Some(&CLIENT_KEY_EXCHANGE)
    }

    fn is_change_cipher_spec(&self) -> bool {
        self.content_type == ContentType::ChangeCipherSpec && self.epoch == 0
    }

    /// Whether this could be a ClientHello. Such a record concerns the cookie gate, whatever connection its address
    /// has.
    pub(crate) fn is_client_hello(&self) -> bool {
        self.content_type == ContentType::Handshake && self.epoch == 0 && self.fragment().first() == Some(&CLIENT_HELLO)
    }
}

/// The records of a datagram, up to the first bytes that are not a record.
pub(crate) struct Records<'a> {
    rest: &'a [u8],
    seen: Seen,
}

/// How much of the plaintext of a client's last flight a datagram has had so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Nothing,
    KeyExchange,
    ChangeCipherSpec,
}

impl<'a> Records<'a> {
    pub(crate) fn new(datagram: &'a [u8]) -> Records<'a> {
        Records { rest: datagram, seen: Seen::Nothing }
    }

    /// The bytes behind the last record.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let (record, rest) = Record::parse(self.rest)?;
        self.rest = rest;
        let after_key_exchange = self.seen == Seen::ChangeCipherSpec;
        self.seen = match self.seen {
            Seen::Nothing if record.is_key_exchange() => Seen::KeyExchange,
            Seen::KeyExchange if record.is_change_cipher_spec() => Seen::ChangeCipherSpec,
            seen => seen,
        };
        Some(Record { after_key_exchange, ..record })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(content_type: u8, fragment: &[u8]) -> Vec<u8> {
        let mut bytes = vec![content_type, 254, 253, 0, 0, 0, 0, 0, 0, 0, 7];
        bytes.extend_from_slice(&u16::try_from(fragment.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(fragment);
        bytes
    }

    #[test]
    fn a_datagram_is_cut_into_its_records() {
        let datagram = [record(20, &[1]), record(21, &[2, 40])].concat();
        let mut records = Records::new(&datagram);
        assert_eq!(records.next().unwrap().content_type, ContentType::ChangeCipherSpec);
        assert_eq!(records.next().unwrap().fragment(), [2, 40]);
        assert!(records.next().is_none());
        assert!(records.rest().is_empty());
    }

    #[test]
    fn stray_bytes_behind_a_record_are_left_over() {
        let datagram = [record(21, &[1, 0]), vec![23; 12]].concat();
        let mut records = Records::new(&datagram);
        assert!(records.next().is_some());
        assert!(records.next().is_none());
        assert_eq!(records.rest().len(), 12);
    }

    #[test]
    fn truncated_foreign_and_empty_datagrams_hold_no_record() {
        let whole = record(22, &[1; 40]);
        for length in 0..whole.len() {
            assert!(Records::new(&whole[..length]).next().is_none());
        }
        assert!(Records::new(&record(19, &[1])).next().is_none());
        assert!(Records::new(b"GET / HTTP/1.1\r\n\r\n").next().is_none());
    }

    #[test]
    fn malformed_plaintext_records_are_recognised() {
        let malformed: [(u8, &[u8]); 6] = [
            (20, &[2]),
            (20, &[1, 1]),
            (21, &[2, 40, 0]),
            (22, &[1, 0, 0, 5]),
            // Fragment of 9 bytes at offset 1 in a message of 4.
            (22, &[1, 0, 0, 4, 0, 0, 0, 0, 1, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
            (23, b"plaintext"),
        ];
        for (content_type, fragment) in malformed {
            let bytes = record(content_type, fragment);
            assert!(!Records::new(&bytes).next().unwrap().is_well_formed(), "{content_type} {fragment:?}");
        }
    }
}
