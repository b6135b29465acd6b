//! The cookies that a server asks a client to repeat (RFC 6347 section 4.2.1). Anybody who can forge the server's address
//! can ask for them, so that the answers are few.

use crate::tls::error::{Error, ErrorKind};
use crate::wire::handshake::cookie_of;

/// Hellos that answer a HelloVerifyRequest in one handshake. One is what the protocol needs; a server that changes its
/// secret at that moment asks once more.
const COOKIE_LIMIT: usize = 3;

/// Those that were repeated in one handshake.
#[derive(Default)]
pub(super) struct Cookies {
    /// The last one; empty before the first, as in the first hello.
    last: Vec<u8>,
    taken: usize,
}

impl Cookies {
    /// Takes a HelloVerifyRequest message, unless it is one that is not to be answered.
    pub(super) fn take(&mut self, message: &[u8]) -> Result<(), Error> {
        // What is malformed is the engine's to refuse.
        let Some(cookie) = cookie_of(message) else { return Ok(()) };
        if cookie == self.last {
            return Err(Error::new(
                ErrorKind::TooManyCookies,
                "The server asks for the cookie that it has just been sent",
            ));
        }
        if self.taken == COOKIE_LIMIT {
            let message = format!("The server asks for another cookie, after {COOKIE_LIMIT} have been sent");
            return Err(Error::new(ErrorKind::TooManyCookies, message));
        }
        self.taken += 1;
        self.last = cookie.to_vec();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(cookie: &[u8]) -> Vec<u8> {
        [&[3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 254, 253, cookie.len() as u8], cookie].concat()
    }

    #[test]
    fn three_cookies_are_repeated_and_no_more() {
        let mut cookies = Cookies::default();
        for cookie in [b"a", b"b", b"a"] {
            assert!(cookies.take(&request(cookie)).is_ok());
        }
        assert_eq!(cookies.take(&request(b"c")).unwrap_err().kind, ErrorKind::TooManyCookies);
    }

    #[test]
    fn a_cookie_that_was_just_sent_is_not_sent_again() {
        let mut cookies = Cookies::default();
        assert!(cookies.take(&request(b"")).is_err());
        assert!(cookies.take(&request(b"a")).is_ok());
        assert!(cookies.take(&request(b"a")).is_err());
    }
}
