//! What is due of a check of an address, and what may be sent there meanwhile.

use crate::proto::doubts::{Doubts, Due, Path, Verdict};
use crate::proto::table::ConnectionHandle;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const CONNECTION: ConnectionHandle = ConnectionHandle(7);

fn addresses() -> [SocketAddr; 2] {
    [1, 2].map(|number| SocketAddr::from(([192, 0, 2, number], 5684)))
}

/// A check that begins at `now`, and asks here first.
fn checking(now: Instant, path: Path, round_trip: Option<Duration>) -> Doubts {
    let mut doubts = Doubts::default();
    doubts.begin(now, CONNECTION, addresses(), Some(path), round_trip);
    doubts
}

/// When something is due, in milliseconds from the beginning, and what.
fn course(doubts: &mut Doubts, begun: Instant) -> Vec<(u128, Due)> {
    let mut course = Vec::new();
    while let Some(now) = doubts.next_deadline() {
        assert_eq!(doubts.due(now - Duration::from_millis(1)), None);
        let (connection, due) = doubts.due(now).unwrap();
        assert_eq!(connection, CONNECTION);
        match due {
            Due::Challenge => drop(doubts.challenge(connection, [course.len() as u8; 8])),
            Due::AskClaimed => doubts.ask_claimed(now, connection),
            Due::Unanswered => drop(doubts.end(connection)),
        }
        course.push(((now - begun).as_millis(), due));
    }
    course
}

#[test]
fn three_challenges_are_sent_in_three_quarters_of_the_time_and_the_last_answer_has_a_quarter() {
    let now = Instant::now();
    let path = |start: u128, wait: u128, end: Due| {
        let challenges = (0..3).map(move |part| (start + part * wait / 4, Due::Challenge));
        challenges.chain([(start + wait, end)]).collect::<Vec<_>>()
    };
    for (round_trip, wait) in [(None, 1000), (Some(200), 1000), (Some(400), 1200), (Some(25_000), 60_000)] {
        let round_trip = round_trip.map(Duration::from_millis);
        let basic = course(&mut checking(now, Path::Claimed, round_trip), now);
        assert_eq!(basic, path(0, wait, Due::Unanswered), "{round_trip:?}");
        let enhanced = course(&mut checking(now, Path::Trusted, round_trip), now);
        let both = [path(0, wait, Due::AskClaimed), path(wait, wait, Due::Unanswered)].concat();
        assert_eq!(enhanced, both, "{round_trip:?}");
    }
}

#[test]
fn an_answer_means_something_on_the_path_that_was_asked_alone() {
    let now = Instant::now();
    let [trusted, claimed] = addresses();
    let cookie = [5; 8];
    for (path, from, has_left, verdict) in [
        (Path::Trusted, trusted, false, Verdict::Refused),
        (Path::Trusted, claimed, false, Verdict::Refused),
        (Path::Trusted, claimed, true, Verdict::AskClaimed),
        (Path::Claimed, claimed, false, Verdict::Confirmed),
        (Path::Claimed, trusted, false, Verdict::Nothing),
        (Path::Claimed, claimed, true, Verdict::Nothing),
    ] {
        let mut doubts = checking(now, path, None);
        assert_eq!(doubts.answered(CONNECTION, cookie, from, has_left), Verdict::Nothing, "before it was asked");
        doubts.challenge(CONNECTION, cookie);
        assert_eq!(doubts.answered(CONNECTION, cookie, from, has_left), verdict);
        assert_eq!(doubts.answered(CONNECTION, [6; 8], from, has_left), Verdict::Nothing);
        assert_eq!(doubts.answered(ConnectionHandle(8), cookie, from, has_left), Verdict::Nothing);
    }
}

#[test]
fn an_address_is_refused_for_ten_seconds_or_until_its_connection_is_gone() {
    let now = Instant::now();
    let [trusted, claimed] = addresses();
    let mut doubts = checking(now, Path::Trusted, None);
    doubts.end(CONNECTION);
    doubts.refuse(now, CONNECTION, claimed);
    let later = |milliseconds| now + Duration::from_millis(milliseconds);
    assert!(doubts.refuses(later(9_999), CONNECTION, claimed));
    assert!(!doubts.refuses(later(10_000), CONNECTION, claimed));
    assert!(!doubts.refuses(now, CONNECTION, trusted));
    assert!(!doubts.refuses(now, ConnectionHandle(8), claimed));
    doubts.forget(CONNECTION);
    assert!(!doubts.refuses(now, CONNECTION, claimed));
    assert_eq!(doubts.len(), 0);
}

#[test]
fn three_bytes_go_to_a_claimed_address_for_each_that_has_come_from_there() {
    let mut doubts = checking(Instant::now(), Path::Trusted, None);
    assert!(!doubts.allow(CONNECTION, 1));
    doubts.heard(CONNECTION, 10);
    doubts.heard(CONNECTION, 10);
    assert!(doubts.allow(CONNECTION, 59));
    assert!(!doubts.allow(CONNECTION, 2));
    assert!(doubts.allow(CONNECTION, 1));
    assert!(doubts.allow(ConnectionHandle(8), 1), "nobody doubts its address");
}

#[test]
fn the_trusted_address_gets_copies_of_the_first_thirty_two_datagrams() {
    let mut doubts = checking(Instant::now(), Path::Claimed, None);
    let copies = std::iter::from_fn(|| doubts.copy_to(CONNECTION)).take(100);
    assert_eq!(copies.collect::<Vec<_>>(), [addresses()[0]; 32]);
}

/// A peer that moves on in the middle of a check may still answer what it was asked before.
#[test]
fn the_last_eight_cookies_of_the_trusted_address_outlive_their_check() {
    let now = Instant::now();
    let mut doubts = checking(now, Path::Trusted, None);
    for number in 0..9 {
        doubts.begin(now, CONNECTION, addresses(), Some(Path::Trusted), None);
        doubts.challenge(CONNECTION, [number; 8]);
    }
    let good =
        (0..9).filter(|&number| doubts.answered(CONNECTION, [number; 8], addresses()[0], false) == Verdict::Refused);
    assert_eq!(good.collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8]);
    doubts.begin(now, CONNECTION, addresses(), Some(Path::Claimed), None);
    assert_eq!(doubts.answered(CONNECTION, [8; 8], addresses()[1], false), Verdict::Nothing);
}
