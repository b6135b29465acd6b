//! What the two KeyExchange messages say about a pre-shared key (RFC 4279 section 2).

use super::handshake::{CLIENT_KEY_EXCHANGE, SERVER_KEY_EXCHANGE, body_of};

/// The identity that a client presents: the first vector of its ClientKeyExchange, with ECDHE (RFC 5489) as without.
/// It may be empty.
pub(crate) fn psk_identity(message: &[u8]) -> Option<&[u8]> {
    first_vector(CLIENT_KEY_EXCHANGE, message)
}

/// The hint by which a client chooses its identity: the first vector of the ServerKeyExchange. A server without a hint
/// leaves the message out, or with ECDHE (RFC 5489) the hint empty: then `None`.
pub(crate) fn psk_identity_hint(message: &[u8]) -> Option<&[u8]> {
    first_vector(SERVER_KEY_EXCHANGE, message).filter(|hint| !hint.is_empty())
}

fn first_vector(message_type: u8, message: &[u8]) -> Option<&[u8]> {
    let body = body_of(message_type, message)?;
    let (length, rest) = body.split_first_chunk::<2>()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], body].concat()
    }

    #[test]
    fn a_hint_is_the_first_vector_of_a_server_key_exchange() {
        assert_eq!(psk_identity_hint(&message(SERVER_KEY_EXCHANGE, b"\0\x04hint")), Some(&b"hint"[..]));
        // ECDHE-PSK: the server's share follows.
        assert_eq!(psk_identity_hint(&message(SERVER_KEY_EXCHANGE, b"\0\x02hi\x03\0\x17rest")), Some(&b"hi"[..]));
        let longest = [&[1, 0][..], &[b'h'; 256]].concat();
        assert_eq!(psk_identity_hint(&message(SERVER_KEY_EXCHANGE, &longest)), Some(&[b'h'; 256][..]));
    }

    #[test]
    fn what_is_not_a_hint_is_none() {
        for body in [&b""[..], b"\0", b"\0\0", b"\0\x05hint", b"\xff\xffhint"] {
            assert_eq!(psk_identity_hint(&message(SERVER_KEY_EXCHANGE, body)), None, "{body:?}");
        }
        // ServerHelloDone, a message that is not a handshake message, a header cut short.
        for message in [message(14, b"\0\x04hint"), Vec::new(), vec![SERVER_KEY_EXCHANGE; 11]] {
            assert_eq!(psk_identity_hint(&message), None);
        }
    }
}
