//! The timer, the record on offer and the datagrams that were written.

use super::*;
use crate::tls::mbed::ffi::tests::base_time;

const LONGEST: Duration = Duration::from_secs(60);

fn bio() -> Bio {
    Bio::new(base_time(), LONGEST)
}

fn at(bio: &mut Bio, now: Instant) -> c_int {
    bio.now = now;
    // SAFETY: the callbacks take a `Bio`, to which there is no other reference.
    unsafe { get_timer((&raw mut *bio).cast()) }
}

fn set(bio: &mut Bio, intermediate: u32, last: u32) {
    // SAFETY: as above.
    unsafe { set_timer((&raw mut *bio).cast(), intermediate, last) };
}

#[test]
fn the_timer_says_which_of_its_two_delays_have_passed() {
    let mut bio = bio();
    let start = bio.now;
    let millis = Duration::from_millis;
    assert_eq!((at(&mut bio, start), bio.deadline()), (-1, None));
    bio.now = start;
    set(&mut bio, 250, 1000);
    assert_eq!(bio.deadline(), Some(start + millis(1000)));
    for (time, says) in [(0, 0), (249, 0), (250, 1), (999, 1), (1000, 2), (5000, 2)] {
        assert_eq!(at(&mut bio, start + millis(time)), says, "{time} ms");
    }
    // It stood still for a while.
    bio.postpone(millis(100));
    for (time, says) in [(349, 0), (350, 1), (1099, 1), (1100, 2)] {
        assert_eq!(at(&mut bio, start + millis(time)), says, "{time} ms");
    }
    bio.now = start;
    set(&mut bio, 250, 0);
    assert_eq!((at(&mut bio, start + millis(5000)), bio.deadline()), (-1, None));
    bio.postpone(millis(100));
    assert_eq!(bio.deadline(), None);
    // No delay is longer than the longest.
    bio.now = start;
    set(&mut bio, u32::MAX, u32::MAX);
    assert_eq!((bio.deadline(), at(&mut bio, start + LONGEST)), (Some(start + LONGEST), 2));
}

fn received(bio: &mut Bio, record: Option<&[u8]>, room: &mut [u8]) -> c_int {
    bio.incoming = record.map(NonNull::from);
    // SAFETY: as above; the room has as many bytes as are said.
    unsafe { receive((&raw mut *bio).cast(), room.as_mut_ptr(), room.len()) }
}

#[test]
fn a_record_is_read_once_and_whole_or_not_at_all() {
    let mut bio = bio();
    let mut room = [0; 8];
    assert_eq!(received(&mut bio, None, &mut room), sys::ERR_SSL_WANT_READ);
    assert_eq!(received(&mut bio, Some(b""), &mut room), sys::ERR_SSL_WANT_READ);
    assert_eq!(received(&mut bio, Some(b"ninebytes"), &mut room), sys::ERR_SSL_WANT_READ);
    assert_eq!((room, bio.received, bio.incoming), ([0; 8], 0, None));
    assert_eq!(received(&mut bio, Some(b"12345678"), &mut room), 8);
    assert_eq!((&room, bio.received, bio.incoming), (b"12345678", 8, None));
    // The longest of them counts.
    assert_eq!((received(&mut bio, Some(b"abc"), &mut room), bio.received), (3, 8));
    assert_eq!(&room, b"abc45678");
}

#[test]
fn datagrams_are_written_one_behind_the_other_and_the_last_can_be_taken_back() {
    let mut bio = bio();
    for datagram in [&b"one"[..], b"two!", b"three"] {
        // SAFETY: as above; the datagram is readable for its length.
        let sent = unsafe { send((&raw mut bio).cast(), datagram.as_ptr(), datagram.len()) };
        assert_eq!(usize::try_from(sent), Ok(datagram.len()));
    }
    assert_eq!((bio.written.bytes.as_slice(), bio.written.ends.as_slice()), (&b"onetwo!three"[..], &[3, 7, 12][..]));
    bio.written.truncate(2);
    assert_eq!((bio.written.bytes.as_slice(), bio.written.ends.as_slice()), (&b"onetwo!"[..], &[3, 7][..]));
    bio.written.truncate(0);
    assert!(bio.written.bytes.is_empty() && bio.written.ends.is_empty());
}
