//! Handshake messages and their fragments (RFC 6347 section 4.2.2).

use super::lengths::{HANDSHAKE_HEADER_LENGTH, RECORD_LIMIT};

/// Bytes of a handshake message, its header left out, that an engine has room for.
pub(crate) const MESSAGE_LIMIT: usize = RECORD_LIMIT - HANDSHAKE_HEADER_LENGTH;

// Types of handshake messages (RFC 5246 section 7.4, RFC 8446 section 4).
const HELLO_REQUEST: u8 = 0;
pub(crate) const CLIENT_HELLO: u8 = 1;
pub(crate) const SERVER_HELLO: u8 = 2;
pub(crate) const HELLO_VERIFY_REQUEST: u8 = 3;
pub(crate) const NEW_SESSION_TICKET: u8 = 4;
pub(crate) const ENCRYPTED_EXTENSIONS: u8 = 8;
/// RFC 9147 section 9.
#[cfg(feature = "aws-lc")]
pub(crate) const REQUEST_CONNECTION_ID: u8 = 9;
#[cfg(feature = "aws-lc")]
pub(crate) const NEW_CONNECTION_ID: u8 = 10;
pub(crate) const CERTIFICATE: u8 = 11;
pub(crate) const SERVER_KEY_EXCHANGE: u8 = 12;
pub(crate) const CERTIFICATE_REQUEST: u8 = 13;
pub(crate) const CERTIFICATE_VERIFY: u8 = 15;
pub(crate) const CLIENT_KEY_EXCHANGE: u8 = 16;
pub(crate) const FINISHED: u8 = 20;
pub(crate) const KEY_UPDATE: u8 = 24;
/// Never sent: it is hashed in place of the first ClientHello (RFC 8446 section 4.4.1).
pub(crate) const MESSAGE_HASH: u8 = 254;

/// The RFCs' name of a handshake message.
pub(super) fn message_name(message_type: u8) -> &'static str {
    match message_type {
        HELLO_REQUEST => "HelloRequest",
        CLIENT_HELLO => "ClientHello",
        SERVER_HELLO => "ServerHello",
        HELLO_VERIFY_REQUEST => "HelloVerifyRequest",
        4 => "NewSessionTicket",
        ENCRYPTED_EXTENSIONS => "EncryptedExtensions",
        9 => "RequestConnectionId",
        10 => "NewConnectionId",
        CERTIFICATE => "Certificate",
        SERVER_KEY_EXCHANGE => "ServerKeyExchange",
        CERTIFICATE_REQUEST => "CertificateRequest",
        14 => "ServerHelloDone",
        CERTIFICATE_VERIFY => "CertificateVerify",
        CLIENT_KEY_EXCHANGE => "ClientKeyExchange",
        FINISHED => "Finished",
        KEY_UPDATE => "KeyUpdate",
        _ => "unknown message",
    }
}

/// A handshake fragment: its header, and the body behind it.
pub(crate) struct HandshakeFragment<'a> {
    pub(crate) message_type: u8,
    /// Bytes of the whole message's body.
    pub(crate) length: usize,
    pub(crate) sequence: u16,
    pub(crate) fragment_offset: usize,
    pub(super) fragment_length: usize,
    pub(crate) body: &'a [u8],
}

impl<'a> HandshakeFragment<'a> {
    /// `fragment`: the content of one record.
    pub(crate) fn parse(fragment: &'a [u8]) -> Option<HandshakeFragment<'a>> {
        let (header, body) = fragment.split_first_chunk::<HANDSHAKE_HEADER_LENGTH>()?;
        let u24 = |at: usize| {
            header.get(at..at + 3).map(|bytes| bytes.iter().fold(0, |value, &byte| value << 8 | usize::from(byte)))
        };
        Some(HandshakeFragment {
            message_type: header[0],
            length: u24(1)?,
            sequence: u16::from_be_bytes([header[4], header[5]]),
            fragment_offset: u24(6)?,
            fragment_length: u24(9)?,
            body,
        })
    }

    /// The first of the fragments in one record, which may be of several messages in DTLS 1.3, and what follows it. `None` for
    /// one whose lengths disagree.
    pub(crate) fn split(content: &'a [u8]) -> Option<(HandshakeFragment<'a>, &'a [u8])> {
        let fragment = HandshakeFragment::parse(content)?;
        let (body, rest) = fragment.body.split_at_checked(fragment.fragment_length)?;
        let fragment = HandshakeFragment { body, ..fragment };
        fragment.is_consistent().then_some((fragment, rest))
    }

    /// RFC 5246 section 7.4.1.1: a HelloRequest is to be ignored in a handshake; the engine would end it.
    pub(super) fn is_hello_request(&self) -> bool {
        self.message_type == HELLO_REQUEST
    }

    /// Whether its three lengths agree with each other and with the bytes that are there.
    pub(super) fn is_consistent(&self) -> bool {
        self.length <= MESSAGE_LIMIT
            && self.fragment_offset + self.fragment_length <= self.length
            && self.fragment_length == self.body.len()
    }

    /// Whether nothing is wrong with this fragment but that its message is longer than there is room for.
    pub(super) fn is_too_long(&self) -> bool {
        self.length > MESSAGE_LIMIT
            && self.fragment_offset + self.fragment_length <= self.length
            && self.fragment_length == self.body.len()
    }

    /// Whether the message begins in this fragment.
    pub(super) fn is_first(&self) -> bool {
        self.is_consistent() && self.fragment_offset == 0
    }

    /// Whether the whole message is in this fragment, and nothing else.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_consistent() && self.fragment_length == self.length
    }
}

/// The cookie in a HelloVerifyRequest message (RFC 6347 section 4.2.1); `None` for another message.
pub(crate) fn cookie_of(message: &[u8]) -> Option<&[u8]> {
    let (_version, rest) = body_of(HELLO_VERIFY_REQUEST, message)?.split_first_chunk::<2>()?;
    let (&length, rest) = rest.split_first()?;
    rest.get(..length.into())
}

/// The body of a whole message of this type, as the engine has put it together; `None` for another message.
pub(super) fn body_of(message_type: u8, message: &[u8]) -> Option<&[u8]> {
    let (header, body) = message.split_at_checked(HANDSHAKE_HEADER_LENGTH)?;
    (header.first() == Some(&message_type)).then_some(body)
}
