//! A Certificate message with a raw public key in it (RFC 7250 section 3).

use super::handshake::{CERTIFICATE, body_of};

/// What is wrong with a message that should have been a Certificate message with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRawPublicKey {
    /// It is another message.
    OtherMessage,
    /// Its length and its bytes disagree.
    Malformed,
}

/// The SubjectPublicKeyInfo; `None` when the message is there but empty.
pub(crate) fn raw_public_key(message: &[u8]) -> Result<Option<&[u8]>, NoRawPublicKey> {
    let body = body_of(CERTIFICATE, message).ok_or(NoRawPublicKey::OtherMessage)?;
    let (length, key) = body.split_first_chunk::<3>().ok_or(NoRawPublicKey::Malformed)?;
    let length = length.iter().fold(0, |value, &byte| value << 8 | usize::from(byte));
    if length != key.len() {
        return Err(NoRawPublicKey::Malformed);
    }
    Ok((!key.is_empty()).then_some(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], body].concat()
    }

    #[test]
    fn a_certificate_message_is_one_key_or_none() {
        assert_eq!(raw_public_key(&message(CERTIFICATE, &[0, 0, 2, 7, 8])), Ok(Some(&[7, 8][..])));
        assert_eq!(raw_public_key(&message(CERTIFICATE, &[0, 0, 0])), Ok(None));
    }

    #[test]
    fn other_messages_and_other_lengths_are_refused() {
        for body in [&[][..], &[0, 0], &[0, 0, 1], &[0, 0, 1, 7, 8], &[0xff, 0xff, 0xff, 7]] {
            assert_eq!(raw_public_key(&message(CERTIFICATE, body)), Err(NoRawPublicKey::Malformed), "{body:?}");
        }
        // ClientKeyExchange, a message that is not a handshake message, a header cut short.
        for message in [message(16, &[0, 0, 0]), Vec::new(), vec![CERTIFICATE; 11]] {
            assert_eq!(raw_public_key(&message), Err(NoRawPublicKey::OtherMessage));
        }
    }
}
