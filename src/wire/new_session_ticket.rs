//! The NewSessionTicket message of DTLS 1.3 (RFC 8446 section 4.6.1). DTLS 1.2 has another one of this name.

use super::extensions::{Hello, check};
use super::reader::Reader;
use super::vector::vector;

/// What a server gives to a client, so that a later handshake can resume the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewSessionTicket<'a> {
    /// Seconds.
    pub(crate) lifetime: u32,
    /// What hides the age of the ticket.
    pub(crate) age_add: u32,
    /// What tells the tickets of one connection apart.
    pub(crate) nonce: &'a [u8],
    pub(crate) ticket: &'a [u8],
}

impl<'a> NewSessionTicket<'a> {
    /// The body of the message. No extension belongs into ours: the only one is for early data.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(4 + 4 + 1 + self.nonce.len() + 2 + self.ticket.len() + 2);
        body.extend(self.lifetime.to_be_bytes());
        body.extend(self.age_add.to_be_bytes());
        vector(&mut body, 1, |body| body.extend(self.nonce));
        vector(&mut body, 2, |body| body.extend(self.ticket));
        body.extend([0, 0]);
        body
    }

    /// `None` for what is no such message. Extensions are not looked at, but each must stand there once.
    pub(crate) fn parse(body: &'a [u8]) -> Option<NewSessionTicket<'a>> {
        let mut reader = Reader(body);
        let (lifetime, age_add) = (reader.u32()?, reader.u32()?);
        let (nonce, ticket) = (reader.vector(1)?, reader.vector(2)?);
        let extensions = reader.vector(2)?;
        reader.end()?;
        let is_well_formed = !ticket.is_empty() && check(extensions, Hello::Server).is_ok();
        is_well_formed.then_some(NewSessionTicket { lifetime, age_add, nonce, ticket })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICKET: NewSessionTicket<'_> =
        NewSessionTicket { lifetime: 300, age_add: 0x0102_0304, nonce: &[9], ticket: &[7, 8] };

    #[test]
    fn what_was_written_is_read_again() {
        let body = TICKET.write();
        assert_eq!(body, [0, 0, 1, 44, 1, 2, 3, 4, 1, 9, 0, 2, 7, 8, 0, 0]);
        assert_eq!(NewSessionTicket::parse(&body), Some(TICKET));
        for length in 0..body.len() {
            assert_eq!(NewSessionTicket::parse(&body[..length]), None, "{length}");
        }
        assert_eq!(NewSessionTicket::parse(&[&body[..], &[0]].concat()), None);
    }

    #[test]
    fn extensions_are_ignored_and_stand_there_once() {
        let with = |extensions: &[u8]| {
            let mut body = TICKET.write();
            body.truncate(body.len() - 2);
            vector(&mut body, 2, |body| body.extend(extensions));
            NewSessionTicket::parse(&body).is_some()
        };
        assert!(with(&[0, 42, 0, 4, 0, 0, 0, 1]) && with(&[0xfa, 0xfa, 0, 1, 5, 0, 42, 0, 0]));
        assert!(!with(&[0, 42, 0, 0, 0, 42, 0, 0]) && !with(&[0, 42, 0, 9]) && !with(&[0]));
    }

    #[test]
    fn an_empty_ticket_is_none_and_the_longest_is_one() {
        assert_eq!(NewSessionTicket::parse(&NewSessionTicket { ticket: &[], ..TICKET }.write()), None);
        let long = [1; 0xffff];
        let longest = NewSessionTicket { nonce: &[1; 255], ticket: &long, ..TICKET };
        assert_eq!(NewSessionTicket::parse(&longest.write()), Some(longest));
        assert_eq!(NewSessionTicket::parse(&NewSessionTicket { nonce: &[], ..TICKET }.write()).unwrap().nonce, []);
    }
}
