//! Pre-shared keys in one handshake: what the application is asked, and what becomes of its answers.

use super::ffi::bio::StagedPsk;
use super::ffi::ssl::Ssl;
use crate::tls::error::{Error, ErrorKind};
use crate::tls::psk::{ClientPsk, PSK_IDENTITY_LIMIT};
use crate::tls::question::Question;
use crate::tls::random::fill_random;
use crate::wire::key_exchange::{psk_identity, psk_identity_hint};
use mbedtls_sys as sys;
use std::sync::OnceLock;
use zeroize::Zeroizing;

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
        is_due && ssl.uses_psk()
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
        let psk = ClientPsk::new(identity, key);
        *stage = ClientStage::Answered(psk.map_err(|error| Error::new(ErrorKind::LookupFailed, error.to_string()))?);
        Ok(())
    }

    /// The step that says who we are, if the application has said so.
    pub(super) fn own_step(&mut self, ssl: &mut Ssl) -> Option<Result<(), i32>> {
        let PskExchange::Client(ClientStage::Answered(psk)) = self else { return None };
        let result = ssl.write_psk_key_exchange(&psk.identity, &psk.key);
        // The engine has made the master secret of it.
        *self = PskExchange::Settled;
        Some(result)
    }

    /// The identity that a client presents.
    pub(super) fn claimed_identity<'a>(&'a self, ssl: &'a Ssl) -> Option<&'a [u8]> {
        match self {
            PskExchange::Server(ServerStage::Asked { identity }) => Some(identity),
            PskExchange::Server(ServerStage::Answered { .. }) => ssl.staged_identity(),
            _ => None,
        }
    }

    /// Whether a server's application knew a key for the identity; `None` when it was not asked, or has not answered.
    pub(super) fn is_known(&self) -> Option<bool> {
        match self {
            PskExchange::Server(ServerStage::Answered { known }) => Some(*known),
            _ => None,
        }
    }
}

/// The server's hint; `None` for one that is longer than any that a client could want.
fn psk_hint(message: &[u8]) -> Option<&[u8]> {
    psk_identity_hint(message).filter(|hint| hint.len() <= PSK_IDENTITY_LIMIT)
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

    #[test]
    fn a_hint_that_is_too_long_is_none() {
        let hint = |length: u16| {
            let header = [&[12, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &length.to_be_bytes()].concat();
            psk_hint(&[header, vec![b'h'; length.into()]].concat()).map(<[u8]>::len)
        };
        assert_eq!(hint(256), Some(256));
        assert_eq!(hint(257), None);
    }
}
