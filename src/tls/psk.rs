//! Pre-shared keys in one handshake: what the application is asked, and what becomes of its answers.

use super::PSK_IDENTITY_LIMIT;
use super::config::ClientPsk;
use super::error::{Error, ErrorKind};
use super::ffi::bio::StagedPsk;
use super::ffi::rng::fill_random;
use super::ffi::ssl::Ssl;
use super::question::Question;
use super::suites::Suite;
use mbedtls_sys as sys;
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// Handshake types (RFC 5246 section 7.4).
const SERVER_KEY_EXCHANGE: u8 = 12;
const CLIENT_KEY_EXCHANGE: u8 = 16;

/// Bytes of a handshake header.
const HANDSHAKE_HEADER_LENGTH: usize = 12;

/// Where a handshake is with the pre-shared key.
pub(super) enum PskExchange {
    /// A client with one key, or none: nobody is asked.
    Settled,
    Server(ServerStage),
    Client(ClientStage),
}

/// Whose key?
pub(super) enum ServerStage {
    NotAsked,
    Asked { identity: Vec<u8> },
    Answered { known: bool },
}

/// Who are we?
pub(super) enum ClientStage {
    /// The server's hint has yet to come, or to be left out.
    NoHint,
    NotAsked {
        hint: Option<Vec<u8>>,
    },
    Asked,
    Answered(ClientPsk),
}

impl PskExchange {
    pub(super) fn server() -> PskExchange {
        PskExchange::Server(ServerStage::NotAsked)
    }

    /// `asks`: whether identity and key are the application's to say, in each handshake.
    pub(super) fn client(asks: bool) -> PskExchange {
        if asks { PskExchange::Client(ClientStage::NoHint) } else { PskExchange::Settled }
    }

    /// Whether the next message is to be read here before the engine reads it.
    pub(super) fn is_reading(&self, ssl: &Ssl) -> bool {
        let is_due = match self {
            PskExchange::Server(ServerStage::NotAsked) => ssl.state() == sys::SSL_CLIENT_KEY_EXCHANGE,
            PskExchange::Client(ClientStage::NoHint) => ssl.state() == sys::SSL_SERVER_KEY_EXCHANGE,
            _ => false,
        };
        is_due && negotiates_psk(ssl)
    }

    /// That message. The question for a server's application, unless there is none that it could answer.
    pub(super) fn read(&mut self, ssl: &mut Ssl, message: &[u8]) -> Result<Option<Question>, i32> {
        match self {
            PskExchange::Settled => Ok(None),
            PskExchange::Client(stage) => {
                *stage = ClientStage::NotAsked { hint: psk_hint(message).map(<[u8]>::to_vec) };
                Ok(None)
            }
            PskExchange::Server(stage) => match psk_identity(message) {
                Some(identity) if identity.len() <= PSK_IDENTITY_LIMIT => {
                    *stage = ServerStage::Asked { identity: identity.to_vec() };
                    Ok(Some(Question::Psk(identity.to_vec())))
                }
                unaskable => {
                    *stage = ServerStage::Answered { known: false };
                    if let Some(identity) = unaskable {
                        // It fails where a wrong key fails, too.
                        let key = nobodys_key().map_err(|_| sys::ERR_SSL_INTERNAL_ERROR)?;
                        ssl.stage_psk(StagedPsk { identity: identity.to_vec(), key: Zeroizing::new(key.to_vec()) });
                    }
                    Ok(None)
                }
            },
        }
    }

    /// The question for a client's application: the server has said all that it says before it hears who we are.
    pub(super) fn question(&mut self, ssl: &Ssl) -> Option<Question> {
        let PskExchange::Client(stage) = self else { return None };
        let ClientStage::NotAsked { hint } = stage else { return None };
        if ssl.state() != sys::SSL_CLIENT_KEY_EXCHANGE {
            return None;
        }
        let question = Question::OwnPsk(hint.take());
        *stage = ClientStage::Asked;
        Some(question)
    }

    /// The answer to [`Question::Psk`].
    ///
    /// An unknown identity gets a key that nobody has, so that it fails where a wrong key fails, and as late.
    pub(super) fn answer_key(&mut self, ssl: &mut Ssl, key: Option<&[u8]>) -> Result<(), Error> {
        let PskExchange::Server(stage) = self else { return Err(Error::unasked()) };
        let ServerStage::Asked { identity } = stage else { return Err(Error::unasked()) };
        // Whether or not it is needed: who measures the answer's time must not see who is known.
        let nobodys = nobodys_key()?;
        let staged =
            StagedPsk { identity: std::mem::take(identity), key: Zeroizing::new(key.unwrap_or(nobodys).to_vec()) };
        *stage = ServerStage::Answered { known: key.is_some() };
        ssl.stage_psk(staged);
        Ok(())
    }

    /// The answer to [`Question::OwnPsk`].
    pub(super) fn answer_own(&mut self, identity: &[u8], key: &[u8]) -> Result<(), Error> {
        let PskExchange::Client(stage @ ClientStage::Asked) = self else { return Err(Error::unasked()) };
        *stage = ClientStage::Answered(
            ClientPsk::new(identity, key).map_err(|error| Error::new(ErrorKind::LookupFailed, error.to_string()))?,
        );
        Ok(())
    }

    /// The step that says who we are, if the application has said so.
    pub(super) fn own_step(&mut self, ssl: &mut Ssl) -> Option<Result<(), i32>> {
        let PskExchange::Client(ClientStage::Answered(psk)) = self else { return None };
        let result = ssl.write_psk_key_exchange(psk);
        // The engine has made the master secret of it.
        *self = PskExchange::Settled;
        Some(result)
    }

    /// Whether a server's application knew a key for the identity; `None` when it was not asked, or has not answered.
    pub(super) fn is_known(&self) -> Option<bool> {
        match self {
            PskExchange::Server(ServerStage::Answered { known }) => Some(*known),
            _ => None,
        }
    }
}

pub(super) fn negotiates_psk(ssl: &Ssl) -> bool {
    ssl.negotiated_suite().and_then(Suite::from_id).is_some_and(|suite| suite.key_exchange().uses_psk())
}

/// RFC 4279 section 2: the identity is the first vector of ClientKeyExchange, with ECDHE (RFC 5489) as without.
fn psk_identity(message: &[u8]) -> Option<&[u8]> {
    first_vector(CLIENT_KEY_EXCHANGE, message)
}

/// RFC 4279 section 2: the hint is the first vector of ServerKeyExchange, which is not there when there is no hint; with
/// ECDHE (RFC 5489) it is, and the hint empty. `None` for one that nobody could want, too.
fn psk_hint(message: &[u8]) -> Option<&[u8]> {
    first_vector(SERVER_KEY_EXCHANGE, message).filter(|hint| hint.len() <= PSK_IDENTITY_LIMIT)
}

/// Unless it is empty.
fn first_vector(message_type: u8, message: &[u8]) -> Option<&[u8]> {
    let (header, body) = message.split_at_checked(HANDSHAKE_HEADER_LENGTH)?;
    let (length, rest) = body.split_first_chunk::<2>()?;
    let vector = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
    (header.first() == Some(&message_type) && !vector.is_empty()).then_some(vector)
}

/// Of all unknown identities of the process: random, and never told to anyone.
fn nobodys_key() -> Result<&'static [u8], Error> {
    static KEY: OnceLock<[u8; 32]> = OnceLock::new();
    if let Some(key) = KEY.get() {
        return Ok(key);
    }
    let mut key = [0; 32];
    fill_random(&mut key).map_err(|_| Error::internal(sys::ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED))?;
    Ok(KEY.get_or_init(|| key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], body].concat()
    }

    #[test]
    fn a_hint_is_the_first_vector_of_a_server_key_exchange() {
        assert_eq!(psk_hint(&message(SERVER_KEY_EXCHANGE, b"\0\x04hint")), Some(&b"hint"[..]));
        // ECDHE-PSK: the server's share follows.
        assert_eq!(psk_hint(&message(SERVER_KEY_EXCHANGE, b"\0\x02hi\x03\0\x17rest")), Some(&b"hi"[..]));
        let longest = [&[1, 0][..], &[b'h'; 256]].concat();
        assert_eq!(psk_hint(&message(SERVER_KEY_EXCHANGE, &longest)), Some(&[b'h'; 256][..]));
    }

    #[test]
    fn what_is_no_hint_is_none() {
        let too_long = [&[1, 1][..], &[b'h'; 257]].concat();
        for body in [&b""[..], b"\0", b"\0\0", b"\0\x05hint", b"\xff\xffhint", &too_long] {
            assert_eq!(psk_hint(&message(SERVER_KEY_EXCHANGE, body)), None, "{body:?}");
        }
        // ServerHelloDone, a message that is no handshake, a header cut short.
        for message in [message(14, b"\0\x04hint"), Vec::new(), vec![SERVER_KEY_EXCHANGE; 11]] {
            assert_eq!(psk_hint(&message), None);
        }
    }
}
