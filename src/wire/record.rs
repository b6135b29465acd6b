//! The record layer seen from outside: cutting a datagram into records, and dropping what cannot be one.
//!
//! An engine is given whole records only. A datagram that ends in a few stray bytes would make Mbed TLS end its
//! association, and some malformed records would end a handshake, although anybody can send either.

use super::handshake::{CLIENT_HELLO, CLIENT_KEY_EXCHANGE, HandshakeFragment};
use super::lengths::RECORD_HEADER_LENGTH;
use super::unified_header::UnifiedHeader;

/// RFC 6347 section 4.1: version 254.253 is DTLS 1.2; a ClientHello may come under 254.255.
const MAJOR_VERSION: u8 = 254;

/// The only epoch in which DTLS 1.2 sends application data, as there is no renegotiation.
const EPOCH_OF_DATA: u16 = 1;

/// Bytes of a header before its connection ID, or before the length of the fragment where there is none.
const BEFORE_CONNECTION_ID: usize = RECORD_HEADER_LENGTH - 2;

/// Types of records (RFC 5246 section 6.2.1, RFC 9147 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentType {
    ChangeCipherSpec,
    Alert,
    Handshake,
    ApplicationData,
    /// The record has a connection ID, and its real type is encrypted (RFC 9146 section 4).
    Tls12Cid,
    /// Which records of DTLS 1.3 have come.
    Ack,
    /// RFC 9853 section 4.
    ReturnRoutabilityCheck,
    /// A protected record of DTLS 1.3, which hides what it holds.
    Ciphertext,
}

/// One whole record of a datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    pub(crate) content_type: ContentType,
    /// A ciphertext says no more of it than the last two bits.
    pub(crate) epoch: u16,
    /// Whether a client's key exchange and its ChangeCipherSpec came before this record in the same datagram.
    pub(crate) after_key_exchange: bool,
    /// Where its connection ID begins, and how long it is.
    id: (u8, u8),
    /// Bytes of the header.
    header_length: u8,
    /// Header and fragment.
    pub(crate) bytes: &'a [u8],
}

/// A record that has to wait.
#[derive(Debug)]
pub(crate) struct OwnedRecord {
    content_type: ContentType,
    epoch: u16,
    pub(crate) after_key_exchange: bool,
    id: (u8, u8),
    header_length: u8,
    pub(crate) bytes: Vec<u8>,
}

impl OwnedRecord {
    pub(crate) fn borrow(&self) -> Record<'_> {
        let OwnedRecord { content_type, epoch, after_key_exchange, id, header_length, ref bytes } = *self;
        Record { content_type, epoch, after_key_exchange, id, header_length, bytes }
    }
}

impl<'a> Record<'a> {
    /// Bytes of memory that it takes when it is kept. Of the shortest records, most of that is beside them.
    pub(crate) fn weight(&self) -> usize {
        size_of::<OwnedRecord>() + self.bytes.len()
    }

    pub(crate) fn keep(self) -> OwnedRecord {
        let Record { content_type, epoch, after_key_exchange, id, header_length, bytes } = self;
        OwnedRecord { content_type, epoch, after_key_exchange, id, header_length, bytes: bytes.to_vec() }
    }

    /// The record at the beginning of `bytes`, and the rest. No record says how long its connection ID is; 0 means that none
    /// is expected.
    fn parse(bytes: &'a [u8], id_length: u8) -> Option<(Record<'a>, &'a [u8])> {
        if UnifiedHeader::begins(bytes) {
            return Record::parse_ciphertext(bytes, id_length);
        }
        let header = bytes.first_chunk::<BEFORE_CONNECTION_ID>()?;
        let (content_type, id_length) = match header[0] {
            20 => (ContentType::ChangeCipherSpec, 0),
            21 => (ContentType::Alert, 0),
            22 => (ContentType::Handshake, 0),
            23 => (ContentType::ApplicationData, 0),
            25 if id_length > 0 => (ContentType::Tls12Cid, id_length),
            26 => (ContentType::Ack, 0),
            27 => (ContentType::ReturnRoutabilityCheck, 0),
            _ => return None,
        };
        if header[1] != MAJOR_VERSION {
            return None;
        }
        let epoch = u16::from_be_bytes([header[3], header[4]]);
        let header_length = RECORD_HEADER_LENGTH as u8 + id_length;
        let id = (BEFORE_CONNECTION_ID as u8, id_length);
        let length = bytes.get(BEFORE_CONNECTION_ID + usize::from(id_length)..)?.first_chunk::<2>()?;
        let length = usize::from(header_length) + usize::from(u16::from_be_bytes(*length));
        let (bytes, rest) = bytes.split_at_checked(length)?;
        Some((Record { content_type, epoch, after_key_exchange: false, id, header_length, bytes }, rest))
    }

    fn parse_ciphertext(bytes: &'a [u8], id_length: u8) -> Option<(Record<'a>, &'a [u8])> {
        let header = UnifiedHeader::parse(bytes, id_length.into())?;
        let (bytes, rest) = bytes.split_at_checked(header.end)?;
        let (content_type, epoch) = (ContentType::Ciphertext, header.epoch_bits.into());
        let header_length = header.ciphertext as u8;
        let id = (header.id.start as u8, header.id.len() as u8);
        Some((Record { content_type, epoch, after_key_exchange: false, id, header_length, bytes }, rest))
    }

    /// What stands behind the header.
    pub(crate) fn fragment(&self) -> &'a [u8] {
        self.bytes.get(usize::from(self.header_length)..).unwrap_or_default()
    }

    /// The ID of the connection that this record is for, if it names one.
    pub(crate) fn connection_id(&self) -> Option<&'a [u8]> {
        let (start, length) = (usize::from(self.id.0), usize::from(self.id.1));
        self.bytes.get(start..start + length).filter(|id| !id.is_empty())
    }

    /// Whether it is for the connection with this ID; where that is empty, whether it names none.
    pub(crate) fn is_for(&self, id: &[u8]) -> bool {
        match self.connection_id() {
            Some(named) => named == id,
            // An empty slice may have an address where nothing is, which some processors find out slowly when they compare.
            None => id.is_empty(),
        }
    }

    /// Epoch and number, as they stand in the header.
    pub(crate) fn number(&self) -> [u8; 8] {
        self.bytes.get(3..11).and_then(|number| number.try_into().ok()).unwrap_or_default()
    }

    /// Whether a plaintext record of DTLS 1.2 is what its type promises. The engine ends the handshake over one that is not.
    pub(crate) fn is_well_formed(&self) -> bool {
        let fragment = self.fragment();
        match self.content_type {
            ContentType::ChangeCipherSpec => fragment == [1],
            ContentType::Alert => fragment.len() == 2,
            ContentType::Handshake => HandshakeFragment::parse(fragment)
                .is_some_and(|fragment| fragment.is_consistent() && !fragment.is_hello_request()),
            // None of these is ever legal in epoch 0 of DTLS 1.2.
            ContentType::ApplicationData
            | ContentType::Tls12Cid
            | ContentType::ReturnRoutabilityCheck
            | ContentType::Ack
            | ContentType::Ciphertext => false,
        }
    }

    /// Whether it is of a type that only DTLS 1.3 has.
    pub(crate) fn is_of_dtls13(&self) -> bool {
        matches!(self.content_type, ContentType::Ack | ContentType::Ciphertext)
    }

    /// Whether it is a protected record of DTLS 1.3.
    pub(crate) fn is_ciphertext(&self) -> bool {
        self.content_type == ContentType::Ciphertext
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
        self.is_ciphertext() || self.epoch == EPOCH_OF_DATA && self.content_type != ContentType::Ack
    }

    /// Whether this record may carry application data of an association, provided that it is authentic.
    pub(crate) fn is_application_data(&self) -> bool {
        let may_be = matches!(self.content_type, ContentType::ApplicationData | ContentType::Tls12Cid);
        may_be && self.epoch == EPOCH_OF_DATA
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
    id_length: u8,
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
    /// Of a datagram to somebody who has given no connection IDs away.
    pub(crate) fn new(datagram: &'a [u8]) -> Records<'a> {
        Records::with_ids(datagram, 0)
    }

    /// Of a datagram to somebody whose connection IDs have this length.
    pub(crate) fn with_ids(datagram: &'a [u8], id_length: u8) -> Records<'a> {
        Records { rest: datagram, id_length, seen: Seen::Nothing }
    }

    /// The bytes behind the last record.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let (record, rest) = Record::parse(self.rest, self.id_length)?;
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
    fn a_record_with_a_connection_id_is_cut_by_the_length_that_we_have_given_away() {
        let mut bytes = vec![25, 254, 253, 0, 1, 0, 0, 0, 0, 0, 7];
        bytes.extend_from_slice(&[9, 8, 7, 0, 2, 0xaa, 0xbb]);
        let mut records = Records::with_ids(&bytes, 3);
        let first = records.next().unwrap();
        assert_eq!((first.content_type, first.epoch), (ContentType::Tls12Cid, 1));
        assert_eq!(first.connection_id().unwrap(), [9, 8, 7]);
        assert!(first.is_for(&[9, 8, 7]) && !first.is_for(&[9, 8, 6]) && !first.is_for(&[9, 8]) && !first.is_for(&[]));
        assert_eq!(first.fragment(), [0xaa, 0xbb]);
        assert_eq!(first.keep().borrow().fragment(), [0xaa, 0xbb]);
        assert!(records.rest().is_empty());
        for length in 0..bytes.len() {
            assert!(Records::with_ids(&bytes[..length], 3).next().is_none());
        }
        // Nobody else can make anything of it.
        assert!(Records::new(&bytes).next().is_none());
        assert!(Records::with_ids(&bytes, 32).next().is_none());
        let bytes = record(23, &[1]);
        let without = Records::with_ids(&bytes, 3).next().unwrap();
        assert!(without.connection_id().is_none() && without.is_for(&[]) && !without.is_for(&[9, 8, 7]));
    }

    #[test]
    fn a_record_is_behind_the_key_exchange_when_that_and_a_change_cipher_spec_came_before_it_in_plaintext() {
        let in_epoch = |epoch: u8, mut bytes: Vec<u8>| {
            bytes[4] = epoch;
            bytes
        };
        let exchange = || record(22, &[CLIENT_KEY_EXCHANGE, 0]);
        let (change, last) = (|| record(20, &[1]), || in_epoch(1, record(22, &[0; 40])));
        for (before, is_behind) in [
            (vec![exchange(), change()], true),
            (vec![record(22, &[11, 0]), exchange(), record(22, &[15, 0]), change()], true),
            (vec![], false),
            (vec![exchange()], false),
            (vec![change()], false),
            (vec![change(), exchange()], false),
            // None of these is the key exchange.
            (vec![record(22, &[CLIENT_KEY_EXCHANGE + 1, 0]), change()], false),
            (vec![record(23, &[CLIENT_KEY_EXCHANGE, 0]), change()], false),
            (vec![in_epoch(1, exchange()), change()], false),
            (vec![exchange(), in_epoch(1, change())], false),
        ] {
            let datagram = [before.concat(), last()].concat();
            let records: Vec<_> = Records::new(&datagram).collect();
            assert_eq!(records.len(), before.len() + 1);
            assert_eq!(records.last().unwrap().after_key_exchange, is_behind, "{before:?}");
            assert!(records[..before.len()].iter().all(|record| !record.after_key_exchange), "{before:?}");
        }
    }

    #[test]
    fn malformed_plaintext_records_are_recognised() {
        let malformed: [(u8, &[u8]); 7] = [
            (20, &[2]),
            (20, &[1, 1]),
            (21, &[2, 40, 0]),
            (22, &[1, 0, 0, 5]),
            // Fragment of 9 bytes at offset 1 in a message of 4.
            (22, &[1, 0, 0, 4, 0, 0, 0, 0, 1, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
            (23, b"plaintext"),
            (27, &[0; 9]),
        ];
        for (content_type, fragment) in malformed {
            let bytes = record(content_type, fragment);
            assert!(!Records::new(&bytes).next().unwrap().is_well_formed(), "{content_type} {fragment:?}");
        }
    }
}
