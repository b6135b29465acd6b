//! ACK messages (RFC 9147 section 7): which of the peer's records have come.

use super::numbers::RecordNumber;
use crate::wire::{Reader, vector};
use std::time::Instant;

/// Records that are acknowledged at a time; the oldest gives way.
const NUMBERS_LIMIT: usize = 32;

/// Records of handshake messages that the peer may have to be told of.
#[derive(Default)]
pub(super) struct Acknowledgments {
    numbers: Vec<RecordNumber>,
    due: Option<Instant>,
}

impl Acknowledgments {
    pub(super) fn push(&mut self, number: RecordNumber) {
        if self.numbers.len() == NUMBERS_LIMIT {
            self.numbers.remove(0);
        }
        self.numbers.push(number);
    }

    /// Has the peer told at that time, or earlier if that was planned.
    pub(super) fn tell_at(&mut self, time: Instant) {
        self.due = Some(self.due.map_or(time, |due| due.min(time)));
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// Whether the peer is to be told now; it is asked for once.
    pub(super) fn take_due(&mut self, now: Instant) -> bool {
        self.due.take_if(|due| *due <= now).is_some()
    }

    /// What follows a message tells the peer that it has come.
    pub(super) fn clear(&mut self) {
        *self = Acknowledgments::default();
    }

    /// The content of an ACK message, in the order of the numbers. It may be empty: then nothing of what came could be read.
    pub(super) fn content(&self) -> Vec<u8> {
        let mut numbers = self.numbers.clone();
        numbers.sort_unstable();
        let mut content = Vec::with_capacity(2 + 16 * numbers.len());
        vector(&mut content, 2, |content| {
            for RecordNumber { epoch, number } in numbers {
                content.extend(epoch.to_be_bytes());
                content.extend(number.to_be_bytes());
            }
        });
        content
    }
}

/// The numbers in an ACK message of the peer; `None` for what is none.
pub(super) fn parse(content: &[u8]) -> Option<impl Iterator<Item = RecordNumber> + '_> {
    let mut reader = Reader(content);
    let list = reader.vector(2).filter(|list| list.len().is_multiple_of(16))?;
    reader.end()?;
    Some(list.chunks_exact(16).filter_map(|chunk| {
        let mut reader = Reader(chunk);
        Some(RecordNumber { epoch: reader.u64()?, number: reader.u64()? })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::dtls13::tests::base_time;
    use std::time::Duration;

    fn number(number: u64) -> RecordNumber {
        RecordNumber { epoch: 2, number }
    }

    #[test]
    fn numbers_are_told_in_their_order_and_the_newest_of_too_many() {
        let mut acknowledgments = Acknowledgments::default();
        acknowledgments.push(number(7));
        acknowledgments.push(number(3));
        let told: Vec<_> = parse(&acknowledgments.content()).unwrap().collect();
        assert_eq!(told, [number(3), number(7)]);
        (100..200).for_each(|sequence| acknowledgments.push(number(sequence)));
        let told: Vec<_> = parse(&acknowledgments.content()).unwrap().collect();
        assert_eq!((told.len(), told[0], told[NUMBERS_LIMIT - 1]), (NUMBERS_LIMIT, number(168), number(199)));
        acknowledgments.clear();
        assert_eq!(acknowledgments.content(), [0, 0]);
    }

    #[test]
    fn what_is_no_list_of_numbers_is_refused() {
        for content in [&[][..], &[0], &[0, 1, 7], &[0, 15], &[0, 0, 0], &[0xff, 0xff, 0, 0]] {
            assert!(parse(content).is_none(), "{content:?}");
        }
        assert_eq!(parse(&[0, 0]).unwrap().count(), 0);
    }

    #[test]
    fn the_earliest_time_counts_once() {
        let now = base_time();
        let mut acknowledgments = Acknowledgments::default();
        acknowledgments.tell_at(now + Duration::from_secs(1));
        acknowledgments.tell_at(now);
        acknowledgments.tell_at(now + Duration::from_secs(2));
        assert!(acknowledgments.take_due(now) && !acknowledgments.take_due(now + Duration::from_secs(3)));
    }
}
