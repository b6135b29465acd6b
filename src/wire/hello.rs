//! The two hellos, read before an engine sees them: clear text from anybody. A ClientHello may come in fragments.

use super::handshake::HandshakeFragment;
use super::lengths::{HANDSHAKE_HEADER_LENGTH, RANDOM_LENGTH, SESSION_ID_LIMIT};
use super::record::Record;

const NULL_COMPRESSION: u8 = 0;

/// Bytes of a hello message before its session id: handshake header, version, random.
const BEFORE_SESSION_ID: usize = HANDSHAKE_HEADER_LENGTH + 2 + RANDOM_LENGTH;

/// Bytes of a ServerHello behind its session id: cipher suite and compression method.
const AFTER_SESSION_ID: usize = 2 + 1;

/// What a ClientHello, or the first fragment of one, says up to the parameters behind its cookie (RFC 6347 section
/// 4.2.2). It is borrowed from its datagram.
#[derive(Debug)]
pub(crate) struct HelloStart<'a> {
    /// Epoch and record number: the answer bears the same (RFC 6347 section 4.2.1).
    pub(crate) record_number: [u8; 8],
    pub(crate) message_sequence: u16,
    /// Bytes of the whole message, its header left out.
    pub(crate) length: usize,
    pub(crate) version: [u8; 2],
    pub(crate) random: &'a [u8; RANDOM_LENGTH],
    pub(crate) session_id: &'a [u8],
    pub(crate) cookie: &'a [u8],
    /// What the client offers; `None` when it goes on in the next fragment.
    pub(crate) parameters: Option<Parameters<'a>>,
    /// Whether this fragment is the whole message.
    pub(crate) is_whole: bool,
}

/// What a client offers, behind the cookie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameters<'a> {
    pub(crate) cipher_suites: &'a [u8],
    pub(crate) compression_methods: &'a [u8],
}

/// The rest of a whole ClientHello that a handshake could go on from.
#[derive(Debug)]
pub(crate) struct ClientHello<'a> {
    pub(crate) random: &'a [u8; RANDOM_LENGTH],
    pub(crate) parameters: Parameters<'a>,
    pub(crate) cookie: &'a [u8],
    /// The list of extensions; empty for a hello without one.
    pub(crate) extensions: &'a [u8],
}

impl<'a> HelloStart<'a> {
    /// `None` for what is not the beginning of a ClientHello, or is too short to hold the cookie. A whole message must
    /// make sense to its end.
    pub(crate) fn parse(record: &Record<'a>) -> Option<HelloStart<'a>> {
        let (start, rest) = HelloStart::split(record)?;
        (!start.is_whole || ClientHello::new(&start, rest).is_some()).then_some(start)
    }

    /// The body of the message, as far as this record holds it.
    pub(crate) fn body(&self, record: &Record<'a>) -> Option<&'a [u8]> {
        record.fragment().get(HANDSHAKE_HEADER_LENGTH..)
    }

    /// The list of extensions, as far as this record holds it.
    pub(crate) fn first_extensions(&self, record: &Record<'a>) -> Option<&'a [u8]> {
        HelloStart::split(record)?.1.get(2..)
    }

    /// The start, and what follows the parameters; empty when these are cut off.
    fn split(record: &Record<'a>) -> Option<(HelloStart<'a>, &'a [u8])> {
        let fragment = HandshakeFragment::parse(record.fragment())?;
        if !record.is_client_hello() || !fragment.is_first() {
            return None;
        }
        let (version, rest) = fragment.body.split_first_chunk::<2>()?;
        let (random, rest) = rest.split_first_chunk::<RANDOM_LENGTH>()?;
        let (session_id, rest) = split_u8_vector(rest)?;
        let (cookie, rest) = split_u8_vector(rest)?;
        let parameters = Parameters::split(rest);
        let start = HelloStart {
            record_number: record.number(),
            message_sequence: fragment.sequence,
            length: fragment.length,
            version: *version,
            random,
            session_id,
            cookie,
            parameters: parameters.map(|(parameters, _)| parameters),
            is_whole: fragment.is_whole(),
        };
        let rest = parameters.map_or(&[][..], |(_, rest)| rest);
        (session_id.len() <= SESSION_ID_LIMIT).then_some((start, rest))
    }
}

impl<'a> Parameters<'a> {
    fn split(bytes: &'a [u8]) -> Option<(Parameters<'a>, &'a [u8])> {
        let (cipher_suites, rest) = split_u16_vector(bytes)?;
        let (compression_methods, rest) = split_u8_vector(rest)?;
        Some((Parameters { cipher_suites, compression_methods }, rest))
    }

    /// IANA's numbers of the cipher suites, the client's favourite first.
    pub(crate) fn suites(&self) -> impl Iterator<Item = u16> + Clone + use<'a> {
        self.cipher_suites.as_chunks::<2>().0.iter().map(|id| u16::from_be_bytes(*id))
    }

    fn are_valid(&self) -> bool {
        self.cipher_suites.len() >= 2
            && self.cipher_suites.len().is_multiple_of(2)
            // The engine would answer with null compression although it was not offered.
            && self.compression_methods.contains(&NULL_COMPRESSION)
    }
}

impl<'a> ClientHello<'a> {
    /// `None` for whatever is not a whole ClientHello that a handshake could go on from.
    pub(crate) fn parse(record: &Record<'a>) -> Option<ClientHello<'a>> {
        let (start, rest) = HelloStart::split(record)?;
        ClientHello::new(&start, rest)
    }

    fn new(start: &HelloStart<'a>, rest: &'a [u8]) -> Option<ClientHello<'a>> {
        let (extensions, rest) = if rest.is_empty() { (rest, rest) } else { split_u16_vector(rest)? };
        let parameters = start.parameters.filter(Parameters::are_valid)?;
        let valid = start.is_whole && rest.is_empty();
        valid.then_some(ClientHello { random: start.random, parameters, cookie: start.cookie, extensions })
    }
}

/// The list of extensions in a whole ClientHello message, which may have none.
pub(super) fn extensions_of_client_hello(message: &[u8]) -> Option<&[u8]> {
    extensions_of_body(message.get(HANDSHAKE_HEADER_LENGTH..)?)
}

/// The same of the body of such a message.
pub(crate) fn extensions_of_body(body: &[u8]) -> Option<&[u8]> {
    let (_session_id, rest) = split_u8_vector(body.get(2 + RANDOM_LENGTH..)?)?;
    let (_cookie, rest) = split_u8_vector(rest)?;
    let (_parameters, rest) = Parameters::split(rest)?;
    if rest.is_empty() {
        return Some(rest);
    }
    split_u16_vector(rest).filter(|(_, rest)| rest.is_empty()).map(|(list, _)| list)
}

/// The list of extensions in a whole ServerHello message, which may have none; `None` for a message without the room
/// for what it announces.
pub(super) fn extensions_of_server_hello(message: &[u8]) -> Option<&[u8]> {
    let (&session_id, rest) = message.get(BEFORE_SESSION_ID..)?.split_first()?;
    let rest = rest.get(usize::from(session_id) + AFTER_SESSION_ID..)?;
    if rest.is_empty() {
        return Some(rest);
    }
    let (length, list) = rest.split_first_chunk::<2>()?;
    (list.len() == usize::from(u16::from_be_bytes(*length))).then_some(list)
}

/// Version and number of the suite in a whole ServerHello message.
pub(crate) fn version_and_suite(message: &[u8]) -> Option<(u16, u16)> {
    let &version = message.get(HANDSHAKE_HEADER_LENGTH..)?.first_chunk()?;
    let (&session_id, rest) = message.get(BEFORE_SESSION_ID..)?.split_first()?;
    let &suite = rest.get(session_id.into()..)?.first_chunk()?;
    Some((u16::from_be_bytes(version), u16::from_be_bytes(suite)))
}

fn split_u8_vector(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    rest.split_at_checked(length.into())
}

fn split_u16_vector(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ServerHello: its header, version, random, this session id, suite, compression method, and what follows.
    fn server_hello(session_id: &[u8], rest: &[u8]) -> Vec<u8> {
        let beginning = [&[2; HANDSHAKE_HEADER_LENGTH][..], &[0xfe, 0xfd], &[7; RANDOM_LENGTH]].concat();
        [&beginning[..], &[session_id.len() as u8], session_id, &[0xc0, 0xa8, 0], rest].concat()
    }

    #[test]
    fn a_server_hello_has_version_suite_and_extensions_behind_any_session_id() {
        for session_id in [&[][..], &[5; 32]] {
            let bare = server_hello(session_id, &[]);
            assert_eq!(version_and_suite(&bare), Some((0xfefd, 0xc0a8)));
            assert_eq!(extensions_of_server_hello(&bare), Some(&[][..]));
            for length in 0..bare.len() {
                assert_eq!(version_and_suite(&bare[..length]).is_some(), length + 1 == bare.len(), "{length}");
                assert_eq!(extensions_of_server_hello(&bare[..length]), None, "{length}");
            }
            let whole = server_hello(session_id, &[0, 2, 8, 9]);
            assert_eq!(extensions_of_server_hello(&whole), Some(&[8, 9][..]));
            assert_eq!(extensions_of_server_hello(&whole[..whole.len() - 1]), None);
            assert_eq!(extensions_of_server_hello(&[&whole[..], &[0]].concat()), None);
        }
    }
}
