//! A ClientHello as the cookie gate sees it: clear text from anybody, read before anything is kept.

use super::record::{HandshakeHeader, Record};

const CLIENT_HELLO: u8 = 1;
const RANDOM_LENGTH: usize = 32;
const NULL_COMPRESSION: u8 = 0;

/// The parts of a ClientHello that matter before the cookie (RFC 6347 section 4.2.2), borrowed from its datagram.
#[derive(Debug)]
pub(crate) struct ClientHello<'a> {
    /// Epoch and record number: the answer bears the same (RFC 6347 section 4.2.1).
    pub(crate) record_number: [u8; 8],
    pub(crate) message_sequence: u16,
    pub(crate) version: [u8; 2],
    pub(crate) random: &'a [u8; RANDOM_LENGTH],
    pub(crate) session_id: &'a [u8],
    pub(crate) cookie: &'a [u8],
    pub(crate) cipher_suites: &'a [u8],
    pub(crate) compression_methods: &'a [u8],
    /// Empty when there are none.
    pub(crate) extensions: &'a [u8],
}

impl<'a> ClientHello<'a> {
    /// `None` for whatever is no whole ClientHello that DTLS 1.2 could go on from.
    pub(crate) fn parse(record: &Record<'a>) -> Option<ClientHello<'a>> {
        let header = HandshakeHeader::parse(record.fragment())?;
        if !record.is_client_hello() || header.message_type != CLIENT_HELLO || !header.is_whole() {
            return None;
        }
        let (version, rest) = header.body.split_first_chunk::<2>()?;
        let (random, rest) = rest.split_first_chunk::<RANDOM_LENGTH>()?;
        let (session_id, rest) = split_u8_vector(rest)?;
        let (cookie, rest) = split_u8_vector(rest)?;
        let (cipher_suites, rest) = split_u16_vector(rest)?;
        let (compression_methods, rest) = split_u8_vector(rest)?;
        let (extensions, rest) = if rest.is_empty() { (rest, rest) } else { split_u16_vector(rest)? };
        let valid = session_id.len() <= 32
            && cipher_suites.len() >= 2
            && cipher_suites.len().is_multiple_of(2)
            // The engine would answer with null compression although it was not offered.
            && compression_methods.contains(&NULL_COMPRESSION)
            && rest.is_empty();
        valid.then_some(ClientHello {
            record_number: record.number(),
            message_sequence: header.sequence,
            version: *version,
            random,
            session_id,
            cookie,
            cipher_suites,
            compression_methods,
            extensions,
        })
    }
}

fn split_u8_vector(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    rest.split_at_checked(length.into())
}

fn split_u16_vector(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}
