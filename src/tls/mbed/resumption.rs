//! A session that a client wants to resume by its id (RFC 5246 section 7.3), which the application may know.

use super::ffi::ssl::Ssl;
use crate::tls::error::Error;
use crate::tls::question::Question;
use crate::tls::saved::ResumableSession;
use mbedtls_sys as sys;

/// Where a server's handshake is with that session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Resumption {
    /// The application is not asked, and every handshake is full.
    Off,
    NotAsked,
    Asked,
    Answered {
        resumed: bool,
    },
}

impl Resumption {
    /// The question for a server's application, once the hello is parsed and before anything is answered.
    pub(super) fn question(&mut self, ssl: &Ssl) -> Option<Question> {
        if *self != Resumption::NotAsked || ssl.state() != sys::SSL_SERVER_HELLO {
            return None;
        }
        let session_id = ssl.session_id_of_hello();
        *self = if session_id.is_empty() { Resumption::Off } else { Resumption::Asked };
        (!session_id.is_empty()).then_some(Question::Session(session_id))
    }

    /// The answer, `None` for an unknown session. One that does not fit what this hello has negotiated leads to a full
    /// handshake.
    pub(super) fn answer(&mut self, ssl: &mut Ssl, session: Option<&ResumableSession>) -> Result<(), Error> {
        if *self != Resumption::Asked {
            return Err(Error::unasked());
        }
        let resumed = session.is_some_and(|session| ssl.resume_session(session));
        *self = Resumption::Answered { resumed };
        Ok(())
    }

    /// Whether an earlier session's master secret is used.
    pub(super) fn is_resumed(self) -> bool {
        self == Resumption::Answered { resumed: true }
    }
}
