//! Limits that are no option.

use super::network::base_time;
use crate::proto::limits::{QUIET, are_worth_a_release};
use std::time::Duration;

#[test]
fn memory_is_given_back_for_many_who_sleep_and_for_fewer_where_nothing_is_due_soon() {
    let now = base_time();
    let (soon, late) = (Some(now + QUIET), Some(now + QUIET + Duration::from_nanos(1)));
    for (sleepers, next, is_enough) in [
        (31, None, false),
        (32, None, true),
        (31, late, false),
        (32, late, true),
        (32, soon, false),
        (255, soon, false),
        (256, soon, true),
    ] {
        assert_eq!(are_worth_a_release(sleepers, now, next), is_enough, "{sleepers} {next:?}");
    }
}
