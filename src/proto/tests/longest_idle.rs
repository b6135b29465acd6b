//! Who gives way first: whoever has been silent longest.

use super::network::base_time;
use crate::proto::ConnectionHandle;
use crate::proto::longest_idle::{LongestIdle, NOTED};
use std::time::Duration;

#[test]
fn all_come_in_the_order_of_their_silence_however_many_are_noted_at_a_time() {
    let begin = base_time();
    for count in [1, NOTED - 1, NOTED, NOTED + 1, 3 * NOTED] {
        // One in the middle was heard first.
        let heard_at = |index: usize| begin + Duration::from_millis((index + count / 2) as u64 % count as u64);
        let mut all: Vec<_> = (0..count).map(|index| (heard_at(index), ConnectionHandle(index as u32))).collect();
        let mut idle = LongestIdle::default();
        let mut taken = Vec::new();
        while !all.is_empty() {
            let heard = |handle| all.iter().find(|(_, other)| *other == handle).map(|(at, _)| *at);
            let next = idle.next(heard, || all.clone()).unwrap();
            assert!(idle.len() < NOTED, "one of those that were noted is taken");
            taken.push(heard(next).unwrap());
            all.retain(|(_, handle)| *handle != next);
        }
        assert!(taken.is_sorted(), "{count}");
        assert_eq!(taken.len(), count);
        assert_eq!(idle.next(|_| None, Vec::new), None);
    }
}

#[test]
fn who_has_been_heard_since_it_was_noted_is_passed_over() {
    let begin = base_time();
    let [first, second] = [1, 2].map(ConnectionHandle);
    let later = begin + Duration::from_secs(1);
    let mut idle = LongestIdle::default();
    let all = || vec![(begin, first), (later, second)];
    assert_eq!(idle.next(|handle| Some(if handle == first { begin } else { later }), all), Some(first));
    assert_eq!(idle.next(|_| Some(later + later.duration_since(begin)), Vec::new), None);
    assert_eq!(idle.next(|_| Some(begin), || vec![(begin, first)]), Some(first));
}
