//! Certificate messages, with certificates (RFC 5246 section 7.4.2) or with a raw public key (RFC 7250 section 3).

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

/// The first of the certificates, which is the peer's own; `None` without one.
pub(crate) fn first_certificate(message: &[u8]) -> Option<&[u8]> {
    let (_, list) = body_of(CERTIFICATE, message)?.split_first_chunk::<3>()?;
    let (length, rest) = list.split_first_chunk::<3>()?;
    let length = length.iter().fold(0, |value, &byte| value << 8 | usize::from(byte));
    rest.get(..length).filter(|der| !der.is_empty())
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
    fn the_first_certificate_is_found_and_nothing_beyond_the_message() {
        let two = message(CERTIFICATE, &[0, 0, 9, 0, 0, 2, 7, 8, 0, 0, 1, 9]);
        assert_eq!(first_certificate(&two), Some(&[7, 8][..]));
        for body in [&[][..], &[0, 0, 0], &[0, 0, 3, 0, 0, 0], &[0, 0, 5, 0, 0, 3, 7, 8], &[0, 0, 3, 0xff, 0xff, 0xff]]
        {
            assert_eq!(first_certificate(&message(CERTIFICATE, body)), None, "{body:?}");
        }
        assert_eq!(first_certificate(&message(16, &[0, 0, 5, 0, 0, 2, 7, 8])), None);
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
