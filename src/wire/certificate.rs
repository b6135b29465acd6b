//! Certificate messages: a chain of certificates (RFC 5246 section 7.4.2), or one raw public key (RFC 7250 section 3).

use super::handshake::{CERTIFICATE, body_of};

/// What is wrong with a message that should have been a Certificate message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateMessageFault {
    /// It is another message.
    OtherMessage,
    /// Its lengths and its bytes disagree.
    Malformed,
}

/// The certificates in a message with a chain, the sender's own first; none when it has nothing to present.
pub(crate) fn chain(message: &[u8]) -> Result<Vec<&[u8]>, CertificateMessageFault> {
    let body = body_of(CERTIFICATE, message).ok_or(CertificateMessageFault::OtherMessage)?;
    let mut list = whole_vector(body)?;
    let mut certificates = Vec::new();
    while !list.is_empty() {
        let (certificate, rest) = vector(list).ok_or(CertificateMessageFault::Malformed)?;
        certificates.push(certificate);
        list = rest;
    }
    Ok(certificates)
}

/// The SubjectPublicKeyInfo in a message with a raw public key; `None` when the message is there but empty.
pub(crate) fn raw_public_key(message: &[u8]) -> Result<Option<&[u8]>, CertificateMessageFault> {
    let body = body_of(CERTIFICATE, message).ok_or(CertificateMessageFault::OtherMessage)?;
    let key = whole_vector(body)?;
    Ok((!key.is_empty()).then_some(key))
}

/// The first of the certificates, which is the peer's own, whatever follows it; `None` without one.
pub(crate) fn first_certificate(message: &[u8]) -> Option<&[u8]> {
    let (_, list) = body_of(CERTIFICATE, message)?.split_first_chunk::<3>()?;
    let (certificate, _) = vector(list)?;
    (!certificate.is_empty()).then_some(certificate)
}

/// The content of a vector behind which nothing follows.
fn whole_vector(bytes: &[u8]) -> Result<&[u8], CertificateMessageFault> {
    match vector(bytes) {
        Some((content, [])) => Ok(content),
        _ => Err(CertificateMessageFault::Malformed),
    }
}

/// The content of a vector with a length of three bytes, and what follows it.
fn vector(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<3>()?;
    rest.split_at_checked(length.iter().fold(0, |value, &byte| value << 8 | usize::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], body].concat()
    }

    #[test]
    fn a_message_with_a_raw_public_key_is_one_key_or_none() {
        assert_eq!(raw_public_key(&message(CERTIFICATE, &[0, 0, 2, 7, 8])), Ok(Some(&[7, 8][..])));
        assert_eq!(raw_public_key(&message(CERTIFICATE, &[0, 0, 0])), Ok(None));
    }

    #[test]
    fn a_message_with_a_chain_holds_certificates_or_none() {
        assert_eq!(chain(&message(CERTIFICATE, &[0, 0, 0])), Ok(vec![]));
        let two = message(CERTIFICATE, &[0, 0, 9, 0, 0, 2, 7, 8, 0, 0, 1, 9]);
        assert_eq!(chain(&two), Ok(vec![&[7, 8][..], &[9]]));
    }

    #[test]
    fn a_truncated_or_lengthened_chain_is_refused() {
        let body = [0, 0, 9, 0, 0, 2, 7, 8, 0, 0, 1, 9];
        for length in 0..body.len() {
            let cut = message(CERTIFICATE, &body[..length]);
            assert_eq!(chain(&cut), Err(CertificateMessageFault::Malformed), "{length}");
        }
        // One byte too many behind the list, and a certificate that reaches beyond the end of the list.
        for body in [&[0, 0, 0, 0][..], &[0, 0, 4, 0, 0, 2, 7], &[0, 0, 2, 0, 0]] {
            assert_eq!(chain(&message(CERTIFICATE, body)), Err(CertificateMessageFault::Malformed), "{body:?}");
        }
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
            assert_eq!(
                raw_public_key(&message(CERTIFICATE, body)),
                Err(CertificateMessageFault::Malformed),
                "{body:?}"
            );
        }
        // ClientKeyExchange, a message that is not a handshake message, a header cut short.
        for message in [message(16, &[0, 0, 0]), Vec::new(), vec![CERTIFICATE; 11]] {
            assert_eq!(raw_public_key(&message), Err(CertificateMessageFault::OtherMessage));
            assert_eq!(chain(&message), Err(CertificateMessageFault::OtherMessage));
        }
    }
}
