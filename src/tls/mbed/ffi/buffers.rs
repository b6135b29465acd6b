//! Record buffers, lent to the engine. A context has its two only while there is something in them: during a call, and
//! between two calls while a message waits in them. Where it waits for the application's answer, it is set aside. So a
//! thousand connections share a few.

use super::sys;
use std::cell::RefCell;
use std::ptr::null_mut;
use sys::types::raw_types::c_uchar;
use zeroize::Zeroizing;

/// Bytes in a buffer: a record of RECORD_LIMIT, and what comes with it (RFC 6347 section 4.1, RFC 9146 section 4).
const LENGTH: usize = 17 * 1024;

/// Buffers that a thread keeps for the next call, 17 KB each.
const SPARE_LIMIT: usize = 16;

thread_local! {
    static SPARE: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

fn take() -> Box<[u8]> {
    // A context may outlive the list when its thread ends.
    let spare = SPARE.try_with(|spare| spare.borrow_mut().pop()).ok().flatten();
    spare.unwrap_or_else(|| vec![0; LENGTH].into_boxed_slice())
}

fn give_back(buffer: Box<[u8]>) {
    let _ = SPARE.try_with(|spare| {
        let mut spare = spare.borrow_mut();
        if spare.len() < SPARE_LIMIT {
            spare.push(buffer);
        }
    });
}

/// `ssl_setup` takes its two buffers here. Null when the engine wants larger ones than there are.
#[unsafe(no_mangle)]
extern "C" fn mbedtls_lent_buffer_new(length: usize) -> *mut c_uchar {
    if length > LENGTH { null_mut() } else { into_raw(take()) }
}

/// `ssl_free` gives them back, wiped, if there are any.
///
/// # Safety
///
/// `buffer` is null, or from `mbedtls_lent_buffer_new` or `attach` and not used again.
#[unsafe(no_mangle)]
unsafe extern "C" fn mbedtls_lent_buffer_free(buffer: *mut c_uchar) {
    if !buffer.is_null() {
        // SAFETY: the caller's.
        give_back(unsafe { from_raw(buffer) });
    }
}

fn into_raw(buffer: Box<[u8]>) -> *mut c_uchar {
    Box::into_raw(buffer).cast()
}

/// # Safety
///
/// `buffer` is from `into_raw` and not used again.
unsafe fn from_raw(buffer: *mut c_uchar) -> Box<[u8]> {
    // SAFETY: the caller's; all buffers have this length.
    unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(buffer, LENGTH)) }
}

/// Gives a context its buffers, if it has none.
pub(super) fn attach(ssl: &mut sys::ssl_context) {
    if !ssl.in_buf.is_null() {
        return;
    }
    ssl.in_buf = into_raw(take());
    ssl.out_buf = into_raw(take());
    ssl.in_hdr = ssl.in_buf;
    ssl.out_hdr = ssl.out_buf;
    // SAFETY: the context is set up, and its buffers have just been put in place; the transform is null or its own.
    unsafe {
        sys::ssl_update_in_pointers(ssl);
        sys::ssl_update_out_pointers(ssl, ssl.transform_out);
    }
}

/// Takes the buffers back, if nothing in them will be looked at again. `received`: bytes that came into the first one.
///
/// What came is decrypted in place, so it is wiped. The other one holds what was sent, as it was sent.
pub(super) fn detach(ssl: &mut sys::ssl_context, received: usize) {
    if ssl.in_buf.is_null() || !is_done(ssl) {
        return;
    }
    let [mut input, output] = take_back(ssl);
    wipe(&mut input, received);
    give_back(output);
    give_back(input);
}

/// A message that waits in an input buffer, in the memory that it takes.
pub(super) struct Aside {
    bytes: Zeroizing<Vec<u8>>,
    /// Where the engine's pointers stood in the buffer.
    offsets: [usize; INPUT_POINTERS],
}

/// Takes the buffers back from a context in which a message waits, and keeps what is needed of it; `None` where there is
/// nothing to keep, or too much is under way. `received`: as in [`detach`].
pub(super) fn put_aside(ssl: &mut sys::ssl_context, received: usize) -> Option<Aside> {
    if ssl.in_buf.is_null() || ssl.out_left != 0 || !ssl.in_offt.is_null() {
        return None;
    }
    let start = ssl.in_buf.addr();
    let offsets = input_pointers(ssl).map(|pointer| pointer.addr().wrapping_sub(start));
    let message_end = ssl.in_msg.addr().wrapping_sub(start).checked_add(ssl.in_hslen.max(ssl.in_msglen))?;
    let length = received.max(ssl.in_left).max(message_end);
    if length > LENGTH || offsets.iter().any(|&offset| offset > LENGTH) {
        return None;
    }
    let [mut input, output] = take_back(ssl);
    let bytes = Zeroizing::new(input[..length].to_vec());
    wipe(&mut input, length);
    give_back(output);
    give_back(input);
    Some(Aside { bytes, offsets })
}

/// Gives a context buffers again, with the message that was set aside.
pub(super) fn take_up(ssl: &mut sys::ssl_context, aside: &Aside) {
    attach(ssl);
    let start = ssl.in_buf;
    // SAFETY: the buffer has LENGTH bytes and was lent just now; `put_aside` keeps no more than that.
    unsafe { start.copy_from_nonoverlapping(aside.bytes.as_ptr(), aside.bytes.len()) };
    for (pointer, offset) in input_pointers(ssl).into_iter().zip(aside.offsets) {
        // In the buffer, or right behind it: `put_aside` has looked.
        *pointer = start.wrapping_add(offset);
    }
}

/// The engine's pointers into its input buffer.
const INPUT_POINTERS: usize = 6;

fn input_pointers(ssl: &mut sys::ssl_context) -> [&mut *mut c_uchar; INPUT_POINTERS] {
    [&mut ssl.in_hdr, &mut ssl.in_ctr, &mut ssl.in_cid, &mut ssl.in_len, &mut ssl.in_iv, &mut ssl.in_msg]
}

/// Input and output of a context that has them, and nothing to write.
fn take_back(ssl: &mut sys::ssl_context) -> [Box<[u8]>; 2] {
    // SAFETY: both are from `attach` or `ssl_setup`; every pointer to them is forgotten below.
    let buffers = unsafe { [from_raw(ssl.in_buf), from_raw(ssl.out_buf)] };
    input_pointers(ssl).into_iter().for_each(|pointer| *pointer = null_mut());
    for pointer in [
        &mut ssl.in_buf,
        &mut ssl.out_buf,
        &mut ssl.out_hdr,
        &mut ssl.out_ctr,
        &mut ssl.out_cid,
        &mut ssl.out_len,
        &mut ssl.out_iv,
        &mut ssl.out_msg,
    ] {
        *pointer = null_mut();
    }
    buffers
}

fn wipe(input: &mut [u8], length: usize) {
    if let Some(record) = input.get_mut(..length) {
        // SAFETY: the bytes of this slice.
        unsafe { sys::platform_zeroize(record.as_mut_ptr().cast(), record.len()) };
    }
}

/// Whether the next read begins with a new record, and nothing waits to be written.
fn is_done(ssl: &sys::ssl_context) -> bool {
    ssl.out_left == 0
        && ssl.keep_current_message == 0
        && ssl.in_offt.is_null()
        // The datagram was this record, and no handshake message is left in it.
        && ssl.in_left == ssl.next_record_offset
        && (ssl.in_hslen == 0 || ssl.in_hslen >= ssl.in_msglen)
}

#[cfg(test)]
mod tests {
    use super::super::tests::psk_server;
    use super::*;

    type Change = fn(&mut sys::ssl_context);

    fn spare() -> usize {
        SPARE.with(|spare| spare.borrow().len())
    }

    #[test]
    fn spare_buffers_are_few_and_used_again() {
        let lent: Vec<_> = (0..SPARE_LIMIT + 5).map(|_| mbedtls_lent_buffer_new(LENGTH)).collect();
        assert!(lent.iter().all(|buffer| !buffer.is_null()));
        for buffer in lent {
            // SAFETY: from `mbedtls_lent_buffer_new`, once.
            unsafe { mbedtls_lent_buffer_free(buffer) };
        }
        assert_eq!(spare(), SPARE_LIMIT);
        let again = mbedtls_lent_buffer_new(1);
        assert_eq!(spare(), SPARE_LIMIT - 1);
        // SAFETY: as above; and null is allowed.
        unsafe {
            mbedtls_lent_buffer_free(again);
            mbedtls_lent_buffer_free(null_mut());
        }
        assert_eq!(spare(), SPARE_LIMIT);
    }

    #[test]
    fn nothing_is_left_of_what_came_in_a_buffer_that_is_given_back() {
        let came = [0xa5; 100];
        for waits in [false, true] {
            let mut ssl = psk_server();
            attach(&mut ssl.raw);
            // SAFETY: the buffer is longer.
            unsafe { ssl.raw.in_buf.copy_from_nonoverlapping(came.as_ptr(), came.len()) };
            let before = spare();
            if waits {
                assert_eq!(put_aside(&mut ssl.raw, came.len()).unwrap().bytes[..], came);
            } else {
                detach(&mut ssl.raw, came.len());
            }
            assert!(ssl.raw.in_buf.is_null());
            assert_eq!(spare(), before + 2, "both are there for the next");
            let holds = |buffer: &[u8]| buffer.windows(came.len()).any(|window| window == came);
            SPARE.with(|spare| assert!(!spare.borrow().iter().any(|buffer| holds(buffer)), "waits: {waits}"));
        }
    }

    #[test]
    fn buffers_stay_while_anything_in_them_will_be_looked_at_again() {
        let changes: [(bool, Change); 10] = [
            (true, |_| {}),
            (true, |ssl| (ssl.in_left, ssl.next_record_offset) = (9, 9)),
            (true, |ssl| (ssl.in_hslen, ssl.in_msglen) = (6, 6)),
            (true, |ssl| (ssl.in_hslen, ssl.in_msglen) = (0, 6)),
            (false, |ssl| ssl.out_left = 1),
            (false, |ssl| ssl.keep_current_message = 1),
            (false, |ssl| ssl.in_offt = ssl.in_buf),
            (false, |ssl| ssl.in_left = 1),
            (false, |ssl| ssl.next_record_offset = 1),
            (false, |ssl| (ssl.in_hslen, ssl.in_msglen) = (5, 6)),
        ];
        for (number, (is_done, change)) in changes.into_iter().enumerate() {
            let mut ssl = psk_server();
            attach(&mut ssl.raw);
            change(&mut ssl.raw);
            detach(&mut ssl.raw, 0);
            assert_eq!(ssl.raw.in_buf.is_null(), is_done, "change {number}");
        }
    }

    #[test]
    fn all_of_a_message_is_set_aside_and_nothing_beyond_the_buffer() {
        let mut offset = 0;
        // Bytes that came, bytes of the datagram, and those of the message with and without its header.
        let mut kept = |received: usize, in_left: usize, in_hslen: usize, in_msglen: usize| {
            let mut ssl = psk_server();
            attach(&mut ssl.raw);
            (ssl.raw.in_left, ssl.raw.in_hslen, ssl.raw.in_msglen) = (in_left, in_hslen, in_msglen);
            offset = ssl.raw.in_msg.addr() - ssl.raw.in_buf.addr();
            put_aside(&mut ssl.raw, received).map(|aside| aside.bytes.len())
        };
        assert_eq!(kept(500, 400, 30, 20), Some(500));
        assert_eq!(kept(400, 500, 30, 20), Some(500));
        let message = [kept(1, 2, 300, 20), kept(1, 2, 30, 200)];
        let long = kept(LENGTH, 0, 0, 0);
        assert_eq!((long, kept(LENGTH + 1, 0, 0, 0), kept(0, LENGTH + 1, 0, 0)), (Some(LENGTH), None, None));
        assert_eq!(kept(0, 0, usize::MAX, 0), None);
        assert_eq!(message, [Some(offset + 300), Some(offset + 200)]);
        // What is yet to be sent, or half read, cannot wait elsewhere.
        let changes: [Change; 2] = [|ssl| ssl.out_left = 1, |ssl| ssl.in_offt = ssl.in_buf];
        for change in changes {
            let mut ssl = psk_server();
            attach(&mut ssl.raw);
            change(&mut ssl.raw);
            assert!(put_aside(&mut ssl.raw, 10).is_none() && !ssl.raw.in_buf.is_null());
        }
    }

    #[test]
    fn a_context_with_buffers_keeps_those_that_it_has() {
        let mut ssl = psk_server();
        attach(&mut ssl.raw);
        let (input, output) = (ssl.raw.in_buf, ssl.raw.out_buf);
        attach(&mut ssl.raw);
        assert_eq!((ssl.raw.in_buf, ssl.raw.out_buf), (input, output));
        // Records are written where the engine looks for them, and nothing points anywhere once they are gone.
        let pointers = |raw: &sys::ssl_context| {
            [
                raw.in_hdr,
                raw.in_ctr,
                raw.in_len,
                raw.in_iv,
                raw.in_msg,
                raw.out_hdr,
                raw.out_ctr,
                raw.out_len,
                raw.out_iv,
            ]
        };
        assert!(pointers(&ssl.raw).iter().all(|pointer| !pointer.is_null()));
        detach(&mut ssl.raw, 0);
        assert!(pointers(&ssl.raw).iter().all(|pointer| pointer.is_null()));
        assert!(ssl.raw.out_msg.is_null() && ssl.raw.out_buf.is_null());
    }

    #[test]
    fn a_buffer_larger_than_there_are_is_refused() {
        assert!(mbedtls_lent_buffer_new(LENGTH + 1).is_null());
    }
}
