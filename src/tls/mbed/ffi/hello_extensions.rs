//! Extensions behind those that the engine writes into our hello.

use super::sys;
use std::sync::Arc;
use sys::types::raw_types::c_uchar;

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

const HEADER_LENGTH: usize = 12;

/// Bytes of a hello before its session id: handshake header, version, random.
const BEFORE_SESSION_ID: usize = HEADER_LENGTH + 2 + 32;

pub(super) type UpdateChecksum = unsafe extern "C" fn(*mut sys::ssl_context, *const c_uchar, usize);

/// What our hello says beside what the engine says.
#[derive(Clone, Default)]
pub(crate) struct HelloExtensions {
    /// Whether or not a session is resumed.
    pub(crate) always: Vec<u8>,
    /// About Certificate messages, of which a resumed handshake has none.
    pub(crate) full: Vec<u8>,
    /// What becomes of the body that has come of all this.
    pub(crate) rewrite: Option<Rewrite>,
}

/// The body of a hello to the body that is sent in its place; `None` when there is none.
pub(crate) type Rewrite = Arc<dyn Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// What becomes of the hello that the engine is about to write.
pub(super) struct HelloEdit {
    pub(super) extensions: HelloExtensions,
    /// What the engine would have called.
    pub(super) original: UpdateChecksum,
    /// The hello that has become of it.
    pub(super) written: Vec<u8>,
    /// Whether it says all that it was to say.
    pub(super) is_whole: bool,
}

impl HelloEdit {
    pub(super) fn new(extensions: HelloExtensions, original: UpdateChecksum) -> HelloEdit {
        let is_whole = extensions.rewrite.is_none();
        HelloEdit { extensions, original, written: Vec::new(), is_whole }
    }
}

/// Puts another body into the message in `room[..length]`, corrects the lengths in it, answers the new length.
pub(super) fn replace_body(room: &mut [u8], length: usize, replace: &Rewrite) -> Option<usize> {
    let body = replace(room.get(HEADER_LENGTH..length)?)?;
    let end = HEADER_LENGTH + body.len();
    room.get_mut(HEADER_LENGTH..end)?.copy_from_slice(&body);
    write_length(room, body.len()).map(|()| end)
}

/// RFC 6347 section 4.2.2: length of the message, and of its only fragment.
fn write_length(room: &mut [u8], body: usize) -> Option<()> {
    let [_, length @ ..] = u32::try_from(body).ok()?.to_be_bytes();
    room.get_mut(1..4)?.copy_from_slice(&length);
    room.get_mut(9..HEADER_LENGTH)?.copy_from_slice(&length);
    Some(())
}

/// Appends to the extensions of the hello in `room[..length]`, corrects the lengths in it, answers the new length.
pub(super) fn append_extensions(room: &mut [u8], length: usize, extensions: &[u8]) -> Option<usize> {
    let block = extension_block(room.get(..length)?)?;
    // A hello without extensions has no length of them either.
    let start = if block == length { length + 2 } else { length };
    let end = start + extensions.len();
    let block_length = u16::try_from(end - (block + 2)).ok()?;
    room.get_mut(start..end)?.copy_from_slice(extensions);
    room.get_mut(block..block + 2)?.copy_from_slice(&block_length.to_be_bytes());
    write_length(room, end.checked_sub(HEADER_LENGTH)?).map(|()| end)
}

/// Where the length of the extensions stands, or would stand.
fn extension_block(hello: &[u8]) -> Option<usize> {
    let u8_at = |at: usize| hello.get(at).copied().map(usize::from);
    let session_id = BEFORE_SESSION_ID + 1 + u8_at(BEFORE_SESSION_ID)?;
    let end = match *hello.first()? {
        CLIENT_HELLO => {
            let cookie = session_id + 1 + u8_at(session_id)?;
            let suites = cookie + 2 + (u8_at(cookie)? << 8 | u8_at(cookie + 1)?);
            suites + 1 + u8_at(suites)?
        }
        SERVER_HELLO => session_id + 3,
        _ => return None,
    };
    (end == hello.len() || end + 2 <= hello.len()).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(kind: u8, extensions: Option<&[u8]>) -> Vec<u8> {
        let mut message = vec![0; BEFORE_SESSION_ID];
        message[0] = kind;
        message.extend_from_slice(&[1, 9]);
        let rest: &[u8] = if kind == CLIENT_HELLO { &[2, 8, 8, 0, 2, 0xc0, 0x2b, 1, 0] } else { &[0xc0, 0x2b, 0] };
        message.extend_from_slice(rest);
        if let Some(extensions) = extensions {
            message.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
            message.extend_from_slice(extensions);
        }
        let length = ((message.len() - 12) as u32).to_be_bytes();
        message[1..4].copy_from_slice(&length[1..]);
        message[9..12].copy_from_slice(&length[1..]);
        message
    }

    #[test]
    fn extensions_are_appended_to_both_hellos_with_and_without_others() {
        let ours = [0, 20, 0, 1, 2];
        for kind in [CLIENT_HELLO, SERVER_HELLO] {
            for (before, after) in [(None, &ours[..]), (Some(&[0, 23, 0, 0][..]), &[0, 23, 0, 0, 0, 20, 0, 1, 2])] {
                let message = hello(kind, before);
                let mut room = [message.as_slice(), &[0xee; 20]].concat();
                let length = append_extensions(&mut room, message.len(), &ours).unwrap();
                assert_eq!(room[..length], hello(kind, Some(after)));
            }
        }
    }

    #[test]
    fn a_hello_may_offer_more_suites_than_a_byte_counts() {
        let mut message = hello(CLIENT_HELLO, None);
        let suites = message.len() - 6;
        message.splice(suites..suites + 4, [&[1, 44][..], &[0xc0; 300]].concat());
        assert_eq!(extension_block(&message), Some(message.len()));
    }

    #[test]
    fn another_body_has_its_length_in_the_header() {
        let message = hello(CLIENT_HELLO, None);
        let rewrite: Rewrite = Arc::new(|body| Some([body, b"more"].concat()));
        let mut room = [message.as_slice(), &[0xee; 4]].concat();
        let length = replace_body(&mut room, message.len(), &rewrite).unwrap();
        assert_eq!(room[HEADER_LENGTH..length], [&message[HEADER_LENGTH..], b"more"].concat());
        assert_eq!((usize::from(room[3]), usize::from(room[11])), (length - HEADER_LENGTH, length - HEADER_LENGTH));
        // Without the room for it, and where there is none.
        assert!(replace_body(&mut message.clone(), message.len(), &rewrite).is_none());
        let none: Rewrite = Arc::new(|_| None);
        assert!(replace_body(&mut room, length, &none).is_none());
    }

    #[test]
    fn other_messages_and_too_little_room_are_left_alone() {
        let message = hello(CLIENT_HELLO, None);
        for length in 0..message.len() {
            let mut room = message.clone();
            assert!(append_extensions(&mut room, length, &[0; 5]).is_none(), "{length}");
        }
        assert!(append_extensions(&mut message.clone(), message.len(), &[0; 5]).is_none());
        assert!(append_extensions(&mut hello(3, None), message.len(), &[]).is_none());
    }
}
