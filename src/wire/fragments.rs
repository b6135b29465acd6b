//! A ClientHello that comes in fragments (RFC 6347 section 4.2.3), which the engine takes in one piece only.

use super::handshake::HandshakeFragment;
use super::hello::HelloStart;
use super::lengths::{HANDSHAKE_HEADER_LENGTH, RECORD_HEADER_LENGTH};
use super::record::Record;

/// The fragments of one ClientHello that have come: memory for the whole message, and which of its bytes are there.
pub(crate) struct HelloFragments {
    /// One record that holds the message as if it had never been fragmented: the transcript is defined over that (RFC
    /// 6347 section 4.2.6). Its number, which our answer will bear (section 4.2.1), is that of the first fragment: the
    /// cookie vouches for no other.
    record: Vec<u8>,
    sequence: u16,
    /// One bit for each byte of the body: fragments may be as small, as many and as overlapping as a stranger likes.
    present: Vec<u8>,
    missing: usize,
}

impl HelloFragments {
    /// From the first fragment of a hello that has more of them.
    pub(crate) fn begin(record: &Record<'_>) -> Option<HelloFragments> {
        let first = HandshakeFragment::parse(record.fragment()).filter(HandshakeFragment::is_first)?;
        let message = HANDSHAKE_HEADER_LENGTH + first.length;
        let mut whole = Vec::with_capacity(RECORD_HEADER_LENGTH + message);
        whole.extend_from_slice(record.bytes.get(..RECORD_HEADER_LENGTH)?);
        whole.get_mut(11..13)?.copy_from_slice(&u16::try_from(message).ok()?.to_be_bytes());
        // Type, length and message_seq as they are; then the only fragment, at 0, as long as the message.
        let handshake_header = record.fragment().get(..HANDSHAKE_HEADER_LENGTH)?;
        let (before_fragment, _) = handshake_header.split_at_checked(6)?;
        whole.extend_from_slice(before_fragment);
        whole.extend_from_slice(&[0; 3]);
        whole.extend_from_slice(handshake_header.get(1..4)?);
        whole.resize(RECORD_HEADER_LENGTH + message, 0);
        let mut hello = HelloFragments {
            record: whole,
            sequence: first.sequence,
            present: vec![0; first.length.div_ceil(8)],
            missing: first.length,
        };
        hello.add(record).then_some(hello)
    }

    /// Takes what is new in a fragment of the same message; bytes that are there already stay as they came first.
    /// Answers whether the fragment belongs to this message.
    pub(crate) fn add(&mut self, record: &Record<'_>) -> bool {
        let Some(fragment) = HandshakeFragment::parse(record.fragment()) else { return false };
        let belongs = fragment.is_consistent()
            && record.fragment().first() == self.record.get(RECORD_HEADER_LENGTH)
            && fragment.length == self.length()
            && fragment.sequence == self.sequence;
        if !belongs {
            return false;
        }
        for (position, &byte) in (fragment.fragment_offset..).zip(fragment.body) {
            self.set(position, byte);
        }
        true
    }

    fn set(&mut self, position: usize, byte: u8) {
        let at = RECORD_HEADER_LENGTH + HANDSHAKE_HEADER_LENGTH + position;
        let bit = 1 << (position % 8);
        if let (Some(present), Some(place)) = (self.present.get_mut(position / 8), self.record.get_mut(at))
            && *present & bit == 0
        {
            *present |= bit;
            *place = byte;
            self.missing -= 1;
        }
    }

    fn length(&self) -> usize {
        self.record.len() - RECORD_HEADER_LENGTH - HANDSHAKE_HEADER_LENGTH
    }

    /// Whether this is a first fragment of the same hello.
    pub(crate) fn is_of(&self, start: &HelloStart<'_>) -> bool {
        self.random() == Some(start.random) && self.sequence == start.message_sequence && self.length() == start.length
    }

    /// The random of the hello, which tells it from others.
    pub(crate) fn random(&self) -> Option<&[u8; 32]> {
        self.record.get(RECORD_HEADER_LENGTH + HANDSHAKE_HEADER_LENGTH + 2..)?.first_chunk()
    }

    /// The record with the whole message, once nothing is missing any more.
    pub(crate) fn whole(&self) -> Option<&[u8]> {
        (self.missing == 0).then_some(&self.record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::record::Records;

    const LENGTH: usize = 200;

    fn body() -> Vec<u8> {
        (0..LENGTH).map(|value| value as u8).collect()
    }

    fn fragment_of(body: &[u8], length: usize, sequence: u8, number: u8, offset: usize) -> Vec<u8> {
        let u24 = |value: usize| (value as u32).to_be_bytes()[1..].to_vec();
        let mut bytes = vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, number];
        bytes.extend_from_slice(&((12 + body.len()) as u16).to_be_bytes());
        bytes.push(1);
        bytes.extend([u24(length), vec![0, sequence], u24(offset), u24(body.len())].concat());
        bytes.extend_from_slice(body);
        bytes
    }

    fn fragment(number: u8, range: std::ops::Range<usize>) -> Vec<u8> {
        fragment_of(&body()[range.clone()], LENGTH, 1, number, range.start)
    }

    fn add(hello: &mut HelloFragments, bytes: &[u8]) -> bool {
        hello.add(&Records::new(bytes).next().unwrap())
    }

    fn begin(bytes: &[u8]) -> Option<HelloFragments> {
        HelloFragments::begin(&Records::new(bytes).next().unwrap())
    }

    #[test]
    fn fragments_in_any_order_overlapping_and_repeated_become_one_record() {
        let mut hello = begin(&fragment(3, 0..80)).unwrap();
        for (number, range) in [(6, 150..200), (7, 150..200), (4, 70..120), (7, 0..80), (7, 90..90), (5, 100..160)] {
            assert_eq!(hello.whole(), None);
            assert!(add(&mut hello, &fragment(number, range)));
        }
        // Under the number of the first.
        assert_eq!(hello.whole().unwrap(), fragment(3, 0..200));
    }

    #[test]
    fn one_byte_after_the_other_is_enough() {
        let mut hello = begin(&fragment(0, 0..1)).unwrap();
        for position in (1..LENGTH).rev() {
            assert_eq!(hello.whole(), None);
            assert!(add(&mut hello, &fragment(0, position..position + 1)));
        }
        assert_eq!(hello.whole().unwrap(), fragment(0, 0..200));
    }

    #[test]
    fn a_first_fragment_is_known_by_random_number_and_length() {
        let first = |length, sequence, change: u8| {
            // Version, random, and an empty session id and cookie.
            let mut body = [&[254, 253][..], &[7; 32], &[0; 66]].concat();
            body[2] ^= change;
            fragment_of(&body, length, sequence, 0, 0)
        };
        let hello = begin(&first(LENGTH, 1, 0)).unwrap();
        let is_known = |bytes: &[u8]| hello.is_of(&HelloStart::parse(&Records::new(bytes).next().unwrap()).unwrap());
        assert!(is_known(&first(LENGTH, 1, 0)));
        for other in [first(LENGTH + 1, 1, 0), first(LENGTH, 2, 0), first(LENGTH, 1, 1)] {
            assert!(!is_known(&other));
        }
    }

    #[test]
    fn what_came_first_stays() {
        let mut hello = begin(&fragment(0, 0..100)).unwrap();
        assert!(add(&mut hello, &fragment_of(&[0xff; 150], LENGTH, 1, 1, 50)));
        let whole = hello.whole().unwrap();
        assert_eq!(whole[25..125], body()[..100]);
        assert_eq!(whole[125..], [0xff; 100]);
    }

    #[test]
    fn fragments_of_other_messages_and_of_impossible_lengths_are_refused() {
        let mut hello = begin(&fragment(0, 0..100)).unwrap();
        let rest = &body()[100..];
        for foreign in [
            fragment_of(rest, LENGTH + 1, 1, 0, 100),
            fragment_of(rest, LENGTH - 1, 1, 0, 100),
            fragment_of(rest, LENGTH, 2, 0, 100),
            fragment_of(rest, LENGTH, 1, 0, 101),
            fragment_of(rest, LENGTH, 1, 0, 0xff_ffff),
            {
                let mut other_type = fragment(0, 100..200);
                other_type[13] = 16;
                other_type
            },
            {
                let mut longer_than_it_is = fragment(0, 100..200);
                longer_than_it_is[13 + 11] = 101;
                longer_than_it_is
            },
        ] {
            assert!(!add(&mut hello, &foreign));
            assert_eq!(hello.whole(), None);
        }
        assert!(begin(&fragment(0, 1..100)).is_none());
        assert!(begin(&fragment_of(&[0; 10], 0xff_ffff, 1, 0, 0)).is_none());
        assert!(begin(&fragment_of(&[0; 10], 16_373, 1, 0, 0)).is_none());
        assert!(begin(&fragment_of(&[0; 10], 16_372, 1, 0, 0)).is_some());
    }
}
