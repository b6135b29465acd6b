//! Extensions behind those that the engine writes into our hello.

use super::sys;
use sys::types::raw_types::c_uchar;

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

/// Bytes of a hello before its session id: handshake header, version, random.
const BEFORE_SESSION_ID: usize = 12 + 2 + 32;

pub(super) type UpdateChecksum = unsafe extern "C" fn(*mut sys::ssl_context, *const c_uchar, usize);

/// What our hello says beside what the engine says.
#[derive(Clone, Default)]
pub(crate) struct HelloExtensions {
    /// Whether or not a session is resumed.
    pub(crate) always: Vec<u8>,
    /// About Certificate messages, of which a resumed handshake has none.
    pub(crate) full: Vec<u8>,
}

/// What becomes of the hello that the engine is about to write.
pub(super) struct HelloEdit {
    pub(super) extensions: HelloExtensions,
    /// What the engine would have called.
    pub(super) original: UpdateChecksum,
    /// The hello that has become of it.
    pub(super) written: Vec<u8>,
}

/// Appends to the extensions of the hello in `room[..length]`, corrects the lengths in it, answers the new length.
pub(super) fn append_extensions(room: &mut [u8], length: usize, extensions: &[u8]) -> Option<usize> {
    let block = extension_block(room.get(..length)?)?;
    // A hello without extensions has no length of them either.
    let start = if block == length { length + 2 } else { length };
    let end = start + extensions.len();
    let block_length = u16::try_from(end - (block + 2)).ok()?;
    let body_length = u32::try_from(end.checked_sub(12)?).ok()?.to_be_bytes();
    room.get_mut(start..end)?.copy_from_slice(extensions);
    room.get_mut(block..block + 2)?.copy_from_slice(&block_length.to_be_bytes());
    // RFC 6347 section 4.2.2: length of the message, and of its only fragment.
    room.get_mut(1..4)?.copy_from_slice(&body_length[1..]);
    room.get_mut(9..12)?.copy_from_slice(&body_length[1..]);
    Some(end)
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
