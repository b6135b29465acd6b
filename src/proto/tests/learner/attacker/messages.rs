//! Handshake messages of DTLS 1.2: how they are written (RFC 5246 section 7.4, RFC 6347 section 4.2.2).

pub(super) const HELLO_REQUEST: u8 = 0;
pub(super) const CLIENT_HELLO: u8 = 1;
pub(super) const SERVER_HELLO: u8 = 2;
pub(super) const HELLO_VERIFY_REQUEST: u8 = 3;
pub(super) const NEW_SESSION_TICKET: u8 = 4;
pub(super) const CERTIFICATE: u8 = 11;
pub(super) const SERVER_KEY_EXCHANGE: u8 = 12;
pub(super) const CERTIFICATE_REQUEST: u8 = 13;
pub(super) const SERVER_HELLO_DONE: u8 = 14;
pub(super) const CERTIFICATE_VERIFY: u8 = 15;
pub(super) const CLIENT_KEY_EXCHANGE: u8 = 16;
pub(super) const FINISHED: u8 = 20;
pub(super) const KEY_UPDATE: u8 = 24;

/// Bytes of a handshake message's header.
pub(super) const HEADER: usize = 12;

pub(super) const VERSION: [u8; 2] = [254, 253];

/// ecdsa_secp256r1_sha256.
pub(super) const SCHEME: [u8; 2] = [4, 3];

/// named_curve, secp256r1.
pub(super) const CURVE: [u8; 3] = [3, 0, 23];

pub(super) fn name_of(message_type: u8) -> &'static str {
    match message_type {
        HELLO_REQUEST => "HelloRequest",
        CLIENT_HELLO => "ClientHello",
        SERVER_HELLO => "ServerHello",
        HELLO_VERIFY_REQUEST => "HelloVerifyRequest",
        NEW_SESSION_TICKET => "NewSessionTicket",
        8 => "EncryptedExtensions",
        CERTIFICATE => "Certificate",
        SERVER_KEY_EXCHANGE => "ServerKeyExchange",
        CERTIFICATE_REQUEST => "CertificateRequest",
        SERVER_HELLO_DONE => "ServerHelloDone",
        CERTIFICATE_VERIFY => "CertificateVerify",
        CLIENT_KEY_EXCHANGE => "ClientKeyExchange",
        FINISHED => "Finished",
        KEY_UPDATE => "KeyUpdate",
        _ => "unknown message",
    }
}

/// `content` behind its length of so many bytes.
pub(super) fn vector(length_bytes: usize, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u32).to_be_bytes();
    [&length[4 - length_bytes..], content].concat()
}

/// A whole message in one fragment.
pub(super) fn message(message_type: u8, sequence: u16, body: &[u8]) -> Vec<u8> {
    fragment(message_type, sequence, body, 0..body.len())
}

/// A part of a message.
pub(super) fn fragment(message_type: u8, sequence: u16, body: &[u8], range: std::ops::Range<usize>) -> Vec<u8> {
    let u24 = |value: usize| (value as u32).to_be_bytes()[1..].to_vec();
    let header = [&[message_type][..], &u24(body.len()), &sequence.to_be_bytes(), &u24(range.start)].concat();
    [header, vector(3, &body[range])].concat()
}

pub(super) fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector(2, content)].concat()
}

const SUPPORTED_GROUPS: u16 = 10;
const POINT_FORMATS: u16 = 11;
const SIGNATURE_ALGORITHMS: u16 = 13;
const CLIENT_CERTIFICATE_TYPE: u16 = 19;
const SERVER_CERTIFICATE_TYPE: u16 = 20;
const EXTENDED_MASTER_SECRET: u16 = 23;
const RENEGOTIATION_INFO: u16 = 0xff01;

/// What both hellos say of every connection.
fn common_extensions() -> Vec<u8> {
    [extension(RENEGOTIATION_INFO, &[0]), extension(EXTENDED_MASTER_SECRET, &[])].concat()
}

/// A ClientHello's for a key exchange with certificates, or raw public keys on both sides.
pub(super) fn client_extensions(with_certificates: bool, with_raw_keys: bool) -> Vec<u8> {
    let mut extensions = common_extensions();
    if with_certificates {
        extensions.extend(extension(SUPPORTED_GROUPS, &[0, 2, 0, 23]));
        extensions.extend(extension(POINT_FORMATS, &[1, 0]));
        extensions.extend(extension(SIGNATURE_ALGORITHMS, &[&[0, 2][..], &SCHEME].concat()));
    }
    if with_raw_keys {
        extensions.extend(extension(CLIENT_CERTIFICATE_TYPE, &[1, 2]));
        extensions.extend(extension(SERVER_CERTIFICATE_TYPE, &[1, 2]));
    }
    extensions
}

/// A ServerHello's, which answer those.
pub(super) fn server_extensions(with_certificates: bool, with_raw_keys: bool, asks: bool) -> Vec<u8> {
    let mut extensions = common_extensions();
    if with_certificates {
        extensions.extend(extension(POINT_FORMATS, &[1, 0]));
    }
    if with_raw_keys {
        extensions.extend(extension(SERVER_CERTIFICATE_TYPE, &[2]));
        if asks {
            extensions.extend(extension(CLIENT_CERTIFICATE_TYPE, &[2]));
        }
    }
    extensions
}

/// The body of a ClientHello (RFC 6347 section 4.2.1).
pub(super) fn client_hello(random: &[u8], cookie: &[u8], suite: u16, extensions: &[u8]) -> Vec<u8> {
    let suites = vector(2, &suite.to_be_bytes());
    [&VERSION[..], random, &[0], &vector(1, cookie), &suites, &[1, 0], &vector(2, extensions)].concat()
}

/// The body of a ServerHello.
pub(super) fn server_hello(random: &[u8], suite: u16, extensions: &[u8]) -> Vec<u8> {
    [&VERSION[..], random, &[0], &suite.to_be_bytes(), &[0], &vector(2, extensions)].concat()
}
