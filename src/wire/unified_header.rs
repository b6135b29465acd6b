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
    /// Of the record number's last byte, or last two.
    pub(crate) number: Range<usize>,
    /// Where the ciphertext begins, and the header ends.
    pub(crate) ciphertext: usize,
    /// Where the record ends.
    pub(crate) end: usize,
}

impl UnifiedHeader {
    /// The first bytes of a record of ours: a number of two bytes, and the length of the ciphertext.
    pub(crate) const WRITTEN_LENGTH: usize = 5;

    pub(crate) fn write(epoch: u64, number: u64, ciphertext: usize, out: &mut Vec<u8>) {
        let [.., epoch] = epoch.to_be_bytes();
        let [.., number_high, number_low] = number.to_be_bytes();
        let [.., length_high, length_low] = ciphertext.to_be_bytes();
        let flags = MARK | HAS_LONG_NUMBER | HAS_LENGTH | epoch & EPOCH_BITS;
        out.extend([flags, number_high, number_low, length_high, length_low]);
    }

    /// Whether the first byte is one that only such headers have.
    pub(super) fn begins(bytes: &[u8]) -> bool {
        bytes.first().is_some_and(|first| first & MARK_BITS == MARK)
    }

    /// `None` for what is no whole record, and for one with a connection ID: we have given none to anybody.
    pub(crate) fn parse(bytes: &[u8]) -> Option<UnifiedHeader> {
        let flags = *bytes.first().filter(|flags| **flags & (MARK_BITS | HAS_CID) == MARK)?;
        let number = 1..if flags & HAS_LONG_NUMBER == 0 { 2 } else { 3 };
        let (ciphertext, end) = if flags & HAS_LENGTH == 0 {
            // The record takes the rest of the datagram.
            (number.end, bytes.len())
        } else {
            let length =
                bytes.get(number.end..number.end + 2)?.iter().fold(0, |value, &byte| value << 8 | usize::from(byte));
            (number.end + 2, number.end + 2 + length)
        };
        let is_whole = end <= bytes.len() && end >= ciphertext + SHORTEST_CIPHERTEXT;
        is_whole.then_some(UnifiedHeader { epoch_bits: flags & EPOCH_BITS, number, ciphertext, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        UnifiedHeader::write(0x1_0003, 0x0123_4567, 20, &mut bytes);
        assert_eq!(bytes, [0x2f, 0x45, 0x67, 0, 20]);
        bytes.extend([0; 25]);
        let header = UnifiedHeader { epoch_bits: 3, number: 1..3, ciphertext: UnifiedHeader::WRITTEN_LENGTH, end: 25 };
        assert_eq!(UnifiedHeader::parse(&bytes), Some(header));
    }

    #[test]
    fn short_numbers_and_no_length_are_read() {
        let record = |flags: u8| [&[flags][..], &[0; 20]].concat();
        let header = |number, ciphertext| UnifiedHeader { epoch_bits: 2, number, ciphertext, end: 21 };
        assert_eq!(UnifiedHeader::parse(&record(0x22)), Some(header(1..2, 2)));
        assert_eq!(UnifiedHeader::parse(&record(0x2a)), Some(header(1..3, 3)));
    }

    #[test]
    fn headers_cut_short_and_records_too_short_to_sample_are_refused() {
        for flags in [0x22, 0x26, 0x2a, 0x2e] {
            for length in 0..18 {
                let mut bytes = vec![0; length];
                if let Some(first) = bytes.first_mut() {
                    *first = flags;
                }
                assert_eq!(UnifiedHeader::parse(&bytes), None, "{flags:x}, {length} bytes");
            }
        }
        // A length of 15, one beyond the end, a connection ID, and other first bytes.
        for (flags, length) in [(0x2e, 15), (0x2e, 41), (0x3e, 20), (0x0e, 20), (0x4e, 20), (0x6e, 20)] {
            let bytes = [&[flags, 0, 0, 0, length][..], &[0; 40]].concat();
            assert_eq!(UnifiedHeader::parse(&bytes), None, "{flags:x}, {length}");
        }
    }
}
