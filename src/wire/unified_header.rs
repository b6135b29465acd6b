//! The header of a protected record in DTLS 1.3 (RFC 9147 section 4): a byte of flags, and what they say that follows.

use std::ops::Range;

/// The first three bits.
const MARK: u8 = 0x20;
const MARK_BITS: u8 = 0xe0;

const HAS_CID: u8 = 0x10;
const HAS_LONG_NUMBER: u8 = 0x08;
const HAS_LENGTH: u8 = 0x04;
const EPOCH_BITS: u8 = 0x03;

/// RFC 9147 section 4.2.3: a record whose ciphertext is too short to sample is invalid.
const SHORTEST_CIPHERTEXT: usize = 16;

/// Where the parts of a record are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnifiedHeader {
    /// The last two bits of the epoch.
    pub(crate) epoch_bits: u8,
    /// Of the connection ID; empty without one.
    pub(crate) id: Range<usize>,
    /// Of the record number's last byte, or last two.
    pub(crate) number: Range<usize>,
    /// Where the ciphertext begins, and the header ends.
    pub(crate) ciphertext: usize,
    /// Where the record ends.
    pub(crate) end: usize,
}

impl UnifiedHeader {
    /// The first bytes of a record of ours but for the connection ID: flags, a number of two bytes, and the length of the
    /// ciphertext.
    pub(crate) const WRITTEN_LENGTH: usize = 5;

    /// `id`: what the peer wants to see; empty for nothing.
    pub(crate) fn write(epoch: u64, id: &[u8], number: u64, ciphertext: usize, out: &mut Vec<u8>) {
        let [.., epoch] = epoch.to_be_bytes();
        let [.., number_high, number_low] = number.to_be_bytes();
        let [.., length_high, length_low] = ciphertext.to_be_bytes();
        let has_id = if id.is_empty() { 0 } else { HAS_CID };
        out.push(MARK | has_id | HAS_LONG_NUMBER | HAS_LENGTH | epoch & EPOCH_BITS);
        out.extend_from_slice(id);
        out.extend([number_high, number_low, length_high, length_low]);
    }

    /// Whether the first byte is one that only such headers have.
    pub(super) fn begins(bytes: &[u8]) -> bool {
        bytes.first().is_some_and(|first| first & MARK_BITS == MARK)
    }

    /// `None` for what is no whole record. No record says how long its connection ID is; 0 means that none is expected, and then
    /// one with an ID is no record.
    pub(crate) fn parse(bytes: &[u8], id_length: usize) -> Option<UnifiedHeader> {
        let flags = *bytes.first().filter(|flags| **flags & MARK_BITS == MARK)?;
        let has_id = flags & HAS_CID != 0;
        if has_id && id_length == 0 {
            return None;
        }
        let id = 1..if has_id { 1 + id_length } else { 1 };
        let number = id.end..id.end + if flags & HAS_LONG_NUMBER == 0 { 1 } else { 2 };
        let (ciphertext, end) = if flags & HAS_LENGTH == 0 {
            // The record takes the rest of the datagram.
            (number.end, bytes.len())
        } else {
            let length =
                bytes.get(number.end..number.end + 2)?.iter().fold(0, |value, &byte| value << 8 | usize::from(byte));
            (number.end + 2, number.end + 2 + length)
        };
        let is_whole = end <= bytes.len() && end >= ciphertext + SHORTEST_CIPHERTEXT;
        is_whole.then_some(UnifiedHeader { epoch_bits: flags & EPOCH_BITS, id, number, ciphertext, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        UnifiedHeader::write(0x1_0003, &[], 0x0123_4567, 20, &mut bytes);
        assert_eq!(bytes, [0x2f, 0x45, 0x67, 0, 20]);
        bytes.extend([0; 25]);
        let header =
            UnifiedHeader { epoch_bits: 3, id: 1..1, number: 1..3, ciphertext: UnifiedHeader::WRITTEN_LENGTH, end: 25 };
        assert_eq!(UnifiedHeader::parse(&bytes, 0), Some(header.clone()));
        // Who has given IDs away reads records without one as well: whose they are is for others to say.
        assert_eq!(UnifiedHeader::parse(&bytes, 8), Some(header));
    }

    #[test]
    fn a_connection_id_stands_behind_the_flags() {
        let mut bytes = Vec::new();
        UnifiedHeader::write(3, &[7, 8], 9, 16, &mut bytes);
        assert_eq!(bytes, [0x3f, 7, 8, 0, 9, 0, 16]);
        bytes.extend([0; 16]);
        let header = UnifiedHeader { epoch_bits: 3, id: 1..3, number: 3..5, ciphertext: 7, end: 23 };
        assert_eq!(UnifiedHeader::parse(&bytes, 2), Some(header));
        for length in 0..bytes.len() {
            assert_eq!(UnifiedHeader::parse(&bytes[..length], 2), None);
        }
        // Another length makes other lengths of the rest, or none.
        assert_eq!(UnifiedHeader::parse(&bytes, 32), None);
        assert_eq!(UnifiedHeader::parse(&bytes, 0), None);
    }

    #[test]
    fn short_numbers_and_no_length_are_read() {
        let record = |flags: u8| [&[flags][..], &[0; 20]].concat();
        let header = |number, ciphertext| UnifiedHeader { epoch_bits: 2, id: 1..1, number, ciphertext, end: 21 };
        assert_eq!(UnifiedHeader::parse(&record(0x22), 0), Some(header(1..2, 2)));
        assert_eq!(UnifiedHeader::parse(&record(0x2a), 0), Some(header(1..3, 3)));
    }

    #[test]
    fn headers_cut_short_and_records_too_short_to_sample_are_refused() {
        for flags in [0x22, 0x26, 0x2a, 0x2e] {
            for length in 0..18 {
                let mut bytes = vec![0; length];
                if let Some(first) = bytes.first_mut() {
                    *first = flags;
                }
                assert_eq!(UnifiedHeader::parse(&bytes, 0), None, "{flags:x}, {length} bytes");
            }
        }
        // A length of 15, one beyond the end, a connection ID, and other first bytes.
        for (flags, length) in [(0x2e, 15), (0x2e, 41), (0x3e, 20), (0x0e, 20), (0x4e, 20), (0x6e, 20)] {
            let bytes = [&[flags, 0, 0, 0, length][..], &[0; 40]].concat();
            assert_eq!(UnifiedHeader::parse(&bytes, 0), None, "{flags:x}, {length}");
        }
    }
}
