//! Secrets that go in the order in which they came.

use crate::proto::secret_queue::SecretQueue;

const CHUNK: usize = 8192;

#[test]
fn secrets_are_found_where_they_were_put_until_they_go() {
    let mut queue = SecretQueue::default();
    let secret = |number: usize| vec![number as u8; 50 + number % 100];
    let mut places = std::collections::VecDeque::new();
    for number in 0..2000 {
        places.push_back((number, queue.push(&secret(number))));
        if places.len() > 300 {
            let (oldest, place) = places.pop_front().unwrap();
            assert_eq!(queue.get(place), Some(&secret(oldest)[..]));
            queue.pop(place);
            assert!(queue.get(place).is_none_or(|left| left.iter().all(|&byte| byte == 0)));
        }
        assert!(places.iter().all(|&(number, place)| queue.get(place) == Some(&secret(number)[..])));
    }
    // 300 of 100 bytes on average, and what the first and the last chunk have beside them.
    assert!(queue.bytes() <= 300 * 100 + 3 * CHUNK, "{} bytes", queue.bytes());
}

#[test]
fn what_is_wiped_is_zeros_and_leaves_the_others_alone() {
    let mut queue = SecretQueue::default();
    let places = [queue.push(b"first"), queue.push(b"second"), queue.push(b"third")];
    queue.wipe(places[1]);
    let all = places.map(|place| queue.get(place).unwrap());
    assert_eq!(all, [&b"first"[..], &[0; 6], b"third"]);
}

#[test]
fn a_secret_of_more_than_a_chunk_has_one_of_its_own() {
    let mut queue = SecretQueue::default();
    let (small, large) = (vec![1; 10], vec![2; CHUNK + 1]);
    let places = [&small, &large, &small].map(|secret| queue.push(secret));
    assert_eq!(places.map(|place| queue.get(place).unwrap().to_vec()), [small.clone(), large, small]);
    assert_eq!(queue.bytes(), CHUNK + CHUNK + 1 + CHUNK);
}

#[test]
fn a_chunk_is_filled_to_its_last_byte() {
    let mut queue = SecretQueue::default();
    for _ in 0..2 {
        queue.push(&[1; CHUNK / 2]);
    }
    assert_eq!(queue.bytes(), CHUNK);
    queue.push(&[1]);
    assert_eq!(queue.bytes(), 2 * CHUNK);
}
