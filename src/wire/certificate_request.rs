//! CertificateRequest messages of DTLS 1.2 (RFC 5246 section 7.4.4).

use super::handshake::{CERTIFICATE_REQUEST, body_of};
use super::reader::Reader;

/// IANA's numbers of the signatures that the server accepts from its client; `None` for another message, and for one that is
/// malformed.
pub(crate) fn requested_signatures(message: &[u8]) -> Option<Vec<u16>> {
    let mut reader = Reader(body_of(CERTIFICATE_REQUEST, message)?);
    let _certificate_types = reader.vector(1)?;
    let signatures = reader.vector(2).filter(|list| list.len().is_multiple_of(2))?;
    let _authorities = reader.vector(2)?;
    reader.end()?;
    Some(signatures.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], body].concat()
    }

    #[test]
    fn a_request_names_signatures_whoever_is_to_vouch_for_the_client() {
        for authorities in [&[0, 0][..], &[0, 4, 0, 2, 7, 8]] {
            let body = [&[2, 1, 64, 0, 4, 4, 3, 5, 1], authorities].concat();
            assert_eq!(requested_signatures(&message(CERTIFICATE_REQUEST, &body)), Some(vec![0x0403, 0x0501]));
            for length in 0..body.len() {
                assert_eq!(requested_signatures(&message(CERTIFICATE_REQUEST, &body[..length])), None, "{length}");
            }
        }
        assert_eq!(requested_signatures(&message(CERTIFICATE_REQUEST, &[0, 0, 1, 4, 0, 0])), None);
    }

    #[test]
    fn another_message_is_no_request() {
        // ServerHelloDone.
        assert_eq!(requested_signatures(&message(14, &[])), None);
        assert_eq!(requested_signatures(&[]), None);
    }
}
