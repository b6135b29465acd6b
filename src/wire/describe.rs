//! What a record is, in the RFCs' words, for whoever reads a trace. Anything may stand in it, and it holds no secret.

use super::alert;
use super::handshake::{HandshakeFragment, SERVER_HELLO, message_name};
use super::hello13::RETRY_RANDOM;
use super::record::{ContentType, Record};

/// The epoch of handshakes, which are in plaintext (RFC 6347 section 4.1).
const PLAINTEXT_EPOCH: u16 = 0;

/// `ClientHello`, `Certificate, bytes 0 to 1100 of 2200`, `alert handshake_failure`, `encrypted application data, 37 bytes`.
pub(crate) fn describe(record: &Record<'_>) -> String {
    let fragment = record.fragment();
    if record.epoch != PLAINTEXT_EPOCH {
        return format!("encrypted {}, {} bytes", kind(record.content_type), fragment.len());
    }
    match record.content_type {
        ContentType::Handshake => messages(fragment),
        ContentType::Alert => match fragment {
            [_, description] => format!("alert {}", alert::name(*description)),
            _ => "malformed alert".to_owned(),
        },
        ContentType::ChangeCipherSpec => "ChangeCipherSpec".to_owned(),
        ContentType::ApplicationData => "application data without encryption".to_owned(),
        ContentType::Ack => "ACK".to_owned(),
        ContentType::Ciphertext => format!("encrypted record, {} bytes", fragment.len()),
        // Both exist with encryption only (RFC 9146 section 3, RFC 9853 section 4).
        ContentType::Tls12Cid | ContentType::ReturnRoutabilityCheck => {
            format!("{} without encryption", kind(record.content_type))
        }
    }
}

fn kind(content_type: ContentType) -> &'static str {
    match content_type {
        ContentType::ChangeCipherSpec => "ChangeCipherSpec",
        ContentType::Alert => "alert",
        ContentType::Handshake => "handshake message",
        ContentType::ApplicationData => "application data",
        ContentType::Tls12Cid => "record with a connection ID",
        ContentType::ReturnRoutabilityCheck => "return routability check",
        ContentType::Ack => "ACK",
        ContentType::Ciphertext => "record",
    }
}

/// A record may hold several messages, or a part of one.
fn messages(mut bytes: &[u8]) -> String {
    let mut names = Vec::new();
    while let Some(fragment) = HandshakeFragment::parse(bytes) {
        let name = if is_retry(&fragment) { "HelloRetryRequest" } else { message_name(fragment.message_type) };
        let end = fragment.fragment_offset.saturating_add(fragment.fragment_length);
        if fragment.fragment_length == fragment.length {
            names.push(name.to_owned());
        } else {
            names.push(format!("{name}, bytes {} to {end} of {}", fragment.fragment_offset, fragment.length));
        }
        bytes = fragment.body.get(fragment.fragment_length..).unwrap_or_default();
    }
    if names.is_empty() { "malformed handshake message".to_owned() } else { names.join(", ") }
}

/// RFC 8446 section 4.1.3: a ServerHello by its type, and told apart by its random alone.
fn is_retry(fragment: &HandshakeFragment<'_>) -> bool {
    fragment.message_type == SERVER_HELLO
        && fragment.fragment_offset == 0
        && fragment.body.get(2..34) == Some(&RETRY_RANDOM)
}

#[cfg(test)]
mod tests {
    use super::describe;
    use crate::wire::Records;
    use crate::wire::hello13::RETRY_RANDOM;

    #[test]
    fn a_hello_retry_request_is_no_server_hello() {
        let hello = |random: [u8; 32]| {
            let header = [2, 0, 0, 38, 0, 0, 0, 0, 0, 0, 0, 38];
            described(22, 0, &[&header[..], &[254, 253], &random, &[0, 0x13, 1, 0]].concat())
        };
        assert_eq!((hello(RETRY_RANDOM).as_str(), hello([7; 32]).as_str()), ("HelloRetryRequest", "ServerHello"));
        assert_eq!(described(22, 0, &[2, 0, 0, 38, 0, 0, 0, 0, 0, 0, 0, 1, 254]), "ServerHello, bytes 0 to 1 of 38");
    }

    fn described(content_type: u8, epoch: u8, fragment: &[u8]) -> String {
        let length = u16::try_from(fragment.len()).unwrap().to_be_bytes();
        let header = [content_type, 254, 253, 0, epoch, 0, 0, 0, 0, 0, 7];
        let datagram = [&header[..], &length, fragment].concat();
        describe(&Records::new(&datagram).next().unwrap())
    }

    #[test]
    fn records_are_described_in_the_words_of_the_rfcs() {
        let whole = |kind: u8| [kind, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 9];
        assert_eq!(described(22, 0, &whole(1)), "ClientHello");
        assert_eq!(described(22, 0, &[whole(12), whole(14)].concat()), "ServerKeyExchange, ServerHelloDone");
        let part = [11, 0, 8, 0, 0, 2, 0, 0, 1, 0, 0, 1, 9];
        assert_eq!(described(22, 0, &part), "Certificate, bytes 1 to 2 of 2048");
        assert_eq!(described(22, 0, &whole(99)), "unknown message");
        assert_eq!(described(21, 0, &[2, 40]), "alert handshake_failure");
        assert_eq!(described(20, 0, &[1]), "ChangeCipherSpec");
        assert_eq!(described(22, 1, &[0; 40]), "encrypted handshake message, 40 bytes");
        assert_eq!(described(23, 1, &[0; 30]), "encrypted application data, 30 bytes");
    }

    #[test]
    fn messages_of_handshakes_have_the_names_of_the_rfcs() {
        let names = "HelloRequest ClientHello ServerHello HelloVerifyRequest NewSessionTicket - - - EncryptedExtensions \
                     RequestConnectionId NewConnectionId Certificate ServerKeyExchange CertificateRequest ServerHelloDone \
                     CertificateVerify ClientKeyExchange - - - Finished - - - KeyUpdate - - -";
        for (number, name) in (0..).zip(names.split(' ')) {
            assert_eq!(super::message_name(number), if name == "-" { "unknown message" } else { name }, "{number}");
        }
    }

    #[test]
    fn whatever_stands_in_a_record_can_be_described() {
        for content_type in 20..24 {
            for length in 0..40 {
                for fill in [0, 1, 127, 255] {
                    assert!(!described(content_type, 0, &vec![fill; length]).is_empty());
                }
            }
        }
    }
}
