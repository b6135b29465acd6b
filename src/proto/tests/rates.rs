//! How often something may happen.

use super::network::{base_time, limits};
use crate::proto::rate::{Pace, Rate};
use std::time::Duration;

const PACE: Pace = Pace { burst: 3, interval: Duration::from_secs(1) };

#[test]
fn questions_about_addresses_have_the_pace_that_was_asked_for() {
    for (address_questions_per_second, millis) in [(0, 1000), (1, 1000), (2, 500), (1000, 1)] {
        let pace = crate::proto::Limits { address_questions_per_second, ..limits() }.address_question_pace();
        assert_eq!((pace.burst, pace.interval.as_millis()), (32, millis));
    }
}

#[test]
fn so_often_at_once_and_so_often_in_the_long_run() {
    let now = base_time() + Duration::from_secs(60);
    let mut rate = Rate::new(now);
    let taken = |rate: &mut Rate, at: Duration| (0..10).filter(|_| rate.take(now + at, PACE)).count();
    assert_eq!(taken(&mut rate, Duration::ZERO), 3);
    assert_eq!(rate.next(PACE), now + Duration::from_secs(1));
    assert_eq!(taken(&mut rate, Duration::from_millis(999)), 0);
    assert_eq!(taken(&mut rate, Duration::from_secs(1)), 1);
    assert_eq!(taken(&mut rate, Duration::from_secs(3)), 2);
    assert_eq!(taken(&mut rate, Duration::from_secs(3_600)), 3);
}
