//! What a server keeps of sessions by their ids.

use super::network::base_time;
use crate::proto::sessions::{SessionSettings, SessionStore, Sessions};
use crate::tls::{SessionId, WallClock};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn id(number: u8) -> SessionId {
    SessionId::new(&[number; 32]).unwrap()
}

fn keep(store: &mut SessionStore, now: Instant, number: u8) {
    store.keep(now, now + Duration::from_secs(10), id(number), &[number]);
}

fn has(store: &SessionStore, number: u8) -> bool {
    store.find(id(number).as_bytes()) == Some(&[number][..])
}

#[test]
fn the_oldest_session_goes_where_there_is_no_more_room() {
    let now = base_time();
    let mut store = SessionStore::new(3);
    (1..=5).for_each(|number| keep(&mut store, now, number));
    assert_eq!((1..=5).map(|number| has(&store, number)).collect::<Vec<_>>(), [false, false, true, true, true]);
    assert_eq!(store.lengths(), (3, 3));
}

#[test]
fn sessions_that_are_over_take_no_room() {
    let now = base_time();
    let mut store = SessionStore::new(3);
    keep(&mut store, now, 1);
    keep(&mut store, now + Duration::from_secs(10), 2);
    assert_eq!((has(&store, 1), has(&store, 2), store.lengths().1), (false, true, 1));
}

#[test]
fn what_is_forgotten_is_not_found_and_its_place_is_bounded() {
    let now = base_time();
    let mut store = SessionStore::new(3);
    for number in 0..200 {
        keep(&mut store, now, number);
        store.forget(&id(number));
        assert!(!has(&store, number));
        assert!(store.lengths().1 <= 3);
    }
    assert!(store.find(&[7; 33]).is_none());
}

#[test]
fn a_store_without_room_keeps_nothing() {
    let mut store = SessionStore::new(0);
    keep(&mut store, base_time(), 1);
    assert_eq!(store.lengths(), (0, 0));
}

#[test]
fn a_session_that_is_kept_again_has_the_life_of_the_new_one() {
    let now = base_time();
    let mut store = SessionStore::new(2);
    [1, 1, 2].into_iter().for_each(|number| keep(&mut store, now, number));
    assert_eq!((has(&store, 1), has(&store, 2), store.lengths()), (true, true, (2, 2)));
}

#[test]
fn ids_that_begin_alike_are_told_apart() {
    let now = base_time();
    let mut store = SessionStore::new(3);
    keep(&mut store, now, 1);
    let mut other = [1; 32];
    other[31] = 2;
    assert_eq!(store.find(&other), None);
    store.forget(&SessionId::new(&other).unwrap());
    assert!(has(&store, 1));
    // Of two, the later one is kept.
    store.keep(now, now + Duration::from_secs(10), SessionId::new(&other).unwrap(), &[2]);
    assert_eq!((has(&store, 1), store.find(&other)), (false, Some(&[2][..])));
    [3, 4].into_iter().for_each(|number| keep(&mut store, now, number));
    assert_eq!(store.find(&other), Some(&[2][..]));
    assert_eq!(store.lengths(), (3, 3));
}

#[test]
fn tickets_are_sealed_with_keys_that_are_no_older_than_a_session_may_be() {
    let (now, lifetime) = (base_time(), Duration::from_secs(300));
    let settings = SessionSettings {
        lifetime,
        remembers_psk: true,
        ticket_keys: None,
        issues_tickets: true,
        kept: Some(1),
        clock: WallClock::new(now, Duration::from_secs(1_800_000_000)),
    };
    let mut sessions = Sessions::new(now, settings).unwrap();
    let mut keys = |now| sessions.policy(now).tickets.unwrap();
    let first = keys(now);
    assert!(Arc::ptr_eq(&first, &keys(now + lifetime - Duration::from_millis(1))));
    let second = keys(now + lifetime);
    assert!(!Arc::ptr_eq(&first, &second));
    assert!(Arc::ptr_eq(&second, &keys(now + lifetime)));
}
