//! Handshake messages on their way to the peer, until it has acknowledged them (RFC 9147 sections 5.8 and 7).

use super::numbers::{DATA_EPOCH, RecordNumber};
use crate::wire::handshake::{KEY_UPDATE, MESSAGE_LIMIT, NEW_SESSION_TICKET};
use crate::wire::{HANDSHAKE_HEADER_LENGTH, u24};
use std::time::{Duration, Instant};

/// Times that one fragment is sent and its record number remembered; the oldest gives way.
const NUMBERS_LIMIT: usize = 8;

/// How often what follows a handshake is repeated by a timer. A peer that never acknowledges it has no use for it.
const REPETITIONS_LIMIT: u32 = 8;

/// How long a flight waits for an acknowledgment.
#[derive(Debug)]
pub(crate) struct Pace {
    pub(crate) first_interval: Duration,
    /// Upper bound of the doubling interval.
    pub(crate) longest_interval: Duration,
    /// Payload bytes of a datagram.
    pub(crate) mtu: u16,
}

/// A part of a message, as it stands in a record.
pub(super) struct Fragment {
    pub(super) epoch: u64,
    pub(super) bytes: Vec<u8>,
    /// The records that it was sent in.
    sent: Vec<RecordNumber>,
    is_delivered: bool,
}

impl Fragment {
    pub(super) fn was_sent(&mut self, number: RecordNumber) {
        if self.sent.len() == NUMBERS_LIMIT {
            self.sent.remove(0);
        }
        self.sent.push(number);
    }
}

/// What is under way.
pub(super) struct Flight {
    fragments: Vec<Fragment>,
    due: Option<Instant>,
    interval: Duration,
    last_sent: Option<Instant>,
    repetitions: u32,
}

impl Flight {
    pub(super) fn new(pace: &Pace) -> Flight {
        Flight { fragments: Vec::new(), due: None, interval: pace.first_interval, last_sent: None, repetitions: 0 }
    }

    /// Adds a message, in fragments that fit into datagrams. `room`: bytes of a record's content, header of the fragment
    /// included.
    pub(super) fn push(&mut self, kind: u8, sequence: u16, epoch: u64, body: &[u8], room: usize) {
        debug_assert!(body.len() <= MESSAGE_LIMIT);
        let step = room.saturating_sub(HANDSHAKE_HEADER_LENGTH).max(1);
        let mut offset = 0;
        loop {
            let part = body.get(offset..body.len().min(offset + step)).unwrap_or_default();
            let mut bytes = Vec::with_capacity(HANDSHAKE_HEADER_LENGTH + part.len());
            bytes.push(kind);
            bytes.extend(u24(body.len()));
            bytes.extend(sequence.to_be_bytes());
            bytes.extend(u24(offset));
            bytes.extend(u24(part.len()));
            bytes.extend(part);
            self.fragments.push(Fragment { epoch, bytes, sent: Vec::new(), is_delivered: false });
            offset += part.len();
            if offset >= body.len() {
                return;
            }
        }
    }

    /// What the peer has not acknowledged.
    pub(super) fn missing(&mut self) -> impl Iterator<Item = &mut Fragment> {
        self.fragments.iter_mut().filter(|fragment| !fragment.is_delivered)
    }

    pub(super) fn is_under_way(&self) -> bool {
        !self.fragments.is_empty()
    }

    /// message_seq of the first message that is under way.
    pub(super) fn first_sequence(&self) -> Option<u16> {
        let [_, _, _, _, high, low, ..] = *self.fragments.first()?.bytes.first_chunk::<HANDSHAKE_HEADER_LENGTH>()?;
        Some(u16::from_be_bytes([high, low]))
    }

    /// Whether it is a KeyUpdate: the only message that can be made again, but for what it asks of the peer.
    pub(super) fn is_key_update(&self) -> bool {
        let kind = self.fragments.first().and_then(|first| first.bytes.first());
        kind == Some(&KEY_UPDATE)
    }

    /// Whether what is under way belongs to a handshake. Nothing that the peer repeats of its own asks for anything else.
    pub(super) fn is_of_handshake(&self) -> bool {
        self.fragments.first().is_some_and(|first| first.epoch < DATA_EPOCH)
    }

    /// Whether it was repeated as often as it may be.
    pub(super) fn is_given_up(&self) -> bool {
        self.due.is_none() && !self.fragments.is_empty()
    }

    /// Whether it was given up, and is of no use to the peer any more: a ticket.
    pub(super) fn is_in_vain(&self) -> bool {
        let is_ticket = |fragment: &Fragment| fragment.bytes.first() == Some(&NEW_SESSION_TICKET);
        self.is_given_up() && self.fragments.iter().all(is_ticket)
    }

    /// What was missing has been sent.
    pub(super) fn was_sent(&mut self, now: Instant) {
        self.last_sent = Some(now);
        self.due = Some(now + self.interval);
    }

    /// The peer has received this record; `epoch`: of the record that says so. Whether that is news.
    ///
    /// In a handshake, what is said in one epoch says nothing of later ones: in plaintext anybody can say it (RFC 9147 section 7).
    /// Afterwards the epochs of the two directions are unrelated.
    pub(super) fn acknowledge(&mut self, number: RecordNumber, epoch: u64) -> bool {
        if epoch < DATA_EPOCH && number.epoch > epoch {
            return false;
        }
        let mut is_news = false;
        for fragment in self.missing().filter(|fragment| fragment.sent.contains(&number)) {
            fragment.is_delivered = true;
            is_news = true;
        }
        is_news
    }

    /// Nothing has arrived, as far as anybody can tell.
    pub(super) fn take_back(&mut self) {
        self.fragments.iter_mut().for_each(|fragment| fragment.is_delivered = false);
    }

    /// Whether everything has arrived.
    pub(super) fn is_delivered(&self) -> bool {
        self.fragments.iter().all(|fragment| fragment.is_delivered)
    }

    /// Whether it may be repeated for a reason that the peer, or anybody, can give again and again.
    pub(super) fn has_rested(&self, now: Instant) -> bool {
        self.last_sent.is_none_or(|sent| now >= sent + self.interval / 4)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due
    }

    pub(super) fn postpone(&mut self, delay: Duration) {
        self.due = self.due.map(|due| due + delay);
    }

    /// Whether it is to be repeated now. `is_open`: whether the handshake is over.
    pub(super) fn is_due(&mut self, now: Instant, is_open: bool, pace: &Pace) -> bool {
        if self.due.is_none_or(|due| now < due) {
            return false;
        }
        if is_open && self.repetitions >= REPETITIONS_LIMIT {
            self.due = None;
            return false;
        }
        self.repetitions += 1;
        // RFC 9147 section 5.8.2.
        self.interval = (self.interval * 2).min(pace.longest_interval);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::dtls13::tests::base_time;

    const PACE: Pace =
        Pace { first_interval: Duration::from_secs(1), longest_interval: Duration::from_secs(3), mtu: 1200 };

    fn number(epoch: u64, number: u64) -> RecordNumber {
        RecordNumber { epoch, number }
    }

    /// A message in three fragments, which were sent as the records 0 to 2 of epoch 2.
    fn flight() -> Flight {
        let mut flight = Flight::new(&PACE);
        flight.push(8, 1, 2, b"abcdefg", HANDSHAKE_HEADER_LENGTH + 3);
        flight.missing().zip(0..).for_each(|(fragment, sequence)| fragment.was_sent(number(2, sequence)));
        flight
    }

    #[test]
    fn of_the_records_of_a_fragment_the_last_few_are_known() {
        let mut flight = flight();
        for sequence in 100..100 + NUMBERS_LIMIT as u64 + 1 {
            flight.missing().next().unwrap().was_sent(number(2, sequence));
        }
        for sequence in [0, 100] {
            assert!(!flight.acknowledge(number(2, sequence), 2), "{sequence}");
        }
        assert!(flight.acknowledge(number(2, 101), 2));
    }

    #[test]
    fn a_message_is_cut_into_fragments_that_fit() {
        let mut flight = flight();
        let fragments: Vec<_> = flight.missing().map(|fragment| fragment.bytes.clone()).collect();
        assert_eq!(fragments[0], b"\x08\0\0\x07\0\x01\0\0\0\0\0\x03abc");
        assert_eq!(fragments[2], b"\x08\0\0\x07\0\x01\0\0\x06\0\0\x01g");
        assert_eq!(fragments.len(), 3);
        flight.push(20, 2, 2, b"", 100);
        assert_eq!(flight.missing().count(), 4);
    }

    #[test]
    fn what_was_acknowledged_is_not_missing_any_more() {
        let mut flight = flight();
        assert!(flight.acknowledge(number(2, 1), 2));
        assert!(!flight.acknowledge(number(2, 1), 2));
        assert!(!flight.acknowledge(number(2, 9), 2));
        assert_eq!(flight.missing().count(), 2);
        // Sent again under new numbers: the old ones count as well.
        flight.missing().zip(3..).for_each(|(fragment, sequence)| fragment.was_sent(number(2, sequence)));
        assert!(flight.acknowledge(number(2, 0), 2) && flight.acknowledge(number(2, 4), 3));
        assert!(flight.is_delivered() && flight.is_under_way());
    }

    #[test]
    fn a_key_update_and_the_first_number_of_messages_under_way_are_known() {
        let mut update = Flight::new(&PACE);
        assert_eq!((update.first_sequence(), update.is_key_update()), (None, false));
        update.push(KEY_UPDATE, 0x0102, 3, &[0], 100);
        assert_eq!((update.first_sequence(), update.is_key_update()), (Some(0x0102), true));
        assert_eq!((flight().first_sequence(), flight().is_key_update()), (Some(1), false));
        // What follows it changes neither.
        update.push(NEW_SESSION_TICKET, 0x0103, 3, b"ticket", 100);
        assert_eq!((update.first_sequence(), update.is_key_update()), (Some(0x0102), true));
    }

    #[test]
    fn plaintext_says_nothing_of_protected_records() {
        let mut flight = flight();
        assert!(!flight.acknowledge(number(2, 0), 0));
        assert!(flight.acknowledge(number(2, 0), 3));
    }

    #[test]
    fn intervals_double_up_to_the_longest_and_what_follows_a_handshake_is_given_up() {
        let start: Instant = base_time();
        let mut flight = flight();
        flight.was_sent(start);
        let mut now = start;
        let mut intervals = Vec::new();
        for _ in 0..REPETITIONS_LIMIT {
            let due = flight.deadline().unwrap();
            intervals.push((due - now).as_secs());
            now = due;
            assert!(!flight.is_due(now - Duration::from_millis(1), true, &PACE));
            assert!(flight.is_due(now, true, &PACE));
            flight.was_sent(now);
        }
        assert_eq!(intervals[..4], [1, 2, 3, 3]);
        assert!(!flight.is_due(now + Duration::from_secs(10), true, &PACE));
        assert_eq!(flight.deadline(), None);
    }
}
