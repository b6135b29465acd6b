//! The peer's handshake messages, put together from their fragments and in their order (RFC 9147 section 5.2).

use super::numbers::PLAINTEXT_EPOCH;
use crate::wire::handshake::HandshakeFragment;
use std::cmp::Ordering;
use std::collections::VecDeque;

/// Messages ahead of the next one that are kept.
const AHEAD: usize = 8;

/// Bytes of all messages that are kept, as long as they say that they are.
const BYTES_LIMIT: usize = 32 * 1024;

/// A whole message.
pub(super) struct Message {
    pub(super) kind: u8,
    /// The epoch that it came in.
    pub(super) epoch: u64,
    pub(super) body: Vec<u8>,
}

/// What a fragment was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Of a message that has been read.
    Old,
    Kept,
    /// There is no room for it, or it contradicts one that is there.
    Dropped,
}

/// Messages that have not been read.
pub(super) struct Incoming {
    /// message_seq of the next message that is to be read; 2^16 behind the last.
    next: u32,
    pending: VecDeque<Option<Partial>>,
}

struct Partial {
    kind: u8,
    epoch: u64,
    body: Vec<u8>,
    /// One bit for each byte of the body.
    present: Vec<u8>,
    missing: usize,
}

impl Partial {
    fn new(epoch: u64, fragment: &HandshakeFragment<'_>) -> Partial {
        let length = fragment.length;
        Partial {
            kind: fragment.message_type,
            epoch,
            body: vec![0; length],
            present: vec![0; length.div_ceil(8)],
            missing: length,
        }
    }

    fn fits(&self, epoch: u64, fragment: &HandshakeFragment<'_>) -> bool {
        (self.kind, self.epoch, self.body.len()) == (fragment.message_type, epoch, fragment.length)
    }

    /// Bytes that are there already stay as they came first.
    fn add(&mut self, fragment: &HandshakeFragment<'_>) {
        for (position, &byte) in (fragment.fragment_offset..).zip(fragment.body) {
            let bit = 1 << (position % 8);
            if let (Some(present), Some(place)) = (self.present.get_mut(position / 8), self.body.get_mut(position))
                && *present & bit == 0
            {
                *present |= bit;
                *place = byte;
                self.missing -= 1;
            }
        }
    }
}

impl Incoming {
    /// `next`: message_seq of the first message.
    pub(super) fn new(next: u16) -> Incoming {
        Incoming { next: next.into(), pending: VecDeque::new() }
    }

    /// message_seq of the next message; `None` when a part of one is there, or there is no other number.
    pub(super) fn next_sequence(&self) -> Option<u16> {
        u16::try_from(self.next).ok().filter(|_| self.pending.iter().all(Option::is_none))
    }

    /// Gives the memory of messages back that have been read.
    pub(super) fn rest(&mut self) {
        self.pending.shrink_to_fit();
    }

    /// Takes a fragment in plaintext whose lengths agree. Only hellos come so (RFC 9147 section 6.1), each as the next message or again.
    /// What has another number is a stranger's, and must not take the place of a message that will be protected. `is_awaited`:
    /// whether there may be one more hello.
    pub(super) fn put_hello(&mut self, is_awaited: bool, fragment: &HandshakeFragment<'_>) -> Place {
        match u32::from(fragment.sequence).cmp(&self.next) {
            Ordering::Less => Place::Old,
            Ordering::Equal if is_awaited => self.put(PLAINTEXT_EPOCH, fragment),
            Ordering::Equal | Ordering::Greater => Place::Dropped,
        }
    }

    /// Takes a fragment whose lengths agree.
    pub(super) fn put(&mut self, epoch: u64, fragment: &HandshakeFragment<'_>) -> Place {
        let Some(ahead) = u32::from(fragment.sequence).checked_sub(self.next) else {
            return Place::Old;
        };
        let ahead = usize::try_from(ahead).unwrap_or(usize::MAX);
        if ahead >= AHEAD {
            return Place::Dropped;
        }
        while self.pending.len() <= ahead {
            self.pending.push_back(None);
        }
        let claimed: usize = self.pending.iter().flatten().map(|partial| partial.body.len()).sum();
        let Some(place) = self.pending.get_mut(ahead) else { return Place::Dropped };
        match place {
            Some(partial) if partial.fits(epoch, fragment) => partial.add(fragment),
            // What comes whole needs nothing of what came before it, which may be a stranger's.
            Some(partial) if partial.missing > 0 && fragment.is_whole() => {
                *partial = Partial::new(epoch, fragment);
                partial.add(fragment);
            }
            Some(_) => return Place::Dropped,
            None if claimed + fragment.length > BYTES_LIMIT => return Place::Dropped,
            None => place.insert(Partial::new(epoch, fragment)).add(fragment),
        }
        Place::Kept
    }

    /// Whether the next so many messages are whole.
    pub(super) fn has_whole(&self, count: usize) -> bool {
        let is_whole = |partial: &Option<Partial>| partial.as_ref().is_some_and(|partial| partial.missing == 0);
        self.pending.iter().take(count).filter(|partial| is_whole(partial)).count() == count
    }

    /// The next message, if it is whole.
    pub(super) fn next(&mut self) -> Option<Message> {
        let Partial { kind, epoch, body, .. } = self.pending.front_mut()?.take_if(|partial| partial.missing == 0)?;
        self.pending.pop_front();
        self.next += 1;
        Some(Message { kind, epoch, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::u24;

    fn fragment(kind: u8, sequence: u16, length: usize, offset: usize, body: &[u8]) -> Vec<u8> {
        let [high, middle, low] = u24(length);
        let mut bytes = vec![kind, high, middle, low];
        bytes.extend(sequence.to_be_bytes());
        bytes.extend(u24(offset));
        bytes.extend(u24(body.len()));
        bytes.extend(body);
        bytes
    }

    fn put(incoming: &mut Incoming, epoch: u64, bytes: &[u8]) -> Place {
        incoming.put(epoch, &HandshakeFragment::split(bytes).unwrap().0)
    }

    fn read(incoming: &mut Incoming) -> Option<(u8, u64, Vec<u8>)> {
        incoming.next().map(|message| (message.kind, message.epoch, message.body))
    }

    #[test]
    fn messages_are_read_in_their_order_whatever_the_order_of_their_fragments() {
        let mut incoming = Incoming::new(1);
        assert_eq!(put(&mut incoming, 2, &fragment(20, 2, 3, 0, b"fin")), Place::Kept);
        assert_eq!(put(&mut incoming, 2, &fragment(8, 1, 6, 3, b"def")), Place::Kept);
        assert_eq!(read(&mut incoming), None);
        // They overlap: what came first stays.
        assert_eq!(put(&mut incoming, 2, &fragment(8, 1, 6, 0, b"abcX")), Place::Kept);
        assert_eq!(read(&mut incoming), Some((8, 2, b"abcdef".to_vec())));
        assert_eq!(read(&mut incoming), Some((20, 2, b"fin".to_vec())));
        assert_eq!(put(&mut incoming, 2, &fragment(8, 1, 6, 0, b"abc")), Place::Old);
        assert!(incoming.pending.is_empty());
    }

    #[test]
    fn messages_that_have_been_read_take_no_memory_at_rest() {
        let mut incoming = Incoming::new(0);
        for sequence in [2, 1, 0] {
            assert_eq!(put(&mut incoming, 2, &fragment(8, sequence, 1, 0, b"x")), Place::Kept);
        }
        while read(&mut incoming).is_some() {}
        assert_eq!(incoming.next_sequence(), Some(3));
        incoming.rest();
        assert_eq!(incoming.pending.capacity(), 0);
    }

    #[test]
    fn an_empty_message_is_a_message() {
        let mut incoming = Incoming::new(0);
        assert_eq!(put(&mut incoming, 3, &fragment(4, 0, 0, 0, b"")), Place::Kept);
        assert_eq!(read(&mut incoming), Some((4, 3, Vec::new())));
    }

    #[test]
    fn what_contradicts_is_dropped_and_what_comes_whole_prevails() {
        let mut incoming = Incoming::new(0);
        assert_eq!(put(&mut incoming, 0, &fragment(2, 0, 4, 0, b"ab")), Place::Kept);
        for other in [fragment(1, 0, 4, 2, b"cd"), fragment(2, 0, 5, 2, b"cd")] {
            assert_eq!(put(&mut incoming, 0, &other), Place::Dropped);
        }
        // The same in another epoch.
        assert_eq!(put(&mut incoming, 2, &fragment(2, 0, 4, 2, b"cd")), Place::Dropped);
        assert_eq!(put(&mut incoming, 0, &fragment(2, 0, 3, 0, b"xyz")), Place::Kept);
        assert_eq!(put(&mut incoming, 0, &fragment(2, 0, 4, 0, b"late")), Place::Dropped);
        assert_eq!(read(&mut incoming), Some((2, 0, b"xyz".to_vec())));
    }

    #[test]
    fn what_is_far_ahead_or_too_long_is_not_kept() {
        let mut incoming = Incoming::new(3);
        assert_eq!(put(&mut incoming, 2, &fragment(8, 3 + AHEAD as u16, 1, 0, b"x")), Place::Dropped);
        let long = 16_000;
        for sequence in [3, 4] {
            assert_eq!(put(&mut incoming, 2, &fragment(8, sequence, long, 0, b"x")), Place::Kept);
        }
        assert_eq!(put(&mut incoming, 2, &fragment(8, 5, long, 0, b"x")), Place::Dropped);
        assert_eq!(put(&mut incoming, 2, &fragment(8, 5, 10, 0, b"x")), Place::Kept);
    }

    #[test]
    fn the_numbers_of_messages_end() {
        let mut incoming = Incoming::new(u16::MAX);
        put(&mut incoming, 3, &fragment(4, u16::MAX, 1, 0, b"x"));
        assert_eq!(read(&mut incoming), Some((4, 3, b"x".to_vec())));
        for sequence in [0, 1, u16::MAX] {
            assert_eq!(put(&mut incoming, 3, &fragment(4, sequence, 1, 0, b"x")), Place::Old);
        }
        assert_eq!((read(&mut incoming), incoming.next_sequence()), (None, None));
    }

    #[test]
    fn a_hello_is_the_next_message_or_none() {
        let mut incoming = Incoming::new(1);
        let mut put_hello = |is_awaited, sequence| {
            let bytes = fragment(2, sequence, 3, 0, b"abc");
            incoming.put_hello(is_awaited, &HandshakeFragment::split(&bytes).unwrap().0)
        };
        assert_eq!([0, 1, 2].map(|sequence| put_hello(false, sequence)), [Place::Old, Place::Dropped, Place::Dropped]);
        assert_eq!([0, 1, 2].map(|sequence| put_hello(true, sequence)), [Place::Old, Place::Kept, Place::Dropped]);
        assert_eq!(read(&mut incoming), Some((2, 0, b"abc".to_vec())));
    }
}
