//! What is held for addresses that the application is asked about.

use super::network::{base_time, limits};
use crate::proto::limits::Limits;
use crate::proto::questions::{Question, QuestionId};
use crate::proto::unplaced::{Unplaced, UnplacedRecords};
use crate::wire::Records;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A record of application data that has so many bytes.
fn data(length: usize) -> Vec<u8> {
    let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
    let mut bytes = vec![23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 1, high, low];
    bytes.resize(13 + length, 7);
    bytes
}

fn address(number: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, number], 5684))
}

fn unplaced(now: Instant, number: u8, bytes: &[u8]) -> Unplaced {
    Unplaced::new(address(number).into(), &Records::new(bytes).next().unwrap(), now + Duration::from_secs(10))
}

fn question_about(unplaced: &Unplaced) -> Question {
    Question::Restore { claimed: unplaced.remote, id: None }
}

#[test]
fn what_does_not_fit_is_not_held() {
    let bytes = data(1000);
    let record = Records::new(&bytes).next().unwrap();
    let mut records = UnplacedRecords::default();
    records.insert(QuestionId(1), unplaced(base_time(), 1, &bytes), &limits());
    let held = (0..100).filter(|_| records.hold(address(1), &record)).count();
    assert_eq!((records.get(QuestionId(1)).unwrap().records.len(), held), (15, 14));
}

#[test]
fn nothing_is_asked_while_as_many_questions_are_open_as_there_may_be() {
    let (now, bytes) = (base_time(), data(10));
    let limits = Limits { address_questions: 2, ..limits() };
    let mut records = UnplacedRecords::default();
    for number in 1..=2 {
        records.insert(QuestionId(number.into()), unplaced(now, number, &bytes), &limits);
    }
    let third = unplaced(now, 3, &bytes);
    let question = question_about(&third);
    assert!(records.wait(third, question, &limits).is_none());
    assert!(records.next(now, &limits).is_none());
    assert!(records.remove(QuestionId(1)).is_some());
    assert_eq!(records.next(now, &limits).unwrap().0.remote, address(3));
    assert!(records.next(now, &limits).is_none());
}

#[test]
fn the_next_question_is_due_before_an_open_one_is_over() {
    let (now, bytes) = (base_time(), data(10));
    let limits = Limits { address_questions: 2, address_questions_per_second: 1, ..limits() };
    let mut records = UnplacedRecords::default();
    for number in 1..=3 {
        let unplaced = unplaced(now, number, &bytes);
        let question = question_about(&unplaced);
        assert!(records.wait(unplaced, question, &limits).is_none());
        if let Some((unplaced, _)) = records.next(now, &limits) {
            records.insert(QuestionId(number.into()), unplaced, &limits);
        }
    }
    assert_eq!(records.next_deadline(&limits), Some(now + Duration::from_secs(10)));
    assert!(records.remove(QuestionId(2)).is_some());
    let due = records.next_deadline(&limits).unwrap();
    assert!(due > now && due <= now + Duration::from_secs(1));
    assert!(records.next(now, &limits).is_none() && records.next(due, &limits).is_some());
}

#[test]
fn nothing_is_kept_of_what_has_waited_too_long_or_was_asked_for_too_long() {
    let (now, bytes) = (base_time(), data(10));
    let limits = Limits { address_questions: 2, ..limits() };
    let mut records = UnplacedRecords::default();
    records.insert(QuestionId(1), unplaced(now, 1, &bytes), &limits);
    for number in 2..=3 {
        let unplaced = unplaced(now, number, &bytes);
        let question = question_about(&unplaced);
        assert!(records.wait(unplaced, question, &limits).is_none());
    }
    let late = now + Duration::from_secs(10);
    assert!(records.next(late, &limits).is_none());
    assert_eq!(records.pop_expired(late), Some(QuestionId(1)));
    assert!((1..=3).all(|number| !records.is_asked_about(address(number))));
    assert_eq!(records.footprint(), 0);
}
