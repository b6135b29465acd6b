//! Records that wait for a handshake to go on, in the order in which they came.

use crate::proto::limits::FLIGHT_BYTES_LIMIT;
use crate::wire::{OwnedRecord, Record};
use std::collections::VecDeque;

/// Bounded by their memory. Most connections hold none, and take a pointer for that.
#[derive(Default)]
pub(super) struct HeldRecords(Option<Box<Queue>>);

#[derive(Default)]
struct Queue(VecDeque<OwnedRecord>);

impl HeldRecords {
    /// Keeps the first that fit: they are the flight that the handshake needs; what follows are its repetitions.
    pub(super) fn hold(&mut self, record: &Record<'_>) -> bool {
        let held = self.iter().map(|held| held.borrow().weight()).sum::<usize>();
        let fits = held + record.weight() <= FLIGHT_BYTES_LIMIT;
        if fits {
            self.queue().push_back(record.keep());
        }
        fits
    }

    /// The next record that was held.
    pub(super) fn release(&mut self) -> Option<OwnedRecord> {
        let Queue(records) = &mut **self.0.as_mut()?;
        let record = records.pop_front();
        if records.is_empty() {
            self.0 = None;
        }
        record
    }

    pub(super) fn take(&mut self) -> Vec<OwnedRecord> {
        self.0.take().map_or_else(Vec::new, |queue| queue.0.into())
    }

    /// Puts back records that are older than all that are held.
    pub(super) fn put_first(&mut self, records: impl DoubleEndedIterator<Item = OwnedRecord>) {
        for record in records.rev() {
            self.queue().push_front(record);
        }
    }

    fn iter(&self) -> impl Iterator<Item = &OwnedRecord> {
        self.0.iter().flat_map(|queue| &queue.0)
    }

    fn queue(&mut self) -> &mut VecDeque<OwnedRecord> {
        &mut self.0.get_or_insert_default().0
    }

    #[cfg(test)]
    fn capacity(&self) -> usize {
        self.0.as_ref().map_or(0, |queue| queue.0.capacity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Records;

    #[test]
    fn a_flight_with_two_messages_of_the_longest_kind_is_held_whole_and_no_more() {
        // Fragments that fill datagrams of 1200 bytes.
        let mut bytes = vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 4, 163];
        bytes.resize(1200, 0);
        let record = Records::new(&bytes).next().unwrap();
        let mut held = HeldRecords::default();
        let fitting = (0..100).take_while(|_| held.hold(&record)).count();
        let longest_message = 16_384_usize.div_ceil(1200 - 13 - 12);
        assert!((2 * longest_message + 1..40).contains(&fitting), "{fitting}");
        assert_eq!(held.take().len(), fitting);
    }

    /// Whoever has a handshake can have any records held, as short as there are.
    #[test]
    fn short_records_take_no_more_memory_than_long_ones() {
        let bytes = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let record = Records::new(&bytes).next().unwrap();
        let mut held = HeldRecords::default();
        let fitting = (0..10_000).take_while(|_| held.hold(&record)).count();
        let memory = fitting * bytes.len() + held.capacity() * size_of::<OwnedRecord>();
        assert!(memory <= 2 * FLIGHT_BYTES_LIMIT, "{memory}");
    }

    #[test]
    fn when_all_have_been_released_they_take_no_memory() {
        let bytes = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let record = Records::new(&bytes).next().unwrap();
        let mut held = HeldRecords::default();
        assert!(held.hold(&record) && held.hold(&record));
        assert!(held.release().is_some() && held.capacity() > 0);
        assert!(held.release().is_some() && held.capacity() == 0);
    }

    #[test]
    fn records_that_are_put_back_come_before_those_that_are_held_and_in_their_order() {
        let record = |number: u8| {
            let bytes = [23, 254, 253, 0, 1, 0, 0, 0, 0, 0, number, 0, 1, number];
            Records::new(&bytes).next().unwrap().keep()
        };
        let mut held = HeldRecords::default();
        assert!(held.hold(&record(3).borrow()));
        held.put_first([1, 2].map(record).into_iter());
        let numbers: Vec<_> = std::iter::from_fn(|| held.release()).map(|record| record.bytes[10]).collect();
        assert_eq!(numbers, [1, 2, 3]);
    }
}
